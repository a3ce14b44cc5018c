using System.CommandLine;
using Spectre.Console;
using Weft.Examples.Digits.Data;
using Weft.Examples.Digits.Maps;
using Weft.Examples.Digits.Report;

namespace Weft.Examples.Digits;

/// <summary>The command line.</summary>
internal static class Cli
{
    /// <returns>0 where all went well, 1 where the command line or a file is wrong.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter error)
    {
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "A folder with MNIST's IDX files, compressed or not: trains the classifiers. Without it, known maps are learned.",
        };
        var steps = Count("--steps", "The training steps for a known map; the dense one gets a fifth. [default: 2000]");
        var epochs = Count("--epochs", "How often each image is shown. [default: 10]");
        var seed = new Option<int>("--seed") { Description = "Decides all random numbers.", DefaultValueFactory = _ => 1 };
        var svg = new Option<FileInfo>("--svg") { Description = "The picture to write.", DefaultValueFactory = _ => new FileInfo("digits.svg") };
        var quick = new Option<bool>("--quick") { Description = "As little training as shows a difference: --steps 300, --epochs 1." };
        data.AcceptExistingOnly();
        svg.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<FileInfo>()?.Directory is not { Exists: true })
            {
                result.AddError($"--svg: the folder of '{result.Tokens[0].Value}' does not exist.");
            }
        });

        var root = new RootCommand("Learns with one linear map of 1,024 inputs held in six structures: dense, low rank, Monarch, Kronecker, tensor train, BLAST.")
        {
            data, epochs, steps, seed, svg, quick,
        };
        root.Validators.Add(result =>
        {
            bool hasData = result.GetResult(data) != null;
            if (result.GetResult(hasData ? steps : epochs) != null)
            {
                result.AddError(hasData ? "--steps is for the known maps: with --data, give --epochs." : "--epochs is for --data: for the known maps, give --steps.");
            }
        });
        root.SetAction(parsed =>
        {
            IAnsiConsole console = NewConsole(output);
            bool isQuick = parsed.GetValue(quick);
            try
            {
                ScatterPlot plot = parsed.GetValue(data) is DirectoryInfo folder
                    ? DigitLearning.Run(console, folder.FullName, parsed.GetValue(seed), parsed.GetValue(epochs) ?? (isQuick ? 1 : 10))
                    : MapLearning.Run(console, parsed.GetValue(seed), parsed.GetValue(steps) ?? (isQuick ? 300 : 2000));
                string path = parsed.GetRequiredValue(svg).FullName;
                File.WriteAllText(path, plot.ToSvg());
                output.WriteLine($"The picture is {path}");
                return 0;
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                error.WriteLine($"digits: {exception.Message}");
                return 1;
            }
        });
        return root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
    }

    private static Option<int?> Count(string name, string description)
    {
        var option = new Option<int?>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1)
            {
                result.AddError($"{name}: a number from 1 was expected.");
            }
        });
        return option;
    }

    private static IAnsiConsole NewConsole(TextWriter output)
    {
        var destination = new AnsiConsoleOutput(output);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = destination });
        if (!destination.IsTerminal)
        {
            console.Profile.Width = 120; // a file has no width
        }

        return console;
    }
}
