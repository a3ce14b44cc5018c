using System.Numerics;
using System.Numerics.Tensors;

namespace Weft;

/// <summary>One parameter of a map, to read.</summary>
public readonly struct ParameterView<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<T> memory;

    internal ParameterView(ParameterInfo info, ReadOnlyMemory<T> memory)
    {
        Info = info;
        this.memory = memory;
    }

    /// <summary>The name, shape, role and start of the parameter.</summary>
    public ParameterInfo Info { get; }

    /// <summary>The elements, row-major.</summary>
    public ReadOnlySpan<T> Values => memory.Span;

    /// <summary>The elements in the parameter's shape; a scalar has shape [1].</summary>
    public ReadOnlyTensorSpan<T> AsTensorSpan()
    {
        ReadOnlySpan<int> shape = Info.Shape.AsSpan();
        Span<nint> lengths = stackalloc nint[Math.Max(1, shape.Length)];
        lengths[0] = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            lengths[i] = shape[i];
        }

        return new ReadOnlyTensorSpan<T>(Values, lengths);
    }
}

/// <summary>
/// Write access to a map's parameters. Disposing it brings everything that is computed from the parameters up to date, so use it
/// in a <c>using</c> statement: <c>using (var edit = map.Edit()) { edit["W"].Fill(1); }</c>. It is of the parameters themselves, not of
/// a copy: what was written stays where an exception ends the edit, and the map computes with it.
/// </summary>
public readonly ref struct ParameterEdit<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Map<T> map;
    private readonly bool trainedOnly;
    private readonly int epoch;

    internal ParameterEdit(Map<T> map, Span<T> all, bool trainedOnly, int epoch)
    {
        this.map = map;
        this.trainedOnly = trainedOnly;
        this.epoch = epoch;
        All = all;
    }

    /// <summary>All stored parameters: the trained ones, then the frozen ones.</summary>
    public Span<T> All { get; }

    /// <summary>The trained parameters, in the layout of a gradient.</summary>
    public Span<T> Trained => All[..map.TrainedCount];

    /// <summary>The elements of a parameter, row-major.</summary>
    /// <exception cref="ArgumentException">There is no such parameter, or it is seeded: drawn, not stored.</exception>
    public Span<T> this[string name] => this[map.Description.IndexOf(name)];

    /// <summary>The elements of the parameter at an index of <see cref="MapDescription.Parameters"/>, row-major.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such parameter.</exception>
    /// <exception cref="ArgumentException">The parameter is seeded: drawn, not stored.</exception>
    public Span<T> this[int index]
    {
        get
        {
            ParameterInfo info = map.InfoAt(index);
            return info.Role != Role.Seeded
                ? All.Slice(info.Offset, info.Length)
                : throw new ArgumentException($"Parameter '{info.Name}' of {map.Description.Name} is drawn from its seed and cannot be edited.", nameof(index));
        }
    }

    /// <summary>Recomputes what is derived from the parameters, and lets other calls run on the map again.</summary>
    /// <exception cref="InvalidOperationException">A table of positions holds one that is none, or a frozen parameter is not what it is declared to be.</exception>
    public void Dispose() => map.EndEdit(trainedOnly, epoch);
}
