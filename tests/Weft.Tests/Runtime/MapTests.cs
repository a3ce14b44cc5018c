using System.Numerics.Tensors;

namespace Weft.Tests.Runtime;

public sealed class MapTests
{
    private const int Inputs = 5;
    private const int Outputs = 3;

    [Fact]
    public void ANewMapIsZeroAndComputesNothingYet()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        Assert.All(map.Parameters.ToArray(), value => Assert.Equal(0, value));
        Assert.All(map["s"].Values.ToArray(), sign => Assert.Equal(1, Math.Abs(sign)));
        float[] x = [1, 2, 3, 4, 5], y = [1, 1, 1], gradient = new float[15];
        const string Message = "SignedDense was never given its parameters: call Initialize, or write them in an Edit, first.";
        Action[] calls =
        [
            () => map.Forward(x, y),
            () => map.Gradient(x, y, default, gradient),
            () => map.LossGradient(x, new MeanSquaredError<float>(y), gradient),
            () => map.Tangent(x, x, default, default, y),
            () => map.Adjoint(y, x),
            () => map.ToDense(gradient),
        ];
        Assert.All(calls, call => Assert.Equal(Message, Assert.Throws<InvalidOperationException>(call).Message));
        Assert.Equal([1, 1, 1], y);
        using (map.Edit())
        {
        }

