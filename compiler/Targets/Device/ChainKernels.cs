using Weft.Compiler.Planning;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Kernels for two contractions, with what is between them in local memory: <c>h[n o s] = Σₖ a · b</c> and <c>c[n o m] = Σₛ h · d</c>. Rows
/// n and the indices o that both results have are shared out over the groups.
/// </summary>
internal static class ChainKernels
{
    private const int MostThreads = 256;

    /// <summary>Rows of a work item: what has no rows is loaded once for all of them.</summary>
    private const int Registers = 4;

    /// <summary>Loads, from the first-level cache or local memory, for a multiplication of two numbers: of a work item here, and of a tile of 4 × 4.</summary>
    private const double TileLoads = 0.5;

    /// <summary>The indices that both results have, but for the rows.</summary>
    public static Counter Outer(FusedStep first, FusedStep second) => Count(first.Contraction.Target, second.Contraction.Target.Has);

    /// <summary>Elements of local memory.</summary>
    public static long LocalLength(ChainedStep step) => (long)step.Tile.Rows * step.Tile.Outer * Summed(step).Fixed;

    /// <summary>The least time of a step by itself, in tiles of 4 × 4 where it has as many results.</summary>
    public static double Seconds(FusedStep step, int rows, DeviceModel device)
    {
        Work work = FusedResults.WorkOf(step);
        double results = rows * (double)Results(step.Contraction.Target);
        double share = results / (Registers * Registers) < device.WorkItems ? 1 : Registers * Registers;
        return device.Seconds(work.FlopsOf(rows), work.ElementsOf(rows), share > 1 ? TileLoads : 2, results / share);
    }

    /// <summary>The least time of both steps together.</summary>
    public static double Seconds(ChainedStep step, int rows, DeviceModel device)
    {
        Work work = WorkOf(step);
        double groups = Math.Ceiling(rows / (double)step.Tile.Rows) * Math.Ceiling(Outer(step.First, step.Second).Fixed / (double)step.Tile.Outer);
        int registers = Math.Min(Registers, step.Tile.Rows);
        double idle = step.Tile.Rows * Math.Ceiling(rows / (double)step.Tile.Rows) / rows;
        return device.Seconds(idle * work.FlopsOf(rows), work.ElementsOf(rows), (registers + 1) / (double)registers, groups * Math.Min(Items(step), Threads(step)));
    }

    public static IReadOnlyList<View> Views(ChainedStep step) =>
    [
        .. step.First.Contraction.Views.Skip(1),
        Other(step),
        .. FusedResults.EpilogueViews(step.First),
        .. FusedResults.EpilogueViews(step.Second),
        step.Second.Contraction.Target,
    ];

