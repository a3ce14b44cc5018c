using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>
/// What is added to the argument of a softmax to leave elements out, −10³⁰ where a comparison of indices holds, becomes bounds of its rows: a causal
/// mask, or one of a band, is then no tensor.
/// </summary>
internal static class Masks
{
    /// <summary>What is that far below has no part in a softmax.</summary>
    private const double Lowest = -1e30;

    /// <param name="program">The program.</param>
    /// <param name="pool">Where its storages come from.</param>
    /// <param name="keepsConstants">Whether masks are there all the same, for a device that adds them.</param>
    public static OperationProgram Fuse(OperationProgram program, StoragePool pool, bool keepsConstants)
    {
        List<Operation> rows = [.. program.Rows], weights = [.. program.Weights];
        foreach (ActivationStep function in program.Rows.OfType<ActivationStep>().Where(step => step is { Function: FunctionLink { Function.TakesBounds: true }, A.Storage.Space: Space.Scratch }))
        {
            Operation[] writers = [.. rows.Where(step => step.Writes.Any(place => place.Storage == function.A.Storage))];
            ContractStep[] masks = [.. writers.OfType<ContractStep>().Where(IsMask)];
            bool isAlone = rows.Count(step => step.Reads.Any(place => place.Storage == function.A.Storage && !writers.Contains(step, ReferenceComparer<Operation>.Instance))) == 1;
            if (masks.Length == 0 || !isAlone || masks.Length == writers.Length || !writers.All(writer => writer is ContractStep { Contraction.Target.CoversStorage: true })
                || Bounds(masks, ((FunctionLink)function.Function).Length) is not { } bounds)
            {
                continue;
            }

            rows[rows.IndexOf(function)] = function with { Bounds = bounds };
            rows.RemoveAll(step => masks.Contains(step, ReferenceComparer<Operation>.Instance));

            // The first of the others writes, if that was a mask.
            int first = rows.FindIndex(step => step.Target.Storage == function.A.Storage);
            rows[first] = ((ContractStep)rows[first]) with { Addend = null };
        }

        // What only masks were made of is not needed.
        foreach (ConstantStep constant in program.Weights.OfType<ConstantStep>().Where(step => !keepsConstants && program.Rows.Any(row => Reads(row, step)) && !weights.Concat(rows).Any(row => Reads(row, step))))
        {
            weights.Remove(constant);
            pool.Remove(constant.Result);
        }

        return program with { Rows = rows, Weights = weights };

        bool IsMask(ContractStep step) => step.Contraction is { Right: null, Coefficient: <= Lowest, Left.Storage: var table } && ConstantOf(table) is not null;

        FormulaTensor? ConstantOf(Storage table) =>
            program.Weights.OfType<ConstantStep>().FirstOrDefault(step => step.Result == table)?.Constant.Value as FormulaTensor;

        RowBounds? Bounds(ContractStep[] steps, int length)
        {
            Side? first = null, end = null;
            foreach (ContractStep mask in steps)
            {
                foreach (Formula condition in Alternatives(ConstantOf(mask.Contraction.Left.Storage)!.Formula))
                {
                    if (SideOf(condition, mask.Contraction, ConstantOf(mask.Contraction.Left.Storage)!, length) is not { } side || (side.IsEnd ? end : first) is not null)
                    {
                        return null;
                    }

                    (first, end) = side.IsEnd ? (first, side) : (side, end);
                }
            }

            if (first is not null && end is not null && first.Extent > 1 && end.Extent > 1 && (first.Stride, first.Extent) != (end.Stride, end.Extent))
            {
                return null;
            }

            Side? index = new[] { first, end }.OfType<Side>().OrderByDescending(side => side.Extent).FirstOrDefault();
            var bounds = new RowBounds(first?.Line ?? (0, 0), end?.Line ?? (length, 0), index!.Stride, index.Extent);

            // Between lines, rows are longest somewhere in the middle: none is empty if the two at the ends are not.
            return new[] { 0, bounds.Extent - 1 }.All(k => bounds.Of(k, length) is var range && range.From < range.To) ? bounds : null;
        }
    }

    private static bool Reads(Operation step, ConstantStep constant) => step.Reads.Any(place => place.Storage == constant.Result);

    /// <summary>Conditions of which one is enough.</summary>
    private static IEnumerable<Formula> Alternatives(Formula formula) =>
        formula is FormulaOperation { Operator.Symbol: "or", Operands: var operands } ? operands.SelectMany(Alternatives) : [formula];

    /// <summary>One side of what is left in: a line over an index of the rows.</summary>
    private sealed record Side(bool IsEnd, (int Offset, int Slope) Line, int Stride, int Extent);

    /// <summary>The side on which a condition leaves elements out, if it is a comparison of the element's index with one of the rows.</summary>
    private static Side? SideOf(Formula condition, Contraction mask, FormulaTensor table, int length)
    {
        if (Conditions.Excess(condition, AxisOf) is not { } excess)
        {
            return null;
        }

        Affine target = mask.Target.Position;
        (Index element, int sign) = excess.Terms.FirstOrDefault(term => target.StrideOf(term.Index) == 1);
        (Index Index, int Slope)[] others = [.. excess.Terms.Where(term => term.Index != element)];
        if (element is null || element.Extent != length || Math.Abs(sign) != 1 || target.Offset != 0 || others.Length > 1)
        {
            return null;
        }

        // sign · element + slope · index + offset ≥ 0 is out.
        (Index? index, int slope) = others.FirstOrDefault();
        int stride = index is null ? 1 : target.StrideOf(index);
        return index is not null && (stride < length || stride % length != 0) ? null
            : sign > 0 ? new Side(true, (-excess.Offset, -slope), Math.Max(1, stride / length), index?.Extent ?? 1)
            : new Side(false, (excess.Offset + 1, slope), Math.Max(1, stride / length), index?.Extent ?? 1);

        // An axis of the table is the index that moves along it.
        Affine AxisOf(int axis)
        {
            int along = table.Extents.Skip(axis + 1).Aggregate(1, (product, extent) => product * extent);
            Affine position = mask.Left.Position;
            (Index found, _) = position.Terms.FirstOrDefault(term => term.Stride == along && term.Index.Extent == table.Extents[axis]);
            return found is null ? new Affine(Unknown, []) : Affine.Of(found);
        }
    }

    /// <summary>A position that is out of reach.</summary>
    private const int Unknown = int.MaxValue;
}
