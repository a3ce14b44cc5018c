using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;

namespace Weft.Benchmarks.Cases;

/// <summary>A few operators for BenchmarkDotNet's reports: values, and gradients for the input and the parameters.</summary>
[MemoryDiagnoser]
public class OperatorBenchmarks
{
    private Subject? subject;
    private FloatBuffer? x, y, dx;

    [Params(
        "dense(1024, 1024)",
        "monarch(1024, 32)",
        "kronecker([32, 32], [32, 32])",
        "tensor_train([32, 32], [32, 32], [1, 8, 1])",
        "blast(1024, 1024, 4, 4, 64)",
        "householder(1024, 8)",
        "lora(1024, 1024, 16)")]
    public string Formula { get; set; } = "";

    [Params(1, 32, 512)]
    public int Batch { get; set; }

    /// <summary>Runs them in this process, which needs no project of its own for each.</summary>
    /// <param name="arguments">BenchmarkDotNet's own, such as <c>--filter *Forward* --job short</c>.</param>
    public static void Run(string[] arguments) =>
        BenchmarkSwitcher.FromTypes([typeof(OperatorBenchmarks)]).Run([.. arguments.Length > 0 ? arguments : ["--filter", "*"], "--inProcess"]);

    [GlobalSetup]
    public void Setup()
    {
        subject = new Subject(Formula, Formula);
        x = FloatBuffer.Random(Batch * subject.Map.Inputs, 1);
        y = FloatBuffer.Random(Batch * subject.Map.Outputs, 2);
        dx = new FloatBuffer(Batch * subject.Map.Inputs);
    }

    [Benchmark]
    public void Forward() => subject!.Map.Forward(x!.Span, y!.Span);

    [Benchmark]
    public void Gradient() => subject!.Map.Gradient(x!.Span, y!.Span, dx!.Span, subject.GradientSpan);
}