    public static DeviceKernel Build(ChainedStep step, Vectors vectors)
    {
        (View a, View b, View d, View h, View c) =
            (step.First.Contraction.Left, step.First.Contraction.Right!, Other(step), step.First.Contraction.Target, step.Second.Contraction.Target);
        Counter outer = Outer(step.First, step.Second), summed = Summed(step);
        var terms = new Counter(step.First.Contraction.Indices.Where(index => !h.Has(index)).OrderByDescending(index => Math.Max(a.Stride(index), b.Stride(index))));
        Counter columns = Count(c, index => !h.Has(index));
        (int tileRows, int tile, int threads) = (step.Tile.Rows, step.Tile.Outer, Threads(step));
        int registers = Math.Min(Registers, tileRows), strips = tileRows / registers, width = tile * summed.Fixed;
        Run ofFirst = vectors.Longest(terms.Last, [a, b]), ofSecond = vectors.Longest(summed.Last, [d]);
        int staged = tile == 1 ? Math.Min(ofSecond.Width, vectors.Most) : 1;
        var stage = new LocalArray("stage", tileRows * width, staged);

        var body = new KernelBody();
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        Expression firstOuter = body.Define("firstOuter", new Position(WorkItem.GroupX) * tile);
        Expression firstRow = body.Define("firstRow", new Position(WorkItem.GroupY) * tileRows);
        body.For("e", item, strips * width, threads, () =>
        {
            Expression strip = body.Define("strip", (Expression)"e" / width), slot = body.Define("slot", (Expression)"e" % width);
            Expression s = body.Define("s", slot / tile), o = body.Define("o", Last(firstOuter + (slot % tile), outer.Fixed, tile));
            Expression At(View view, Expression row, int vector) =>
                (view.Below / vector) + (row * (view.Stride(View.Rows) / vector)) + outer.PositionIn(view, o, vector) + summed.PositionIn(view, s, vector);
            Counter runs = terms.InRuns(ofFirst.Width);
            Factor FactorOf(string name, View view) => new(name, view, (q, register) => vectors.Load(
                body, register, name, view, ofFirst, vector => At(view, Row(q), vector) + runs.PositionIn(view, "k", vector)));
            Sums(strip, runs, FactorOf("a", a), FactorOf("b", b));
            for (int q = 0; q < registers; q++)
            {
                Expression row = Row(q), place = (((strip + (q * strips)) * width) + slot);
                FusedResults.Finish(
                    body, vectors, step.First, "e", Run.One, [Sum(q)], (view, vector) => At(view, row, vector), (_, values) => body.Store(stage.Name, place, values[0]));
            }
        });
        body.Barrier();

        // Neighbouring work items store side by side.
        bool outerFast = c.Position.Terms.OrderBy(term => Math.Abs(term.Stride)).Select(term => term.Index).FirstOrDefault() is { } nearest && outer.Contains(nearest);
        int results = tile * columns.Fixed;
        body.For("e", item, strips * results, threads, () =>
        {
            Expression strip = body.Define("strip", (Expression)"e" / results), slot = body.Define("slot", (Expression)"e" % results);
            Expression part = body.Define("part", outerFast ? slot % tile : slot / columns.Fixed);
            Expression m = body.Define("m", outerFast ? slot / tile : slot % columns.Fixed), o = body.Define("o", Last(firstOuter + part, outer.Fixed, tile));
            Expression At(View view, Expression row, int vector) =>
                (view.Below / vector) + (row * (view.Stride(View.Rows) / vector)) + outer.PositionIn(view, o, vector) + columns.PositionIn(view, m, vector);
            Counter runs = summed.InRuns(ofSecond.Width);
            IReadOnlyList<Expression> Between(int q, string register)
            {
                Expression first = ((strip + (q * strips)) * (width / staged)) + ((Expression)"k" * (ofSecond.Width * tile / staged)) + part;
                return staged > 1
                    ? body.DefineVectors(register, stage.Name, first, staged, ofSecond.Width)
                    : [.. Enumerable.Range(0, ofSecond.Width).Select(lane => new Load(stage.Name, first + (lane * tile)))];
            }

            Sums(
                strip,
                runs,
                new Factor("d", d, (q, register) => vectors.Load(body, register, "d", d, ofSecond, vector => At(d, Row(q), vector) + runs.PositionIn(d, "k", vector))),
                new Factor("h", h, Between));
            for (int q = 0; q < registers; q++)
            {
                Expression row = Row(q), inside = (firstRow + strip + (q * strips)).IsLess("rows");
                body.When(outer.Fixed % tile == 0 ? inside : inside.And((firstOuter + part).IsLess(outer.Fixed)), () => FusedResults.Finish(
                    body, vectors, step.Second, "f", Run.One, [Sum(q)], (view, vector) => At(view, row, vector), (at, values) => body.StoreResult("c", at(c, 1), values[0])));
            }
        });
        return new DeviceKernel(
            FormattableString.Invariant($"{FusedResults.Describe(step.First)}, {tileRows} × {width} of it in local memory; then {FusedResults.Describe(step.Second)}"),
            threads,
            1,
            outer.Grid(tile),
            new GridAxis(1, true, tileRows),
            GridAxis.One,
            [
                Operand.Of("a", a), Operand.Of("b", b), Operand.Of("d", d), .. FusedResults.EpilogueOperands(step.First, "e"), .. FusedResults.EpilogueOperands(step.Second, "f"), new("c", IsWritten: true),
            ],
            [stage],
            body.Statements,
            WorkOf(step));

        // The sums of a work item's rows. Rows beyond the last are the last one again; what has no rows is loaded once for all.
        void Sums(Expression strip, Counter runs, Factor left, Factor right)
        {
            for (int q = 0; q < registers; q++)
            {
                Expression row = firstRow + strip + (q * strips);
                body.Define(FormattableString.Invariant($"row{q}"), new Choice(row.IsLess("rows"), row, (Expression)"rows" - 1));
                body.DefineElement(Sum(q), new Real(0));
            }

            body.For("k", 0, runs.Extent, 1, () =>
            {
                IReadOnlyList<Expression> ofLeft = [], ofRight = [];
                for (int q = 0; q < registers; q++)
                {
                    ofLeft = q == 0 || left.View.Has(View.Rows) ? Loaded(left, q) : ofLeft;
                    ofRight = q == 0 || right.View.Has(View.Rows) ? Loaded(right, q) : ofRight;
                    for (int lane = 0; lane < ofLeft.Count; lane++)
                    {
                        body.Assign(Sum(q), KernelBody.Call(Function.MultiplyAdd, ofLeft[lane], ofRight[lane], Sum(q)));
                    }
                }
            });
        }

        IReadOnlyList<Expression> Loaded(Factor factor, int q)
        {
            string name = FormattableString.Invariant($"{factor.Name}{q}");
            IReadOnlyList<Expression> elements = factor.Load(q, name);
            return
            [
                .. elements.Select((element, lane) => element is Load
                    ? body.DefineElement(elements.Count == 1 ? name + "x" : FormattableString.Invariant($"{name}x{lane}"), element)
                    : element),
            ];
        }
    }

