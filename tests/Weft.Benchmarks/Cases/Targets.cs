using Weft.Benchmarks.Peers;
using Weft.Onnx;
using Weft.Solvers;

namespace Weft.Benchmarks.Cases;

/// <summary>The table of targets.</summary>
internal sealed unsafe class Targets(Bench bench)
{
    private static readonly int[] Batches = [1, 32, 512];

    /// <summary>What each row measures, or why it does not.</summary>
    public IReadOnlyDictionary<int, (string Title, Action? Run)> Rows => new SortedDictionary<int, (string, Action?)>
    {
        [1] = ("Kronecker products: share of the FMA peak", KroneckerShares),
        [2] = ("Monarch 1024 and 4096: share of the FMA peak", () => Shares(2, 75, 88, bench.Monarch(1024, 32), bench.Monarch(4096, 64))),
        [3] = ("Monarch 16384: share of the FMA peak", () => Shares(3, 50, 70, bench.Monarch(16384, 128))),
        [4] = ("Monarch 4096 against the best dense product", MonarchAgainstDense),
        [5] = ("Structures against copies and batched products", AgainstCompositions),
        [6] = ("Batch 1: share of the bandwidth of the level that holds the weights", Bandwidth),
        [7] = ("Low rank against two products", LowRanks),
        [8] = ("Householder chains against the blocked form", Reflections),
        [9] = ("Walsh-Hadamard: share of the add peak", WalshHadamard),
        [10] = ("Block diagonal against libxsmm", BlockDiagonals),
        [11] = ("Forward, backward and update against the best composition", Training),
        [12] = ("Dense product, square, against the best library", Squares),
        [13] = ("LoRA layer against the best dense product alone", LoraLayers),
        [14] = ("Constant fan-in sparse layer, 90 % zeros, against dense and against CSR", FanIns),
        [15] = ("Adapters: training step against forming the dense update", Adapters),
        [16] = ("Two threads against one, calls over 50 µs", Threads),
        [17] = ("Bytes allocated per call after the first", Allocations),
        [18] = ("Attention, 8 heads of 64, against its own model in ONNX Runtime and ONNX Runtime's fused operator", Attention),
        [19] = ("A step of conjugate gradients: share of its product with a Kronecker product, 64 ⊗ 64", ConjugateGradients),
        [20] = ("A Fourier transform of real numbers and its inverse against FFTW's", FourierTransforms),
        [21] = ("New parameters and a solve of 16 right-hand sides, by structure, against OpenBLAS's solve of the dense matrix", Solves),
    };

    private IEnumerable<int> Some => bench.Clock.IsQuick ? [1, 32] : Batches;

    private void Shares(int target, double must, double aim, params IEnumerable<(Subject Subject, Composition Composition)> structures)
    {
        foreach ((Subject subject, Composition composition) in structures)
        {
            foreach (int batch in Some.Where(batch => batch >= 32))
            {
                bench.Share(target, subject, batch, bench.Forward(subject, composition, batch), must, aim);
            }
        }
    }

    private void KroneckerShares()
    {
        foreach ((Subject subject, Composition composition) in
            new[] { bench.Kronecker(32, 32), bench.Kronecker(64, 64), bench.Kronecker(128, 128), bench.Kronecker(16, 16, 16) })
        {
            foreach (int batch in Some)
            {
                bench.Share(1, subject, batch, bench.Forward(subject, composition, batch), 80, 92);
            }
        }
    }

    private void MonarchAgainstDense()
    {
        (Subject subject, Composition composition) = bench.Monarch(4096, 64);
        (_, Composition dense) = bench.Dense(4096);
        foreach ((int batch, double must, double aim) in new[] { (1, 50.0, 80.0), (32, 40, 55), (512, 25, 31) }.Where(row => Some.Contains(row.Item1)))
        {
            bench.Ratio(4, subject, batch, bench.Forward(subject, composition, batch, dense, samePeer: false), must, aim);
        }
    }

    private void AgainstCompositions()
    {
        foreach ((Subject subject, Composition composition) in new[]
        {
            bench.Monarch(1024, 32), bench.Monarch(4096, 64), bench.BlockTrain(32, 2), bench.BlockTrain(64, 2), bench.Blast(1024, 4, 64), bench.Blast(4096, 8, 128),
            bench.Train([32, 32], 8), bench.Train([16, 16, 16], 8), bench.Tucker(1024, 64), bench.Tucker(4096, 128),
        })
        {
            foreach (int batch in Some)
            {
                bench.Ratio(5, subject, batch, bench.Forward(subject, composition, batch, composition), 1.5, 2.5);
            }
        }
    }

