using System.Runtime;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Dynamic;
using ProgramVariant = Weft.Compiler.Operations.Variant;

namespace Weft.Benchmarks;

/// <summary>An operator compiled from Weft text, with parameters that hold no zeros.</summary>
internal sealed unsafe class Subject
{
    private readonly Module _module;
    private readonly FloatBuffer _gradient;

    /// <param name="label">What reports call it.</param>
    /// <param name="formula">A formula, or a text whose last declaration counts.</param>
    public Subject(string label, string formula)
    {
        Label = label;
        CompiledWeft compiled = DynamicMaps.CompileFormula(formula, "Subject");
        _module = compiled.Modules[0];
        Map = compiled.CreateFloat("Subject");
        CodeLength = ModuleCompiler.Compile(_module, new GenerateOptions("Subject")).Code.Length;
        Initialize(Map);
        _gradient = new FloatBuffer(Map.TrainedCount);
        JitTime = FirstCall(() => Forward(1));
        GradientJitTime = FirstCall(() => Gradient(1));
    }

    public string Label { get; }

    public Map<float> Map { get; }

    /// <summary>Characters of the generated text.</summary>
    public int CodeLength { get; }

    /// <summary>What the first forward call spends in the JIT.</summary>
    public TimeSpan JitTime { get; }

    /// <summary>What the first call for gradients spends in the JIT.</summary>
    public TimeSpan GradientJitTime { get; }

    public Span<float> GradientSpan => _gradient.Span;

    public double Flops(int batch) => (double)Map.Description.ForwardFlops * batch;

    /// <summary>Bytes of the weights that a forward call reads.</summary>
    public double WeightBytes => (double)Map.ParameterCount * sizeof(float);

    /// <summary>The least that a forward call moves: weights, inputs and outputs, each once.</summary>
    public double Bytes(int batch) => WeightBytes + ((double)batch * (Map.Inputs + Map.Outputs) * sizeof(float));

    /// <summary>The cost of a forward call by the compiler's model, in operations, for the plan that it chose.</summary>
    public double PredictedCost(int batch)
    {
        LoweredModule lowered = Lowering.Lower(Rewriter.Rewrite(_module).Module);
        return Scheduler.Build(lowered, new ProgramVariant(new CostModel(new GenerateOptions("").Batch), sizeof(float))).ForwardCost(batch);
    }

    /// <summary>The map with one forward pass, that for many rows.</summary>
    public Map<float> WithoutFewRows()
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(_module, new GenerateOptions("Many", FewRowsGain: double.PositiveInfinity))]);
        Map<float> map = assembly.Create<float>("Many");
        Initialize(map);
        return map;
    }

    /// <summary>The map by plans that the compiler rejects, the cheapest first: those whose cost is not hopeless.</summary>
    public IEnumerable<Map<float>> Rejected()
    {
        const int Most = 2;
        const double Hopeless = 4;
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(_module).Module), new ProgramVariant(new CostModel(new GenerateOptions("").Batch), sizeof(float)));
        for (int rank = 1; rank <= Most; rank++)
        {
            if (!schedule.Plans.Any(plan => plan.Alternatives.Count >= rank) || schedule.Plans.Sum(plan => plan.Ranked(rank).Cost) > Hopeless * schedule.Plans.Sum(plan => plan.Cost))
            {
                yield break;
            }

            using WeftAssembly assembly = WeftAssembly.Compile([(_module, new GenerateOptions("Rejected", PlanRank: rank))]);
            Map<float> map = assembly.Create<float>("Rejected");
            Initialize(map);
            yield return map;
        }
    }

    private static void Initialize(Map<float> map)
    {
        map.Initialize(1);
        using ParameterEdit<float> edit = map.Edit();
        for (int i = 0; i < map.Description.Parameters.Length; i++)
        {
            ParameterInfo parameter = map.Description.Parameters[i];
            if (parameter.Role != Role.Seeded && parameter.Initializer.Distribution is Distribution.Zeros or Distribution.Paired)
            {
                FloatBuffer.Fill(edit[i], i);
            }
        }
    }

    private void Forward(int batch) => Map.Forward(new float[batch * Map.Inputs], new float[batch * Map.Outputs]);

    private void Gradient(int batch) =>
        Map.Gradient(new float[batch * Map.Inputs], new float[batch * Map.Outputs], new float[batch * Map.Inputs], _gradient.Span);

    private static TimeSpan FirstCall(Action call)
    {
        TimeSpan before = JitInfo.GetCompilationTime(currentThread: true);
        call();
        return JitInfo.GetCompilationTime(currentThread: true) - before;
    }
}
