using System.Numerics;
using Google.Protobuf;
using global::Onnx;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;

namespace Weft.Onnx;

/// <summary>Writes maps as ONNX models of standard operators.</summary>
public static class OnnxExport
{
    /// <summary>The version of the standard operators that models are made of.</summary>
    public const int Opset = 21;

    /// <summary>The version of the format that goes with it.</summary>
    private const int FormatVersion = 10;

    /// <summary>A bound module as a model.</summary>
    internal static ModelProto Create(Module module, IReadOnlyDictionary<string, double[]> parameters, int batch = 64)
    {
        OperationProgram program = ModuleCompiler.Program(module, batch);
        GraphProto graph = Exporter.Export(program, parameters);
        var model = new ModelProto { IrVersion = FormatVersion, ProducerName = "Weft", DocString = module.Documentation, Graph = graph };
        graph.DocString = module.Formula;
        model.OpsetImport.Add(new OperatorSetIdProto { Version = Opset });
        return model;
    }
}
