using Weft.Compiler.Text;

namespace Weft.Tests.Oracle;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>
/// A second reading of SPEC.md, against which the interpreter itself is held: each entry of a matrix and each element of a tensor as the
/// specification states it, dense and naive, with derivatives by dual numbers. It shares no line and no algorithm with the interpreter:
/// orthonormal rows come from a Cholesky factor, inverses and polar factors from the iterations of Newton and Schulz.
/// </summary>
/// <param name="parameters">The parameters by name.</param>
/// <param name="given">What x stands for in a value of a layer.</param>
internal sealed partial class Definitions(IReadOnlyDictionary<string, Dual[]> parameters, Dual[]? given = null)
{
    // Where the indices around stand, by identity.
    private Dictionary<int, int> _at = [];

    /// <summary>The module's value for one input.</summary>
    public Dual[] Evaluate(Module module, Dual[] x) => Chain(module.Links, x);

    private Dual[] Chain(IEnumerable<Link> links, Dual[] x) => links.Aggregate(x, (vector, link) => link switch
    {
        LinearLink linear => Apply(Dense(linear.Operator), vector),
        BiasLink bias => [.. vector.Zip(Elements(bias.Bias), (a, b) => a + b)],
        ActivationLink { Activation: var activation } => [.. vector.Select(z => Activate(activation, z))],
        FunctionLink function => Function(function.Function, [new Tensor([vector.Length / function.Length, function.Length], vector)], function.Number),
        BranchLink branch => branch.Branches.Select(links => Chain(links, vector)).Aggregate(
            (left, right) => [.. left.Zip(right, (a, b) => branch.Joint == Joint.Add ? a + b : a * b)]),
        ValueLink value => new Definitions(parameters, vector).Elements(value.Value),
        ScanLink scan => Scan(scan, vector),
        _ => throw new NotSupportedException($"{link.GetType().Name} has no second definition."),
    });

    /// <summary>What a step is given are the elements of the state where they lie, and those of its part in their order between them; likewise what it gives.</summary>
    private Dual[] Scan(ScanLink scan, Dual[] x)
    {
        bool[] isStateIn = new bool[scan.Given], isStateOut = new bool[scan.Gives];
        int[] from = new int[scan.Given];
        foreach (Carry part in scan.State)
        {
            for (int i = 0; i < part.Length; i++)
            {
                (isStateIn[part.Input + i], isStateOut[part.Output + i], from[part.Input + i]) = (true, true, part.Output + i);
            }
        }

        Dual[] before = new Dual[scan.Gives];
        var results = new List<Dual>();
        int next = 0;
        for (int step = 0; step < scan.Steps; step++)
        {
            before = Chain(scan.Step, [.. isStateIn.Select((isState, i) => isState ? before[from[i]] : x[next++])]);
            results.AddRange(before.Where((_, i) => !isStateOut[i]));
        }

        return [.. results];
    }

    private static Dual[] Apply(Dual[,] a, Dual[] x) =>
        [.. Enumerable.Range(0, a.GetLength(0)).Select(i => Dual.Sum(x.Select((number, j) => a[i, j] * number)))];

