using System.Globalization;
using System.Text.RegularExpressions;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Explanation;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Tool.Library;

namespace Weft.Tool.Gallery;

/// <summary>A declaration of the library at sizes.</summary>
/// <param name="Formula">How it is called.</param>
/// <param name="Module">What it is.</param>
/// <param name="Entry">The declaration.</param>
internal sealed partial record SizedStructure(string Formula, Module Module, StandardEntry Entry)
{
    /// <summary>A text that can be changed: the declaration, and after it one of these sizes.</summary>
    public string Text => string.Create(CultureInfo.InvariantCulture, $"""
        {Entry.File.Source.Slice(Entry.Map.Span)}

        {(Module.IsLinear ? "operator" : "layer")} example : {Side(Module.InputPorts, Module.Inputs)} -> {Side(Module.OutputPorts, Module.Outputs)} = {Formula}

        """);

    /// <summary>A declaration at the sizes of its example.</summary>
    public static SizedStructure Of(StandardEntry entry) => Bind(entry, entry.Example)
        ?? throw new InvalidOperationException($"The example of {entry.Name}, {entry.Example}, is wrong.");

    /// <summary>The same for longer vectors: each size that its shape is made of, a number of times as large; the others, ranks and blocks, stay.</summary>
    /// <param name="entry">The declaration.</param>
    /// <param name="times">How many times as long vectors are; about, where their length is a product of sizes.</param>
    /// <returns>Null where the declaration does not allow these sizes.</returns>
    public static SizedStructure? Of(StandardEntry entry, int times)
    {
        SourceText text = entry.File.Source;
        string[] sides = [text.Slice(entry.Map.Inputs!.Span), text.Slice(entry.Map.Outputs!.Span)];
        string[] names = [.. entry.Map.Parameters.Select(parameter => parameter.Name.Text)];
        bool isProduct = sides.Any(side => names.Count(name => Has(side, name)) > 1) || entry.Map.Parameters.Any(parameter => parameter.Kind is ListKindSyntax);
        int factor = isProduct ? (int)Math.Sqrt(times) : times, k = 0;
        return Bind(entry, entry.Name + Argument().Replace(entry.Example[entry.Name.Length..], argument =>
        {
            string name = names[k++];
            return sides.Any(side => Has(side, name)) ? Size().Replace(argument.Value, size => (int.Parse(size.Value, CultureInfo.InvariantCulture) * factor).ToString(CultureInfo.InvariantCulture)) : argument.Value;
        }));

        static bool Has(string side, string name) => Regex.IsMatch(side, $@"\b{name}\b");
    }

    /// <summary>What the compiler does with it.</summary>
    public Explainer Explain() => ModuleCompiler.Explain(Module, new GenerateOptions(TypeNames.Of(Module.Name), FewRowsGain: double.PositiveInfinity));

    private static SizedStructure? Bind(StandardEntry entry, string formula) =>
        WeftCompiler.BindFormula(new SourceText("formula", formula), [], entry.Name).Modules is [var module] ? new SizedStructure(formula, module, entry) : null;

    private static string Side(EquatableArray<Port> ports, int length) => ports.Count > 0 ? string.Join(", ", ports) : length.ToString(CultureInfo.InvariantCulture);

    /// <summary>A number, or a list of them.</summary>
    [GeneratedRegex(@"\[[^\]]*\]|[\d.]+")]
    private static partial Regex Argument();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Size();
}
