namespace Weft.Tests.Runtime;

public sealed class TrainingTests
{
    public static TheoryData<string> Optimizers => ["sgd", "momentum", "nesterov", "adamw", "lion", "muon", "soap", "shampoo", "adafactor"];

    [Theory]
    [MemberData(nameof(Optimizers))]
    public void OptimizersMinimiseAQuadratic(string name)
    {
        Optimizer<double> optimizer = name switch
        {
            "sgd" => new Sgd<double>(0.5),
            "momentum" => new Sgd<double>(0.1, 0.8),
            "nesterov" => new Sgd<double>(0.1, 0.8, nesterov: true),
            "adamw" => new AdamW<double>(0.05, weightDecay: 0),
            "lion" => new Lion<double>(0.01),
            "muon" => new Muon<double>(0.05, weightDecay: 0),
            "soap" => new Soap<double>(0.05, weightDecay: 0) { Interval = 3 },
            "adafactor" => new Adafactor<double>(0.05),
            _ => new Shampoo<double>(0.02, weightDecay: 0) { Interval = 2 },
        };
        using SignedDense<double> map = new(3, 5), goal = new(3, 5);
        map.Initialize(1);
        goal.Initialize(2);
        double[] x = Numbers.Draw<double>(60 * 5, 1), targets = new double[60 * 3], gradient = new double[map.TrainedCount];
        goal.Forward(x, targets);
        double first = map.LossGradient(x, new MeanSquaredError<double>(targets), default);
        for (int step = 0; step < 2000; step++)
        {
            Array.Clear(gradient);
            map.LossGradient(x, new MeanSquaredError<double>(targets), gradient);
            optimizer.Step(map, gradient);
            optimizer.LearningRate *= 0.998;
        }

        Assert.InRange(map.LossGradient(x, new MeanSquaredError<double>(targets), default) / first, 0, 1e-6);
        Assert.True(map["f"].Values.SequenceEqual(goal["f"].Values)); // frozen
    }

    [Fact]
    public void StepsAreTheFormulas()
    {
        const double Rate = 0.1, Decay = 0.2, G1 = 0.5, G2 = -0.25;
        double[] p = Train(new Sgd<double>(Rate, 0.9, nesterov: false, Decay), G1, G2);
        double v1 = G1 + Decay, p1 = 1 - Rate * v1, v2 = 0.9 * v1 + G2 + Decay * p1;
        Assert.Equal([p1, p1 - Rate * v2], p, (a, b) => Math.Abs(a - b) < 1e-14);

        p = Train(new Sgd<double>(Rate, 0.9, nesterov: true, Decay), G1, G2);
        p1 = 1 - Rate * (v1 + 0.9 * v1);
        v2 = 0.9 * v1 + G2 + Decay * p1;
        Assert.Equal([p1, p1 - Rate * (G2 + Decay * p1 + 0.9 * v2)], p, (a, b) => Math.Abs(a - b) < 1e-14);

        p = Train(new AdamW<double>(Rate, 0.9, 0.99, 1e-3, Decay), G1, G2);
        p1 = 1 - Rate * (G1 / (G1 + 1e-3) + Decay);
        double mean = (0.09 * G1 + 0.1 * G2) / (1 - 0.81), square = (0.0099 * G1 * G1 + 0.01 * G2 * G2) / (1 - 0.9801);
        Assert.Equal([p1, p1 - Rate * (mean / (Math.Sqrt(square) + 1e-3) + Decay * p1)], p, (a, b) => Math.Abs(a - b) < 1e-12);

        p = Train(new Lion<double>(Rate, 0.9, 0.99, Decay), G1, -100 * G1);
        p1 = 1 - Rate * (1 + Decay);
        Assert.Equal([p1, p1 - Rate * (-1 + Decay * p1)], p, (a, b) => Math.Abs(a - b) < 1e-14);

        // What is no matrix moves as with AdamW.
        double[] adam = Train(new AdamW<double>(Rate, 0.9, 0.99, 1e-3, Decay), G1, G2);
        Assert.Equal(adam, Train(new Muon<double>(Rate, 0.5, Decay, 0.9, 0.99, 1e-3), G1, G2));
        Assert.Equal(adam, Train(new Soap<double>(Rate, 0.9, 0.99, Decay, 1e-3), G1, G2));
        Assert.Equal(Train(new AdamW<double>(Rate, 0.9, 0.999, 1e-3, Decay), G1, G2), Train(new Shampoo<double>(Rate, 0.9, Decay, 1e-3), G1, G2));

        // A number by itself: the first step is one of its own size, the squares of the second count 2^−0.8.
        p = Train(new Adafactor<double>(Rate, Decay), G1, G2);
        p1 = 1 - (Rate * (1 + Decay));
        double squares = G1 * G1 + Math.Pow(2, -0.8) * (G2 * G2 - G1 * G1);
        Assert.Equal([p1, p1 - Rate * (p1 * G2 / Math.Sqrt(squares) + Decay * p1)], p, (a, b) => Math.Abs(a - b) < 1e-14);

        static double[] Train(Optimizer<double> optimizer, params double[] gradients)
        {
            using SignedDense<double> map = new(1, 1);
            using (ParameterEdit<double> edit = map.Edit())
            {
                edit["W"][0] = 1;
                edit["f"][0] = 1;
            }

            return [.. gradients.Select(gradient =>
            {
                optimizer.Step(map, [gradient]);
                double[] y = new double[1];
                map.Forward([1], y);
                Assert.Equal(map["W"].Values[0], Math.Abs(y[0])); // the packed copy is up to date
                return map["W"].Values[0];
            })];
        }
    }

