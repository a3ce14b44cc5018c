using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Weft.Compiler.Syntax;
using Weft.Onnx;
using Weft.Reports;
using Weft.Tool.Compressing;
using Weft.Tool.Fitting;
using Weft.Tool.Pages;

namespace Weft.Tool.Commands;

/// <summary><c>weft compress</c>: a model with structures in place of its large weights.</summary>
internal static partial class CompressCommand
{
    public static Command Create(Session session)
    {
        var model = new Argument<string>("model") { Description = "The ONNX model." };
        Argument<string[]> files = CommandParts.Files(ArgumentArity.ZeroOrMore);
        var output = new Option<string>("--output") { Description = "The folder for the new model, the C# project of its layers and the report; it must not exist yet.", Required = true };
        var data = new Option<string?>("--data") { Description = "Inputs of the model, a .npy, .npz or .safetensors file or a folder of these: errors count for what these bring into the layers. Random inputs where none are given." };
        var shapes = new Option<string[]>("--shape") { Description = "The shape of a random input, where the model leaves it open: \"x=1,3,48,320\"." };
        Option<double> budget = CommandParts.Share("--budget", "The most bytes, as a share of those of the large weights.", 0.5);
        var least = new Option<int>("--least") { Description = "Weights with fewer numbers are left alone.", DefaultValueFactory = _ => 10000 };
        least.Validators.Add(result =>
        {
            if (result.GetValue(least) < 1)
            {
                result.AddError("--least: a number from 1 was expected.");
            }
        });
        shapes.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(token => !Shape().IsMatch(token.Value)) is { } wrong)
            {
                result.AddError($"--shape: an input and its sizes, as \"x=1,3,48,320\", was expected, not '{wrong.Value}'.");
            }
        });
        var bits = new Option<int>("--bits") { Description = "The fewest bits of a number: 32, 16, 8 or 4. With 32 structures alone make the model smaller.", DefaultValueFactory = _ => 8 };
        bits.Validators.Add(result =>
        {
            if (result.GetValue(bits) is not (32 or 16 or 8 or 4))
            {
                result.AddError("--bits: 32, 16, 8 or 4 was expected.");
            }
        });
        Option<string[]> formulas = CommandParts.Formulas();
        var command = new Command("compress", "Puts structures in the place of a model's large weights.") { model, files, output, data, shapes, budget, least, bits, formulas };
        command.Exclude(data, shapes);
        command.SetAction(parsed => session.Run(() => Compress(session, new CompressRequest(
            parsed.GetRequiredValue(model),
            parsed.GetRequiredValue(output),
            parsed.GetValue(data),
            (parsed.GetValue(shapes) ?? []).Select(text => Shape().Match(text)).GroupBy(match => match.Groups[1].Value).ToDictionary(
                group => group.Key, group => group.Last().Groups[2].Value.Split(',').Select(size => int.Parse(size, CultureInfo.InvariantCulture)).ToArray(), StringComparer.Ordinal),
            parsed.GetValue(files) ?? [],
            parsed.GetValue(formulas) ?? [],
            parsed.GetValue(budget),
            parsed.GetValue(least),
            parsed.GetValue(bits)))));
        return command;
    }

    private static int Compress(Session session, CompressRequest request)
    {
        if (!File.Exists(request.Model))
        {
            throw new UsageException($"there is no file '{request.Model}'");
        }

        if (request.Output.Length == 0 || Path.Exists(request.Output))
        {
            throw new UsageException($"'{request.Output}' exists already: name a folder that is to be made by --output");
        }

        IReadOnlyList<ParsedFile> files = session.Parse(request.Files);
        OnnxModel model = OnnxModel.Open(request.Model);
        OnnxLayer[] layers = [.. model.Layers.Values.Where(layer => (long)layer.Outputs * layer.Inputs >= request.Least).OrderByDescending(layer => layer.Bytes)];
        if (layers.Length == 0)
        {
            string why = model.Fixed.Count == 0 ? "" : $"; {string.Join(" ", model.Fixed.Values.Take(3))}";
            throw new UsageException(FormattableString.Invariant($"{request.Model} has no weight of {request.Least:N0} numbers or more that MatMul, Gemm or Conv multiply by: lower --least{why}"));
        }

        var candidates = new Dictionary<OnnxLayer, IReadOnlyList<Candidate>>();
        foreach (OnnxLayer layer in layers)
        {
            if (Candidates.Of(session, request.Formulas, files, layer.Outputs, layer.Inputs, request.Budget * layer.Outputs * layer.Inputs, (double)layer.Outputs * layer.Inputs) is not { } found)
            {
                return Session.WrongText;
            }

            candidates.Add(layer, [.. found.Where(candidate => candidate.Asked is not null || IsTried(candidate, layer))]);
        }

        ModelData data;
        using (var inputs = new ModelSession(model.ToModel().ToByteArray()))
        {
            data = request.Data is null ? ModelData.Random(inputs.Inputs, request.Shapes) : ModelData.Read(request.Data, inputs.Inputs);
        }

        using var fits = new LayerFits(model, candidates, request.Bits);
        CompressedModel compressed = ReportConsole.Status(
            ReportConsole.Over(session.Output), "reads the model", tell => Compression.Run(model, layers, fits, data, (long)(request.Budget * layers.Sum(layer => layer.Bytes)), tell));
        var report = new CompressionReport(compressed, Path.GetFileName(request.Model), request.Budget);
        bool hasFormats = compressed.Layers.Any(layer => NumberFormat.Declarations.Syntax.Declarations.Any(declaration => declaration.Name.Text == layer.Chosen?.Family));
        Write(request, report, hasFormats ? [.. files, NumberFormat.Declarations] : files);
        report.Print(session.Output, request.Least);
        session.Output.WriteLine($"The model, {CompressionProject.Name}/{CompressionProject.Name}.csproj and report.html are in {request.Output}");
        return 0;
    }

    /// <summary>Writes all, or nothing: into a folder of another name, which then gets its own.</summary>
    private static void Write(CompressRequest request, CompressionReport report, IReadOnlyList<ParsedFile> files)
    {
        string output = Path.GetFullPath(request.Output), parent = Path.GetDirectoryName(output)!;
        Directory.CreateDirectory(parent);
        string folder = Path.Combine(parent, $".{Path.GetFileName(output)}.{Guid.NewGuid():N}"), project = Path.Combine(folder, CompressionProject.Name);
        try
        {
            Directory.CreateDirectory(project);
            File.WriteAllBytes(Path.Combine(folder, report.Name), report.Model.After);
            File.WriteAllText(Path.Combine(folder, "report.html"), CompressionPage.Create(report, request.Least));
            foreach ((string name, byte[] bytes) in CompressionProject.Files(report.Model, report.Name, files))
            {
                File.WriteAllBytes(Path.Combine(project, name), bytes);
            }

            Directory.Move(folder, output);
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>Whether a structure of the library is fitted: one that takes fewer bytes in a model, whose matrices need no tables. Low rank is anyway, at more sizes.</summary>
    private static bool IsTried(Candidate candidate, OnnxLayer layer)
    {
        // The singular values of a Kronecker product or tensor train are those of a matrix of about all numbers: minutes for a large one.
        const int Most = 1 << 16;
        return layer.IsPointwise && candidate.Label switch
        {
            "monarch_rectangular" or "monarch_padded" or "block_diagonal" or "block_tensor_train" => true,
            "kronecker" or "tensor_train" => (long)layer.Outputs * layer.Inputs <= Most,
            _ => false,
        };
    }

    [GeneratedRegex(@"^([^=]+)=(\d{1,9}(?:,\d{1,9})*)$")]
    private static partial Regex Shape();
}
