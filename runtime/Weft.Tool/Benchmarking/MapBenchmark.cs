using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Measuring;

namespace Weft.Tool.Benchmarking;

/// <summary>The time of one pass over a batch, and of the same by dense matrices.</summary>
/// <param name="Pass">What was done.</param>
/// <param name="Rows">The rows of the batch.</param>
/// <param name="Seconds">The time of a call.</param>
/// <param name="Rate">Floating-point operations per second.</param>
/// <param name="BandwidthShare">The least that a call moves, of what the memory that holds it gives in that time.</param>
/// <param name="Peers">The times of dense products, in the order of <see cref="MapBenchmark.Peers"/>.</param>
internal sealed record MapTimes(string Pass, int Rows, double Seconds, double Rate, double BandwidthShare, IReadOnlyList<double> Peers);

/// <summary>A map on this computer, with dense matrices of its size by the libraries that are there.</summary>
internal sealed unsafe class MapBenchmark
{
    /// <summary>Elements of the largest dense matrix that is measured.</summary>
    private const long MostElements = 64 << 20;

    private readonly Map<float> _map;
    private readonly Stopclock _clock;
    private readonly MeasuredMachine _machine;
    private readonly IReadOnlyList<Gemm> _gemms;

    public MapBenchmark(Map<float> map, Stopclock clock, MeasuredMachine machine, GemmLibraries libraries)
    {
        (_map, _clock, _machine) = (map, clock, machine);
        long elements = (long)map.Inputs * map.Outputs;
        Omitted = map is not LinearMap<float> ? "It is not linear: no dense matrix does the same."
            : elements > MostElements ? FormattableString.Invariant($"The dense matrix, of {elements:N0} numbers, is too large to be measured.")
            : libraries.Gemms.Count == 0 ? $"No library of matrix products is installed: {string.Join(", ", libraries.Missing)}."
            : null;
        _gemms = map is LinearMap<float> && elements <= MostElements ? [new TensorPrimitivesGemm(), .. libraries.Gemms] : [];
    }

    /// <summary>The libraries that dense products are measured of.</summary>
    public IEnumerable<string> Peers => _gemms.Select(gemm => gemm.Name);

    /// <summary>What is not compared with, and why.</summary>
    public string? Omitted { get; }

    /// <summary>The map of a module, with parameters.</summary>
    public static Map<float> Compile(Module module)
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions(Session.FormulaName))]);
        Map<float> map = assembly.Create<float>(Session.FormulaName);
        map.Initialize(seed: 1);
        return map;
    }

    /// <summary>The passes over a batch: values, and values with all gradients.</summary>
    public IReadOnlyList<MapTimes> Measure(int rows)
    {
        (int n, int m) = (_map.Inputs, _map.Outputs);
        using FloatBuffer x = FloatBuffer.Random(rows * n, 1), y = FloatBuffer.Random(rows * m, 2), dx = new(rows * n), gradient = new(_map.TrainedCount);
        using FloatBuffer w = FloatBuffer.Random(_gemms.Count > 0 ? m * n : 0, 3), dw = new(w.Length), target = FloatBuffer.Random(rows * m, 4);
        foreach (PositionInput input in _map.Description.Positions)
        {
            for (int i = 0; i < rows * input.Length; i++)
            {
                x.Span[(i / input.Length * n) + input.Offset + (i % input.Length)] = i % input.Size;
            }
        }

        double forward = _map.Description.ForwardFlops, backward = _map.Description.BackwardFlops;
        double weights = _map.ParameterCount, ends = (double)rows * (n + m);
        MapTimes values = Race("values", forward, weights + ends, () => _map.Forward(x.Span, y.Span), Forward);
        if (_map.TrainedCount == 0)
        {
            return [values];
        }

        var loss = new MeanSquaredError<float>(target.Span.ToArray());
        MapTimes gradients = Race(
            "gradients",
            forward + backward,
            weights + _map.TrainedCount + (2 * ends),
            () => _map.LossGradient(x.Span, loss, dx.Span, gradient.Span),
            gemm =>
            {
                Forward(gemm);
                gemm.Multiply(false, false, rows, n, m, 1, target.Pointer, m, w.Pointer, n, 0, dx.Pointer, n);
                gemm.Multiply(true, false, m, n, rows, 1, target.Pointer, m, x.Pointer, n, 0, dw.Pointer, n);
            });
        return [values, gradients];

        void Forward(Gemm gemm) => gemm.Multiply(false, true, rows, m, n, 1, x.Pointer, n, w.Pointer, n, 0, y.Pointer, m);

        MapTimes Race(string pass, double flops, double numbers, Action own, Action<Gemm> peer)
        {
            double[] seconds = _clock.Race([new Variant("Weft", own), .. _gemms.Select(gemm => new Variant(gemm.Name, () => peer(gemm)))]);
            double bytes = numbers * sizeof(float);
            return new MapTimes(pass, rows, seconds[0], flops * rows / seconds[0], bytes / seconds[0] / _machine.LevelOf(bytes).Bandwidth, seconds[1..]);
        }
    }
}
