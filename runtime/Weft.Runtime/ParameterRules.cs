using System.Collections.Immutable;
using System.Numerics;
using System.Numerics.Tensors;

namespace Weft;

/// <summary>
/// What else an optimizer's step does to one trained parameter, after the parameters have moved: see <see cref="Optimizer{T}.Rules"/>. A rule
/// keeps scratch of its own, so each optimizer needs its own.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ParameterRule<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private protected ParameterRule(string parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Parameter = parameter;
    }

    /// <summary>The name of the parameter.</summary>
    public string Parameter { get; }

    /// <summary>Refuses a map that the rule is not for.</summary>
    /// <exception cref="ArgumentException">There is no such parameter, it is not trained, or its shape does not suit the rule.</exception>
    internal void Require(MapDescription description)
    {
        ParameterInfo info = description.Parameters[description.IndexOf(Parameter)];
        if (info.Role != Role.Trained)
        {
            throw new ArgumentException($"Parameter '{Parameter}' of {description.Name} is {info.Role.ToString().ToLowerInvariant()}; rules are for trained parameters.");
        }

        Check(info);
    }

    /// <summary>Sees the parameter before the step.</summary>
    internal virtual void Begin(ReadOnlySpan<T> values)
    {
    }

    /// <summary>Changes the parameter after the step.</summary>
    internal abstract void End(Span<T> values, ImmutableArray<int> shape, double learningRate);

    private protected abstract void Check(ParameterInfo info);

    private protected ArgumentException Unsuitable(ParameterInfo info, string expected) =>
        new($"Parameter '{Parameter}' has the shape [{string.Join(", ", info.Shape)}]; {expected} is expected.");

    private protected static double RequireStrength(double strength, string name) =>
        double.IsFinite(strength) && strength >= 0
            ? strength
            : throw new ArgumentOutOfRangeException(name, strength, "A finite number that is not negative is expected.");
}

/// <summary>How rows become orthonormal again after a step.</summary>
public enum Retraction
{
    /// <summary>The Gram–Schmidt process from the first row on: the Q of V = L Q with L lower triangular and positive on its diagonal.</summary>
    Qr,

    /// <summary>The closest matrix with orthonormal rows, (V Vᵀ)^(−½) V, by Newton and Schulz's iteration (Björck and Bowie 1971). The rows must be independent.</summary>
    Polar,

    /// <summary>
    /// Cayley's transform of the step: an orthogonal matrix times the parameter before it, which moves along the part of the step that is
    /// tangent to the matrices with orthonormal rows (Wen and Yin, <i>A feasible method for optimization with orthogonality constraints</i>,
    /// 2013). The rows must be orthonormal before the first step.
    /// </summary>
    Cayley,
}

