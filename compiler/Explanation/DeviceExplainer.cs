using System.Globalization;
using System.Text;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Explanation;

/// <summary>Says what a device does with a module: plans, kernels with their grids, and the least time that each launch takes.</summary>
/// <param name="schedule">For the batch asked for.</param>
/// <param name="single">For a batch of 1.</param>
/// <param name="batch">The batch asked for.</param>
/// <param name="device">What the device can do.</param>
public sealed class DeviceExplainer(DeviceSchedule schedule, DeviceSchedule single, int batch, DeviceModel device)
{
    private const int Alternatives = 3;

    private readonly StringBuilder _text = new();

    /// <summary>All of it, as <c>weft explain --target gpu</c> prints it.</summary>
    public string Full()
    {
        Algebra.Module module = schedule.Program.Module;
        Line($"{module.Name}: {Number(module.Inputs)} -> {Number(module.Outputs)}, {(device.ElementSize == 4 ? "float" : "double")}, on a device of "
            + $"{Number(device.FlopsPerSecond / 1e12)} TFLOP/s, {Number(device.BytesPerSecond / 1e9)} GB/s and {Number(device.LaunchSeconds * 1e6)} µs per launch");
        List<string> plan = [.. Plan(schedule)], other = [.. Plan(single)];
        Section($"Plan for batches of {Number(batch)}", plan);
        bool isSame = Orders(schedule).SequenceEqual(Orders(single));
        Section("Plan for a batch of 1", isSame ? ["the same"] : other);
        Section("Kernels", schedule.Kernels.SelectMany((kernel, number) => new[]
        {
            $"{KernelPrinter.Name(number)}  {kernel.Description}",
            $"    {DeviceSchedulePrinter.Shape(kernel, device.ElementSize)}",
        }));
        foreach ((string name, IReadOnlyList<DeviceLaunch> launches) in DeviceSchedulePrinter.Passes(schedule))
        {
            bool once = name is "prepare" or "finish" or "sgd" or "adamw";
            int rows = name.EndsWith("few rows", StringComparison.Ordinal) ? 1 : batch;
            string title = char.ToUpperInvariant(name[0]) + name.Substring(1);
            string when = once ? "once per batch or update" : rows == 1 ? "1 row" : $"{Number(rows)} rows";
            Section($"{title}, {when}: {Time(launches.Sum(launch => Seconds(launch, rows)))} at least", launches.Select(launch => Describe(launch, rows)));
        }

        return _text.ToString();
    }

    private static IEnumerable<string> Plan(DeviceSchedule schedule) => schedule.Program.Plans
        .Where(plan => plan.Root is ContractionNode or SharedNode)
        .SelectMany(plan => PlanPrinter.Print(plan, Alternatives));

    private static IEnumerable<string> Orders(DeviceSchedule schedule) => schedule.Program.Plans.Select(plan => PlanPrinter.Print(plan.Root));

    private string Describe(DeviceLaunch launch, int rows)
    {
        Work work = schedule.Kernels[launch.Kernel].Work;
        double flops = work.FlopsOf(rows) / device.FlopsPerSecond, bytes = work.ElementsOf(rows) * device.ElementSize / device.BytesPerSecond;
        string bound = device.LaunchSeconds > Math.Max(flops, bytes) ? "the launch" : flops > bytes ? "arithmetic" : "memory";
        return $"{DeviceSchedulePrinter.Describe(launch)}  {Time(Seconds(launch, rows))}, mostly {bound}";
    }

    private double Seconds(DeviceLaunch launch, int rows)
    {
        Work work = schedule.Kernels[launch.Kernel].Work;
        return device.Seconds(work.FlopsOf(rows), work.ElementsOf(rows));
    }

    private void Section(string title, IEnumerable<string> lines)
    {
        Line("");
        Line(title);
        foreach (string line in lines)
        {
            Line("  " + line);
        }
    }

    private void Line(string line) => _text.Append(line).Append('\n');

    private static string Time(double seconds) => seconds < 1e-3 ? $"{Number(seconds * 1e6)} µs" : $"{Number(seconds * 1e3)} ms";

    private static string Number(double value) => value.ToString(value < 100 ? "0.##" : "0", CultureInfo.InvariantCulture);
}
