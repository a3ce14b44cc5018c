using Weft.Compiler.Algebra;
using Weft.Compiler.Network;

namespace Weft.Compiler.Scheduling;

/// <summary>A place that a step is handed a pointer to.</summary>
public sealed record Place(Storage Storage, Aspect Aspect, int Offset);

/// <summary>One step of a schedule.</summary>
public abstract record Step
{
    /// <summary>The place that is written.</summary>
    public abstract Place Target { get; }

    /// <summary>The places that are read.</summary>
    public virtual IEnumerable<Place> Reads => [];

    /// <summary>Room for what it computes on the way.</summary>
    public virtual Place? Scratch => null;

    /// <summary>All places that it touches.</summary>
    public IEnumerable<Place> Places => Reads.Append(Target).Concat(new[] { Scratch }.OfType<Place>());
}

/// <summary>Runs a kernel, <c>c = addend + a · b</c>.</summary>
/// <param name="Kernel">What runs.</param>
/// <param name="A">Operand a.</param>
/// <param name="B">Operand b, if there is one.</param>
/// <param name="C">The target.</param>
/// <param name="Addend">What is added to: null for nothing, the target itself, or another place whose rows are laid out like the target's.</param>
/// <param name="Contraction">What the kernel does: what a device with kernels of its own starts from.</param>
public sealed record KernelStep(Kernel Kernel, Place A, Place? B, Place C, Place? Addend, Contraction Contraction) : Step
{
    public bool Accumulates => Addend == C;

    /// <summary>Whether what it accumulates into is empty for the first rows of a batch.</summary>
    public bool Begins { get; init; }

    /// <summary>Whether it writes every element of its target.</summary>
    public bool CoversTarget => !Contraction.Target.Overlaps && Kernel.Loops
        .Where(loop => loop.C != 0 && !loop.IsRows)
        .Aggregate(1L, (product, loop) => product * loop.Extent) == C.Storage.Length;

    /// <summary>Whether it only copies, or adds, a tensor whose rows are laid out like the target's, or which is the same for all of them.</summary>
    public bool IsCopy => B is null && Kernel.FormatA is null && Kernel.Coefficient == 1 && Kernel.Loops.All(loop => loop.IsRows || loop.A == loop.C) && CoversTarget;

    /// <summary>What is added to, as the indices of a target run over it: of the contraction, or of the same in other indices.</summary>
    public View? AddendOf(View target) => Addend is not { } addend ? null : target with
    {
        Storage = addend.Storage,
        Aspect = addend.Aspect,
        Position = target.Position
            + new Affine(addend.Offset - C.Offset, Kernel.AddendPitch is { } pitch ? [(View.Rows, pitch - target.Stride(View.Rows))] : []),
    };

    public override Place Target => C;

    public override IEnumerable<Place> Reads => new[] { A, B, Addend }.OfType<Place>();
}

/// <summary>Fills a storage with zeros, all rows of it.</summary>
public sealed record ClearStep(Place C) : Step
{
    public override Place Target => C;
}

/// <summary>Copies rows to a pitch that spreads them over the sets of the cache; a device has no use for it.</summary>
public sealed record PadStep(Place A, Place C) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [A];
}

/// <summary><c>c[o, i] (+)= a[o, table[i]]</c>; transposed, <c>c[o, table[i]] += a[o, i]</c>.</summary>
public sealed record GatherStep(Place A, Place C, int Outer, Place Table, bool Transposed, bool Accumulate) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [A, Table];
}

/// <summary><c>c = f(a)</c>.</summary>
public sealed record ActivationStep(NonlinearLink Function, Place A, Place C) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [A];
}

/// <summary><c>c (+)= f'(z) a</c>, where <c>y = f(z)</c>: what the chain rule makes of a link in either direction, since f' is symmetric.</summary>
/// <param name="Function">The link.</param>
/// <param name="Z">Its argument.</param>
/// <param name="Y">Its value, where the derivative is handed it.</param>
/// <param name="A">What is multiplied.</param>
/// <param name="C">The target.</param>
/// <param name="Accumulate">Whether to add to the target.</param>
public sealed record DerivativeStep(NonlinearLink Function, Place Z, Place? Y, Place A, Place C, bool Accumulate) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => new[] { Z, Y, A }.OfType<Place>();
}

/// <summary>What is done with a function of weights.</summary>
public enum FunctionMode
{
    Value,
    Gradient,
    Tangent,
}

/// <summary>Evaluates a function of weights, its gradient or its tangent.</summary>
public sealed record FunctionStep(FunctionWeight Function, FunctionMode Mode, Storage Result, IReadOnlyList<Storage> Arguments) : Step
{
    public override Place Target => new(Result, Mode == FunctionMode.Value ? Aspect.Value : Aspect.Mirror, 0);

