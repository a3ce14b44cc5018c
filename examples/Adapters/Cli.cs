using System.CommandLine;
using Spectre.Console;
using Weft.Examples.Digits.Data;
using Weft.Reports;
using DigitsCli = Weft.Examples.Digits.Cli;

namespace Weft.Examples.Adapters;

/// <summary>The command line.</summary>
internal static class Cli
{
    private const int DrawnImages = 8000;

    /// <returns>0 where all went well, 1 where the command line or a file is wrong.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter error)
    {
        var data = new Option<DirectoryInfo>("--data") { Description = "A folder with MNIST's IDX files, compressed or not. Without it, the program draws digits itself." };
        Option<int?> epochs = DigitsCli.Count("--epochs", "How often each image is shown. [default: 5]");
        var seed = new Option<int>("--seed") { Description = "Decides all random numbers.", DefaultValueFactory = _ => 1 };
        Option<string> svg = DigitsCli.Picture("adapters.svg");
        var quick = new Option<bool>("--quick") { Description = "As little training as shows that all adapt: 3 epochs." };
        data.AcceptExistingOnly();
        var root = new RootCommand("Adapts a frozen network of five digits to the other five with LoRA, VeRA, VB-LoRA and HRA.") { data, epochs, seed, svg, quick };
        root.SetAction(parsed =>
        {
            try
            {
                int start = parsed.GetValue(seed);
                (DigitSet train, DigitSet test) = parsed.GetValue(data) is DirectoryInfo folder
                    ? DigitSet.Load(folder.FullName)
                    : (DrawnDigits.Draw(DrawnImages, start), DrawnDigits.Draw(DrawnImages / 4, start + 1));
                ScatterPlot plot = Adaptation.Run(ReportConsole.Over(output), train, test, start, parsed.GetValue(epochs) ?? (parsed.GetValue(quick) ? 3 : 5));
                string path = Path.GetFullPath(parsed.GetRequiredValue(svg));
                File.WriteAllText(path, plot.ToSvg());
                output.WriteLine($"The picture is {path}");
                return 0;
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                error.WriteLine($"adapters: {exception.Message}");
                return 1;
            }
        });
        return root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
    }
}
