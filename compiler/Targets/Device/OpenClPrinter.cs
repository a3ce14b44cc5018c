using Weft.Compiler.Algebra;

namespace Weft.Compiler.Targets.Device;

/// <summary>Prints kernels as OpenCL C 1.2.</summary>
/// <param name="scalar"><c>float</c> or <c>double</c>.</param>
public sealed class OpenClPrinter(string scalar) : KernelPrinter(scalar)
{
    /// <summary>The program of a schedule: its kernels, named by <see cref="KernelPrinter.Name(int)"/>.</summary>
    public string Print(DeviceSchedule schedule)
    {
        string start = Scalar == "double" ? "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n\n" : "";
        IEnumerable<string> functions = StorageFormats.All
            .Where(format => schedule.Kernels.Any(kernel => kernel.Operands.Any(operand => operand.Format == format)))
            .Select(format => format.Device!.Functions);
        return start + string.Concat(functions) + string.Join("\n", schedule.Kernels.Select((kernel, number) => Print(kernel, Name(number))));
    }

    protected override IEnumerable<string> Attributes(DeviceKernel kernel) =>
        [$"__kernel __attribute__((reqd_work_group_size({Number(kernel.GroupX)}, {Number(kernel.GroupY)}, 1)))"];

    protected override string Header(DeviceKernel kernel, string name)
    {
        string parameters = string.Concat(kernel.Operands.Select(operand =>
            $"__global {(operand.IsWritten ? "" : "const ")}{Type(operand)} *{operand.Name}, ulong {operand.Name}Start, "));
        return $"void {name}({parameters}int rows, int accumulate)";
    }

    protected override IEnumerable<string> Start(DeviceKernel kernel) => kernel.Locals
        .Select(array => $"__local {Scalar} {array.Name}[{Number(array.Length)}]{(array.Width == 1 ? "" : " __attribute__((aligned(16)))")};")
        .Concat(kernel.Operands.Select(operand => $"{operand.Name} += {CodesOfAnElement(operand)}{operand.Name}Start;"));

    /// <summary>Starts count elements.</summary>
    private string CodesOfAnElement(Operand operand) => operand.Format is { Bits: var bits } ? $"{Number((Scalar == "double" ? 64 : 32) / bits)} * " : "";

    private string Type(Operand operand) => operand.Format?.Device!.Type ?? Scalar;

    protected override string Widened(Operand operand, string index) => $"({Scalar}){operand.Format!.Device!.Load(operand.Name, index, 1)}";

    protected override string Widened(Operand operand, string index, int width)
    {
        string numbers = operand.Format!.Device!.Load(operand.Name, index, width);
        return Scalar == "float" ? numbers : FormattableString.Invariant($"convert_double{width}({numbers})");
    }

    protected override string Vector(int width) => Scalar + Number(width);

    protected override string Vectors(string array, int width) =>
        $"((__{(IsLocal(array) ? "local" : "global")} {(IsWritten(array) ? "" : "const ")}{Vector(width)} *){array})";

    protected override string Integer => "const int";

    protected override string Wait => "barrier(CLK_LOCAL_MEM_FENCE);";

    protected override string Text(WorkItem item) => item switch
    {
        WorkItem.LocalX => "(int)get_local_id(0)",
        WorkItem.LocalY => "(int)get_local_id(1)",
        WorkItem.GroupX => "(int)get_group_id(0)",
        WorkItem.GroupY => "(int)get_group_id(1)",
        _ => "(int)get_group_id(2)",
    };

    protected override string Flag(string name) => name;

    protected override string Name(Function function) => function switch
    {
        Function.MultiplyAdd => "mad",
        Function.Exp => "exp",
        Function.Expm1 => "expm1",
        Function.Log1p => "log1p",
        Function.Log => "log",
        Function.Sqrt => "sqrt",
        Function.Tanh => "tanh",
        Function.Erfc => "erfc",
        Function.Abs => "fabs",
        Function.Floor => "floor",
        Function.Rint => "rint",
        Function.Max => "fmax",
        Function.Min => "fmin",
        _ => throw new InvalidOperationException(function.ToString()),
    };
}
