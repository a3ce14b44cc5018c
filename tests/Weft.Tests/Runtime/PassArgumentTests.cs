using Weft.Compiler;
using Weft.Dynamic;
using Weft.Kernels;
using Weft.Tests.Binding;

namespace Weft.Tests.Runtime;

/// <summary>Maps refuse the same arguments in the same words, on a processor, on a device with spans, and there with buffers.</summary>
public sealed class PassArgumentTests : IDisposable
{
    private const int Rows = 2, Inputs = 5, Outputs = 3, Trained = Inputs * Outputs;

    private readonly WeftAssembly assembly =
        WeftAssembly.Compile([(TestModules.Formula("dense(3, 5)"), new GenerateOptions("Map", Targets: DeviceTargets.OpenCl))]);

    private readonly LinearMap<float> map;
    private readonly Memory memory = new();
    private readonly OnDevice device;

    public PassArgumentTests()
    {
        map = (LinearMap<float>)assembly.Create<float>("Map");
        device = new OnDevice(map, memory);
    }

    public void Dispose()
    {
        device.Dispose();
        map.Dispose();
        assembly.Dispose();
    }

    [Theory]
    [InlineData("x has 7 elements; rows of 5 are expected, so a multiple of 5.", 7, 6, 0, 0)]
    [InlineData("dy has 5 elements; 6 are expected (2 × 3).", 10, 5, 0, 0)]
    [InlineData("dx has 5 elements; 10 are expected (2 × 5).", 10, 6, 5, 0)]
    [InlineData("gradient has 14 elements; 15 are expected, one for each trained parameter.", 10, 6, 0, 14)]
    public void WrongLengths(string expected, int x, int dy, int dx, int gradient)
    {
        map.Initialize(seed: 1);
        Refused(
            expected,
            () => map.Gradient(new float[x], new float[dy], new float[dx], new float[gradient]),
            () => device.Gradient(new float[x], new float[dy], new float[dx], new float[gradient]),
            () => device.Gradient(memory.Allocate(x), memory.Allocate(dy), Wanted(dx), Wanted(gradient)));

        Memory.Buffer? Wanted(int length) => length == 0 ? null : memory.Allocate(length);
    }

    [Fact]
    public void WhatIsWrittenOverlapsNothing()
    {
        map.Initialize(seed: 1);
        float[] x = new float[Rows * Inputs], y = new float[Rows * Outputs], gradient = new float[Trained], both = new float[Rows * Trained];
        Memory.Buffer bufferX = memory.Allocate(x.Length), bufferY = memory.Allocate(y.Length), bufferBoth = memory.Allocate(Trained);
        const string Input = "dx is written and must not overlap x.", Adjoint = "x is written and must not overlap y.", Weights = "gradient is written and must not overlap x.";
        Refused(
            Input, () => map.Gradient(x, y, x, gradient), () => device.Gradient(x, y, x, gradient), () => device.Gradient(bufferX, bufferY, bufferX, null));
        Refused(
            Adjoint,
            () => map.Adjoint(both.AsSpan(0, Trained), both.AsSpan(1, 25)),
            () => device.Adjoint(both.AsSpan(0, Trained), both.AsSpan(1, 25)));
        Refused(
            Weights,
            () => map.Gradient(both.AsSpan(0, Trained), new float[9], [], both.AsSpan(0, Trained)),
            () => device.Gradient(both.AsSpan(0, Trained), new float[9], [], both.AsSpan(0, Trained)),
            () => device.Gradient(bufferBoth, memory.Allocate(9), null, bufferBoth));
    }

    [Fact]
    public void AMapThatCannotBeUsed()
    {
        float[] x = new float[Rows * Inputs], y = new float[Rows * Outputs];
        Memory.Buffer bufferX = memory.Allocate(x.Length), bufferY = memory.Allocate(y.Length);
        Refused("Test was never given its parameters: call Initialize, or write them in an Edit, first.");
        map.Initialize(seed: 1);
        device.Forward(x, y);
        ParameterEdit<float> edit = map.Edit();
        try
        {
            Refused("The parameters of Test are being edited: dispose the edit first.");
        }
        finally
        {
            edit.Dispose();
        }

        map.Dispose();
        foreach (Action call in Calls())
        {
            Assert.Throws<ObjectDisposedException>(call);
        }

        Action[] Calls() => [() => map.Forward(x, y), () => device.Forward(x, y), () => device.Forward(bufferX, bufferY)];

        void Refused(string expected) => Assert.All(Calls(), call => Assert.Equal(expected, Assert.Throws<InvalidOperationException>(call).Message));
    }

    [Fact]
    public void BuffersOfOtherDevices_AreNamed() => Assert.Equal(
        "y belongs to another device than the map. (Parameter 'y')",
        Assert.Throws<ArgumentException>(() =>
        {
            map.Initialize(seed: 1);
            device.Forward(memory.Allocate(Rows * Inputs), new Memory().Allocate(Rows * Outputs));
        }).Message);

    private static void Refused(string expected, params ReadOnlySpan<Action> calls)
    {
        foreach (Action call in calls)
        {
            string name = expected.Split(' ')[0];
            Assert.Equal($"{expected} (Parameter '{name}')", Assert.Throws<ArgumentException>(name, call).Message);
        }
    }

    private sealed class OnDevice(Map<float> map, Memory memory) : DeviceMap<float, Memory.Buffer>(map, memory, 16);

    /// <summary>A device that computes nothing.</summary>
    private sealed class Memory : IDevice<float, Memory.Buffer>
    {
        public long MemoryBytes => 1 << 20;

        public long MaxBufferBytes => 1 << 20;

        public void Load(DeviceProgram program, string name)
        {
        }

        public void Launch(in DeviceLaunch launch, ReadOnlySpan<DeviceArgument<Buffer>> arguments, int rows)
        {
        }

        public Buffer Allocate(int length) => new(this, length);

        public int Length(Buffer buffer) => buffer.Length;

        public bool Owns(Buffer buffer) => buffer.Owner == this;

        public void Write(Buffer buffer, ReadOnlySpan<float> source, int start = 0)
        {
        }

        public void Read(Buffer buffer, Span<float> target)
        {
        }

        public void Clear(Buffer buffer)
        {
        }

        public void Dispose()
        {
        }

        internal sealed class Buffer(Memory owner, int length) : IDisposable
        {
            public Memory Owner => owner;

            public int Length => length;

            public void Dispose()
            {
            }
        }
    }
}
