using System.Globalization;
using Weft.Compiler.Text;

namespace Weft.Tests.Formulas;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>
/// Composes modules from everything that the algebra has: the same seed gives the same module. Sizes are small, rectangular and
/// often odd, so that nothing that is wrong for one shape hides behind another.
/// </summary>
internal sealed class RandomFormula
{
    private const int MostElements = 3000;

    // Of a matrix that the oracle inverts number by number.
    private const int MostRows = 10;
    private const int MostIndexCombinations = 20000;

    private readonly Random _random;
    private readonly bool _textual;

    /// <summary>Whether Fourier transforms are among the leaves.</summary>
    private readonly bool _hasTransforms;

    /// <summary>Whether values are multiplied by noise: of no negative numbers, as what rounding errors are relative to has none.</summary>
    private readonly bool _hasNoise;
    private readonly List<Parameter> _parameters = [];

    // The indices of the indexed sums around what is being composed.
    private readonly List<IndexVariable> _enclosing = [];
    private int _nextIndex = 1;

    private RandomFormula(int seed, bool textual)
    {
        _random = new Random(seed);
        _textual = textual;
        _hasNoise = !textual && seed % 5 == 1;
        _hasTransforms = seed % 5 == 2;
    }

    /// <summary>
    /// The module of a seed. A <paramref name="textual"/> one has only what can be written as a declaration: index notation as
    /// the whole body and in <c>let</c>, but not inside an expression.
    /// </summary>
    public static Module Create(int seed, bool textual = false)
    {
        var formula = new RandomFormula(seed, textual);
        return !textual && seed % 7 == 3 ? formula.Lookups(seed) : formula.Compose(seed);
    }

    /// <summary>
    /// A layer of inputs with names, positions among them: a sum of what is read at these and of what is added at them, of parameters and of
    /// values, with arithmetic on positions, and links behind it.
    /// </summary>
    private Module Lookups(int seed)
    {
        var ports = new List<Port>();
        void Add(string name, int size, params int[] shape) => ports.Add(new Port(name, shape.ToEquatable(), ports.Sum(port => port.Length), size));
        int rows = _random.Next(1, 8), parts = _random.Next(2, 5);
        Add("token", _random.Next(1, 12), Chance(0.5) ? [rows] : [rows, _random.Next(1, 4)]);
        Add("x", 0, parts, _random.Next(1, 6));
        if (Chance(0.5))
        {
            Add("code", parts, _random.Next(1, 5));
        }

        int inputs = ports.Sum(port => port.Length), outputs = _random.Next(1, 13);
        TensorExpression[] inputsByPort = [.. ports.Select(port => PartOf(port, inputs))];
        Port[] positions = [.. ports.Where(port => port.IsPositions)];
        List<IndexVariable> results = [.. Factorize(outputs, _random.Next(1, 3)).Select(extent => Index("mnpq", extent))];
        var value = new EinsumTensor(
            results.Select(index => EquatableArray.Of(index)).ToEquatable(),
            Enumerable.Range(0, _random.Next(1, 4)).Select(_ =>
            {
                TensorExpression made = Lookup();
                List<IndexVariable> at = [.. made.Shape.Select(extent => Index("rstu", extent))];
                var weights = new ParameterTensor(ParameterOf([.. results.Concat(at).Select(index => index.Extent)]));
                EquatableArray<IndexedTensor> factors = EquatableArray.Of(
                    new IndexedTensor(weights, results.Concat(at).Select(AffineIndex.Of).ToEquatable()), new IndexedTensor(made, at.Select(AffineIndex.Of).ToEquatable()));
                return new TensorProduct(factors, Math.Abs(Coefficient()));
            }).ToEquatable());
        Link[] behind = Chance(0.5) ? [] : [new ActivationLink(Activation.Tanh), new LinearLink(Leaf(outputs, outputs))];
        return Algebras.ModuleOf("Formula" + Text(seed), inputs, outputs, [new ValueLink(value), .. behind]) with { InputPorts = ports.ToEquatable() };

        TensorExpression Lookup()
        {
            TensorExpression x = inputsByPort[1];
            int outer = _random.Next(1, 3), inner = _random.Next(1, 5);
            switch (_random.Next(5))
            {
                case 0:
                    // Of a parameter, or what is made of one.
                    int size = Pick(positions).Size + _random.Next(3);
                    TensorExpression table = new ParameterTensor(ParameterOf([outer, size, inner]));
                    return Read(Chance(0.3) ? Functions.Of("tanh", table) : table, size, outer, inner);
                case 1:
                    // Of an input, or of a value.
                    return Read(Chance(0.5) ? x : new AppliedTensor(EquatableArray.Of<Link>(new ActivationLink(Activation.Tanh)), x, x.Shape), parts, 1, x.Shape[1]);
                case 2:
                    // A sum for each position, of an input or of a parameter.
                    TensorExpression into = Positions(parts + 1);
                    int count = Length(into.Shape);
                    IndexVariable i = Index("ij", count), a = Index("ab", inner), p = Index("kl", parts), d = Index("cd", x.Shape[1]);
                    TensorExpression added = Chance(0.3)
                        ? new ParameterTensor(ParameterOf([count, inner]))
                        : new EinsumTensor(
                            EquatableArray.Of(EquatableArray.Of(i), EquatableArray.Of(a)),
                            EquatableArray.Of(Of(new ParameterTensor(ParameterOf([count, inner, parts, x.Shape[1]])), i, a, p, d), Of(x, p, d)));
                    return new GatherTensor(added, into, 1, inner, EquatableArray.Of(parts + 1, inner), Transposed: true);
                case 3:
                    // At positions that others are read at.
                    GatherTensor first = Read(new ParameterTensor(ParameterOf([1, parts, inner])), parts, 1, inner);
                    return Read(first, first.Shape[1], 1, inner);
                default:
                    // A number that depends on positions.
                    return Arithmetic(number => new FormulaOperation(FormulaOperator.All[">="], EquatableArray.Of(number, new FormulaNumber(2))));
            }
        }

        GatherTensor Read(TensorExpression source, int size, int outer, int inner)
        {
            TensorExpression at = Positions(size);
            return new GatherTensor(source, at, outer, inner, EquatableArray.Of(outer, Length(at.Shape), inner));
        }

        // Below a size: an input, or arithmetic on it.
        TensorExpression Positions(int size)
        {
            Port[] fitting = [.. positions.Where(port => port.Size <= size)];
            FormulaNumber end = new(size);
            return fitting.Length > 0 && Chance(0.5)
                ? inputsByPort[ports.IndexOf(Pick(fitting))]
                : Arithmetic(number => Pick(
                    Make("%", number, end), Make("min", number, new FormulaNumber(size - 1)), Make("%", Make("hash", number, new FormulaNumber(seed)), end), Make("%", Make("floor", Make("/", number, new FormulaNumber(2))), end),
                    Make("%", Make("^", number, new FormulaNumber(2)), end), Make("if", Make("<", number, new FormulaNumber(2)), Make("%", number, end), new FormulaNumber(size - 1))));
        }

        // Positions, or numbers that depend on them, of one input or two, and on an index that they do not have.
        PositionTensor Arithmetic(Func<Formula, Formula> of)
        {
            Port port = Pick(positions), other = Pick(positions);
            List<IndexVariable> axes = [.. port.Shape.Select(extent => Index("ij", extent)), Index("kl", _random.Next(1, 4))];
            Formula Number(int k) => new FormulaIndex(k);
            Formula sum = Make("+", Make("*", Number(axes.Count), new FormulaNumber(_random.Next(1, 4))), Number(axes.Count - 1));
            var sources = new List<IndexedTensor> { Of(inputsByPort[ports.IndexOf(port)], [.. axes.SkipLast(1)]) };
            if (Chance(0.4))
            {
                sum = Make("+", sum, Number(axes.Count + 1));
                sources.Add(new IndexedTensor(inputsByPort[ports.IndexOf(other)], other.Shape.Select(extent => AffineIndex.Constant(_random.Next(extent))).ToEquatable()));
            }

            return new PositionTensor(axes.ToEquatable(), sources.ToEquatable(), of(sum));
        }

        static Formula Make(string symbol, params Formula[] operands) => new FormulaOperation(FormulaOperator.All[symbol], operands.ToEquatable());

        static IndexedTensor Of(TensorExpression tensor, params IndexVariable[] indices) => new(tensor, indices.Select(AffineIndex.Of).ToEquatable());

        static int Length(EquatableArray<int> shape) => shape.Aggregate(1, (product, extent) => product * extent);
    }

