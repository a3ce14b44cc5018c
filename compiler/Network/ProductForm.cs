using System.Globalization;

namespace Weft.Compiler.Network;

/// <summary>A product of tensors up to the names of its indices and the order of the tensors: of equal forms the values are equal.</summary>
/// <param name="Key">The form, as a text.</param>
/// <param name="Indices">The indices in an order that is that of any other product of this form.</param>
public sealed record ProductForm(string Key, IReadOnlyList<Index> Indices)
{
    /// <summary>Orders of tensors that look alike which are tried; of more, equal products may be taken for different ones.</summary>
    private const int MostOrders = 24;

    /// <param name="factors">The tensors by numbers, and where in them.</param>
    /// <param name="indices">All indices.</param>
    /// <param name="place">What an index is for the result: its stride there, or whether it stays.</param>
    public static ProductForm Of(IReadOnlyList<(int Tensor, Affine Position)> factors, IEnumerable<Index> indices, Func<Index, int> place)
    {
        Index[] all = [.. indices];
        List<(int Tensor, Affine Position)[]> alike =
        [
            .. factors.GroupBy(Look).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => group.ToArray()),
        ];
        bool areFew = alike.Aggregate(1L, (orders, group) => Math.Min(MostOrders + 1, orders * Factorial(group.Length))) <= MostOrders;
        IEnumerable<IEnumerable<(int, Affine)>> orders = areFew
            ? alike.Aggregate<(int, Affine)[], IEnumerable<IEnumerable<(int, Affine)>>>([[]], (before, group) => before.SelectMany(order => Orders(group).Select(order.Concat)))
            : [alike.SelectMany(group => group)];
        return orders.Select(order => Written([.. order])).OrderBy(form => form.Key, StringComparer.Ordinal).First();

        ProductForm Written((int Tensor, Affine Position)[] order)
        {
            Dictionary<Index, List<int>> strides = all.ToDictionary(index => index, index => new List<int> { index.Extent, place(index) });
            for (int k = 0; k < order.Length; k++)
            {
                foreach ((Index index, int stride) in order[k].Position.Terms)
                {
                    strides[index].AddRange([k, stride]);
                }
            }

            (Index Index, string Text)[] lines = [.. all.Select(index => (index, Text(strides[index]))).OrderBy(line => line.Item2, StringComparer.Ordinal)];
            IEnumerable<string> tensors = order.Select(factor => Text([factor.Tensor, factor.Position.Offset]));
            return new ProductForm($"{string.Join(" ", tensors)}|{string.Join(" ", lines.Select(line => line.Text))}", [.. lines.Select(line => line.Index)]);
        }

        // What a factor is by itself, without regard to which index is which.
        string Look((int Tensor, Affine Position) factor) => Text([factor.Tensor, factor.Position.Offset]) + "|" + string.Join(" ", factor.Position.Terms
            .Select(term => Text([term.Stride, term.Index.Extent, place(term.Index)])).OrderBy(text => text, StringComparer.Ordinal));
    }

    /// <summary>The form of a term without its coefficient.</summary>
    public static ProductForm Of(Term term, Func<Tensor, int> number)
    {
        ProductForm form = Of([.. term.Factors.Select(factor => (number(factor.Tensor), factor.Position))], term.Indices, term.Output.StrideOf);
        return form with { Key = form.Key + "|" + Text([term.Output.Offset]) };
    }

    private static string Text(IEnumerable<int> numbers) => string.Join(",", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private static long Factorial(int count) => count < 2 ? 1 : Math.Min(MostOrders + 1, count * Factorial(count - 1));

    private static IEnumerable<IEnumerable<T>> Orders<T>(IReadOnlyList<T> items) => items.Count < 2
        ? [items]
        : items.SelectMany((item, k) => Orders([.. items.Where((_, other) => other != k)]).Select(rest => rest.Prepend(item)));
}
