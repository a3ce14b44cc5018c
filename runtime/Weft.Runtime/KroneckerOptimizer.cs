using System.Collections.Immutable;
using System.Numerics;
using System.Numerics.Tensors;
using Weft.Execution;

namespace Weft;

/// <summary>
/// An optimizer that moves matrices in the eigenvectors of the Kronecker factors of their curvature, L, the mean of G Gᵀ, and R, that of Gᵀ G, over the gradients G
/// (Gupta, Koren and Singer, <i>Shampoo: Preconditioned Stochastic Tensor Optimization</i>, 2018). Parameters of three axes or more are many matrices: the factors of a Kronecker product, the blocks
/// of a Monarch matrix. All other parameters, vectors and rows, move by <see cref="AdamW{T}"/>'s rule. A matrix of m × n has 2 (m² + n²) numbers of state besides, and a step takes
/// about 4 products of an m × m and an m × n matrix, as many on the other side, and every so many steps the eigenvectors follow by a step of the orthogonal iteration.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class KroneckerOptimizer<T> : Optimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double beta1, beta2, epsilon;
    private readonly Dictionary<(int Rows, int Columns), KroneckerFactors<T>> shapes = [];
    private T[] mean = [], square = [], factors = [], bases = [], values = [];
    private T[] along = [], rotated = [];
    private double remaining1 = 1, remaining2 = 1;
    private long steps;

    private protected KroneckerOptimizer(double learningRate, double beta1, double beta2, double weightDecay, double epsilon)
        : base(learningRate, weightDecay)
    {
        this.beta1 = RequireFraction(beta1);
        this.beta2 = RequireFraction(beta2);
        this.epsilon = RequireEpsilon(epsilon);
    }

    /// <summary>What the means of G Gᵀ and Gᵀ G decay by.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not from 0 to below 1.</exception>
    public double Curvature
    {
        get;
        init => field = RequireFraction(value, nameof(Curvature));
    }
    = 0.95;

    /// <summary>Steps from one turn of the eigenvectors to the next.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int Interval
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1, nameof(Interval));
            field = value;
        }
    }
    = 10;

    /// <summary>Sides that are longer are not rotated; a matrix with two of these moves as with AdamW.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int LargestSide
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1, nameof(LargestSide));
            field = value;
        }
    }
    = 2048;

    internal override string Settings => FormattableString.Invariant(
        $"{GetType().Name.Split('`')[0]}(beta1: {beta1:R}, beta2: {beta2:R}, curvature: {Curvature:R}, weightDecay: {WeightDecay:R}, epsilon: {epsilon:R}, interval: {Interval}, largestSide: {LargestSide})");

    internal override double[] Numbers => [remaining1, remaining2, steps];

    private protected override (string Name, T[] Values)[] Vectors => [("mean", mean), ("square", square), ("factors", factors), ("bases", bases), ("values", values)];

    /// <summary>What is added to a root, or to eigenvalues as a share of the largest.</summary>
    private protected double Epsilon => epsilon;

    /// <summary>What the means of a matrix's gradient and of its squares are divided by, and the eigenvalues of the factors, which are as old as the last turn.</summary>
    private protected (double Mean, double Square, double Factors) Weights =>
        (1 - Math.Pow(beta1, steps - Skipped), 1 - Math.Pow(beta2, steps - Skipped), 1 - Math.Pow(Curvature, steps - ((steps - 1) % Interval)));

    /// <summary>Steps in which matrices stay: the first one of squares in bases that are made of it alone, in which it is diagonal.</summary>
    private int Skipped => HasSquares ? 1 : 0;

    private protected override void Restore(double[] numbers) => (remaining1, remaining2, steps) = (numbers[0], numbers[1], (long)numbers[2]);

    private protected override void Start(MapDescription map)
    {
        (mean, square) = (new T[map.TrainedCount], new T[map.TrainedCount]);
        (long length, long count, int most) = (0, 0, 0);
        foreach (ParameterInfo info in map.Parameters)
        {
            if (FactorsOf(info) is { } shape)
            {
                long matrices = info.Length / (info.Shape[^2] * info.Shape[^1]);
                (length, count, most) = (length + (matrices * shape.Length), count + (matrices * shape.Values), Math.Max(most, info.Shape[^2] * info.Shape[^1]));
            }
        }

        if (length > Array.MaxLength)
        {
            throw new ArgumentException($"The factors of the matrices of {map.Name} have {length} numbers, and {Array.MaxLength} is the limit: choose a smaller {nameof(LargestSide)}.");
        }

        (factors, bases, values, along, rotated) = (new T[length], new T[length], new T[count], new T[most], new T[most]);
    }

    private protected override void Advance()
    {
        (remaining1, remaining2) = (remaining1 * beta1, remaining2 * beta2);
        steps++;
    }

    private protected override void Update(ImmutableArray<ParameterInfo> infos, Span<T> parameters, ReadOnlySpan<T> gradient)
    {
        (int at, int value) = (0, 0);
        foreach (ParameterInfo info in infos)
        {
            if (info.Role != Role.Trained)
            {
                continue;
            }

            if (FactorsOf(info) is not { } shape)
            {
                Update(parameters.Slice(info.Offset, info.Length), gradient.Slice(info.Offset, info.Length), info.Offset, info.Rate);
                continue;
            }

            double rate = info.Rate * LearningRate;
            int rows = info.Shape[^2], length = rows * info.Shape[^1];
            T shrink = T.CreateTruncating(1 - (rate * WeightDecay));
            for (int start = info.Offset; start < info.Offset + info.Length; start += length, at += shape.Length, value += shape.Values)
            {
                Follow(shape, gradient.Slice(start, length), square.AsSpan(start, length), at, value);
                if (steps > Skipped)
                {
                    Span<T> matrix = parameters.Slice(start, length), direction = Direct(shape, gradient.Slice(start, length), start, at, value, rows);
                    TensorPrimitives.Multiply(matrix, shrink, matrix);
                    TensorPrimitives.MultiplyAdd(direction, T.CreateTruncating(-rate), matrix, matrix);
                }
            }
        }
    }

    private protected override void Update(Span<T> parameters, ReadOnlySpan<T> gradient, int first, double rate) =>
        AdamStep.Take(parameters, gradient, mean.AsSpan(first), square.AsSpan(first), new AdamStep(beta1, beta2, epsilon, rate * LearningRate, WeightDecay, remaining1, remaining2));

    /// <summary>Whether squares of the rotated gradient are remembered.</summary>
    private protected abstract bool HasSquares { get; }

    /// <summary>Turns the mean of the gradient in the bases into the direction of a step.</summary>
    /// <param name="direction">[rows, columns]: overwritten.</param>
    /// <param name="square">[rows, columns]: the mean of the squares.</param>
    /// <param name="values">The eigenvalues of L, then those of R.</param>
    /// <param name="shape">The matrix, its rows and how many of the eigenvalues are those of L.</param>
    private protected abstract void Scale(Span<T> direction, ReadOnlySpan<T> square, ReadOnlySpan<T> values, (int Rows, int LeftValues, int Sides) shape);

    /// <summary>Adds a gradient to the factors, and turns the bases when it is time.</summary>
    private void Follow(KroneckerFactors<T> shape, ReadOnlySpan<T> gradient, Span<T> squares, int at, int value)
    {
        Span<T> means = factors.AsSpan(at, shape.Length);
        shape.Add(gradient, means);
        if ((steps - 1) % Interval == 0)
        {
            shape.Turn(means, bases.AsSpan(at, shape.Length), values.AsSpan(value, shape.Values), HasSquares ? squares : default, isFirst: steps == 1);
        }
    }

    /// <summary>The direction of a step of one matrix.</summary>
    private Span<T> Direct(KroneckerFactors<T> shape, ReadOnlySpan<T> gradient, int start, int at, int value, int rows)
    {
        int length = gradient.Length;
        Span<T> m = mean.AsSpan(start, length), v = square.AsSpan(start, length), g = rotated.AsSpan(0, length), direction = along.AsSpan(0, length);
        ReadOnlySpan<T> basis = bases.AsSpan(at, shape.Length);
        Follow(m, gradient, beta1);
        if (HasSquares)
        {
            shape.Rotate(gradient, basis, g);
            TensorPrimitives.Multiply(g, g, g);
            Follow(v, g, beta2);
        }

        shape.Rotate(m, basis, g);
        Scale(g, v, values.AsSpan(value, shape.Values), (rows, shape.LeftValues, shape.Sides));
        shape.RotateBack(g, basis, direction);
        return direction;
    }

    /// <summary>mean ← keep·mean + (1 − keep)·values</summary>
    private static void Follow(Span<T> mean, ReadOnlySpan<T> values, double keep)
    {
        TensorPrimitives.Multiply(mean, T.CreateTruncating(keep), mean);
        TensorPrimitives.MultiplyAdd(values, T.CreateTruncating(1 - keep), mean, mean);
    }

    /// <summary>The factors of a parameter of matrices; null for one that moves as with AdamW.</summary>
    private KroneckerFactors<T>? FactorsOf(ParameterInfo info)
    {
        if (info.Role != Role.Trained || MatricesOf(info) is not { } sizes || Math.Min(sizes.Rows, sizes.Columns) > LargestSide)
        {
            return null;
        }

        if (!shapes.TryGetValue(sizes, out KroneckerFactors<T>? factors))
        {
            shapes.Add(sizes, factors = new KroneckerFactors<T>(sizes.Rows, sizes.Columns, LargestSide, Curvature));
        }

        return factors;
    }
}
