using System.Numerics;
using System.Runtime.CompilerServices;
using Weft.Kernels;

namespace Weft;

/// <summary>
/// Lion (Chen et al., <i>Symbolic Discovery of Optimization Algorithms</i>, 2023): p ← p − learningRate·(sign(beta1·m + (1 − beta1)·g) + weightDecay·p), then
/// m ← beta2·m + (1 − beta2)·g. It remembers one number for each parameter; its rate is usually 3 to 10 times smaller than AdamW's, its decay as much larger.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Lion<T> : Optimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double beta1;
    private readonly double beta2;
    private T[] mean = [];

    /// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite, or a beta is not below 1.</exception>
    public Lion(double learningRate, double beta1 = 0.9, double beta2 = 0.99, double weightDecay = 0)
        : base(learningRate, weightDecay)
    {
        this.beta1 = RequireFraction(beta1);
        this.beta2 = RequireFraction(beta2);
    }

    internal override string Settings => FormattableString.Invariant($"Lion(beta1: {beta1:R}, beta2: {beta2:R}, weightDecay: {WeightDecay:R})");

    private protected override (string Name, T[] Values)[] Vectors => [("mean", mean)];

    private protected override void Start(MapDescription map) => mean = new T[map.TrainedCount];

    private protected override unsafe void Update(Span<T> parameters, ReadOnlySpan<T> gradient, int first, double rate)
    {
        fixed (T* p = parameters, g = gradient, m = mean.AsSpan(first))
        {
            var move = new Move(p, g, m)
            {
                Keep1 = T.CreateTruncating(beta1),
                Take1 = T.CreateTruncating(1 - beta1),
                Keep2 = T.CreateTruncating(beta2),
                Take2 = T.CreateTruncating(1 - beta2),
                Step = T.CreateTruncating(rate * LearningRate),
                Shrink = T.CreateTruncating(1 - (rate * LearningRate * WeightDecay)),
            };
            Elements<T>.Run(move, parameters.Length);
        }
    }

    private readonly unsafe struct Move(T* p, T* gradient, T* mean) : IElementwiseLoop<T>
    {
        public T Keep1 { get; init; }

        public T Take1 { get; init; }

        public T Keep2 { get; init; }

        public T Take2 { get; init; }

        public T Step { get; init; }

        public T Shrink { get; init; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V g = S.Load(gradient + i), m = S.Load(mean + i), step = S.Broadcast(Step);
            V direction = S.FusedMultiplyAdd(g, S.Broadcast(Take1), S.Multiply(m, S.Broadcast(Keep1)));
            V opposite = S.Subtract(S.Zero, direction);

            // Where neither is positive the direction is zero, or no number, which stays.
            V move = S.WherePositive(direction, S.Subtract(S.Zero, step), S.WherePositive(opposite, step, direction));
            S.Store(S.FusedMultiplyAdd(S.Load(p + i), S.Broadcast(Shrink), move), p + i);
            S.Store(S.FusedMultiplyAdd(g, S.Broadcast(Take2), S.Multiply(m, S.Broadcast(Keep2))), mean + i);
        }
    }
}
