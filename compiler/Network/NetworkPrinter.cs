using System.Globalization;
using System.Text;
using Weft.Compiler.Algebra;

namespace Weft.Compiler.Network;

/// <summary>Prints a lowered module: each statement as index notation, every position as the affine expression that it is.</summary>
public static class NetworkPrinter
{
    public static string Print(LoweredModule lowered)
    {
        var text = new StringBuilder();
        text.Append(FormattableString.Invariant($"{lowered.Module.Name}: {lowered.Input}[{lowered.Input.Length}] -> {lowered.Output}[{lowered.Output.Length}]\n"));
        foreach (WeightTensor weight in Derived(lowered))
        {
            text.Append("  ").Append(weight switch
            {
                ConstantWeight constant => $"{Head(weight)} = {AlgebraPrinter.Print(constant.Value)}",
                FunctionWeight function => $"{Head(weight)} = {Print(function.Call)}",
                NetworkWeight network => Print(weight.Name, network.Definition, "  "),
                _ => weight.Name,
            }).Append('\n');
        }

        foreach (Statement statement in lowered.Statements)
        {
            Print(text, statement, "  ");
        }

        return text.ToString();
    }

    /// <summary>One statement; a scan with its body.</summary>
    public static string Print(Statement statement)
    {
        var text = new StringBuilder();
        Print(text, statement, "");
        return text.ToString();
    }

    private static void Print(StringBuilder text, Statement statement, string indent)
    {
        switch (statement)
        {
            case SumStatement { Terms.Count: 0 }:
                text.Append(FormattableString.Invariant($"{indent}{statement.Target} = 0\n"));
                break;

            case SumStatement sum:
                text.Append(indent).Append(Print(sum.Target.Name, sum.Terms, indent)).Append('\n');
                break;

            case GatherStatement { Shape: var shape } gather:
                (string o, string c) = (gather.IsByData && shape.Outer == 1 ? "" : "o ", shape.Inner == 1 ? "" : " c");
                (string indirect, string direct) = ($"{o}{At(gather.Table, "i")}{c}", $"{o}i{c}");
                text.Append(gather.Transposed
                    ? $"{indent}{gather.Target}[{indirect}] += {At(gather.Source, direct)}"
                    : $"{indent}{gather.Target}[{direct}] = {At(gather.Source, indirect)}");
                text.Append(FormattableString.Invariant($"  for {(o.Length > 0 ? $"o<{shape.Outer} " : "")}i<{shape.Count}{(c.Length > 0 ? $" c<{shape.Inner}" : "")}\n"));
                break;

            case PositionStatement positions:
                string arithmetic = positions.Formula.ToText(axis => axis < positions.Axes.Count
                    ? positions.Axes[axis].Name
                    : $"{positions.Sources[axis - positions.Axes.Count].Tensor}[{positions.Sources[axis - positions.Axes.Count].Position}]");
                text.Append($"{indent}{positions.Target}[{string.Join(" ", positions.Axes.Select(axis => axis.Name))}] = {arithmetic}  for {string.Join(" ", positions.Axes.Select(axis => FormattableString.Invariant($"{axis.Name}<{axis.Extent}")))}\n");
                break;

            case WalshHadamardStatement transform:
                text.Append(FormattableString.Invariant(
                    $"{indent}{transform.Target}[o i] = wht {transform.Source}[o i]  for o<{transform.Outer} i<{transform.Target.Length / transform.Outer}\n"));
                break;

            case ReflectionsStatement chain:
                text.Append(FormattableString.Invariant(
                    $"{indent}{chain.Target}[o i] = {(chain.Transposed ? "reflections'" : "reflections")}({chain.Rows.Name}) {chain.Source}[o i]  for o<{chain.Outer} i<{chain.Target.Length / chain.Outer}\n"));
                break;

            case FunctionStatement function:
                text.Append($"{indent}{function.Target} = {Print(function.Call)}\n");
                break;

            case NoiseStatement { Noise: var noise } drawn:
                text.Append(FormattableString.Invariant($"{indent}{drawn.Target}[i] ~ {AlgebraPrinter.Print(noise.Distribution)}  for i<{drawn.Target.Length}, {noise.Name}\n"));
                break;

            case ActivationStatement activation:
                text.Append($"{indent}{activation.Target} = {activation.Function.Name}({activation.Source})\n");
                break;

            case ScanStatement scan:
                text.Append(FormattableString.Invariant($"{indent}for each i<{scan.Steps}"));
                text.Append(string.Concat(scan.Given.Concat(scan.Gives).Select(part => FormattableString.Invariant($", {part.Tensor} at {part.Of}[{part.Stride}i{(part.Offset == 0 ? "" : $"+{part.Offset}")}]")))).Append('\n');
                foreach (Statement inner in scan.Body)
                {
                    Print(text, inner, indent + "  ");
                }

                break;
        }
    }

    private static string At(Part part, string position) =>
        part.Offset == 0 ? $"{part.Tensor}[{position}]" : FormattableString.Invariant($"{part.Tensor}[{part.Offset}+][{position}]");

    private static string Print(FunctionCall call) =>
        $"{call.Function}({string.Join(", ", call.Arguments.Select(argument => argument.Name).Concat(call.Numbers.Select(number => number.ToString("R", CultureInfo.InvariantCulture))))})";

    private static string Print(string target, IReadOnlyList<Term> terms, string indent) =>
        string.Join("\n" + indent, terms.Select((term, k) => Print(target, term, k == 0 ? " = " : " += ")));

    /// <summary>One term: <c>y[32a+l] = Σ k L[…] x[…]</c>. An index is followed by its extent where it is first mentioned.</summary>
    public static string Print(string target, Term term, string assignment)
    {
        var seen = new HashSet<Index>();
        Index[] summed = [.. term.Indices.Where(index => !term.Output.Contains(index))];
        IEnumerable<string> operands = term.Factors.Select(factor => $"{factor.Tensor.Name}[{factor.Position}]");
        string coefficient = term.Coefficient == 1 ? "" : term.Coefficient.ToString("R", CultureInfo.InvariantCulture) + " ";
        string sum = summed.Length == 0 ? "" : $"Σ({string.Join(" ", summed.Select(Extent))}) ";
        string free = term.Output.Terms.Count == 0
            ? ""
            : $"  for {string.Join(" ", term.Output.Terms.OrderByDescending(part => part.Stride).Select(part => Extent(part.Index)))}";
        return $"{target}[{term.Output}]{assignment}{coefficient}{sum}{string.Join(" ", operands)}{free}";

        string Extent(Index index) => seen.Add(index)
            ? FormattableString.Invariant($"{index.Name}<{index.Extent}")
            : index.Name;
    }

    /// <summary>The tensors that are computed once per update or less often, in the order in which they are needed.</summary>
    private static IEnumerable<WeightTensor> Derived(LoweredModule lowered)
    {
        var found = new List<WeightTensor>();
        lowered.Statements.SelectMany(statement => statement.Reads).ToList().ForEach(Visit);
        return found;

        void Visit(Tensor tensor)
        {
            if (tensor is WeightTensor weight and not ParameterWeight && !found.Contains(weight))
            {
                tensor.Reads.ToList().ForEach(Visit);
                found.Add(weight);
            }
        }
    }

    private static string Head(WeightTensor weight) =>
        $"{weight.Name}[{string.Join(", ", weight.Shape.Select(extent => extent.ToString(CultureInfo.InvariantCulture)))}]";
}