/// <summary>Keeps the rows of a parameter [..., k, n], k ≤ n, orthonormal: a retraction to the Stiefel manifold after each step.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="parameter">The name of the parameter.</param>
/// <param name="retraction">How a step is brought back to orthonormal rows.</param>
public sealed class OrthonormalRows<T>(string parameter, Retraction retraction = Retraction.Qr) : ParameterRule<T>(parameter)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int MostIterations = 100;

    private T[] before = [];
    private T[] scratch = [];
    private double[] small = [];

    /// <summary>Makes the rows of a matrix or of a batch of matrices orthonormal; what the rule does after a step, except for <see cref="Retraction.Cayley"/>.</summary>
    /// <param name="values">[..., rows, columns]; overwritten.</param>
    /// <param name="rows">The rows of a matrix.</param>
    /// <param name="columns">The columns of a matrix, at least as many as its rows.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or there is no step whose transform Cayley's could be; nothing was written.</exception>
    public void Apply(Span<T> values, int rows, int columns)
    {
        if (rows < 1 || columns < rows || values.Length % ((long)rows * columns) != 0 || retraction == Retraction.Cayley)
        {
            throw new ArgumentException($"values has {values.Length} elements; matrices of {rows} rows and at least as many columns are expected, and a retraction that needs no step.");
        }

        Retract(values, rows, columns);
    }

    internal override void Begin(ReadOnlySpan<T> values)
    {
        if (retraction == Retraction.Cayley)
        {
            Grow(ref before, values.Length);
            values.CopyTo(before);
        }
    }

    internal override void End(Span<T> values, ImmutableArray<int> shape, double learningRate) => Retract(values, shape[^2], shape[^1]);

    private protected override void Check(ParameterInfo info)
    {
        if (info.Shape.Length < 2 || info.Shape[^2] > info.Shape[^1])
        {
            throw Unsuitable(info, "no more rows than columns");
        }
    }

    private void Retract(Span<T> values, int rows, int columns)
    {
        Grow(ref scratch, rows * columns);
        for (int start = 0; start < values.Length; start += rows * columns)
        {
            Span<T> matrix = values.Slice(start, rows * columns);
            switch (retraction)
            {
                case Retraction.Qr:
                    GramSchmidt(matrix, rows, columns);
                    break;

                case Retraction.Polar:
                    Polar(matrix, rows, columns);
                    break;

                default:
                    Cayley(before.AsSpan(start, matrix.Length), matrix, rows, columns);
                    NewtonSchulz(matrix, rows, columns); // the rounding of many steps does not add up
                    break;
            }
        }
    }

    private static void GramSchmidt(Span<T> matrix, int rows, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            Span<T> row = matrix.Slice(i * columns, columns);

            // Twice is enough (Giraud, Langou and Rozložník 2005).
            for (int pass = 0; pass < 2; pass++)
            {
                for (int j = 0; j < i; j++)
                {
                    Span<T> other = matrix.Slice(j * columns, columns);
                    TensorPrimitives.MultiplyAdd(other, -TensorPrimitives.Dot<T>(other, row), row, row);
                }
            }

            T norm = TensorPrimitives.Norm<T>(row);
            if (norm > T.Zero)
            {
                TensorPrimitives.Divide(row, norm, row);
            }
        }
    }

    private void Polar(Span<T> matrix, int rows, int columns)
    {
        T norm = TensorPrimitives.Norm<T>(matrix);
        double defect = Defect(matrix, rows, columns);
        if (norm > T.Zero && defect >= 1)
        {
            // Singular values of at most 1, where the iteration converges.
            TensorPrimitives.Divide(matrix, norm, matrix);
            defect = Defect(matrix, rows, columns);
        }

        double rounding = double.CreateTruncating(T.BitIncrement(T.One) - T.One) * (rows + columns);
        for (int k = 0; k < MostIterations && defect > rounding; k++)
        {
            NewtonSchulz(matrix, rows, columns);
            defect = Defect(matrix, rows, columns);
        }
    }

    /// <summary>‖V Vᵀ − I‖ in the Frobenius norm: below 1, all singular values lie below √2.</summary>
    private static double Defect(ReadOnlySpan<T> matrix, int rows, int columns)
    {
        double squares = 0;
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < rows; j++)
            {
                double product = double.CreateTruncating(TensorPrimitives.Dot(matrix.Slice(i * columns, columns), matrix.Slice(j * columns, columns)));
                squares += Math.Pow(product - (i == j ? 1 : 0), 2);
            }
        }

        return Math.Sqrt(squares);
    }

    /// <summary>V ← 3/2 V − 1/2 V Vᵀ V.</summary>
    private void NewtonSchulz(Span<T> matrix, int rows, int columns)
    {
        T half = T.CreateTruncating(0.5);
        Span<T> next = scratch.AsSpan(0, matrix.Length);
        TensorPrimitives.Multiply(matrix, T.CreateTruncating(1.5), next);
        for (int i = 0; i < rows; i++)
        {
            Span<T> row = next.Slice(i * columns, columns);
            for (int j = 0; j < rows; j++)
            {
                Span<T> other = matrix.Slice(j * columns, columns);
                T product = TensorPrimitives.Dot<T>(matrix.Slice(i * columns, columns), other);
                TensorPrimitives.MultiplyAdd(other, -half * product, row, row);
            }
        }

        next.CopyTo(matrix);
    }

    /// <summary>
    /// With the step D from V: Q = D − ½ (V Dᵀ)ᵀ V, and V + Z₁ᵀ Q + Z₂ᵀ V for (I − ½ R) Z = B with R = [V Qᵀ, V Vᵀ; −Q Qᵀ, −Q Vᵀ] and
    /// B = [V Vᵀ; −Q Vᵀ]: (I − A/2)⁻¹ (I + A/2) applied to the rows of V for the A of rank 2k with A = Qᵀ V − Vᵀ Q, by the identity of
    /// Sherman, Morrison and Woodbury.
    /// </summary>
    private void Cayley(ReadOnlySpan<T> origin, Span<T> matrix, int rows, int columns)
    {
        int width = 3 * rows, height = 2 * rows;
        if (small.Length < width * height)
        {
            small = new double[width * height];
        }

        Span<T> q = scratch.AsSpan(0, matrix.Length);
        TensorPrimitives.Subtract(matrix, origin, matrix);
        matrix.CopyTo(q);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < rows; j++)
            {
                T product = TensorPrimitives.Dot<T>(origin.Slice(j * columns, columns), matrix.Slice(i * columns, columns));
                Span<T> row = q.Slice(i * columns, columns);
                TensorPrimitives.MultiplyAdd(origin.Slice(j * columns, columns), T.CreateTruncating(-0.5) * product, row, row);
            }
        }

        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < rows; j++)
            {
                double vq = Dot(origin, i, q, j), vv = Dot(origin, i, origin, j), qq = Dot(q, i, q, j), qv = Dot(q, i, origin, j);
                small[(i * width) + j] = (i == j ? 1 : 0) - (vq / 2);
                small[(i * width) + rows + j] = -vv / 2;
                small[((rows + i) * width) + j] = qq / 2;
                small[((rows + i) * width) + rows + j] = (i == j ? 1 : 0) + (qv / 2);
                small[(i * width) + height + j] = vv;
                small[((rows + i) * width) + height + j] = -qv;
            }
        }

        Eliminate(small, height, width);
        origin.CopyTo(matrix);
        for (int i = 0; i < rows; i++)
        {
            Span<T> row = matrix.Slice(i * columns, columns);
            for (int k = 0; k < rows; k++)
            {
                TensorPrimitives.MultiplyAdd(q.Slice(k * columns, columns), T.CreateTruncating(small[(k * width) + height + i]), row, row);
                TensorPrimitives.MultiplyAdd(origin.Slice(k * columns, columns), T.CreateTruncating(small[((rows + k) * width) + height + i]), row, row);
            }
        }

        double Dot(ReadOnlySpan<T> left, int i, ReadOnlySpan<T> right, int j) =>
            double.CreateTruncating(TensorPrimitives.Dot(left.Slice(i * columns, columns), right.Slice(j * columns, columns)));
    }

    /// <summary>Gauss and Jordan's elimination with partial pivoting of a system that stands before its right sides.</summary>
    private static void Eliminate(double[] system, int height, int width)
    {
        for (int k = 0; k < height; k++)
        {
            int pivot = k;
            for (int i = k + 1; i < height; i++)
            {
                pivot = Math.Abs(system[(i * width) + k]) > Math.Abs(system[(pivot * width) + k]) ? i : pivot;
            }

            Span<double> row = system.AsSpan(k * width, width), other = system.AsSpan(pivot * width, width);
            if (pivot != k)
            {
                for (int j = k; j < width; j++)
                {
                    (row[j], other[j]) = (other[j], row[j]);
                }
            }

            TensorPrimitives.Divide(row[k..], row[k], row[k..]);
            for (int i = 0; i < height; i++)
            {
                if (i != k)
                {
                    Span<double> changed = system.AsSpan((i * width) + k, width - k);
                    TensorPrimitives.MultiplyAdd(row[k..], -changed[0], changed, changed);
                }
            }
        }
    }

    private static void Grow(ref T[] array, int length)
    {
        if (array.Length < length)
        {
            array = new T[length];
        }
    }
}

