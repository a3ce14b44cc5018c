using System.Globalization;
using System.Runtime.InteropServices;
using Weft;
using Weft.Benchmarks;
using Weft.Benchmarks.Cases;
using Weft.Benchmarks.Peers;

const string Usage = """
    Measures the table of targets.
      --only ROW[,ROW]  only these rows of the table
      --formats         only dense matrices in each storage format, for batch 1
      --plans           only the standard library: the cost model against measured times
      --quick           short rounds and few batches
      --csv FILE        writes target,case,value,must,aim,holds
      --svg FILE        writes the roofline
      --bdn [OPTIONS]   none of this: a few operators in BenchmarkDotNet, with its own options
    """;

if (args is ["--bdn", .. string[] own])
{
    OperatorBenchmarks.Run(own);
    return 0;
}

var only = new HashSet<int>();
bool quick = false, plans = false, formats = false;
string? csv = null, svg = null;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--formats":
            formats = true;
            break;
        case "--plans":
            plans = true;
            break;
        case "--quick":
            quick = true;
            break;
        case "--only" when i + 1 < args.Length && args[i + 1].Split(',').All(row => int.TryParse(row, NumberStyles.None, CultureInfo.InvariantCulture, out _)):
            only.UnionWith(args[++i].Split(',').Select(row => int.Parse(row, CultureInfo.InvariantCulture)));
            break;
        case "--csv" when i + 1 < args.Length:
            csv = args[++i];
            break;
        case "--svg" when i + 1 < args.Length:
            svg = args[++i];
            break;
        default:
            Console.Error.WriteLine(Usage);
            return args[i] is "--help" or "-h" ? 0 : 2;
    }
}

WeftOptions.MaxThreads = 1;
var clock = new Stopclock(quick);
var libraries = new Libraries();
var machine = new MeasuredMachine(clock);
var report = new Report(Console.Out);
var roofline = new Roofline(machine);
var bench = new Bench(clock, machine, libraries, report, roofline);

report.Title(FormattableString.Invariant($"Machine: {RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.FrameworkDescription}, {Environment.ProcessorCount} processors, one thread used"));
report.Line(FormattableString.Invariant($"FMA peak {machine.Peak / 1e9:0} GFLOP/s; read {string.Join(", ", machine.Levels.Select(level => FormattableString.Invariant($"{level.Name} {level.Bandwidth / 1e9:0} GB/s")))}"));
report.Line($"Peers: {string.Join(", ", libraries.Gemms.Select(gemm => gemm.Name).Concat(libraries.Libxsmm is null ? [] : ["libxsmm"]).Concat(libraries.Fftw is null ? [] : ["FFTW"]))}");
foreach (string missing in libraries.Missing)
{
    report.Line($"Left out: {missing}");
}

report.Line("Times are the tenth of the way from the fastest to the slowest of many short rounds, in which all variants take turns.");

bool complete = true;
foreach ((int row, (string title, Action? run)) in new Targets(bench).Rows.Where(row => plans || formats ? only.Contains(row.Key) : only.Count == 0 || only.Contains(row.Key)))
{
    report.Title($"{row}. {title}");
    try
    {
        (run ?? (() => report.Line("not built")))();
    }
    catch (InvalidOperationException exception)
    {
        complete = false;
        report.Line($"WRONG: {exception.Message}");
    }
}

bool all = only.Count == 0 && !plans && !formats;
if (formats || all)
{
    Formats.Print(bench);
}

if (plans || all)
{
    Library.Print(bench);
    Library.PrintFewRows(bench);
    Library.PrintPlans(bench);
}

report.Summary();
if (csv is not null)
{
    File.WriteAllText(csv, report.Csv());
}

if (svg is not null)
{
    File.WriteAllText(svg, roofline.Svg());
}

return complete ? 0 : 1;
