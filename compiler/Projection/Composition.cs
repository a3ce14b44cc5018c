using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Projection;

/// <summary>Why a map has no closed-form projection.</summary>
internal sealed class ObstacleException(string reason) : Exception(reason);

/// <summary>
/// The terms of a linear module as one sum from x to y: vectors between statements, and tensors that are sums themselves, are
/// substituted. Permutations by a table remain where they are the first or the last thing that happens.
/// </summary>
internal sealed class Composition
{
    private const int MaxTerms = 512;

    /// <summary>A reshape that no indices express is taken apart into its positions up to so many.</summary>
    private const int MaxPositions = 256;

    private readonly Dictionary<RowTensor, Statement> _statements;
    private readonly RowTensor _input;

    private Composition(LoweredModule module)
    {
        _statements = module.Statements.ToDictionary(statement => statement.Target);
        _input = module.Input;
        RowTensor output = module.Output;
        while ((CopyOf(output) ?? output) is var gathered && TryPermutation(gathered) is { } permutation)
        {
            // What the terms call a row of the source is a row of what is gathered.
            int[] rows = new int[gathered.Length];
            for (int target = 0; target < rows.Length; target++)
            {
                rows[permutation[target]] = Rows.Length == 0 ? target : Rows[target];
            }

            Rows = rows;
            output = (RowTensor)((GatherStatement)_statements[gathered]).Source.Tensor;
        }

        Terms = [.. Expand(output)];
    }

    public IReadOnlyList<MapTerm> Terms { get; }

    public int[] Rows { get; private set; } = [];

    public int[] Columns { get; private set; } = [];

    private RowTensor? Root { get; set; }

    /// <exception cref="ObstacleException">The sum cannot be written with affine positions.</exception>
    public static Composition Of(LoweredModule module) => new(module);

    /// <summary>The source's position for each of a vector's, if it is gathered and that is a permutation.</summary>
    private int[]? TryPermutation(RowTensor vector)
    {
        if (!_statements.TryGetValue(vector, out Statement? statement) || statement is not GatherStatement gather || gather.Source.Tensor.Length != vector.Length)
        {
            return null;
        }

        int[] sources = [.. Enumerable.Repeat(-1, vector.Length)];
        foreach ((int target, int source) in Pairs(gather))
        {
            if (sources[target] >= 0)
            {
                return null;
            }

            sources[target] = source;
        }

        return sources.Distinct().Count() == sources.Length && !sources.Contains(-1) ? sources : null;
    }

    /// <summary>Every position that is written with the one that it is read from.</summary>
    private static IEnumerable<(int Target, int Source)> Pairs(GatherStatement gather)
    {
        int[] table = gather.Table.Tensor is ConstantWeight { Value: var value }
            ? [.. (value is ListTensor list ? list.Elements : ((FormulaTensor)value).Elements()).Select(position => (int)position)]
            : throw new ObstacleException("positions in it depend on parameters");
        for (int o = 0; o < gather.Shape.Outer; o++)
        {
            for (int i = 0; i < table.Length; i++)
            {
                int direct = (o * table.Length) + i, indirect = (o * gather.Shape.Size) + table[i];
                yield return gather.Transposed ? (indirect, direct) : (direct, indirect);
            }
        }
    }

    /// <summary>The vector that this one is a plain copy of, or null.</summary>
    private RowTensor? CopyOf(RowTensor vector) =>
        _statements.TryGetValue(vector, out Statement? statement)
        && statement is SumStatement { Terms: { Count: 1 } terms }
        && terms[0] is { Coefficient: 1, Factors: { Count: 1 } factors, Output: var output }
        && factors[0] is { Tensor: RowTensor input, Position: var position }
        && input.Length == vector.Length
        && (vector.Length == 1 || (IsWhole(output) && IsWhole(position) && output.Terms[0].Index == position.Terms[0].Index && output.Terms[0].Index.Extent == vector.Length))
            ? input
            : null;

    private static bool IsWhole(Affine position) => position is { Offset: 0, Terms.Count: 1 } && position.Terms[0].Stride == 1;

