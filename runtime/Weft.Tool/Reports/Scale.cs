using System.Globalization;

namespace Weft.Reports;

/// <summary>An axis of a plot: which values it spans, where they lie on it, from 0 to 1, and which of them are marked.</summary>
internal sealed class Scale
{
    /// <summary>An error smaller than this is drawn as this: a logarithm needs a number above zero.</summary>
    private const double SmallestError = 1e-9;

    private readonly Func<double, double> _transform;
    private readonly double _low;
    private readonly double _high;

    private Scale(string label, Func<double, double> transform, IReadOnlyList<(double Value, string Label)> ticks, double low, double high)
    {
        Label = label;
        _transform = transform;
        Ticks = ticks;
        _low = transform(low);
        _high = transform(high);
    }

    /// <summary>What the axis shows.</summary>
    public string Label { get; }

    /// <summary>The marked values.</summary>
    public IReadOnlyList<(double Value, string Label)> Ticks { get; }

    /// <summary>Numbers above 0, in steps of 1, 2 and 5 of each power of ten, with room at both ends.</summary>
    public static Scale Amounts(string label, IEnumerable<double> values)
    {
        double low = values.Min() / 1.4, high = values.Max() * 1.9;
        var ticks = new List<(double, string)>();
        for (double power = Math.Pow(10, Math.Floor(Math.Log10(low))); power <= high; power *= 10)
        {
            foreach (double value in new[] { power, 2 * power, 5 * power })
            {
                if (value >= low && value <= high)
                {
                    ticks.Add((value, value >= 1e6 ? $"{value / 1e6:0.#}M" : value >= 1e3 ? $"{value / 1e3:0.#}k" : $"{value:0.#}"));
                }
            }
        }

        return new Scale(label, Math.Log10, ticks, low, high);
    }

    /// <summary>Relative errors, in powers of ten.</summary>
    public static Scale Error(IEnumerable<double> values)
    {
        int low = (int)Math.Floor(Math.Log10(Math.Max(values.Min(), SmallestError))), high = (int)Math.Ceiling(Math.Log10(Math.Max(values.Max(), SmallestError)));
        high = Math.Max(high, low + 1);
        List<(double, string)> ticks = [.. Enumerable.Range(low, high - low + 1).Select(power => (Math.Pow(10, power), power == 0 ? "1" : $"1e{power}"))];
        return new Scale("Relative error", value => Math.Log10(Math.Max(value, SmallestError)), ticks, ticks[0].Item1, Math.Pow(10, high + 0.4));
    }

    /// <summary>Accuracies, in about five equal steps.</summary>
    public static Scale Accuracy(IEnumerable<double> values)
    {
        double low = values.Min(), high = values.Max();
        double step = new[] { 0.005, 0.01, 0.02, 0.05, 0.1, 0.2 }.First(candidate => high - low <= 5 * candidate || candidate == 0.2);
        int first = (int)Math.Floor(low / step) - 1, last = (int)Math.Ceiling(high / step);
        List<(double, string)> ticks =
            [.. Enumerable.Range(first, last - first + 1).Select(i => (i * step, (i * step).ToString("0.##%", CultureInfo.InvariantCulture)))];
        return new Scale("Accuracy in the test", value => value, ticks, first * step, (last + 0.4) * step);
    }

    /// <summary>Whole numbers from 0, in two to ten equal steps.</summary>
    public static Scale Counts(string label, int most)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(most))), step = Math.Max(1, most >= 5 * power ? power : most >= 2 * power ? power / 2 : power / 5);
        List<(double, string)> ticks = [.. Enumerable.Range(0, (int)(most / step) + 1).Select(i => (i * step, (i * step).ToString("N0", CultureInfo.InvariantCulture)))];
        return new Scale(label, value => value, ticks, 0, most);
    }

    /// <summary>Numbers of any sign, in three to eight equal steps, with a little room at both ends.</summary>
    public static Scale Numbers(string label, double least, double most)
    {
        double span = Math.Max(most - least, 1e-9), power = Math.Pow(10, Math.Floor(Math.Log10(span)));
        double step = span >= 5 * power ? power : span >= 2 * power ? power / 2 : power / 5;
        double low = least - (0.05 * span), high = most + (0.05 * span);
        int first = (int)Math.Ceiling(low / step), last = (int)Math.Floor(high / step);
        List<(double, string)> ticks = [.. Enumerable.Range(first, last - first + 1).Select(i => (i * step, (i * step).ToString("0.######", CultureInfo.InvariantCulture)))];
        return new Scale(label, value => value, ticks, low, high);
    }

    /// <summary>Positive numbers, marked at powers of two.</summary>
    public static Scale PowersOfTwo(string label, double least, double most)
    {
        int low = (int)Math.Floor(Math.Log2(least)), high = (int)Math.Ceiling(Math.Log2(most));
        List<(double Value, string)> ticks = [.. Enumerable.Range(low, high - low + 1).Select(power => (Math.Pow(2, power), Math.Pow(2, power).ToString(CultureInfo.InvariantCulture)))];
        return new Scale(label, Math.Log2, ticks, ticks[0].Value, ticks[^1].Value);
    }

    /// <summary>Where a value lies: 0 at the low end, 1 at the high end.</summary>
    public double Position(double value) => (_transform(value) - _low) / (_high - _low);
}
