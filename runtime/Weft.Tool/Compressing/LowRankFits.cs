using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Weft.Tool.Compressing;

/// <summary>
/// Matrices of low rank that are closest to W where rows come in: ‖(W − A) S‖ is least for A = U Uᵀ W with the leading left singular vectors U of W S, where S Sᵀ is the second moment
/// of the rows (Wang et al. 2024, SVD-LLM). No inverse of S is needed.
/// </summary>
internal sealed class LowRankFits
{
    /// <summary>A share of the largest singular value below which one is rounding.</summary>
    private const double Rounding = 1e-6;

    private readonly Matrix<double> _left;
    private readonly Matrix<double> _right;
    private readonly double[] _squares;

    /// <param name="weight">W, [outputs, inputs].</param>
    /// <param name="moment">The second moment, [inputs, inputs].</param>
    public LowRankFits(Matrix<double> weight, Matrix<double> moment)
    {
        bool isWide = weight.RowCount <= weight.ColumnCount;
        Matrix<double> image = isWide ? weight : weight * Root(moment);
        Matrix<double> gram = isWide ? weight * moment.TransposeAndMultiply(weight) : image.TransposeThisAndMultiply(image);
        (double[] squares, Matrix<double> vectors) = Descending(gram);
        Rank = squares.Count(square => square > Rounding * Rounding * squares[0]);
        _squares = squares;
        _left = vectors.SubMatrix(0, vectors.RowCount, 0, Math.Max(1, Rank));
        _left = isWide ? _left : image * _left * Matrix<double>.Build.DenseOfDiagonalArray([.. squares.Take(_left.ColumnCount).Select(square => 1 / Math.Sqrt(Math.Max(square, double.Epsilon)))]);
        _right = _left.TransposeThisAndMultiply(weight);
    }

    /// <summary>The rank from which on nothing is missing.</summary>
    public int Rank { get; }

    /// <summary>The relative error of the closest matrix of a rank.</summary>
    public double Error(int rank)
    {
        double all = _squares.Sum(square => Math.Max(0, square));
        return all == 0 ? 0 : Math.Sqrt(_squares.Skip(rank).Sum(square => Math.Max(0, square)) / all);
    }

    /// <summary>The parameters of <c>low_rank</c> for the closest matrix of a rank: B [outputs, rank] and A [rank, inputs].</summary>
    public (Matrix<double> B, Matrix<double> A) Factors(int rank) =>
        (_left.SubMatrix(0, _left.RowCount, 0, rank), _right.SubMatrix(0, rank, 0, _right.ColumnCount));

    /// <summary>A root S of a second moment, S Sᵀ.</summary>
    private static Matrix<double> Root(Matrix<double> moment)
    {
        (double[] values, Matrix<double> vectors) = Descending(moment);
        return vectors * Matrix<double>.Build.DenseOfDiagonalArray([.. values.Select(value => Math.Sqrt(Math.Max(0, value)))]);
    }

    private static (double[] Values, Matrix<double> Vectors) Descending(Matrix<double> symmetric)
    {
        Evd<double> decomposition = symmetric.Evd(Symmetricity.Symmetric);
        int count = symmetric.RowCount;
        int[] order = [.. Enumerable.Range(0, count).OrderByDescending(k => decomposition.EigenValues[k].Real)];
        return ([.. order.Select(k => decomposition.EigenValues[k].Real)], Matrix<double>.Build.DenseOfColumnVectors(order.Select(decomposition.EigenVectors.Column)));
    }
}