    /// <summary>The arguments; their mirrors too, and the result, for what its derivative is made of.</summary>
    public override IEnumerable<Place> Reads
    {
        get
        {
            IEnumerable<Place> values = Arguments.Select(argument => new Place(argument, Aspect.Value, 0));
            return Mode == FunctionMode.Value
                ? values
                : [.. values, new Place(Result, Aspect.Value, 0), .. Mirrors.OfType<Place>()];
        }
    }

    /// <summary>The mirrors of the arguments; null for one that nothing trains.</summary>
    public IEnumerable<Place?> Mirrors => Arguments.Select((argument, k) =>
        Function.Arguments[k].IsTrained ? new Place(argument.Mirrored, Aspect.Mirror, 0) : null);
}

/// <summary><c>c = H a</c> for each of <paramref name="Outer"/> parts of a row.</summary>
public sealed record WalshHadamardStep(Place A, Place C, int Outer) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [A];
}

/// <summary>Reflects each of <paramref name="Outer"/> parts of a row along the rows of v, one after the other.</summary>
public sealed record ReflectionsStep(Place A, Place V, Place C, int Outer, bool Transposed) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [A, V];
}

/// <summary>A sparse matrix with a constant fan-in: <c>A[i, table[i, j]] = Coefficient · v[i, j]</c>.</summary>
/// <param name="Table">Where the entries are.</param>
/// <param name="V">Them.</param>
/// <param name="Outputs">The extent of i.</param>
/// <param name="FanIn">The extent of j.</param>
/// <param name="Inputs">The columns.</param>
/// <param name="Coefficient">What they are multiplied by.</param>
/// <param name="Scratch">Room for a row of the input and one of the output.</param>
public sealed record FanInMatrix(Place Table, Place V, int Outputs, int FanIn, int Inputs, double Coefficient, Place Scratch);

/// <summary><c>c (+)= A x</c>: what is gathered is used at once and not written down.</summary>
public sealed record FanInStep(FanInMatrix Matrix, Place X, Place C, bool Accumulates) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [X, Matrix.Table, Matrix.V];

    public override Place? Scratch => Matrix.Scratch;
}

/// <summary><c>c (+)= Aᵀ y</c>.</summary>
public sealed record FanInAdjointStep(FanInMatrix Matrix, Place Y, Place C, bool Accumulates) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [Y, Matrix.Table, Matrix.V];

    public override Place? Scratch => Matrix.Scratch;
}

/// <summary><c>c[i, j] += Coefficient · Σ y[i] · x[table[i, j]]</c>, summed over rows: the gradient for v.</summary>
public sealed record FanInGradientStep(FanInMatrix Matrix, Place X, Place Y, Place C) : Step
{
    public override Place Target => C;

    public override IEnumerable<Place> Reads => [X, Y, Matrix.Table];

    public override Place? Scratch => Matrix.Scratch;
}

/// <summary>
/// <c>c (+)= A x</c> from a copy of A in slices of as many outputs as a vector has lanes: a step takes an entry of each output, out of a
/// window of x that two registers hold. Where the outputs of a slice have too little in common, it is done as ever.
/// </summary>
/// <param name="FanIn">What it does.</param>
/// <param name="Slices">The copy.</param>
/// <param name="Lanes">Outputs of a slice.</param>
/// <param name="Steps">The most steps that the copy has room for.</param>
public sealed record SlicedFanInStep(FanInStep FanIn, Place Slices, int Lanes, int Steps) : Step
{
    public override Place Target => FanIn.Target;

    public override IEnumerable<Place> Reads => [.. FanIn.Reads, Slices];

    public override Place? Scratch => FanIn.Scratch;
}

/// <summary>Makes the copy that a product reads.</summary>
public sealed record SliceStep(SlicedFanInStep Product) : Step
{
    public override Place Target => Product.Slices;

    public override IEnumerable<Place> Reads => [Product.FanIn.Matrix.Table, Product.FanIn.Matrix.V];
}

/// <summary>Writes the elements of a constant.</summary>
public sealed record ConstantStep(ConstantWeight Constant, Storage Result) : Step
{
    public override Place Target => new(Result, Aspect.Value, 0);
}

/// <summary>Sees to it that a table holds nothing but whole numbers from 0 to <paramref name="Size"/> − 1.</summary>
public sealed record CheckStep(Storage Table, int Size) : Step
{
    public override Place Target => new(Table, Aspect.Value, 0);
}

/// <summary>
/// Copies a weight into the order and format in which kernels read it; <paramref name="Scatter"/>: adds a gradient back from that order.
/// </summary>
public sealed record PackStep(
    Storage Source, int Offset, Storage Packed, IReadOnlyList<int> Extents, IReadOnlyList<int> Strides, Aspect Aspect, bool Scatter) : Step
{
    public override Place Target => Scatter ? new(Source, Aspect, Offset) : new(Packed, Aspect, 0);

    public override IEnumerable<Place> Reads => [Scatter ? new(Packed, Aspect, 0) : new(Source, Aspect, Offset)];
}
