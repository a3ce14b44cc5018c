using System.CommandLine;
using System.Globalization;
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
        var svg = new Option<string>("--svg") { Description = "The picture to write.", DefaultValueFactory = _ => "digits.svg" };
        var quick = new Option<bool>("--quick") { Description = "As little training as shows the differences: 300 steps, one epoch." };
        data.AcceptExistingOnly();
        svg.Validators.Add(result =>
        {
            string path = result.GetValueOrDefault<string>();
            if (path.Length == 0 || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            {
                result.AddError($"--svg: a file in a folder that exists was expected, not '{path}'.");
            }
        });

        var root = new RootCommand("Trains linear maps of 1,024 inputs in six structures: dense, low rank, Monarch, Kronecker, tensor train, BLAST.")
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
                string path = Path.GetFullPath(parsed.GetRequiredValue(svg));
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

    internal static Option<int?> Count(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0)
            {
                return count;
            }

            result.AddError($"{name}: a number from 1 was expected, not '{result.Tokens[0].Value}'.");
            return null;
        },
    };

    internal static IAnsiConsole NewConsole(TextWriter output)
    {
        var destination = new AnsiConsoleOutput(output);
        if (destination.IsTerminal)
        {
            return AnsiConsole.Create(new AnsiConsoleSettings { Out = destination });
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = destination, Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = 120; // a file has no width
        return console;
    }
}
