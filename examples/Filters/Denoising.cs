using System.Globalization;
using Weft.Fitting;
using Weft.Reports;

namespace Weft.Examples.Filters;

/// <summary>Learns filters that take noise away, each the best of its form for what it saw, and holds them against the best that there can be.</summary>
internal static class Denoising
{
    private const double Width = 720, Height = 460;

    private static readonly Box s_plot = new(90, 60, Width - 20, Height - 60);

    /// <returns>The gains of the circulant filter against Wiener's, as SVG.</returns>
    public static string Run(TextWriter output, bool quick)
    {
        using var circulant = new CirculantFilter();
        using var cosine = new CosineFilter();
        using var hadamard = new HadamardFilter();
        using var dense = new DenseFilter();
        var signal = new Signal(circulant.Inputs);
        (double[] noisy, double[] clean) = signal.Draw(quick ? 200 : 1000, seed: 1);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"No linear filter leaves less than {signal.LeastError:P2} of the signal's power as an error."));
        output.WriteLine("Filter             Numbers   FLOPs   Error");
        Row("Circulant", circulant);
        Row("Cosine gains", cosine);
        Row("Hadamard gains", hadamard);
        Row("Dense", dense);
        return Picture(circulant, signal);

        void Row(string name, LinearMap<double> filter)
        {
            filter.Initialize(seed: 1);
            filter.Fit(noisy, clean);
            double[] matrix = new double[filter.Outputs * filter.Inputs];
            filter.ToDense(matrix);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-15} {filter.TrainedCount,10:N0} {filter.Description.ForwardFlops,7:N0} {signal.Error(matrix),7:P2}"));
        }
    }

    /// <summary>A circulant filter's gains are the Fourier transform of what it makes of an impulse.</summary>
    private static string Picture(CirculantFilter filter, Signal signal)
    {
        int n = filter.Inputs, half = n / 2;
        double[] impulse = new double[n], response = new double[n];
        impulse[0] = 1;
        filter.Forward(impulse, response);
        double[] learned = [.. Enumerable.Range(0, half + 1).Select(f => response.Select((value, t) => value * Math.Cos(2 * Math.PI * f * t / n)).Sum())];
        double[] law = [.. Enumerable.Range(0, half + 1).Select(signal.Gain)];

        Scale across = Scale.Counts("Frequency", half), up = Scale.Numbers("Gain", 0, learned.Concat(law).Max());
        var svg = new Svg(Width, Height, "A filter learned from samples, and Wiener's");
        svg.Axes(s_plot, across, up);
        svg.Line($"""<polyline points="{string.Join(' ', law.Select((gain, f) => string.Create(CultureInfo.InvariantCulture, $"{s_plot.X(across, f):F1},{s_plot.Y(up, gain):F1}")))}" fill="none" stroke="{Svg.Colours[2]}" stroke-width="1.8"/>""");
        for (int f = 0; f <= half; f++)
        {
            svg.Line($"""<circle cx="{s_plot.X(across, f):F1}" cy="{s_plot.Y(up, learned[f]):F1}" r="4" fill="{Svg.Colours[3]}" stroke="white"/>""");
        }

        svg.Text(s_plot.Right - 12, s_plot.Top + 20, "end", "S / (S + σ²)", $"fill=\"{Svg.Colours[2]}\"");
        svg.Text(s_plot.Right - 12, s_plot.Top + 40, "end", "learned: a circulant matrix", $"fill=\"{Svg.Colours[3]}\"");
        return svg.ToString();
    }
}
