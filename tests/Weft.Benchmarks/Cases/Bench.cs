using Weft.Benchmarks.Peers;

namespace Weft.Benchmarks.Cases;

/// <summary>What every case needs: compiled operators, checked and raced against their peers.</summary>
internal sealed unsafe class Bench(Stopclock clock, MeasuredMachine machine, Libraries libraries, Report report, Roofline roofline)
{
    private const double Tolerance = 2e-4;
    private const int ReferenceRows = 2;

    private readonly Dictionary<string, Subject> _subjects = new(StringComparer.Ordinal);
    private readonly HashSet<string> _drawn = new(StringComparer.Ordinal);

    public Stopclock Clock => clock;

    public MeasuredMachine Machine => machine;

    public Libraries Libraries => libraries;

    public Report Report => report;

    public IEnumerable<Subject> Subjects => _subjects.Values;

    /// <summary>The operator of a formula; compiled at the first use.</summary>
    public Subject Subject(string label, string formula)
    {
        if (!_subjects.TryGetValue(formula, out Subject? subject))
        {
            _subjects.Add(formula, subject = new Subject(label, formula));
        }

        return subject;
    }

    /// <summary>A run of a case, with the time of the operator and of the best peer.</summary>
    public sealed record Times(double Own, double Peer, string PeerName, string Parts = "");

    /// <summary>Checks the operator and its peers on one batch and races them.</summary>
    /// <param name="subject">The operator.</param>
    /// <param name="definition">Its definition, computed with the reference product; null where it is checked elsewhere.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="peer">What the libraries compute; null to race the operator against the peak kernel only.</param>
    /// <param name="samePeer">Whether peers compute the same numbers.</param>
    public Times Forward(Subject subject, Composition definition, int batch, Composition? peer = null, bool samePeer = true)
    {
        Map<float> map = subject.Map;
        using FloatBuffer x = FloatBuffer.Random(batch * map.Inputs, batch), y = new(batch * map.Outputs), expected = new(batch * map.Outputs);
        int rows = Math.Min(batch, ReferenceRows);
        map.Forward(x.Span, y.Span);
        definition.Forward(new ReferenceGemm(), x.Pointer, expected.Pointer, rows);
        Compare(subject.Label, expected.Span[..(rows * map.Outputs)], y.Span);
        var variants = new List<Variant> { new("Weft", () => map.Forward(x.Span, y.Span)), MeasuredMachine.PeakKernel };
        foreach (Gemm gemm in peer is null ? [] : libraries.Gemms)
        {
            peer!.Forward(gemm, x.Pointer, expected.Pointer, batch);
            if (samePeer)
            {
                Compare($"{subject.Label} by {gemm.Name}", y.Span, expected.Span);
            }

            variants.Add(new(gemm.Name, () => peer.Forward(gemm, x.Pointer, expected.Pointer, batch)));
        }

        Times times = Race(variants);
        string label = FormattableString.Invariant($"{subject.Label} b{batch}");
        if (_drawn.Add(label))
        {
            roofline.Add(label, subject.Flops(batch), subject.Bytes(batch), times.Own);
        }

        return times;
    }

