namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Prints kernels as C# that ILGPU compiles. It unrolls no loops, so register tiles are named scalars already; it has neither a fused
/// multiply-add nor, without a library of its own, transcendental functions: those are <c>DeviceMath</c>'s.
/// </summary>
/// <param name="scalar"><c>float</c> or <c>double</c>.</param>
public sealed class IlgpuPrinter(string scalar) : KernelPrinter(scalar)
{
    protected override IEnumerable<string> Attributes(DeviceKernel kernel) => [];

    protected override string Header(DeviceKernel kernel, string name)
    {
        string parameters = string.Concat(kernel.Operands.Select(operand => $"{View} {operand.Name}, "));
        return $"private static void {name}({parameters}int rows, int accumulate)";
    }

    protected override IEnumerable<string> Start(DeviceKernel kernel) =>
        kernel.Locals.Select(array => $"global::ILGPU.ArrayView<{Scalar}> {array.Name} = global::ILGPU.SharedMemory.Allocate<{Scalar}>({Number(array.Length)});");

    protected override string Widened(Operand operand, string index) => $"global::Weft.Ilgpu.IlgpuCodes.{operand.Format}({operand.Name}, {index})";

    protected override string Widened(Operand operand, string index, int width) =>
        FormattableString.Invariant($"global::Weft.Ilgpu.IlgpuCodes.{operand.Format}x{width}({operand.Name}, {index})");

    protected override string Vector(int width) => FormattableString.Invariant($"global::Weft.Ilgpu.IlgpuVector{width}<{Scalar}>");

    protected override string Widened(int width) => FormattableString.Invariant($"global::Weft.Ilgpu.IlgpuVector{width}<float>");

    protected override string Vectors(string array, int width) => $"{array}.Cast<{Vector(width)}>()";

    protected override string Made(int width) => $"new {Vector(width)}";

    protected override string Zeros(int width) => "default";

    protected override string Lane(int number) => "S" + Number(number);

    protected override string Integer => "int";

    protected override string Wait => "global::ILGPU.Group.Barrier();";

    protected override string Text(WorkItem item) => item switch
    {
        WorkItem.LocalX => "global::ILGPU.Group.IdxX",
        WorkItem.LocalY => "global::ILGPU.Group.IdxY",
        WorkItem.GroupX => "global::ILGPU.Grid.IdxX",
        WorkItem.GroupY => "global::ILGPU.Grid.IdxY",
        _ => "global::ILGPU.Grid.IdxZ",
    };

    protected override string Flag(string name) => $"{name} != 0";

    protected override Expression Replace(Call call) => call.Function == Function.MultiplyAdd
        ? (call.Arguments[0] * call.Arguments[1]) + call.Arguments[2]
        : call;

    protected override string Name(Function function) => $"global::Weft.Kernels.DeviceMath.{function}";

    /// <summary>The type of an operand's parameter.</summary>
    internal string View => $"global::ILGPU.ArrayView<{Scalar}>";
}
