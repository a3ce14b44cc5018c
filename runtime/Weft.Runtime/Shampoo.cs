using System.Numerics;
using System.Numerics.Tensors;

namespace Weft;

/// <summary>
/// Shampoo (Gupta, Koren and Singer, <i>Shampoo: Preconditioned Stochastic Tensor Optimization</i>, 2018; Anil et al., <i>Scalable Second Order Optimization for Deep Learning</i>, 2020): matrices move along
/// L^(−¼) M R^(−¼), with M the mean of their gradients G, L that of G Gᵀ and R that of Gᵀ G: p ← p − learningRate·(0.2·√max(m, n)·L^(−¼) M R^(−¼) + weightDecay·p). Where one side is not
/// rotated, the other has the power −½. The factor is that of <see cref="Muon{T}"/>, to which it comes near where L and R are of a single gradient, so that rates for AdamW serve.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="learningRate">The step size.</param>
/// <param name="momentum">What the mean of the gradient decays by.</param>
/// <param name="weightDecay">The rate at which parameters are pulled towards zero.</param>
/// <param name="epsilon">What is added to the eigenvalues, as a share of the largest; of other parameters, to the root of the squares.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite, one that something decays by is not below 1, or epsilon is zero, also as <typeparamref name="T"/>.</exception>
public sealed class Shampoo<T>(double learningRate, double momentum = 0.9, double weightDecay = 0.01, double epsilon = 1e-6)
    : KroneckerOptimizer<T>(learningRate, RequireFraction(momentum), 0.999, weightDecay, epsilon)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private protected override bool HasSquares => false;

    private protected override void Scale(Span<T> direction, ReadOnlySpan<T> square, ReadOnlySpan<T> values, (int Rows, int LeftValues, int Sides) shape)
    {
        (int rows, int leftValues, int sides) = shape;
        int columns = direction.Length / rows;
        (double mean, _, double factors) = Weights;
        double step = 0.2 * Math.Sqrt(Math.Max(rows, columns)) / mean, power = -0.5 / sides;
        ReadOnlySpan<T> left = values[..leftValues], right = values[leftValues..];
        (double ofLeft, double ofRight) = (Floor(left), Floor(right));
        for (int i = 0; i < rows; i++)
        {
            Span<T> row = direction.Slice(i * columns, columns);
            TensorPrimitives.Multiply(row, T.CreateTruncating(step * Power(left, i, ofLeft)), row);
        }

        for (int j = 0; j < columns; j++)
        {
            T factor = T.CreateTruncating(Power(right, j, ofRight));
            for (int i = j; i < direction.Length; i += columns)
            {
                direction[i] *= factor;
            }
        }

        double Floor(ReadOnlySpan<T> of)
        {
            double largest = 0;
            foreach (T value in of)
            {
                largest = Math.Max(largest, double.CreateTruncating(value));
            }

            return largest == 0 ? 1 : Epsilon * largest / factors;
        }

        double Power(ReadOnlySpan<T> of, int k, double floor) => of.IsEmpty ? 1 : Math.Pow(Math.Max(0, double.CreateTruncating(of[k]) / factors) + floor, power);
    }
}
