using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Projection;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Operations;
using Weft.Compiler.Targets.Cpu;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Explanation;

/// <summary>Says what the compiler did with a module, what else it considered, and the cost that it predicts.</summary>
public sealed class Explainer(Schedule schedule, IReadOnlyList<Law> laws, IReadOnlyList<Route> routes, CostModel costs, ProjectionPlan? projection, Scalar scalar)
{
    private const int Alternatives = 3;

    /// <summary>What is explained.</summary>
    public Schedule Schedule => schedule;

    /// <summary>Where the parameters closest to a matrix come from; null for what is not linear.</summary>
    public ProjectionPlan? Projection => projection;

    /// <summary>The laws that were applied, each as often as it was.</summary>
    public IReadOnlyList<Law> Laws => laws;

    /// <summary>What is known of a linear map whatever its parameters are: <c>symmetric</c>, <c>rank at most 4</c>.</summary>
    public IReadOnlyList<string> Properties { get; } = schedule.Module.Links.Count == 1 && schedule.Module.Links[0] is LinearLink linear
        ? [.. Rewriting.Properties.Describe(linear.Operator)]
        : [];

    /// <summary>The orders of contractions, where there is more than one tensor.</summary>
    public IEnumerable<TermPlan> Plans => OrdersOf(schedule);

    /// <summary>How much of the processor's peak the kernels of the forward pass are predicted to reach; 0 where there is no operation.</summary>
    /// <param name="rows">Rows of the batch.</param>
    public double PredictedShare(int rows) =>
        schedule.ForwardFlops == 0 ? 0 : (double)schedule.ForwardFlops * rows / (schedule.FewRows is { } few && rows <= few.Rows ? few.Schedule : schedule).ForwardCost(rows);

    /// <summary>The forward pass under the roof of the processor's model; null where there is no operation.</summary>
    /// <param name="rows">Rows of the batch.</param>
    public RooflinePoint? Roofline(int rows) => schedule.ForwardFlops == 0 ? null : new RooflinePoint(
        costs.Processor.Name,
        (double)schedule.ForwardFlops * rows / (schedule.ParameterCount + ((double)rows * (Module.Inputs + Module.Outputs))),
        PredictedShare(rows),
        costs.Processor.OperationsPerElement,
        IsBatch: rows > 1);

    /// <summary>The network, drawn.</summary>
    public string Picture() => NetworkPicture.Draw(schedule.Program.Lowered, schedule.Plans);

    private Module Module => schedule.Module;

    private int ElementSize => scalar == Scalar.Float ? 4 : 8;

    private double DenseParameters => (double)Module.Inputs * Module.Outputs;

    /// <summary>A few lines for the documentation of the generated type.</summary>
    public IEnumerable<string> Summary()
    {
        yield return Parameters();
        yield return Flops();
        if (Properties.Count > 0)
        {
            yield return Known();
        }

        if (Plans.Any())
        {
            yield return $"Plan for batches of {Number(costs.Batch)}: {string.Join("; ", Plans.Select(plan => PlanPrinter.Print(plan.Root)))}.";
        }
    }

    /// <summary>All of it.</summary>
    public ExplanationReport Full() => new(
        $"{Module.Name}: {Number(Module.Inputs)} -> {Number(Module.Outputs)}, {scalar.ToString().ToLowerInvariant()}, planned for batches of {Number(costs.Batch)}",
        new MapCosts(schedule.TrainedCount, schedule.ParameterCount - schedule.TrainedCount, schedule.ForwardFlops, schedule.ReverseFlops),
        [.. Ports()],
        [.. Facts()],
        [.. Sections()]);

    private IEnumerable<string> Ports() => new[] { ("Inputs", Module.InputPorts), ("Outputs", Module.OutputPorts) }
        .Where(side => side.Item2.Count > 0)
        .Select(side => $"{side.Item1}: {string.Join(", ", side.Item2)}");

    private IEnumerable<string> Facts()
    {
        yield return Parameters();
        yield return Flops();
        if (schedule.Forward.OfType<GatherStep>().Where(gather => gather.Table.Storage.IsPerRow).ToList() is { Count: > 0 } gathers)
        {
            yield return $"At positions by data: {Number(gathers.Sum(gather => gather.Shape.Direct))} elements read or added to per row.";
        }

        yield return Bytes();
        yield return Prediction();
        if (Module.IsLinear)
        {
            yield return DenseCrossover();
        }

        if (Properties.Count > 0)
        {
            yield return Known();
        }
    }

