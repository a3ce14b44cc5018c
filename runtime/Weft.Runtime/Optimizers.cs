using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using Weft.Kernels;

namespace Weft;

/// <summary>A rule that moves the trained parameters of a map against a gradient. It remembers one map's history, so each map needs its own.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Optimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private double learningRate;
    private Map<T>? trained;
    private bool isOnDevice;

    /// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite.</exception>
    private protected Optimizer(double learningRate, double weightDecay)
    {
        this.learningRate = RequireNonNegative(learningRate);
        WeightDecay = RequireNonNegative(weightDecay);
    }

    /// <summary>The step size, times <see cref="ParameterInfo.Rate"/> for each parameter; set it between steps to follow a schedule.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double LearningRate
    {
        get => learningRate;
        set => learningRate = RequireNonNegative(value, nameof(LearningRate));
    }

    /// <summary>The rate at which parameters are pulled towards zero.</summary>
    public double WeightDecay { get; }

    /// <summary>What else a step does to single parameters, in this order.</summary>
    public IList<ParameterRule<T>> Rules { get; } = [];

    /// <summary>Changes the map's trained parameters. Nothing else may run on the map meanwhile.</summary>
    /// <param name="map">The map: the same one at every step.</param>
    /// <param name="gradient">[<see cref="Map{T}.TrainedCount"/>]: the gradient of what is to become small.</param>
    /// <exception cref="ArgumentException">The gradient has another length, this optimizer has stepped another map, or a rule does not suit the map; nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Step(Map<T> map, ReadOnlySpan<T> gradient)
    {
        ArgumentNullException.ThrowIfNull(map);
        map.Arguments.Step(gradient);
        for (int k = 0; k < Rules.Count; k++)
        {
            Rules[k].Require(map.Description);
        }

        bool isFirst = Own(map, device: false);
        using ParameterEdit<T> edit = map.EditTrained();
        if (isFirst)
        {
            Start(map.Description);
        }

        for (int k = 0; k < Rules.Count; k++)
        {
            Rules[k].Begin(edit[Rules[k].Parameter]);
        }

        Advance();
        Update(map.Description.Parameters, edit.Trained, gradient);
        for (int k = 0; k < Rules.Count; k++)
        {
            ParameterInfo info = map[Rules[k].Parameter].Info;
            Rules[k].End(edit[Rules[k].Parameter], info.Shape, info.Rate * learningRate);
        }
    }

    /// <summary>Moves all of them: parameters that follow each other at one rate are one stretch.</summary>
    private protected virtual void Update(ImmutableArray<ParameterInfo> infos, Span<T> parameters, ReadOnlySpan<T> gradient)
    {
        (int start, double rate) = (0, 1);
        foreach (ParameterInfo info in infos)
        {
            if (info.Role == Role.Trained && info.Rate != rate)
            {
                Update(parameters[start..info.Offset], gradient[start..info.Offset], start, rate);
                (start, rate) = (info.Offset, info.Rate);
            }
        }

        Update(parameters[start..], gradient[start..], start, rate);
    }

    /// <summary>The same rule in a device's kernels; null where they have none.</summary>
    internal virtual DeviceRule? Rule => null;

    /// <summary>What those kernels are handed for the next step.</summary>
    internal virtual void Advance(Span<T> settings) => throw new NotSupportedException($"{GetType().Name} has no kernels.");

    /// <summary>Takes a map, or sees that it is the one it has.</summary>
    /// <returns>Whether it is new.</returns>
    internal bool Own(Map<T> map, bool device)
    {
        if (trained != null && trained != map)
        {
            throw new ArgumentException("This optimizer holds the history of another map. Use one optimizer for each map.", nameof(map));
        }

        if (trained != null && isOnDevice != device)
        {
            throw new ArgumentException("This optimizer's history is " + (isOnDevice ? "on a device." : "on the processor."), nameof(map));
        }

        bool isFirst = trained == null;
        (trained, isOnDevice) = (map, device);
        return isFirst;
    }

    /// <summary>What it is, with all that is set when it is made: what a checkpoint's optimizer has to agree in.</summary>
    internal abstract string Settings { get; }

    /// <summary>What changes from step to step beside the <see cref="Vectors"/>.</summary>
    internal virtual double[] Numbers => [];

    /// <summary>What is remembered of each parameter, by name.</summary>
    private protected abstract (string Name, T[] Values)[] Vectors { get; }

    /// <summary>What is remembered of a map's parameters; nothing but zeros before the first step.</summary>
    /// <exception cref="ArgumentException">It has stepped another map, or its history is on a device.</exception>
    internal (string Name, T[] Values)[] StateOf(Map<T> map)
    {
        if (Own(map, device: false))
        {
            Start(map.Description);
        }

        return Vectors;
    }

    /// <summary>Goes on from the state of another run.</summary>
    internal void Restore((string Name, T[] Values)[] vectors, double[] numbers, double rate)
    {
        foreach (((_, T[] to), (_, T[] from)) in Vectors.Zip(vectors))
        {
            from.CopyTo(to, 0);
        }

        learningRate = rate;
        Restore(numbers);
    }

    /// <summary>Sets the <see cref="Numbers"/>.</summary>
    private protected virtual void Restore(double[] numbers)
    {
    }

    /// <summary>Makes the state for a map's trained parameters.</summary>
    private protected abstract void Start(MapDescription map);

    /// <summary>What changes from step to step whatever the parameters are.</summary>
    private protected virtual void Advance()
    {
    }

    /// <summary>Moves some of the parameters.</summary>
    /// <param name="parameters">[count]</param>
    /// <param name="gradient">[count]</param>
    /// <param name="first">The place of the first of them among all.</param>
    /// <param name="rate">What the learning rate is multiplied by.</param>
    private protected abstract void Update(Span<T> parameters, ReadOnlySpan<T> gradient, int first, double rate);

    /// <summary>The size of the matrices that a parameter is; null for vectors and rows, which are none.</summary>
    private protected static (int Rows, int Columns)? MatricesOf(ParameterInfo info) =>
        info.Shape is { Length: > 1 } shape && shape[^1] > 1 && shape[^2] > 1 ? (shape[^2], shape[^1]) : null;

    private protected static double RequireNonNegative(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        double.IsFinite(value) && value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(name, value, "A finite number that is not negative is expected.");

    private protected static double RequireEpsilon(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        T.CreateTruncating(RequireNonNegative(value, name)) > T.Zero
            ? value
            : throw new ArgumentOutOfRangeException(name, value, "A number above zero is expected: it keeps the step finite where the gradient vanishes.");

    private protected static double RequireFraction(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value is >= 0 and < 1
            ? value
            : throw new ArgumentOutOfRangeException(name, value, "A number from 0 to below 1 is expected.");
}

/// <summary>
/// Stochastic gradient descent: g ← gradient + weightDecay·p, v ← momentum·v + g, p ← p − learningRate·v, or with Nesterov's momentum
/// p ← p − learningRate·(g + momentum·v) (Sutskever et al., <i>On the importance of initialization and momentum in deep learning</i>, 2013).
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Sgd<T> : Optimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double momentum;
    private readonly bool nesterov;
    private T[] velocity = [];

    /// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite, or the momentum is not below 1.</exception>
    /// <exception cref="ArgumentException">Nesterov's form is asked for without momentum.</exception>
    public Sgd(double learningRate, double momentum = 0, bool nesterov = false, double weightDecay = 0)
        : base(learningRate, weightDecay)
    {
        this.momentum = RequireFraction(momentum);
        this.nesterov = !nesterov || momentum > 0
            ? nesterov
            : throw new ArgumentException("Nesterov's form needs a momentum above zero.", nameof(nesterov));
    }

    internal override DeviceRule? Rule => DeviceRule.Sgd;

    internal override void Advance(Span<T> settings)
    {
        ReadOnlySpan<double> values = [LearningRate, WeightDecay, momentum, nesterov ? 1 : 0, nesterov ? momentum : 1];
        for (int i = 0; i < values.Length; i++)
        {
            settings[i] = T.CreateTruncating(values[i]);
        }
    }

    internal override string Settings => FormattableString.Invariant($"Sgd(momentum: {momentum:R}, nesterov: {nesterov}, weightDecay: {WeightDecay:R})");

    private protected override (string Name, T[] Values)[] Vectors => momentum > 0 ? [("velocity", velocity)] : [];

    private protected override void Start(MapDescription map) => velocity = momentum > 0 ? new T[map.TrainedCount] : [];

    private protected override unsafe void Update(Span<T> parameters, ReadOnlySpan<T> gradient, int first, double rate)
    {
        fixed (T* p = parameters, g = gradient, v = velocity.AsSpan(momentum > 0 ? first : 0))
        {
            Elements<T>.Run(
                new Move(p, g, v, T.CreateTruncating(momentum), T.CreateTruncating(WeightDecay), T.CreateTruncating(-rate * LearningRate), nesterov), parameters.Length);
        }
    }

    private readonly unsafe struct Move(T* p, T* gradient, T* velocity, T beta, T decay, T step, bool nesterov) : IElementwiseLoop<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V parameter = S.Load(p + i), change = S.FusedMultiplyAdd(parameter, S.Broadcast(decay), S.Load(gradient + i));
            if (velocity != null)
            {
                V v = S.FusedMultiplyAdd(S.Load(velocity + i), S.Broadcast(beta), change);
                S.Store(v, velocity + i);
                change = nesterov ? S.FusedMultiplyAdd(v, S.Broadcast(beta), change) : v;
            }

            S.Store(S.FusedMultiplyAdd(change, S.Broadcast(step), parameter), p + i);
        }
    }
}

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, <i>Decoupled Weight Decay Regularization</i>, 2019): the means m of the gradient
/// and v of its square decay by beta1 and beta2; p ← p − learningRate·(m̂ / (√v̂ + epsilon) + weightDecay·p) with the means' bias corrected.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AdamW<T> : Optimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double beta1;
    private readonly double beta2;
    private readonly double epsilon;
    private T[] mean = [];
    private T[] square = [];
    private double remaining1 = 1;
    private double remaining2 = 1;

    /// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite, a beta is not below 1, or epsilon is zero, also as <typeparamref name="T"/>.</exception>
    public AdamW(double learningRate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0.01)
        : base(learningRate, weightDecay)
    {
        this.beta1 = RequireFraction(beta1);
        this.beta2 = RequireFraction(beta2);
        this.epsilon = RequireEpsilon(epsilon);
    }

    internal override DeviceRule? Rule => DeviceRule.AdamW;

    private protected override void Advance()
    {
        remaining1 *= beta1;
        remaining2 *= beta2;
    }

    internal override void Advance(Span<T> settings)
    {
        Advance();
        ReadOnlySpan<double> values =
        [
            beta1, 1 - beta1, beta2, 1 - beta2, LearningRate / (1 - remaining1), 1 - LearningRate * WeightDecay, 1 / Math.Sqrt(1 - remaining2), epsilon,
            LearningRate * WeightDecay,
        ];
        for (int i = 0; i < values.Length; i++)
        {
            settings[i] = T.CreateTruncating(values[i]);
        }
    }

    internal override string Settings =>
        FormattableString.Invariant($"AdamW(beta1: {beta1:R}, beta2: {beta2:R}, epsilon: {epsilon:R}, weightDecay: {WeightDecay:R})");

    internal override double[] Numbers => [remaining1, remaining2];

    private protected override (string Name, T[] Values)[] Vectors => [("mean", mean), ("square", square)];

    private protected override void Restore(double[] numbers) => (remaining1, remaining2) = (numbers[0], numbers[1]);

    private protected override void Start(MapDescription map)
    {
        mean = new T[map.TrainedCount];
        square = new T[map.TrainedCount];
    }

    private protected override void Update(Span<T> parameters, ReadOnlySpan<T> gradient, int first, double rate) =>
        AdamStep.Take(parameters, gradient, mean.AsSpan(first), square.AsSpan(first), new AdamStep(beta1, beta2, epsilon, rate * LearningRate, WeightDecay, remaining1, remaining2));
}