    private void Bandwidth()
    {
        foreach ((Subject subject, Composition composition) in new[]
        {
            bench.Monarch(1024, 32), bench.BlockDiagonal(2048, 32), bench.LowRank(4096, 16), bench.BlockTrain(32, 2), bench.Tucker(1024, 64), bench.Blast(1024, 4, 64),
            bench.Monarch(4096, 64), bench.BlockTrain(64, 2), bench.LowRank(4096, 64), bench.Dense(1024), bench.Monarch(16384, 128),
        })
        {
            double time = bench.Forward(subject, composition, 1).Own;
            MemoryLevel level = bench.Machine.LevelOf(subject.WeightBytes);
            double rate = subject.WeightBytes / time;
            bench.Report.Add(new Result(
                6, $"{Bench.Name(subject, 1)}, {level.Name}", 100 * rate / level.Bandwidth, "%", 70, 90,
                FormattableString.Invariant($"{Report.Microseconds(time)}, {subject.WeightBytes / 1024:0} KB, {rate / 1e9:0} of {level.Bandwidth / 1e9:0} GB/s")));
        }
    }

    private void LowRanks()
    {
        foreach ((Subject subject, Composition composition) in
            new[] { bench.LowRank(1024, 16), bench.LowRank(1024, 64), bench.LowRank(4096, 16), bench.LowRank(4096, 64) })
        {
            foreach (int batch in Some)
            {
                bench.Ratio(7, subject, batch, bench.Forward(subject, composition, batch, composition), 1, 1.3);
            }
        }
    }

    private void Reflections()
    {
        foreach ((Subject subject, Composition composition) in new[] { bench.Householder(1024, 8), bench.Householder(4096, 8), bench.Householder(4096, 32) })
        {
            foreach (int batch in Some)
            {
                bench.Ratio(8, subject, batch, bench.Forward(subject, composition, batch, composition), 1, 1.5);
            }
        }
    }

    /// <summary>libxsmm gets its weights transposed beforehand, and a kernel assembled for the very shape.</summary>
    private void BlockDiagonals()
    {
        const int Blocks = 64, Side = 64, Size = Blocks * Side;
        if (bench.Libraries.Libxsmm is not { } libxsmm)
        {
            bench.Report.Line("libxsmm is not installed");
            return;
        }

        (Subject subject, Composition definition) = bench.BlockDiagonal(Size, Blocks);
        using var weights = new FloatBuffer(Size * Side);
        ReadOnlySpan<float> own = subject.Map["B"].Values;
        for (int i = 0; i < own.Length; i++)
        {
            weights.Span[(i / (Side * Side) * Side * Side) + (i % Side * Side) + (i / Side % Side)] = own[i];
        }

        foreach (int batch in bench.Clock.IsQuick ? [1, 16] : new[] { 1, 16, 256 })
        {
            _ = bench.Forward(subject, definition, batch);
            var kernel = libxsmm.Kernel(batch, Side, Side, Size, Side, Size);
            using FloatBuffer x = FloatBuffer.Random(batch * Size, 1), y = new(batch * Size), z = new(batch * Size);
            Variant[] variants = [new("Weft", () => subject.Map.Forward(x.Span, y.Span)), new("libxsmm", Multiply)];
            foreach (Variant variant in variants)
            {
                variant.Run();
            }

            Bench.Compare("block diagonal by libxsmm", y.Span, z.Span);
            bench.Ratio(10, subject, batch, bench.Race(variants), 0.95, 1.1);

            void Multiply()
            {
                for (int block = 0; block < Blocks; block++)
                {
                    kernel(weights.Pointer + (block * Side * Side), x.Pointer + (block * Side), z.Pointer + (block * Side));
                }
            }
        }
    }

    private void Training()
    {
        // Steps change the parameters: each batch has a composition of those that are there then.
        Func<(Subject, Composition)>[] cases =
        [
            () => bench.Monarch(1024, 32), () => bench.Monarch(4096, 64), () => bench.Kronecker(32, 32), () => bench.Kronecker(64, 64), () => bench.BlockTrain(32, 2),
            () => bench.Train([32, 32], 8),
        ];
        foreach (Func<(Subject, Composition)> make in cases)
        {
            foreach (int batch in Some.Where(batch => batch >= 32))
            {
                (Subject subject, Composition composition) = make();
                bench.Ratio(11, subject, batch, bench.Train(subject, composition, batch), 1.3, 2);
            }
        }
    }

