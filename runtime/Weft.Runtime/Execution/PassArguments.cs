using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Weft.Execution;

/// <summary>What memory arguments of passes are: spans, or a device's buffers.</summary>
/// <typeparam name="TMemory">The type of an argument.</typeparam>
internal interface IMemoryKind<TMemory>
    where TMemory : allows ref struct
{
    /// <summary>Whether there is anything: what is not there is not wanted, or zero.</summary>
    bool IsGiven(TMemory memory);

    /// <summary>The number of elements.</summary>
    int Length(TMemory memory);

    /// <summary>Whether writing to one changes the other.</summary>
    bool Overlap(TMemory a, TMemory b);

    /// <summary>Refuses what has to be given and is not, and what passes of a map cannot reach.</summary>
    void Require(TMemory memory, string name);
}

/// <summary>Spans: an empty one is not given.</summary>
/// <typeparam name="T">The element.</typeparam>
internal readonly struct SpanKind<T> : IMemoryKind<ReadOnlySpan<T>>
{
    public bool IsGiven(ReadOnlySpan<T> memory) => !memory.IsEmpty;

    public int Length(ReadOnlySpan<T> memory) => memory.Length;

    public bool Overlap(ReadOnlySpan<T> a, ReadOnlySpan<T> b) => a.Overlaps(b);

    public void Require(ReadOnlySpan<T> memory, string name)
    {
    }
}

