namespace Weft.Tests.Stages;

/// <summary>What stands in generated code and is declared on both sides still is the same.</summary>
public class ContractTests
{
    [Fact]
    public void LaneFormsAreTheSame() => Assert.Equal(Enum.GetNames<Compiler.Targets.Cpu.LaneForm>(), Enum.GetNames<Kernels.LaneForm>());
}