/// <summary>
/// The proximal step of strength·Σ|p|: after each step p ← sign(p)·max(|p| − learningRate·strength, 0), which makes elements exactly zero
/// (Parikh and Boyd, <i>Proximal algorithms</i>, 2014).
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SoftThreshold<T> : ParameterRule<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double strength;

    /// <param name="parameter">The name of the parameter.</param>
    /// <param name="strength">The factor of the absolute values.</param>
    /// <exception cref="ArgumentOutOfRangeException">The strength is negative or not finite.</exception>
    public SoftThreshold(string parameter, double strength)
        : base(parameter) => this.strength = RequireStrength(strength, nameof(strength));

    internal override void End(Span<T> values, ImmutableArray<int> shape, double learningRate)
    {
        T threshold = T.CreateTruncating(learningRate * strength);
        foreach (ref T value in values)
        {
            value = value > threshold ? value - threshold : value < -threshold ? value + threshold : T.Zero;
        }
    }

    private protected override void Check(ParameterInfo info)
    {
    }
}

/// <summary>
/// The proximal step of strength·Σ‖group‖: after each step every group shrinks by learningRate·strength in norm, or becomes zero (Yuan and
/// Lin, <i>Model selection and estimation in regression with grouped variables</i>, 2006). A group is what has one position along an axis: a row, a
/// column, a rank.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class GroupSoftThreshold<T> : ParameterRule<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double strength;
    private readonly int axis;

    /// <param name="parameter">The name of the parameter.</param>
    /// <param name="strength">The factor of the norms.</param>
    /// <param name="axis">The axis along which groups lie, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The strength is negative or not finite, or the axis is negative.</exception>
    public GroupSoftThreshold(string parameter, double strength, int axis)
        : base(parameter)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(axis);
        this.strength = RequireStrength(strength, nameof(strength));
        this.axis = axis;
    }

    internal override void End(Span<T> values, ImmutableArray<int> shape, double learningRate)
    {
        double threshold = learningRate * strength;
        int inner = 1;
        for (int k = axis + 1; k < shape.Length; k++)
        {
            inner *= shape[k];
        }

        int stride = shape[axis] * inner;
        for (int group = 0; group < shape[axis]; group++)
        {
            double squares = 0;
            for (int start = group * inner; start < values.Length; start += stride)
            {
                squares += double.CreateTruncating(TensorPrimitives.SumOfSquares<T>(values.Slice(start, inner)));
            }

            T factor = T.CreateTruncating(squares > threshold * threshold ? 1 - (threshold / Math.Sqrt(squares)) : 0);
            for (int start = group * inner; start < values.Length; start += stride)
            {
                TensorPrimitives.Multiply(values.Slice(start, inner), factor, values.Slice(start, inner));
            }
        }
    }

    private protected override void Check(ParameterInfo info)
    {
        if (axis >= info.Shape.Length)
        {
            throw Unsuitable(info, $"an axis {axis}");
        }
    }
}

