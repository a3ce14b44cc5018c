using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>A named index with an extent: bound by index notation, or by an indexed sum. Identity is the <see cref="Id"/>.</summary>
public sealed record IndexVariable(string Name, int Extent, int Id);

/// <summary><c>Offset + Σ Coefficient · Variable</c>.</summary>
public sealed record AffineIndex(int Offset, EquatableArray<(IndexVariable Variable, int Coefficient)> Terms)
{
    public static AffineIndex Constant(int offset) => new(offset, default);

    public static AffineIndex Of(IndexVariable variable) => new(0, EquatableArray.Of((variable, 1)));

    /// <summary>The position that a group of indices means, the first varying slowest.</summary>
    public static AffineIndex Group(IEnumerable<IndexVariable> group)
    {
        int stride = 1;
        var terms = new List<(IndexVariable, int)>();
        foreach (IndexVariable variable in group.Reverse())
        {
            terms.Add((variable, stride));
            stride = checked(stride * variable.Extent);
        }

        terms.Reverse();
        return new AffineIndex(0, terms.ToEquatable());
    }

    public IEnumerable<IndexVariable> Variables => Terms.Select(term => term.Variable);

    /// <summary>The indices whose <see cref="Group"/> this is, along an axis of the given length; null where it is not one.</summary>
    public IReadOnlyList<IndexVariable>? Digits(int length)
    {
        int stride = 1;
        for (int k = Terms.Count - 1; k >= 0; k--)
        {
            if (Terms[k].Coefficient != stride)
            {
                return null;
            }

            stride = checked(stride * Terms[k].Variable.Extent);
        }

        return Offset == 0 && stride == length ? [.. Variables] : null;
    }
}

/// <summary>
/// A tensor, by a formula. One that depends on parameters only is evaluated once per update; a value of a layer, in which
/// <see cref="InputTensor"/> stands, for each row of a batch.
/// </summary>
public abstract record TensorExpression
{
    /// <summary>The extent of each axis.</summary>
    public abstract EquatableArray<int> Shape { get; }
}

/// <summary>A parameter: what its property makes of the numbers that are stored.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="IsStored">Whether it is these numbers as they stand. Only <see cref="TensorProperties.Expand"/> makes such.</param>
public sealed record ParameterTensor(Parameter Parameter, bool IsStored = false) : TensorExpression
{
    public override EquatableArray<int> Shape => Parameter.Shape;
}

/// <summary>What a <see cref="ValueLink"/> is given, as a tensor of one axis: x in a layer's text.</summary>
public sealed record InputTensor(int Size) : TensorExpression
{
    public override EquatableArray<int> Shape => EquatableArray.Of(Size);
}

/// <summary>
/// Numbers that are drawn anew for each row of a batch and each step of training; in a scan, for each of its steps, one behind the other. Outside training
/// they are the mean of their distribution.
/// </summary>
/// <param name="Name">Unique in the module: what the numbers of two such tensors differ by.</param>
/// <param name="Extents">The shape.</param>
/// <param name="Distribution">One of single elements.</param>
public sealed record NoiseTensor(string Name, EquatableArray<int> Extents, Initializer Distribution) : TensorExpression
{
    public override EquatableArray<int> Shape => Extents;

    /// <summary>What it is outside training, everywhere.</summary>
    public double Mean => RandomTensor.MeanOfNoise(Distribution.Distribution) ?? throw new InvalidOperationException($"{Distribution.Distribution} is no distribution of noise.");

    /// <summary>The seed that is combined with those of a training step and of a row.</summary>
    public int Seed => RandomNumbers.Combine(0, Name);
}

/// <summary>What a chain of links makes of the elements of a value, in their order.</summary>
public sealed record AppliedTensor(EquatableArray<Link> Links, TensorExpression Argument, EquatableArray<int> Extents) : TensorExpression
{
    public override EquatableArray<int> Shape => Extents;
}

/// <summary>One axis of a slice: a single position, which drops the axis, or a range, which keeps it.</summary>
public abstract record SliceAxis;

/// <summary>One position along an axis, perhaps that of an enclosing indexed sum: <c>A[k]</c>.</summary>
public sealed record PointAxis(AffineIndex Index) : SliceAxis;

/// <summary>Consecutive positions along an axis: <c>A[2..5]</c>, <c>A[:]</c>.</summary>
public sealed record RangeAxis(int Start, int Length) : SliceAxis;

/// <summary>A part of a tensor. There is one <see cref="SliceAxis"/> for each axis of the source.</summary>
public sealed record SliceTensor(TensorExpression Source, EquatableArray<SliceAxis> Axes) : TensorExpression
{
    public override EquatableArray<int> Shape => Axes.OfType<RangeAxis>().Select(axis => axis.Length).ToEquatable();
}

/// <summary>A tensor inside index notation: an affine position along each of its axes.</summary>
public sealed record IndexedTensor(TensorExpression Tensor, EquatableArray<AffineIndex> Indices);

/// <summary>One product of index notation: <c>Coefficient · ∏ Factors</c>.</summary>
public sealed record TensorProduct(EquatableArray<IndexedTensor> Factors, double Coefficient = 1);

