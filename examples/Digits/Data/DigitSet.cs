namespace Weft.Examples.Digits.Data;

/// <summary>Images of handwritten digits with their labels.</summary>
/// <param name="Images">[count, 784]: rows of pixels, scaled to about mean 0 and variance 1.</param>
/// <param name="Labels">[count]: 0 to 9.</param>
internal sealed record DigitSet(float[] Images, int[] Labels)
{
    /// <summary>The side of an image.</summary>
    public const int Side = 28;

    /// <summary>The number of pixels of an image.</summary>
    public const int Pixels = Side * Side;

    /// <summary>The mean and the standard deviation of a pixel of MNIST.</summary>
    private const float Mean = 0.1307f, Deviation = 0.3081f;

    /// <summary>The number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>
    /// Reads the images to train with and those to test with: the files train-… and t10k-… where a folder has both, else one file's
    /// images in two parts, every fifth image being for the test.
    /// </summary>
    /// <exception cref="FileNotFoundException">The folder lacks a file.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or does not hold what it should.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static (DigitSet Train, DigitSet Test) Load(string folder)
    {
        DigitSet test = Read(folder, "t10k");
        return IdxFile.Find(folder, "train-images-idx3-ubyte") != null
            ? (Read(folder, "train"), test)
            : (test.Where(i => i % 5 != 4), test.Where(i => i % 5 == 4));
    }

    private static DigitSet Read(string folder, string prefix)
    {
        string imagesPath = Find($"{prefix}-images-idx3-ubyte"), labelsPath = Find($"{prefix}-labels-idx1-ubyte");
        (int[] shape, byte[] pixels) = IdxFile.Read(imagesPath, 3);
        (int[] count, byte[] labels) = IdxFile.Read(labelsPath, 1);
        if (shape[1] != Side || shape[2] != Side)
        {
            throw new InvalidDataException($"{imagesPath} has images of {shape[1]} × {shape[2]} pixels; {Side} × {Side} are expected.");
        }

        if (shape[0] != count[0])
        {
            throw new InvalidDataException($"{imagesPath} has {shape[0]} images, but {labelsPath} has {count[0]} labels.");
        }

        if (labels.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)9) is int wrong and >= 0)
        {
            throw new InvalidDataException($"{labelsPath}: label {wrong} is {labels[wrong]}; the digits are 0 to 9.");
        }

        return new DigitSet(
            Array.ConvertAll(pixels, pixel => (pixel / 255f - Mean) / Deviation),
            Array.ConvertAll(labels, label => (int)label));

        string Find(string name) => IdxFile.Find(folder, name)
            ?? throw new FileNotFoundException($"The folder '{folder}' has neither {name} nor {name}.gz.");
    }

    private DigitSet Where(Func<int, bool> isChosen)
    {
        int[] chosen = [.. Enumerable.Range(0, Count).Where(isChosen)];
        return chosen.Length > 0
            ? new DigitSet([.. chosen.SelectMany(i => Images[(i * Pixels)..((i + 1) * Pixels)])], [.. chosen.Select(i => Labels[i])])
            : throw new InvalidDataException($"{Count} images are too few: some are needed to train and some to test.");
    }
}
