namespace Weft.Tool.Compressing;

/// <summary>What a user asks to be made smaller.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Output">The folder that is made.</param>
/// <param name="Data">The file or folder of the model's inputs; null where random ones are drawn.</param>
/// <param name="Shapes">The shapes of inputs, where the model leaves them open and there are no data.</param>
/// <param name="Files">The .weft files that formulas may name declarations of.</param>
/// <param name="Formulas">Formulas to try besides the library's.</param>
/// <param name="Budget">The most bytes, as a share of those of the large weights.</param>
/// <param name="Least">Weights with fewer numbers are left alone.</param>
/// <param name="Bits">The fewest bits that a number is stored in.</param>
internal sealed record CompressRequest(
    string Model,
    string Output,
    string? Data,
    IReadOnlyDictionary<string, int[]> Shapes,
    IReadOnlyList<string> Files,
    IReadOnlyList<string> Formulas,
    double Budget,
    int Least,
    int Bits);
