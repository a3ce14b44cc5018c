using System.Runtime.InteropServices;
using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Kernels;
using Functions = Weft.Kernels.ParameterFunctions<double>;

namespace Weft.Onnx;

/// <summary>Functions of tensors in double precision: by their definitions, or by the runtime's classes where these are all that there is.</summary>
internal static unsafe class FunctionKernels
{
    /// <summary>A class of the runtime: arguments, result, sizes and number.</summary>
    private delegate void Kernel(double** a, double* y, int[] n, double number);

    private static readonly Dictionary<string, Kernel> s_kernels = new(StringComparer.Ordinal)
    {
        ["Sin"] = (a, y, n, _) => Functions.Sin.Value(a[0], y, n[0]),
        ["Cos"] = (a, y, n, _) => Functions.Cos.Value(a[0], y, n[0]),
        ["Power"] = (a, y, n, p) => Functions.Power.Value(a[0], y, n[0], p),
        ["Quotient"] = (a, y, n, _) => Functions.Quotient.Value(a[0], a[1], y, n[0]),
        ["Where"] = (a, y, n, _) => Functions.Where.Value(a[0], a[1], a[2], y, n[0]),
        ["StraightThrough"] = (a, y, n, _) => Functions.StraightThrough.Value(a[0], a[1], y, n[0]),
        ["Concat"] = (a, y, n, _) => Functions.Concat.Value(a[0], a[1], y, (n[0], n[1], n[2])),
        ["Prefix"] = (a, y, n, length) => Functions.Prefix.Value(a[0], y, n[0], (int)length),
        ["Largest"] = (a, y, n, count) => Functions.Largest.Value(a[0], y, (n[0], n[1]), (int)count),
        ["AboveQuantile"] = (a, y, n, q) => Functions.AboveQuantile.Value(a[0], y, (n[0], n[1]), q),
        ["NormalFloat"] = (a, y, n, bits) => Functions.NormalFloat.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["NormalFloatCodes"] = (a, y, n, bits) => Functions.NormalFloatCodes.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["NormalFloatScales"] = (a, y, n, bits) => Functions.NormalFloatScales.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["QuantizeCodes"] = (a, y, n, bits) => Functions.QuantizeCodes.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["QuantizeScales"] = (a, y, n, bits) => Functions.QuantizeScales.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["QuantizeZeroPointCodes"] = (a, y, n, bits) => Functions.QuantizeZeroPointCodes.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["QuantizeZeroPointScales"] = (a, y, n, bits) => Functions.QuantizeZeroPointScales.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["QuantizeZeroPointOffsets"] = (a, y, n, bits) => Functions.QuantizeZeroPointOffsets.Value(a[0], y, (n[0], n[1]), (int)bits),
        ["RowNorms"] = (a, y, n, _) => Functions.RowNorms.Value(a[0], y, (n[0], n[1])),
        ["ColumnNorms"] = (a, y, n, _) => Functions.ColumnNorms.Value(a[0], y, (n[0], n[1], n[2])),
        ["NormalizeColumns"] = (a, y, n, _) => Functions.NormalizeColumns.Value(a[0], y, (n[0], n[1], n[2])),
        ["TopKSoftmax"] = (a, y, n, count) => Functions.TopKSoftmax.Value(a[0], y, (n[0], n[1]), (int)count),
        ["Admix"] = (a, y, n, count) => Functions.Admix.Value(a[0], a[1], y, (n[0], n[1], n[2]), (int)count),
        ["Rbf"] = (a, y, n, gamma) => Functions.Rbf.Value(a[0], a[1], y, (n[0], n[1], n[2]), gamma),
        ["Distances"] = (a, y, n, p) => Functions.Distances.Value(a[0], a[1], y, (n[0], n[1], n[2], n[3]), p),
        ["Take"] = (a, y, n, _) => Functions.Take.Value(a[0], a[1], y, (n[0], n[1], n[2])),
        ["Polar"] = (a, y, n, _) => Functions.Polar.Value(a[0], y, (n[0], n[1], n[2])),
        ["OrthonormalRows"] = (a, y, n, _) => Functions.OrthonormalRows.Value(a[0], y, (n[0], n[1], n[2])),
        ["Cayley"] = (a, y, n, _) => Functions.Cayley.Value(a[0], y, (n[0], n[1])),
        ["Inverse"] = (a, y, n, _) => Functions.Inverse.Value(a[0], y, (n[0], n[1])),
        ["InverseOfDefinite"] = (a, y, n, _) => Functions.InverseOfDefinite.Value(a[0], y, (n[0], n[1])),
        ["InverseOfLower"] = (a, y, n, _) => Functions.InverseOfLower.Value(a[0], y, (n[0], n[1])),
        ["PseudoInverse"] = (a, y, n, _) => Functions.PseudoInverse.Value(a[0], y, (n[0], n[1], n[2])),
        ["Cholesky"] = (a, y, n, _) => Functions.Cholesky.Value(a[0], y, (n[0], n[1])),
        ["LogDeterminant"] = (a, y, n, _) => Functions.LogDeterminant.Value(a[0], y, (n[0], n[1])),
        ["LogDeterminantOfDefinite"] = (a, y, n, _) => Functions.LogDeterminantOfDefinite.Value(a[0], y, (n[0], n[1])),
        ["Determinant"] = (a, y, n, _) => Functions.Determinant.Value(a[0], y, (n[0], n[1])),
        ["Eigenvalues"] = (a, y, n, _) => Functions.Eigenvalues.Value(a[0], y, (n[0], n[1])),
        ["Eigenvectors"] = (a, y, n, _) => Functions.Eigenvectors.Value(a[0], y, (n[0], n[1])),
        ["SingularValues"] = (a, y, n, _) => Functions.SingularValues.Value(a[0], y, (n[0], n[1], n[2])),
        ["ExponentialOfMatrix"] = (a, y, n, _) => Functions.ExponentialOfMatrix.Value(a[0], y, (n[0], n[1])),
        ["SquareRootOfMatrix"] = (a, y, n, _) => Functions.SquareRootOfMatrix.Value(a[0], y, (n[0], n[1])),
        ["LogarithmOfMatrix"] = (a, y, n, _) => Functions.LogarithmOfMatrix.Value(a[0], y, (n[0], n[1])),
        ["PowerOfMatrix"] = (a, y, n, p) => Functions.PowerOfMatrix.Value(a[0], y, (n[0], n[1]), p),
        ["RealFourier"] = (a, y, n, _) => Functions.RealFourier.Value(a[0], y, (n[0], n[1])),
        ["InverseRealFourier"] = (a, y, n, _) => Functions.InverseRealFourier.Value(a[0], y, (n[0], n[1])),
        ["Reflections"] = (a, y, n, _) => Functions.Reflections.Value(a[0], y, (n[0], n[1])),
    };

