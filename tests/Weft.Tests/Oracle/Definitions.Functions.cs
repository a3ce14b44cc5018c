namespace Weft.Tests.Oracle;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <content>The functions of tensors and the activations, as SPEC.md tabulates them.</content>
internal sealed partial class Definitions
{
    // Even fractions first, as they win where two are as near.
    private static readonly double[] BrainFloats =
    [
        .. Enumerable.Range(0, 1 << 16)
            .OrderBy(bits => bits & 1)
            .Select(bits => (double)BitConverter.Int32BitsToSingle(bits << 16))
            .Where(double.IsFinite),
    ];

    /// <summary>All numbers with a sign, an exponent and a fraction, of so many codes without the sign.</summary>
    internal static double[] ByteFloats(int fraction, int bias, int count) =>
    [
        .. from code in Enumerable.Range(0, count).OrderBy(code => code & 1)
           let exponent = code >> fraction
           let significand = (code & ((1 << fraction) - 1)) + (exponent > 0 ? 1 << fraction : 0)
           let size = Math.ScaleB(significand, Math.Max(exponent, 1) - bias - fraction)
           from number in new[] { size, -size }
           select number,
    ];

    private static readonly Dictionary<string, Func<Tensor[], double, IEnumerable<Dual>>> Table = new(StringComparer.Ordinal)
    {
        ["exp"] = (t, _) => t[0].Items.Select(x => x.To(Math.Exp)),
        ["log"] = (t, _) => t[0].Items.Select(x => x.To(Math.Log)),
        ["sqrt"] = (t, _) => t[0].Items.Select(Root),
        ["abs"] = (t, _) => t[0].Items.Select(Magnitude),
        ["square"] = (t, _) => t[0].Items.Select(x => x * x),
        ["relu"] = (t, _) => t[0].Items.Select(x => Activate(Activation.Relu, x)),
        ["sigmoid"] = (t, _) => t[0].Items.Select(x => Activate(Activation.Sigmoid, x)),
        ["tanh"] = (t, _) => t[0].Items.Select(x => Activate(Activation.Tanh, x)),
        ["softplus"] = (t, _) => t[0].Items.Select(x => Activate(Activation.Softplus, x)),
        ["sin"] = (t, _) => t[0].Items.Select(x => x.To(Math.Sin)),
        ["cos"] = (t, _) => t[0].Items.Select(x => x.To(Math.Cos)),
        ["sign"] = (t, _) => t[0].Items.Select(x => (Dual)(x.Value > 0 ? 1 : x.Value < 0 ? -1 : 0)),
        ["step"] = (t, _) => t[0].Items.Select(x => (Dual)(x.Value > 0 ? 1 : 0)),
        ["shift"] = (t, c) => t[0].Items.Select(x => x + c),
        ["power"] = (t, p) => t[0].Items.Select(x => x.Value == 0 ? (p == 0 ? 1 : p == 1 ? x : 0) : x.To(z => Math.Pow(z, p))),
        ["hard_threshold"] = (t, c) => t[0].Items.Select(x => Math.Abs(x.Value) >= c ? x : 0),
        ["soft_threshold"] = (t, c) => t[0].Items.Select(x => x.Value > c ? x - c : x.Value < -c ? x + c : 0),
        ["elu"] = (t, alpha) => t[0].Items.Select(x => x.Value > 0 ? x : alpha * (x.To(Math.Exp) - 1)),
        ["gelu_exact"] = (t, _) => t[0].Items.Select(x => x * x.To(NormalDistribution)),
        ["hardswish"] = (t, _) => t[0].Items.Select(x => x.Value > 3 ? x : x.Value < -3 ? 0 : x * (x + 3) / 6),
        ["quotient"] = (t, _) => t[0].Items.Zip(t[1].Items, (a, b) => a / b),
        ["where"] = (t, _) => t[0].Items.Select((c, i) => c.Value != 0 ? t[1].Items[i] : t[2].Items[i]),
        ["straight_through"] = (t, _) => t[0].Items.Zip(t[1].Items, (v, x) => x.StraightThrough(v.Value)),
        ["concat"] = (t, axis) => Concatenate(t[0], t[1], (int)axis),
        ["stop_gradient"] = (t, _) => t[0].Items.Select(x => (Dual)x.Value),
        ["round_ste"] = (t, _) => t[0].Items.Select(x => x.StraightThrough(Nearest(x.Value, Multiples(1, Math.Floor(x.Value), Math.Ceiling(x.Value))))),
        ["row_norms"] = (t, _) => t[0].Rows.Select(Norm),
        ["column_norms"] = (t, _) => t[0].Matrices.SelectMany(matrix => RowsOf(Transposed(matrix)).Select(Norm)),
        ["normalize_rows"] = (t, _) => t[0].Rows.SelectMany(Normalize),
        ["normalize_columns"] = (t, _) => t[0].Matrices.SelectMany(matrix =>
            Transposed(MatrixOf([.. RowsOf(Transposed(matrix)).Select(Normalize)])).Cast<Dual>()),
        ["distances"] = (t, p) => t[0].Matrices.Zip(t[1].Matrices).SelectMany(pair =>
            from left in RowsOf(pair.First)
            from right in RowsOf(pair.Second)
            select left.SequenceEqual(right) ? 0
                : Dual.Sum(left.Zip(right, (a, b) => a.Value == b.Value ? 0 : Magnitude(a - b).To(z => Math.Pow(z, p)))).To(z => Math.Pow(z, 1 / p))),
        ["prefix"] = (t, n) => t[0].Items.SelectMany(s => Enumerable.Range(0, (int)n).Select(i => (Dual)(i < s.Value ? 1 : 0))),
        ["largest"] = (t, k) => t[0].Rows.SelectMany(row => row.Select((_, i) => (Dual)(IsAmong(row, i, k) ? 1 : 0))),
        ["above_quantile"] = (t, q) => t[0].Rows.SelectMany(row => row.Select(x => (Dual)(x.Value > Quantile([.. row.Select(y => y.Value)], q) ? 1 : 0))),
        ["bf16"] = (t, _) => t[0].Items.Select(x => x.StraightThrough(Nearest(x.Value, BrainFloats))),
        ["half"] = (t, _) => t[0].Items.Select(x => x.StraightThrough((double)(Half)x.Value)),
        ["e4m3"] = (t, _) => t[0].Items.Select(x => x.StraightThrough(Nearest(x.Value, ByteFloats(fraction: 3, bias: 7, count: 127)))),
        ["e5m2"] = (t, _) => t[0].Items.Select(x => x.StraightThrough(Nearest(x.Value, ByteFloats(fraction: 2, bias: 15, count: 124)))),
        ["quantize"] = (t, bits) => t[0].Rows.SelectMany(row =>
            Rounded(row, Multiples(Most(row) / (Math.Pow(2, bits - 1) - 1), 1 - Math.Pow(2, bits - 1), Math.Pow(2, bits - 1) - 1))),
        ["quantize_affine"] = (t, bits) => t[0].Rows.SelectMany(row =>
        {
            double least = row.Min(x => x.Value), most = row.Max(x => x.Value);
            return Rounded(row, [.. Multiples((most - least) / (Math.Pow(2, bits) - 1), 0, Math.Pow(2, bits) - 1).Select(step => least + step)]);
        }),
        ["quantize_zero_point"] = (t, bits) => t[0].Rows.SelectMany(row =>
        {
            double least = Math.Min(0, row.Min(x => x.Value)), most = Math.Max(0, row.Max(x => x.Value)), highest = Math.Pow(2, bits) - 1;
            double scale = (most - least) / highest, zero = scale == 0 ? 0 : Math.Round(-least / scale);
            return Rounded(row, [.. Multiples(scale, -zero, highest - zero)]);
        }),
        ["quantize_bipolar"] = (t, bits) => t[0].Rows.SelectMany(row =>
            Rounded(row, [.. Enumerable.Range(0, 1 << (int)bits).Select(k => Most(row) * (1 - (2 * k / (Math.Pow(2, bits) - 1))))])),
        ["normal_float"] = (t, bits) => t[0].Rows.SelectMany(row => Rounded(row, [.. NormalFloat((int)bits).Select(code => Most(row) * code)])),
        ["softmax"] = (t, _) => t[0].Rows.SelectMany(row => Softmax(row, row.Length)),
        ["logsumexp"] = (t, _) => t[0].Rows.Select(row => Largest(row) + Dual.Sum(row.Select(z => (z - Largest(row)).To(Math.Exp))).To(Math.Log)),
        ["maximum"] = (t, _) => t[0].Rows.Select(row => row.Where(x => x.Value == row.Max(y => y.Value)).ToArray()).Select(all => Dual.Sum(all) / all.Length),
        ["rms_norm"] = (t, epsilon) => t[0].Rows.SelectMany(row => Normed(row, epsilon)),
        ["layer_norm"] = (t, epsilon) => t[0].Rows.SelectMany(row => Normed([.. row.Select(x => x - (Dual.Sum(row) / row.Length))], epsilon)),
        ["top_k_softmax"] = (t, k) => t[0].Rows.SelectMany(row => Softmax(row, k)),
        ["admix"] = (t, k) => t[1].Rows.SelectMany(row => Apply(Transposed(t[0].Matrices.Single()), Softmax(row, k))),
        ["take"] = (t, _) => t[1].Items.SelectMany(place => t[0].Items.Chunk(t[0].Items.Length / t[0].Shape[0]).ElementAt((int)place.Value)),
        ["rbf"] = (t, gamma) =>
            from p in t[0].Rows
            from q in t[1].Rows
            select (-gamma * Dual.Sum(p.Zip(q, (a, b) => (a - b) * (a - b)))).To(Math.Exp),
        ["orthonormal_rows"] = (t, _) => t[0].Matrices.SelectMany(matrix => OrthonormalRows(matrix).Cast<Dual>()),
        ["polar"] = (t, _) => t[0].Matrices.SelectMany(matrix => Polar(matrix).Cast<Dual>()),
        ["cayley"] = (t, _) => t[0].Matrices.SelectMany(a =>
        {
            Dual[,] PlusSkew(double sign) => Fill(a.GetLength(0), a.GetLength(0), (i, j) => (i == j ? 1 : 0) + (sign * (a[i, j] - a[j, i])));
            return Multiply(PlusSkew(-1), Inverse(PlusSkew(1))).Cast<Dual>();
        }),
        ["inverse"] = (t, _) => t[0].Matrices.SelectMany(matrix => Inverse(matrix).Cast<Dual>()),
        ["inverse_spd"] = (t, _) => t[0].Matrices.SelectMany(matrix => Inverse(Symmetric(matrix)).Cast<Dual>()),
        ["inverse_lower"] = (t, _) => t[0].Matrices.SelectMany(matrix => Inverse(Fill(matrix.GetLength(0), matrix.GetLength(0), (i, j) => j <= i ? matrix[i, j] : 0)).Cast<Dual>()),
        ["pseudo_inverse"] = (t, _) => t[0].Matrices.SelectMany(matrix => PseudoInverse(matrix).Cast<Dual>()),
        ["cholesky"] = (t, _) => t[0].Matrices.SelectMany(matrix => Cholesky(Symmetric(matrix)).Cast<Dual>()),
        ["logdet"] = (t, _) => t[0].Matrices.Select(matrix => Magnitude(Determinant(matrix)).To(Math.Log)),
        ["logdet_spd"] = (t, _) => t[0].Matrices.Select(matrix => Magnitude(Determinant(Symmetric(matrix))).To(Math.Log)),
        ["det"] = (t, _) => t[0].Matrices.Select(Determinant),
        ["eigenvalues"] = (t, _) => t[0].Matrices.SelectMany(matrix => Eigen(matrix).Values),
        ["eigenvectors"] = (t, _) => t[0].Matrices.SelectMany(matrix => Eigen(matrix).Vectors.Cast<Dual>()),
        ["singular_values"] = (t, _) => t[0].Matrices.SelectMany(SingularValues),
        ["expm"] = (t, _) => t[0].Matrices.SelectMany(matrix => Exponential(matrix).Cast<Dual>()),
        ["sqrtm"] = (t, _) => t[0].Matrices.SelectMany(matrix => OfSpectrum(matrix, Root).Cast<Dual>()),
        ["logm"] = (t, _) => t[0].Matrices.SelectMany(matrix => OfSpectrum(matrix, x => x.To(Math.Log)).Cast<Dual>()),
        ["powerm"] = (t, p) => t[0].Matrices.SelectMany(matrix => OfSpectrum(matrix, x => x.To(z => Math.Pow(z, p))).Cast<Dual>()),
    };