        map.Forward(x, y);
        Assert.Equal([0, 0, 0], y);
    }

    [Fact]
    public void NothingElseRunsInAnEdit()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        map.Initialize(1);
        float[] x = [1, 2, 3, 4, 5], y = new float[3], before = map.Parameters.ToArray();
        ParameterEdit<float> edit = map.Edit();
        Assert.Contains("being edited", Assert.Throws<InvalidOperationException>(() => map.Forward(x, y)).Message, StringComparison.Ordinal);
        Assert.Contains("dispose that edit", Assert.Throws<InvalidOperationException>(() => map.Edit().Dispose()).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => map.Initialize(2));
        Assert.Throws<InvalidOperationException>(() => new Sgd<float>(0.1).Step(map, new float[15]));
        edit.Dispose();
        map.Forward(x, y);

        // The end of an edit that has ended is not the end of the next one.
        ParameterEdit<float> next = map.Edit();
        edit.Dispose();
        Assert.Throws<InvalidOperationException>(() => map.Forward(x, y));
        next.Dispose();
        map.Forward(x, y);
        Assert.Equal(before, map.Parameters);
    }

    /// <summary>Write access is to the parameters themselves: what was written stays, and the map goes on.</summary>
    [Fact]
    public void AnEditThatAnExceptionEnds_KeepsWhatWasWritten()
    {
        using SignedDense<float> map = new(Outputs, Inputs), same = new(Outputs, Inputs);
        map.Initialize(1);
        same.Initialize(1);
        Assert.Throws<FormatException>(Broken);
        using (ParameterEdit<float> edit = same.Edit())
        {
            edit.All[0] = 7;
        }

        float[] x = [1, 2, 3, 4, 5], y = new float[3], expected = new float[3];
        map.Forward(x, y);
        same.Forward(x, expected);
        Assert.Equal(expected, y);

        void Broken()
        {
            using ParameterEdit<float> edit = map.Edit();
            edit.All[0] = 7;
            throw new FormatException();
        }
    }

    [Fact]
    public void ParametersThatChangeDuringACall_AreNoticed()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        map.Initialize(1);
        var error = Assert.Throws<InvalidOperationException>(() => map.LossGradient(new float[10], new Meddling(map), new float[15]));
        Assert.Contains("changed during a call", error.Message, StringComparison.Ordinal);
        map.LossGradient(new float[10], new MeanSquaredError<float>(new float[6]), new float[15]);
    }

    /// <summary>As if another thread took a step of an optimizer.</summary>
    private readonly struct Meddling(Map<float> map) : ILoss<float>
    {
        public void Check(int batch, int outputs)
        {
        }

        public double Evaluate(ReadOnlySpan<float> y, Span<float> dy, int first, int rows, int batch)
        {
            new Sgd<float>(0.1).Step(map, new float[map.TrainedCount]);
            return 0;
        }
    }

    [Fact]
    public void ParametersHaveNamesShapesAndOneAlignedBuffer()
    {
        using TanhLayer<double> map = new(Outputs, Inputs);
        map.Initialize(3);
        Assert.Equal(map.ParameterCount, map.Parameters.Length);
        unsafe
        {
            fixed (double* p = map.Parameters)
            {
                // Guarded memory ends where it must, and begins anywhere.
                Assert.True(Guards.AreOn || (nuint)p % 64 == 0);
            }
        }

        Assert.Equal("b", map[1].Info.Name);
        Assert.True(map.Parameters.Slice(15, 3).SequenceEqual(map["b"].Values));
        ReadOnlyTensorSpan<double> tensor = map["W"].AsTensorSpan();
        Assert.Equal([3, 5], tensor.Lengths.ToArray());
        Assert.Equal(map["W"].Values[7], tensor[1, 2]);
        Assert.Equal(1.5, map["c"].AsTensorSpan()[0]);
        Assert.Contains("It has: W, b, c.", Assert.Throws<ArgumentException>(() => map["w"]).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => map[3]);
    }

    [Fact]
    public void AnEditBringsPackedTensorsUpToDate()
    {
        using SignedDense<double> map = new(1, 2);
        double sign = map["s"].Values[0];
        using (ParameterEdit<double> edit = map.Edit())
        {
            edit["W"].Fill(3);
            edit[1].Fill(0.5);
            Assert.Equal(2, edit.Trained.Length);
            Assert.Equal(3, edit.All.Length);
            bool refused = false;
            try
            {
                edit["s"].Clear();
            }
            catch (ArgumentException exception)
            {
                refused = exception.Message.Contains("drawn from its seed", StringComparison.Ordinal);
            }

            Assert.True(refused);
        }

        double[] y = new double[1];
        map.Forward([1, 1], y);
        Assert.Equal(3 * sign, y[0]);
    }

    [Fact]
    public void InitializationIsReproducible()
    {
        using SignedDense<float> a = new(Outputs, Inputs), b = new(Outputs, Inputs);
        a.Initialize(1);
        b.Initialize(1);
        Assert.True(a.Parameters.SequenceEqual(b.Parameters));
        Assert.All(a["f"].Values.ToArray(), value => Assert.Equal(2, value));
        b.Initialize(2);
        Assert.False(a.Parameters.SequenceEqual(b.Parameters));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(67)]
    public void GradientsAgreeWithDifferences(int batch)
    {
        using TanhLayer<double> map = new(Outputs, Inputs);
        map.Initialize(1);
        double[] x = Numbers.Draw<double>(batch * Inputs, 2), dy = Numbers.Draw<double>(batch * Outputs, 3), y = new double[batch * Outputs];
        double[] dx = new double[x.Length], gradient = Enumerable.Repeat(1.0, map.TrainedCount).ToArray();
        map.Gradient(x, dy, dx, gradient);
        Numbers.AssertClose<double>(Numbers.Differences(Value, x), dx, 1e-8);

        double[] parameters = map.Parameters.ToArray();
        double[] expected = Numbers.Differences(
            () =>
            {
                using (ParameterEdit<double> edit = map.Edit())
                {
                    parameters.CopyTo(edit.All);
                }

                return Value();
            },
            parameters);
        Numbers.AssertClose<double>([.. expected.Select(value => value + 1)], gradient, 1e-8); // it is added to

        double Value()
        {
            map.Forward(x, y);
            return TensorPrimitives.Dot<double>(y, dy);
        }
    }

    [Fact]
    public void DerivedTensorsPassTheirGradientsOn()
    {
        using SignedDense<double> map = new(Outputs, Inputs);
        map.Initialize(1);
        double[] x = Numbers.Draw<double>(40 * Inputs, 2), dy = Numbers.Draw<double>(40 * Outputs, 3), gradient = new double[map.TrainedCount];
        map.Gradient(x, dy, default, gradient);
        double[] expected = new double[gradient.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            for (int row = 0; row < 40; row++)
            {
                expected[i] += 2 * map["s"].Values[i / Inputs] * dy[row * Outputs + i / Inputs] * x[row * Inputs + i % Inputs];
            }
        }

        Numbers.AssertClose<double>(expected, gradient, 1e-12);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void TangentsAgreeWithGradients(bool inputs, bool parameters)
    {
        const int Batch = 37;
        Check(new TanhLayer<double>(Outputs, Inputs));
        Check(new SignedDense<double>(Outputs, Inputs));

        void Check(Map<double> map)
        {
            using Map<double> owned = map;
            map.Initialize(1);
            double[] x = Numbers.Draw<double>(Batch * Inputs, 2), adjoint = Numbers.Draw<double>(Batch * Outputs, 3);
            double[] dx = inputs ? Numbers.Draw<double>(x.Length, 4) : [], dp = parameters ? Numbers.Draw<double>(map.TrainedCount, 5) : [];
            double[] y = new double[Batch * Outputs], dy = new double[y.Length], forward = new double[y.Length];
            map.Tangent(x, dx, dp, y, dy);
            map.Forward(x, forward);
            Assert.Equal(forward, y);

            double[] slopes = new double[x.Length], gradient = new double[map.TrainedCount];
            map.Gradient(x, adjoint, slopes, gradient);
            double expected = (inputs ? TensorPrimitives.Dot<double>(slopes, dx) : 0) + (parameters ? TensorPrimitives.Dot<double>(gradient, dp) : 0);
            Assert.Equal(expected, TensorPrimitives.Dot<double>(adjoint, dy), 1e-10);

            double[] again = new double[y.Length];
            map.Tangent(x, dx, dp, default, again);
            Assert.Equal(dy, again);
        }
    }

    [Fact]
    public void TheLossAndItsGradientAgreeWithTheStepsOneByOne()
    {
        const int Batch = 41;
        using TanhLayer<double> map = new(Outputs, Inputs);
        map.Initialize(1);
        double[] x = Numbers.Draw<double>(Batch * Inputs, 2), targets = Numbers.Draw<double>(Batch * Outputs, 3);
        double[] gradient = new double[map.TrainedCount], expected = new double[map.TrainedCount];
        double loss = map.LossGradient(x, new MeanSquaredError<double>(targets), gradient);

        double[] y = new double[Batch * Outputs], dy = new double[y.Length];
        map.Forward(x, y);
        Assert.Equal(new MeanSquaredError<double>(targets).Evaluate(y, dy, 0, Batch, Batch), loss, 1e-14);
        map.Gradient(x, dy, default, expected);
        Numbers.AssertClose<double>(expected, gradient, 1e-14);
        Assert.Equal(loss, map.LossGradient(x, new MeanSquaredError<double>(targets), default));
    }

    [Fact]
    public void TheAdjointAndTheDenseFormAreOfTheSameMatrix()
    {
        using SignedDense<double> map = new(19, 4);
        map.Initialize(1);
        double[] matrix = new double[19 * 4], x = Numbers.Draw<double>(4, 1), y = new double[19], image = new double[4], expected = new double[4];
        map.ToDense(matrix);
        map.Forward(x, y);
        map.Adjoint(y, image);
        for (int i = 0; i < 19; i++)
        {
            Assert.Equal(TensorPrimitives.Dot<double>(matrix.AsSpan(4 * i, 4), x), y[i], 1e-13);
            TensorPrimitives.MultiplyAdd(matrix.AsSpan(4 * i, 4), y[i], expected, expected);
        }

        Numbers.AssertClose<double>(expected, image, 1e-13);
    }

    [Fact]
    public void TensorsOfTwoAxesAreBatches()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        map.Initialize(1);
        Tensor<float> x = Tensor.Create(Numbers.Draw<float>(2 * Inputs, 1), [2, Inputs]);
        Tensor<float> y = Tensor.CreateFromShape<float>([2, Outputs]), dy = Tensor.CreateFromShape<float>([2, Outputs]), dx = Tensor.CreateFromShape<float>([2, Inputs]);
        float[] expected = new float[2 * Outputs], gradient = new float[map.TrainedCount], expectedGradient = new float[map.TrainedCount];
        float[] rows = new float[2 * Inputs], rowsX = new float[2 * Inputs], expectedX = new float[2 * Inputs], found = new float[2 * Outputs];
        x.FlattenTo(rows);
        map.Forward(rows, expected);
        map.Forward(x.AsReadOnlyTensorSpan(), y.AsTensorSpan());
        y.FlattenTo(found);
        Assert.Equal(expected, found);

        map.Gradient(x.AsReadOnlyTensorSpan(), y.AsReadOnlyTensorSpan(), dx.AsTensorSpan(), gradient);
        map.Gradient(rows, expected, expectedX, expectedGradient);
        dx.FlattenTo(rowsX);
        Assert.Equal(expectedX, rowsX);
        Assert.Equal(expectedGradient, gradient);

        map.Tangent(x.AsReadOnlyTensorSpan(), x.AsReadOnlyTensorSpan(), default, default, dy.AsTensorSpan());
        dy.FlattenTo(found);
        Numbers.AssertClose<float>(expected, found, 1e-6);
        map.Adjoint(y.AsReadOnlyTensorSpan(), dx.AsTensorSpan());
        dx.FlattenTo(rowsX);
        Assert.Equal(expectedX, rowsX);
        Assert.Equal(
            map.LossGradient(rows, new CrossEntropy<float>(new[] { 0, 1 }), default),
            map.LossGradient(x.AsReadOnlyTensorSpan(), new CrossEntropy<float>(new[] { 0, 1 }), default));

        Tensor<float> wrong = Tensor.CreateFromShape<float>([Inputs, 2]);
        Assert.Contains(
            "shape [5, 2]; [batch, 5]",
            Assert.Throws<ArgumentException>("x", () => map.Forward(wrong.AsReadOnlyTensorSpan(), y.AsTensorSpan())).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "not dense",
            Assert.Throws<ArgumentException>("x", () => map.Forward(new ReadOnlyTensorSpan<float>(new float[20], [2, Inputs], [1, 2]), y.AsTensorSpan())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void WrongLengthsAreNamedBeforeAnythingIsWritten()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        map.Initialize(1);
        float[] x = new float[10], y = [9, 9, 9, 9, 9, 9], bad = [9, 9, 9, 9, 9], gradient = Enumerable.Repeat(9f, 15).ToArray();
        Refuses("x", "11 elements", () => map.Forward(new float[11], y));
        Refuses("y", "5 elements; 6 are expected (2 × 3)", () => map.Forward(x, bad));
        Refuses("x", "7 elements", () => map.Gradient(new float[7], y, default, gradient));
        Refuses("dy", "5 elements", () => map.Gradient(x, bad, default, gradient));
        Refuses("dx", "5 elements; 10", () => map.Gradient(x, y, bad, gradient));
        Refuses("gradient", "5 elements; 15", () => map.Gradient(x, y, default, bad));
        Refuses("x", "7 elements", () => map.Tangent(new float[7], default, default, default, y));
        Refuses("dx", "5 elements; 10", () => map.Tangent(x, bad, default, default, y));
        Refuses("dParameters", "5 elements; 15", () => map.Tangent(x, default, bad, default, y));
        Refuses("y", "5 elements; 6", () => map.Tangent(x, default, default, bad, y));
        Refuses("dy", "5 elements; 6", () => map.Tangent(x, default, default, default, bad));
        Refuses("y", "5 elements", () => map.Adjoint(bad, x));
        Refuses("x", "5 elements; 10", () => map.Adjoint(y, bad));
        Refuses("matrix", "5 elements; 15", () => map.ToDense(bad));
        Refuses("x", "at least one row", () => map.LossGradient([], new MeanSquaredError<float>(default), gradient));
        Refuses("x", "7 elements", () => map.LossGradient(new float[7], new MeanSquaredError<float>(y), gradient));
        Refuses("gradient", "5 elements; 15", () => map.LossGradient(x, new MeanSquaredError<float>(y), bad));
        Refuses("targets", "5 elements; 6", () => map.LossGradient(x, new MeanSquaredError<float>(bad), gradient));
        Refuses("labels", "4 elements; 2 are expected, or for each of these rows as many as divide its 3 outputs", () => map.LossGradient(x, new CrossEntropy<float>(new int[4]), gradient));
        Refuses("labels", "labels[5] is 1; the classes are 0 to 0", () => map.LossGradient(x, new CrossEntropy<float>(new[] { 0, 0, 0, 0, 0, 1 }), gradient));
        Refuses("labels", "1 elements; 2", () => map.LossGradient(x, new CrossEntropy<float>(new[] { 0 }), gradient));
        Refuses("labels", "labels[1] is 3; the classes are 0 to 2", () => map.LossGradient(x, new CrossEntropy<float>(new[] { 0, 3 }), gradient));
        Refuses("labels", "labels[0] is -1", () => map.LossGradient(x, new CrossEntropy<float>(new[] { -1, 2 }), gradient));
        Assert.All([.. y, .. bad, .. gradient], value => Assert.Equal(9, value));
    }

    [Fact]
    public void OverlapsAreRefused()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        map.Initialize();
        float[] memory = new float[100];
        Refuses("y", "overlap x", () => map.Forward(memory.AsSpan(0, 10), memory.AsSpan(9, 6)));
        Refuses("dx", "overlap x", () => map.Gradient(memory.AsSpan(0, 10), new float[6], memory.AsSpan(0, 10), default));
        Refuses("dx", "overlap dy", () => map.Gradient(new float[10], memory.AsSpan(0, 6), memory.AsSpan(0, 10), default));
        Refuses("gradient", "overlap x", () => map.Gradient(memory.AsSpan(0, 10), new float[6], default, memory.AsSpan(0, 15)));
        Refuses("gradient", "overlap dx", () => map.Gradient(new float[10], new float[6], memory.AsSpan(0, 10), memory.AsSpan(0, 15)));
        Refuses("gradient", "overlap x", () => map.LossGradient(memory.AsSpan(0, 10), new MeanSquaredError<float>(new float[6]), memory.AsSpan(0, 15)));
        Refuses("dy", "overlap y", () => map.Tangent(new float[10], default, default, memory.AsSpan(0, 6), memory.AsSpan(5, 6)));
        Refuses("y", "overlap dParameters", () => map.Tangent(new float[10], default, memory.AsSpan(0, 15), memory.AsSpan(0, 6), new float[6]));
        Refuses("x", "overlap y", () => map.Adjoint(memory.AsSpan(0, 6), memory.AsSpan(0, 10)));
    }

    [Fact]
    public void AnEmptyBatchIsNoWork()
    {
        using SignedDense<float> map = new(Outputs, Inputs);
        map.Initialize();
        float[] gradient = new float[15];
        map.Forward([], []);
        map.Gradient([], [], [], gradient);
        map.Tangent([], [], [], [], []);
        map.Adjoint([], []);
        Assert.All(gradient, value => Assert.Equal(0, value));
    }

    [Fact]
    public void ADisposedMapSaysSo()
    {
        SignedDense<float> map = new(Outputs, Inputs);
        ParameterView<float> view = map["W"];
        map.Dispose();
        map.Dispose();
        Assert.Equal(15, view.Values.Length); // a view keeps its memory
        float[] x = new float[5], y = new float[3];
        Assert.Throws<ObjectDisposedException>(() => map.Forward(x, y));
        Assert.Throws<ObjectDisposedException>(() => map.Gradient(x, y, default, default));
        Assert.Throws<ObjectDisposedException>(() => map.LossGradient(x, new MeanSquaredError<float>(y), default));
        Assert.Throws<ObjectDisposedException>(() => map.Tangent(x, default, default, default, y));
        Assert.Throws<ObjectDisposedException>(() => map.Adjoint(y, x));
        Assert.Throws<ObjectDisposedException>(() => map.ToDense(new float[15]));
        Assert.Throws<ObjectDisposedException>(() => map.Initialize());
        Assert.Throws<ObjectDisposedException>(() => { map.Edit().Dispose(); });
        Assert.Throws<ObjectDisposedException>(() => map.Parameters.Length);
        Assert.Throws<ObjectDisposedException>(() => map["W"]);
        Assert.Throws<ObjectDisposedException>(() => new Sgd<float>(1).Step(map, new float[15]));
    }

    [Fact]
    public void ElementsAreFloatOrDoubleAndDescriptionsConsistent()
    {
        Assert.Throws<NotSupportedException>(() => new SignedDense<Half>(1, 1));
        Assert.Contains("Inputs and Outputs", Assert.Throws<ArgumentException>(() => new SignedDense<float>(0, 1)).Message, StringComparison.Ordinal);
    }

    private static void Refuses(string argument, string message, Action call) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(argument, call).Message, StringComparison.Ordinal);
}
