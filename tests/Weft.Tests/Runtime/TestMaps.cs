using System.Collections.Immutable;
using System.Numerics;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

/// <summary>A stand-in for generated code: y = diag(sign) diag(frozen) W x, with the product of the three as its packed tensor.</summary>
internal sealed class SignedDense<T>(int outputs, int inputs, long flops = 0)
    : LinearMap<T>(SignedDensePasses<T>.Describe(outputs, inputs, flops), new SignedDensePasses<T>(outputs, inputs))
    where T : unmanaged, IBinaryFloatingPointIeee754<T>;

internal sealed unsafe class SignedDensePasses<T>(int outputs, int inputs) : MapProgram<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public override MapLayout Layout { get; } = new()
    {
        WeightCount = 2 * (outputs * inputs + outputs),
        GradientCount = 2 * (outputs * inputs + outputs),
        TangentCount = 2 * (outputs * inputs + outputs),
        MostRows = 16,
        ScratchPerRow = 0,
        GradientScratchPerRow = 0,
    };

    private int Outputs => outputs;

    private int Inputs => inputs;

    private int WeightLength => Outputs * Inputs;

    public override void Prepare(T* w) => Pack(w, w);

    // The frozen tensor's tangent is zero; a stale block would show.
    public override void PrepareTangent(T* w, T* dw)
    {
        Pack(w, dw);
        for (int i = 0; i < WeightLength; i++)
        {
            Packed(dw)[i] += Frozen(dw, i) * Sign(w, i) * w[i];
        }
    }

    public override void PrepareGradient(T* w, T* g, T* dw)
    {
        for (int i = 0; i < WeightLength; i++)
        {
            g[i] += Frozen(w, i) * Sign(w, i) * Packed(dw)[i];
        }
    }

    public override void ForwardRows(T* w, T* x, T* y, T* s, int rows)
    {
        for (int row = 0; y != null && row < rows; row++)
        {
            Multiply(Packed(w), x + row * Inputs, y + row * Outputs);
        }
    }

    public override void BackwardRows(T* w, T* g, T* dw, in Chunk<T> chunk, bool first)
    {
        T* x = chunk.X, dx = chunk.Dx, dy = chunk.Dy;
        int rows = chunk.Rows;
        if (dx != null)
        {
            new Span<T>(dx, rows * Inputs).Clear();
        }

        if (g != null && first)
        {
            new Span<T>(Packed(dw), WeightLength).Clear();
        }

        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < WeightLength; i++)
            {
                int input = row * Inputs + i % Inputs;
                T slope = dy[row * Outputs + i / Inputs];
                if (g != null)
                {
                    Packed(dw)[i] += slope * x[input];
                }

                if (dx != null)
                {
                    dx[input] += slope * Packed(w)[i];
                }
            }
        }
    }

    public override void TangentRows(T* w, T* dw, in Chunk<T> chunk)
    {
        T* x = chunk.X, dx = chunk.Dx, dy = chunk.Dy;
        int rows = chunk.Rows;
        new Span<T>(dy, rows * Outputs).Clear();
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < WeightLength; i++)
            {
                int input = row * Inputs + i % Inputs;
                T change = dw != null ? Packed(dw)[i] * x[input] : T.Zero;
                dy[row * Outputs + i / Inputs] += change + (dx != null ? Packed(w)[i] * dx[input] : T.Zero);
            }
        }
    }

    public static MapDescription Describe(int outputs, int inputs, long flops) => new()
    {
        Name = "SignedDense",
        Formula = "diag(s) * diag(f) * W",
        Inputs = inputs,
        Outputs = outputs,
        TrainedCount = outputs * inputs,
        ParameterCount = outputs * inputs + outputs,
        ForwardFlops = flops,
        BackwardFlops = flops,
        Parameters =
        [
            new("W", 0, [outputs, inputs], Role.Trained, new(Distribution.Normal, 0.5)),
            new("f", outputs * inputs, [outputs], Role.Frozen, new(Distribution.Constant, 2)),
            new("s", outputs * inputs + outputs, [outputs], Role.Seeded, new(Distribution.Sign, 1), 7),
        ],
    };

    private T* Packed(T* w) => w + WeightLength + 2 * Outputs;

    private ref T Frozen(T* w, int i) => ref w[WeightLength + i / Inputs];

    private T Sign(T* w, int i) => w[WeightLength + Outputs + i / Inputs];

    private void Pack(T* w, T* target)
    {
        for (int i = 0; i < WeightLength; i++)
        {
            Packed(target)[i] = Frozen(w, i) * Sign(w, i) * target[i];
        }
    }

    private void Multiply(T* matrix, T* x, T* y)
    {
        for (int i = 0; i < Outputs; i++, matrix += Inputs)
        {
            y[i] = T.Zero;
            for (int j = 0; j < Inputs; j++)
            {
                y[i] += matrix[j] * x[j];
            }
        }
    }
}

/// <summary>A stand-in for generated code with scratch: y = tanh(W x + b), and a scalar c that y is multiplied by.</summary>
internal sealed class TanhLayer<T>(int outputs, int inputs, long flops = 0)
    : Map<T>(TanhLayerPasses<T>.Describe(outputs, inputs, flops), new TanhLayerPasses<T>(outputs, inputs))
    where T : unmanaged, IBinaryFloatingPointIeee754<T>;

