using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Scheduling;

/// <summary>Statements and terms become operations: each term is planned, and its intermediate results are laid out.</summary>
public sealed partial class Scheduler
{
    /// <summary>Whether whatever reads and writes a vector does so row by row; a product with a sparse matrix does not. A device has no use for a pitch.</summary>
    private bool MayLieApart(RowVector vector)
    {
        return _costs.Device is null && _lowered.Statements.All(statement => statement switch
        {
            GatherStatement gather => gather.Source != vector && gather.Target != vector,
            WalshHadamardStatement transform => transform.Source != vector && transform.Target != vector,
            ReflectionsStatement chain => chain.Source != vector && chain.Target != vector,
            ActivationStatement { Function: FunctionLink } rowwise => rowwise.Source != vector && rowwise.Target != vector,
            SumStatement sum => sum.Target != vector || !sum.Terms.Any(IsOfGathered),
            _ => true,
        });

        bool IsOfGathered(Term term) => _lowered.Statements.Any(statement => statement is GatherStatement && statement.Target == term.Input);
    }

    private void Build(Statement statement, IReadOnlyDictionary<Parameter, Storage> parameters)
    {
        if (!_vectors.TryGetValue(statement.Target, out Storage? target))
        {
            int size = statement.Target.Size;
            target = NewScratch(statement.Target.Name, size, Pitch(size) > Align(size) && MayLieApart(statement.Target) ? Pitch(size) : size);
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

            case ReflectionsStatement chain:
                _rowProgram.Add(new ReflectionsOperation(target, _vectors[chain.Source], chain.Outer, StorageOf(chain.Rows, parameters), chain.Transposed));
                break;

            case ProductStatement product:
                Affine position = Affine.Of(new Index("i", product.Target.Size));
                _rowProgram.Add(new ContractOperation(
                    new Contraction(View.Of(target, position), View.Of(_vectors[product.Left], position), View.Of(_vectors[product.Right], position), 1, false),
                    false));
                break;

            case ActivationStatement activation:
                _rowProgram.Add(new ActivationOperation(target, _vectors[activation.Source], activation.Function));
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
                Storage storage = NewWeight(NewName("p"), Fit(node.Indices), node.NeedsGradient);
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
            node => NewScratch(NewName("h"), Fit(node.Indices), Pitch(Fit(node.Indices))),
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
            View a = ViewOf(node.Left, views, parameters);
            View b = ViewOf(node.Right, views, parameters);
            if (!costs.TryGetValue((c, a, b), out double cost))
            {
                cost = _selector.Select(new Contraction(c, a, b, 1, true)).Cost;
                cost += !_costs.IsForFewRows && node.Left.NeedsGradient ? _selector.Select(new Contraction(a, c, b, 1, true)).Cost : 0;
                cost += !_costs.IsForFewRows && node.Right.NeedsGradient ? _selector.Select(new Contraction(b, c, a, 1, true)).Cost : 0;
                costs.Add((c, a, b), cost);
            }

            return cost;
        });
    }

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
}
