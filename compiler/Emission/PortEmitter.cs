using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Emission;

/// <summary>Writes the methods that take a span for each input and output by its name, and put the rows of a batch together from these.</summary>
internal sealed class PortEmitter
{
    private static readonly HashSet<string> s_keywords = new(
        ("abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event explicit extern false finally " +
         "fixed float for foreach goto if implicit in int interface internal is lock long namespace new null object operator out override params private protected public " +
         "readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual " +
         "void volatile while").Split(' '),
        StringComparer.Ordinal);

    private readonly CodeWriter _code;
    private readonly string _scalar, _rows, _results, _gradients, _noise;
    private readonly bool _hasNoise;
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal) { "loss", "gradient", "mean", "TLoss", "nameof" };
    private readonly Span[] _inputs, _outputs;

    private PortEmitter(CodeWriter code, Module module, string scalar)
    {
        (_code, _scalar) = (code, scalar);
        _inputs = [.. module.InputPorts.DefaultIfEmpty(new Port("x", EquatableArray.Of(module.Inputs), 0)).Select(port => new Span(port, Name(port.Name), Name("d" + port.Name)))];
        _outputs = [.. module.OutputPorts.DefaultIfEmpty(new Port("y", EquatableArray.Of(module.Outputs), 0)).Select(port => new Span(port, Name(port.Name), Name("d" + port.Name)))];
        (_rows, _results, _gradients, _noise) = (Name("rows"), Name("results"), Name("gradients"), Name("noise"));
        _hasNoise = module.Noise.Any();
    }

    /// <summary>What there is to say of the gradient for the parameters.</summary>
    private const string Weights = "[TrainedCount]: the gradient for the trained parameters, added to; or empty: not wanted.";

    /// <summary>A port with the names of its span and of that for its gradient.</summary>
    private sealed record Span(Port Port, string Name, string Gradient);

    private IEnumerable<string> NoiseParameter => _hasNoise ? [$"{GeneratedNames.Weft}.Noise? {_noise} = null"] : [];

    private IEnumerable<(string, string)> NoiseDocumentation => _hasNoise ? [(_noise, "What noise is drawn by in a step of training; null: it is its mean.")] : [];

    private string NoiseArgument => _hasNoise ? $", {_noise}" : "";

    private bool HasManyOutputs => _outputs.Length > 1;

    private IEnumerable<Span> Numbers => _inputs.Where(input => !input.Port.IsPositions);

    private string RowsOf => $"using {GeneratedNames.Kernels}.PortRows<{_scalar}>";

    private string Batch => FormattableString.Invariant($"{GeneratedNames.Kernels}.PortRows<{_scalar}>.Count({_inputs[0].Name}.Length, {_inputs[0].Port.Length}, nameof({_inputs[0].Name}))");

    /// <summary>The methods, where there is more than one vector of numbers on a side; else those of the base class are all that there can be.</summary>
    public static void Emit(CodeWriter code, Module module, string scalar)
    {
        if (module.InputPorts.Count > 1 || module.OutputPorts.Count > 1 || module.InputPorts.Any(port => port.IsPositions))
        {
            var emitter = new PortEmitter(code, module, scalar);
            emitter.EmitForward();
            emitter.EmitGradient();

            // Of one vector of numbers the base class has it, whatever becomes of the outputs.
            if (module.InputPorts.Count > 1 || module.InputPorts.Any(port => port.IsPositions))
            {
                emitter.EmitLossGradient();
            }
        }
    }

    private string Name(string wanted)
    {
        string name = wanted;
        for (int k = 2; !_taken.Add(name); k++)
        {
            name = FormattableString.Invariant($"{wanted}{k}");
        }

        return s_keywords.Contains(name) ? "@" + name : name;
    }

    private void EmitForward()
    {
        Document("The value for each row of a batch.", [.. _inputs.Select(Input), .. _outputs.Select(output => (output.Name, Shape(output.Port) + "; overwritten."))]);
        using CodeWriter.Block body = Method("void Forward", [.. Parameters(_inputs), .. _outputs.Select(output => Written(output.Name))]);
        Gather();
        foreach (Span output in _outputs)
        {
            Require(output.Name, output.Port.Length);
        }

        if (HasManyOutputs)
        {
            _code.Line($"{RowsOf} {_results} = new({Batch}, this.Outputs);");
        }

        _code.Line($"this.Forward({_rows}.Span, {(HasManyOutputs ? _results + ".Span" : _outputs[0].Name)});");
        if (HasManyOutputs)
        {
            Take(_results, _outputs.Select(output => (output.Port, output.Name)));
        }
    }

    private void EmitGradient()
    {
        Document(
            "The gradients for inputs of numbers, and summed over the batch for the trained parameters.",
            [
                .. _inputs.Select(Input),
                .. _outputs.Select(output => (output.Gradient, $"{Shape(output.Port)}: the gradient for {output.Port.Name}.")),
                .. Numbers.Select(Wanted),
                ("gradient", Weights),
                .. NoiseDocumentation,
            ]);
        using CodeWriter.Block body = Method("void Gradient", [.. Parameters(_inputs), .. _outputs.Select(output => Read(output.Gradient)), .. Numbers.Select(input => Written(input.Gradient)), Written("gradient"), .. NoiseParameter]);
        Gather();
        if (HasManyOutputs)
        {
            _code.Line($"{RowsOf} {_results} = new({Batch}, this.Outputs);");
            foreach (Span output in _outputs)
            {
                Put(_results, output.Gradient, output.Port);
            }
        }

        Differentiate(gradients => $"this.Gradient({_rows}.Span, {(HasManyOutputs ? _results + ".Span" : _outputs[0].Gradient)}, {gradients}, gradient{NoiseArgument});");
    }

    private void EmitLossGradient()
    {
        Document(
            "The mean loss over a batch, and its gradients for inputs of numbers and for the trained parameters.",
            [.. _inputs.Select(Input), ("loss", "The loss, with what rows of the outputs are compared to."), .. Numbers.Select(Wanted), ("gradient", Weights), .. NoiseDocumentation]);
        using CodeWriter.Block body = Method("double LossGradient<TLoss>", [.. Parameters(_inputs), "TLoss loss", .. Numbers.Select(input => Written(input.Gradient)), Written("gradient"), .. NoiseParameter], $"    where TLoss : struct, {GeneratedNames.Weft}.ILoss<{_scalar}>");
        Gather();
        Differentiate(gradients => $"double mean = this.LossGradient({_rows}.Span, loss, {gradients}, gradient{NoiseArgument});");
        _code.Line("return mean;");
    }

    /// <summary>A call that has a span for the gradients of all inputs, which are taken apart behind it.</summary>
    private void Differentiate(Func<string, string> call)
    {
        Span[] wanted = [.. Numbers];
        if (wanted.Length == 0)
        {
            _code.Line(call("default"));
            return;
        }

        foreach (Span input in wanted)
        {
            using (_code.Braces($"if (!{input.Gradient}.IsEmpty)"))
            {
                Require(input.Gradient, input.Port.Length);
            }
        }

        string none = string.Join(" && ", wanted.Select(input => $"{input.Gradient}.IsEmpty"));
        _code.Line($"{RowsOf} {_gradients} = new({Batch}, this.Inputs);");
        _code.Line(call($"{none} ? default : {_gradients}.Span"));
        Take(_gradients, wanted.Select(input => (input.Port, input.Gradient)));
    }

    private void Gather()
    {
        _code.Line($"{RowsOf} {_rows} = new({Batch}, this.Inputs);");
        foreach (Span input in _inputs)
        {
            Put(_rows, input.Name, input.Port);
        }
    }

    private void Put(string rows, string span, Port port) => _code.Line(FormattableString.Invariant($"{rows}.Put({span}, {port.Offset}, {port.Length}, nameof({span}));"));

    private void Require(string span, int length) => _code.Line(FormattableString.Invariant($"{_rows}.Require({span}.Length, {length}, nameof({span}));"));

    private void Take(string rows, IEnumerable<(Port Port, string Name)> parts)
    {
        foreach ((Port port, string name) in parts)
        {
            _code.Line(FormattableString.Invariant($"{rows}.Take({name}, {port.Offset}, {port.Length});"));
        }
    }

    private void Document(string summary, IEnumerable<(string Name, string Text)> parameters)
    {
        _code.Line();
        _code.Line($"/// <summary>{summary}</summary>");
        foreach ((string name, string text) in parameters)
        {
            _code.Line($"/// <param name=\"{name.TrimStart('@')}\">{text}</param>");
        }

        _code.Line($"/// <exception cref=\"{GeneratedNames.System}.ArgumentException\">A length is wrong, or an input holds what is no position where it should; nothing was written.</exception>");
    }

    private CodeWriter.Block Method(string name, IEnumerable<string> parameters, string? constraint = null)
    {
        _code.Line($"public {name}({string.Join(", ", parameters)})");
        if (constraint is not null)
        {
            _code.Line(constraint);
        }

        return _code.Braces(null);
    }

    private (string, string) Input(Span input) => (input.Name, Shape(input.Port) + (input.Port.IsPositions ? FormattableString.Invariant($": whole numbers from 0 to {input.Port.Size - 1}.") : "."));

    private static (string, string) Wanted(Span input) => (input.Gradient, $"{Shape(input.Port)}: the gradient for {input.Port.Name}, overwritten; or empty: not wanted.");

    private static string Shape(Port port) => $"[batch, {string.Join(", ", port.Shape)}]";

    private IEnumerable<string> Parameters(IEnumerable<Span> inputs) => inputs.Select(input => input.Port.IsPositions ? $"{GeneratedNames.System}.ReadOnlySpan<int> {input.Name}" : Read(input.Name));

    private string Read(string name) => $"{GeneratedNames.System}.ReadOnlySpan<{_scalar}> {name}";

    private string Written(string name) => $"{GeneratedNames.System}.Span<{_scalar}> {name}";
}