    private List<MapTerm> Expand(RowTensor output)
    {
        var index = new Index("i", output.Length);
        var done = new List<MapTerm>();
        var open = new Stack<(MapTerm Term, RowTensor Vector)>();
        open.Push((new MapTerm(1, [], Affine.Of(index), Affine.Of(index), []), output));
        while (open.Count > 0)
        {
            (MapTerm term, RowTensor vector) = open.Pop();
            if (IsRoot(vector))
            {
                done.AddRange(ExpandTensors(term));
            }
            else if (_statements[vector] is GatherStatement gather)
            {
                foreach (MapTerm composed in Gathered(term, gather))
                {
                    open.Push((composed, (RowTensor)gather.Source.Tensor));
                }
            }
            else
            {
                SumStatement sum = _statements[vector] as SumStatement ?? throw new ObstacleException("a fast transform stands in it");
                foreach (Term writer in sum.Terms)
                {
                    foreach (MapTerm composed in Substitute(term, term.Input, writer))
                    {
                        open.Push((composed, writer.Factors.Select(factor => factor.Tensor).OfType<RowTensor>().Single()));
                    }
                }
            }

            if (open.Count + done.Count > MaxTerms)
            {
                throw new ObstacleException("its product has too many terms");
            }
        }

        done.Reverse();
        return done;
    }

    /// <summary>Whether terms end here: at the input, or at a permutation of it.</summary>
    private bool IsRoot(RowTensor vector)
    {
        if (vector != _input)
        {
            if (TryPermutation(vector) is not { } permutation || (RowTensor)((GatherStatement)_statements[vector]).Source.Tensor is var source && source != _input && CopyOf(source) != _input)
            {
                return false;
            }

            Columns = permutation;
        }

        if (Root is not null && Root != vector)
        {
            throw new ObstacleException("a permutation by a table stands in some of its terms only");
        }

        Root = vector;
        return true;
    }

    /// <summary>A term that reads from a table of positions, taken apart into them.</summary>
    private static IEnumerable<MapTerm> Gathered(MapTerm term, GatherStatement gather)
    {
        foreach ((int target, int source) in Pairs(gather))
        {
            if (gather.Target.Length > MaxPositions || gather.Source.Tensor.Length > MaxPositions)
            {
                throw new ObstacleException("a large table of positions stands between its factors");
            }

            if (Unification.At(term.Input, target) is { } single)
            {
                yield return term.Map(single.Apply) with { Input = Affine.Zero + source };
            }
        }
    }

    /// <summary>The term with sums of tensors written out.</summary>
    private static IEnumerable<MapTerm> ExpandTensors(MapTerm term)
    {
        int at = term.Factors.ToList().FindIndex(factor => factor.Tensor is NetworkWeight);
        if (at < 0)
        {
            return [term];
        }

        MapTerm rest = term with { Factors = [.. term.Factors.Where((_, k) => k != at)] };
        return ((NetworkWeight)term.Factors[at].Tensor).Definition
            .SelectMany(definition => Substitute(rest, term.Factors[at].Position, definition))
            .SelectMany(ExpandTensors);
    }

    /// <summary>What a term that reads a position becomes by a term that writes there; nothing where they never meet.</summary>
    private static IEnumerable<MapTerm> Substitute(MapTerm reader, Affine read, Term writer)
    {
        foreach (Index index in writer.Indices.ToArray())
        {
            Affine fresh = Affine.Of(new Index(index.Name, index.Extent));
            writer = writer.Map(position => position.Substitute(index, fresh));
        }

        Factor? input = writer.Factors.FirstOrDefault(factor => factor.Tensor is RowTensor);
        MapTerm composed = new(
            reader.Coefficient * writer.Coefficient,
            [.. reader.Factors, .. writer.Factors.Where(factor => factor != input)],
            reader.Output,
            input?.Position ?? reader.Input,
            reader.Windows);
        return Unification.Of(read, writer.Output).Select(unified =>
            (composed with { Windows = [.. composed.Windows, .. unified.Windows] }).Map(unified.Apply));
    }

    /// <summary>Substitutions that make two positions equal: that which is read, and that which is written.</summary>
    private sealed class Unification
    {
        private readonly List<(Index Index, Affine Value)> _values = [];

