using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Oracle;

/// <summary>Evaluates the algebra by its definitions: every tensor to its elements, every operator to the entries of its matrix.</summary>
internal sealed partial class Evaluator(Tape tape, IReadOnlyDictionary<string, Number[]> parameters)
{
    // Positions of the indices of the enclosing indexed sums and of index notation, by identity.
    private readonly Dictionary<int, int> _positions = [];

    public SparseMatrix Matrix(Operator node)
    {
        var result = new SparseMatrix(node.Rows, node.Columns);
        switch (node)
        {
            case Zero:
                return result;

            case Identity identity:
                for (int i = 0; i < identity.Size; i++)
                {
                    result.Set(i, i, Number.One);
                }

                return result;

            case Matrix matrix:
                FillBlock(result, 0, 0, Tensor(matrix.Tensor), 0);
                return result;

            case Column column:
                Number[] vector = Tensor(column.Tensor).Items;
                for (int i = 0; i < vector.Length; i++)
                {
                    result.Set(i, 0, vector[i]);
                }

                return result;

            case Diagonal diagonal:
                Number[] entries = Tensor(diagonal.Tensor).Items;
                for (int i = 0; i < entries.Length; i++)
                {
                    result.Set(i, i, entries[i]);
                }

                return result;

            case BlockDiagonal blocks:
                Elements tensor = Tensor(blocks.Tensor);
                for (int k = 0; k < tensor.Shape[0]; k++)
                {
                    FillBlock(result, k * tensor.Shape[1], k * tensor.Shape[2], tensor, k * tensor.Shape[1] * tensor.Shape[2]);
                }

                return result;

            case Shuffle shuffle:
                for (int i = 0; i < shuffle.Outer; i++)
                {
                    for (int j = 0; j < shuffle.Inner; j++)
                    {
                        result.Set((j * shuffle.Outer) + i, (i * shuffle.Inner) + j, Number.One);
                    }
                }

                return result;

            case Permutation permutation:
                for (int i = 0; i < permutation.Table.Count; i++)
                {
                    result.Set(i, permutation.Table[i], Number.One);
                }

                return result;

            case Crop crop:
                for (int i = 0; i < crop.Length; i++)
                {
                    result.Set(i, crop.Start + i, Number.One);
                }

                return result;

            case Pad pad:
                for (int i = 0; i < pad.Length; i++)
                {
                    result.Set(pad.Start + i, i, Number.One);
                }

                return result;

            case Einsum einsum:
                Contract(
                    einsum.Output.Variables.Concat(einsum.Input.Variables),
                    einsum.Factors,
                    einsum.Coefficient,
                    value => result.Set(PositionOf(einsum.Output), PositionOf(einsum.Input), value));
                return result;

            case WalshHadamard transform:
                for (int i = 0; i < transform.Size; i++)
                {
                    for (int j = 0; j < transform.Size; j++)
                    {
                        int common = 0;
                        for (int bits = i & j; bits != 0; bits &= bits - 1)
                        {
                            common++;
                        }

                        result.Set(i, j, new Number(common % 2 == 0 ? 1 : -1));
                    }
                }

                return result;

            case Fourier { Size: var n, Frequencies: var frequencies, IsInverse: var isInverse }:
                for (int f = 0; f < frequencies; f++)
                {
                    double weight = !isInverse ? 1 : f == 0 || 2 * f == n ? 1.0 / n : 2.0 / n;
                    for (int j = 0; j < n; j++)
                    {
                        double angle = 2 * Math.PI * ((long)f * j % n) / n;
                        Set(f, j, weight * Math.Cos(angle));
                        Set(frequencies + f, j, weight * -Math.Sin(angle));
                    }
                }

                return result;

                void Set(int frequency, int element, double value) =>
                    result.Set(isInverse ? element : frequency, isInverse ? frequency : element, new Number(value));

            case Gather gather:
                Number[] table = Tensor(gather.Table).Items;
                for (int i = 0; i < table.Length; i++)
                {
                    result.Set(i, (int)table[i].Value, Number.One);
                }

                return result;

            case Reflections reflections:
                return Reflect(Tensor(reflections.Tensor));

            case Scaled scaled:
                return Matrix(scaled.Operand).Times(scaled.Factor, tape);

            case ScaledByTensor scaled:
                return Matrix(scaled.Operand).Times(Tensor(scaled.Factor).Items[0], tape);

            case Transpose transpose:
                return Matrix(transpose.Operand).Transposed();

            case Product product:
                return product.Operands.Select(Matrix).Aggregate((left, right) => left.Times(right, tape));

            case Sum sum:
                return SparseMatrix.Sum(sum.Operands.Select(Matrix).ToList(), tape);

            case Alternatives alternatives:
                return Matrix(alternatives.Operands[0]);

            case Kronecker kronecker:
                return kronecker.Operands.Select(Matrix).Aggregate((left, right) => left.Kronecker(right, tape));

            case DirectSum sum:
                Place(result, IndexedKind.DirectSum, sum.Operands.Select(Matrix));
                return result;

            case HorizontalStack stack:
                Place(result, IndexedKind.HorizontalStack, stack.Operands.Select(Matrix));
                return result;

            case VerticalStack stack:
                Place(result, IndexedKind.VerticalStack, stack.Operands.Select(Matrix));
                return result;

            case Indexed { Kind: IndexedKind.Sum } sum:
                return sum.Variable.Extent == 0 ? result : SparseMatrix.Sum(Repetitions(sum).ToList(), tape);

            case Indexed indexed:
                Place(result, indexed.Kind, Repetitions(indexed));
                return result;

            default:
                throw new NotSupportedException($"The interpreter has no definition of {node.GetType().Name}.");
        }
    }

