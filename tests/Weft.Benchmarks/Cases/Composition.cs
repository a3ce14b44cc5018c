using Weft.Benchmarks.Peers;
using Weft.Kernels;

namespace Weft.Benchmarks.Cases;

/// <summary>
/// A structured operator as its published formula is computed with a library: copies and (batched) matrix products. With the reference
/// product it is the definition that everything is checked against.
/// </summary>
internal abstract unsafe class Composition(Map<float> map)
{
    private readonly Dictionary<string, FloatBuffer> _parameters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FloatBuffer> _gradients = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FloatBuffer> _scratch = new(StringComparer.Ordinal);

    /// <summary>y = f(x) for each row.</summary>
    public abstract void Forward(Gemm gemm, float* x, float* y, int batch);

    /// <summary>The gradients for the input and, in <see cref="Gradient"/>, for the parameters, after a forward pass.</summary>
    public virtual void Backward(Gemm gemm, float* x, float* dy, float* dx, int batch) => throw new NotSupportedException();

    /// <summary>The gradients, each with its parameter's place among the trained ones.</summary>
    public IEnumerable<(int Offset, FloatBuffer Values)> Gradients =>
        _gradients.Select(pair => (map.Description.Parameters[map.Description.IndexOf(pair.Key)].Offset, pair.Value));

    /// <summary>A step of gradient descent.</summary>
    public void Update(float rate)
    {
        foreach ((string name, FloatBuffer gradient) in _gradients)
        {
            System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(gradient.Span, -rate, Own(name).Span, Own(name).Span);
        }
    }

    /// <summary>A parameter: a copy of the map's at the time of the first use.</summary>
    protected float* Parameter(string name) => Own(name).Pointer;

    protected float* Gradient(string name) => Buffer(_gradients, name, Own(name).Length).Pointer;

    protected float* Scratch(string name, int length) => Buffer(_scratch, name, length).Pointer;

    /// <summary>target[o, c, r] = source[o, r, c], contiguous.</summary>
    protected static void Transpose(float* source, float* target, int outer, int rows, int columns) =>
        Layouts<float>.Gather(source, target, [outer, columns, rows], [rows * columns, 1, columns]);

    private FloatBuffer Own(string name)
    {
        if (!_parameters.TryGetValue(name, out FloatBuffer? buffer))
        {
            ReadOnlySpan<float> values = map[name].Values;
            buffer = new FloatBuffer(values.Length);
            values.CopyTo(buffer.Span);
            _parameters.Add(name, buffer);
        }

        return buffer;
    }

    private static FloatBuffer Buffer(Dictionary<string, FloatBuffer> buffers, string name, int length)
    {
        if (!buffers.TryGetValue(name, out FloatBuffer? buffer) || buffer.Length < length)
        {
            buffer?.Dispose();
            buffers[name] = buffer = new FloatBuffer(length);
        }

        return buffer;
    }
}

/// <summary>A factor of a chain over the modes of a vector: a matrix at each place, or a matrix of its own at each, between identities.</summary>
internal sealed record Core(string Name, int Left, int Right, int Rows, int Columns)
{
    public int Inputs => Left * Columns * Right;

    public int Outputs => Left * Rows * Right;

    /// <summary>The cores of a tensor train over modes m ← n with ranks r, first applied first.</summary>
    public static IReadOnlyList<Core> Train(string name, int[] m, int[] n, int[] r) => [.. Enumerable.Range(0, m.Length).Reverse().Select(k => new Core(
        FormattableString.Invariant($"{name}[{k}]"),
        n[..k].Aggregate(1, (product, extent) => product * extent),
        m[(k + 1)..].Aggregate(1, (product, extent) => product * extent),
        r[k] * m[k],
        n[k] * r[k + 1]))];
}

