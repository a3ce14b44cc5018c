using System.Collections.Immutable;
using System.Numerics;
using Weft.Execution;
using Weft.Kernels;

namespace Weft;

/// <summary>
/// A map on a device. It means what the map itself means: the same layouts, the same rules about what is overwritten and what is
/// added to. The parameters are those of the map; a change of them reaches the device with the next call. Those that
/// <see cref="Step"/> changes are the device's, until <see cref="Download"/> brings them to the map.
/// </summary>
/// <remarks>
/// Calls from several threads run one after the other. Those that take spans copy to the device and back, and return when the results are
/// there; those that take buffers copy nothing, do not wait, and their results are there for whatever is asked of the same device next.
/// The results are the same from run to run on the same device. What a device refuses, for too little memory or a failure, is an exception
/// of its own library.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <typeparam name="TBuffer">Numbers in the device's memory.</typeparam>
public abstract class DeviceMap<T, TBuffer> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TBuffer : class, IDisposable
{
    private readonly Lock gate = new();
    private readonly IDevice<T, TBuffer> device;
    private readonly DeviceProgram program;
    private readonly TBuffer weights;
    private readonly TBuffer? codes;
    private readonly int maxRows;
    private readonly bool ownsMap;
    private readonly Buffers buffers;
    private readonly DeviceArgument<TBuffer>[] arguments;
    private readonly T[] lossSettings = new T[DeviceRoom.Settings], ruleSettings = new T[DeviceRoom.Settings];
    private int? uploaded;
    private bool disposed;

