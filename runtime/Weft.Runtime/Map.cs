using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Weft.Execution;
using Weft.Kernels;

namespace Weft;

/// <summary>
/// A map from rows of <see cref="Inputs"/> numbers to rows of <see cref="Outputs"/> numbers, with its parameters and its derivatives.
/// Batches are row-major: row after row, no gaps.
/// </summary>
/// <remarks>
/// Any number of threads may call a map at the same time, except that <see cref="Edit"/>, <see cref="Initialize"/> and an optimizer's
/// step change the parameters: nothing else may run on the map meanwhile, and what does throws <see cref="InvalidOperationException"/>. A
/// large batch is split over threads (<see cref="WeftOptions.MaxThreads"/>); which thread does what never changes a result. After the first
/// calls, which make workspaces, a call allocates nothing. A new map with stored parameters computes nothing until <see cref="Initialize"/>,
/// <see cref="Edit"/> or a file gives them; they are zero where an edit leaves them out. A map can <see cref="Follow"/> another one instead.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract unsafe class Map<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Below so many operations, about 50 µs, waking another thread costs more than it brings.</summary>
    private const double ParallelFlops = 5e6;

    /// <summary>The <see cref="epoch"/> of a map whose parameters were never given.</summary>
    private const int NeverGiven = -1;

    private readonly MapProgram<T> program;
    private readonly MapLayout layout;

    /// <summary>Rows of a chunk of a larger batch, and of a batch that is one chunk at most: by the machine's caches, and where rows are summed by sizes alone.</summary>
    private readonly (int OfLarger, int AtMost) chunk, summedChunk;
    private readonly Pool<Workspace<T>> workspaces = new();
    private AlignedBuffer<T>? weights;
    private readonly Lock prepareLock = new();
    private volatile bool isPrepared;

    /// <summary>Grows with each change of the parameters; odd while they change. A pass that begins and ends in one even epoch read one set of them.</summary>
    private volatile int epoch;
    private volatile bool isPreparedForFewRows;

    /// <summary>The map whose parameters this one takes over, where its own are in it, and the epoch that they are of.</summary>
    private Map<T>? leader;
    private int[] placesInLeader = [];
    private volatile int followedEpoch;

    /// <summary>The map of the penalties, once it was asked for.</summary>
    private Map<T>? penalties;

    /// <summary>Makes a map with zero parameters; its seeded tensors are drawn.</summary>
    /// <param name="description">The map's facts: name, formula, sizes, costs, parameters.</param>
    /// <param name="program">The map's passes and their layout, generated from its formula.</param>
    /// <exception cref="ArgumentException">The description contradicts itself, or the program's layout.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither <see cref="float"/> nor <see cref="double"/>.</exception>
    protected Map(MapDescription description, MapProgram<T> program)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(program);
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
        {
            throw new NotSupportedException($"The elements of a map are float or double, not {typeof(T).Name}.");
        }

        (this.program, layout) = (program, program.Layout);
        layout.Validate(description);
        Machine machine = WeftOptions.Machine;
        chunk = layout.Chunk(description, sizeof(T), machine.SecondLevelOfCore, machine.LastLevel);
        summedChunk = layout.Chunk(description, sizeof(T), ChunkRows.SecondLevelOfSums, ChunkRows.LastLevelOfSums);
        Description = description;
        weights = new AlignedBuffer<T>(layout.WeightCount);
        weights.Span[..ParameterCount].Clear();
        foreach (ParameterInfo parameter in description.Parameters)
        {
            if (parameter.Role == Role.Seeded)
            {
                Draw(weights.Pointer, parameter, parameter.Seed);
            }
        }

        epoch = ParameterCount == 0 ? 0 : NeverGiven;
    }

    /// <summary>The map's facts: name, formula, sizes, costs, parameters.</summary>
    public MapDescription Description { get; }

    /// <summary>The length of an input row.</summary>
    public int Inputs => Description.Inputs;

    /// <summary>The length of an output row.</summary>
    public int Outputs => Description.Outputs;

    /// <summary>The number of stored parameters: trained and frozen.</summary>
    public int ParameterCount => Description.ParameterCount;

    /// <summary>The number of trained parameters: the length of a gradient.</summary>
    public int TrainedCount => Description.TrainedCount;

    /// <summary>The stored parameters, contiguous and 64-byte aligned: the trained ones, then the frozen ones.</summary>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public ReadOnlySpan<T> Parameters => Current().Span[..ParameterCount];

    /// <summary>A parameter by its name.</summary>
    /// <exception cref="ArgumentException">There is no such parameter.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public ParameterView<T> this[string name] => this[Description.IndexOf(name)];

    /// <summary>The parameter at an index of <see cref="MapDescription.Parameters"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such parameter.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public ParameterView<T> this[int index]
    {
        get
        {
            ParameterInfo info = InfoAt(index);
            return new ParameterView<T>(info, Current().Memory.Slice(info.Offset, info.Length));
        }
    }

    /// <summary>Write access to the stored parameters; dispose what is returned when they are written. No other call may run on the map meanwhile.</summary>
    /// <exception cref="InvalidOperationException">Another edit is open.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public ParameterEdit<T> Edit() => BeginEdit(trainedOnly: false);

    /// <summary>Draws every stored parameter from its own distribution. The same seed gives the same values on every machine.</summary>
    /// <exception cref="InvalidOperationException">An edit is open.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Initialize(int seed = 0)
    {
        AlignedBuffer<T> block = Stored();
        using ParameterEdit<T> edit = Edit();
        for (int i = 0; i < Description.Parameters.Length; i++)
        {
            ParameterInfo parameter = Description.Parameters[i];
            if (parameter.Role != Role.Seeded)
            {
                Draw(block.Pointer, parameter, RandomNumbers.Combine(seed, i));
            }
        }
    }

    /// <summary>
    /// From now on computes with the parameters of another map, whatever they become: the inverse of a map with the map's own parameters, a decoder
    /// tied to its encoder. A change there is taken over by the next call here; here nothing can be edited, drawn, loaded or trained. Where the
    /// trained parameters are the same, so is the order of a gradient: those of both maps can be summed in one.
    /// </summary>
    /// <param name="leader">A map that has every stored parameter of this one, of the same name and shape.</param>
    /// <exception cref="ArgumentException">It lacks a parameter, or has one of another shape or seed; it is this map, or follows it.</exception>
    /// <exception cref="InvalidOperationException">An edit of this map is open.</exception>
    /// <exception cref="ObjectDisposedException">A map is disposed.</exception>
    public void Follow(Map<T> leader)
    {
        ArgumentNullException.ThrowIfNull(leader);
        Stored();
        leader.Stored();
        for (Map<T>? map = leader; map is not null; map = map.leader)
        {
            if (map == this)
            {
                throw new ArgumentException($"{Description.Name} would follow itself.", nameof(leader));
            }
        }

        if (epoch != NeverGiven && (epoch & 1) != 0)
        {
            throw new InvalidOperationException($"The parameters of {Description.Name} are being edited: dispose that edit first.");
        }

        placesInLeader = [.. Description.Parameters.Select(own =>
        {
            ParameterInfo? same = leader.Description.Parameters.FirstOrDefault(info => info.Name == own.Name);
            return same is not null && same.Shape.SequenceEqual(own.Shape) && same.Role == Role.Seeded == (own.Role == Role.Seeded) && same.Seed == own.Seed
                ? same.Offset
                : throw new ArgumentException(
                    $"{leader.Description.Name} has no '{own.Name}' of shape [{string.Join(", ", own.Shape)}]{(own.Role == Role.Seeded ? $" and seed {own.Seed}" : "")}, which {Description.Name} needs.",
                    nameof(leader));
        })];
        (this.leader, followedEpoch) = (leader, NeverGiven);
    }

    /// <summary>y = f(x) for each row.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>]</param>
    /// <param name="y">[batch, <see cref="Outputs"/>]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Forward(ReadOnlySpan<T> x, Span<T> y)
    {
        AlignedBuffer<T> block = Weights(out int begun);
        int batch = Arguments.Forward(x, y);
        RequirePositions(x, batch);
        fixed (T* px = x, py = y)
        {
            if (batch <= layout.FewRows || (batch <= chunk.AtMost && (double)batch * Description.ForwardFlops < ParallelFlops))
            {
                if (batch > 0)
                {
                    ForwardSmall(block, px, py, batch);
                }
            }
            else
            {
                Run(block, new ForwardOperation(px, py), batch, Description.ForwardFlops, default);
            }
        }

        RequireUnchanged(begun);
    }

    /// <summary>y = f(x) for each row with noise, as in a step of training: samples of what a map with noise gives.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>]</param>
    /// <param name="y">[batch, <see cref="Outputs"/>]; overwritten.</param>
    /// <param name="noise">What noise is drawn by.</param>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Forward(ReadOnlySpan<T> x, Span<T> y, Noise noise)
    {
        AlignedBuffer<T> block = Weights(out int begun);
        int batch = Arguments.Forward(x, y);
        RequirePositions(x, batch);
        fixed (T* px = x, py = y)
        {
            Run(block, new NoisyOperation(px, py, noise), batch, Description.ForwardFlops, default);
        }

        RequireUnchanged(begun);
    }

    /// <summary>The gradients of ⟨dy, f(x)⟩: for the input, and summed over the batch for the trained parameters.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>]</param>
    /// <param name="dy">[batch, <see cref="Outputs"/>]: the gradient for the output.</param>
    /// <param name="dx">[batch, <see cref="Inputs"/>], overwritten; or empty: not wanted.</param>
    /// <param name="gradient">[<see cref="TrainedCount"/>], added to; or empty: not wanted.</param>
    /// <param name="noise">What noise is drawn by in a step of training; null: it is its mean, as outside training. A map without noise needs none.</param>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, or something written overlaps another argument; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Gradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx, Span<T> gradient, Noise? noise = null)
    {
        AlignedBuffer<T> block = Weights(out int begun);
        int batch = Arguments.Gradient(x, dy, dx, gradient);
        RequirePositions(x, batch);
        if (dx.IsEmpty && gradient.IsEmpty)
        {
            return;
        }

        fixed (T* px = x, pdy = dy, pdx = dx)
        {
            Run(block, new GradientOperation(px, pdy, pdx, noise), batch, Description.ForwardFlops + Description.BackwardFlops, gradient);
        }

        RequireUnchanged(begun);
    }

    /// <summary>
    /// The mean loss over a batch and its gradient for the trained parameters. Forward pass, loss and backward pass of a chunk of rows
    /// follow each other while its intermediate results are in cache; outputs are not stored.
    /// </summary>
    /// <param name="x">[batch, <see cref="Inputs"/>], at least one row.</param>
    /// <param name="loss">The loss, with what the outputs are compared to.</param>
    /// <param name="gradient">[<see cref="TrainedCount"/>], added to; or empty: only the loss is wanted.</param>
    /// <returns>The mean loss.</returns>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, the batch is empty, the loss does not fit it, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public double LossGradient<TLoss>(ReadOnlySpan<T> x, TLoss loss, Span<T> gradient)
        where TLoss : struct, ILoss<T> => LossGradient(x, loss, default, gradient, null);

    /// <summary>The mean loss over a batch and its gradient for the trained parameters, as <see cref="LossGradient{TLoss}(ReadOnlySpan{T}, TLoss, Span{T})"/>, with noise.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>], at least one row.</param>
    /// <param name="loss">The loss, with what the outputs are compared to.</param>
    /// <param name="gradient">[<see cref="TrainedCount"/>], added to; or empty: only the loss is wanted.</param>
    /// <param name="noise">What noise is drawn by in a step of training; null: it is its mean, as outside training. A map without noise needs none.</param>
    /// <returns>The mean loss.</returns>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, the batch is empty, the loss does not fit it, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    [OverloadResolutionPriority(-1)] // a 'default' behind the loss and a span is that of a gradient
    public double LossGradient<TLoss>(ReadOnlySpan<T> x, TLoss loss, Span<T> gradient, Noise? noise)
        where TLoss : struct, ILoss<T> => LossGradient(x, loss, default, gradient, noise);

    /// <summary>The mean loss over a batch and its gradients, as <see cref="LossGradient{TLoss}(ReadOnlySpan{T}, TLoss, Span{T})"/>, also for the input.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>], at least one row.</param>
    /// <param name="loss">The loss, with what the outputs are compared to.</param>
    /// <param name="dx">[batch, <see cref="Inputs"/>], overwritten; or empty: not wanted.</param>
    /// <param name="gradient">[<see cref="TrainedCount"/>], added to; or empty: not wanted.</param>
    /// <param name="noise">What noise is drawn by in a step of training; null: it is its mean, as outside training. A map without noise needs none.</param>
    /// <returns>The mean loss.</returns>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, the batch is empty, the loss does not fit it, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public double LossGradient<TLoss>(ReadOnlySpan<T> x, TLoss loss, Span<T> dx, Span<T> gradient, Noise? noise = null)
        where TLoss : struct, ILoss<T>
    {
        AlignedBuffer<T> block = Weights(out int begun);
        int batch = Arguments.LossGradient(x, dx, gradient);
        loss.Check(batch, Outputs);
        RequirePositions(x, batch);
        long flops = Description.ForwardFlops + (gradient.IsEmpty && dx.IsEmpty ? 0 : Description.BackwardFlops);
        fixed (T* px = x, pdx = dx)
        {
            double mean = Run(block, new LossOperation<TLoss>(px, pdx, loss, batch, noise), batch, flops, gradient);
            RequireUnchanged(begun);
            return mean;
        }
    }

    /// <summary>
    /// The penalties of the map, which its formula declares of its parameters: training adds them to the loss of a batch, and their gradient to that of the loss. Where
    /// there are none nothing is done.
    /// </summary>
    /// <param name="gradient">[<see cref="TrainedCount"/>]: their gradient, added to; or empty: not wanted.</param>
    /// <param name="values">[<see cref="MapDescription.Penalties"/>]: each of them, overwritten; or empty: only the sum is wanted.</param>
    /// <returns>Their sum.</returns>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public double AddPenalties(Span<T> gradient = default, Span<T> values = default)
    {
        Current();
        if (!gradient.IsEmpty)
        {
            Arguments.Step(gradient);
        }

        int count = Description.Penalties.Length;
        if (!values.IsEmpty)
        {
            Lengths.Require(values.Length, 1, count, nameof(values));
            if (gradient.Overlaps(values))
            {
                throw new ArgumentException("The values and the gradient overlap.", nameof(values));
            }
        }

        if (count == 0)
        {
            return 0;
        }

        Map<T> map = Volatile.Read(ref penalties) ?? MakePenalties();
        T one = T.One;
        using var ones = new PortRows<T>(1, count);
        using var found = new PortRows<T>(1, count);
        map.Forward(new ReadOnlySpan<T>(in one), found.Span);
        if (!gradient.IsEmpty)
        {
            ones.Span.Fill(T.One);
            map.Gradient(new ReadOnlySpan<T>(in one), ones.Span, default, gradient);
        }

        found.Span[..values.Length].CopyTo(values);
        double sum = 0;
        foreach (T penalty in found.Span)
        {
            sum += double.CreateTruncating(penalty);
        }

        return sum;
    }

    private Map<T> MakePenalties()
    {
        Map<T> made = program.CreatePenalties() ?? throw new InvalidOperationException($"{Description.Name} has penalties that its program does not make.");
        made.Follow(this);
        return Interlocked.CompareExchange(ref penalties, made, null) ?? made;
    }

    /// <summary>The forward-mode derivative: y = f(x) and dy = the directional derivative of f at x and the parameters along dx and dParameters.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>]</param>
    /// <param name="dx">[batch, <see cref="Inputs"/>]; or empty: zero.</param>
    /// <param name="dParameters">[<see cref="TrainedCount"/>]; or empty: zero.</param>
    /// <param name="y">[batch, <see cref="Outputs"/>], overwritten; or empty: not wanted.</param>
    /// <param name="dy">[batch, <see cref="Outputs"/>], overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, an input holds what is no position where it should, or something written overlaps another argument; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Tangent(ReadOnlySpan<T> x, ReadOnlySpan<T> dx, ReadOnlySpan<T> dParameters, Span<T> y, Span<T> dy)
    {
        AlignedBuffer<T> block = Weights(out int begun);
        int batch = Arguments.Tangent(x, dx, dParameters, y, dy);
        RequirePositions(x, batch);

        Workspace<T> workspace = workspaces.Take();
        AlignedBuffer<T> tangent = workspace.Block(layout.TangentCount);
        dParameters.CopyTo(tangent.Span);
        tangent.Span[dParameters.Length..].Clear();
        T* dw = tangent.Pointer;
        if (!dParameters.IsEmpty)
        {
            program.PrepareTangent(block.Pointer, dw);
        }

        fixed (T* px = x, pdx = dx, py = y, pdy = dy)
        {
            Run(block, new TangentOperation(dw, px, pdx, py, pdy), batch, 3 * Description.ForwardFlops, default);
        }

        workspaces.Return(workspace);
        RequireUnchanged(begun);
    }

    /// <summary>y = f(x) for each row of dense tensors of shapes [batch, <see cref="Inputs"/>] and [batch, <see cref="Outputs"/>].</summary>
    /// <exception cref="ArgumentException">A tensor is not dense or has another shape, or the tensors overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    [OverloadResolutionPriority(-1)]
    public void Forward(in ReadOnlyTensorSpan<T> x, in TensorSpan<T> y) =>
        Forward(DenseTensors.Rows(x, Inputs, nameof(x)), DenseTensors.Rows(y, Outputs, nameof(y)));

    /// <summary>The gradients, as <see cref="Gradient(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, Span{T}, Noise?)"/>, for dense tensors of two axes; an empty one is not wanted.</summary>
    /// <exception cref="ArgumentException">A tensor is not dense or has another shape, or something written overlaps another argument; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    [OverloadResolutionPriority(-1)]
    public void Gradient(in ReadOnlyTensorSpan<T> x, in ReadOnlyTensorSpan<T> dy, in TensorSpan<T> dx, Span<T> gradient, Noise? noise = null) => Gradient(
        DenseTensors.Rows(x, Inputs, nameof(x)),
        DenseTensors.Rows(dy, Outputs, nameof(dy)),
        DenseTensors.Rows(dx, Inputs, nameof(dx)),
        gradient,
        noise);

    /// <summary>The loss and its gradient, as <see cref="LossGradient{TLoss}(ReadOnlySpan{T}, TLoss, Span{T})"/>, for a dense tensor [batch, <see cref="Inputs"/>].</summary>
    /// <exception cref="ArgumentException">The tensor is not dense or has another shape, or the loss does not fit it; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    [OverloadResolutionPriority(-1)]
    public double LossGradient<TLoss>(in ReadOnlyTensorSpan<T> x, TLoss loss, Span<T> gradient, Noise? noise = null)
        where TLoss : struct, ILoss<T> => LossGradient(DenseTensors.Rows(x, Inputs, nameof(x)), loss, gradient, noise);

    /// <summary>The forward-mode derivative, as <see cref="Tangent(ReadOnlySpan{T}, ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, Span{T})"/>, for dense tensors of two axes.</summary>
    /// <exception cref="ArgumentException">A tensor is not dense or has another shape, or something written overlaps another argument; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    [OverloadResolutionPriority(-1)]
    public void Tangent(in ReadOnlyTensorSpan<T> x, in ReadOnlyTensorSpan<T> dx, ReadOnlySpan<T> dParameters, in TensorSpan<T> y, in TensorSpan<T> dy) => Tangent(
        DenseTensors.Rows(x, Inputs, nameof(x)),
        DenseTensors.Rows(dx, Inputs, nameof(dx)),
        dParameters,
        DenseTensors.Rows(y, Outputs, nameof(y)),
        DenseTensors.Rows(dy, Outputs, nameof(dy)));

    /// <summary>Gives up the parameters and the workspaces. A call that is still running ends normally; later ones throw.</summary>
    public void Dispose()
    {
        weights = null;
        workspaces.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>What the map does.</summary>
    internal MapProgram<T> Program => program;

    /// <summary>The checks of its passes' arguments.</summary>
    internal PassArguments<ReadOnlySpan<T>, SpanKind<T>> Arguments => new(Description, default);

    /// <summary>Whether parameters were ever given, or there are none.</summary>
    internal bool IsGiven => leader?.IsGiven ?? epoch != NeverGiven;

    /// <summary>Another one after each change of the parameters: a device's copy is then out of date.</summary>
    internal int Epoch
    {
        get
        {
            if (leader is { IsGiven: true })
            {
                TakeOver(leader);
            }

            return epoch;
        }
    }

    /// <summary>Parameters and what is derived from them.</summary>
    internal ReadOnlySpan<T> WeightBlock => Weights(out _).Span[..layout.WeightCount];

    /// <summary>Does <see cref="MapProgram{T}.PrepareGradient"/> for a block of gradients that begins with that of the trained parameters.</summary>
    internal void FinishGradient(Span<T> block)
    {
        AlignedBuffer<T> w = Weights(out int begun);
        fixed (T* g = block)
        {
            program.PrepareGradient(w.Pointer, g, g);
        }

        GC.KeepAlive(w);
        RequireUnchanged(begun);
    }

    internal ParameterInfo InfoAt(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Description.Parameters.Length);
        return Description.Parameters[index];
    }

    /// <summary>Write access for an optimizer, which leaves frozen parameters and what depends on them alone.</summary>
    internal ParameterEdit<T> EditTrained() => BeginEdit(trainedOnly: true);

    /// <summary>Sets all stored parameters; where a table of positions among them is refused, none.</summary>
    /// <exception cref="InvalidOperationException">An edit is open.</exception>
    /// <exception cref="InvalidDataException">A table holds a position that is none, or a frozen parameter is not what it is declared to be.</exception>
    internal void Replace(ReadOnlySpan<T> values)
    {
        AlignedBuffer<T> block = Stored();
        T[] old = Parameters.ToArray();
        int before = epoch;
        ParameterEdit<T> edit = Edit();
        try
        {
            values.CopyTo(edit.All);
            PrepareAll(block.Pointer);
        }
        catch (InvalidOperationException exception)
        {
            old.CopyTo(edit.All);
            epoch = before;
            throw new InvalidDataException($"The file does not fit {Description.Name}: {exception.Message}", exception);
        }

        epoch = unchecked(epoch + 1);
    }

    private ParameterEdit<T> BeginEdit(bool trainedOnly)
    {
        if (leader is not null)
        {
            throw new InvalidOperationException($"{Description.Name} computes with the parameters of {leader.Description.Name}, which it follows: change those.");
        }

        Span<T> stored = Stored().Span[..ParameterCount];
        int current = epoch, open = current == NeverGiven ? 1 : unchecked(current + 1);
        if ((open & 1) == 0 || Interlocked.CompareExchange(ref epoch, open, current) != current)
        {
            throw new InvalidOperationException($"The parameters of {Description.Name} are being edited: dispose that edit before the next one.");
        }

        return new ParameterEdit<T>(this, stored, trainedOnly, open);
    }

    /// <summary>Ends the edit that an epoch belongs to, once.</summary>
    internal void EndEdit(bool trainedOnly, int open)
    {
        if (epoch != open)
        {
            return;
        }

        try
        {
            if (weights is { } block)
            {
                if (trainedOnly && isPrepared)
                {
                    isPreparedForFewRows = false;
                    program.Prepare(block.Pointer);
                    program.PrepareEvaluation(block.Pointer);
                }
                else
                {
                    PrepareAll(block.Pointer);
                }
            }
        }
        finally
        {
            epoch = unchecked(open + 1);
        }
    }

    private void PrepareAll(T* w)
    {
        isPrepared = false;
        isPreparedForFewRows = false;
        foreach (ParameterInfo parameter in Description.Parameters)
        {
            if (parameter is { Role: Role.Frozen, Property: not TensorProperty.None } && ParameterFunctions<T>.Violation(w + parameter.Offset, parameter.Shape, parameter.Property) is { } fault)
            {
                throw new InvalidOperationException($"Parameter '{parameter.Name}' of {Description.Name} is declared {fault}.");
            }
        }

        program.PrepareFrozen(w);
        program.Prepare(w);
        program.PrepareEvaluation(w);
        isPrepared = true;
    }

    /// <summary>x = fᵀ(y) for each row of a linear map; a null y stands for the identity.</summary>
    private protected void RunAdjoint(AlignedBuffer<T> block, T* y, T* x, int batch) =>
        Run(block, new AdjointOperation(y, x), batch, Description.ForwardFlops, default);

    /// <summary>The weight block, ready for use: where a table of positions was refused, it is refused again.</summary>
    /// <param name="begun">The epoch in which the use begins; at its end, <see cref="RequireUnchanged"/> has to be asked.</param>
    /// <exception cref="InvalidOperationException">The parameters are being edited, or were never given.</exception>
    internal AlignedBuffer<T> Weights(out int begun)
    {
        AlignedBuffer<T> block = Stored();
        if (leader is not null)
        {
            TakeOver(leader);
        }

        begun = epoch;
        if ((begun & 1) != 0)
        {
            throw new InvalidOperationException(begun == NeverGiven
                ? $"{Description.Name} was never given its parameters: call Initialize, or write them in an Edit, first."
                : $"The parameters of {Description.Name} are being edited: dispose the edit first.");
        }

        if (!isPrepared)
        {
            lock (prepareLock)
            {
                if (!isPrepared)
                {
                    PrepareAll(block.Pointer);
                }
            }
        }

        return block;
    }

    /// <summary>Copies what the parameters of the map that this one follows have become, and derives anew what is made of them.</summary>
    private void TakeOver(Map<T> leader)
    {
        AlignedBuffer<T> source = leader.Weights(out int begun), block = Stored();
        if (followedEpoch == begun)
        {
            return;
        }

        lock (prepareLock)
        {
            if (followedEpoch == begun)
            {
                return;
            }

            epoch = unchecked(epoch | 1);
            try
            {
                for (int i = 0; i < placesInLeader.Length; i++)
                {
                    ParameterInfo own = Description.Parameters[i];
                    source.Span.Slice(placesInLeader[i], own.Length).CopyTo(block.Span[own.Offset..]);
                }

                leader.RequireUnchanged(begun);
                PrepareAll(block.Pointer);
            }
            finally
            {
                epoch = unchecked(epoch + 1);
            }

            followedEpoch = begun; // last: a thread that sees it goes on without the lock
        }
    }

    /// <summary>The block with parameters that can be read: those of the map that this one follows, once they were given.</summary>
    private AlignedBuffer<T> Current() => leader is { IsGiven: true } ? Weights(out _) : Stored();

    /// <summary>Refuses what was computed while the parameters changed.</summary>
    /// <exception cref="InvalidOperationException">They have changed since an epoch.</exception>
    private protected void RequireUnchanged(int begun)
    {
        if (epoch != begun)
        {
            throw new InvalidOperationException($"The parameters of {Description.Name} changed during a call, whose results are worth nothing: nothing else may run on the map meanwhile.");
        }
    }

    private AlignedBuffer<T> Stored()
    {
        AlignedBuffer<T>? block = weights;
        ObjectDisposedException.ThrowIf(block == null, this);
        return block;
    }

    /// <summary>Sees to it that what kernels take for positions leads nowhere else.</summary>
    private void RequirePositions(ReadOnlySpan<T> x, int batch)
    {
        foreach (PositionInput input in Description.Positions)
        {
            // Rows of nothing else are checked at once.
            (int rows, int length) = input.Length == Inputs ? (Math.Min(batch, 1), x.Length) : (batch, input.Length);
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> positions = x.Slice(row * Inputs + input.Offset, length);
                if (Positions.FirstWrong(positions, input.Size) is >= 0 and var wrong)
                {
                    throw new ArgumentException(
                        $"{input.Name} of row {row + wrong / input.Length} of the batch holds {positions[wrong]} at {wrong % input.Length}: expected a whole number from 0 to {input.Size - 1}.",
                        nameof(x));
                }
            }
        }
    }

    private static void Draw(T* w, ParameterInfo parameter, int seed)
    {
        ParameterFunctions<T>.Draw(w + parameter.Offset, parameter.Shape, parameter.Initializer, seed);
        ParameterFunctions<T>.Impose(w + parameter.Offset, parameter.Shape, parameter.Property);
    }

    /// <summary>A batch that is one piece of one chunk. What only few rows need is made by the first call of so few after an update.</summary>
    private void ForwardSmall(AlignedBuffer<T> block, T* x, T* y, int batch)
    {
        bool few = batch <= layout.FewRows;
        if (few && !isPreparedForFewRows)
        {
            lock (prepareLock)
            {
                if (!isPreparedForFewRows)
                {
                    program.PrepareFewRows(block.Pointer);
                    isPreparedForFewRows = true;
                }
            }
        }

        Workspace<T> workspace = workspaces.Take();
        T* s = workspace.Scratch(batch, layout.ScratchPerRow);
        if (few)
        {
            program.ForwardFewRows(block.Pointer, x, y, s, batch);
        }
        else
        {
            program.EvaluateRows(block.Pointer, x, y, s, batch);
        }

        workspaces.Return(workspace);
        GC.KeepAlive(block);
    }

    /// <summary>Scratch for a pass behind which derivatives may follow, with the noise that it reads.</summary>
    private T* ScratchWithNoise(Workspace<T> workspace, int first, int rows, Noise? noise)
    {
        T* s = workspace.Scratch(rows, layout.GradientScratchPerRow);
        foreach (NoiseRows drawn in layout.Noise)
        {
            drawn.Fill(s + (nint)drawn.Offset * rows, rows, first, noise);
        }

        return s;
    }

    private double Run<TOperation>(AlignedBuffer<T> block, in TOperation operation, int batch, long flopsPerRow, Span<T> gradient)
        where TOperation : struct, IOperation
    {
        fixed (T* g = gradient)
        {
            double loss = batch == 0 ? 0 : BatchJob<TOperation>.Run(this, block.Pointer, operation, batch, flopsPerRow, g);
            GC.KeepAlive(block);
            return loss;
        }
    }

    /// <summary>The gradients that some rows add to: of the trained parameters, and of what is derived from them; both null where none is wanted.</summary>
    private readonly struct WeightGradient(T* trained, T* derived, bool isNew)
    {
        public readonly T* Trained = trained, Derived = derived;

        /// <summary>Whether nothing has been added to those of what is derived.</summary>
        public readonly bool IsNew = isNew;
    }

    /// <summary>What is done to a chunk of a batch.</summary>
    private interface IOperation
    {
        /// <summary>Whether something is summed over rows: its rounding depends on where chunks end.</summary>
        static abstract bool IsSummed { get; }

        /// <summary>Does some rows.</summary>
        /// <returns>The rows' share of the loss, where there is one.</returns>
        double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows);
    }

    private readonly struct ForwardOperation(T* x, T* y) : IOperation
    {
        private readonly T* x = x, y = y;

        public static bool IsSummed => false;

        public double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows)
        {
            T* s = workspace.Scratch(rows, map.layout.ScratchPerRow);
            map.program.EvaluateRows(w, x + (nint)first * map.Inputs, y + (nint)first * map.Outputs, s, rows);
            return 0;
        }
    }

    private readonly struct NoisyOperation(T* x, T* y, Noise noise) : IOperation
    {
        private readonly T* x = x, y = y;
        private readonly Noise noise = noise;

        public static bool IsSummed => false;

        public double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows)
        {
            T* s = map.ScratchWithNoise(workspace, first, rows, noise);
            map.program.ForwardRows(w, x + (nint)first * map.Inputs, y + (nint)first * map.Outputs, s, rows);
            return 0;
        }
    }

    private readonly struct GradientOperation(T* x, T* dy, T* dx, Noise? noise) : IOperation
    {
        private readonly T* x = x, dy = dy, dx = dx;
        private readonly Noise? noise = noise;

        public static bool IsSummed => true;

        public double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows)
        {
            T* s = map.ScratchWithNoise(workspace, first, rows, noise);
            T* rowsX = x + (nint)first * map.Inputs;
            map.program.ForwardRows(w, rowsX, null, s, rows);
            map.program.BackwardRows(
                w,
                g.Trained,
                g.Derived,
                new Chunk<T>(rowsX, dx == null ? null : dx + (nint)first * map.Inputs, dy + (nint)first * map.Outputs, s, rows),
                g.IsNew);
            return 0;
        }
    }

    private readonly struct LossOperation<TLoss>(T* x, T* dx, TLoss loss, int batch, Noise? noise) : IOperation
        where TLoss : struct, ILoss<T>
    {
        private readonly T* x = x, dx = dx;
        private readonly Noise? noise = noise;
        private readonly TLoss loss = loss;
        private readonly int batch = batch;

        public static bool IsSummed => true;

        public double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows)
        {
            int length = rows * map.Outputs;
            T* y = workspace.Rows(2 * length).Pointer, dy = y + length;
            T* s = map.ScratchWithNoise(workspace, first, rows, noise);
            T* rowsX = x + (nint)first * map.Inputs;
            map.program.ForwardRows(w, rowsX, y, s, rows);
            double part = loss.Evaluate(new ReadOnlySpan<T>(y, length), new Span<T>(dy, length), first, rows, batch);
            if (g.Trained != null || dx != null)
            {
                map.program.BackwardRows(
                    w, g.Trained, g.Derived, new Chunk<T>(rowsX, dx == null ? null : dx + (nint)first * map.Inputs, dy, s, rows), g.IsNew);
            }

            return part;
        }
    }

    private readonly struct TangentOperation(T* dw, T* x, T* dx, T* y, T* dy) : IOperation
    {
        private readonly T* dw = dw, x = x, dx = dx, y = y, dy = dy;

        public static bool IsSummed => false;

        public double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows)
        {
            nint input = (nint)first * map.Inputs, output = (nint)first * map.Outputs;
            T* s = map.ScratchWithNoise(workspace, first, rows, null);
            map.program.ForwardRows(w, x + input, y == null ? null : y + output, s, rows);
            T* rowsDx = dx == null ? Zeros(workspace, rows * map.Inputs) : dx + input;
            map.program.TangentRows(w, dw, new Chunk<T>(x + input, rowsDx, dy + output, s, rows));
            return 0;
        }

        private static T* Zeros(Workspace<T> workspace, int length)
        {
            AlignedBuffer<T> zeros = workspace.Rows(length);
            zeros.Span[..length].Clear();
            return zeros.Pointer;
        }
    }

    private readonly struct AdjointOperation(T* y, T* x) : IOperation
    {
        private readonly T* y = y, x = x;

        public static bool IsSummed => false;

        public double Run(Map<T> map, T* w, in WeightGradient g, Workspace<T> workspace, int first, int rows)
        {
            T* s = workspace.Scratch(rows, map.layout.GradientScratchPerRow);
            T* rowsY = y == null ? Identity(map, workspace, first, rows) : y + (nint)first * map.Outputs;
            map.program.BackwardRows(w, null, null, new Chunk<T>(null, x + (nint)first * map.Inputs, rowsY, s, rows), first: false);
            return 0;
        }

        private static T* Identity(Map<T> map, Workspace<T> workspace, int first, int rows)
        {
            int length = rows * map.Outputs;
            Span<T> identity = workspace.Rows(length).Span[..length];
            identity.Clear();
            for (int i = 0; i < rows; i++)
            {
                identity[i * map.Outputs + first + i] = T.One;
            }

            return workspace.Rows(length).Pointer;
        }
    }

    /// <summary>One call's batch, split into pieces of consecutive rows.</summary>
    private sealed class BatchJob<TOperation> : Job
        where TOperation : struct, IOperation
    {
        /// <summary>What clearing and adding an element of one more gradient block costs, in operations.</summary>
        private const double BlockFlops = 8;

        /// <summary>Rows are handed out in multiples of this, so that a kernel's row tiles are full.</summary>
        private const int RowTile = 8;

        private static readonly Pool<BatchJob<TOperation>> Jobs = new();

        private Map<T>? map;
        private T* w;
        private TOperation operation;
        private int batch;
        private int pieceRows;
        private T* gradient;
        private Workspace<T>?[] kept = [];
        private double[] losses = [];

        public static double Run(Map<T> map, T* w, in TOperation operation, int batch, long flopsPerRow, T* gradient)
        {
            BatchJob<TOperation> job = Jobs.Take();
            job.map = map;
            job.w = w;
            job.operation = operation;
            job.batch = batch;
            job.gradient = gradient;
            try
            {
                return job.Run(flopsPerRow);
            }
            finally
            {
                foreach (ref Workspace<T>? workspace in job.kept.AsSpan())
                {
                    if (workspace != null)
                    {
                        map.workspaces.Return(workspace);
                        workspace = null;
                    }
                }

                job.map = null;
                job.operation = default;
                job.gradient = null;
                Jobs.Return(job);
            }
        }

        protected override void RunPiece(int piece)
        {
            Map<T> map = this.map!;
            Workspace<T> workspace = map.workspaces.Take();
            T* g = gradient, derived = null;
            if (gradient != null)
            {
                kept[piece] = workspace;
                AlignedBuffer<T> block = workspace.Block(map.layout.GradientCount);
                block.Forget();
                derived = block.Pointer;
                if (piece > 0)
                {
                    block.Span[..map.TrainedCount].Clear();
                    g = derived;
                }
            }

            int first = piece * pieceRows;
            int end = first + Math.Min(batch - first, pieceRows);
            (int ofLarger, int atMost) = TOperation.IsSummed ? map.summedChunk : map.chunk;
            int most = end - first > atMost ? ofLarger : atMost;
            int chunk = Math.Min(most, SplitEvenly(end - first, Divide(end - first, most)));
            double loss = 0;
            for (bool isNew = true; first < end; isNew = false)
            {
                int rows = RowsOf(end - first, chunk);
                loss += operation.Run(map, w, new WeightGradient(g, derived, isNew), workspace, first, rows);
                first += rows;
            }

            losses[piece] = loss;
            if (gradient == null)
            {
                map.workspaces.Return(workspace);
            }
        }

        /// <summary>
        /// The rows of the next chunk: no row is left alone, since the sums of a single one are split otherwise than those of several. A row then has the same
        /// bits in chunks of every size.
        /// </summary>
        private static int RowsOf(int left, int chunk) => left == chunk + 1 && chunk > RowTile ? chunk - (RowTile / 2) : Math.Min(chunk, left);

        private static void Add(ReadOnlySpan<T> part, Span<T> sum) => TensorPrimitives.Add(sum, part, sum);

        private static int Divide(int rows, int parts) => (rows + parts - 1) / parts;

        private static int SplitEvenly(int rows, int parts) => parts == 1 ? rows : Divide(Divide(rows, parts), RowTile) * RowTile;

        private double Run(long flopsPerRow)
        {
            // Pieces depend on the sizes alone and each has a gradient of its own (the first one the caller's), summed in their order: no
            // result depends on timing. Without a gradient, pieces are cheap, and several for each thread even out what the threads get done, if
            // they have so many rows that reading the weights once more for each is little.
            const double LeastRows = 16;
            int threads = WeftOptions.MaxThreads;
            double work = (double)batch * flopsPerRow;
            double least = ParallelFlops / 2 + (gradient != null ? BlockFlops * map!.layout.GradientCount : 0);
            int pieces = threads == 1 || work < 2 * least
                ? 1
                : (int)Math.Min(gradient != null ? threads : Math.Clamp(batch / LeastRows, threads, 4.0 * threads), Math.Min(batch, work / least));
            pieceRows = SplitEvenly(batch, pieces);
            while (pieces > 1 && batch % pieceRows == 1)
            {
                pieceRows += RowTile; // no row is left alone here either
            }

            pieces = Divide(batch, pieceRows);
            if (losses.Length < pieces)
            {
                losses = new double[pieces];
                kept = new Workspace<T>?[pieces];
            }

            Run(pieces, threads);

            double loss = 0;
            for (int piece = 0; piece < pieces; piece++)
            {
                loss += losses[piece];
            }

            if (gradient != null)
            {
                int trained = map!.TrainedCount, length = map.layout.GradientCount;
                AlignedBuffer<T> derived = kept[0]!.Block(length);
                for (int piece = 1; piece < pieces; piece++)
                {
                    Span<T> part = kept[piece]!.Block(length).Span[..length];
                    Add(part[..trained], new Span<T>(gradient, trained));
                    Add(part[trained..], derived.Span[trained..length]);
                }

                map.program.PrepareGradient(w, gradient, derived.Pointer);
            }

            return loss;
        }
    }
}
