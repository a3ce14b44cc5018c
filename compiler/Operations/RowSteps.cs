using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>Fills a storage with zeros, all rows of it.</summary>
public sealed record ClearStep(Place C) : Operation
{
    public override Place Target => C;

    public override double Cost(ITargetCosts costs) => costs.Elements(C.Storage);

    public override string Describe() => $"{C.Name} = 0";

    public override void Tangent(Tangents tangents)
    {
        if (C.Storage.HasMirror)
        {
            tangents.Add(new ClearStep(C.Mirror));
        }
    }

    public override void Reverse(Gradients gradients)
    {
    }
}

/// <summary>
/// <c>c[o, i, k] (+)= a[o, table[i], k]</c>; transposed, <c>c[o, table[i], k] += a[o, i, k]</c>. What is the same for all rows is read by each of
/// them, or added to by each.
/// </summary>
public sealed record GatherStep(Place A, Place C, Place Table, GatherShape Shape, bool Transposed, bool Accumulate) : Operation
{
    public override Place Target => C;

    /// <summary>What is touched: as many elements as are read, or added to, however long the table.</summary>
    public override double Cost(ITargetCosts costs) => costs.Elements(Transposed ? A.Storage : C.Storage);

    public override string Describe()
    {
        (string outer, string inner) = (Shape.Outer == 1 && Table.Storage.IsPerRow ? "" : "o ", Shape.Inner == 1 ? "" : " c");
        (string indirect, string direct) = ($"{outer}{Table.Storage}[i]{inner}", $"{outer}i{inner}");
        return Transposed ? $"{C.Name}[{indirect}] += {A.Name}[{direct}]" : $"{C.Name}[{direct}] {Assign(Accumulate)} {A.Name}[{indirect}]";
    }

    public override IEnumerable<Place> Reads => [A, Table];

    public override void Tangent(Tangents tangents)
    {
        if (A.Storage.HasMirror)
        {
            tangents.Add(this with { A = A.Mirror, C = C.Mirror });
        }
        else if (!Accumulate)
        {
            tangents.Add(new ClearStep(C.Mirror));
        }
    }

    /// <summary>Each is the other's reverse. Positions have no gradient.</summary>
    public override void Reverse(Gradients gradients)
    {
        if (A.Storage.HasMirror && gradients.Reach(C.Storage))
        {
            bool more = gradients.Begin(A.Storage, Transposed && Shape.Direct == A.Storage.Length);
            gradients.Add(new GatherStep(C.Mirror, A.Mirror, Table, Shape, !Transposed, more));
        }
    }
}

/// <summary>Arithmetic on positions: <c>c[axes] = Formula(axes, sources)</c>.</summary>
/// <param name="Extents">The extents of the axes.</param>
/// <param name="Sources">Other positions, with their strides along the axes.</param>
/// <param name="Formula">The arithmetic.</param>
/// <param name="C">The target.</param>
public sealed record PositionStep(IReadOnlyList<int> Extents, IReadOnlyList<(Place Place, IReadOnlyList<int> Strides)> Sources, Formula Formula, Place C) : Operation
{
    public override Place Target => C;

    public override double Cost(ITargetCosts costs) => costs.Elements(C.Storage);

    public override string Describe() => $"{C.Name} = positions by {string.Join(", ", Sources.Select(source => source.Place.Name))}";

    public override IEnumerable<Place> Reads => Sources.Select(source => source.Place);

    /// <summary>As numbers, positions do not change.</summary>
    public override void Tangent(Tangents tangents) => tangents.Add(new ClearStep(C.Mirror));

    public override void Reverse(Gradients gradients)
    {
    }
}

/// <summary><c>c = H a</c> for each of <paramref name="Outer"/> parts of a row.</summary>
public sealed record WalshHadamardStep(Place A, Place C, int Outer) : Operation
{
    public override Place Target => C;

    public override double Cost(ITargetCosts costs) => costs.Elements(C.Storage);

    public override string Describe() => $"{C.Name} = wht {A.Name}";

    public override long FlopsPerRow => (long)(C.Storage.Length * Math.Log(C.Storage.Length / Outer, 2));

    public override IEnumerable<Place> Reads => [A];

    public override void Tangent(Tangents tangents) => tangents.Add(this with { A = A.Mirror, C = C.Mirror });

    /// <summary>H is symmetric.</summary>
    public override void Reverse(Gradients gradients)
    {
        if (!gradients.Reach(C.Storage))
        {
            return;
        }

        if (!gradients.Begin(A.Storage, true))
        {
            gradients.Add(new WalshHadamardStep(C.Mirror, A.Mirror, Outer));
            return;
        }

        Storage part = gradients.NewVector(A.Storage.Length);
        Affine each = Affine.Of(new Index("i", part.Length));
        gradients.Add(new WalshHadamardStep(C.Mirror, Place.Of(part), Outer));
        gradients.Add(new ContractStep(new Contraction(View.Of(A.Storage, each).Mirror, View.Of(part, each), null, 1, true), accumulate: true));
    }
}

