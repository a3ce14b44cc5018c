using System.Numerics;
using System.Numerics.Tensors;

namespace Weft;

/// <summary>Learning rates as functions of the number of the step, from 0: a run that is resumed follows the same ones.</summary>
public static class LearningRates
{
    /// <summary>
    /// Half a wave of the cosine from a peak down to a floor (Loshchilov and Hutter, <i>SGDR: Stochastic Gradient Descent with Warm Restarts</i>, 2017), behind a
    /// linear warm-up (Goyal et al., <i>Accurate, Large Minibatch SGD</i>, 2017).
    /// </summary>
    /// <param name="step">The number of the step, from 0.</param>
    /// <param name="steps">The steps of the whole run; behind it the rate is the floor.</param>
    /// <param name="peak">The rate behind the warm-up.</param>
    /// <param name="warmUp">The steps of the warm-up, of which the last one has the peak.</param>
    /// <param name="floor">The rate at the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative, there is no step, or the warm-up is negative or as long as the run.</exception>
    public static double Cosine(long step, long steps, double peak, long warmUp = 0, double floor = 0)
    {
        double left = Left(step, steps, warmUp);
        return left > 1 ? peak * (step + 1) / warmUp : floor + (0.5 * (peak - floor) * (1 - Math.Cos(Math.PI * left)));
    }

    /// <summary>A straight line from a peak down to a floor, behind a linear warm-up.</summary>
    /// <param name="step">The number of the step, from 0.</param>
    /// <param name="steps">The steps of the whole run; behind it the rate is the floor.</param>
    /// <param name="peak">The rate behind the warm-up.</param>
    /// <param name="warmUp">The steps of the warm-up, of which the last one has the peak.</param>
    /// <param name="floor">The rate at the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative, there is no step, or the warm-up is negative or as long as the run.</exception>
    public static double Linear(long step, long steps, double peak, long warmUp = 0, double floor = 0)
    {
        double left = Left(step, steps, warmUp);
        return left > 1 ? peak * (step + 1) / warmUp : floor + ((peak - floor) * left);
    }

    /// <summary>
    /// One cycle: half a wave of the cosine up to a peak, and half a wave down to nearly nothing (Smith and Topin, <i>Super-Convergence: Very Fast Training of
    /// Neural Networks Using Large Learning Rates</i>, 2019).
    /// </summary>
    /// <param name="step">The number of the step, from 0.</param>
    /// <param name="steps">The steps of the whole run; behind it the rate is that of the end.</param>
    /// <param name="peak">The largest rate.</param>
    /// <param name="rising">The share of the steps in which the rate rises.</param>
    /// <param name="start">What part of the peak the first step has: 1 / 25 by default.</param>
    /// <param name="end">What part of the peak the end has.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative, there is no step, or the share is not above 0 and below 1.</exception>
    public static double OneCycle(long step, long steps, double peak, double rising = 0.3, double start = 0.04, double end = 1e-5)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        if (rising is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(rising), rising, "A number above 0 and below 1 is expected.");
        }

        double done = Math.Min(1, (double)step / steps);
        return done < rising ? Between(start, 1, done / rising) : Between(1, end, (done - rising) / (1 - rising));

        double Between(double from, double to, double share) => peak * (to + (0.5 * (from - to) * (1 + Math.Cos(Math.PI * share))));
    }

    /// <summary>A rate that is multiplied by a factor each time that so many steps have been taken.</summary>
    /// <param name="step">The number of the step, from 0.</param>
    /// <param name="start">The rate of the first steps.</param>
    /// <param name="every">How many steps have one rate.</param>
    /// <param name="factor">What the rate is then multiplied by.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative, or there is no step between two rates.</exception>
    public static double Stairs(long step, double start, long every, double factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(every);
        return start * Math.Pow(factor, step / every);
    }

    /// <summary>The share of the run behind the warm-up that is left, from 1 to 0; more than 1 in the warm-up.</summary>
    private static double Left(long step, long steps, long warmUp)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        ArgumentOutOfRangeException.ThrowIfNegative(warmUp);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(warmUp, steps);
        return step < warmUp ? 2 : step >= steps ? 0 : (double)(steps - step) / (steps - warmUp);
    }
}

/// <summary>What is done to a gradient before an optimizer's step.</summary>
public static class Gradients
{
    /// <summary>
    /// Shortens a gradient to a norm (Pascanu, Mikolov and Bengio, <i>On the difficulty of training recurrent neural networks</i>, 2013). A shorter one stays
    /// as it is, and so does one that is not finite.
    /// </summary>
    /// <param name="gradient">The gradient; changed in place.</param>
    /// <param name="most">The largest norm, above zero.</param>
    /// <returns>The norm before; not a number or infinite where the gradient is not finite.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The norm is not above zero.</exception>
    public static double ClipNorm<T>(Span<T> gradient, double most)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        double norm = Norm<T>(gradient);
        if (norm > most && double.IsFinite(norm))
        {
            TensorPrimitives.Multiply(gradient, T.CreateTruncating(most / norm), gradient);
        }

        return norm;
    }

    /// <summary>Bounds each element of a gradient.</summary>
    /// <param name="gradient">The gradient; changed in place.</param>
    /// <param name="most">The largest magnitude, above zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">The magnitude is not above zero.</exception>
    public static void ClipValues<T>(Span<T> gradient, double most)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        TensorPrimitives.Clamp(gradient, T.CreateTruncating(-most), T.CreateTruncating(most), gradient);
    }

    /// <summary>Refuses a gradient that is not finite, and says where.</summary>
    /// <param name="map">The map that it is for.</param>
    /// <param name="gradient">[<see cref="Map{T}.TrainedCount"/>]</param>
    /// <exception cref="ArgumentException">The gradient has another length.</exception>
    /// <exception cref="ArithmeticException">An element is infinite or not a number; the message names the parameter.</exception>
    public static void RequireFinite<T>(this Map<T> map, ReadOnlySpan<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        map.Arguments.Step(gradient);
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role == Role.Trained))
        {
            foreach (T element in gradient.Slice(info.Offset, info.Length))
            {
                if (!T.IsFinite(element))
                {
                    throw new ArithmeticException($"The gradient for '{info.Name}' of {map.Description.Name} holds {(T.IsNaN(element) ? "what is not a number" : "an infinite number")}.");
                }
            }
        }
    }

    /// <summary>The norm, also where squares leave the range of the element type.</summary>
    internal static double Norm<T>(ReadOnlySpan<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double largest = gradient.IsEmpty ? 0 : double.CreateTruncating(T.Abs(TensorPrimitives.MaxMagnitude(gradient))), sum = 0;
        if (largest == 0 || !double.IsFinite(largest))
        {
            return largest;
        }

        foreach (T element in gradient)
        {
            double share = double.CreateTruncating(element) / largest;
            sum += share * share;
        }

        return largest * Math.Sqrt(sum);
    }
}
