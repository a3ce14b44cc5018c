using Weft.Compiler.Algebra;

namespace Weft.Compiler.Oracle;

/// <summary>The derivatives of <c>Σ dy · y</c>.</summary>
/// <param name="Input">For the input, row by row.</param>
/// <param name="Parameters">For every parameter, in the order of <see cref="Module.Parameters"/>, whatever its role.</param>
public sealed record InterpretedGradient(double[] Input, IReadOnlyList<double[]> Parameters);

/// <summary>
/// Evaluates a module in float64, straight from the definitions of the algebra: what everything compiled is held against. It
/// neither rewrites nor plans, and shares no code with the road to C#, except that the binder asks it what positions a table without parameters
/// holds. A batch is a row-major matrix of one input per row.
/// </summary>
public sealed class Interpreter
{
    private readonly Module _module;
    private readonly double[][] _parameters;

    /// <summary>Takes a value for every parameter, seeded ones too, by name.</summary>
    /// <exception cref="ArgumentException">A parameter has no value, or one of another length.</exception>
    public Interpreter(Module module, IReadOnlyDictionary<string, double[]> parameters)
    {
        _module = module;
        _parameters = module.Parameters
            .Select(parameter =>
                !parameters.TryGetValue(parameter.Name, out double[]? value)
                    ? throw new ArgumentException($"The parameter {parameter.Name} has no value.", nameof(parameters))
                    : Checked(value, parameter.Length, parameter.Name))
            .ToArray();
    }

    /// <summary>Takes the values of all parameters, seeded ones too, one after another in the order of the module.</summary>
    /// <exception cref="ArgumentException">There are too few numbers or too many.</exception>
    public Interpreter(Module module, double[] parameters)
    {
        Checked(parameters, module.Parameters.Sum(parameter => parameter.Length), nameof(parameters));
        _module = module;
        _parameters = new double[module.Parameters.Count][];
        int offset = 0;
        for (int i = 0; i < _parameters.Length; i++)
        {
            _parameters[i] = parameters.Skip(offset).Take(module.Parameters[i].Length).ToArray();
            offset += _parameters[i].Length;
        }
    }

    /// <summary>The seed and the step of training that noise is drawn by; null for its mean.</summary>
    public (int Seed, long Step)? Noise { get; init; }

    /// <summary>The module's value for each row of <paramref name="x"/>.</summary>
    /// <exception cref="ArgumentException">The length is not a multiple of <see cref="Module.Inputs"/>.</exception>
    public double[] Evaluate(double[] x)
    {
        Recording recording = Record(x, differentiable: false);
        return Values(recording.Outputs);
    }

    /// <summary>The elements of a tensor that depends on no parameter.</summary>
    public static double[] Elements(TensorExpression tensor) =>
        Values(new Evaluator(new Tape(), new Dictionary<string, Number[]>()).Tensor(tensor).Items);

    /// <summary>The matrix of one operator over this module's parameters.</summary>
    public double[,] Dense(Operator node)
    {
        var tape = new Tape();
        return new Evaluator(tape, Named(_parameters.Select(Constants))).Matrix(node).ToDense();
    }

    /// <summary>The matrix of the module.</summary>
    /// <exception cref="InvalidOperationException">The module is not linear.</exception>
    public double[,] Dense() =>
        Dense(_module.Operator ?? throw new InvalidOperationException($"{_module.Name} is not linear: it has no dense form."));

    /// <summary>The matrix of one operator over this module's parameters, and which of some sources each entry is made of.</summary>
    /// <param name="node">The operator.</param>
    /// <param name="sources">Parameters by their places in the module, each whole or one of its elements.</param>
    /// <param name="mostProducts">How many products are added up at most.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Null where it takes more products.</returns>
    public TracedMatrix? Trace(Operator node, IReadOnlyList<(int Parameter, int? Element)> sources, long mostProducts, CancellationToken cancellationToken = default)
    {
        var tape = new SourceTape(mostProducts, cancellationToken);
        Number[][] numbers = _parameters.Select(Constants).ToArray();
        for (int k = 0; k < sources.Count; k++)
        {
            (Number[] of, int? element) = (numbers[sources[k].Parameter], sources[k].Element);
            for (int i = element ?? 0; i < (element + 1 ?? of.Length); i++)
            {
                of[i] = of[i] with { Node = tape.Union(of[i].Node, tape.Source(k)) };
            }
        }

        try
        {
            return new TracedMatrix(new Evaluator(tape, Named(numbers)).Matrix(node), tape);
        }
        catch (SourceTape.ExhaustedException)
        {
            return null;
        }
    }

    /// <summary>The value for a batch, and what derivatives there are taken from: recorded once, however many are.</summary>
    /// <exception cref="ArgumentException">The length is not a multiple of <see cref="Module.Inputs"/>.</exception>
    public Interpretation Interpret(double[] x) => new(_module, Record(x, differentiable: true));

    /// <summary>The derivatives of <c>Σ dy · y</c> for the input and for every parameter.</summary>
    /// <exception cref="ArgumentException">The lengths are not those of a batch of equally many rows.</exception>
    public InterpretedGradient Gradient(double[] x, double[] dy) => Interpret(x).Gradient(dy);

