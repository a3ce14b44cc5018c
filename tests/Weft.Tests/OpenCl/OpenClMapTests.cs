using Weft.Compiler;
using Weft.Dynamic;
using Weft.OpenCl;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.OpenCl;

public class OpenClMapTests
{
    private const int Batch = 5;

    [OpenClFact]
    public void Buffers_GiveWhatSpansDo()
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = Compile("hra(6, 8, 4)");
        using Map<float> map = assembly.Create<float>("Map");
        map.Initialize(seed: 3);
        using var device = new OpenClMap<float>(map, context, maxRows: 3);
        float[] x = Numbers(Batch * 8), dy = Numbers(Batch * 6);
        float[] y = new float[dy.Length], adjoint = new float[x.Length], dx = new float[x.Length], gradient = Numbers(map.TrainedCount);
        device.Forward(x, y);
        device.Adjoint(dy, adjoint);
        device.Gradient(x, dy, dx, gradient);
        Assert.Equal(adjoint, dx);

        using OpenClBuffer<float> bufferX = Upload(x), bufferY = Upload(new float[y.Length]), bufferDy = Upload(dy), bufferDx = Upload(new float[dx.Length]);
        using OpenClBuffer<float> bufferGradient = Upload(Numbers(map.TrainedCount));
        device.Forward(bufferX, bufferY);
        Assert.Equal(y, Download(bufferY));
        device.Adjoint(bufferDy, bufferDx);
        Assert.Equal(dx, Download(bufferDx));
        device.Gradient(bufferX, bufferDy, bufferDx, bufferGradient);
        Assert.Equal(dx, Download(bufferDx));
        Assert.All(gradient.Zip(Download(bufferGradient)), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));

        device.Gradient(bufferX, bufferDy, null, null);
        Assert.Throws<ArgumentException>(() => device.Gradient(bufferX, bufferDy, bufferX, null));
        Assert.Throws<ArgumentException>(() => device.Forward(bufferX, bufferX));
        using var other = new OpenClContext(OpenClDevice.Find());
        using var elsewhere = new OpenClBuffer<float>(other, x.Length);
        Assert.Throws<ArgumentException>(() => device.Forward(elsewhere, bufferY));

        OpenClBuffer<float> Upload(float[] values)
        {
            var buffer = new OpenClBuffer<float>(context, values.Length);
            buffer.Write(values);
            return buffer;
        }

        static float[] Download(OpenClBuffer<float> buffer)
        {
            float[] values = new float[buffer.Length];
            buffer.Read(values);
            return values;
        }
    }

    [OpenClFact]
    public void ChangedParameters_ReachTheDevice()
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = Compile("diagonal(2)");
        using Map<float> map = assembly.Create<float>("Map");
        using var device = new OpenClMap<float>(map, context);
        float[] y = new float[2];
        using (ParameterEdit<float> edit = map.Edit())
        {
            edit.All.Fill(3);
        }

        device.Forward([1, 2], y);
        Assert.Equal([3f, 6f], y);
        using (ParameterEdit<float> edit = map.Edit())
        {
            edit.All.Fill(-1);
        }

        device.Forward([1, 2], y);
        Assert.Equal([-1f, -2f], y);
    }

    [OpenClTheory]
    [InlineData("gelu . dense(3, 4)")]
    [InlineData("layer f : 4 -> 3\n  frozen(bf16) W[3, 5]\n  param(half) V[5, 4]\n  = gelu . W[:, 1..3] * V[1..3]")]
    [InlineData("gelu . bias . dense(64, 12) . relu . dense(12, 72)")]
    [InlineData("operator f : 72 -> 66\n  frozen(bf16) W[66, 24]\n  param(half) V[24, 72]\n  = W * V")]
    public void Double(string formula)
    {
        OpenClDevice device = OpenClDevice.Find();
        using var context = new OpenClContext(device);
        using WeftAssembly assembly = Compile(formula, Scalar.Double);
        using Map<double> map = assembly.Create<double>("Map");
        map.Initialize(seed: 1);
        if (!device.HasDouble)
        {
            Assert.Throws<OpenClException>(() => new OpenClMap<double>(map, context));
            return;
        }

        using var onDevice = new OpenClMap<double>(map, context);
        foreach (int batch in new[] { 1, 19 })
        {
            MapOnDevice.AssertSame(map, onDevice, batch);
        }
    }

    /// <summary>More than fits into the local memory of a group.</summary>
    [OpenClFact]
    public void LargeWalshHadamard()
    {
        const int Size = 1 << 14;
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = Compile($"wht({Size})");
        using Map<float> map = assembly.Create<float>("Map");
        using var device = new OpenClMap<float>(map, context);
        float[] x = Numbers(2 * Size), expected = new float[x.Length], y = new float[x.Length];
        map.Forward(x, expected);
        device.Forward(x, y);
        Assert.All(expected.Zip(y), pair => Assert.Equal(pair.First, pair.Second, 1e-2f));
        device.Adjoint(x, y);
        Assert.All(expected.Zip(y), pair => Assert.Equal(pair.First, pair.Second, 1e-2f));
    }

    [OpenClFact]
    public void WhatIsWrong_IsSaidWhereItIs()
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = Compile("relu . dense(3, 4)");
        using Map<float> map = assembly.Create<float>("Map");
        map.Initialize(seed: 1);
        using var device = new OpenClMap<float>(map, context);
        float[] x = new float[4], y = new float[3];
        Assert.Equal("x", Assert.Throws<ArgumentException>(() => device.Forward(new float[5], y)).ParamName);
        Assert.Equal("y", Assert.Throws<ArgumentException>(() => device.Forward(x, x)).ParamName);
        Assert.Equal("gradient", Assert.Throws<ArgumentException>(() => device.Gradient(x, y, [], new float[2])).ParamName);
        Assert.Throws<InvalidOperationException>(() => device.Adjoint(y, x));
        Assert.Contains("no OpenCL device 'nothing of this name'", Assert.Throws<OpenClException>(() => OpenClDevice.Find("nothing of this name")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new OpenClMap<float>(map, context, maxRows: 0));
        using (WeftAssembly plain = WeftAssembly.Compile([(TestModules.Formula("dense(3, 4)"), new GenerateOptions("Map"))]))
        using (Map<float> without = plain.Create<float>("Map"))
        {
            Assert.Contains("WeftTargets=opencl", Assert.Throws<ArgumentException>(() => new OpenClMap<float>(without, context)).Message, StringComparison.Ordinal);
        }

        if (context.Device.MaxBufferBytes < 4L * int.MaxValue)
        {
            Assert.Contains("at most", Assert.Throws<OpenClException>(() => new OpenClBuffer<float>(context, int.MaxValue)).Message, StringComparison.Ordinal);
        }

        device.Dispose();
        Assert.Throws<ObjectDisposedException>(() => device.Forward(x, y));
    }

    private static WeftAssembly Compile(string formula, Scalar scalar = Scalar.Float) => WeftAssembly.Compile(
        [(TestModules.Formula(formula), new GenerateOptions("Map", Scalar: scalar, Targets: DeviceTargets.OpenCl))]);

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
}
