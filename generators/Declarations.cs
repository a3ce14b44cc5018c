using Weft.Compiler.Syntax;
using Weft.Generators.Models;

namespace Weft.Generators;

/// <summary>Where a file declares what.</summary>
internal static class Declarations
{
    public static IEnumerable<(string Name, Place Place)> Of(ParsedFile file) =>
        file.Syntax.Declarations.Select(declaration => (declaration.Name.Text, Place.In(file.Source, declaration.Name.Span)));
}
