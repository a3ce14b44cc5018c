using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Scheduling;

/// <summary>
/// From plans to steps. The forward program is written once; the reverse pass and the forward mode are what the chain rule makes of
/// each of its operations, so that every one of them goes through the same choice of kernels.
/// </summary>
public sealed class Scheduler
{
    private const int ScratchBytes = 512 * 1024;

    /// <summary>Five cache lines: rows so far apart, of a few lines each, share no set of the cache until there are many.</summary>
    private const int Padding = 80;

    private readonly LoweredModule _lowered;
    private readonly CostModel _costs;
    private readonly int _elementSize;
    private readonly int _planRank;
    private readonly bool _keepsElements;
    private readonly KernelSelector _selector;
    private readonly Dictionary<RowVector, Storage> _vectors = [];
    private readonly Dictionary<WeightTensor, Storage> _weights = [];
    private readonly Dictionary<string, (Storage Packed, Storage Source, Packing Packing, HashSet<(Aspect, bool Scatter)> Uses)> _packs = new(StringComparer.Ordinal);
    private readonly List<Storage> _storages = [];
    private readonly List<Storage> _derived = [];
    private readonly HashSet<Storage> _trained = [];
    private readonly Dictionary<WeightTensor, int> _fanIn = [];
    private readonly List<Operation> _weightProgram = [];
    private readonly List<Operation> _rowProgram = [];
    private readonly List<GatherOperation> _fanIns = [];
    private readonly List<TermPlan> _plans = [];
    private readonly Dictionary<(Storage, Aspect), Storage> _padded = [];
    private int _weightCount;
    private int _scratch;
    private int _names;

    private Scheduler(LoweredModule lowered, CostModel costs, int elementSize, int planRank, bool keepsElements)
    {
        _planRank = planRank;
        _keepsElements = keepsElements;
        _lowered = lowered;
        _costs = costs;
        _elementSize = elementSize;
        _selector = new KernelSelector(128 / elementSize, nominalRows: Math.Min(costs.Batch, 48));
    }

