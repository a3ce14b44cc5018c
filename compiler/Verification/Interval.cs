namespace Weft.Compiler.Verification;

/// <summary>The integers from one to another; none where the first is the larger. Operations give what holds all results, as in Moore 1966.</summary>
internal readonly record struct Interval(long Least, long Most)
{
    public static readonly Interval None = new(0, -1);

    public static readonly Interval Integers = new(int.MinValue, int.MaxValue);

    public bool IsEmpty => Least > Most;

    public bool IsOne => Least == Most;

    public static Interval Of(long value) => new(value, value);

    /// <summary>The positions of so many elements.</summary>
    public static Interval Of(long start, long count) => new(start, start + count - 1);

    public Interval And(Interval other) => new(Math.Max(Least, other.Least), Math.Min(Most, other.Most));

    /// <summary>Both, and what lies between them.</summary>
    public Interval Or(Interval other) => IsEmpty ? other : other.IsEmpty ? this : new(Math.Min(Least, other.Least), Math.Max(Most, other.Most));

    public bool Contains(Interval other) => other.IsEmpty || (Least <= other.Least && other.Most <= Most);

    public bool Meets(Interval other) => !And(other).IsEmpty;

    /// <summary>As far behind a start.</summary>
    public Interval From(long start) => IsEmpty ? None : new(Least + start, Most + start);

    /// <summary>The elements of vectors.</summary>
    public Interval InVectorsOf(int width) => new(Least * width, (Most * width) + width - 1);

    public static Interval operator +(Interval left, Interval right) => new(left.Least + right.Least, left.Most + right.Most);

    public static Interval operator -(Interval left, Interval right) => new(left.Least - right.Most, left.Most - right.Least);

    public static Interval operator *(Interval left, Interval right) => Corners(left, right, (one, other) => one * other);

    /// <summary>Divided by positive numbers, towards zero.</summary>
    public static Interval operator /(Interval left, Interval right) => Corners(left, right, (one, other) => one / other);

    /// <summary>What is left then, with the sign of the number that is divided.</summary>
    public static Interval operator %(Interval left, Interval right)
    {
        bool inOnePeriod = right.IsOne && left.Least / right.Least == left.Most / right.Least && (left.Least >= 0 || left.Most < 0);
        return inOnePeriod
            ? new(left.Least % right.Least, left.Most % right.Least)
            : new(Math.Min(0, Math.Max(left.Least, 1 - right.Most)), Math.Max(0, Math.Min(left.Most, right.Most - 1)));
    }

    private static Interval Corners(Interval left, Interval right, Func<long, long, long> operation)
    {
        (long a, long b, long c, long d) = (
            operation(left.Least, right.Least), operation(left.Least, right.Most), operation(left.Most, right.Least), operation(left.Most, right.Most));
        return new(Math.Min(Math.Min(a, b), Math.Min(c, d)), Math.Max(Math.Max(a, b), Math.Max(c, d)));
    }

    public override string ToString() => FormattableString.Invariant($"{Least} to {Most}");
}

/// <summary>A set of integers, as the intervals that it consists of.</summary>
internal sealed class Stretches
{
    private readonly List<Interval> _parts;

    public Stretches() => _parts = [];

    public Stretches(Stretches other) => _parts = [.. other._parts];

    /// <summary>Whether all of an interval is in the set.</summary>
    public bool Contain(Interval interval) => interval.IsEmpty || (First(interval.Least) is var at && at < _parts.Count && _parts[at].Contains(interval));

    public void Add(Interval interval)
    {
        if (interval.IsEmpty)
        {
            return;
        }

        // With those that it meets or follows, it becomes one.
        int first = First(interval.Least - 1), count = 0;
        while (first + count < _parts.Count && _parts[first + count].Least <= interval.Most + 1)
        {
            interval = interval.Or(_parts[first + count++]);
        }

        _parts.RemoveRange(first, count);
        _parts.Insert(first, interval);
    }

    /// <summary>The first part that does not end before an integer.</summary>
    private int First(long integer)
    {
        (int low, int high) = (0, _parts.Count);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _parts[middle].Most < integer ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
