using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <content>Index notation: extents of indices, and the factors of each term.</content>
internal sealed partial class ModuleBinder
{
    private const string InputName = "x";

    /// <summary>A factor with what it is: a tensor, or the input.</summary>
    private sealed record BoundFactor(IndexFactorSyntax Syntax, TensorValue? Tensor, EquatableArray<IndexGroupSyntax> Axes)
    {
        public bool IsInput => Tensor is null;
    }

    private sealed record BoundTerm(double Coefficient, List<BoundFactor> Factors);

    private TensorValue? BindIndexLet(IndexLetSyntax let, Frame frame)
    {
        var extents = new IndexExtents(this, frame);
        var terms = new List<BoundTerm>();
        if (!extents.AddResult(let.Axes, null))
        {
            return null;
        }

        foreach (IndexTermSyntax syntax in let.Terms)
        {
            if (BindTerm(syntax, false, frame) is not { } term || !extents.AddTerm(terms.Count, term, 0))
            {
                return null;
            }

            terms.Add(term);
        }

        if (!extents.Solve())
        {
            return null;
        }

        Dictionary<string, IndexVariable> variables = extents.Variables(0);
        EquatableArray<EquatableArray<IndexVariable>> axes =
            let.Axes.Select(group => group.Indices.Select(index => variables[index.Name]).ToEquatable()).ToEquatable();
        long length = axes.SelectMany(group => group).Aggregate(1L, (product, index) => Math.Min(int.MaxValue + 1L, product * index.Extent));
        if (length > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, let, $"a tensor of {length} elements or more");
            return null;
        }

