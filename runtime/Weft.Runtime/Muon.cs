using System.Collections.Immutable;
using System.Numerics;
using System.Numerics.Tensors;
using Weft.Execution;
using Weft.Kernels;

namespace Weft;

/// <summary>
/// Muon (Jordan et al., <i>Muon: An optimizer for hidden layers in neural networks</i>, 2024): matrices move along their momentum with all singular values made
/// about 1, by five steps of a quintic iteration of Newton and Schulz: p ← p − learningRate·(0.2·√max(rows, columns)·O(g + momentum·v) + weightDecay·p), with
/// v ← momentum·v + g. By the factor (Liu et al., <i>Muon is Scalable for LLM Training</i>, 2025) steps are as large as AdamW's, and rates for that serve. Parameters of three axes or more are many
/// matrices: the factors of a Kronecker product, the blocks of a Monarch matrix. All other parameters, vectors and rows, move by <see cref="AdamW{T}"/>'s rule.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Muon<T> : Optimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double momentum;
    private readonly double beta1;
    private readonly double beta2;
    private readonly double epsilon;

    /// <summary>The momentum of matrices; of other parameters the mean of the gradient.</summary>
    private T[] mean = [];
    private T[] square = [];
    private double remaining1 = 1;
    private double remaining2 = 1;
    private readonly Dictionary<(int Rows, int Columns), NewtonSchulz<T>> iterations = [];
    private T[] direction = [];

    /// <param name="learningRate">The step size.</param>
    /// <param name="momentum">What the momentum of matrices decays by.</param>
    /// <param name="weightDecay">The rate at which parameters are pulled towards zero.</param>
    /// <param name="beta1">Of other parameters, what the mean of the gradient decays by.</param>
    /// <param name="beta2">Of other parameters, what the mean of its square decays by.</param>
    /// <param name="epsilon">Of other parameters, what is added to the root of that.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite, the momentum or a beta is not below 1, or epsilon is zero, also as <typeparamref name="T"/>.</exception>
    public Muon(double learningRate, double momentum = 0.95, double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
        : base(learningRate, weightDecay)
    {
        this.momentum = RequireFraction(momentum);
        this.beta1 = RequireFraction(beta1);
        this.beta2 = RequireFraction(beta2);
        this.epsilon = RequireEpsilon(epsilon);
    }

    internal override string Settings => FormattableString.Invariant(
        $"Muon(momentum: {momentum:R}, weightDecay: {WeightDecay:R}, beta1: {beta1:R}, beta2: {beta2:R}, epsilon: {epsilon:R})");

    internal override double[] Numbers => [remaining1, remaining2];

    private protected override (string Name, T[] Values)[] Vectors => [("mean", mean), ("square", square)];

    private protected override void Restore(double[] numbers) => (remaining1, remaining2) = (numbers[0], numbers[1]);

    private protected override void Start(MapDescription map) => (mean, square) = (new T[map.TrainedCount], new T[map.TrainedCount]);

    private protected override void Advance()
    {
        remaining1 *= beta1;
        remaining2 *= beta2;
    }

    private protected override void Update(ImmutableArray<ParameterInfo> infos, Span<T> parameters, ReadOnlySpan<T> gradient)
    {
        foreach (ParameterInfo info in infos)
        {
            if (info.Role != Role.Trained)
            {
                continue;
            }

            Span<T> own = parameters.Slice(info.Offset, info.Length);
            ReadOnlySpan<T> slope = gradient.Slice(info.Offset, info.Length);
            if (MatricesOf(info) is { } sizes)
            {
                Turn(own, slope, mean.AsSpan(info.Offset, info.Length), sizes, info.Rate * LearningRate);
            }
            else
            {
                Update(own, slope, info.Offset, info.Rate);
            }
        }
    }

    private protected override void Update(Span<T> parameters, ReadOnlySpan<T> gradient, int first, double rate) =>
        AdamStep.Take(parameters, gradient, mean.AsSpan(first), square.AsSpan(first), new AdamStep(beta1, beta2, epsilon, rate * LearningRate, WeightDecay, remaining1, remaining2));

    /// <summary>Moves matrices, each along the orthonormal factor of its direction.</summary>
    private void Turn(Span<T> parameters, ReadOnlySpan<T> gradient, Span<T> velocity, (int Rows, int Columns) sizes, double rate)
    {
        (int rows, int columns) = sizes;
        T keep = T.CreateTruncating(momentum), step = T.CreateTruncating(-rate * 0.2 * Math.Sqrt(Math.Max(rows, columns))), shrink = T.CreateTruncating(1 - (rate * WeightDecay));
        int length = rows * columns;
        if (direction.Length < length)
        {
            direction = new T[length];
        }

        if (!iterations.TryGetValue(sizes, out NewtonSchulz<T>? iteration))
        {
            iterations.Add(sizes, iteration = new NewtonSchulz<T>(rows, columns));
        }

        Span<T> along = direction.AsSpan(0, length);
        for (int start = 0; start < parameters.Length; start += length)
        {
            Span<T> matrix = parameters.Slice(start, length), v = velocity.Slice(start, length);
            ReadOnlySpan<T> g = gradient.Slice(start, length);
            TensorPrimitives.MultiplyAdd(v, keep, g, v);
            TensorPrimitives.MultiplyAdd(v, keep, g, along);
            iteration.Run(along);
            TensorPrimitives.Multiply(matrix, shrink, matrix);
            TensorPrimitives.MultiplyAdd(along, step, matrix, matrix);
        }
    }
}