    /// <summary>A part of the input in its own shape.</summary>
    private EinsumTensor PartOf(Port port, int inputs)
    {
        IndexVariable[] axes = [.. port.Shape.Select(extent => Index("ij", extent))];
        return new EinsumTensor(
            axes.Select(index => EquatableArray.Of(index)).ToEquatable(),
            EquatableArray.Of(new IndexedTensor(new InputTensor(inputs), EquatableArray.Of(AffineIndex.Group(axes) with { Offset = port.Offset }))));
    }

    private Module Compose(int seed)
    {
        int depth = _random.Next(1, 6);
        bool large = depth <= 2 && Chance(0.15);
        int Size() => large ? _random.Next(25, 71) : _random.Next(1, 25);

        var links = new List<Link>();
        int inputs = Size(), outputs = Size();
        if (Chance(0.75))
        {
            links.Add(new LinearLink(Body(outputs, inputs, depth)));
        }
        else
        {
            int layers = _random.Next(1, 4), width = inputs, biases = 0;
            for (int layer = 0; layer < layers; layer++)
            {
                outputs = Size();
                int parts = Gcd(outputs, width);
                if (!_textual && parts > 1 && Chance(0.5) && Each(parts, outputs / parts, width / parts) is { } each)
                {
                    links.AddRange(each);
                    width = outputs;
                    continue;
                }

                if (!_textual && parts > 1 && parts <= 6 && Chance(0.4))
                {
                    links.Add(Scan(parts, outputs / parts, width / parts));
                    width = outputs;
                    continue;
                }

                Link Linear() => new LinearLink(Compose(outputs, width, Math.Max(1, depth - 2)));
                links.Add(Chance(0.2)
                    ? Branches(Linear(), Linear())
                    : Chance(0.3) && (long)width * outputs <= MostElements / 10 && !(_textual && biases > 0) ? Value(outputs, width)
                    : Linear());
                width = outputs;
                if (Chance(0.6))
                {
                    string name = ++biases == 1 ? "bias" : "bias" + Text(biases);
                    var bias = new Parameter(
                        name, EquatableArray.Of(width), Role.Trained, new Initializer(Distribution.Zeros));
                    _parameters.Add(bias);
                    links.Add(new BiasLink(new ParameterTensor(bias)));
                }

                if (layer == 0 || Chance(0.7))
                {
                    Link[] functions = [.. Chance(0.6) ? Algebras.Tame(Pick(Enum.GetValues<Activation>())) : FunctionOfRows(width)];
                    links.AddRange(functions);
                    outputs = width = functions.OfType<NonlinearLink>().Aggregate(width, (inputs, function) => function.Outputs(inputs));
                }
            }
        }

        Module module = Algebras.ModuleOf("Formula" + Text(seed), inputs, outputs, [.. links]);
        return module with { Penalties = Penalties([.. module.Parameters.Where(parameter => parameter.Role == Role.Trained && !parameter.Name.StartsWith("bias", StringComparison.Ordinal))]) };
    }

    /// <summary>Sums of functions of elements of parameters, for some of the modules.</summary>
    private EquatableArray<Penalty> Penalties(Parameter[] trained)
    {
        return trained.Length == 0 || Chance(0.75) ? default : Enumerable.Range(0, _random.Next(1, 4)).Select(k => new Penalty("penalty" + Text(k), Sum(Pick(trained)))).ToEquatable();

        EinsumTensor Sum(Parameter parameter)
        {
            IndexVariable[] indices = [.. parameter.Shape.Select(extent => Index("ijkl", extent))];
            TensorExpression of = Chance(0.2) ? new ParameterTensor(parameter) : Functions.Of(Pick("square", "tanh", "softplus"), new ParameterTensor(parameter));
            return new EinsumTensor(EquatableArray<EquatableArray<IndexVariable>>.Empty, EquatableArray.Of(new IndexedTensor(of, indices.Select(AffineIndex.Of).ToEquatable())), 0.25);
        }
    }

