using System.Numerics;

namespace Weft.Kernels;

/// <summary>A tensor in the scratch of a pass that holds noise: numbers that are drawn for each row before the pass, or their mean.</summary>
/// <param name="Offset">Where it begins: elements per row of a chunk that stand before it.</param>
/// <param name="Length">Its elements for a row.</param>
/// <param name="Initializer">What they are drawn from: a distribution of single elements.</param>
/// <param name="Seed">The seed of the tensor among those of its map.</param>
public sealed record NoiseRows(int Offset, int Length, Initializer Initializer, int Seed)
{
    /// <summary>Fills it.</summary>
    /// <param name="rows">[<paramref name="count"/>, <see cref="Length"/>]; overwritten.</param>
    /// <param name="count">How many rows there are.</param>
    /// <param name="first">The place of the first of them in its batch.</param>
    /// <param name="noise">What is drawn by; null for the mean.</param>
    internal unsafe void Fill<T>(T* rows, int count, int first, Noise? noise)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (noise is not { } step)
        {
            double mean = RandomTensor.MeanOfNoise(Initializer.Distribution) ?? throw new InvalidOperationException($"{Initializer.Distribution} is no distribution of noise.");
            new Span<T>(rows, count * Length).Fill(T.CreateTruncating(mean));
            return;
        }

        for (int row = 0; row < count; row++, rows += Length)
        {
            int seed = RandomNumbers.OfRow(step.Seed, step.Step, Seed, first + row);
            if (Initializer.Distribution == Distribution.Dropout)
            {
                // The same number after number, without what is common to all.
                ulong start = RandomNumbers.Start(seed);
                double p = Initializer.Scale;
                T kept = T.CreateTruncating(1 / (1 - p));
                for (int i = 0; i < Length; i++)
                {
                    rows[i] = RandomNumbers.UniformOf(RandomNumbers.BitsFrom(start, (uint)i)) < p ? T.Zero : kept;
                }

                continue;
            }

            for (int i = 0; i < Length; i++)
            {
                rows[i] = T.CreateTruncating(RandomTensor.Element(Initializer.Distribution, Initializer.Scale, seed, i));
            }
        }
    }
}
