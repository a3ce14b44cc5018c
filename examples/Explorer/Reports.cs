using System.Text.Json.Serialization;

namespace Weft.Examples.Explorer;

/// <summary>What is known of a text at once: colours, mistakes, and what it declares.</summary>
internal sealed record TextReport(IReadOnlyList<ColouredPiece> Pieces, IReadOnlyList<Mistake> Mistakes, IReadOnlyList<DeclaredMap> Maps);

/// <summary>A piece of the text with the name of its colour, and what is told about it where it is a name.</summary>
internal sealed record ColouredPiece(int Start, int Length, string Colour, string? Help);

/// <summary>A diagnostic; line and column count from 1.</summary>
internal sealed record Mistake(string Id, string Severity, string Message, int Start, int Length, int Line, int Column, Correction? Correction);

/// <summary>What a place should hold instead.</summary>
internal sealed record Correction(int Start, int Length, string Text);

/// <summary>A declaration that becomes a type.</summary>
internal sealed record DeclaredMap(string Name, string Inputs, string Outputs, bool IsLinear);

/// <summary>What the compiler makes of one map.</summary>
/// <param name="Fault">Why it makes nothing of it: the map is too large.</param>
internal sealed record MapReport(
    string? Fault,
    Costs? Costs,
    IReadOnlyList<string> Properties,
    IReadOnlyList<ParameterRow> Parameters,
    IReadOnlyList<string> Laws,
    IReadOnlyList<Order> Orders,
    string Network,
    string Explanation,
    string CSharp,
    string OpenCl);

/// <summary>What a map has and does, beside a dense matrix of the same shape, where it is linear.</summary>
internal sealed record Costs(double Trained, double Frozen, double? DenseParameters, double ForwardFlops, double BackwardFlops, double? DenseFlops);

internal sealed record ParameterRow(string Name, string Shape, string Role, double Count);

/// <summary>The order in which a product is contracted, and those that were rejected.</summary>
internal sealed record Order(string Chosen, string Cost, IReadOnlyList<RejectedOrder> Rejected);

/// <summary>An order with its cost, in costs of the chosen one.</summary>
internal sealed record RejectedOrder(string Text, double Times, string Reason);

/// <summary>A processor, and how much of its peak a map is predicted to reach.</summary>
internal sealed record MachineRow(string Name, string Registers, string Caches, double ShareOfBatch, double ShareOfRow);

/// <summary>All processors that the compiler knows, and their roofline as SVG; empty where there is no operation.</summary>
internal sealed record MachinesReport(IReadOnlyList<MachineRow> Rows, string Roofline);

/// <summary>The matrix of a map with random parameters.</summary>
/// <param name="Obstacle">Why there is none.</param>
/// <param name="Entries">Row-major, as bytes of float32 in base64.</param>
internal sealed record MatrixReport(
    string? Obstacle, int Rows, int Columns, double Least, double Most, string Entries, IReadOnlyList<FootprintRow> Footprints, string Svg);

/// <summary>What changes with a parameter or with its first number: a bit for each entry, row-major, the lowest first, in base64.</summary>
internal sealed record FootprintRow(string Name, bool IsOfFirst, int Count, string Bits);

/// <summary>A text to begin with.</summary>
internal sealed record Example(string Group, string Name, string Text);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TextReport))]
[JsonSerializable(typeof(MapReport))]
[JsonSerializable(typeof(MachinesReport))]
[JsonSerializable(typeof(MatrixReport))]
[JsonSerializable(typeof(IReadOnlyList<Example>))]
internal sealed partial class ReportContext : JsonSerializerContext;
