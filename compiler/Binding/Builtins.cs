using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;

namespace Weft.Compiler.Binding;

/// <summary>The names that the language itself defines, with the number of their arguments.</summary>
internal static class Builtins
{
    public const string Bias = "bias";

    public static readonly IReadOnlyDictionary<string, (int Min, int Max, string Usage)> Functions =
        new Dictionary<string, (int, int, string)>(StringComparer.Ordinal)
        {
            ["eye"] = (1, 1, "eye(n)"),
            ["zeros"] = (2, 2, "zeros(m, n)"),
            ["diag"] = (1, 1, "diag(d)"),
            ["blockdiag"] = (1, 1, "blockdiag(B)"),
            ["shuffle"] = (2, 2, "shuffle(a, b)"),
            ["permute"] = (1, 1, "permute([1, 0])"),
            ["pad"] = (2, 3, "pad(size, n, start = 0)"),
            ["crop"] = (2, 3, "crop(size, n, start = 0)"),
            ["kron"] = (1, int.MaxValue, "kron(A, B)"),
            ["kronsum"] = (2, 2, "kronsum(A, B)"),
            ["dirsum"] = (1, int.MaxValue, "dirsum(A, B)"),
            ["hstack"] = (1, int.MaxValue, "hstack(A, B)"),
            ["vstack"] = (1, int.MaxValue, "vstack(A, B)"),
            ["cheapest"] = (1, int.MaxValue, "cheapest(A, B)"),
            ["transpose"] = (1, 1, "transpose(A)"),
            ["reflect"] = (1, 1, "reflect(V)"),
            ["wht"] = (1, 1, "wht(n)"),
            ["gather"] = (2, 2, "gather(S, n)"),
            ["min"] = (1, int.MaxValue, "min(a, b)"),
            ["max"] = (1, int.MaxValue, "max(a, b)"),
            ["prod"] = (1, 1, "prod(list)"),
            ["sum"] = (1, 1, "sum(list)"),
            ["product"] = (1, 1, "product(i < n) A"),
            ["len"] = (1, 1, "len(list)"),
        }
        .Concat(TensorFunction.All.Values
            .Select(function => new KeyValuePair<string, (int, int, string)>(function.Name, (Arity(function), Arity(function), function.Usage))))
        .Concat(NumberFunctions
            .Where(function => !TensorFunction.All.ContainsKey(function.Symbol))
            .Select(function => new KeyValuePair<string, (int, int, string)>(function.Symbol, (1, 1, $"{function.Symbol}(a)"))))
        .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);

    /// <summary>The function of tensors that a link names, alone or with numbers or a tensor behind it; null where the name means something else.</summary>
    public static TensorFunction? LinkFunction(ExpressionSyntax link, FileScope scope, Func<string, bool> isLocal)
    {
        string name = link is CallSyntax call ? call.Name.Text : link is NameSyntax alone && !isLocal(alone.Name) ? alone.Name : "";
        return TensorFunction.All.TryGetValue(name, out TensorFunction? function) && function.IsLink && scope.Find(name).Count == 0 ? function : null;
    }

    /// <summary>Links that join branches, called with one or more.</summary>
    public static readonly IReadOnlyDictionary<string, Joint> Joints = new Dictionary<string, Joint>(StringComparer.Ordinal)
    {
        ["add"] = Joint.Add,
        ["hadamard"] = Joint.Hadamard,
    };

    public static readonly IReadOnlyDictionary<string, (int Min, int Max, string Usage)> Distributions =
        new Dictionary<string, (int, int, string)>(StringComparer.Ordinal)
        {
            ["zeros"] = (0, 0, "zeros"),
            ["ones"] = (0, 0, "ones"),
            ["constant"] = (1, 1, "constant(c)"),
            ["normal"] = (1, 1, "normal(std)"),
            ["uniform"] = (1, 1, "uniform(a)"),
            ["sign"] = (0, 0, "sign"),
            ["paired"] = (0, 1, "paired(std = 1)"),
            ["whole"] = (1, 1, "whole(n)"),
            ["distinct"] = (1, 1, "distinct(n)"),
            ["orthogonal"] = (0, 1, "orthogonal(gain = 1)"),
            ["eye"] = (0, 1, "eye(c = 1)"),
            ["fan_in"] = (0, 1, "fan_in(gain = 1)"),
        };

    /// <summary>Formats of tensors: the function through which one is read, with its number, and whether it works on groups along the last axis.</summary>
    public static readonly IReadOnlyDictionary<string, (string Function, double? Number, bool Groups)> Formats =
        new Dictionary<string, (string, double?, bool)>(StringComparer.Ordinal)
        {
            ["bf16"] = ("bf16", null, false),
            ["half"] = ("half", null, false),
            ["int8"] = ("quantize", 8, true),
            ["int4"] = ("quantize", 4, true),
            ["nf4"] = ("normal_float", 4, true),
        };

    /// <summary>Every name of this class that can stand in an expression or a chain.</summary>
    public static IEnumerable<string> Names => Functions.Keys.Concat(Constants.Keys).Concat(Activations.ByName.Keys).Concat(Joints.Keys).Append(Bias);

    /// <summary>Whether a name alone is a link that does the same with each element, or with each row.</summary>
    public static bool IsLink(string name) =>
        name == Bias || Activations.ByName.ContainsKey(name) || (TensorFunction.All.TryGetValue(name, out TensorFunction? function) && function is { IsLink: true, Number: null });

    /// <summary>Functions of one number; some are functions of tensors too.</summary>
    public static IEnumerable<FormulaOperator> NumberFunctions => FormulaOperator.All.Values.Where(one => one.Arity == 1 && one.Symbol != "not");

    /// <summary>Numbers that have a name, where nothing else has it.</summary>
    public static readonly IReadOnlyDictionary<string, double> Constants = new Dictionary<string, double>(StringComparer.Ordinal) { ["pi"] = Math.PI };

    private static int Arity(TensorFunction function) => function.Tensors.Count + (function.Number is null ? 0 : 1);

    public static Initializer MakeInitializer(string distribution, double? argument) => distribution switch
    {
        "zeros" => new Initializer(Distribution.Zeros),
        "ones" => new Initializer(Distribution.Constant),
        "constant" => new Initializer(Distribution.Constant, argument ?? 1),
        "normal" => new Initializer(Distribution.Normal, argument ?? 1),
        "uniform" => new Initializer(Distribution.Uniform, argument ?? 1),
        "sign" => new Initializer(Distribution.Sign),
        "paired" => new Initializer(Distribution.Paired, argument ?? 1),
        "whole" => new Initializer(Distribution.Whole, argument ?? 1),
        "distinct" => new Initializer(Distribution.Distinct, argument ?? 1),
        "orthogonal" => new Initializer(Distribution.Orthogonal, argument ?? 1),
        "eye" => new Initializer(Distribution.Identity, argument ?? 1),
        _ => new Initializer(Distribution.FanIn, argument ?? 1),
    };
}
