using Weft.Compiler.Algebra;

namespace Weft.Tests.Formulas;

/// <summary>Random numbers that a seed repeats, and the comparison of results.</summary>
internal static class Numbers
{
    public static double[] Normal(Random random, int count)
    {
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        }

        return values;
    }

    /// <summary>Rows of x: normal numbers, and positions where a module takes these.</summary>
    public static double[] Rows(Module module, Random random, int rows) =>
        Rows(random, rows, module.Inputs, [.. module.InputPorts.Where(port => port.IsPositions).Select(port => (port.Offset, port.Length, port.Size))]);

    /// <summary>Rows of x for a map.</summary>
    public static double[] Rows(MapDescription map, Random random, int rows) =>
        Rows(random, rows, map.Inputs, [.. map.Positions.Select(input => (input.Offset, input.Length, input.Size))]);

    private static double[] Rows(Random random, int rows, int inputs, (int Offset, int Length, int Size)[] positions)
    {
        double[] x = Normal(random, rows * inputs);
        foreach ((int offset, int length, int size) in positions)
        {
            for (int i = 0; i < rows * length; i++)
            {
                x[(i / length * inputs) + offset + (i % length)] = random.Next(size);
            }
        }

        return x;
    }

    /// <summary>A value for every parameter; those of a paired start in unequal rows too, so that nothing cancels.</summary>
    public static Dictionary<string, double[]> Values(Module module, Random random) => module.Parameters.ToDictionary(
        parameter => parameter.Name,
        parameter => parameter.Initializer.Distribution is Distribution.Whole or Distribution.Distinct
            ? [.. Enumerable.Range(0, parameter.Length).Select(_ => (double)random.Next((int)parameter.Initializer.Scale))]
            : WithProperty(parameter, Normal(random, parameter.Length)),
        StringComparer.Ordinal);

    /// <summary>Numbers that a frozen parameter's property allows; any for others, of which it makes what it needs.</summary>
    public static double[] WithProperty(Parameter parameter, double[] values)
    {
        if (parameter.Role != Role.Frozen || parameter.Property == TensorProperty.None)
        {
            return values;
        }

        int n = parameter.Shape[^1];
        return [.. values.Chunk(n * n).SelectMany(matrix => parameter.Property switch
        {
            TensorProperty.Orthogonal => Kernels.RandomTensor.Elements([n, n], Distribution.Orthogonal, 1, (int)(1000 * matrix[0])),
            TensorProperty.PositiveDefinite => matrix.Select((_, at) => (at / n == at % n ? 1 : 0) + Enumerable.Range(0, n).Sum(k => matrix[(at / n * n) + k] * matrix[(at % n * n) + k])),
            var property => matrix.Select((value, at) => (at / n, at % n, property) switch
            {
                (var i, var j, TensorProperty.Symmetric) => matrix[(Math.Max(i, j) * n) + Math.Min(i, j)],
                (var i, var j, TensorProperty.UnitLower or TensorProperty.UnitUpper) when i == j => 1,
                (var i, var j, TensorProperty.Lower or TensorProperty.UnitLower) => i >= j ? value : 0,
                var (i, j, _) => i <= j ? value : 0,
            }),
        })];
    }

    public static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(value => value * value));

    /// <summary>
    /// <c>‖actual − expected‖ / max(‖expected‖, 1e-30)</c>. NaN anywhere gives NaN, which no tolerance admits.
    /// </summary>
    public static double RelativeError(IReadOnlyList<double> expected, IReadOnlyList<double> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        double error = Norm(expected.Zip(actual, (e, a) => e - a));
        return error == 0 ? 0 : error / Math.Max(Norm(expected), 1e-30);
    }

    public static void AssertClose(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance, string what)
    {
        double error = RelativeError(expected, actual);
        Assert.True(error <= tolerance, $"{what}: relative error {error:G3}, tolerance {tolerance:G3}");
    }

    public static double[] Flat(double[,] matrix) => matrix.Cast<double>().ToArray();
}
