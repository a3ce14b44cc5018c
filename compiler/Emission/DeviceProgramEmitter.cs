using System.Globalization;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Text;

namespace Weft.Compiler.Emission;

/// <summary>Writes the member of a generated type that holds its program for a device.</summary>
internal static class DeviceProgramEmitter
{
    public static void Emit(CodeWriter code, DeviceSchedule device, GenerateOptions options, string scalar)
    {
        code.Line();
        using CodeWriter.Block braces = code.Braces($"public override {GeneratedNames.Kernels}.DeviceProgram CreateDeviceProgram() => new()", "};");
        if (options.Targets.HasFlag(DeviceTargets.OpenCl))
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
        List("Prepare", device.Prepare.Select(Launch));
        List("Forward", device.Forward.Select(Launch));
        List("ForwardFew", device.ForwardFew.Select(Launch));
        List("Record", device.Record.Select(Launch));
        List("RecordFew", device.RecordFew.Select(Launch));
        List("Reverse", device.Reverse.Select(Launch));
        List("ReverseFew", device.ReverseFew.Select(Launch));
        List("FinishGradient", device.FinishGradient.Select(Launch));
        List("AddGradient", device.AddGradient.Select(Launch));
        Lists("Losses", Enum.GetValues(typeof(DeviceLoss)).Cast<DeviceLoss>().Select(device.Training.Of));
        Lists("Optimizers", Enum.GetValues(typeof(DeviceRule)).Cast<DeviceRule>().Select(device.Training.Of));
        List("Functions", device.Functions.Select(Segment));
        code.Line($"FunctionsChange = {(device.FunctionsChange ? "true" : "false")},");
        List("FunctionGradients", device.FunctionGradients.Select(Segment));
        List("Codes", device.Codes.Select(codes =>
            $"new {GeneratedNames.Kernels}.DeviceCodes<{scalar}, {GeneratedNames.Kernels}.{codes.Format}<{scalar}>>{Ends(codes.Segment)}"));
        code.Line($"CodeBytes = {Number(device.CodeBytes)},");
        code.Line($"WeightCount = {Number(device.WeightCount)},");
        code.Line($"GradientCount = {Number(device.GradientCount)},");
        code.Line($"PartialCount = {Number(device.PartialCount)},");
        code.Line($"ScratchPerRow = ({Number(device.Layout.ScratchPerRow)}, {Number(device.Layout.GradientScratchPerRow)}),");
        code.Line($"MaxRows = {Number(device.MaxRows)},");

        void Lists(string name, IEnumerable<IReadOnlyList<DeviceLaunch>> lists) =>
            List(name, lists.Select(launches => $"[{string.Join(", ", launches.Select(Launch))}]"));

        void List(string name, IEnumerable<string> items)
        {
            string[] all = [.. items];
            if (all.Length == 0)
            {
                code.Line($"{name} = [],");
                return;
            }

            code.Line($"{name} =");
            code.Line("[");
            code.Lines(all.Select(item => $"    {item},"));
            code.Line("],");
        }
    }

    private static string Axis(GridAxis axis) => $"new({Number(axis.Extent)}, {(axis.TimesRows ? "true" : "false")}, {Number(axis.Tile)})";

    private static string Launch(DeviceLaunch launch)
    {
        IEnumerable<string> operands = launch.Operands.Select(operand =>
            $"new({GeneratedNames.Kernels}.DeviceBlock.{operand.Block}, {Number(operand.Offset)}, {Number(operand.OffsetPerRow)})");
        return $"new({Number(launch.Kernel)}, {(launch.Accumulate ? "true" : "false")}, [{string.Join(", ", operands)}])";
    }

    private static string Segment(Segment segment) => "new" + Ends(segment);

    private static string Ends(Segment segment) => $"({Number(segment.Host)}, {Number(segment.Device)}, {Number(segment.Length)})";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
