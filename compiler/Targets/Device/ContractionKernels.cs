using Weft.Compiler.Planning;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Kernels for contractions. The indices of <c>c = Σ a · b</c> are those of a and c (m), of b and c (n), of all three (z), and those that
/// are summed over (k). No form depends on the order in which groups run, so results are the same from run to run.
/// </summary>
/// <param name="batch">The rows that kernels are chosen for.</param>
/// <param name="device">What the device can do.</param>
/// <param name="vectors">How operands are loaded and stored.</param>
internal sealed class ContractionKernels(int batch, DeviceModel device, Vectors vectors)
{
    /// <summary>Groups along the second and third axes of a grid: CUDA has no more.</summary>
    public const int MostGroups = 65535;

    /// <summary>Work items of a group where they do not form a tile.</summary>
    private const int Group = 64;

    /// <summary>Work items that share a sum where results are few.</summary>
    private const int Share = 16;

    /// <summary>Terms of the sum that are staged at a time.</summary>
    private const int StagedTerms = 16;

    /// <summary>Below so many results, a sum over a batch is shared out over a group.</summary>
    private const int FewResults = 4096;

    /// <summary>Terms of a part of a sum, at least.</summary>
    private const int PartTerms = 256;

    /// <summary>Tiles are no larger for more rows.</summary>
    private readonly int nominalRows = Math.Min(batch, 64);

    /// <summary>
    /// The same contraction with few indices, and the factors in the order of the kernel's operands: what is side by side in the target
    /// is so in the right one.
    /// </summary>
    public static Contraction Arrange(Contraction contraction)
    {
        contraction = contraction.Coalesced();
        return contraction.Right is { } right && contraction.Target.Position.Terms.Any(term => term.Stride == 1 && !right.Has(term.Index))
            ? contraction with { Left = right, Right = contraction.Left }
            : contraction;
    }

    /// <summary>The kernel for a step whose contraction is arranged.</summary>
    public DeviceKernel Build(FusedStep step)
    {
        (View a, View? b) = (step.Contraction.Left, step.Contraction.Right);
        (Counter all, Counter rows, Counter columns, Counter both, Counter sum) = Counters(step.Contraction);
        if (sum.Nominal(nominalRows) >= Group
            && ((!all.HasRows && all.Fixed < FewResults) || (nominalRows == 1 && RunsAlong(sum, b is null || Length(a) > Length(b) ? a : b))))
        {
            return PerResult(step, all, sum, columns: 1, share: Group);
        }

        if (rows.Nominal(nominalRows) >= 8 && columns.Nominal(nominalRows) >= 8 && sum.Nominal(nominalRows) >= 2
            && both.Fixed <= MostGroups && rows.Fixed <= MostGroups)
        {
            return Staged(step, rows, columns, both, sum, parts: 1);
        }

        // Few results keep a device busy if work items share long sums.
        return all.Nominal(nominalRows) < device.WorkItems && sum.Nominal(nominalRows) >= Share * Share
            ? PerResult(step, all, sum, columns: Share, Share)
            : PerResult(step, all, sum, columns: Group, share: 1);
    }

    /// <summary>
    /// The parts that a sum over the rows of a batch is cut into, where its results are too few tiles to keep the device busy; 1 where it is not.
    /// Which rows are in a part is a matter of their number alone.
    /// </summary>
    public int Parts(FusedStep step)
    {
        if (step.Contraction.Right is null || step.Contraction.Target.Overlaps)
        {
            return 1;
        }

        (Counter all, Counter rows, Counter columns, Counter both, Counter sum) = Counters(step.Contraction);
        if (!sum.HasRows || all.HasRows || rows.Fixed < 8 || columns.Fixed < 8)
        {
            return 1;
        }

        ((int threadsX, int registersX), (int threadsY, int registersY)) = (Tile(columns.Fixed), Tile(rows.Fixed));
        long items = (long)all.Fixed / (registersX * registersY), most = Math.Min(device.WorkItems / Math.Max(1, items), sum.Nominal(batch) / PartTerms);
        int parts = 1;
        while (2 * parts <= most && 2L * parts * both.Fixed <= MostGroups)
        {
            parts *= 2;
        }

        return parts;
    }

    /// <summary>The elements from the first result of a step to the last: those of a part.</summary>
    public static int PartLength(FusedStep step) => checked(step.Contraction.Target.Position.Maximum - step.Contraction.Target.Position.Minimum + 1);

