using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>
/// A term while it is built. <see cref="Slots"/> is a stack of positions: the axes of the vector that the term stands for, the values
/// of enclosing indexed sums, and what the operator in hand needs for a moment. All of them see a substitution at once, so an index can
/// be split at any time.
/// </summary>
internal sealed class Draft(double coefficient, Tensor? input, Affine inputPosition)
{
    public double Coefficient { get; set; } = coefficient;

    /// <summary>Planning takes the cube of it.</summary>
    private const int MostFactors = 256;

    public List<Factor> Factors { get; private set; } = [];

    /// <summary>Factors that are sums of two products: the finished terms have the one or the other.</summary>
    public List<(Factor[] First, Factor[] Second)> Sums { get; private set; } = [];

    /// <summary>The vector that it reads, if it reads one.</summary>
    public Tensor? Input { get; } = input;

    public Affine InputPosition { get; private set; } = inputPosition;

    public List<Affine> Slots { get; private set; } = [];

    /// <summary>Whether it only reads a vector: repeating it costs nothing.</summary>
    public bool IsRead => Factors.Count == 0 && Sums.Count == 0;

    /// <summary>Whether a tensor or a vector stands in it.</summary>
    public bool HasFactors => Input is not null || !IsRead;

    public Draft Clone() => new(Coefficient, Input, InputPosition) { Factors = [.. Factors], Sums = [.. Sums], Slots = [.. Slots] };

    /// <exception cref="CompilationException">There would be too many to plan.</exception>
    public void Multiply(Factor factor)
    {
        if (Factors.Count == MostFactors)
        {
            throw new CompilationException(
                DiagnosticDescriptors.TooLarge,
                [$"a product of more than {MostFactors} tensors, which is the limit of one term: a layer of several links joined by '.' writes down what is between them"]);
        }

        Factors.Add(factor);
    }

    public int Push(Affine position)
    {
        Slots.Add(position);
        return Slots.Count - 1;
    }

    /// <summary>
    /// Drops the slots from <paramref name="count"/> on. An index that nothing else mentions was summed over equal values: it
    /// becomes a factor of its extent.
    /// </summary>
    public void PopTo(int count)
    {
        List<Index> before = [.. Slots.SelectMany(slot => slot.Indices).Distinct()];
        Slots.RemoveRange(count, Slots.Count - count);
        foreach (Index index in before.Where(index => !DependsOn(index) && !Slots.Any(slot => slot.Contains(index))))
        {
            Coefficient *= index.Extent;
        }
    }

    /// <summary>Whether the value, rather than the place it goes to, depends on an index.</summary>
    public bool DependsOn(Index index) => InputPosition.Contains(index)
        || Factors.Concat(Sums.SelectMany(sum => sum.First)).Any(factor => factor.Position.Contains(index));

    /// <summary>Whether another slot than one mentions an index.</summary>
    public bool IsInOther(int slot, Index index) => Slots.Where((_, other) => other != slot).Any(position => position.Contains(index));

    public void Substitute(Index index, Affine value)
    {
        Factors = [.. Factors.Select(Substituted)];
        Sums = [.. Sums.Select(sum => (Array.ConvertAll(sum.First, Substituted), Array.ConvertAll(sum.Second, Substituted)))];
        InputPosition = InputPosition.Substitute(index, value);
        Slots = [.. Slots.Select(slot => slot.Substitute(index, value))];

        Factor Substituted(Factor factor) => factor with { Position = factor.Position.Substitute(index, value) };
    }

    /// <summary>Whether a slot is one index over all its positions.</summary>
    public bool IsPlain(int slot, int size) =>
        size == 1 || (Slots[slot] is { Offset: 0, Terms: { Count: 1 } terms } && terms[0].Stride == 1 && terms[0].Index.Extent == size);

    /// <summary>Reads at a position, which may be any, where a slot is one index.</summary>
    public void Read(int slot, Affine position)
    {
        if (Slots[slot].Terms.Count > 0)
        {
            Substitute(Slots[slot].Terms[0].Index, position);
        }
    }

