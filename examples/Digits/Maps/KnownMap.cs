namespace Weft.Examples.Digits.Maps;

/// <summary>A linear map of <see cref="Size"/> inputs to as many outputs that is known, so that what is learned can be compared to it.</summary>
internal abstract class KnownMap
{
    /// <summary>The side of the square grid that an input vector fills.</summary>
    public const int Side = 32;

    /// <summary>The length of an input and of an output.</summary>
    public const int Size = Side * Side;

    /// <summary>What the map is called.</summary>
    public abstract string Name { get; }

    /// <summary>y = M x.</summary>
    /// <param name="x">[<see cref="Size"/>]</param>
    /// <param name="y">[<see cref="Size"/>]; overwritten.</param>
    public abstract void Apply(ReadOnlySpan<float> x, Span<float> y);

    /// <summary>The matrix M, row-major: column j is the image of the j-th unit vector.</summary>
    public float[] Matrix()
    {
        float[] matrix = new float[Size * Size], unit = new float[Size], image = new float[Size];
        for (int j = 0; j < Size; j++)
        {
            unit[j] = 1;
            Apply(unit, image);
            unit[j] = 0;
            for (int i = 0; i < Size; i++)
            {
                matrix[i * Size + j] = image[i];
            }
        }

        return matrix;
    }
}
