using Weft.Compiler.Algebra;

namespace Weft.Compiler.Network;

/// <summary>A tensor of the body of a scan that stands for a part of one outside of it: in step i, the elements of that from Offset + Stride · i on.</summary>
/// <param name="Tensor">The one that stands for it.</param>
/// <param name="Of">The one outside.</param>
/// <param name="Offset">Where the part begins in the first step.</param>
/// <param name="Stride">How far it moves with each.</param>
public sealed record StepPart(RowTensor Tensor, RowTensor Of, int Offset, int Stride);

/// <summary>
/// Runs statements once for each step of a scan. Parts of the sources and of the state come in, parts of the target and of the next state go out;
/// tensors that they fill on the way are of one step.
/// </summary>
/// <param name="Target">All results.</param>
/// <param name="Sources">What all steps are given: the input, and what is made of it for all of them.</param>
/// <param name="Steps">How many there are.</param>
/// <param name="State">The state before each step and behind the last: nothing else reads it. It begins as zeros.</param>
/// <param name="Given">What a step reads of the sources and of the state.</param>
/// <param name="Gives">What it fills of the target and of the next state.</param>
/// <param name="Body">What it does.</param>
public sealed record ScanStatement(
    RowTensor Target, IReadOnlyList<RowTensor> Sources, int Steps, IReadOnlyList<RowTensor> State, IReadOnlyList<StepPart> Given, IReadOnlyList<StepPart> Gives, IReadOnlyList<Statement> Body)
    : Statement(Target)
{
    /// <summary>What it reads from outside.</summary>
    public override IEnumerable<Tensor> Reads => Body.SelectMany(statement => statement.Reads).Where(tensor => tensor is WeightTensor).Concat(Sources);

    public override Statement Map(Func<Tensor, Tensor> tensors)
    {
        Dictionary<RowTensor, RowTensor> sources = Sources.Distinct().ToDictionary(source => source, source => (RowTensor)tensors(source));
        return this with
        {
            Sources = [.. sources.Values],
            Given = [.. Given.Select(part => sources.TryGetValue(part.Of, out RowTensor? source) ? part with { Of = source } : part)],
            Body = [.. Body.Select(statement => statement.Map(tensor => tensor is WeightTensor ? tensors(tensor) : tensor))],
        };
    }

    public override Statement Into(RowTensor target) =>
        this with { Target = target, Gives = [.. Gives.Select(part => part.Of == Target ? part with { Of = target } : part)] };

    /// <summary>
    /// A scan whose step is a program over whole vectors. Sums read parts of what comes in and fill parts of what goes out where these lie; what else
    /// needs a vector whole is given a copy.
    /// </summary>
    /// <param name="scan">The scan.</param>
    /// <param name="source">What all steps are given.</param>
    /// <param name="step">The program of a step, which fills its output last.</param>
    /// <param name="newVector">Makes a tensor of a length.</param>
    public static ScanStatement Of(ScanLink scan, RowTensor source, (RowTensor Input, RowTensor Output, IReadOnlyList<Statement> Statements) step, Func<int, RowTensor> newVector)
    {
        RowTensor target = newVector(checked(scan.Steps * scan.PartGives));
        RowTensor[] state = [.. scan.State.Select(part => newVector(checked((scan.Steps + 1) * part.Length)))];
        var given = new Ends(step.Input, newVector);
        var gives = new Ends(step.Output, newVector);
        foreach ((int at, int part, int length) in scan.Reads)
        {
            given.Add(at, length, source, part, scan.PartGiven);
        }

        foreach ((int at, int part, int length) in scan.Writes)
        {
            gives.Add(at, length, target, part, scan.PartGives);
        }

        for (int k = 0; k < state.Length; k++)
        {
            (int input, int output, int length) = (scan.State[k].Input, scan.State[k].Output, scan.State[k].Length);
            given.Add(input, length, state[k], 0, length);
            gives.Add(output, length, state[k], length, length);
        }

        Statement[] body = [.. step.Statements.SelectMany(statement => gives.Fill(given.Read(statement)))];
        bool readsWhole = body.Any(statement => statement.Reads.Contains(step.Input));
        return new ScanStatement(target, [source], scan.Steps, state, given.Parts, gives.Parts, readsWhole ? [given.Joined(), .. body] : body);
    }

    /// <summary>A vector of a step, which is nothing but parts of others.</summary>
    private sealed class Ends(RowTensor whole, Func<int, RowTensor> newVector)
    {
        private readonly List<(int At, StepPart Part)> _parts = [];

        public IReadOnlyList<StepPart> Parts => [.. _parts.Select(one => one.Part)];

        public void Add(int at, int length, RowTensor of, int offset, int stride) => _parts.Add((at, new StepPart(newVector(length), of, offset, stride)));

        /// <summary>A sum with parts in place of the vector, as far as each factor reads only one of them.</summary>
        public Statement Read(Statement statement)
        {
            return statement is SumStatement sum
                ? sum with { Terms = [.. sum.Terms.Select(term => term with { Factors = [.. term.Factors.Select(OfPart)] })] }
                : statement;

            Factor OfPart(Factor factor) =>
                factor.Tensor == whole && Holding(factor.Position) is { } one ? new Factor(one.Part.Tensor, factor.Position + -one.At) : factor;
        }

        /// <summary>What fills each part instead of the vector.</summary>
        public IEnumerable<Statement> Fill(Statement statement)
        {
            if (statement.Target != whole)
            {
                return [statement];
            }

            return statement is SumStatement sum && sum.Terms.All(term => Holding(term.Output) is not null)
                ? _parts.Select(one => new SumStatement(one.Part.Tensor, [.. TermsOf(sum, one)]))
                : _parts.Select(one => (Statement)new SumStatement(one.Part.Tensor, [Copy(one, fromWhole: true)])).Prepend(statement);

            IEnumerable<Term> TermsOf(SumStatement sum, (int At, StepPart Part) one) =>
                sum.Terms.Where(term => Holding(term.Output) == one).Select(term => term with { Output = term.Output + -one.At });
        }

        /// <summary>What makes the vector of its parts.</summary>
        public Statement Joined() => new SumStatement(whole, [.. _parts.Select(one => Copy(one, fromWhole: false))]);

        private Term Copy((int At, StepPart Part) one, bool fromWhole)
        {
            Affine each = Affine.Of(new Index("i", one.Part.Tensor.Length)), inWhole = each + one.At;
            return fromWhole ? new Term(1, [new Factor(whole, inWhole)], each) : new Term(1, [new Factor(one.Part.Tensor, each)], inWhole);
        }

        private (int At, StepPart Part)? Holding(Affine position)
        {
            (int At, StepPart Part) found = _parts.FirstOrDefault(one => one.At <= position.Minimum && position.Maximum < one.At + one.Part.Tensor.Length);
            return found.Part is null ? null : found;
        }
    }
}