    /// <summary>The names of the functions that have a definition here.</summary>
    public static IReadOnlyCollection<string> Functions => Table.Keys;

    /// <summary>The elements of a tensor that is declared with a property, by what of the stored ones counts.</summary>
    private static IEnumerable<Dual> WithProperty(TensorProperty property, Tensor stored)
    {
        return property switch
        {
            TensorProperty.None => stored.Items,
            TensorProperty.Orthogonal => stored.Matrices.SelectMany(matrix => OrthonormalRows(matrix).Cast<Dual>()),
            _ => stored.Matrices.SelectMany(a => Fill(a.GetLength(0), a.GetLength(0), (i, j) => Element(a, i, j)).Cast<Dual>()),
        };

        Dual Element(Dual[,] a, int i, int j) => property switch
        {
            TensorProperty.Symmetric or TensorProperty.PositiveDefinite => (a[i, j] + a[j, i]) * 0.5,
            TensorProperty.UnitLower or TensorProperty.UnitUpper when i == j => 1,
            TensorProperty.Lower or TensorProperty.UnitLower => i >= j ? a[i, j] : 0,
            _ => i <= j ? a[i, j] : 0,
        };
    }

    private static Dual[] Function(TensorFunction function, Tensor[] tensors, double number) => [.. Table[function.Name](tensors, number)];

