using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>
/// A linear map with <see cref="Rows"/> outputs and <see cref="Columns"/> inputs: what users write, with every size known.
/// Products and Kronecker products are n-ary and flattened. Index order is row-major everywhere: in <c>A ⊗ B</c> the
/// index of <c>A</c> varies slowest.
/// </summary>
public abstract record Operator
{
    public abstract int Rows { get; }

    public abstract int Columns { get; }
}

/// <summary><c>eye(n)</c>.</summary>
public sealed record Identity(int Size) : Operator
{
    public override int Rows => Size;

    public override int Columns => Size;
}

/// <summary><c>zeros(m, n)</c>.</summary>
public sealed record Zero(int RowCount, int ColumnCount) : Operator
{
    public override int Rows => RowCount;

    public override int Columns => ColumnCount;
}

/// <summary>A tensor of two axes as a matrix.</summary>
public sealed record Matrix(TensorExpression Tensor) : Operator
{
    public override int Rows => Tensor.Shape[0];

    public override int Columns => Tensor.Shape[1];
}

/// <summary>A tensor of one axis as a matrix of one column.</summary>
public sealed record Column(TensorExpression Tensor) : Operator
{
    public override int Rows => Tensor.Shape[0];

    public override int Columns => 1;
}

/// <summary><c>diag(d)</c>: <c>y[i] = d[i] x[i]</c>.</summary>
public sealed record Diagonal(TensorExpression Tensor) : Operator
{
    public override int Rows => Tensor.Shape[0];

    public override int Columns => Tensor.Shape[0];
}

/// <summary><c>blockdiag(B)</c> of a tensor [b, p, q]: block k is <c>B[k]</c>, of p × q.</summary>
public sealed record BlockDiagonal(TensorExpression Tensor) : Operator
{
    public override int Rows => checked(Tensor.Shape[0] * Tensor.Shape[1]);

    public override int Columns => checked(Tensor.Shape[0] * Tensor.Shape[2]);
}

/// <summary><c>shuffle(a, b)</c>: reads its input as an a × b matrix, row-major, and writes the transpose: <c>y[j·a + i] = x[i·b + j]</c>.</summary>
public sealed record Shuffle(int Outer, int Inner) : Operator
{
    public override int Rows => checked(Outer * Inner);

    public override int Columns => Rows;
}

/// <summary><c>permute([...])</c>: <c>y[i] = x[Table[i]]</c>.</summary>
public sealed record Permutation(EquatableArray<int> Table) : Operator
{
    public override int Rows => Table.Count;

    public override int Columns => Table.Count;
}

/// <summary><c>crop</c>: <c>y[i] = x[Start + i]</c> for i &lt; Length.</summary>
public sealed record Crop(int Size, int Start, int Length) : Operator
{
    public override int Rows => Length;

    public override int Columns => Size;
}

/// <summary><c>pad</c>: the transpose of <see cref="Crop"/>; zero outside the window.</summary>
public sealed record Pad(int Size, int Start, int Length) : Operator
{
    public override int Rows => Size;

    public override int Columns => Length;
}

/// <summary>
/// Index notation, <c>y[i a] = U[i,a,r] * V[j,c,r] * x[j c]</c>: at the position <see cref="Output"/> the sum, over all indices that lead
/// there, of the factors times the input at the position <see cref="Input"/>. Positions are affine: <c>x[i + k]</c> is a convolution.
/// </summary>
public sealed record Einsum(
    AffineIndex Output,
    int RowCount,
    EquatableArray<IndexedTensor> Factors,
    AffineIndex Input,
    int ColumnCount,
    double Coefficient = 1) : Operator
{
    /// <summary>Where outputs and inputs are groups of indices, the first varying slowest.</summary>
    public Einsum(EquatableArray<IndexVariable> output, EquatableArray<IndexedTensor> factors, EquatableArray<IndexVariable> input, double coefficient = 1)
        : this(AffineIndex.Group(output), Length(output), factors, AffineIndex.Group(input), Length(input), coefficient)
    {
    }

    public override int Rows => RowCount;

    public override int Columns => ColumnCount;

    public Einsum Transposed() => this with { Output = Input, RowCount = ColumnCount, Input = Output, ColumnCount = RowCount };

    private static int Length(EquatableArray<IndexVariable> group) => group.Aggregate(1, (product, index) => checked(product * index.Extent));
}

/// <summary>
/// <c>gather(S, n)</c>: <c>y[i] = x[S[i]]</c>, over the elements of S in order. They are whole numbers below n that are not trained. The
/// transpose adds every element to its place.
/// </summary>
public sealed record Gather(TensorExpression Table, int Size) : Operator
{
    public override int Rows => Table.Shape.Aggregate(1, (product, extent) => checked(product * extent));

    public override int Columns => Size;
}

/// <summary><c>wht(n)</c> for n = 2ᵏ, the Walsh–Hadamard transform: <c>y[i] = Σⱼ (−1)^(bits that i and j have in common) x[j]</c>. It is symmetric, and n times its own inverse.</summary>
public sealed record WalshHadamard(int Size) : Operator
{
    public override int Rows => Size;