    /// <summary>Two maps side by side, the second with an activation behind it; some branches have values in common with others.</summary>
    private BranchLink Branches(Link first, Link second)
    {
        Link bent = new ActivationLink(Pick(Activation.Tanh, Activation.Sigmoid));
        EquatableArray<Link>[] branches = [EquatableArray.Of(first), EquatableArray.Of(second, bent)];
        EquatableArray<Link>[] more = Chance(0.5) ? [] : Pick<EquatableArray<Link>[]>([branches[1]], [EquatableArray.Of(first, bent)], [branches[0], branches[1]]);
        return new BranchLink(Pick(Joint.Add, Joint.Hadamard), branches.Concat(more).ToEquatable());
    }

    /// <summary>A value, a bias and an activation for each of several parts; null where its function does not work on several parts.</summary>
    private EquatableArray<Link>? Each(int parts, int rows, int width)
    {
        int steps = Gcd(rows, width);
        var links = new List<Link>
        {
            steps is > 1 and <= 4 && Chance(0.3) ? Scan(steps, rows / steps, width / steps)
                : (long)rows * width <= MostElements / 10 ? Value(rows, width)
                : new LinearLink(Compose(rows, width, 1)),
        };
        if (Chance(0.5))
        {
            links.Add(new BiasLink(new ParameterTensor(ParameterOf([rows]))));
        }

        links.Add(new ActivationLink(Activation.Tanh));
        return new Lifting(parts, (name, extent) => new IndexVariable(name, extent, _nextIndex++)).Links(links.ToEquatable());
    }

    /// <summary>A scan over parts of a vector, with one or two tensors of state that lie anywhere beside what else a step is given and gives.</summary>
    private ScanLink Scan(int steps, int rows, int width)
    {
        int[] lengths = Chance(0.4) ? [_random.Next(1, 4), _random.Next(1, 3)] : [_random.Next(1, 5)];
        int given = width + lengths.Sum(), gives = rows + lengths.Sum();
        int[] inputs = Places(given - lengths.Sum()), outputs = Places(gives - lengths.Sum());
        Carry[] state = [.. lengths.Select((length, k) => new Carry(inputs[k], outputs[k], length)).OrderBy(carry => carry.Input)];
        var links = new List<Link> { (long)gives * given <= MostElements / 10 && Chance(0.6) ? Value(gives, given) : new LinearLink(Compose(gives, given, 1)) };
        if (Chance(0.4))
        {
            links.Add(new BiasLink(new ParameterTensor(ParameterOf([gives]))));
        }

        links.Add(new ActivationLink(Activation.Tanh));
        return new ScanLink(steps, links.ToEquatable(), given, gives, state.ToEquatable());

        // Where each tensor of the state begins, in any order, with the rest before, between or behind them.
        int[] Places(int rest)
        {
            int[] places = new int[lengths.Length];
            int at = 0;
            foreach (int k in Shuffled([.. Enumerable.Range(0, lengths.Length)]))
            {
                int skip = _random.Next(rest + 1);
                (places[k], rest, at) = (at + skip, rest - skip, at + skip + lengths[k]);
            }

            return places;
        }
    }

    /// <summary>Index notation of the input, perhaps a product of it with itself; a function of that; and index notation of both.</summary>
    private ValueLink Value(int rows, int width)
    {
        var input = new InputTensor(width);
        List<IndexVariable> read = Indices("ijkl", Factorize(width, _random.Next(1, 3)));
        List<IndexVariable> kept = [.. Shuffled(read).Take(_random.Next(read.Count + 1)), Index("abcd", _random.Next(2, 5))];
        List<IndexVariable> summed = [.. read.Except(kept)], own = [.. kept.Except(read)];
        TensorExpression first = Defined(kept, Chance(0.3) ? 2 : 1, () =>
            [Over([.. summed, .. own]), Of(input, read), .. Chance(0.3) ? [Of(input, read)] : Array.Empty<IndexedTensor>()]);
        TensorExpression made = FunctionOfValue(first);

        List<IndexVariable> results = Indices("mnpq", Factorize(rows, _random.Next(1, 3)));
        return new ValueLink(Defined(results, Chance(0.4) ? 2 : 1, () =>
        {
            List<IndexVariable> at = Indices("rstu", made.Shape);
            List<IndexVariable> again = Chance(0.4) ? Indices("vw", [width]) : [];
            List<IndexVariable> noisy = _hasNoise ? [.. Shuffled([.. results, .. at]).Take(_random.Next(3))] : [];
            return [Over([.. results, .. at, .. again]), Of(made, at), .. _hasNoise ? [Of(Noise(noisy), noisy)] : Array.Empty<IndexedTensor>(), .. again.Count > 0 ? [new IndexedTensor(input, EquatableArray.Of(AffineIndex.Of(again[0])))] : Array.Empty<IndexedTensor>()];
        }));

        List<IndexVariable> Indices(string letters, IEnumerable<int> extents) => [.. extents.Select(extent => Index(letters, extent))];

        // Of one sign, as two terms of one parameter would leave nothing but rounding.
        EinsumTensor Defined(List<IndexVariable> indices, int terms, Func<IndexedTensor[]> factors)
        {
            int sign = Math.Sign(Coefficient());
            return new(
                indices.Select(index => EquatableArray.Of(index)).ToEquatable(),
                Enumerable.Range(0, terms).Select(_ => new TensorProduct(factors().ToEquatable(), sign * Math.Abs(Coefficient()))).ToEquatable());
        }

        IndexedTensor Over(List<IndexVariable> indices) =>
            Of(new ParameterTensor(ParameterOf([.. indices.Select(index => index.Extent)])), indices);

        static IndexedTensor Of(TensorExpression tensor, List<IndexVariable> indices) => new(
            tensor, tensor is InputTensor ? EquatableArray.Of(AffineIndex.Group(indices)) : indices.Select(AffineIndex.Of).ToEquatable());
    }

    private NoiseTensor Noise(IEnumerable<IndexVariable> indices) =>
        new("noise" + Text(_nextIndex++), indices.Select(index => index.Extent).ToEquatable(), new Initializer(Distribution.Dropout, 0.1 * _random.Next(1, 6)));