    /// <summary>Additions alone: half of what a multiply-add does.</summary>
    private void WalshHadamard()
    {
        const int Size = 4096;
        Subject subject = bench.Subject("Walsh-Hadamard 4096", $"wht({Size})");
        using FloatBuffer x = FloatBuffer.Random(Size, 1), y = new(Size), z = new(Size);
        subject.Map.Forward(x.Span, y.Span);
        subject.Map.Forward(y.Span, z.Span);
        System.Numerics.Tensors.TensorPrimitives.Divide(z.Span, Size, z.Span);
        Bench.Compare(subject.Label, x.Span, z.Span);
        Bench.Times times = bench.Race([new Variant("Weft", () => subject.Map.Forward(x.Span, y.Span)), MeasuredMachine.PeakKernel]);
        double additions = Size * Math.Log2(Size);
        double share = additions / times.Own / (MeasuredMachine.PeakFlops / 2 / times.Peer);
        bench.Report.Add(new Result(9, Bench.Name(subject, 1), 100 * share, "%", 70, 86, Report.Microseconds(times.Own)));
    }

    private void FanIns()
    {
        foreach (int n in bench.Clock.IsQuick ? [1024] : new[] { 1024, 4096 })
        {
            int fanIn = n / 10;
            Subject subject = bench.Subject($"fan-in {fanIn} of {n}", $"constant_fan_in({n}, {n}, {fanIn})");
            (_, Composition product) = bench.Dense(n);
            int[] columns = [.. subject.Map["S"].Values.ToArray().Select(column => (int)column)];
            int[] starts = [.. Enumerable.Range(0, n + 1).Select(i => i * fanIn)];
            float[] values = subject.Map["v"].Values.ToArray();
            foreach (int batch in Some.Where(batch => batch <= 32))
            {
                using FloatBuffer x = FloatBuffer.Random(batch * n, 1), y = new(batch * n), z = new(batch * n), w = new(batch * n);
                Variant own = new("Weft", () => subject.Map.Forward(x.Span, y.Span));
                Variant csr = new("CSR", () =>
                {
                    for (int row = 0; row < batch; row++)
                    {
                        CompressedRows(x.Span.Slice(row * n, n), z.Span.Slice(row * n, n), starts, columns, values);
                    }
                });
                own.Run();
                csr.Run();
                Bench.Compare(subject.Label, z.Span, y.Span);
                bench.Ratio(14, subject, batch, bench.Race([own, .. bench.Libraries.Gemms.Select(gemm => new Variant(gemm.Name, () => product.Forward(gemm, x.Pointer, w.Pointer, batch)))]), 3.6, 6, ", dense");
                bench.Ratio(14, subject, batch, bench.Race([own, csr]), 2, 3, ", CSR");
            }
        }
    }

