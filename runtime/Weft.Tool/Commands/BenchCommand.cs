using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Weft.Measuring;
using Weft.Reports;
using Weft.Tool.Benchmarking;

namespace Weft.Tool.Commands;

/// <summary><c>weft bench</c>: a declaration's speed on this computer, beside that of a dense matrix.</summary>
internal static class BenchCommand
{
    private static readonly int[] s_batches = [1, 16, 256];

    public static Command Create(Session session)
    {
        var command = new Command("bench", "Measures a declaration on this computer, beside a dense matrix of its size.");
        SubjectParts subject = SubjectParts.AddTo(command);
        var batches = new Option<int[]>("--batch") { Description = $"The rows of a call; several may be named. Else {string.Join(", ", s_batches)}.", AllowMultipleArgumentsPerToken = true };
        batches.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => !int.TryParse(token.Value, out int rows) || rows < 1))
            {
                result.AddError("--batch: a number of rows from 1 was expected.");
            }
        });
        Option<bool> quick = CommandParts.Quick();
        command.Add(batches);
        command.Add(quick);
        command.SetAction(parsed => session.Run(() => Measure(
            session, subject.Of(parsed), parsed.GetValue(batches) is { Length: > 0 } rows ? rows : s_batches, parsed.GetValue(quick))));
        return command;
    }

    private static int Measure(Session session, Subject subject, IReadOnlyList<int> batches, bool isQuick)
    {
        if (session.ChooseOne(subject) is not { } chosen)
        {
            return Session.WrongText;
        }

        using Map<float>? map = session.Try(chosen.Bound, chosen.Numbers.Single(), () => MapBenchmark.Compile(chosen.Modules.Single()));
        if (map is null)
        {
            return Session.WrongText;
        }

        WeftOptions.MaxThreads = 1;
        var clock = new Stopclock(isQuick);
        var machine = new MeasuredMachine(clock);
        var benchmark = new MapBenchmark(map, clock, machine, new GemmLibraries());
        session.Output.WriteLine(FormattableString.Invariant($"{map.Description.Name}: {map.Inputs} -> {map.Outputs}, {map.ParameterCount:N0} parameters, float, one thread"));
        session.Output.WriteLine(FormattableString.Invariant(
            $"This computer: {WeftOptions.Machine.Name}, {machine.Peak / 1e9:0} GFLOP/s; reads {string.Join(", ", machine.Levels.Select(level => FormattableString.Invariant($"{level.Name} {level.Bandwidth / 1e9:0} GB/s")))}"));

        Table table = new Table().Border(TableBorder.Simple);
        string[] headings = ["Pass", "Rows", "Time", "GFLOP/s", "of\npeak", "of\nmemory", .. benchmark.Peers.Select(peer => peer.Split(' ')[0])];
        table.AddColumns([.. headings.Select((heading, k) => new TableColumn(heading) { Alignment = k == 0 ? Justify.Left : Justify.Right, NoWrap = true, Padding = new Padding(0, 0, 1, 0) })]);
        foreach (MapTimes times in batches.SelectMany(benchmark.Measure))
        {
            string[] rates = times.Rate > 0 ? [Text($"{times.Rate / 1e9:0.0}"), Text($"{times.Rate / machine.Peak:P0}")] : ["", ""];
            table.AddRow([times.Pass, Text($"{times.Rows}"), Time(times.Seconds), .. rates, Text($"{times.BandwidthShare:P0}"), .. times.Peers.Select(seconds => Ratio(seconds / times.Seconds))]);
        }

        ReportConsole.Over(session.Output).Write(table);
        session.Output.WriteLine("gradients: values, and the gradients of a loss for inputs and parameters.");
        session.Output.WriteLine("of memory: weights, inputs and outputs once each, by what the nearest memory that holds them gives.");
        if (benchmark.Peers.Any())
        {
            session.Output.WriteLine($"{string.Join(", ", benchmark.Peers)}: how many times as long a dense matrix takes by these libraries.");
        }

        if (benchmark.Omitted is { } omitted)
        {
            session.Output.WriteLine(omitted);
        }

        return 0;

        static string Text(FormattableString text) => FormattableString.Invariant(text);

        static string Ratio(double times) => times.ToString(times < 100 ? "0.0×" : "0×", CultureInfo.InvariantCulture);
    }

    private static string Time(double seconds) => seconds switch
    {
        < 1e-3 => FormattableString.Invariant($"{seconds * 1e6:G3} µs"),
        < 1 => FormattableString.Invariant($"{seconds * 1e3:G3} ms"),
        _ => FormattableString.Invariant($"{seconds:G3} s"),
    };
}