    /// <summary>A function of a value, away from what it is not smooth at.</summary>
    private TensorExpression FunctionOfValue(TensorExpression value)
    {
        int[] shape = [.. value.Shape];
        int length = shape.Aggregate(1, (product, extent) => product * extent), last = shape[^1];
        var choices = new List<Func<TensorExpression>>
        {
            () => value,
            () => Applied(shape, new ActivationLink(Pick(Activation.Tanh, Activation.Sigmoid, Activation.Gelu, Activation.Softplus))),
            () => Applied([last], new LinearLink(Compose(last, length, 1)), new ActivationLink(Activation.Silu)),
            () => Functions.Of("quotient", value, Functions.Of("shift", 0.5, Functions.Of("softplus", value))),
            () => Functions.Of("take", value, Table(shape[0], _random.Next(1, 4))),
            () => Functions.Of("concat", 0, value, new ParameterTensor(ParameterOf([2, .. shape[1..]]))),
        };
        if (last > 1)
        {
            choices.Add(() => Functions.Of("softmax", value));
        }

        if (shape.Length == 2)
        {
            choices.Add(() => Functions.Of("rbf", 0.1, value, new ParameterTensor(ParameterOf([3, last]))));
        }

        return Pick(choices.ToArray())();

        AppliedTensor Applied(int[] result, params Link[] links) => new(links.ToEquatable(), value, result.ToEquatable());
    }

    private IEnumerable<Link> FunctionOfRows(int width)
    {
        TensorFunction function = Pick([.. TensorFunction.All.Values.Where(function => function.IsLink)]);
        double number = function.Number is null ? 0 : function.NumberIsSize ? _random.Next(2, 9) : Pick(0.25, 0.5);
        return Algebras.Tame(function, function.IsElementwise ? width : Divisor(width), number);
    }

    /// <summary>The whole body, which alone may be index notation in a text.</summary>
    private Operator Body(int rows, int columns, int depth)
    {
        if (!Chance(0.2))
        {
            return Compose(rows, columns, depth);
        }

        Einsum first = IndexNotation(rows, columns);
        if (Chance(0.6))
        {
            return first;
        }

        // Every term of a sum writes to the same groups of indices.
        Einsum second = IndexNotation(rows, columns, first.Output.Variables.ToEquatable());
        return new Sum(EquatableArray.Of<Operator>(first, second));
    }

    private Operator Compose(int rows, int columns, int depth)
    {
        if (depth <= 0 || Chance(0.1))
        {
            return Leaf(rows, columns);
        }

        depth--;
        switch (_random.Next(17))
        {
            case 0:
                return new Scaled(Pick(-2.0, -1, 0.5, 0.75, 3), Compose(rows, columns, depth));
            case 1:
                return new ScaledByTensor(Tensor(), Compose(rows, columns, depth));
            case 2:
                return new Transpose(Compose(columns, rows, depth));
            case 3 or 4 or 5:
                return MakeProduct(rows, columns, depth);
            case 6 or 7:
                return new Sum(Repeat(_random.Next(2, 4), () => Compose(rows, columns, depth)));
            case 8 or 9 or 10:
                return MakeKronecker(rows, columns, depth);
            case 16 when !_textual:
                Operator way = Compose(rows, columns, depth);
                return new Alternatives(EquatableArray.Of(way, new Transpose(new Transpose(way))));
            case 11 when rows > 1 && columns > 1:
                (int Rows, int Columns)[] blocks = Split(rows).Zip(Split(columns), (r, c) => (r, c)).ToArray();
                return new DirectSum(blocks.Select(block => Compose(block.Rows, block.Columns, depth)).ToEquatable());
            case 12 when columns > 1:
                return new HorizontalStack(Split(columns).Select(part => Compose(rows, part, depth)).ToEquatable());
            case 13 when rows > 1:
                return new VerticalStack(Split(rows).Select(part => Compose(part, columns, depth)).ToEquatable());
            case 14 when rows > 1 && columns > 1:
                int[] across = Split(columns);
                return new VerticalStack(Split(rows).Select(part => (Operator)new HorizontalStack(
                    across.Select(width => Compose(part, width, depth - 1)).ToEquatable())).ToEquatable());
            default:
                return MakeIndexed(rows, columns, depth);
        }
    }

    private Operator MakeProduct(int rows, int columns, int depth)
    {
        var factors = new List<Operator>();
        int count = _random.Next(2, 5), right = columns;
        for (int i = 0; i < count; i++)
        {
            int left = i == count - 1 ? rows : Chance(0.3) ? right : _random.Next(1, 20);
            Operator factor = Compose(left, right, depth - (count > 2 ? 1 : 0));
            factors.InsertRange(0, factor is Product product ? product.Operands : [factor]);
            right = left;
        }

        return new Product(factors.ToEquatable());
    }

    private Operator MakeKronecker(int rows, int columns, int depth)
    {
        int count = Chance(0.7) ? 2 : 3;
        int[] tall = Factorize(rows, count), wide = Factorize(columns, count);
        IEnumerable<Operator> factors = tall.Zip(wide, (r, c) => Compose(r, c, depth));
        return new Kronecker(
            factors.SelectMany(factor => factor is Kronecker inner ? inner.Operands : EquatableArray.Of(factor)).ToEquatable());
    }

    private Operator MakeIndexed(int rows, int columns, int depth)
    {
        if (_enclosing.Count >= 2)
        {
            return Leaf(rows, columns);
        }

        IndexedKind kind = Pick(Enum.GetValues<IndexedKind>());
        int common = kind switch
        {
            IndexedKind.DirectSum => Gcd(rows, columns),
            IndexedKind.HorizontalStack => columns,
            IndexedKind.VerticalStack => rows,
            _ => _random.Next(1, 5),
        };
        int extent = kind == IndexedKind.Sum ? common : Divisor(common);
        if (extent == 1 && Chance(0.8))
        {
            (kind, extent) = (IndexedKind.Sum, _random.Next(2, 5));
        }
        else if (extent > 12)
        {
            return Leaf(rows, columns);
        }

        var variable = new IndexVariable(Pick("i", "j", "k"), extent, _nextIndex++);
        _enclosing.Add(variable);
        Operator body = Compose(
            kind is IndexedKind.DirectSum or IndexedKind.VerticalStack ? rows / extent : rows,
            kind is IndexedKind.DirectSum or IndexedKind.HorizontalStack ? columns / extent : columns,
            Math.Min(depth, 2));
        _enclosing.RemoveAt(_enclosing.Count - 1);
        return new Indexed(kind, variable, body);
    }

