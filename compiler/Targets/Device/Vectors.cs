using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>Neighbours along an index that a work item takes together: those of one number of a counter of runs.</summary>
/// <param name="Along">The index; null for one by itself.</param>
/// <param name="Width">The number of neighbours.</param>
internal sealed record Run(Index? Along, int Width)
{
    public static readonly Run One = new(null, 1);
}

/// <summary>
/// Finds where neighbours along an index are a vector in memory, and loads and stores runs so: the index has a stride of 1, and the vector's width
/// divides its extent, all other strides and the place that the operand begins at.
/// </summary>
/// <param name="elementSize">Bytes of an element.</param>
/// <param name="alignmentOf">A power of two that divides where a view's operand begins, in numbers of its own, however many rows there are.</param>
internal sealed class Vectors(int elementSize, Func<View, int> alignmentOf)
{
    private const int Bytes = 16;

    /// <summary>Numbers of the largest vector of codes.</summary>
    private const int MostCodes = 8;

    /// <summary>Elements of the largest vector.</summary>
    public int Most => Bytes / elementSize;

    /// <summary>The same vectors but for one view, whose operand begins elsewhere.</summary>
    public Vectors With(View view, int alignment) => new(elementSize, other => other == view ? alignment : alignmentOf(other));

    /// <summary>The largest power of two that divides a number; 0 is as good as any.</summary>
    public static int PowerIn(int number) => number == 0 ? Bytes : Math.Min(Bytes, number & -number);

    /// <summary>The width of the vectors that a view has along an index; 1 where it has none.</summary>
    public int Width(View view, Index? along)
    {
        if (along is null || along == View.Rows || view.Stride(along) != 1)
        {
            return 1;
        }

        int dividing = view.Position.Terms.Where(term => term.Index != along)
            .Aggregate(Math.Min(PowerIn(along.Extent), alignmentOf(view)), (power, term) => Math.Min(power, PowerIn(term.Stride)));
        int width = Math.Min(dividing, MostOf(view));

        // Two codes by themselves are no vector.
        return Operand.FormatOf(view) is not null && width < 4 ? 1 : width;
    }

    /// <summary>The longest run, up to a length, that is whole vectors in all those of the views in which its elements lie side by side.</summary>
    public Run Longest(Index? along, IEnumerable<View> views, int most = Bytes)
    {
        View[] beside = [.. views.Where(view => along is not null && view.Stride(along) == 1)];
        int width = beside.Select(MostOf).DefaultIfEmpty(1).Max();
        while (width > 1 && (width > most || along!.Extent % width != 0 || beside.Any(view => Width(view, along) < Math.Min(width, MostOf(view)))))
        {
            width /= 2;
        }

        return width == 1 ? Run.One : new Run(along, width);
    }

    /// <summary>The elements of a run: loaded as vectors, or once where it has only one, or one by one where they are needed.</summary>
    /// <param name="body">The kernel that statements are added to.</param>
    /// <param name="name">The stem of the registers' names.</param>
    /// <param name="array">The name of the operand.</param>
    /// <param name="view">The view of the operand.</param>
    /// <param name="run">The neighbours that are taken together.</param>
    /// <param name="at">The first element of the run, counted in vectors of so many elements.</param>
    public IReadOnlyList<Expression> Load(KernelBody body, string name, string array, View view, Run run, Func<int, Expression> at)
    {
        int width = Math.Min(run.Width, Width(view, run.Along)), stride = run.Along is null ? 0 : view.Stride(run.Along);
        if (width > 1)
        {
            return body.DefineVectors(name, array, at(width), width, run.Width);
        }

        if (run.Width > 1 && stride == 0)
        {
            Expression same = body.DefineElement(name + "x", new Load(array, at(1)));
            return [.. Enumerable.Repeat(same, run.Width)];
        }

        return [.. Enumerable.Range(0, run.Width).Select(lane => new Load(array, at(1) + (lane * stride)))];
    }

    /// <summary>Stores the elements of a run.</summary>
    /// <param name="body">The kernel that statements are added to.</param>
    /// <param name="array">The name of the operand.</param>
    /// <param name="view">The view of the operand.</param>
    /// <param name="run">The neighbours that are taken together.</param>
    /// <param name="at">The first element of the run, counted in vectors of so many elements.</param>
    /// <param name="values">The value of each element.</param>
    /// <param name="isResult">Whether they are added to what is there if the launch says so.</param>
    public void Store(KernelBody body, string array, View view, Run run, Func<int, Expression> at, IReadOnlyList<Expression> values, bool isResult)
    {
        int width = Math.Min(run.Width, Width(view, run.Along));
        for (int lane = 0; lane < run.Width; lane += width)
        {
            Expression index = at(width) + (width > 1 ? lane / width : lane == 0 ? 0 : lane * view.Stride(run.Along!));
            body.Store(array, index, [.. values.Skip(lane).Take(width)], isResult);
        }
    }

    private int MostOf(View view) => Operand.FormatOf(view) is null ? Most : MostCodes;
}