    /// <summary>Rounding to a format, by the format's name.</summary>
    private static readonly Dictionary<string, Kernel> s_roundings = new(StringComparer.Ordinal)
    {
        ["bf16"] = (a, y, n, _) => Functions.Rounding<BFloat16<double>>.Value(a[0], y, n[0]),
        ["half"] = (a, y, n, _) => Functions.Rounding<Float16<double>>.Value(a[0], y, n[0]),
        ["e4m3"] = (a, y, n, _) => Functions.Rounding<E4M3<double>>.Value(a[0], y, n[0]),
        ["e5m2"] = (a, y, n, _) => Functions.Rounding<E5M2<double>>.Value(a[0], y, n[0]),
    };

    /// <summary>The 2^bits values of NormalFloat from −1 to 1, in order.</summary>
    public static double[] NormalFloatLevels(int bits)
    {
        double[] levels = new double[1 << bits];
        Functions.FillNormalFloat(levels);
        return levels;
    }

    /// <summary>The elements of a function's value.</summary>
    public static double[] Evaluate(FunctionCall call, IReadOnlyList<double[]> arguments)
    {
        TensorFunction function = call.Function;
        double number = call.Numbers.FirstOrDefault();
        double[] result = new double[call.Length];
        if (function.Definition is { } definition)
        {
            int length = function.IsElementwise ? result.Length : call.Shapes[0].Count == 0 ? 1 : call.Shapes[0][^1];
            Run(definition(number, length).Value, arguments[0], length, result);
            return result;
        }

        Kernel kernel = (function.IsRounding ? s_roundings : s_kernels).GetValueOrDefault(function.IsRounding ? function.Name : function.Kernel ?? "")
            ?? throw new InvalidOperationException($"{function} has no row in the table of kernels.");
        GCHandle[] pins = [.. arguments.Append(result).Select(array => GCHandle.Alloc(array, GCHandleType.Pinned))];
        try
        {
            double** pointers = stackalloc double*[pins.Length];
            for (int k = 0; k < pins.Length; k++)
            {
                pointers[k] = (double*)pins[k].AddrOfPinnedObject();
            }

            kernel(pointers, pointers[arguments.Count], [.. function.Sizes(call.Shapes, number)], number);
        }
        finally
        {
            Array.ForEach(pins, pin => pin.Free());
        }

        return result;
    }

