using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>
/// Forward passes of their own beside that which derivatives stand behind. For a few rows, what counts is how weights are read, each once, and how many
/// steps there are; steps for many rows count on rows that share what is read. Outside training there is no noise.
/// </summary>
/// <param name="Rows">The most rows that it is for.</param>
/// <param name="Schedule">The plans and the steps of the pass.</param>
/// <param name="Prepare">What it needs of derived and packed weights beside those that are there for the other pass.</param>
public sealed record ForwardPass(int Rows, Schedule Schedule, IReadOnlyList<Step> Prepare)
{
    /// <summary>What it is for, in words.</summary>
    public string InWords => Rows switch
    {
        1 => "a single row",
        int.MaxValue => "without noise",
        _ => FormattableString.Invariant($"up to {Rows} rows"),
    };

    /// <summary>The most rows that are called few.</summary>
    public const int MostFew = 8;

    /// <summary>The schedule with a pass for a few rows, where there is one that is faster.</summary>
    /// <param name="schedule">The schedule for many rows.</param>
    /// <param name="lowered">The module, as it is best written for a few rows.</param>
    /// <param name="variant">What the schedule for many rows is for.</param>
    /// <param name="gain">How many times as fast it must promise to be; 0 for always.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static Schedule AddFewRows(Schedule schedule, LoweredModule lowered, Variant variant, double gain, CancellationToken cancellationToken = default)
    {
        Schedule few = Cheapest(lowered, variant, cancellationToken), many = schedule.Evaluation?.Schedule ?? schedule;
        int rows = Enumerable.Range(1, MostFew).TakeWhile(rows => gain * few.ForwardCost(rows) < many.ForwardCost(rows)).LastOrDefault();
        return rows > 0 && Beside(schedule, few, rows) is var (layout, pass) ? schedule with { Layout = layout, FewRows = pass } : schedule;
    }

    /// <summary>The schedule of a module with noise, with a pass without it.</summary>
    /// <param name="schedule">The schedule with noise.</param>
    /// <param name="evaluation">The schedule of the module without.</param>
    /// <exception cref="CompilationException">The weights of both together would be larger than a block can be.</exception>
    public static Schedule AddEvaluation(Schedule schedule, Schedule evaluation) => Beside(schedule, evaluation, int.MaxValue) is var (layout, pass)
        ? schedule with { Layout = layout, Evaluation = pass }
        : throw new CompilationException(DiagnosticDescriptors.TooLarge, [Limits.Message("the parameters with what is made of them", double.PositiveInfinity, MemoryBlock.MaxLength)]);

    /// <summary>Lays the weights of another pass out: what is made in the same way lies where it does, the rest behind it.</summary>
    private static (Layout Layout, ForwardPass Pass)? Beside(Schedule schedule, Schedule other, int rows)
    {
        if (!other.Parameters.Select(place => place.Parameter).SequenceEqual(schedule.Parameters.Select(place => place.Parameter)))
        {
            return null;
        }

        Dictionary<Storage, string> ids = Identify(schedule, "one"), otherIds = Identify(other, "other");
        ILookup<string, Storage> known = schedule.Storages.Where(storage => ids.ContainsKey(storage) && schedule.Layout.Holds(storage)).ToLookup(storage => ids[storage]);
        Dictionary<Storage, int> offsets = other.Layout.Offsets.ToDictionary(pair => pair.Key, pair => pair.Value);
        HashSet<Storage> own = [];
        long count = schedule.Layout.WeightCount;
        foreach (Storage storage in other.Storages.Where(storage => storage is { IsPerRow: false, IsParameter: false }))
        {
            bool isHeld = other.Layout.Holds(storage);
            if (isHeld && known[otherIds[storage]].FirstOrDefault() is { } same)
            {
                offsets[storage] = schedule.Layout.OffsetOf(same);
                continue;
            }

            own.Add(storage);
            if (isHeld)
            {
                count = ProcessorModel.Align(count) + storage.Length;
                if (count > MemoryBlock.MaxLength)
                {
                    return null;
                }

                offsets[storage] = (int)count - storage.Length;
            }
        }

        other = other with { Layout = other.Layout with { Offsets = offsets } };
        return (
            schedule.Layout with { WeightCount = (int)count },
            new ForwardPass(rows, other, [.. other.PrepareFrozen.Concat(other.Prepare).Where(step => own.Contains(step.Target.Storage))]));
    }

    /// <summary>Of plans that cost about the same by FLOPs and bytes, the one whose kernels cost least for a single row.</summary>
    private static Schedule Cheapest(LoweredModule lowered, Variant variant, CancellationToken cancellationToken)
    {
        const double AboutTheSame = 1.05;
        const int MostCompared = 8;
        Schedule first = Build(0);
        int others = first.Plans.Max(plan => (int?)plan.Alternatives.Count(other => other.Cost <= AboutTheSame * plan.Cost)) ?? 0;
        others = Math.Min(others, MostCompared);
        return Enumerable.Range(1, others).Select(Build).Prepend(first).OrderBy(schedule => schedule.ForwardCost(1)).First();

        Schedule Build(int rank) => Scheduler.Build(lowered, variant with { Costs = variant.Costs.ForFewRows, PlanRank = rank }, cancellationToken: cancellationToken);
    }

    /// <summary>A text for each weight that says how it is made of parameters: equal for equal weights.</summary>
    /// <param name="schedule">The schedule whose weights they are.</param>
    /// <param name="own">A text for what is too rare to be worth sharing.</param>
    private static Dictionary<Storage, string> Identify(Schedule schedule, string own)
    {
        Dictionary<Storage, string> ids = schedule.Parameters.ToDictionary(place => place.Storage, place => place.Storage.Name);
        foreach (Step step in schedule.PrepareFrozen.Concat(schedule.Prepare))
        {
            IEnumerable<string> reads = step.Reads.Select(place => FormattableString.Invariant($"{(ids.TryGetValue(place.Storage, out string? id) ? id : "?")}+{place.Offset}"));
            ids.TryGetValue(step.Target.Storage, out string? before);
            ids[step.Target.Storage] = FormattableString.Invariant($"{before}{step.Target.Offset}={Text(step)}({string.Join(", ", reads)});");
        }

        return ids;

        string Text(Step step) => step switch
        {
            KernelStep kernel => kernel.Kernel.Key,
            FunctionStep function => FormattableString.Invariant($"{function.Function.Function}[{string.Join(",", function.Function.Numbers)}]"),
            PackStep pack => $"{string.Join("x", pack.Extents)}/{string.Join("x", pack.Strides)}/{pack.Packed.PackedFormat}",
            ConstantStep { Constant.Value: FormulaTensor formula } => $"{AlgebraPrinter.Print(formula)} {string.Join("x", formula.Extents)}",
            ConstantStep constant => AlgebraPrinter.Print(constant.Constant.Value),
            ClearStep or CheckStep => step.GetType().Name,
            _ => own + step.GetType().Name,
        };
    }
}