/// <summary>Kronecker products and tensor trains: each factor is one matrix between identities, and needs no copy.</summary>
internal sealed unsafe class FactorChain(Map<float> map, IReadOnlyList<Core> cores) : Composition(map)
{
    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        for (int k = 0; k < cores.Count; k++)
        {
            Core core = cores[k];
            float* from = At(k, x, batch);
            float* to = k == cores.Count - 1 ? y : At(k + 1, x, batch);
            if (core.Right == 1)
            {
                gemm.Multiply(false, true, batch * core.Left, core.Rows, core.Columns, 1, from, core.Columns, Parameter(core.Name), core.Columns, 0, to, core.Rows);
                continue;
            }

            for (int i = 0; i < batch * core.Left; i++)
            {
                gemm.Multiply(
                    false, false, core.Rows, core.Right, core.Columns, 1, Parameter(core.Name), core.Columns,
                    from + (i * core.Columns * core.Right), core.Right, 0, to + (i * core.Rows * core.Right), core.Right);
            }
        }
    }

    public override void Backward(Gemm gemm, float* x, float* dy, float* dx, int batch)
    {
        float* upper = dy;
        for (int k = cores.Count - 1; k >= 0; k--)
        {
            Core core = cores[k];
            float* from = At(k, x, batch);
            float* lower = k == 0 ? dx : Scratch(FormattableString.Invariant($"d{k}"), batch * core.Inputs);
            float* gradient = Gradient(core.Name);
            if (core.Right == 1)
            {
                int rows = batch * core.Left;
                gemm.Multiply(true, false, core.Rows, core.Columns, rows, 1, upper, core.Rows, from, core.Columns, 0, gradient, core.Columns);
                gemm.Multiply(false, false, rows, core.Columns, core.Rows, 1, upper, core.Rows, Parameter(core.Name), core.Columns, 0, lower, core.Columns);
            }
            else
            {
                for (int i = 0; i < batch * core.Left; i++)
                {
                    float* above = upper + (i * core.Rows * core.Right);
                    int place = i * core.Columns * core.Right;
                    gemm.Multiply(false, true, core.Rows, core.Columns, core.Right, 1, above, core.Right, from + place, core.Right, i == 0 ? 0 : 1, gradient, core.Columns);
                    gemm.Multiply(true, false, core.Columns, core.Right, core.Rows, 1, Parameter(core.Name), core.Columns, above, core.Right, 0, lower + place, core.Right);
                }
            }

            upper = lower;
        }
    }

    private float* At(int k, float* x, int batch) => k == 0 ? x : Scratch(FormattableString.Invariant($"h{k}"), batch * cores[k].Inputs);
}

