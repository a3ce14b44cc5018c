using MathNet.Numerics.LinearAlgebra;

namespace Weft.Tool.Compressing;

/// <summary>The second moment G of rows x that come into a matrix A: the sum of squares of all A x is that of A G Aᵀ's diagonal.</summary>
internal sealed class RowMoment
{
    /// <summary>What the diagonal gets, as a share of itself, so that there is an inverse.</summary>
    private const double Ridge = 1e-8;

    /// <summary>A moment below it is that of a row without elements.</summary>
    private const double Smallest = 1e-300;

    private readonly Lazy<(Matrix<double> Inverse, double[][] Root)> _inverse;

    /// <param name="moment">G, symmetric, with a positive diagonal.</param>
    public RowMoment(Matrix<double> moment)
    {
        G = moment;
        _inverse = new(Invert);
    }

    public Matrix<double> G { get; }

    /// <summary>G⁻¹.</summary>
    public Matrix<double> Inverse => _inverse.Value.Inverse;

    /// <summary>The rows of an upper triangular U with Uᵀ U = G⁻¹, each from its diagonal on.</summary>
    public double[][] InverseRoot => _inverse.Value.Root;

    /// <summary>The sum of squares of what a matrix makes of the rows.</summary>
    public double SquaredNorm(Matrix<double> matrix) => (matrix * G).PointwiseMultiply(matrix).Enumerate().Sum();

    /// <summary>By a matrix with a diagonal of ones, since directions may differ by many powers of ten.</summary>
    private (Matrix<double>, double[][]) Invert()
    {
        int n = G.RowCount;
        Matrix<double> scale = Matrix<double>.Build.DiagonalOfDiagonalVector(G.Diagonal().Map(value => 1 / Math.Sqrt(Math.Max(value, Smallest))));
        Matrix<double> scaled = (scale * G * scale) + Matrix<double>.Build.DiagonalIdentity(n).Multiply(Ridge);
        Matrix<double> inverse = scaled.Cholesky().Solve(Matrix<double>.Build.DenseIdentity(n));
        Matrix<double> root = scale * inverse.Cholesky().Factor;
        return (scale * inverse * scale, [.. Enumerable.Range(0, n).Select(j => root.Column(j, j, n - j).ToArray())]);
    }
}
