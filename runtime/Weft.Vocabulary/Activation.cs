namespace Weft.Kernels;

/// <summary>An elementwise function between the operators of a layer.</summary>
public enum Activation
{
    /// <summary>max(z, 0); the derivative at 0 is 0.</summary>
    Relu,

    /// <summary>½ z (1 + tanh(√(2/π) (z + 0.044715 z³))): the tanh form of Hendrycks and Gimpel, <i>Gaussian Error Linear Units</i>, 2016.</summary>
    Gelu,

    /// <summary>z · sigmoid(z)</summary>
    Silu,

    /// <summary>tanh(z)</summary>
    Tanh,

    /// <summary>1 / (1 + exp(−z))</summary>
    Sigmoid,

    /// <summary>log(1 + exp(z))</summary>
    Softplus,

    /// <summary>exp(z)</summary>
    Exp,

    /// <summary>z²</summary>
    Square,

    /// <summary>√z; the derivative at 0 is taken as 0.</summary>
    Sqrt,

    /// <summary>1 / z</summary>
    Reciprocal,

    /// <summary>½ log((1 + z) / (1 − z))</summary>
    Atanh,

    /// <summary>tanh(z) / z; 1 at 0.</summary>
    Tanhc,

    /// <summary>atanh(z) / z; 1 at 0. Magnitudes beyond 1 − 2⁻²⁴ count as that, with derivative 0.</summary>
    Atanhc,
}
