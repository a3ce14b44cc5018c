using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Oracle;

/// <content>The definition of each <see cref="TensorFunction"/>: from its arguments and its number to the elements of its result.</content>
internal sealed partial class Evaluator
{
    private static readonly IReadOnlyDictionary<string, Func<Evaluator, Elements[], double, IEnumerable<Number>>> Definitions =
        new Dictionary<string, Func<Evaluator, Elements[], double, IEnumerable<Number>>>(StringComparer.Ordinal)
        {
            ["exp"] = (oracle, a, _) => oracle.Map(a, x => (Math.Exp(x), Math.Exp(x))),
            ["log"] = (oracle, a, _) => oracle.Map(a, x => (Math.Log(x), 1 / x)),
            ["sqrt"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Sqrt, x)),
            ["abs"] = (oracle, a, _) => oracle.Map(a, x => (Math.Abs(x), Math.Sign(x))),
            ["square"] = (oracle, a, _) => oracle.Map(a, x => (x * x, 2 * x)),
            ["shift"] = (oracle, a, c) => oracle.Map(a, x => (x + c, 1)),
            ["elu"] = (oracle, a, alpha) => oracle.Map(a, x => x > 0 ? (x, 1) : (alpha * (Math.Exp(x) - 1), alpha * Math.Exp(x))),
            ["gelu_exact"] = (oracle, a, _) => oracle.Map(a, x => (x * NormalDistribution(x), NormalDistribution(x) + (x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI)))),
            ["hardswish"] = (oracle, a, _) => oracle.Map(a, x => x < -3 ? (0, 0) : x > 3 ? (x, 1) : (x * (x + 3) / 6, (2 * x + 3) / 6)),
            ["round_ste"] = (oracle, a, _) => oracle.Map(a, x => (Math.Round(x), 1)),
            ["sin"] = (oracle, a, _) => oracle.Map(a, x => (Math.Sin(x), Math.Cos(x))),
            ["cos"] = (oracle, a, _) => oracle.Map(a, x => (Math.Cos(x), -Math.Sin(x))),
            ["power"] = (oracle, a, p) => oracle.Map(a, x => (Math.Pow(x, p), p == 0 || (x == 0 && p is > 0 and < 1) ? 0 : p * Math.Pow(x, p - 1))),
            ["soft_threshold"] = (oracle, a, c) => oracle.Map(a, x => Math.Abs(x) > c ? (x - (Math.Sign(x) * c), 1) : (0, 0)),
            ["hard_threshold"] = (oracle, a, c) => oracle.Map(a, x => Math.Abs(x) >= c ? (x, 1) : (0, 0)),
            ["sign"] = (_, a, _) => a[0].Items.Select(x => new Number(Math.Sign(x.Value))),
            ["step"] = (_, a, _) => a[0].Items.Select(x => new Number(x.Value > 0 ? 1 : 0)),
            ["straight_through"] = (oracle, a, _) => a[0].Items.Zip(a[1].Items, oracle.StraightThrough),
            ["concat"] = (_, a, axis) => Parts(a[0], (int)axis).Zip(Parts(a[1], (int)axis), Enumerable.Concat).SelectMany(part => part),
            ["prefix"] = (_, a, n) => a[0].Items.SelectMany(s => Enumerable.Range(0, (int)n).Select(i => new Number(i < s.Value ? 1 : 0))),
            ["largest"] = (_, a, k) => Rows(a[0]).SelectMany(row => Largest(row, (int)k)),
            ["above_quantile"] = (_, a, q) => Rows(a[0]).SelectMany(row => AboveQuantile(row, q)),
            ["bf16"] = (oracle, a, _) => oracle.Map(a, x => (Round(x, fraction: 7, least: -126, most: 127), 1)),
            ["half"] = (oracle, a, _) => oracle.Map(a, x => (Round(x, fraction: 10, least: -14, most: 15), 1)),
            ["e4m3"] = (oracle, a, _) => oracle.Map(a, x => (Round(Math.Max(-448, Math.Min(448, x)), fraction: 3, least: -6, most: 8), 1)),
            ["e5m2"] = (oracle, a, _) => oracle.Map(a, x => (Round(Math.Max(-57344, Math.Min(57344, x)), fraction: 2, least: -14, most: 15), 1)),
            ["quantize"] = (oracle, a, bits) => Rows(a[0]).SelectMany(row => oracle.Quantize(row, bits)),
            ["quantize_affine"] = (oracle, a, bits) => Rows(a[0]).SelectMany(row => oracle.QuantizeAffine(row, bits)),
            ["quantize_zero_point"] = (oracle, a, bits) => Rows(a[0]).SelectMany(row => oracle.QuantizeZeroPoint(row, (1 << (int)bits) - 1)),
            ["quantize_bipolar"] = (oracle, a, bits) => Rows(a[0]).SelectMany(row => oracle.QuantizeBipolar(row, bits)),
            ["normal_float"] = (oracle, a, bits) => Rows(a[0]).SelectMany(row => oracle.NormalFloat(row, (int)bits)),
            ["distances"] = (oracle, a, p) => Matrices(a[0]).Zip(Matrices(a[1]), (left, right) => oracle.Distances(left, right, p)).SelectMany(matrix => matrix),
            ["polar"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Polar).SelectMany(row => row),
            ["stop_gradient"] = (_, a, _) => a[0].Items.Select(x => new Number(x.Value)),
            ["relu"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Relu, x)),
            ["sigmoid"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Sigmoid, x)),
            ["tanh"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Tanh, x)),
            ["softplus"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Softplus, x)),
            ["where"] = (_, a, _) => a[0].Items.Select((c, i) => c.Value == 0 ? a[2].Items[i] : a[1].Items[i]),
            ["quotient"] = (oracle, a, _) => a[0].Items.Zip(a[1].Items, oracle.Divide),
            ["row_norms"] = (oracle, a, _) => Rows(a[0]).Select(oracle.Norm),
            ["column_norms"] = (oracle, a, _) => Matrices(a[0]).SelectMany(matrix => Columns(matrix).Select(oracle.Norm)),
            ["normalize_rows"] = (oracle, a, _) => Rows(a[0]).SelectMany(oracle.Normalize),
            ["normalize_columns"] = (oracle, a, _) =>
                Matrices(a[0]).SelectMany(matrix => Columns(Columns(matrix).Select(oracle.Normalize).ToArray())).SelectMany(row => row),
            ["softmax"] = (oracle, a, _) => Rows(a[0]).SelectMany(row => oracle.Softmax(row, row.Length)),
            ["logsumexp"] = (oracle, a, _) => Rows(a[0]).Select(oracle.LogSumExp),
            ["maximum"] = (oracle, a, _) => Rows(a[0]).Select(oracle.Maximum),
            ["rms_norm"] = (oracle, a, eps) => Rows(a[0]).SelectMany(row => oracle.OverRootMeanSquare(row, eps)),
            ["layer_norm"] = (oracle, a, eps) => Rows(a[0]).SelectMany(row => oracle.OverRootMeanSquare(oracle.Centered(row), eps)),
            ["top_k_softmax"] = (oracle, a, k) => Rows(a[0]).SelectMany(row => oracle.Softmax(row, (int)k)),
            ["admix"] = (oracle, a, k) => Rows(a[1]).SelectMany(row => oracle.Combine(oracle.Softmax(row, (int)k), Matrices(a[0]).Single())),
            ["take"] = (_, a, _) => a[1].Items.SelectMany(
                position => a[0].Items.Skip((int)position.Value * (a[0].Items.Length / a[0].Shape[0])).Take(a[0].Items.Length / a[0].Shape[0])),
            ["rbf"] = (oracle, a, gamma) => Rows(a[0]).SelectMany(p => Rows(a[1]).Select(q => oracle.Kernel(p, q, gamma))),
            ["orthonormal_rows"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.GramSchmidt).SelectMany(row => row),
            ["cayley"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Cayley).SelectMany(row => row),
            ["inverse"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Inverse).SelectMany(row => row),
            ["inverse_spd"] = (oracle, a, _) => Matrices(a[0]).SelectMany(matrix => oracle.Inverse(oracle.Symmetric(matrix))).SelectMany(row => row),
            ["inverse_lower"] = (oracle, a, _) => Matrices(a[0]).SelectMany(matrix => oracle.Inverse(Lower(matrix))).SelectMany(row => row),
            ["pseudo_inverse"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.PseudoInverse).SelectMany(row => row),
            ["cholesky"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Cholesky).SelectMany(row => row),
            ["logdet"] = (oracle, a, _) => Matrices(a[0]).Select(oracle.LogDeterminant),
            ["logdet_spd"] = (oracle, a, _) => Matrices(a[0]).Select(matrix => oracle.LogDeterminant(oracle.Symmetric(matrix))),
            ["det"] = (oracle, a, _) => Matrices(a[0]).Select(oracle.Determinant),
            ["eigenvalues"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Eigenvalues),
            ["eigenvectors"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Eigenvectors).SelectMany(row => row),
            ["singular_values"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.SingularValues),
            ["expm"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Exponential).SelectMany(row => row),
            ["sqrtm"] = (oracle, a, _) => Matrices(a[0]).SelectMany(matrix => oracle.RootsOf(oracle.Symmetric(matrix)).Root).SelectMany(row => row),
            ["logm"] = (oracle, a, _) => Matrices(a[0]).SelectMany(matrix => oracle.Logarithm(oracle.Symmetric(matrix))).SelectMany(row => row),
            ["powerm"] = (oracle, a, p) => Matrices(a[0])
                .SelectMany(matrix => oracle.Exponential(oracle.Scale(oracle.Logarithm(oracle.Symmetric(matrix)), p))).SelectMany(row => row),
        };

    /// <summary>A function of a vector, which is a matrix with rows of the link's length.</summary>
    public Number[] Apply(FunctionLink link, Number[] vector) =>
        Apply(link.Function, [new Elements(EquatableArray.Of(vector.Length / link.Length, link.Length), vector)], link.Number).ToArray();

    private IEnumerable<Number> Apply(FunctionTensor function) =>
        Apply(function.Function, function.Arguments.Select(Tensor).ToArray(), function.Numbers.FirstOrDefault());

    private IEnumerable<Number> Apply(TensorFunction function, Elements[] arguments, double number) =>
        Definitions.TryGetValue(function.Name, out var definition)
            ? definition(this, arguments, number)
            : throw new NotSupportedException($"The interpreter has no definition of {function}.");

    private IEnumerable<Number> Map(Elements[] arguments, Func<double, (double Value, double Slope)> function) => arguments[0].Items.Select(x =>
    {
        (double value, double slope) = function(x.Value);
        return tape.Function(x, value, slope);
    });

    /// <summary>The vectors along the last axis.</summary>
    private static IEnumerable<Number[]> Rows(Elements tensor) => Split(tensor.Items, tensor.Shape[tensor.Shape.Count - 1]);

    /// <summary>The matrices of the last two axes, as their rows.</summary>
    private static IEnumerable<Number[][]> Matrices(Elements tensor)
    {
        Number[][] rows = Rows(tensor).ToArray();
        int count = tensor.Shape[tensor.Shape.Count - 2];
        for (int start = 0; start < rows.Length; start += count)
        {
            yield return rows.Skip(start).Take(count).ToArray();
        }
    }

    private static IEnumerable<Number[]> Split(Number[] items, int length)
    {
        for (int start = 0; start < items.Length; start += length)
        {
            yield return items.Skip(start).Take(length).ToArray();
        }
    }

    /// <summary>The parts of a tensor at each position on the axes before one.</summary>
    private static IEnumerable<Number[]> Parts(Elements tensor, int axis) =>
        Split(tensor.Items, tensor.Shape.Skip(axis).Aggregate(1, (product, extent) => product * extent));

    private static IEnumerable<Number[]> Columns(Number[][] matrix) =>
        Enumerable.Range(0, matrix[0].Length).Select(j => matrix.Select(row => row[j]).ToArray());

    private Number Reciprocal(Number x) => tape.Function(x, 1 / x.Value, -1 / (x.Value * x.Value));

    private Number StraightThrough(Number value, Number x) => tape.Function(x, value.Value, 1);

    private Number Divide(Number a, Number b) => tape.Multiply(a, Reciprocal(b));

    private Number Subtract(Number a, Number b)
    {
        tape.BeginSum();
        tape.AddProduct(a, Number.One);
        tape.AddProduct(b, -1);
        return tape.EndSum();
    }

    private Number Dot(Number[] a, Number[] b)
    {
        tape.BeginSum();
        for (int i = 0; i < a.Length; i++)
        {
            tape.AddProduct(a[i], b[i]);
        }

        return tape.EndSum();
    }

    /// <summary>The derivative of the norm of zero is taken as zero.</summary>
    private Number Norm(Number[] vector)
    {
        Number square = Dot(vector, vector);
        return square.Value == 0 ? 0 : tape.Function(square, Math.Sqrt(square.Value), 0.5 / Math.Sqrt(square.Value));
    }

    private Number[] Normalize(Number[] vector)
    {
        Number norm = Norm(vector);
        return vector.Select(x => norm.Value == 0 ? 0 : Divide(x, norm)).ToArray();
    }

    /// <summary>Each element over the root of the mean square and ε.</summary>
    private IEnumerable<Number> OverRootMeanSquare(Number[] row, double epsilon)
    {
        Number square = tape.Add(tape.Multiply(Dot(row, row), 1.0 / row.Length), epsilon);
        Number root = tape.Function(square, Math.Sqrt(square.Value), 0.5 / Math.Sqrt(square.Value));
        return row.Select(x => Divide(x, root));
    }

    /// <summary>Each element less the mean.</summary>
    private Number[] Centered(Number[] row)
    {
        Number mean = tape.Multiply(row.Aggregate(tape.Add), 1.0 / row.Length);
        return [.. row.Select(x => Subtract(x, mean))];
    }

    /// <summary>log Σ e^(x − m) + m, for the largest element m.</summary>
    private Number LogSumExp(Number[] row)
    {
        double largest = row.Max(x => x.Value);
        Number sum = row.Select(x => tape.Function(x, Math.Exp(x.Value - largest), Math.Exp(x.Value - largest))).Aggregate(tape.Add);
        return tape.Function(sum, largest + Math.Log(sum.Value), 1 / sum.Value);
    }

    /// <summary>The largest element; equal ones share the derivative.</summary>
    private Number Maximum(Number[] row)
    {
        double largest = row.Max(x => x.Value);
        Number[] all = row.Where(x => x.Value == largest).ToArray();
        return all.Select(x => tape.Function(x, largest / all.Length, 1.0 / all.Length)).Aggregate(tape.Add);
    }

    /// <summary>The softmax over the largest elements alone, zeros elsewhere. Of equal elements the lower index comes first.</summary>
    private Number[] Softmax(Number[] logits, int count)
    {
        int[] chosen = Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i].Value).Take(count).ToArray();

        // The softmax does not change when a constant is subtracted from every logit.
        double largest = logits[chosen[0]].Value;
        Number[] weights = chosen
            .Select(i => tape.Function(logits[i], Math.Exp(logits[i].Value - largest), Math.Exp(logits[i].Value - largest)))
            .ToArray();
        Number share = Reciprocal(weights.Aggregate(tape.Add));
        var result = new Number[logits.Length];
        for (int i = 0; i < chosen.Length; i++)
        {
            result[chosen[i]] = tape.Multiply(weights[i], share);
        }

        return result;
    }

    /// <summary>Ones at the largest elements. Of equal ones the lower index comes first.</summary>
    private static IEnumerable<Number> Largest(Number[] row, int count)
    {
        HashSet<int> chosen = [.. Enumerable.Range(0, row.Length).OrderByDescending(i => row[i].Value).Take(count)];
        return row.Select((_, i) => new Number(chosen.Contains(i) ? 1 : 0));
    }

    /// <summary>Ones above the quantile, which lies between two neighbours in the order.</summary>
    private static IEnumerable<Number> AboveQuantile(Number[] row, double q)
    {
        double[] sorted = [.. row.Select(x => x.Value).OrderBy(x => x)];
        double place = (row.Length - 1) * q, part = place - Math.Floor(place);
        double lower = sorted[(int)place], quantile = lower + (part * (sorted[(int)Math.Ceiling(place)] - lower));
        return row.Select(x => new Number(x.Value > quantile ? 1 : 0));
    }

    /// <summary>
    /// The nearest number of a binary floating-point format, of two the even one: by bits of its fraction, and its least and largest exponent.
    /// </summary>
    private static double Round(double x, int fraction, int least, int most)
    {
        int exponent = least;
        while (exponent < most && Math.Abs(x) >= Math.Pow(2, exponent + 1))
        {
            exponent++;
        }

        double step = Math.Pow(2, exponent - fraction), rounded = step * Math.Round(x / step);
        return Math.Abs(rounded) >= Math.Pow(2, most + 1) ? Math.Sign(x) * double.PositiveInfinity : rounded;
    }

    /// <summary>Whole multiples of the largest magnitude over 2^(bits − 1) − 1; the derivative counts as 1.</summary>
    private IEnumerable<Number> Quantize(Number[] row, double bits)
    {
        double step = row.Max(x => Math.Abs(x.Value)) / (Math.Pow(2, bits - 1) - 1);
        return row.Select(x => tape.Function(x, step == 0 ? 0 : step * Math.Round(x.Value / step), 1));
    }

    /// <summary>A code from 0 to the highest, less that of zero, times a scale that just reaches the row's elements and zero; the derivative counts as 1.</summary>
    private IEnumerable<Number> QuantizeZeroPoint(Number[] row, int highest)
    {
        double least = Math.Min(0, row.Min(x => x.Value)), range = Math.Max(0, row.Max(x => x.Value)) - least;
        double zero = Code(-least);
        return row.Select(x => tape.Function(x, range / highest * (Math.Min(highest, Math.Max(0, Code(x.Value) + zero)) - zero), 1));

        double Code(double value) => range == 0 ? 0 : Math.Round(value / range * highest);
    }

    /// <summary>2^bits equidistant values from the least to the largest element; the derivative counts as 1.</summary>
    private IEnumerable<Number> QuantizeAffine(Number[] row, double bits)
    {
        double least = row.Min(x => x.Value), step = (row.Max(x => x.Value) - least) / (Math.Pow(2, bits) - 1);
        return row.Select(x => tape.Function(x, step == 0 ? least : least + (step * Math.Round((x.Value - least) / step)), 1));
    }

    /// <summary>
    /// Σ ±2^j step over j below bits, the nearest: 2^bits equidistant values from the least to the largest that the largest magnitude needs;
    /// the derivative counts as 1.
    /// </summary>
    private IEnumerable<Number> QuantizeBipolar(Number[] row, double bits)
    {
        double step = row.Max(x => Math.Abs(x.Value)) / (Math.Pow(2, bits) - 1);
        return row.Select(x =>
        {
            double sum = 0;
            for (double j = bits - 1; j >= 0; j--)
            {
                sum += x.Value >= sum * step ? Math.Pow(2, j) : -Math.Pow(2, j);
            }

            return tape.Function(x, step * sum, 1);
        });
    }

    /// <summary>
    /// The largest magnitude times 2^bits values from −1 to 1: the normal distribution's quantiles of 2^(bits − 1) equidistant probabilities
    /// up to ½, and of one more from there on, without the tails (Dettmers et al. 2023). The derivative counts as 1.
    /// </summary>
    private IEnumerable<Number> NormalFloat(Number[] row, int bits)
    {
        int below = 1 << (bits - 1);
        double tail = ((1 / Math.Pow(2, bits + 1)) + (1 / (Math.Pow(2, bits + 1) - 2))) / 2;
        double[] quantiles =
        [
            .. Enumerable.Range(0, below).Select(i => NormalQuantile(tail + ((0.5 - tail) * i / (below - 1)))),
            .. Enumerable.Range(1, below).Select(i => NormalQuantile(0.5 + ((0.5 - tail) * i / below))),
        ];
        double scale = row.Max(x => Math.Abs(x.Value)), most = quantiles.Max();
        return row.Select(x => tape.Function(x, quantiles.Select(code => scale * code / most).OrderBy(value => Math.Abs(value - x.Value)).First(), 1));
    }

    /// <summary>The share of the normal distribution below x, by its power series; beyond 12 there is nothing.</summary>
    private static double NormalDistribution(double x)
    {
        if (Math.Abs(x) > 12)
        {
            return x > 0 ? 1 : 0;
        }

        double sum = 0, term = x;
        for (int k = 3; Math.Abs(term) > 1e-18 * Math.Abs(sum); k += 2)
        {
            sum += term;
            term *= x * x / k;
        }

        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }

    /// <summary>By halving.</summary>
    private static double NormalQuantile(double probability)
    {
        double low = -8, high = 8;
        while ((low + high) / 2 is var middle && middle > low && middle < high)
        {
            (low, high) = NormalDistribution(middle) < probability ? (middle, high) : (low, middle);
        }

        return high;
    }

    private IEnumerable<Number> Distances(Number[][] left, Number[][] right, double power) => left.SelectMany(p => right.Select(q =>
    {
        Number[] terms = [.. p.Zip(q, Subtract).Select(x =>
            tape.Function(x, Math.Pow(Math.Abs(x.Value), power), x.Value == 0 ? 0 : power * Math.Sign(x.Value) * Math.Pow(Math.Abs(x.Value), power - 1)))];
        Number sum = terms.Aggregate(tape.Add);
        return sum.Value == 0 ? 0 : tape.Function(sum, Math.Pow(sum.Value, 1 / power), Math.Pow(sum.Value, (1 / power) - 1) / power);
    }));

    /// <summary>(A Aᵀ)^(−½) A, or A (Aᵀ A)^(−½) of a tall A.</summary>
    private Number[][] Polar(Number[][] a)
    {
        if (a.Length > a[0].Length)
        {
            return [.. Columns(Polar([.. Columns(a)]))];
        }

        return [.. RootsOf(Gram(a)).Inverse.Select(row => Combine(row, a))];
    }

    private Number[][] Gram(Number[][] a) => [.. a.Select(row => a.Select(other => Dot(row, other)).ToArray())];

    /// <summary>The combination of rows with the given weights.</summary>
    private Number[] Combine(Number[] weights, Number[][] rows) => Columns(rows).Select(column => Dot(weights, column)).ToArray();

    private Number Kernel(Number[] p, Number[] q, double gamma)
    {
        Number[] difference = p.Zip(q, Subtract).ToArray();
        Number square = Dot(difference, difference);
        double value = Math.Exp(-gamma * square.Value);
        return tape.Function(square, value, -gamma * value);
    }

    /// <summary>A row of which rounding errors are left alone, up to 32 · 2⁻⁵² of its norm, is zero.</summary>
    private Number[][] GramSchmidt(Number[][] rows)
    {
        var result = new List<Number[]>();
        foreach (Number[] row in rows)
        {
            Number[] rest = result.Aggregate(row, (vector, basis) => SubtractMultiple(vector, basis, Dot(vector, basis)));
            result.Add(Norm(rest).Value <= Math.Pow(2, -47) * Norm(row).Value ? [.. row.Select(_ => new Number(0))] : Normalize(rest));
        }

        return result.ToArray();
    }

    /// <summary><c>vector − factor · other</c></summary>
    private Number[] SubtractMultiple(Number[] vector, Number[] other, Number factor) =>
        vector.Zip(other, (x, y) => Subtract(x, tape.Multiply(factor, y))).ToArray();

    private Number[][] Cayley(Number[][] a)
    {
        Number[][] Plus(int sign) => a.Select((row, i) => row.Select((_, j) =>
        {
            tape.BeginSum();
            tape.AddProduct(a[i][j], sign);
            tape.AddProduct(a[j][i], -sign);
            tape.AddProduct(i == j ? 1 : 0, Number.One);
            return tape.EndSum();
        }).ToArray()).ToArray();
        Number[][] right = Inverse(Plus(1));
        return Plus(-1).Select(row => Combine(row, right)).ToArray();
    }

    /// <summary>Gauss and Jordan's elimination on [A, I], with the largest pivot of each column.</summary>
    private Number[][] Inverse(Number[][] a)
    {
        int n = a.Length;
        Number[][] rows = a.Select((row, i) => row.Concat(Enumerable.Range(0, n).Select(j => new Number(i == j ? 1 : 0))).ToArray()).ToArray();
        for (int k = 0; k < n; k++)
        {
            int pivot = Enumerable.Range(k, n - k).OrderByDescending(i => Math.Abs(rows[i][k].Value)).First();
            (rows[k], rows[pivot]) = (rows[pivot], rows[k]);
            Number scale = Reciprocal(rows[k][k]);
            rows[k] = rows[k].Select(x => tape.Multiply(x, scale)).ToArray();
            for (int i = 0; i < n; i++)
            {
                rows[i] = i == k ? rows[i] : SubtractMultiple(rows[i], rows[k], rows[i][k]);
            }
        }

        return rows.Select(row => row.Skip(n).ToArray()).ToArray();
    }
}