    private Operator Leaf(int rows, int columns)
    {
        var choices = new List<Func<Operator>>
        {
            () => new Matrix(Tensor(rows, columns)),
            () => new Matrix(Tensor(rows, columns)),
            () => new Transpose(new Matrix(Tensor(columns, rows))),
        };
        int common = Gcd(rows, columns);
        if (common > 1)
        {
            int blocks = Divisor(common);
            choices.Add(() => new BlockDiagonal(Tensor(blocks, rows / blocks, columns / blocks)));
        }

        if (rows == columns)
        {
            choices.Add(() => new Diagonal(Tensor(rows)));
            choices.Add(() => new Permutation(Shuffled(Enumerable.Range(0, rows)).ToEquatable()));
            choices.Add(() => new Identity(rows));
            int outer = Divisor(rows);
            choices.Add(() => new Shuffle(outer, rows / outer));
        }

        if (rows == columns && rows > 1)
        {
            // In one dimension a reflection is −1 whatever its vector is, and the gradient nothing but rounding.
            choices.Add(() => new Reflections(Tensor(_random.Next(1, 5), rows)));
        }

        if (rows < columns)
        {
            choices.Add(() => new Crop(columns, _random.Next(columns - rows + 1), rows));
        }

        if (rows > columns)
        {
            choices.Add(() => new Pad(rows, _random.Next(rows - columns + 1), columns));
        }

        if (columns == 1)
        {
            choices.Add(() => new Column(Tensor(rows)));
        }

        if (rows == 1)
        {
            choices.Add(() => new Transpose(new Column(Tensor(columns))));
        }

        if (rows == columns && (rows & (rows - 1)) == 0)
        {
            choices.Add(() => new WalshHadamard(rows));
        }

        if (_hasTransforms && !_textual)
        {
            choices.Add(() => new Fourier(rows, IsInverse: true) is var inverse ? new Product(EquatableArray.Of<Operator>(inverse, new Matrix(Tensor(inverse.Columns, columns)))) : null!);
            choices.Add(() => new Fourier(columns, IsInverse: false) is var transform ? new Product(EquatableArray.Of<Operator>(new Matrix(Tensor(rows, transform.Rows)), transform)) : null!);
        }

        if (!_textual)
        {
            choices.Add(() => IndexNotation(rows, columns));
            choices.Add(() => IndexNotation(rows, columns));
            choices.Add(() => Chance(0.5) ? Window(rows, columns) : Window(columns, rows).Transposed());
            choices.Add(() => Chance(0.5) ? Lookup(rows, columns) : new Transpose(Lookup(columns, rows)));
        }

        return Chance(0.03) ? new Zero(rows, columns) : Pick(choices.ToArray())();
    }

    /// <summary>A tensor of a shape: a parameter, perhaps one that is used already, a part of a larger one, or a computed one.</summary>
    private TensorExpression Tensor(params int[] shape)
    {
        double choice = _random.NextDouble();
        if (_enclosing.Count > 0 && choice < 0.7)
        {
            return IndexedSlice(shape);
        }

        if (choice < 0.1)
        {
            return ConstantSlice(shape);
        }

        if (choice < 0.16 && shape.Length > 0)
        {
            // What is computed of parameters only stands in a `let`, outside every indexed sum.
            return Closed(() => DefinedTensor(shape));
        }

        if (choice < 0.36 && shape.Length > 0)
        {
            return Closed(() => Function(shape));
        }

        if (choice < 0.4 && shape.Length is 1 or 2)
        {
            return Closed(() => new EntriesTensor(Compose(shape[0], shape[^1], 1), IsDiagonal: shape.Length == 1));
        }

        return new ParameterTensor(ParameterOf(shape));
    }

    private SliceTensor IndexedSlice(int[] shape)
    {
        List<IndexVariable> indices = [Pick(_enclosing.ToArray())];
        if (_enclosing.Count > 1 && Chance(0.4))
        {
            indices = Shuffled(_enclosing);
        }

        TensorExpression source = Closed(() => Tensor([.. indices.Select(index => index.Extent), .. shape]));
        return new SliceTensor(source, indices.Select(index => (SliceAxis)new PointAxis(AffineIndex.Of(index)))
            .Concat(shape.Select(extent => new RangeAxis(0, extent))).ToEquatable());
    }

    private SliceTensor ConstantSlice(int[] shape)
    {
        var source = new List<int>();
        var axes = new List<SliceAxis>();
        int dropped = _random.Next(shape.Length + 1);
        for (int i = 0; i <= shape.Length; i++)
        {
            if (i == dropped)
            {
                source.Add(_random.Next(1, 4));
                axes.Add(new PointAxis(AffineIndex.Constant(_random.Next(source[^1]))));
            }

            if (i < shape.Length)
            {
                int before = Chance(0.5) ? 0 : _random.Next(1, 4);
                source.Add(before + shape[i] + (Chance(0.5) ? 0 : _random.Next(1, 4)));
                axes.Add(new RangeAxis(before, shape[i]));
            }
        }

        return new SliceTensor(new ParameterTensor(ParameterOf([.. source])), axes.ToEquatable());
    }

    private EinsumTensor DefinedTensor(int[] shape)
    {
        EquatableArray<EquatableArray<IndexVariable>> axes = shape
            .Select(extent => Factorize(extent, _random.Next(1, 3)).Select(part => Index("abcd", part)).ToEquatable())
            .ToEquatable();
        List<IndexVariable> indices = [.. axes.SelectMany(group => group)];
        return new EinsumTensor(
            axes, Enumerable.Range(0, Pick(1, 1, 2, 3)).Select(_ => new TensorProduct(Factors(indices, indices), Coefficient())).ToEquatable());
    }