    /// <summary>The matrix of an operator.</summary>
    public Dual[,] Dense(Operator node)
    {
        switch (node)
        {
            case Identity:
                return Fill(node, (i, j) => i == j ? 1 : 0);

            case Zero:
                return Fill(node, (_, _) => 0);

            case Matrix { Tensor: var tensor }:
                Dual[] elements = Elements(tensor);
                return Fill(node, (i, j) => elements[(i * node.Columns) + j]);

            case Column { Tensor: var tensor }:
                elements = Elements(tensor);
                return Fill(node, (i, _) => elements[i]);

            case Diagonal { Tensor: var tensor }:
                elements = Elements(tensor);
                return Fill(node, (i, j) => i == j ? elements[i] : 0);

            case BlockDiagonal { Tensor: var tensor }:
                // y[k p + i] = Σⱼ B[k, i, j] x[k q + j]
                int p = tensor.Shape[1], q = tensor.Shape[2];
                elements = Elements(tensor);
                return Fill(node, (i, j) => i / p == j / q ? elements[(i * q) + (j % q)] : 0);

            case Shuffle { Outer: var a, Inner: var b }:
                // y[j a + i] = x[i b + j]
                return Fill(node, (row, column) => (row % a, row / a) == (column / b, column % b) ? 1 : 0);

            case Permutation { Table: var table }:
                return Fill(node, (i, j) => table[i] == j ? 1 : 0);

            case Crop { Start: var start }:
                return Fill(node, (i, j) => start + i == j ? 1 : 0);

            case Pad { Start: var start }:
                return Fill(node, (i, j) => start + j == i ? 1 : 0);

            case Gather { Table: var table }:
                elements = Elements(table);
                return Fill(node, (i, j) => elements[i].Value == j ? 1 : 0);

            case WalshHadamard { Size: var n }:
                // Sylvester 1867: [H, H; H, -H].
                Dual[,] half = n == 1 ? new Dual[1, 1] : Dense(new WalshHadamard(n / 2));
                return Fill(node, (i, j) => n == 1 ? 1 : (i >= n / 2 && j >= n / 2 ? -1 : 1) * half[i % (n / 2), j % (n / 2)]);

            case Fourier { Size: var n, Frequencies: var count, IsInverse: var isInverse }:
                // The real and imaginary parts of Σ x[j] exp(−2πi f j/n); the inverse is the pseudoinverse, since what it leaves out is zero.
                return Fill(node, (i, j) => isInverse
                    ? (Part(j % count * i, j >= count) + (j % count == 0 || 2 * (j % count) == n ? 0 : Part((n - (j % count)) * i, j >= count) * (j >= count ? -1 : 1))) / n
                    : Part(i % count * j, i >= count));

                double Part(int k, bool isImaginary) => Math.Round(k / (double)n) is var turns && 2 * Math.PI * ((k / (double)n) - turns) is var angle ? isImaginary ? -Math.Sin(angle) : Math.Cos(angle) : 0;

            case Reflections { Tensor: var tensor }:
                // ∏ (I − 2 v vᵀ / vᵀv), the leftmost factor first.
                elements = Elements(tensor);
                Dual[,] product = Fill(node, (i, j) => i == j ? 1 : 0);
                foreach (Dual[] v in elements.Chunk(tensor.Shape[1]).Where(v => v.Any(x => x.Value != 0)))
                {
                    Dual square = Dual.Sum(v.Select(x => x * x));
                    product = Multiply(product, Fill(node, (i, j) => (i == j ? 1 : 0) - (2 * v[i] * v[j] / square)));
                }

                return product;

            case Einsum einsum:
                Dual[,] sum = Fill(node, (_, _) => 0);
                IReadOnlyList<Tensor> factors = Factors(einsum.Factors);
                foreach (Func<AffineIndex, int> at in Assignments(einsum.Output.Variables.Concat(einsum.Input.Variables).Concat(VariablesOf(einsum.Factors))))
                {
                    sum[at(einsum.Output), at(einsum.Input)] += Term(einsum.Coefficient, einsum.Factors, factors, at);
                }

                return sum;

            case Scaled { Factor: var c, Operand: var operand }:
                return Scale(c, Dense(operand));

            case ScaledByTensor { Factor: var factor, Operand: var operand }:
                return Scale(Elements(factor).Single(), Dense(operand));

            case Transpose { Operand: var operand }:
                Dual[,] original = Dense(operand);
                return Fill(node, (i, j) => original[j, i]);

            case Product { Operands: var operands }:
                return operands.Select(Dense).Aggregate(Multiply);

            case Sum { Operands: var operands }:
                Dual[][,] terms = [.. operands.Select(Dense)];
                return Fill(node, (i, j) => Dual.Sum(terms.Select(term => term[i, j])));

            case Alternatives { Operands: var operands }:
                return Dense(operands[0]);

            case Kronecker { Operands: var operands }:
                // (A ⊗ B)[i p + k, j q + l] = A[i, j] B[k, l], from the right.
                return operands.Select(Dense).Reverse().Aggregate((b, a) =>
                {
                    int p = b.GetLength(0), q = b.GetLength(1);
                    return Fill(a.GetLength(0) * p, a.GetLength(1) * q, (i, j) => a[i / p, j / q] * b[i % p, j % q]);
                });

            case DirectSum { Operands: var operands }:
                return Stack(node, operands.Select(Dense), down: true, across: true);

            case HorizontalStack { Operands: var operands }:
                return Stack(node, operands.Select(Dense), down: false, across: true);

            case VerticalStack { Operands: var operands }:
                return Stack(node, operands.Select(Dense), down: true, across: false);

            case Indexed { Variable: var variable, Body: var body, Kind: var kind }:
                var turns = new List<Dual[,]>();
                for (int turn = 0; turn < variable.Extent; turn++)
                {
                    Dictionary<int, int> around = _at;
                    _at = new(around) { [variable.Id] = turn };
                    turns.Add(Dense(body));
                    _at = around;
                }

                return kind == IndexedKind.Sum
                    ? Fill(node, (i, j) => Dual.Sum(turns.Select(turn => turn[i, j])))
                    : Stack(node, turns, down: kind != IndexedKind.HorizontalStack, across: kind != IndexedKind.VerticalStack);

            default:
                throw new NotSupportedException($"{node.GetType().Name} has no second definition.");
        }
    }

