using System.Globalization;
using System.Text;
using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>
/// Prints a syntax tree as Weft, one statement in a line, with every operation inside another in parentheses: the text shows
/// the tree, and parses to the same tree again.
/// </summary>
public static class SyntaxPrinter
{
    /// <summary>A whole file.</summary>
    public static string Print(FileSyntax file)
    {
        var text = new StringBuilder();
        foreach (ImportSyntax import in file.Imports)
        {
            text.Append("import \"").Append(import.File).Append("\"\n");
        }

        foreach (DeclarationSyntax declaration in file.Declarations)
        {
            Print(declaration, text);
        }

        return text.ToString();
    }

    /// <summary>An expression.</summary>
    public static string Print(ExpressionSyntax expression) => expression switch
    {
        NumberSyntax number => number.Value.ToString("R", CultureInfo.InvariantCulture),
        NameSyntax name => name.Name,
        CallSyntax call => $"{call.Name.Text}({List(call.Arguments)})",
        CompositionSyntax chain => $"({string.Join(" . ", chain.Links.Select(Print))})",
        BlockSyntax block => $"[{string.Join("; ", block.Rows.Select(row => List(row)))}]",
        RepeatSyntax repeat => $"{repeat.Combinator}({repeat.Variable.Text} < {Print(repeat.Count)}) {Inner(repeat.Body)}",
        FrozenSyntax frozen => $"{FrozenSyntax.Word} {Inner(frozen.Operand)}",
        ConditionalSyntax choice => $"(if {Print(choice.Condition)} then {Print(choice.Then)} else {Print(choice.Else)})",
        NegateSyntax negate => $"-{Inner(negate.Operand)}",
        NotSyntax not => $"not {Inner(not.Operand)}",
        ChainSyntax chain => Inner(chain.First) + string.Concat(chain.Rest.Select(link => $" {link.Operator} {Inner(link.Operand)}")),
        PortsSyntax ports => string.Join(", ", ports.Ports.Select(Print)),
        PostfixSyntax postfix => Inner(postfix.Operand) + string.Concat(postfix.Suffixes.Select(Print)),
        _ => throw new ArgumentOutOfRangeException(nameof(expression), expression, "Not an expression of the language."),
    };

    private static string Print(PortSyntax port) => port.Name is null
        ? Print(port.Limit!)
        : $"{port.Name.Text}[{List(port.Shape)}]{(port.Limit is { } limit ? $" < {Inner(limit)}" : "")}";

    private static string Inner(ExpressionSyntax expression) =>
        expression is NegateSyntax or NotSyntax or ChainSyntax or RepeatSyntax or FrozenSyntax ? $"({Print(expression)})" : Print(expression);

    private static string List(IEnumerable<ExpressionSyntax> expressions) => string.Join(", ", expressions.Select(Print));

    private static string Print(SuffixSyntax suffix) => suffix is SliceSuffix slice
        ? $"[{string.Join(", ", slice.Items.Select(Print))}]"
        : "'";

    private static string Print(SliceItemSyntax item) =>
        item.Start is null ? ":" : item.End is null ? Print(item.Start) : $"{Print(item.Start)}..{Print(item.End)}";

    private static void Print(DeclarationSyntax declaration, StringBuilder text)
    {
        if (declaration.Documentation.Length > 0)
        {
            text.Append("/// ").Append(declaration.Documentation.Replace("\n", "\n/// ")).Append('\n');
        }

        if (declaration is BankSyntax bank)
        {
            text.Append($"bank {bank.Name.Text}[{List(bank.Shape)}]{Print(bank.Distribution)}\n");
        }
        else if (declaration is MapSyntax { Inputs: { } inputs, Outputs: { } outputs } map)
        {
            string parameters = map.Parameters.Count > 0 ? $"({string.Join(", ", map.Parameters.Select(Print))})" : "";
            text.Append($"{map.Kind.ToString().ToLowerInvariant()} {map.Name.Text}{parameters} : {Print(inputs)} -> {Print(outputs)}\n");
            foreach (ClauseSyntax clause in map.Clauses)
            {
                text.Append("  ").Append(Print(clause)).Append('\n');
            }

            Print(map.Body, text);
        }
    }

