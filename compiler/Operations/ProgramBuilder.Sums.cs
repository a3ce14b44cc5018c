using System.Globalization;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>Products of one vector with several weights are one with their sum.</summary>
public sealed partial class ProgramBuilder
{
    /// <summary>Sums of weights, by what they are.</summary>
    private readonly Dictionary<string, Tensor> _sums = [];

    /// <summary>
    /// Terms that multiply the same by one weight each, as in <c>W x + D x</c>, become one product with the sum of the weights where that is
    /// cheaper: it is added up once per update.
    /// </summary>
    private IEnumerable<Term> Merged(IReadOnlyList<Term> terms)
    {
        var known = terms.Select((term, number) => (Term: term, Number: number, Weight: OnlyWeight(term), Form: FormBeside(term))).ToArray();
        foreach (var group in known.GroupBy(one => one.Form?.Key ?? FormattableString.Invariant($"{one.Number}")))
        {
            Term[] apart = [.. group.Select(one => one.Term)];
            Term? merged = apart.Length < 2 ? null : Sum([.. group.Select(one => (one.Term, one.Weight!, one.Form!.Indices))]);
            foreach (Term term in merged is null ? apart : [merged])
            {
                yield return term;
            }
        }
    }

    /// <summary>The weight of a term that has one, and that not in a short format.</summary>
    private static Factor? OnlyWeight(Term term)
    {
        Factor[] weights = [.. term.Factors.Where(factor => factor.Tensor.Rate != Rate.Row)];
        return weights.Length == 1 && term.IsPerRow && weights[0].Tensor.Format is null ? weights[0] : null;
    }

    /// <summary>What the weight of a term is multiplied by, and which of the indices it has itself.</summary>
    private ProductForm? FormBeside(Term term)
    {
        if (OnlyWeight(term) is not { } weight)
        {
            return null;
        }

        (int, Affine)[] others = [.. term.Factors.Where(factor => factor != weight).Select(factor => (NumberOf(StorageOf(factor.Tensor)), factor.Position))];
        ProductForm form = ProductForm.Of(others, term.Indices, term.Output.StrideOf);
        string own = string.Concat(form.Indices.Select(index => weight.Position.Contains(index) ? "1" : "0"));
        return form with { Key = FormattableString.Invariant($"{form.Key}|{own}|{term.Output.Offset}") };
    }

    /// <summary>One term for several of one form, if it is cheaper than they are.</summary>
    private Term? Sum(IReadOnlyList<(Term Term, Factor Weight, IReadOnlyList<Index> Indices)> terms)
    {
        (Term first, Factor weight, IReadOnlyList<Index> indices) = terms[0];
        Affine[] positions =
        [
            .. terms.Select(one => new Affine(
                one.Weight.Position.Offset, [.. one.Weight.Position.Terms.Select(term => (indices[IndexOf(one.Indices, term.Index)], term.Stride))])),
        ];
        Affine from, to;
        if (positions.All(position => position.Overlapping.Count == 0))
        {
            from = to = RowMajor([.. weight.Position.Indices]);
        }
        else if (terms.All(one => one.Weight.Tensor.Length == weight.Tensor.Length) && positions.All(position => IsSame(position, positions[0])))
        {
            // An element that is met more than once is added up once.
            (from, to) = (positions[0], Affine.Of(new Index("i", weight.Tensor.Length)));
            positions = [.. positions.Select(_ => to)];
        }
        else
        {
            return null;
        }

        Term[] definition = [.. terms.Select((one, k) => new Term(one.Term.Coefficient, [one.Weight with { Position = positions[k] }], to))];
        string key = string.Join(" + ", definition.Select(term => $"{term.Coefficient.ToString("R", CultureInfo.InvariantCulture)} {ProductForm.Of(term, tensor => NumberOf(StorageOf(tensor))).Key}").OrderBy(term => term, StringComparer.Ordinal));
        bool isThere = _sums.TryGetValue(key, out Tensor? known);
        Tensor sum = known ?? new NetworkWeight(FormattableString.Invariant($"s{_sums.Count + 1}"), [to.Maximum + 1], definition);
        Term merged = first with { Coefficient = 1, Factors = [.. first.Factors.Select(factor => factor == weight ? new Factor(sum, from) : factor)] };
        double apart = terms.Sum(one => Plan(one.Term).Cost);
        double together = ContractionPlanner.Plan(merged, _variant.Costs).Cost
            + (isThere ? 0 : terms.Sum(one => _variant.Costs.Contraction(0, sum.Length, perRow: false, one.Weight.Tensor.IsTrained ? 1 : 0, sum.Length)));
        if (together >= apart)
        {
            return null;
        }

        _sums[key] = sum;
        return merged;

        static int IndexOf(IReadOnlyList<Index> indices, Index index) => Enumerable.Range(0, indices.Count).First(k => indices[k] == index);

        static bool IsSame(Affine one, Affine other) =>
            one.Offset == other.Offset && one.Terms.Count == other.Terms.Count && one.Terms.All(term => other.StrideOf(term.Index) == term.Stride);
    }
}