/// <summary>Penalties on parameters, to be added to a loss.</summary>
public static class Penalties
{
    /// <summary>Adds the gradient of weight·‖V Vᵀ − I‖², in the Frobenius norm, for a parameter V [..., k, n]: it draws its rows towards orthonormal ones.</summary>
    /// <param name="map">The map that has the parameter.</param>
    /// <param name="parameter">The name of the parameter.</param>
    /// <param name="weight">What the squared norm is multiplied by.</param>
    /// <param name="gradient">[<see cref="Map{T}.TrainedCount"/>], added to; or empty: only the penalty is wanted.</param>
    /// <returns>The penalty.</returns>
    /// <exception cref="ArgumentException">There is no such parameter, it is not trained or has fewer than two axes, or the gradient has another length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The weight is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static double AddGramPenalty<T>(this Map<T> map, string parameter, double weight, Span<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        ParameterView<T> view = map[parameter];
        ImmutableArray<int> shape = view.Info.Shape;
        if (view.Info.Role != Role.Trained || shape.Length < 2)
        {
            throw new ArgumentException($"Parameter '{parameter}' of {map.Description.Name} is {view.Info.Role.ToString().ToLowerInvariant()}, of shape [{string.Join(", ", shape)}]; a trained one of two axes or more is expected.", nameof(parameter));
        }

        if (!gradient.IsEmpty)
        {
            map.Arguments.Step(gradient);
        }

        if (!double.IsFinite(weight))
        {
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "A finite number is expected.");
        }

        int rows = shape[^2], columns = shape[^1];
        double sum = 0;
        for (int start = 0; start < view.Values.Length; start += rows * columns)
        {
            ReadOnlySpan<T> matrix = view.Values.Slice(start, rows * columns);
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < rows; j++)
                {
                    T defect = TensorPrimitives.Dot(matrix.Slice(i * columns, columns), matrix.Slice(j * columns, columns)) - (i == j ? T.One : T.Zero);
                    sum += double.CreateTruncating(defect * defect);
                    if (!gradient.IsEmpty)
                    {
                        Span<T> row = gradient.Slice(view.Info.Offset + start + (i * columns), columns);
                        TensorPrimitives.MultiplyAdd(matrix.Slice(j * columns, columns), T.CreateTruncating(4 * weight) * defect, row, row);
                    }
                }
            }
        }

        return weight * sum;
    }
}
