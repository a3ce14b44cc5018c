using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;

namespace Weft.Compiler.Binding;

/// <summary>The names that the language itself defines: a row for each, which names are checked against and calls are bound by.</summary>
internal static class Builtins
{
    public const string Bias = "bias";

    public static readonly IReadOnlyDictionary<string, BuiltinFunction> Functions = new BuiltinFunction[]
    {
        new(new("eye", Size("n")), (_, call) => new OperatorValue(new Identity(call.Whole(0)))),
        new(new("zeros", Size("m"), Size("n")), (_, call) => new OperatorValue(new Zero(call.Whole(0), call.Whole(1)))),
        new(new("diag", new Argument("d", ArgumentKind.Vector)), (binder, call) => binder.Compose(new Diagonal(call.Tensor(0).Tensor), call)),
        new(new("blockdiag", new Argument("B", ArgumentKind.Matrices)), (binder, call) => binder.MakeBlocks(call)),
        new(new("shuffle", Size("a"), Size("b")), (binder, call) => binder.MakeShuffle(call)),
        new(new("permute", new Argument("list", ArgumentKind.List)), (binder, call) => binder.MakePermutation(call)),
        new(new("pad", Size("size"), Size("n"), Start), (binder, call) => binder.MakeWindow(call, (size, start, length) => new Pad(size, start, length))),
        new(new("crop", Size("size"), Size("n"), Start), (binder, call) => binder.MakeWindow(call, (size, start, length) => new Crop(size, start, length))),
        new(OfOperators("kron"), (binder, call) => binder.Combine.MakeKronecker(call.Operands, call.Syntax, call.Frame)),
        new(new("kronsum", Operator("A"), Operator("B")), (binder, call) => binder.Combine.MakeKroneckerSum(call.Operands, call.Syntax, call.Frame)),
        new(OfOperators("dirsum"), (binder, call) => binder.Combine.MakeDirectSum(call.Operands, call.Syntax, call.Frame)),
        new(OfOperators("hstack"), (binder, call) => binder.Combine.MakeHorizontal(call.Operands, call.Syntax, call.Frame)),
        new(OfOperators("vstack"), (binder, call) => binder.Combine.MakeVertical(call.Operands, call.Syntax, call.Frame)),
        new(OfOperators("cheapest"), (binder, call) => binder.MakeAlternatives(call)),
        new(new("transpose", Operator("A")), (binder, call) => binder.Compose(OperatorBinder.MakeTranspose(call.Operands[0].Operator), call)),
        new(new("entries", Operator("A")), (binder, call) => binder.MakeEntries(call, isDiagonal: false)),
        new(new("diagonal_of", Operator("A")), (binder, call) => binder.MakeEntries(call, isDiagonal: true)),
        new(new("trace", Operator("A")), (binder, call) => binder.MakeTrace(call)),
        new(new("norm", Operator("A")), (binder, call) => binder.MakeNorm(call)),
        new(new("solve", Operator("A"), Operator("B")), (binder, call) => binder.MakeSolve(call)),
        new(new("reflect", new Argument("V", ArgumentKind.Any)), (binder, call) => binder.MakeReflections(call)),
        new(new("wht", Size("n")), (binder, call) => binder.MakeWalshHadamard(call)),
        new(new("rfft", Size("n")), (binder, call) => binder.MakeFourier(call, isInverse: false)),
        new(new("irfft", Size("n")), (binder, call) => binder.MakeFourier(call, isInverse: true)),
        new(new("gather", new Argument("S", ArgumentKind.Table), Size("n")), (binder, call) => binder.MakeGather(call)),
        new(OfNumbers("min"), (binder, call) => binder.Finite(call.Numbers.Min(), call)),
        new(OfNumbers("max"), (binder, call) => binder.Finite(call.Numbers.Max(), call)),
        new(OfNumbers("hash"), (binder, call) => binder.Finite(call.Numbers.Aggregate((a, b) => FormulaOperator.All["hash"].Evaluate([a, b])), call)),
        new(new("log2", Size("n")), (binder, call) => binder.PowerOfTwo(call) is { } power ? new NumberValue(power) : null),
        new(OfList("prod"), (binder, call) => binder.OfList(call, numbers => numbers.Aggregate(1.0, (a, b) => a * b))),
        new(OfList("sum"), (binder, call) => binder.OfList(call, numbers => numbers.Sum())),
        new(OfList("len"), (binder, call) => binder.OfList(call, numbers => numbers.Count)),
        new(new("product", Operator("A")) { Usage = "product(i < n) A" }, (binder, call) => binder.Combine.MakeProduct(call.Operands, call.Syntax, call.Frame)),
    }
        .Concat(TensorFunction.All.Values.Select(function => new BuiltinFunction(Of(function), (binder, call) => binder.Apply(function, call))))
        .Concat(NumberFunctions
            .Where(function => !TensorFunction.All.ContainsKey(function.Symbol))
            .Select(function => new BuiltinFunction(
                new(function.Symbol, new Argument("a", ArgumentKind.Number)), (binder, call) => binder.Finite(function.Evaluate([.. call.Numbers]), call))))
        .ToDictionary(row => row.Signature.Name, StringComparer.Ordinal);

    /// <summary>What can be called of the activations that are no functions of tensors: one of a value.</summary>
    public static readonly IReadOnlyDictionary<string, BuiltinFunction> OfValues = Activations.ByName
        .Where(activation => !TensorFunction.All.ContainsKey(activation.Key))
        .ToDictionary(
            activation => activation.Key,
            activation => new BuiltinFunction(new(activation.Key, new Argument("v", ArgumentKind.Any)), (binder, call) => binder.Apply(activation.Value, call)),
            StringComparer.Ordinal);

