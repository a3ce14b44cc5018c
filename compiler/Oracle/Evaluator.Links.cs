using Weft.Compiler.Algebra;

namespace Weft.Compiler.Oracle;

/// <summary>Applies links to vectors, one after the other.</summary>
internal sealed partial class Evaluator
{
    /// <summary>What the value in hand is made of, and the values that are known of it.</summary>
    private (Number[] Input, Dictionary<TensorExpression, Elements> Known)? _given;

    /// <summary>The values that are the same whatever is in hand.</summary>
    private readonly Dictionary<TensorExpression, Elements> _fixed = [];

    /// <summary>Whether what is being evaluated has read the value in hand.</summary>
    private bool _readsGiven;

    /// <summary>The seed and the step of training that noise is drawn by; null for its mean.</summary>
    public (int Seed, long Step)? Noise { get; init; }

    /// <summary>The place of the row in hand in its batch.</summary>
    public int Row { get; set; }

    /// <summary>The step in hand of all scans around, counted through.</summary>
    private int _step;

    public Func<Number[], Number[]> Chain(IEnumerable<Link> links)
    {
        List<Func<Number[], Number[]>> steps = links.Select(Step).ToList();
        return row => steps.Aggregate(row, (vector, step) => step(vector));
    }

    private Func<Number[], Number[]> Step(Link link)
    {
        switch (link)
        {
            case LinearLink { Operator: Product product }:
                // Factor by factor, as the product of large matrices would take long.
                List<SparseMatrix> factors = product.Operands.Reverse().Select(Matrix).ToList();
                return row => factors.Aggregate(row, (vector, factor) => factor.Apply(vector, tape));

            case LinearLink linear:
                SparseMatrix matrix = Matrix(linear.Operator);
                return row => matrix.Apply(row, tape);

            case BiasLink bias:
                Number[] vector = Tensor(bias.Bias).Items;
                return row => row.Zip(vector, tape.Add).ToArray();

            case ActivationLink activation:
                return row => row.Select(number => Activate(activation.Activation, number)).ToArray();

            case FunctionLink function:
                return row => Apply(function, row);

            case BranchLink branch:
                List<Func<Number[], Number[]>> branches = branch.Branches.Select(links => Chain(links)).ToList();
                Func<Number, Number, Number> join = branch.Joint == Joint.Add ? tape.Add : tape.Multiply;
                return row => branches.Select(one => one(row)).Aggregate((left, right) => left.Zip(right, join).ToArray());

            case ValueLink value:
                return row => Of(row, () => Tensor(value.Value).Items);

            case ScanLink scan:
                Func<Number[], Number[]> step = Chain(scan.Step);
                return row => Scan(scan, step, row);

            default:
                throw new NotSupportedException($"The interpreter has no definition of {link.GetType().Name}.");
        }
    }

    private Number[] Scan(ScanLink scan, Func<Number[], Number[]> step, Number[] row)
    {
        var given = new Number[scan.Given];
        var results = new List<Number>();
        int outer = _step;
        for (int i = 0; i < scan.Steps; i++)
        {
            _step = (outer * scan.Steps) + i;
            foreach ((int at, int part, int length) in scan.Reads)
            {
                Array.Copy(row, (i * scan.PartGiven) + part, given, at, length);
            }

            Number[] gives = step(given);
            given = new Number[scan.Given];
            foreach (Carry carry in scan.State)
            {
                Array.Copy(gives, carry.Output, given, carry.Input, carry.Length);
            }

            results.AddRange(scan.Writes.SelectMany(run => gives.Skip(run.At).Take(run.Length)));
        }

        _step = outer;
        return [.. results];
    }

    private Number Drawn(NoiseTensor noise, int element, int length) => new(Noise is not { } by ? noise.Mean : RandomTensor.Element(
        noise.Distribution.Distribution, noise.Distribution.Scale, RandomNumbers.OfRow(by.Seed, by.Step, noise.Seed, Row), (_step * length) + element));

    /// <summary>Evaluates with a vector in place of <see cref="InputTensor"/>.</summary>
    private T Of<T>(Number[] input, Func<T> evaluate)
    {
        var outer = _given;
        _given = (input, []);
        T result = evaluate();
        _given = outer;
        return result;
    }
}