    /// <summary>The sums of all parts, one part after the other.</summary>
    public DeviceKernel BuildParts(FusedStep step, int parts)
    {
        (_, Counter rows, Counter columns, Counter both, Counter sum) = Counters(step.Contraction);
        return Staged(step with { Epilogues = [] }, rows, columns, both, sum, parts);
    }

    /// <summary>The step, from the sums of its parts.</summary>
    public DeviceKernel BuildTotal(FusedStep step, int parts)
    {
        (Counter all, _, _, _, _) = Counters(step.Contraction);
        View target = step.Contraction.Target;
        Vectors ofParts = OfParts(step);
        Run run = vectors.Longest(all.Last, [target], ofParts.Width(target, all.Last));
        Counter results = all.InRuns(run.Width);
        string[] sums = [.. Enumerable.Range(0, run.Width).Select(lane => Lane("sum", run, lane))];
        var body = new KernelBody();
        Expression i = body.Define("i", (new Position(WorkItem.GroupX) * Group) + new Position(WorkItem.LocalX));
        body.When(results.Within(i, Group), () =>
        {
            Expression at = body.Define("at", PositionOf(target, run.Width));
            DefineZeros(body, sums);
            body.For("part", 0, parts, 1, () =>
            {
                IReadOnlyList<Expression> terms = ofParts.Load(body, "a", "a", target, run, width => ((Expression)"part" * (PartLength(step) / width)) + at);
                for (int lane = 0; lane < run.Width; lane++)
                {
                    body.Assign(sums[lane], sums[lane] + terms[lane]);
                }
            });
            FusedResults.Store(
                body, vectors, step, run, [.. sums.Select(sum => (Expression)sum)], (view, width) => view == target && width == run.Width ? at : PositionOf(view, width));

            Expression PositionOf(View view, int width) => (view.Below / width) + results.PositionIn(view, i, width);
        });
        double elements = (double)all.Fixed * parts;
        return new DeviceKernel(
            FormattableString.Invariant($"{FusedResults.Describe(step)}: {parts} parts"),
            Group,
            1,
            results.Grid(Group),
            GridAxis.One,
            GridAxis.One,
            [new("a"), .. FusedResults.EpilogueOperands(step, "e"), new("c", IsWritten: true)],
            [],
            body.Statements,
            new Work(0, elements, 0, elements + all.Fixed));
    }

    private static (Counter All, Counter Rows, Counter Columns, Counter Both, Counter Sum) Counters(Contraction contraction)
    {
        (View a, View? b, View c) = (contraction.Left, contraction.Right, contraction.Target);
        Index[] results = [.. contraction.Indices.Where(c.Has).OrderByDescending(c.Stride)];
        return (
            new Counter(results),
            new Counter(results.Where(index => b?.Has(index) != true)),
            new Counter(results.Where(index => b?.Has(index) == true && !a.Has(index))),
            new Counter(results.Where(index => b?.Has(index) == true && a.Has(index))),
            new Counter(contraction.Indices.Where(index => !c.Has(index)).OrderByDescending(index => Math.Max(a.Stride(index), b?.Stride(index) ?? 0))));
    }

