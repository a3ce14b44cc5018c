using System.Text.RegularExpressions;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;

namespace Weft.Fuzz.Inputs;

/// <summary>Texts that are right, to begin with: the library's declarations, the specification's examples, and calls of the library.</summary>
internal static partial class Texts
{
    private static readonly (DeclarationSyntax Syntax, string Text)[] Declared =
        [.. StandardLibrary.Files.SelectMany(file => file.Syntax.Declarations.Select(declaration => (declaration, file.Source.Slice(declaration.Span) + "\n")))];

    private static readonly MapSyntax[] Callable = [.. Declared.Select(declared => declared.Syntax).OfType<MapSyntax>().Where(map => map.Parameters.Count > 0)];

    /// <summary>The library's declarations.</summary>
    public static string[] Library { get; } = [.. Declared.Select(declared => declared.Text)];

    /// <summary>The specification's examples.</summary>
    public static string[] Examples { get; } = ReadExamples();

    /// <summary>A call of one of the library's declarations, with small numbers that may not fit.</summary>
    public static string Call(Random random) => Call(Callable[random.Next(Callable.Length)], random);

    /// <summary>One or two declarations, perhaps the library's own, and a declaration that calls one.</summary>
    public static string Module(Random random)
    {
        (DeclarationSyntax syntax, string text) = Declared[random.Next(Declared.Length)];
        string call = syntax is MapSyntax { Parameters.Count: > 0 } map ? Call(map, random) : Call(random);
        int size = Small(random);
        return random.Next(8) switch
        {
            0 => Examples[random.Next(Examples.Length)],
            1 => $"{text}operator t : {size} -> {size} = {call} * {Call(random)}\n",
            2 => $"{text}layer t : {size} -> {size} = relu . bias . {call}\n",
            3 => new Sketch(random).Text,
            _ => $"{text}operator t : {size} -> {size} = {call}\n",
        };
    }

    private static string Call(MapSyntax map, Random random) =>
        $"{map.Name.Text}({string.Join(", ", map.Parameters.Where(parameter => parameter.Default is null || random.Next(2) == 0).Select(parameter => Argument(parameter.Kind, random)))})";

    private static string Argument(ParameterKindSyntax kind, Random random) => kind switch
    {
        ListKindSyntax => List(random),
        MapKindSyntax => random.Next(2) == 0 ? $"dense({Small(random)}, {Small(random)})" : $"tanh . bias . dense({Small(random)}, {Small(random)})",
        TensorKindSyntax => $"dense({Small(random)}, {Small(random)})",
        _ => $"{Small(random)}",
    };

    private static string List(Random random) => $"[{string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Small(random)))}]";

    private static int Small(Random random) => random.Next(3) == 0 ? random.Next(1, 20) : 1 << random.Next(5);

    private static string[] ReadExamples()
    {
        using var reader = new StreamReader(typeof(Texts).Assembly.GetManifestResourceStream("SPEC.md")!);
        return [.. Block().Matches(reader.ReadToEnd()).Select(match => match.Groups[1].Value)];
    }

    [GeneratedRegex(@"^```weft(?:-error)?\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
