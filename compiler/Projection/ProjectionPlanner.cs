using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Targets.Cpu;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Projection;

/// <summary>Finds the closed form of the parameters that are closest to a dense matrix, from the tensor network alone.</summary>
public static class ProjectionPlanner
{
    /// <summary>The plan for a linear module.</summary>
    public static ProjectionPlan Plan(Schedule schedule)
    {
        ProjectionPlan plan = Plan(schedule.Program.Lowered);

        // A tensor that kernels read in a short format alone is not there to be read here.
        Tensor? missing = plan.Parts
            .SelectMany(part => part.AllTerms)
            .SelectMany(term => term.Factors)
            .Select(factor => factor.Tensor)
            .FirstOrDefault(tensor => PlaceOf(schedule, tensor) is null);
        return missing is null ? plan : ProjectionPlan.None($"{missing.Name} is kept in a short format only");
    }

    /// <summary>Where a tensor's elements are in the weight block, if they are.</summary>
    public static Storage? PlaceOf(Schedule schedule, Tensor tensor) => tensor is ParameterWeight parameter
        ? schedule.Parameters.First(place => place.Parameter == parameter.Parameter).Storage
        : schedule.Storages.FirstOrDefault(storage => storage is { Space: Space.Weights, IsPacked: false } && schedule.Layout.Holds(storage) && storage.Name == tensor.Name);

    private static ProjectionPlan Plan(LoweredModule module)
    {
        try
        {
            Composition composition = Composition.Of(module);
            List<MapTerm> terms = [.. composition.Terms.Where(term => term.Factors.Any(factor => DependsOnTrained(factor.Tensor)))];
            if (terms.Count == 0)
            {
                return ProjectionPlan.None("it has no trained parameters");
            }

            if (terms.SelectMany(term => term.Factors).FirstOrDefault(IsOpaque) is { } opaque)
            {
                return ProjectionPlan.None($"{Name(opaque.Tensor)} depends on trained parameters through a function");
            }

            return new ProjectionPlan(
                null,
                [.. Groups(terms).Select(Part)],
                composition.Rows,
                composition.Columns,
                composition.Terms.Count > terms.Count);
        }
        catch (ObstacleException obstacle)
        {
            return ProjectionPlan.None(obstacle.Message);
        }
    }

    private static bool IsTrained(Factor factor) => factor.Tensor is ParameterWeight { IsTrained: true };

    private static bool IsOpaque(Factor factor) => factor.Tensor is not ParameterWeight && DependsOnTrained(factor.Tensor);

    /// <summary>Whether a value changes with trained parameters, also where no derivative passes.</summary>
    private static bool DependsOnTrained(Tensor tensor) => tensor.Rate == Rate.Update;

    private static string Name(Tensor tensor) => tensor is FunctionWeight { Call: var call } ? $"{call.Function}({string.Join(", ", call.Arguments.Select(Name))})" : tensor.Name;

    private static string Names(IEnumerable<Factor> factors) => string.Join(", ", factors.Select(factor => Name(factor.Tensor)).Distinct());

    /// <summary>Terms that share elements of the matrix, or trained parameters, belong together.</summary>
    private static IEnumerable<IReadOnlyList<MapTerm>> Groups(IEnumerable<MapTerm> terms)
    {
        var groups = new List<List<MapTerm>>();
        foreach (MapTerm term in terms)
        {
            List<List<MapTerm>> touched = [.. groups.Where(group => group.Exists(other => Touch(other, term)))];
            groups.RemoveAll(touched.Contains);
            groups.Add([.. touched.SelectMany(group => group), term]);
        }

        return groups;

        bool Touch(MapTerm left, MapTerm right) =>
            (Overlap(left.Output, right.Output) && Overlap(left.Input, right.Input))
            || left.Factors.Where(IsTrained).Any(factor => right.Factors.Where(IsTrained).Any(other => SameElements(factor, other)));
    }

    private static bool SameElements(Factor left, Factor right) => left.Tensor == right.Tensor && Overlap(left.Position, right.Position);

    /// <summary>Whether two positions may meet: their ranges do, and so do they modulo the divisor of all strides.</summary>
    private static bool Overlap(Affine left, Affine right)
    {
        int divisor = left.Terms.Concat(right.Terms).Aggregate(0, (common, term) => GreatestDivisor(common, term.Stride));
        return left.Minimum <= right.Maximum && right.Minimum <= left.Maximum && (divisor == 0 || (left.Offset - right.Offset) % divisor == 0);
    }