    /// <summary>The value of an activation, as its formula stands in the table of layers.</summary>
    public static Dual Activate(Activation activation, Dual z) => activation switch
    {
        Activation.Relu => z.Value > 0 ? z : 0,
        Activation.Gelu => z / 2 * (1 + (Math.Sqrt(2 / Math.PI) * (z + (0.044715 * z * z * z))).To(Math.Tanh)),
        Activation.Silu => z * Activate(Activation.Sigmoid, z),
        Activation.Tanh => z.To(Math.Tanh),
        Activation.Sigmoid => z.Value < 0 ? z.To(Math.Exp) / (1 + z.To(Math.Exp)) : 1 / (1 + (0 - z).To(Math.Exp)),
        Activation.Softplus => z.Value > 30 ? z : (1 + z.To(Math.Exp)).To(Math.Log),
        Activation.Exp => z.To(Math.Exp),
        Activation.Square => z * z,
        Activation.Sqrt => Root(z),
        Activation.Reciprocal => 1 / z,
        Activation.Atanh => z.To(Math.Atanh),
        Activation.Tanhc => z.To(x => x == 0 ? 1 : Math.Tanh(x) / x),
        Activation.Atanhc => z.To(x => x == 0 ? 1 : Math.Atanh(x) / x),
        _ => throw new NotSupportedException($"{activation} has no second definition."),
    };

