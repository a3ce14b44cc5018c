using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Scheduling;

/// <summary>Operations become steps: as they stand, by the product rule, and by the chain rule backwards.</summary>
public sealed partial class Scheduler
{
    private List<Step> Forward(List<Operation> program) => [.. program.Where(operation => !IsFused(operation)).Select<Operation, Step>(operation => operation switch
    {
        ContractOperation contract when FanIn(contract) is { } fan => Product(fan, contract),
        ContractOperation contract => Choose(contract.Contraction, contract.Accumulate),
        ClearOperation clear => new ClearStep(new Place(clear.Target, Aspect.Value, 0)),
        GatherOperation gather => new GatherStep(
            Value(gather.Source), Value(gather.Target), gather.Outer, Value(gather.Table), gather.Transposed, gather.Transposed),
        WalshHadamardOperation transform => new WalshHadamardStep(Value(transform.Source), Value(transform.Target), transform.Outer),
        ReflectionsOperation chain => new ReflectionsStep(Value(chain.Source), Value(chain.Rows), Value(chain.Target), chain.Outer, chain.Transposed),
        ConstantOperation constant => new ConstantStep(constant.Constant, constant.Target),
        CheckOperation check => new CheckStep(check.Table, check.Size),
        ActivationOperation activation => new ActivationStep(activation.Function, Value(activation.Source), Value(activation.Target)),
        FunctionOperation function => new FunctionStep(function.Function, FunctionMode.Value, function.Target, function.Arguments),
        _ => throw new InvalidOperationException(operation.ToString()),
    })];

    /// <summary>
    /// Finds gathers whose result one contraction reads, in the order of its weight and summed over all but one index: a sparse matrix with a
    /// constant fan-in. What they gather is then never written down, forward or backward.
    /// </summary>
    private void ChooseFanIns()
    {
        foreach (GatherOperation gather in _rowProgram.OfType<GatherOperation>().Where(gather => gather is { Transposed: false, Outer: 1, Target.Space: Space.Scratch }))
        {
            Operation[] readers = [.. _rowProgram.Where(operation => operation switch
            {
                ContractOperation { Contraction: var contraction } => contraction.Views.Any(view => view.Storage == gather.Target),
                GatherOperation other => other.Source == gather.Target,
                WalshHadamardOperation transform => transform.Source == gather.Target,
                ReflectionsOperation chain => chain.Source == gather.Target,
                ActivationOperation activation => activation.Source == gather.Target,
                _ => false,
            })];
            if (readers.Length == 1 && readers[0] is ContractOperation reader && Matrix(reader.Contraction, gather) is { } matrix)
            {
                _fanIns.Add(gather, matrix);
                _storages.Remove(gather.Target);
            }
        }

        PlaceScratch();
    }

    private bool IsFused(Operation operation) => operation is GatherOperation gather && _fanIns.ContainsKey(gather);

    /// <summary>The matrix of a contraction, and what it is multiplied by.</summary>
    private (FanInMatrix Matrix, Storage X)? FanIn(ContractOperation operation) => _fanIns
        .Where(pair => operation.Contraction.Views.Any(view => view.Storage == pair.Key.Target))
        .Select(pair => ((FanInMatrix, Storage)?)(pair.Value, pair.Key.Source))
        .FirstOrDefault();