    /// <summary>A training step of one layer: output, gradients for input and parameters, an optimizer's step with what it has to repack.</summary>
    /// <param name="subject">The operator.</param>
    /// <param name="peer">What the libraries compute.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="trains">Whether the peer's parameters are the operator's.</param>
    public Times Train(Subject subject, Composition peer, int batch, bool trains = true)
    {
        const float Rate = 1e-7f;
        Map<float> map = subject.Map;
        using FloatBuffer x = FloatBuffer.Random(batch * map.Inputs, batch), dy = FloatBuffer.Random(batch * map.Outputs, batch + 1);
        using FloatBuffer y = new(batch * map.Outputs), dx = new(batch * map.Inputs), peerY = new(batch * map.Outputs), peerDx = new(batch * map.Inputs);
        using FloatBuffer gradient = new(map.TrainedCount);
        map.Forward(x.Span, y.Span);
        map.Gradient(x.Span, dy.Span, dx.Span, gradient.Span);
        peer.Forward(new ReferenceGemm(), x.Pointer, peerY.Pointer, 1);
        Compare(subject.Label, peerY.Span[..map.Outputs], y.Span);
        var optimizer = new Sgd<float>(Rate);
        var loss = new GivenGradient(y, dy, map.Outputs);
        Variant[] parts =
        [
            new("forward and gradient", () =>
            {
                gradient.Span.Clear();
                map.LossGradient(x.Span, loss, dx.Span, gradient.Span);
            }),
            new("update", () => optimizer.Step(map, gradient.Span)),
        ];
        var variants = new List<Variant> { new("Weft", () => Array.ForEach(parts, part => part.Run())) };
        foreach (Gemm gemm in libraries.Gemms)
        {
            Step(gemm);
            Compare($"{subject.Label} by {gemm.Name}", y.Span, peerY.Span);
            Compare($"input gradient of {subject.Label} by {gemm.Name}", dx.Span, peerDx.Span);
            foreach ((int offset, FloatBuffer values) in trains ? peer.Gradients : [])
            {
                Compare($"gradient of {subject.Label} by {gemm.Name}", values.Span, gradient.Span.Slice(offset, values.Length));
            }

            variants.Add(new(gemm.Name, () => Step(gemm)));
        }

        Times times = Race(variants);
        double[] seconds = clock.Race(parts);
        return times with { Parts = string.Join(", ", parts.Select((part, i) => $"{part.Name} {Report.Microseconds(seconds[i])}")) };

        void Step(Gemm gemm)
        {
            peer.Forward(gemm, x.Pointer, peerY.Pointer, batch);
            peer.Backward(gemm, x.Pointer, dy.Pointer, peerDx.Pointer, batch);
            peer.Update(Rate);
        }
    }

    /// <summary>What stands behind a layer in the middle of a network: takes its output, hands it the output's gradient.</summary>
    private readonly struct GivenGradient(FloatBuffer y, FloatBuffer dy, int outputs) : ILoss<float>
    {
        public void Check(int rows, int columns)
        {
        }

        public double Evaluate(ReadOnlySpan<float> part, Span<float> gradient, int firstRow, int rows, int totalRows)
        {
            part.CopyTo(y.Span[(firstRow * outputs)..]);
            dy.Span.Slice(firstRow * outputs, rows * outputs).CopyTo(gradient);
            return 0;
        }
    }

    /// <summary>The first variant against the best of the others; the peak kernel counts only where it is alone with the first.</summary>
    public Times Race(IReadOnlyList<Variant> variants)
    {
        double[] seconds = clock.Race(variants);
        int best = Enumerable.Range(1, variants.Count - 1)
            .Where(i => variants.Count == 2 || variants[i] != MeasuredMachine.PeakKernel)
            .DefaultIfEmpty(0)
            .MinBy(i => seconds[i]);
        return new Times(seconds[0], seconds[best], variants[best].Name);
    }

    public void Share(int target, Subject subject, int batch, Times times, double must, double aim)
    {
        double share = subject.Flops(batch) / times.Own / (MeasuredMachine.PeakFlops / times.Peer);
        report.Add(new Result(target, Name(subject, batch), 100 * share, "%", must, aim, Report.Microseconds(times.Own)));
    }

    public void Ratio(int target, Subject subject, int batch, Times times, double must, double aim, string suffix = "")
    {
        if (times.PeerName == "Weft")
        {
            report.Line($"{target,2} {Name(subject, batch)}{suffix}: no peer is installed");
            return;
        }

        report.Add(new Result(
            target, Name(subject, batch) + suffix, times.Peer / times.Own, "x", must, aim,
            $"{Report.Microseconds(times.Own)} against {Report.Microseconds(times.Peer)}, {times.PeerName}{(times.Parts.Length > 0 ? "; " + times.Parts : "")}"));
    }

    public static string Name(Subject subject, int batch) => FormattableString.Invariant($"{subject.Label}, batch {batch}");

    /// <summary>Refuses numbers that are not the expected ones: nothing wrong is timed.</summary>
    public static void Compare(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double scale = 1e-30, error = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            scale = Math.Max(scale, Math.Abs(expected[i]));
            error = Math.Max(error, Math.Abs((double)expected[i] - actual[i]));
            error = double.IsNaN(actual[i]) ? double.PositiveInfinity : error;
        }

        if (!(error <= Tolerance * scale))
        {
            throw new InvalidOperationException(FormattableString.Invariant($"{what}: off by {error / scale:0.#e0} of the largest number."));
        }
    }
}
