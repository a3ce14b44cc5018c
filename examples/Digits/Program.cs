return Weft.Examples.Digits.Cli.Run(args, Console.Out, Console.Error);
