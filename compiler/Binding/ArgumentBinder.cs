using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Binds the arguments of a call to what the declaration takes: numbers and lists, tensors and maps, in their order. An argument is bound once, where
/// it is written; wherever its name is used it is the same, with the same parameters.
/// </summary>
internal sealed class ArgumentBinder(BindingContext context) : Binder(context)
{
    /// <param name="map">The declaration.</param>
    /// <param name="arguments">The arguments as the caller writes them; defaults stand for those that are missing.</param>
    /// <param name="frame">The new instance, which is given their names.</param>
    /// <returns>Whether all of them are what they have to be.</returns>
    public bool Bind(MapSyntax map, EquatableArray<ExpressionSyntax> arguments, Frame frame)
    {
        var shown = new List<string>();
        for (int k = 0; k < map.Parameters.Count; k++)
        {
            ParameterSyntax parameter = map.Parameters[k];
            var argument = k < arguments.Count
                ? new ArgumentSyntax(arguments[k], frame.Caller!, frame.Caller!)
                : new ArgumentSyntax(parameter.Default!, frame, frame.Caller!);
            Value? value = parameter.Kind switch
            {
                MapKindSyntax kind => BindMap(parameter, kind, argument, frame),
                TensorKindSyntax kind => BindTensor(parameter, kind, argument, frame),
                _ => BindNumbers(parameter, argument, frame),
            };
            if (value is null || (value is ListValue { Numbers.Count: var length } && !Spend(length, frame, parameter)))
            {
                return false;
            }

            frame.Locals[parameter.Name.Text] = value;
            shown.Add($"{parameter.Name.Text} = {(value is NumberValue number ? Value.Show(number.Number) : value is ListValue list ? list.Text : argument.In.Show(argument.Syntax))}");
        }

        frame.Sizes = string.Join(", ", frame.Locals.Select(local => local.Value switch
        {
            NumberValue number => $"{local.Key} = {Value.Show(number.Number)}",
            ListValue list => $"{local.Key} = {list.Text}",
            _ => "",
        }));
        frame.Instantiation = shown.Count > 0 ? $"{frame.Declaration!.Name}({string.Join(", ", shown)})" : "";
        return true;
    }

    private Value? BindNumbers(ParameterSyntax parameter, ArgumentSyntax argument, Frame frame)
    {
        Value? value = Expressions.Bind(argument.Syntax, argument.In);
        bool isList = parameter.Kind is ListKindSyntax;
        if (value is null || (isList ? value is ListValue : value is NumberValue))
        {
            return value;
        }

        ReportKind(parameter, isList ? "a list" : "a number", value.Description, argument, frame);
        return null;
    }

    /// <summary>An operator, or for a layer any chain. Its tensors have the name of the parameter before theirs.</summary>
    private Value? BindMap(ParameterSyntax parameter, MapKindSyntax kind, ArgumentSyntax argument, Frame frame)
    {
        // What the first link is given is known where the extent is one of the sizes before.
        int? given = IsOwn(kind.Inputs, frame) ? null : Expressions.BindSize(kind.Inputs, frame);
        if (given is null && !IsOwn(kind.Inputs, frame))
        {
            return null;
        }

        Frame part = BindingContext.NewFrame(argument.In, Context.UniquePrefix(frame.Prefix, parameter.Name.Text));
        if (Chains.BindChain(EquatableArray.Of(argument.Syntax), part, given) is not { } chain)
        {
            return null;
        }

        Value value = ChainBinder.Named(chain);
        if (value is ChainValue && frame.Declaration is { Syntax: MapSyntax { Kind: MapKind.Operator } })
        {
            Report(DiagnosticDescriptors.NotLinear, argument.In, argument.Syntax, argument.In.Show(argument.Syntax));
            return null;
        }

        return Meets([(kind.Inputs, chain.Inputs), (kind.Outputs, chain.Outputs)], parameter, $"'{argument.In.Show(argument.Syntax)}' : {chain.Inputs} -> {chain.Outputs}", argument, frame) ? value : null;
    }

    /// <summary>A tensor that does not depend on the input; an operator stands for its entries.</summary>
    private TensorValue? BindTensor(ParameterSyntax parameter, TensorKindSyntax kind, ArgumentSyntax argument, Frame frame)
    {
        Frame part = BindingContext.NewFrame(argument.In, Context.UniquePrefix(frame.Prefix, parameter.Name.Text));
        Value? value = Expressions.Bind(argument.Syntax, part);
        if (value is OperatorValue op)
        {
            value = Builtin.EntriesOf(op, argument.Syntax, part);
        }

        if (value is not TensorValue tensor)
        {
            if (value is not null)
            {
                string remedy = value is RowValue ? ": give the layer an input with a name, as in ': x[t, n], memory[s, n] -> y[t, n]'" : "";
                ReportKind(parameter, "a tensor", value.Description + remedy, argument, frame);
            }

            return null;
        }

        if (tensor.Axes != kind.Shape.Count)
        {
            ReportKind(parameter, kind.Shape.Count == 1 ? "a tensor of 1 axis" : $"a tensor of {kind.Shape.Count} axes", tensor.Description, argument, frame);
            return null;
        }

        return Meets(kind.Shape.Zip(tensor.Tensor.Shape, (extent, found) => (extent, found)), parameter, tensor.Description, argument, frame) ? tensor : null;
    }

    /// <summary>Whether extents are those of the argument; names that were not known before become them.</summary>
    private bool Meets(IEnumerable<(ExpressionSyntax Extent, int Found)> extents, ParameterSyntax parameter, string found, ArgumentSyntax argument, Frame frame)
    {
        foreach ((ExpressionSyntax extent, int size) in extents)
        {
            if (IsOwn(extent, frame))
            {
                frame.Locals.Add(((NameSyntax)extent).Name, new NumberValue(size));
            }
            else if (Expressions.BindSize(extent, frame) is not { } stated)
            {
                return false;
            }
            else if (stated != size)
            {
                string sizes = string.Join(" and ", parameter.Kind.Extents.Where(one => one is not NumberSyntax && !IsOwn(one, frame)).Select(one => $"{frame.Show(one)} = {Value.Show(Expressions.BindSize(one, frame) ?? 0)}").Distinct());
                ReportKind(parameter, sizes.Length == 0 ? frame.Show(parameter.Kind) : $"{frame.Show(parameter.Kind)}, with {sizes},", found, argument, frame);
                return false;
            }
        }

        return true;
    }

    private static bool IsOwn(ExpressionSyntax extent, Frame frame) => extent is NameSyntax name && !frame.Locals.ContainsKey(name.Name);

    private void ReportKind(ParameterSyntax parameter, string expected, string found, ArgumentSyntax argument, Frame frame) =>
        Report(DiagnosticDescriptors.WrongKind, argument.Reported, argument.In == frame ? frame.CallSite : argument.Syntax.Span, $"{expected} for '{parameter.Name.Text}' of '{frame.Declaration!.Signature}'", found);

    /// <param name="Syntax">What is written.</param>
    /// <param name="In">Where: at the call, or in the declaration for a default.</param>
    /// <param name="Reported">Where a mistake is told: at the call.</param>
    private sealed record ArgumentSyntax(ExpressionSyntax Syntax, Frame In, Frame Reported);
}