    public override int Columns => Size;
}

/// <summary>
/// <c>rfft(n)</c>, the discrete Fourier transform of a real vector: real parts of the frequencies 0 to n/2, then imaginary parts,
/// <c>y[f] = Σⱼ cos(2π f j/n) x[j]</c> and <c>y[F + f] = −Σⱼ sin(2π f j/n) x[j]</c> with F = ⌊n/2⌋ + 1; or <c>irfft(n)</c>, its inverse: the real vector of
/// such frequencies, of which imaginary parts at 0 and n/2 count as zero.
/// </summary>
public sealed record Fourier(int Size, bool IsInverse) : Operator
{
    /// <summary>The longest vector: of one with a large prime factor a transform takes twelve times as many elements, which one block has to hold.</summary>
    public const int MostLength = 1 << 27;

    /// <summary>How many frequencies there are, those behind n/2 being conjugates.</summary>
    public int Frequencies => (Size / 2) + 1;

    public override int Rows => IsInverse ? Size : 2 * Frequencies;

    public override int Columns => IsInverse ? 2 * Frequencies : Size;

    /// <summary>What it does with a vector, as a function.</summary>
    public TensorFunction Function => IsInverse ? TensorFunction.InverseRealFourier : TensorFunction.RealFourier;
}

/// <summary>
/// A chain of Householder reflections, <c>∏ᵢ (I − 2 vᵢvᵢᵀ / vᵢᵀvᵢ)</c>, leftmost factor first, over the rows vᵢ of a tensor [k, n].
/// A zero row stands for no reflection.
/// </summary>
public sealed record Reflections(TensorExpression Tensor) : Operator
{
    public override int Rows => Tensor.Shape[1];

    public override int Columns => Tensor.Shape[1];
}

/// <summary><c>c * A</c> for a number c.</summary>
public sealed record Scaled(double Factor, Operator Operand) : Operator
{
    public override int Rows => Operand.Rows;

    public override int Columns => Operand.Columns;
}

/// <summary><c>s * A</c> for a tensor s of no axes.</summary>
public sealed record ScaledByTensor(TensorExpression Factor, Operator Operand) : Operator
{
    public override int Rows => Operand.Rows;

    public override int Columns => Operand.Columns;
}

/// <summary><c>A'</c>.</summary>
public sealed record Transpose(Operator Operand) : Operator
{
    public override int Rows => Operand.Columns;

    public override int Columns => Operand.Rows;
}

/// <summary><c>A * B * …</c>: the last factor is applied first.</summary>
public sealed record Product(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands[0].Rows;

    public override int Columns => Operands[Operands.Count - 1].Columns;
}

/// <summary><c>A + B + …</c>.</summary>
public sealed record Sum(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands[0].Rows;

    public override int Columns => Operands[0].Columns;
}

/// <summary><c>A ⊗ B ⊗ …</c>: the first factor's index varies slowest.</summary>
public sealed record Kronecker(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands.Aggregate(1, (product, operand) => checked(product * operand.Rows));

    public override int Columns => Operands.Aggregate(1, (product, operand) => checked(product * operand.Columns));
}

/// <summary><c>A ⊕ B ⊕ …</c>, the direct sum: block diagonal.</summary>
public sealed record DirectSum(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands.Sum(operand => operand.Rows);

    public override int Columns => Operands.Sum(operand => operand.Columns);
}

/// <summary><c>[A, B, …]</c>.</summary>
public sealed record HorizontalStack(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands[0].Rows;

    public override int Columns => Operands.Sum(operand => operand.Columns);
}

/// <summary><c>[A; B; …]</c>.</summary>
public sealed record VerticalStack(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands.Sum(operand => operand.Rows);

    public override int Columns => Operands[0].Columns;
}

/// <summary><c>cheapest(A, B, …)</c>: one operator, written in several ways. It means the first; the one that costs least is compiled.</summary>
public sealed record Alternatives(EquatableArray<Operator> Operands) : Operator
{
    public override int Rows => Operands[0].Rows;

    public override int Columns => Operands[0].Columns;
}

/// <summary>Which combinator an <see cref="Indexed"/> repeats.</summary>
public enum IndexedKind
{
    Sum,
    DirectSum,
    HorizontalStack,
    VerticalStack,
}

/// <summary>
/// <c>sum(i &lt; n) body</c> and its kin, kept as one node because every repetition has the same shape: the index becomes an index
/// of the network. (A repetition whose shapes differ, and every indexed product, is unrolled when it is bound.)
/// </summary>
public sealed record Indexed(IndexedKind Kind, IndexVariable Variable, Operator Body) : Operator
{
    public override int Rows => Kind is IndexedKind.DirectSum or IndexedKind.VerticalStack
        ? checked(Variable.Extent * Body.Rows)
        : Body.Rows;

    public override int Columns => Kind is IndexedKind.DirectSum or IndexedKind.HorizontalStack
        ? checked(Variable.Extent * Body.Columns)
        : Body.Columns;
}