    /// <summary>
    /// A function whose value has a shape, of arguments that keep away from what it is not smooth at. Kinks and steps are met by parameters
    /// alone, whose values are the same numbers on both sides of a comparison.
    /// </summary>
    private FunctionTensor Function(int[] shape)
    {
        TensorExpression Fresh(params int[] extents) => new ParameterTensor(ParameterOf(extents));
        TensorExpression Argument(params int[] extents) => Chance(0.7) ? Fresh(extents) : Tensor(extents);
        int[] batch = shape[..^1];
        int last = shape[^1], other = _random.Next(2, 6);
        var choices = new List<Func<FunctionTensor>>
        {
            () => Functions.Of("admix", _random.Next(1, other + 1), Fresh(other, last), Argument([.. batch, other])),
            () => Functions.Of(Pick("square", "sigmoid", "tanh", "softplus", "sin", "cos", "stop_gradient"), Argument(shape)),
            () => Functions.Of(Pick("exp", "abs", "relu", "round_ste", "sign", "step"), Fresh(shape)),
            () => Functions.Of(Pick([.. StorageFormats.All.Select(format => format.Rounding).OfType<string>()]), Fresh(shape)),
            () => Functions.Of(Pick("soft_threshold", "hard_threshold"), 0.25, Fresh(shape)),
            () => Functions.Of(Pick("log", "sqrt"), Positive(Argument(shape))),
            () => Functions.Of("power", Pick(-1, 0.5, 3), Positive(Argument(shape))),
            () => Functions.Of("straight_through", Argument(shape), Argument(shape)),
            () => Guarded(Fresh(shape), Argument(shape)),
            () => Functions.Of("largest", _random.Next(1, last + 1), Fresh(shape)),
            () => Functions.Of("above_quantile", Pick(0, 0.25, 0.6), Fresh(shape)),
            () => Functions.Of("prefix", last, Fresh(batch)),
            () => Functions.Of("take", Argument([other, .. shape[1..]]), Table(other, shape[0])),
            () => Functions.Of(Pick("quantize", "quantize_affine", "quantize_zero_point", "quantize_bipolar", "normal_float"), _random.Next(2, 9), Fresh(shape)),
            () => Functions.Of("quotient", Argument(shape), Positive(Argument(shape))),

            () => Functions.Of("elu", Pick(0.5, 1), Argument(shape)),
            () => Functions.Of(Pick("gelu_exact", "hardswish"), Argument(shape)),
            () => Functions.Of("logsumexp", Argument([.. shape, other])),
            () => Functions.Of("maximum", Fresh([.. shape, other])),

            // The norms of what is normalized do not depend on anything.
            () => Functions.Of("row_norms", Fresh([.. shape, other])),
            () => Functions.Of("column_norms", Fresh([.. batch, other, last])),
        };
        if (last > 1)
        {
            // In one dimension directions and shares do not depend on anything, and their gradients are nothing but rounding.
            choices.Add(() => Functions.Of(Pick("normalize_rows", "softmax"), Argument(shape)));
            choices.Add(() => Functions.Of(Pick("layer_norm", "rms_norm"), Pick(0.1, 1), Argument(shape)));
            choices.Add(() => Functions.Of("top_k_softmax", _random.Next(2, last + 1), Fresh(shape)));
        }

        if (last > 1)
        {
            int[] parts = Split(last);
            choices.Add(() => Functions.Of("concat", batch.Length, Argument([.. batch, parts[0]]), Argument([.. batch, parts[1]])));
        }

        if (shape.Length > 1)
        {
            choices.Add(() => Functions.Of(
                "distances", Pick(1, 2, 3), Fresh([.. batch, other]), Fresh([.. shape[..^2], last, other])));
        }

        if (shape.Length == 2)
        {
            choices.Add(() => Functions.Of("rbf", 0.5, Argument(shape[0], other), Argument(last, other)));
        }

        if (shape.Length > 1 && shape[^2] > 1)
        {
            choices.Add(() => Functions.Of("normalize_columns", Argument(shape)));
        }

        if (shape.Length > 1 && shape[^2] == last && last <= MostRows)
        {
            choices.Add(() => Functions.Of(Pick("cayley", "expm"), Argument(shape)));
            choices.Add(() => Functions.Of("inverse", NearlyOrthogonal(shape)));
            choices.Add(() => Functions.Of("cholesky", NearlyDiagonal(shape, step: 0)));
            choices.Add(() => Functions.Of("inverse_spd", NearlyDiagonal(shape, step: 0)));
            choices.Add(() => Functions.Of("inverse_lower", NearlyDiagonal(shape, step: 0)));
            choices.Add(() => Functions.Of("sqrtm", NearlyDiagonal(shape, step: 0)));
            choices.Add(() => Functions.Of("logm", NearlyDiagonal(shape, step: 0)));
            choices.Add(() => Functions.Of("powerm", Pick(-1, 0.5, 3), NearlyDiagonal(shape, step: 0)));
            choices.Add(() => Functions.Of("eigenvectors", NearlyDiagonal(shape, step: 1)));
        }

        if (last <= MostRows)
        {
            choices.Add(() => Functions.Of(Pick("eigenvalues", "singular_values"), NearlyDiagonal([.. shape, last], step: 1)));
        }

        int order = _random.Next(1, 4);
        choices.Add(() => Functions.Of(Pick("logdet", "det"), NearlyOrthogonal([.. shape, order, order])));
        choices.Add(() => Functions.Of("logdet_spd", NearlyDiagonal([.. shape, order, order], step: 0)));

        if (shape.Length > 1 && shape[^2] <= last && last is > 1 and <= MostRows)
        {
            choices.Add(() => Functions.Of(Pick("orthonormal_rows", "polar"), NearlyOrthonormal(shape)));
        }
        else if (shape.Length > 1 && shape[^2] is > 1 and <= MostRows)
        {
            choices.Add(() => Functions.Of("polar", NearlyOrthonormal(shape)));
        }

        if (shape.Length > 1 && Math.Min(shape[^2], last) is > 1 and <= MostRows)
        {
            choices.Add(() => Functions.Of("pseudo_inverse", NearlyOrthonormal([.. shape[..^2], last, shape[^2]])));
        }

        return Pick(choices.ToArray())();

        // A function that is not defined everywhere, only taken where it is.
        FunctionTensor Guarded(TensorExpression tensor, TensorExpression otherwise) => Functions.Of(
            "where", Functions.Of("step", Functions.Of("shift", -0.5, tensor)), Chance(0.5) ? Functions.Of("log", tensor) : Functions.Of("power", -0.5, tensor), otherwise);

        static FunctionTensor Positive(TensorExpression tensor) => Functions.Of("shift", 0.5, Functions.Of("softplus", tensor));

        SliceTensor NearlyOrthonormal(int[] matrices) => new(
            NearlyOrthogonal([.. matrices[..^2], Math.Max(matrices[^2], matrices[^1]), Math.Max(matrices[^2], matrices[^1])]),
            matrices.Select(extent => (SliceAxis)new RangeAxis(0, extent)).ToEquatable());

        EinsumTensor NearlyOrthogonal(int[] square) => Nearly(Functions.Of("cayley", Fresh(square)));

        // 1, 1 + step, 1 + 2 step, … on the diagonal.
        EinsumTensor NearlyDiagonal(int[] square, int step)
        {
            Formula Of(string symbol, Formula left, Formula right) => new FormulaOperation(FormulaOperator.All[symbol], EquatableArray.Of(left, right));
            Formula row = new FormulaIndex(square.Length - 2), column = new FormulaIndex(square.Length - 1);
            return Nearly(new FormulaTensor(square.ToEquatable(), Of("*", Of("==", row, column), Of("+", new FormulaNumber(1), Of("*", row, new FormulaNumber(step))))));
        }

        // Of norm 1, or with eigenvalues that are 1 apart, and a change of norm less than 1/2.
        EinsumTensor Nearly(TensorExpression square)
        {
            IndexVariable[] indices = [.. square.Shape.Select(extent => Index("abcd", extent))];
            EquatableArray<AffineIndex> position = indices.Select(AffineIndex.Of).ToEquatable();
            return new EinsumTensor(
                indices.Select(index => EquatableArray.Of(index)).ToEquatable(),
                EquatableArray.Of(
                    new TensorProduct(EquatableArray.Of(new IndexedTensor(square, position))),
                    new TensorProduct(EquatableArray.Of(new IndexedTensor(Functions.Of("tanh", Fresh([.. square.Shape])), position)), 0.5 / MostRows)));
        }
    }