    private static Dual Root(Dual x) => x.Value == 0 ? 0 : x.To(Math.Sqrt);

    private static Dual Magnitude(Dual x) => x.Value > 0 ? x : x.Value < 0 ? 0 - x : 0;

    private static Dual Norm(Dual[] vector) => Root(Dual.Sum(vector.Select(x => x * x)));

    private static Dual[] Normalize(Dual[] vector) => [.. vector.Select(x => Norm(vector).Value == 0 ? 0 : x / Norm(vector))];

    private static IEnumerable<Dual> Normed(Dual[] row, double epsilon) => row.Select(x => x / Root((Dual.Sum(row.Select(y => y * y)) / row.Length) + epsilon));

    private static double Most(Dual[] row) => row.Max(x => Math.Abs(x.Value));

    /// <summary>Whether an element is among the k largest: fewer than k are larger, or as large and before it.</summary>
    private static bool IsAmong(Dual[] row, int i, double k) =>
        row.Where((other, j) => other.Value > row[i].Value || (other.Value == row[i].Value && j < i)).Count() < k;

    private static Dual[] Softmax(Dual[] row, double k)
    {
        Dual[] weights = [.. row.Select((z, i) => IsAmong(row, i, k) ? (z - Largest(row)).To(Math.Exp) : 0)];
        return [.. weights.Select(weight => weight / Dual.Sum(weights))];
    }

