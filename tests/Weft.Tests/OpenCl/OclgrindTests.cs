using System.Diagnostics;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Kernels;
using Weft.OpenCl;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.OpenCl;

/// <summary>
/// Kernels on a simulated device that watches every access. The simulator is a driver, chosen when a process starts, so each run is a
/// process of its own, which enters this assembly at <see cref="Run"/>.
/// </summary>
public class OclgrindTests
{
    /// <summary>The argument that leads to <see cref="Run"/>.</summary>
    public const string Argument = "oclgrind";

    private const string Barrier = "barrier(CLK_LOCAL_MEM_FENCE);\n";

    [OclgrindFact]
    public async Task KernelsAreFreeOfRacesAndStayInBounds()
    {
        (int exitCode, string reports) = await Start("right", "monarch(15, 3)", "tensor_train([9, 3], [4, 10], [1, 3, 1])", "bias . dense(18, 11) . gelu . householder(11, 3)", "dora(6, 8, 2)", "wht(16)",
            "operator f : 15 -> 9\n  frozen(half) W[9, 15]\n  param(bf16) B[9, 9]\n  = B * W", "softmax . dense(70, 9) . quantize(8, 3) . eye(9)",
            "bias . dense(6, 20) . relu . dense(20, 12)", "dense(300, 5)", "operator f : 24 -> 9\n  frozen(half) W[9, 24]\n  = W");
        Assert.Equal("", reports);
        Assert.Equal(0, exitCode);
    }

    [OclgrindFact]
    public async Task AMissingBarrierIsFound()
    {
        (_, string reports) = await Start("race", "dense(18, 11)");
        Assert.Contains("data race", reports, StringComparison.Ordinal);
    }

    [OclgrindFact]
    public async Task AStoreOutOfRangeIsFound()
    {
        (_, string reports) = await Start("range", "diagonal(7)");
        Assert.Contains("Invalid write", reports, StringComparison.Ordinal);
    }

    /// <summary>Runs formulas forward and backward; the first argument says what is wrong with their kernels.</summary>
    /// <returns>0, if a device was there to run them.</returns>
    internal static int Run(string[] arguments)
    {
        using var context = new OpenClContext(OpenClDevice.Find("oclgrind"));
        foreach (string formula in arguments[1..])
        {
            using WeftAssembly assembly = WeftAssembly.Compile([(TestModules.Formula(formula), new GenerateOptions("Map", Targets: DeviceTargets.OpenCl))]);
            using Map<float> map = assembly.Create<float>("Map");
            using var altered = new Altered(map, source => arguments[0] switch
            {
                "race" => source.Replace(Barrier, "", StringComparison.Ordinal),
                "range" => source.Replace("c[", "c[1000000 + ", StringComparison.Ordinal),
                _ => source,
            });
            altered.Initialize(seed: 1);
            using var device = new OpenClMap<float>(altered, context, maxRows: 11);
            const int Batch = 13;
            device.Forward(new float[Batch * map.Inputs], new float[Batch * map.Outputs]);
            device.Gradient(
                new float[Batch * map.Inputs], new float[Batch * map.Outputs], new float[Batch * map.Inputs], new float[map.TrainedCount]);
        }

        return 0;
    }

    private static async Task<(int ExitCode, string Reports)> Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in new[] { "exec", typeof(OclgrindTests).Assembly.Location, Argument }.Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        string vendors = Directory.CreateTempSubdirectory("weft").FullName;
        string vendor = Path.Combine(vendors, "oclgrind.icd");
        File.WriteAllText(vendor, OclgrindFactAttribute.Driver);
        start.Environment["OCL_ICD_VENDORS"] = vendor;
        start.Environment["OCLGRIND_DATA_RACES"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Directory.Delete(vendors, recursive: true);
        return (process.ExitCode, output + await errors);
    }

    /// <summary>A map with its program for devices changed.</summary>
    private sealed class Altered(Map<float> map, Func<string, string> change) : Map<float>(map.Description, new Passes(map.Program, change));

    private sealed unsafe class Passes(MapProgram<float> program, Func<string, string> change) : MapProgram<float>
    {
        public override MapLayout Layout => program.Layout;

        public override DeviceProgram CreateDeviceProgram()
        {
            DeviceProgram device = program.CreateDeviceProgram()!;
            return device with { Source = change(device.Source!) };
        }

        public override void ForwardRows(float* w, float* x, float* y, float* s, int rows) => throw new NotSupportedException();

        public override void BackwardRows(float* w, float* g, float* dw, in Chunk<float> chunk, bool first) => throw new NotSupportedException();

        public override void TangentRows(float* w, float* dw, in Chunk<float> chunk) => throw new NotSupportedException();
    }
}

/// <summary>A test that needs the simulator oclgrind: skipped where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OclgrindFactAttribute : FactAttribute
{
    public OclgrindFactAttribute()
    {
        if (!File.Exists(Driver))
        {
            Skip = $"Oclgrind is not installed: there is no '{Driver}'.";
        }
    }

    /// <summary>Its driver, where Debian's package has it.</summary>
    public static string Driver => "/usr/lib/oclgrind/liboclgrind-rt-icd.so";
}
