using System.Numerics;

namespace Weft.Kernels;

/// <summary>Products of whole matrices, row-major without gaps, as contractions.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal static class MatrixProducts<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>C = A B with A [rows, inner], B [inner, columns].</summary>
    public static Contraction<T, Splat<T>, Adjacent<T>, Stored<T>> Plain(int rows, int inner, int columns) => new(LaneForm.Broadcast)
    {
        Sums = [new(inner, 1, columns, 0)],
        Rows = new(rows, inner, 0, columns),
        Lanes = new(columns, 0, 1, 1),
    };

    /// <summary>C = coefficient · Aᵀ B with A [inner, rows], B [inner, columns].</summary>
    public static Contraction<T, Splat<T>, Adjacent<T>, Scaled<T>> TransposedLeft(int rows, int inner, int columns, double coefficient = 1) => new(LaneForm.Broadcast)
    {
        Sums = [new(inner, rows, columns, 0)],
        Rows = new(rows, 1, 0, columns),
        Lanes = new(columns, 0, 1, 1),
        Coefficient = coefficient,
    };

    /// <summary>C = coefficient · A Bᵀ with A [rows, inner], B [columns, inner].</summary>
    public static Contraction<T, Adjacent<T>, Adjacent<T>, Summed<T>> TransposedRight(int rows, int inner, int columns, double coefficient = 1) => new(LaneForm.Dot)
    {
        Rows = new(rows, inner, 0, columns),
        Columns = new(columns, 0, inner, 1),
        Lanes = new(inner, 1, 1, 0),
        Coefficient = coefficient,
    };
}