    /// <summary>A number that all of a row can be shifted by, so that no power overflows.</summary>
    private static Dual Largest(Dual[] row) => row.Max(z => z.Value);

    /// <summary>The value that a share q of the way through the sorted row is at, between two neighbours in proportion.</summary>
    private static double Quantile(double[] row, double q)
    {
        Array.Sort(row);
        double way = q * (row.Length - 1);
        int before = Math.Min((int)way, Math.Max(0, row.Length - 2));
        return row.Length == 1 ? row[0] : row[before] + ((way - before) * (row[before + 1] - row[before]));
    }

    private static Dual[] Concatenate(Tensor a, Tensor b, int axis)
    {
        int[] shape = [.. a.Shape];
        shape[axis] += b.Shape[axis];
        return [.. Positions(shape).Select(position =>
        {
            bool first = position[axis] < a.Shape[axis];
            position[axis] -= first ? 0 : a.Shape[axis];
            return (first ? a : b)[position];
        })];
    }

    /// <summary>The multiples of a step from one number of steps to another, the even ones first.</summary>
    private static double[] Multiples(double step, double least, double most) =>
        [.. Enumerable.Range((int)least, (int)(most - least) + 1).OrderBy(k => k & 1).Select(k => k * step)];

    private static double Nearest(double x, double[] values) => values.MinBy(value => Math.Abs(value - x));

    private static IEnumerable<Dual> Rounded(Dual[] row, double[] values) => row.Select(x => x.StraightThrough(Nearest(x.Value, values)));

    /// <summary>
    /// Quantiles of the normal distribution over the last of them (Dettmers et al. 2023): of 2^(bits − 1) probabilities from δ to ½, and of one
    /// more from ½ to 1 − δ, where δ is the mean of 1 / 2^(bits + 1) and 1 / (2^(bits + 1) − 2).
    /// </summary>
    internal static double[] NormalFloat(int bits)
    {
        int half = 1 << (bits - 1);
        double delta = (Math.Pow(2, -bits - 1) + (1 / (Math.Pow(2, bits + 1) - 2))) / 2;
        double[] lower = [.. Enumerable.Range(0, half).Select(i => Quantile(delta + (i * (0.5 - delta) / (half - 1))))];
        double[] upper = [.. Enumerable.Range(1, half).Select(i => Quantile(0.5 + (i * (0.5 - delta) / half)))];
        return [.. lower.Concat(upper).Select(quantile => quantile / upper[^1])];

        // By Newton's iteration.
        static double Quantile(double probability)
        {
            double z = 0;
            for (int step = 0; step < 12; step++)
            {
                z -= (NormalDistribution(z) - probability) / NormalDensity(z);
            }

            return z;
        }
    }

