using System.Collections.Immutable;
using System.Numerics;
using Weft.Kernels;

namespace Weft.OpenCl;

/// <summary>
/// A map on an OpenCL device. It means what the map itself means: the same layouts, the same rules about what is overwritten and what is
/// added to. The parameters are those of the map; a change of them reaches the device with the next call.
/// </summary>
/// <remarks>
/// Calls from several threads run one after the other. Those that take spans copy to the device and back, and return when the results are
/// there; those that take buffers copy nothing, and their results are there for whatever is asked of the same context next.
/// The results are the same from run to run on the same device.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed unsafe class OpenClMap<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Lock gate = new();
    private readonly DeviceProgram program;
    private readonly Handle built;
    private readonly Handle[] kernels;
    private readonly Handle tables;
    private readonly OpenClBuffer<T> weights;
    private readonly int maxRows;
    private readonly Buffers buffers;
    private int changes = -1;
    private bool disposed;

    /// <summary>Compiles a map's program for a device.</summary>
    /// <param name="map">A map that was compiled with an OpenCL program. It must stay alive as long as this.</param>
    /// <param name="context">The device.</param>
    /// <param name="maxRows">The most rows that are processed together; as many as fit in a quarter of the device's memory where it is not given.</param>
    /// <exception cref="ArgumentException">The map has no program.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxRows"/> is less than 1.</exception>
    /// <exception cref="OpenClException">The device does not compile the program, lacks a capability, or has too little memory.</exception>
    public OpenClMap(Map<T> map, OpenClContext context, int maxRows = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        program = map.DeviceProgram
            ?? throw new ArgumentException($"{map.Description.Name} has no OpenCL program: compile it with WeftTargets=opencl.", nameof(map));
        OpenClDevice device = context.Device;
        if (typeof(T) == typeof(double) && !device.HasDouble)
        {
            throw new OpenClException($"{device} does not compute in double precision.");
        }

        int group = program.Kernels.Max(kernel => kernel.GroupX * kernel.GroupY);
        if (group > device.MaxGroupSize)
        {
            throw new OpenClException($"{device} runs groups of at most {device.MaxGroupSize} work items; {group} are needed.");
        }

        Map = map;
        Context = context;
        buffers = new Buffers(context);
        long widest = Math.Max(Math.Max(map.Inputs, map.Outputs), program.ScratchPerRow.Gradient);
        long row = program.ScratchPerRow.Gradient + (2L * (map.Inputs + map.Outputs));
        long rows = Math.Min(device.MaxBufferBytes / (widest * sizeof(T)), device.MemoryBytes / 4 / (row * sizeof(T)));
        this.maxRows = (int)Math.Max(1, Math.Min(rows, Math.Min(maxRows, program.MaxRows)));

        built = context.Build(program.Source);
        kernels = [.. program.Kernels.Select(kernel => OpenClContext.CreateKernel(built, kernel.Name))];
        weights = new OpenClBuffer<T>(context, map.Description.WeightCount);
        tables = context.CreateBuffer((long)program.Tables.Length * sizeof(int));
        fixed (int* first = program.Tables.AsSpan())
        {
            if (program.Tables.Length > 0)
            {
                OpenClException.ThrowIfFailed(
                    NativeMethods.clEnqueueWriteBuffer(context.Queue, tables.Value, 1, 0, (nuint)(program.Tables.Length * sizeof(int)), first, 0, null, null),
                    "Copying to the device");
            }
        }
    }

    /// <summary>The map, whose parameters count.</summary>
    public Map<T> Map { get; }

    /// <summary>The device.</summary>
    public OpenClContext Context { get; }

    /// <summary>y = f(x) for each row.</summary>
    /// <param name="x">[batch, inputs]</param>
    /// <param name="y">[batch, outputs]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    /// <exception cref="OpenClException">The device failed, or has too little memory.</exception>
    public void Forward(ReadOnlySpan<T> x, Span<T> y)
    {
        int batch = CountRows(x.Length, Map.Inputs, nameof(x));
        RequireLength(y.Length, batch, Map.Outputs, nameof(y));
        RefuseOverlap(y, x, nameof(y));
        lock (gate)
        {
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                var blocks = new Blocks(this, chunk)
                {
                    Input = buffers.Upload(ref buffers.X, Rows(x, Map.Inputs, first, rows)),
                    Output = buffers.Take(ref buffers.Y, rows * Map.Outputs),
                };
                Run(program.Forward, blocks, program.ScratchPerRow.Forward, rows);
                buffers.Y!.Read(Rows(y, Map.Outputs, first, rows));
            }
        }
    }

    /// <summary>y = f(x) for each row of a buffer.</summary>
    /// <inheritdoc cref="Forward(ReadOnlySpan{T}, Span{T})"/>
    public void Forward(OpenClBuffer<T> x, OpenClBuffer<T> y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        int batch = CountRows(x.Length, Map.Inputs, nameof(x));
        RequireLength(y.Length, batch, Map.Outputs, nameof(y));
        Require([x, y], written: [y]);
        lock (gate)
        {
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                Run(
                    program.Forward,
                    new Blocks(this, chunk) { Input = new Block(x, first * (long)Map.Inputs), Output = new Block(y, first * (long)Map.Outputs) },
                    program.ScratchPerRow.Forward,
                    rows);
            }
        }
    }

    /// <summary>x = fᵀ(y) for each row, where the map is linear.</summary>
    /// <param name="y">[batch, outputs]</param>
    /// <param name="x">[batch, inputs]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The map is not linear.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    /// <exception cref="OpenClException">The device failed, or has too little memory.</exception>
    public void Adjoint(ReadOnlySpan<T> y, Span<T> x)
    {
        RequireLinear();
        int batch = CountRows(y.Length, Map.Outputs, nameof(y));
        RequireLength(x.Length, batch, Map.Inputs, nameof(x));
        RefuseOverlap(x, y, nameof(x));
        lock (gate)
        {
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                var blocks = new Blocks(this, chunk)
                {
                    OutputGradient = buffers.Upload(ref buffers.Dy, Rows(y, Map.Outputs, first, rows)),
                    InputGradient = buffers.Take(ref buffers.Dx, rows * Map.Inputs),
                };
                Run(program.Reverse, blocks, program.ScratchPerRow.Gradient, rows);
                buffers.Dx!.Read(Rows(x, Map.Inputs, first, rows));
            }
        }
    }

    /// <summary>x = fᵀ(y) for each row of a buffer, where the map is linear.</summary>
    /// <inheritdoc cref="Adjoint(ReadOnlySpan{T}, Span{T})"/>
    public void Adjoint(OpenClBuffer<T> y, OpenClBuffer<T> x)
    {
        RequireLinear();
        ArgumentNullException.ThrowIfNull(y);
        ArgumentNullException.ThrowIfNull(x);
        int batch = CountRows(y.Length, Map.Outputs, nameof(y));
        RequireLength(x.Length, batch, Map.Inputs, nameof(x));
        Require([y, x], written: [x]);
        lock (gate)
        {
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                var blocks = new Blocks(this, chunk)
                {
                    OutputGradient = new Block(y, first * (long)Map.Outputs),
                    InputGradient = new Block(x, first * (long)Map.Inputs),
                };
                Run(program.Reverse, blocks, program.ScratchPerRow.Gradient, rows);
            }
        }
    }

    /// <summary>The gradients of ⟨dy, f(x)⟩: for the input, and summed over the batch for the trained parameters.</summary>
    /// <param name="x">[batch, inputs]</param>
    /// <param name="dy">[batch, outputs]: the gradient for the output.</param>
    /// <param name="dx">[batch, inputs], overwritten; or empty: not wanted.</param>
    /// <param name="gradient">[trained parameters], added to; or empty: not wanted.</param>
    /// <exception cref="ArgumentException">A length is wrong, or something written overlaps another argument; nothing was written.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    /// <exception cref="OpenClException">The device failed, or has too little memory.</exception>
    public void Gradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx, Span<T> gradient)
    {
        int batch = CountRows(x.Length, Map.Inputs, nameof(x));
        RequireLength(dy.Length, batch, Map.Outputs, nameof(dy));
        if (!dx.IsEmpty)
        {
            RequireLength(dx.Length, batch, Map.Inputs, nameof(dx));
        }

        if (!gradient.IsEmpty)
        {
            RequireLength(gradient.Length, 1, Map.TrainedCount, nameof(gradient));
        }

        RefuseOverlap(dx, x, nameof(dx));
        RefuseOverlap(dx, dy, nameof(dx));
        RefuseOverlap(gradient, x, nameof(gradient));
        RefuseOverlap(gradient, dy, nameof(gradient));
        RefuseOverlap(gradient, dx, nameof(gradient));
        lock (gate)
        {
            Block g = BeginGradient(!gradient.IsEmpty);
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                RunGradient(
                    new Blocks(this, chunk)
                    {
                        Input = buffers.Upload(ref buffers.X, Rows(x, Map.Inputs, first, rows)),
                        OutputGradient = buffers.Upload(ref buffers.Dy, Rows(dy, Map.Outputs, first, rows)),
                        InputGradient = dx.IsEmpty ? default : buffers.Take(ref buffers.Dx, rows * Map.Inputs),
                        WeightGradient = g,
                    },
                    rows);
                if (!dx.IsEmpty)
                {
                    buffers.Dx!.Read(Rows(dx, Map.Inputs, first, rows));
                }
            }

            if (!gradient.IsEmpty)
            {
                FinishGradient(new Blocks(this, 1) { WeightGradient = g });
                T[] sum = new T[gradient.Length];
                buffers.WeightGradient!.Read(sum);
                for (int i = 0; i < sum.Length; i++)
                {
                    gradient[i] += sum[i];
                }
            }
        }
    }

    /// <summary>The gradients, for buffers.</summary>
    /// <param name="x">[batch, inputs]</param>
    /// <param name="dy">[batch, outputs]: the gradient for the output.</param>
    /// <param name="dx">[batch, inputs], overwritten; or null: not wanted.</param>
    /// <param name="gradient">[trained parameters], added to; or null: not wanted.</param>
    /// <remarks>Where a parameter stands in a function of weights (reflections, admix), its gradient goes through the host.</remarks>
    /// <inheritdoc cref="Gradient(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, Span{T})"/>
    public void Gradient(OpenClBuffer<T> x, OpenClBuffer<T> dy, OpenClBuffer<T>? dx, OpenClBuffer<T>? gradient)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(dy);
        int batch = CountRows(x.Length, Map.Inputs, nameof(x));
        RequireLength(dy.Length, batch, Map.Outputs, nameof(dy));
        if (dx is not null)
        {
            RequireLength(dx.Length, batch, Map.Inputs, nameof(dx));
        }

        if (gradient is not null)
        {
            RequireLength(gradient.Length, 1, Map.TrainedCount, nameof(gradient));
        }

        Require([x, dy, dx, gradient], written: [dx, gradient]);
        lock (gate)
        {
            Block g = BeginGradient(gradient is not null);
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                RunGradient(
                    new Blocks(this, chunk)
                    {
                        Input = new Block(x, first * (long)Map.Inputs),
                        OutputGradient = new Block(dy, first * (long)Map.Outputs),
                        InputGradient = dx is null ? default : new Block(dx, first * (long)Map.Inputs),
                        WeightGradient = g,
                    },
                    rows);
            }

            if (gradient is not null)
            {
                FinishGradient(new Blocks(this, 1) { WeightGradient = g, ParameterGradient = new Block(gradient, 0) });
            }
        }
    }

    /// <summary>Gives the device's memory back. The map stays.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            buffers.Dispose();
            weights.Dispose();
            tables.Dispose();
            foreach (Handle kernel in kernels)
            {
                kernel.Dispose();
            }

            built.Dispose();
        }
    }

    /// <summary>Brings the device's parameters up to date.</summary>
    /// <returns>The rows to process together.</returns>
    private int Begin(int batch)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (changes != Map.Changes)
        {
            changes = Map.Changes;
            weights.Write(Map.WeightBlock);
        }

        return Math.Clamp(batch, 1, maxRows);
    }

    private Block BeginGradient(bool wanted)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!wanted)
        {
            return default;
        }

        Block g = buffers.Take(ref buffers.WeightGradient, Map.Description.GradientCount);
        buffers.WeightGradient!.Clear();
        return g;
    }

    private void RunGradient(Blocks blocks, int rows)
    {
        Run(program.Forward, blocks, program.ScratchPerRow.Gradient, rows);
        Run(program.Reverse, blocks, program.ScratchPerRow.Gradient, rows);
    }

    private void FinishGradient(Blocks blocks)
    {
        if (program.FinishesOnHost)
        {
            T[] block = new T[Map.Description.GradientCount];
            buffers.WeightGradient!.Read(block);
            Map.FinishGradient(block);
            buffers.WeightGradient.Write(block);
        }

        Run(program.FinishGradient, blocks, 0, 1);
    }

    /// <summary>Runs those launches whose result is wanted.</summary>
    private void Run(ImmutableArray<DeviceLaunch> launches, Blocks blocks, int scratchPerRow, int rows)
    {
        if (scratchPerRow > 0)
        {
            blocks.Scratch = buffers.Take(ref buffers.Scratch, scratchPerRow * blocks.Chunk);
        }

        foreach (DeviceLaunch launch in launches)
        {
            if (blocks[launch.Operands[^1].Block].Buffer != 0)
            {
                Run(launch, blocks, rows);
            }
        }
    }

    private void Run(DeviceLaunch launch, in Blocks blocks, int rows)
    {
        DeviceKernel shape = program.Kernels[launch.Kernel];
        nint kernel = kernels[launch.Kernel].Value;
        uint argument = 0;
        foreach (DeviceOperand operand in launch.Operands)
        {
            Block block = blocks[operand.Block];
            nint buffer = block.Buffer;
            ulong start = (ulong)(block.Start + operand.Offset + ((long)operand.OffsetPerRow * blocks.Chunk));
            Set(kernel, argument++, &buffer, sizeof(nint));
            Set(kernel, argument++, &start, sizeof(ulong));
        }

        int accumulate = launch.Accumulate ? 1 : 0;
        Set(kernel, argument++, &rows, sizeof(int));
        Set(kernel, argument, &accumulate, sizeof(int));
        nuint* group = stackalloc nuint[] { (nuint)shape.GroupX, (nuint)shape.GroupY, 1 };
        nuint* size = stackalloc nuint[]
        {
            (nuint)(shape.X.Groups(rows) * shape.GroupX), (nuint)(shape.Y.Groups(rows) * shape.GroupY), (nuint)shape.Z.Groups(rows),
        };
        OpenClException.ThrowIfFailed(
            NativeMethods.clEnqueueNDRangeKernel(Context.Queue, kernel, 3, null, size, group, 0, null, null), $"Running {shape.Name} on {Context.Device}");
    }

    private static void Set(nint kernel, uint index, void* value, int size) =>
        OpenClException.ThrowIfFailed(NativeMethods.clSetKernelArg(kernel, index, (nuint)size, value), "Handing a kernel its arguments");

    private static ReadOnlySpan<T> Rows(ReadOnlySpan<T> all, int columns, int first, int rows) => all.Slice(first * columns, rows * columns);

    private static Span<T> Rows(Span<T> all, int columns, int first, int rows) => all.Slice(first * columns, rows * columns);

    private static int CountRows(int length, int columns, string name) => length % columns == 0
        ? length / columns
        : throw new ArgumentException($"{name} has {length} elements; rows of {columns} are expected, so a multiple of {columns}.", name);

    private static void RequireLength(int length, int rows, int columns, string name)
    {
        if (length != (long)rows * columns)
        {
            throw new ArgumentException($"{name} has {length} elements; {(long)rows * columns} are expected ({rows} × {columns}).", name);
        }
    }

    private static void RefuseOverlap(ReadOnlySpan<T> written, ReadOnlySpan<T> other, string name)
    {
        if (written.Overlaps(other))
        {
            throw new ArgumentException($"{name} is written and must not overlap another argument.", name);
        }
    }

    private void Require(ReadOnlySpan<OpenClBuffer<T>?> all, ReadOnlySpan<OpenClBuffer<T>?> written)
    {
        foreach (OpenClBuffer<T>? buffer in all)
        {
            if (buffer is not null && buffer.Context != Context)
            {
                throw new ArgumentException("A buffer belongs to another context than the map.");
            }
        }

        foreach (OpenClBuffer<T>? target in written)
        {
            int uses = 0;
            foreach (OpenClBuffer<T>? buffer in all)
            {
                uses += target is not null && ReferenceEquals(target, buffer) ? 1 : 0;
            }

            if (uses > 1)
            {
                throw new ArgumentException("A buffer that is written must not be another argument too.");
            }
        }
    }

    private void RequireLinear()
    {
        if (Map is not LinearMap<T>)
        {
            throw new InvalidOperationException($"{Map.Description.Name} is not linear: it has no adjoint.");
        }
    }

    /// <summary>A buffer and where in it a chunk begins; the default is one that is not wanted.</summary>
    private readonly struct Block(nint buffer, long start)
    {
        public Block(OpenClBuffer<T> buffer, long start)
            : this(buffer.Value, start)
        {
        }

        public nint Buffer { get; } = buffer;

        public long Start { get; } = start;
    }

    /// <summary>What the operands of a pass are, and the rows of a full chunk.</summary>
    private struct Blocks(OpenClMap<T> map, int chunk)
    {
        private readonly Block weights = new(map.weights, 0);
        private readonly Block tables = new(map.tables.Value, 0);

        public int Chunk { get; } = chunk;

        public Block Input { get; init; }

        public Block Output { get; init; }

        public Block InputGradient { get; init; }

        public Block OutputGradient { get; init; }

        public Block Scratch { get; set; }

        public Block WeightGradient { get; init; }

        public Block ParameterGradient { get; init; }

        public readonly Block this[DeviceBlock block] => block switch
        {
            DeviceBlock.Weights => weights,
            DeviceBlock.Input => Input,
            DeviceBlock.Output => Output,
            DeviceBlock.InputGradient => InputGradient,
            DeviceBlock.OutputGradient => OutputGradient,
            DeviceBlock.Scratch => Scratch,
            DeviceBlock.WeightGradient => WeightGradient,
            DeviceBlock.ParameterGradient => ParameterGradient,
            _ => tables,
        };
    }

    /// <summary>Memory on the device that calls use again; it grows with the largest batch.</summary>
    private sealed class Buffers(OpenClContext context) : IDisposable
    {
        public OpenClBuffer<T>? X;
        public OpenClBuffer<T>? Y;
        public OpenClBuffer<T>? Dx;
        public OpenClBuffer<T>? Dy;
        public OpenClBuffer<T>? Scratch;
        public OpenClBuffer<T>? WeightGradient;

        public Block Take(ref OpenClBuffer<T>? buffer, int length)
        {
            if (buffer is null || buffer.Length < length)
            {
                buffer?.Dispose();
                buffer = null;
                buffer = new OpenClBuffer<T>(context, length);
            }

            return new Block(buffer, 0);
        }

        public Block Upload(ref OpenClBuffer<T>? buffer, ReadOnlySpan<T> values)
        {
            Block block = Take(ref buffer, values.Length);
            buffer!.Write(values);
            return block;
        }

        public void Dispose()
        {
            foreach (OpenClBuffer<T>? buffer in new[] { X, Y, Dx, Dy, Scratch, WeightGradient })
            {
                buffer?.Dispose();
            }
        }
    }
}
