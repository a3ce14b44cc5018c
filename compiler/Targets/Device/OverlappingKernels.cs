using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Contractions whose results overlap, such as the adjoint of a convolution. A work item for each element of the target collects all that is
/// added to it, in one order: it tries every value of the indices that overlap, and finds the others as the digits of what is left.
/// </summary>
internal static class OverlappingKernels
{
    private const int Group = 64;

    public static DeviceKernel Build(FusedStep step)
    {
        Contraction contraction = step.Contraction;
        View target = contraction.Target;
        bool perRow = target.Has(View.Rows);
        HashSet<Index> overlapping = [.. target.Position.Overlapping];
        (Index Index, int Stride)[] digits =
        [
            .. target.Position.Terms.Where(term => term.Index != View.Rows && !overlapping.Contains(term.Index)).OrderByDescending(term => Math.Abs(term.Stride)),
        ];
        Index[] summed = [.. contraction.Indices.Where(index => !target.Has(index))];
        int lowest = -target.Below;
        int span = checked(target.Position.Maximum - target.Position.Offset - lowest + 1);
        var grid = new GridAxis(span, perRow, Group);

        // Users name indices as they like, operands too.
        Index[] all = [.. contraction.Indices];
        string Name(Index index) => FormattableString.Invariant($"i{Array.IndexOf(all, index)}");

        var body = new KernelBody();
        Expression number = body.Define("number", (new Position(WorkItem.GroupX) * Group) + new Position(WorkItem.LocalX));
        body.When(number.IsLess(perRow ? span * (Expression)"rows" : span), () =>
        {
            Expression row = perRow ? body.Define(Name(View.Rows), number / span) : 0;
            Expression element = body.Define("element", perRow ? number % span : number);
            body.DefineElement("sum", new Real(0));
            Loop(body, Name, [.. overlapping], () => Digits(body, element, () => Loop(body, Name, summed, () => Add(body))));
            Expression position = (row * target.Stride(View.Rows)) + element;
            body.StoreResult("c", position, contraction.Coefficient == 1 ? "sum" : new Real(contraction.Coefficient) * "sum");
        });
        return new DeviceKernel(contraction.Describe(), Group, 1, grid, GridAxis.One, GridAxis.One, FusedResults.Operands(step), [], body.Statements, FusedResults.WorkOf(step));

        void Digits(KernelBody inner, Expression place, Action then)
        {
            // Counted from the lowest position that the digits alone can reach, so that all of their strides are positive.
            Expression rest = place + (lowest - digits.Sum(digit => Math.Min(0, digit.Stride * (digit.Index.Extent - 1))));
            foreach (Index index in overlapping)
            {
                rest += Name(index) * (Expression)(-target.Stride(index));
            }

            rest = inner.Define("rest", rest);
            Next(0, rest);

            void Next(int k, Expression left)
            {
                Expression inside = ((Expression)(-1)).IsLess(left);
                if (k == digits.Length)
                {
                    inner.When(inside.And(left.IsLess(1)), then);
                    return;
                }

                (Index index, int stride) = digits[k];
                int size = Math.Abs(stride);
                inner.When(inside.And(left.IsLess(checked(size * index.Extent))), () =>
                {
                    Expression digit = left / size;
                    inner.Define(Name(index), stride < 0 ? (index.Extent - 1) - digit : digit);
                    Next(k + 1, inner.Define(FormattableString.Invariant($"rest{k + 1}"), left % size));
                });
            }
        }

        void Add(KernelBody inner)
        {
            Expression product = new Load("a", At(contraction.Left, Name));
            inner.Assign("sum", contraction.Right is { } right
                ? KernelBody.Call(Function.MultiplyAdd, product, new Load("b", At(right, Name)), "sum")
                : "sum" + product);
        }
    }

    private static void Loop(KernelBody body, Func<Index, string> name, IReadOnlyList<Index> indices, Action inside)
    {
        if (indices.Count == 0)
        {
            inside();
            return;
        }

        body.For(name(indices[0]), 0, indices[0] == View.Rows ? "rows" : indices[0].Extent, 1, () => Loop(body, name, [.. indices.Skip(1)], inside));
    }

    private static Expression At(View view, Func<Index, string> name) =>
        view.Position.Terms.Aggregate((Expression)view.Below, (position, term) => position + ((Expression)name(term.Index) * term.Stride));
}