    /// <summary>
    /// A tile of the target for each group, a register tile for each work item; both operands go through local memory. The rows of a register
    /// tile are neighbours; so are its columns as far as they can be stored together.
    /// </summary>
    private DeviceKernel Staged(FusedStep step, Counter rows, Counter columns, Counter both, Counter sum, int parts)
    {
        (View a, View b, View target) = (step.Contraction.Left, step.Contraction.Right!, step.Contraction.Target);
        (int threadsX, int registersX) = Tile(columns.Nominal(nominalRows));
        (int threadsY, int registersY) = Tile(rows.Nominal(nominalRows));
        (int tileX, int tileY, int threads) = (threadsX * registersX, threadsY * registersY, threadsX * threadsY);
        int terms = sum.HasRows ? StagedTerms : Math.Min(StagedTerms, sum.Fixed);
        Vectors ofTarget = parts == 1 ? vectors : OfParts(step);
        Run run = ofTarget.Longest(columns.Last, [target], registersX);
        var body = new KernelBody();
        Expression x = body.Define("x", new Position(WorkItem.LocalX)), y = body.Define("y", new Position(WorkItem.LocalY));
        Expression item = body.Define("item", (y * threadsX) + x);
        Expression tileColumn = body.Define("tileColumn", new Position(WorkItem.GroupX)), tileRow = body.Define("tileRow", new Position(WorkItem.GroupY));
        Expression group = body.Define("z", parts == 1 ? new Position(WorkItem.GroupZ) : new Position(WorkItem.GroupZ) % both.Fixed);
        DefineZeros(body, [.. Enumerable.Range(0, registersY).SelectMany(r => Enumerable.Range(0, registersX).Select(s => Sum(r, s)))]);
        LocalArray stageA = Stage("a", a, rows, tileY, tileRow, registersY, out Action loadA);
        LocalArray stageB = Stage("b", b, columns, tileX, tileColumn, run.Width, out Action loadB);
        void Terms(Expression start)
        {
            loadA();
            loadB();
            body.Barrier();
            body.For("k", 0, terms, 1, () =>
            {
                IReadOnlyList<Expression> ofRows = FromStage(stageA, "a0", registersY, y);
                Expression[] ofColumns =
                [
                    .. Enumerable.Range(0, registersX / run.Width)
                        .SelectMany(s => FromStage(stageB, FormattableString.Invariant($"b{s}"), run.Width, x + (s * threadsX))),
                ];
                for (int r = 0; r < registersY; r++)
                {
                    for (int s = 0; s < registersX; s++)
                    {
                        body.Assign(Sum(r, s), KernelBody.Call(Function.MultiplyAdd, ofRows[r], ofColumns[s], Sum(r, s)));
                    }
                }
            });
            body.Barrier();
        }

        if (parts == 1)
        {
            body.For("start", 0, sum.Extent, terms, () => Terms("start"));
        }
        else
        {
            // Whole steps of the loop, so that no part begins within one.
            Expression part = body.Define("part", new Position(WorkItem.GroupZ) / both.Fixed);
            Expression length = body.Define("partTerms", (sum.Extent + ((parts * terms) - 1)) / (parts * terms) * terms);
            Expression end = body.Define("end", new Choice(((part + 1) * length).IsLess(sum.Extent), (part + 1) * length, sum.Extent));
            body.For("start", part * length, end, terms, () => Terms("start"));
        }

        Counter runs = columns.InRuns(run.Width);
        for (int r = 0; r < registersY; r++)
        {
            Expression m = (tileRow * tileY) + (y * registersY) + r;
            Expression[] line = [.. Enumerable.Range(0, registersX).Select(s => (Expression)Sum(r, s))];
            body.When(rows.Within(m, tileY), () =>
            {
                for (int s = 0; s < registersX / run.Width; s++)
                {
                    Expression n = (tileColumn * (tileX / run.Width)) + x + (s * threadsX);
                    Expression[] results = [.. line.Skip(s * run.Width).Take(run.Width)];
                    Expression At(View view, int width) =>
                        (view.Below / width) + both.PositionIn(view, group, width) + rows.PositionIn(view, m, width) + runs.PositionIn(view, n, width);
                    body.When(runs.Within(n, tileX / run.Width), () =>
                    {
                        if (parts == 1)
                        {
                            FusedResults.Store(body, vectors, step, run, results, At);
                        }
                        else
                        {
                            ofTarget.Store(
                                body, "c", target, run, width => ((Expression)"part" * (PartLength(step) / width)) + At(target, width), results, isResult: false);
                        }
                    });
                }
            });
        }

        return new DeviceKernel(
            $"{FusedResults.Describe(step)}: tiles of {tileY} × {tileX}, {terms} terms at a time{(parts == 1 ? "" : $", {parts} parts")}",
            threadsX,
            threadsY,
            columns.Grid(tileX),
            rows.Grid(tileY),
            both.Grid(1) with { Extent = both.Fixed * parts },
            FusedResults.Operands(step),
            [stageA, stageB],
            body.Statements,
            FusedResults.WorkOf(step));

        // Neighbouring work items load what lies side by side; a line of the stage is padded, by a vector, where they would store into one bank.
        LocalArray Stage(string name, View view, Counter free, int tile, Expression tileNumber, int registers, out Action load)
        {
            Index? nearest = view.Position.Terms.OrderBy(term => term.Stride).Select(term => term.Index).FirstOrDefault();
            bool alongSum = nearest is not null && sum.Contains(nearest);
            int together = vectors.Longest(nearest == (alongSum ? sum : free).Last ? nearest : null, [view]).Width, stored = alongSum ? 1 : Math.Min(together, vectors.Most);
            int read = Math.Min(registers, vectors.Most), pitch = alongSum ? tile + read : tile;
            (Counter outOfSum, int tileRuns) = alongSum ? (free, tile) : (free.InRuns(together), tile / together);
            (Counter ofSum, int termRuns) = alongSum ? (sum.InRuns(together), terms / together) : (sum, terms);
            string e = name + "Element", i = name + "Free", k = name + "Term";
            var stage = new LocalArray(name + "Stage", pitch * terms, Math.Max(read, stored));
            load = () => body.For(e, item, tileRuns * termRuns, threads, () =>
            {
                body.Define(i, alongSum ? (Expression)e / termRuns : (Expression)e % tileRuns);
                body.Define(k, alongSum ? (Expression)e % termRuns : (Expression)e / tileRuns);
                Expression position = (tileNumber * tileRuns) + i, term = (Expression)"start" / (terms / termRuns) + k;
                Expression at = (view.Below / together) + both.PositionIn(view, group, together) + outOfSum.PositionIn(view, position, together) + ofSum.PositionIn(view, term, together);
                Expression? within = Both(outOfSum.Within(position, tileRuns), ofSum.Within(term, termRuns));
                IReadOnlyList<Expression> values = together > 1 ? body.DefineVectors(name, name, at, together, together, within)
                    : [within is null ? new Load(name, at) : new Choice(within, new Load(name, at), new Real(0))];
                for (int lane = 0; lane < together; lane += stored)
                {
                    Expression place = alongSum ? ((((Expression)k * together) + lane) * pitch) + i
                        : ((Expression)k * (pitch / stored)) + ((Expression)i * (together / stored)) + (lane / stored);
                    body.Store(stage.Name, place, [.. values.Skip(lane).Take(stored)]);
                }
            });
            return stage;
        }

        // What a work item reads of a line of a stage: its run there.
        IReadOnlyList<Expression> FromStage(LocalArray stage, string name, int length, Expression number)
        {
            int width = Math.Min(length, vectors.Most);
            Expression first = ((Expression)"k" * (stage.Length / terms / width)) + (number * (length / width));
            return width == 1 ? [body.DefineElement(name, new Load(stage.Name, first))] : body.DefineVectors(name, stage.Name, first, width, length);
        }
    }

