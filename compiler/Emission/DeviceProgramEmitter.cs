using System.Globalization;
using Weft.Compiler.Gpu;
using Weft.Compiler.Scheduling;

namespace Weft.Compiler.Emission;

/// <summary>Writes the member of a generated type that holds its program for a device.</summary>
internal static class DeviceProgramEmitter
{
    public static void Emit(CodeWriter code, Schedule schedule, DeviceSchedule device, GenerateOptions options, string scalar)
    {
        code.Line();
        using CodeWriter.Block braces = code.Braces("protected override DeviceProgram CreateDeviceProgram() => new()", "};");
        if (options.Targets.HasFlag(Targets.OpenCl))
        {
            code.Line("Source =");
            code.Line("    \"\"\"");
            foreach (string line in new OpenClPrinter(scalar).Print(device).TrimEnd('\n').Split('\n'))
            {
                code.Line(line.Length == 0 ? "" : "    " + line);
            }

            code.Line("    \"\"\",");
        }

        List("Kernels", device.Kernels.Select((kernel, number) => string.Join(
            ", ",
            $"new(\"{KernelPrinter.Name(number)}\"",
            Number(kernel.GroupX),
            Number(kernel.GroupY),
            Axis(kernel.X),
            Axis(kernel.Y),
            Axis(kernel.Z) + ")")));
        code.Line($"Tables = [{string.Join(", ", device.Tables.Select(Number))}],");
        List("Forward", device.Forward.Select(Launch));
        List("Reverse", device.Reverse.Select(Launch));
        List("FinishGradient", device.FinishGradient.Select(Launch));
        code.Line($"FinishesOnHost = {(device.FinishesOnHost ? "true" : "false")},");
        code.Line($"ScratchPerRow = ({Number(schedule.ScratchPerRow)}, {Number(2 * schedule.ScratchPerRow)}),");
        code.Line($"MaxRows = {Number(device.MaxRows)},");

        void List(string name, IEnumerable<string> items)
        {
            code.Line($"{name} =");
            code.Line("[");
            code.Lines(items.Select(item => $"    {item},"));
            code.Line("],");
        }
    }

    private static string Axis(GridAxis axis) => $"new({Number(axis.Extent)}, {(axis.TimesRows ? "true" : "false")}, {Number(axis.Tile)})";

    private static string Launch(DeviceLaunch launch)
    {
        IEnumerable<string> operands = launch.Operands.Select(operand =>
            $"new(DeviceBlock.{operand.Block}, {Number(operand.Offset)}, {Number(operand.OffsetPerRow)})");
        return $"new({Number(launch.Kernel)}, {(launch.Accumulate ? "true" : "false")}, [{string.Join(", ", operands)}])";
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
