return Weft.Examples.GaussianProcess.Cli.Run(args, Console.Out, Console.Error);
