using Weft.Compiler;
using Weft.Dynamic;
using Weft.OpenCl;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.OpenCl;

/// <summary>Training on the device ends where training on the processor does.</summary>
public class DeviceTrainingTests
{
    private const int Batch = 21;

    [OpenClTheory]
    [InlineData("bias . dense(5, 8) . tanh . monarch(8, 2) . gelu . bias . dense(8, 6)", DeviceLoss.CrossEntropy, "adamw")]
    [InlineData("blast(6, 9, 3, 3, 2)", DeviceLoss.MeanSquaredError, "nesterov")]
    [InlineData("tucker(7, 9, 3, 4)", DeviceLoss.MeanSquaredError, "momentum")]
    [InlineData("block_tensor_train([5, 4], [3, 4], [1, 2, 1]) . lora(12, 9, 4, 4, 8)", DeviceLoss.MeanSquaredError, "adamw")]
    [InlineData("block_tensor_train([5, 4], [3, 4], [1, 2, 1]) . lora(12, 9, 4, 4, 8)", DeviceLoss.MeanSquaredError, "nesterov")]
    [InlineData("operator f : 8 -> 6\n  param(half) W[6, 8] ~ fan_in\n  = W", DeviceLoss.MeanSquaredError, "momentum")]
    [InlineData("hra(6, 8, 4)", DeviceLoss.MeanSquaredError, "sgd")]
    [InlineData("dora(6, 8, 2)", DeviceLoss.MeanSquaredError, "adamw")]
    public void EndsWhereTheProcessorDoes(string formula, DeviceLoss loss, string rule)
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = WeftAssembly.Compile([(TestModules.Formula(formula), new GenerateOptions("Map", Targets: DeviceTargets.OpenCl))]);
        using Map<float> expected = assembly.Create<float>("Map"), map = assembly.Create<float>("Map");
        expected.Initialize(seed: 2);
        map.Initialize(seed: 2);
        int[] labels = [.. Enumerable.Range(0, Batch).Select(i => i * 7 % map.Outputs)];
        float[] x = Numbers(Batch * map.Inputs);
        float[] targets = loss == DeviceLoss.CrossEntropy ? [.. labels.Select(label => (float)label)] : Numbers(Batch * map.Outputs);

        using var device = new OpenClMap<float>(map, context, maxRows: 16);
        using var deviceX = new OpenClBuffer<float>(context, x.Length);
        using var deviceTargets = new OpenClBuffer<float>(context, targets.Length);
        using var deviceGradient = new OpenClBuffer<float>(context, map.TrainedCount);
        using var deviceLoss = new OpenClBuffer<float>(context, 1);
        deviceX.Write(x);
        deviceTargets.Write(targets);
        Optimizer<float> here = Rule(rule), there = Rule(rule);
        float[] gradient = new float[map.TrainedCount], value = new float[1];
        for (int step = 0; step < 6; step++)
        {
            Array.Clear(gradient);
            double mean = loss == DeviceLoss.CrossEntropy
                ? expected.LossGradient(x, new CrossEntropy<float>(labels), gradient)
                : expected.LossGradient(x, new MeanSquaredError<float>(targets), gradient);
            here.Step(expected, gradient);

            deviceGradient.Write(new float[map.TrainedCount]);
            deviceLoss.Write([0]);
            device.LossGradient(loss, deviceX, deviceTargets, deviceGradient, deviceLoss);
            device.Step(there, deviceGradient);
            deviceLoss.Read(value);
            Assert.Equal(mean, value[0], 1e-4 * Math.Max(1, mean));
        }

        device.Download();
        Assert.All(expected.Parameters.ToArray().Zip(map.Parameters.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 2e-3f));

        // What the map computes next is what the device does.
        float[] y = new float[Batch * map.Outputs], deviceY = new float[y.Length];
        map.Forward(x, y);
        device.Forward(x, deviceY);
        Assert.All(y.Zip(deviceY), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        Assert.Throws<ArgumentException>(() => there.Step(map, gradient));
        Assert.Throws<ArgumentException>(() => device.Step(here, deviceGradient));
    }

    /// <summary>Which functions of trained parameters need the processor after a step.</summary>
    [Theory]
    [InlineData("hra(6, 8, 4)", false)]
    [InlineData("operator f : 8 -> 6\n  param(bf16) W[6, 8]\n  = W", true)]
    [InlineData("operator f : 8 -> 6\n  frozen(bf16) W[6, 8]\n  param d[8]\n  = W * diag(d)", false)]
    [InlineData("dora(6, 8, 2)", false)]
    [InlineData("householder(200, 150)", true)]
    public void FunctionsOfTheProcessor(string formula, bool expected)
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(TestModules.Formula(formula), new GenerateOptions("Map", Targets: DeviceTargets.OpenCl))]);
        using Map<float> map = assembly.Create<float>("Map");
        Assert.Equal(expected, map.Program.CreateDeviceProgram()!.FunctionsChange);
    }

    [OpenClFact]
    public void WhatIsWrong_IsSaid()
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = WeftAssembly.Compile([(TestModules.Formula("shuffle(2, 3)"), new GenerateOptions("Map", Targets: DeviceTargets.OpenCl))]);
        using Map<float> map = assembly.Create<float>("Map");
        using var device = new OpenClMap<float>(map, context);
        using var buffer = new OpenClBuffer<float>(context, 6);
        Assert.Contains("no trained parameters", Assert.Throws<InvalidOperationException>(() => device.Step(new Sgd<float>(1), buffer)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => device.LossGradient(DeviceLoss.CrossEntropy, buffer, buffer, buffer));
    }

    private static Optimizer<float> Rule(string rule) => rule switch
    {
        "adamw" => new AdamW<float>(1e-2),
        "nesterov" => new Sgd<float>(0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-3),
        "momentum" => new Sgd<float>(0.05, momentum: 0.5),
        _ => new Sgd<float>(0.05),
    };

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
}
