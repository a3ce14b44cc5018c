using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>
/// A product, functions of its rows, and products with those run for one block of rows after the other, so that what stands between them is never
/// there whole: attention takes memory that grows with the positions, not with their square (Rabe and Staats 2021, "Self-attention Does Not Need
/// O(n²) Memory"). Derivatives compute it again, block by block (Dao et al. 2022, "FlashAttention"). Rows whose function has bounds read no more
/// than what is between these.
/// </summary>
internal sealed class RowBlocks
{
    /// <summary>Blocks between bounds are as long as the longest of so many parts of them.</summary>
    private const int MostSegments = 8;

    /// <summary>A block has no less than such a part of the elements that one may have: of many small matrices, all are done at once.</summary>
    private const int LeastPart = 16;

    /// <summary>The digit of a position that an index moves: the elements that it goes on by, and how often.</summary>
    private readonly record struct Digit(int Stride, int Extent);

    /// <summary>Some of the blocks: where their rows begin, how many rows each has, how many blocks there are, and which elements of rows they have.</summary>
    private readonly record struct Segment(int First, int Size, int Count, int From, int Length);

    private readonly ContractStep _product;
    private readonly IReadOnlyList<ContractStep> _addends;
    private readonly IReadOnlyList<ActivationStep> _functions;
    private readonly IReadOnlyList<ContractStep> _readers;
    private readonly HashSet<Storage> _between;

    /// <summary>The digits of positions in what stands between, the slowest first.</summary>
    private readonly IReadOnlyList<Digit> _digits;

    /// <summary>Elements of a row of what stands between.</summary>
    private readonly int _length;

    private RowBlocks(ContractStep product, IReadOnlyList<ContractStep> addends, IReadOnlyList<ActivationStep> functions, IReadOnlyList<ContractStep> readers)
    {
        (_product, _functions, _between) = (product, functions, [product.Target.Storage, .. functions.Select(function => function.C.Storage)]);
        _digits =
        [
            .. product.Contraction.Target.Position.Terms.Where(term => term.Index != View.Rows)
                .Select(term => new Digit(term.Stride, term.Index.Extent))
                .OrderByDescending(digit => digit.Stride),
        ];
        (_addends, _readers) = ([.. addends.Select(Split)], [.. readers.Select(Split)]);
        _length = Lengths(functions).First();
    }

    /// <param name="program">The program.</param>
    /// <param name="pool">Where its storages come from.</param>
    public static OperationProgram Fuse(OperationProgram program, StoragePool pool)
    {
        (int most, int lanes) = (program.Variant.BlockElements, MemoryBlock.WidestVector / program.Variant.ElementSize);
        List<Operation> rows = [.. program.Rows];
        foreach (ContractStep product in program.Rows.OfType<ContractStep>().Where(step => step.Target.Storage is { Space: Space.Scratch } room && room.Length >= most))
        {
            if (Find(rows, product) is not var (all, blocks) || blocks.Run(pool, most, lanes) is not { } steps)
            {
                continue;
            }

            rows.InsertRange(rows.FindLastIndex(all.Contains) + 1, steps);
            rows.RemoveAll(all.Contains);
            foreach (Storage storage in blocks._between)
            {
                pool.Remove(storage);
            }
        }

        return program with { Rows = rows };
    }

    /// <summary>A product with the functions and the products behind it, if nothing else needs what stands between them.</summary>
    private static (HashSet<Operation> All, RowBlocks Blocks)? Find(List<Operation> rows, ContractStep product)
    {
        var functions = new List<ActivationStep>();
        var addends = new List<ContractStep>();
        if (product is not { Contraction: { Right: not null, Target: { CoversStorage: true, Position.Offset: 0 } }, Addend: null })
        {
            return null;
        }

        for (Storage between = product.Target.Storage; ;)
        {
            Operation[] users = [.. rows.Where(step => step != product && step.Places.Any(place => place.Storage == between) && (functions.Count == 0 || !ReferenceEquals(step, functions[functions.Count - 1])))];
            if (functions.Count == 0)
            {
                addends.AddRange(users.OfType<ContractStep>().Where(step => step.Accumulates && step.Target.Storage == between && step.Contraction.Target.CoversStorage));
                users = [.. users.Except(addends)];
            }

            if (users.Length == 1 && users[0] is ActivationStep function && function.A.Storage == between && function.C.Storage is { Space: Space.Scratch } made && made.Length == between.Length)
            {
                functions.Add(function);
                between = made;
                continue;
            }

            ContractStep[] readers = [.. users.OfType<ContractStep>()];
            bool isReadOnce = readers.Length == users.Length && readers.Length > 0
                && readers.All(reader => reader.Target.Storage != between && reader.Contraction is { Right: { } right, Left: var left } && left.Storage == between != (right.Storage == between));
            return Lengths(functions).Distinct().Count() == 1 && isReadOnce && MayWait(rows, readers)
                ? (new([product, .. addends, .. functions, .. readers], ReferenceComparer<Operation>.Instance), new RowBlocks(product, addends, functions, readers))
                : null;
        }
    }