/// <summary>
/// Reflects each of <paramref name="Outer"/> parts of a row along the rows of v, one after the other. Derivatives go by the factored form of
/// the chain, which is what it becomes wherever they are asked for.
/// </summary>
public sealed record ReflectionsStep(Place A, Place V, Place C, int Outer, bool Transposed) : Operation
{
    public override Place Target => C;

    public override double Cost(ITargetCosts costs) => costs.Reflected((long)V.Storage.Length * Outer);

    public override long FlopsPerRow => 4L * V.Storage.Length * Outer;

    public override string Describe() => $"{C.Name} = {(Transposed ? "reflections'" : "reflections")}({V.Storage}) {A.Name}, one after the other";

    public override IEnumerable<Place> Reads => [A, V];

    public override void Tangent(Tangents tangents) => throw new InvalidOperationException(ToString());

    public override void Reverse(Gradients gradients) => throw new InvalidOperationException(ToString());
}

/// <summary>
/// The elements of each row of a matrix that a function is of: from an offset and a slope times an index of the row on, up to and without another
/// such. The others have no part in the row, and their results are zero.
/// </summary>
/// <param name="First">The first element of a row.</param>
/// <param name="End">The one behind the last.</param>
/// <param name="Stride">Rows from one value of the index to the next.</param>
/// <param name="Extent">How many values it has.</param>
public sealed record RowBounds((int Offset, int Slope) First, (int Offset, int Slope) End, int Stride, int Extent)
{
    /// <summary>The first value of the index, where rows are a part of all.</summary>
    public int Start { get; init; }

    /// <summary>How far the first value moves with each index of the loop around them.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [];

    /// <summary>The elements between the bounds of rows of a length, at a value of the index.</summary>
    public (int From, int To) Of(int index, int length) => (Math.Max(0, First.Offset + (First.Slope * index)), Math.Min(length, End.Offset + (End.Slope * index)));
}

/// <summary><c>c = f(a)</c>.</summary>
public sealed record ActivationStep(NonlinearLink Function, Place A, Place C) : Operation
{
    /// <summary>What of each row counts, where that is not all.</summary>
    public RowBounds? Bounds { get; init; }

    public override Place Target => C;

    public override double Cost(ITargetCosts costs) => costs.Elements(C.Storage);

    public override string Describe() => $"{C.Name} = {Function.Name}({A.Name}){(Bounds is null ? "" : " between the bounds of each row")}";

    public override IEnumerable<Place> Reads => [A];

    private bool HasDerivative => Function is not FunctionLink { Function.HasDerivative: false };

    public override void Tangent(Tangents tangents) => tangents.Add(HasDerivative ? Derivative(A.Mirror, C.Mirror, isGradient: false, accumulate: false) : new ClearStep(C.Mirror));

    public override void Reverse(Gradients gradients)
    {
        if (HasDerivative && gradients.Reach(C.Storage))
        {
            bool more = gradients.Begin(A.Storage, true);
            gradients.Add(Derivative(C.Mirror, A.Mirror, isGradient: true, more));
        }
    }

    private DerivativeStep Derivative(Place a, Place c, bool isGradient, bool accumulate) => new(Function, A, Function.KeepsValue ? C : null, a, c, isGradient, accumulate);
}

/// <summary><c>c (+)= f'(z) a</c>, where <c>y = f(z)</c>: the tangent of a link, or its gradient by the transpose of f', which most often is f'.</summary>
/// <param name="Function">The link.</param>
/// <param name="Z">The argument of f.</param>
/// <param name="Y">The value of f, where the derivative is handed it.</param>
/// <param name="A">The tangent of the argument, or the gradient for the value.</param>
/// <param name="C">The target.</param>
/// <param name="IsGradient">Whether the transpose is multiplied by.</param>
/// <param name="Accumulate">Whether to add to the target.</param>
public sealed record DerivativeStep(NonlinearLink Function, Place Z, Place? Y, Place A, Place C, bool IsGradient, bool Accumulate) : Step
{
    public FunctionProgram Program => IsGradient ? Function.Definition.Gradient : Function.Definition.Tangent;

    public override Place Target => C;

    public override string Describe() => $"{C.Name} {Assign(Accumulate)} {Function.Name}'({Z.Name}) {A.Name}";

    public override IEnumerable<Place> Reads => new[] { Z, Y, A }.OfType<Place>();
}
