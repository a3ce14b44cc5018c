return Weft.Examples.Characters.Cli.Run(args, Console.Out, Console.Error);