    /// <summary>The elements of a tensor, row-major.</summary>
    public Dual[] Elements(TensorExpression tensor)
    {
        switch (tensor)
        {
            case ParameterTensor { Parameter: var parameter }:
                return [.. WithProperty(parameter.Property, new Tensor(parameter.Shape, parameters[parameter.Name]))];

            case ListTensor { Elements: var list }:
                return [.. list.Select(number => (Dual)number)];

            case FormulaTensor { Formula: var formula }:
                return [.. Positions(tensor.Shape).Select(position => (Dual)formula.At(position))];

            case SliceTensor { Source: var source, Axes: var axes }:
                Tensor whole = new(source.Shape, Elements(source));
                return [.. Positions(source.Shape)
                    .Where(position => axes.Zip(position).All(pair => pair.First switch
                    {
                        PointAxis point => pair.Second == At(point.Index, _at),
                        RangeAxis range => pair.Second >= range.Start && pair.Second < range.Start + range.Length,
                        _ => throw new NotSupportedException($"{pair.First.GetType().Name} has no second definition."),
                    }))
                    .Select(position => whole[position])];

            case EinsumTensor einsum:
                Dual[] sums = new Dual[Length(einsum.Shape)];
                IndexVariable[] kept = [.. einsum.Axes.SelectMany(axis => axis)];
                var place = AffineIndex.Group(kept);
                foreach (TensorProduct term in einsum.Terms)
                {
                    IReadOnlyList<Tensor> factors = Factors(term.Factors);
                    foreach (Func<AffineIndex, int> at in Assignments(kept.Concat(VariablesOf(term.Factors))))
                    {
                        sums[at(place)] += Term(term.Coefficient, term.Factors, factors, at);
                    }
                }

                return sums;

            case InputTensor:
                return given!;

            // As outside training, of a distribution whose mean is known.
            case NoiseTensor { Distribution.Distribution: Distribution.Dropout }:
                return [.. Enumerable.Repeat(1.0, tensor.Shape.Aggregate(1, (product, extent) => product * extent))];

            case AppliedTensor { Links: var links, Argument: var argument }:
                return Chain(links, Elements(argument));

            case PositionTensor { Axes: var axes, Sources: var sources, Formula: var formula }:
                IReadOnlyList<Tensor> read = Factors(sources);
                return [.. Positions(tensor.Shape).Select(position =>
                {
                    var at = axes.Zip(position).ToDictionary(pair => pair.First.Id, pair => pair.Second);
                    return (Dual)formula.At([.. position, .. sources.Zip(read, (source, elements) => (int)elements[[.. source.Indices.Select(index => At(index, at))]].Value)]);
                })];

            case GatherTensor { Transposed: false, Source: var source, Positions: var table, Outer: var outer, Inner: var inner } gather:
                // g[o, p, c] = source[o, table[p], c]
                Dual[] places = Elements(table);
                Tensor blocks = new([outer, gather.Size, inner], Elements(source));
                return [.. Positions([outer, places.Length, inner]).Select(position => blocks[position[0], (int)places[position[1]].Value, position[2]])];

            case GatherTensor { Source: var source, Positions: var table, Outer: var outer, Inner: var inner } scatter:
                // g[o, q, c] = Σ source[o, p, c] over all p with table[p] = q
                places = Elements(table);
                blocks = new([outer, places.Length, inner], Elements(source));
                return [.. Positions([outer, scatter.Size, inner]).Select(position => Dual.Sum(
                    places.Select((place, p) => place.Value == position[1] ? blocks[position[0], p, position[2]] : 0)))];

            case EntriesTensor { Operator: var op, IsDiagonal: var isDiagonal }:
                Dual[,] matrix = Dense(op);
                return isDiagonal ? [.. Enumerable.Range(0, op.Rows).Select(i => matrix[i, i])] : [.. matrix.Cast<Dual>()];

            case FunctionTensor { Function: var function, Arguments: var arguments, Numbers: var numbers }:
                return Function(function, [.. arguments.Select(argument => new Tensor(argument.Shape, Elements(argument)))], numbers.FirstOrDefault());

            default:
                throw new NotSupportedException($"{tensor.GetType().Name} has no second definition.");
        }
    }

