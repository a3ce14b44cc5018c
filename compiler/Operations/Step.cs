namespace Weft.Compiler.Operations;

/// <summary>One step of a program: it writes a place.</summary>
public abstract record Step
{
    /// <summary>The place that is written.</summary>
    public abstract Place Target { get; }

    /// <summary>The places that are read.</summary>
    public virtual IEnumerable<Place> Reads => [];

    /// <summary>All places that it writes, of others as of the target.</summary>
    public virtual IEnumerable<Place> Writes => [Target];

    /// <summary>Room for what it computes on the way.</summary>
    public virtual Place? Scratch => null;

    /// <summary>Multiplications and additions for a row of the batch.</summary>
    public virtual long FlopsPerRow => 0;

    /// <summary>All places that it touches.</summary>
    public IEnumerable<Place> Places => Reads.Append(Target).Concat(Writes).Concat(new[] { Scratch }.OfType<Place>());

    /// <summary>What it does, in a line: <c>y = gelu(t1)</c>.</summary>
    public abstract string Describe();

    /// <summary>How a line assigns.</summary>
    protected static string Assign(bool accumulates) => accumulates ? "+=" : "=";
}

/// <summary>What a target takes for the parts of operations, for a number of rows, in operations at full rate.</summary>
public interface ITargetCosts
{
    /// <summary>A sum of products.</summary>
    double Contraction(Contraction contraction);

    /// <summary>All elements of a tensor, written once: for each row where they differ from row to row.</summary>
    double Elements(Storage storage);

    /// <summary>Operations at full rate for a tensor: for each row where it differs from row to row.</summary>
    double Operations(Storage storage, double count);

    /// <summary>So many elements of each row that reflections go over, one after the other.</summary>
    double Reflected(long count);

    /// <summary>A product of each row with so many entries of a sparse matrix.</summary>
    double Entries(long count);
}

/// <summary>
/// A step of a forward program, the same for every target: the one record of what it reads and writes, of both its derivatives, of what it costs
/// and of how it is printed. How it is done is a target's table.
/// </summary>
public abstract record Operation : Step
{
    /// <summary>What it costs by the rates of a target.</summary>
    public abstract double Cost(ITargetCosts costs);

    /// <summary>Appends what gives the tangent of the target from the tangents of what is read (the product rule).</summary>
    public abstract void Tangent(Tangents tangents);

    /// <summary>Appends what takes the gradient for the target on to the gradients for what is read (the chain rule, backwards).</summary>
    public abstract void Reverse(Gradients gradients);
}

/// <summary>Collects the forward mode of a program.</summary>
public sealed class Tangents
{
    private readonly List<Step> _steps = [];

    private Tangents()
    {
    }

    /// <summary>The forward mode of a program: the product rule for one operation after the other.</summary>
    public static IReadOnlyList<Step> Of(IEnumerable<Operation> program)
    {
        var tangents = new Tangents();
        foreach (Operation operation in program)
        {
            operation.Tangent(tangents);
        }

        return tangents._steps;
    }

    public void Add(Step step) => _steps.Add(step);
}

/// <summary>
/// Collects the reverse pass of a program. Gradients of weights add up in a block that starts at zero; those of row vectors start with their
/// first use.
/// </summary>
public sealed class Gradients
{
    private readonly List<Step> _steps = [];
    private readonly HashSet<Storage> _begun = [];
    private readonly StoragePool _pool;

    private Gradients(StoragePool pool) => _pool = pool;

    /// <summary>The reverse pass of what one step of a scan does.</summary>
    /// <param name="body">What it does.</param>
    /// <param name="begun">What has a gradient before.</param>
    /// <param name="wanted">What has to have one behind it, if only zeros.</param>
    public List<Step> OfBody(IReadOnlyList<Operation> body, IEnumerable<Storage> begun, IEnumerable<Storage> wanted)
    {
        var gradients = new Gradients(_pool);
        gradients._begun.UnionWith(begun);
        foreach (Operation operation in body.Reverse())
        {
            operation.Reverse(gradients);
        }

        foreach (Storage storage in wanted)
        {
            gradients.Begin(storage, covers: false);
        }

        return gradients._steps;
    }

    /// <summary>The reverse pass of a program: the chain rule from the last operation to the first.</summary>
    /// <param name="program">What is differentiated.</param>
    /// <param name="pool">Where room for what is computed on the way comes from.</param>
    public static List<Step> Of(IEnumerable<Operation> program, StoragePool pool)
    {
        var gradients = new Gradients(pool);
        foreach (Operation operation in program.Reverse())
        {
            operation.Reverse(gradients);
        }

        return gradients._steps;
    }

    public void Add(Step step) => _steps.Add(step);

    /// <summary>Whether there is a gradient for what was written.</summary>
    public bool Reach(Storage storage) => storage.IsPerRow ? storage.Space == Space.Output || _begun.Contains(storage) : storage.HasMirror;

    /// <summary>Before a gradient is written: whether it has to be added to what is there already. What it does not cover is cleared first.</summary>
    public bool Begin(Storage storage, bool covers)
    {
        if (!storage.IsPerRow || !_begun.Add(storage))
        {
            return true;
        }

        if (!covers)
        {
            Add(new ClearStep(Place.MirrorOf(storage)));
        }

        return !covers;
    }

    /// <summary>Room for one more vector of each row.</summary>
    public Storage NewVector(int length) => _pool.NewScratch(_pool.NewName("h"), length, length);
}
