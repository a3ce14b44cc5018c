using Weft.Examples.Digits.Training;

namespace Weft.Examples.Digits.Data;

/// <summary>Goes through a set again and again, each time in another random order, a batch at a time.</summary>
internal sealed class Batches
{
    private readonly DigitSet _set;
    private readonly Random _random;
    private readonly int[] _order;
    private readonly float[] _images;
    private readonly int[] _labels;
    private readonly float[] _targets;
    private int _next;

    /// <param name="set">The set.</param>
    /// <param name="rows">The images of a batch, at most as many as the set has; the rest of an epoch that does not fill one is left out.</param>
    /// <param name="seed">Decides the orders.</param>
    public Batches(DigitSet set, int rows, int seed)
    {
        _set = set;
        _random = new Random(seed);
        _order = [.. Enumerable.Range(0, set.Count)];
        _images = new float[rows * DigitSet.Pixels];
        _labels = new int[rows];
        _targets = new float[rows];
        _next = set.Count;
    }

    /// <summary>The next batch; it is overwritten by the one after it.</summary>
    public Batch<CrossEntropy<float>> Next()
    {
        if (_next + _labels.Length > _order.Length)
        {
            _random.Shuffle(_order);
            _next = 0;
        }

        for (int row = 0; row < _labels.Length; row++)
        {
            int image = _order[_next++];
            _set.Images.AsSpan(image * DigitSet.Pixels, DigitSet.Pixels).CopyTo(_images.AsSpan(row * DigitSet.Pixels));
            _labels[row] = _set.Labels[image];
            _targets[row] = _labels[row];
        }

        return new(_images, new CrossEntropy<float>(_labels), DeviceLoss.CrossEntropy, _targets);
    }
}
