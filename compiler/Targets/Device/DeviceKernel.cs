using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Device;

/// <summary>A statement of a kernel.</summary>
public abstract record Statement;

/// <summary>Names an integer.</summary>
public sealed record DefineInteger(string Name, Expression Value) : Statement;

/// <summary>Makes a register that holds an element.</summary>
public sealed record DefineElement(string Name, Expression Value) : Statement;

/// <summary>Writes a register.</summary>
public sealed record Assign(string Name, Expression Value) : Statement;

/// <summary>Writes an element of an operand or of a local array.</summary>
public sealed record Store(string Array, Expression Index, Expression Value) : Statement;

/// <summary>
/// Makes a vector of elements that lie side by side, with one load; the index counts vectors. Where a condition is given and does not
/// hold, nothing is loaded and all are 0.
/// </summary>
public sealed record DefineVector(string Name, string Array, Expression Index, int Width, Expression? Within = null) : Statement;

/// <summary>Writes elements that lie side by side, with one store; the index counts vectors.</summary>
public sealed record StoreVector(string Array, Expression Index, IReadOnlyList<Expression> Values) : Statement;

/// <summary>For <paramref name="Counter"/> from <paramref name="Start"/>, in steps, while it is less than <paramref name="End"/>.</summary>
public sealed record For(string Counter, Expression Start, Expression End, Expression Step, IReadOnlyList<Statement> Body) : Statement;

/// <summary>What only some work items do.</summary>
public sealed record When(Expression Condition, IReadOnlyList<Statement> Body) : Statement;

/// <summary>Statements whose names are known only among them.</summary>
public sealed record Scope(IReadOnlyList<Statement> Body) : Statement;

/// <summary>Waits for the whole group; what it wrote into local memory is visible then. Reached by all work items or by none.</summary>
public sealed record Barrier : Statement;

/// <summary>An array that the work items of a group share, aligned for vectors of so many elements.</summary>
public sealed record LocalArray(string Name, int Length, int Width = 1);

/// <summary>What the groups along an axis share out: an extent, times the rows of the batch if so, in tiles.</summary>
public sealed record GridAxis(int Extent, bool TimesRows, int Tile)
{
    public static readonly GridAxis One = new(1, false, 1);
}

/// <summary>An operand: an array of elements, or of codes.</summary>
public sealed record Operand(string Name, bool IsWritten = false)
{
    /// <summary>What loads widen codes from; null for elements.</summary>
    public StorageFormat? Format { get; init; }

    /// <summary>The code that position 0 stands for: an operand begins where a whole element does.</summary>
    public int FirstCode { get; init; }

    /// <summary>The operand for a view.</summary>
    internal static Operand Of(string name, View view, bool isWritten = false) => new(name, isWritten)
    {
        Format = FormatOf(view),
        FirstCode = FormatOf(view) is null ? 0 : view.Position.Offset - view.Below,
    };

    /// <summary>The format that a device has a view's numbers in, where it loads one.</summary>
    internal static StorageFormat? FormatOf(View view) => view is { Aspect: Aspect.Value, Storage.Format: { Device: not null } format } ? format : null;
}

/// <summary>What a kernel does at least, for a number of rows: operations, and elements that it reads or writes.</summary>
public sealed record Work(double FlopsPerRow, double Flops, double ElementsPerRow, double Elements)
{
    public double FlopsOf(int rows) => Flops + (FlopsPerRow * rows);

    public double ElementsOf(int rows) => Elements + (ElementsPerRow * rows);
}

/// <summary>
/// A kernel for a device: a grid of groups of work items, the arrays that a group shares, and what each work item does.
/// All positions are affine in digits of the counters, with literal strides. The operand that is written comes last.
/// </summary>
public sealed record DeviceKernel(
    string Description,
    int GroupX,
    int GroupY,
    GridAxis X,
    GridAxis Y,
    GridAxis Z,
    IReadOnlyList<Operand> Operands,
    IReadOnlyList<LocalArray> Locals,
    IReadOnlyList<Statement> Body,
    Work Work);

/// <summary>Where an operand begins: <paramref name="Offset"/> plus <paramref name="OffsetPerRow"/> for each row of a chunk.</summary>
public sealed record DeviceOperand(DeviceBlock Block, int Offset, int OffsetPerRow);

/// <summary>A kernel, by its number, and what it is run on.</summary>
public sealed record DeviceLaunch(int Kernel, bool Accumulate, IReadOnlyList<DeviceOperand> Operands);

/// <summary>Elements that lie at one place in the map's blocks and at another in the device's.</summary>
public sealed record Segment(int Host, int Device, int Length);

