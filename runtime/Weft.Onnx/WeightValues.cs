using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Onnx;

/// <summary>What a program makes of parameters alone, in double precision.</summary>
internal sealed class WeightValues
{
    private readonly Dictionary<Storage, double[]> _values = [];

    /// <param name="program">The program.</param>
    /// <param name="parameters">The elements of all parameters, seeded ones too, by name.</param>
    /// <exception cref="InvalidOperationException">A table of positions holds one that is none.</exception>
    public WeightValues(OperationProgram program, IReadOnlyDictionary<string, double[]> parameters)
    {
        foreach (ParameterPlace place in program.Parameters)
        {
            _values.Add(place.Storage, parameters[place.Parameter.Name]);
        }

        foreach (Operation operation in program.Weights)
        {
            Run(operation);
        }
    }

    public double[] Of(Storage storage) => _values[storage];

    private void Run(Operation operation)
    {
        switch (operation)
        {
            case ConstantStep { Constant.Value: FormulaTensor formula } constant:
                _values[constant.Result] = [.. formula.Elements()];
                break;

            case ConstantStep { Constant.Value: ListTensor list } constant:
                _values[constant.Result] = [.. list.Elements];
                break;

            case FunctionStep function:
                _values[function.Result] = FunctionKernels.Evaluate(function.Function, [.. function.Arguments.Select(Of)]);
                break;

            case CheckStep check:
                if (Array.Find(Of(check.Table), place => !(place >= 0 && place < check.Size && place == Math.Floor(place))) is var wrong && wrong != 0)
                {
                    throw new InvalidOperationException(FormattableString.Invariant($"{check.Table} holds {wrong}; whole numbers from 0 to {check.Size - 1} are expected."));
                }

                break;

            case ClearStep clear:
                _values[clear.C.Storage] = new double[clear.C.Storage.Length];
                break;

            case ContractStep contract:
                Contract(contract);
                break;

            default:
                throw new InvalidOperationException($"{operation.GetType().Name} is not of parameters alone.");
        }
    }

    private void Contract(ContractStep step)
    {
        (View target, View left, View? right) = (step.Contraction.Target, step.Contraction.Left, step.Contraction.Right);
        if (!step.Accumulates)
        {
            _values[target.Storage] = new double[target.Storage.Length];
        }

        // The innermost loop is the longest run of the result.
        Index[] indices = [.. step.Contraction.Indices.OrderBy(index => target.Stride(index) == 1).ThenBy(index => index.Extent)];
        double[] a = Of(left.Storage), b = right is null ? [1] : Of(right.Storage), c = Of(target.Storage);
        double coefficient = step.Contraction.Coefficient;
        Visit(0, left.Position.Offset, right?.Position.Offset ?? 0, target.Position.Offset);

        void Visit(int depth, int i, int j, int k)
        {
            if (depth == indices.Length)
            {
                c[k] += coefficient * a[i] * b[j];
                return;
            }

            Index index = indices[depth];
            (int p, int q, int r) = (left.Stride(index), right?.Stride(index) ?? 0, target.Stride(index));
            if (depth < indices.Length - 1)
            {
                for (int n = 0; n < index.Extent; n++)
                {
                    Visit(depth + 1, i + (n * p), j + (n * q), k + (n * r));
                }

                return;
            }

            for (int n = 0; n < index.Extent; n++)
            {
                c[k + (n * r)] += coefficient * a[i + (n * p)] * b[j + (n * q)];
            }
        }
    }
}
