using Weft.Compiler.Algebra;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Stages;

/// <summary>Every operation that there is, is met by each target and printed.</summary>
public class OperationTests
{
    private static readonly Type[] Operations = [.. typeof(Operation).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operation)) && !type.IsAbstract)];

    [Fact]
    public void EveryTargetHasARowForEveryOperation()
    {
        HashSet<Type> processor = [], device = [];
        foreach (string formula in ((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0]))
        {
            Module module = Rewriter.Rewrite(TestModules.Formula(formula)).Module;
            var variant = new Variant(new CostModel(64), 4);
            Schedule schedule = FewRows.AddTo(Scheduler.Build(Lowering.Lower(module), variant), Lowering.Lower(module, fewRows: true), variant, gain: 0);
            foreach (Schedule each in new[] { schedule, schedule.FewRows!.Schedule })
            {
                processor.UnionWith(each.Program.Rows.Concat(each.Program.Weights).Select(operation => operation.GetType()));
                Assert.All(each.Forward.Concat(each.Prepare).Concat(each.Reverse).Concat(each.Tangent), step => Assert.NotEmpty(SchedulePrinter.Describe(step)));
            }

            if (!module.RunsOnDevices())
            {
                continue;
            }

            OperationProgram program = DeviceScheduler.Build(schedule.Program, schedule.Layout, 64, DeviceModel.Default).Program;
            device.UnionWith(program.Rows.Concat(program.Weights).Select(operation => operation.GetType()));
        }

        Assert.Empty(Operations.Except(processor));

        // A device keeps gathers and sums apart, multiplies by a chain's factors, and has no positions by data.
        Assert.Equal(new[] { typeof(FanInStep), typeof(ReflectionsStep), typeof(PositionStep) }.ToHashSet(), Operations.Except(device).ToHashSet());
    }
}
