using static Weft.Compiler.Algebra.FunctionExpression;

namespace Weft.Compiler.Algebra;

/// <summary>The activations as the language names them, and what they are. A processor's code for them is the runtime's, written by hand.</summary>
public static class Activations
{
    /// <summary>Beyond it the argument of atanhc counts as this.</summary>
    private const double AtanhcMost = 1 - (1.0 / (1 << 24));

    private static readonly IReadOnlyDictionary<Activation, FunctionDefinition> s_definitions = new Dictionary<Activation, FunctionDefinition>
    {
        [Activation.Relu] = new(Choose(0 - X, 0, X), Choose(X, Change, 0)),
        [Activation.Gelu] = Gated(30, x => x * ((2 * Math.Sqrt(2 / Math.PI)) + (2 * Math.Sqrt(2 / Math.PI) * 0.044715 * (x * x)))),
        [Activation.Silu] = Gated(1000, x => x),
        [Activation.Tanh] = new(Of(FunctionOperation.Tanh, X)),
        [Activation.Sigmoid] = new(Of(FunctionOperation.Sigmoid, X)),
        [Activation.Softplus] = new(Max(0, X) + Of(FunctionOperation.Log1p, Exp(0 - Abs(X))), Change * Of(FunctionOperation.Sigmoid, X)),
        [Activation.Exp] = new(Exp(X)),
        [Activation.Square] = new(X * X),
        [Activation.Sqrt] = new(Sqrt(X)),
        [Activation.Reciprocal] = new(1 / X),
        [Activation.Atanh] = new(Atanh(X)),
        [Activation.Tanhc] = Ratio(x => Of(FunctionOperation.Tanh, x), Size, Of(FunctionOperation.Tanh, X).Tangent(), [
            -2.0 / 3, 8.0 / 15, -34.0 / 105, 496.0 / 2835, -2764.0 / 31185, 87376.0 / 2027025, -1859138.0 / 91216125, 102473312.0 / 10854718875]),
        [Activation.Atanhc] = Ratio(
            Atanh, Min(AtanhcMost, Size), Change / ((1 - X) * (1 + X)), [.. Enumerable.Range(0, 10).Select(k => (2.0 * k + 2) / (2 * k + 3))], AtanhcMost),
    };

    public static IReadOnlyDictionary<string, Activation> ByName { get; } =
        Enum.GetValues(typeof(Activation)).Cast<Activation>().ToDictionary(Name, StringComparer.Ordinal);

    /// <summary>|x|, and what may be divided by at 0.</summary>
    private static FunctionExpression Size => Max(1e-30, Abs(X));

    public static string Name(Activation activation) => activation.ToString().ToLowerInvariant();

    public static FunctionDefinition Definition(Activation activation) => s_definitions[activation];

    /// <summary>x · sigmoid(u(x)). Beyond a range the gate is 0 or 1 to the last bit, and powers of an argument within it do not overflow.</summary>
    private static FunctionDefinition Gated(double range, Func<FunctionExpression, FunctionExpression> gate)
    {
        FunctionExpression within = Clamp(-range, range, X);
        return new(Choose(X - range, X, within * Of(FunctionOperation.Sigmoid, gate(within))));
    }

    private static FunctionExpression Atanh(FunctionExpression x) => 0.5 * (Of(FunctionOperation.Log1p, x) - Of(FunctionOperation.Log1p, 0 - x));

    /// <summary>f(x) / x, whose derivative (f′(x) − f(x) / x) / x is a series near 0, and 0 beyond a size.</summary>
    private static FunctionDefinition Ratio(
        Func<FunctionExpression, FunctionExpression> function, FunctionExpression size, FunctionExpression derivative, double[] series, double most = double.PositiveInfinity)
    {
        FunctionExpression square = X * X, isFar = square - 0.04, sum = series.Reverse().Aggregate((FunctionExpression)0, (terms, term) => (terms * square) + term);
        FunctionExpression value = function(size) / size, far = (derivative - (Change * value)) / Choose(isFar, X, 1);
        return new(value, Choose(isFar, Choose(Abs(X) - most, 0, far), Change * (X * sum)));
    }
}
