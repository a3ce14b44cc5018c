namespace Weft.Compiler.Operations;

/// <summary>Operations that run again and again, on parts of tensors outside that move from step to step.</summary>
/// <param name="C">What they are for.</param>
/// <param name="Body">What a step does.</param>
public abstract record LoopOperation(Place C, IReadOnlyList<Operation> Body) : Operation
{
    public override Place Target => C;

    /// <summary>How often, along each index of the loop.</summary>
    protected abstract IReadOnlyList<int> Extents { get; }

    public override IEnumerable<Place> Writes => Body.SelectMany(step => step.Writes).Select(place => place.Whole).Distinct();

    public override double Cost(ITargetCosts costs) => Extents.Aggregate(1.0, (product, extent) => product * extent) * Body.Sum(operation => operation.Cost(costs));

    public override string Describe() => LoopStep.Describe(LoopStep.HeadingOf(Extents), Body);

    /// <summary>Whether a storage of the body is a part of what stays behind it.</summary>
    protected abstract bool Stays(Storage storage);

    /// <summary>The loop forward.</summary>
    /// <param name="body">What becomes of the operations.</param>
    public LoopStep Forward(IReadOnlyList<Step> body) => new(Extents, false, C, body);

    /// <summary>What a step leaves for its derivative is computed again: kept from step to step is what stands outside.</summary>
    public override void Tangent(Tangents tangents)
    {
        IReadOnlyList<Step> tangent = Tangents.Of(Body);
        tangents.Add(Derivative(tangent, isReversed: false));
    }

    /// <summary>The steps of a derivative, behind the operations whose results they read, beside those that stay.</summary>
    protected LoopStep Derivative(IReadOnlyList<Step> derivative, bool isReversed)
    {
        HashSet<Storage> read = [.. derivative.SelectMany(step => step.Reads).Where(place => place.Aspect == Aspect.Value).Select(place => place.Whole.Storage)];
        var again = new List<Step>();
        foreach (Operation operation in Body.Reverse().Where(operation => !Stays(operation.Target.Storage) && operation.Writes.Any(place => read.Contains(place.Whole.Storage))))
        {
            again.Insert(0, operation);
            read.UnionWith(operation.Reads.Select(place => place.Whole.Storage));
        }

        return new LoopStep(Extents, isReversed, C.Mirror, [.. again, .. derivative]);
    }
}

/// <summary>Operations that run once for each step of a scan, in order. Parts of the sources, of the target and of the state move with it.</summary>
/// <param name="Steps">How many steps there are.</param>
/// <param name="C">The target.</param>
/// <param name="Sources">What all steps are given.</param>
/// <param name="Given">The parts of the sources and of the state that a step reads.</param>
/// <param name="Gives">The parts of the target and of the next state that it writes.</param>
/// <param name="Last">The state behind the last step.</param>
/// <param name="Body">What a step does.</param>
public sealed record ScanStep(
    int Steps, Place C, IReadOnlyList<Place> Sources, IReadOnlyList<Storage> Given, IReadOnlyList<Storage> Gives, IReadOnlyList<Storage> Last, IReadOnlyList<Operation> Body) : LoopOperation(C, Body)
{
    protected override IReadOnlyList<int> Extents => [Steps];

    protected override bool Stays(Storage storage) => Gives.Contains(storage);

    /// <summary>Weights, the sources and the state: what clears that before the first step is for this.</summary>
    public override IEnumerable<Place> Reads =>
        Body.SelectMany(step => step.Reads).Where(place => !place.Storage.IsPerRow).Concat(Given.Select(part => Place.Of(part.Window!.Of)).Concat(Sources).Distinct());

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

        gradients.Add(Derivative(gradients.OfBody(Body, [.. Gives, .. Given.Where(part => more.Contains(part.Window!.Of))], Given), isReversed: true));
    }
}

/// <summary>
/// Operations that run once for each block of the rows of what stands between them, whose room is that of a block. What they fill outside of it they
/// add to.
/// </summary>
/// <param name="Blocks">How many blocks there are, along each index of the loop.</param>
/// <param name="C">The target.</param>
/// <param name="Body">What is done for a block.</param>
public sealed record BlockStep(IReadOnlyList<int> Blocks, Place C, IReadOnlyList<Operation> Body) : LoopOperation(C, Body)
{
    protected override IReadOnlyList<int> Extents => Blocks;

    /// <summary>What has room for a block: all that a step does not add to.</summary>
    private IEnumerable<Storage> Inside => Body.Where(step => step is not ContractStep { Accumulates: true }).Select(step => step.Target.Storage);

    protected override bool Stays(Storage storage) => !Inside.Contains(storage);

    public override IEnumerable<Place> Reads => Outside(Body.SelectMany(step => step.Reads)).Select(place => place.Whole).Distinct();

    /// <summary>Blocks may read the same elements: each of their gradients is added to one that begins before them.</summary>
    public override void Reverse(Gradients gradients)
    {
        if (!Writes.Any(place => gradients.Reach(place.Storage)))
        {
            return;
        }

        Storage[] outside = [.. Outside(Body.SelectMany(step => step.Places)).Select(place => place.Storage).Distinct()];
        foreach (Place source in Reads.Except(Writes).Where(place => place.Storage.IsPerRow))
        {
            gradients.Begin(source.Storage, covers: false);
        }

        gradients.Add(Derivative(gradients.OfBody(Body, outside, []), isReversed: false));
    }

    private IEnumerable<Place> Outside(IEnumerable<Place> places)
    {
        HashSet<Storage> inside = [.. Inside];
        return places.Where(place => !inside.Contains(place.Storage));
    }
}

/// <summary>Steps that run again and again, forward or from the last to the first.</summary>
/// <param name="Extents">How often, along each of its indices, the outermost first.</param>
/// <param name="IsReversed">Whether the number of the step, by which parts of other storages move, goes down.</param>
/// <param name="C">What they are for.</param>
/// <param name="Body">The steps.</param>
public sealed record LoopStep(IReadOnlyList<int> Extents, bool IsReversed, Place C, IReadOnlyList<Step> Body) : Step
{
    /// <summary>How many steps there are.</summary>
    public int Count => Extents.Aggregate(1, (product, extent) => checked(product * extent));

    public override Place Target => C;

    public override long FlopsPerRow => Count * Body.Sum(step => step.FlopsPerRow);

    public override IEnumerable<Place> Reads => Body.SelectMany(step => step.Places).Select(place => place.Whole).Distinct();

    public override IEnumerable<Place> Writes => Body.SelectMany(step => step.Writes).Select(place => place.Whole).Distinct();

    /// <summary>The parts of other storages that it touches.</summary>
    public IEnumerable<Place> Parts => Body.SelectMany(step => step.Places).Where(place => place.Storage.Window is not null).Select(place => place with { Offset = 0 }).Distinct();

    /// <summary>What it is, without its steps.</summary>
    public string Heading => HeadingOf(Extents) + (IsReversed ? ", the last one first" : "");

    public override string Describe() => Describe(Heading, Body);

    internal static string HeadingOf(IReadOnlyList<int> extents) =>
        $"for each of {string.Join(" × ", extents.Select(extent => extent.ToString(System.Globalization.CultureInfo.InvariantCulture)))} step{(extents.All(extent => extent == 1) ? "" : "s")}";

    internal static string Describe(string heading, IEnumerable<Step> body) => $"{heading}: {string.Join("; ", body.Select(step => step.Describe()))}";
}
