using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Weft.Reports;
using Weft.Tool.Fitting;
using DigitsCli = Weft.Examples.Digits.Cli;

namespace Weft.Examples.GaussianProcess;

/// <summary>The command line.</summary>
internal static class Cli
{
    /// <summary>Of what a file's grid knows, the share that is to be found again.</summary>
    private const double HeldBack = 0.1;

    /// <returns>0 where all went well, 1 where the command line or a file is wrong.</returns>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The example is not trimmed.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Nor compiled ahead of time.")]
    public static int Run(string[] arguments, TextWriter output, TextWriter error)
    {
        Option<int[]?> grid = Grid();
        var data = new Option<FileInfo>("--data") { Description = "A .npy array of any number of axes, NaN where nothing is known; a tenth of the rest is held back, to be found again." };
        Option<int?> steps = DigitsCli.Count("--steps", "The steps that learn lengths, gains and noise. [default: 40]");
        var seed = new Option<int>("--seed") { Description = "Decides all random numbers.", DefaultValueFactory = _ => 1 };
        Option<string> svg = DigitsCli.Picture("gaussian-process.svg");
        var quick = new Option<bool>("--quick") { Description = "As little as shows what is done: a small grid and 5 steps." };
        data.AcceptExistingOnly();
        var root = new RootCommand("Finds what is behind the holes of a grid by a Gaussian process whose covariance is a Kronecker product.") { grid, data, steps, seed, svg, quick };
        root.SetAction(parsed =>
        {
            bool isQuick = parsed.GetValue(quick);
            try
            {
                Field field = parsed.GetValue(data) is { } file
                    ? Read(file).HoldingBack(HeldBack, parsed.GetValue(seed))
                    : Field.OfWaves((parsed.GetValue(grid) is { Length: > 0 } extents ? extents : isQuick ? [16, 12, 10] : [48, 40, 24]), parsed.GetValue(seed));
                Band band = Interpolation.Run(ReportConsole.Over(output), field, parsed.GetValue(steps) ?? (isQuick ? 5 : 40));
                string path = Path.GetFullPath(parsed.GetRequiredValue(svg));
                File.WriteAllText(path, band.ToSvg());
                output.WriteLine($"The picture is {path}");
                return 0;
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                error.WriteLine($"gaussian-process: {exception.Message}");
                return 1;
            }
        });
        return root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
    }

    /// <exception cref="InvalidDataException">It is not a grid with more than one value along each axis, some of them known.</exception>
    private static Field Read(FileInfo file)
    {
        using FileStream stream = file.OpenRead();
        try
        {
            (int[] shape, double[] values) = NumPyFile.Read(stream);
            return shape.Length > 0 && Array.TrueForAll(shape, extent => extent > 1) && Array.Exists(values, double.IsFinite)
                ? new Field(shape, [.. values.Select(value => double.IsFinite(value) ? value : double.NaN)], values)
                : throw new InvalidDataException($"the array has the shape ({string.Join(", ", shape)}): axes of two and more values are expected, some of which are known");
        }
        catch (OverflowException exception)
        {
            throw new InvalidDataException("the array has more elements than there can be", exception);
        }
    }

    private static Option<int[]?> Grid() => new("--grid")
    {
        Description = "The extents of the invented field, as 48x40x24. [default: 48x40x24]",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            int[] extents = [.. text.Split('x').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int extent) ? extent : 0)];
            if (Array.TrueForAll(extents, extent => extent > 1))
            {
                return extents;
            }

            result.AddError($"--grid: extents of 2 and more were expected, as 48x40x24, not '{text}'.");
            return null;
        },
    };
}
