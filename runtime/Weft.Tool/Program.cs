return Weft.Tool.Cli.Run(args, Console.Out, Console.Error);