    /// <summary>The derivative of the value in the direction (<paramref name="dx"/>, <paramref name="dParameters"/>).</summary>
    /// <param name="x">The batch.</param>
    /// <param name="dx">A direction for the batch.</param>
    /// <param name="dParameters">A direction for every parameter, in the order of the module.</param>
    /// <exception cref="ArgumentException">A direction does not have the length of what it is for.</exception>
    public double[] Tangent(double[] x, double[] dx, IReadOnlyList<double[]> dParameters) => Interpret(x).Tangent(dx, dParameters);

    internal static double[] Checked(double[] values, int length, string name) => values.Length == length
        ? values
        : throw new ArgumentException($"{name} needs {length} numbers, not {values.Length}.", name);

    private static Number[] Constants(double[] values) => values.Select(value => new Number(value)).ToArray();

    internal static double[] Values(Number[] numbers) => numbers.Select(number => number.Value).ToArray();

    private Dictionary<string, Number[]> Named(IEnumerable<Number[]> values) => _module.Parameters
        .Zip(values, (parameter, value) => (parameter.Name, value))
        .ToDictionary(pair => pair.Name, pair => pair.value, StringComparer.Ordinal);

    private Recording Record(double[] x, bool differentiable)
    {
        if (_module.Inputs == 0 || x.Length % _module.Inputs != 0)
        {
            throw new ArgumentException(
                $"{_module.Name} takes rows of {_module.Inputs} numbers; {x.Length} is not a multiple of that.", nameof(x));
        }

        var tape = new Tape();
        Number[] inputs = Leaves(x);
        Number[][] parameters = _parameters.Select(Leaves).ToArray();
        var evaluator = new Evaluator(tape, Named(parameters)) { Noise = Noise };

        Number[][] rows = Enumerable.Range(0, x.Length / _module.Inputs)
            .Select(row => inputs.Skip(row * _module.Inputs).Take(_module.Inputs).ToArray())
            .ToArray();
        Func<Number[], Number[]> chain = evaluator.Chain(_module.Links);
        rows = rows.Select((row, number) =>
        {
            evaluator.Row = number;
            return chain(row);
        }).ToArray();

        return new Recording(tape, inputs, parameters, rows.SelectMany(row => row).ToArray());

        Number[] Leaves(double[] values) => differentiable ? values.Select(tape.Variable).ToArray() : Constants(values);
    }

    internal sealed record Recording(Tape Tape, Number[] Inputs, Number[][] Parameters, Number[] Outputs);
}

/// <summary>What a module makes of one batch, and the derivatives there.</summary>
public sealed class Interpretation
{
    private readonly Module _module;
    private readonly Interpreter.Recording _recording;

    internal Interpretation(Module module, Interpreter.Recording recording) => (_module, _recording) = (module, recording);

    /// <summary>The module's value for each row.</summary>
    public double[] Value => Interpreter.Values(_recording.Outputs);

    /// <summary>The derivatives of <c>Σ dy · y</c> for the input and for every parameter.</summary>
    /// <exception cref="ArgumentException">The length is not that of the value.</exception>
    public InterpretedGradient Gradient(double[] dy)
    {
        double[] adjoints = _recording.Tape.Backward(_recording.Outputs, Interpreter.Checked(dy, _recording.Outputs.Length, nameof(dy)));
        return new InterpretedGradient(
            Adjoints(_recording.Inputs),
            _recording.Parameters.Select(Adjoints).ToList());

        double[] Adjoints(Number[] numbers) => numbers.Select(number => adjoints[number.Node]).ToArray();
    }

    /// <summary>The derivative of the value in the direction (<paramref name="dx"/>, <paramref name="dParameters"/>).</summary>
    /// <param name="dx">A direction for the batch.</param>
    /// <param name="dParameters">A direction for every parameter, in the order of the module.</param>
    /// <exception cref="ArgumentException">A direction does not have the length of what it is for.</exception>
    public double[] Tangent(double[] dx, IReadOnlyList<double[]> dParameters)
    {
        Interpreter.Checked(dx, _recording.Inputs.Length, nameof(dx));
        if (dParameters.Count != _recording.Parameters.Length)
        {
            throw new ArgumentException(
                $"{_recording.Parameters.Length} parameters need as many directions, not {dParameters.Count}.", nameof(dParameters));
        }

        IEnumerable<(Number, double)> direction = Enumerable.Range(0, dx.Length).Select(i => (_recording.Inputs[i], dx[i]));
        for (int k = 0; k < dParameters.Count; k++)
        {
            double[] tangent = Interpreter.Checked(dParameters[k], _recording.Parameters[k].Length, _module.Parameters[k].Name);
            direction = direction.Concat(_recording.Parameters[k].Select((number, i) => (number, tangent[i])));
        }

        double[] tangents = _recording.Tape.Forward(direction);
        return _recording.Outputs.Select(number => tangents[number.Node]).ToArray();
    }
}
