using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>A named index with an extent: bound by index notation, or by an indexed sum. Identity is the <see cref="Id"/>.</summary>
public sealed record IndexVariable(string Name, int Extent, int Id);

/// <summary><c>Offset + Σ Coefficient · Variable</c>.</summary>
public sealed record AffineIndex(int Offset, EquatableArray<(IndexVariable Variable, int Coefficient)> Terms)
{
    public static AffineIndex Constant(int offset) => new(offset, default);

    public static AffineIndex Of(IndexVariable variable) => new(0, EquatableArray.Of((variable, 1)));
}

/// <summary>A tensor that depends on parameters only: evaluated once per update, not once per row of a batch.</summary>
public abstract record TensorExpression
{
    /// <summary>The extent of each axis.</summary>
    public abstract EquatableArray<int> Shape { get; }
}

/// <summary>A parameter as it stands.</summary>
public sealed record ParameterTensor(Parameter Parameter) : TensorExpression
{
    public override EquatableArray<int> Shape => Parameter.Shape;
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

/// <summary>
/// A tensor that index notation defines, <c>T[i, j c] = ∏ factors</c>: every index that is not on the left is summed.
/// An axis groups its indices, the first varying slowest. No groups: a scalar.
/// </summary>
public sealed record EinsumTensor(
    EquatableArray<EquatableArray<IndexVariable>> Axes,
    EquatableArray<IndexedTensor> Factors,
    double Coefficient = 1) : TensorExpression
{
    public override EquatableArray<int> Shape =>
        Axes.Select(group => group.Aggregate(1, (product, index) => checked(product * index.Extent))).ToEquatable();
}

/// <summary>
/// The vector bank's differentiable selection (Li et al. 2024): for each row of <paramref name="Logits"/> [..., h] the mixture
/// of the <paramref name="Count"/> bank vectors with the largest logits, weighted by the softmax over those alone.
/// The bank is [h, b]; the result is [..., b]. Ties go to the lower index.
/// </summary>
public sealed record AdmixTensor(TensorExpression Bank, TensorExpression Logits, int Count) : TensorExpression
{
    public override EquatableArray<int> Shape =>
        Logits.Shape.Take(Logits.Shape.Count - 1).Append(Bank.Shape[1]).ToEquatable();
}
