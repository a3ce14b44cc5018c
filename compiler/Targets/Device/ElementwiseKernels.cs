using Weft.Compiler.Algebra;

namespace Weft.Compiler.Targets.Device;

/// <summary>Kernels with a work item for each element.</summary>
internal static class ElementwiseKernels
{
    private const int Group = 64;

    private static readonly Operand Target = new("c", IsWritten: true);

    /// <summary>c = 0.</summary>
    public static DeviceKernel Clear(Elements elements) => Build("c = 0", elements, [Target], isResult: false, (_, _) => new Real(0));

    /// <summary>c (+)= a.</summary>
    public static DeviceKernel Copy(Elements elements) => Build("c = a", elements, [new("a"), Target], isResult: true, (_, element) => element("a"));

    /// <summary><c>c[o, i] (+)= a[o, table[i]]</c>.</summary>
    public static DeviceKernel Gather(int outer, int length, int size) => ForEach(
        "c[o, i] = a[o, table[i]]",
        new GridAxis(checked(outer * length), true, Group),
        [new Operand("table"), new Operand("a"), Target],
        (body, i) =>
        {
            Expression row = body.Define("row", i / length);
            Expression place = body.Define("place", new Whole(new Load("table", i % length), size));
            body.StoreResult("c", i, new Load("a", (row * size) + place));
        });

    /// <summary><c>c[o, table[i]] += a[o, i]</c>: one after the other, since places may be equal.</summary>
    public static DeviceKernel ScatterAdd(int outer, int length, int size) => ForEach(
        "c[o, table[i]] += a[o, i]",
        new GridAxis(outer, true, Group),
        [new Operand("table"), new Operand("a"), Target],
        (body, row) => body.For("j", 0, length, 1, () =>
        {
            Expression place = body.Define("place", (row * size) + new Whole(new Load("table", "j"), size));
            body.Store("c", place, new Load("c", place) + new Load("a", (row * length) + "j"));
        }));

    /// <summary>
    /// <c>c[o, i] (+)= Σⱼ (−1)^(bits that i and j have in common) a[o, j]</c>, in log₂ steps of sums and differences of pairs, in local memory.
    /// What has no room there is cut into parts of a power of two, of which a group transforms one: the signed sum of all parts of a.
    /// </summary>
    /// <param name="outer">The extent of o.</param>
    /// <param name="size">The extent of i and j.</param>
    /// <param name="room">Elements of local memory.</param>
    public static DeviceKernel WalshHadamard(int outer, int size, int room)
    {
        int length = size;
        while (length > room)
        {
            length /= 2;
        }

        (int parts, int threads) = (size / length, Math.Min(256, Math.Max(1, length / 2)));
        var pairs = new LocalArray("pairs", length);
        var body = new KernelBody();
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        Expression part = body.Define("part", new Position(WorkItem.GroupX) % parts);
        Expression first = body.Define("first", new Position(WorkItem.GroupX) / parts * size);
        body.For("j", item, length, threads, () =>
        {
            body.DefineElement("sum", new Load("a", first + "j"));
            for (int other = 1; other < parts; other++)
            {
                Expression common = 0;
                for (int bit = 1; bit < parts; bit *= 2)
                {
                    common += (other & bit) == 0 ? 0 : part / bit % 2;
                }

                Expression element = new Load("a", first + ((other * length) + (Expression)"j"));
                body.Assign("sum", "sum" + (Expression)new Choice((common % 2).IsLess(1), element, new Real(0) - element));
            }

            body.Store(pairs.Name, "j", "sum");
        });
        body.Barrier();
        body.For("distance", 1, length, "distance", () =>
        {
            body.For("pair", item, length / 2, threads, () =>
            {
                Expression place = body.Define("place", (Expression)"pair" / "distance" * "distance" + "pair");
                body.DefineElement("even", new Load(pairs.Name, place));
                body.DefineElement("odd", new Load(pairs.Name, place + "distance"));
                body.Store(pairs.Name, place, "even" + (Expression)"odd");
                body.Store(pairs.Name, place + "distance", "even" - (Expression)"odd");
            });
            body.Barrier();
        });
        body.For("j", item, length, threads, () => body.StoreResult("c", first + (part * length) + "j", new Load(pairs.Name, "j")));
        double steps = size * Math.Log(size, 2);
        return new DeviceKernel(
            "c[o, i] = Σj ±a[o, j]",
            threads,
            1,
            new GridAxis(checked(outer * parts), true, 1),
            GridAxis.One,
            GridAxis.One,
            [new Operand("a"), Target],
            [pairs],
            body.Statements,
            new Work(outer * steps, 0, 2.0 * outer * size, 0));
    }

