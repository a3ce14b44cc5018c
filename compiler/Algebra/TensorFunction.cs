using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>What is wrong with the arguments of a function.</summary>
/// <param name="Argument">Which argument, tensors first.</param>
/// <param name="Expected">What it should have been.</param>
public sealed record ArgumentFault(int Argument, string Expected);

/// <summary>
/// A function of tensors that is not multilinear. This table is all that the compiler knows of one; its definition is the oracle's, its
/// value and derivatives are the class <see cref="Kernel"/> of the runtime's <c>ParameterFunctions</c>. Axes before those that a function
/// works on are a batch.
/// </summary>
public sealed class TensorFunction
{
    private static readonly TensorFunction[] Table =
    [
        Elementwise("exp", "Exp"),
        Elementwise("log", "Log"),
        Elementwise("sqrt", "Sqrt"),
        Elementwise("abs", "Abs"),
        Elementwise("square", "Square"),
        Elementwise("relu", "Relu"),
        Elementwise("sigmoid", "Sigmoid"),
        Elementwise("tanh", "Tanh"),
        Elementwise("softplus", "Softplus"),
        Elementwise("round_ste", "RoundStraightThrough"),
        new("stop_gradient", "StopGradient", ["T"]) { HasDerivative = false },
        new("shift", "Shift", ["T"]) { Number = "c" },
        new("quotient", "Quotient", ["A", "B"])
        {
            Check = (shapes, _) => shapes[0] == shapes[1] ? null : new(1, $"a tensor {Show(shapes[0])}"),
        },
        new("row_norms", "RowNorms", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 1),
            Shape = shapes => shapes[0].Take(shapes[0].Count - 1),
            Sizes = shapes => Rows(shapes[0]),
        },
        new("column_norms", "ColumnNorms", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Shape = shapes => shapes[0].Where((_, axis) => axis != shapes[0].Count - 2),
            Sizes = shapes => Matrices(shapes[0]),
        },
        new("normalize_rows", "NormalizeRows", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 1),
            Sizes = shapes => Rows(shapes[0]),
        },
        new("normalize_columns", "NormalizeColumns", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Sizes = shapes => Matrices(shapes[0]),
        },
        new("softmax", "Softmax", ["P"])
        {
            Check = (shapes, _) => Axes(shapes[0], 1),
            Sizes = shapes => Rows(shapes[0]),
        },
        new("top_k_softmax", "TopKSoftmax", ["P"])
        {
            Number = "k",
            NumberIsSize = true,
            Check = (shapes, k) => Axes(shapes[0], 1)
                ?? (k <= Last(shapes[0]) ? null : new(1, $"1 to {Last(shapes[0])}, the length of the last axis")),
            Sizes = shapes => Rows(shapes[0]),
        },
        new("admix", "Admix", ["bank", "logits"])
        {
            Symbol = "mix",
            Number = "k",
            NumberIsSize = true,
            Check = (shapes, k) => shapes[0].Count != 2 ? new(0, "a bank of 2 axes")
                : shapes[1].Count == 0 || Last(shapes[1]) != shapes[0][0] ? new(1, $"logits whose last axis has extent {shapes[0][0]}, the vectors of the bank")
                : k > shapes[0][0] ? new(2, $"1 to {shapes[0][0]}, the vectors of the bank")
                : null,
            Shape = shapes => shapes[1].Take(shapes[1].Count - 1).Append(shapes[0][1]),
            Sizes = shapes => [Rows(shapes[1])[0], shapes[0][0], shapes[0][1]],
        },
        new("rbf", "Rbf", ["P", "Q"])
        {
            Number = "gamma",
            Check = (shapes, _) => shapes[0].Count != 2 ? new(0, "a tensor of 2 axes")
                : shapes[1].Count != 2 || shapes[1][1] != shapes[0][1] ? new(1, $"a tensor of 2 axes with {shapes[0][1]} columns")
                : null,
            Shape = shapes => [shapes[0][0], shapes[1][0]],
            Sizes = shapes => [shapes[0][0], shapes[1][0], shapes[0][1]],
        },
        new("take", "Take", ["T", "S"])
        {
            Symbol = "t",
            Check = (shapes, _) => Axes(shapes[0], 1),
            Shape = shapes => shapes[1].Concat(shapes[0].Skip(1)),
            Sizes = shapes => [shapes[0][0], Length(shapes[0].Skip(1)), Length(shapes[1])],
        },
        new("orthonormal_rows", "OrthonormalRows", ["V"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2)
                ?? (shapes[0][shapes[0].Count - 2] <= Last(shapes[0]) ? null : new(0, "no more rows than columns")),
            Sizes = shapes => Matrices(shapes[0]),
        },
        new("cayley", "Cayley", ["A"])
        {
            Check = (shapes, _) => Square(shapes[0]),
            Sizes = shapes => Matrices(shapes[0]).Take(2),
        },
        new("inverse", "Inverse", ["A"])
        {
            Check = (shapes, _) => Square(shapes[0]),
            Sizes = shapes => Matrices(shapes[0]).Take(2),
        },
    ];

    private TensorFunction(string name, string kernel, IReadOnlyList<string> tensors) => (Name, Kernel, Tensors) = (name, kernel, tensors);

    /// <summary>[k, n] → [k, k]: T of the compact form I − VᵀTV of a chain of reflections. Only lowering makes it.</summary>
    public static TensorFunction Reflections { get; } = new("reflections", "Reflections", ["V"])
    {
        Symbol = "wy",
        Shape = shapes => [shapes[0][0], shapes[0][0]],
        Sizes = shapes => shapes[0],
    };

    /// <summary>The parts of a tensor along its first axis that a table names: what a table inside index notation means.</summary>
    public static TensorFunction Take => All["take"];

    /// <summary>The functions of the language, by name.</summary>
    public static IReadOnlyDictionary<string, TensorFunction> All { get; } = Table.ToDictionary(function => function.Name, StringComparer.Ordinal);

    /// <summary>What it is called in formulas.</summary>
    public string Name { get; }

    /// <summary>Its class in the runtime.</summary>
    public string Kernel { get; }

    /// <summary>What the letter of its results is in listings.</summary>
    public string Symbol { get; private set; } = "f";

    /// <summary>The names of the tensors that it takes.</summary>
    public IReadOnlyList<string> Tensors { get; }

    /// <summary>The name of the number behind them, if it takes one.</summary>
    public string? Number { get; private set; }

    /// <summary>Whether the number has to be whole, from 1 on.</summary>
    public bool NumberIsSize { get; private set; }

    /// <summary>Whether derivatives pass.</summary>
    public bool HasDerivative { get; private set; } = true;

    /// <summary>How it is written.</summary>
    public string Usage => $"{Name}({string.Join(", ", Number is null ? Tensors : Tensors.Append(Number))})";

    /// <summary>The first fault of shapes and a number, or null.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, ArgumentFault?> Check { get; private set; } = (_, _) => null;

    /// <summary>The shape of the result for arguments without fault; that of the first argument unless stated.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, IEnumerable<int>> Shape { get; private set; } = shapes => shapes[0];

    /// <summary>The extents that the runtime's class takes behind the tensors, before the number; their product unless stated.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, IEnumerable<int>> Sizes { get; private set; } = shapes => [Length(shapes[0])];

    public override string ToString() => Name;

    private static TensorFunction Elementwise(string name, string kernel) => new(name, kernel, ["T"]);

    private static ArgumentFault? Axes(EquatableArray<int> shape, int least) =>
        shape.Count >= least ? null : new ArgumentFault(0, least == 1 ? "a tensor of 1 axis or more" : $"a tensor of {least} axes or more");

    private static ArgumentFault? Square(EquatableArray<int> shape) =>
        Axes(shape, 2) ?? (Last(shape) == shape[shape.Count - 2] ? null : new ArgumentFault(0, "a square matrix in the last two axes"));

    private static int Last(EquatableArray<int> shape) => shape[shape.Count - 1];

    private static int Length(IEnumerable<int> shape) => shape.Aggregate(1, (product, extent) => checked(product * extent));

    private static int[] Rows(EquatableArray<int> shape) => [Length(shape.Take(shape.Count - 1)), Last(shape)];

    private static int[] Matrices(EquatableArray<int> shape) => [Length(shape.Take(shape.Count - 2)), shape[shape.Count - 2], Last(shape)];

    private static string Show(EquatableArray<int> shape) => $"[{string.Join(", ", shape)}]";
}