    /// <summary>A definition on each row.</summary>
    private static void Run(FunctionProgram program, double[] x, int length, double[] result)
    {
        IReadOnlyList<FunctionInstruction> instructions = program.Instructions;
        bool reduces = instructions[program.Result].IsOfRow && result.Length < x.Length;
        double[][] values = [.. instructions.Select(instruction => new double[instruction.IsOfRow ? 1 : length])];
        int[][] operands = [.. instructions.Select(instruction => instruction.Operands.ToArray())];
        for (int row = 0; row < x.Length / length; row++)
        {
            for (int k = 0; k < instructions.Count; k++)
            {
                FunctionInstruction instruction = instructions[k];
                (int[] o, double[] value) = (operands[k], values[k]);
                if (instruction.IsReduction)
                {
                    IEnumerable<double> terms = Enumerable.Range(0, length).Select(i => At(o[0], i));
                    value[0] = instruction.Operation == FunctionOperation.Sum ? terms.Sum() : terms.Max();
                    continue;
                }

                for (int i = 0; i < value.Length; i++)
                {
                    value[i] = instruction.Operation switch
                    {
                        FunctionOperation.Constant => instruction.Number,
                        FunctionOperation.Element => x[(row * length) + i],
                        FunctionOperation.Add => At(o[0], i) + At(o[1], i),
                        FunctionOperation.Subtract => At(o[0], i) - At(o[1], i),
                        FunctionOperation.Multiply => At(o[0], i) * At(o[1], i),
                        FunctionOperation.Divide => At(o[0], i) / At(o[1], i),
                        FunctionOperation.Min => DeviceMath.Min(At(o[0], i), At(o[1], i)),
                        FunctionOperation.Max => DeviceMath.Max(At(o[0], i), At(o[1], i)),
                        FunctionOperation.Choose => At(o[0], i) > 0 ? At(o[1], i) : At(o[2], i),
                        FunctionOperation.Abs => Math.Abs(At(o[0], i)),
                        FunctionOperation.Exp => Math.Exp(At(o[0], i)),
                        FunctionOperation.Expm1 => DeviceMath.Expm1(At(o[0], i)),
                        FunctionOperation.Log => Math.Log(At(o[0], i)),
                        FunctionOperation.Log1p => DeviceMath.Log1p(At(o[0], i)),
                        FunctionOperation.Sqrt => Math.Sqrt(At(o[0], i)),
                        FunctionOperation.Tanh => Math.Tanh(At(o[0], i)),
                        FunctionOperation.Sigmoid => 1 / (1 + Math.Exp(-At(o[0], i))),
                        FunctionOperation.Erfc => DeviceMath.Erfc(At(o[0], i)),
                        FunctionOperation.Rint => Math.Round(At(o[0], i)),
                        FunctionOperation.Floor => Math.Floor(At(o[0], i)),
                        _ => throw new InvalidOperationException(instruction.Operation.ToString()),
                    };
                }
            }

            double[] last = values[program.Result];
            last.CopyTo(result, reduces ? row : row * length);
        }

        double At(int k, int i) => instructions[k].IsOfRow ? values[k][0] : values[k][i];
    }
}
