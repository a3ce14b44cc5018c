using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Onnx;
using Weft.Tool.Library;

namespace Weft.Tool.Compressing;

/// <summary>A C# project with a map for each layer that has become one: the declarations, their parameters, and a program that loads these and checks what they compute.</summary>
internal static class CompressionProject
{
    /// <summary>The project's name, its folder's and its namespace.</summary>
    public const string Name = "Layers";

    /// <summary>Rows that the program checks each layer by.</summary>
    private const int Rows = 4;

    /// <summary>The files, by their names.</summary>
    /// <param name="model">What became of the model.</param>
    /// <param name="name">What the model is called.</param>
    /// <param name="files">The user's files, whose declarations formulas may name.</param>
    public static IReadOnlyDictionary<string, byte[]> Files(CompressedModel model, string name, IReadOnlyList<ParsedFile> files)
    {
        var layers = new List<(string Name, CompressedLayer Layer)>();
        HashSet<string> taken = [.. StandardEntries.All.Select(entry => entry.Name), .. files.SelectMany(file => file.Syntax.Declarations).Select(declaration => declaration.Name.Text)];
        HashSet<string> types = [Name];
        foreach (CompressedLayer layer in model.Layers.Where(layer => layer.Chosen is not null))
        {
            string wanted = Identifier(layer.Fitted.Layer.Weight), one = wanted;
            for (int k = 2; !taken.Add(one) || !types.Add(TypeNames.Of(one)); k++)
            {
                one = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{k}");
            }

            layers.Add((one, layer));
        }

        var made = new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            [$"{Name}.csproj"] = Encoding.UTF8.GetBytes(ProjectText()),
            ["layers.weft"] = Encoding.UTF8.GetBytes(Declarations(layers, name, files)),
            ["layers.safetensors"] = Tensors(layers.SelectMany(layer => Parameters(layer.Name, layer.Layer.Chosen!))),
            ["check.safetensors"] = Tensors(layers.SelectMany((layer, k) => Checks(layer.Name, layer.Layer.Chosen!, k))),
            ["Program.cs"] = Encoding.UTF8.GetBytes(Program(layers.Select(layer => layer.Name))),
        };
        foreach (ParsedFile file in files)
        {
            made[Path.GetFileName(file.Source.Path)] = Encoding.UTF8.GetBytes(file.Source.Text);
        }

        return made;
    }

    /// <summary>A name that a declaration can have, from that of a weight.</summary>
    private static string Identifier(string weight)
    {
        var name = new StringBuilder();
        foreach (char character in weight)
        {
            name.Append(char.IsAsciiLetterOrDigit(character) ? character : '_');
        }

        string text = name.ToString().Trim('_');
        return WeftCompiler.Parse(new SourceText("name", $"operator {text} : 1 -> 1 = identity(1)\n")).Diagnostics.Count == 0 ? text : "layer_" + text;
    }

    private static string ProjectText() => $"""
        <Project Sdk="Microsoft.NET.Sdk">

          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
          </PropertyGroup>

          <ItemGroup>
            <PackageReference Include="Weft" Version="{Versions.Package}" />
            <None Update="*.safetensors" CopyToOutputDirectory="PreserveNewest" />
          </ItemGroup>

        </Project>

        """;

    private static string Declarations(IEnumerable<(string Name, CompressedLayer Layer)> layers, string model, IReadOnlyList<ParsedFile> files)
    {
        var text = new StringBuilder();
        foreach (ParsedFile file in files)
        {
            text.Append(CultureInfo.InvariantCulture, $"import \"{Path.GetFileName(file.Source.Path)}\"\n");
        }

        foreach ((string name, CompressedLayer layer) in layers)
        {
            OnnxLayer old = layer.Fitted.Layer;
            text.Append(text.Length > 0 ? "\n" : "");
            text.Append(CultureInfo.InvariantCulture, $"""
                /// {string.Join(", ", old.Nodes)} of {model}: in place of the weight '{old.Weight}', {old.Bytes:N0} bytes, by {layer.Bytes:N0}.
                /// The relative error of what it makes of the rows that come in is {layer.Chosen!.Error:P2}.
                operator {name} : {old.Inputs} -> {old.Outputs} = {layer.Chosen.Formula}

                """);
        }

        return text.ToString();
    }

    private static string Program(IEnumerable<string> layers) => $$"""
        using {{Name}};
        using Weft;

        // Loads the parameters of each layer, and compares what it makes of a few rows with what the new model makes of them.
        using FileStream parameters = Open("layers.safetensors"), checks = Open("check.safetensors");
        TensorFile rows = TensorFile.Open(checks);
        bool isRight = true;
        {{string.Join("\n", layers.Select(layer => $"Check(new {TypeNames.Of(layer)}(), \"{layer}\");"))}}
        return isRight ? 0 : 1;

        void Check(LinearMap<float> map, string name)
        {
            using (map)
            {
                parameters.Position = 0;
                map.Load(parameters, new LoadOptions { Prefix = name + "." });
                float[] x = Read(name + ".x"), expected = Read(name + ".y"), y = new float[expected.Length];
                map.Forward(x, y);
                double error = Math.Sqrt(y.Zip(expected).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / expected.Sum(value => Math.Pow(value, 2)));
                isRight &= error < 1e-4;
                Console.WriteLine($"{name}: {map.Inputs} -> {map.Outputs}, {map.ParameterCount:N0} parameters, differs by {error:0.0E0} from the model");
            }
        }

        float[] Read(string tensor)
        {
            StoredTensor stored = rows.Tensors[tensor];
            float[] values = new float[stored.Shape[0] * stored.Shape[1]];
            rows.Read(tensor, stored.Shape.AsSpan(), values.AsSpan());
            return values;
        }

        static FileStream Open(string file) => File.OpenRead(Path.Combine(AppContext.BaseDirectory, file));

        """;

    private static IEnumerable<(string, StoredType, ImmutableArray<int>, ReadOnlyMemory<float>)> Parameters(string name, LayerFit fit)
    {
        IReadOnlyDictionary<string, double[]> parameters = fit.Parameters();
        return fit.Module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Select(parameter => (
            $"{name}.{parameter.Name}", StoredType.F32, parameter.Shape.ToImmutableArray(), (ReadOnlyMemory<float>)Array.ConvertAll(parameters[parameter.Name], value => (float)value)));
    }

    /// <summary>Rows, and what ONNX Runtime makes of them with the layer's nodes.</summary>
    private static IEnumerable<(string, StoredType, ImmutableArray<int>, ReadOnlyMemory<float>)> Checks(string name, LayerFit fit, int seed)
    {
        var random = new Random(seed);
        using var session = new ModelSession(fit.ToModel());
        ModelTensor x = ModelData.Normal(random, [Rows, fit.Module.Inputs]), y = session.Run(new Dictionary<string, ModelTensor> { [session.Inputs[0].Name] = x }, session.Outputs)[0];
        return new[] { ("x", x), ("y", y) }.Select(pair => (
            $"{name}.{pair.Item1}", StoredType.F32, ImmutableArray.Create(Rows, pair.Item2.Values.Length / Rows), (ReadOnlyMemory<float>)Array.ConvertAll(pair.Item2.Values, value => (float)value)));
    }

    private static byte[] Tensors(IEnumerable<(string, StoredType, ImmutableArray<int>, ReadOnlyMemory<float>)> tensors)
    {
        using var file = new MemoryStream();
        TensorFile.Write(file, [.. tensors], ImmutableDictionary<string, string>.Empty);
        return file.ToArray();
    }
}
