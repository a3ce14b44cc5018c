using Weft.Compiler.Planning;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>
/// A gather whose result one contraction reads, in the order of its weight and summed over all but one index, is a product with a sparse matrix of
/// constant fan-in: what it gathers is then never written down, forward or backward.
/// </summary>
internal static class SparseProducts
{
    /// <param name="program">The program.</param>
    /// <param name="pool">Where its storages come from.</param>
    /// <param name="lanes">Lanes of the widest vector, of which a product wants room for two.</param>
    public static OperationProgram Fuse(OperationProgram program, StoragePool pool, int lanes)
    {
        List<Operation> rows = [.. program.Rows];
        foreach (GatherStep gather in program.Rows.OfType<GatherStep>().Where(IsOfRow))
        {
            Operation[] readers = [.. rows.Where(operation => operation.Reads.Any(place => place.Storage == gather.C.Storage))];
            if (readers.Length == 1 && readers[0] is ContractStep reader && Product(reader, gather, pool, lanes) is { } product)
            {
                rows[rows.IndexOf(reader)] = product;
                rows.Remove(gather);
                pool.Remove(gather.C.Storage);
            }
        }

        return program with { Rows = rows };
    }

    /// <summary>Whether single elements of a row are gathered, at positions that are the same for all rows.</summary>
    private static bool IsOfRow(GatherStep gather) =>
        gather is { Transposed: false, Shape: { Outer: 1, Inner: 1 }, Table: { Storage.IsPerRow: false, Offset: 0 }, A: { Storage.IsPerRow: true, Offset: 0 }, C.Storage.Space: Space.Scratch }
        && gather.A.Storage.Length == gather.Shape.Size;

    /// <summary>The product with entries v of <c>c[i] = Σⱼ v[i, j] t[i, j]</c>, if a contraction is that.</summary>
    private static FanInStep? Product(ContractStep step, GatherStep gather, StoragePool pool, int lanes)
    {
        Contraction contraction = step.Contraction;
        if (contraction is not { Right: { } right, Left: var left, Target: var target } || left.Storage == right.Storage)
        {
            return null;
        }

        Storage gathered = gather.C.Storage;
        (View values, View read) = left.Storage == gathered ? (right, left) : (left, right);
        Index[] summed = [.. contraction.Indices.Where(index => !target.Has(index))];
        Index[] kept = [.. target.Position.Indices.Where(index => index != View.Rows)];
        if (values.Storage.IsPerRow || summed.Length != 1 || kept.Length != 1 || !target.Has(View.Rows)
            || target.Storage.Pitch != target.Storage.Length || kept[0].Extent != target.Storage.Length
            || target.Stride(kept[0]) != 1 || target.Position.Offset != 0
            || values.Position.Offset != 0 || read.Position.Offset != 0 || gathered.Length != kept[0].Extent * summed[0].Extent
            || new[] { values, read }.Any(view => view.Stride(summed[0]) != 1 || view.Stride(kept[0]) != summed[0].Extent))
        {
            return null;
        }

        (int outputs, int inputs) = (target.Storage.Length, gather.A.Storage.Length);
        Storage scratch = pool.NewScratch(
            pool.NewName("h"),
            Limits.Fit((long)inputs + outputs, "a row and its product"),
            Limits.Fit(ProcessorModel.Align(inputs) + ProcessorModel.Align(outputs) + (2 * lanes), "a row and its product"));
        var matrix = new FanInMatrix(gather.Table, Place.Of(values.Storage), outputs, summed[0].Extent, inputs, contraction.Coefficient, Place.Of(scratch));
        return new FanInStep(matrix, gather.A, Place.Of(target.Storage), step.Accumulates);
    }
}