    private static double NormalDensity(double z) => Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);

    /// <summary>The density's integral, by Simpson's rule.</summary>
    private static double NormalDistribution(double z)
    {
        const int Pieces = 400;
        double h = Math.Clamp(z, -12, 12) / Pieces;
        return 0.5 + Enumerable.Range(0, Pieces).Sum(i => (NormalDensity(i * h) + (4 * NormalDensity((i + 0.5) * h)) + NormalDensity((i + 1) * h)) * h / 6);
    }

    private static Dual[,] Transposed(Dual[,] a) => Fill(a.GetLength(1), a.GetLength(0), (i, j) => a[j, i]);

    private static IEnumerable<Dual[]> RowsOf(Dual[,] a) => a.Cast<Dual>().Chunk(a.GetLength(1));

    private static Dual[,] MatrixOf(Dual[][] rows) => Fill(rows.Length, rows[0].Length, (i, j) => rows[i][j]);

    /// <summary>L⁻¹ V for the Cholesky factor L of V Vᵀ.</summary>
    private static Dual[,] OrthonormalRows(Dual[,] v)
    {
        int k = v.GetLength(0), n = v.GetLength(1);
        Dual[,] l = Cholesky(Multiply(v, Transposed(v))), q = new Dual[k, n];
        for (int i = 0; i < k; i++)
        {
            for (int c = 0; c < n; c++)
            {
                q[i, c] = (v[i, c] - Dual.Sum(Enumerable.Range(0, i).Select(r => l[i, r] * q[r, c]))) / l[i, i];
            }
        }

        return q;
    }

    private static Dual[,] Symmetric(Dual[,] a) => Fill(a.GetLength(0), a.GetLength(0), (i, j) => (a[i, j] + a[j, i]) / 2);

    private static Dual[,] Cholesky(Dual[,] a)
    {
        var l = new Dual[a.GetLength(0), a.GetLength(0)];
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j <= i; j++)
            {
                Dual rest = a[i, j] - Dual.Sum(Enumerable.Range(0, j).Select(r => l[i, r] * l[j, r]));
                l[i, j] = i == j ? Root(rest) : rest / l[j, j];
            }
        }

        return l;
    }

    /// <summary>Laplace's expansion along the first row.</summary>
    private static Dual Determinant(Dual[,] a)
    {
        int n = a.GetLength(0);
        return n == 0 ? 1 : Dual.Sum(Enumerable.Range(0, n).Select(c =>
            (c % 2 == 0 ? 1 : -1) * a[0, c] * Determinant(Fill(n - 1, n - 1, (i, j) => a[i + 1, j < c ? j : j + 1]))));
    }

    /// <summary>Σ Aᵏ / k!</summary>
    private static Dual[,] Exponential(Dual[,] a)
    {
        int n = a.GetLength(0);
        Dual[,] term = Fill(n, n, (i, j) => i == j ? 1 : 0), sum = term;
        for (int k = 1; k <= 80; k++)
        {
            Dual[,] next = Scale(1.0 / k, Multiply(term, a)), total = sum;
            sum = Fill(n, n, (i, j) => total[i, j] + next[i, j]);
            term = next;
        }

        return sum;
    }

    /// <summary>Rotations of Jacobi's, with their derivatives, until all are none: eigenvalues of the symmetric part from the least on, and vectors in columns.</summary>
    private static (Dual[] Values, Dual[,] Vectors) Eigen(Dual[,] matrix)
    {
        int n = matrix.GetLength(0);
        Dual[,] a = Symmetric(matrix), v = Fill(n, n, (i, j) => i == j ? 1 : 0);
        for (int sweep = 0; sweep < 30; sweep++)
        {
            foreach ((int p, int q) in from p in Enumerable.Range(0, n) from q in Enumerable.Range(p + 1, n - p - 1) select (p, q))
            {
                Dual up = 2 * a[p, q], right = a[q, q] - a[p, p];
                double square = (up.Value * up.Value) + (right.Value * right.Value);
                var angle = new Dual(
                    Math.Atan2(up.Value, right.Value) / 2, square == 0 ? 0 : ((up.Slope * right.Value) - (up.Value * right.Slope)) / square / 2);
                Dual cos = new(Math.Cos(angle.Value), -Math.Sin(angle.Value) * angle.Slope), sin = new(Math.Sin(angle.Value), Math.Cos(angle.Value) * angle.Slope);
                Dual[,] turn = Fill(n, n, (i, j) => (i, j) == (p, p) || (i, j) == (q, q) ? cos : (i, j) == (p, q) ? sin : (i, j) == (q, p) ? 0 - sin : i == j ? 1 : 0);
                a = Multiply(Transposed(turn), Multiply(a, turn));
                v = Multiply(v, turn);
            }
        }

        int[] order = [.. Enumerable.Range(0, n).OrderBy(k => a[k, k].Value)];
        int[] signs = [.. order.Select(k => Math.Sign(Enumerable.Range(0, n).Select(i => v[i, k].Value).MaxBy(Math.Abs)))];
        return ([.. order.Select(k => a[k, k])], Fill(n, n, (i, k) => signs[k] * v[i, order[k]]));
    }

    private static Dual[,] OfSpectrum(Dual[,] a, Func<Dual, Dual> function)
    {
        (Dual[] values, Dual[,] vectors) = Eigen(a);
        return Multiply(vectors, Fill(values.Length, values.Length, (i, j) => function(values[i]) * vectors[j, i]));
    }

    private static IEnumerable<Dual> SingularValues(Dual[,] a) =>
        Eigen(a.GetLength(0) > a.GetLength(1) ? Multiply(Transposed(a), a) : Multiply(a, Transposed(a))).Values.Reverse().Select(Root);

    /// <summary>X (3 I − Xᵀ X) / 2 from A over its norm on: every singular value tends to 1 (Björck and Bowie 1971).</summary>
    private static Dual[,] Polar(Dual[,] a)
    {
        Dual[,] x = Scale(1 / Norm([.. a.Cast<Dual>()]), a);
        return Iterate(x, x =>
        {
            Dual[,] square = Multiply(Transposed(x), x);
            return Multiply(x, Fill(square.GetLength(0), square.GetLength(0), (i, j) => ((i == j ? 3 : 0) - square[i, j]) / 2));
        });
    }

    private static Dual[,] Inverse(Dual[,] a) => PseudoInverse(a);

    /// <summary>X (2 I − A X) from Aᵀ over its norms on (Schulz 1933; Ben-Israel 1965).</summary>
    private static Dual[,] PseudoInverse(Dual[,] a)
    {
        int n = a.GetLength(0);
        double rows = RowsOf(a).Max(row => row.Sum(x => Math.Abs(x.Value))), columns = RowsOf(Transposed(a)).Max(row => row.Sum(x => Math.Abs(x.Value)));
        return Iterate(Scale(1 / (rows * columns), Transposed(a)), x =>
        {
            Dual[,] product = Multiply(a, x);
            return Multiply(x, Fill(n, n, (i, j) => (i == j ? 2 : 0) - product[i, j]));
        });
    }

    /// <summary>Until nothing changes but rounding errors, and twice more for the derivatives.</summary>
    private static Dual[,] Iterate(Dual[,] x, Func<Dual[,], Dual[,]> step)
    {
        for (int more = 2, turn = 0; more > 0 && turn < 200; turn++)
        {
            Dual[,] next = step(x);
            double change = next.Cast<Dual>().Zip(x.Cast<Dual>(), (after, before) => Math.Abs(after.Value - before.Value)).Max();
            more -= change <= 1e-12 * next.Cast<Dual>().Max(entry => Math.Abs(entry.Value)) ? 1 : 0;
            x = next;
        }

        return x;
    }
}
