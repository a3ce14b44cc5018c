namespace Weft.Tool.Fitting;

/// <summary>What a user asks a search for.</summary>
/// <param name="Matrix">The matrix's file, or <c>file.safetensors:NAME</c>.</param>
/// <param name="Samples">The file of vectors as they come in, for which the error counts; null where it counts everywhere.</param>
/// <param name="Steps">The most steps for a structure that is fitted step by step.</param>
/// <param name="Files">The .weft files that formulas may name declarations of.</param>
/// <param name="Formulas">Formulas to try besides the library's.</param>
/// <param name="Budget">The most parameters, as a share of the matrix's elements.</param>
/// <param name="Picture">Where the picture goes; null for nowhere.</param>
/// <param name="Output">Where the closest structure goes; null for nowhere.</param>
internal sealed record FitRequest(
    string Matrix, string? Samples, int Steps, IReadOnlyList<string> Files, IReadOnlyList<string> Formulas, double Budget, string? Picture, string? Output);
