namespace Weft.Compiler.Operations;

/// <summary>A sparse matrix with a constant fan-in: <c>A[i, table[i, j]] = Coefficient · v[i, j]</c>.</summary>
/// <param name="Table">[Outputs, FanIn]: the column of each entry.</param>
/// <param name="V">[Outputs, FanIn]: the value of each entry.</param>
/// <param name="Outputs">The extent of i.</param>
/// <param name="FanIn">The extent of j.</param>
/// <param name="Inputs">The number of columns.</param>
/// <param name="Coefficient">What the values are multiplied by.</param>
/// <param name="Scratch">Room for a row of the input and one of the output.</param>
public sealed record FanInMatrix(Place Table, Place V, int Outputs, int FanIn, int Inputs, double Coefficient, Place Scratch)
{
    /// <summary>Multiplications and additions of a product with it.</summary>
    public long Flops => 2L * Outputs * FanIn;
}

/// <summary><c>c (+)= A x</c>: what is gathered is used at once and not written down, forward or backward.</summary>
public sealed record FanInStep(FanInMatrix Matrix, Place X, Place C, bool Accumulates) : Operation
{
    public override Place Target => C;

    public override long FlopsPerRow => Matrix.Flops;

    public override double Cost(ITargetCosts costs) => costs.Entries((long)Matrix.Outputs * Matrix.FanIn);

    public override string Describe() => $"{C.Name}[i] {Assign(Accumulates)} Σj {Matrix.V.Name}[i j] {X.Name}[{Matrix.Table.Storage}[i j]]";

    public override IEnumerable<Place> Reads => [X, Matrix.Table, Matrix.V];

    public override Place? Scratch => Matrix.Scratch;

    public override void Tangent(Tangents tangents)
    {
        tangents.Add(this with { X = X.Mirror, C = C.Mirror });
        if (Matrix.V.Storage.HasMirror)
        {
            tangents.Add(new FanInStep(Matrix with { V = Matrix.V.Mirror }, X, C.Mirror, true));
        }
    }

    public override void Reverse(Gradients gradients)
    {
        if (!gradients.Reach(C.Storage))
        {
            return;
        }

        if (Matrix.V.Storage.HasMirror)
        {
            gradients.Add(new FanInGradientStep(Matrix, X, C.Mirror, Matrix.V.Mirror));
        }

        bool more = gradients.Begin(X.Storage, true);
        gradients.Add(new FanInAdjointStep(Matrix, C.Mirror, X.Mirror, more));
    }
}

/// <summary><c>c (+)= Aᵀ y</c>.</summary>
public sealed record FanInAdjointStep(FanInMatrix Matrix, Place Y, Place C, bool Accumulates) : Step
{
    public override Place Target => C;

    public override long FlopsPerRow => Matrix.Flops;

    public override string Describe() => $"{C.Name}[{Matrix.Table.Storage}[i j]] {Assign(Accumulates)} {Matrix.V.Storage}[i j] {Y.Name}[i]";

    public override IEnumerable<Place> Reads => [Y, Matrix.Table, Matrix.V];

    public override Place? Scratch => Matrix.Scratch;
}

/// <summary><c>c[i, j] += Coefficient · Σ y[i] · x[table[i, j]]</c>, summed over rows: the gradient for v.</summary>
public sealed record FanInGradientStep(FanInMatrix Matrix, Place X, Place Y, Place C) : Step
{
    public override Place Target => C;

    public override long FlopsPerRow => Matrix.Flops;

    public override string Describe() => $"{C.Name}[i j] += Σn {Y.Name}[n i] {X.Name}[n {Matrix.Table.Storage}[i j]]";

    public override IEnumerable<Place> Reads => [X, Y, Matrix.Table];

    public override Place? Scratch => Matrix.Scratch;
}
