using System.Numerics;
using System.Numerics.Tensors;

namespace Weft;

/// <summary>
/// An exponential average of a map's trained parameters over the steps of its training, which often does better than the last of them (Polyak and Juditsky,
/// <i>Acceleration of Stochastic Approximation by Averaging</i>, 1992): a ← decay·a + (1 − decay)·p, from the parameters at the first step on.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class WeightAverage<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Map<T> map;
    private readonly T[] average;
    private readonly T keep, take;
    private bool hasBegun;

    /// <param name="map">The map that is trained.</param>
    /// <param name="decay">What is kept of the average at each step, from 0 to below 1: 0.999 is about the last thousand steps.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is not from 0 to below 1.</exception>
    public WeightAverage(Map<T> map, double decay)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (decay is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "A number from 0 to below 1 is expected.");
        }

        (this.map, average) = (map, new T[map.TrainedCount]);
        (keep, take) = (T.CreateTruncating(decay), T.CreateTruncating(1 - decay));
    }

    /// <summary>The average, in the order of <see cref="Map{T}.Parameters"/>; zeros before the first step.</summary>
    public ReadOnlySpan<T> Values => average;

    /// <summary>Takes the parameters in, behind an optimizer's step.</summary>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Update()
    {
        ReadOnlySpan<T> trained = map.Parameters[..average.Length];
        if (!hasBegun)
        {
            trained.CopyTo(average);
            hasBegun = true;
            return;
        }

        TensorPrimitives.Multiply(average, keep, average);
        TensorPrimitives.MultiplyAdd(trained, take, average, average);
    }

    /// <summary>Goes on from an average that was kept with a checkpoint.</summary>
    /// <param name="values">[trained parameters]: <see cref="Values"/> of the run that goes on.</param>
    /// <exception cref="ArgumentException">The length is another.</exception>
    public void Restore(ReadOnlySpan<T> values)
    {
        if (values.Length != average.Length)
        {
            throw new ArgumentException($"{values.Length} numbers are not the {average.Length} of an average of {map.Description.Name}.", nameof(values));
        }

        values.CopyTo(average);
        hasBegun = true;
    }

    /// <summary>Gives another map of the same formula the average, and the frozen parameters of the one that is trained.</summary>
    /// <param name="target">The map; this one too, whose own parameters are then gone.</param>
    /// <exception cref="ArgumentException">The map has other parameters.</exception>
    /// <exception cref="InvalidOperationException">There was no step, or an edit of the map is open.</exception>
    /// <exception cref="ObjectDisposedException">A map is disposed.</exception>
    public void CopyTo(Map<T> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!hasBegun)
        {
            throw new InvalidOperationException("There is no average before the first step.");
        }

        if (!target.Description.Parameters.Select(Key).SequenceEqual(map.Description.Parameters.Select(Key)))
        {
            throw new ArgumentException($"{target.Description.Name} has other parameters than {map.Description.Name}.", nameof(target));
        }

        ReadOnlySpan<T> frozen = map.Parameters[average.Length..];
        using ParameterEdit<T> edit = target.Edit();
        average.CopyTo(edit.All);
        frozen.CopyTo(edit.All[average.Length..]);

        static (string, int, Role, string) Key(ParameterInfo info) => (info.Name, info.Offset, info.Role, string.Join(",", info.Shape));
    }
}
