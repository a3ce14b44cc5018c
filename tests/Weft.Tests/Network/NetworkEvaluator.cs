using System.Numerics;
using Weft.Compiler.Network;
using Weft.Compiler.Oracle;
using Weft.Compiler.Text;
using Weft.Tests.Formulas;

namespace Weft.Tests.Network;

using Weft.Compiler.Algebra;

/// <summary>Evaluates a lowered module for one row, every term by looping over all its indices.</summary>
internal sealed class NetworkEvaluator(IReadOnlyDictionary<string, double[]> parameters)
{
    private readonly Dictionary<WeightTensor, double[]> _weights = [];
    private readonly Dictionary<RowTensor, double[]> _vectors = [];

    public double[] Evaluate(LoweredModule module, double[] x)
    {
        _vectors[module.Input] = x;
        Run(module.Statements);
        return _vectors[module.Output];
    }

    private void Run(IEnumerable<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            double[] target = new double[statement.Target.Length];
            switch (statement)
            {
                case SumStatement sum:
                    foreach (Term term in sum.Terms)
                    {
                        Add(term, target);
                    }

                    break;

                case GatherStatement gather:
                    GatherShape shape = gather.Shape;
                    double[] table = Elements(gather.Table.Tensor)[gather.Table.Offset..], source = Elements(gather.Source.Tensor)[gather.Source.Offset..];
                    for (int direct = 0; direct < shape.Direct; direct++)
                    {
                        (int o, int i, int c) = (direct / shape.Inner / shape.Count, direct / shape.Inner % shape.Count, direct % shape.Inner);
                        int indirect = (((o * shape.Size) + (int)table[i]) * shape.Inner) + c;
                        if (gather.Transposed)
                        {
                            target[indirect] += source[direct];
                        }
                        else
                        {
                            target[direct] = source[indirect];
                        }
                    }

                    break;

                case PositionStatement positions:
                    int[] extents = [.. positions.Axes.Select(axis => axis.Extent)];
                    for (int n = 0; n < target.Length; n++)
                    {
                        int rest = n;
                        int[] at = new int[extents.Length];
                        for (int axis = extents.Length - 1; axis >= 0; axis--)
                        {
                            (rest, at[axis]) = Math.DivRem(rest, extents[axis]);
                        }

                        target[n] = positions.Formula.At([.. at, .. positions.Sources.Select(factor => (int)Elements(factor.Tensor)[
                            factor.Position.Offset + positions.Axes.Select((axis, k) => factor.Position.StrideOf(axis) * at[k]).Sum()])]);
                    }

                    break;

                case WalshHadamardStatement transform:
                    int size = target.Length / transform.Outer;
                    for (int i = 0; i < target.Length; i++)
                    {
                        target[i] = Enumerable.Range(0, size).Sum(j =>
                            (System.Numerics.BitOperations.PopCount((uint)(i % size & j)) % 2 == 0 ? 1 : -1) * _vectors[transform.Source][(i / size * size) + j]);
                    }

                    break;

                case ReflectionsStatement chain:
                    _vectors[chain.Source].CopyTo(target, 0);
                    double[][] along = [.. Weight(chain.Rows).Chunk(target.Length / chain.Outer)];
                    foreach (double[] v in chain.Transposed ? along : along.Reverse())
                    {
                        Reflect(target, v);
                    }

                    break;

                case NoiseStatement noise:
                    Array.Fill(target, noise.Noise.Mean);
                    break;

                case FunctionStatement { Call: var call }:
                    target = call.Function.IsLinear ? Transform(call) : Evaluate(call, call.Function);
                    break;

                case ActivationStatement activation:
                    target = new Interpreter(Algebras.ModuleOf("f", activation.Source.Length, target.Length, activation.Function), parameters)
                        .Evaluate(_vectors[activation.Source]);
                    break;

                case ScanStatement scan:
                    target = Scan(scan);
                    break;

                default:
                    throw new NotSupportedException(statement.GetType().Name);
            }

            _vectors[statement.Target] = target;
        }
    }

    private double[] Scan(ScanStatement scan)
    {
        double[] target = new double[scan.Target.Length];
        _vectors[scan.Target] = target;
        foreach (RowTensor state in scan.State)
        {
            _vectors[state] = new double[state.Length];
        }

        for (int step = 0; step < scan.Steps; step++)
        {
            foreach (StepPart part in scan.Given)
            {
                _vectors[part.Tensor] = _vectors[part.Of][At(part, step)];
            }

            Run(scan.Body);
            foreach (StepPart part in scan.Gives)
            {
                _vectors[part.Tensor].CopyTo(_vectors[part.Of].AsSpan(At(part, step)));
            }
        }

        return target;

        static Range At(StepPart part, int step)
        {
            int start = part.Offset + (step * part.Stride);
            return start..(start + part.Tensor.Length);
        }
    }

    /// <summary>Reflects each part of a vector; along a row of zeros nothing is reflected.</summary>
    private static void Reflect(double[] vector, double[] v)
    {
        double square = v.Sum(x => x * x);
        for (int start = 0; start < vector.Length && square > 0; start += v.Length)
        {
            double share = 2 * v.Select((x, i) => x * vector[start + i]).Sum() / square;
            for (int i = 0; i < v.Length; i++)
            {
                vector[start + i] -= share * v[i];
            }
        }
    }

    private void Add(Term term, double[] target)
    {
        double[][] factors = [.. term.Factors.Select(factor => Elements(factor.Tensor))];
        Affine[] positions = [.. term.Factors.Select(factor => factor.Position), term.Output];
        Compiler.Network.Index[] indices = [.. term.Indices];
        int[][] strides = [.. positions.Select(position => indices.Select(position.StrideOf).ToArray())];
        Visit(0, [.. positions.Select(position => position.Offset)]);

        void Visit(int depth, int[] at)
        {
            if (depth < indices.Length)
            {
                for (int i = 0; i < indices[depth].Extent; i++)
                {
                    Visit(depth + 1, [.. at.Select((position, k) => position + (i * strides[k][depth]))]);
                }

                return;
            }

            double product = term.Coefficient;
            for (int k = 0; k < factors.Length; k++)
            {
                product *= factors[k][at[k]];
            }

            target[at[^1]] += product;
        }
    }

    private double[] Elements(Tensor tensor) => tensor is RowTensor vector ? _vectors[vector] : Weight((WeightTensor)tensor);

    private double[] Weight(WeightTensor tensor)
    {
        if (!_weights.TryGetValue(tensor, out double[]? value))
        {
            value = tensor switch
            {
                ParameterWeight parameter => parameters[parameter.Parameter.Name],
                ConstantWeight { Value: FormulaTensor formula } => [.. formula.Elements()],
                ConstantWeight { Value: ListTensor list } => [.. list.Elements],
                NetworkWeight network => Define(network),
                FunctionWeight { Call: var call } when call.Function == TensorFunction.Reflections => CompactForm(Elements(call.Arguments[0]), call.Shape[0]),
                FunctionWeight { Call: var call } when call.Function.IsLinear => Transform(call),
                FunctionWeight { Call: var call } when Quantizer(call) is { } whole => Part(call, whole),
                FunctionWeight { Call: var call } => Evaluate(call, call.Function),
                _ => throw new NotSupportedException(tensor.GetType().Name),
            };
            _weights.Add(tensor, value);
        }

        return value;
    }

    /// <summary>A Fourier transform of real numbers, or its inverse, by sums over complex ones.</summary>
    private double[] Transform(FunctionCall call)
    {
        int n = (int)call.Numbers[0], frequencies = (n / 2) + 1;
        bool isInverse = call.Function == TensorFunction.InverseRealFourier;
        double[] x = Elements(call.Arguments[0]);
        return [.. x.Chunk(isInverse ? 2 * frequencies : n).SelectMany(row =>
        {
            Complex Root(int k) => Complex.Exp(2 * Math.PI * Complex.ImaginaryOne * k / n);
            if (isInverse)
            {
                Complex At(int f) => f == 0 || 2 * f == n ? row[f] : f < frequencies ? new Complex(row[f], row[frequencies + f]) : Complex.Conjugate(At(n - f));
                return Enumerable.Range(0, n).Select(j => Enumerable.Range(0, n).Aggregate(Complex.Zero, (sum, f) => sum + (At(f) * Root(f * j % n))).Real / n);
            }

            Complex[] sums = [.. Enumerable.Range(0, frequencies).Select(f => Enumerable.Range(0, n).Aggregate(Complex.Zero, (sum, j) => sum + (row[j] * Root(-(f * j % n)))))];
            return sums.Select(sum => sum.Real).Concat(sums.Select(sum => sum.Imaginary));
        })];
    }

    private double[] Define(NetworkWeight network)
    {
        double[] target = new double[network.Length];
        foreach (Term term in network.Definition)
        {
            Add(term, target);
        }

        return target;
    }

    /// <summary>The function of which another is a part.</summary>
    private static TensorFunction? Quantizer(FunctionCall function) =>
        TensorFunction.All.Values.FirstOrDefault(whole => whole.Parts is { } parts && new[] { parts.Codes, parts.Scales, parts.Offsets }.Contains(function.Function));

    /// <summary>The scale of each row, what is added to it, or what the whole is without both.</summary>
    private double[] Part(FunctionCall function, TensorFunction whole)
    {
        int length = function.Shapes[0][^1];
        double levels = Math.Pow(2, function.Numbers[0]);
        (double Scale, double Offset)[] rows = [.. Elements(function.Arguments[0]).Chunk(length).Select(row => whole.Name switch
        {
            "quantize" => (row.Max(Math.Abs) / ((levels / 2) - 1), 0),
            "quantize_zero_point" => Affine(Math.Min(0, row.Min()), Math.Max(0, row.Max())),
            _ => (row.Max(Math.Abs), 0),
        })];
        return function.Function == whole.Parts!.Scales ? [.. rows.Select(row => row.Scale)]
            : function.Function == whole.Parts.Offsets ? [.. rows.Select(row => row.Offset)]
            : [.. Evaluate(function, whole).Select((value, i) => rows[i / length].Scale is 0 ? 0 : (value - rows[i / length].Offset) / rows[i / length].Scale)];

        // Codes have a sign: half of the levels are negative.
        (double, double) Affine(double least, double most)
        {
            double scale = (most - least) / (levels - 1);
            return (scale, scale == 0 ? 0 : scale * ((levels / 2) - Math.Round(-least / scale)));
        }
    }

    private double[] Evaluate(FunctionCall function, TensorFunction definition)
    {
        Parameter[] arguments = [.. function.Shapes.Select((shape, k) =>
            new Parameter($"A{k}", shape, Role.Trained, new Initializer(Distribution.Normal)))];
        var value = new FunctionTensor(
            definition, arguments.Select(TensorExpression (argument) => new ParameterTensor(argument)).ToEquatable(), function.Numbers.ToEquatable());

        // Any shape, as a column: index notation makes one axis of all of them.
        IndexVariable[] indices = [.. value.Shape.Select((extent, axis) => new IndexVariable($"i{axis}", extent, -1 - axis))];
        var column = new Column(new EinsumTensor(
            EquatableArray.Of(indices.ToEquatable()), EquatableArray.Of(new IndexedTensor(value, indices.Select(AffineIndex.Of).ToEquatable()))));
        double[] values = [.. function.Arguments.SelectMany(Elements)];
        return Numbers.Flat(new Interpreter(Algebras.ModuleOf("f", column), values).Dense());
    }

    /// <summary>T of <c>∏ (I − 2 vᵢvᵢᵀ / vᵢᵀvᵢ) = I − VᵀTV</c>, one reflection at a time (Bischof and Van Loan 1987).</summary>
    private static double[] CompactForm(double[] v, int count)
    {
        int size = v.Length / count;
        double[] t = new double[count * count];
        for (int j = 0; j < count; j++)
        {
            double scale = Dot(j, j) == 0 ? 0 : 2 / Dot(j, j); // a zero row reflects nothing
            t[(j * count) + j] = scale;
            for (int i = 0; i < j; i++)
            {
                // (I − VᵀTV) (I − s v vᵀ) = I − VᵀTV − s v vᵀ + s VᵀT(Vv) vᵀ
                t[(i * count) + j] = -scale * Enumerable.Range(0, j).Sum(l => t[(i * count) + l] * Dot(l, j));
            }
        }

        return t;

        double Dot(int a, int b) => Enumerable.Range(0, size).Sum(i => v[(a * size) + i] * v[(b * size) + i]);
    }
}