        return MakeTensor(
            new EinsumTensor(
                axes,
                terms.Select((term, i) => new TensorProduct(MakeFactors(term, i == 0 ? variables : extents.Variables(i, variables)), term.Coefficient)).ToEquatable()),
            let,
            frame,
            [.. terms.SelectMany(term => term.Factors).Select(factor => factor.Tensor!)]);
    }

    private ChainValue? BindIndexBody(IndexBody body, Frame frame, int inputs, int outputs)
    {
        var extents = new IndexExtents(this, frame);
        var terms = new List<BoundTerm>();
        if (!extents.AddResult(body.Axes, outputs))
        {
            return null;
        }

        foreach (IndexTermSyntax syntax in body.Terms)
        {
            if (BindTerm(syntax, true, frame) is not { } term || !extents.AddTerm(terms.Count, term, inputs))
            {
                return null;
            }

            terms.Add(term);
        }

        if (!extents.Solve())
        {
            return null;
        }

        var operators = new List<Operator>();
        for (int i = 0; i < terms.Count; i++)
        {
            Dictionary<string, IndexVariable> variables = extents.Variables(i);
            EquatableArray<IndexVariable> Flat(EquatableArray<IndexGroupSyntax> axes) =>
                axes.SelectMany(group => group.Indices).Select(index => variables[index.Name]).ToEquatable();
            operators.Add(new Einsum(
                Flat(body.Axes),
                MakeFactors(terms[i], variables),
                Flat(terms[i].Factors.First(factor => factor.IsInput).Axes),
                terms[i].Coefficient));
        }

        long nodes = 1 + terms.Sum(term => term.Factors.Sum(factor => factor.Tensor?.Nodes ?? 1));
        if (nodes > MaxNodes)
        {
            Exhaust(frame, body, $"more than {MaxNodes} operations in one module");
            return null;
        }

        int depth = 2 + terms.SelectMany(term => term.Factors).Max(factor => factor.Tensor?.Depth ?? 1);
        return new ChainValue(EquatableArray.Of<Link>(new LinearLink(Flatten.Sum(operators))), inputs, outputs, nodes, depth);
    }

    private static EquatableArray<IndexedTensor> MakeFactors(BoundTerm term, Dictionary<string, IndexVariable> variables) =>
        term.Factors
            .Where(factor => !factor.IsInput)
            .Select(factor => new IndexedTensor(factor.Tensor!.Tensor, factor.Axes.Select(group => MakeIndex(group, variables)).ToEquatable()))
            .ToEquatable();

    /// <summary>The position along an axis that a group of indices means: the first varies slowest.</summary>
    private static AffineIndex MakeIndex(IndexGroupSyntax group, Dictionary<string, IndexVariable> variables)
    {
        if (group.Indices[0].IsPosition)
        {
            return AffineIndex.Constant(group.Indices[0].Position);
        }

        int stride = 1;
        var terms = new List<(IndexVariable, int)>();
        foreach (IndexSyntax index in group.Indices.Reverse())
        {
            terms.Add((variables[index.Name], stride));
            stride *= variables[index.Name].Extent;
        }

        terms.Reverse();
        return new AffineIndex(0, terms.ToEquatable());
    }

    private BoundTerm? BindTerm(IndexTermSyntax term, bool hasInput, Frame frame)
    {
        double coefficient = term.IsNegative ? -1 : 1;
        var factors = new List<BoundFactor>();
        foreach (IndexFactorSyntax factor in term.Factors)
        {
            if (hasInput && factor.Value is NameSyntax { Name: InputName })
            {
                if (factor.IsDivisor || factor.Brackets.Count != 1 || factor.Brackets[0].Count == 0)
                {
                    Report(DiagnosticDescriptors.InputFactor, frame, factor, "expected the input with its indices, as a factor: '* x[i]'");
                    return null;
                }

                factors.Add(new BoundFactor(factor, null, factor.Brackets[0]));
                continue;
            }

            Value? value = Bind(factor.Value, frame);
            int bracket = 0;
            if (value is FamilyValue family && factor.Brackets.Count > 0)
            {
                value = PickMember(family, factor.Brackets[0], frame);
                bracket = 1;
            }

            switch (value)
            {
                case null:
                    return null;
                case NumberValue number when factor.Brackets.Count == 0:
                    coefficient = factor.IsDivisor ? coefficient / number.Number : coefficient * number.Number;
                    break;
                case TensorValue tensor when !factor.IsDivisor && factor.Brackets.Count <= bracket + 1:
                    EquatableArray<IndexGroupSyntax> axes = factor.Brackets.Count > bracket ? factor.Brackets[bracket] : default;
                    if (axes.Count != tensor.Axes)
                    {
                        string expected = tensor.Axes switch { 0 => "no index", 1 => "1 index", _ => $"{tensor.Axes} indices separated by commas" };
                        Report(DiagnosticDescriptors.WrongKind, frame, factor, $"{expected} for {frame.Show(factor.Value)} : {tensor.Shape}", $"{axes.Count}");
                        return null;
                    }

                    factors.Add(new BoundFactor(factor, tensor, axes));
                    break;
                default:
                    string kind = factor.IsDivisor ? "a number to divide by" : factor.Brackets.Count == 0 ? "a tensor or a number" : "a tensor with its indices";
                    Report(DiagnosticDescriptors.WrongKind, frame, factor, kind, value.Description);
                    return null;
            }
        }

        int found = factors.Count(factor => factor.IsInput);
        if (hasInput && found != 1)
        {
            Report(DiagnosticDescriptors.InputFactor, frame, term, $"expected the input 'x' once in every term, found it {found} times");
            return null;
        }

        if (!hasInput && factors.Count == 0)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, term, "a tensor", "only numbers");
            return null;
        }

        return Finite(coefficient, term, frame) is null ? null : new BoundTerm(coefficient, factors);
    }

    private TensorValue? PickMember(FamilyValue family, EquatableArray<IndexGroupSyntax> bracket, Frame frame)
    {
        if (bracket.Count == 1 && bracket[0].Indices.Count == 1 && bracket[0].Indices[0] is { Extent: null } index)
        {
            ExpressionSyntax position = index.IsPosition ? new NumberSyntax(index.Position, index.Span) : new NameSyntax(index.Name, index.Span);
            return BindPosition(position, family.Members.Count, frame) is { } member ? new TensorValue(family.Members[member]) : null;
        }

        Report(DiagnosticDescriptors.WrongKind, frame, bracket.Count > 0 ? bracket[0].Span : default, "the number of one member of the family", "several indices");
        return null;
    }

    /// <summary>
    /// Finds the extent of every index of a statement. The indices of the result are the same in all terms, others belong to
    /// their term. Each axis says that the product of its indices' extents is its length; what one axis leaves open another
    /// may settle.
    /// </summary>
    private sealed class IndexExtents(ModuleBinder binder, Frame frame)
    {
        private readonly List<(List<string> Keys, long Length, string Description, TextSpan Span)> _axes = [];
        private readonly Dictionary<string, (int Extent, string Description)> _extents = new(StringComparer.Ordinal);
        private readonly Dictionary<string, (string Name, TextSpan Span)> _first = new(StringComparer.Ordinal);
        private readonly Dictionary<int, List<(string Key, string Name)>> _own = [];
        private readonly HashSet<string> _result = new(StringComparer.Ordinal);

        /// <summary>Adds the left side.</summary>
        /// <param name="axes">Its axes.</param>
        /// <param name="length">The number of outputs, when known.</param>
        public bool AddResult(EquatableArray<IndexGroupSyntax> axes, int? length)
        {
            foreach (IndexSyntax index in axes.SelectMany(group => group.Indices))
            {
                if (index.IsPosition)
                {
                    Report(DiagnosticDescriptors.OutputIndex, index.Span, $"expected an index of the result, found the number {index.Position}");
                    return false;
                }

                if (!_result.Add(index.Name))
                {
                    Report(DiagnosticDescriptors.OutputIndex, index.Span, $"the index '{index.Name}' stands twice in the result");
                    return false;
                }
            }

            if (length is { } total && axes.Count == 0)
            {
                Report(DiagnosticDescriptors.OutputIndex, frame.Declaration!.Syntax.Name.Span, $"expected indices for the {total} outputs: 'y[i] = …'");
                return false;
            }

            return length is { } outputs
                ? AddAxis(-1, [.. axes.SelectMany(group => group.Indices)], outputs, "the output", SpanOf(axes))
                : axes.All(group => AddStated(-1, group.Indices));
        }

        public bool AddTerm(int term, BoundTerm bound, int inputs)
        {
            var used = new HashSet<string>(StringComparer.Ordinal);
            foreach (BoundFactor factor in bound.Factors)
            {
                foreach (IndexSyntax index in factor.Axes.SelectMany(group => group.Indices))
                {
                    used.Add(index.Name);
                }

                if (factor.IsInput)
                {
                    IndexSyntax[] indices = [.. factor.Axes.SelectMany(group => group.Indices)];
                    if (indices.Any(index => index.IsPosition) || indices.Select(index => index.Name).Distinct(StringComparer.Ordinal).Count() < indices.Length)
                    {
                        Report(DiagnosticDescriptors.InputFactor, factor.Syntax.Span, "each index of the input must be a name of its own");
                        return false;
                    }

                    if (!AddAxis(term, indices, inputs, "the input", factor.Syntax.Span))
                    {
                        return false;
                    }
                }
                else if (!AddTensor(term, factor))
                {
                    return false;
                }
            }

            if (_result.FirstOrDefault(name => !used.Contains(name)) is { } missing)
            {
                TextSpan span = TextSpan.FromBounds(bound.Factors[0].Syntax.Span.Start, bound.Factors[bound.Factors.Count - 1].Syntax.Span.End);
                Report(DiagnosticDescriptors.OutputIndex, span, $"the index '{missing}' of the result stands nowhere in this term");
                return false;
            }

            return true;
        }

        public bool Solve()
        {
            bool isChanged = true;
            while (isChanged)
            {
                isChanged = false;
                foreach ((List<string> keys, long length, string description, TextSpan span) in _axes)
                {
                    string[] open = [.. keys.Where(key => !_extents.ContainsKey(key))];
                    long known = keys.Where(_extents.ContainsKey).Aggregate(1L, (product, key) => Math.Min(int.MaxValue + 1L, product * _extents[key].Extent));
                    if (open.Length == 1)
                    {
                        if (length % known != 0)
                        {
                            Report(DiagnosticDescriptors.ExtentConflict, span, description, length, $"its indices other than '{_first[open[0]].Name}' have {known}, which does not divide it");
                            return false;
                        }

                        _extents[open[0]] = ((int)(length / known), description);
                        isChanged = true;
                    }
                    else if (open.Length == 0 && known != length)
                    {
                        string other = keys.Count == 1
                            ? $"index '{_first[keys[0]].Name}' has extent {known} by {_extents[keys[0]].Description}"
                            : $"its indices have {string.Join(" · ", keys.Select(key => $"{_first[key].Name}:{_extents[key].Extent}"))}";
                        Report(DiagnosticDescriptors.ExtentConflict, span, description, length, other);
                        return false;
                    }
                }
            }

            foreach (KeyValuePair<string, (string Name, TextSpan Span)> index in _first)
            {
                if (!_extents.ContainsKey(index.Key))
                {
                    Report(DiagnosticDescriptors.ExtentUnknown, index.Value.Span, index.Value.Name);
                    return false;
                }
            }

            return true;
        }

        /// <summary>The indices of one term, as new variables; those of the result perhaps as another term has them.</summary>
        public Dictionary<string, IndexVariable> Variables(int term, IReadOnlyDictionary<string, IndexVariable>? shared = null)
        {
            IEnumerable<(string Key, string Name)> own = _own.TryGetValue(term, out var found) ? found : [];
            return _result.Select(name => (Key: name, Name: name)).Concat(own).ToDictionary(
                index => index.Name,
                index => shared is not null && _result.Contains(index.Key) ? shared[index.Name] : binder.NewIndex(index.Name, _extents[index.Key].Extent),
                StringComparer.Ordinal);
        }

        private static TextSpan SpanOf(EquatableArray<IndexGroupSyntax> axes) =>
            TextSpan.FromBounds(axes[0].Span.Start, axes[axes.Count - 1].Span.End);

        private string Key(int term, string name) => _result.Contains(name) ? name : $"{name} {term}";

        private void Report(DiagnosticDescriptor descriptor, TextSpan span, params object[] arguments) =>
            binder.Report(descriptor, frame, span, arguments);

        private bool AddTensor(int term, BoundFactor factor)
        {
            EquatableArray<int> shape = factor.Tensor!.Tensor.Shape;
            for (int axis = 0; axis < factor.Axes.Count; axis++)
            {
                IndexGroupSyntax group = factor.Axes[axis];
                string shown = frame.Show(factor.Syntax.Value);
                string written = factor.Syntax.Value is NameSyntax name && frame.WrittenShapes.TryGetValue(name.Name, out string? shape0) ? $"{shown}{shape0}" : shown;
                string description = $"axis {axis + 1} of {written}";
                if (group.Indices.Any(index => index.IsPosition))
                {
                    int position = group.Indices[0].Position;
                    if (group.Indices.Count > 1 || position >= shape[axis])
                    {
                        string found = group.Indices.Count > 1 ? "a number in a group of indices" : $"{position}";
                        Report(DiagnosticDescriptors.OutOfRange, group.Span, found, $"0 to {shape[axis] - 1}, alone on {description}");
                        return false;
                    }
                }
                else if (group.Indices.Select(index => index.Name).Distinct(StringComparer.Ordinal).Count() < group.Indices.Count)
                {
                    Report(DiagnosticDescriptors.OutputIndex, group.Span, "an index stands twice in one axis");
                    return false;
                }
                else if (!AddAxis(term, [.. group.Indices], shape[axis], description, group.Span))
                {
                    return false;
                }
            }

            return true;
        }

        private bool AddAxis(int term, IReadOnlyList<IndexSyntax> indices, int length, string description, TextSpan span)
        {
            _axes.Add(([.. indices.Select(index => Key(term, index.Name))], length, description, span));
            return AddStated(term, indices);
        }

        private bool AddStated(int term, IReadOnlyList<IndexSyntax> indices)
        {
            foreach (IndexSyntax index in indices)
            {
                string key = Key(term, index.Name);
                if (!_first.ContainsKey(key))
                {
                    _first.Add(key, (index.Name, index.Span));
                    if (key != index.Name)
                    {
                        if (!_own.TryGetValue(term, out var own))
                        {
                            _own.Add(term, own = []);
                        }

                        own.Add((key, index.Name));
                    }
                }

                if (index.Extent is null)
                {
                    continue;
                }

                if (binder.BindSize(index.Extent, frame) is not { } extent)
                {
                    return false;
                }

                _axes.Add(([key], extent, $"'{frame.Show(index)}'", index.Span));
            }

            return true;
        }
    }
}