    /// <summary>The textbook product with a matrix in compressed sparse rows.</summary>
    private static void CompressedRows(ReadOnlySpan<float> x, Span<float> y, ReadOnlySpan<int> starts, ReadOnlySpan<int> columns, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < y.Length; i++)
        {
            float sum = 0;
            for (int k = starts[i]; k < starts[i + 1]; k++)
            {
                sum += values[k] * x[columns[k]];
            }

            y[i] = sum;
        }
    }

    private void Squares()
    {
        foreach (int n in bench.Clock.IsQuick ? [512] : new[] { 512, 1024, 2048, 4096 })
        {
            (Subject subject, Composition composition) = bench.Dense(n);
            bench.Ratio(12, subject, n, bench.Forward(subject, composition, n, composition), 0.88, 1);
        }
    }

    private void LoraLayers()
    {
        foreach (int n in bench.Clock.IsQuick ? [1024] : new[] { 1024, 4096 })
        {
            (Subject subject, Composition composition) = bench.Lora(n, 16);
            bench.Ratio(13, subject, 32, bench.Forward(subject, composition, 32, bench.Dense(n).Composition, samePeer: false), 0.95, 1.15);
        }
    }

    private void Adapters()
    {
        foreach ((Subject subject, Composition merged) in new[] { bench.Hra(1024, 8), bench.LoKr(32), bench.Butterfly(1024, 8, 3), bench.VbLora(1024, 4, 2, 90, 256) })
        {
            bench.Ratio(15, subject, 32, bench.Train(subject, merged, 32, trains: false), 3, 10);
        }
    }

    private void Threads()
    {
        const double Least = 50e-6;
        (Subject Subject, int Batch)[] cases =
        [
            (bench.Monarch(1024, 32).Subject, 512), (bench.Monarch(4096, 64).Subject, 32), (bench.Monarch(4096, 64).Subject, 512), (bench.Kronecker(64, 64).Subject, 32),
            (bench.Kronecker(64, 64).Subject, 512), (bench.Kronecker(16, 16, 16).Subject, 512), (bench.LowRank(4096, 64).Subject, 512), (bench.Householder(4096, 8).Subject, 512),
            (bench.Dense(1024).Subject, 1), (bench.Dense(1024).Subject, 32),
        ];
        foreach ((Subject subject, int batch) in cases)
        {
            using FloatBuffer x = FloatBuffer.Random(batch * subject.Map.Inputs, 1), one = new(batch * subject.Map.Outputs), two = new(batch * subject.Map.Outputs);
            Variant[] variants = [new("two threads", () => Run(2, two)), new("one thread", () => Run(1, one))];
            foreach (Variant variant in variants)
            {
                variant.Run();
            }

            Bench.Compare($"{subject.Label} on two threads", one.Span, two.Span);
            Bench.Times times = bench.Race(variants);
            WeftOptions.MaxThreads = 1;
            if (times.Peer >= Least)
            {
                bench.Ratio(16, subject, batch, times, 1.7, 1.9);
            }

            void Run(int threads, FloatBuffer y)
            {
                WeftOptions.MaxThreads = threads;
                subject.Map.Forward(x.Span, y.Span);
            }
        }
    }

    private void Attention()
    {
        foreach ((string name, int positions) in
            from positions in bench.Clock.IsQuick ? [128, 512] : new[] { 128, 512, 1024, 2048, 4096 }
            from name in new[] { "attention", "causal_attention" }
            select (name, positions))
        {
            Subject subject = bench.Subject(FormattableString.Invariant($"{name} of {positions}"), FormattableString.Invariant($"{name}({positions}, 512, 8, 64)"));
            int batch = Math.Max(1, 1024 / positions);
            using FloatBuffer x = FloatBuffer.Random(batch * subject.Map.Inputs, 1), y = new(batch * subject.Map.Outputs), composed = new(y.Length), fused = new(y.Length);
            using var composition = new OnnxRuntime(OnnxExport.Create(subject.Map), x, composed, batch, subject.Map.Inputs);
            using var operation = new OnnxRuntime(OnnxRuntime.FusedAttention(subject.Map, name != "attention"), x, fused, batch, positions, 512);
            Variant[] variants = [new("Weft", () => subject.Map.Forward(x.Span, y.Span)), new("products and softmax", composition.Run), new("fused", operation.Run)];
            double[] times = bench.Clock.Race(variants);
            Bench.Compare($"{subject.Label}, products and softmax", y.Span, composed.Span);
            Bench.Compare($"{subject.Label}, fused", y.Span, fused.Span);
            bench.Ratio(18, subject, batch, new Bench.Times(times[0], times[1], variants[1].Name), positions >= 512 ? 1.5 : 1, 2, ", products and softmax");
            bench.Ratio(18, subject, batch, new Bench.Times(times[0], times[2], variants[2].Name), 1, 1.5, ", fused");
        }
    }

    /// <summary>A step is what twenty more of them take.</summary>
    /// <summary>There and back; FFTW's plans are measured, and its inverse is not divided by the length.</summary>
    private void FourierTransforms()
    {
        if (bench.Libraries.Fftw is not { } fftw)
        {
            bench.Report.Line("FFTW is not installed in single precision");
            return;
        }

        foreach (int n in bench.Clock.IsQuick ? [4096] : new[] { 512, 1024, 4096, 5000, 16384 })
        {
            Subject subject = bench.Subject(FormattableString.Invariant($"Fourier {n}"), FormattableString.Invariant($"irfft({n}) * rfft({n})"));
            using FloatBuffer x = FloatBuffer.Random(n, 1), y = new(n), z = new(n), copy = new(n), frequencies = new(n + 2);
            nint forward = fftw.Forward(n, copy.Pointer, frequencies.Pointer), inverse = fftw.Inverse(n, frequencies.Pointer, z.Pointer);
            x.Span.CopyTo(copy.Span);
            Variant[] variants =
            [
                new("Weft", () => subject.Map.Forward(x.Span, y.Span)),
                new("FFTW", () =>
                {
                    fftw.Execute(forward);
                    fftw.Execute(inverse);
                }),
            ];
            Array.ForEach(variants, variant => variant.Run());
            System.Numerics.Tensors.TensorPrimitives.Divide(z.Span, n, z.Span);
            Bench.Compare($"{subject.Label} by FFTW", y.Span, z.Span);
            bench.Ratio(20, subject, 1, bench.Race(variants), 0.7, 1);
        }
    }

    private void Solves()
    {
        const int Batch = 16;
        if (bench.Libraries.Lapack is not { } lapack)
        {
            bench.Report.Line("OpenBLAS is not installed with LAPACK");
            return;
        }

        foreach ((string label, int n, string clause, string formula, double must, double aim) in new[]
        {
            ("Kronecker 32 ⊗ 32", 1024, "param A[32, 32], B[32, 32]", "(A * A' + 4 * eye(32)) ⊗ (B * B' + 4 * eye(32))", 20.0, 50.0),
            ("circulant 1024", 1024, "let C = circulant(1024)", "C + 4 * eye(1024)", 20, 50),
            ("diagonal and rank 8, 1024", 1024, "param d[1024], U[1024, 8]", "diag(exp(d)) + U * U'", 20, 50),
            ("dense and positive, 256", 256, "param A[256, 256]", "A * A' + 4 * eye(256)", 0.1, 0.5),
        })
        {
            Subject subject = Of("solve", "inverse(M)"), matrix = Of("matrix", "M");
            using FloatBuffer x = FloatBuffer.Random(Batch * n, 1), y = new(Batch * n), z = new(Batch * n), one = new(n * n), a = new(n * n), factors = new(n * n);
            int[] pivots = new int[n];
            for (int i = 0; i < n; i++)
            {
                one.Span[(i * n) + i] = 1;
            }

            matrix.Map.Forward(one.Span, a.Span);
            Variant[] variants =
            [
                new("Weft", () =>
                {
                    subject.Map.Edit().Dispose();
                    subject.Map.Forward(x.Span, y.Span);
                }),
                new("LAPACK", () =>
                {
                    a.Span.CopyTo(factors.Span);
                    x.Span.CopyTo(z.Span);
                    fixed (int* p = pivots)
                    {
                        lapack.Solve(n, Batch, factors.Pointer, p, z.Pointer);
                    }
                }),
            ];
            Array.ForEach(variants, variant => variant.Run());
            Bench.Compare($"{subject.Label} by LAPACK", z.Span, y.Span);

            // What an update runs is compiled with all optimizations, in the background, once it ran often enough.
            for (int k = 0; k < 160; k++)
            {
                variants[0].Run();
                if (k % 40 == 0)
                {
                    Thread.Sleep(250);
                }
            }

            bench.Ratio(21, subject, Batch, bench.Race(variants), must, aim);

            Subject Of(string what, string body) =>
                bench.Subject($"{what} {label}", FormattableString.Invariant($"operator {what} : {n} -> {n}\n  {clause}\n  let M = {formula}\n  = {body}"));
        }
    }

    private void ConjugateGradients()
    {
        const int Few = 10, More = 20;
        Subject subject = bench.Subject("covariance 64 ⊗ 64", """
            operator covariance : 4096 -> 4096
              param A[64, 64], B[64, 64]
              = (A' * A + eye(64)) ⊗ (B' * B + eye(64))
            """);
        ILinearOperator<float> a = ((LinearMap<float>)subject.Map).AsOperator();
        foreach (int batch in new[] { 1, 16 })
        {
            using FloatBuffer b = FloatBuffer.Random(batch * subject.Map.Inputs, 1), x = new(b.Length);
            ConjugateGradient<float> few = Solver(Few), many = Solver(Few + More);
            double[] times = bench.Clock.Race(
                new("product", () => subject.Map.Forward(b.Span, x.Span)), new("few steps", () => few.Solve(b.Span, x.Span)), new("many steps", () => many.Solve(b.Span, x.Span)));
            double step = (times[2] - times[1]) / More;
            bench.Report.Add(new Result(19, Bench.Name(subject, batch), 100 * times[0] / step, "%", 70, 80, Report.Microseconds(step)));
        }

        ConjugateGradient<float> Solver(int steps) => new(a, new SolverOptions { Tolerance = 0, IterationLimit = steps });
    }

    private void Allocations()
    {
        const int Calls = 10;
        foreach (Subject subject in Library.All(bench))
        {
            foreach (int batch in new[] { 1, 32 })
            {
                Map<float> map = subject.Map;
                using FloatBuffer x = FloatBuffer.Random(batch * map.Inputs, 1), y = new(batch * map.Outputs), dx = new(batch * map.Inputs), gradient = new(map.TrainedCount);
                Call();
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < Calls; i++)
                {
                    Call();
                }

                double bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Calls;
                bench.Report.Add(new Result(17, Bench.Name(subject, batch), bytes, "B", 0, 0, "forward and gradient"));

                void Call()
                {
                    map.Forward(x.Span, y.Span);
                    map.Gradient(x.Span, y.Span, dx.Span, gradient.Span);
                }
            }
        }
    }
}
