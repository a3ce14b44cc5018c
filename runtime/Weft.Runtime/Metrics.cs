using System.Numerics;

namespace Weft;

/// <summary>How good outputs are, beside a loss.</summary>
public static class Metrics
{
    /// <summary>The share of rows whose class is among those with the largest outputs.</summary>
    /// <param name="outputs">[rows, classes]</param>
    /// <param name="labels">[rows]: the class of each, 0 to classes − 1.</param>
    /// <param name="top">How many of the largest outputs count.</param>
    /// <returns>From 0 to 1. An output that is no number is below all others, and of equal ones the first is the larger.</returns>
    /// <exception cref="ArgumentException">There are no rows, or the outputs are no whole number of classes for each.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A label is no class, or <paramref name="top"/> is not from 1 to the number of classes.</exception>
    public static double Accuracy<T>(ReadOnlySpan<T> outputs, ReadOnlySpan<int> labels, int top = 1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (labels.IsEmpty || outputs.Length % labels.Length != 0)
        {
            throw new ArgumentException($"{outputs.Length} outputs are not those of {labels.Length} rows.", nameof(outputs));
        }

        int classes = outputs.Length / labels.Length, right = 0;
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(top, classes);
        for (int row = 0; row < labels.Length; row++)
        {
            int label = labels[row];
            if ((uint)label >= (uint)classes)
            {
                throw new ArgumentOutOfRangeException(nameof(labels), label, $"The classes are 0 to {classes - 1}.");
            }

            ReadOnlySpan<T> own = outputs.Slice(row * classes, classes);
            int larger = 0;
            for (int k = 0; k < classes; k++)
            {
                larger += own[k] > own[label] || (T.IsNaN(own[label]) && !T.IsNaN(own[k])) || (k < label && own[k].Equals(own[label])) ? 1 : 0;
            }

            right += larger < top ? 1 : 0;
        }

        return (double)right / labels.Length;
    }
}
