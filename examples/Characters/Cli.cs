using System.CommandLine;
using Weft.Reports;
using DigitsCli = Weft.Examples.Digits.Cli;

namespace Weft.Examples.Characters;

/// <summary>The command line.</summary>
internal static class Cli
{
    /// <returns>0 where all went well, 1 where the command line or a file is wrong.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter error)
    {
        Option<int?> steps = DigitsCli.Count("--steps", "The training steps of each model, of 16 texts. [default: 600]");
        var seed = new Option<int>("--seed") { Description = "Decides all random numbers.", DefaultValueFactory = _ => 1 };
        Option<string> svg = DigitsCli.Picture("characters.svg");
        var quick = new Option<bool>("--quick") { Description = "As little training as shows that all learn: 25 steps." };
        var root = new RootCommand("Trains language models of characters: transformers whose projections are dense, Monarch and of low rank, and a recurrent one.") { steps, seed, svg, quick };
        root.SetAction(parsed =>
        {
            try
            {
                LossCurves curves = Learning.Run(ReportConsole.Over(output), parsed.GetValue(seed), parsed.GetValue(steps) ?? (parsed.GetValue(quick) ? 25 : 600));
                string path = Path.GetFullPath(parsed.GetRequiredValue(svg));
                File.WriteAllText(path, curves.ToSvg());
                output.WriteLine($"The picture is {path}");
                return 0;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                error.WriteLine($"characters: {exception.Message}");
                return 1;
            }
        });
        return root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
    }
}
