using System.Numerics;

namespace Weft.Kernels;

/// <summary>A matrix in memory, or a part of one, its transposed, or the same from its last row and column to the first.</summary>
/// <param name="start">Its first element.</param>
/// <param name="row">Elements from one row to the next; may be negative, as that of columns.</param>
/// <param name="column">Elements from one column to the next.</param>
internal readonly unsafe struct MatrixView<T>(T* start, int row, int column = 1)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Its first element.</summary>
    public readonly T* Start = start;

    /// <summary>Elements from one row to the next, and from one column to the next.</summary>
    public readonly int Row = row, Column = column;

    public MatrixView<T> Transposed => new(Start, Column, Row);

    public ref T this[int row, int column] => ref *At(row, column);

    public T* At(int row, int column) => Start + ((nint)row * Row) + ((nint)column * Column);

    /// <summary>What of it begins at a row and a column.</summary>
    public MatrixView<T> From(int row, int column) => new(At(row, column), Row, Column);

    /// <summary>The first so many rows, from the last of them to the first.</summary>
    public MatrixView<T> FromLastRow(int rows) => new(At(rows - 1, 0), -Row, Column);

    /// <summary>The first so many rows and columns, from the last of each to the first: what is upper triangular is lower triangular so.</summary>
    public MatrixView<T> FromLast(int size) => new(At(size - 1, size - 1), -Row, -Column);
}
