using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>
/// Chooses the lane index of a contraction, and with it the form of its kernel, so that vectors are loaded and stored where they lie
/// and no shuffle is ever executed.
/// </summary>
public sealed class KernelSelector(ProcessorModel processor, int elementSize, int nominalRows)
{
    /// <summary>Columns of a register tile, where they are no vectors of lanes.</summary>
    private const int TileColumns = 4;

    /// <summary>Lanes of the widest vector.</summary>
    private readonly int _lanes = processor.Lanes(elementSize);

    /// <summary>Lanes of a panel of packed weights.</summary>
    private readonly int _panel = ProcessorModel.Panel(elementSize);

    /// <summary>Rows of a register tile.</summary>
    private readonly int _tileRows = processor.TileRows(TileColumns);

    /// <summary>For the rows of a variant, as far as they are a chunk.</summary>
    public static KernelSelector For(Variant variant) => new(variant.Costs.Processor, variant.ElementSize, Math.Min(variant.Costs.Batch, ChunkRows.AtOnce));

    /// <summary>What a kernel costs for the nominal rows, in operations at full rate; with more than a few rows also their way through the second-level cache.</summary>
    public double Operations(Contraction contraction, Kernel kernel)
    {
        double rows = nominalRows <= ForwardPass.MostFew ? 0 : nominalRows * Elements(contraction.Views.Where(view => view.Storage.IsPerRow));
        return (2 * _lanes * Cost(contraction, kernel)) + (processor.OperationsPerElement * rows);
    }

    /// <summary>The cheapest kernel over all choices of the lane index.</summary>
    public KernelChoice Select(Contraction contraction)
    {
        contraction = contraction.Coalesced();
        KernelChoice? best = null;

        // Where results overlap, what overlaps is left to the outer loops, which add one after the other.
        IReadOnlyList<Index> overlapping = contraction.Target.Position.Overlapping;
        foreach (Index lane in contraction.Indices.Where(index => index != View.Rows && !overlapping.Contains(index)))
        {
            KernelChoice choice = Choose(contraction, lane);
            if (best is null || choice.Cost + Unpacking(choice.C) < best.Cost + Unpacking(best.C))
            {
                best = choice;
            }
        }

        return best ?? Choose(contraction, null);
    }

    private KernelChoice Choose(Contraction contraction, Index? lane)
    {
        (View a, View? b, View c) = (contraction.Left, contraction.Right, contraction.Target);
        bool inA = lane is not null && a.Has(lane);
        bool inB = lane is not null && b?.Has(lane) == true;
        bool inC = lane is not null && c.Has(lane);
        LaneForm form = lane is not null && !inC ? LaneForm.Dot : LaneForm.Parallel;
        bool oneVector = false;
        if (b is not null && inC && inA != inB)
        {
            if (inA)
            {
                (a, b) = (b, a);
            }

            // Where the lanes are few, the second column of a tile is another index of b.
            oneVector = lane!.Extent < _panel && Free(b, a, c, lane) is not null;
            form = oneVector ? LaneForm.Parallel : LaneForm.Broadcast;
        }

        // Where nothing is summed, nothing is read again: whole rows one after the other are what memory does best.
        bool elementwise = form == LaneForm.Parallel && lane is not null && contraction.Indices.All(c.Has);
        Index? rows = elementwise ? null : Free(a, b, c, lane);
        Index? columns = elementwise || form == LaneForm.Broadcast || b is null ? null : Free(b, a, c, lane);
        bool swaps = rows is null || (rows == View.Rows && (form == LaneForm.Dot || Slice(b, lane) <= 4 * processor.SmallOperand));
        if (form != LaneForm.Broadcast && !oneVector && b is not null && columns is not null && swaps)
        {
            // Loops of known length fill the tile's rows for a batch of one too, if what they run over can be read again and again.
            (a, b, rows, columns) = (b, a, columns, rows);
        }

        Index[] rest = [.. contraction.Indices.Where(index => index != lane && index != rows && index != columns)];
        Index[] outer = [.. rest.Where(c.Has).OrderByDescending(index => index == View.Rows ? int.MaxValue : c.Stride(index))];
        Index[] reduction = [.. rest.Where(index => !c.Has(index)).OrderByDescending(index => index == View.Rows ? int.MaxValue : Math.Max(a.Stride(index), b?.Stride(index) ?? 0))];

        // As many lanes as a tile takes at a time stand together.
        int width = form == LaneForm.Broadcast ? _panel : _panel / 2;
        width = form != LaneForm.Dot && lane is not null && lane.Extent > width && lane.Extent % width == 0 ? width : 0;
        PackedView packedA = Arrange(contraction, a, lane, outer, [.. Present(rows), .. reduction], width);
        PackedView? packedB = b is null ? null : Arrange(contraction, b, lane, outer, [.. Present(columns), .. reduction], width);
        PackedView packedC = Arrange(contraction, c, lane, outer, [.. Present(rows), .. Present(columns)], width: 0);
        (View va, View? vb, View vc) = (packedA.View, packedB?.View, packedC.View);

        // How much farther apart than its lanes two panels of an operand are.
        int PanelOf(PackedView? operand, Index? free) => operand?.Packing?.Axes.Any(axis => axis.Index == lane && axis.Extent == width) == true
            ? Present(free).Concat(reduction).Where(operand.View.Has).Aggregate(1, (product, index) => product * index.Extent)
            : 1;

        Loop LoopOf(Index? index) => index is null
            ? Loop.None
            : new Loop(index.Name, index.Extent, va.Stride(index), vb?.Stride(index) ?? 0, vc.Stride(index));

        var kernel = new Kernel(
            contraction.Describe(),
            form,
            contraction.Coefficient,
            b is not null,
            [.. outer.Select(LoopOf)],
            [.. reduction.Select(LoopOf)],
            LoopOf(rows),
            LoopOf(columns),
            lane is null ? new Loop("", 1, 1, 1, 1) : LoopOf(lane),
            PanelOf(packedA, rows),
            PanelOf(packedB, columns))
        {
            FormatA = packedA.Format,
            FormatB = packedB?.Format,
        };
        return new KernelChoice(kernel, packedA, packedB, packedC, Cost(contraction, kernel));
    }