    /// <summary>A factor of the products that are summed, and what loads a run of it for one of a work item's rows into registers of a name.</summary>
    private sealed record Factor(string Name, View View, Func<int, string, IReadOnlyList<Expression>> Load);

    private static View Other(ChainedStep step) => step.Second.Contraction.Views.Skip(1).Single(view => view.Storage != step.First.Contraction.Target.Storage);

    private static Counter Summed(ChainedStep step) => Count(step.First.Contraction.Target, index => !step.Second.Contraction.Target.Has(index));

    private static Counter Count(View view, Func<Index, bool> isCounted) => new(
        view.Position.Terms.Where(term => term.Index != View.Rows && isCounted(term.Index)).OrderByDescending(term => Math.Abs(term.Stride)).Select(term => term.Index));

    private static int Results(View view) => Count(view, _ => true).Fixed;

    private static int Threads(ChainedStep step)
    {
        int threads = 8;
        while (threads < MostThreads && threads < Items(step))
        {
            threads *= 2;
        }

        return threads;
    }

    /// <summary>Work items of a group that have something to do, if they are as many.</summary>
    private static long Items(ChainedStep step)
    {
        long results = Math.Max(Results(step.First.Contraction.Target), Results(step.Second.Contraction.Target)) / Outer(step.First, step.Second).Fixed;
        return step.Tile.Rows / Math.Min(Registers, step.Tile.Rows) * step.Tile.Outer * results;
    }

    /// <summary>What both steps do; what is between them is not moved.</summary>
    private static Work WorkOf(ChainedStep step)
    {
        (Work first, Work second) = (FusedResults.WorkOf(step.First), FusedResults.WorkOf(step.Second));
        double between = 2.0 * Results(step.First.Contraction.Target);
        return new Work(
            first.FlopsPerRow + second.FlopsPerRow,
            first.Flops + second.Flops,
            first.ElementsPerRow + second.ElementsPerRow - between,
            first.Elements + second.Elements);
    }

    /// <summary>A number that a tile may lead beyond an extent: the last one then.</summary>
    private static Expression Last(Expression number, int extent, int tile) =>
        extent % tile == 0 ? number : new Choice(number.IsLess(extent), number, extent - 1);

    private static Expression Row(int q) => FormattableString.Invariant($"row{q}");

    private static string Sum(int q) => FormattableString.Invariant($"sum{q}");
}