/// <summary>
/// A tensor that index notation defines, <c>T[i, j c] = Σ terms</c>: in each term every index that is not on the left is summed.
/// An axis groups its indices, the first varying slowest. No groups: a scalar.
/// </summary>
public sealed record EinsumTensor(EquatableArray<EquatableArray<IndexVariable>> Axes, EquatableArray<TensorProduct> Terms) : TensorExpression
{
    /// <summary>A single product.</summary>
    public EinsumTensor(EquatableArray<EquatableArray<IndexVariable>> axes, EquatableArray<IndexedTensor> factors, double coefficient = 1)
        : this(axes, EquatableArray.Of(new TensorProduct(factors, coefficient)))
    {
    }

    public override EquatableArray<int> Shape =>
        Axes.Select(group => group.Aggregate(1, (product, index) => checked(product * index.Extent))).ToEquatable();

    /// <summary>The factors of all terms.</summary>
    public IEnumerable<IndexedTensor> Factors => Terms.SelectMany(term => term.Factors);

    /// <summary>The same tensor of other factors.</summary>
    public EinsumTensor MapFactors(Func<IndexedTensor, IndexedTensor> map) => this with
    {
        Terms = Terms.Select(term => term with { Factors = term.Factors.Select(map).ToEquatable() }).ToEquatable(),
    };
}

/// <summary>A constant in closed form: the number at each position, such as <c>cos(2π·i·j/n)</c>, or 1 where a condition holds and 0 elsewhere.</summary>
public sealed record FormulaTensor(EquatableArray<int> Extents, Formula Formula) : TensorExpression
{
    public override EquatableArray<int> Shape => Extents;

    /// <summary>1 on the diagonal of a matrix, 0 elsewhere.</summary>
    public static FormulaTensor Identity(int size) => new(EquatableArray.Of(size, size), Formula.Of("==", new FormulaIndex(0), new FormulaIndex(1)));

    /// <summary>One number everywhere.</summary>
    public static FormulaTensor Constant(double number, params int[] shape) => new(shape.ToEquatable(), new FormulaNumber(number));

    /// <summary>The elements in order.</summary>
    public IEnumerable<double> Elements()
    {
        int[] position = new int[Extents.Count];
        for (long left = Extents.Aggregate(1L, (product, extent) => product * extent); left > 0; left--)
        {
            yield return Formula.At(position);
            for (int axis = Extents.Count - 1; axis >= 0 && ++position[axis] == Extents[axis]; axis--)
            {
                position[axis] = 0;
            }
        }
    }
}

/// <summary>A constant vector by its elements.</summary>
public sealed record ListTensor(EquatableArray<double> Elements) : TensorExpression
{
    public override EquatableArray<int> Shape => EquatableArray.Of(Elements.Count);
}

/// <summary>A <see cref="TensorFunction"/> of other tensors and of numbers.</summary>
public sealed record FunctionTensor(
    TensorFunction Function, EquatableArray<TensorExpression> Arguments, EquatableArray<double> Numbers = default) : TensorExpression
{
    public override EquatableArray<int> Shape => Function.Shape([.. Arguments.Select(argument => argument.Shape)], Numbers.FirstOrDefault()).ToEquatable();
}

/// <summary>
/// Whole numbers that say where other tensors are read: arithmetic on indices and on the positions that <paramref name="Sources"/> hold. In
/// the formula, numbers below the count of <paramref name="Axes"/> are these indices, and those from there on the elements of the sources.
/// </summary>
public sealed record PositionTensor(EquatableArray<IndexVariable> Axes, EquatableArray<IndexedTensor> Sources, Formula Formula) : TensorExpression
{
    public override EquatableArray<int> Shape => Axes.Select(axis => axis.Extent).ToEquatable();
}

/// <summary>
/// A tensor read at positions that a value of a layer or a table holds: <c>g[o, p, c] = Source[o, Positions[p], c]</c>, with the source's
/// elements in order taken as <paramref name="Outer"/> × size × <paramref name="Inner"/>. Transposed it adds: <c>g[o, Positions[p], c] += Source[o, p, c]</c>.
/// </summary>
/// <param name="Source">The tensor that is read.</param>
/// <param name="Positions">The positions, from 0 to below the size.</param>
/// <param name="Outer">The extent of o.</param>
/// <param name="Inner">The extent of c.</param>
/// <param name="Extents">The shape of the result, whose elements are those of g in order.</param>
/// <param name="Transposed">Whether it adds at positions.</param>
public sealed record GatherTensor(
    TensorExpression Source, TensorExpression Positions, int Outer, int Inner, EquatableArray<int> Extents, bool Transposed = false) : TensorExpression
{
    public override EquatableArray<int> Shape => Extents;

    /// <summary>How many positions there are to read from, or to add to.</summary>
    public int Size => (Transposed ? Shape : Source.Shape).Aggregate(1, (product, extent) => checked(product * extent)) / checked(Outer * Inner);
}

/// <summary>The entries of an operator as a tensor [m, n]; of a square one, those on the diagonal as a tensor [n].</summary>
public sealed record EntriesTensor(Operator Operator, bool IsDiagonal = false) : TensorExpression
{
    public override EquatableArray<int> Shape => IsDiagonal ? EquatableArray.Of(Operator.Rows) : EquatableArray.Of(Operator.Rows, Operator.Columns);
}