    private static int GreatestDivisor(int left, int right) => right == 0 ? Math.Abs(left) : GreatestDivisor(right, left % right);

    private static ProjectionPart Part(IReadOnlyList<MapTerm> terms)
    {
        string reason = "";
        FactorizationPart?[] products = [.. terms.Select(term => TryFactorize(term, out reason))];
        if (terms.Count == 1 && products[0] is { } single)
        {
            return single;
        }

        if (terms.All(term => term.Factors.Count(IsTrained) == 1))
        {
            return new LeastSquaresPart(terms);
        }

        if (products.All(product => product is { Splits.Count: 1 } && product.Term.Factors.All(IsTrained)) && TryAdd([.. products.OfType<FactorizationPart>()]) is { } sum)
        {
            return sum;
        }

        throw new ObstacleException(terms.Count == 1
            ? reason
            : $"products of trained tensors share elements or parameters with other terms: {Names(terms.SelectMany(term => term.Factors).Where(IsTrained))}");
    }

    /// <summary>Products of two tensors that reach the same elements are one product: their ranks add.</summary>
    private static FactorizationPart? TryAdd(IReadOnlyList<FactorizationPart> products)
    {
        FactorizationPart first = products[0];
        var all = new List<FactorizationPart>();
        foreach (FactorizationPart product in products)
        {
            MapTerm term = product.Term;
            Split split = product.Splits[0];
            foreach (Index index in term.External.ToArray())
            {
                Index? same = first.Term.External.FirstOrDefault(other => other.Extent == index.Extent
                    && first.Term.Output.StrideOf(other) == term.Output.StrideOf(index)
                    && first.Term.Input.StrideOf(other) == term.Input.StrideOf(index));
                if (same is null)
                {
                    return null;
                }

                Affine value = Affine.Of(same);
                term = term.Map(position => position.Substitute(index, value));
                split = split with
                {
                    Own = [.. split.Own.Select(own => own == index ? same : own)],
                    Shared = [.. split.Shared.Select(shared => shared == index ? same : shared)],
                };
            }

            if (!new HashSet<Index>(split.Own).SetEquals(first.Splits[0].Own))
            {
                split = split with
                {
                    Factor = split.Neighbor,
                    Neighbor = split.Factor,
                    Own = [.. term.Factors[split.Neighbor].Position.Indices.Except(split.Shared).Except(split.Bonds)],
                };
            }

            all.Add(product with { Term = term, Splits = [split], Last = split.Neighbor });
        }

        bool isSame = all.All(product =>
            Same(product.Term.Output, first.Term.Output)
            && Same(product.Term.Input, first.Term.Input)
            && product.Term.Windows.Count == first.Term.Windows.Count
            && product.Term.Windows.Zip(first.Term.Windows, (left, right) => left.Length == right.Length && Same(left.Position, right.Position)).All(same => same)
            && new HashSet<Index>(product.Splits[0].Own).SetEquals(first.Splits[0].Own)
            && new HashSet<Index>(product.Splits[0].Shared).SetEquals(first.Splits[0].Shared)
            && all.All(other => other == product || !product.Term.Factors.Any(factor => other.Term.Factors.Any(same => SameElements(factor, same)))));
        return isSame ? all[0] with { Others = [.. all.Skip(1)] } : null;

        static bool Same(Affine left, Affine right) =>
            left.Offset == right.Offset && left.Terms.Count == right.Terms.Count && left.Terms.All(term => right.StrideOf(term.Index) == term.Stride);
    }

