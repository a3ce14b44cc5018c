using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Kernels;
using static global::Onnx.TensorProto.Types;

namespace Weft.Onnx;

/// <content>Initializers: parameters, and what was computed of these, as single precision or in the format that holds them.</content>
internal sealed unsafe partial class Exporter
{
    /// <summary>Numbers in a format to its bytes.</summary>
    private delegate void Packing(double* source, byte* target, int count);

    /// <summary>How ONNX has each format: its type, and its bytes. Runtimes widen what is stored so when a model is loaded.</summary>
    private static readonly Dictionary<StorageFormat, (DataType Type, Packing Pack)> s_formats = new()
    {
        [StorageFormats.BFloat16] = (DataType.Bfloat16, BFloat16<double>.Write),
        [StorageFormats.Float16] = (DataType.Float16, Float16<double>.Write),
        [StorageFormats.E4M3] = (DataType.Float8E4M3Fn, E4M3<double>.Write),
        [StorageFormats.E5M2] = (DataType.Float8E5M2, E5M2<double>.Write),
        [StorageFormats.Int8] = (DataType.Int8, Int8<double>.Write),
        [StorageFormats.Int4] = (DataType.Int4, PackInt4),
        [StorageFormats.NormalFloat4] = (DataType.Uint4, NormalFloat4<double>.Write),
    };

    private Value Stored(Storage storage)
    {
        Dim[] shape = [.. (_shapes.TryGetValue(storage, out IReadOnlyList<int>? known) ? known : [storage.Length]).Select(extent => (Dim)extent)];
        double[] values = _weights.Of(storage);
        if (storage.Format is not { } format)
        {
            return _graph.Initializer(NameOf(storage), values, shape);
        }

        (DataType type, Packing pack) = s_formats[format];
        byte[] bytes = new byte[format.BytesOf(values.Length)];
        fixed (double* source = values)
        fixed (byte* target = bytes)
        {
            pack(source, target, values.Length);
        }

        Value codes = _graph.Initializer(NameOf(storage), type, bytes, shape);
        if (format != StorageFormats.NormalFloat4)
        {
            return Cast(codes, DataType.Float);
        }

        double[] levels = FunctionKernels.NormalFloatLevels(format.Bits);
        return _graph.Node("Gather", [_graph.Constant(levels, [levels.Length]), Cast(codes, DataType.Int64)], shape, GraphBuilder.Integer("axis", 0));
    }

    /// <summary>A parameter that is only rounded keeps its name; the parts of one in whole numbers are called after it.</summary>
    private string NameOf(Storage storage) => _program.Weights.OfType<FunctionStep>().FirstOrDefault(step => step.Result == storage) switch
    {
        { Function.Function.IsRounding: true } rounded => rounded.Arguments[0].Name,
        { Function.Function: var function, Arguments: [{ IsParameter: true } parameter] } when IsPart(function) => $"{parameter.Name}.{function.Name[(function.Name.LastIndexOf('_') + 1)..]}",
        _ => storage.Name,
    };

    private static bool IsPart(TensorFunction function) =>
        TensorFunction.All.Values.Any(whole => whole.Parts is { } parts && (parts.Codes == function || parts.Scales == function || parts.Offsets == function));

    /// <summary>With a sign in each half byte.</summary>
    private static void PackInt4(double* source, byte* target, int count)
    {
        Int4<double>.Write(source, target, count);
        for (int i = 0; i < (count + 1) / 2; i++)
        {
            target[i] ^= 0x88;
        }
    }
}
