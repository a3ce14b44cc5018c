using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Weft.Fitting;

/// <summary>The leading part of a singular value decomposition: A ≈ U diag(S) Vᵀ.</summary>
/// <param name="U">A column for each singular value.</param>
/// <param name="S">The singular values, the largest first: as many as were asked for, or all where A has no more.</param>
/// <param name="Vt">A row for each singular value.</param>
/// <param name="Lost">The sum of the squares of all other singular values.</param>
internal sealed record LeadingSvd(Matrix<double> U, Vector<double> S, Matrix<double> Vt, double Lost)
{
    /// <summary>How much more than the least may be lost, as a share of it; and what of a residual is rounding.</summary>
    private const double Tolerance = 1e-12, Rounding = 1e-14;

    /// <summary>Decomposes a row-major matrix.</summary>
    public static LeadingSvd Of(ReadOnlySpan<double> values, int columns, int rank)
    {
        // Row-major is the transpose by columns.
        Matrix<double> transposed = Matrix<double>.Build.Dense(columns, values.Length / columns, values.ToArray());
        LeadingSvd svd = Krylov(transposed, rank) ?? Full(transposed, rank);
        return svd with { U = svd.Vt.Transpose(), Vt = svd.U.Transpose() };
    }

    private static LeadingSvd Full(Matrix<double> matrix, int rank)
    {
        (int rows, int columns) = (matrix.RowCount, matrix.ColumnCount);
        if (rows < columns)
        {
            LeadingSvd transposed = Full(matrix.Transpose(), rank);
            return transposed with { U = transposed.Vt.Transpose(), Vt = transposed.U.Transpose() };
        }

        // A thin QR first keeps what is decomposed square.
        QR<double>? qr = rows > columns ? matrix.QR(QRMethod.Thin) : null;
        Matrix<double> square = qr?.R ?? matrix;

        // The decomposition's tolerances are absolute: it sees numbers of the size of 1.
        double largest = square.Enumerate().Max(Math.Abs), scale = largest > 0 ? Math.ScaleB(1, Math.ILogB(largest)) : 1;
        Svd<double> svd = (square / scale).Svd();
        Vector<double> values = svd.S * scale;
        int count = Math.Min(rank, columns);
        Matrix<double> u = svd.U.SubMatrix(0, columns, 0, count);
        double lost = values.Skip(count).Sum(value => value * value);
        return new LeadingSvd(qr == null ? u : qr.Q * u, values.SubVector(0, count), svd.VT.SubMatrix(0, count, 0, columns), lost);
    }

    /// <summary>
    /// Where few singular vectors of a large matrix are asked for: the Rayleigh-Ritz approximation from a block Krylov space of A Aᵀ with a
    /// random start (Halko, Martinsson and Tropp 2011; Musco and Musco 2015), which grows until the residuals show that no other vectors
    /// keep more, up to <see cref="Tolerance"/>.
    /// </summary>
    /// <returns>Null where the matrix is small, or the space grows so large that the full decomposition is not slower.</returns>
    private static LeadingSvd? Krylov(Matrix<double> matrix, int rank)
    {
        int most = Math.Min(matrix.RowCount, matrix.ColumnCount) / 2, width = rank + 4;
        if (most < 2 * width || most < 32)
        {
            return null;
        }

        Matrix<double> transposed = matrix.Transpose(), basis = Orthonormal(matrix * Matrix<double>.Build.Random(matrix.ColumnCount, width, 1));
        Matrix<double> last = transposed * basis, image = last;
        int check = width;
        while (true)
        {
            bool isLargest = basis.ColumnCount + width > most;
            if (isLargest || basis.ColumnCount >= check)
            {
                if (Ritz(matrix, basis, image, rank) is { } svd)
                {
                    return svd;
                }

                check = basis.ColumnCount * 3 / 2;
            }

            if (isLargest)
            {
                return null;
            }

            // Twice: what the first pass leaves of a vector that is in the space already is rounding.
            Matrix<double> next = matrix * last;
            for (int pass = 0; pass < 2; pass++)
            {
                next = Orthonormal(next - (basis * (basis.Transpose() * next)));
            }

            last = transposed * next;
            (basis, image) = (basis.Append(next), image.Append(last));
        }
    }

    private static Matrix<double> Orthonormal(Matrix<double> columns) => columns.QR(QRMethod.Thin).Q;

    /// <summary>The leading triplets of a matrix in a space, from the image of the space's basis under the transpose; null if others may keep more.</summary>
    private static LeadingSvd? Ritz(Matrix<double> matrix, Matrix<double> basis, Matrix<double> image, int rank)
    {
        QR<double> qr = image.QR(QRMethod.Thin);
        Svd<double> svd = qr.R.Svd();
        Vector<double> s = svd.S.SubVector(0, rank);
        Matrix<double> u = basis * svd.VT.SubMatrix(0, rank + 1, 0, basis.ColumnCount).Transpose();
        Matrix<double> v = qr.Q * svd.U.SubMatrix(0, basis.ColumnCount, 0, rank + 1);
        Matrix<double> residuals = (matrix * v) - (u * Matrix<double>.Build.DenseOfDiagonalVector(svd.S.SubVector(0, rank + 1)));
        Vector<double> errors = s.PointwiseMultiply(residuals.ColumnNorms(2).SubVector(0, rank));
        var found = new LeadingSvd(u.SubMatrix(0, u.RowCount, 0, rank), s, v.SubMatrix(0, v.RowCount, 0, rank).Transpose(), 0);
        double lost = (matrix - (found.U * Matrix<double>.Build.DenseOfDiagonalVector(s) * found.Vt)).Enumerate().Sum(value => value * value);

        // θ² is below an eigenvalue of A Aᵀ by at most the norm of its residual, and by at most its square divided by the gap to the others.
        double gap = (s[rank - 1] * s[rank - 1]) - Math.Pow(svd.S[rank] + residuals.Column(rank).L2Norm(), 2);
        double missed = Math.Min(errors.Sum(), gap > 0 ? errors.DotProduct(errors) / gap : double.PositiveInfinity);
        return missed <= Tolerance * lost || errors.Maximum() <= Rounding * s[0] * s[0] ? found with { Lost = lost } : null;
    }
}
