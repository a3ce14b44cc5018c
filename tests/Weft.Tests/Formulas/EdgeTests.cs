using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Fitting;

namespace Weft.Tests.Formulas;

/// <summary>Maps at points where their parts are not smooth, and at the ends of the range of numbers.</summary>
public class EdgeTests
{
    /// <summary>Each layer once, for all tests.</summary>
    private static readonly Lazy<CompiledWeft> _maps = new(() => DynamicMaps.Compile("""
        operator reflected : 2 -> 2
          param v[2]
          = reflect(v)
        operator turned : 3 -> 3
          param V[2, 3]
          = reflect(V)
        layer choice : 3 -> 3 = soft_choice(3)
        layer mixture : 9 -> 2 = soft_mixture(3, 2)
        layer ball : 4 -> 4 = mobius(4, 4, 2)
        layer norm : 4 -> 1 = part_norm(4, 2, 1)
        operator guarded : 2 -> 3
          param A[3, 2]
          let n = row_norms(A)
          let s = where(n, quotient(1, n), 0)
          y[i] = s[i] * A[i, j] * x[j]
        layer smooth : 8 -> 6 = gelu . bias . dense(6, 12) . silu . monarch(12, 3) . dense(12, 8)
        layer rows : 8 -> 8 = softmax(4) . circulant(8) . softplus . constant_fan_in(8, 8, 3)
        layer joined : 8 -> 8 = add(eye(8), tanh . kronecker([2, 4], [2, 4]), hadamard(sigmoid, relu))
        """));

    [Theory]
    [InlineData("reflected", new[] { 3.0, 4 })]
    [InlineData("turned", new[] { 3.0, 4, 0, 1, 2, -2 })]
    public void ReflectionsDoNotDependOnLengths(string name, double[] vectors)
    {
        double[] expected = Dense(1);
        Assert.All(new[] { 1e-40, 1e-30, 1e-20, 1e20, 1e37 }, scale => Numbers.AssertClose(expected, Dense(scale), scale < 1e-38 ? 1e-4 : 1e-6, $"{name} with vectors of {scale}"));

        double[] Dense(double scale)
        {
            using var map = (LinearMap<float>)_maps.Value.CreateFloat(name);
            map.SetTrained([.. vectors.Select(value => (float)(scale * value))]);
            float[] dense = map.Dense(), gradient = new float[map.TrainedCount], y = new float[map.Outputs];

            // Few rows go another way.
            float[] x = [.. Enumerable.Repeat(1f, map.Inputs)];
            map.Forward(x, y);
            Assert.All(y, (value, i) => Assert.Equal(dense.AsSpan(i * map.Inputs, map.Inputs).ToArray().Sum(), value, 1e-5));
            map.Gradient(x, [.. y.Select((_, i) => (float)i)], new float[map.Inputs], gradient);
            Assert.All(gradient, value => Assert.True(float.IsFinite(value) || scale < 1e-38));
            return [.. dense.Select(value => (double)value)];
        }
    }

    [Theory]
    [InlineData("choice", new[] { 90.0, 2, -2 }, new[] { 1.0, 0, 0 })]
    [InlineData("choice", new[] { -200.0, -201, -202 }, new[] { 0.66524096, 0.24472847, 0.09003057 })]
    [InlineData("mixture", new[] { 1.0, 2, 3, 4, 5, 6, 300, 300, -300 }, new[] { 2.0, 3 })]
    public void ChoicesDoNotOverflow(string name, double[] x, double[] expected)
    {
        using Map<float> map = _maps.Value.CreateFloat(name);
        float[] y = new float[map.Outputs], dx = new float[map.Inputs];
        map.Forward([.. x.Select(value => (float)value)], y);
        Numbers.AssertClose(expected, [.. y.Select(value => (double)value)], 1e-6, name);
        map.Gradient([.. x.Select(value => (float)value)], [.. y.Select(_ => 1f)], dx, []);
        Assert.All(dx, value => Assert.True(float.IsFinite(value)));
    }