    /// <summary>
    /// Reads at sums of indices: a stride, taps, and either sign, as in convolutions, Toeplitz and Hankel matrices. The weight is read at the
    /// taps, or at every difference or sum of positions.
    /// </summary>
    private Einsum Window(int rows, int columns)
    {
        IndexVariable i = Index("ij", rows), k = Index("kl", _random.Next(1, Math.Min(columns, 6) + 1));
        bool backwards = Chance(0.3);
        int step = rows > 1 ? _random.Next(0, ((columns - k.Extent) / (rows - 1)) + 1) : 0;
        if (rows > 1 && step == 0)
        {
            // No window fits: y[i] = t[±i ± j + offset] x[j].
            IndexVariable j = Index("mn", columns);
            bool down = Chance(0.5), left = Chance(0.5);
            int offset = (down ? rows - 1 : 0) + (left ? columns - 1 : 0);
            var at = new AffineIndex(offset, EquatableArray.Of((i, down ? -1 : 1), (j, left ? -1 : 1)));
            return new Einsum(
                AffineIndex.Of(i), rows, EquatableArray.Of(new IndexedTensor(Tensor(rows + columns - 1), EquatableArray.Of(at))), AffineIndex.Of(j), columns, Coefficient());
        }

        int reach = (step * (rows - 1)) + k.Extent - 1;
        int start = _random.Next(columns - reach);
        var position = backwards
            ? new AffineIndex(start + reach, EquatableArray.Of((i, -step), (k, -1)))
            : new AffineIndex(start, EquatableArray.Of((k, 1), (i, step)));
        var taps = new IndexedTensor(Tensor(k.Extent), EquatableArray.Of(AffineIndex.Of(k)));
        return new Einsum(AffineIndex.Of(i), rows, EquatableArray.Of(taps), position with { Terms = position.Terms.Where(term => term.Coefficient != 0).ToEquatable() }, columns, Coefficient());
    }

    private Gather Lookup(int rows, int columns)
    {
        if (Chance(0.3))
        {
            return new Gather(new ListTensor(Enumerable.Range(0, rows).Select(_ => (double)_random.Next(columns)).ToEquatable()), columns);
        }

        return new Gather(Table(columns, Factorize(rows, _random.Next(1, 3))), columns);
    }

    /// <summary>A seeded table of positions below a size.</summary>
    private ParameterTensor Table(int size, params int[] shape)
    {
        var whole = new Initializer(shape[^1] <= size && Chance(0.5) ? Distribution.Distinct : Distribution.Whole, size);
        var table = new Parameter("Z" + Text(_parameters.Count + 1), shape.ToEquatable(), Role.Seeded, whole, _random.Next(1, 1000));
        _parameters.Add(table);
        return new ParameterTensor(table);
    }

    private Einsum IndexNotation(int rows, int columns, EquatableArray<IndexVariable>? output = null)
    {
        List<IndexVariable> tall =
            [.. output ?? Factorize(rows, _random.Next(1, 4)).Select(extent => Index("abcd", extent)).ToEquatable()];
        List<IndexVariable> wide = [];
        if (tall.Find(index => index.Extent > 1 && columns % index.Extent == 0) is { } shared && Chance(0.5))
        {
            // An index on both sides: block diagonal in it.
            wide.Add(shared);
            columns /= shared.Extent;
        }

        wide.AddRange(Factorize(columns, _random.Next(1, 4)).Select(extent => Index("ijkl", extent)));
        return new Einsum(
            tall.ToEquatable(), Factors([.. tall.Union(wide)], tall.Except(wide)), Shuffled(wide).ToEquatable(), Coefficient());
    }