    /// <summary>Elements of an operand that one vector of lanes of the target takes.</summary>
    private long Slice(View? operand, Index? lane) => (operand?.Position.Indices ?? [])
        .Where(index => index != View.Rows)
        .Aggregate(1L, (product, index) => product * (index == lane ? Math.Min(index.Extent, _lanes) : index.Extent));

    private static IEnumerable<Index> Present(Index? index) => index is null ? [] : [index];

    /// <summary>
    /// The index that runs over registers: in one operand and the target, and not in the other. One that fills a tile; where the other operand is too
    /// large to be read again for each tile, the longest of all, with the rows of the batch among them.
    /// </summary>
    private Index? Free(View operand, View? other, View target, Index? lane)
    {
        // What stays in cache while the rows of a tile pass is a panel of lanes.
        long reread = other?.Position.Indices
            .Where(index => index != View.Rows)
            .Aggregate(1L, (product, index) => product * (index == lane ? Math.Min(index.Extent, _panel) : index.Extent)) ?? 0;
        return operand.Position.Indices
            .Where(index => index != lane && target.Has(index) && other?.Has(index) != true && !target.Position.Overlapping.Contains(index))
            .OrderByDescending(index => reread > processor.SmallOperand ? (index == View.Rows ? nominalRows : index.Extent)
                : index == View.Rows ? _tileRows - 1 : Math.Min(index.Extent, _tileRows))
            .ThenByDescending(index => index.Extent)
            .FirstOrDefault();
    }

    /// <summary>
    /// The order of a weight that suits a kernel: the loops from the outside in, the lanes last; panels of <paramref name="width"/> lanes
    /// stand outside the loops of the tile.
    /// </summary>
    private PackedView Arrange(Contraction contraction, View view, Index? lane, IReadOnlyList<Index> outer, IReadOnlyList<Index> inner, int width)
    {
        bool target = ReferenceEquals(view, contraction.Target);
        if (!contraction.Packs || view.Storage.IsPerRow)
        {
            return new PackedView(view);
        }

        if (!target && view.Storage.Format is { } format && Pack(view, lane, outer, inner, width) is var shorter && Fits(shorter.Packing!, view.Storage, format))
        {
            return shorter with { Format = format };
        }

        if (lane is null || !view.Has(lane))
        {
            return new PackedView(view);
        }

        // A weight whose lanes are neighbours stays as it is, unless panels of them bring what follows nearer: a tile takes two side by side.
        bool near = inner.Where(index => view.Has(index) && !contraction.Target.Has(index)).All(index => view.Stride(index) <= 2 * _panel);
        if (view.Stride(lane) == 1 && (target || width == 0 || near))
        {
            return new PackedView(view);
        }

        return Pack(view, lane, outer, inner, width);
    }

    /// <summary>Whether a copy in a format is no larger than the tensor, as one with overlapping positions is, and rows of half bytes are whole ones.</summary>
    private static bool Fits(Packing packing, Storage storage, StorageFormat format)
    {
        int[] extents = [.. packing.Axes.Select(axis => axis.Extent).Where(extent => extent > 1)];
        return extents.Aggregate(1L, (product, extent) => product * extent) <= storage.Length
            && (format.Bits >= 8 || extents.Length < 2 || extents[extents.Length - 1] % 2 == 0);
    }