    private static Dual[,] Fill(Operator node, Func<int, int, Dual> entry) => Fill(node.Rows, node.Columns, entry);

    private static Dual[,] Fill(int rows, int columns, Func<int, int, Dual> entry)
    {
        var matrix = new Dual[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                matrix[i, j] = entry(i, j);
            }
        }

        return matrix;
    }

    private static Dual[,] Scale(Dual factor, Dual[,] a) => Fill(a.GetLength(0), a.GetLength(1), (i, j) => factor * a[i, j]);

    private static Dual[,] Multiply(Dual[,] a, Dual[,] b) => Fill(a.GetLength(0), b.GetLength(1), (i, j) =>
        Dual.Sum(Enumerable.Range(0, b.GetLength(0)).Select(k => a[i, k] * b[k, j])));

    private static Dual[,] Stack(Operator node, IEnumerable<Dual[,]> blocks, bool down, bool across)
    {
        Dual[,] result = Fill(node, (_, _) => 0);
        int row = 0, column = 0;
        foreach (Dual[,] block in blocks)
        {
            for (int i = 0; i < block.GetLength(0); i++)
            {
                for (int j = 0; j < block.GetLength(1); j++)
                {
                    result[row + i, column + j] = block[i, j];
                }
            }

            row += down ? block.GetLength(0) : 0;
            column += across ? block.GetLength(1) : 0;
        }

        return result;
    }

    private static int Length(IEnumerable<int> shape) => shape.Aggregate(1, (product, extent) => product * extent);

    /// <summary>Every position in a shape, the last axis varying fastest.</summary>
    private static IEnumerable<int[]> Positions(IEnumerable<int> shape) => shape.Aggregate(
        (IEnumerable<int[]>)[[]],
        (positions, extent) => positions.SelectMany(position => Enumerable.Range(0, extent).Select(place => (int[])[.. position, place])));

    private static IEnumerable<IndexVariable> VariablesOf(IEnumerable<IndexedTensor> factors) =>
        factors.SelectMany(factor => factor.Indices).SelectMany(index => index.Variables);

    private IReadOnlyList<Tensor> Factors(IEnumerable<IndexedTensor> factors) =>
        [.. factors.Select(factor => new Tensor(factor.Tensor.Shape, Elements(factor.Tensor)))];

    private static Dual Term(double coefficient, IEnumerable<IndexedTensor> factors, IEnumerable<Tensor> tensors, Func<AffineIndex, int> at) =>
        factors.Zip(tensors).Aggregate((Dual)coefficient, (product, pair) => product * pair.Second[[.. pair.First.Indices.Select(at)]]);

    /// <summary>Where an affine position is, under every choice of positions for the indices that are not bound around.</summary>
    private IEnumerable<Func<AffineIndex, int>> Assignments(IEnumerable<IndexVariable> variables)
    {
        IndexVariable[] free = [.. variables.DistinctBy(variable => variable.Id).Where(variable => !_at.ContainsKey(variable.Id))];
        foreach (int[] position in Positions(free.Select(variable => variable.Extent)))
        {
            var at = new Dictionary<int, int>(_at);
            for (int k = 0; k < free.Length; k++)
            {
                at[free[k].Id] = position[k];
            }

            yield return index => At(index, at);
        }
    }

    private static int At(AffineIndex index, Dictionary<int, int> at) =>
        index.Offset + index.Terms.Sum(term => term.Coefficient * at[term.Variable.Id]);

    /// <summary>A tensor by its elements.</summary>
    private sealed record Tensor(IReadOnlyList<int> Shape, Dual[] Items)
    {
        public Dual this[params int[] position]
        {
            get
            {
                int offset = 0;
                for (int axis = 0; axis < position.Length; axis++)
                {
                    Assert.InRange(position[axis], 0, Shape[axis] - 1);
                    offset = (offset * Shape[axis]) + position[axis];
                }

                return Items[offset];
            }
        }

        /// <summary>The vectors along the last axis.</summary>
        public IEnumerable<Dual[]> Rows => Items.Chunk(Shape[^1]);

        /// <summary>The matrices of the last two axes.</summary>
        public IEnumerable<Dual[,]> Matrices => Items.Chunk(Shape[^2] * Shape[^1]).Select(items => Fill(Shape[^2], Shape[^1], (i, j) => items[(i * Shape[^1]) + j]));
    }
}
