using System.Buffers.Binary;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Execution;
using Weft.Kernels;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Runtime;

/// <summary>What is found of a machine and what is pinned; and that no result depends on it. The machine is one for the process.</summary>
[Collection("Threads")]
public sealed unsafe class MachineTests : IDisposable
{
    private const string Small = "l1=4K/2,l2=16K/4,l3=32K", Large = "l1=1M/16,l2=64M/16,l3=512M";

    private static readonly Machine Plain = new("plain", [new(32 << 10, 8, 64, 2), new(1 << 20, 16, 64, 4), new(64 << 20, 16, 64, 16)], 16);

    private readonly Machine before = WeftOptions.Machine;
    private readonly int threads = WeftOptions.MaxThreads;
    private readonly string? variable = Environment.GetEnvironmentVariable(MachineProbe.Variable);

    public void Dispose()
    {
        (WeftOptions.Machine, WeftOptions.MaxThreads) = (before, threads);
        Environment.SetEnvironmentVariable(MachineProbe.Variable, variable);
    }

    [Fact]
    public void ThisMachineHasCachesAndCores()
    {
        Machine machine = MachineProbe.Probe();
        Assert.NotEmpty(machine.Name);
        Assert.Equal(Environment.ProcessorCount, machine.Cores);
        Assert.InRange(machine.FirstLevel.Bytes, 8 << 10, 1 << 20);
        Assert.InRange(machine.SecondLevelOfCore, machine.FirstLevel.Bytes, 64 << 20);
        Assert.True(machine.LastLevel >= machine.SecondLevelOfCore);
        Assert.Contains($"L1       {machine.FirstLevel.Bytes >> 10} KiB", machine.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void PartsArePinned()
    {
        Environment.SetEnvironmentVariable(MachineProbe.Variable, " l2 = 512K/8 ,cores=3");
        Machine machine = MachineProbe.Probe().Pin("l3=0");
        Assert.Equal((512 << 10, 8, 1, 3), (machine.SecondLevel.Bytes, machine.SecondLevel.Ways, machine.SecondLevel.Sharing, machine.Cores));
        Assert.Equal((512 << 10, 512 << 10), (machine.SecondLevelOfCore, machine.LastLevel));
        Assert.Equal("l2=512K/8,l3=0,cores=3", machine.Pinned);
        Assert.Equal(before.FirstLevel, machine.FirstLevel);
    }

    /// <summary>Two cores with two threads each share the second level; of the third one, others take their parts.</summary>
    [Fact]
    public void ACoreCountsOnItsPart()
    {
        Assert.Equal((512 << 10, 16 << 20), (Plain.SecondLevelOfCore, Plain.LastLevel));
        Assert.Equal(3 << 20, Plain.Pin("l2=12M/12/8").SecondLevelOfCore);
    }

    [Theory]
    [InlineData("l4=8M")]
    [InlineData("l2")]
    [InlineData("l2=")]
    [InlineData("l2=0")]
    [InlineData("l1=32Q")]
    [InlineData("l1=32K/0")]
    [InlineData("l1=32K/8K")]
    [InlineData("l1=32K/8/1/1")]
    [InlineData("l2=4096M")]
    [InlineData("cores=2K")]
    [InlineData("cores=-1")]
    public void WhatIsNoPartIsRefused(string text)
    {
        FormatException exception = Assert.Throws<FormatException>(() => Plain.Pin("l1=16K," + text));
        Assert.StartsWith($"'{text}' is no part of a machine: expected parts like l1=32K/8", exception.Message, StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(MachineProbe.Variable, text);
        Assert.StartsWith(MachineProbe.Variable + ": ", Assert.Throws<FormatException>(MachineProbe.Probe).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LinuxSaysItInFiles()
    {
        string folder = Directory.CreateTempSubdirectory("weft").FullName;
        Describe(0, "1", "Instruction", "64K", "4", "0-1");
        Describe(1, "1", "Data", "48K", "12", "0,64");
        Describe(2, "2", "Unified", "2048K", "16", "0,64");
        Describe(3, "3", "Unified", "32768K", "16", "0-3,64-67");
        var found = new Cache[3];
        MachineProbe.ReadFolder(folder, found);
        Directory.Delete(folder, recursive: true);
        Assert.Equal([new(48 << 10, 12, 64, 2), new(2 << 20, 16, 64, 2), new(32 << 20, 16, 64, 8)], found);

        void Describe(int index, params string[] facts)
        {
            string cache = Directory.CreateDirectory(Path.Combine(folder, FormattableString.Invariant($"index{index}"))).FullName;
            foreach ((string name, string fact) in new[] { "level", "type", "size", "ways_of_associativity", "shared_cpu_list" }.Zip(facts))
            {
                File.WriteAllText(Path.Combine(cache, name), fact + "\n");
            }
        }
    }

    [Fact]
    public void ProcessorsSayItInLeafs()
    {
        Cache[] intel = new Cache[3], amd = new Cache[3], none = new Cache[3];
        MachineProbe.ReadProcessor(&Intel, intel);
        MachineProbe.ReadProcessor(&Amd, amd);
        MachineProbe.ReadProcessor(&Silent, none);
        Assert.Equal([new(48 << 10, 12, 64, 2), new(2 << 20, 16, 64, 2), default], intel);
        Assert.Equal([new(32 << 10, 8, 64, 2), new(512 << 10, 8, 64, 2), new(32 << 20, 16, 64, 16)], amd);
        Assert.Equal(new Cache[3], none);

        static (uint, uint, uint, uint) Intel(uint leaf, uint part) => (leaf, part) switch
        {
            (0, _) => (31, 0, 0, 0),
            (4, 0) => (Facts(type: 1, level: 1, sharing: 2), Geometry(12), 63, 0),
            (4, 1) => (Facts(type: 2, level: 1, sharing: 2), Geometry(8), 63, 0),
            (4, 2) => (Facts(type: 3, level: 2, sharing: 2), Geometry(16), 2047, 0),
            _ => default,
        };

        static (uint, uint, uint, uint) Amd(uint leaf, uint part) => (leaf, part) switch
        {
            (0, _) => (16, 0, 0, 0),
            (0x8000_0000, _) => (0x8000_0021, 0, 0, 0),
            (0x8000_001D, 0) => (Facts(type: 1, level: 1, sharing: 2), Geometry(8), 63, 0),
            (0x8000_001D, 1) => (Facts(type: 2, level: 1, sharing: 2), Geometry(8), 63, 0),
            (0x8000_001D, 2) => (Facts(type: 3, level: 2, sharing: 2), Geometry(8), 1023, 0),
            (0x8000_001D, 3) => (Facts(type: 3, level: 3, sharing: 16), Geometry(16), 32767, 0),
            _ => default,
        };

        static (uint, uint, uint, uint) Silent(uint leaf, uint part) => leaf == 0 ? (1u, 0u, 0u, 0u) : default;

        static uint Facts(uint type, uint level, uint sharing) => type | (level << 5) | ((sharing - 1) << 14);

        static uint Geometry(uint ways) => 63 | ((ways - 1) << 22);
    }

    [Fact]
    public void WindowsSaysItInRecords()
    {
        byte[] records = [.. Record(level: 1, type: 1, 32 << 10, 8, 3), .. Record(1, 2, 48 << 10, 12, 3), .. Record(2, 0, 2 << 20, 255, 3), .. Record(1, 2, 32 << 10, 8, 12)];
        var found = new Cache[3];
        MachineProbe.ReadRecords(records, found);
        Assert.Equal([new(48 << 10, 12, 64, 2), new(2 << 20, 0, 64, 2), default], found);
        MachineProbe.ReadRecords(records.AsSpan(0, 40), found = new Cache[3]);
        Assert.Equal(new Cache[3], found);

        static byte[] Record(byte level, int type, int bytes, byte ways, ulong processors)
        {
            byte[] record = new byte[56];
            BinaryPrimitives.WriteInt32LittleEndian(record, 2);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), record.Length);
            (record[8], record[9]) = (level, ways);
            BinaryPrimitives.WriteInt16LittleEndian(record.AsSpan(10), 64);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), bytes);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(16), type);
            BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(40), processors);
            return record;
        }
    }

    /// <summary>
    /// To the last bit: values, gradients, tangents and adjoints of the tile shapes and of some of the library, on caches that hold nothing and on caches that
    /// hold everything. One more row than fills a chunk is a batch too: no row is computed alone.
    /// </summary>
    [Fact]
    public void ResultsAreTheSameOnEveryMachine()
    {
        string[] texts =
        [
            .. TileTests.Texts, TileTests.LongSums[0], "monarch(256, 16)", "dense(256, 300)", "gelu . bias . dense(5, 9)", "householder(65, 9)", "blast(20, 36, 4, 3, 5)",
            "constant_fan_in(20, 33, 4)", "dct(33)", "walsh_hadamard(32)", "low_rank(70, 90, 9)", "tensor_train([5, 4], [3, 11], [1, 5, 1])", "circulant(33)",
            "dora(20, 33, 4)", "n_of_m(20, 33, 1, 3)", "skew_circulant(33)",
        ];
        Module[] modules = [.. texts.Select((text, i) => TestModules.Formula(text) with { Name = FormattableString.Invariant($"F{i}") })];
        using WeftAssembly all = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name))));
        int differing = 0;
        foreach ((Module module, string text) in modules.Zip(texts))
        {
            int[] batches = module.Inputs > 10_000 ? [17] : [17, 97, 200];
            (float[][] onSmall, (int OfLarger, int AtMost) small) = On(Small);
            (float[][] onLarge, (int OfLarger, int AtMost) large) = On(Large);
            differing += small != large ? 1 : 0;
            for (int k = 0; k < onSmall.Length; k++)
            {
                int wrong = onSmall[k].AsSpan().CommonPrefixLength(onLarge[k]);
                Assert.True(wrong == onSmall[k].Length, $"{text}: result {k} differs from element {wrong} on");
            }

            (float[][], (int, int)) On(string machine)
            {
                WeftOptions.Machine = before.Pin(machine);
                using Map<float> map = all.Create<float>(module.Name);
                map.Initialize(1);
                return ([.. batches.SelectMany(batch => Results(map, batch))], map.Program.Layout.Chunk(map.Description, sizeof(float), WeftOptions.Machine.SecondLevelOfCore, WeftOptions.Machine.LastLevel));
            }
        }

        Assert.Equal(texts.Length, differing);
    }

    /// <summary>Nor is a row left alone where a batch is split over threads: values do not depend on their number either.</summary>
    [Theory]
    [InlineData("kronecker([32, 32], [32, 32])")]
    [InlineData("monarch(1024, 32)")]
    public void ValuesAreTheSameOnAnyNumberOfThreads(string formula)
    {
        const int Batch = 97; // four pieces of 24 or three of 32, and one row
        using CompiledWeft compiled = DynamicMaps.CompileFormula(formula, "F");
        using Map<float> map = compiled.CreateFloat("F");
        map.Initialize(1);
        float[] x = Numbers.Draw<float>(Batch * map.Inputs, 1), expected = new float[Batch * map.Outputs], y = new float[expected.Length];
        WeftOptions.MaxThreads = 1;
        map.Forward(x, expected);
        WeftOptions.MaxThreads = 4;
        map.Forward(x, y);
        Assert.Equal(expected, y);
    }

    private static float[][] Results(Map<float> map, int batch)
    {
        float[] x = Numbers.Draw<float>(batch * map.Inputs, 1), dy = Numbers.Draw<float>(batch * map.Outputs, 2), dParameters = Numbers.Draw<float>(map.TrainedCount, 3);
        float[] y = new float[dy.Length], dx = new float[x.Length], gradient = new float[map.TrainedCount], lossGradient = new float[map.TrainedCount], tangent = new float[dy.Length];
        map.Forward(x, y);
        map.Gradient(x, dy, dx, gradient);
        double loss = map.LossGradient(x, new MeanSquaredError<float>(dy), lossGradient);
        map.Tangent(x, x, dParameters, default, tangent);
        if (map is not LinearMap<float> linear)
        {
            return [y, dx, gradient, lossGradient, [(float)loss], tangent];
        }

        float[] adjoint = new float[x.Length];
        linear.Adjoint(dy, adjoint);
        return [y, dx, gradient, lossGradient, [(float)loss], tangent, adjoint];
    }
}
