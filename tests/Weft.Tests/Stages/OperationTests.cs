using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Oracle;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Targets.Device;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Weft.Tests.Network;
using Weft.Tests.Onnx;

namespace Weft.Tests.Stages;

/// <summary>Every operation that there is, by reflection, is met by each target, by the interpreter and in random formulas; it has a cost and a line in listings.</summary>
public class OperationTests
{
    private static readonly Type[] Operations = [.. typeof(Operation).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operation)) && !type.IsAbstract)];

    /// <summary>Code for a processor and kernels of a device are made of a formula that has it.</summary>
    [Fact]
    public void EveryTargetHasARowForEveryOperation()
    {
        HashSet<Type> processor = [], device = [], onnx = [];
        foreach (string formula in ((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0]))
        {
            Module module = TestModules.Formula(formula);
            foreach (OperationProgram program in Programs(module, out Schedule schedule))
            {
                Operation[] operations = [.. program.Rows, .. program.Weights];
                if (operations.Any(operation => processor.Add(operation.GetType())))
                {
                    Assert.NotEmpty(ModuleCompiler.Compile(module, new GenerateOptions("Map", FewRowsGain: 0)).Code);
                }

                var costs = new ProcessorCosts(ProcessorModel.Default, 4, rows: 3);
                Assert.All(operations, operation =>
                {
                    Assert.NotEmpty(operation.Describe());
                    Assert.True(operation.Cost(costs) > 0, operation.Describe());
                });
                Assert.All(schedule.Forward.Concat(schedule.Prepare).Concat(schedule.Reverse).Concat(schedule.Tangent), step => Assert.NotEmpty(step.Describe()));
            }

            OperationProgram forOnnx = ModuleCompiler.Program(module, batch: 64);
            Operation[] exported = [.. forOnnx.Rows, .. forOnnx.Weights, .. forOnnx.Rows.OfType<ScanStep>().SelectMany(scan => scan.Body)];
            if (exported.Any(operation => onnx.Add(operation.GetType())))
            {
                Assert.NotEmpty(OnnxRun.Create(module, OnnxRun.Draw(module, new Random(1))).Graph.Node);
            }

            if (module.RunsOnDevices())
            {
                Programs(module, out Schedule schedule);
                OperationProgram program = DeviceScheduler.Build(schedule.Program, schedule.Layout, 64, DeviceModel.Default).Program;
                device.UnionWith(program.Rows.Concat(program.Weights).Select(operation => operation.GetType()));
            }
        }

        Assert.Empty(Operations.Except(processor));

        // A device keeps gathers and sums apart, multiplies by a chain's factors, has what stands between products whole, and no positions by data and no scans.
        Assert.Equal(new[] { typeof(FanInStep), typeof(ReflectionsStep), typeof(PositionStep), typeof(ScanStep), typeof(BlockStep) }.ToHashSet(), Operations.Except(device).ToHashSet());

        // ONNX too keeps gathers and sums apart, multiplies by a chain's factors, and has what stands between products whole.
        Assert.Equal(new[] { typeof(FanInStep), typeof(ReflectionsStep), typeof(BlockStep) }.ToHashSet(), Operations.Except(onnx).ToHashSet());
    }

    /// <summary>What is drawn has a meaning: the interpreter's, which the statements that become operations have too.</summary>
    [Fact]
    public void RandomFormulasHaveEveryOperation()
    {
        HashSet<Type> missing = [.. Operations];
        for (int seed = 0; seed < 600 && missing.Count > 0; seed++)
        {
            Module module = RandomFormula.Create(seed);
            Type[] found = [.. Programs(module, out _).SelectMany(program => program.Rows.Concat(program.Weights)).Select(operation => operation.GetType())];
            if (!missing.Overlaps(found))
            {
                continue;
            }

            missing.ExceptWith(found);
            Dictionary<string, double[]> values = Numbers.Values(module, new Random(seed));
            double[] x = Numbers.Rows(module, new Random(seed + 1), 1), expected = new Interpreter(module, values).Evaluate(x);
            Assert.Equal(module.Outputs, expected.Length);
            foreach (bool few in new[] { false, true })
            {
                double[] actual = new NetworkEvaluator(values).Evaluate(Lowering.Lower(module, few), x);
                double error = Numbers.RelativeError([.. expected, 1], [.. actual, 1]);
                Assert.True(error < 1e-9, $"off by {error}, few rows {few}:\n{AlgebraPrinter.Print(module)}");
            }
        }

        Assert.Empty(missing);
    }

    /// <summary>The programs of a module, for a batch and for a few rows.</summary>
    private static OperationProgram[] Programs(Module module, out Schedule schedule)
    {
        module = Rewriter.Rewrite(module).Module;
        var variant = new Variant(new CostModel(64), 4) { BlockElements = 8 };
        schedule = ForwardPass.AddFewRows(Scheduler.Build(Lowering.Lower(module), variant), Lowering.Lower(module, fewRows: true), variant, gain: 0);
        return schedule.FewRows is { } few ? [schedule.Program, few.Schedule.Program] : [schedule.Program];
    }
}
