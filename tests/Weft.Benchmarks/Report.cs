using System.Globalization;
using System.Text;

namespace Weft.Benchmarks;

/// <summary>A measured case of a target.</summary>
/// <param name="Target">The number of the row in the table of targets.</param>
/// <param name="Case">What was measured.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">What follows the figure: %, x or bytes.</param>
/// <param name="Must">What it must reach.</param>
/// <param name="Aim">What it should reach.</param>
/// <param name="Note">Times and the peer that was best.</param>
internal sealed record Result(int Target, string Case, double Value, string Unit, double Must, double Aim, string Note)
{
    /// <summary>Bytes are to be few, everything else is to be much.</summary>
    public bool Holds => Unit == "B" ? Value <= Must : Value >= Must;

    private bool Reaches => Unit == "B" ? Value <= Aim : Value >= Aim;

    public string Verdict => Reaches ? "aim" : Holds ? "must" : "MISS";
}

/// <summary>The table of targets as measured.</summary>
internal sealed class Report(TextWriter output)
{
    private readonly List<Result> _results = [];

    public void Title(string text)
    {
        output.WriteLine();
        output.WriteLine(text);
    }

    public void Line(string text) => output.WriteLine("  " + text);

    public void Add(Result result)
    {
        _results.Add(result);
        Line(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Target,2} {result.Case,-46} {result.Value,8:0.00} {result.Unit,-1} {result.Must,6:0.##} {result.Aim,6:0.##}  {result.Verdict,-4}  {result.Note}"));
    }

    public void Summary()
    {
        Title("Cases that hold, by target");
        foreach (IGrouping<int, Result> target in _results.GroupBy(result => result.Target).OrderBy(group => group.Key))
        {
            string misses = string.Join("; ", target.Where(result => !result.Holds).Select(result => result.Case));
            Line(string.Create(CultureInfo.InvariantCulture, $"{target.Key,2} {target.Count(result => result.Holds)} of {target.Count()}{(misses.Length > 0 ? ", not: " + misses : "")}"));
        }
    }

    public string Csv()
    {
        var text = new StringBuilder("target,case,value,must,aim,holds\n");
        foreach (Result result in _results)
        {
            text.Append(CultureInfo.InvariantCulture, $"{result.Target},\"{result.Case}\",{result.Value:0.####},{result.Must:0.####},{result.Aim:0.####},{(result.Holds ? "yes" : "no")}\n");
        }

        return text.ToString();
    }

    public static string Microseconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1e6:0.00} µs");
}
