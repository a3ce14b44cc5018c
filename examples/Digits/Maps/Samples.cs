using Weft.Examples.Digits.Training;

namespace Weft.Examples.Digits.Maps;

/// <summary>Random inputs x and their images M x: all that a structure sees of a known map.</summary>
internal sealed class Samples
{
    private readonly float[] _inputs;
    private readonly float[] _targets;
    private readonly Random _random;
    private readonly int _count;

    /// <param name="map">The map M.</param>
    /// <param name="count">The number of samples.</param>
    /// <param name="seed">Inputs are independent normal numbers drawn from this seed.</param>
    public Samples(KnownMap map, int count, int seed)
    {
        _count = count;
        _random = new Random(seed);
        _inputs = new float[count * KnownMap.Size];
        _targets = new float[count * KnownMap.Size];
        for (int i = 0; i < _inputs.Length; i += 2)
        {
            // Box and Muller 1958.
            (double sin, double cos) = Math.SinCos(2 * Math.PI * _random.NextDouble());
            double radius = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble()));
            _inputs[i] = (float)(radius * cos);
            _inputs[i + 1] = (float)(radius * sin);
        }

        Parallel.For(0, count, i => map.Apply(Row(_inputs, i), Row(_targets, i)));
    }

    /// <summary>Consecutive samples from a random start: their order is random already.</summary>
    public Batch<MeanSquaredError<float>> Batch(int rows)
    {
        int start = _random.Next(_count - rows + 1) * KnownMap.Size, length = rows * KnownMap.Size;
        ReadOnlyMemory<float> targets = _targets.AsMemory(start, length);
        return new(_inputs.AsMemory(start, length), new MeanSquaredError<float>(targets), DeviceLoss.MeanSquaredError, targets);
    }

    private static Span<float> Row(float[] rows, int i) => rows.AsSpan(i * KnownMap.Size, KnownMap.Size);
}
