using Weft.Compiler.Algebra;

namespace Weft.Compiler.Oracle;

/// <content>The definition of each <see cref="TensorFunction"/>: from its arguments and its number to the elements of its result.</content>
internal sealed partial class Evaluator
{
    private static readonly IReadOnlyDictionary<string, Func<Evaluator, Elements[], double, IEnumerable<Number>>> Definitions =
        new Dictionary<string, Func<Evaluator, Elements[], double, IEnumerable<Number>>>(StringComparer.Ordinal)
        {
            ["exp"] = (oracle, a, _) => oracle.Map(a, x => (Math.Exp(x), Math.Exp(x))),
            ["log"] = (oracle, a, _) => oracle.Map(a, x => (Math.Log(x), 1 / x)),
            ["sqrt"] = (oracle, a, _) => oracle.Map(a, x => (Math.Sqrt(x), 0.5 / Math.Sqrt(x))),
            ["abs"] = (oracle, a, _) => oracle.Map(a, x => (Math.Abs(x), Math.Sign(x))),
            ["square"] = (oracle, a, _) => oracle.Map(a, x => (x * x, 2 * x)),
            ["shift"] = (oracle, a, c) => oracle.Map(a, x => (x + c, 1)),
            ["round_ste"] = (oracle, a, _) => oracle.Map(a, x => (Math.Round(x), 1)),
            ["stop_gradient"] = (_, a, _) => a[0].Items.Select(x => new Number(x.Value)),
            ["relu"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Relu, x)),
            ["sigmoid"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Sigmoid, x)),
            ["tanh"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Tanh, x)),
            ["softplus"] = (oracle, a, _) => a[0].Items.Select(x => oracle.Activate(Activation.Softplus, x)),
            ["quotient"] = (oracle, a, _) => a[0].Items.Zip(a[1].Items, oracle.Divide),
            ["row_norms"] = (oracle, a, _) => Rows(a[0]).Select(oracle.Norm),
            ["column_norms"] = (oracle, a, _) => Matrices(a[0]).SelectMany(matrix => Columns(matrix).Select(oracle.Norm)),
            ["normalize_rows"] = (oracle, a, _) => Rows(a[0]).SelectMany(oracle.Normalize),
            ["normalize_columns"] = (oracle, a, _) =>
                Matrices(a[0]).SelectMany(matrix => Columns(Columns(matrix).Select(oracle.Normalize).ToArray())).SelectMany(row => row),
            ["softmax"] = (oracle, a, _) => Rows(a[0]).SelectMany(row => oracle.Softmax(row, row.Length)),
            ["top_k_softmax"] = (oracle, a, k) => Rows(a[0]).SelectMany(row => oracle.Softmax(row, (int)k)),
            ["admix"] = (oracle, a, k) => Rows(a[1]).SelectMany(row => oracle.Combine(oracle.Softmax(row, (int)k), Matrices(a[0]).Single())),
            ["take"] = (_, a, _) => a[1].Items.SelectMany(
                position => a[0].Items.Skip((int)position.Value * (a[0].Items.Length / a[0].Shape[0])).Take(a[0].Items.Length / a[0].Shape[0])),
            ["rbf"] = (oracle, a, gamma) => Rows(a[0]).SelectMany(p => Rows(a[1]).Select(q => oracle.Kernel(p, q, gamma))),
            ["orthonormal_rows"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.GramSchmidt).SelectMany(row => row),
            ["cayley"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Cayley).SelectMany(row => row),
            ["inverse"] = (oracle, a, _) => Matrices(a[0]).SelectMany(oracle.Inverse).SelectMany(row => row),
        };

    private IEnumerable<Number> Apply(FunctionTensor function) => Definitions.TryGetValue(function.Function.Name, out var definition)
        ? definition(this, function.Arguments.Select(Tensor).ToArray(), function.Numbers.FirstOrDefault())
        : throw new NotSupportedException($"The interpreter has no definition of {function.Function}.");

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

    private static IEnumerable<Number[]> Columns(Number[][] matrix) =>
        Enumerable.Range(0, matrix[0].Length).Select(j => matrix.Select(row => row[j]).ToArray());

    private Number Reciprocal(Number x) => tape.Function(x, 1 / x.Value, -1 / (x.Value * x.Value));

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

    /// <summary>The combination of rows with the given weights.</summary>
    private Number[] Combine(Number[] weights, Number[][] rows) => Columns(rows).Select(column => Dot(weights, column)).ToArray();

    private Number Kernel(Number[] p, Number[] q, double gamma)
    {
        Number[] difference = p.Zip(q, Subtract).ToArray();
        Number square = Dot(difference, difference);
        double value = Math.Exp(-gamma * square.Value);
        return tape.Function(square, value, -gamma * value);
    }

    private Number[][] GramSchmidt(Number[][] rows)
    {
        var result = new List<Number[]>();
        foreach (Number[] row in rows)
        {
            Number[] rest = result.Aggregate(row, (vector, basis) => SubtractMultiple(vector, basis, Dot(vector, basis)));
            result.Add(Normalize(rest));
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