    /// <summary>The lengths of rows that functions are of.</summary>
    private static IEnumerable<int> Lengths(IEnumerable<ActivationStep> functions) =>
        functions.Select(function => function.Function).OfType<FunctionLink>().Where(link => !link.Function.IsElementwise).Select(link => link.Length);

    /// <summary>Whether nothing reads what products fill, nor writes it besides them, until the last of them is done.</summary>
    private static bool MayWait(List<Operation> rows, ContractStep[] readers)
    {
        HashSet<Operation> all = new(readers, ReferenceComparer<Operation>.Instance);
        HashSet<Storage> filled = [.. readers.Select(reader => reader.Target.Storage)];
        int first = rows.FindIndex(all.Contains), last = rows.FindLastIndex(all.Contains);
        return rows.Skip(first).Take(last - first).All(step => all.Contains(step) || !step.Places.Any(place => filled.Contains(place.Storage)))
            && !readers.Any(reader => reader.Contraction.Views.Skip(1).Any(view => filled.Contains(view.Storage)));
    }

    /// <summary>Those of them that lead from row to row.</summary>
    private IEnumerable<Digit> RowDigits => _digits.Where(digit => digit.Stride >= _length);

    /// <summary>Whether a view of what stands between goes along its digits: nothing in it leads from one of them into the next.</summary>
    private bool FollowsDigits(View view)
    {
        (Index Index, int Stride)[] terms = [.. view.Position.Terms.Where(term => term.Index != View.Rows)];
        int behind = view.Storage.Length, offset = view.Position.Offset;
        foreach (Digit digit in RowDigits.Append(new Digit(1, _length)))
        {
            (Index Index, int Stride)[] along = [.. terms.Where(term => term.Stride >= digit.Stride && term.Stride < behind)];
            long last = (offset / digit.Stride) + along.Sum(term => term.Stride / digit.Stride * (term.Index.Extent - 1L));
            if (along.Any(term => term.Stride % digit.Stride != 0) || last >= digit.Extent)
            {
                return false;
            }

            (behind, offset) = (digit.Stride, offset % digit.Stride);
        }

        return terms.All(term => term.Stride > 0);
    }

    /// <summary>The digit that bounds go by.</summary>
    private Digit DigitOf(RowBounds bounds) => new(bounds.Stride * _length, bounds.Extent);

    /// <summary>The same with an index for each digit of what stands between, where one runs over several.</summary>
    private ContractStep Split(ContractStep step)
    {
        Contraction contraction = step.Contraction;
        foreach ((Index index, int stride) in BetweenOf(contraction).Position.Terms.Where(term => term.Index != View.Rows))
        {
            Affine parts = Affine.Zero;
            int reach = stride;
            foreach (Digit digit in _digits.Reverse())
            {
                if (digit.Stride == reach && reach < stride * index.Extent)
                {
                    parts += Affine.Of(new Index(FormattableString.Invariant($"{index.Name}{parts.Terms.Count}"), digit.Extent)) * (digit.Stride / stride);
                    reach *= digit.Extent;
                }
            }

            if (parts.Terms.Count > 1 && reach == stride * index.Extent)
            {
                contraction = contraction with { Target = Of(contraction.Target), Left = Of(contraction.Left), Right = contraction.Right is { } right ? Of(right) : null };
            }

            View Of(View view) => view with { Position = view.Position.Substitute(index, parts) };
        }

        return new ContractStep(contraction, step.Accumulates);
    }

    /// <summary>The view of what stands between, of a step that fills or reads it.</summary>
    private View BetweenOf(Contraction contraction) => contraction.Views.First(view => _between.Contains(view.Storage));

    private static Index? IndexOf(View view, Digit digit) => view.Position.Terms.FirstOrDefault(term => (term.Stride, term.Index.Extent) == (digit.Stride, digit.Extent)).Index;

    private IEnumerable<Contraction> Contractions => [_product.Contraction, .. _addends.Select(step => step.Contraction), .. _readers.Select(step => step.Contraction)];