    /// <summary>The norm of (3, 4), and its derivative.</summary>
    [Theory]
    [InlineData(1e-38)]
    [InlineData(1e-25)]
    [InlineData(1e25)]
    [InlineData(5e37)]
    public void NormsHaveAllExponents(double scale)
    {
        using Map<float> map = _maps.Value.CreateFloat("norm");
        float unit = (float)scale;
        float[] x = [7, 3 * unit, 4 * unit, 7], y = new float[1], dx = new float[4];
        map.Forward(x, y);
        map.Gradient(x, [1f], dx, []);
        Assert.Equal(5, y[0] / unit, 1e-5);
        Numbers.AssertClose([0, 0.6, 0.8, 0], [.. dx.Select(value => (double)value)], 1e-5, $"derivative at {scale}");
    }

    /// <summary>At 0 the Möbius product is M x, and its derivative M; near the boundary it is what the formula gives.</summary>
    [Fact]
    public void TheBallIsRightAtItsOriginAndNearItsBoundary()
    {
        using Map<double> map = _maps.Value.CreateDouble("ball");
        double[] m = [0.5, -0.25, 0, 0, 1, 0.75, 0, 0, 0, 0, 0.25, 1, 0, 0, -0.5, 0.5];
        map.SetTrained([0.5, -0.25, 1, 0.75, 0.25, 1, -0.5, 0.5]);
        double[] direction = [0.5, -0.5, 0.1, 0.7], dy = [1, 2, 3, 4], zeros = new double[4];
        double[] sizes = [0, 1e-200, 1e-10, 0.03, 0.6, 1 - 1e-7];
        foreach (double size in sizes)
        {
            double[] x = [.. direction.Select(value => size * value)], y = new double[4], dx = new double[4], gradient = new double[8];
            map.Forward(x, y);
            Numbers.AssertClose(Product(x), y, size > 0.9 ? 1e-8 : 1e-12, $"at {size}");
            map.Gradient(x, dy, dx, gradient);
            Assert.All(gradient, value => Assert.True(double.IsFinite(value)));
            if (size < 1e-5)
            {
                Numbers.AssertClose([.. Enumerable.Range(0, 4).Select(j => Enumerable.Range(0, 4).Sum(i => m[(i * 4) + j] * dy[i]))], dx, 1e-12, $"derivative at {size}");
            }
        }

        // A zero row leaves the others as they are.
        double[] batch = [.. zeros, .. direction.Select(value => 0.6 * value)], both = new double[8];
        map.Forward(batch, both);
        Assert.Equal(zeros, both[..4]);
        Numbers.AssertClose(Product(batch[4..]), both[4..], 1e-12, "beside a zero row");

        double[] Product(double[] x)
        {
            double[] image = [.. Enumerable.Range(0, 4).Select(i => Enumerable.Range(0, 4).Sum(j => m[(i * 4) + j] * x[j]))];
            double largest = x.Max(Math.Abs), norm = largest * Numbers.Norm(x.Select(value => value / largest)), size = largest * Numbers.Norm(image.Select(value => value / largest));
            return norm > 0 ? [.. image.Select(value => Math.Tanh(size / norm * Math.Atanh(norm)) * value / size)] : image;
        }
    }

    /// <summary>A row divided by its norm where it has one: the quotient at 0 is neither taken nor differentiated.</summary>
    [Fact]
    public void AGuardKeepsFromAPole()
    {
        using Map<float> map = _maps.Value.CreateFloat("guarded");
        map.SetTrained([0, 0, 3, 4, 0, 2]);
        float[] y = new float[3], dx = new float[2], gradient = new float[6];
        map.Forward([1, 1], y);
        Numbers.AssertClose([0, 1.4, 1], [.. y.Select(value => (double)value)], 1e-6, "value");
        map.Gradient([1, 1], [1, 1, 1], dx, gradient);
        Numbers.AssertClose([0, 0, (1 - (1.4 * 0.6)) / 5, (1 - (1.4 * 0.8)) / 5, 0.5, 0], [.. gradient.Select(value => (double)value)], 1e-5, "gradient");
    }