    /// <summary>
    /// Tensors over the given indices and some that are summed. Each index goes to one to three of them, so that chains, stars,
    /// Tucker and BLAST networks all come out, with hyperedges. The <paramref name="results"/> stand on the left alone.
    /// </summary>
    private EquatableArray<IndexedTensor> Factors(List<IndexVariable> kept, IEnumerable<IndexVariable> results)
    {
        var all = new List<IndexVariable>(kept);
        long combinations = kept.Aggregate(1L, (product, index) => product * index.Extent);
        for (int i = _random.Next(3); i > 0; i--)
        {
            int extent = _random.Next(1, 5);
            if (combinations * extent <= MostIndexCombinations)
            {
                combinations *= extent;
                all.Add(Index("rstu", extent));
            }
        }

        List<List<IndexVariable>> factors = [.. Enumerable.Range(0, _random.Next(1, 5)).Select(_ => new List<IndexVariable>())];
        foreach (IndexVariable index in all)
        {
            // An index that is summed belongs to two tensors at least: in one alone it would just be added up. One that is kept
            // is seldom in none: the result is the same all along it.
            int uses = !kept.Contains(index) ? _random.Next(2, 4) : Chance(0.04) ? 0 : _random.Next(1, 3);
            foreach (List<IndexVariable> factor in Shuffled(factors).Take(uses))
            {
                if (factor.Aggregate(1, (product, other) => product * other.Extent) * index.Extent <= MostElements)
                {
                    factor.Add(index);
                }
            }
        }

        if (_textual)
        {
            // The language wants every index of a result in some tensor, or in x.
            factors.AddRange(results.Except(factors.SelectMany(factor => factor)).Select(index => new List<IndexVariable> { index }));
        }

        factors.RemoveAll(factor => factor.Count == 0);
        if (factors.Count == 0)
        {
            factors.Add([kept[0]]);
        }

        return factors.Select(Shuffled).Select(factor => new IndexedTensor(
            !_textual && Chance(0.08)
                ? new FormulaTensor(factor.Select(index => index.Extent).ToEquatable(), Formula(factor.Count))
            : Chance(0.85)
                ? new ParameterTensor(ParameterOf([.. factor.Select(index => index.Extent)]))
                : Tensor([.. factor.Select(index => index.Extent)]),
            factor.Select(AffineIndex.Of).ToEquatable())).ToEquatable();
    }

    private IndexVariable Index(string letters, int extent) =>
        new(letters[_random.Next(letters.Length)].ToString(), extent, _nextIndex++);

    /// <summary>Numbers that are not negative: the battery bounds rounding errors by the same formula without signs.</summary>
    private Formula Formula(int axes)
    {
        Formula first = new FormulaIndex(_random.Next(axes)), second = new FormulaIndex(_random.Next(axes)), three = new FormulaNumber(3);
        Formula Make(string symbol, params Formula[] operands) => new FormulaOperation(FormulaOperator.All[symbol], operands.ToEquatable());
        return Pick(
            Make(">=", first, second),
            Make("==", first, second),
            Make("and", Make("==", first, second), Make("<=", first, three)),
            Make("or", Make("==", first, second), Make("<", Make("%", first, three), second)),
            Make("abs", Make("cos", Make("*", first, Make("+", second, three)))),
            Make("^", new FormulaNumber(0.5), second),
            Make("if", Make("<", first, second), three, Make("/", three, Make("+", second, three))),
            Make("/", Make("exp", Make("not", Make("==", first, new FormulaNumber(0)))), Make("max", three, second)));
    }

    private Parameter ParameterOf(int[] shape)
    {
        Parameter[] same = [.. _parameters.Where(parameter => parameter.Initializer.Distribution is not (Distribution.Whole or Distribution.Distinct) && parameter.Shape.SequenceEqual(shape) && !parameter.Name.StartsWith("bias"))];
        if (same.Length > 0 && Chance(0.25))
        {
            return Pick(same);
        }

        Role role = Pick(Role.Trained, Role.Trained, Role.Trained, Role.Frozen, Role.Seeded);
        Initializer initializer = role == Role.Seeded
            ? new Initializer(shape.Length > 1 && Chance(0.3) ? Distribution.Orthogonal : Pick(Distribution.Normal, Distribution.Uniform, Distribution.Sign))
            : shape.Length > 1 && Chance(0.1) ? new Initializer(Pick(Distribution.Orthogonal, Distribution.Identity))
            : Pick(
                Initializer.FanIn(),
                new Initializer(Distribution.Normal, 0.5),
                new Initializer(Distribution.Uniform, 0.25),
                new Initializer(Distribution.Constant, 1));
        TensorProperty property = shape.Length > 1 && shape[^1] == shape[^2] && Chance(0.15) ? Pick([.. TensorProperties.ByWord.Values.Where(Fits)]) : TensorProperty.None;
        initializer = TensorProperties.Start(property) ?? initializer;
        string letter = "ABCDEFGHKLMNPQRSUVW"[_random.Next(19)].ToString();
        var parameter = new Parameter(
            letter + Text(_parameters.Count + 1),
            shape.ToEquatable(),
            role,
            initializer,
            role == Role.Seeded ? _random.Next(1, 1000) : 0)
        {
            Property = property,
        };
        _parameters.Add(parameter);
        return parameter;

        bool Fits(TensorProperty one) => one switch
        {
            TensorProperty.PositiveDefinite => role == Role.Frozen,
            TensorProperty.Orthogonal => role != Role.Trained,
            _ => true,
        };
    }

    private double Coefficient() => Chance(0.7) ? 1 : Pick(0.5, -1, 2);

    private T Closed<T>(Func<T> compose)
    {
        IndexVariable[] enclosing = [.. _enclosing];
        _enclosing.Clear();
        T result = compose();
        _enclosing.AddRange(enclosing);
        return result;
    }

    /// <summary>Two or three positive parts of a size above one.</summary>
    private int[] Split(int size)
    {
        int first = _random.Next(1, size);
        return [first, size - first];
    }

    /// <summary>Factors whose product is the size, in any order; some may be one.</summary>
    private int[] Factorize(int size, int count)
    {
        int[] factors = new int[count];
        for (int i = 0; i < count - 1; i++)
        {
            factors[i] = Divisor(size);
            size /= factors[i];
        }

        factors[^1] = size;
        return [.. Shuffled(factors)];
    }

    /// <summary>A divisor, the trivial ones seldom.</summary>
    private int Divisor(int size)
    {
        int[] proper = [.. Enumerable.Range(2, Math.Max(0, size - 2)).Where(candidate => size % candidate == 0)];
        return proper.Length == 0 || Chance(0.15) ? Pick(1, size) : Pick(proper);
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private T Pick<T>(params T[] choices) => choices[_random.Next(choices.Length)];

    private List<T> Shuffled<T>(IEnumerable<T> items)
    {
        T[] shuffled = [.. items];
        _random.Shuffle(shuffled);
        return [.. shuffled];
    }

    private static EquatableArray<Operator> Repeat(int count, Func<Operator> compose) =>
        Enumerable.Range(0, count).Select(_ => compose()).ToEquatable();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
