using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Finds the extent of every index of a statement. The indices of the result are the same in all terms, others belong to
/// their term. Each axis says that the product of its indices' extents is its length; what one axis leaves open another
/// may settle.
/// </summary>
internal sealed class IndexExtents(BindingContext context, Frame frame)
{
    private readonly List<(List<string> Keys, long Length, string Description, TextSpan Span)> _axes = [];
    private readonly Dictionary<string, (int Extent, string Description)> _extents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Name, TextSpan Span)> _first = new(StringComparer.Ordinal);
    private readonly Dictionary<int, List<(string Key, string Name)>> _own = [];
    private readonly HashSet<string> _result = new(StringComparer.Ordinal);

    /// <summary>Adds the left side.</summary>
    /// <param name="axes">The axes of the left side.</param>
    /// <param name="places">The indices that stand on each axis.</param>
    /// <param name="length">The number of outputs, when known.</param>
    /// <param name="node">The whole definition.</param>
    /// <param name="shape">The shape of an output that has one.</param>
    public bool AddResult(
        EquatableArray<IndexGroupSyntax> axes, EquatableArray<EquatableArray<Digit>> places, int? length, SyntaxNode node, EquatableArray<int>? shape = null)
    {
        foreach (Digit digit in places.SelectMany(axis => axis))
        {
            if (!digit.IsPlain && !digit.IsByData)
            {
                Report(DiagnosticDescriptors.OutputIndex, digit.Syntax.Span, $"expected an index of the result, found '{frame.Show(digit.Syntax.Value)}'");
                return false;
            }

            if (digit.IsPlain && !_result.Add(digit.Syntax.Name))
            {
                Report(DiagnosticDescriptors.OutputIndex, digit.Syntax.Span, $"the index '{digit.Syntax.Name}' stands twice in the result");
                return false;
            }
        }

        // What positions depend on stands in every term too.
        foreach (NameSyntax name in places.SelectMany(axis => axis).Where(digit => digit.IsByData).SelectMany(digit => digit.Names))
        {
            _result.Add(name.Name);
            Add(-1, name);
        }

        TextSpan left = axes.Count > 0 ? TextSpan.FromBounds(axes[0].Span.Start, axes[axes.Count - 1].Span.End) : node.Span;
        if (shape is { } extents)
        {
            if (axes.Count != extents.Count)
            {
                string expected = extents.Count == 1 ? "1 index" : $"{extents.Count} indices separated by commas";
                Report(DiagnosticDescriptors.WrongKind, left, $"{expected} for an output [{string.Join(", ", extents)}]", $"{axes.Count}");
                return false;
            }

            for (int axis = 0; axis < axes.Count; axis++)
            {
                if (!AddAxis(-1, places[axis], extents[axis], $"axis {axis} of the output", axes[axis].Span))
                {
                    return false;
                }
            }

            return true;
        }

        if (length is { } total && axes.Count == 0)
        {
            Report(DiagnosticDescriptors.OutputIndex, frame.Declaration!.Syntax.Name.Span, $"expected indices for the {total} outputs: 'y[i] = …'");
            return false;
        }

        Digit[] digits = [.. places.SelectMany(axis => axis)];
        if (length is { } outputs)
        {
            return AddAxis(-1, digits, outputs, "the output", left);
        }

        foreach (Digit digit in digits.Where(digit => digit.IsByData && digit.Syntax.Extent is null))
        {
            if (SizeOf(digit) is not { } size)
            {
                Report(DiagnosticDescriptors.OutputIndex, digit.Syntax.Span, $"the length of the axis of '{frame.Show(digit.Syntax.Value)}' is not known: state it as '({frame.Show(digit.Syntax.Value)}):4'");
                return false;
            }

            _axes.Add(([digit.Key], size, $"'{frame.Show(digit.Syntax.Value)}'", digit.Syntax.Span));
        }

        return AddStated(-1, digits);
    }

    /// <summary>What positions are below by their looks: an input of them, or a remainder.</summary>
    private int? SizeOf(Digit digit) => digit.Syntax.Value switch
    {
        PostfixSyntax => digit.Reads[0].Value.Size,
        ChainSyntax { Precedence: Precedence.Multiplicative, Rest: var rest } when rest[rest.Count - 1] is { Operator: "%", Operand: var divisor } && !IndexNames.Positions(divisor, frame.IsPositions).Any()
            && !IndexNames.Mentions(divisor, _result) => context.Expressions.BindSize(divisor, frame),
        _ => null,
    };

    public bool AddTerm(int term, BoundTerm bound, int inputs)
    {
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (BoundFactor factor in bound.Factors)
        {
            foreach (NameSyntax name in factor.Digits.SelectMany(digit => digit.Names).Concat(factor.Names))
            {
                used.Add(name.Name);
                Add(term, name);
            }

            AddReads(term, factor.Reads);
            if (!(factor.Formula is not null || factor.Reads.Count > 0 || (factor.IsInput ? AddInput(term, factor, inputs) : AddTensor(term, factor))))
            {
                return false;
            }
        }

        // What depends on positions alone is the same along an index that it does not mention.
        if (bound.Factors.All(factor => factor.Formula is not null))
        {
            return true;
        }

        foreach (string missing in _result)
        {
            if (used.Contains(missing))
            {
                continue;
            }

            TextSpan span = TextSpan.FromBounds(bound.Factors[0].Syntax.Span.Start, bound.Factors[bound.Factors.Count - 1].Syntax.Span.End);
            Report(DiagnosticDescriptors.OutputIndex, span, $"the index '{missing}' of the result stands nowhere in this term; for one that is the same for each {missing} write ({missing} >= 0) * before it");
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
                int open = 0;
                long known = 1;
                string last = "";
                foreach (string key in keys)
                {
                    if (_extents.TryGetValue(key, out (int Extent, string Description) found))
                    {
                        known = Math.Min(int.MaxValue + 1L, known * found.Extent);
                    }
                    else
                    {
                        (open, last) = (open + 1, key);
                    }
                }

                if (open == 1)
                {
                    if (length % known != 0)
                    {
                        Report(DiagnosticDescriptors.ExtentConflict, span, description, length, $"its indices other than '{_first[last].Name}' have {known}, which does not divide it");
                        return false;
                    }

                    _extents[last] = ((int)(length / known), description);
                    isChanged = true;
                }
                else if (open == 0 && known != length)
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
            index => shared is not null && _result.Contains(index.Key) ? shared[index.Name] : context.NewIndex(index.Name, _extents[index.Key].Extent),
            StringComparer.Ordinal);
    }

    /// <summary>The extent of a digit that is no plain index, once all are found.</summary>
    public int Of(Digit digit) => _extents[digit.Key].Extent;

    private string Key(int term, string name) => _result.Contains(name) ? name : $"{name} {term}";

    private string Key(int term, Digit digit) => digit.IsPlain ? Key(term, digit.Syntax.Name) : digit.Key;

    private void Report(DiagnosticDescriptor descriptor, TextSpan span, params object[] arguments) =>
        context.Report(descriptor, frame, span, arguments);

    private bool AddInput(int term, BoundFactor factor, int inputs)
    {
        string[] plain = [.. factor.Digits.Where(digit => digit.IsPlain).Select(digit => digit.Syntax.Name)];
        if (plain.Distinct(StringComparer.Ordinal).Count() < plain.Length)
        {
            Report(DiagnosticDescriptors.InputFactor, factor.Syntax.Span, "each index of the input must be a name of its own");
            return false;
        }

        return AddAxis(term, factor.Axes[0], inputs, "the input", factor.Syntax.Span);
    }

    private bool AddTensor(int term, BoundFactor factor)
    {
        EquatableArray<int> shape = factor.Tensor!.Tensor.Shape;
        for (int axis = 0; axis < factor.Axes.Count; axis++)
        {
            EquatableArray<Digit> digits = factor.Axes[axis];
            TextSpan span = TextSpan.FromBounds(digits[0].Syntax.Span.Start, digits[digits.Count - 1].Syntax.Span.End);
            string shown = frame.Show(factor.Syntax.Value);
            string written = factor.Syntax.Value is NameSyntax name && frame.WrittenShapes.TryGetValue(name.Name, out string? shape0) ? $"{shown}{shape0}" : shown;
            string[] plain = [.. digits.Where(digit => digit.IsPlain).Select(digit => digit.Syntax.Name)];
            if (plain.Distinct(StringComparer.Ordinal).Count() < plain.Length)
            {
                Report(DiagnosticDescriptors.OutputIndex, span, "an index stands twice in one axis");
                return false;
            }

            if (digits.Count > 1 && digits.Any(digit => digit.Table is not null))
            {
                Report(DiagnosticDescriptors.OutputIndex, span, "a table of positions in a tensor stands alone on its axis");
                return false;
            }

            if (!AddAxis(term, digits, shape[axis], $"axis {axis} of {written}", span))
            {
                return false;
            }
        }

        return true;
    }

    private bool AddAxis(int term, IReadOnlyList<Digit> digits, int length, string description, TextSpan span)
    {
        _axes.Add(([.. digits.Select(digit => Key(term, digit))], length, description, span));
        return AddStated(term, digits);
    }

    /// <summary>Makes an index known, by where it stands first.</summary>
    private string Add(int term, NameSyntax name)
    {
        string key = Key(term, name.Name);
        if (!_first.ContainsKey(key))
        {
            _first.Add(key, (name.Name, name.Span));
            if (key != name.Name)
            {
                if (!_own.TryGetValue(term, out var own))
                {
                    _own.Add(term, own = []);
                }

                own.Add((key, name.Name));
            }
        }

        return key;
    }

    /// <summary>Adds the shapes of positions by data, where an index stands alone.</summary>
    private void AddReads(int term, EquatableArray<PositionRead> reads)
    {
        for (int k = 0; k < reads.Count; k++)
        {
            PositionRead read = reads[k];
            for (int axis = 0; axis < read.Places.Count; axis++)
            {
                if (read.Places[axis].Start is NameSyntax name && (_result.Contains(name.Name) || _first.ContainsKey(Key(term, name.Name))))
                {
                    _axes.Add(([Add(term, name)], read.Value.Tensor.Shape[axis], $"axis {axis} of {frame.Show(read.Syntax.Operand)}", name.Span));
                }
            }
        }
    }

    /// <summary>Adds what digits say of themselves: a stated extent, and the shape of a table.</summary>
    private bool AddStated(int term, IReadOnlyList<Digit> digits)
    {
        foreach (Digit digit in digits)
        {
            IndexSyntax index = digit.Syntax;
            string key = digit.IsPlain ? Add(term, (NameSyntax)index.Value) : digit.Key;
            if (!digit.IsPlain && !_first.ContainsKey(key))
            {
                _first.Add(key, (frame.Show(index.Value), index.Span));
            }

            AddReads(term, digit.Reads);
            for (int axis = 0; digit.Table is { } table && axis < digit.Names.Count; axis++)
            {
                NameSyntax name = digit.Names[axis];
                _axes.Add(([Add(term, name)], table.Tensor.Shape[axis], $"axis {axis} of {frame.Show(((PostfixSyntax)index.Value).Operand)}", name.Span));
            }

            if (index.Extent is null)
            {
                continue;
            }

            if (context.Expressions.BindSize(index.Extent, frame) is not { } extent)
            {
                return false;
            }

            _axes.Add(([key], extent, $"'{frame.Show(index)}'", index.Span));
        }

        return true;
    }
}