    /// <summary>A matrix moves along U diag(s) Vᵀ for the singular vectors of its direction and for s about 1, by 0.2 √max(m, n) of the rate; each of several by itself.</summary>
    [Theory]
    [InlineData("dense(7, 12)", 7, 12)]
    [InlineData("dense(12, 5)", 12, 5)]
    [InlineData("blockdiag(B)", 6, 4)]
    public void MuonMovesMatricesAlongTheirSingularVectors(string formula, int m, int n)
    {
        const double Rate = 0.1, Decay = 0.5, Momentum = 0.9;
        using var compiled = new Fitting.CompiledMap<double>(formula == "blockdiag(B)" ? "operator f : 12 -> 18\n  param B[3, 6, 4]\n  = blockdiag(B)" : formula);
        Map<double> map = compiled.Map;
        map.Initialize(3);
        var optimizer = new Muon<double>(Rate, Momentum, Decay);
        double[] velocity = new double[map.TrainedCount];
        for (int step = 0; step < 3; step++)
        {
            double[] before = map.Parameters.ToArray(), gradient = Numbers.Draw<double>(before.Length, step);
            optimizer.Step(map, gradient);
            for (int start = 0; start < before.Length; start += m * n)
            {
                var direction = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.Dense(m, n, (i, j) =>
                    gradient[start + (i * n) + j] + (Momentum * (velocity[start + (i * n) + j] = (Momentum * velocity[start + (i * n) + j]) + gradient[start + (i * n) + j])));
                var moved = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.Dense(m, n, (i, j) =>
                    ((before[start + (i * n) + j] * (1 - (Rate * Decay))) - map.Parameters[start + (i * n) + j]) / (Rate * 0.2 * Math.Sqrt(Math.Max(m, n))));
                var svd = direction.Svd();
                var turned = svd.U.SubMatrix(0, m, 0, Math.Min(m, n)).TransposeThisAndMultiply(moved) * svd.VT.SubMatrix(0, Math.Min(m, n), 0, n).Transpose();
                for (int i = 0; i < turned.RowCount; i++)
                {
                    for (int j = 0; j < turned.ColumnCount; j++)
                    {
                        Assert.InRange(turned[i, j], i == j ? 0.6 : -1e-9, i == j ? 1.3 : 1e-9);
                    }
                }
            }
        }

        double[] still = map.Parameters.ToArray();
        new Muon<double>(Rate, weightDecay: 0).Step(map, new double[still.Length]);
        Assert.Equal(still, map.Parameters.ToArray());
    }

