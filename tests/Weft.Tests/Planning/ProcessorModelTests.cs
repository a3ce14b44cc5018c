using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Verification;
using Weft.Tests.Binding;

namespace Weft.Tests.Planning;

/// <summary>What follows from a processor, and that schedules for each of them are right.</summary>
public class ProcessorModelTests
{
    private static readonly Dictionary<string, ProcessorModel> Models =
        new[] { ProcessorModel.Avx512, ProcessorModel.Avx512Narrow, ProcessorModel.Avx2, ProcessorModel.Neon }.ToDictionary(model => model.Name, StringComparer.Ordinal);

    [Theory]
    [InlineData("AVX-512", 16, 6, 12, 4096)]
    [InlineData("AVX-512, 256 bits", 8, 6, 12, 4096)]
    [InlineData("AVX2", 8, 3, 6, 4096)]
    [InlineData("NEON", 4, 6, 12, 8192)]
    public void WhatFollows(string name, int lanes, int rowsOfFour, int rowsOfTwo, int smallOperand)
    {
        ProcessorModel model = Models[name];
        Assert.Equal((lanes, lanes / 2), (model.Lanes(4), model.Lanes(8)));
        Assert.Equal((rowsOfFour, rowsOfTwo), (model.TileRows(4), model.TileRows(2)));
        Assert.Equal(smallOperand, model.SmallOperand);
    }

    [Theory]
    [InlineData("AVX-512, 256 bits")]
    [InlineData("AVX2")]
    [InlineData("NEON")]
    public void SchedulesAreVerifiedForEach(string name)
    {
        foreach (string formula in new[] { "monarch(64, 8)", "relu . bias . dense(256, 96)", "kronecker([5, 7], [8, 4])", "constant_fan_in(20, 33, 4)", "hra(20, 33, 6)" })
        {
            var variant = new Variant(new CostModel(64) { Processor = Models[name] }, 4);
            LoweredModule lowered = Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module);
            Assert.Null(ScheduleVerifier.Fault(Scheduler.Build(lowered, variant), 4));
        }
    }
}