/// <summary>A step of Adam with decoupled weight decay.</summary>
/// <param name="Beta1">What the mean of the gradient decays by.</param>
/// <param name="Beta2">What the mean of its square decays by.</param>
/// <param name="Epsilon">What is added to the root of that.</param>
/// <param name="Rate">The step size.</param>
/// <param name="Decay">The rate at which parameters are pulled towards zero, per step size.</param>
/// <param name="Remaining1">The power of <paramref name="Beta1"/> by the number of steps.</param>
/// <param name="Remaining2">That of <paramref name="Beta2"/>.</param>
internal readonly record struct AdamStep(double Beta1, double Beta2, double Epsilon, double Rate, double Decay, double Remaining1, double Remaining2)
{
    public static unsafe void Take<T>(Span<T> parameters, ReadOnlySpan<T> gradient, Span<T> mean, Span<T> square, AdamStep step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        fixed (T* p = parameters, g = gradient, m = mean, v = square)
        {
            var move = new Move<T>(p, g, m, v)
            {
                Keep1 = T.CreateTruncating(step.Beta1),
                Take1 = T.CreateTruncating(1 - step.Beta1),
                Keep2 = T.CreateTruncating(step.Beta2),
                Take2 = T.CreateTruncating(1 - step.Beta2),
                Correction = T.CreateTruncating(1 / Math.Sqrt(1 - step.Remaining2)),
                Epsilon = T.CreateTruncating(step.Epsilon),
                Step = T.CreateTruncating(-step.Rate / (1 - step.Remaining1)),
                Shrink = T.CreateTruncating(1 - step.Rate * step.Decay),
            };
            Elements<T>.Run(move, parameters.Length);
        }
    }

    private readonly unsafe struct Move<T>(T* p, T* gradient, T* mean, T* square) : IElementwiseLoop<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public T Keep1 { get; init; }

        public T Take1 { get; init; }

        public T Keep2 { get; init; }

        public T Take2 { get; init; }

        public T Correction { get; init; }

        public T Epsilon { get; init; }

        public T Step { get; init; }

        public T Shrink { get; init; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V g = S.Load(gradient + i);
            V m = S.FusedMultiplyAdd(g, S.Broadcast(Take1), S.Multiply(S.Load(mean + i), S.Broadcast(Keep1)));
            V v = S.FusedMultiplyAdd(S.Multiply(g, g), S.Broadcast(Take2), S.Multiply(S.Load(square + i), S.Broadcast(Keep2)));
            V size = S.FusedMultiplyAdd(S.Sqrt(v), S.Broadcast(Correction), S.Broadcast(Epsilon));
            S.Store(m, mean + i);
            S.Store(v, square + i);
            S.Store(S.FusedMultiplyAdd(S.Divide(m, size), S.Broadcast(Step), S.Multiply(S.Load(p + i), S.Broadcast(Shrink))), p + i);
        }
    }
}
