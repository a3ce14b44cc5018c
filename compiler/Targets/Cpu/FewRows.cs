using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>
/// A forward pass of its own for a few rows. There, what counts is how weights are read, each once, and how many steps there are; steps
/// for many rows count on rows that share what is read.
/// </summary>
/// <param name="Rows">The most rows for which it is the faster one.</param>
/// <param name="Schedule">The plans and the steps of the pass.</param>
/// <param name="Prepare">What it needs of derived and packed weights beside those that are there for many rows.</param>
public sealed record FewRows(int Rows, Schedule Schedule, IReadOnlyList<Step> Prepare)
{
    /// <summary>For how many rows, in words.</summary>
    public string InWords => Rows == 1 ? "a single row" : FormattableString.Invariant($"up to {Rows} rows");

    /// <summary>The most rows that are called few.</summary>
    public const int Most = 8;

    /// <summary>The schedule with a pass for a few rows, where there is one that is faster.</summary>
    /// <param name="schedule">The schedule for many rows.</param>
    /// <param name="lowered">The module, as it is best written for a few rows.</param>
    /// <param name="variant">What the schedule for many rows is for.</param>
    /// <param name="gain">How many times as fast it must promise to be; 0 for always.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static Schedule AddTo(Schedule schedule, LoweredModule lowered, Variant variant, double gain, CancellationToken cancellationToken = default)
    {
        Schedule few = Cheapest(lowered, variant, cancellationToken);
        bool hasSameParameters = few.Parameters.Select(place => place.Parameter).SequenceEqual(schedule.Parameters.Select(place => place.Parameter));
        int rows = Enumerable.Range(1, Most).TakeWhile(rows => gain * few.ForwardCost(rows) < schedule.ForwardCost(rows)).LastOrDefault();
        if (rows == 0 || !hasSameParameters)
        {
            return schedule;
        }

        // What is made in the same way as for many rows lies where that does; the rest behind it.
        Dictionary<Storage, string> ids = Identify(schedule, "many"), fewIds = Identify(few, "few");
        ILookup<string, Storage> known = schedule.Storages.Where(storage => ids.ContainsKey(storage) && schedule.Layout.Holds(storage)).ToLookup(storage => ids[storage]);
        Dictionary<Storage, int> offsets = few.Layout.Offsets.ToDictionary(pair => pair.Key, pair => pair.Value);
        HashSet<Storage> own = [];
        long count = schedule.Layout.WeightCount;
        foreach (Storage storage in few.Storages.Where(storage => storage is { IsPerRow: false, IsParameter: false }))
        {
            bool isHeld = few.Layout.Holds(storage);
            if (isHeld && known[fewIds[storage]].FirstOrDefault() is { } same)
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
                    return schedule;
                }

                offsets[storage] = (int)count - storage.Length;
            }
        }

        few = few with { Layout = few.Layout with { Offsets = offsets } };
        return schedule with
        {
            Layout = schedule.Layout with { WeightCount = (int)count },
            FewRows = new FewRows(rows, few, [.. few.PrepareFrozen.Concat(few.Prepare).Where(step => own.Contains(step.Target.Storage))]),
        };
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