    /// <summary>
    /// A work item for each element of the target, or for neighbours where a factor has them side by side too; otherwise it may take neighbouring
    /// terms of the sum together. Where several share a sum, they add their parts pair by pair.
    /// </summary>
    /// <param name="step">The step that is computed.</param>
    /// <param name="results">The elements of the target.</param>
    /// <param name="sum">The terms of each element's sum.</param>
    /// <param name="columns">The number of results that a group computes.</param>
    /// <param name="share">The work items that share a sum.</param>
    private DeviceKernel PerResult(FusedStep step, Counter results, Counter sum, int columns, int share)
    {
        Contraction contraction = step.Contraction;
        IEnumerable<View> factors = contraction.Views.Skip(1);
        Run run = columns > 1 && RunsAlong(results.Last, contraction.Target) && factors.Any(view => RunsAlong(results.Last, view))
            ? vectors.Longest(results.Last, contraction.Views)
            : Run.One;
        Run together = run.Width > 1 ? run : vectors.Longest(sum.Last, factors, (int)Math.Min(int.MaxValue, sum.Nominal(nominalRows) / share));
        (Counter runs, Counter terms) = (results.InRuns(run.Width), sum.InRuns(together.Width / run.Width));
        string[] sums = [.. Enumerable.Range(0, run.Width).Select(lane => Lane("sum", run, lane))];
        LocalArray[] parts = share == 1 ? [] : [.. Enumerable.Range(0, run.Width).Select(lane => new LocalArray(Lane("parts", run, lane), columns * share))];
        var body = new KernelBody();

        // Neighbouring work items read what lies side by side.
        bool alongSum = share > 1 && (columns == 1 || (run.Width == 1 && factors.Any(view => RunsAlong(sum.Last, view))));
        (WorkItem column, WorkItem term) = alongSum ? (WorkItem.LocalY, WorkItem.LocalX) : (WorkItem.LocalX, WorkItem.LocalY);
        Expression x = columns == 1 ? 0 : share == 1 ? new Position(column) : body.Define("x", new Position(column));
        Expression y = share == 1 ? 0 : body.Define(columns == 1 ? "item" : "y", new Position(term));
        Expression item = columns == 1 || share == 1 ? y : body.Define("item", (y * columns) + x);
        Expression i = body.Define("i", (new Position(WorkItem.GroupX) * columns) + x);
        Expression? within = columns == 1 ? null : runs.Within(i, columns);
        if (share == 1)
        {
            body.When(within, () =>
            {
                if (sum.IsEmpty)
                {
                    IReadOnlyList<Expression> products = Products(contraction, body, run, Position);
                    for (int lane = 0; lane < run.Width; lane++)
                    {
                        body.DefineElement(sums[lane], products[lane]);
                    }
                }
                else
                {
                    DefineZeros(body, sums);
                    SumUp();
                }

                FusedResults.Store(body, vectors, step, run, [.. sums.Select(name => (Expression)name)], Position);
            });
        }
        else
        {
            DefineZeros(body, sums);
            body.When(within, SumUp);
            body.CombineOverGroup(parts, item, [.. sums.Select(name => (Expression)name)], (left, right) => left + right, columns);
            body.When(Both(item.IsLess(columns), within), () => FusedResults.Store(
                body, vectors, step, run, [.. parts.Select(array => new Load(array.Name, item))], Position));
        }

        string items = share == 1 ? "a work item for each result" : columns == 1 ? "a group for each result" : FormattableString.Invariant($"{share} work items for each result");
        return new DeviceKernel(
            $"{FusedResults.Describe(step)}: {items}",
            alongSum ? share : columns,
            alongSum ? columns : share,
            runs.Grid(columns),
            GridAxis.One,
            GridAxis.One,
            FusedResults.Operands(step),
            parts,
            body.Statements,
            FusedResults.WorkOf(step));

        void SumUp() => body.For("k", y, terms.Extent, share, () => Add(
            body, sums, Products(contraction, body, together, (view, width) => Position(view, width) + terms.PositionIn(view, "k", width))));

        Expression Position(View view, int width) => (view.Below / width) + runs.PositionIn(view, i, width);
    }