/// <summary>Monarch matrices and block tensor trains: each factor is block-diagonal, in shuffles that are copies.</summary>
internal sealed unsafe class BlockChain(Map<float> map, IReadOnlyList<Core> cores) : Composition(map)
{
    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        float* from = x;
        for (int k = 0; k < cores.Count; k++)
        {
            Core core = cores[k];
            float* to = k == cores.Count - 1 ? y : Scratch(FormattableString.Invariant($"h{k}"), batch * core.Outputs);
            float* blocks = Shuffled(k, from, batch);
            float* results = core.Right == 1 ? to : Scratch(FormattableString.Invariant($"r{k}"), batch * core.Outputs);
            int count = core.Left * core.Right;
            for (int i = 0; i < count; i++)
            {
                gemm.Multiply(
                    false, true, batch, core.Rows, core.Columns, 1, blocks + (i * core.Columns), count * core.Columns,
                    Parameter(core.Name) + (i * core.Rows * core.Columns), core.Columns, 0, results + (i * core.Rows), count * core.Rows);
            }

            if (core.Right > 1)
            {
                Transpose(results, to, batch * core.Left, core.Right, core.Rows);
            }

            from = to;
        }
    }

    public override void Backward(Gemm gemm, float* x, float* dy, float* dx, int batch)
    {
        float* upper = dy;
        for (int k = cores.Count - 1; k >= 0; k--)
        {
            Core core = cores[k];
            float* lower = k == 0 ? dx : Scratch(FormattableString.Invariant($"d{k}"), batch * core.Inputs);
            float* above = upper;
            float* below = lower;
            if (core.Right > 1)
            {
                above = Scratch(FormattableString.Invariant($"a{k}"), batch * core.Outputs);
                below = Scratch(FormattableString.Invariant($"b{k}"), batch * core.Inputs);
                Transpose(upper, above, batch * core.Left, core.Rows, core.Right);
            }

            float* inputs = core.Right > 1 ? Scratch(FormattableString.Invariant($"s{k}"), batch * core.Inputs)
                : k == 0 ? x : Scratch(FormattableString.Invariant($"h{k - 1}"), batch * core.Inputs);
            int count = core.Left * core.Right;
            for (int i = 0; i < count; i++)
            {
                int block = i * core.Rows * core.Columns;
                gemm.Multiply(
                    true, false, core.Rows, core.Columns, batch, 1, above + (i * core.Rows), count * core.Rows,
                    inputs + (i * core.Columns), count * core.Columns, 0, Gradient(core.Name) + block, core.Columns);
                gemm.Multiply(
                    false, false, batch, core.Columns, core.Rows, 1, above + (i * core.Rows), count * core.Rows,
                    Parameter(core.Name) + block, core.Columns, 0, below + (i * core.Columns), count * core.Columns);
            }

            if (core.Right > 1)
            {
                Transpose(below, lower, batch * core.Left, core.Right, core.Columns);
            }

            upper = lower;
        }
    }

    /// <summary>The input of a factor with the numbers of each block together.</summary>
    private float* Shuffled(int k, float* from, int batch)
    {
        Core core = cores[k];
        if (core.Right == 1)
        {
            return from;
        }

        float* shuffled = Scratch(FormattableString.Invariant($"s{k}"), batch * core.Inputs);
        Transpose(from, shuffled, batch * core.Left, core.Columns, core.Right);
        return shuffled;
    }
}

/// <summary>A product of matrices, applied from the last on: dense, low rank, Tucker.</summary>
internal sealed unsafe class MatrixChain(Map<float> map, params IReadOnlyList<(string Name, int Rows, int Columns, bool Transposed)> factors) : Composition(map)
{
    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        float* from = x;
        for (int k = 0; k < factors.Count; k++)
        {
            (string name, int rows, int columns, bool transposed) = factors[k];
            float* to = k == factors.Count - 1 ? y : Scratch(FormattableString.Invariant($"h{k}"), batch * rows);
            gemm.Multiply(false, !transposed, batch, rows, columns, 1, from, columns, Parameter(name), transposed ? rows : columns, 0, to, rows);
            from = to;
        }
    }
}

/// <summary>The sum of a dense and a low-rank matrix.</summary>
internal sealed unsafe class LowRankUpdate(Map<float> map, int rank) : Composition(map)
{
    private readonly int _inputs = map.Inputs;
    private readonly int _outputs = map.Outputs;

    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        (int n, int m) = (_inputs, _outputs);
        float* h = Scratch("h", batch * rank);
        gemm.Multiply(false, true, batch, m, n, 1, x, n, Parameter("W"), n, 0, y, m);
        gemm.Multiply(false, true, batch, rank, n, 1, x, n, Parameter("A"), n, 0, h, rank);
        gemm.Multiply(false, true, batch, m, rank, 1, h, rank, Parameter("B"), rank, 1, y, m);
    }
}

/// <summary>Blocks of one matrix each: y[i a] = Σ U[i,a,r] S[i,j,r] V[j,c,r] x[j c].</summary>
internal sealed unsafe class BlastGrid(Map<float> map, int p, int q, int rank) : Composition(map)
{
    private readonly int _inputs = map.Inputs;
    private readonly int _outputs = map.Outputs;

    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        (int columns, int rows) = (_inputs / q, _outputs / p);
        float* z = Scratch("z", q * batch * rank);
        float* w = Scratch("w", batch * rank);
        for (int j = 0; j < q; j++)
        {
            gemm.Multiply(false, false, batch, rank, columns, 1, x + (j * columns), _inputs, Parameter("V") + (j * columns * rank), rank, 0, z + (j * batch * rank), rank);
        }

