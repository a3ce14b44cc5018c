using System.Collections.Immutable;

namespace Weft.Adapters;

/// <summary>A tensor of an adapter: in a file, or made here.</summary>
internal sealed class AdapterTensor
{
    private readonly TensorFile? file;
    private volatile double[]? values;

    /// <summary>A tensor in a file, which has to stay open.</summary>
    public AdapterTensor(TensorFile file, StoredTensor stored) => (this.file, Stored) = (file, stored);

    /// <summary>A tensor that will be in a file.</summary>
    public AdapterTensor(StoredTensor stored, double[] values) => (this.values, Stored) = (values, stored);

    /// <summary>Its name, type and shape in a file.</summary>
    public StoredTensor Stored { get; }

    public string Key => Stored.Name;

    public ImmutableArray<int> Shape => Stored.Shape;

    /// <summary>Its elements, row-major.</summary>
    /// <exception cref="InvalidDataException">Its type cannot be read, or the file ends too early.</exception>
    public double[] Read()
    {
        if (values is { } kept)
        {
            return kept;
        }

        if (Stored.Type == StoredType.Other)
        {
            throw new InvalidDataException($"'{Key}' is of type {Stored.TypeName}, which cannot be read.");
        }

        double[] read = new double[Stored.Length];

        // The file has one place that it reads from.
        lock (file!)
        {
            file.Read(Key, Shape.AsSpan(), read);
        }

        return read;
    }

    /// <summary>Gives it other elements, of the same shape and type.</summary>
    public void Replace(double[] elements) => values = elements;

    /// <summary>Writes it as it is.</summary>
    public void WriteTo(TensorWriter writer)
    {
        if (values is { } kept)
        {
            writer.Write<double>(kept);
            return;
        }

        lock (file!)
        {
            writer.Copy(file, Key);
        }
    }
}
