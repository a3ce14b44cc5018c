using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Which names of a statement in index notation are indices: those that stand alone at a place of an axis, there or in a table. All other
/// names in sums of indices and in formulas are numbers.
/// </summary>
internal static class IndexNames
{
    /// <param name="axes">The left side.</param>
    /// <param name="terms">The right side.</param>
    /// <param name="isPositions">Whether a name is that of positions by data, at whose places indices stand too; null where there are none.</param>
    public static HashSet<string> Of(EquatableArray<IndexGroupSyntax> axes, EquatableArray<IndexTermSyntax> terms, Func<string, bool>? isPositions)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        AddNames(axes, names, isPositions);
        for (int k = 0; k < terms.Count; k++)
        {
            EquatableArray<IndexFactorSyntax> factors = terms[k].Factors;
            for (int i = 0; i < factors.Count; i++)
            {
                foreach (EquatableArray<IndexGroupSyntax> place in Places(factors[i]))
                {
                    AddNames(place, names, isPositions);
                }

                if (isPositions is not null && factors[i].Brackets.Count == 0)
                {
                    AddPlaces(factors[i].Value, names, isPositions);
                }
            }
        }

        return names;
    }

    /// <summary>The brackets of a factor that hold indices: not that which picks a member of a family.</summary>
    public static EquatableArray<IndexGroupSyntax>[] Places(IndexFactorSyntax factor) => factor.Brackets.Count == 0 ? [] : [factor.Brackets[factor.Brackets.Count - 1]];

    /// <summary>The indices of a place in a table, <c>S[i, j]</c>; null where the expression is anything else.</summary>
    public static EquatableArray<NameSyntax>? OfTable(ExpressionSyntax expression) =>
        expression is PostfixSyntax { Suffixes: { Count: 1 } suffixes } && suffixes[0] is SliceSuffix slice
            && slice.Items.All(item => item is { Start: NameSyntax, End: null })
                ? slice.Items.Select(item => (NameSyntax)item.Start!).ToEquatable()
                : null;

    /// <summary>The indices that an expression mentions, each once.</summary>
    public static IReadOnlyList<NameSyntax> In(ExpressionSyntax expression, ICollection<string> indices)
    {
        if (!Mentions(expression, indices))
        {
            return [];
        }

        var found = new List<NameSyntax>();
        Mentions(expression, indices, found);
        return found;
    }

    /// <summary>Whether an expression mentions an index: asked of every part of every formula, so it takes no memory.</summary>
    public static bool Mentions(ExpressionSyntax? expression, ICollection<string> indices) => Mentions(expression, indices, null);

    /// <summary>Where an expression reads positions by data, <c>token[i]</c>, with the places that are read.</summary>
    public static IEnumerable<(PostfixSyntax Syntax, NameSyntax Name, EquatableArray<SliceItemSyntax> Places)> Positions(ExpressionSyntax expression, Func<string, bool>? isPositions) => isPositions is null ? [] : expression switch
    {
        PostfixSyntax { Operand: NameSyntax name, Suffixes: { Count: 1 } suffixes } postfix when isPositions(name.Name) && suffixes[0] is SliceSuffix slice => [(postfix, name, slice.Items)],
        NegateSyntax negate => Positions(negate.Operand, isPositions),
        NotSyntax not => Positions(not.Operand, isPositions),
        ConditionalSyntax choice => new[] { choice.Condition, choice.Then, choice.Else }.SelectMany(part => Positions(part, isPositions)),
        ChainSyntax chain => chain.Rest.Select(link => link.Operand).Prepend(chain.First).SelectMany(part => Positions(part, isPositions)),
        CallSyntax call => call.Arguments.SelectMany(argument => Positions(argument, isPositions)),
        _ => [],
    };

    private static void AddPlaces(ExpressionSyntax expression, HashSet<string> names, Func<string, bool> isPositions) =>
        names.UnionWith(Positions(expression, isPositions).SelectMany(read => read.Places).Select(place => place.Start).OfType<NameSyntax>().Select(name => name.Name));

    private static void AddNames(EquatableArray<IndexGroupSyntax> axes, HashSet<string> names, Func<string, bool>? isPositions)
    {
        for (int k = 0; k < axes.Count; k++)
        {
            EquatableArray<IndexSyntax> indices = axes[k].Indices;
            for (int i = 0; i < indices.Count; i++)
            {
                if (indices[i].IsPlain)
                {
                    names.Add(indices[i].Name);
                }
                else if (OfTable(indices[i].Value) is { } places)
                {
                    names.UnionWith(places.Select(name => name.Name));
                }
                else if (isPositions is not null)
                {
                    AddPlaces(indices[i].Value, names, isPositions);
                }
            }
        }
    }

    /// <summary>Whether there is an index; where there is a list for them, all are added to it, each once.</summary>
    private static bool Mentions(ExpressionSyntax? expression, ICollection<string> indices, List<NameSyntax>? found)
    {
        bool isThere = false;
        switch (expression)
        {
            case NameSyntax name:
                isThere = indices.Contains(name.Name);
                if (isThere && found is not null)
                {
                    AddOnce(name, found);
                }

                break;
            case FrozenSyntax frozen:
                return Mentions(frozen.Operand, indices, found);
            case NegateSyntax negate:
                return Mentions(negate.Operand, indices, found);
            case NotSyntax not:
                return Mentions(not.Operand, indices, found);
            case ConditionalSyntax choice:
                isThere = Mentions(choice.Condition, indices, found);
                isThere |= Mentions(choice.Then, indices, found);
                return Mentions(choice.Else, indices, found) || isThere;
            case ChainSyntax chain:
                isThere = Mentions(chain.First, indices, found);
                for (int i = 0; i < chain.Rest.Count && (found is not null || !isThere); i++)
                {
                    isThere |= Mentions(chain.Rest[i].Operand, indices, found);
                }

                break;
            case CallSyntax call:
                for (int i = 0; i < call.Arguments.Count && (found is not null || !isThere); i++)
                {
                    isThere |= Mentions(call.Arguments[i], indices, found);
                }

                break;
            case CompositionSyntax chain:
                foreach (ExpressionSyntax link in chain.Links)
                {
                    isThere |= Mentions(link, indices, found);
                }

                break;
            case BlockSyntax block:
                foreach (ExpressionSyntax item in block.Rows.SelectMany(row => row))
                {
                    isThere |= Mentions(item, indices, found);
                }

                break;
            case RepeatSyntax repeat:
                string own = repeat.Variable.Text;
                isThere = Mentions(repeat.Count, indices, found);
                return Mentions(repeat.Body, indices.Contains(own) ? [.. indices.Where(name => name != own)] : indices, found) || isThere;
            case PostfixSyntax postfix:
                for (int k = 0; k < postfix.Suffixes.Count; k++)
                {
                    EquatableArray<SliceItemSyntax> items = postfix.Suffixes[k] is SliceSuffix slice ? slice.Items : default;
                    for (int i = 0; i < items.Count; i++)
                    {
                        isThere |= Mentions(items[i].Start, indices, found);
                        isThere |= Mentions(items[i].End, indices, found);
                    }
                }

                return Mentions(postfix.Operand, indices, found) || isThere;
            default:
                break;
        }

        return isThere;
    }

    private static void AddOnce(NameSyntax name, List<NameSyntax> found)
    {
        if (!found.Exists(other => other.Name == name.Name))
        {
            found.Add(name);
        }
    }
}