/// <summary>
/// The arguments of a map's passes, checked before anything is written: the same rules and words for spans and for a device's buffers. Whether the map
/// itself can be used, neither disposed nor edited nor without parameters, <see cref="Map{T}.Weights"/> says for both.
/// </summary>
/// <typeparam name="TMemory">The type of an argument.</typeparam>
/// <typeparam name="TKind">The kind of memory that arguments are.</typeparam>
/// <param name="map">The map whose sizes arguments have to fit.</param>
/// <param name="kind">The kind of memory that arguments are.</param>
internal readonly struct PassArguments<TMemory, TKind>(MapDescription map, TKind kind)
    where TMemory : allows ref struct
    where TKind : struct, IMemoryKind<TMemory>
{
    /// <returns>The rows of the batch.</returns>
    public int Forward(TMemory x, TMemory y)
    {
        int batch = Batch(x, map.Inputs, nameof(x));
        Require(y, batch, map.Outputs, nameof(y));
        RefuseOverlap(y, nameof(y), x, nameof(x));
        return batch;
    }

    /// <returns>The rows of the batch.</returns>
    public int Adjoint(TMemory y, TMemory x)
    {
        int batch = Batch(y, map.Outputs, nameof(y));
        Require(x, batch, map.Inputs, nameof(x));
        RefuseOverlap(x, nameof(x), y, nameof(y));
        return batch;
    }

    public void ToDense(TMemory matrix) => Require(matrix, map.Outputs, map.Inputs, nameof(matrix));

    /// <returns>The rows of the batch.</returns>
    public int Gradient(TMemory x, TMemory dy, TMemory dx, TMemory gradient)
    {
        int batch = Batch(x, map.Inputs, nameof(x));
        Require(dy, batch, map.Outputs, nameof(dy));
        RequireWanted(dx, batch, map.Inputs, nameof(dx));
        RequireWantedGradient(gradient);
        RefuseOverlap(dx, nameof(dx), x, nameof(x));
        RefuseOverlap(dx, nameof(dx), dy, nameof(dy));
        RefuseOverlap(gradient, nameof(gradient), x, nameof(x));
        RefuseOverlap(gradient, nameof(gradient), dy, nameof(dy));
        RefuseOverlap(gradient, nameof(gradient), dx, nameof(dx));
        return batch;
    }

    /// <summary>A loss that holds what outputs are compared to.</summary>
    /// <returns>The rows of the batch.</returns>
    public int LossGradient(TMemory x, TMemory dx, TMemory gradient)
    {
        int batch = BatchOfLoss(x);
        RequireWanted(dx, batch, map.Inputs, nameof(dx));
        RequireWantedGradient(gradient);
        RefuseOverlap(dx, nameof(dx), x, nameof(x));
        RefuseOverlap(gradient, nameof(gradient), x, nameof(x));
        RefuseOverlap(gradient, nameof(gradient), dx, nameof(dx));
        return batch;
    }

    /// <summary>A loss that is told what outputs are compared to: so many numbers for each row.</summary>
    /// <returns>The rows of the batch.</returns>
    public int LossGradient(TMemory x, TMemory targets, int targetsPerRow, TMemory gradient, TMemory value)
    {
        int batch = BatchOfLoss(x);
        Require(targets, batch, targetsPerRow, nameof(targets));
        Step(gradient);
        RequireWanted(value, 1, 1, nameof(value));
        RefuseOverlap(gradient, nameof(gradient), x, nameof(x));
        RefuseOverlap(gradient, nameof(gradient), targets, nameof(targets));
        RefuseOverlap(value, nameof(value), x, nameof(x));
        RefuseOverlap(value, nameof(value), targets, nameof(targets));
        RefuseOverlap(value, nameof(value), gradient, nameof(gradient));
        return batch;
    }

    /// <summary>A step of an optimizer.</summary>
    public void Step(TMemory gradient)
    {
        kind.Require(gradient, nameof(gradient));
        Lengths.RequireTrained(kind.Length(gradient), map.TrainedCount, nameof(gradient));
    }

    /// <returns>The rows of the batch.</returns>
    public int Tangent(TMemory x, TMemory dx, TMemory dParameters, TMemory y, TMemory dy)
    {
        int batch = Batch(x, map.Inputs, nameof(x));
        RequireWanted(dx, batch, map.Inputs, nameof(dx));
        if (kind.IsGiven(dParameters))
        {
            Lengths.RequireTrained(kind.Length(dParameters), map.TrainedCount, nameof(dParameters));
        }

        RequireWanted(y, batch, map.Outputs, nameof(y));
        Require(dy, batch, map.Outputs, nameof(dy));
        RefuseOverlap(y, nameof(y), x, nameof(x));
        RefuseOverlap(y, nameof(y), dx, nameof(dx));
        RefuseOverlap(y, nameof(y), dParameters, nameof(dParameters));
        RefuseOverlap(dy, nameof(dy), x, nameof(x));
        RefuseOverlap(dy, nameof(dy), dx, nameof(dx));
        RefuseOverlap(dy, nameof(dy), dParameters, nameof(dParameters));
        RefuseOverlap(dy, nameof(dy), y, nameof(y));
        return batch;
    }

    private int Batch(TMemory rows, int columns, string name)
    {
        kind.Require(rows, name);
        return Lengths.Rows(kind.Length(rows), columns, name);
    }

    private int BatchOfLoss(TMemory x)
    {
        int batch = Batch(x, map.Inputs, nameof(x));
        return batch > 0 ? batch : throw new ArgumentException("The mean loss of an empty batch is undefined: x must have at least one row.", nameof(x));
    }

    private void Require(TMemory memory, int rows, int columns, string name)
    {
        kind.Require(memory, name);
        Lengths.Require(kind.Length(memory), rows, columns, name);
    }

    private void RequireWanted(TMemory memory, int rows, int columns, string name)
    {
        if (kind.IsGiven(memory))
        {
            Require(memory, rows, columns, name);
        }
    }

    private void RequireWantedGradient(TMemory gradient)
    {
        if (kind.IsGiven(gradient))
        {
            Step(gradient);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RefuseOverlap(TMemory written, string name, TMemory other, string otherName)
    {
        if (kind.Overlap(written, other))
        {
            Refuse(name, otherName);
        }
    }

    [DoesNotReturn]
    private static void Refuse(string name, string otherName) => throw new ArgumentException($"{name} is written and must not overlap {otherName}.", name);
}

/// <summary>How long arguments have to be.</summary>
internal static class Lengths
{
    /// <summary>The rows that so many elements are.</summary>
    /// <exception cref="ArgumentException">They are no whole rows.</exception>
    public static int Rows(int length, int columns, string name)
    {
        (int rows, int rest) = Math.DivRem(length, columns);
        if (rest != 0)
        {
            Refuse(name, length, $"rows of {columns} are expected, so a multiple of {columns}.");
        }

        return rows;
    }

    /// <summary>Refuses all but so many elements of a matrix.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public static void Require(int length, int rows, int columns, string name)
    {
        if (length != (long)rows * columns)
        {
            Refuse(name, length, $"{(long)rows * columns} are expected ({rows} × {columns}).");
        }
    }

    /// <summary>Refuses all but a number for each trained parameter.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public static void RequireTrained(int length, int trainedCount, string name)
    {
        if (length != trainedCount)
        {
            Refuse(name, length, $"{trainedCount} are expected, one for each trained parameter.");
        }
    }

    [DoesNotReturn]
    internal static void Refuse(string name, int length, string expected) => throw new ArgumentException($"{name} has {length} elements; {expected}", name);
}