    /// <summary>Makes room for a map's parameters on a device.</summary>
    /// <param name="map">A map that was compiled with a program for devices. It must stay alive as long as this.</param>
    /// <param name="device">The device that the map runs on, disposed with this.</param>
    /// <param name="maxRows">The most rows that are processed together; as many as fit in a quarter of the device's memory where it is not given.</param>
    /// <param name="ownsMap">Whether the map is disposed with this.</param>
    /// <exception cref="ArgumentException">The map has no program.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxRows"/> is less than 1.</exception>
    protected unsafe DeviceMap(Map<T> map, IDevice<T, TBuffer> device, int maxRows, bool ownsMap = false)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        program = map.Program.CreateDeviceProgram()
            ?? throw new ArgumentException($"{map.Description.Name} has no program for devices: compile it with WeftTargets=opencl or ilgpu.", nameof(map));
        device.Load(program, map.Description.Name);
        (Map, this.device, this.ownsMap) = (map, device, ownsMap);
        buffers = new Buffers(device);
        arguments = new DeviceArgument<TBuffer>[program.MostOperands];
        long widest = Math.Max(Math.Max(map.Inputs, map.Outputs), program.ScratchPerRow.Gradient);
        long row = program.ScratchPerRow.Gradient + (2L * (map.Inputs + map.Outputs));
        long rows = Math.Min(device.MaxBufferBytes / (widest * sizeof(T)), device.MemoryBytes / 4 / (row * sizeof(T)));
        this.maxRows = (int)Math.Max(1, Math.Min(rows, Math.Min(maxRows, program.MaxRows)));
        weights = device.Allocate(program.WeightCount);
        codes = program.CodeBytes > 0 ? device.Allocate(ElementsOf(program.CodeBytes)) : null;
    }

    /// <summary>The map, whose parameters count.</summary>
    public Map<T> Map { get; }

    private PassArguments<TBuffer?, BufferKind> Arguments => new(Map.Description, new BufferKind(device));

    /// <summary>y = f(x) for each row.</summary>
    /// <param name="x">[batch, inputs]</param>
    /// <param name="y">[batch, outputs]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public void Forward(ReadOnlySpan<T> x, Span<T> y)
    {
        RequireReady();
        int batch = Map.Arguments.Forward(x, y);
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
                RunForward(blocks, rows);
                device.Read(buffers.Y!, Rows(y, Map.Outputs, first, rows));
            }
        }
    }

    /// <summary>y = f(x) for each row of a buffer.</summary>
    /// <inheritdoc cref="Forward(ReadOnlySpan{T}, Span{T})"/>
    public void Forward(TBuffer x, TBuffer y)
    {
        RequireReady();
        int batch = Arguments.Forward(x, y);
        lock (gate)
        {
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                RunForward(
                    new Blocks(this, chunk) { Input = new Block(x, first * (long)Map.Inputs), Output = new Block(y, first * (long)Map.Outputs) },
                    rows);
            }
        }
    }

    /// <summary>x = fᵀ(y) for each row, where the map is linear.</summary>
    /// <param name="y">[batch, outputs]</param>
    /// <param name="x">[batch, inputs]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The map is not linear, or its parameters were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public void Adjoint(ReadOnlySpan<T> y, Span<T> x)
    {
        RequireLinear();
        RequireReady();
        int batch = Map.Arguments.Adjoint(y, x);
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
                RunReverse(blocks, rows);
                device.Read(buffers.Dx!, Rows(x, Map.Inputs, first, rows));
            }
        }
    }

    /// <summary>x = fᵀ(y) for each row of a buffer, where the map is linear.</summary>
    /// <inheritdoc cref="Adjoint(ReadOnlySpan{T}, Span{T})"/>
    public void Adjoint(TBuffer y, TBuffer x)
    {
        RequireLinear();
        RequireReady();
        int batch = Arguments.Adjoint(y, x);
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
                RunReverse(blocks, rows);
            }
        }
    }

    /// <summary>The gradients of ⟨dy, f(x)⟩: for the input, and summed over the batch for the trained parameters.</summary>
    /// <param name="x">[batch, inputs]</param>
    /// <param name="dy">[batch, outputs]: the gradient for the output.</param>
    /// <param name="dx">[batch, inputs], overwritten; or empty: not wanted.</param>
    /// <param name="gradient">[trained parameters], added to; or empty: not wanted.</param>
    /// <exception cref="ArgumentException">A length is wrong, or something written overlaps another argument; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public void Gradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx, Span<T> gradient)
    {
        RequireReady();
        int batch = Map.Arguments.Gradient(x, dy, dx, gradient);
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
                    device.Read(buffers.Dx!, Rows(dx, Map.Inputs, first, rows));
                }
            }

            if (!gradient.IsEmpty)
            {
                FinishGradient(new Blocks(this, 1) { WeightGradient = g });
                T[] sum = new T[gradient.Length];
                device.Read(buffers.WeightGradient!, sum);
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
    /// <remarks>Where a parameter stands in a function that the device does not evaluate, its gradient goes through the host.</remarks>
    /// <inheritdoc cref="Gradient(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, Span{T})" path="/exception"/>
    public void Gradient(TBuffer x, TBuffer dy, TBuffer? dx, TBuffer? gradient)
    {
        RequireReady();
        int batch = Arguments.Gradient(x, dy, dx, gradient);
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

    /// <summary>
    /// The gradient of a batch's mean loss for the trained parameters: forward pass, loss and backward pass, without a copy to or from the device.
    /// </summary>
    /// <param name="loss">Which loss is computed.</param>
    /// <param name="x">[batch, inputs], at least one row.</param>
    /// <param name="targets">What the outputs are compared to; labels that are out of range match nothing.</param>
    /// <param name="gradient">[trained parameters], added to.</param>
    /// <param name="value">[1]: the mean loss is added to it; or null: not wanted.</param>
    /// <exception cref="ArgumentException">A length is wrong, the batch is empty, or something written is another argument too; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The map has no trained parameters, or they were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public void LossGradient(DeviceLoss loss, TBuffer x, TBuffer targets, TBuffer gradient, TBuffer? value = null)
    {
        RequireTrained();
        RequireReady();
        int width = loss == DeviceLoss.MeanSquaredError ? Map.Outputs : 1;
        int batch = Arguments.LossGradient(x, targets, width, gradient, value);
        double count = (double)batch * width;
        lock (gate)
        {
            Block g = BeginGradient(wanted: true), settings = Upload(ref buffers.LossSettings, lossSettings, (loss == DeviceLoss.MeanSquaredError ? 2 : 1) / count, 1 / count);
            for (int first = 0, chunk = Begin(batch); first < batch; first += chunk)
            {
                int rows = Math.Min(chunk, batch - first);
                var blocks = new Blocks(this, chunk)
                {
                    Input = new Block(x, first * (long)Map.Inputs),
                    Output = buffers.Take(ref buffers.Y, checked(chunk * Map.Outputs)),
                    OutputGradient = buffers.Take(ref buffers.Dy, checked(chunk * Map.Outputs)),
                    WeightGradient = g,
                    Settings = settings,
                    Targets = new Block(targets, first * (long)width),
                    LossParts = value is null ? default : buffers.Take(ref buffers.LossParts, DeviceRoom.LossParts),
                    Loss = value is null ? default : new Block(value, 0),
                };
                RunRecord(blocks, rows);
                Run(program.Losses[(int)loss], blocks, 0, rows);
                RunReverse(blocks, rows);
            }

            FinishGradient(new Blocks(this, 1) { WeightGradient = g, ParameterGradient = new Block(gradient, 0) });
        }
    }

    /// <summary>
    /// The penalties of the map, and their gradient, as <see cref="Map{T}.AddPenalties"/>: computed on the processor, to which the parameters and the gradient are copied,
    /// and the gradient back. Where there are none nothing is done. Nothing else may run on the map meanwhile.
    /// </summary>
    /// <param name="gradient">[trained parameters], added to.</param>
    /// <returns>Their sum.</returns>
    /// <exception cref="ArgumentException">The gradient has another length; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public double AddPenalties(TBuffer gradient)
    {
        RequireReady();
        Arguments.Step(gradient);
        if (Map.Description.Penalties.IsEmpty)
        {
            return 0;
        }

        lock (gate)
        {
            Begin(1);
            DownloadParameters();
            using var rows = new PortRows<T>(1, Map.TrainedCount);
            device.Read(gradient, rows.Span);
            double sum = Map.AddPenalties(rows.Span);
            device.Write(gradient, rows.Span);
            return sum;
        }
    }

    /// <summary>
    /// Changes the trained parameters on the device, as the optimizer's own step does on the processor. What is derived from them is
    /// derived again there; where the processor evaluates a function of them, the map's parameters are changed too.
    /// </summary>
    /// <param name="optimizer">The optimizer: the same one at every step, and for this only.</param>
    /// <param name="gradient">[trained parameters]</param>
    /// <exception cref="ArgumentException">The gradient has another length, or the optimizer has stepped something else; nothing was changed.</exception>
    /// <exception cref="NotSupportedException">The optimizer has no kernels; nothing was changed.</exception>
    /// <exception cref="InvalidOperationException">The map has no trained parameters, or they were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public void Step(Optimizer<T> optimizer, TBuffer gradient)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        RequireTrained();
        RequireReady();
        Arguments.Step(gradient);
        DeviceRule rule = optimizer.Rule ?? throw new NotSupportedException($"{optimizer.GetType().Name.Split('`')[0]} steps on the processor alone; Sgd and AdamW have kernels.");
        lock (gate)
        {
            Begin(1);
            if (optimizer.Own(Map, device: true))
            {
                buffers.Take(ref buffers.FirstState, Map.TrainedCount);
                buffers.Take(ref buffers.SecondState, Map.TrainedCount);
                device.Clear(buffers.FirstState!);
                device.Clear(buffers.SecondState!);
            }

            Span<T> settings = stackalloc T[DeviceRoom.Settings];
            settings.Clear();
            optimizer.Advance(settings);
            var blocks = new Blocks(this, 1)
            {
                Settings = Upload(ref buffers.RuleSettings, ruleSettings, settings),
                FirstState = buffers.Take(ref buffers.FirstState, Map.TrainedCount),
                SecondState = buffers.Take(ref buffers.SecondState, Map.TrainedCount),
                ParameterGradient = new Block(gradient, 0),
            };
            Run(program.Optimizers[(int)rule], blocks, 0, 1);
            if (program.FunctionsChange)
            {
                DownloadParameters();
                uploaded = null;
                Begin(1);
            }
            else
            {
                Run(program.Prepare, blocks, 0, 1);
            }
        }
    }

    /// <summary>Copies the trained parameters from the device to the map. Nothing else may run on the map meanwhile.</summary>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">This or the map is disposed.</exception>
    public void Download()
    {
        lock (gate)
        {
            Begin(1);
            DownloadParameters();
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
            codes?.Dispose();
            device.Dispose();
            if (ownsMap)
            {
                Map.Dispose();
            }
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Brings the device's parameters up to date.</summary>
    /// <returns>The rows to process together.</returns>
    private int Begin(int batch)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (uploaded != Map.Epoch)
        {
            uploaded = null;
            int epoch = Map.Epoch;
            device.Write(weights, Map.WeightBlock[..Map.TrainedCount]);
            foreach (DeviceSegment function in program.Functions)
            {
                device.Write(weights, Map.WeightBlock.Slice(function.Host, function.Length), function.Device);
            }

            foreach (DeviceCodes tensor in program.Codes)
            {
                Write(tensor);
            }

            Run(program.Prepare, new Blocks(this, 1), 0, 1);
            uploaded = epoch;
        }

        return Math.Clamp(batch, 1, maxRows);
    }

    private unsafe void Write(DeviceCodes tensor)
    {
        T[] packed = new T[ElementsOf(tensor.Bytes)];
        fixed (T* source = Map.WeightBlock.Slice(tensor.Host, tensor.Length), target = packed)
        {
            tensor.Pack(source, (byte*)target);
        }

        device.Write(codes!, packed, ElementsOf(tensor.Device));
    }

    /// <summary>The elements that have room for so many bytes.</summary>
    private static unsafe int ElementsOf(int bytes) => (int)(((long)bytes + sizeof(T) - 1) / sizeof(T));

    private void DownloadParameters()
    {
        using (ParameterEdit<T> edit = Map.EditTrained())
        {
            device.Read(weights, edit.Trained);
        }

        uploaded = Map.Epoch;
    }

    /// <summary>Copies settings to the device unless they are there.</summary>
    private Block Upload(ref TBuffer? buffer, T[] known, ReadOnlySpan<T> settings)
    {
        bool isNew = buffer is null;
        Block block = buffers.Take(ref buffer, DeviceRoom.Settings);
        if (isNew || !settings.SequenceEqual(known))
        {
            settings.CopyTo(known);
            device.Write(buffer!, known);
        }

        return block;
    }

    private Block Upload(ref TBuffer? buffer, T[] known, double gradientFactor, double valueFactor)
    {
        Span<T> settings = stackalloc T[DeviceRoom.Settings];
        settings.Clear();
        settings[0] = T.CreateTruncating(gradientFactor);
        settings[1] = T.CreateTruncating(valueFactor);
        return Upload(ref buffer, known, settings);
    }

    private Block BeginGradient(bool wanted)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!wanted)
        {
            return default;
        }

        Block g = buffers.Take(ref buffers.WeightGradient, program.GradientCount);
        device.Clear(buffers.WeightGradient!);
        return g;
    }

    private void RunForward(Blocks blocks, int rows) => Run(
        rows <= DeviceProgram.FewRows ? program.ForwardFew : program.Forward, blocks, program.ScratchPerRow.Forward, rows);

    private void RunGradient(Blocks blocks, int rows)
    {
        RunRecord(blocks, rows);
        RunReverse(blocks, rows);
    }

    private void RunRecord(Blocks blocks, int rows) => Run(
        rows <= DeviceProgram.FewRows ? program.RecordFew : program.Record, blocks, program.ScratchPerRow.Gradient, rows);

    private void RunReverse(Blocks blocks, int rows) => Run(
        rows <= DeviceProgram.FewRows ? program.ReverseFew : program.Reverse, blocks, program.ScratchPerRow.Gradient, rows);

    private void FinishGradient(Blocks blocks)
    {
        Run(program.FinishGradient, blocks, 0, 1);
        if (program.FunctionGradients.Length > 0)
        {
            // The same tensors in the host's order; what the device has finished is not there.
            T[] block = new T[program.GradientCount], hosts = new T[Map.Program.Layout.GradientCount];
            device.Read(buffers.WeightGradient!, block);
            block.AsSpan(0, Map.TrainedCount).CopyTo(hosts);
            foreach (DeviceSegment gradient in program.FunctionGradients)
            {
                block.AsSpan(gradient.Device, gradient.Length).CopyTo(hosts.AsSpan(gradient.Host));
            }

            Map.FinishGradient(hosts);
            device.Write(buffers.WeightGradient!, hosts.AsSpan(0, Map.TrainedCount));
        }

        Run(program.AddGradient, blocks, 0, 1);
    }

    /// <summary>Runs those launches whose result is wanted.</summary>
    private void Run(ImmutableArray<DeviceLaunch> launches, Blocks blocks, int scratchPerRow, int rows)
    {
        if (scratchPerRow > 0)
        {
            blocks.Scratch = buffers.Take(ref buffers.Scratch, checked(scratchPerRow * blocks.Chunk));
        }

        foreach (ref readonly DeviceLaunch launch in launches.AsSpan())
        {
            if (blocks[launch.Operands[^1].Block].Buffer is null)
            {
                continue;
            }

            for (int i = 0; i < launch.Operands.Length; i++)
            {
                DeviceOperand operand = launch.Operands[i];
                Block block = blocks[operand.Block];
                int offset = operand.Block == DeviceBlock.Codes ? ElementsOf(operand.Offset) : operand.Offset;
                arguments[i] = new DeviceArgument<TBuffer>(block.Buffer!, block.Start + offset + ((long)operand.OffsetPerRow * blocks.Chunk));
            }

            device.Launch(launch, arguments.AsSpan(0, launch.Operands.Length), rows);
        }
    }

    private static ReadOnlySpan<T> Rows(ReadOnlySpan<T> all, int columns, int first, int rows) => all.Slice(first * columns, rows * columns);

    private static Span<T> Rows(Span<T> all, int columns, int first, int rows) => all.Slice(first * columns, rows * columns);

    /// <summary>Refuses a call where this or the map cannot be used.</summary>
    /// <exception cref="InvalidOperationException">The parameters are being edited, or were never given.</exception>
    private void RequireReady()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        Map.Weights(out _);
    }

    private void RequireTrained()
    {
        if (Map.TrainedCount == 0)
        {
            throw new InvalidOperationException($"{Map.Description.Name} has no trained parameters.");
        }
    }

    private void RequireLinear()
    {
        if (Map is not LinearMap<T>)
        {
            throw new InvalidOperationException($"{Map.Description.Name} is not linear: it has no adjoint.");
        }
    }

    /// <summary>Buffers: null is not given, and those of other devices are out of reach.</summary>
    private readonly struct BufferKind(IDevice<T, TBuffer> device) : IMemoryKind<TBuffer?>
    {
        public bool IsGiven(TBuffer? memory) => memory is not null;

        public int Length(TBuffer? memory) => device.Length(memory!);

        public bool Overlap(TBuffer? a, TBuffer? b) => a is not null && ReferenceEquals(a, b);

        public void Require(TBuffer? memory, string name)
        {
            ArgumentNullException.ThrowIfNull(memory, name);
            if (!device.Owns(memory))
            {
                throw new ArgumentException($"{name} belongs to another device than the map.", name);
            }
        }
    }

    /// <summary>A buffer and where in it a chunk begins; the default is one that is not wanted.</summary>
    private readonly struct Block(TBuffer buffer, long start)
    {
        public TBuffer? Buffer { get; } = buffer;

        public long Start { get; } = start;
    }

    /// <summary>What the operands of a pass are, and the rows of a full chunk.</summary>
    private struct Blocks(DeviceMap<T, TBuffer> map, int chunk)
    {
        private readonly Block weights = new(map.weights, 0), codes = map.codes is { } block ? new Block(block, 0) : default;

        public int Chunk { get; } = chunk;

        public Block Input { get; init; }

        public Block Output { get; init; }

        public Block InputGradient { get; init; }

        public Block OutputGradient { get; init; }

        public Block Scratch { get; set; }

        public Block WeightGradient { get; init; }

        public Block ParameterGradient { get; init; }

        public Block Settings { get; init; }

        public Block FirstState { get; init; }

        public Block SecondState { get; init; }

        public Block Targets { get; init; }

        public Block LossParts { get; init; }

        public Block Loss { get; init; }

        public readonly Block this[DeviceBlock block] => block switch
        {
            DeviceBlock.Weights => weights,
            DeviceBlock.Codes => codes,
            DeviceBlock.Input => Input,
            DeviceBlock.Output => Output,
            DeviceBlock.InputGradient => InputGradient,
            DeviceBlock.OutputGradient => OutputGradient,
            DeviceBlock.Scratch => Scratch,
            DeviceBlock.WeightGradient => WeightGradient,
            DeviceBlock.ParameterGradient => ParameterGradient,
            DeviceBlock.Settings => Settings,
            DeviceBlock.FirstState => FirstState,
            DeviceBlock.SecondState => SecondState,
            DeviceBlock.Targets => Targets,
            DeviceBlock.PartialSums => WeightGradient.Buffer is null ? default : map.buffers.Take(ref map.buffers.PartialSums, map.program.PartialCount),
            DeviceBlock.LossParts => LossParts,
            DeviceBlock.Loss => Loss,
            _ => default,
        };
    }

    /// <summary>Memory on the device that calls use again; it grows with the largest batch.</summary>
    private sealed class Buffers(IDevice<T, TBuffer> device) : IDisposable
    {
        public TBuffer? X;
        public TBuffer? Y;
        public TBuffer? Dx;
        public TBuffer? Dy;
        public TBuffer? Scratch;
        public TBuffer? WeightGradient;
        public TBuffer? LossSettings;
        public TBuffer? RuleSettings;
        public TBuffer? FirstState;
        public TBuffer? SecondState;
        public TBuffer? LossParts;
        public TBuffer? PartialSums;

        public Block Take(ref TBuffer? buffer, int length)
        {
            if (buffer is null || device.Length(buffer) < length)
            {
                buffer?.Dispose();
                buffer = null;
                buffer = device.Allocate(length);
            }

            return new Block(buffer, 0);
        }

        public Block Upload(ref TBuffer? buffer, ReadOnlySpan<T> values)
        {
            Block block = Take(ref buffer, values.Length);
            device.Write(buffer!, values);
            return block;
        }

        public void Dispose()
        {
            foreach (TBuffer? buffer in new[] { X, Y, Dx, Dy, Scratch, WeightGradient, LossSettings, RuleSettings, FirstState, SecondState, LossParts, PartialSums })
            {
                buffer?.Dispose();
            }
        }
    }
}
