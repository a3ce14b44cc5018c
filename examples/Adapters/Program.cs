return Weft.Examples.Adapters.Cli.Run(args, Console.Out, Console.Error);