    /// <summary>Whether neighbouring terms of a sum lie side by side: work items that share it read whole lines, those that have one each do not.</summary>
    private static bool RunsAlong(Counter sum, View view) => view.Position.Terms.Any(term => term.Stride == 1 && sum.Contains(term.Index));

    private static bool RunsAlong(Index? index, View view) => index is not null && view.Stride(index) == 1;

    private static long Length(View view) => view.Position.Indices.Aggregate(1L, (product, index) => product * Math.Max(1, index.Extent));

    /// <summary>Adds products to sums: each to its own, or all to one.</summary>
    private static void Add(KernelBody body, IReadOnlyList<string> sums, IReadOnlyList<Expression> products)
    {
        for (int lane = 0; lane < products.Count; lane++)
        {
            string sum = sums[lane % sums.Count];
            body.Assign(sum, products[lane] is Binary product ? KernelBody.Call(Function.MultiplyAdd, product.Left, product.Right, sum) : sum + products[lane]);
        }
    }

    /// <summary>The products of a run of results, or of terms.</summary>
    private IReadOnlyList<Expression> Products(Contraction contraction, KernelBody body, Run run, Func<View, int, Expression> position)
    {
        IReadOnlyList<Expression> left = vectors.Load(body, "a", "a", contraction.Left, run, width => position(contraction.Left, width));
        return contraction.Right is { } b
            ? [.. left.Zip(vectors.Load(body, "b", "b", b, run, width => position(b, width)), (one, other) => one * other)]
            : left;
    }

    /// <summary>How the parts of a step's sums are stored: the first begins where the block does.</summary>
    private Vectors OfParts(FusedStep step) => vectors.With(step.Contraction.Target, Vectors.PowerIn(PartLength(step)));

    /// <summary>What has to do with a lane of a run.</summary>
    private static string Lane(string name, Run run, int lane) => run.Width == 1 ? name : FormattableString.Invariant($"{name}{lane}");

    private static void DefineZeros(KernelBody body, IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            body.DefineElement(name, new Real(0));
        }
    }

    /// <summary>Work items along a side of a tile, and how many results each of them has.</summary>
    private static (int Threads, int Registers) Tile(long extent)
    {
        int registers = extent >= 64 ? 4 : extent >= 16 ? 2 : 1;
        int threads = 8;
        while (threads < 16 && threads * registers < extent)
        {
            threads *= 2;
        }

        return (threads, registers);
    }

    private static Expression? Both(Expression? left, Expression? right) => left is null ? right : right is null ? left : left.And(right);

    private static string Sum(int row, int column) => FormattableString.Invariant($"c{row}{column}");
}