    /// <summary>The matrix with entries v of <c>c[i] = Σⱼ v[i, j] t[i, j]</c>, if a contraction is that.</summary>
    private FanInMatrix? Matrix(Contraction contraction, GatherOperation gather)
    {
        if (contraction is not { Right: { } right, Left: var left, Target: var target } || left.Storage == right.Storage)
        {
            return null;
        }

        Storage gathered = gather.Target;
        (View values, View read) = left.Storage == gathered ? (right, left) : (left, right);
        Index[] summed = [.. contraction.Indices.Where(index => !target.Has(index))];
        Index[] kept = [.. target.Position.Indices.Where(index => index != View.Rows)];
        if (values.Storage.IsPerRow || summed.Length != 1 || kept.Length != 1 || !target.Has(View.Rows)
            || target.Storage.Pitch != target.Storage.Length || kept[0].Extent != target.Storage.Length
            || target.Stride(kept[0]) != 1 || target.Position.Offset != 0
            || values.Position.Offset != 0 || read.Position.Offset != 0 || gathered.Length != kept[0].Extent * summed[0].Extent
            || new[] { values, read }.Any(view => view.Stride(summed[0]) != 1 || view.Stride(kept[0]) != summed[0].Extent))
        {
            return null;
        }

        (int outputs, int inputs) = (target.Storage.Length, gather.Source.Length);
        Storage scratch = NewScratch(NewName("h"), Fit((long)inputs + outputs, InScratch), Fit(Align(inputs) + Align(outputs) + (2 * Lanes), InScratch));
        return new FanInMatrix(Value(gather.Table), Value(values.Storage), outputs, summed[0].Extent, inputs, contraction.Coefficient, Value(scratch));
    }

    /// <summary>
    /// A product with a matrix; for a few rows from a copy in slices, where outputs have an entry in each window on average. Entries drawn at
    /// random then take about as many steps as an output has entries and x has vectors (measured), so that there is room for those.
    /// </summary>
    private Step Product((FanInMatrix Matrix, Storage X) fan, ContractOperation operation)
    {
        FanInMatrix matrix = fan.Matrix;
        var product = new FanInStep(matrix, Value(fan.X), Value(operation.Contraction.Target.Storage), operation.Accumulate);
        long slices = (matrix.Outputs + Lanes - 1) / Lanes, steps = slices * (matrix.FanIn + (matrix.Inputs / Lanes)) * 9 / 8;
        long bytes = (steps * ((Lanes * _elementSize) + Lanes + sizeof(int))) + ((slices + 1) * sizeof(int));
        if (!_costs.IsForFewRows || matrix.Inputs > 2L * Lanes * matrix.FanIn || bytes > int.MaxValue)
        {
            return product;
        }

        Storage copy = NewWeight(matrix.V.Storage.Name, (int)((bytes + _elementSize - 1) / _elementSize), trained: false, packed: true);
        return new SlicedFanInStep(product, Value(copy), Lanes, (int)steps);
    }

    /// <summary>The product rule: each operation, with one operand at a time replaced by its tangent.</summary>
    private List<Step> Tangent(List<Operation> program)
    {
        List<Step> steps = [];
        foreach (Operation operation in program.Where(operation => !IsFused(operation)))
        {
            switch (operation)
            {
                case ContractOperation { Contraction.Target.Storage: var target } contract when FanIn(contract) is var (matrix, x):
                    steps.Add(new FanInStep(matrix, Mirror(x), Mirror(target), contract.Accumulate));
                    if (HasMirror(matrix.V.Storage))
                    {
                        steps.Add(new FanInStep(matrix with { V = Mirror(matrix.V.Storage) }, Value(x), Mirror(target), true));
                    }

                    break;

                case ContractOperation { Contraction: var contraction, Accumulate: var accumulate }:
                    Contraction mirrored = contraction with { Target = contraction.Target.Mirror };
                    if (!HasMirror(contraction.Target.Storage))
                    {
                        break;
                    }

                    if (HasMirror(contraction.Left.Storage))
                    {
                        steps.Add(Choose(mirrored with { Left = contraction.Left.Mirror }, accumulate));
                        accumulate = true;
                    }

                    if (contraction.Right is { } right && HasMirror(right.Storage))
                    {
                        steps.Add(Choose(mirrored with { Right = right.Mirror }, accumulate));
                        accumulate = true;
                    }

                    if (!accumulate)
                    {
                        steps.Add(new ClearStep(Mirror(contraction.Target.Storage)));
                    }

                    break;

                case ClearOperation clear when HasMirror(clear.Target):
                    steps.Add(new ClearStep(Mirror(clear.Target)));
                    break;

                case GatherOperation gather:
                    steps.Add(new GatherStep(
                        Mirror(gather.Source), Mirror(gather.Target), gather.Outer, Value(gather.Table), gather.Transposed, gather.Transposed));
                    break;

                case WalshHadamardOperation transform:
                    steps.Add(new WalshHadamardStep(Mirror(transform.Source), Mirror(transform.Target), transform.Outer));
                    break;

                case ActivationOperation { HasDerivative: false } constant:
                    steps.Add(new ClearStep(Mirror(constant.Target)));
                    break;

                case ActivationOperation activation:
                    steps.Add(activation.Derivative(Mirror(activation.Source), Mirror(activation.Target), false));
                    break;

                case FunctionOperation function when function.Target.Rounds is null && HasMirror(function.Target):
                    steps.Add(new FunctionStep(function.Function, FunctionMode.Tangent, function.Target, function.Arguments));
                    break;
            }
        }

        return steps;
    }

