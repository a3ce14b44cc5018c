using System.Globalization;
using System.Text;

namespace Weft.Fuzz.Inputs;

/// <summary>A text of declarations by the grammar, whose shapes fit: names that C# has a use for, that differ in case only, and that are very long.</summary>
internal sealed partial class Sketch
{
    private static readonly string[] Names =
    [
        "class", "int", "string", "this", "base", "void", "namespace", "operator_", "file", "required", "scoped", "record", "var", "async", "await", "yield", "value", "global", "partial", "where_", "field",
        "Forward", "forward", "Gradient", "Parameters", "Description", "Inputs", "inputs", "Dispose", "Edit", "Equals", "GetHashCode", "ToString", "GetType", "Finalize", "MemberwiseClone", "Prepare", "prepare_frozen", "ForwardRows",
        "forward_rows", "kernel", "kernel1", "Kernel1", "kernel_1", "facts", "passes", "Role", "Map", "LinearMap", "System", "Weft", "w", "W", "x", "y", "s", "rows", "g", "dw", "dy", "dx", "px", "T", "A", "a", "i", "k", "t", "Item", "op_Implicit", "get_Item",
        "Create", "CreateDeviceProgram", "Adjoint", "adjoint", "to_dense", "ToDense", "Kernels", "Layouts", "object", "Object", "nint", "true_", "null_", "é", "Ünïcode", "_", "__", "_1", "a1", "A1", "bias", "bias2",
    ];

    private readonly Random _random;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly StringBuilder _parameters = new();

    public Sketch(Random random)
    {
        _random = random;
        var text = new StringBuilder();
        for (int count = random.Next(1, 4); count > 0; count--)
        {
            string declaration = _random.Next(2) == 0 ? Declaration() : Layer();
            text.Append(_steps).Append(declaration);
            _steps.Clear();
        }

        Text = text.ToString();
    }

    public string Text { get; }

    private string Declaration()
    {
        int inputs = Size(), outputs = Size(), depth = _random.Next(1, 4);
        bool isLayer = _random.Next(3) == 0;
        string name = Fresh(), body;
        _parameters.Clear();
        if (!isLayer)
        {
            body = _random.Next(6) == 0 ? IndexNotation(outputs, inputs) : "= " + Operator(outputs, inputs, depth);
        }
        else
        {
            int width = Size();
            string link = Pick("relu", "gelu", "softmax", "tanh", "sigmoid", "normalize_rows", "bias", "bias . silu", "largest(1)", "softmax(1)");
            body = Pick(
                $"= {link} . ({Operator(outputs, inputs, depth)})",
                $"= ({Operator(outputs, width, depth)}) . {link} . ({Operator(width, inputs, depth)})",
                $"= add({Operator(outputs, inputs, depth)}, {link} . ({Operator(outputs, inputs, depth)}))",
                $"= hadamard({Operator(outputs, inputs, depth)}, {link} . ({Operator(outputs, inputs, depth)}))");
        }

        string documentation = _random.Next(10) == 0 ? $"/// {Pick("<a> & b", "*/ \" \\ {0}", "é", "a\n/// b", "]]>")}\n" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{documentation}{(isLayer ? "layer" : "operator")} {name} : {inputs} -> {outputs}\n{_parameters}  {body}\n");
    }

    /// <summary>An operator of a shape.</summary>
    private string Operator(int rows, int columns, int depth)
    {
        if (depth == 0)
        {
            return rows == columns && _random.Next(3) == 0 ? Pick($"eye({rows})", $"diag({Tensor(rows)})") : Tensor(rows, columns);
        }

        depth--;
        int inner = Size(), count = _random.Next(2, 4);
        (int r, int c) = (Divisor(rows), Divisor(columns));
        switch (_random.Next(13))
        {
            case 0 or 1:
                return $"{Factor(rows, inner, depth)} * {Factor(inner, columns, depth)}";
            case 2:
                return $"({Operator(rows, columns, depth)} {Pick("+", "-")} {Operator(rows, columns, depth)})";
            case 3 or 4:
                return $"({Factor(r, c, depth)} ⊗ {Factor(rows / r, columns / c, depth)})";
            case 5:
                return $"transpose({Operator(columns, rows, depth)})";
            case 6 when rows > 1 && columns > 1:
                return $"dirsum({Operator(1, 1, depth)}, {Operator(rows - 1, columns - 1, depth)})";
            case 7 when columns > 1:
                return $"hstack({Operator(rows, 1, depth)}, {Operator(rows, columns - 1, depth)})";
            case 8 when rows > 1:
                return $"vstack({Operator(1, columns, depth)}, {Operator(rows - 1, columns, depth)})";
            case 9:
                return $"{Pick("tanh", "sigmoid", "normalize_rows", "softmax", "abs", "square")}({Tensor(rows, columns)})";
            case 10:
                string family = Fresh();
                _parameters.Append(CultureInfo.InvariantCulture, $"  param {family}(n < {count})[{rows}, {columns}]\n");
                return $"sum(n < {count}) {family}[n]";
            case 11:
                return $"blockdiag({Tensor(1, rows, columns)})";
            default:
                return $"{Pick("2", "0.5", "(1/3)", "(-1)", "1e30", "1e-30")} * {Factor(rows, columns, depth)}";
        }
    }

    private string Factor(int rows, int columns, int depth) => $"({Operator(rows, columns, depth)})";

    private string IndexNotation(int rows, int columns)
    {
        string tensor = Tensor(rows, columns);
        return Pick($"y[p] = {tensor}[p, q] * x[q]", $"y[p] = tanh({tensor}[p, q]) * x[q]", $"y[p] = {tensor}[p, q] * x[q] + {Tensor(columns, rows)}[q, p] * x[q]", $"y[p] = (p < q) * {tensor}[p, q] * x[q]");
    }

    private string Tensor(params int[] shape)
    {
        string name = Fresh();
        string role = Pick("param", "param", "param", "frozen", "seeded(3)", "param(bf16)", "frozen(e4m3)", "frozen(int8)", "frozen(uint4)");
        _parameters.Append(CultureInfo.InvariantCulture, $"  {role} {name}[{string.Join(", ", shape)}]\n");
        return name;
    }

    /// <summary>A name that was not used; often one that differs from another in case only.</summary>
    private string Fresh()
    {
        while (true)
        {
            string name = Names[_random.Next(Names.Length)];
            name = _random.Next(12) switch
            {
                0 => name.ToUpperInvariant(),
                1 => name.ToLowerInvariant(),
                2 => name + "_",
                3 => name + _random.Next(1, 12).ToString(CultureInfo.InvariantCulture),
                4 when _random.Next(20) == 0 => string.Concat(Enumerable.Repeat(name, 200)),
                _ => name,
            };
            if (_used.Add(name))
            {
                return name;
            }
        }
    }

    private int Size() => _random.Next(4) == 0 ? _random.Next(1, 40) : _random.Next(1, 9);

    private int Divisor(int size)
    {
        int[] divisors = [.. Enumerable.Range(1, size).Where(divisor => size % divisor == 0)];
        return divisors[_random.Next(divisors.Length)];
    }

    private string Pick(params ReadOnlySpan<string> choices) => choices[_random.Next(choices.Length)];
}