    public Elements Tensor(TensorExpression expression)
    {
        // A value that has a name stands in several places; it is the same in all of them, and for all vectors if it reads none.
        if (_given is not { Known: var known } || _positions.Count > 0 || expression is not (EinsumTensor or FunctionTensor or AppliedTensor or GatherTensor))
        {
            return Evaluate(expression);
        }

        if (_fixed.TryGetValue(expression, out Elements value))
        {
            return value;
        }

        if (known.TryGetValue(expression, out value))
        {
            _readsGiven = true;
            return value;
        }

        bool others = _readsGiven;
        _readsGiven = false;
        value = Evaluate(expression);
        (_readsGiven ? known : _fixed).Add(expression, value);
        _readsGiven |= others;
        return value;
    }

    private Elements Evaluate(TensorExpression expression)
    {
        switch (expression)
        {
            case InputTensor input:
                _readsGiven = true;
                return new Elements(input.Shape, _given!.Value.Input);

            case NoiseTensor noise:
                _readsGiven = true;
                int length = noise.Shape.Aggregate(1, (product, extent) => product * extent);
                return new Elements(noise.Shape, [.. Enumerable.Range(0, length).Select(i => Drawn(noise, i, length))]);

            case AppliedTensor applied:
                return new Elements(applied.Shape, Chain(applied.Links)(Tensor(applied.Argument).Items));

            case ParameterTensor { Parameter: var parameter }:
                return WithProperty(parameter.Property, new Elements(parameter.Shape, parameters[parameter.Name]));

            case SliceTensor slice:
                return Slice(slice);

            case EinsumTensor einsum:
                var result = new Number[einsum.Shape.Aggregate(1, (product, extent) => product * extent)];
                List<IndexVariable> indices = [.. einsum.Axes.SelectMany(group => group)];
                foreach (TensorProduct term in einsum.Terms)
                {
                    Contract(indices, term.Factors, term.Coefficient, value =>
                    {
                        int position = PositionOf(indices);
                        result[position] = result[position] is { IsZeroConstant: true } ? value : tape.Add(result[position], value);
                    });
                }

                return new Elements(einsum.Shape, result);

            case FormulaTensor formula:
                return new Elements(formula.Shape, [.. formula.Elements().Select(element => new Number(element))]);

            case ListTensor list:
                return new Elements(list.Shape, [.. list.Elements.Select(element => new Number(element))]);

            case PositionTensor positions:
                return new Elements(positions.Shape, [.. PositionsOf(positions)]);

            case GatherTensor gather:
                return new Elements(gather.Shape, Gather(gather));

            case FunctionTensor function:
                return new Elements(function.Shape, Apply(function).ToArray());

            case EntriesTensor { Operator: var op, IsDiagonal: var isDiagonal } entries:
                var dense = new Number[op.Rows * op.Columns];
                foreach ((int i, int j, Number value) in Matrix(op).Entries())
                {
                    int at = (i * op.Columns) + j;
                    dense[at] = dense[at].IsZeroConstant ? value : tape.Add(dense[at], value);
                }

                return new Elements(entries.Shape, isDiagonal ? [.. Enumerable.Range(0, op.Rows).Select(i => dense[i * (op.Columns + 1)])] : dense);

            default:
                throw new NotSupportedException($"The interpreter has no definition of {expression.GetType().Name}.");
        }
    }

