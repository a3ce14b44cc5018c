namespace Weft.Compiler.Oracle;

/// <content>Functions of matrices, by other ways than the runtime's: iterations, power series, and what first-order perturbation says.</content>
internal sealed partial class Evaluator
{
    private Number[][] Scale(Number[][] a, Number factor) => [.. a.Select(row => row.Select(x => tape.Multiply(x, factor)).ToArray())];

    private Number[][] Sum(Number[][] a, Number[][] b) => [.. a.Zip(b, (left, right) => left.Zip(right, tape.Add).ToArray())];

    private Number[][] Multiply(Number[][] a, Number[][] b) => [.. a.Select(row => Combine(row, b))];

    private Number[][] Symmetric(Number[][] a) => Scale(Sum(a, [.. Columns(a)]), 0.5);

    /// <summary>The lower triangle, with zeros above it.</summary>
    private static Number[][] Lower(Number[][] a) => [.. a.Select((row, i) => row.Select((x, j) => j <= i ? x : new Number(0)).ToArray())];

    /// <summary>What a property makes of matrices, element by element.</summary>
    private Elements WithProperty(TensorProperty property, Elements stored)
    {
        return property switch
        {
            TensorProperty.None => stored,
            TensorProperty.Symmetric or TensorProperty.PositiveDefinite => Each(Symmetric),
            TensorProperty.Lower => Each(Lower),
            TensorProperty.UnitLower => Each(matrix => WithOnes(Lower(matrix))),
            TensorProperty.Upper => Each(Upper),
            TensorProperty.UnitUpper => Each(matrix => WithOnes(Upper(matrix))),
            TensorProperty.Orthogonal => Each(GramSchmidt),
            _ => throw new NotSupportedException(property.ToString()),
        };

        Elements Each(Func<Number[][], Number[][]> map) => new(stored.Shape, [.. Matrices(stored).SelectMany(map).SelectMany(row => row)]);

        static Number[][] Upper(Number[][] a) => [.. Columns(Lower([.. Columns(a)]))];

        static Number[][] WithOnes(Number[][] a) => [.. a.Select((row, i) => row.Select((x, j) => i == j ? new Number(1) : x).ToArray())];
    }

    private static Number[][] IdentityOf(int size) => [.. Enumerable.Range(0, size).Select(i => Enumerable.Range(0, size).Select(j => new Number(i == j ? 1 : 0)).ToArray())];

    private static double Largest(IEnumerable<Number[]> rows) => rows.SelectMany(row => row).Max(x => Math.Abs(x.Value));

    /// <summary>A^½ and A^(−½) of a matrix whose eigenvalues are positive, by the iteration of Denman and Beavers (1976).</summary>
    private (Number[][] Root, Number[][] Inverse) RootsOf(Number[][] a)
    {
        Number[][] y = a, z = IdentityOf(a.Length);
        double change = double.MaxValue;
        for (int step = 0; change > 1e-13 && step < 25; step++)
        {
            (Number[][] root, Number[][] inverse) = (Scale(Sum(y, Inverse(z)), 0.5), Scale(Sum(z, Inverse(y)), 0.5));
            change = Largest(Sum(inverse, Scale(z, -1))) / Largest(inverse);
            (y, z) = (root, inverse);
        }

        return (y, z);
    }

    /// <summary>Of full rank: Aᵀ (A Aᵀ)⁻¹, or (Aᵀ A)⁻¹ Aᵀ of a tall A.</summary>
    private Number[][] PseudoInverse(Number[][] a)
    {
        Number[][] transposed = [.. Columns(a)];
        return a.Length > a[0].Length ? Multiply(Inverse(Gram(transposed)), transposed) : Multiply(transposed, Inverse(Gram(a)));
    }

    private Number[][] Cholesky(Number[][] matrix)
    {
        Number[][] a = Symmetric(matrix), l = [.. a.Select(row => row.Select(_ => new Number(0)).ToArray())];
        for (int i = 0; i < a.Length; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                Number rest = Subtract(a[i][j], Dot([.. l[i].Take(j)], [.. l[j].Take(j)]));
                l[i][j] = i == j ? tape.Function(rest, Math.Sqrt(rest.Value), 0.5 / Math.Sqrt(rest.Value)) : Divide(rest, l[j][j]);
            }
        }

