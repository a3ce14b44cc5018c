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
        Elementwise("abs", "Abs", isLink: true),
        Elementwise("square", "Square"),
        Elementwise("relu", "Relu"),
        Elementwise("sigmoid", "Sigmoid"),
        Elementwise("tanh", "Tanh"),
        Elementwise("softplus", "Softplus"),
        Elementwise("sin", "Sin"),
        Elementwise("cos", "Cos"),
        Elementwise("round_ste", "RoundStraightThrough", isLink: true),
        Rounding("bf16", "BFloat16", StorageFormat.BFloat16),
        Rounding("half", "Float16", StorageFormat.Float16),
        new("stop_gradient", "StopGradient", ["T"]) { HasDerivative = false, IsElementwise = true, IsLink = true },
        new("sign", "Sign", ["T"]) { HasDerivative = false, IsElementwise = true, IsLink = true },
        new("step", "Step", ["T"]) { HasDerivative = false, IsElementwise = true, IsLink = true },
        new("shift", "Shift", ["T"]) { Number = "c", IsElementwise = true, IsLink = true },
        new("power", "Power", ["T"]) { Number = "p" },
        Threshold("soft_threshold", "SoftThreshold"),
        Threshold("hard_threshold", "HardThreshold"),
        new("quotient", "Quotient", ["A", "B"]) { TakesNumbers = true, Check = (shapes, _) => SameShape(shapes) },
        new("where", "Where", ["C", "A", "B"])
        {
            TakesNumbers = true,
            Check = (shapes, _) => SameShape(shapes),
        },
        new("straight_through", "StraightThrough", ["V", "T"]) { Check = (shapes, _) => SameShape(shapes) },
        new("concat", "Concat", ["A", "B"])
        {
            IsBatched = false,
            Number = "axis",
            NumberIsInSizes = true,
            Check = (shapes, axis) => axis < 0 || axis >= shapes[0].Count || axis % 1 != 0 ? new(2, $"0 to {shapes[0].Count - 1}, an axis")
                : Without(shapes[0], axis).SequenceEqual(Without(shapes[1], axis)) && shapes[0].Count == shapes[1].Count ? null
                : new(1, $"a tensor {Show(shapes[0])} but for the extent of axis {axis}"),
            Shape = (shapes, axis) => shapes[0].Select((extent, k) => k == (int)axis ? checked(extent + shapes[1][k]) : extent),
            Sizes = (shapes, axis) =>
                [Length(shapes[0].Take((int)axis)), Length(shapes[0].Skip((int)axis)), Length(shapes[1].Skip((int)axis))],
        },
        new("prefix", "Prefix", ["s"])
        {
            Number = "n",
            NumberIsSize = true,
            HasDerivative = false,
            Shape = (shapes, n) => shapes[0].Append((int)n),
        },
        new("largest", "Largest", ["T"])
        {
            Number = "k",
            NumberIsSize = true,
            HasDerivative = false,
            Check = AtMostLast,
            Sizes = (shapes, _) => Rows(shapes[0]),
        },
        new("above_quantile", "AboveQuantile", ["T"])
        {
            Number = "q",
            HasDerivative = false,
            Check = (shapes, q) => Axes(shapes[0], 1) ?? (q is >= 0 and <= 1 ? null : new(1, "0 to 1")),
            Sizes = (shapes, _) => Rows(shapes[0]),
        },
        Quantizer("quantize", "Quantize", new("QuantizeCodes", "QuantizeScales", bits => bits <= 4 ? StorageFormat.Int4 : StorageFormat.Int8)),
        Quantizer("quantize_affine", "QuantizeAffine"),
        Quantizer("quantize_bipolar", "QuantizeBipolar"),
        Quantizer("normal_float", "NormalFloat", new("NormalFloatCodes", "NormalFloatScales", bits => bits == 4 ? StorageFormat.NormalFloat4 : null), isLink: false),
        new("row_norms", "RowNorms", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 1),
            Shape = (shapes, _) => shapes[0].Take(shapes[0].Count - 1),
            Sizes = (shapes, _) => Rows(shapes[0]),
        },
        new("column_norms", "ColumnNorms", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Shape = (shapes, _) => shapes[0].Where((_, axis) => axis != shapes[0].Count - 2),
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
        new("normalize_rows", "NormalizeRows", ["A"])
        {
            IsLink = true,
            Check = (shapes, _) => Axes(shapes[0], 1),
            Sizes = (shapes, _) => Rows(shapes[0]),
        },
        new("normalize_columns", "NormalizeColumns", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
        new("softmax", "Softmax", ["P"])
        {
            IsLink = true,
            Check = (shapes, _) => Axes(shapes[0], 1),
            Sizes = (shapes, _) => Rows(shapes[0]),
        },
        new("top_k_softmax", "TopKSoftmax", ["P"])
        {
            Selector = 0,
            Number = "k",
            NumberIsSize = true,
            Check = AtMostLast,
            Sizes = (shapes, _) => Rows(shapes[0]),
        },
        new("admix", "Admix", ["bank", "logits"])
        {
            IsBatched = false,
            Symbol = "mix",
            Selector = 1,
            Number = "k",
            NumberIsSize = true,
            Check = (shapes, k) => shapes[0].Count != 2 ? new(0, "a bank of 2 axes")
                : shapes[1].Count == 0 || Last(shapes[1]) != shapes[0][0] ? new(1, $"logits whose last axis has extent {shapes[0][0]}, the vectors of the bank")
                : k > shapes[0][0] ? new(2, $"1 to {shapes[0][0]}, the vectors of the bank")
                : null,
            Shape = (shapes, _) => shapes[1].Take(shapes[1].Count - 1).Append(shapes[0][1]),
            Sizes = (shapes, _) => [Rows(shapes[1])[0], shapes[0][0], shapes[0][1]],
        },
        new("rbf", "Rbf", ["P", "Q"])
        {
            IsBatched = false,
            Number = "gamma",
            Check = (shapes, _) => shapes[0].Count != 2 ? new(0, "a tensor of 2 axes")
                : shapes[1].Count != 2 || shapes[1][1] != shapes[0][1] ? new(1, $"a tensor of 2 axes with {shapes[0][1]} columns")
                : null,
            Shape = (shapes, _) => [shapes[0][0], shapes[1][0]],
            Sizes = (shapes, _) => [shapes[0][0], shapes[1][0], shapes[0][1]],
        },
        new("distances", "Distances", ["P", "Q"])
        {
            Number = "p",
            Check = (shapes, p) => Axes(shapes[0], 2)
                ?? (shapes[1].Count == shapes[0].Count && Without(shapes[0], shapes[0].Count - 2).SequenceEqual(Without(shapes[1], shapes[0].Count - 2))
                    ? null : new ArgumentFault(1, $"a tensor {Show(shapes[0])} but for the number of rows"))
                ?? (p >= 1 ? null : new(2, "1 or more")),
            Shape = (shapes, _) => shapes[0].Take(shapes[0].Count - 1).Append(shapes[1][shapes[1].Count - 2]),
            Sizes = (shapes, _) => [Matrices(shapes[0])[0], Matrices(shapes[0])[1], Matrices(shapes[1])[1], Last(shapes[0])],
        },
        new("polar", "Polar", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
        new("take", "Take", ["T", "S"])
        {
            IsBatched = false,
            Symbol = "t",
            Check = (shapes, _) => Axes(shapes[0], 1),
            Shape = (shapes, _) => shapes[1].Concat(shapes[0].Skip(1)),
            Sizes = (shapes, _) => [shapes[0][0], Length(shapes[0].Skip(1)), Length(shapes[1])],
        },
        new("orthonormal_rows", "OrthonormalRows", ["V"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2)
                ?? (shapes[0][shapes[0].Count - 2] <= Last(shapes[0]) ? null : new(0, "no more rows than columns")),
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
        new("cayley", "Cayley", ["A"])
        {
            Check = (shapes, _) => Square(shapes[0]),
            Sizes = (shapes, _) => Matrices(shapes[0]).Take(2),
        },
        new("inverse", "Inverse", ["A"])
        {
            Check = (shapes, _) => Square(shapes[0]),
            Sizes = (shapes, _) => Matrices(shapes[0]).Take(2),
        },
    ];

    private TensorFunction(string name, string kernel, IReadOnlyList<string> tensors) => (Name, Kernel, Tensors) = (name, kernel, tensors);

    /// <summary>[k, n] → [k, k]: T of the compact form I − VᵀTV of a chain of reflections. Only lowering makes it.</summary>
    public static TensorFunction Reflections { get; } = new("reflections", "Reflections", ["V"])
    {
        Symbol = "wy",
        Shape = (shapes, _) => [shapes[0][0], shapes[0][0]],
        Sizes = (shapes, _) => shapes[0],
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

    /// <summary>Whether the number is for the shape and the sizes alone, and the runtime's class does without it.</summary>
    public bool NumberIsInSizes { get; private set; }

    /// <summary>Whether a number can stand in a tensor's place, for a tensor of the others' shape whose elements it is.</summary>
    public bool TakesNumbers { get; private set; }

    /// <summary>Whether derivatives pass.</summary>
    public bool HasDerivative { get; private set; } = true;

    /// <summary>Whether it does the same with each element; else it works on rows or more.</summary>
    public bool IsElementwise { get; private set; }

    /// <summary>Whether axes before those that it works on are a batch, in all its tensors.</summary>
    public bool IsBatched { get; private set; } = true;

    /// <summary>Whether it can be a link of a chain: from rows to rows of the same length, with a symmetric Jacobian for each.</summary>
    public bool IsLink { get; private set; }

    /// <summary>Why it is no link, where it is none.</summary>
    public string WhyNoLink =>
        Tensors.Count > 1 ? $"it takes {Tensors.Count} tensors"
        : Check([EquatableArray.Of(4)], 1)?.Argument == 0 ? "it works on matrices"
        : !Shape([EquatableArray.Of(4, 4)], 1).SequenceEqual([4, 4]) ? "its result has another shape"
        : "it is for parameters only";

    /// <summary>The argument of which only the softmax of the largest elements of each row matters, as many as the number says; or -1.</summary>
    public int Selector { get; private set; } = -1;

    /// <summary>The format that holds its values for a number, if there is one.</summary>
    public Func<double, StorageFormat?> Format { get; private set; } = _ => null;

    /// <summary>Whether it only rounds each element to its format, straight through: the gradient for its result is that for its argument.</summary>
    public bool IsRounding { get; private set; }

    /// <summary>Two functions whose product it is, with a scale for each row: <c>f(T)[…, i] = Scales(T)[…] · Codes(T)[…, i]</c>. Only lowering makes them.</summary>
    public (TensorFunction Codes, TensorFunction Scales)? Parts { get; private set; }

    /// <summary>How it is written.</summary>
    public string Usage => $"{Name}({string.Join(", ", Number is null ? Tensors : Tensors.Append(Number))})";

    /// <summary>The first fault of shapes and a number, or null.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, ArgumentFault?> Check { get; private set; } = (_, _) => null;

    /// <summary>The shape of the result for tensors and a number without fault; that of the first tensor unless stated.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, IEnumerable<int>> Shape { get; private set; } = (shapes, _) => shapes[0];

    /// <summary>The extents that the runtime's class takes behind the tensors, before the number; their product unless stated.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, IEnumerable<int>> Sizes { get; private set; } = (shapes, _) => [Length(shapes[0])];

    public override string ToString() => Name;

    private static TensorFunction Elementwise(string name, string kernel, bool isLink = false) =>
        new(name, kernel, ["T"]) { IsElementwise = true, IsLink = isLink };

    /// <summary>Makes elements up to a number 0.</summary>
    private static TensorFunction Threshold(string name, string kernel) => new(name, kernel, ["T"])
    {
        Number = "c",
        IsElementwise = true,
        IsLink = true,
        Check = (_, c) => c >= 0 ? null : new(1, "0 or more"),
    };

    /// <summary>Rounds each element to what a format holds; the derivative is taken as 1.</summary>
    private static TensorFunction Rounding(string name, string kernel, StorageFormat format) =>
        new(name, kernel, ["T"]) { Format = _ => format, IsRounding = true };

    /// <summary>Rounds each row to at most 2^bits values that fit it.</summary>
    private static TensorFunction Quantizer(string name, string kernel, (string Codes, string Scales, Func<double, StorageFormat?> Format)? parts = null, bool isLink = true)
    {
        var whole = new TensorFunction(name, kernel, ["T"])
        {
            Number = "bits",
            NumberIsSize = true,
            IsLink = isLink,
            Check = (shapes, bits) => Axes(shapes[0], 1) ?? (bits is >= 2 and <= 8 ? null : new(1, "2 to 8")),
            Sizes = (shapes, _) => Rows(shapes[0]),
        };
        if (parts is { } of)
        {
            var codes = new TensorFunction($"{name}_codes", of.Codes, ["T"])
            {
                Symbol = "q",
                Number = "bits",
                NumberIsSize = true,
                HasDerivative = false,
                Sizes = (shapes, _) => Rows(shapes[0]),
                Format = of.Format,
            };
            var scales = new TensorFunction($"{name}_scales", of.Scales, ["T"])
            {
                Symbol = "s",
                Number = "bits",
                NumberIsSize = true,
                HasDerivative = false,
                Shape = (shapes, _) => shapes[0].Take(shapes[0].Count - 1),
                Sizes = (shapes, _) => Rows(shapes[0]),
            };
            whole.Parts = (codes, scales);
        }

        return whole;
    }

    private static ArgumentFault? SameShape(IReadOnlyList<EquatableArray<int>> shapes) =>
        Enumerable.Range(1, shapes.Count - 1).FirstOrDefault(k => shapes[k] != shapes[0]) is > 0 and var other
            ? new ArgumentFault(other, $"a tensor {Show(shapes[0])}")
            : null;

    private static ArgumentFault? AtMostLast(IReadOnlyList<EquatableArray<int>> shapes, double k) =>
        Axes(shapes[0], 1) ?? (k <= Last(shapes[0]) ? null : new ArgumentFault(1, $"1 to {Last(shapes[0])}, the length of the last axis"));

    private static ArgumentFault? Axes(EquatableArray<int> shape, int least) =>
        shape.Count >= least ? null : new ArgumentFault(0, least == 1 ? "a tensor of 1 axis or more" : $"a tensor of {least} axes or more");

    private static ArgumentFault? Square(EquatableArray<int> shape) =>
        Axes(shape, 2) ?? (Last(shape) == shape[shape.Count - 2] ? null : new ArgumentFault(0, "a square matrix in the last two axes"));

    private static IEnumerable<int> Without(EquatableArray<int> shape, double axis) => shape.Where((_, k) => k != (int)axis);

    private static int Last(EquatableArray<int> shape) => shape[shape.Count - 1];

    private static int Length(IEnumerable<int> shape) => shape.Aggregate(1, (product, extent) => checked(product * extent));

    private static int[] Rows(EquatableArray<int> shape) => [Length(shape.Take(shape.Count - 1)), Last(shape)];

    private static int[] Matrices(EquatableArray<int> shape) => [Length(shape.Take(shape.Count - 2)), shape[shape.Count - 2], Last(shape)];

    private static string Show(EquatableArray<int> shape) => $"[{string.Join(", ", shape)}]";
}