    /// <summary>
    /// The chain rule backwards: the gradient for an operand is the same contraction with that operand taken out and the gradient of the
    /// result put in. Gradients of weights add up in a block that starts at zero; those of row vectors start with their first use.
    /// </summary>
    private List<Step> Reverse(List<Operation> program)
    {
        List<Step> steps = program == _rowProgram
            ? [.. _padded.Select(pair => new PadStep(new Place(pair.Key.Item1, pair.Key.Item2, 0), Value(pair.Value)))]
            : [];
        var written = new HashSet<Storage>();
        foreach (Operation operation in Enumerable.Reverse(program).Where(operation => !IsFused(operation)))
        {
            switch (operation)
            {
                case ContractOperation { Contraction.Target.Storage: var target } contract when FanIn(contract) is var (matrix, x):
                    if (!Reaches(target))
                    {
                        break;
                    }

                    if (HasMirror(matrix.V.Storage))
                    {
                        steps.Add(new FanInGradientStep(matrix, Value(x), Mirror(target), Mirror(matrix.V.Storage)));
                    }

                    steps.Add(new FanInAdjointStep(matrix, Mirror(target), Mirror(x), Begin(x, true)));
                    break;

                case ContractOperation { Contraction: var contraction } when Reaches(contraction.Target.Storage):
                    View gradient = contraction.Target.Mirror;
                    Add(contraction.Left, contraction.Right);
                    if (contraction.Right is { } right)
                    {
                        Add(right, contraction.Left);
                    }

                    void Add(View operand, View? other)
                    {
                        if (HasMirror(operand.Storage))
                        {
                            bool accumulate = Begin(operand.Storage, operand.CoversStorage);
                            steps.Add(Choose(contraction with { Target = operand.Mirror, Left = gradient, Right = other }, accumulate, padded: true));
                        }
                    }

                    break;

                case WalshHadamardOperation transform when Reaches(transform.Target):
                    if (!Begin(transform.Source, true))
                    {
                        steps.Add(new WalshHadamardStep(Mirror(transform.Target), Mirror(transform.Source), transform.Outer));
                        break;
                    }

                    Storage part = NewScratch(NewName("h"), transform.Source.Length, transform.Source.Length);
                    Affine each = Affine.Of(new Index("i", part.Length));
                    steps.Add(new WalshHadamardStep(Mirror(transform.Target), Value(part), transform.Outer));
                    steps.Add(Choose(new Contraction(View.Of(transform.Source, each).Mirror, View.Of(part, each), null, 1, true), accumulate: true));
                    break;

                case GatherOperation gather when Reaches(gather.Target):
                    bool more = Begin(gather.Source, gather.Transposed);
                    steps.Add(new GatherStep(Mirror(gather.Target), Mirror(gather.Source), gather.Outer, Value(gather.Table), !gather.Transposed, more));
                    break;

                case ActivationOperation { HasDerivative: true } activation when Reaches(activation.Target):
                    bool adds = Begin(activation.Source, true);
                    steps.Add(activation.Derivative(Mirror(activation.Target), Mirror(activation.Source), adds));
                    break;

                case FunctionOperation function when function.Target.Rounds is null && HasMirror(function.Target):
                    steps.Add(new FunctionStep(function.Function, FunctionMode.Gradient, function.Target, function.Arguments));
                    break;
            }
        }

        return steps;

        bool Reaches(Storage storage) =>
            storage.IsPerRow ? storage.Space == Space.Output || written.Contains(storage) : HasMirror(storage);

        // Whether the first gradient of a row vector is added to what is there already.
        bool Begin(Storage storage, bool covers)
        {
            if (!storage.IsPerRow || !written.Add(storage))
            {
                return true;
            }

            if (!covers)
            {
                steps.Add(new ClearStep(Mirror(storage)));
            }

            return !covers;
        }
    }

