using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;

namespace Weft.Tool.Library;

/// <summary>What the standard library has.</summary>
internal static class StandardEntries
{
    /// <summary>All of it, in the order of its files.</summary>
    public static IReadOnlyList<StandardEntry> All { get; } =
        [.. StandardLibrary.Files.SelectMany(file => file.Syntax.Declarations.OfType<MapSyntax>().Select(map => new StandardEntry(file, map)))];
}
