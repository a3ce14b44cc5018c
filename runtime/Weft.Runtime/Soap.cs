using System.Numerics;

namespace Weft;

/// <summary>
/// SOAP (Vyas et al., <i>SOAP: Improving and Stabilizing Shampoo using Adam</i>, 2025): <see cref="AdamW{T}"/> in the eigenvectors of Shampoo's factors. With G′ = Eₗ G Eᵣᵀ and M′ the rotated mean of G,
/// the mean V of the squares of G′ gives the step, rotated back: p ← p − learningRate·(Eₗᵀ (M′ / (√V + epsilon)) Eᵣ + weightDecay·p), with the corrections of Adam for the first steps.
/// In the very first one matrices stay where they are: it begins the factors. Rates for AdamW serve.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="learningRate">The step size.</param>
/// <param name="beta1">What the mean of the gradient decays by.</param>
/// <param name="beta2">What the mean of its squares decays by.</param>
/// <param name="weightDecay">The rate at which parameters are pulled towards zero.</param>
/// <param name="epsilon">What is added to the root of the squares.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite, one that something decays by is not below 1, or epsilon is zero, also as <typeparamref name="T"/>.</exception>
public sealed class Soap<T>(double learningRate, double beta1 = 0.95, double beta2 = 0.95, double weightDecay = 0.01, double epsilon = 1e-8)
    : KroneckerOptimizer<T>(learningRate, beta1, beta2, weightDecay, epsilon)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private protected override bool HasSquares => true;

    private protected override void Scale(Span<T> direction, ReadOnlySpan<T> square, ReadOnlySpan<T> values, (int Rows, int LeftValues, int Sides) shape)
    {
        (double mean, double squares, _) = Weights;
        T of = T.CreateTruncating(1 / mean), root = T.CreateTruncating(1 / Math.Sqrt(squares)), floor = T.CreateTruncating(Epsilon);
        for (int i = 0; i < direction.Length; i++)
        {
            direction[i] = of * direction[i] / ((root * T.Sqrt(square[i])) + floor);
        }
    }
}
