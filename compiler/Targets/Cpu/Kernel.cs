using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>One loop of a kernel: an extent (0: the rows of the batch) and what it adds to the position in a, b and c.</summary>
public sealed record Loop(string Name, int Extent, int A, int B, int C)
{
    public static readonly Loop None = new("", 1, 0, 0, 0);

    public bool IsRows => Extent == 0;
}

/// <summary>
/// A contraction <c>c (+)= Coefficient · Σ a · b</c> as a loop nest around a register tile of rows × columns of vectors, which the runtime's
/// <c>Contraction</c> runs. Without b the sum is of a alone.
/// </summary>
public sealed record Kernel(
    string Description,
    LaneForm Form,
    double Coefficient,
    bool HasB,
    IReadOnlyList<Loop> Outer,
    IReadOnlyList<Loop> Reduction,
    Loop Rows,
    Loop Columns,
    Loop Lanes,
    int PanelA,
    int PanelB)
{
    /// <summary>The format of operand a; null for whole elements.</summary>
    public StorageFormat? FormatA { get; init; }

    /// <summary>The format of operand b.</summary>
    public StorageFormat? FormatB { get; init; }

    /// <summary>From row to row of the batch in what is added; null where that is laid out like the target.</summary>
    public int? AddendPitch { get; init; }

    /// <summary>What a loop adds to the position in what is added.</summary>
    public int AddendStride(Loop loop) => loop.IsRows && AddendPitch is { } pitch ? pitch : loop.C;

    /// <summary>All loops, in no order.</summary>
    public IEnumerable<Loop> Loops => Outer.Concat(Reduction).Append(Rows).Append(Columns).Append(Lanes).Where(loop => loop.Extent != 1);

    /// <summary>Whether nothing is summed and only lanes are left to tile: several vectors of them.</summary>
    public bool IsElementwise => Form == LaneForm.Parallel && Reduction.Count == 0 && Rows == Loop.None && Columns == Loop.None;

    /// <summary>
    /// Whether each row of a is a long sum of vectors in one piece, and the next one follows it: for a single row of the batch the rows of a are
    /// then best read one by one.
    /// </summary>
    public bool IsOneStream
    {
        get
        {
            const int LongSum = 16;
            int terms = Reduction.Aggregate(1, (product, loop) => product * loop.Extent);
            return Form == LaneForm.Parallel && Lanes.A == 1 && Columns.IsRows && terms >= LongSum
                && Reduction[Reduction.Count - 1] is { IsRows: false } inner && Rows.A == terms * inner.A;
        }
    }

    /// <summary>Equal for kernels whose code is equal.</summary>
    public string Key => string.Join(
        "|",
        Form,
        Coefficient.ToString("R", CultureInfo.InvariantCulture),
        HasB,
        string.Join(",", Outer.Select(Text)),
        string.Join(",", Reduction.Select(Text)),
        Text(Rows),
        Text(Columns),
        Text(Lanes),
        PanelA,
        PanelB,
        FormatA,
        FormatB,
        AddendPitch);

    private static string Text(Loop loop) => FormattableString.Invariant($"{loop.Extent}:{loop.A}:{loop.B}:{loop.C}");
}

/// <summary>A kernel chosen for a contraction, with the layouts that its weights have to be packed into.</summary>
/// <param name="Kernel">The loop nest.</param>
/// <param name="A">The operand that is loop operand a.</param>
/// <param name="B">The operand that is loop operand b.</param>
/// <param name="C">The target.</param>
/// <param name="Cost">Vector operations for a nominal chunk.</param>
public sealed record KernelChoice(Kernel Kernel, PackedView A, PackedView? B, PackedView C, double Cost);

/// <summary>An order of elements that suits a kernel: row-major over the axes, each with its stride in the source.</summary>
public sealed record Packing(int Offset, IReadOnlyList<(Index Index, int Extent, int Stride)> Axes);

/// <summary>A view, and the order and format that its storage is to be packed in first; null where it is used as it stands.</summary>
public sealed record PackedView(View View, Packing? Packing = null, StorageFormat? Format = null);
