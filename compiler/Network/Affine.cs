using System.Globalization;

namespace Weft.Compiler.Network;

/// <summary>An index of a tensor network. Identity is the object; the name is for people.</summary>
public sealed class Index(string name, int extent)
{
    public string Name { get; } = name;

    public int Extent { get; } = extent;

    public override string ToString() => Name;
}

/// <summary>
/// <c>Offset + Σ Stride · Index</c>: a position that is affine in indices. Reshapes, shuffles, transposes, crops and pads are all
/// of this form, so they cost nothing: they are folded into the loads and stores around them.
/// </summary>
public sealed class Affine(int offset, IReadOnlyList<(Index Index, int Stride)> terms)
{
    public static readonly Affine Zero = new(0, []);

    private IReadOnlyList<Index>? _overlapping;

    public int Offset { get; } = offset;

    /// <summary>The strides, none of them zero and no index twice.</summary>
    public IReadOnlyList<(Index Index, int Stride)> Terms { get; } = terms;

    public IEnumerable<Index> Indices => Terms.Select(term => term.Index);

    public static Affine Of(Index index) => index.Extent == 1 ? Zero : new(0, [(index, 1)]);

    public bool Contains(Index index) => Terms.Any(term => term.Index == index);

    public int StrideOf(Index index) => Terms.FirstOrDefault(term => term.Index == index).Stride;

    public static Affine operator +(Affine left, Affine right)
    {
        var terms = left.Terms.ToList();
        foreach ((Index index, int stride) in right.Terms)
        {
            int at = terms.FindIndex(term => term.Index == index);
            if (at < 0)
            {
                terms.Add((index, stride));
            }
            else
            {
                terms[at] = (index, checked(terms[at].Stride + stride));
            }
        }

        return new Affine(checked(left.Offset + right.Offset), [.. terms.Where(term => term.Stride != 0)]);
    }

    public static Affine operator +(Affine left, int offset) => new(checked(left.Offset + offset), left.Terms);

    public static Affine operator *(Affine affine, int factor) => factor == 0
        ? Zero
        : new(checked(affine.Offset * factor), [.. affine.Terms.Select(term => (term.Index, checked(term.Stride * factor)))]);

    /// <summary>This position with an index replaced by an affine expression of others.</summary>
    public Affine Substitute(Index index, Affine value)
    {
        int stride = StrideOf(index);
        return stride == 0
            ? this
            : new Affine(Offset, [.. Terms.Where(term => term.Index != index)]) + (value * stride);
    }

    /// <summary>The largest position.</summary>
    public int Maximum => checked(Offset + Terms.Sum(term => Math.Max(0, term.Stride * (term.Index.Extent - 1))));

    /// <summary>The smallest position.</summary>
    public int Minimum => checked(Offset + Terms.Sum(term => Math.Min(0, term.Stride * (term.Index.Extent - 1))));

    /// <summary>Whether positions grow with every index, as the digits of a number do.</summary>
    public bool IsIncreasing => Terms.All(term => term.Stride > 0);

    /// <summary>
    /// Indices without which no two assignments of the others lead to one position: none where the position is already so, the taps of a
    /// convolution in <c>i + k</c>. Of two that overlap the longer one stays.
    /// </summary>
    public IReadOnlyList<Index> Overlapping => _overlapping ??= FindOverlapping();

    private IReadOnlyList<Index> FindOverlapping()
    {
        var kept = new List<(Index Index, int Stride)>();
        var overlapping = new List<Index>();
        foreach ((Index Index, int Stride) term in Terms.OrderByDescending(term => term.Index.Extent))
        {
            if (AreDigits([.. kept, term]))
            {
                kept.Add(term);
            }
            else
            {
                overlapping.Add(term.Index);
            }
        }

        return overlapping;

        static bool AreDigits(IEnumerable<(Index Index, int Stride)> terms)
        {
            long reach = 0;
            foreach ((Index index, int stride) in terms.OrderBy(term => Math.Abs((long)term.Stride)))
            {
                if (Math.Abs((long)stride) <= reach)
                {
                    return false;
                }

                reach += Math.Abs((long)stride) * (index.Extent - 1);
            }

            return true;
        }
    }

    public override string ToString()
    {
        IEnumerable<string> parts = Terms
            .OrderByDescending(term => term.Stride)
            .Select(term => term.Stride == 1
                ? term.Index.Name
                : term.Stride.ToString(CultureInfo.InvariantCulture) + term.Index.Name);
        return Terms.Count == 0 || Offset != 0
            ? string.Join("+", parts.Append(Offset.ToString(CultureInfo.InvariantCulture)))
            : string.Join("+", parts);
    }
}
