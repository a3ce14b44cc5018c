using Weft.Compiler.Text;

namespace Weft.Compiler.Oracle;

/// <summary>The entries of a matrix, and which of some sources each is made of.</summary>
public sealed class TracedMatrix
{
    private readonly SourceTape _tape;
    private readonly int[,] _nodes;

    internal TracedMatrix(SparseMatrix matrix, SourceTape tape)
    {
        Entries = matrix.ToDense();
        _tape = tape;
        _nodes = new int[matrix.Rows, matrix.Columns];
        foreach ((int i, int j, Number value) in matrix.Entries())
        {
            _nodes[i, j] = tape.Union(_nodes[i, j], value.Node);
        }
    }

    /// <summary>The numbers.</summary>
    public double[,] Entries { get; }

    /// <summary>The sources that an entry is made of, by their numbers, in order.</summary>
    public EquatableArray<int> Sources(int row, int column) => _tape.Sources(_nodes[row, column]);
}