        public List<Window> Windows { get; } = [];

        /// <summary>Together they are all values for which the two are equal.</summary>
        public static IEnumerable<Unification> Of(Affine read, Affine written)
        {
            (int first, int last) = (Math.Max(read.Minimum, written.Minimum), Math.Min(read.Maximum, written.Maximum));
            if (first > last)
            {
                return [];
            }

            var whole = new Unification();
            (Affine longer, Affine shorter) = read.Maximum - read.Minimum >= written.Maximum - written.Minimum ? (read, written) : (written, read);
            if (whole.Solve(longer, shorter) || whole.Solve(shorter, longer) || whole.Refine(read, written))
            {
                return [whole];
            }

            return last - first < MaxPositions
                ? [.. Enumerable.Range(first, last - first + 1).Select(value => At(read, value) is { } single && single.SetDigits(written, value) ? single : null).OfType<Unification>()]
                : throw new ObstacleException("a reshape stands between its factors that no indices express");
        }

        public Affine Apply(Affine position) => _values.Aggregate(position, (current, pair) => current.Substitute(pair.Index, pair.Value));

        /// <summary>One position alone, or null where it is not reached.</summary>
        public static Unification? At(Affine read, int value)
        {
            var single = new Unification();
            return single.SetDigits(read, value) ? single : null;
        }

        private bool SetDigits(Affine position, int value)
        {
            if (!IsMixedRadix(position))
            {
                throw new ObstacleException("overlapping positions stand between its factors");
            }

            value -= position.Offset;
            foreach ((Index index, int stride) in position.Terms.OrderByDescending(term => term.Stride))
            {
                int digit = Math.Min(value / stride, index.Extent - 1);
                _values.Add((index, Affine.Zero + digit));
                value -= digit * stride;
            }

            return value == 0;
        }

        /// <summary>Where one position is an index: the index is the other position, as far as it runs.</summary>
        private bool Solve(Affine single, Affine other)
        {
            if (single.Terms.Count != 1 || single.Terms[0].Stride != 1)
            {
                return false;
            }

            Index index = single.Terms[0].Index;
            Affine value = other + -single.Offset;
            if (value.Minimum < 0 || value.Maximum >= index.Extent)
            {
                Windows.Add(new Window(value, index.Extent));
            }

            _values.Add((index, value));
            return true;
        }

        /// <summary>Digits of two mixed radices are split until they are the same; what only one of the two has is zero.</summary>
        private bool Refine(Affine read, Affine written)
        {
            int[] cuts = [.. read.Terms.Concat(written.Terms).SelectMany(term => new[] { term.Stride, term.Stride * term.Index.Extent }).Distinct().OrderBy(cut => cut)];
            if (read.Offset != written.Offset
                || !IsMixedRadix(read)
                || !IsMixedRadix(written)
                || !Enumerable.Range(1, Math.Max(0, cuts.Length - 1)).All(k => cuts[k] % cuts[k - 1] == 0))
            {
                return false;
            }

            var digits = new List<(int Low, Affine Digit)>();
            for (int k = 0; k + 1 < cuts.Length; k++)
            {
                int low = cuts[k], high = cuts[k + 1];
                digits.Add((low, Has(read) && Has(written) ? Affine.Of(new Index("d", high / low)) : Affine.Zero));

                bool Has(Affine position) => position.Terms.Any(term => term.Stride <= low && high <= term.Stride * term.Index.Extent);
            }

            foreach ((Index index, int stride) in read.Terms.Concat(written.Terms))
            {
                _values.Add((index, digits
                    .Where(digit => stride <= digit.Low && digit.Low < stride * index.Extent)
                    .Aggregate(Affine.Zero, (sum, digit) => sum + (digit.Digit * (digit.Low / stride)))));
            }

            return true;
        }

        private static bool IsMixedRadix(Affine position)
        {
            int reach = 0;
            foreach ((Index index, int stride) in position.Terms.OrderBy(term => term.Stride))
            {
                if (stride <= reach)
                {
                    return false;
                }

                reach += stride * (index.Extent - 1);
            }

            return true;
        }
    }
}
