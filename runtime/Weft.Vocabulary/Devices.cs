namespace Weft.Kernels;

/// <summary>The blocks of memory that a kernel is handed.</summary>
public enum DeviceBlock
{
    /// <summary>Parameters and what is derived from them.</summary>
    Weights,

    /// <summary>Weights in short formats; what begins in it counts bytes.</summary>
    Codes,

    /// <summary>The rows of x.</summary>
    Input,

    /// <summary>The rows of y.</summary>
    Output,

    /// <summary>The gradient for x.</summary>
    InputGradient,

    /// <summary>The gradient for y.</summary>
    OutputGradient,

    /// <summary>Intermediate results and their gradients.</summary>
    Scratch,

    /// <summary>The gradients of the weights.</summary>
    WeightGradient,

    /// <summary>The gradient for the trained parameters.</summary>
    ParameterGradient,

    /// <summary>Numbers of a loss or an optimizer.</summary>
    Settings,

    /// <summary>An optimizer's first memory: velocities, or means.</summary>
    FirstState,

    /// <summary>An optimizer's second memory: means of squares.</summary>
    SecondState,

    /// <summary>What outputs are compared to.</summary>
    Targets,

    /// <summary>The parts of sums over a batch.</summary>
    PartialSums,

    /// <summary>Parts of a loss.</summary>
    LossParts,

    /// <summary>A loss.</summary>
    Loss,
}

/// <summary>The rules by which optimizers step.</summary>
public enum DeviceRule
{
    /// <summary><c>Sgd</c></summary>
    Sgd,

    /// <summary><c>AdamW</c></summary>
    AdamW,
}

/// <summary>Room that a device has for what the compiler's kernels share.</summary>
public static class DeviceRoom
{
    /// <summary>Numbers of a loss or of a step of an optimizer.</summary>
    public const int Settings = 9;

    /// <summary>Groups that share a loss, and so its parts.</summary>
    public const int LossParts = 64;

    /// <summary>What tensors begin at multiples of: elements in a block of elements, bytes in that of codes.</summary>
    public const int Alignment = 16;
}
