using System.Globalization;
using System.Text;

namespace Weft.Fuzz.Inputs;

/// <summary>Layers and models of values, inputs and outputs with names, positions by data, and links that repeat.</summary>
internal sealed partial class Sketch
{
    private const int MostSteps = 3;

    private static readonly string[] Functions = ["tanh", "softmax", "normalize_rows", "softplus", "abs", "gelu_exact", "square", "sign", "exp", "cos"];

    /// <summary>Layers that the one that is written calls.</summary>
    private readonly StringBuilder _steps = new();

    private int _nextIndex;
    private int _stepCount;

    /// <summary>A tensor that differs from row to row, or holds positions below a limit.</summary>
    private sealed record Variable(string Name, int[] Shape, int Limit = 0)
    {
        public int Length => Shape.Aggregate(1, (product, extent) => product * extent);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}[{string.Join(", ", Shape)}]{(Limit > 0 ? $" < {Limit}" : "")}");
    }

    private string Layer()
    {
        _parameters.Clear();
        if (_random.Next(2) == 0)
        {
            return Valued(Variables(2, _random.Next(3)), Variables(2, 0));
        }

        // A chain, by itself, applied to an input, or in lines of a model.
        int inputs = Composite(), outputs = Composite();
        switch (_random.Next(4))
        {
            case 0:
                int width = Composite();
                (string first, string second) = (Called(width, inputs), Called(outputs, width));
                return string.Create(CultureInfo.InvariantCulture, $"model {Fresh()} : {inputs} -> {outputs}\n  layer {Fresh()} = {first}\n  layer {Fresh()} = tanh . {second}\n");
            case 1:
                string chain = Chain(outputs, inputs, 3);
                return Declared($"{Fresh()} : {Fresh()}[{inputs}] -> {Fresh()}[{outputs}]", $"  = {chain}\n");
            case 2:
                chain = Chain(outputs, inputs, 3);
                var input = new Variable(Fresh(), [inputs]);
                return Declared($"{Fresh()} : {input}, {new Variable(Fresh(), [2])} -> {Fresh()}[{outputs}]", $"  = {chain} . {input.Name}\n");
            default:
                return Chained(Fresh(), outputs, inputs);
        }
    }

    private string Chained(string name, int rows, int columns)
    {
        string chain = Chain(rows, columns, 3);
        return Declared(string.Create(CultureInfo.InvariantCulture, $"{name} : {columns} -> {rows}"), $"  = {chain}\n");
    }

    /// <summary>A layer of the parameters that its body was written with.</summary>
    private string Declared(string head, string body) => $"layer {head}\n{_parameters}{body}";

    /// <summary>The name of a new layer.</summary>
    private string Called(int rows, int columns)
    {
        string name = Fresh();
        _parameters.Clear();
        _steps.Append(Chained(name, rows, columns));
        return name;
    }

    /// <summary>A chain of a shape.</summary>
    private string Chain(int rows, int columns, int depth)
    {
        if (depth == 0)
        {
            return Pick($"({Operator(rows, columns, 1)})", $"{Pick("tanh", "bias", "gelu", "bias . silu", "rms_norm(1e-5)", "softmax", "quantize(8)", "layer_norm(1e-3)")} . ({Operator(rows, columns, 1)})");
        }

        depth--;
        int parts = Common(rows, columns), width = Composite();
        switch (_random.Next(8))
        {
            case 0:
                return $"({Chain(rows, width, depth)}) . {Chain(width, columns, depth)}";
            case 1:
                return $"{Pick("add", "hadamard")}({Chain(rows, columns, depth)}, {Chain(rows, columns, depth)})";
            case 2:
                return string.Create(CultureInfo.InvariantCulture, $"each({Pick("i", "t", "e0")} < {parts}) ({Chain(rows / parts, columns / parts, depth)})");
            case 3 when rows == columns:
                return string.Create(CultureInfo.InvariantCulture, $"repeat({Pick("i", "k", "e0")} < {_random.Next(1, 4)}) ({Chain(rows, columns, depth)})");
            case < 7 when _stepCount < MostSteps:
                return string.Create(CultureInfo.InvariantCulture, $"scan({Pick("i", "t", "e0")} < {parts}) {Step(rows / parts, columns / parts)}");
            default:
                return Chain(rows, columns, depth);
        }
    }

    /// <summary>The name of a new layer that hands on a state or two.</summary>
    private string Step(int rows, int columns)
    {
        _stepCount++;
        string outer = _parameters.ToString();
        _parameters.Clear();
        Variable[] state = Variables(2, 0), inputs = Shuffled([.. state, new Variable(Fresh(), Shape(columns))]), outputs = Shuffled([.. state, new Variable(Fresh(), Shape(rows))]);
        string name = Fresh(), step = Valued(inputs, outputs, name);
        _steps.Append(step);
        _parameters.Clear().Append(outer);
        return name;
    }

    /// <summary>A layer in index notation: values of values, and a statement for each output.</summary>
    private string Valued(Variable[] inputs, Variable[] outputs, string? name = null)
    {
        var scope = new List<Variable>(inputs.Where(input => input.Limit == 0));
        Variable[] positions = [.. inputs.Where(input => input.Limit > 0)];
        var lines = new StringBuilder();
        for (int count = _random.Next(4); count > 0; count--)
        {
            Variable made = Made(scope, positions, lines);
            scope.Add(made);
        }

        foreach (Variable output in outputs)
        {
            string[] at = [.. output.Shape.Select(_ => Index())];
            if (positions.Length > 0 && _random.Next(4) == 0 && output.Shape.Length > 0)
            {
                (Variable table, string[] own) = Of(positions);
                lines.Append(CultureInfo.InvariantCulture, $"  {output.Name}[{string.Join(", ", [$"({Read(table, own)} % {output.Shape[0]})", .. at[1..]])}] += {Read(Weights([.. table.Shape, .. output.Shape[1..]]), [.. own, .. at[1..]])}\n");
                continue;
            }

            lines.Append(CultureInfo.InvariantCulture, $"  {output.Name}[{string.Join(", ", at)}] = {Terms(scope, at, output.Shape)}\n");
        }

        return Declared($"{name ?? Fresh()} : {string.Join<Variable>(", ", inputs)} -> {string.Join<Variable>(", ", outputs)}", lines.ToString());
    }

    private Variable Made(List<Variable> scope, Variable[] positions, StringBuilder lines)
    {
        int[] shape = Shape(Size());
        string[] at = [.. shape.Select(_ => Index())];
        Variable one = scope[_random.Next(scope.Count)], made = new(Fresh(), shape);
        switch (_random.Next(positions.Length > 0 ? 9 : 6))
        {
            case 0:
                made = made with { Shape = one.Shape };
                Let($"{Pick(Functions)}({one.Name})");
                break;
            case 1 when one.Shape.Length > 1:
                made = made with { Shape = one.Shape[1..] };
                Let($"{one.Name}[{string.Join(", ", ["0", .. made.Shape.Select(_ => ":")])}]");
                break;
            case 2 when one.Shape.Length > 0:
                made = made with { Shape = [2 * one.Shape[0], .. one.Shape[1..]] };
                Let($"concat({one.Name}, {Pick("2", "-0.5")} * {one.Name}, 0)");
                break;
            case 3:
                made = made with { Shape = [Size()] };
                Let($"{Pick("tanh", "bias", "softmax")} . ({Operator(made.Length, one.Length, 1)}) . {one.Name}");
                break;
            case 6:
                // Reads a parameter where the data says, or where arithmetic on it does.
                (Variable table, string[] own) = Of(positions);
                string place = Pick(Read(table, own), $"(hash({Read(table, own)}, 3) % {table.Limit})", $"floor({Read(table, own)} / 2)", $"(min({Read(table, own)}, 1))");
                made = made with { Shape = [.. table.Shape, 2] };
                lines.Append(CultureInfo.InvariantCulture, $"  let {made.Name}[{string.Join(", ", [.. own, "e9"])}] = {Read(Weights([Math.Max(2, table.Limit), 2]), [place, "e9"])}\n");
                break;
            case 7 when one.Shape.Length > 0:
                (table, own) = Of(positions);
                made = made with { Shape = [.. table.Shape, .. one.Shape[1..]] };
                at = [.. one.Shape[1..].Select(_ => Index())];
                lines.Append(CultureInfo.InvariantCulture, $"  let {made.Name}[{string.Join(", ", [.. own, .. at])}] = {Read(one, [$"({Read(table, own)} % {one.Shape[0]})", .. at])}\n");
                break;
            case 8:
                (table, own) = Of(positions);
                made = made with { Shape = [table.Limit, 2] };
                lines.Append(CultureInfo.InvariantCulture, $"  let {made.Name}[{Read(table, own)}, e9] += {Read(Weights([.. table.Shape, 2]), [.. own, "e9"])} * ({Read(table, own)} != 0)\n");
                break;
            default:
                lines.Append(CultureInfo.InvariantCulture, $"  let {made.Name}[{string.Join(", ", at.Zip(shape, (index, extent) => $"{index}:{extent}"))}] = {Terms(scope, at, shape)}\n");
                break;
        }

        return made;

        void Let(string value) => lines.Append(CultureInfo.InvariantCulture, $"  let {made.Name} = {value}\n");
    }

    /// <summary>Products of parameters and values, each over all indices of a target.</summary>
    private string Terms(List<Variable> scope, string[] at, int[] shape)
    {
        var terms = new List<string>();
        for (int count = _random.Next(1, 3); count > 0; count--)
        {
            Variable value = scope[_random.Next(scope.Count)];
            if (value.Shape.SequenceEqual(shape) && _random.Next(2) == 0)
            {
                terms.Add(Pick("", "2 * ", "-0.5 * ") + Read(value, at));
                continue;
            }

            string[] own = [.. value.Shape.Select(_ => Index())];
            string square = _random.Next(6) == 0 ? " * " + Read(value, own) : "";
            terms.Add($"{Read(Weights([.. shape, .. value.Shape]), [.. at, .. own])} * {Read(value, own)}{square}");
        }

        return string.Join(Pick(" + ", " - "), terms);
    }

    private static string Read(Variable variable, string[] at) => at.Length == 0 ? variable.Name : $"{variable.Name}[{string.Join(", ", at)}]";

    private Variable Weights(int[] shape) => new(Tensor(shape), shape);

    private (Variable Table, string[] Own) Of(Variable[] positions)
    {
        Variable table = positions[_random.Next(positions.Length)];
        return (table, [.. table.Shape.Select(_ => Index())]);
    }

    private Variable[] Variables(int most, int positions) =>
    [
        .. Enumerable.Range(0, Math.Max(0, positions)).Select(_ => new Variable(Fresh(), [_random.Next(1, 5)], _random.Next(1, 9))),
        .. Enumerable.Range(0, _random.Next(1, most + 1)).Select(_ => new Variable(Fresh(), Shape(Size()))),
    ];

    /// <summary>A length as one axis, or as two.</summary>
    private int[] Shape(int length) => Divisor(length) is var first && _random.Next(2) == 0 ? [length] : [first, length / first];

    private T[] Shuffled<T>(T[] all)
    {
        _random.Shuffle(all);
        return all;
    }

    private string Index() => string.Create(CultureInfo.InvariantCulture, $"e{10 + _nextIndex++}");

    /// <summary>A length with divisors.</summary>
    private int Composite() => _random.Next(1, 5) * _random.Next(1, 5);

    private int Common(int first, int second)
    {
        int[] all = [.. Enumerable.Range(1, Math.Min(first, second)).Where(divisor => first % divisor == 0 && second % divisor == 0)];
        return all[_random.Next(all.Length)];
    }
}
