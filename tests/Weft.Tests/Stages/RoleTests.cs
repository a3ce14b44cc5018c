using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Tests.Binding;

namespace Weft.Tests.Stages;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>What is frozen has no gradient: none is computed or stored, nor is kept what it alone would need.</summary>
public class RoleTests
{
    public static TheoryData<string> Formulas => [.. ((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0])];

    [Theory]
    [MemberData(nameof(Formulas))]
    public void OnlyWhatDependsOnTrainedParametersHasAGradient(string formula)
    {
        Schedule schedule = Build(formula);
        var trained = schedule.Parameters.Where(place => place.Parameter.Role == Role.Trained).Select(place => place.Storage).ToHashSet();
        foreach (Step step in schedule.PrepareFrozen.Concat(schedule.Prepare))
        {
            if (step.Reads.Any(place => trained.Contains(place.Storage)))
            {
                trained.Add(step.Target.Storage);
            }
        }

        // A gradient can be summed in an order of its own.
        trained.UnionWith(schedule.PrepareGradient.OfType<PackStep>().Where(pack => pack.Scatter && trained.Contains(pack.Source)).Select(pack => pack.Packed));
        Step[] reverse = [.. schedule.PrepareGradient, .. schedule.Reverse];
        Assert.All(reverse.SelectMany(step => step.Places), place => Assert.True(
            place.Storage.IsPerRow || place.Aspect == Aspect.Value || trained.Contains(place.Storage.Mirrored), $"the gradient for {place.Storage} in a step"));

        // Nor has a block of gradients room for more than what has one, each from a cache line on.
        const int Line = 16;
        Assert.True(schedule.Layout.GradientCount <= trained.Sum(storage => storage.Length + Line), $"{schedule.Layout.GradientCount}");

        // Values of the forward pass serve gradients of weights alone, where no activation stands between.
        if (schedule.Module.IsLinear)
        {
            Assert.All(reverse.Where(step => step.Target is { Aspect: Aspect.Mirror, Storage.IsPerRow: true }), step =>
                Assert.DoesNotContain(step.Reads, place => place.Storage.IsPerRow && place.Aspect == Aspect.Value && !IsCopyOfAGradient(schedule, place.Storage)));
        }
    }

    /// <summary>Of W + B A with a frozen A the gradient needs A x, but neither x nor what W makes of it (Zhu et al. 2024).</summary>
    [Theory]
    [InlineData("lora(40, 24, 4)", true, 4)]
    [InlineData("lora_frozen_a(40, 24, 4)", false, 4)]
    [InlineData("frozen_dense(40, 24)", false, 0)]
    [InlineData("diagonal(24)", true, 0)]
    public void WhatAFrozenFactorWouldNeed_IsNotRead(string formula, bool readsInput, int kept)
    {
        Schedule schedule = Build(formula);
        Place[] values = [.. schedule.Reverse.SelectMany(step => step.Reads).Where(place => place.Storage.IsPerRow && place.Aspect == Aspect.Value)];
        Assert.Equal(readsInput, values.Any(place => place.Storage.Space == Space.Input));
        Assert.Equal(kept, schedule.Forward.Select(step => step.Target.Storage).Where(values.Select(place => place.Storage).Contains).Distinct().Sum(storage => storage.Length));
    }

    private static bool IsCopyOfAGradient(Schedule schedule, Storage storage) =>
        schedule.Reverse.OfType<PadStep>().Any(pad => pad.C.Storage == storage && (pad.A.Aspect == Aspect.Mirror || pad.A.Storage.Space == Space.Output));

    private static Schedule Build(string formula) =>
        Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module), new Variant(new CostModel(64), 4));
}