        return l;
    }

    private Number LogDeterminant(Number[][] a) =>
        Pivots(a).Pivots.Select(pivot => tape.Function(pivot, Math.Log(Math.Abs(pivot.Value)), 1 / pivot.Value)).Aggregate(tape.Add);

    private Number Determinant(Number[][] a)
    {
        (Number[] pivots, int sign) = Pivots(a);
        return pivots.Aggregate(new Number(sign), tape.Multiply);
    }

    /// <summary>The pivots of elimination, and the sign of the rows' order.</summary>
    private (Number[] Pivots, int Sign) Pivots(Number[][] a)
    {
        Number[][] rows = [.. a];
        int sign = 1;
        for (int k = 0; k < rows.Length; k++)
        {
            int pivot = Enumerable.Range(k, rows.Length - k).OrderByDescending(i => Math.Abs(rows[i][k].Value)).First();
            (rows[k], rows[pivot]) = (rows[pivot], rows[k]);
            sign = pivot == k ? sign : -sign;
            for (int i = k + 1; i < rows.Length; i++)
            {
                rows[i] = SubtractMultiple(rows[i], rows[k], Divide(rows[i][k], rows[k][k]));
            }
        }

        return ([.. rows.Select((row, k) => row[k])], sign);
    }

    /// <summary>Σ (A / 2ˢ)ᵏ / k!, squared s times.</summary>
    private Number[][] Exponential(Number[][] a)
    {
        int squarings = 0;
        while (Largest(a) * a.Length > 0.25 * Math.Pow(2, squarings))
        {
            squarings++;
        }

        Number[][] x = Scale(a, Math.Pow(2, -squarings)), sum = IdentityOf(a.Length), term = sum;
        for (int k = 1; k <= 14; k++)
        {
            term = Scale(Multiply(term, x), 1.0 / k);
            sum = Sum(sum, term);
        }

        for (; squarings > 0; squarings--)
        {
            sum = Multiply(sum, sum);
        }

        return sum;
    }

    /// <summary>2ˢ log(A^(1/2ˢ)), where the root is near I: log X = 2 artanh((X − I)(X + I)⁻¹) by its series.</summary>
    private Number[][] Logarithm(Number[][] a)
    {
        Number[][] identity = IdentityOf(a.Length);
        double scale = 2;
        for (; Largest(Sum(a, Scale(identity, -1))) * a.Length > 0.25; scale *= 2)
        {
            a = RootsOf(a).Root;
        }

        Number[][] x = Multiply(Sum(a, Scale(identity, -1)), Inverse(Sum(a, identity))), square = Multiply(x, x), sum = x;
        for (int k = 3; k <= 19; k += 2)
        {
            x = Multiply(x, square);
            sum = Sum(sum, Scale(x, 1.0 / k));
        }

        return Scale(sum, scale);
    }

    /// <summary>vₖᵀ A vₖ, whose derivative to first order is that for constant vₖ.</summary>
    private IEnumerable<Number> Eigenvalues(Number[][] a) => VectorsOf(a).Select(v => Between(v, a, v));

    /// <summary>As columns: vₖ and, in first order, Σⱼ vⱼ (vⱼᵀ A vₖ) / (λₖ − λⱼ), of which nothing but the derivative is not 0.</summary>
    private Number[][] Eigenvectors(Number[][] matrix)
    {
        Number[][] a = Symmetric(matrix);
        double[][] vectors = VectorsOf(a);
        double[] values = [.. vectors.Select(v => Between(v, a, v).Value)];
        return [.. Columns([.. vectors.Select((v, k) =>
        {
            Number[] along = [.. vectors.Select((other, j) => j == k || values[j] == values[k] ? new Number(0)
                : tape.Multiply(Subtract(Between(other, a, v), Between(other, a, v).Value), 1 / (values[k] - values[j])))];
            return v.Select((x, i) => tape.Add(x, Dot(along, [.. vectors.Select(other => new Number(other[i]))]))).ToArray();
        })])];
    }

    /// <summary>gₖᵀ A zₖ with eigenvectors zₖ of AᵀA and gₖ = A zₖ / σₖ, from the largest on; likewise to first order.</summary>
    private IEnumerable<Number> SingularValues(Number[][] a)
    {
        Number[][] wide = a.Length > a[0].Length ? [.. Columns(a)] : a;
        return VectorsOf(Gram(wide)).Reverse().Select(g =>
        {
            double[] z = [.. Columns(wide).Select(column => column.Select((x, i) => x.Value * g[i]).Sum())];
            double norm = Math.Sqrt(z.Sum(x => x * x));
            return Between(g, wide, [.. z.Select(x => norm == 0 ? 0 : x / norm)]);
        });
    }

    /// <summary>pᵀ A q</summary>
    private Number Between(double[] p, Number[][] a, double[] q)
    {
        tape.BeginSum();
        for (int i = 0; i < p.Length; i++)
        {
            for (int j = 0; j < q.Length; j++)
            {
                tape.AddProduct(p[i] * q[j], a[i][j]);
            }
        }

        return tape.EndSum();
    }

    /// <summary>Eigenvectors of the symmetric part, in the order of the eigenvalues, by Jacobi's rotations (1846); the largest element of each is positive.</summary>
    private static double[][] VectorsOf(Number[][] matrix)
    {
        int n = matrix.Length;
        double[][] a = [.. matrix.Select((row, i) => row.Select((x, j) => (x.Value + matrix[j][i].Value) / 2).ToArray())];
        double[][] v = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => i == j ? 1.0 : 0).ToArray())];
        for (int sweep = 0; sweep < 60; sweep++)
        {
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++)
                {
                    double angle = Math.Atan2(2 * a[p][q], a[q][q] - a[p][p]) / 2, cos = Math.Cos(angle), sin = Math.Sin(angle);
                    Rotate(a, p, q, cos, sin);
                    Rotate(v, p, q, cos, sin);
                    foreach (double[] row in a)
                    {
                        (row[p], row[q]) = ((cos * row[p]) - (sin * row[q]), (sin * row[p]) + (cos * row[q]));
                    }
                }
            }
        }

        return [.. Enumerable.Range(0, n).OrderBy(k => a[k][k]).Select(k => v[k])
            .Select(vector => vector.Aggregate(0.0, (most, x) => Math.Abs(x) > Math.Abs(most) ? x : most) < 0 ? vector.Select(x => -x).ToArray() : vector)];

        static void Rotate(double[][] rows, int p, int q, double cos, double sin)
        {
            for (int j = 0; j < rows[p].Length; j++)
            {
                (rows[p][j], rows[q][j]) = ((cos * rows[p][j]) - (sin * rows[q][j]), (sin * rows[p][j]) + (cos * rows[q][j]));
            }
        }
    }
}