    /// <summary>The first step of Shampoo is along U Vᵀ, for the singular vectors of the gradient; along √(U diag(s) Vᵀ) in the sense of one side where the other is not rotated.</summary>
    [Theory]
    [InlineData(6, 4, 8)]
    [InlineData(4, 7, 8)]
    [InlineData(6, 4, 5)]
    [InlineData(3, 7, 5)]
    public void ShampooMovesAlongRootsOfItsFactors(int m, int n, int largest)
    {
        const double Rate = 0.1, Decay = 0.5;
        using var compiled = new Fitting.CompiledMap<double>($"dense({m}, {n})");
        Map<double> map = compiled.Map;
        map.Initialize(3);
        var optimizer = new Shampoo<double>(Rate, 0.9, Decay, 1e-12) { Curvature = 0.8, Interval = 2, LargestSide = largest };
        double[] gradient = Numbers.Draw<double>(m * n, 1);
        var svd = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.Dense(m, n, (i, j) => gradient[(i * n) + j]).Svd();
        var along = svd.U.SubMatrix(0, m, 0, Math.Min(m, n)) * svd.VT.SubMatrix(0, Math.Min(m, n), 0, n);
        double mean = 0, square = 0, turned = 0;
        for (int step = 1; step <= 5; step++)
        {
            double c = 1 + (step % 3), weight = 1 - Math.Pow(0.9, step), weightOfFactors = 1 - Math.Pow(0.8, step);
            (mean, square) = ((0.9 * mean) + (0.1 * c), (0.8 * square) + (0.2 * c * c));
            turned = step % 2 == 1 ? square / weightOfFactors : turned;
            double[] before = map.Parameters.ToArray();
            optimizer.Step(map, [.. gradient.Select(g => c * g)]);

            // Eigenvalues are those of the last turn, in every second step.
            double scale = mean / weight / Math.Sqrt(turned);
            for (int i = 0; i < m * n; i++)
            {
                double moved = ((before[i] * (1 - (Rate * Decay))) - map.Parameters[i]) / (Rate * 0.2 * Math.Sqrt(Math.Max(m, n)));
                Assert.Equal(scale * along[i / n, i % n], moved, 1e-4);
            }
        }
    }

    /// <summary>Of each matrix's squares the means by row and by column alone are known, as in the paper's algorithm; of a vector all are.</summary>
    [Theory]
    [InlineData("dense(5, 3)")]
    [InlineData("monarch(12, 3)")]
    [InlineData("diagonal(6)")]
    public void AdafactorMovesByProductsOfMeans(string formula)
    {
        const double Rate = 0.05, Decay = 0.2;
        using var compiled = new Fitting.CompiledMap<double>(formula);
        Map<double> map = compiled.Map;
        map.Initialize(2);
        int count = map.TrainedCount;
        (double[] r, double[] c) = (new double[count], new double[count]);
        var random = new Random(5);
        var optimizer = new Adafactor<double>(Rate, Decay);
        double[] expected = map.Parameters.ToArray();
        for (int step = 1; step <= 4; step++)
        {
            double[] gradient = [.. Enumerable.Range(0, count).Select(_ => (random.NextDouble() - 0.4) * Math.Pow(10, random.Next(-3, 2)))];
            double keep = 1 - Math.Pow(step, -0.8);
            foreach (ParameterInfo info in map.Description.Parameters)
            {
                (int m, int n) = info.Shape is [.., var above, var last] ? (above, last) : (info.Length, 1);
                for (int start = info.Offset; start < info.Offset + info.Length; start += m * n)
                {
                    double Square(int i, int j) => gradient[start + (i * n) + j] * gradient[start + (i * n) + j];
                    for (int i = 0; i < m; i++)
                    {
                        r[start + i] = (keep * r[start + i]) + ((1 - keep) * Enumerable.Range(0, n).Average(j => Square(i, j)));
                    }

                    for (int j = 0; j < n; j++)
                    {
                        c[start + j] = (keep * c[start + j]) + ((1 - keep) * Enumerable.Range(0, m).Average(i => Square(i, j)));
                    }

                    double mean = Enumerable.Range(0, m).Average(i => r[start + i]);
                    double[] along = [.. Enumerable.Range(0, m * n).Select(k => gradient[start + k] / Math.Sqrt(n == 1 ? r[start + k] : r[start + (k / n)] * c[start + (k % n)] / mean))];
                    double size = Math.Max(1e-3, Size(expected.AsSpan(start, m * n).ToArray())) / Math.Max(1, Size(along));
                    for (int k = 0; k < m * n; k++)
                    {
                        expected[start + k] = ((1 - (Rate * Decay)) * expected[start + k]) - (Rate * size * along[k]);
                    }
                }
            }

            optimizer.Step(map, gradient);
            Numbers.AssertClose<double>(expected, map.Parameters.ToArray(), 1e-12);
        }

        double[] still = map.Parameters.ToArray();
        new Adafactor<double>(Rate).Step(map, new double[count]);
        Assert.Equal(still, map.Parameters.ToArray());

        static double Size(double[] values) => Math.Sqrt(values.Average(value => value * value));
    }