/// <summary>
/// X ← a X + (b X Xᵀ + c (X Xᵀ)²) X, five times, for the a, b, c that take singular values the fastest from near 0 to between 0.7 and 1.2 (Jordan et al. 2024), from an X of norm 1.
/// </summary>
/// <param name="rows">Rows of a matrix.</param>
/// <param name="columns">Columns of a matrix.</param>
internal sealed unsafe class NewtonSchulz<T>(int rows, int columns)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Iterations = 5;
    private const double OfX = 3.4445, OfCube = -4.7750, OfFifth = 2.0315;

    // X is k × n with the shorter side first, which is that of X Xᵀ.
    private readonly int k = Math.Min(rows, columns), n = Math.Max(rows, columns);
    private readonly AlignedBuffer<T> x = new(rows * columns), next = new(rows * columns);
    private readonly AlignedBuffer<T> gram = new(Math.Min(rows, columns) * Math.Min(rows, columns)), polynomial = new(Math.Min(rows, columns) * Math.Min(rows, columns));

    /// <summary>Makes all singular values about 1. A zero matrix, and one that is not finite, stays as it is.</summary>
    /// <param name="matrix">[rows, columns]; overwritten.</param>
    public void Run(Span<T> matrix)
    {
        double norm = Gradients.Norm<T>(matrix);
        if (norm == 0 || !double.IsFinite(norm))
        {
            return;
        }

        TensorPrimitives.Multiply(matrix, T.CreateTruncating(1 / norm), matrix);
        Copy(matrix, isBack: false);
        using MatrixProducts<T> products = new(n);
        MatrixView<T> ofX = new(x.Pointer, n), ofGram = new(gram.Pointer, k), ofPolynomial = new(polynomial.Pointer, k);
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            products.Set(ofX, ofX.Transposed, ofGram, (k, n, k), T.One);
            products.Set(ofGram, ofGram, ofPolynomial, (k, k, k), T.CreateTruncating(OfFifth));
            TensorPrimitives.MultiplyAdd(gram.Span, T.CreateTruncating(OfCube), polynomial.Span, polynomial.Span);
            TensorPrimitives.Multiply(x.Span, T.CreateTruncating(OfX), next.Span);
            products.Add(ofPolynomial, ofX, new(next.Pointer, n), (k, k, n), T.One);
            next.Span.CopyTo(x.Span);
        }

        Copy(matrix, isBack: true);
        GC.KeepAlive(this);
    }

    /// <summary>The matrix as X, or X as the matrix: transposed where that has more rows than columns.</summary>
    private void Copy(Span<T> matrix, bool isBack)
    {
        bool isTall = rows > columns;
        fixed (T* outside = matrix)
        {
            T* from = isBack ? x.Pointer : outside, to = isBack ? outside : x.Pointer;
            (int first, int second) = isBack == isTall ? (n, k) : (k, n);
            Layouts<T>.Gather(from, to, [first, second], isTall ? [1, first] : [second, 1]);
        }
    }
}