    /// <summary>What is done instead; null where no digit of rows is one that blocks can be cut of.</summary>
    private IReadOnlyList<Operation>? Run(StoragePool pool, int most, int lanes)
    {
        Digit[] digits = [.. RowDigits];
        View left = _product.Contraction.Left, right = _product.Contraction.Right!;
        bool isInRows = digits.Aggregate((long)_length, (product, digit) => product * digit.Extent) == _product.Target.Storage.Length
            && Contractions.All(contraction => FollowsDigits(BetweenOf(contraction)))
            && _functions.All(function => function.Bounds is not { } bounds || digits.Contains(DigitOf(bounds)));

        // A digit of one operand alone is cut, those of both are gone through one by one: what the other operand has is then read by a block.
        ILookup<int, Digit> bySides = digits
            .Where(digit => Contractions.All(contraction => IndexOf(BetweenOf(contraction), digit) is { } index && MayMove(contraction, index)))
            .ToLookup(digit => IndexOf(_product.Contraction.Target, digit) is var index && left.Has(index!) && right.Has(index!) ? 2 : 1);
        Digit[] whole = [.. bySides[2]];
        Digit cut = bySides[1].OrderByDescending(digit => digit.Extent).FirstOrDefault();
        int rowsInside = digits.Except([.. whole, cut]).Aggregate(1, (product, digit) => product * digit.Extent);
        if (!isInRows || cut.Extent < 2 || (long)_length * rowsInside * cut.Extent < most / LeastPart)
        {
            return null;
        }

        var steps = new List<Operation>(_readers.Where(reader => !reader.Accumulates).Select(reader => new ClearStep(reader.Target with { Offset = 0 })));
        steps.AddRange(Segments(cut, Math.Max(1, most / (_length * rowsInside)), lanes).Select(segment => new Block(this, pool, whole, cut, segment).Run()));
        return steps;
    }

    /// <summary>Whether what a contraction reads and fills along an index can be a part that moves: weights that are trained, packed or rounded are there whole.</summary>
    private static bool MayMove(Contraction contraction, Index index) => contraction.Views.All(view =>
        view.Stride(index) >= 0 && (view.Stride(index) == 0 || view.Storage is { IsPerRow: true } or { IsTrained: false, Format: null }));

    /// <summary>
    /// Blocks of a number of rows at most, with a shorter one behind them where they do not come out even. They end at bounds if no other function makes
    /// something of the zeros beyond, rounded to whole vectors.
    /// </summary>
    private IEnumerable<Segment> Segments(Digit cut, int most, int lanes)
    {
        int size = Math.Min(most, cut.Extent);
        size = Enumerable.Range(0, (size / 2) + 1).Select(less => size - less).FirstOrDefault(even => cut.Extent % even == 0) is var even and > 0 ? even : size;
        int count = cut.Extent / size, rest = cut.Extent % size;
        RowBounds[] bounds = [.. _functions.Select(function => function.Bounds).OfType<RowBounds>()];
        bool isBounded = bounds.Length == 1 && _functions.Count == 1 && DigitOf(bounds[0]) == cut && Contractions.All(HasElements);
        int parts = isBounded ? Math.Min(MostSegments, count) : 1;
        for (int part = 0; part < parts; part++)
        {
            (int first, int end) = (count * part / parts, count * (part + 1) / parts);
            yield return Of(first * size, size, end - first);
        }

        if (rest > 0)
        {
            yield return Of(count * size, rest, 1);
        }

        Segment Of(int first, int rows, int blocks)
        {
            if (!isBounded)
            {
                return new Segment(first, rows, blocks, 0, _length);
            }

            (int From, int To)[] ends = [bounds[0].Of(first, _length), bounds[0].Of(first + (rows * blocks) - 1, _length)];
            int from = ends.Min(end => end.From) / lanes * lanes, to = Math.Min(_length, (ends.Max(end => end.To) + lanes - 1) / lanes * lanes);
            return new Segment(first, rows, blocks, from, to - from);
        }

        bool HasElements(Contraction contraction) => IndexOf(BetweenOf(contraction), new Digit(1, _length)) is { } index && MayMove(contraction, index);
    }

    /// <summary>What is done for each block of a segment.</summary>
    private sealed class Block(RowBlocks blocks, StoragePool pool, IReadOnlyList<Digit> whole, Digit cut, Segment segment)
    {
        private readonly Dictionary<Storage, Storage> _inside = [];
        private readonly Dictionary<(Storage, int, string), Storage> _parts = [];

        public BlockStep Run()
        {
            int length = blocks.RowDigits.Aggregate(segment.Length, (product, digit) => product * Extent(digit));
            foreach (Storage storage in blocks._between)
            {
                _inside.Add(storage, pool.NewScratch(storage.Name, length, length));
            }

            return new BlockStep(
                [.. whole.Select(digit => digit.Extent), segment.Count],
                Place.Of(blocks._readers[0].Target.Storage),
                [Of(blocks._product), .. blocks._addends.Select(Of), .. blocks._functions.Select(Of), .. blocks._readers.Select(Of)]);
        }