        for (int i = 0; i < p; i++)
        {
            new Span<float>(w, batch * rank).Clear();
            for (int j = 0; j < q; j++)
            {
                var s = new Span<float>(Parameter("S") + (((i * q) + j) * rank), rank);
                for (int n = 0; n < batch; n++)
                {
                    var target = new Span<float>(w + (n * rank), rank);
                    System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(new Span<float>(z + (((j * batch) + n) * rank), rank), s, target, target);
                }
            }

            gemm.Multiply(false, true, batch, rows, rank, 1, w, rank, Parameter("U") + (i * rows * rank), rank, 0, y + (i * rows), _outputs);
        }
    }
}

/// <summary>
/// A chain of k reflections in the compact WY form (Schreiber and Van Loan 1989), I − Vᵀ T V, with T given: it is not timed.
/// </summary>
internal sealed unsafe class ReflectionChain(Map<float> map, int k) : Composition(map)
{
    private readonly int _size = map.Inputs;
    private float* _triangle;

    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        _triangle = _triangle == null ? Triangle(Parameter("V"), _size, k, Scratch("t", k * k)) : _triangle;
        float* p = Scratch("p", batch * k);
        float* q = Scratch("q", batch * k);
        gemm.Multiply(false, true, batch, k, _size, 1, x, _size, Parameter("V"), _size, 0, p, k);
        gemm.Multiply(false, true, batch, k, k, 1, p, k, _triangle, k, 0, q, k);
        new Span<float>(x, batch * _size).CopyTo(new Span<float>(y, batch * _size));
        gemm.Multiply(false, false, batch, _size, k, -1, q, k, Parameter("V"), _size, 1, y, _size);
    }

    /// <summary>The upper triangular T of H₀ H₁ … = I − Vᵀ T V.</summary>
    public static float* Triangle(float* v, int size, int k, float* t)
    {
        new Span<float>(t, k * k).Clear();
        var gram = new double[k, k];
        for (int i = 0; i < k; i++)
        {
            for (int j = i; j < k; j++)
            {
                for (int l = 0; l < size; l++)
                {
                    gram[i, j] += (double)v[(i * size) + l] * v[(j * size) + l];
                }
            }
        }

        for (int j = 0; j < k; j++)
        {
            double factor = 2 / gram[j, j];
            t[(j * k) + j] = (float)factor;
            for (int i = 0; i < j; i++)
            {
                double sum = 0;
                for (int l = i; l < j; l++)
                {
                    sum += t[(i * k) + l] * gram[l, j];
                }

                t[(i * k) + j] = (float)(-factor * sum);
            }
        }

        return t;
    }
}

/// <summary>
/// An adapter as published code trains it: in each step the dense update is formed and added to the frozen matrix, and the gradient for
/// the merged matrix comes out dense. What leads from there to the adapter's own parameters is left out, in the peer's favour.
/// </summary>
internal sealed unsafe class MergedAdapter(Map<float> map, Action<Gemm, nint> merge) : Composition(map)
{
    private readonly int _inputs = map.Inputs;
    private readonly int _outputs = map.Outputs;

    private float* Merged => Scratch("merged", _inputs * _outputs);

    public override void Forward(Gemm gemm, float* x, float* y, int batch)
    {
        merge(gemm, (nint)Merged);
        gemm.Multiply(false, true, batch, _outputs, _inputs, 1, x, _inputs, Merged, _inputs, 0, y, _outputs);
    }

    public override void Backward(Gemm gemm, float* x, float* dy, float* dx, int batch)
    {
        gemm.Multiply(false, false, batch, _inputs, _outputs, 1, dy, _outputs, Merged, _inputs, 0, dx, _inputs);
        gemm.Multiply(true, false, _outputs, _inputs, batch, 1, dy, _outputs, x, _inputs, 0, Scratch("dense", _inputs * _outputs), _inputs);
    }
}