    /// <summary>Neither sees a rotation: for gradients P G Q the steps are P D Q, which those of AdamW are not.</summary>
    [Theory]
    [InlineData(true, 6)]
    [InlineData(false, 7)]
    public void StepsTurnWithTheGradients(bool isSoap, int m)
    {
        int n = m; // so that no eigenvalues of a single gradient's factors are equal
        using var compiled = new Fitting.CompiledMap<double>($"dense({m}, {n})");
        using var turnedMap = new Fitting.CompiledMap<double>($"dense({m}, {n})");
        var random = new Random(m);
        var build = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build;
        MathNet.Numerics.LinearAlgebra.Matrix<double> p = Rotation(m), q = Rotation(n);
        Optimizer<double> optimizer = Create(), other = Create();
        compiled.Map.Initialize(1);
        using (ParameterEdit<double> edit = turnedMap.Map.Edit())
        {
            (p * OfMap(compiled.Map) * q).Transpose().ToColumnMajorArray().CopyTo(edit.Trained);
        }

        for (int step = 0; step < 12; step++)
        {
            var gradient = build.Dense(m, n, (i, j) => (i + 1.0) * (random.NextDouble() - 0.3) / (j + 1));
            optimizer.Step(compiled.Map, gradient.Transpose().ToColumnMajorArray());
            other.Step(turnedMap.Map, (p * gradient * q).Transpose().ToColumnMajorArray());
            Assert.True(((p * OfMap(compiled.Map) * q) - OfMap(turnedMap.Map)).L2Norm() < 1e-6, $"step {step}");
        }

        Optimizer<double> Create() => isSoap ? new Soap<double>(0.1) { Curvature = 0.9, Interval = 3 } : new Shampoo<double>(0.1) { Interval = 3 };

        MathNet.Numerics.LinearAlgebra.Matrix<double> Rotation(int size) => build.Dense(size, size, (_, _) => random.NextDouble() - 0.5).QR().Q;

        MathNet.Numerics.LinearAlgebra.Matrix<double> OfMap(Map<double> map)
        {
            double[] values = map.Parameters.ToArray();
            return build.Dense(m, n, (i, j) => values[(i * n) + j]);
        }
    }

