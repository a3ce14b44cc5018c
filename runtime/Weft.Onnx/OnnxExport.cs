using System.Numerics;
using Google.Protobuf;
using global::Onnx;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Kernels;

namespace Weft.Onnx;

/// <summary>
/// Maps as ONNX models of standard operators. A model has an input and an output for each of the map's, by their names, <c>x</c> and <c>y</c> for those
/// without: rows of the batch, of any number, then the axes of a row. What depends on parameters alone is computed at once, in double precision, and
/// stored as single precision or in its storage format; a parameter that rows are multiplied by as it stands keeps its name.
/// </summary>
public static class OnnxExport
{
    /// <summary>The version of the standard operators that models are made of.</summary>
    public const int Opset = 21;

    /// <summary>The version of the format that goes with it.</summary>
    private const int FormatVersion = 10;

    /// <summary>Writes a map as a model.</summary>
    /// <param name="map">The map, with parameters.</param>
    /// <param name="stream">Where the model goes.</param>
    /// <param name="options">What the map's formula is over, and what is planned for.</param>
    /// <exception cref="WeftException">The map's formula names what is neither in the standard library nor in the files that are given.</exception>
    /// <exception cref="ArgumentException">The files declare another map under its name: other sizes, or other parameters.</exception>
    /// <exception cref="OnnxExportException">The map has something that ONNX has no operators for.</exception>
    /// <exception cref="InvalidOperationException">The map's parameters were never given, or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static void Write<T>(Map<T> map, Stream stream, OnnxExportOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(stream);
        Create(map, options).WriteTo(stream);
    }

    /// <summary>Makes the model that <see cref="Write{T}"/> writes, to be part of a larger one.</summary>
    /// <inheritdoc cref="Write{T}"/>
    public static ModelProto Create<T>(Map<T> map, OnnxExportOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new OnnxExportOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Batch, 1);
        Module module = Bind(map.Description, options.Files);

        // What has never been given, or is being written, is no parameter: a call says so.
        map.Forward([], []);
        return Create(module, options.Batch, place =>
        {
            ReadOnlySpan<T> values = map[place.Parameter.Name].Values;
            double[] wide = new double[values.Length];
            for (int i = 0; i < wide.Length; i++)
            {
                wide[i] = double.CreateChecked(values[i]);
            }

            return wide;
        });
    }

    /// <summary>A bound module as a model, with the parameters of a file; seeded ones are drawn.</summary>
    /// <exception cref="InvalidDataException">A parameter is not in the file, or has another shape there.</exception>
    internal static ModelProto Create(Module module, TensorFile file, int batch) => Create(module, batch, place =>
    {
        Parameter parameter = place.Parameter;
        int[] shape = [.. parameter.Shape];
        if (parameter.Role == Role.Seeded)
        {
            return [.. RandomTensor.Elements(shape, parameter.Initializer.Distribution, place.Scale, parameter.Seed)];
        }

        double[] values = new double[parameter.Length];
        try
        {
            file.Read(parameter.Name, shape, values.AsSpan());
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"{module.Name} needs {parameter.Name}[{string.Join(", ", shape)}]: {exception.Message}", exception);
        }

        return values;
    });

    /// <summary>A bound module as a model.</summary>
    internal static ModelProto Create(Module module, int batch, Func<ParameterPlace, double[]> parameters)
    {
        OperationProgram program = ModuleCompiler.Program(module, batch);
        GraphProto graph = Exporter.Export(program, program.Parameters.ToDictionary(place => place.Parameter.Name, parameters, StringComparer.Ordinal));
        graph.DocString = module.Formula;
        long bytes = graph.Initializer.Sum(tensor => (long)tensor.RawData.Length);
        if (bytes > int.MaxValue)
        {
            throw new OnnxExportException($"{module.Name} has {bytes} bytes of weights; a model is one message, of less than 2 GiB. Store them in fewer bits, such as frozen(half), or export its layers one by one.");
        }

        var model = new ModelProto { IrVersion = FormatVersion, ProducerName = "Weft", DocString = module.Documentation, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = Opset });
        return model;
    }

    /// <summary>The module that a map was compiled from.</summary>
    private static Module Bind(MapDescription map, IReadOnlyDictionary<string, string> files)
    {
        ParsedFile[] parsed = [.. files.Select(file => WeftCompiler.Parse(new SourceText(file.Key, file.Value)))];
        BindResult declared = WeftCompiler.Bind(parsed);
        Module? module = declared.Modules.FirstOrDefault(module => module.Name == map.Name && module.Formula == map.Formula);
        if (module is null)
        {
            var text = new SourceText("formula", map.Formula);
            BindResult result = WeftCompiler.BindFormula(text, parsed, map.Name);
            Diagnostic[] errors = [.. parsed.SelectMany(file => file.Diagnostics).Concat(result.Diagnostics).Where(diagnostic => diagnostic.Severity == Severity.Error)];
            module = errors.Length == 0 ? result.Modules[0] : throw new WeftException(errors, [text, .. parsed.Select(file => file.Source)]);
        }

        IEnumerable<string> bound = module.Parameters.Select(parameter => Show(parameter.Name, parameter.Shape, parameter.Role));
        IEnumerable<string> known = map.Parameters.Select(parameter => Show(parameter.Name, parameter.Shape, parameter.Role));
        if ((module.Inputs, module.Outputs) != (map.Inputs, map.Outputs) || !bound.ToHashSet().SetEquals(known))
        {
            throw new ArgumentException(
                $"{map.Name} was compiled from other declarations than those that its formula names here: it maps {map.Inputs} to {map.Outputs} by {string.Join(", ", known)}, and this maps {module.Inputs} to {module.Outputs} by {string.Join(", ", bound)}.",
                nameof(files));
        }

        return module;

        static string Show(string name, IEnumerable<int> shape, Role role) => $"{role.ToString().ToLowerInvariant()} {name}[{string.Join(", ", shape)}]";
    }
}