    [Theory]
    [InlineData("operator f : 2 -> 2\n  param A[2], B[3]\n  = diag(where(A, B, 1))", "3:19 WEFT0110")]
    [InlineData("operator f : 2 -> 2\n  param A[2]\n  = diag(where(1, 2, 3))", "3:16 WEFT0110")]
    [InlineData("operator f : 2 -> 2\n  param A[2]\n  = diag(straight_through(A, 1))", "3:30 WEFT0110")]
    public void WrongGuardsAreNamed(string text, string expected) =>
        Assert.Contains(TestModules.Diagnostics(text), diagnostic => diagnostic.StartsWith(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData("smooth", double.NaN)]
    [InlineData("smooth", double.PositiveInfinity)]
    [InlineData("rows", double.NaN)]
    [InlineData("joined", double.NaN)]
    [InlineData("joined", double.NegativeInfinity)]
    public void WhatIsNoNumberStaysInItsRow(string name, double poison)
    {
        const int Rows = 21;
        using Map<float> map = _maps.Value.CreateFloat(name);
        map.Initialize(1);
        float[] x = [.. Numbers.Normal(new Random(1), Rows * map.Inputs).Select(value => (float)value)], expected = new float[Rows * map.Outputs], y = new float[Rows * map.Outputs];
        map.Forward(x, expected);
        for (int row = 0; row < Rows; row++)
        {
            float[] poisoned = [.. x];
            poisoned.AsSpan(row * map.Inputs, map.Inputs).Fill((float)poison);
            map.Forward(poisoned, y);
            Span<float> own = y.AsSpan(row * map.Outputs, map.Outputs);
            Assert.True(!double.IsNaN(poison) || own.ToArray().All(float.IsNaN), $"row {row} of {name}");
            expected.AsSpan(row * map.Outputs, map.Outputs).CopyTo(own);
            Assert.Equal(expected, y);
        }
    }

    /// <summary>Sums of 10⁷ terms, forward and for gradients, lose no more than sums of sums do.</summary>
    [Theory]
    [InlineData("operator f : 10077696 -> 1\n  param F(k < 9)[1, 6] ~ uniform(1)\n  = kron(k < 9) F[k]")]
    [InlineData("operator f : 1 -> 10077696\n  param F(k < 9)[1, 6] ~ uniform(1)\n  = (kron(k < 9) F[k])'")]
    public void LongSumsAreSumsOfSums(string text)
    {
        (float[] y, float[] dx, float[] gradient) = Run<float>();
        (double[] exactY, double[] exactDx, double[] exactGradient) = Run<double>();
        AssertClose(exactY, y);
        AssertClose(exactDx, dx);
        AssertClose(exactGradient, gradient);

        static void AssertClose(double[] expected, float[] actual) =>
            Assert.True(Math.Sqrt(expected.Zip(actual, (e, a) => (e - a) * (e - a)).Sum()) <= 3e-6 * Numbers.Norm(expected));

        (T[] Y, T[] Dx, T[] Gradient) Run<T>()
            where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            using var compiled = new CompiledMap<T>(text);
            compiled.Map.SetTrained([.. Enumerable.Range(0, 54).Select(i => T.CreateChecked(0.5f + (0.0625f * (i % 7))))]);
            T[] x = Ones(compiled.Map.Inputs), y = new T[compiled.Map.Outputs], dx = new T[x.Length], gradient = new T[54];
            compiled.Map.Forward(x, y);
            compiled.Map.Gradient(x, Ones(y.Length), dx, gradient);
            return (y, dx, gradient);

            static T[] Ones(int length) => [.. Enumerable.Range(0, length).Select(i => T.CreateChecked(0.5f + (i % 3 * 0.25f)))];
        }
    }
}