    private void ClearInputGradientIfUnwritten(List<Step> reverse)
    {
        Storage x = _vectors[_lowered.Input];
        if (!reverse.Exists(step => step.Target.Storage == x))
        {
            reverse.Add(new ClearStep(Mirror(x)));
        }
    }

    private static Place Value(Storage storage) => new(storage, Aspect.Value, 0);

    private static Place Mirror(Storage storage) => new(storage.Mirrored, Aspect.Mirror, 0);

    private KernelStep Choose(Contraction contraction, bool accumulate, bool padded = false)
    {
        KernelChoice choice = _selector.Select(padded
            ? contraction with
            {
                Left = Padded(contraction.Left),
                Right = contraction.Right is { } right && !contraction.Target.Storage.IsPerRow ? Padded(right) : contraction.Right,
            }
            : contraction);
        Place target = PlaceOf(choice.C, scatter: true);
        return new KernelStep(
            choice.Kernel,
            PlaceOf(choice.A, scatter: false),
            choice.B is null ? null : PlaceOf(choice.B, scatter: false),
            target,
            accumulate ? target : null,
            contraction);
    }

    /// <summary>
    /// Rows of the input, and of the output's gradient, that lie a large power of two apart are copied in the reverse pass where a weight's
    /// gradient reads them again and again: a column of them would have to fit into a few lines of the first-level cache.
    /// </summary>
    private void ChoosePadding()
    {
        const int FarApart = 2048, ReadAgain = 32;
        foreach (Contraction contraction in _rowProgram.OfType<ContractOperation>().Where(operation => FanIn(operation) is null).Select(operation => operation.Contraction))
        {
            foreach ((View weight, View? other) in new (View, View?)[] { (contraction.Left, contraction.Right), (contraction.Right ?? contraction.Left, contraction.Left) })
            {
                if (other is null || weight.Storage.IsPerRow || !HasMirror(weight.Storage))
                {
                    continue;
                }

                foreach (View view in new[] { other, contraction.Target.Mirror })
                {
                    Storage storage = view.Storage;
                    int again = weight.Position.Indices.Where(index => !view.Has(index)).Aggregate(1, (product, index) => product * index.Extent);

                    // An input that is summed over more than the rows streams past the gradient that stays.
                    bool stays = storage.Space == Space.Output
                        || (storage.Space == Space.Input && view.Position.Indices.All(index => index == View.Rows || weight.Has(index)));
                    if (stays && storage.Length * _elementSize % FarApart == 0 && again >= ReadAgain && !_padded.ContainsKey((storage, view.Aspect)))
                    {
                        string name = (view.Aspect == Aspect.Mirror ? "d" : "") + storage.Name + "Padded";
                        _padded.Add((storage, view.Aspect), new Storage(name, Space.Scratch, storage.Length) { Pitch = Pitch(storage.Length) });
                    }
                }
            }
        }
    }

    private View Padded(View view) => _padded.TryGetValue((view.Storage, view.Aspect), out Storage? padded)
        ? new View(padded, view.Position + new Affine(0, [(View.Rows, padded.Pitch - view.Stride(View.Rows))]))
        : view;
}
