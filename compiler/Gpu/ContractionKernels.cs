using Weft.Compiler.Planning;
using Weft.Compiler.Scheduling;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Gpu;

/// <summary>
/// Kernels for contractions. The indices of <c>c = Σ a · b</c> are those of a and c (m), of b and c (n), of all three (z), and those that
/// are summed over (k). No form depends on the order in which groups run, so results are the same from run to run.
/// </summary>
/// <param name="batch">The rows that kernels are chosen for.</param>
/// <param name="device">What the device can do.</param>
internal sealed class ContractionKernels(int batch, DeviceModel device)
{
    /// <summary>Groups along the second and third axes of a grid: CUDA has no more.</summary>
    public const int MostGroups = 65535;

    /// <summary>Work items of a group where they do not form a tile.</summary>
    private const int Group = 64;

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
        contraction = KernelSelector.Coalesce(contraction);
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
            return Reduced(step, all, sum);
        }

        return rows.Nominal(nominalRows) >= 8 && columns.Nominal(nominalRows) >= 8 && sum.Nominal(nominalRows) >= 2
            && both.Fixed <= MostGroups && rows.Fixed <= MostGroups
            ? Staged(step, rows, columns, both, sum, parts: 1)
            : Direct(step, all, sum);
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
    public static DeviceKernel BuildTotal(FusedStep step, int parts)
    {
        (Counter all, _, _, _, _) = Counters(step.Contraction);
        var body = new KernelBody();
        Expression i = body.Define("i", (new Position(WorkItem.GroupX) * Group) + new Position(WorkItem.LocalX));
        body.When(all.Within(i, Group), () =>
        {
            Expression at = body.Define("at", step.Contraction.Target.Below + all.PositionIn(step.Contraction.Target, i));
            body.DefineElement("sum", new Real(0));
            body.For("part", 0, parts, 1, () => body.Assign("sum", "sum" + (Expression)new Load("a", ((Expression)"part" * PartLength(step)) + at)));
            FusedResults.Store(body, step, "sum", c => c == step.Contraction.Target ? at : c.Below + all.PositionIn(c, i));
        });
        double elements = (double)all.Fixed * parts;
        return new DeviceKernel(
            FormattableString.Invariant($"{FusedResults.Describe(step)}: {parts} parts"),
            Group,
            1,
            all.Grid(Group),
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

    /// <summary>A tile of the target for each group, a register tile for each work item; both operands go through local memory.</summary>
    private DeviceKernel Staged(FusedStep step, Counter rows, Counter columns, Counter both, Counter sum, int parts)
    {
        (View a, View b) = (step.Contraction.Left, step.Contraction.Right!);
        (int threadsX, int registersX) = Tile(columns.Nominal(nominalRows));
        (int threadsY, int registersY) = Tile(rows.Nominal(nominalRows));
        (int tileX, int tileY, int threads) = (threadsX * registersX, threadsY * registersY, threadsX * threadsY);
        int terms = sum.HasRows ? StagedTerms : Math.Min(StagedTerms, sum.Fixed);
        var body = new KernelBody();
        Expression x = body.Define("x", new Position(WorkItem.LocalX)), y = body.Define("y", new Position(WorkItem.LocalY));
        Expression item = body.Define("item", (y * threadsX) + x);
        Expression column = body.Define("column", new Position(WorkItem.GroupX) * tileX);
        Expression row = body.Define("row", new Position(WorkItem.GroupY) * tileY);
        Expression group = body.Define("z", parts == 1 ? new Position(WorkItem.GroupZ) : new Position(WorkItem.GroupZ) % both.Fixed);
        for (int r = 0; r < registersY; r++)
        {
            for (int s = 0; s < registersX; s++)
            {
                body.DefineElement(Sum(r, s), new Real(0));
            }
        }

        LocalArray stageA = Stage("a", a, rows, tileY, row, out Action loadA);
        LocalArray stageB = Stage("b", b, columns, tileX, column, out Action loadB);
        void Terms(Expression start)
        {
            loadA();
            loadB();
            body.Barrier();
            body.For("k", 0, terms, 1, () =>
            {
                for (int r = 0; r < registersY; r++)
                {
                    body.DefineElement($"a{r}", new Load(stageA.Name, ((Expression)"k" * (stageA.Length / terms)) + y + (r * threadsY)));
                }

                for (int s = 0; s < registersX; s++)
                {
                    body.DefineElement($"b{s}", new Load(stageB.Name, ((Expression)"k" * (stageB.Length / terms)) + x + (s * threadsX)));
                }

                for (int r = 0; r < registersY; r++)
                {
                    for (int s = 0; s < registersX; s++)
                    {
                        body.Assign(Sum(r, s), KernelBody.Call(Function.MultiplyAdd, $"a{r}", $"b{s}", Sum(r, s)));
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

        for (int r = 0; r < registersY; r++)
        {
            Expression m = row + y + (r * threadsY);
            string[] results = [.. Enumerable.Range(0, registersX).Select(s => Sum(r, s))];
            body.When(rows.Within(m, tileY), () =>
            {
                for (int s = 0; s < registersX; s++)
                {
                    Expression n = column + x + (s * threadsX);
                    string result = results[s];
                    Expression At(View c) => c.Below + both.PositionIn(c, group) + rows.PositionIn(c, m) + columns.PositionIn(c, n);
                    body.When(columns.Within(n, tileX), () =>
                    {
                        if (parts == 1)
                        {
                            FusedResults.Store(body, step, result, At);
                        }
                        else
                        {
                            body.Store("c", ((Expression)"part" * PartLength(step)) + At(step.Contraction.Target), result);
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
            new GridAxis(both.Fixed * parts, false, 1),
            FusedResults.Operands(step),
            [stageA, stageB],
            body.Statements,
            FusedResults.WorkOf(step));

        // Neighbouring work items load what lies side by side; a row of the stage is padded where they would store into one bank.
        LocalArray Stage(string name, View view, Counter free, int tile, Expression first, out Action load)
        {
            Index? nearest = view.Position.Terms.OrderBy(term => term.Stride).Select(term => term.Index).FirstOrDefault();
            bool alongSum = nearest is not null && sum.Contains(nearest);
            int pitch = alongSum ? tile + 1 : tile;
            string stage = name + "Stage", e = name + "Element", i = name + "Free", k = name + "Term";
            load = () => body.For(e, item, tile * terms, threads, () =>
            {
                body.Define(i, alongSum ? (Expression)e / terms : (Expression)e % tile);
                body.Define(k, alongSum ? (Expression)e % terms : (Expression)e / tile);
                Expression position = first + i, term = (Expression)"start" + k;
                Expression value = new Load(name, view.Below + both.PositionIn(view, group) + free.PositionIn(view, position) + sum.PositionIn(view, term));
                Expression? within = Both(free.Within(position, tile), sum.Within(term, terms));
                body.Store(stage, ((Expression)k * pitch) + i, within is null ? value : new Choice(within, value, new Real(0)));
            });
            return new LocalArray(stage, pitch * terms);
        }
    }

    /// <summary>A work item for each element of the target.</summary>
    private static DeviceKernel Direct(FusedStep step, Counter results, Counter sum)
    {
        var body = new KernelBody();
        Expression i = body.Define("i", (new Position(WorkItem.GroupX) * Group) + new Position(WorkItem.LocalX));
        body.When(results.Within(i, Group), () =>
        {
            body.DefineElement("sum", sum.IsEmpty ? Product(step.Contraction, results, i, sum, 0) : new Real(0));
            if (!sum.IsEmpty)
            {
                body.For("k", 0, sum.Extent, 1, () => Add(step.Contraction, body, results, i, sum, "k"));
            }

            FusedResults.Store(body, step, "sum", c => c.Below + results.PositionIn(c, i));
        });
        return new DeviceKernel(
            $"{FusedResults.Describe(step)}: a work item for each result",
            Group,
            1,
            results.Grid(Group),
            GridAxis.One,
            GridAxis.One,
            FusedResults.Operands(step),
            [],
            body.Statements,
            FusedResults.WorkOf(step));
    }

    /// <summary>A group for each element of the target: its work items share the sum, and add their parts pair by pair.</summary>
    private static DeviceKernel Reduced(FusedStep step, Counter results, Counter sum)
    {
        var body = new KernelBody();
        var parts = new LocalArray("parts", Group);
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        Expression i = body.Define("i", new Position(WorkItem.GroupX));
        body.DefineElement("sum", new Real(0));
        body.For("k", item, sum.Extent, Group, () => Add(step.Contraction, body, results, i, sum, "k"));
        body.SumOverGroup(parts, item, "sum");
        body.When(item.IsLess(1), () => FusedResults.Store(body, step, new Load(parts.Name, 0), c => c.Below + results.PositionIn(c, i)));
        return new DeviceKernel(
            $"{FusedResults.Describe(step)}: a group for each result",
            Group,
            1,
            results.Grid(1),
            GridAxis.One,
            GridAxis.One,
            FusedResults.Operands(step),
            [parts],
            body.Statements,
            FusedResults.WorkOf(step));
    }

    /// <summary>Whether neighbouring terms of a sum lie side by side: work items that share it read whole lines, those that have one each do not.</summary>
    private static bool RunsAlong(Counter sum, View view) => view.Position.Terms.Any(term => term.Stride == 1 && sum.Contains(term.Index));

    private static long Length(View view) => view.Position.Indices.Aggregate(1L, (product, index) => product * Math.Max(1, index.Extent));

    private static void Add(Contraction contraction, KernelBody body, Counter results, Expression i, Counter sum, Expression k)
    {
        Expression term = Product(contraction, results, i, sum, k);
        body.Assign("sum", term is Binary product ? KernelBody.Call(Function.MultiplyAdd, product.Left, product.Right, "sum") : "sum" + term);
    }

    /// <summary>A term of the sum for a result.</summary>
    private static Expression Product(Contraction contraction, Counter results, Expression i, Counter sum, Expression k)
    {
        (View a, View? b) = (contraction.Left, contraction.Right);
        Expression left = new Load("a", a.Below + results.PositionIn(a, i) + sum.PositionIn(a, k));
        return b is null ? left : left * new Load("b", b.Below + results.PositionIn(b, i) + sum.PositionIn(b, k));
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
