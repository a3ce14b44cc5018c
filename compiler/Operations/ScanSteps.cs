namespace Weft.Compiler.Operations;

/// <summary>Operations that run once for each step of a scan, in order. Parts of the sources, of the target and of the state move with it.</summary>
/// <param name="Steps">How many steps there are.</param>
/// <param name="C">The target.</param>
/// <param name="Sources">What all steps are given.</param>
/// <param name="Given">The parts of the sources and of the state that a step reads.</param>
/// <param name="Gives">The parts of the target and of the next state that it writes.</param>
/// <param name="Last">The state behind the last step.</param>
/// <param name="Body">What a step does.</param>
public sealed record ScanStep(
    int Steps, Place C, IReadOnlyList<Place> Sources, IReadOnlyList<Storage> Given, IReadOnlyList<Storage> Gives, IReadOnlyList<Storage> Last, IReadOnlyList<Operation> Body) : Operation
{
    public override Place Target => C;

    /// <summary>Weights, the sources and the state: what clears that before the first step is for this.</summary>
    public override IEnumerable<Place> Reads =>
        Body.SelectMany(step => step.Reads).Where(place => !place.Storage.IsPerRow).Concat(Given.Select(part => Place.Of(part.Window!.Of)).Concat(Sources).Distinct());

    public override IEnumerable<Place> Writes => Body.SelectMany(step => step.Writes).Select(place => place.Whole).Distinct();

    public override double Cost(ITargetCosts costs) => Steps * Body.Sum(operation => operation.Cost(costs));

    public override string Describe() => LoopStep.Describe(FormattableString.Invariant($"scan of {Steps} steps"), Body);

    /// <summary>What a step leaves for its derivative is computed again: kept from step to step are the state and the results.</summary>
    public override void Tangent(Tangents tangents)
    {
        IReadOnlyList<Step> tangent = Tangents.Of(Body);
        tangents.Add(new LoopStep(Steps, false, C.Mirror, [.. Again(tangent), .. tangent]));
    }

    public override void Reverse(Gradients gradients)
    {
        if (!gradients.Reach(C.Storage))
        {
            return;
        }

        // Nothing reads the last state; every other part gets its gradient from the step that reads it.
        HashSet<Storage> more = [.. Sources.Select(source => source.Storage).Where(source => gradients.Begin(source, covers: true))];
        foreach (Storage last in Last)
        {
            gradients.Add(new ClearStep(Place.MirrorOf(last)));
        }

        List<Step> reverse = gradients.OfBody(Body, [.. Gives, .. Given.Where(part => more.Contains(part.Window!.Of))], Given);
        gradients.Add(new LoopStep(Steps, true, C.Mirror, [.. Again(reverse), .. reverse]));
    }

    /// <summary>The operations whose results other steps read, beside those that stay.</summary>
    private IEnumerable<Operation> Again(IEnumerable<Step> readers)
    {
        HashSet<Storage> read = [.. readers.SelectMany(step => step.Reads).Where(place => place.Aspect == Aspect.Value).Select(place => place.Whole.Storage)];
        var again = new List<Operation>();
        foreach (Operation operation in Body.Reverse().Where(operation => !Gives.Contains(operation.Target.Storage) && operation.Writes.Any(place => read.Contains(place.Whole.Storage))))
        {
            again.Insert(0, operation);
            read.UnionWith(operation.Reads.Select(place => place.Whole.Storage));
        }

        return again;
    }
}

/// <summary>Steps that run again and again, forward or from the last to the first.</summary>
/// <param name="Count">How often.</param>
/// <param name="IsReversed">Whether the number of the step, by which parts of other storages move, goes down.</param>
/// <param name="C">What they are for.</param>
/// <param name="Body">The steps.</param>
public sealed record LoopStep(int Count, bool IsReversed, Place C, IReadOnlyList<Step> Body) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => Body.SelectMany(step => step.Places).Select(place => place.Whole).Distinct();

    public override IEnumerable<Place> Writes => Body.SelectMany(step => step.Writes).Select(place => place.Whole).Distinct();

    /// <summary>The parts of other storages that it touches.</summary>
    public IEnumerable<Place> Parts => Body.SelectMany(step => step.Places).Where(place => place.Storage.Window is not null).Select(place => place with { Offset = 0 }).Distinct();

    /// <summary>What it is, without its steps.</summary>
    public string Heading => FormattableString.Invariant($"for each of {Count} steps{(IsReversed ? ", the last one first" : "")}");

    public override string Describe() => Describe(Heading, Body);

    internal static string Describe(string heading, IEnumerable<Step> body) => $"{heading}: {string.Join("; ", body.Select(step => step.Describe()))}";
}