    private static string Print(ParameterSyntax parameter)
    {
        string kind = parameter.Kind switch
        {
            NumberKindSyntax => "",
            ListKindSyntax => "[]",
            MapKindSyntax map => $" : {Print(map.Inputs)} -> {Print(map.Outputs)}",
            TensorKindSyntax tensor => $" : [{List(tensor.Shape)}]",
            _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter, "Not a parameter of the language."),
        };
        return parameter.Name.Text + kind + (parameter.Default is { } value ? $" = {Print(value)}" : "");
    }

    private static string Print(ClauseSyntax clause) => clause switch
    {
        RequireSyntax require => $"require {Print(require.Condition)}",
        LetSyntax or IndexLetSyntax => $"let {Definition(clause)}",
        PenaltySyntax penalty => $"penalty {Definition(penalty.Definition)}",
        TensorsSyntax tensors => Print(tensors),
        _ => throw new ArgumentOutOfRangeException(nameof(clause), clause, "Not a clause of the language."),
    };

    private static string Definition(ClauseSyntax clause) => clause is IndexLetSyntax sum
        ? $"{sum.Name.Text}{Print(sum.Axes)} {Assignment(sum.Adds)} {Print(sum.Terms)}"
        : $"{((LetSyntax)clause).Name.Text} = {Print(((LetSyntax)clause).Value)}";

    private static string Print(TensorsSyntax tensors)
    {
        string role = tensors.Role switch
        {
            Role.Trained => "param",
            Role.Frozen => "frozen",
            Role.Seeded => "seeded",
            _ => "noise",
        };
        string?[] options = [Optional(tensors.Seed), tensors.Format?.Name.Text, Optional(tensors.Format?.Group)];
        string list = string.Join(", ", options.OfType<string>());
        return $"{(tensors.IsShared ? "shared " : "")}{role}{(list.Length > 0 ? $"({list})" : "")} {string.Join(", ", tensors.Tensors.Select(Print))}";
    }

    private static string? Optional(ExpressionSyntax? expression) => expression is null ? null : Print(expression);

    private static string Print(TensorSyntax tensor)
    {
        string family = tensor.Variable is null ? "" : $"({tensor.Variable.Text} < {Print(tensor.Count!)})";
        string shape = tensor.Shape.Count > 0 ? $"[{List(tensor.Shape)}]" : "";
        string rate = tensor.Rate is { } factor ? $" rate {Print(factor)}" : "";
        string property = tensor.Property is { } word ? " " + word.Text : "";
        return tensor.Name.Text + family + shape + property + Print(tensor.Distribution) + rate;
    }

    private static string Print(DistributionSyntax? distribution) => distribution is null
        ? ""
        : $" ~ {distribution.Name.Text}" + (distribution.Arguments.Count > 0 ? $"({List(distribution.Arguments)})" : "");

    private static void Print(BodySyntax? body, StringBuilder text)
    {
        switch (body)
        {
            case ChainBody chain:
                text.Append($"  = {Print(chain)}\n");
                break;
            case IndexBody index:
                text.Append($"  {index.Result.Text}{Print(index.Axes)} {Assignment(index.Adds)} {Print(index.Terms)}\n");
                break;
            case ResultsBody results:
                foreach (IndexBody result in results.Results)
                {
                    Print(result, text);
                }

                break;
            case ModelBody model:
                foreach (ModelStepSyntax step in model.Steps)
                {
                    text.Append($"  layer {step.Name.Text} = {Print(step.Body)}\n");
                }

                break;
        }
    }

    private static string Assignment(bool adds) => adds ? "+=" : "=";

    private static string Print(ChainBody chain) => string.Join(" . ", chain.Links.Select(Print));

    private static string Print(EquatableArray<IndexGroupSyntax> axes) =>
        $"[{string.Join(", ", axes.Select(group => string.Join(" ", group.Indices.Select(Print))))}]";

    private static string Print(IndexSyntax index) => Print(index.Value) + (index.Extent is { } extent ? $":{Inner(extent)}" : "");

    private static string Print(EquatableArray<IndexTermSyntax> terms)
    {
        var text = new StringBuilder();
        foreach (IndexTermSyntax term in terms)
        {
            text.Append(term.IsNegative ? text.Length == 0 ? "-" : " - " : text.Length == 0 ? "" : " + ");
            for (int i = 0; i < term.Factors.Count; i++)
            {
                IndexFactorSyntax factor = term.Factors[i];
                text.Append(i == 0 ? "" : factor.IsDivisor ? " / " : " * ");
                text.Append(Inner(factor.Value)).Append(string.Concat(factor.Brackets.Select(Print)));
            }
        }

        return text.ToString();
    }
}