        private ActivationStep Of(ActivationStep step) => step with
        {
            A = Place.Of(_inside[step.A.Storage]),
            C = Place.Of(_inside[step.C.Storage]),
            Function = step.Function is FunctionLink link ? link with { Length = link.Function.IsElementwise ? _inside[step.A.Storage].Length : segment.Length } : step.Function,
            Bounds = step.Bounds is { } bounds ? Of(bounds) : null,
        };

        /// <summary>The bounds of the rows of a block, counted from its first element.</summary>
        private RowBounds Of(RowBounds bounds)
        {
            Digit bounded = blocks.DigitOf(bounds);
            return bounds with
            {
                First = (bounds.First.Offset - segment.From, bounds.First.Slope),
                End = (bounds.End.Offset - segment.From, bounds.End.Slope),
                Stride = blocks.RowDigits.Where(digit => digit.Stride < bounded.Stride).Aggregate(1, (rows, digit) => rows * Extent(digit)),
                Extent = Extent(bounded),
                Start = bounded == cut ? segment.First : 0,
                Strides = [.. whole.Select(digit => digit == bounded ? 1 : 0), bounded == cut ? segment.Size : 0],
            };
        }

        /// <summary>How far a digit goes in a block.</summary>
        private int Extent(Digit digit) => whole.Contains(digit) ? 1 : digit == cut ? segment.Size : digit.Extent;

        private ContractStep Of(ContractStep step)
        {
            Contraction contraction = step.Contraction;
            View between = blocks.BetweenOf(contraction);
            Index[] gone = [.. whole.Select(digit => IndexOf(between, digit)!)];
            Index rows = IndexOf(between, cut)!;
            Affine fewerRows = Affine.Of(new Index(rows.Name, segment.Size));
            Index? elements = segment.Length == blocks._length ? null : IndexOf(between, new Digit(1, blocks._length));
            Affine? fewerElements = elements is null ? null : Affine.Of(new Index(elements.Name, segment.Length));
            (View target, View left, View? right) = (Of(contraction.Target), Of(contraction.Left), contraction.Right is { } other ? Of(other) : null);
            bool packs = contraction.Packs && !new[] { left, right }.Any(view => view?.Storage is { IsPerRow: false, Window: not null });
            return new ContractStep(new Contraction(target, left, right, contraction.Coefficient, packs), step.Accumulates || !_inside.ContainsValue(target.Storage));

            View Of(View view)
            {
                Affine position = new(view.Position.Offset, [.. view.Position.Terms.Where(term => !gone.Contains(term.Index)).Select(term => (term.Index, term.Stride))]);
                position = position.Substitute(rows, fewerRows);
                position = elements is null ? position : position.Substitute(elements, fewerElements!);
                if (_inside.TryGetValue(view.Storage, out Storage? inside))
                {
                    return view with { Storage = inside, Position = Dense(position, inside) };
                }

                int[] strides = [.. gone.Select(view.Stride), view.Stride(rows) * segment.Size];
                int offset = (view.Stride(rows) * segment.First) + (elements is null ? 0 : view.Stride(elements) * segment.From);
                return offset == 0 && strides.All(stride => stride == 0) ? view with { Position = position } : view with { Storage = PartOf(view.Storage, offset, strides), Position = position };
            }
        }

        /// <summary>A position in what stands between where that is a block.</summary>
        private Affine Dense(Affine position, Storage inside)
        {
            int pitch = segment.Length, offset = 0, rest = position.Offset;
            var pitches = new Dictionary<Digit, int>();
            foreach (Digit digit in blocks.RowDigits.Reverse())
            {
                pitches.Add(digit, pitch);
                pitch *= Extent(digit);
            }

            foreach (Digit digit in blocks.RowDigits)
            {
                offset += rest / digit.Stride * pitches[digit];
                rest %= digit.Stride;
            }

            return new Affine(offset + rest, [.. position.Terms.Select(term => (term.Index, term.Index == View.Rows ? inside.Pitch : PitchOf(term.Stride)))]);

            int PitchOf(int stride) => blocks.RowDigits.FirstOrDefault(digit => digit.Stride <= stride) is { Stride: > 0 } along ? stride / along.Stride * pitches[along] : stride;
        }

        private Storage PartOf(Storage of, int offset, int[] strides)
        {
            (Storage, int, string) key = (of, offset, string.Join(",", strides));
            if (!_parts.TryGetValue(key, out Storage? part))
            {
                long moved = strides.Zip([.. whole.Select(digit => digit.Extent), segment.Count], (stride, extent) => (long)stride * (extent - 1)).Sum();
                part = new Storage(of.Name, of.Space, (int)(of.Length - offset - moved)) { Pitch = of.Pitch, Window = new StepWindow(of, offset, strides), IsNoise = of.IsNoise };
                _parts.Add(key, part);
            }

            return part;
        }
    }
}