    private IEnumerable<ExplanationSection> Sections()
    {
        IEnumerable<string> applied = laws
            .GroupBy(law => law)
            .Select(group => $"by {group.Key.Name}: {group.Key.Statement}{(group.Count() > 1 ? $" ({Number(group.Count())} times)" : "")}");
        yield return new("Algebra", [.. Module.Links.Select(Describe), .. Module.Penalties.Select(penalty => $"penalty {penalty.Name} = {AlgebraPrinter.Print(penalty.Value)}"), .. applied, .. routes.SelectMany(Describe), .. Methods.Describe(Module)]);
        yield return new("Network", [.. Network(schedule)]);
        yield return new("Plan", [.. Plan(schedule)]);
        if (schedule.Evaluation is { Schedule: var evaluation })
        {
            yield return new("Without noise", [.. Network(evaluation).Except(Network(schedule)), .. Plan(evaluation)]);
        }

        if (schedule.FewRows is { } few)
        {
            yield return new($"For {few.InWords}", [.. Network(few.Schedule).Except(Network(schedule)), .. Plan(few.Schedule)]);
        }

        yield return new("Steps", [.. SchedulePrinter.Print(schedule).Split('\n').Where(line => line.Length > 0)]);
        if (projection is not null)
        {
            yield return new("From a dense matrix", [.. Describe(projection)]);
        }
    }

    private static IEnumerable<string> Network(Schedule schedule) =>
        NetworkPrinter.Print(schedule.Program.Lowered).Split('\n').Skip(1).Where(line => line.Length > 0).Select(line => line.Substring(2));

    private string Known() => $"For all parameters: {string.Join(", ", Properties)}.";

    private static IEnumerable<string> Plan(Schedule schedule) => OrdersOf(schedule)
        .SelectMany(plan => PlanPrinter.Print(plan, Alternatives))
        .Concat(schedule.Program.Shared.Select(shared => $"{shared.Storage} is computed once and read {Number(shared.Uses)} times"));

    private static IEnumerable<TermPlan> OrdersOf(Schedule schedule) => schedule.Plans.Where(plan => plan.Root is ContractionNode or SharedNode);