    /// <param name="lowered">The module.</param>
    /// <param name="costs">What plans are chosen by.</param>
    /// <param name="elementSize">Bytes of an element: 4 or 8.</param>
    /// <param name="planRank">0 for the cheapest plan of each term, k for the k-th of those that it rejects.</param>
    /// <param name="keepsElements">Whether tensors in short formats are kept as elements too, for a device that reads nothing else.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static Schedule Build(
        LoweredModule lowered, CostModel costs, int elementSize, int planRank = 0, bool keepsElements = false, CancellationToken cancellationToken = default) =>
        new Scheduler(lowered, costs, elementSize, planRank, keepsElements).Run(cancellationToken);

    /// <summary>What a program does, before kernels are chosen.</summary>
    private abstract record Operation;

    private sealed record ContractOperation(Contraction Contraction, bool Accumulate) : Operation;

    private sealed record ClearOperation(Storage Target) : Operation;

    private sealed record GatherOperation(Storage Target, Storage Source, int Outer, Storage Table, bool Transposed) : Operation;

    private sealed record WalshHadamardOperation(Storage Target, Storage Source, int Outer) : Operation;

    private sealed record ConstantOperation(ConstantWeight Constant, Storage Target) : Operation;

    private sealed record CheckOperation(Storage Table, int Size) : Operation;

    private sealed record ActivationOperation(Storage Target, Storage Source, Activation Activation) : Operation;

    private sealed record FunctionOperation(FunctionWeight Function, Storage Target, IReadOnlyList<Storage> Arguments) : Operation;

    private Schedule Run(CancellationToken cancellationToken)
    {
        Module module = _lowered.Module;
        List<ParameterWeight> parameters = [.. module.Parameters.OrderBy(parameter => parameter.Role).Select(parameter => new ParameterWeight(parameter))];
        var places = new Dictionary<Parameter, Storage>();
        foreach (ParameterWeight parameter in parameters)
        {
            var storage = new Storage(parameter.Name, Space.Weights, parameter.Length, _weightCount);
            places.Add(parameter.Parameter, storage);
            _storages.Add(storage);
            _weightCount += parameter.Length;
            if (parameter.IsTrained)
            {
                _trained.Add(storage);
            }
        }

        _vectors.Add(_lowered.Input, new Storage("x", Space.Input, module.Inputs));
        _vectors.Add(_lowered.Output, new Storage("y", Space.Output, module.Outputs));
        foreach (Statement statement in _lowered.Statements)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Build(statement, places);
        }

        ChoosePadding();
        ChooseFanIns();

        // The kernels are chosen before the packed copies that they ask for can be listed.
        (List<Step> forward, List<Step> tangent, List<Step> reverse) = (Forward(_rowProgram), Tangent(_rowProgram), Reverse(_rowProgram));
        ClearInputGradientIfUnwritten(reverse);
        CopyFusion.Run(forward);
        CopyFusion.Run(tangent);
        CopyFusion.Run(reverse);
        (List<Step> prepare, List<Step> prepareTangent, List<Step> prepareGradient) =
            (Forward(_weightProgram), Tangent(_weightProgram), Reverse(_weightProgram));
        prepare.AddRange(Packs(Aspect.Value, scatter: false));
        prepareTangent.AddRange(Packs(Aspect.Mirror, scatter: false));
        prepareGradient.InsertRange(0, Packs(Aspect.Mirror, scatter: true));

        if (!_keepsElements)
        {
            DropElements(prepare, [.. forward, .. tangent, .. reverse, .. prepareTangent, .. prepareGradient]);
        }

        HashSet<Storage> changing = Changing(prepare);
        PlaceDerivedWeights();
        HashSet<Storage> begun = BeginGradients(reverse);
        (int gradientCount, int cleared, int tangentCount) = PlaceWeightMirrors(reverse.Concat(prepareGradient), begun, tangent.Concat(prepareTangent));
        int trainedCount = module.Parameters.Where(parameter => parameter.Role == Role.Trained).Sum(parameter => parameter.Length);
        int mirror = _scratch;
        foreach (Storage storage in _storages.Where(storage => storage.Space == Space.Scratch))
        {
            storage.MirrorOffset = mirror;
            mirror += Align(storage.Pitch);
        }

        foreach (Storage storage in _padded.Values)
        {
            storage.Offset = mirror;
            mirror += Align(storage.Pitch);
            _storages.Add(storage);
        }

        return new Schedule(
            _lowered,
            _plans,
            [.. parameters.Select(parameter => new ParameterPlace(parameter.Parameter, places[parameter.Parameter], FanIn(parameter)))],
            _storages,
            [.. prepare.Where(step => !changing.Contains(step.Target.Storage))],
            [.. prepare.Where(step => changing.Contains(step.Target.Storage))],
            prepareTangent,
            prepareGradient,
            forward,
            tangent,
            reverse)
        {
            Derived = _weights,
            WeightCount = _weightCount,
            GradientCount = gradientCount,
            TangentCount = tangentCount,
            Cleared = (trainedCount, cleared - trainedCount),
            TrainedCount = trainedCount,
            ParameterCount = module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Sum(parameter => parameter.Length),
            Chunk = Chunk(module),
            ScratchPerRow = _scratch,
            GradientScratchPerRow = mirror,
        };
    }

    /// <summary>What is not the same after an update of the trained parameters, whether or not a derivative passes to them.</summary>
    private HashSet<Storage> Changing(List<Step> prepare)
    {
        var changing = new HashSet<Storage>(_trained);
        foreach (Step step in prepare.Where(step => Sources(step).Any(changing.Contains)))
        {
            changing.Add(step.Target.Storage);
        }

        return changing;

        static IEnumerable<Storage> Sources(Step step) => step switch
        {
            KernelStep kernel => new[] { kernel.A, kernel.B, kernel.Addend }.Where(place => place is not null).Select(place => place!.Storage),
            FunctionStep function => function.Arguments,
            PackStep pack => [pack.Source],
            GatherStep gather => [gather.A.Storage, gather.Table.Storage],
            _ => [],
        };
    }

    /// <summary>
    /// What only copies in a short format are made of is not kept: they round what it rounds, and other values are there only while they are
    /// made.
    /// </summary>
    private void DropElements(List<Step> prepare, IReadOnlyList<Step> others)
    {
        foreach (Storage storage in _derived.Where(storage => storage.Format is not null).Reverse().ToList())
        {
            IEnumerable<Step> users = prepare.Concat(others).Where(step => Uses(step).Contains(storage));
            bool isRounded = storage.Rounds is null;
            if (!users.All(step => (step is PackStep { Packed.PackedFormat: var format } && (isRounded || format is not null))
                || (step is FunctionStep function && function.Result == storage)))
            {
                // A copy that is not packed in the format would hold what is not rounded.
                continue;
            }

            if (storage.Rounds is not { } source)
            {
                storage.IsTransient = true;
                continue;
            }

            prepare.RemoveAll(step => step is FunctionStep && step.Target.Storage == storage);
            for (int k = 0; k < prepare.Count; k++)
            {
                prepare[k] = prepare[k] is PackStep pack && pack.Source == storage ? pack with { Source = source } : prepare[k];
            }

            _derived.Remove(storage);
            _storages.Remove(storage);
        }

        static IEnumerable<Storage> Uses(Step step) => step switch
        {
            KernelStep kernel => new[] { kernel.A, kernel.B, kernel.C, kernel.Addend }.Where(place => place is not null).Select(place => place!.Storage),
            GatherStep gather => [gather.A.Storage, gather.C.Storage, gather.Table.Storage],
            FunctionStep function => function.Arguments.Append(function.Result),
            PackStep pack => [pack.Source],
            _ => [step.Target.Storage],
        };
    }

    /// <summary>Derived and packed weights stand behind the parameters, each from a cache line on.</summary>
    private void PlaceDerivedWeights()
    {
        foreach (Storage storage in _derived.Where(storage => !storage.IsTransient))
        {
            storage.Offset = Align(_weightCount);
            _weightCount = storage.Offset + storage.Length;
        }
    }

    /// <summary>
    /// The first step of the reverse pass that adds to the gradient of a derived weight, all of it, need not add: what is there before
    /// the first rows of a batch is nothing.
    /// </summary>
    /// <returns>The weights whose gradients begin so.</returns>
    private HashSet<Storage> BeginGradients(List<Step> reverse)
    {
        var begun = new HashSet<Storage>();
        var seen = new HashSet<Storage>();
        for (int k = 0; k < reverse.Count; k++)
        {
            Storage storage = reverse[k].Target.Storage;
            if (_derived.Contains(storage) && seen.Add(storage) && reverse[k] is KernelStep { Accumulates: true, CoversTarget: true } kernel)
            {
                reverse[k] = kernel with { Begins = true };
                begun.Add(storage);
            }
        }

        return begun;
    }

    /// <summary>
    /// Gradients and tangents of weights have a block of their own, as long as there is something to hold: the trained parameters as they
    /// stand, then what the reverse pass needs, first what has to be cleared for it, then what only the forward mode does.
    /// </summary>
    /// <returns>How far the reverse pass reaches, how far what it clears, and how far the forward mode.</returns>
    private (int Gradient, int Cleared, int Tangent) PlaceWeightMirrors(IEnumerable<Step> reverse, HashSet<Storage> begun, IEnumerable<Step> tangent)
    {
        int count = 0;
        var placed = new HashSet<Storage>();
        foreach (Storage storage in _storages.Where(storage => storage.Space == Space.Weights && !_derived.Contains(storage) && _trained.Contains(storage)))
        {
            Place(storage, storage.Length);
        }

        Storage[] needed = [.. reverse.SelectMany(Mirrors)];
        foreach (Storage storage in needed.Where(storage => !begun.Contains(storage)))
        {
            Place(storage, Align(storage.Length));
        }

        int cleared = count;
        foreach (Storage storage in needed)
        {
            Place(storage, Align(storage.Length));
        }

        int gradient = count;
        foreach (Storage storage in tangent.SelectMany(Mirrors))
        {
            Place(storage, Align(storage.Length));
        }

        return (gradient, cleared, count);

        void Place(Storage storage, int length)
        {
            if (storage.Space == Space.Weights && placed.Add(storage))
            {
                storage.MirrorOffset = _derived.Contains(storage) ? Align(count) : count;
                count = storage.MirrorOffset + length;
            }
        }

        IEnumerable<Storage> Mirrors(Step step) => step switch
        {
            KernelStep kernel => new[] { kernel.A, kernel.B, kernel.C, kernel.Addend }.Where(place => place?.Aspect == Aspect.Mirror).Select(place => place!.Storage),
            FunctionStep function => function.Arguments.Select(argument => argument.Mirrored).Where(_trained.Contains).Append(function.Result),
            PackStep pack => [pack.Source, pack.Packed],
            _ => step.Target.Aspect == Aspect.Mirror ? [step.Target.Storage] : [],
        };
    }

    /// <summary>As many rows as keep scratch, input and output in the second-level cache, in whole register tiles.</summary>
    private int Chunk(Module module)
    {
        long bytes = (long)_elementSize * (module.Inputs + module.Outputs + _scratch);
        return (int)Math.Min(192, Math.Max(12, ScratchBytes / bytes / 12 * 12));
    }

    private int FanIn(ParameterWeight parameter) => _fanIn
        .Where(pair => pair.Key is ParameterWeight other && other.Parameter == parameter.Parameter)
        .Select(pair => pair.Value)
        .DefaultIfEmpty(parameter.Shape.Count == 0 ? 1 : parameter.Shape[parameter.Shape.Count - 1])
        .Max();

    private void Build(Statement statement, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        if (!_vectors.TryGetValue(statement.Target, out Storage? target))
        {
            target = NewScratch(statement.Target.Name, statement.Target.Size, statement.Target.Size);
            _vectors.Add(statement.Target, target);
        }

        switch (statement)
        {
            case GatherStatement gather:
                Storage table = StorageOf(gather.Table, parameters);
                if (gather.Table is not ConstantWeight)
                {
                    _weightProgram.Add(new CheckOperation(table, gather.Size));
                }

                if (gather.Transposed)
                {
                    _rowProgram.Add(new ClearOperation(target));
                }

                _rowProgram.Add(new GatherOperation(target, _vectors[gather.Source], gather.Outer, table, gather.Transposed));
                break;

            case WalshHadamardStatement transform:
                _rowProgram.Add(new WalshHadamardOperation(target, _vectors[transform.Source], transform.Outer));
                break;

            case ProductStatement product:
                Affine position = Affine.Of(new Index("i", product.Target.Size));
                _rowProgram.Add(new ContractOperation(
                    new Contraction(View.Of(target, position), View.Of(_vectors[product.Left], position), View.Of(_vectors[product.Right], position), 1, false),
                    false));
                break;

            case ActivationStatement activation:
                _rowProgram.Add(new ActivationOperation(target, _vectors[activation.Source], activation.Activation));
                break;

            case SumStatement sum:
                Build(sum.Terms, target, _rowProgram, parameters);
                break;
        }
    }

    /// <summary>Fills a storage with a sum of terms.</summary>
    private void Build(IReadOnlyList<Term> terms, Storage target, List<Operation> program, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        bool written = false;
        foreach (Term term in terms.OrderByDescending(term => View.Of(target, term.Output).CoversStorage))
        {
            View view = View.Of(target, term.Output);
            if (!written && !view.CoversStorage)
            {
                program.Add(new ClearOperation(target));
                written = true;
            }

            Build(term, view, written, program, parameters);
            written = true;
        }

        if (!written)
        {
            program.Add(new ClearOperation(target));
        }
    }

    /// <summary>Plans a term and appends the contractions of its tree.</summary>
    private void Build(Term term, View target, bool accumulate, List<Operation> program, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        foreach (Factor factor in term.Factors)
        {
            _ = StorageOf(factor.Tensor, parameters);
        }

        TermPlan plan = ContractionPlanner.Plan(term, _costs).Ranked(_planRank);
        _plans.Add(plan);
        bool perRow = target.Storage.IsPerRow;
        var views = new Dictionary<PlanNode, View>(ReferenceComparer<PlanNode>.Instance);
        PlanNode root = plan.Root ?? throw new InvalidOperationException("a term has at least one operand");
        foreach (ContractionNode node in TermPlan.Contractions(root))
        {
            NoteFanIn(node);
        }

        ContractionNode[] free = [.. TermPlan.Contractions(root).Where(node => node.PerRow && !ReferenceEquals(node, root))];
        AssignLayouts(root, free, target, views, parameters);
        foreach (ContractionNode node in TermPlan.Contractions(root))
        {
            bool isRoot = ReferenceEquals(node, root);
            List<Operation> home = node.PerRow || (isRoot && perRow) ? program : _weightProgram;
            View view = isRoot ? target : ViewOf(node, views, parameters);
            home.Add(new ContractOperation(
                new Contraction(view, ViewOf(node.Left, views, parameters), ViewOf(node.Right, views, parameters), isRoot ? term.Coefficient : 1, perRow && home == program),
                isRoot && accumulate));
        }

        if (root is not ContractionNode)
        {
            program.Add(new ContractOperation(new Contraction(target, ViewOf(root, views, parameters), null, term.Coefficient, perRow), accumulate));
        }
    }

    private void NoteFanIn(ContractionNode node)
    {
        foreach ((PlanNode side, PlanNode other) in new[] { (node.Left, node.Right), (node.Right, node.Left) })
        {
            if (side is FactorNode { Factor.Tensor: var tensor })
            {
                while (tensor is FunctionWeight { Function.IsRounding: true } rounded)
                {
                    tensor = rounded.Arguments[0];
                }

                int fan = side.Indices.Where(index => other.Indices.Contains(index) && !node.Indices.Contains(index))
                    .Aggregate(1, (product, index) => product * index.Extent);
                _fanIn[tensor] = Math.Max(fan, _fanIn.TryGetValue(tensor, out int known) ? known : 1);
            }
        }
    }

    private View ViewOf(PlanNode node, Dictionary<PlanNode, View> views, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        if (views.TryGetValue(node, out View? view))
        {
            return view;
        }

        switch (node)
        {
            case FactorNode factor:
                view = View.Of(StorageOf(factor.Factor.Tensor, parameters), factor.Factor.Position);
                break;

            case InputNode input:
                view = View.Of(_vectors[input.Vector], input.Position);
                break;

            default:
                Storage storage = NewWeight(NewName("p"), node.Indices.Aggregate(1, (product, index) => product * index.Extent), node.NeedsGradient);
                view = View.Of(storage, RowMajor(node.Indices));
                break;
        }

        views.Add(node, view);
        return view;
    }

    /// <summary>
    /// Gives every intermediate its innermost index, by descent on the cost of all contractions that touch it, forward and reverse.
    /// </summary>
    private void AssignLayouts(
        PlanNode root, ContractionNode[] free, View target, Dictionary<PlanNode, View> views, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        Dictionary<ContractionNode, Storage> storages = free.ToDictionary(
            node => node,
            node => NewScratch(NewName("h"), Length(node), Pitch(Length(node))),
            ReferenceComparer<ContractionNode>.Instance);
        foreach (ContractionNode node in free)
        {
            Lay(node, node.Indices.OrderByDescending(index => target.Stride(index) == 1).ThenByDescending(index => index.Extent).FirstOrDefault());
        }

        // One index for all, then each on its own as long as that helps.
        double best = free.Length > 0 ? Total() : 0;
        foreach (Index lane in free.SelectMany(node => node.Indices).Distinct())
        {
            Try(free.Where(node => node.Indices.Contains(lane)), lane);
        }

        while (free.Any(node => node.Indices.Any(lane => Try([node], lane))))
        {
        }

        bool Try(IEnumerable<ContractionNode> nodes, Index lane)
        {
            (ContractionNode Node, View View)[] kept = [.. nodes.Select(node => (node, views[node]))];
            foreach ((ContractionNode node, _) in kept)
            {
                Lay(node, lane);
            }

            double cost = Total();
            if (cost < 0.999 * best)
            {
                best = cost;
                return true;
            }

            foreach ((ContractionNode node, View view) in kept)
            {
                views[node] = view;
            }

            return false;
        }

        void Lay(ContractionNode node, Index? lane)
        {
            IEnumerable<Index> others = node.Indices.Where(index => index != lane).OrderByDescending(index => Math.Max(target.Stride(index), 0));
            views[node] = View.Of(storages[node], RowMajor([.. others, .. lane is null ? Array.Empty<Index>() : [lane]]));
        }

        double Total() => TermPlan.Contractions(root).Where(node => node.PerRow).Sum(node =>
        {
            View c = ReferenceEquals(node, root) ? target : views[node];
            View a = ViewOf(node.Left, views, parameters);
            View b = ViewOf(node.Right, views, parameters);
            double forward = _selector.Select(new Contraction(c, a, b, 1, true)).Cost;
            double left = node.Left.NeedsGradient ? _selector.Select(new Contraction(a, c, b, 1, true)).Cost : 0;
            double right = node.Right.NeedsGradient ? _selector.Select(new Contraction(b, c, a, 1, true)).Cost : 0;
            return forward + left + right;
        });

        static int Length(ContractionNode node) => node.Indices.Aggregate(1, (product, index) => product * index.Extent);
    }

    /// <summary>
    /// Rows of the input, and of the output's gradient, that lie a large power of two apart are copied in the reverse pass where a weight's
    /// gradient reads them again and again: a column of them would have to fit into a few lines of the first-level cache.
    /// </summary>
    private void ChoosePadding()
    {
        const int FarApart = 2048, ReadAgain = 32;
        foreach (Contraction contraction in _rowProgram.OfType<ContractOperation>().Select(operation => operation.Contraction))
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

    private int Pitch(int length)
    {
        int pitch = Align(length);
        return pitch % 256 == 0 ? pitch + Padding : pitch;
    }

    private static Affine RowMajor(IReadOnlyList<Index> indices) =>
        indices.Aggregate(Affine.Zero, (position, index) => (position * index.Extent) + Affine.Of(index));

    private Storage StorageOf(WeightTensor tensor, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        if (tensor is ParameterWeight parameter)
        {
            return parameters[parameter.Parameter];
        }

        if (_weights.TryGetValue(tensor, out Storage? storage))
        {
            return storage;
        }

        switch (tensor)
        {
            case ConstantWeight constant:
                storage = NewWeight(tensor.Name, tensor.Length, trained: false);
                _weightProgram.Add(new ConstantOperation(constant, storage));
                break;

            case FunctionWeight function:
                Storage[] arguments = [.. function.Arguments.Select(argument => StorageOf(argument, parameters))];
                Storage? rounds = function.Function.IsRounding ? arguments[0] : null;
                storage = NewWeight(tensor.Name, tensor.Length, tensor.IsTrained && rounds is null, format: function.Format, rounds: rounds);
                _weightProgram.Add(new FunctionOperation(function, storage, arguments));
                break;

            case NetworkWeight network when Reshaped(network) is { } whole:
                storage = StorageOf(whole, parameters);
                break;

            default:
                IReadOnlyList<Term> definition = ((NetworkWeight)tensor).Definition;
                foreach (Factor factor in definition.SelectMany(term => term.Factors))
                {
                    _ = StorageOf(factor.Tensor, parameters);
                }

                storage = NewWeight(tensor.Name, tensor.Length, tensor.IsTrained);
                Build(definition, storage, _weightProgram, parameters);
                break;
        }

        _weights.Add(tensor, storage);
        return storage;
    }

    private string NewName(string stem) => stem + (++_names).ToString(CultureInfo.InvariantCulture);

    private static int Align(int length) => (length + 15) / 16 * 16;

    /// <summary>The tensor that another is in another shape, its elements in the same order; null where it is not one.</summary>
    private static WeightTensor? Reshaped(NetworkWeight network)
    {
        if (network.Definition.Count != 1 || network.Definition[0] is not { Coefficient: 1, Factors.Count: 1 } copy || copy.Factors[0].Tensor.Length != network.Length)
        {
            return null;
        }

        (Affine from, Affine to) = (copy.Factors[0].Position, copy.Output);
        bool isSame = from.Offset == to.Offset && from.Terms.Count == to.Terms.Count && from.Terms.All(term => to.StrideOf(term.Index) == term.Stride);
        return isSame ? copy.Factors[0].Tensor : null;
    }

    private Storage NewWeight(
        string name, int length, bool trained, bool packed = false, StorageFormat? format = null, StorageFormat? packedFormat = null, Storage? rounds = null)
    {
        var storage = new Storage(name, Space.Weights, length) { IsPacked = packed, Format = format, PackedFormat = packedFormat, Rounds = rounds };
        _storages.Add(storage);
        _derived.Add(storage);
        if (trained)
        {
            _trained.Add(storage);
        }

        return storage;
    }

    private Storage NewScratch(string name, int length, int pitch)
    {
        var storage = new Storage(name, Space.Scratch, length, _scratch) { Pitch = pitch };
        _scratch += Align(pitch);
        _storages.Add(storage);
        return storage;
    }

    private bool HasMirror(Storage storage) => storage.IsPerRow || _trained.Contains(storage.Mirrored);

    private List<Step> Forward(List<Operation> program) => [.. program.Where(operation => !IsFused(operation)).Select<Operation, Step>(operation => operation switch
    {
        ContractOperation contract when FanIn(contract) is { } fused => fused,
        ContractOperation contract => Choose(contract.Contraction, contract.Accumulate),
        ClearOperation clear => new ClearStep(new Place(clear.Target, Aspect.Value, 0)),
        GatherOperation gather => Step(gather),
        WalshHadamardOperation transform => new WalshHadamardStep(Value(transform.Source), Value(transform.Target), transform.Outer, false),
        ConstantOperation constant => new ConstantStep(constant.Constant, constant.Target),
        CheckOperation check => new CheckStep(check.Table, check.Size),
        ActivationOperation activation => new ActivationStep(activation.Activation, Value(activation.Source), Value(activation.Target)),
        FunctionOperation function => new FunctionStep(function.Function, FunctionMode.Value, function.Target, function.Arguments),
        _ => throw new InvalidOperationException(operation.ToString()),
    })];

    private bool IsFused(Operation operation) => operation is GatherOperation gather && _fanIns.Contains(gather);

    /// <summary>The gather of a row as a step of its own.</summary>
    private static GatherStep Step(GatherOperation gather) =>
        new(Value(gather.Source), Value(gather.Target), gather.Outer, Value(gather.Table), gather.Transposed, gather.Transposed);

    /// <summary>
    /// Finds gathers whose result one contraction reads, in the order of its weight and summed over all but one index: a sparse matrix with a
    /// constant fan-in. The reverse pass and the forward mode gather again.
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
                ActivationOperation activation => activation.Source == gather.Target,
                _ => false,
            })];
            if (readers.Length == 1 && readers[0] is ContractOperation reader && Values(reader.Contraction, gather.Target) is not null)
            {
                _fanIns.Add(gather);
            }
        }
    }

    private FanInStep? FanIn(ContractOperation operation)
    {
        Contraction contraction = operation.Contraction;
        return _fanIns.FirstOrDefault(gather => contraction.Views.Any(view => view.Storage == gather.Target)) is { } fused
            && Values(contraction, fused.Target) is var (values, fanIn)
                ? new FanInStep(
                    Step(fused),
                    contraction,
                    new Place(values.Storage, Aspect.Value, values.Position.Offset),
                    new Place(contraction.Target.Storage, Aspect.Value, contraction.Target.Position.Offset),
                    fanIn,
                    operation.Accumulate)
                : null;
    }

    /// <summary>The weight v of <c>c[i] = Σⱼ v[i, j] t[i, j]</c> and the extent of j, if a contraction is that.</summary>
    private static (View Values, int FanIn)? Values(Contraction contraction, Storage gathered)
    {
        if (contraction is not { Right: { } right, Left: var left, Target: var target } || left.Storage == right.Storage)
        {
            return null;
        }

        (View values, View read) = left.Storage == gathered ? (right, left) : (left, right);
        Index[] summed = [.. contraction.Indices.Where(index => !target.Has(index))];
        Index[] kept = [.. target.Position.Indices.Where(index => index != View.Rows)];
        return !values.Storage.IsPerRow && summed.Length == 1 && kept.Length == 1 && target.Has(View.Rows)
            && target.Storage.Pitch == target.Storage.Length && kept[0].Extent == target.Storage.Length
            && target.Stride(kept[0]) == 1 && target.Position.Offset == 0
            && values.Position.Offset == 0 && read.Position.Offset == 0 && gathered.Length == kept[0].Extent * summed[0].Extent
            && new[] { values, read }.All(view => view.Stride(summed[0]) == 1 && view.Stride(kept[0]) == summed[0].Extent)
                ? (values, summed[0].Extent)
                : null;
    }

    /// <summary>The product rule: each operation, with one operand at a time replaced by its tangent.</summary>
    private List<Step> Tangent(List<Operation> program)
    {
        List<Step> steps = program == _rowProgram ? [.. _fanIns.Select(Step)] : [];
        foreach (Operation operation in program)
        {
            switch (operation)
            {
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
                    steps.Add(new WalshHadamardStep(Mirror(transform.Source), Mirror(transform.Target), transform.Outer, false));
                    break;

                case ActivationOperation activation:
                    steps.Add(new DerivativeStep(
                        activation.Activation, Value(activation.Source), Mirror(activation.Source), Mirror(activation.Target), false));
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
            ? [.. _padded.Select(pair => new PadStep(new Place(pair.Key.Item1, pair.Key.Item2, 0), Value(pair.Value))), .. _fanIns.Select(Step)]
            : [];
        var written = new HashSet<Storage>();
        foreach (Operation operation in Enumerable.Reverse(program))
        {
            switch (operation)
            {
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
                    steps.Add(new WalshHadamardStep(Mirror(transform.Target), Mirror(transform.Source), transform.Outer, Begin(transform.Source, true)));
                    break;

                case GatherOperation gather when Reaches(gather.Target):
                    bool more = Begin(gather.Source, gather.Transposed);
                    steps.Add(new GatherStep(Mirror(gather.Target), Mirror(gather.Source), gather.Outer, Value(gather.Table), !gather.Transposed, more));
                    break;

                case ActivationOperation activation when Reaches(activation.Target):
                    bool adds = Begin(activation.Source, true);
                    steps.Add(new DerivativeStep(
                        activation.Activation, Value(activation.Source), Mirror(activation.Target), Mirror(activation.Source), adds));
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

    private Place PlaceOf(PackedView packed, bool scatter)
    {
        View view = packed.View;
        if (packed.Packing is not { } packing)
        {
            return new Place(view.Storage, view.Aspect, view.Position.Offset);
        }

        string key = FormattableString.Invariant($"{_storages.IndexOf(view.Storage)}{packed.Format}+{packing.Offset}:") + string.Join(
            ",", packing.Axes.Select(axis => FormattableString.Invariant($"{axis.Extent}x{axis.Stride}")));
        if (!_packs.TryGetValue(key, out var pack))
        {
            long length = packing.Axes.Aggregate(1L, (product, axis) => product * axis.Extent);
            int bits = 8 * _elementSize;
            length = packed.Format is { } format ? ((length * format.Bits()) + bits - 1) / bits : length;
            Storage storage = NewWeight(view.Storage.Name, checked((int)length), _trained.Contains(view.Storage), packed: true, packedFormat: packed.Format);
            pack = (storage, view.Storage, packing, []);
            _packs.Add(key, pack);
        }

        pack.Uses.Add((view.Aspect, scatter));
        return new Place(pack.Packed, view.Aspect, 0);
    }

    private IEnumerable<Step> Packs(Aspect aspect, bool scatter) => _packs.Values
        .Where(pack => pack.Uses.Contains((aspect, scatter)))
        .Select(pack => new PackStep(
            pack.Source,
            pack.Packing.Offset,
            pack.Packed,
            [.. pack.Packing.Axes.Select(axis => axis.Extent)],
            [.. pack.Packing.Axes.Select(axis => axis.Stride)],
            aspect,
            scatter));
}
