using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;

namespace Weft.Compiler.Scheduling;

/// <summary>
/// A forward pass of its own for a few rows. There, what counts is how weights are read, each once, and how many steps there are; steps
/// for many rows count on rows that share what is read.
/// </summary>
/// <param name="Rows">The most rows for which it is the faster one.</param>
/// <param name="Schedule">Its plans and its steps.</param>
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
    /// <param name="costs">What plans are chosen by.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    /// <param name="gain">How many times as fast it must promise to be; 0 for always.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static Schedule AddTo(Schedule schedule, LoweredModule lowered, CostModel costs, int elementSize, double gain, CancellationToken cancellationToken = default)
    {
        Schedule few = Cheapest(lowered, costs.ForFewRows, elementSize, cancellationToken);
        bool hasSameParameters = few.Parameters.Select(place => place.Parameter).SequenceEqual(schedule.Parameters.Select(place => place.Parameter));
        int rows = Enumerable.Range(1, Most).TakeWhile(rows => gain * few.ForwardCost(rows, elementSize) < schedule.ForwardCost(rows, elementSize)).LastOrDefault();
        if (rows == 0 || !hasSameParameters)
        {
            return schedule;
        }

        Dictionary<Storage, string> ids = Identify(schedule, "many");
        ILookup<string, Storage> known = schedule.Storages.Where(storage => ids.ContainsKey(storage) && !storage.IsTransient).ToLookup(storage => ids[storage]);
        Dictionary<Storage, string> fewIds = Identify(few, "few");
        HashSet<Storage> own = [];
        long count = schedule.WeightCount;
        foreach (Storage storage in few.Storages.Where(storage => !storage.IsPerRow && !few.Parameters.Any(place => place.Storage == storage)))
        {
            if (!storage.IsTransient && known[fewIds[storage]].FirstOrDefault() is { } same)
            {
                storage.Offset = same.Offset;
                continue;
            }

            own.Add(storage);
            if (!storage.IsTransient)
            {
                count = Scheduler.Align(count) + storage.Length;
                if (count > Limits.Block)
                {
                    return schedule;
                }

                storage.Offset = (int)count - storage.Length;
            }
        }

        return schedule with
        {
            WeightCount = (int)count,
            FewRows = new FewRows(rows, few, [.. few.PrepareFrozen.Concat(few.Prepare).Where(step => own.Contains(step.Target.Storage))]),
        };
    }

    /// <summary>Of plans that cost about the same by FLOPs and bytes, the one whose kernels cost least for a single row.</summary>
    private static Schedule Cheapest(LoweredModule lowered, CostModel costs, int elementSize, CancellationToken cancellationToken)
    {
        const double AboutTheSame = 1.05;
        const int MostCompared = 8;
        Schedule first = Build(0);
        int others = first.Plans.Max(plan => (int?)plan.Alternatives.Count(other => other.Cost <= AboutTheSame * plan.Cost)) ?? 0;
        others = Math.Min(others, MostCompared);
        return Enumerable.Range(1, others).Select(Build).Prepend(first).OrderBy(schedule => schedule.ForwardCost(1, elementSize)).First();

        Schedule Build(int rank) => Scheduler.Build(lowered, costs, elementSize, rank, cancellationToken: cancellationToken);
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