    private static FactorizationPart? TryFactorize(MapTerm term, out string reason)
    {
        IReadOnlyList<Factor> factors = term.Factors;
        int[] trained = [.. Enumerable.Range(0, factors.Count).Where(k => IsTrained(factors[k]))];
        if (trained.Any(k => trained.Any(other => other != k && SameElements(factors[k], factors[other]))))
        {
            reason = $"a trained tensor stands in a product with itself: {Names(trained.Select(k => factors[k]))}";
            return null;
        }

        if (trained.Any(k => !IsInjective(factors[k].Position.Terms.Select(part => (part.Index, (long)part.Stride)))) || !IsInjective(Elements(term)))
        {
            reason = $"positions of {Names(trained.Select(k => factors[k]))} repeat an element";
            return null;
        }

        HashSet<Index>[] indices = [.. factors.Select(factor => new HashSet<Index>(factor.Position.Indices))];
        var ones = new List<int>();
        foreach (int k in trained.OrderBy(k => factors[k].Position.Indices.Aggregate(1L, (product, index) => product * index.Extent)))
        {
            if (trained.Any(other => other != k && !ones.Contains(other) && indices[k].IsSubsetOf(indices[other])))
            {
                ones.Add(k);
            }
        }

        var external = new HashSet<Index>(term.External.Where(index => indices.Any(set => set.Contains(index))));
        if (term.Windows.Any(window => window.Position.Indices.Any(index => !external.Contains(index))))
        {
            reason = "a part that is cut off is repeated";
            return null;
        }

        // What constants do to the matrix is undone first. Of the trained ones those with the fewest summed indices go first: the ends
        // of a chain, the factors of a core.
        List<int> remaining = [.. Enumerable.Range(0, factors.Count)
            .Except(ones)
            .OrderBy(k => IsTrained(factors[k]))
            .ThenBy(k => indices[k].Count(index => !external.Contains(index)))
            .ThenBy(k => indices[k].Aggregate(1L, (product, index) => product * index.Extent))];
        var windows = term.Windows.ToList();
        var splits = new List<Split>();
        while (remaining.Count > 1)
        {
            Split? split = remaining.Select(k => TrySplit(k)).FirstOrDefault(candidate => candidate is not null);
            if (split is null)
            {
                reason = $"no closed form is known for the product of {Names(remaining.Select(k => factors[k]))}: no factor of it can be split off by a singular value decomposition";
                return null;
            }

            splits.Add(split);
            remaining.Remove(split.Factor);
            external.ExceptWith(split.Own);
            external.UnionWith(split.Bonds);
            windows.RemoveAll(window => window.Position.Indices.Any(split.Own.Contains));
        }

        reason = $"elements of {Names([factors[remaining[0]]])} are summed";
        return indices[remaining[0]].SetEquals(external) && IsTrained(factors[remaining[0]])
            ? new FactorizationPart(term, ones, splits, remaining[0])
            : null;

        Split? TrySplit(int k)
        {
            HashSet<Index> others = [.. remaining.Where(other => other != k).SelectMany(other => indices[other])];
            Index[] own = [.. indices[k].Where(index => external.Contains(index) && !others.Contains(index))];
            Index[] shared = [.. indices[k].Where(index => external.Contains(index) && others.Contains(index))];
            Index[] bonds = [.. indices[k].Where(index => !external.Contains(index))];
            int[] neighbors = [.. remaining.Where(other => other != k
                && shared.Concat(bonds).All(indices[other].Contains)
                && (IsTrained(factors[other]) || !IsTrained(factors[k])))];
            bool isBetweenTwo = bonds.All(index => remaining.Count(other => indices[other].Contains(index)) == 2);
            bool cutsWhole = windows.All(window =>
                window.Position.Indices.All(index => own.Contains(index) || shared.Contains(index)) || !window.Position.Indices.Any(own.Contains));
            if (neighbors.Length == 0 || !isBetweenTwo || !cutsWhole)
            {
                return null;
            }

            int neighbor = neighbors.OrderByDescending(other => IsTrained(factors[other])).First();
            long rank = Extent(bonds);
            long most = Extent(indices[neighbor].Except(shared).Except(bonds));
            return new Split(k, neighbor, own, shared, bonds, (int)(IsTrained(factors[k]) && IsTrained(factors[neighbor]) ? Math.Min(rank, most) : rank));
        }

        static long Extent(IEnumerable<Index> set) => set.Aggregate(1L, (product, index) => product * index.Extent);
    }

    /// <summary>The elements of a matrix as one position: rows as far apart as columns reach.</summary>
    private static IEnumerable<(Index Index, long Stride)> Elements(MapTerm term)
    {
        long columns = 1 + term.Input.Terms.Sum(part => Math.Abs((long)part.Stride) * (part.Index.Extent - 1));
        return term.External.Select(index => (index, (term.Output.StrideOf(index) * columns) + term.Input.StrideOf(index)));
    }

    /// <summary>Whether no two values of the indices give one position: each stride passes what the smaller ones reach.</summary>
    private static bool IsInjective(IEnumerable<(Index Index, long Stride)> position)
    {
        long reach = 0;
        foreach ((Index index, long stride) in position.OrderBy(term => Math.Abs(term.Stride)))
        {
            if (Math.Abs(stride) <= reach)
            {
                return false;
            }

            reach += Math.Abs(stride) * (index.Extent - 1);
        }

        return true;
    }
}
