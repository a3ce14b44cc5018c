using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>Statements and terms become operations: each term is planned, and its intermediate results are laid out.</summary>
public sealed partial class ProgramBuilder
{
    private readonly LoweredModule _lowered;
    private readonly Variant _variant;
    private readonly StoragePool _pool;
    private readonly Func<Contraction, double> _cost;
    private readonly Dictionary<RowTensor, Storage> _vectors = [];
    private readonly Dictionary<WeightTensor, Storage> _weights = [];
    private readonly Dictionary<Parameter, Storage> _parameters = [];
    private readonly Dictionary<Tensor, int> _fanIn = [];
    private readonly List<Operation> _weightProgram = [];
    private readonly List<TermPlan> _plans = [];
    private readonly List<NoisePlace> _noise = [];
    private List<Operation> _rows = [];

    private ProgramBuilder(LoweredModule lowered, Variant variant, StoragePool pool, Func<Contraction, double> cost) =>
        (_lowered, _variant, _pool, _cost) = (lowered, variant, pool, cost);

    /// <param name="lowered">The module.</param>
    /// <param name="variant">What the program is for.</param>
    /// <param name="pool">Where its storages come from.</param>
    /// <param name="cost">What a contraction costs the target, by which intermediate results are laid out.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static OperationProgram Build(
        LoweredModule lowered, Variant variant, StoragePool pool, Func<Contraction, double> cost, CancellationToken cancellationToken = default) =>
        new ProgramBuilder(lowered, variant, pool, cost).Run(cancellationToken);

    private OperationProgram Run(CancellationToken cancellationToken)
    {
        Module module = _lowered.Module;
        ParameterWeight[] parameters = [.. module.Parameters.OrderBy(parameter => parameter.Role).Select(parameter => new ParameterWeight(parameter))];
        foreach (ParameterWeight parameter in parameters)
        {
            _parameters.Add(parameter.Parameter, _pool.NewParameter(parameter.Parameter));
        }

        Storage x = new("x", Space.Input, module.Inputs), y = new("y", Space.Output, module.Outputs);
        _vectors.Add(_lowered.Input, x);
        _vectors.Add(_lowered.Output, y);
        foreach (Statement statement in _lowered.Statements)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Build(statement);
        }

        return new OperationProgram(
            _lowered,
            _variant,
            _plans,
            [.. parameters.Select(parameter => new ParameterPlace(parameter.Parameter, _parameters[parameter.Parameter], FanIn(parameter)))],
            _weights.Where(derived => !_sums.ContainsValue(derived.Key)).ToDictionary(derived => derived.Key, derived => derived.Value),
            x,
            _weightProgram,
            _rows)
        { Noise = _noise };
    }

    private int FanIn(ParameterWeight parameter) => _fanIn
        .Where(pair => pair.Key is ParameterWeight other && other.Parameter == parameter.Parameter)
        .Select(pair => pair.Value)
        .DefaultIfEmpty(parameter.Shape.Count == 0 ? 1 : parameter.Shape[parameter.Shape.Count - 1])
        .Max();

    /// <summary>Whether whatever reads and writes a vector does so row by row; a product with a sparse matrix does not.</summary>
    private bool MayLieApart(RowTensor vector)
    {
        return _lowered.All.All(statement => statement switch
        {
            GatherStatement gather => gather.Source.Tensor != vector && gather.Target != vector,
            WalshHadamardStatement transform => transform.Source != vector && transform.Target != vector,
            ReflectionsStatement chain => chain.Source != vector && chain.Target != vector,
            ActivationStatement { Function: FunctionLink } rowwise => rowwise.Source != vector && rowwise.Target != vector,
            SumStatement sum => sum.Target != vector || !sum.Terms.Any(IsOfGathered),
            _ => true,
        });

        bool IsOfGathered(Term term) => _lowered.All.Any(statement => statement is GatherStatement && term.Factors.Any(factor => factor.Tensor == statement.Target));
    }

    private void Build(Statement statement)
    {
        if (statement is NoiseStatement noise)
        {
            Storage drawn = _pool.NewNoise(noise.Target.Name, noise.Target.Length);
            _vectors.Add(noise.Target, drawn);
            _noise.Add(new NoisePlace(noise.Noise, drawn));
            return;
        }

        if (!_vectors.TryGetValue(statement.Target, out Storage? target))
        {
            int size = statement.Target.Length, pitch = _variant.Pitch(size);
            target = _pool.NewScratch(statement.Target.Name, size, pitch > ProcessorModel.Align(size) && MayLieApart(statement.Target) ? pitch : size);
            _vectors.Add(statement.Target, target);
        }

        Place c = Place.Of(target);
        switch (statement)
        {
            case GatherStatement gather:
                (Storage source, Storage table) = (StorageOf(gather.Source.Tensor), StorageOf(gather.Table.Tensor));
                if (gather.Table.Tensor is WeightTensor and not ConstantWeight)
                {
                    _weightProgram.Add(new CheckStep(table, gather.Shape.Size));
                }

                if (gather.Transposed)
                {
                    _rows.Add(new ClearStep(c));
                }

                _rows.Add(new GatherStep(
                    new Place(source, Aspect.Value, gather.Source.Offset), c, new Place(table, Aspect.Value, gather.Table.Offset), gather.Shape, gather.Transposed, gather.Transposed));
                break;

            case PositionStatement positions:
                _rows.Add(new PositionStep(
                    [.. positions.Axes.Select(axis => axis.Extent)],
                    [.. positions.Sources.Select(factor => (
                        new Place(StorageOf(factor.Tensor), Aspect.Value, factor.Position.Offset),
                        (IReadOnlyList<int>)[.. positions.Axes.Select(factor.Position.StrideOf)]))],
                    positions.Formula,
                    c));
                break;

            case WalshHadamardStatement transform:
                _rows.Add(new WalshHadamardStep(Of(transform.Source), c, transform.Outer));
                break;

            case ReflectionsStatement chain:
                _rows.Add(new ReflectionsStep(Of(chain.Source), Place.Of(StorageOf(chain.Rows)), c, chain.Outer, chain.Transposed));
                break;

            case FunctionStatement { Call: var call }:
                _rows.Add(new FunctionStep(call, FunctionMode.Value, target, [.. call.Arguments.Select(StorageOf)]));
                break;

            case ActivationStatement activation:
                _rows.Add(new ActivationStep(activation.Function, Of(activation.Source), c));
                break;

            case SumStatement sum:
                Build([.. Merged(sum.Terms)], target, _rows);
                break;

            case ScanStatement scan:
                Build(scan, c);
                break;
        }

        Place Of(RowTensor vector) => Place.Of(_vectors[vector]);
    }

    private void Build(ScanStatement scan, Place target)
    {
        foreach (RowTensor state in scan.State)
        {
            _vectors.Add(state, _pool.NewState(state.Name, state.Length));
        }

        Storage[] given = [.. scan.Given.Select(part => Add(part.Tensor, PartOf(part.Of, part.Tensor, part.Offset, part.Stride)))];
        Storage[] gives = [.. scan.Gives.Select(part => Add(part.Tensor, PartOf(part.Of, part.Tensor, part.Offset, part.Stride)))];
        IEnumerable<StepPart> states = scan.Given.Where(part => scan.State.Contains(part.Of));
        _rows.AddRange(states.Select(part => new ClearStep(Place.Of(PartOf(part.Of, part.Tensor, part.Offset, 0)))));
        Storage[] last = [.. states.Select(part => PartOf(part.Of, part.Tensor, checked(part.Offset + (scan.Steps * part.Stride)), 0))];

        List<Operation> rows = _rows;
        _rows = [];
        foreach (Statement statement in scan.Body)
        {
            Build(statement);
        }

        rows.Add(new ScanStep(scan.Steps, target, [.. scan.Sources.Select(source => Place.Of(_vectors[source]))], given, gives, last, _rows));
        _rows = rows;

        Storage Add(RowTensor tensor, Storage storage)
        {
            _vectors.Add(tensor, storage);
            return storage;
        }

        Storage PartOf(RowTensor of, RowTensor part, int offset, int stride)
        {
            Storage whole = _vectors[of];
            return new Storage(part.Name, whole.Space, part.Length) { Pitch = whole.Pitch, Window = new StepWindow(whole, offset, stride), IsNoise = whole.IsNoise };
        }
    }

    /// <summary>Fills a storage with a sum of terms.</summary>
    private void Build(IReadOnlyList<Term> terms, Storage target, List<Operation> program)
    {
        bool written = false;
        foreach (Term term in terms.OrderByDescending(term => View.Of(target, term.Output).CoversStorage))
        {
            View view = View.Of(target, term.Output);
            if (!written && !view.CoversStorage)
            {
                program.Add(new ClearStep(Place.Of(target)));
                written = true;
            }

            Build(term, view, written, program, isWhole: terms.Count == 1 && target.Space != Space.Output);
            written = true;
        }

        if (!written)
        {
            program.Add(new ClearStep(Place.Of(target)));
        }
    }

    /// <summary>Plans a term and appends the contractions of its tree, but for those whose values are there already.</summary>
    private void Build(Term term, View target, bool accumulate, List<Operation> program, bool isWhole)
    {
        foreach (Factor factor in term.Factors)
        {
            _ = StorageOf(factor.Tensor);
        }

        // A sum that stands in several places is added up once.
        Index[] kept = [.. term.Output.Indices.Where(index => term.Factors.Any(factor => factor.Position.Contains(index)))];
        if (kept.Length < term.Output.Terms.Count && term.Indices.Any(index => !term.Output.Contains(index)))
        {
            int length = Length(kept);
            Storage sum = term.IsPerRow ? _pool.NewScratch(_pool.NewName("h"), length, _variant.Pitch(length))
                : _pool.NewWeight(_pool.NewName("p"), length, term.Factors.Any(factor => factor.Tensor.IsTrained));
            Build(term with { Coefficient = 1, Output = RowMajor(kept) }, View.Of(sum, RowMajor(kept)), false, term.IsPerRow ? program : _weightProgram, isWhole: false);
            program.Add(new ContractStep(new Contraction(target, View.Of(sum, RowMajor(kept)), null, term.Coefficient, target.Storage.IsPerRow), accumulate));
            return;
        }

        TermPlan plan = Plan(term).Ranked(_variant.PlanRank);
        bool perRow = target.Storage.IsPerRow;
        var views = new Dictionary<PlanNode, View>(ReferenceComparer<PlanNode>.Instance);
        PlanNode planned = plan.Root ?? throw new InvalidOperationException("a term has at least one operand");
        foreach (ContractionNode node in TermPlan.Contractions(planned))
        {
            NoteFanIn(node);
        }

        var made = new List<Part>();
        PlanNode root = Share(planned, planned, made);
        _plans.Add(root is SharedNode ? plan with { Root = root, Alternatives = [] } : plan with { Root = root });
        ContractionNode[] free = [.. TermPlan.Contractions(root).Where(node => node.PerRow && !ReferenceEquals(node, root))];
        AssignLayouts(root, free, target, views);
        foreach (ContractionNode node in TermPlan.Contractions(root))
        {
            bool isRoot = ReferenceEquals(node, root);
            List<Operation> home = node.PerRow || (isRoot && perRow) ? program : _weightProgram;
            View view = isRoot ? target : ViewOf(node, views);
            home.Add(new ContractStep(
                new Contraction(view, ViewOf(node.Left, views), ViewOf(node.Right, views), isRoot ? term.Coefficient : 1, perRow && home == program),
                isRoot && accumulate));
        }

        if (root is not ContractionNode)
        {
            program.Add(new ContractStep(new Contraction(target, ViewOf(root, views), null, term.Coefficient, perRow), accumulate));
        }

        made.ForEach(part => part.View = ViewOf(part.Node, views));
        if (isWhole && term.Coefficient == 1 && !target.Overlaps && root is ContractionNode { Indices: var indices } whole && indices.Count == target.Position.Indices.Count(index => index != View.Rows))
        {
            ProductForm form = FormOf(Factors(planned), indices);
            _parts.Add(form.Key, new Part(whole, form.Indices) { View = target });
        }
    }

    private void NoteFanIn(ContractionNode node)
    {
        foreach ((PlanNode side, PlanNode other) in new[] { (node.Left, node.Right), (node.Right, node.Left) })
        {
            foreach (Tensor tensor in Scaled(side))
            {
                Note(tensor, side.Indices.Where(index => other.Indices.Contains(index) && !node.Indices.Contains(index))
                    .Aggregate(1, (product, index) => product * index.Extent));
            }
        }

        // A matrix whose rows or columns are multiplied by numbers, once for all rows of a batch, is still what the next product contracts.
        static IEnumerable<Tensor> Scaled(PlanNode side) => side switch
        {
            FactorNode factor => [factor.Factor.Tensor],
            ContractionNode { PerRow: false } product when product.Left.Indices.Concat(product.Right.Indices).All(product.Indices.Contains) =>
                new[] { product.Left, product.Right }.Where(part => product.Indices.All(part.Indices.Contains)).SelectMany(Scaled),
            _ => [],
        };

        void Note(Tensor tensor, int fan)
        {
            if (_sums.ContainsValue(tensor))
            {
                tensor.Reads.ToList().ForEach(part => Note(part, fan));
            }

            while (tensor is FunctionWeight { Call: { Function.IsRounding: true } rounded })
            {
                tensor = rounded.Arguments[0];
            }

            _fanIn[tensor] = Math.Max(fan, _fanIn.TryGetValue(tensor, out int known) ? known : 1);
        }
    }

    private View ViewOf(PlanNode node, Dictionary<PlanNode, View> views)
    {
        if (views.TryGetValue(node, out View? view))
        {
            return view;
        }

        switch (node)
        {
            case FactorNode factor:
                view = View.Of(StorageOf(factor.Factor.Tensor), factor.Factor.Position);
                break;

            case SharedNode shared:
                (Part part, IReadOnlyList<Index> indices) = _shared[shared];
                View known = part.View ?? ViewOf(part.Node, views);
                var names = part.Indices.Zip(indices, (from, to) => (from, to)).ToDictionary(pair => pair.from, pair => pair.to);
                return known with
                {
                    Position = new Affine(known.Position.Offset, [.. known.Position.Terms.Select(term => (term.Index == View.Rows ? term.Index : names[term.Index], term.Stride))]),
                };

            default:
                view = View.Of(RoomFor((ContractionNode)node), RowMajor(node.Indices));
                break;
        }

        views.Add(node, view);
        return view;
    }

    /// <summary>
    /// Gives every intermediate its innermost index, by descent on the cost of all contractions that touch it, forward and reverse.
    /// </summary>
    private void AssignLayouts(
        PlanNode root, ContractionNode[] free, View target, Dictionary<PlanNode, View> views)
    {
        Dictionary<ContractionNode, Storage> storages = free.ToDictionary(
            node => node,
            RoomFor,
            ReferenceComparer<ContractionNode>.Instance);
        // The same layouts are met again and again.
        var layouts = new Dictionary<(ContractionNode, Index?), View>();
        var costs = new Dictionary<(View, View, View), double>();

        // One index for all, then each on its own as long as that helps.
        foreach (ContractionNode node in free)
        {
            Lay(node, node.Indices.OrderByDescending(index => target.Stride(index) == 1).ThenByDescending(index => index.Extent).FirstOrDefault());
        }

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
            if (!layouts.TryGetValue((node, lane), out View? layout))
            {
                IEnumerable<Index> others = node.Indices.Where(index => index != lane).OrderByDescending(index => Math.Max(target.Stride(index), 0));
                layout = View.Of(storages[node], RowMajor([.. others, .. lane is null ? Array.Empty<Index>() : [lane]]));
                layouts.Add((node, lane), layout);
            }

            views[node] = layout;
        }

        double Total() => TermPlan.Contractions(root).Where(node => node.PerRow).Sum(node =>
        {
            View c = ReferenceEquals(node, root) ? target : views[node];
            View a = ViewOf(node.Left, views);
            View b = ViewOf(node.Right, views);
            if (!costs.TryGetValue((c, a, b), out double cost))
            {
                cost = _cost(new Contraction(c, a, b, 1, true));
                cost += _variant.HasDerivatives && node.Left.NeedsGradient ? _cost(new Contraction(a, c, b, 1, true)) : 0;
                cost += _variant.HasDerivatives && node.Right.NeedsGradient ? _cost(new Contraction(b, c, a, 1, true)) : 0;
                costs.Add((c, a, b), cost);
            }

            return cost;
        });
    }

    private Storage StorageOf(Tensor tensor)
    {
        if (tensor is RowTensor vector)
        {
            return _vectors[vector];
        }

        if (tensor is ParameterWeight parameter)
        {
            return _parameters[parameter.Parameter];
        }

        var weight = (WeightTensor)tensor;
        if (_weights.TryGetValue(weight, out Storage? storage))
        {
            return storage;
        }

        switch (weight)
        {
            case ConstantWeight constant:
                storage = _pool.NewWeight(tensor.Name, tensor.Length, trained: false);
                _weightProgram.Add(new ConstantStep(constant, storage));
                break;

            case FunctionWeight { Call: var call }:
                Storage[] arguments = [.. call.Arguments.Select(StorageOf)];
                Storage? rounds = call.Function.IsRounding ? arguments[0] : null;
                storage = _pool.NewWeight(tensor.Name, tensor.Length, tensor.IsTrained && rounds is null, call.Format, rounds);
                _weightProgram.Add(new FunctionStep(call, FunctionMode.Value, storage, arguments));
                break;

            case NetworkWeight { Definition: { Count: 1 } terms } when terms[0].Reshaped(weight.Length) is { } whole:
                storage = StorageOf(whole);
                break;

            default:
                IReadOnlyList<Term> definition = ((NetworkWeight)tensor).Definition;
                foreach (Factor factor in definition.SelectMany(term => term.Factors))
                {
                    _ = StorageOf(factor.Tensor);
                }

                storage = _pool.NewWeight(tensor.Name, tensor.Length, tensor.IsTrained);
                Build(definition, storage, _weightProgram);
                break;
        }

        _weights.Add(weight, storage);
        return storage;
    }

    private static Affine RowMajor(IReadOnlyList<Index> indices) =>
        indices.Aggregate(Affine.Zero, (position, index) => (position * index.Extent) + Affine.Of(index));

    /// <summary>The elements of a tensor of such indices.</summary>
    private static int Length(IEnumerable<Index> indices) => Limits.Fit(
        indices.Aggregate(1L, (product, index) => Math.Min(long.MaxValue / int.MaxValue, product) * index.Extent), "an intermediate tensor");
}