    /// <summary>
    /// Takes the position in a slot apart into the digits of a mixed radix, most significant first, each pushed as a slot of its own.
    /// An index that straddles a digit boundary is split where its extent allows; otherwise the answer is null.
    /// </summary>
    public int[]? TrySplit(int slot, IReadOnlyList<int> extents)
    {
        if (extents.Count == 0)
        {
            return [];
        }

        int[] digits = new int[extents.Count];
        int rest = Push(Slots[slot]);
        for (int k = extents.Count - 1; k > 0; k--)
        {
            if (TryDivide(rest, extents[k]) is not var (high, low))
            {
                return null;
            }

            digits[k] = Push(low);
            Slots[rest] = high;
        }

        digits[0] = rest;
        return digits;
    }

    /// <summary>Writes a slot as <c>modulus · high + low</c> with <c>low</c> below the modulus, if that is affine.</summary>
    private (Affine High, Affine Low)? TryDivide(int slot, int modulus)
    {
        while (true)
        {
            Affine position = Slots[slot];
            if (!position.IsIncreasing)
            {
                return null;
            }

            (Index Index, int Stride) straddling = position.Terms.FirstOrDefault(term =>
                term.Stride % modulus != 0 && term.Stride * term.Index.Extent > modulus);
            if (straddling.Index is not { } index)
            {
                var low = new Affine(position.Offset % modulus, [.. position.Terms.Where(term => term.Stride % modulus != 0)]);
                var high = new Affine(
                    position.Offset / modulus,
                    [.. position.Terms.Where(term => term.Stride % modulus == 0).Select(term => (term.Index, term.Stride / modulus))]);
                return low.Maximum < modulus ? (high, low) : null;
            }

            int inner = modulus / straddling.Stride;
            if (straddling.Stride >= modulus || modulus % straddling.Stride != 0 || index.Extent % inner != 0)
            {
                return null;
            }

            var outer = new Index(index.Name + "1", index.Extent / inner);
            Substitute(index, (Affine.Of(outer) * inner) + Affine.Of(new Index(index.Name + "0", inner)));
        }
    }

    /// <summary>The outcome of <see cref="TryCrop"/>.</summary>
    public enum CropResult
    {
        Cropped,
        Empty,
        NotAffine,
    }

    /// <summary>Restricts a slot to the positions <c>start ≤ p &lt; start + length</c> and counts them from the start of the window.</summary>
    public CropResult TryCrop(int slot, int start, int length)
    {
        Affine position = Slots[slot];
        int end = start + length;
        if (!position.IsIncreasing)
        {
            return CropResult.NotAffine;
        }

        if (position.Offset >= end || position.Maximum < start)
        {
            return CropResult.Empty;
        }

        if (position.Offset < start || position.Maximum >= end)
        {
            (Index index, int stride) = position.Terms.OrderByDescending(term => term.Stride).First();
            int lower = position.Maximum - position.Offset - (stride * (index.Extent - 1));

            // The values for which all positions lie in the window, and those for which any does.
            (int First, int Count) inside = Values(Ceiling(start - (long)position.Offset), Floor(end - 1L - position.Offset - lower));
            (int First, int Count) touching = Values(Floor(start - 1L - position.Offset - lower) + 1, Ceiling(end - (long)position.Offset) - 1);
            if (inside.Count < touching.Count)
            {
                return CropResult.NotAffine;
            }

            if (inside.Count == 0)
            {
                return CropResult.Empty;
            }

            Substitute(index, Affine.Of(new Index(index.Name, inside.Count)) + inside.First);

            (int First, int Count) Values(long first, long last)
            {
                (first, last) = (Math.Max(first, 0), Math.Min(last, index.Extent - 1));
                return first <= last ? ((int)first, (int)(last - first + 1)) : default;
            }

            long Floor(long distance) => (distance >= 0 ? distance : distance - stride + 1) / stride;

            long Ceiling(long distance) => Floor(distance + stride - 1);
        }

        Slots[slot] += -start;
        return CropResult.Cropped;
    }