    public Number Activate(Activation activation, Number argument)
    {
        double x = argument.Value;
        double sigmoid = 1 / (1 + Math.Exp(-x));
        switch (activation)
        {
            case Activation.Relu:
                return tape.Function(argument, Math.Max(x, 0), x > 0 ? 1 : 0);

            case Activation.Gelu:
                double scale = Math.Sqrt(2 / Math.PI);
                double t = Math.Tanh(scale * (x + (0.044715 * x * x * x)));
                double inner = scale * (1 + (3 * 0.044715 * x * x));
                return tape.Function(argument, 0.5 * x * (1 + t), (0.5 * (1 + t)) + (0.5 * x * (1 - (t * t)) * inner));

            case Activation.Silu:
                return tape.Function(argument, double.IsNegativeInfinity(x) ? 0 : x * sigmoid, sigmoid * (1 + (x * (1 - sigmoid))));

            case Activation.Tanh:
                return tape.Function(argument, Math.Tanh(x), 1 - (Math.Tanh(x) * Math.Tanh(x)));

            case Activation.Sigmoid:
                return tape.Function(argument, sigmoid, sigmoid * (1 - sigmoid));

            case Activation.Softplus:
                return tape.Function(argument, Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))), sigmoid);

            case Activation.Exp:
                return tape.Function(argument, Math.Exp(x), Math.Exp(x));

            case Activation.Square:
                return tape.Function(argument, x * x, 2 * x);

            case Activation.Sqrt:
                return tape.Function(argument, Math.Sqrt(x), x == 0 ? 0 : 0.5 / Math.Sqrt(x));

            case Activation.Reciprocal:
                return tape.Function(argument, 1 / x, -1 / (x * x));

            case Activation.Atanh:
                return tape.Function(argument, 0.5 * Math.Log((1 + x) / (1 - x)), 1 / (1 - (x * x)));

            case Activation.Tanhc:
                double tanh = Math.Tanh(x);
                return Ratio(tanh, 1 - (tanh * tanh), [1, -1.0 / 3, 2.0 / 15, -17.0 / 315, 62.0 / 2835, -1382.0 / 155925, 21844.0 / 6081075]);

            case Activation.Atanhc:
                double most = 1 - Math.Pow(2, -24), within = Math.Min(Math.Max(x, -most), most);
                double atanh = 0.5 * Math.Log((1 + within) / (1 - within));
                return within == x ? Ratio(atanh, 1 / (1 - (x * x)), [1, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13]) : atanh / within;

            default:
                throw new NotSupportedException($"The interpreter has no definition of {activation}.");
        }

        // f(x) / x, near 0 by its series in x².
        Number Ratio(double value, double slope, double[] series) => Math.Abs(x) < 0.05
            ? tape.Function(
                argument,
                series.Select((c, k) => c * Math.Pow(x, 2 * k)).Sum(),
                series.Select((c, k) => k == 0 ? 0 : 2 * k * c * Math.Pow(x, (2 * k) - 1)).Sum())
            : tape.Function(argument, value / x, (slope - (value / x)) / x);
    }

    private static void FillBlock(SparseMatrix result, int row, int column, Elements tensor, int offset)
    {
        int rows = tensor.Shape[tensor.Shape.Count - 2], columns = tensor.Shape[tensor.Shape.Count - 1];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                result.Set(row + i, column + j, tensor.Items[offset + (i * columns) + j]);
            }
        }
    }

    private static void Place(SparseMatrix result, IndexedKind kind, IEnumerable<SparseMatrix> blocks)
    {
        int row = 0, column = 0;
        foreach (SparseMatrix block in blocks)
        {
            result.SetBlock(row, column, block);
            row += kind == IndexedKind.HorizontalStack ? 0 : block.Rows;
            column += kind == IndexedKind.VerticalStack ? 0 : block.Columns;
        }
    }

    private IEnumerable<SparseMatrix> Repetitions(Indexed indexed)
    {
        foreach (int _ in Assignments([indexed.Variable]))
        {
            yield return Matrix(indexed.Body);
        }
    }

    /// <summary>
    /// Sums products of tensor elements. <paramref name="set"/> is called once for every assignment of <paramref name="kept"/>,
    /// with the sum over all the other indices that are not already bound.
    /// </summary>
    private void Contract(
        IEnumerable<IndexVariable> kept, IReadOnlyList<IndexedTensor> factors, double coefficient, Action<Number> set)
    {
        Elements[] tensors = factors.Select(factor => Tensor(factor.Tensor)).ToArray();
        List<IndexVariable> outer = Distinct(kept);
        List<IndexVariable> summed = Distinct(factors
            .SelectMany(factor => factor.Indices.SelectMany(index => index.Terms.Select(term => term.Variable)))
            .Where(variable => !_positions.ContainsKey(variable.Id) && outer.All(other => other.Id != variable.Id)));

        int terms = summed.Aggregate(1, (product, variable) => checked(product * variable.Extent));
        int[][] strides = [.. factors.Select((factor, f) => summed.Select(variable => Stride(factor, tensors[f].Shape, variable)).ToArray())];
        var elements = new Number[tensors.Length];
        int[] places = new int[tensors.Length], at = new int[summed.Count];
        foreach (int _ in Assignments(outer))
        {
            // Where each factor begins; from there the summed indices move it by their strides.
            foreach (IndexVariable variable in summed)
            {
                _positions[variable.Id] = 0;
            }

            for (int f = 0; f < tensors.Length; f++)
            {
                places[f] = 0;
                for (int axis = 0; axis < tensors[f].Shape.Count; axis++)
                {
                    places[f] = (places[f] * tensors[f].Shape[axis]) + PositionOf(factors[f].Indices[axis]);
                }
            }

            // Nothing else is recorded on the tape while the sum runs.
            tape.BeginSum();
            for (int n = 0; n < terms; n++)
            {
                for (int f = 0; f < tensors.Length; f++)
                {
                    elements[f] = tensors[f].Items[places[f]];
                }

                tape.AddProduct(coefficient, elements);

                // The last index moves on; one at its end goes back to 0, and the one before it moves.
                bool moves = true;
                for (int i = summed.Count - 1; moves && i >= 0; i--)
                {
                    moves = ++at[i] == summed[i].Extent;
                    int steps = moves ? 1 - summed[i].Extent : 1;
                    at[i] = moves ? 0 : at[i];
                    for (int f = 0; f < places.Length; f++)
                    {
                        places[f] += steps * strides[f][i];
                    }
                }
            }

            set(tape.EndSum());
        }

        foreach (IndexVariable variable in summed)
        {
            _positions.Remove(variable.Id);
        }
    }

    /// <summary>How far one step of an index moves a factor among the elements of its tensor.</summary>
    private static int Stride(IndexedTensor factor, EquatableArray<int> shape, IndexVariable variable)
    {
        int stride = 0;
        for (int axis = 0; axis < shape.Count; axis++)
        {
            stride = (stride * shape[axis]) + factor.Indices[axis].Terms.Where(term => term.Variable.Id == variable.Id).Sum(term => term.Coefficient);
        }

        return stride;
    }

    /// <summary>Positions have no derivatives.</summary>
    private IEnumerable<Number> PositionsOf(PositionTensor positions)
    {
        Elements[] sources = [.. positions.Sources.Select(source => Tensor(source.Tensor))];
        foreach (int _ in Assignments(positions.Axes))
        {
            IEnumerable<int> read = positions.Sources.Zip(sources, (source, elements) => (int)elements.Items[source.Indices
                .Zip(elements.Shape, (index, extent) => (index, extent))
                .Aggregate(0, (position, axis) => (position * axis.extent) + PositionOf(axis.index))].Value);
            yield return new Number(positions.Formula.At([.. positions.Axes.Select(axis => _positions[axis.Id]), .. read]));
        }
    }

    private Number[] Gather(GatherTensor gather)
    {
        Number[] source = Tensor(gather.Source).Items, positions = Tensor(gather.Positions).Items;
        var result = new Number[gather.Shape.Aggregate(1, (product, extent) => product * extent)];
        for (int o = 0; o < gather.Outer; o++)
        {
            for (int p = 0; p < positions.Length; p++)
            {
                for (int c = 0; c < gather.Inner; c++)
                {
                    int direct = (((o * positions.Length) + p) * gather.Inner) + c;
                    int indirect = (((o * gather.Size) + (int)positions[p].Value) * gather.Inner) + c;
                    if (!gather.Transposed)
                    {
                        result[direct] = source[indirect];
                    }
                    else
                    {
                        result[indirect] = result[indirect] is { IsZeroConstant: true } ? source[direct] : tape.Add(result[indirect], source[direct]);
                    }
                }
            }
        }

        return result;
    }

    private Elements Slice(SliceTensor slice)
    {
        Elements source = Tensor(slice.Source);
        var items = new List<Number>();
        Visit(0, 0);
        return new Elements(slice.Shape, items.ToArray());

        void Visit(int axis, int position)
        {
            if (axis == slice.Axes.Count)
            {
                items.Add(source.Items[position]);
                return;
            }

            (int start, int length) = slice.Axes[axis] switch
            {
                PointAxis point => (PositionOf(point.Index), 1),
                RangeAxis range => (range.Start, range.Length),
                _ => throw new NotSupportedException($"The interpreter has no definition of {slice.Axes[axis].GetType().Name}."),
            };
            for (int i = 0; i < length; i++)
            {
                Visit(axis + 1, (position * source.Shape[axis]) + start + i);
            }
        }
    }

    private SparseMatrix Reflect(Elements tensor)
    {
        int count = tensor.Shape[0], size = tensor.Shape[1];
        SparseMatrix result = Matrix(new Identity(size));
        for (int r = 0; r < count; r++)
        {
            Number[] v = tensor.Items.Skip(r * size).Take(size).ToArray();
            tape.BeginSum();
            foreach (Number element in v)
            {
                tape.AddProduct(element, element);
            }

            Number square = tape.EndSum();
            if (square.Value == 0)
            {
                continue;
            }

            // M (I − 2 v vᵀ / vᵀv) = M + (M v) (−2 v / vᵀv)ᵀ
            Number factor = tape.Function(square, -2 / square.Value, 2 / (square.Value * square.Value));
            var left = new SparseMatrix(size, 1);
            var right = new SparseMatrix(1, size);
            Number[] image = result.Apply(v, tape);
            for (int i = 0; i < size; i++)
            {
                left.Set(i, 0, image[i]);
                right.Set(0, i, tape.Multiply(factor, v[i]));
            }

            result = SparseMatrix.Sum([result, left.Times(right, tape)], tape);
        }

        return result;
    }

    /// <summary>Binds the variables to every combination of their positions, the last one varying fastest.</summary>
    private IEnumerable<int> Assignments(IReadOnlyList<IndexVariable> variables)
    {
        int count = variables.Aggregate(1, (product, variable) => checked(product * variable.Extent));
        for (int n = 0; n < count; n++)
        {
            int rest = n;
            for (int i = variables.Count - 1; i >= 0; i--)
            {
                _positions[variables[i].Id] = rest % variables[i].Extent;
                rest /= variables[i].Extent;
            }

            yield return n;
        }

        foreach (IndexVariable variable in variables)
        {
            _positions.Remove(variable.Id);
        }
    }

    private int PositionOf(IReadOnlyList<IndexVariable> group)
    {
        int position = 0;
        for (int i = 0; i < group.Count; i++)
        {
            position = (position * group[i].Extent) + _positions[group[i].Id];
        }

        return position;
    }

    private int PositionOf(AffineIndex index)
    {
        int position = index.Offset;
        for (int i = 0; i < index.Terms.Count; i++)
        {
            position += index.Terms[i].Coefficient * _positions[index.Terms[i].Variable.Id];
        }

        return position;
    }

    private static List<IndexVariable> Distinct(IEnumerable<IndexVariable> variables) =>
        variables.GroupBy(variable => variable.Id).Select(same => same.First()).ToList();

    /// <summary>The elements of a tensor, row-major.</summary>
    internal readonly record struct Elements(EquatableArray<int> Shape, Number[] Items);
}
