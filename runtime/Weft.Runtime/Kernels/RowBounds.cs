namespace Weft.Kernels;

/// <summary>The elements of each row of a matrix that a function is of: from one line over an index of the rows up to and without another.</summary>
/// <param name="First">The first element where the index is 0, and by how much it grows with the index.</param>
/// <param name="End">The same of the one behind the last.</param>
/// <param name="Stride">Rows from one value of the index to the next.</param>
/// <param name="Extent">How many values it has, after which it begins again.</param>
/// <param name="Start">Its first value.</param>
public readonly record struct RowBounds((int Offset, int Slope) First, (int Offset, int Slope) End, int Stride, int Extent, int Start)
{
    /// <summary>The elements of a row, none of them outside of it.</summary>
    /// <param name="row">The number of the row.</param>
    /// <param name="length">Its length.</param>
    public (int From, int To) Of(int row, int length)
    {
        int index = Start + (row / Stride % Extent);
        int from = Math.Clamp(First.Offset + (First.Slope * index), 0, length);
        return (from, Math.Clamp(End.Offset + (End.Slope * index), from, length));
    }
}