    private static IEnumerable<string> Describe(Route route) => route.Others
        .Select(other => $"not {AlgebraPrinter.Print(other.Operator)}: {other.Times.ToString("0.##", CultureInfo.InvariantCulture)} times the cost")
        .Prepend($"cheapest: {AlgebraPrinter.Print(route.Chosen)}");

    private static string Describe(Link link) => link switch
    {
        LinearLink linear => AlgebraPrinter.Print(linear.Operator),
        BiasLink bias => $"+ {AlgebraPrinter.Print(bias.Bias)}",
        NonlinearLink function => function.Name,
        ValueLink value => AlgebraPrinter.Print(value.Value),
        ScanLink scan => FormattableString.Invariant($"scan(i < {scan.Steps}), {scan.Carried} numbers handed on: {string.Join(" . ", scan.Step.Reverse().Select(Describe))}"),
        BranchLink branches =>
            $"{branches.Joint.ToString().ToLowerInvariant()}({string.Join(", ", branches.Branches.Select(branch => string.Join(" . ", branch.Reverse().Select(Describe))))})",
        _ => throw new InvalidOperationException(link.ToString()),
    };

    private static IEnumerable<string> Describe(ProjectionPlan plan)
    {
        if (plan.Obstacle is { } obstacle)
        {
            return [$"no closed form: {obstacle}"];
        }

        IEnumerable<string> parts = plan.Parts.SelectMany(part => part is FactorizationPart factorization
            ? Describe(factorization)
            : [$"{string.Join(", ", part.Terms.SelectMany(term => term.Factors).Select(factor => factor.Tensor).OfType<ParameterWeight>().Where(tensor => tensor.IsTrained).Distinct())}: least squares"]);
        return plan.HasConstantTerms ? parts.Prepend("what no trained parameter changes is subtracted") : parts;
    }

    private static IEnumerable<string> Describe(FactorizationPart part)
    {
        FactorizationPart[] products = [part, .. part.Others];
        IReadOnlyList<Factor> factors = part.Term.Factors;
        var left = new HashSet<Index>(part.Term.External.Where(index => factors.Any(factor => factor.Position.Contains(index))));
        for (int k = 0; k < part.Splits.Count; k++)
        {
            Split split = part.Splits[k];
            left.ExceptWith(split.Own);
            string names = Names(product => product.Splits[k].Factor), ranks = string.Join(" + ", products.Select(product => Number(product.Splits[k].Rank)));
            string count = split.Shared.Count > 0 ? $", {Extent(split.Shared)} of them" : "";
            yield return factors[split.Factor].Tensor.IsTrained
                ? $"{names}: singular vectors of {Extent(split.Own)} × {Extent(left.Except(split.Shared))}{count}, rank {ranks}"
                : $"{names} is undone";
            left.UnionWith(split.Bonds);
        }

        yield return $"{Names(product => product.Last)}: {(part.Splits.Count > 0 ? "the rest" : "elements of the matrix")}";
        if (part.Ones.Count > 0)
        {
            yield return $"{string.Join(", ", part.Ones.Select(one => factors[one].Tensor))}: ones";
        }

        string Names(Func<FactorizationPart, int> factor) => string.Join(", ", products.Select(product => product.Term.Factors[factor(product)].Tensor));
        static string Extent(IEnumerable<Index> indices) => Count(indices.Aggregate(1.0, (product, index) => product * index.Extent));
    }

    private string Parameters()
    {
        (int trained, int frozen) = (schedule.TrainedCount, schedule.ParameterCount - schedule.TrainedCount);
        string[] counts = [.. trained > 0 ? [$"{Count(trained)} trained"] : Array.Empty<string>(), .. frozen > 0 ? [$"{Count(frozen)} frozen"] : Array.Empty<string>()];

        // Where both kinds are there, what the structure saves is in what is trained.
        string ratio = counts.Length switch
        {
            0 => "",
            1 when DenseParameters == schedule.ParameterCount => ", as many",
            1 => $", {PlanPrinter.Ratio(DenseParameters / schedule.ParameterCount)} times as many",
            _ => $", {PlanPrinter.Ratio(DenseParameters / trained)} times what is trained",
        };
        string dense = Module.IsLinear ? $"; dense {Count(DenseParameters)}{ratio}" : "";
        return $"Parameters: {(counts.Length == 0 ? "none" : string.Join(", ", counts))}{dense}.";
    }

    private string Flops()
    {
        string dense = Module.IsLinear ? $"; dense {Count(2 * DenseParameters)} and {Count(4 * DenseParameters)}" : "";
        return $"FLOPs per row: forward {Count(schedule.ForwardFlops)}, backward {Count(schedule.ReverseFlops)}{dense}.";
    }

    private string Bytes()
    {
        double weights = (double)schedule.Layout.WeightCount * ElementSize;
        double rows = (double)(Module.Inputs + Module.Outputs) * ElementSize;
        return $"Bytes: weights with packed copies {PlanPrinter.Quantity(weights)}B, x and y {PlanPrinter.Quantity(rows)}B per row, "
            + $"scratch {PlanPrinter.Quantity((double)schedule.Layout.ScratchPerRow * ElementSize)}B per row in chunks of {Number(schedule.Chunk.AtMost)} rows"
            + (schedule.Chunk.OfLarger < schedule.Chunk.AtMost ? $", {Number(schedule.Chunk.OfLarger)} of larger batches." : ".");
    }

    /// <summary>The processor that all of this is for, and how much of its peak the kernels are predicted to reach.</summary>
    private string Prediction()
    {
        ProcessorModel processor = costs.Processor;
        IEnumerable<string> tiles = new[] { 4, 2 }.Select(columns => $"{Number(processor.TileRows(columns))} × {Number(columns)}");
        IEnumerable<string> caches = new[] { processor.FirstLevelBytes, processor.SecondLevelBytes, processor.ThirdLevelBytes }.Select(bytes => Number(bytes >> 10));
        return $"Processor: {processor.Name}, tiles of {string.Join(" or ", tiles)} vectors of {Number(8 * processor.VectorBytes)} bits, caches of {string.Join(", ", caches)} KiB"
            + (schedule.ForwardFlops > 0 ? $"; {Count(100 * PredictedShare(costs.Batch))} % of its peak are predicted." : ".");
    }

    /// <summary>Dense costs its own product for each row, and once per update the structure applied to every unit vector.</summary>
    private string DenseCrossover()
    {
        double dense = (2 * DenseParameters) + (costs.Processor.OperationsPerElement * Module.Outputs);
        double structured = (schedule.ForwardFlops * 1.0) + (costs.Processor.OperationsPerElement * (Module.Outputs + schedule.Layout.ScratchPerRow));
        if (dense == structured)
        {
            return "It does the same as a dense matrix for each row.";
        }

        if (dense > structured)
        {
            return "The dense matrix would never win: it does more for each row.";
        }

        double batch = structured * Module.Inputs / (structured - dense);
        string formed = schedule.TrainedCount > 0 ? "after each update" : "once";
        return $"The dense matrix, formed {formed}, would win from a batch of {Count(Math.Ceiling(batch))}.";
    }

    private static string Count(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
