namespace Weft.Tests.Runtime;

[CollectionDefinition("Threads", DisableParallelization = true)]
public sealed class ThreadCollection;

/// <summary>Batches that are split over threads. The maps claim to be expensive, so that small batches are split.</summary>
[Collection("Threads")]
public sealed class ThreadTests : IDisposable
{
    private const int Batch = 150;
    private const long Expensive = 1_000_000;
    private readonly int threads = WeftOptions.MaxThreads;

    public void Dispose() => WeftOptions.MaxThreads = threads;

    [Fact]
    public void ResultsAreThoseOfOneThreadAndTheSameEveryTime()
    {
        using TanhLayer<double> map = new(6, 7, Expensive);
        map.Initialize(1);
        double[] x = Numbers.Draw<double>(Batch * 7, 1), dy = Numbers.Draw<double>(Batch * 6, 2), tangent = Numbers.Draw<double>(map.TrainedCount, 3);
        int[] labels = [.. Enumerable.Range(0, Batch).Select(row => row % 6)];
        WeftOptions.MaxThreads = 1;
        double[][] serial = Everything();
        WeftOptions.MaxThreads = 4;
        double[][] parallel = Everything();
        foreach ((double[] expected, double[] actual) in serial.Zip(parallel))
        {
            Numbers.AssertClose<double>(expected, actual, 1e-12);
        }

        for (int repeat = 0; repeat < 20; repeat++)
        {
            Assert.Equal(parallel, Everything()); // to the last bit
        }

        double[][] Everything()
        {
            double[] y = new double[Batch * 6], dx = new double[x.Length], gradient = new double[map.TrainedCount], lossGradient = new double[map.TrainedCount];
            double[] y2 = new double[y.Length], dy2 = new double[y.Length];
            map.Forward(x, y);
            map.Gradient(x, dy, dx, gradient);
            double loss = map.LossGradient(x, new CrossEntropy<double>(labels), lossGradient);
            map.Tangent(x, x, tangent, y2, dy2);
            return [y, dx, gradient, lossGradient, [loss], y2, dy2];
        }
    }

    [Fact]
    public void ManyThreadsMayCallOneMap()
    {
        WeftOptions.MaxThreads = 4;
        using TanhLayer<double> map = new(6, 7, Expensive);
        map.Initialize(1);
        double[] x = Numbers.Draw<double>(Batch * 7, 1), dy = Numbers.Draw<double>(Batch * 6, 2);
        double[] expected = new double[map.TrainedCount], expectedY = new double[Batch * 6];
        map.Gradient(x, dy, default, expected);
        map.Forward(x, expectedY);

        // Far more callers than processors, all of them on the thread pool whose threads the calls share.
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 16 }, _ =>
        {
            double[] gradient = new double[map.TrainedCount], y = new double[Batch * 6];
            map.Gradient(x, dy, default, gradient);
            map.Forward(x, y);
            Assert.Equal(expected, gradient);
            Assert.Equal(expectedY, y);
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void CallsDoNotAllocate(int maxThreads)
    {
        WeftOptions.MaxThreads = maxThreads;
        using TanhLayer<float> map = new(6, 7, Expensive);
        using SignedDense<float> linear = new(6, 7, Expensive);
        map.Initialize(1);
        linear.Initialize(1);
        float[] x = new float[Batch * 7], y = new float[Batch * 6], dy = new float[Batch * 6], dx = new float[Batch * 7];
        float[] gradient = new float[map.TrainedCount], matrix = new float[42];
        ReadOnlyMemory<int> labels = new int[Batch];
        ReadOnlyMemory<float> targets = new float[Batch * 6];
        AdamW<float> adam = new(0.01);
        Sgd<float> sgd = new(0.01, 0.9);
        for (int i = 0; i < 20; i++)
        {
            All();
        }

        // Where threads overlap as they never did before, one more workspace is made, once; on a busy machine that may come late.
        long allocated = long.MaxValue;
        for (int window = 0; window < 10 && allocated > 0; window++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10; i++)
            {
                All();
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);

        void All()
        {
            map.Forward(x, y);
            map.Forward(x.AsSpan(0, 7), y.AsSpan(0, 6));
            map.Gradient(x, dy, dx, gradient);
            map.LossGradient(x, new CrossEntropy<float>(labels), gradient);
            map.LossGradient(x, new MeanSquaredError<float>(targets), gradient);
            map.Tangent(x, dx, gradient, y, dy);
            linear.Adjoint(y, x);
            linear.ToDense(matrix);
            adam.Step(map, gradient);
            sgd.Step(linear, matrix);
            using (ParameterEdit<float> edit = map.Edit())
            {
                edit["W"][0] = 1;
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void AFailingLossReachesTheCallerAndTheMapStaysUsable(int maxThreads)
    {
        WeftOptions.MaxThreads = maxThreads;
        using TanhLayer<float> map = new(6, 7, Expensive);
        map.Initialize(1);
        float[] x = new float[Batch * 7], gradient = new float[map.TrainedCount];
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal("row 0", Assert.Throws<InvalidOperationException>(() => map.LossGradient(x, default(FailingLoss), gradient)).Message);
        }

        Assert.All(gradient, value => Assert.Equal(0, value));
        map.LossGradient(x, new CrossEntropy<float>(new int[Batch]), gradient);
    }

    [Fact]
    public void AtLeastOneThreadIsNeeded() => Assert.Throws<ArgumentOutOfRangeException>(() => WeftOptions.MaxThreads = 0);

    private readonly struct FailingLoss : ILoss<float>
    {
        public void Check(int rows, int outputs)
        {
        }

        public double Evaluate(ReadOnlySpan<float> y, Span<float> dy, int firstRow, int rows, int totalRows) =>
            throw new InvalidOperationException($"row {firstRow}");
    }
}
