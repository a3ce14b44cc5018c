using Weft.Kernels;

namespace Weft.Tests.Runtime;

public sealed unsafe class ParameterFunctionTests
{
    [Theory]
    [InlineData(1, 4, -1)]
    [InlineData(3, 5, -1)]
    [InlineData(4, 3, -1)] // more reflections than dimensions
    [InlineData(3, 5, 0)]
    [InlineData(3, 5, 1)]
    [InlineData(3, 5, 2)]
    public void ReflectionsAreTheProductWithTheFirstFactorLeftmost(int count, int size, int zeroRow)
    {
        double[] v = Vectors(count, size, zeroRow), t = Triangle(v, count, size);
        double[] product = Identity(size);
        for (int i = 0; i < count; i++)
        {
            // product ← product (I − 2 v vᵀ / vᵀv)
            ReadOnlySpan<double> row = v.AsSpan(i * size, size);
            double square = 0;
            foreach (double value in row)
            {
                square += value * value;
            }

            for (int a = 0; square > 0 && a < size; a++)
            {
                double along = 0;
                for (int b = 0; b < size; b++)
                {
                    along += product[a * size + b] * row[b];
                }

                for (int b = 0; b < size; b++)
                {
                    product[a * size + b] -= 2 * along * row[b] / square;
                }
            }
        }

        double[] compact = Identity(size);
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                Assert.True(i <= j || t[i * count + j] == 0);
                for (int a = 0; a < size * size; a++)
                {
                    compact[a] -= v[i * size + a / size] * t[i * count + j] * v[j * size + a % size];
                }
            }
        }

        Numbers.AssertClose<double>(product, compact, 1e-13);
    }

    [Theory]
    [InlineData(1, 4, -1)]
    [InlineData(3, 5, -1)]
    [InlineData(4, 6, 1)]
    public void ReflectionDerivativesAgreeWithDifferences(int count, int size, int zeroRow)
    {
        double[] v = Vectors(count, size, zeroRow), weights = Numbers.Draw<double>(count * count, 9), change = Numbers.Draw<double>(v.Length, 10);
        double[] t = Triangle(v, count, size), dv = Enumerable.Repeat(1.0, v.Length).ToArray(), tangent = Enumerable.Repeat(9.0, t.Length).ToArray();
        if (zeroRow >= 0)
        {
            change.AsSpan(zeroRow * size, size).Clear(); // the function jumps at a zero row, which has derivative 0 by convention
        }

        fixed (double* pv = v, pt = t, pw = weights, pdv = dv, pc = change, ptangent = tangent)
        {
            ParameterFunctions<double>.Reflections.Gradient(new(pv, pdv), new(pt, pw), (count, size));
            ParameterFunctions<double>.Reflections.Tangent(new(pv, pc), new(pt, ptangent), (count, size));
            ParameterFunctions<double>.Reflections.Gradient(new(pv, null), new(pt, pw), (count, size));
        }

        double[] expected = Numbers.Differences(() => Dot(weights, Triangle(v, count, size)), v);
        for (int i = 0; i < v.Length; i++)
        {
            Assert.Equal(i / size == zeroRow ? 0 : expected[i], dv[i] - 1, 1e-6);
        }

        double[] along = [.. Triangle([.. v.Zip(change, (a, b) => a + 1e-6 * b)], count, size).Zip(
            Triangle([.. v.Zip(change, (a, b) => a - 1e-6 * b)], count, size),
            (above, below) => (above - below) / 2e-6)];
        Numbers.AssertClose<double>(along, tangent, 1e-6);

        fixed (double* pv = v, pt = t, ptangent = tangent)
        {
            ParameterFunctions<double>.Reflections.Tangent(new(pv, null), new(pt, ptangent), (count, size));
        }

        Assert.All(tangent, value => Assert.Equal(0, value));
    }

    [Fact]
    public void TakeReadsPartsAndAddsTheirGradients()
    {
        double[] tensor = [1, 2, 3, 4, 5, 6], table = [2, 0, 2], value = new double[6], change = [1, 10, 100, 1000, 3, 30], gradient = [7, 7, 7, 7, 7, 7], tangent = new double[6];
        fixed (double* pt = tensor, places = table, pv = value, pc = change, pg = gradient, pd = tangent)
        {
            ParameterFunctions<double>.Take.Value(pt, places, pv, (3, 2, 3));
            ParameterFunctions<double>.Take.Gradient(new(pt, pg), new(places, null), new(pv, pc), (3, 2, 3));
            ParameterFunctions<double>.Take.Gradient(new(pt, null), new(places, null), new(pv, pc), (3, 2, 3));
            ParameterFunctions<double>.Take.Tangent(new(pt, pc), new(places, null), new(pv, pd), (3, 2, 3));
            ParameterFunctions<double>.Take.Tangent(new(pt, pc), new(places, null), new(pv, null), (3, 2, 3));
            Assert.Equal([3, 30, 1, 10, 3, 30], tangent);
            ParameterFunctions<double>.Take.Tangent(new(pt, null), new(places, null), new(pv, pd), (3, 2, 3));
        }

        Assert.Equal([5, 6, 1, 2, 5, 6], value);
        Assert.Equal([107, 1007, 7, 7, 11, 47], gradient);
        Assert.Equal(new double[6], tangent);
    }

    [Fact]
    public void AdmixChoosesTheLargestAndTheLowerIndexOfEquals()
    {
        double[] bank = [1, 0, 0, 10, 0, 0, 100, 0, 0, 1000, 0, 0], logits = [2, 5, 2, 2, 0, 0, 0, 0];
        double[] result = Mix(bank, logits, 2, 4, 3, 2);
        double share = Math.Exp(5) / (Math.Exp(5) + Math.Exp(2));
        Numbers.AssertClose<double>([10 * share + (1 - share), 0, 0, 5.5, 0, 0], result, 1e-14);
        Numbers.AssertClose<double>([1000, 0, 0], Mix(bank, [-1e308, 0, 5, 1e308], 1, 4, 3, 2), 1e-14); // no overflow
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void AdmixDerivativesAgreeWithDifferences(int count)
    {
        const int Rows = 3, Vectors = 7, Length = 5;
        double[] bank = Numbers.Draw<double>(Vectors * Length, 1), logits = Numbers.Draw<double>(Rows * Vectors, 2), weights = Numbers.Draw<double>(Rows * Length, 3);
        double[] bankChange = Numbers.Draw<double>(bank.Length, 4), logitsChange = Numbers.Draw<double>(logits.Length, 5);
        double[] dBank = new double[bank.Length], dLogits = new double[logits.Length], tangent = new double[weights.Length], half = new double[weights.Length];
        fixed (double* pb = bank, pl = logits, pw = weights, pdb = dBank, pdl = dLogits, pbc = bankChange, plc = logitsChange, pt = tangent, ph = half)
        {
            // Each on its own, so that a null one is skipped and the other unharmed.
            ParameterFunctions<double>.Admix.Gradient(new(pb, pdb), new(pl, null), new(null, pw), (Rows, Vectors, Length), count);
            ParameterFunctions<double>.Admix.Gradient(new(pb, null), new(pl, pdl), new(null, pw), (Rows, Vectors, Length), count);
            ParameterFunctions<double>.Admix.Tangent(new(pb, pbc), new(pl, null), new(null, ph), (Rows, Vectors, Length), count);
            ParameterFunctions<double>.Admix.Tangent(new(pb, pbc), new(pl, plc), new(null, pt), (Rows, Vectors, Length), count);
        }

        Numbers.AssertClose<double>(Numbers.Differences(() => Dot(weights, Mix(bank, logits, Rows, Vectors, Length, count)), bank), dBank, 1e-8);
        Numbers.AssertClose<double>(Numbers.Differences(() => Dot(weights, Mix(bank, logits, Rows, Vectors, Length, count)), logits), dLogits, 1e-8);
        Assert.Equal(Dot(dBank, bankChange), Dot(weights, half), 1e-12);
        Assert.Equal(Dot(dBank, bankChange) + Dot(dLogits, logitsChange), Dot(weights, tangent), 1e-12);
    }

    [Fact]
    public void ZeroRowsStayZeroAndHaveNoDerivative()
    {
        double[] x = [3, 4, 0, 0], y = [9, 9, 9, 9], norms = [9, 9], dy = [1, 2, 3, 4], dx = new double[4], tangent = [9, 9, 9, 9];
        fixed (double* px = x, py = y, pn = norms, pdy = dy, pdx = dx, pt = tangent)
        {
            ParameterFunctions<double>.RowNorms.Value(px, pn, (2, 2));
            ParameterFunctions<double>.RowNorms.Gradient(new(px, pdx), new(pn, pdy), (2, 2));
            Assert.Equal([5, 0], norms);
            Numbers.AssertClose<double>([0.6, 0.8, 0, 0], dx, 1e-15);

            ParameterFunctions<double>.NormalizeRows.Value(px, py, (2, 2));
            ParameterFunctions<double>.NormalizeRows.Tangent(new(px, pdy), new(py, pt), (2, 2));
            Numbers.AssertClose<double>([0.6, 0.8, 0, 0], y, 1e-15);
            Numbers.AssertClose<double>([(1 - (2.2 * 0.6)) / 5, (2 - (2.2 * 0.8)) / 5, 0, 0], tangent, 1e-15);

            ParameterFunctions<double>.OrthonormalRows.Value(px, py, (1, 2, 2));
            ParameterFunctions<double>.OrthonormalRows.Tangent(new(px, pdy), new(py, pt), (1, 2, 2));
            Numbers.AssertClose<double>([0.6, 0.8, 0, 0], y, 1e-15);
            Assert.All(tangent, value => Assert.True(double.IsFinite(value)));
            ParameterFunctions<double>.OrthonormalRows.Tangent(new(px, null), new(py, pt), (1, 2, 2));
            Assert.All(tangent, value => Assert.Equal(0, value));
        }
    }

    /// <summary>
    /// Q of more rows than are made orthogonal one by one: V Qᵀ is lower triangular and positive on its diagonal, and what depends on rows before it, near or
    /// far, is zero.
    /// </summary>
    [Theory]
    [InlineData(40, 41)]
    [InlineData(97, 130)]
    public void ManyRowsBecomeOrthonormal(int rows, int columns)
    {
        double[] v = Numbers.Draw<double>(rows * columns, 1), q = new double[v.Length];
        for (int i = 0; i < columns; i++)
        {
            v[(36 * columns) + i] = v[i] - (3 * v[(5 * columns) + i]);
            v[(39 * columns) + i] = v[(38 * columns) + i] + v[(33 * columns) + i];
            v[(37 * columns) + i] = v[(7 * columns) + i] + (1e-5 * v[(37 * columns) + i]);
            v[(35 * columns) + i] = v[(34 * columns) + i] + (1e-11 * v[(35 * columns) + i]);
        }

        fixed (double* pv = v, pq = q)
        {
            ParameterFunctions<double>.OrthonormalRows.Value(pv, pq, (1, rows, columns));
        }

        for (int i = 0; i < rows; i++)
        {
            bool isZero = i is 36 or 39;
            for (int j = 0; j <= i; j++)
            {
                Assert.Equal(i == j && !isZero ? 1 : 0, Dot(q[(i * columns)..((i + 1) * columns)], q[(j * columns)..((j + 1) * columns)]), 1e-14);
            }

            for (int j = i; j < rows && !isZero; j++)
            {
                double share = Dot(v[(i * columns)..((i + 1) * columns)], q[(j * columns)..((j + 1) * columns)]);
                Assert.True(i == j ? share > 0 : Math.Abs(share) < 1e-12, $"{i} {j}: {share}");
            }
        }
    }

    /// <summary>No element of the inverse of a singular matrix is finite, wherever the row without a pivot is.</summary>
    [Theory]
    [InlineData(3, 1)]
    [InlineData(70, 2)]
    public void InversesOfSingularMatricesAreNotFinite(int size, int zero)
    {
        double[] a = Identity(size), y = new double[a.Length];
        a[(zero * size) + zero] = 0;
        fixed (double* pa = a, py = y)
        {
            ParameterFunctions<double>.Inverse.Value(pa, py, (1, size));
        }

        Assert.All(y, value => Assert.False(double.IsFinite(value)));
    }

    [Fact]
    public void LargeLogitsDoNotOverflow()
    {
        double[] x = [1e308, -1e308, 1e308], y = new double[3];
        fixed (double* px = x, py = y)
        {
            ParameterFunctions<double>.Softmax.Value(px, py, (1, 3));
            Assert.Equal([0.5, 0, 0.5], y);
            ParameterFunctions<double>.TopKSoftmax.Value(px, py, (1, 3), 1);
            Assert.Equal([1, 0, 0], y);
        }
    }

    [Fact]
    public void MatrixFunctionsPivot()
    {
        // Zero where elimination starts, and a batch of two.
        double[] a = [0, 1, 2, 0, 3, 1, 2, 1], y = new double[8];
        fixed (double* pa = a, py = y)
        {
            ParameterFunctions<double>.Inverse.Value(pa, py, (2, 2));
        }

        Numbers.AssertClose<double>([0, 0.5, 1, 0, 1, -1, -2, 3], y, 1e-14);
    }

    [Theory]
    [InlineData(1e-18f)]
    [InlineData(1e-20f)]
    [InlineData(1e-30f)]
    public void EigenvectorsOfWhatIsNearlyDiagonalAreOrthonormal(float beside)
    {
        // The squares of what is beside the diagonal are subnormal, or 0.
        const int Size = 5;
        float[] a = [.. Enumerable.Range(0, Size * Size).Select(i => i / Size == i % Size ? 1 + (i / Size) : beside)], v = new float[Size * Size];
        fixed (float* pa = a, pv = v)
        {
            ParameterFunctions<float>.Eigenvectors.Value(pa, pv, (1, Size));
        }

        double[][] rows = [.. v.Select(value => (double)value).Chunk(Size)];
        Assert.All(rows.Index(), a => Assert.All(rows.Index(), b => Assert.Equal(a.Index == b.Index ? 1 : 0, Dot(a.Item, b.Item), 1e-5)));
    }

    [Fact]
    public void NormalFloatHasThePublishedValues()
    {
        // The table of the authors' code (Dettmers et al. 2023).
        double[] published =
        [
            -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
            0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
        ];
        double[] x = [.. published.Select(value => 3 * value + (Math.Abs(value) == 1 ? 0 : 0.05))], y = new double[x.Length];
        fixed (double* px = x, py = y)
        {
            ParameterFunctions<double>.NormalFloat.Value(px, py, (1, x.Length), 4);
        }

        for (int i = 0; i < y.Length; i++)
        {
            Assert.Equal(3 * published[i], y[i], 1e-6);
        }
    }

    [Fact]
    public void MasksTakeTheFirstOfEquals()
    {
        double[] x = [2, 5, 2, 2, 1, 1, 1, 1], y = new double[8];
        fixed (double* px = x, py = y)
        {
            ParameterFunctions<double>.Largest.Value(px, py, (2, 4), 2);
            Assert.Equal([1, 1, 0, 0, 1, 1, 0, 0], y);
            ParameterFunctions<double>.AboveQuantile.Value(px, py, (2, 4), 0.5);
            Assert.Equal([0, 1, 0, 0, 0, 0, 0, 0], y);
        }
    }

    [Fact]
    public void QuantizedRowsOfOneValueStay()
    {
        double[] x = [0, 0, 0, 0.3, 0.3, 0.3], y = new double[6];
        fixed (double* px = x, py = y)
        {
            ParameterFunctions<double>.Quantize.Value(px, py, (2, 3), 4);
            Assert.Equal(x, y);
            ParameterFunctions<double>.QuantizeAffine.Value(px, py, (2, 3), 4);
            Assert.Equal(x, y);
            ParameterFunctions<double>.NormalFloat.Value(px, py, (2, 3), 4);
            Assert.Equal(x, y);
        }
    }

    [Fact]
    public void EqualRowsHaveNoDistanceAndNoDerivative()
    {
        double[] p = [1, 2], q = [1, 2, 4, 6], y = new double[2], dy = [1, 1], dp = new double[2], dq = new double[4];
        fixed (double* pp = p, pq = q, py = y, pdy = dy, pdp = dp, pdq = dq)
        {
            ParameterFunctions<double>.Distances.Value(pp, pq, py, (1, 1, 2, 2), 2);
            ParameterFunctions<double>.Distances.Gradient(new(pp, pdp), new(pq, pdq), new(py, pdy), (1, 1, 2, 2), 2);
        }

        Assert.Equal([0, 5], y);
        Numbers.AssertClose<double>([-0.6, -0.8], dp, 1e-15);
        Numbers.AssertClose<double>([0, 0, 0.6, 0.8], dq, 1e-15);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(5, 3)]
    [InlineData(4, 4)]
    public void PolarFactorsAreOrthonormalAndTheNearest(int rows, int columns)
    {
        double[] a = Numbers.Draw<double>(2 * rows * columns, 1), q = new double[a.Length];
        fixed (double* pa = a, pq = q)
        {
            ParameterFunctions<double>.Polar.Value(pa, pq, (2, rows, columns));
        }

        int small = Math.Min(rows, columns);
        for (int b = 0; b < 2; b++)
        {
            // With Q Qᵀ = I or Qᵀ Q = I, and A Qᵀ or Qᵀ A symmetric and positive: the conditions of the nearest one.
            double Entry(double[] matrix, int i, int k) => rows <= columns
                ? matrix[(b * rows + i) * columns + k]
                : matrix[(b * rows + k) * columns + i];
            double Product(double[] left, int i, int j) => Enumerable.Range(0, Math.Max(rows, columns)).Sum(k => Entry(left, i, k) * Entry(q, j, k));
            for (int i = 0; i < small; i++)
            {
                Assert.True(Product(a, i, i) > 0);
                for (int j = 0; j < small; j++)
                {
                    Assert.Equal(i == j ? 1 : 0, Product(q, i, j), 1e-14);
                    Assert.Equal(Product(a, i, j), Product(a, j, i), 1e-14);
                }
            }
        }
    }

    [Fact]
    public void DrawsDependOnSeedAndIndexAloneAndAreTheSameEverywhere()
    {
        double[] all = Drawn<double>(1000, Distribution.Normal, 1, 42);
        Assert.Equal(all[..10], Drawn<double>(10, Distribution.Normal, 1, 42));
        Assert.Equal(all.Select(value => (float)value), Drawn<float>(1000, Distribution.Normal, 1, 42));
        Assert.NotEqual(all, Drawn<double>(1000, Distribution.Normal, 1, 43));
        Assert.Equal([-0.40349536446955686, 1.7033288326736677, -0.03422331773865488], all[..3]);
    }

    [Fact]
    public void DrawsHaveTheirDistributions()
    {
        const int Length = 200_000;
        double[] normal = Drawn<double>(Length, Distribution.Normal, 3, 1);
        Assert.Equal(0, normal.Average(), 0.03);
        Assert.Equal(9, normal.Average(x => x * x), 0.15);
        Assert.Equal(243, normal.Average(x => x * x * x * x), 8.0);
        Assert.Equal(0.0455, normal.Count(x => Math.Abs(x) > 6) / (double)Length, 0.002);
        double[] uniform = Drawn<double>(Length, Distribution.Uniform, 2, 1);
        Assert.All(uniform, x => Assert.InRange(x, -2, 2));
        Assert.Equal(0, uniform.Average(), 0.02);
        Assert.Equal(4.0 / 3, uniform.Average(x => x * x), 0.02);
        double[] sign = Drawn<double>(Length, Distribution.Sign, 1.5, 1);
        Assert.All(sign, x => Assert.Equal(1.5, Math.Abs(x)));
        Assert.Equal(0, sign.Average(), 0.02);
        Assert.All(Drawn<double>(10, Distribution.Zeros, 5, 1), x => Assert.Equal(0, x));
        Assert.All(Drawn<double>(10, Distribution.Constant, 5, 1), x => Assert.Equal(5, x));
        double[] paired = Drawn<double>(12, Distribution.Paired, 1, 1, 3);
        Assert.Equal(paired[..3], paired[3..6]);
        Assert.Equal(paired[6..9], paired[9..]);
        Assert.Equal(12 / 2, paired.Distinct().Count());
        Assert.Equal([2, 0, 0, 0, 2, 0, 2, 0, 0, 0, 2, 0], Drawn<double>(12, Distribution.Identity, 2, 1, 3, 2));
        Assert.Equal([2, 0, 0, 2, 0, 0], Drawn<double>(6, Distribution.Identity, 2, 1, 2, 3));
    }

    [Theory]
    [InlineData(7, 5)]
    [InlineData(5, 7)]
    [InlineData(40, 40)]
    [InlineData(1, 3)]
    public void OrthogonalMatricesAre(int rows, int columns)
    {
        const double Scale = 1.5;
        double[] both = Drawn<double>(2 * rows * columns, Distribution.Orthogonal, Scale, 3, columns, rows);
        double[][] matrices = [.. both.Chunk(rows * columns)];
        Assert.NotEqual(matrices[0], matrices[1]);
        foreach (double[] matrix in matrices)
        {
            double[][] vectors = rows <= columns
                ? [.. matrix.Chunk(columns)]
                : [.. Enumerable.Range(0, columns).Select(j => Enumerable.Range(0, rows).Select(i => matrix[(i * columns) + j]).ToArray())];
            Assert.All(vectors.Index(), a => Assert.All(vectors.Index(), b =>
                Assert.Equal(a.Index == b.Index ? Scale * Scale : 0, Dot(a.Item, b.Item), 1e-14)));
        }

        // The same numbers whatever holds them.
        Assert.Equal(both.Select(value => (float)value), Drawn<float>(both.Length, Distribution.Orthogonal, Scale, 3, columns, rows));
    }

    /// <summary>Square ones are spread evenly: the mean of each element is 0, of its square 1/n, and of the trace's square 1.</summary>
    [Fact]
    public void OrthogonalMatricesAreUniform()
    {
        const int Count = 20_000, Size = 3;
        double[][] matrices = [.. Drawn<double>(Count * Size * Size, Distribution.Orthogonal, 1, 5, Size, Size).Chunk(Size * Size)];
        for (int k = 0; k < Size * Size; k++)
        {
            Assert.Equal(0, matrices.Average(matrix => matrix[k]), 0.02);
            Assert.Equal(1.0 / Size, matrices.Average(matrix => matrix[k] * matrix[k]), 0.02);
        }

        Assert.Equal(1, matrices.Average(matrix => Math.Pow(matrix[0] + matrix[4] + matrix[8], 2)), 0.05);
    }

    private static double[] Vectors(int count, int size, int zeroRow)
    {
        double[] v = Numbers.Draw<double>(count * size, 1);
        if (zeroRow >= 0)
        {
            v.AsSpan(zeroRow * size, size).Clear();
        }

        return v;
    }

    private static double[] Triangle(double[] v, int count, int size)
    {
        double[] t = Enumerable.Repeat(double.NaN, count * count).ToArray();
        fixed (double* pv = v, pt = t)
        {
            ParameterFunctions<double>.Reflections.Value(pv, pt, (count, size));
        }

        return t;
    }

    private static double[] Mix(double[] bank, double[] logits, int rows, int vectors, int length, int count)
    {
        double[] result = Enumerable.Repeat(double.NaN, rows * length).ToArray();
        fixed (double* pb = bank, pl = logits, pr = result)
        {
            ParameterFunctions<double>.Admix.Value(pb, pl, pr, (rows, vectors, length), count);
        }

        return result;
    }

    private static T[] Drawn<T>(int length, Distribution distribution, double scale, int seed, int rowLength = 1, int rows = 1)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        T[] target = new T[length];
        fixed (T* p = target)
        {
            ParameterFunctions<T>.Draw(p, [length / (rows * rowLength), rows, rowLength], new(distribution, scale), seed);
        }

        return target;
    }

    private static double[] Identity(int size) => [.. Enumerable.Range(0, size * size).Select(i => i / size == i % size ? 1.0 : 0)];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
