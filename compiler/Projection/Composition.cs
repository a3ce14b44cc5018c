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
    private const int MaxTerms = 1000;

    /// <summary>A reshape that no indices express is taken apart into its positions up to so many.</summary>
    private const int MaxPositions = 256;

    private readonly Dictionary<RowVector, Statement> _statements;
    private readonly RowVector _input;

    private Composition(LoweredModule module)
    {
        _statements = module.Statements.ToDictionary(statement => statement.Target);
        _input = module.Input;
        RowVector output = module.Output;
        while (CopyOf(output) is { } copied && _statements.TryGetValue(copied, out Statement? statement) && statement is GatherStatement gather && PermutationOf(gather) is { } table)
        {
            // y[o, i] = v[o, Table[i]]: what the terms call row Table[i] of a block is row i.
            int[] rows = new int[gather.Target.Size];
            int[] known = Rows;
            ForEach(gather.Outer, table, (target, source) => rows[source] = known.Length == 0 ? target : known[target]);
            Rows = rows;
            output = gather.Source;
        }

        Terms = [.. Expand(output)];
    }

    public IReadOnlyList<MapTerm> Terms { get; }

    public int[] Rows { get; private set; } = [];

    public int[] Columns { get; private set; } = [];

    private RowVector? Root { get; set; }

    /// <exception cref="ObstacleException">The sum cannot be written with affine positions.</exception>
    public static Composition Of(LoweredModule module) => new(module);

    private static void ForEach(int outer, IReadOnlyList<int> table, Action<int, int> visit)
    {
        for (int o = 0; o < outer; o++)
        {
            for (int i = 0; i < table.Count; i++)
            {
                visit((o * table.Count) + i, (o * table.Count) + table[i]);
            }
        }
    }

    /// <summary>The table of a gather that is a permutation, or null.</summary>
    private static int[]? PermutationOf(GatherStatement gather)
    {
        if (gather is not { Transposed: false, Table: ConstantWeight { Value: ListTensor list } })
        {
            return null;
        }

        int[] table = [.. list.Elements.Select(element => (int)element)];
        return table.Length == gather.Size && table.Distinct().Count() == table.Length ? table : null;
    }

    /// <summary>The vector that this one is a plain copy of, or null.</summary>
    private RowVector? CopyOf(RowVector vector) =>
        _statements.TryGetValue(vector, out Statement? statement)
        && statement is SumStatement { Terms: { Count: 1 } terms }
        && terms[0] is { Coefficient: 1, Factors.Count: 0, Input: { } input, Output: var output, InputPosition: var position }
        && input.Size == vector.Size
        && (vector.Size == 1 || (IsWhole(output) && IsWhole(position) && output.Terms[0].Index == position.Terms[0].Index && output.Terms[0].Index.Extent == vector.Size))
            ? input
            : null;

    private static bool IsWhole(Affine position) => position is { Offset: 0, Terms.Count: 1 } && position.Terms[0].Stride == 1;

    private List<MapTerm> Expand(RowVector output)
    {
        var index = new Index("i", output.Size);
        var done = new List<MapTerm>();
        var open = new Stack<(MapTerm Term, RowVector Vector)>();
        open.Push((new MapTerm(1, [], Affine.Of(index), Affine.Of(index), []), output));
        while (open.Count > 0)
        {
            (MapTerm term, RowVector vector) = open.Pop();
            if (IsRoot(vector))
            {
                done.AddRange(ExpandTensors(term));
            }
            else
            {
                foreach (Term writer in ((SumStatement)_statements[vector]).Terms)
                {
                    foreach (MapTerm composed in Substitute(term, term.Input, writer))
                    {
                        open.Push((composed, writer.Input!));
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
    private bool IsRoot(RowVector vector)
    {
        bool isInput = vector == _input;
        if (!isInput)
        {
            if (_statements[vector] is not GatherStatement gather)
            {
                return false;
            }

            if (PermutationOf(gather) is not { } table)
            {
                throw new ObstacleException("it reads at positions from a table");
            }

            if (gather.Source != _input && CopyOf(gather.Source) != _input)
            {
                throw new ObstacleException("a permutation by a table stands between its factors");
            }

            int[] columns = new int[vector.Size];
            ForEach(gather.Outer, table, (target, source) => columns[target] = source);
            Columns = columns;
        }

        if (Root is not null && Root != vector)
        {
            throw new ObstacleException("a permutation by a table stands in some of its terms only");
        }

        Root = vector;
        return true;
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
            .SelectMany(definition => Substitute(rest, term.Factors[at].Position, definition, keepInput: true))
            .SelectMany(ExpandTensors);
    }

    /// <summary>What a term that reads a position becomes by a term that writes there; nothing where they never meet.</summary>
    private static IEnumerable<MapTerm> Substitute(MapTerm reader, Affine read, Term writer, bool keepInput = false)
    {
        foreach (Index index in writer.Indices.ToArray())
        {
            Affine fresh = Affine.Of(new Index(index.Name, index.Extent));
            writer = writer.Map(position => position.Substitute(index, fresh));
        }

        MapTerm composed = new(
            reader.Coefficient * writer.Coefficient,
            [.. reader.Factors, .. writer.Factors],
            reader.Output,
            keepInput ? reader.Input : writer.InputPosition,
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
            (int first, int last) = (Math.Max(read.Offset, written.Offset), Math.Min(read.Maximum, written.Maximum));
            if (first > last)
            {
                return [];
            }

            var whole = new Unification();
            (Affine longer, Affine shorter) = read.Maximum - read.Offset >= written.Maximum - written.Offset ? (read, written) : (written, read);
            if (whole.Solve(longer, shorter) || whole.Solve(shorter, longer) || whole.Refine(read, written))
            {
                return [whole];
            }

            return IsMixedRadix(read) && IsMixedRadix(written) && last - first < MaxPositions
                ? [.. Enumerable.Range(first, last - first + 1).Select(value => At(read, written, value)).OfType<Unification>()]
                : throw new ObstacleException("a reshape stands between its factors that no indices express");
        }

        public Affine Apply(Affine position) => _values.Aggregate(position, (current, pair) => current.Substitute(pair.Index, pair.Value));

        /// <summary>One position alone.</summary>
        private static Unification? At(Affine read, Affine written, int value)
        {
            var single = new Unification();
            return single.SetDigits(read, value) && single.SetDigits(written, value) ? single : null;
        }

        private bool SetDigits(Affine position, int value)
        {
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
            if (value.Offset < 0 || value.Maximum >= index.Extent)
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
