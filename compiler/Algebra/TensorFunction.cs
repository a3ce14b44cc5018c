using Weft.Compiler.Text;
using static Weft.Compiler.Algebra.FunctionExpression;

namespace Weft.Compiler.Algebra;

/// <summary>What is wrong with the arguments of a function.</summary>
/// <param name="Argument">The number of the argument, tensors first.</param>
/// <param name="Expected">What it should have been.</param>
public sealed record ArgumentFault(int Argument, string Expected);

/// <summary>
/// What a function of rows is made of: <c>f(T)[…, i] = Scales(T)[…] · Codes(T)[…, i] + Offsets(T)[…]</c>, the last where there are any.
/// </summary>
public sealed record QuantizerParts(TensorFunction Codes, TensorFunction Scales, TensorFunction? Offsets);

/// <summary>
/// A function of tensors that is not multilinear. This table is all that the compiler knows of one. Code is made of its
/// <see cref="Definition"/>; a processor's is the class <see cref="Kernel"/> of the runtime's <c>ParameterFunctions</c> where it names one. The
/// oracle has a definition of its own. Axes before those that a function works on are a batch.
/// </summary>
public sealed class TensorFunction
{
    private static readonly TensorFunction[] Table =
    [
        Elementwise("exp", "Exp", Activations.Definition(Activation.Exp)),
        Elementwise("log", "Log", new(Of(FunctionOperation.Log, X))),
        Elementwise("sqrt", "Sqrt", Activations.Definition(Activation.Sqrt)),
        Elementwise("abs", null, new(Abs(X)), isLink: true),
        Elementwise("square", null, Activations.Definition(Activation.Square)),
        Elementwise("relu", "Relu", Activations.Definition(Activation.Relu)),
        Elementwise("sigmoid", "Sigmoid", Activations.Definition(Activation.Sigmoid)),
        Elementwise("tanh", "Tanh", Activations.Definition(Activation.Tanh)),
        Elementwise("softplus", "Softplus", Activations.Definition(Activation.Softplus)),
        new("sin", "Sin", ["T"]),
        new("cos", "Cos", ["T"]),
        Elementwise("round_ste", "RoundStraightThrough", new(Of(FunctionOperation.Rint, X), Change), isLink: true),
        .. StorageFormats.All.Where(format => format.Rounding is not null).Select(Rounding),
        Elementwise("stop_gradient", "StopGradient", new(X), isLink: true, hasDerivative: false),
        Elementwise("sign", null, new(Choose(X, 1, Choose(0 - X, -1, 0))), isLink: true, hasDerivative: false),
        Elementwise("step", null, new(Choose(X, 1, 0)), isLink: true, hasDerivative: false),
        WithNumber("shift", "c", c => new(X + c)),
        WithNumber("elu", "alpha", alpha => new(Choose(X, X, alpha * Of(FunctionOperation.Expm1, Min(0, X))))),
        Elementwise("gelu_exact", null, new(Within(40, x => x * (0.5 * Of(FunctionOperation.Erfc, -Math.Sqrt(0.5) * x)))), isLink: true),
        Elementwise("hardswish", null, new(Within(3, x => x * ((x + 3) / 6))), isLink: true),
        new("power", "Power", ["T"]) { Number = "p" },
        WithNumber("soft_threshold", "c", c => new(Max(0, X - c) - Max(0, 0 - X - c), Choose(Abs(X) - c, Change, 0)), least: 0),
        WithNumber("hard_threshold", "c", c => new(Choose(c - Abs(X), 0, X)), least: 0),
        new("quotient", "Quotient", ["A", "B"]) { TakesNumbers = true, Check = (shapes, _) => SameShape(shapes) },
        new("where", "Where", ["C", "A", "B"])
        {
            TakesNumbers = true,
            Check = (shapes, _) => SameShape(shapes),
        },
        new("straight_through", "StraightThrough", ["V", "T"]) { Check = (shapes, _) => SameShape(shapes) },
        new("concat", "Concat", ["A", "B"])
        {
            Number = "axis",
            JoinsAlongAxis = true,
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
        Quantizer("quantize", "Quantize", Symmetric, WholeNumbers),
        Quantizer("quantize_affine", "QuantizeAffine", Affine),
        Quantizer("quantize_zero_point", "QuantizeZeroPoint", ZeroPoint, WholeNumbers, hasOffsets: true),
        Quantizer("quantize_bipolar", "QuantizeBipolar", Bipolar),
        Quantizer("normal_float", "NormalFloat", null, bits => bits == 4 ? StorageFormats.NormalFloat4 : null),
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
        OfRows("normalize_rows", "NormalizeRows", "A", NormalizedRow),
        new("normalize_columns", "NormalizeColumns", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
        OfRows("softmax", "Softmax", "P", SoftmaxOfRow, takesBounds: true),
        OfRows("rms_norm", null, "A", (eps, length) => new(OverRootMeanSquare(X, eps, length)), number: "eps"),
        OfRows("layer_norm", null, "A", (eps, length) => new(OverRootMeanSquare(X - Sum(X * (1.0 / length)), eps, length)), number: "eps"),
        OfRows("logsumexp", null, "P", (_, _) => new(LogSumExp), reduces: true),
        OfRows("maximum", null, "T", (_, _) => Maximum, reduces: true),
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
        OfSquare("cayley", "Cayley"),
        OfSquare("inverse", "Inverse"),
        OfSquare("inverse_spd", "InverseOfDefinite"),
        OfSquare("inverse_lower", "InverseOfLower"),
        OfSquare("cholesky", "Cholesky"),
        OfSquare("expm", "ExponentialOfMatrix"),
        OfSquare("sqrtm", "SquareRootOfMatrix"),
        OfSquare("logm", "LogarithmOfMatrix"),
        OfSquare("powerm", "PowerOfMatrix", number: "p"),
        OfSquare("eigenvectors", "Eigenvectors"),
        OfSquare("eigenvalues", "Eigenvalues", dropped: 1),
        OfSquare("logdet", "LogDeterminant", dropped: 2),
        OfSquare("logdet_spd", "LogDeterminantOfDefinite", dropped: 2),
        OfSquare("det", "Determinant", dropped: 2),
        new("singular_values", "SingularValues", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Shape = (shapes, _) => shapes[0].Take(shapes[0].Count - 2).Append(Math.Min(shapes[0][shapes[0].Count - 2], Last(shapes[0]))),
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
        new("pseudo_inverse", "PseudoInverse", ["A"])
        {
            Check = (shapes, _) => Axes(shapes[0], 2),
            Shape = (shapes, _) => [.. shapes[0].Take(shapes[0].Count - 2), Last(shapes[0]), shapes[0][shapes[0].Count - 2]],
            Sizes = (shapes, _) => Matrices(shapes[0]),
        },
    ];

    private TensorFunction(string name, string? kernel, IReadOnlyList<string> tensors) => (Name, Kernel, Tensors) = (name, kernel, tensors);

    /// <summary>[k, n] → [k, k]: T of the compact form I − VᵀTV of a chain of reflections. Only lowering makes it.</summary>
    public static TensorFunction Reflections { get; } = new("reflections", "Reflections", ["V"])
    {
        Symbol = "wy",
        Shape = (shapes, _) => [shapes[0][0], shapes[0][0]],
        Sizes = (shapes, _) => shapes[0],
    };

    /// <summary>[rows, n] → [rows, 2, n/2 + 1], with n as its number: what <see cref="Fourier"/> does with rows. Only lowering makes it.</summary>
    public static TensorFunction RealFourier { get; } = OfFrequencies("rfft", "RealFourier", (shape, _) => [shape[0], 2, (shape[1] / 2) + 1]);

    /// <summary>[rows, 2, n/2 + 1] → [rows, n], likewise.</summary>
    public static TensorFunction InverseRealFourier { get; } = OfFrequencies("irfft", "InverseRealFourier", (shape, n) => [shape[0], (int)n]);

    /// <summary>The parts of a tensor along its first axis that a table names: what a table inside index notation means.</summary>
    public static TensorFunction Take => All["take"];

    /// <summary>The functions of the language, by name.</summary>
    public static IReadOnlyDictionary<string, TensorFunction> All { get; } = Table.ToDictionary(function => function.Name, StringComparer.Ordinal);

    /// <summary>What it is called in formulas.</summary>
    public string Name { get; }

    /// <summary>Its class in the runtime; null where the definition is all that there is.</summary>
    public string? Kernel { get; }

    /// <summary>What it does with each row of the last axis, for a number and the length of a row; null for what is no function of rows.</summary>
    public Func<double, int, FunctionDefinition>? Definition { get; private set; }

    /// <summary>What the letter of its results is in listings.</summary>
    public string Symbol { get; private set; } = "f";

    /// <summary>The names of the tensors that it takes.</summary>
    public IReadOnlyList<string> Tensors { get; }

    /// <summary>The name of the number behind them, if it takes one.</summary>
    public string? Number { get; private set; }

    /// <summary>Whether the number has to be whole, from 1 on.</summary>
    public bool NumberIsSize { get; private set; }

    /// <summary>Whether it puts its tensors one behind the other along the axis that its number names: of values, terms of a sum at places of their own.</summary>
    public bool JoinsAlongAxis { get; private set; }

    /// <summary>Whether the number is for the shape and the sizes alone, and the runtime's class does without it.</summary>
    public bool NumberIsInSizes { get; private set; }

    /// <summary>Whether a number can stand in a tensor's place, for a tensor of the others' shape whose elements it is.</summary>
    public bool TakesNumbers { get; private set; }

    /// <summary>Whether derivatives pass.</summary>
    public bool HasDerivative { get; private set; } = true;

    /// <summary>Whether it is linear in its tensor: derivatives read no values.</summary>
    public bool IsLinear { get; private set; }

    /// <summary>What it takes for tensors and a number, in operations at full rate, beside what is moved; 0 where that is all that counts.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, double> Operations { get; private set; } = (_, _) => 0;

    /// <summary>Whether it does the same with each element; else it works on rows or more.</summary>
    public bool IsElementwise { get; private set; }

    /// <summary>Whether axes before those that it works on are a batch, in all its tensors.</summary>
    public bool IsBatched { get; private set; } = true;

    /// <summary>Whether it can be a link of a chain: from rows to rows of the same length, with a symmetric Jacobian for each, or to a number for each.</summary>
    public bool IsLink { get; private set; }

    /// <summary>Whether it makes one number of each row.</summary>
    public bool ReducesRows { get; private set; }

    /// <summary>Why it is no link, where it is none.</summary>
    public string WhyNoLink =>
        Tensors.Count > 1 ? $"it takes {Tensors.Count} tensors"
        : Check([EquatableArray.Of(4)], 1)?.Argument == 0 ? "it works on matrices"
        : !Shape([EquatableArray.Of(4, 4)], 1).SequenceEqual([4, 4]) ? "its result has another shape"
        : "it is for parameters only";

    /// <summary>Whether the runtime's class takes bounds of each row, beyond which elements are as if they were minus infinity.</summary>
    public bool TakesBounds { get; private set; }

    /// <summary>The argument of which only the softmax of the largest elements of each row matters, as many as the number says; or -1.</summary>
    public int Selector { get; private set; } = -1;

    /// <summary>The format that holds its values for a number, if there is one.</summary>
    public Func<double, StorageFormat?> Format { get; private set; } = _ => null;

    /// <summary>Whether it only rounds each element to its format, straight through: the gradient for its result is that for its argument.</summary>
    public bool IsRounding { get; private set; }

    /// <summary>The functions that it is made of, where its values can be stored in fewer bits. Only lowering makes them.</summary>
    public QuantizerParts? Parts { get; private set; }

    /// <summary>The first fault of shapes and a number, or null.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, ArgumentFault?> Check { get; private set; } = (_, _) => null;

    /// <summary>The shape of the result for tensors and a number without fault; that of the first tensor unless stated.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, IEnumerable<int>> Shape { get; private set; } = (shapes, _) => shapes[0];

    /// <summary>The extents that the runtime's class takes behind the tensors, before the number; their product unless stated.</summary>
    public Func<IReadOnlyList<EquatableArray<int>>, double, IEnumerable<int>> Sizes { get; private set; } = (shapes, _) => [Length(shapes[0])];

    public override string ToString() => Name;

    private static TensorFunction Elementwise(string name, string? kernel, FunctionDefinition definition, bool isLink = false, bool hasDerivative = true) =>
        new(name, kernel, ["T"]) { IsElementwise = true, IsLink = isLink, HasDerivative = hasDerivative, Definition = (_, _) => definition };

    /// <summary>A link that does with each element what a number says.</summary>
    private static TensorFunction WithNumber(
        string name, string number, Func<double, FunctionDefinition> definition, double least = double.NegativeInfinity) => new(name, null, ["T"])
        {
            Number = number,
            IsElementwise = true,
            IsLink = true,
            Definition = (value, _) => definition(value),
            Check = (_, value) => value >= least ? null : new(1, FormattableString.Invariant($"{least} or more")),
        };

    /// <summary>A link that does the same with each row; its number, if it takes one, is positive.</summary>
    private static TensorFunction OfRows(
        string name, string? kernel, string tensor, Func<double, int, FunctionDefinition> definition, string? number = null, bool reduces = false, bool takesBounds = false) =>
        new(name, kernel, [tensor])
        {
            ReducesRows = reduces,
            Number = number,
            IsLink = true,
            TakesBounds = takesBounds,
            Definition = definition,
            Check = (shapes, value) => Axes(shapes[0], 1) ?? (number is null || value > 0 ? null : new(1, "more than 0")),
            Shape = (shapes, _) => reduces ? shapes[0].Take(shapes[0].Count - 1) : shapes[0],
            Sizes = (shapes, _) => Rows(shapes[0]),
        };

    /// <summary>A function of square matrices, whose result has fewer axes by those that are dropped.</summary>
    private static TensorFunction OfSquare(string name, string kernel, int dropped = 0, string? number = null) => new(name, kernel, ["A"])
    {
        Number = number,
        Check = (shapes, _) => Square(shapes[0]),
        Shape = (shapes, _) => shapes[0].Take(shapes[0].Count - dropped),
        Sizes = (shapes, _) => Matrices(shapes[0]).Take(2),
    };

    /// <summary>A transform of each of several rows of length n, with what the runtime's takes (measured).</summary>
    private static TensorFunction OfFrequencies(string name, string kernel, Func<EquatableArray<int>, double, IEnumerable<int>> shape) => new(name, kernel, ["T"])
    {
        Number = "n",
        NumberIsSize = true,
        NumberIsInSizes = true,
        IsLinear = true,
        Shape = (shapes, n) => shape(shapes[0], n),
        Sizes = (shapes, n) => [shapes[0][0], (int)n],
        Operations = (shapes, n) => shapes[0][0] * OperationsOfTransform((int)n),
    };

    /// <summary>
    /// An element takes so much in a stage of radix 4, and as often as that in one of another radix; an even length is half as many complex numbers, and
    /// one with a large prime factor is three transforms of twice as many.
    /// </summary>
    private static double OperationsOfTransform(int n)
    {
        const double PerElement = 18;
        const int MostRadix = 31, OfPrimes = 110;
        int stages = 0, rest = n % 2 == 0 ? n / 2 : n;
        for (; rest % 4 == 0; rest /= 4)
        {
            stages++;
        }

        for (int radix = 2; radix <= MostRadix; radix++)
        {
            for (; rest % radix == 0; rest /= radix)
            {
                stages += radix;
            }
        }

        return PerElement * n * (n % 2 == 0 ? 1 : 2) * (rest == 1 ? 1 + stages : OfPrimes);
    }

    /// <summary>A function of x that is x above a size and 0 below it, whose powers do not overflow: f of an argument within it is 0 at its lower end.</summary>
    private static FunctionExpression Within(double size, Func<FunctionExpression, FunctionExpression> f) => Choose(X - size, X, f(Clamp(-size, size, X)));

    private static FunctionDefinition SoftmaxOfRow(double number, int length)
    {
        FunctionExpression weight = Exp(X - Largest(X));
        return new(weight / Sum(weight), Result * (Change - Sum(Result * Change)));
    }

    /// <summary>x / ‖x‖ in a unit in which squares are in the range of numbers.</summary>
    private static FunctionDefinition NormalizedRow(double number, int length)
    {
        FunctionExpression largest = Largest(Abs(X)), unit = Choose(largest, largest, 1), x = X / unit, norm = Sqrt(Sum(x * x));
        return new(x / Choose(norm, norm, 1), Choose(norm, (Change - (Result * Sum(Result * Change))) / norm / unit, 0));
    }

    /// <summary>x / √(mean of x² + ε) in a unit in which squares and ε are in the range of numbers.</summary>
    private static FunctionExpression OverRootMeanSquare(FunctionExpression x, double epsilon, int length)
    {
        FunctionExpression root = Math.Sqrt(epsilon), unit = Max(root, Largest(Abs(x))), scaled = x / unit, least = root / unit;
        return scaled / Sqrt((Sum(scaled * scaled) / length) + (least * least));
    }

    /// <summary>The largest is subtracted, where it is finite, so that no power overflows.</summary>
    private static FunctionExpression LogSumExp
    {
        get
        {
            FunctionExpression largest = Largest(X), shift = Choose(double.PositiveInfinity - Abs(largest), largest, 0);
            return shift + Of(FunctionOperation.Log, Sum(Exp(X - shift)));
        }
    }

    /// <summary>The derivative is that of the mean of the elements that are the largest: equal ones share it.</summary>
    private static FunctionDefinition Maximum
    {
        get
        {
            FunctionExpression largest = Largest(X);
            return new(largest, derivativeOf: Sum(Choose(largest - X, 0, X)) / Sum(Choose(largest - X, 0, 1)));
        }
    }

    private static FunctionDefinition Symmetric(double bits, int length)
    {
        FunctionExpression step = Largest(Abs(X)) / (Math.Pow(2, bits - 1) - 1);
        return Rounded(step, step * Of(FunctionOperation.Rint, X / step));
    }

    private static FunctionDefinition Bipolar(double bits, int length)
    {
        FunctionExpression step = Largest(Abs(X)) / (Math.Pow(2, bits) - 1);
        return Rounded(step, step * ((2 * Of(FunctionOperation.Floor, X / step / 2)) + 1));
    }

    /// <summary>In halves, whose range is a number.</summary>
    private static FunctionDefinition Affine(double bits, int length)
    {
        FunctionExpression least = 0.5 * (0 - Largest(0 - X)), step = ((0.5 * Largest(X)) - least) / (Math.Pow(2, bits) - 1);
        return Rounded(step, 2 * (least + (step * Of(FunctionOperation.Rint, ((0.5 * X) - least) / step))));
    }

    /// <summary>The rows and zero, in halves, whose range is a number.</summary>
    private static FunctionDefinition ZeroPoint(double bits, int length)
    {
        FunctionExpression below = 0.5 * Max(0, Largest(0 - X)), range = (0.5 * Max(0, Largest(X))) + below, levels = Math.Pow(2, bits) - 1;
        FunctionExpression zero = Of(FunctionOperation.Rint, below / range * levels);
        FunctionExpression code = Max(0, Min(levels, Of(FunctionOperation.Rint, 0.5 * X / range * levels) + zero));
        return Rounded(range, 2 * (range / levels * (code - zero)));
    }

    /// <summary>The format of whole numbers of so many bits.</summary>
    private static StorageFormat WholeNumbers(double bits) => bits <= 4 ? StorageFormats.Int4 : StorageFormats.Int8;

    /// <summary>A row whose values are a step apart, if that is positive; straight through.</summary>
    private static FunctionDefinition Rounded(FunctionExpression step, FunctionExpression value) => new(Choose(step, value, X), Change);

    /// <summary>Rounds each element to what a format holds; the derivative is taken as 1.</summary>
    private static TensorFunction Rounding(StorageFormat format) => new(format.Rounding!, "Rounding", ["T"]) { Format = _ => format, IsRounding = true };

    /// <summary>Rounds each row to at most 2^bits values that fit it.</summary>
    /// <param name="name">The function's name in formulas.</param>
    /// <param name="kernel">The function's class in the runtime; the classes of its parts have longer names.</param>
    /// <param name="definition">The function of a row, for a number of bits.</param>
    /// <param name="format">The format that its codes fit into, for a number of bits; null where it is not made of parts.</param>
    /// <param name="hasOffsets">Whether there is a number for each row that is added.</param>
    private static TensorFunction Quantizer(
        string name, string kernel, Func<double, int, FunctionDefinition>? definition, Func<double, StorageFormat?>? format = null, bool hasOffsets = false)
    {
        var whole = new TensorFunction(name, kernel, ["T"])
        {
            Number = "bits",
            NumberIsSize = true,
            IsLink = definition is not null,
            Definition = definition,
            Check = (shapes, bits) => Axes(shapes[0], 1) ?? (bits is >= 2 and <= 8 ? null : new(1, "2 to 8")),
            Sizes = (shapes, _) => Rows(shapes[0]),
        };
        if (format is not null)
        {
            TensorFunction codes = Part("Codes", "q");
            codes.Format = format;
            whole.Parts = new(codes, OfRow("Scales", "s"), hasOffsets ? OfRow("Offsets", "o") : null);
        }

        return whole;

        TensorFunction Part(string part, string symbol) => new($"{name}_{part.ToLowerInvariant()}", kernel + part, ["T"])
        {
            Symbol = symbol,
            Number = "bits",
            NumberIsSize = true,
            HasDerivative = false,
            Sizes = (shapes, _) => Rows(shapes[0]),
        };

        TensorFunction OfRow(string part, string symbol)
        {
            TensorFunction function = Part(part, symbol);
            function.Shape = (shapes, _) => shapes[0].Take(shapes[0].Count - 1);
            return function;
        }
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