internal sealed unsafe class TanhLayerPasses<T>(int outputs, int inputs) : MapProgram<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public override MapLayout Layout { get; } = new()
    {
        WeightCount = outputs * inputs + outputs + 1,
        GradientCount = outputs * inputs + outputs + 1,
        TangentCount = outputs * inputs + outputs + 1,
        MostRows = 16,
        ScratchPerRow = outputs,
        GradientScratchPerRow = 2 * outputs,
    };

    private int Outputs => outputs;

    private int Inputs => inputs;

    private int Bias => Outputs * Inputs;

    private int Scale => Bias + Outputs;

    // s holds tanh(W x + b), then the backward pass's own rows
    public override void ForwardRows(T* w, T* x, T* y, T* s, int rows)
    {
        Affine(w, w + Bias, x, s, rows);
        Activations<T>.Apply(Activation.Tanh, new(s, Outputs), new(s, Outputs), rows, Outputs);
        for (int i = 0; y != null && i < rows * Outputs; i++)
        {
            y[i] = w[Scale] * s[i];
        }
    }

    public override void BackwardRows(T* w, T* g, T* dw, in Chunk<T> chunk, bool first)
    {
        T* x = chunk.X, dx = chunk.Dx, dy = chunk.Dy, s = chunk.Scratch;
        int rows = chunk.Rows;
        T* dz = s + rows * Outputs;
        for (int i = 0; i < rows * Outputs; i++)
        {
            if (g != null)
            {
                g[Scale] += dy[i] * s[i];
            }

            dz[i] = w[Scale] * dy[i] * (T.One - s[i] * s[i]);
        }

        if (dx != null)
        {
            new Span<T>(dx, rows * Inputs).Clear();
        }

        for (int row = 0; row < rows; row++, x += Inputs, dz += Outputs, dx = dx == null ? null : dx + Inputs)
        {
            for (int i = 0; i < Outputs; i++)
            {
                for (int j = 0; j < Inputs; j++)
                {
                    if (g != null)
                    {
                        g[i * Inputs + j] += dz[i] * x[j];
                    }

                    if (dx != null)
                    {
                        dx[j] += dz[i] * w[i * Inputs + j];
                    }
                }

                if (g != null)
                {
                    g[Bias + i] += dz[i];
                }
            }
        }
    }

    public override void TangentRows(T* w, T* dw, in Chunk<T> chunk)
    {
        T* x = chunk.X, dx = chunk.Dx, dy = chunk.Dy, s = chunk.Scratch;
        int rows = chunk.Rows;
        T* change = s + rows * Outputs;
        new Span<T>(dy, rows * Outputs).Clear();
        if (dx != null)
        {
            Affine(w, null, dx, dy, rows);
        }

        if (dw != null)
        {
            Affine(dw, dw + Bias, x, change, rows);
        }

        for (int i = 0; i < rows * Outputs; i++)
        {
            T z = dy[i] + (dw != null ? change[i] : T.Zero);
            dy[i] = w[Scale] * z * (T.One - s[i] * s[i]) + (dw != null ? dw[Scale] * s[i] : T.Zero);
        }
    }

    public static MapDescription Describe(int outputs, int inputs, long flops) => new()
    {
        Name = "TanhLayer",
        Formula = "c * tanh . bias . W",
        Inputs = inputs,
        Outputs = outputs,
        TrainedCount = outputs * inputs + outputs + 1,
        ParameterCount = outputs * inputs + outputs + 1,
        ForwardFlops = flops,
        BackwardFlops = flops,
        Parameters =
        [
            new("W", 0, [outputs, inputs], Role.Trained, new(Distribution.Normal, 0.5)),
            new("b", outputs * inputs, [outputs], Role.Trained, new(Distribution.Uniform, 0.5)),
            new("c", outputs * inputs + outputs, [], Role.Trained, new(Distribution.Constant, 1.5)),
        ],
    };

    private void Affine(T* matrix, T* bias, T* x, T* z, int rows)
    {
        for (int row = 0; row < rows; row++, x += Inputs, z += Outputs)
        {
            for (int i = 0; i < Outputs; i++)
            {
                z[i] = bias != null ? bias[i] : T.Zero;
                for (int j = 0; j < Inputs; j++)
                {
                    z[i] += matrix[i * Inputs + j] * x[j];
                }
            }
        }
    }
}

internal static class Numbers
{
    /// <summary>Reproducible numbers between −1 and 1.</summary>
    public static T[] Draw<T>(int length, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => T.CreateTruncating(2 * random.NextDouble() - 1))];
    }

    public static void AssertClose<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double wanted = double.CreateTruncating(expected[i]), found = double.CreateTruncating(actual[i]);
            Assert.True(Math.Abs(wanted - found) <= tolerance * Math.Max(1, Math.Abs(wanted)), $"[{i}]: expected {wanted:R}, found {found:R}");
        }
    }

    /// <summary>The gradient of a function by central differences.</summary>
    public static double[] Differences(Func<double> function, Span<double> at, double step = 1e-5)
    {
        double[] gradient = new double[at.Length];
        for (int i = 0; i < at.Length; i++)
        {
            double kept = at[i];
            at[i] = kept + step;
            double above = function();
            at[i] = kept - step;
            gradient[i] = (above - function()) / (2 * step);
            at[i] = kept;
        }

        return gradient;
    }
}