    private static PackedView Pack(View view, Index? lane, IReadOnlyList<Index> outer, IReadOnlyList<Index> inner, int width)
    {
        lane = lane is not null && view.Has(lane) ? lane : null;
        width = lane is null ? 0 : width;
        var axes = new List<(Index Index, int Extent, int Stride)>();
        axes.AddRange(outer.Where(view.Has).Select(index => (index, index.Extent, view.Stride(index))));
        if (width > 0)
        {
            axes.Add((lane!, lane!.Extent / width, view.Stride(lane) * width));
        }

        axes.AddRange(inner.Where(view.Has).Select(index => (index, index.Extent, view.Stride(index))));
        if (lane is not null)
        {
            axes.Add((lane, width > 0 ? width : lane.Extent, view.Stride(lane)));
        }

        var strides = new List<(Index, int)>();
        int stride = 1;
        for (int k = axes.Count - 1; k >= 0; k--)
        {
            if (axes[k].Index != lane || k == axes.Count - 1)
            {
                strides.Add((axes[k].Index, stride));
            }

            stride *= axes[k].Extent;
        }

        return new PackedView(view with { Position = new Affine(0, strides) }, new Packing(view.Position.Offset, axes));
    }

    /// <summary>What a result costs that has to be brought into the order of its storage: about two operations for each element.</summary>
    private static double Unpacking(PackedView target) =>
        2.0 * (target.Packing?.Axes.Aggregate(1.0, (product, axis) => product * axis.Extent) ?? 0);

    /// <summary>Vector operations for a nominal chunk of rows, with what strided access, short lanes and lack of reuse add.</summary>
    private double Cost(Contraction contraction, Kernel kernel)
    {
        double points = contraction.Indices.Aggregate(1.0, (product, index) => product * (index == View.Rows ? nominalRows : index.Extent));
        double results = contraction.Target.Position.Indices.Aggregate(1.0, (product, index) => product * (index == View.Rows ? nominalRows : index.Extent));
        int lanes = kernel.Lanes.Extent;
        double vectors = points / lanes * Vectors(lanes);

        // Two loads go with two operations at a time: a tile of r × c vectors needs r + c of them for r · c operations.
        double columns = kernel.Form == LaneForm.Broadcast ? (lanes >= _panel ? 2 : 1) : Tile(kernel.Columns, TileColumns);
        double rows = Tile(kernel.Rows, columns > 1 ? _tileRows : processor.TileRows(2));
        double cost = kernel.IsElementwise ? vectors : vectors * Math.Max(1, (rows + columns) / (rows * columns));

        // A strided vector is put together element by element; rows of the tile share the loads of b.
        int width = Math.Min(lanes, _lanes);
        cost += kernel.Lanes.A is not (0 or 1) ? vectors * width * 0.5 : 0;
        cost += kernel.Lanes.B is not (0 or 1) ? vectors * width * 0.2 : 0;
        double stores = kernel.Form == LaneForm.Dot ? results : results / lanes * Vectors(lanes);
        cost += kernel.Form == LaneForm.Dot ? 4 * stores : stores;
        cost += kernel.Form != LaneForm.Dot && kernel.Lanes.C is not (0 or 1) ? stores * width : 0;
        if (nominalRows > ForwardPass.MostFew)
        {
            return cost;
        }

        // For few rows weights come from afar, and for a single one best in one stream. Most of the arithmetic is hidden behind that.
        bool isOneStream = kernel.Form == LaneForm.Broadcast || kernel.IsOneStream || !(IsFar(kernel.Rows, kernel.Rows.A) || IsFar(kernel.Columns, kernel.Columns.B));
        double reading = processor.OperationsPerElement / (2 * _lanes) * Elements(contraction.Views.Skip(1).Where(view => !view.Storage.IsPerRow));
        reading *= nominalRows == 1 && !isOneStream ? processor.SeveralStreams : 1;
        return Math.Max(cost, reading) + (0.1 * Math.Min(cost, reading));

        // A page or more.
        bool IsFar(Loop loop, int stride) => !loop.IsRows && loop.Extent > 1 && Math.Abs(stride) >= 32 * _panel;
    }

    private static double Elements(IEnumerable<View> views) =>
        views.Sum(view => view.Position.Indices.Where(index => index != View.Rows).Aggregate(1.0, (product, index) => product * index.Extent));

    private int Tile(Loop loop, int most) => Math.Min(loop.IsRows ? nominalRows : loop.Extent, most);

    /// <summary>Vectors that a run of lanes takes, with the remainder in ever narrower ones.</summary>
    private double Vectors(int extent)
    {
        double vectors = extent / _lanes;
        int rest = extent % _lanes;
        for (int width = _lanes / 2; width >= 4; width /= 2)
        {
            vectors += rest / width;
            rest %= width;
        }

        return vectors + rest;
    }
}
