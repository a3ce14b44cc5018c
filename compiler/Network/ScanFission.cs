namespace Weft.Compiler.Network;

/// <summary>
/// What a step of a scan makes of its part alone is made for all steps at once, before the scan: products of many rows instead of few, also in the
/// derivatives. Only what reads the state stays in the loop, and what would grow by being kept for all steps.
/// </summary>
internal sealed class ScanFission
{
    private readonly ScanStatement _scan;
    private readonly Func<int, RowTensor> _newVector;
    private readonly Index _step;

    /// <summary>Tensors of the body that are parts of what is there for all steps.</summary>
    private readonly Dictionary<RowTensor, StepPart> _parts;
    private readonly List<Statement> _before = [];

    private ScanFission(ScanStatement scan, Func<int, RowTensor> newVector)
    {
        (_scan, _newVector, _step) = (scan, newVector, new Index("step", scan.Steps));
        _parts = scan.Given.Where(part => scan.Sources.Contains(part.Of)).ToDictionary(part => part.Tensor);
    }

    /// <summary>The statements for all steps, and the scan of the rest.</summary>
    /// <param name="scan">The scan.</param>
    /// <param name="newVector">Makes a tensor of a length.</param>
    public static IReadOnlyList<Statement> Of(ScanStatement scan, Func<int, RowTensor> newVector)
    {
        var fission = new ScanFission(scan, newVector);
        Statement[] body = [.. scan.Body.Select(fission.Rest).OfType<Statement>().SelectMany(fission.OfWholes)];
        HashSet<Tensor> read = [.. body.SelectMany(statement => statement.Reads)];
        StepPart[] given = [.. fission._parts.Values.Where(part => read.Contains(part.Tensor))];
        return
        [
            .. fission._before,
            scan with
            {
                Sources = [.. given.Select(part => part.Of).Distinct()],
                Given = [.. scan.Given.Where(part => scan.State.Contains(part.Of)), .. given],
                Body = body,
            },
        ];
    }

    /// <summary>What is left of a statement; null where all of it is done before.</summary>
    private Statement? Rest(Statement statement)
    {
        bool isResult = _scan.Gives.Any(part => part.Tensor == statement.Target);
        switch (statement)
        {
            case NoiseStatement noise:
                _before.Add(noise with { Target = ForAll(noise.Target), Count = checked(_scan.Steps * noise.Count) });
                return null;

            case ActivationStatement { Source: var source, Function: var function } when !isResult && _parts.TryGetValue(source, out StepPart? whole) && IsWhole(whole):
                _before.Add(new ActivationStatement(ForAll(statement.Target), whole.Of, function));
                return null;

            case SumStatement sum when !isResult && sum.Terms.Count > 0 && sum.Terms.All(term => IsOfParts(term) || !term.IsPerRow) && sum.Terms.Any(IsOfParts) && Pays(sum):
                _before.Add(new SumStatement(ForAll(sum.Target), [.. sum.Terms.Select(term => ForAll(term, sum.Target.Length))]));
                return null;

            case SumStatement sum when sum.Terms.Any(term => IsApart(term, sum)):
                // What no row differs in goes along.
                Term[] apart = [.. sum.Terms.Where(term => IsApart(term, sum) || (!term.IsPerRow && Covers(term, sum.Target)))];
                RowTensor one = _newVector(sum.Target.Length);
                _before.Add(new SumStatement(ForAll(one), [.. apart.Select(term => ForAll(term, one.Length))]));
                Affine each = Affine.Of(new Index("i", one.Length));
                return sum with { Terms = [new Term(1, [new Factor(one, each)], each), .. sum.Terms.Except(apart)] };

            default:
                return statement;
        }
    }

    /// <summary>What is no sum reads vectors that have room of their own: it is given copies.</summary>
    private IEnumerable<Statement> OfWholes(Statement statement)
    {
        if (statement is SumStatement)
        {
            return [statement];
        }

        var copies = new Dictionary<Tensor, RowTensor>();
        Statement copied = statement.Map(tensor => tensor is not RowTensor part || !_parts.ContainsKey(part) ? tensor
            : copies.TryGetValue(part, out RowTensor? known) ? known
            : copies[part] = _newVector(part.Length));
        return copies.Select(pair => Copy(pair.Value, (RowTensor)pair.Key)).Append(copied);

        static Statement Copy(RowTensor to, RowTensor from)
        {
            Affine each = Affine.Of(new Index("i", from.Length));
            return new SumStatement(to, [new Term(1, [new Factor(from, each)], each)]);
        }
    }

    /// <summary>Whether a part is all that there is of a step: then all of them, one behind the other, are what it is a part of.</summary>
    private bool IsWhole(StepPart part) => part.Offset == 0 && part.Stride == part.Tensor.Length && part.Of.Length == checked(_scan.Steps * part.Stride);

    /// <summary>Whether a term reads nothing that differs from row to row but parts of what is there for all steps, and one of these at least.</summary>
    private bool IsOfParts(Term term)
    {
        RowTensor[] rows = [.. term.Factors.Select(factor => factor.Tensor).OfType<RowTensor>()];
        return rows.Length > 0 && rows.All(_parts.ContainsKey);
    }

    /// <summary>Whether a term is worth being computed apart from the others of its sum.</summary>
    private bool IsApart(Term term, SumStatement sum) => IsOfParts(term) && IsContraction(term) && Covers(term, sum.Target);

    private static bool IsContraction(Term term) => term.Indices.Any(index => !term.Output.Contains(index));

    private static bool Covers(Term term, RowTensor target) =>
        term.Output.Overlapping.Count == 0 && term.Output.Indices.Aggregate(1L, (product, index) => product * index.Extent) == target.Length;

    /// <summary>Whether what is kept for all steps is a product, or not longer than what it is made of.</summary>
    private static bool Pays(SumStatement sum) => sum.Terms.Any(IsContraction)
        || sum.Target.Length <= sum.Reads.OfType<RowTensor>().Distinct().Sum(tensor => (long)tensor.Length);

    /// <summary>The tensor that holds one of a step for all steps.</summary>
    private RowTensor ForAll(RowTensor one)
    {
        RowTensor all = _newVector(checked(_scan.Steps * one.Length));
        _parts.Add(one, new StepPart(one, all, 0, one.Length));
        return all;
    }

    /// <summary>A term of a step, for all of them.</summary>
    private Term ForAll(Term term, int length)
    {
        Affine step = Affine.Of(_step);
        return term with
        {
            Factors = [.. term.Factors.Select(factor => factor.Tensor is RowTensor row && _parts[row] is var part
                ? new Factor(part.Of, factor.Position + (step * part.Stride) + part.Offset)
                : factor)],
            Output = term.Output + (step * length),
        };
    }
}
