using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Tool.Commands;

namespace Weft.Tool.Output;

/// <summary>How all of the tool's JSON is written: indented, with names in camel case, without what is not there.</summary>
[JsonSourceGenerationOptions]
[JsonSerializable(typeof(DiagnosticJson))]
[JsonSerializable(typeof(SarifLog))]
[JsonSerializable(typeof(IReadOnlyList<ExplainCommand.Explained>))]
[JsonSerializable(typeof(IReadOnlyList<ListCommand.Listed>))]
internal sealed partial class ToolJson : JsonSerializerContext
{
    private static readonly ToolJson s_written = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // ⊗ and -> stay readable; this is no part of a page
    });

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, typeof(T), s_written);
}
