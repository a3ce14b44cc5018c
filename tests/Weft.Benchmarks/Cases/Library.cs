using System.Diagnostics;

namespace Weft.Benchmarks.Cases;

/// <summary>The whole standard library at one size: what compiling costs, and whether the cost model tells the truth.</summary>
internal static class Library
{
    private const int Batch = 64;

    /// <summary>Every operator of the standard library, at about a thousand inputs.</summary>
    public static IReadOnlyList<Subject> All(Bench bench) => [.. new (string Label, string Formula)[]
    {
        ("dense", "dense(1024, 1024)"),
        ("low_rank", "low_rank(1024, 1024, 16)"),
        ("low_rank_middle", "low_rank_middle(1024, 1024, 64)"),
        ("diagonal", "diagonal(1024)"),
        ("block_diagonal", "block_diagonal(1024, 1024, 32)"),
        ("kronecker", "kronecker([32, 32], [32, 32])"),
        ("kronecker3", "kronecker([8, 16, 8], [8, 16, 8])"),
        ("kronecker_sum", "kronecker_sum(32, 32)"),
        ("monarch", "monarch(1024, 32)"),
        ("monarch_rectangular", "monarch_rectangular(512, 1024, 16)"),
        ("monarch_padded", "monarch_padded(1000, 1000, 32)"),
        ("butterfly", "butterfly(1024)"),
        ("hodlr", "hodlr(1024, 16, 128)"),
        ("tucker", "tucker(1024, 1024, 64, 64)"),
        ("tucker_tensor", "tucker_tensor([32, 32], [32, 32], [8, 8], [8, 8])"),
        ("cp", "cp([32, 32], [32, 32], 8)"),
        ("tensor_train", "tensor_train([32, 32], [32, 32], [1, 8, 1])"),
        ("block_tensor_train", "block_tensor_train([32, 32], [32, 32], [1, 2, 1])"),
        ("blast", "blast(1024, 1024, 4, 4, 64)"),
        ("householder", "householder(1024, 8)"),
        ("householder long", "householder(4096, 32)"),
        ("circulant", "circulant(512)"),
        ("hra", "hra(1024, 1024, 8)"),
        ("lora", "lora(1024, 1024, 16)"),
        ("lora_frozen_a", "lora_frozen_a(1024, 1024, 16)"),
        ("lora_xs", "lora_xs(1024, 1024, 16)"),
        ("moslora", "moslora(1024, 1024, 16)"),
        ("lotr", "lotr(1024, 1024, 16)"),
        ("vera", "vera(1024, 1024, 64)"),
        ("vb_lora", "vb_lora(1024, 1024, 4, 2, 90, 256)"),
    }.Select(entry => bench.Subject(entry.Label, entry.Formula))];

    /// <summary>
    /// Prints, for each operator, the time of its plan against the best of those that the compiler rejects: of what plans are made for,
    /// values and gradients of a batch, and of a single row.
    /// </summary>
    public static void PrintPlans(Bench bench)
    {
        const double Worst = 1.25;
        bench.Report.Title(FormattableString.Invariant($"Standard library: time of the plan against the best of those rejected; at most {Worst} is right, batch {Batch} with gradients and batch 1"));
        foreach (Subject subject in All(bench))
        {
            Map<float>[] maps = [subject.Map, .. subject.Rejected()];
            if (maps.Length == 1)
            {
                continue;
            }

            double trained = Against(Batch, Gradient), single = Against(1, Forward);
            bench.Report.Line(FormattableString.Invariant($"{subject.Label,-26} {maps.Length - 1} rejected {trained,8:0.00} {single,8:0.00} {(trained > Worst ? " WRONG PLAN" : "")}"));
            Array.ForEach(maps[1..], map => map.Dispose());

            double Against(int batch, Action<Map<float>, FloatBuffer, FloatBuffer, FloatBuffer, FloatBuffer> call)
            {
                using FloatBuffer x = FloatBuffer.Random(batch * subject.Map.Inputs, 1), y = FloatBuffer.Random(batch * subject.Map.Outputs, 2);
                using FloatBuffer dx = new(batch * subject.Map.Inputs), gradient = new(subject.Map.TrainedCount);
                double[] seconds = bench.Clock.Race([.. maps.Select(map => new Variant(subject.Label, () => call(map, x, y, dx, gradient)))]);
                return seconds[0] / seconds[1..].Min();
            }
        }

        static void Forward(Map<float> map, FloatBuffer x, FloatBuffer y, FloatBuffer dx, FloatBuffer gradient) => map.Forward(x.Span, y.Span);

        static void Gradient(Map<float> map, FloatBuffer x, FloatBuffer y, FloatBuffer dx, FloatBuffer gradient)
        {
            gradient.Span.Clear();
            map.Gradient(x.Span, y.Span, dx.Span, gradient.Span);
        }
    }

