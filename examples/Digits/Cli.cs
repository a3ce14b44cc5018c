using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Weft.Examples.Digits.Data;
using Weft.Examples.Digits.Maps;
using Weft.OpenCl;
using Weft.Reports;

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
        Option<string> svg = Picture("digits.svg");
        var quick = new Option<bool>("--quick") { Description = "As little training as shows the differences: 300 steps, one epoch." };
        var device = new Option<TrainingDevice>("--device") { Description = "Where to train: the processor (cpu), or the first device that OpenCL has (gpu).", DefaultValueFactory = _ => TrainingDevice.Cpu };
        var fallback = new Option<bool>("--fallback") { Description = "With --device gpu: train on the processor where there is no device." };
        data.AcceptExistingOnly();

        var root = new RootCommand("Trains linear maps of 1,024 inputs in six structures: dense, low rank, Monarch, Kronecker, tensor train, BLAST.")
        {
            data, epochs, steps, seed, svg, quick, device, fallback,
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
            IAnsiConsole console = ReportConsole.Over(output);
            bool isQuick = parsed.GetValue(quick);
            try
            {
                using OpenClContext? gpu = parsed.GetValue(device) == TrainingDevice.Gpu ? Open(parsed.GetValue(fallback), output) : null;
                ScatterPlot plot = parsed.GetValue(data) is DirectoryInfo folder
                    ? DigitLearning.Run(console, folder.FullName, parsed.GetValue(seed), parsed.GetValue(epochs) ?? (isQuick ? 1 : 10), gpu)
                    : MapLearning.Run(console, parsed.GetValue(seed), parsed.GetValue(steps) ?? (isQuick ? 300 : 2000), gpu);
                string path = Path.GetFullPath(parsed.GetRequiredValue(svg));
                File.WriteAllText(path, plot.ToSvg());
                output.WriteLine($"The picture is {path}");
                return 0;
            }
            catch (OpenClException exception)
            {
                error.WriteLine($"digits: {exception.Message} --fallback trains on the processor instead.");
                return 1;
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                error.WriteLine($"digits: {exception.Message}");
                return 1;
            }
        });
        return root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
    }

    private enum TrainingDevice
    {
        Cpu,
        Gpu,
    }

    /// <exception cref="OpenClException">There is no device, and the processor is not to stand in for it.</exception>
    private static OpenClContext? Open(bool fallback, TextWriter output)
    {
        try
        {
            OpenClDevice device = OpenClDevice.Find();
            output.WriteLine($"Training on {device}.");
            return new OpenClContext(device);
        }
        catch (OpenClException exception) when (fallback)
        {
            output.WriteLine($"Training on the processor: {exception.Message}");
            return null;
        }
    }

    /// <summary>The picture to write, in a folder that exists.</summary>
    internal static Option<string> Picture(string name)
    {
        var svg = new Option<string>("--svg") { Description = "The picture to write.", DefaultValueFactory = _ => name };
        svg.Validators.Add(result =>
        {
            string path = result.GetValueOrDefault<string>();
            if (path.Length == 0 || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            {
                result.AddError($"--svg: a file in a folder that exists was expected, not '{path}'.");
            }
        });
        return svg;
    }

    /// <summary>A whole number from 1.</summary>
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
}