    [Fact]
    public void OptionsAreChecked()
    {
        foreach (double wrong in new[] { double.NaN, -1, double.PositiveInfinity })
        {
            Assert.Throws<ArgumentOutOfRangeException>("learningRate", () => new Sgd<float>(wrong));
            Assert.Throws<ArgumentOutOfRangeException>("momentum", () => new Sgd<float>(1, wrong));
            Assert.Throws<ArgumentOutOfRangeException>("weightDecay", () => new Sgd<float>(1, weightDecay: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("learningRate", () => new AdamW<float>(wrong));
            Assert.Throws<ArgumentOutOfRangeException>("beta1", () => new AdamW<float>(1, beta1: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("beta2", () => new AdamW<float>(1, beta2: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("epsilon", () => new AdamW<float>(1, epsilon: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("weightDecay", () => new AdamW<float>(1, weightDecay: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("beta1", () => new Lion<float>(1, beta1: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("momentum", () => new Muon<float>(1, momentum: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("epsilon", () => new Muon<float>(1, epsilon: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("beta1", () => new Soap<float>(1, beta1: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("Curvature", () => new Soap<float>(1) { Curvature = wrong });
            Assert.Throws<ArgumentOutOfRangeException>("momentum", () => new Shampoo<float>(1, momentum: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("weightDecay", () => new Adafactor<float>(1, weightDecay: wrong));
            Assert.Throws<ArgumentOutOfRangeException>("LearningRate", () => new Sgd<float>(1).LearningRate = wrong);
        }

        Assert.Throws<ArgumentOutOfRangeException>("momentum", () => new Sgd<float>(1, 1));
        Assert.Throws<ArgumentException>("nesterov", () => new Sgd<float>(1, nesterov: true));
        Assert.Throws<ArgumentOutOfRangeException>("Interval", () => new Soap<float>(1) { Interval = 0 });
        Assert.Throws<ArgumentOutOfRangeException>("LargestSide", () => new Shampoo<float>(1) { LargestSide = 0 });
        Assert.Throws<ArgumentOutOfRangeException>("beta2", () => new AdamW<float>(1, beta2: 1));
        Assert.Throws<ArgumentOutOfRangeException>("epsilon", () => new AdamW<float>(1, epsilon: 0));
        Assert.Throws<ArgumentOutOfRangeException>("epsilon", () => new AdamW<float>(1, epsilon: 1e-60));
    }

    [Fact]
    public void AnOptimizerStepsOneMapWithItsOwnGradient()
    {
        using SignedDense<float> map = new(2, 2), other = new(2, 2);
        map.Initialize();
        float[] before = map.Parameters.ToArray();
        AdamW<float> optimizer = new(0.1);
        Assert.Throws<ArgumentException>("gradient", () => optimizer.Step(map, new float[3]));
        Assert.Throws<ArgumentNullException>("map", () => optimizer.Step(null!, new float[4]));
        Assert.Equal(before, map.Parameters.ToArray());
        optimizer.Step(map, new float[4]);
        Assert.Throws<ArgumentException>("map", () => optimizer.Step(other, new float[4]));
    }

    [Fact]
    public void LossGradientsAgreeWithDifferences()
    {
        const int Rows = 4, Outputs = 6;
        double[] y = Numbers.Draw<double>(Rows * Outputs, 1), targets = Numbers.Draw<double>(Rows * Outputs, 2);
        Check(new MeanSquaredError<double>(targets));
        Check(new CrossEntropy<double>(new[] { 0, 4, 2, 5 }));
        Check(new CrossEntropy<double>(new[] { 0, 2, 1, 1, 2, 2, 0, 1 }));
        double[] probabilities = [.. targets.Select(Math.Exp).Chunk(Outputs).SelectMany(row => row.Select(weight => weight / row.Sum()))];
        Check(new KullbackLeibler<double>(probabilities));
        Check(new KullbackLeibler<double>(probabilities, temperature: 3));

        void Check<TLoss>(TLoss loss)
            where TLoss : ILoss<double>
        {
            double[] dy = new double[y.Length], other = new double[y.Length];
            double whole = loss.Evaluate(y, dy, 0, Rows, Rows);
            Numbers.AssertClose<double>(Numbers.Differences(() => loss.Evaluate(y, other, 0, Rows, Rows), y), dy, 1e-9);

            // The chunks of a batch add up to it.
            double first = loss.Evaluate(y.AsSpan(0, Outputs), other.AsSpan(0, Outputs), 0, 1, Rows);
            double rest = loss.Evaluate(y.AsSpan(Outputs), other.AsSpan(Outputs), 1, Rows - 1, Rows);
            Assert.Equal(whole, first + rest, 1e-14);
            Numbers.AssertClose<double>(dy, other, 1e-15);
        }
    }

    /// <summary>Nothing between equal distributions, the logarithm of how much surer the targets are; targets that are sure have no logarithm of zero.</summary>
    [Fact]
    public void DivergencesAreTheFormula()
    {
        double[] dy = new double[4];
        Assert.Equal(0, new KullbackLeibler<double>(new[] { 0.25, 0.75, 0.5, 0.5 }).Evaluate([0, Math.Log(3), 7, 7], dy, 0, 2, 2), 1e-15);
        Assert.All(dy, slope => Assert.Equal(0, slope, 1e-15));
        Assert.Equal(Math.Log(2), new KullbackLeibler<double>(new double[] { 1, 0, 0, 1 }).Evaluate([5, 5, -1, -1], dy, 0, 2, 2), 1e-15);
        Assert.Equal([-0.25, 0.25, 0.25, -0.25], dy);
        Assert.Throws<ArgumentException>("targets", () => new KullbackLeibler<double>(new[] { 0.5, 0.6 }).Check(1, 2));
        Assert.Throws<ArgumentException>("targets", () => new KullbackLeibler<double>(new[] { -0.5, 1.5 }).Check(1, 2));
        Assert.Throws<ArgumentOutOfRangeException>("temperature", () => new KullbackLeibler<double>(new[] { 1.0 }, 0));
    }

    /// <summary>Each round has all rows once, whatever the batches are, and in another order than the one before; a step has the same rows in any run.</summary>
    [Theory]
    [InlineData(10, 4)]
    [InlineData(7, 7)]
    [InlineData(3, 8)]
    [InlineData(1, 2)]
    public void BatchesHaveAllRowsOnceARound(int count, int batch)
    {
        int[] Rows(long step)
        {
            int[] rows = new int[batch];
            MiniBatches.Draw(step, count, rows, seed: 5);
            return rows;
        }

        int[][] rounds = [.. Enumerable.Range(0, count * 6).SelectMany(step => Rows(step)).Take(count * batch * 6 / count * count).Chunk(count)];
        Assert.All(rounds, round => Assert.Equal(Enumerable.Range(0, count), round.Order()));
        Assert.True(count < 4 || rounds.Select(round => string.Join(' ', round)).Distinct().Count() > rounds.Length / 2);
        Assert.Equal(Rows(3), Rows(3));

        double[] data = [.. Enumerable.Range(0, 3 * count).Select(i => (double)i)], copy = new double[3 * batch];
        MiniBatches.Copy<double>(data, Rows(1), copy);
        Assert.Equal(Rows(1).SelectMany(row => new double[] { 3 * row, (3 * row) + 1, (3 * row) + 2 }), copy);
        Assert.Throws<ArgumentOutOfRangeException>("rows", () => MiniBatches.Copy<double>(data, [count], new double[3]));
        Assert.Throws<ArgumentException>("batch", () => MiniBatches.Copy<double>(data, [0, 0], new double[3]));
        Assert.Throws<ArgumentOutOfRangeException>("step", () => MiniBatches.Draw(long.MaxValue, count, new int[2]));
    }

    [Fact]
    public void PatienceEndsBehindTheBest()
    {
        var patience = new Patience(2, leastShare: 0.1);
        Assert.True(patience.Observe(10));
        Assert.False(patience.Observe(9.5));
        Assert.False(patience.Observe(double.NaN));
        Assert.False(patience.IsOver);
        Assert.False(patience.Observe(11));
        Assert.True(patience.IsOver);
        patience.Renew();
        Assert.False(patience.IsOver);
        Assert.True(patience.Observe(-1));
        Assert.Equal(-1, patience.Best);
        Assert.False(patience.Observe(-1.05));
        Assert.True(patience.Observe(-1.2));
    }

    [Fact]
    public void AveragesAreExponential()
    {
        using SignedDense<double> map = new(2, 3), other = new(2, 3), wrong = new(3, 3);
        map.Initialize(1);
        var average = new WeightAverage<double>(map, 0.75);
        Assert.Throws<InvalidOperationException>(() => average.CopyTo(other));
        var optimizer = new Sgd<double>(0.5);
        double[] expected = map.Parameters[..map.TrainedCount].ToArray();
        average.Update();
        for (int step = 0; step < 3; step++)
        {
            optimizer.Step(map, Numbers.Draw<double>(map.TrainedCount, step));
            average.Update();
            expected = [.. expected.Zip(map.Parameters.ToArray(), (a, p) => (0.75 * a) + (0.25 * p))];
        }

        average.CopyTo(other);
        Numbers.AssertClose<double>(expected, other.Parameters[..map.TrainedCount].ToArray(), 1e-15);
        Assert.Equal(map["f"].Values.ToArray(), other["f"].Values.ToArray());
        Assert.Throws<ArgumentException>("target", () => average.CopyTo(wrong));
        var resumed = new WeightAverage<double>(map, 0.75);
        resumed.Restore(average.Values);
        resumed.CopyTo(map);
        Assert.Equal(other.Parameters.ToArray(), map.Parameters.ToArray());
    }

    [Fact]
    public void OneCycleRisesAndFalls()
    {
        Assert.Equal(0.04, LearningRates.OneCycle(0, 100, 1), 1e-15);
        Assert.Equal(0.52, LearningRates.OneCycle(15, 100, 1), 1e-15);
        Assert.Equal(1, LearningRates.OneCycle(30, 100, 1), 1e-15);
        Assert.Equal(1e-5, LearningRates.OneCycle(100, 100, 1), 1e-15);
        Assert.Equal(1e-5, LearningRates.OneCycle(200, 100, 1), 1e-15);
        Assert.Throws<ArgumentOutOfRangeException>("rising", () => LearningRates.OneCycle(0, 10, 1, rising: 1));
    }

    [Fact]
    public void AccuracyCountsTheLargest()
    {
        double[] outputs = [1, 3, 2, 5, 5, 0, double.NaN, 1, 2];
        Assert.Equal(2 / 3.0, Metrics.Accuracy<double>(outputs, [1, 0, 0]), 1e-15); // of equal ones the first
        Assert.Equal(2 / 3.0, Metrics.Accuracy<double>(outputs, [2, 1, 0], top: 2), 1e-15);
        Assert.Equal(1, Metrics.Accuracy<double>(outputs, [2, 1, 0], top: 3));
        Assert.Throws<ArgumentOutOfRangeException>("labels", () => Metrics.Accuracy<double>(outputs, [0, 0, 3]));
        Assert.Throws<ArgumentOutOfRangeException>("top", () => Metrics.Accuracy<double>(outputs, [0, 0, 0], top: 4));
    }

    [Fact]
    public void LossesAreTheFormulas()
    {
        double[] dy = new double[4];
        Assert.Equal((1 + 4 + 0 + 9) / 4.0, new MeanSquaredError<double>(new double[] { 1, 0, 3, 7 }).Evaluate([2, 2, 3, 4], dy, 0, 2, 2));
        Assert.Equal([0.5, 1, 0, -1.5], dy);
        Assert.Equal(Math.Log(2), new CrossEntropy<double>(new[] { 0, 1 }).Evaluate([3, 3, -1, -1], dy, 0, 2, 2), 1e-15);
        Assert.Equal([-0.25, 0.25, 0.25, -0.25], dy);

        // The same numbers as parts of one row.
        Assert.Equal(Math.Log(2), new CrossEntropy<double>(new[] { 0, 1 }).Evaluate([3, 3, -1, -1], dy, 0, 1, 1), 1e-15);
        Assert.Equal([-0.25, 0.25, 0.25, -0.25], dy);
    }

    /// <summary>Values by their definitions, slopes by differences; a batch in two chunks gives what it gives whole.</summary>
    [Fact]
    public void LossesAreTheirDefinitionsAndSlopes()
    {
        double[] y = [0.3, -1.2, 2, 0.1, 4, -0.7], probabilities = [0, 1, 0.25, 1, 0, 0.5], weights = [1, 0, 3];
        Check(new HuberLoss<double>(probabilities, 0.8), (o, i) => Math.Abs(o[i] - probabilities[i]) is var d && d <= 0.8 ? d * d / 2 : 0.8 * (d - 0.4), 6);
        Check(new BinaryCrossEntropy<double>(probabilities), (o, i) => -(probabilities[i] * Math.Log(1 / (1 + Math.Exp(-o[i])))) - ((1 - probabilities[i]) * Math.Log(1 - (1 / (1 + Math.Exp(-o[i]))))), 6);
        Check(new CrossEntropy<double>(new[] { 2, 0 }, smoothing: 0.1), (o, row) => -LogSoftmax(o, row).Select((value, c) => value * ((c == (row == 0 ? 2 : 0) ? 0.9 : 0) + (0.1 / 3))).Sum(), 2);
        Check(new CrossEntropy<double>(new[] { 2, 0 }, classWeights: weights), (o, row) => -(row == 0 ? 3 : 1) / 2.0 * LogSoftmax(o, row)[row == 0 ? 2 : 0], 2);

        Assert.True(double.IsFinite(new BinaryCrossEntropy<float>(new float[] { 0, 1 }).Evaluate([3e38f, -3e38f], new float[2], 0, 1, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HuberLoss<double>(y, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CrossEntropy<double>(new int[1], smoothing: 1));
        Assert.Throws<ArgumentException>(() => new CrossEntropy<double>(new int[1], classWeights: weights).Check(1, 2));
        Assert.Throws<ArgumentException>(() => new CrossEntropy<double>(new[] { 1 }, classWeights: weights).Check(1, 3));
        Assert.Throws<ArgumentException>(() => new BinaryCrossEntropy<double>(new[] { 1.5 }).Check(1, 1));

        void Check<TLoss>(TLoss loss, Func<double[], int, double> term, int terms)
            where TLoss : struct, ILoss<double>
        {
            double[] dy = new double[6], other = new double[6];
            loss.Check(2, 3);
            double value = loss.Evaluate(y, dy, 0, 2, 2);
            Assert.Equal(Enumerable.Range(0, terms).Sum(i => term(y, i)) / terms, value, 1e-12);
            Assert.Equal(value, loss.Evaluate(y.AsSpan(0, 3), other.AsSpan(0, 3), 0, 1, 2) + loss.Evaluate(y.AsSpan(3), other.AsSpan(3), 1, 1, 2), 1e-14);
            for (int i = 0; i < 6; i++)
            {
                double[] up = [.. y], down = [.. y];
                (up[i], down[i]) = (up[i] + 1e-6, down[i] - 1e-6);
                Assert.Equal((loss.Evaluate(up, other, 0, 2, 2) - loss.Evaluate(down, other, 0, 2, 2)) / 2e-6, dy[i], 1e-8);
            }
        }

        static double[] LogSoftmax(double[] o, int row)
        {
            double[] own = o[(3 * row)..(3 * row + 3)];
            return [.. own.Select(value => value - Math.Log(own.Sum(Math.Exp)))];
        }
    }

    [Fact]
    public void CrossEntropyDoesNotOverflow()
    {
        float[] dy = new float[3];
        Assert.Equal(0, new CrossEntropy<float>(new[] { 1 }).Evaluate([-3e38f, 3e38f, 0], dy, 0, 1, 1));
        Assert.Equal([0, 0, 0], dy);
        Assert.Equal(2000, new CrossEntropy<float>(new[] { 0 }).Evaluate([-1000, 1000, 0], dy, 0, 1, 1), 1e-3);
        Assert.Equal([-1, 1, 0], dy);
    }
}