    /// <summary>c (+)= f, of the operands that a function of one element at a time reads, and c.</summary>
    public static DeviceKernel Build(string description, FunctionProgram program, bool isResult, Elements elements) => Build(
        description,
        elements,
        [.. program.Leaves.Select(leaf => new Operand(FunctionProgram.NameOf(leaf))), Target],
        isResult,
        (body, element) => FunctionCode.Elementwise(program, body, leaf => element(FunctionProgram.NameOf(leaf))));

    /// <summary>Each element of the target, from those of other operands at the same place and its own.</summary>
    /// <param name="description">What the kernel does.</param>
    /// <param name="elements">The number of elements.</param>
    /// <param name="operands">The operands, <c>c</c> last.</param>
    /// <param name="isResult">Whether an element is added to what is there if the launch says so.</param>
    /// <param name="value">The element, by what an operand has at its place.</param>
    /// <param name="flops">Operations for an element.</param>
    /// <param name="settings">An operand before the others, of a few numbers for all elements.</param>
    public static DeviceKernel Build(
        string description,
        Elements elements,
        IReadOnlyList<Operand> operands,
        bool isResult,
        Func<KernelBody, Func<string, Expression>, Expression> value,
        int flops = 1,
        Operand? settings = null)
    {
        (int length, bool perRow, int width) = elements;
        DeviceKernel kernel = ForEach(description, new GridAxis(length / width, perRow, Group), operands, Vector, width, flops);
        return settings is null ? kernel : kernel with { Operands = [settings, .. operands] };

        void Vector(KernelBody body, Expression i)
        {
            if (width == 1)
            {
                body.Store("c", i, [value(body, operand => new Load(operand, i))], isResult);
                return;
            }

            // What the lanes read is loaded before; each has names of its own.
            var loaded = new SortedSet<string>(StringComparer.Ordinal);
            var values = new Expression[width];
            IReadOnlyList<Statement> lanes = body.Inside(() =>
            {
                for (int lane = 0; lane < width; lane++)
                {
                    int number = lane;
                    IReadOnlyList<Statement> made = body.Inside(() => values[number] = value(body, operand =>
                    {
                        loaded.Add(operand);
                        return new Lane(KernelBody.VectorName(operand, width), number);
                    }));
                    if (made.Count > 0)
                    {
                        string name = FormattableString.Invariant($"c{lane}");
                        body.DefineElement(name, new Real(0));
                        body.Add([new Scope([.. made, new Assign(name, values[lane])])]);
                        values[lane] = name;
                    }
                }
            });
            foreach (string operand in loaded)
            {
                body.DefineVectors(operand, operand, i, width, width);
            }

            body.Add(lanes);
            body.Store("c", i, values, isResult);
        }
    }

    /// <summary>A work item for each number along an axis.</summary>
    private static DeviceKernel ForEach(string description, GridAxis axis, IReadOnlyList<Operand> operands, Action<KernelBody, Expression> element, int width = 1, int flops = 1)
    {
        var body = new KernelBody();
        Expression i = body.Define("i", (new Position(WorkItem.GroupX) * Group) + new Position(WorkItem.LocalX));
        body.When(i.IsLess(axis.TimesRows ? axis.Extent * (Expression)"rows" : axis.Extent), () => element(body, i));
        double elements = (double)width * axis.Extent, moved = elements * operands.Count;
        Work work = axis.TimesRows ? new Work(flops * elements, 0, moved, 0) : new Work(0, flops * elements, 0, moved);
        return new DeviceKernel(description, Group, 1, axis, GridAxis.One, GridAxis.One, operands, [], body.Statements, work);
    }
}

/// <summary>What an elementwise kernel is for: elements, of each row if so, of which vectors of a width are loaded and stored.</summary>
internal sealed record Elements(int Length, bool PerRow, int Width);