    /// <summary>How a function of tensors is written, in messages.</summary>
    public static string UsageOf(TensorFunction function) => Functions[function.Name].Signature.Usage;

    /// <summary>The function of tensors that a link names, alone or with numbers or a tensor behind it; null where the name means something else.</summary>
    public static TensorFunction? LinkFunction(ExpressionSyntax link, FileScope scope, Func<string, bool> isLocal)
    {
        string name = link is CallSyntax call ? call.Name.Text : link is NameSyntax alone && !isLocal(alone.Name) ? alone.Name : "";
        return TensorFunction.All.TryGetValue(name, out TensorFunction? function) && function.IsLink && scope.Find(name).Count == 0 ? function : null;
    }

    /// <summary>The link that multiplies by noise of the distribution of that name.</summary>
    public static Signature Dropout => Distributions["dropout"].Signature;

    /// <summary>Links that join branches, called with one or more.</summary>
    public static readonly IReadOnlyDictionary<string, Joint> Joints = new Dictionary<string, Joint>(StringComparer.Ordinal)
    {
        ["add"] = Joint.Add,
        ["hadamard"] = Joint.Hadamard,
    };

    public static readonly IReadOnlyDictionary<string, DistributionRow> Distributions = new DistributionRow[]
    {
        new(new("zeros"), Distribution.Zeros),
        new(new("ones"), Distribution.Constant),
        new(new("constant", new Argument("c", ArgumentKind.Number)), Distribution.Constant),
        new(new("normal", new Argument("std", ArgumentKind.Number)), Distribution.Normal),
        new(new("uniform", new Argument("a", ArgumentKind.Number)), Distribution.Uniform),
        new(new("sign"), Distribution.Sign),
        new(new("paired", new Argument("std", ArgumentKind.Number, 1)), Distribution.Paired),
        new(new("whole", Size("n")), Distribution.Whole),
        new(new("distinct", Size("n")), Distribution.Distinct),
        new(new("orthogonal", new Argument("gain", ArgumentKind.Number, 1)), Distribution.Orthogonal),
        new(new("eye", new Argument("c", ArgumentKind.Number, 1)), Distribution.Identity),
        new(new("fan_in", new Argument("gain", ArgumentKind.Number, 1)), Distribution.Normal, IsOverFanIn: true),
        new(new("dropout", new Argument("p", ArgumentKind.Number)), Distribution.Dropout),
    }.ToDictionary(row => row.Signature.Name, StringComparer.Ordinal);

    /// <summary>Formats of tensors: the function through which one is read, with its number, and whether it works on groups along the last axis.</summary>
    public static readonly IReadOnlyDictionary<string, (string Function, double? Number, bool Groups)> Formats =
        StorageFormats.All.Select(format => format.Rounding).OfType<string>().Select(name => (Name: name, Function: name, Number: (double?)null)).Concat(
        [
            ("int8", "quantize", 8),
            ("int4", "quantize", 4),
            ("uint4", "quantize_zero_point", 4),
            ("nf4", "normal_float", 4),
        ]).ToDictionary(row => row.Name, row => (row.Function, row.Number, row.Number is not null), StringComparer.Ordinal);

    /// <summary>Every name of this class that can stand in an expression or a chain.</summary>
    public static IEnumerable<string> Names => Functions.Keys.Concat(Constants.Keys).Concat(Activations.ByName.Keys).Concat(Joints.Keys).Append(Bias).Append(Dropout.Name);

    /// <summary>Whether a name alone is a link that does the same with each element, or with each row.</summary>
    public static bool IsLink(string name) =>
        name == Bias || Activations.ByName.ContainsKey(name) || (TensorFunction.All.TryGetValue(name, out TensorFunction? function) && function is { IsLink: true, Number: null });

    /// <summary>Functions of one number; some are functions of tensors too.</summary>
    public static IEnumerable<FormulaOperator> NumberFunctions => FormulaOperator.All.Values.Where(one => one.Arity == 1 && one.Symbol != "not");

    /// <summary>Numbers that have a name, where nothing else has it.</summary>
    public static readonly IReadOnlyDictionary<string, double> Constants = new Dictionary<string, double>(StringComparer.Ordinal) { ["pi"] = Math.PI };

    private static Argument Start => new("start", ArgumentKind.Integer, 0);

    private static Argument Size(string name) => new(name, ArgumentKind.Size);

    private static Argument Operator(string name) => new(name, ArgumentKind.Operator);

    private static Signature OfOperators(string name) => new(name, Operator("A"), Operator("B")) { Repeats = true };

    private static Signature OfNumbers(string name) => new(name, new Argument("a", ArgumentKind.Number), new Argument("b", ArgumentKind.Number)) { Repeats = true };

    private static Signature OfList(string name) => new(name, new Argument("list", ArgumentKind.List));

    /// <summary>Tensors, in whose places a function may take numbers or operators, and the number behind them.</summary>
    private static Signature Of(TensorFunction function)
    {
        IEnumerable<Argument> tensors = function.Tensors.Select(tensor => new Argument(tensor, ArgumentKind.Any));
        return new(function.Name, [.. function.Number is { } number
            ? tensors.Append(new Argument(number, function.NumberIsSize ? ArgumentKind.Size : ArgumentKind.Number))
            : tensors]);
    }
}