/// <summary>Elements of the map's block that are codes in the device's; there the place counts bytes.</summary>
public sealed record CodeSegment(StorageFormat Format, Segment Segment);

/// <summary>What a device does for a loss, after the forward pass, and for a step of an optimizer.</summary>
public sealed record TrainingSchedule(
    IReadOnlyList<DeviceLaunch> MeanSquaredError,
    IReadOnlyList<DeviceLaunch> CrossEntropy,
    IReadOnlyList<DeviceLaunch> Sgd,
    IReadOnlyList<DeviceLaunch> AdamW)
{
    public IReadOnlyList<DeviceLaunch> Of(DeviceLoss loss) => loss switch
    {
        DeviceLoss.MeanSquaredError => MeanSquaredError,
        DeviceLoss.CrossEntropy => CrossEntropy,
        _ => throw new InvalidOperationException(loss.ToString()),
    };

    public IReadOnlyList<DeviceLaunch> Of(DeviceRule rule) => rule switch
    {
        DeviceRule.Sgd => Sgd,
        DeviceRule.AdamW => AdamW,
        _ => throw new InvalidOperationException(rule.ToString()),
    };
}

/// <summary>What a device does for a module.</summary>
/// <param name="Program">The operations, by a plan for the device.</param>
/// <param name="Layout">Where intermediate results lie in scratch.</param>
/// <param name="Kernels">The kernels that are launched, each once.</param>
/// <param name="Prepare">What is derived from parameters, once per change of them.</param>
/// <param name="Forward">y for a chunk of rows.</param>
/// <param name="ForwardFew">y for a few rows.</param>
/// <param name="Record">y, and what the reverse pass reads, for a chunk of rows.</param>
/// <param name="RecordFew">y, and what the reverse pass reads, for a few rows.</param>
/// <param name="Reverse">The gradients for a chunk of rows.</param>
/// <param name="ReverseFew">The gradients for a few rows.</param>
/// <param name="FinishGradient">What the gradients of derived weights mean for the parameters, as far as the host has no part in it.</param>
/// <param name="AddGradient">Adds the gradients of the parameters to those asked for.</param>
/// <param name="Training">Losses and optimizers.</param>
public sealed record DeviceSchedule(
    OperationProgram Program,
    Layout Layout,
    IReadOnlyList<DeviceKernel> Kernels,
    IReadOnlyList<DeviceLaunch> Prepare,
    IReadOnlyList<DeviceLaunch> Forward,
    IReadOnlyList<DeviceLaunch> ForwardFew,
    IReadOnlyList<DeviceLaunch> Record,
    IReadOnlyList<DeviceLaunch> RecordFew,
    IReadOnlyList<DeviceLaunch> Reverse,
    IReadOnlyList<DeviceLaunch> ReverseFew,
    IReadOnlyList<DeviceLaunch> FinishGradient,
    IReadOnlyList<DeviceLaunch> AddGradient,
    TrainingSchedule Training)
{
    /// <summary>Where tensors begin in the weight block.</summary>
    public IReadOnlyDictionary<Storage, int> WeightPlaces { get; init; } = new Dictionary<Storage, int>();

    /// <summary>Where the gradients of tensors begin in the block of weight gradients.</summary>
    public IReadOnlyDictionary<Storage, int> GradientPlaces { get; init; } = new Dictionary<Storage, int>();

    /// <summary>The byte that tensors begin at in the block of codes.</summary>
    public IReadOnlyDictionary<Storage, int> CodePlaces { get; init; } = new Dictionary<Storage, int>();

    /// <summary>Elements of the weight block; the trained parameters come first, at the same places as in the map.</summary>
    public int WeightCount { get; init; }

    /// <summary>Bytes of the block of codes.</summary>
    public int CodeBytes { get; init; }

    /// <summary>Elements of the block of weight gradients; the trained parameters come first.</summary>
    public int GradientCount { get; init; }

    /// <summary>Elements of the block of partial sums.</summary>
    public int PartialCount { get; init; }

    /// <summary>What comes from the host as it is: parameters that are not trained, constants, and those functions of tensors that the host evaluates.</summary>
    public IReadOnlyList<Segment> Functions { get; init; } = [];

    /// <summary>What comes from the host in a short format.</summary>
    public IReadOnlyList<CodeSegment> Codes { get; init; } = [];

    /// <summary>Whether a step of an optimizer changes one of them.</summary>
    public bool FunctionsChange { get; init; }

    /// <summary>Gradients that the host takes further, because they go through functions.</summary>
    public IReadOnlyList<Segment> FunctionGradients { get; init; } = [];

    /// <summary>The most rows of a chunk: positions are of 32 bits.</summary>
    public int MaxRows { get; init; }
}
