using System.Numerics;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Saving;

/// <summary>Training runs that stop and go on, and what a training loop needs between the gradient and the step.</summary>
public class CheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;
    private readonly WeftAssembly _maps = WeftAssembly.Compile(
    [
        (TestModules.Formula("dense(3, 5) . tanh . bias . lora_frozen_a(5, 4, 2)"), new GenerateOptions("Single")),
        (TestModules.Formula("dense(3, 5) . tanh . bias . lora_frozen_a(5, 4, 2)"), new GenerateOptions("Double", Scalar: Scalar.Double)),
        (TestModules.Formula("dense(3, 5) . tanh . dense(5, 4)"), new GenerateOptions("Other")),
    ]);

    public void Dispose()
    {
        _maps.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Map<T> Create<T>()
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => _maps.Create<T>(typeof(T).Name);

    [Fact]
    public void ARunThatStops_GoesOnThroughTheSameBits()
    {
        GoesOn(() => new AdamW<float>(1e-2));
        GoesOn(() => new AdamW<double>(1e-2, beta2: 0.99));
        GoesOn(() => new Sgd<float>(1e-2, momentum: 0.9, nesterov: true));
        GoesOn(() => new Sgd<double>(1e-2));
        GoesOn(() => new Lion<float>(1e-2));
        GoesOn(() => new Muon<float>(1e-2));
        GoesOn(() => new Soap<float>(1e-2) { Interval = 4 });
        GoesOn(() => new Shampoo<double>(1e-2) { Interval = 3 });
        GoesOn(() => new Adafactor<float>(1e-2, 0.1));
    }

    private void GoesOn<T>(Func<Optimizer<T>> create)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int Steps = 12;
        string path = Path.Combine(_folder, $"{create().GetType().Name}.{typeof(T).Name}.safetensors");
        using Map<T> whole = Create<T>();
        whole.Initialize(1);
        Run(whole, create(), 0, Steps, _ => { });
        for (int stop = 0; stop < Steps; stop += 5)
        {
            // Killed behind the step after the checkpoint: what it did is lost, and done again.
            using Map<T> killed = Create<T>();
            killed.Initialize(1);
            Optimizer<T> optimizer = create();
            if (stop == 0)
            {
                Checkpoint.Save(path, killed, optimizer, 0);
            }

            Run(killed, optimizer, 0, stop + 1, done => Checkpoint.Save(path, killed, optimizer, done), last: stop);

            using Map<T> resumed = Create<T>();
            resumed.Initialize(2);
            Optimizer<T> other = create();
            long step = Checkpoint.Load(path, resumed, other);
            Assert.Equal(stop, step);
            Run(resumed, other, step, Steps, _ => { });
            Assert.True(whole.Parameters.SequenceEqual(resumed.Parameters), $"{path} behind step {stop}");
        }

        static void Run(Map<T> map, Optimizer<T> optimizer, long first, long end, Action<long> saves, long last = -1)
        {
            T[] gradient = new T[map.TrainedCount];
            for (long step = first; step < end; step++)
            {
                var random = new Random((int)step);
                T[] x = [.. Numbers.Normal(random, 6 * map.Inputs).Select(T.CreateChecked)], target = [.. Numbers.Normal(random, 6 * map.Outputs).Select(T.CreateChecked)];
                Array.Clear(gradient);
                map.LossGradient(x, new MeanSquaredError<T>(target), gradient);
                map.RequireFinite<T>(gradient);
                Gradients.ClipNorm<T>(gradient, 0.5);
                optimizer.LearningRate = LearningRates.Cosine(step, 12, 0.1, warmUp: 3);
                optimizer.Step(map, gradient);
                if (step + 1 == last)
                {
                    saves(last);
                }
            }
        }
    }

    [Fact]
    public void WhatDoesNotFit_IsRefusedAndChangesNothing()
    {
        using Map<float> map = Create<float>();
        map.Initialize(1);
        string path = Path.Combine(_folder, "run.safetensors");
        Checkpoint.Save(path, map, new AdamW<float>(1e-3), 7);
        byte[] file = File.ReadAllBytes(path);

        using Map<float> other = _maps.Create<float>("Other");
        using Map<double> wide = Create<double>();
        Refuses(map, new AdamW<float>(1e-3, beta1: 0.8), "its optimizer is AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1E-08, weightDecay: 0.01), not AdamW(beta1: 0.8,");
        Refuses(map, new Sgd<float>(1e-3), "not Sgd(momentum: 0, nesterov: False, weightDecay: 0)");
        Refuses(other, new AdamW<float>(1e-3), "it has no parameter '");
        Refuses(wide, new AdamW<double>(1e-3), "is F32, and the map has F64");
        using (FileStream parameters = File.Create(path))
        {
            map.Save(parameters);
        }

        Refuses(map, new AdamW<float>(1e-3), "it was not written as a checkpoint");
        for (int length = 0; length < file.Length; length += 97)
        {
            File.WriteAllBytes(path, file[..length]);
            Refuses(map, new AdamW<float>(1e-3), "");
        }

        void Refuses<T>(Map<T> target, Optimizer<T> optimizer, string expected)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            T[] before = target.Parameters.ToArray();
            Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => Checkpoint.Load(path, target, optimizer)).Message, StringComparison.Ordinal);
            Assert.Equal(before, target.Parameters.ToArray());
        }
    }

    /// <summary>A file that cannot be written leaves the one before, and none beside it.</summary>
    [Fact]
    public void AFileIsThereAsAWholeOrAsItWas()
    {
        using Map<float> map = Create<float>();
        var optimizer = new AdamW<float>(1e-3);
        string path = Path.Combine(_folder, "run.safetensors");
        Checkpoint.Save(path, map, optimizer, 1);
        byte[] before = File.ReadAllBytes(path);
        Assert.ThrowsAny<IOException>(() => Checkpoint.Save(Path.Combine(_folder, "nowhere", "run.safetensors"), map, optimizer, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Checkpoint.Save(path, map, optimizer, -1));
        Directory.CreateDirectory(Path.Combine(_folder, "taken"));
        Assert.ThrowsAny<Exception>(() => Checkpoint.Save(Path.Combine(_folder, "taken"), map, optimizer, 2));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void LearningRatesAreThoseOfTheirFormulas()
    {
        Assert.Equal([0.25, 0.5, 0.75, 1], Enumerable.Range(0, 4).Select(step => LearningRates.Cosine(step, 12, 1, warmUp: 4)));
        Assert.Equal(1, LearningRates.Cosine(4, 12, 1, warmUp: 4));
        Assert.Equal(0.55, LearningRates.Cosine(8, 12, 1, warmUp: 4, floor: 0.1), 1e-15);
        Assert.Equal(0.1, LearningRates.Cosine(12, 12, 1, warmUp: 4, floor: 0.1), 1e-15);
        Assert.Equal([1, 0.75, 0.5, 0.25, 0, 0], Enumerable.Range(0, 6).Select(step => LearningRates.Linear(step, 4, 1)));
        Assert.Equal([8, 8, 4, 4, 2], Enumerable.Range(0, 5).Select(step => LearningRates.Stairs(step, 8, 2, 0.5)));
        Assert.Throws<ArgumentOutOfRangeException>("warmUp", () => LearningRates.Cosine(0, 4, 1, warmUp: 4));
        Assert.Throws<ArgumentOutOfRangeException>("step", () => LearningRates.Linear(-1, 4, 1));
    }

    [Fact]
    public void GradientsAreBounded()
    {
        float[] large = [3e30f, -4e30f, 0];
        Assert.Equal(5e30, Gradients.ClipNorm<float>(large, 10), 1e24);
        Assert.Equal(6, large[0], 1e-5);
        Assert.Equal(-8, large[1], 1e-5);
        double[] small = [0.3, -0.4], infinite = [double.PositiveInfinity, 1];
        Assert.Equal(0.5, Gradients.ClipNorm<double>(small, 1), 1e-15);
        Assert.Equal([0.3, -0.4], small);
        Assert.Equal(double.PositiveInfinity, Gradients.ClipNorm<double>(infinite, 1));
        Assert.Equal(1, infinite[1]);
        Assert.Equal(0, Gradients.ClipNorm<double>([], 1));
        Gradients.ClipValues<double>(small, 0.35);
        Assert.Equal([0.3, -0.35], small);

        using Map<float> map = Create<float>();
        float[] gradient = new float[map.TrainedCount];
        map.RequireFinite<float>(gradient);
        ParameterInfo info = map.Description.Parameters.First(info => info.Name == "bias");
        gradient[info.Offset + 2] = float.NaN;
        Assert.Equal("The gradient for 'bias' of Test holds what is not a number.", Assert.Throws<ArithmeticException>(() => map.RequireFinite<float>(gradient)).Message);
    }
}