    /// <summary>
    /// Reads a slot as one index where the digits in it are, in the vector that is read, what they are in the slot. True if it did.
    /// </summary>
    public bool TryFuse(int slot, int size)
    {
        Affine position = Slots[slot];
        if (position.Terms.Count == 0 || !IsRead || position.Indices.Any(index => IsInOther(slot, index)))
        {
            return false;
        }

        int covered = 1;
        foreach ((Index digit, int stride) in position.Terms.OrderBy(term => term.Stride))
        {
            if (stride != covered)
            {
                return false;
            }

            covered *= digit.Extent;
        }

        if (covered != size)
        {
            return false;
        }

        Index lowest = position.Terms.First(term => term.Stride == 1).Index;
        int unit = InputPosition.StrideOf(lowest);
        if (unit == 0 || position.Terms.Any(term => InputPosition.StrideOf(term.Index) != unit * term.Stride))
        {
            return false;
        }

        Affine fused = Affine.Of(new Index(lowest.Name, size));
        InputPosition = new Affine(InputPosition.Offset, [.. InputPosition.Terms.Where(term => !position.Contains(term.Index))]) + (fused * unit);
        Slots[slot] = fused;
        return true;
    }

    /// <summary>The finished terms, one for each choice of a product in each sum.</summary>
    public IEnumerable<Term> ToTerms(Affine output) => Sums
        .Aggregate<(Factor[] First, Factor[] Second), IEnumerable<Factor[]>>([[.. Factors]], (products, sum) =>
            products.SelectMany(product => new Factor[][] { [.. product, .. sum.First], [.. product, .. sum.Second] }))
        .Select(factors => ToTerm(factors, output));

    /// <summary>
    /// A finished term. Two indices that everywhere stand to each other as the digits of one are one index: kernels see as few,
    /// as long loops as there can be.
    /// </summary>
    private Term ToTerm(Factor[] factors, Affine output)
    {
        var term = new Term(Coefficient, Input is { } input ? [.. factors, new Factor(input, InputPosition)] : factors, output);
        while (Mergeable(term) is var (outer, inner))
        {
            var merged = new Index(inner.Name.Length <= outer.Name.Length ? inner.Name : outer.Name, outer.Extent * inner.Extent);
            term = term.Map(position => position.Contains(inner)
                ? new Affine(position.Offset, [.. position.Terms.Where(part => part.Index != outer)]).Substitute(inner, Affine.Of(merged))
                : position);
        }

        return WithDistinctNames(term);
    }

    /// <summary>Within a term every index has a name of its own; those that a user wrote stay where they can. (n is the rows of the batch.)</summary>
    private static Term WithDistinctNames(Term term)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal) { "n" };
        foreach (Index index in term.Output.Indices.Concat(term.Indices).Distinct().ToArray())
        {
            string stem = index.Name.TrimEnd('0', '1');
            string name = new[] { stem }
                .Concat("ijklmpqrstuvwabcdefgh".Select(letter => letter.ToString()))
                .Concat(Enumerable.Range(2, int.MaxValue - 2).Select(k => FormattableString.Invariant($"i{k}")))
                .First(candidate => candidate.Length > 0 && !taken.Contains(candidate));
            taken.Add(name);
            if (name != index.Name)
            {
                Affine renamed = Affine.Of(new Index(name, index.Extent));
                term = term.Map(position => position.Substitute(index, renamed));
            }
        }

        return term;
    }

    private static (Index Outer, Index Inner)? Mergeable(Term term)
    {
        Affine[] positions = [.. term.Factors.Select(factor => factor.Position), term.Output];
        foreach (Index outer in term.Indices)
        {
            foreach (Index inner in term.Indices)
            {
                if (outer != inner && positions.All(position => position.StrideOf(outer) == position.StrideOf(inner) * inner.Extent))
                {
                    return (outer, inner);
                }
            }
        }

        return null;
    }
}
