using System.Numerics;

namespace Weft.Kernels;

/// <summary>
/// Products of matrices whose sizes are known only when they run, on the tiles of contractions. Large ones are made of copies of blocks, for which there is
/// room here, so that a product allocates nothing. What a sum consists of depends on sizes alone.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal readonly unsafe ref struct MatrixProducts<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Rows of A in a block.</summary>
    private const int High = 240;

    /// <summary>Rows or columns of a triangle that are done together, the corner beyond its diagonal too.</summary>
    private const int Band = 128;

    /// <summary>Up to so many rows, B is read too seldom for a copy to pay.</summary>
    private const int Few = 24;

    private readonly ParameterFunctions<T>.Scratch left, right;

    /// <summary>Room for products of matrices of so many rows and columns at most; of 0 for none but those of a few rows in one piece.</summary>
    public MatrixProducts(int most)
    {
        int deep = Math.Min(most, Deep);
        left = new(most > 2 * Few ? Math.Min(most, High) * deep : 0);
        right = new(deep * Math.Min(most, Wide));
    }

    /// <summary>Columns of B in a panel.</summary>
    private static int Panel => 2 * MemoryBlock.WidestVector / sizeof(T);

    /// <summary>Columns of B in a block, and its rows: a panel of it stays in the first-level cache, the block in the second.</summary>
    private static int Wide => 16 * Panel;

    private static int Deep => 1024 / sizeof(T);

    /// <summary>C = coefficient · A B</summary>
    /// <param name="a">[rows, inner]</param>
    /// <param name="b">[inner, columns]</param>
    /// <param name="c">[rows, columns], of rows in one piece; overwritten, and apart from A and B.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="coefficient">What the product is multiplied by.</param>
    public void Set(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, (int Rows, int Inner, int Columns) sizes, T coefficient) =>
        Run(a, b, c, sizes, coefficient, isAdded: false);

    /// <summary>C += coefficient · A B</summary>
    public void Add(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, (int Rows, int Inner, int Columns) sizes, T coefficient) =>
        Run(a, b, c, sizes, coefficient, isAdded: true);

    /// <summary>The upper triangle of C += coefficient · A B; below its diagonal is nothing to rely on.</summary>
    /// <param name="a">[size, inner]</param>
    /// <param name="b">[inner, size]</param>
    /// <param name="c">[size, size], of rows in one piece; apart from A and B.</param>
    /// <param name="size">The rows of A and the columns of B.</param>
    /// <param name="inner">The columns of A and the rows of B.</param>
    /// <param name="coefficient">What the product is multiplied by.</param>
    public void AddUpper(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, int size, int inner, T coefficient)
    {
        for (int i = 0; i < size; i += Band)
        {
            Add(a.From(i, 0), b.From(0, i), c.From(i, i), (Math.Min(Band, size - i), inner, size - i), coefficient);
        }
    }

    /// <summary>C += coefficient · A B with a lower triangular B.</summary>
    /// <param name="a">[rows, size]</param>
    /// <param name="b">[size, size]; what is above its diagonal is 0.</param>
    /// <param name="c">[rows, size], of rows in one piece; apart from A and B.</param>
    /// <param name="rows">The rows of A.</param>
    /// <param name="size">Those of B.</param>
    /// <param name="coefficient">What the product is multiplied by.</param>
    public void AddTimesLower(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, int rows, int size, T coefficient)
    {
        for (int j = 0; j < size; j += Band)
        {
            Add(a.From(0, j), b.From(j, j), c.From(0, j), (rows, size - j, Math.Min(Band, size - j)), coefficient);
        }
    }

    public void Dispose()
    {
        left.Dispose();
        right.Dispose();
    }

    private void Run(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, (int Rows, int Inner, int Columns) sizes, T coefficient, bool isAdded)
    {
        for (int k = 0; k < sizes.Inner; k += Deep)
        {
            int inner = Math.Min(Deep, sizes.Inner - k);
            bool copies = b.Column != 1 || (sizes.Rows > Few && (long)inner * Math.Abs(b.Row) * sizeof(T) > 32 << 10);
            bool copiesLeft = copies && sizes.Columns > 2 * Few;
            int wide = copies ? Wide : sizes.Columns;
            for (int j = 0; j < sizes.Columns; j += wide)
            {
                int columns = Math.Min(wide, sizes.Columns - j), whole = columns - (columns % Panel);
                MatrixView<T> block = b.From(k, j);
                if (copies)
                {
                    Layouts<T>.Gather(block.Start, right.Pointer, [whole / Panel, inner, Panel], [Panel * b.Column, b.Row, b.Column]);
                    Layouts<T>.Gather(block.At(0, whole), right.Pointer + (whole * inner), [inner, columns - whole], [b.Row, b.Column]);
                }

                int high = copiesLeft ? High : sizes.Rows;
                for (int i = 0; i < sizes.Rows; i += high)
                {
                    int rows = Math.Min(high, sizes.Rows - i);
                    MatrixView<T> part = a.From(i, k);
                    if (copiesLeft)
                    {
                        Layouts<T>.Gather(part.Start, left.Pointer, [rows, inner], [a.Row, a.Column]);
                        part = new(left.Pointer, inner);
                    }

                    T* to = c.At(i, j), added = isAdded || k > 0 ? to : null;
                    Loop down = new(rows, part.Row, 0, c.Row);
                    if (!copies)
                    {
                        Contraction<T, Splat<T>, Adjacent<T>, Scaled<T>>.Product(down, new(inner, part.Column, block.Row, 0), new(columns, 0, 1, 1), 1, coefficient, part.Start, block.Start, to, added);
                        continue;
                    }

                    if (whole > 0)
                    {
                        Contraction<T, Splat<T>, Adjacent<T>, Scaled<T>>.Product(down, new(inner, part.Column, Panel, 0), new(whole, 0, 1, 1), inner, coefficient, part.Start, right.Pointer, to, added);
                    }

                    if (whole < columns)
                    {
                        T* rest = right.Pointer + (whole * inner);
                        Contraction<T, Splat<T>, Adjacent<T>, Scaled<T>>.Product(
                            down, new(inner, part.Column, columns - whole, 0), new(columns - whole, 0, 1, 1), 1, coefficient, part.Start, rest, to + whole, added == null ? null : added + whole);
                    }
                }
            }
        }
    }
}
