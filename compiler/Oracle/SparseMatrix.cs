namespace Weft.Compiler.Oracle;

/// <summary>A matrix by its entries; a position without one is zero, and entries at one position add up.</summary>
internal sealed class SparseMatrix
{
    private readonly List<(int Column, Number Value)>[] _rows;

    public SparseMatrix(int rows, int columns)
    {
        Columns = columns;
        _rows = new List<(int Column, Number Value)>[rows];
        for (int i = 0; i < rows; i++)
        {
            _rows[i] = [];
        }
    }

    public int Rows => _rows.Length;

    public int Columns { get; }

    public IReadOnlyList<(int Column, Number Value)> Row(int row) => _rows[row];

    public void Set(int row, int column, Number value)
    {
        if (!value.IsZeroConstant)
        {
            _rows[row].Add((column, value));
        }
    }

    /// <summary>Copies a matrix to the place whose upper left corner is given.</summary>
    public void SetBlock(int row, int column, SparseMatrix block)
    {
        foreach ((int i, int j, Number value) in block.Entries())
        {
            Set(row + i, column + j, value);
        }
    }

    public IEnumerable<(int Row, int Column, Number Value)> Entries()
    {
        for (int i = 0; i < _rows.Length; i++)
        {
            foreach ((int column, Number value) in _rows[i])
            {
                yield return (i, column, value);
            }
        }
    }

    public SparseMatrix Transposed()
    {
        var result = new SparseMatrix(Columns, Rows);
        foreach ((int i, int j, Number value) in Entries())
        {
            result.Set(j, i, value);
        }

        return result;
    }

    public SparseMatrix Times(Number factor, Tape tape)
    {
        var result = new SparseMatrix(Rows, Columns);
        foreach ((int i, int j, Number value) in Entries())
        {
            result.Set(i, j, tape.Multiply(factor, value));
        }

        return result;
    }

    /// <summary><c>(A B)[i, j] = Σₖ A[i, k] B[k, j]</c>.</summary>
    public SparseMatrix Times(SparseMatrix right, Tape tape)
    {
        var result = new SparseMatrix(Rows, right.Columns);
        var terms = new RowTerms(right.Columns);
        for (int i = 0; i < Rows; i++)
        {
            foreach ((int k, Number a) in _rows[i])
            {
                foreach ((int j, Number b) in right._rows[k])
                {
                    terms.Add(j, a, b);
                }
            }

            terms.MoveTo(result, i, tape);
        }

        return result;
    }

    /// <summary><c>(A + B + …)[i, j] = A[i, j] + B[i, j] + …</c>.</summary>
    public static SparseMatrix Sum(IReadOnlyList<SparseMatrix> matrices, Tape tape)
    {
        var result = new SparseMatrix(matrices[0].Rows, matrices[0].Columns);
        var terms = new RowTerms(result.Columns);
        for (int i = 0; i < result.Rows; i++)
        {
            foreach (SparseMatrix matrix in matrices)
            {
                foreach ((int j, Number value) in matrix._rows[i])
                {
                    terms.Add(j, value, Number.One);
                }
            }

            terms.MoveTo(result, i, tape);
        }

        return result;
    }

    /// <summary><c>(A ⊗ B)[i·p + k, j·q + l] = A[i, j] B[k, l]</c> for B of p × q.</summary>
    public SparseMatrix Kronecker(SparseMatrix right, Tape tape)
    {
        var result = new SparseMatrix(checked(Rows * right.Rows), checked(Columns * right.Columns));
        foreach ((int i, int j, Number a) in Entries())
        {
            foreach ((int k, int l, Number b) in right.Entries())
            {
                result.Set((i * right.Rows) + k, (j * right.Columns) + l, tape.Multiply(a, b));
            }
        }

        return result;
    }

    public Number[] Apply(Number[] x, Tape tape)
    {
        var y = new Number[Rows];
        for (int i = 0; i < Rows; i++)
        {
            tape.BeginSum();
            foreach ((int j, Number value) in _rows[i])
            {
                tape.AddProduct(value, x[j]);
            }

            y[i] = tape.EndSum();
        }

        return y;
    }

    public double[,] ToDense()
    {
        double[,] dense = new double[Rows, Columns];
        foreach ((int i, int j, Number value) in Entries())
        {
            dense[i, j] += value.Value;
        }

        return dense;
    }

    /// <summary>The terms that make up the entries of one row, collected in any order.</summary>
    private sealed class RowTerms(int columns)
    {
        private readonly List<(Number A, Number B)>?[] _terms = new List<(Number A, Number B)>?[columns];

        public void Add(int column, Number a, Number b) => (_terms[column] ??= []).Add((a, b));

        public void MoveTo(SparseMatrix matrix, int row, Tape tape)
        {
            for (int j = 0; j < _terms.Length; j++)
            {
                if (_terms[j] is not { Count: > 0 } terms)
                {
                    continue;
                }

                tape.BeginSum();
                foreach ((Number a, Number b) in terms)
                {
                    tape.AddProduct(a, b);
                }

                matrix.Set(row, j, tape.EndSum());
                terms.Clear();
            }
        }
    }
}
