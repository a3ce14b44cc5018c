using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;
using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tool.Compressing;

/// <summary>What the numbers of a matrix, or of factors of low rank, can be stored as.</summary>
/// <param name="Name">What the declarations of such matrices begin with.</param>
/// <param name="Bits">Bits of a number.</param>
/// <param name="Largest">The largest code, where numbers are whole multiples of a step that a group of them has; null where each is rounded by itself.</param>
/// <param name="MostInGroup">Numbers of a group, at most; a row where there is no limit.</param>
internal sealed record NumberFormat(string Name, int Bits, int? Largest = null, int? MostInGroup = null)
{
    private const string Text = """
        /// A dense matrix in half precision. Parameters: m·n.
        operator half_dense(m, n) : n -> m
          param(half) W[m, n]
          = W

        /// Low rank in half precision. Parameters: r·(m + n).
        operator half_low_rank(m, n, r) : n -> m
          param(half) B[m, r], A[r, n]
          = B * A

        /// A dense matrix in whole numbers of 8 bits, with a step for each row. Frozen parameters: m·n.
        operator int8_dense(m, n) : n -> m
          frozen(int8) W[m, n]
          = W

        /// Low rank in whole numbers of 8 bits, with a step for each row of a factor. Frozen parameters: r·(m + n).
        operator int8_low_rank(m, n, r) : n -> m
          frozen(int8) B[m, r], A[r, n]
          = B * A

        /// A dense matrix in whole numbers of 4 bits, with a step for each group of g along a row. Frozen parameters: m·n.
        operator int4_dense(m, n, g) : n -> m
          frozen(int4, g) W[m, n]
          = W

        """;

    /// <summary>The formats, from the most bits to the fewest.</summary>
    public static IReadOnlyList<NumberFormat> All { get; } = [new("half", 16), new("int8", 8, 127), new("int4", 4, 7, 32)];

    /// <summary>The declarations that formulas name beside those of the library.</summary>
    public static ParsedFile Declarations { get; } = WeftCompiler.Parse(new SourceText("formats.weft", Text));

    /// <summary>Whether factors of low rank are stored so: a group is a row, which may be of any length.</summary>
    public bool HasLowRank => MostInGroup is null;

    /// <summary>The formula of a dense matrix.</summary>
    public string Dense(int m, int n) =>
        MostInGroup is null ? FormattableString.Invariant($"{Name}_dense({m}, {n})") : FormattableString.Invariant($"{Name}_dense({m}, {n}, {Group(n)})");

    /// <summary>A matrix of numbers that the format has, close to another where rows come in.</summary>
    /// <remarks>
    /// Whole numbers are found from left to right: what rounding a number changes for the rows is made up for by those that follow (GPTQ: Frantar et al. 2023, "OPTQ: Accurate
    /// Quantization for Generative Pre-trained Transformers"). The largest of a group has the largest code, so that rounding the matrix again changes nothing.
    /// </remarks>
    /// <param name="matrix">The matrix, [outputs, inputs].</param>
    /// <param name="rows">What comes in.</param>
    public Matrix<double> Round(Matrix<double> matrix, RowMoment rows)
    {
        if (Largest is not { } largest)
        {
            return matrix.Map(value => (double)(Half)value);
        }

        double[][] root = rows.InverseRoot;
        int group = Group(matrix.ColumnCount);
        return Matrix<double>.Build.DenseOfRowArrays(matrix.ToRowArrays().AsParallel().AsOrdered().Select(row =>
        {
            for (int first = 0; first < row.Length; first += group)
            {
                int peak = first + TensorPrimitives.IndexOfMaxMagnitude<double>(row.AsSpan(first, group));
                double step = Math.Abs(row[peak]) / largest, end = row[peak];
                for (int j = first; j < first + group; j++)
                {
                    double value = step == 0 ? 0 : j == peak ? end : step * Math.Clamp(Math.Round(row[j] / step), -largest, largest);
                    double error = (row[j] - value) / root[j][0];
                    row[j] = value;
                    Span<double> rest = row.AsSpan(j + 1);
                    TensorPrimitives.MultiplyAdd(root[j].AsSpan(1), -error, rest, rest);
                }
            }

            return row;
        }));
    }

    private int Group(int length) => MostInGroup is { } most ? Enumerable.Range(1, Math.Min(most, length)).Last(group => length % group == 0) : length;
}
