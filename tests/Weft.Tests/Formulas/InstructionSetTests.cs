using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Loader;
using Weft.Compiler;
using Weft.Tests.Runtime;

namespace Weft.Tests.Formulas;

/// <summary>
/// Random modules and the library on narrower vectors than this machine has: the runtime reads which instruction sets it may use when a process starts,
/// so each is a process of its own, which enters this assembly at <see cref="Main"/>. All memory of the maps is guarded there. What the maps are
/// and what they have to make is the same for all, and made once.
/// </summary>
public class InstructionSetTests(InstructionSetTests.Maps maps) : IClassFixture<InstructionSetTests.Maps>
{
    /// <summary>The argument that leads to <see cref="Run"/>.</summary>
    private const string Argument = "maps";

    private const int Count = 10;

    /// <summary>A single row, a few, and more than a tile has.</summary>
    private static readonly int[] Batches = [1, 33];

    /// <summary>The maps of all processes, in a folder.</summary>
    public sealed class Maps : IDisposable
    {
        public Maps()
        {
            BatteryFile.Write(
                Folder,
                "library",
                Library.InFloat,
                Library.Compiled(Scalar.Float),
                [.. Library.Modules.Take(Library.Small.Length).Select((module, i) => new BatteryFile.Subject(module, new GenerateOptions(module.Name), i, Batches))]);
            BatteryFile.Write(
                Folder,
                "others",
                [
                    .. RandomFormulasTests.Subjects(Scalar.Double, 3000, Count),
                    .. RandomFormulasTests.Subjects(Scalar.Float, 4000, Count),
                    .. Both("Format", StorageFormatTests.OneOfEach),
                    .. BatteryFile.Subjects("Scan", Scalar.Float, ScanTests.Texts),
                    .. BatteryFile.Subjects("Block", Scalar.Float, BlockTests.Texts, blockElements: BlockTests.Elements),
                    .. Both("Tile", TileTests.Texts),
                    .. Both("Factorization", FactorizationTests.Texts),
                ]);
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("weft").FullName;

        public void Dispose() => Directory.Delete(Folder, recursive: true);

        private static IEnumerable<BatteryFile.Subject> Both(string name, string[] texts) =>
            BatteryFile.Subjects(name, Scalar.Float, texts).Concat(BatteryFile.Subjects(name, Scalar.Double, texts));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("DOTNET_EnableAVX512", 256)]
    [InlineData("DOTNET_EnableAVX2", 128)]
    [InlineData("DOTNET_EnableHWIntrinsic", 0)]
    public async Task FormulasAreRight(string switchedOff, int widest)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(typeof(InstructionSetTests).Assembly.Location);
        start.ArgumentList.Add(Argument);
        start.ArgumentList.Add(maps.Folder);
        start.Environment.Remove("DOTNET_EnableAVX512");
        if (switchedOff.Length > 0)
        {
            start.Environment[switchedOff] = "0";
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output + await errors);
        int width = int.Parse(output.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(widest == 0 || width <= widest, $"vectors of {width} bits with {switchedOff}=0");
    }

    private static int Main(string[] arguments)
    {
        // A reference to the generator brings the compiler as an analyzer's file, which is not listed as a dependency.
        AssemblyLoadContext.Default.Resolving += (context, name) =>
            context.LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, name.Name + ".dll"));
        return arguments switch
        {
            [OpenCl.OclgrindTests.Argument, .. var rest] => OpenCl.OclgrindTests.Run(rest),
            [Mutation.MutantChecks.Argument, var assembly] => Mutation.MutantChecks.Run(assembly),
            [Tests.Mpi.ProcessGroupTests.Argument, var what] => Tests.Mpi.ProcessGroupTests.Run(what),
            [Argument, var folder] => Run(folder),
            _ => throw new ArgumentException($"There is no '{string.Join(' ', arguments)}'."),
        };
    }

    /// <summary>Prints the width of the widest vectors, and what is wrong with the maps and the kernels.</summary>
    private static int Run(string folder)
    {
        Guards.Switch();
        int width = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;
        string faults = BatteryFile.Faults(folder) + ConstantFanInTests.Faults() + ActivationTests.Faults()
            + Mutation.MutantChecks.Faults(typeof(MapTests), typeof(TrainingTests), typeof(LayoutTests), typeof(TransformTests), typeof(ParameterFunctionTests));
        Console.WriteLine($"{width} bits {faults}");
        return faults.Length == 0 ? 0 : 1;
    }
}