    /// <summary>Prints, for each operator that has a pass for a few rows, how many times as long the pass for many rows takes.</summary>
    public static void PrintFewRows(Bench bench)
    {
        int[] batches = [1, 2, 3, 4, 6, 8, 12];
        bench.Report.Title("Standard library: the forward pass for many rows against that for a few, where there is one, by batch");
        bench.Report.Line("                       up to " + string.Concat(batches.Select(batch => FormattableString.Invariant($"{batch,8}"))));
        foreach (Subject subject in All(bench).Where(subject => subject.Map.Program.Layout.FewRows > 0))
        {
            using Map<float> many = subject.WithoutFewRows();
            string ratios = string.Concat(batches.Select(batch => FormattableString.Invariant($"{Ratio(batch),8:0.00}")));
            bench.Report.Line(FormattableString.Invariant($"{subject.Label,-22} {subject.Map.Program.Layout.FewRows,5} {ratios}"));

            double Ratio(int batch)
            {
                using FloatBuffer x = FloatBuffer.Random(batch * many.Inputs, 1), y = new(batch * many.Outputs);
                double[] seconds = bench.Clock.Race(
                    new Variant("few", () => subject.Map.Forward(x.Span, y.Span)), new Variant("many", () => many.Forward(x.Span, y.Span)));
                return seconds[1] / seconds[0];
            }
        }
    }

    /// <summary>
    /// Prints, for each operator, the JIT's time, the length of the text, the predicted against the measured time, and how many times as long
    /// the first calls take that follow the very first.
    /// </summary>
    public static void Print(Bench bench)
    {
        bench.Report.Title(FormattableString.Invariant($"Standard library: JIT of the first calls, generated text, and cost by the model against time, batch {Batch}"));
        bench.Report.Line("operator              forward JIT  with gradient  text         predicted     measured   measured/predicted   second to tenth call/later");
        foreach (Subject subject in All(bench))
        {
            using FloatBuffer x = FloatBuffer.Random(Batch * subject.Map.Inputs, 1), y = new(Batch * subject.Map.Outputs);
            subject.Map.Forward(x.Span, y.Span);
            double early = Enumerable.Range(0, 9).Select(_ => Time(() => subject.Map.Forward(x.Span, y.Span))).Order().ElementAt(4);
            double measured = bench.Clock.Race(new Variant(subject.Label, () => subject.Map.Forward(x.Span, y.Span)))[0];
            double predicted = subject.PredictedCost(Batch) / bench.Machine.Peak;
            bench.Report.Line(FormattableString.Invariant(
                $"{subject.Label,-22} {subject.JitTime.TotalMilliseconds,7:0.0} ms {(subject.JitTime + subject.GradientJitTime).TotalMilliseconds,11:0.0} ms {subject.CodeLength / 1024.0,6:0.0} KB {predicted * 1e6,10:0.00} µs {measured * 1e6,9:0.00} µs {measured / predicted,8:0.00} {early / measured,20:0.00}"));
        }

        static double Time(Action call)
        {
            long start = Stopwatch.GetTimestamp();
            call();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}
