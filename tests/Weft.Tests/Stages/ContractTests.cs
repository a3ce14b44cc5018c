using System.Reflection;
using Weft.Compiler.Targets.Device;

namespace Weft.Tests.Stages;

/// <summary>
/// The compiler is loaded into Roslyn and cannot reference the runtime that its code calls: names that stand in generated code are
/// declared on both sides, and are the same.
/// </summary>
public class ContractTests
{
    [Theory]
    [InlineData(typeof(Compiler.Algebra.Role), typeof(Role))]
    [InlineData(typeof(Compiler.Algebra.Activation), typeof(Kernels.Activation))]
    [InlineData(typeof(Compiler.Targets.Cpu.LaneForm), typeof(Kernels.LaneForm))]
    [InlineData(typeof(Compiler.Targets.Device.DeviceBlock), typeof(Kernels.DeviceBlock))]
    public void EnumerationsAreTheSame(Type compiler, Type runtime) => Assert.Equal(Enum.GetNames(compiler), Enum.GetNames(runtime));

    /// <summary>What a device has room for that only the runtime allocates.</summary>
    [Theory]
    [InlineData("Settings", TrainingKernels.SettingCount)]
    [InlineData("LossParts", TrainingKernels.Parts)]
    public void RoomForTrainingIsTheSame(string name, int compiler) =>
        Assert.Equal(compiler, typeof(DeviceMap<float, IDisposable>).GetField(name, BindingFlags.NonPublic | BindingFlags.Static)!.GetRawConstantValue());

    [Fact]
    public void DistributionsAreTheSameButForTheOneThatTheCompilerResolves() => Assert.Equal(
        Enum.GetNames<Compiler.Algebra.Distribution>().Except([nameof(Compiler.Algebra.Distribution.FanIn)]),
        Enum.GetNames<Distribution>());
}
