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

    /// <summary>c = f(a).</summary>
    public static DeviceKernel Activate(Activation activation, Elements elements) => Build(
        $"c = {activation}(a)",
        elements,
        [new("a"), Target],
        isResult: false,
        (body, element) => Value(activation, body, body.DefineElement("z", element("a"))));

    /// <summary>c (+)= f'(z) · a.</summary>
    public static DeviceKernel Derive(Activation activation, Elements elements) => Build(
        $"c = {activation}'(z) · a",
        elements,
        [new("argument"), new("a"), Target],
        isResult: true,
        (body, element) => Slope(activation, body, body.DefineElement("z", element("argument"))) * element("a"));

    /// <summary>Each element of the target, from those of other operands at the same place and its own.</summary>
    /// <param name="description">What the kernel does.</param>
    /// <param name="elements">How many there are.</param>
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

    public static Expression Value(Activation activation, KernelBody body, Expression z) => activation switch
    {
        Activation.Relu => AtLeast(0, z),
        Activation.Gelu => AtLeast(-GeluRange, z) * GeluGate(body, z),
        Activation.Silu => AtLeast(-SiluRange, z) * Sigmoid(z),
        Activation.Tanh => KernelBody.Call(Function.Tanh, z),
        Activation.Sigmoid => Sigmoid(z),
        Activation.Softplus => AtLeast(0, z)
            + KernelBody.Call(Function.Log1p, KernelBody.Call(Function.Exp, new Real(0) - KernelBody.Call(Function.Abs, z))),
        Activation.Exp => KernelBody.Call(Function.Exp, z),
        Activation.Square => z * z,
        Activation.Sqrt => KernelBody.Call(Function.Sqrt, z),
        Activation.Reciprocal => new Real(1) / z,
        Activation.Atanh => Atanh(z),
        Activation.Tanhc => Ratio(activation, body, z),
        Activation.Atanhc => Ratio(activation, body, z),
        _ => throw new InvalidOperationException(activation.ToString()),
    };

    public static Expression Slope(Activation activation, KernelBody body, Expression z)
    {
        Expression one = new Real(1);
        Expression Named(Expression value) => body.DefineElement("f", value);
        switch (activation)
        {
            case Activation.Relu:
                return new Choice(new Real(0).IsLess(z), one, new Real(0));
            case Activation.Gelu:
                // s + z s (1 − s) u' for the gate s = sigmoid(u)
                Expression gate = GeluGate(body, z);
                return gate + ("clamped" * gate * (one - gate) * (new Real(GeluLinear) + (new Real(3 * GeluCubic) * "clamped" * "clamped")));
            case Activation.Silu:
                Expression s = Named(Sigmoid(z));
                return s + (AtMost(SiluRange, AtLeast(-SiluRange, z)) * s * (one - s));
            case Activation.Tanh:
                Expression t = Named(KernelBody.Call(Function.Tanh, z));
                return one - (t * t);
            case Activation.Sigmoid:
                Expression y = Named(Sigmoid(z));
                return y * (one - y);
            case Activation.Softplus:
                return Sigmoid(z);
            case Activation.Exp:
                return KernelBody.Call(Function.Exp, z);
            case Activation.Square:
                return z + z;
            case Activation.Sqrt:
                return new Choice(new Real(0).IsLess(z), new Real(0.5) / KernelBody.Call(Function.Sqrt, z), new Real(0));
            case Activation.Reciprocal:
                return new Real(-1) / (z * z);
            case Activation.Atanh:
                return one / ((one - z) * (one + z));
            case Activation.Tanhc:
                Expression tanh = Named(KernelBody.Call(Function.Tanh, z));
                return RatioSlope(activation, body, z, one - (tanh * tanh), TanhcSeries);
            case Activation.Atanhc:
                Expression slope = RatioSlope(activation, body, z, one / ((one - z) * (one + z)), AtanhcSeries);
                return new Choice(new Real(AtanhcMost).IsLess(KernelBody.Call(Function.Abs, z)), new Real(0), slope);
            default:
                throw new InvalidOperationException(activation.ToString());
        }
    }

    private const double GeluRange = 30;

    private const double SiluRange = 1000;

    /// <summary>Beyond it the argument of <see cref="Activation.Atanhc"/> counts as this.</summary>
    private const double AtanhcMost = 1 - (1.0 / (1 << 24));

    /// <summary>The slope's terms of z, z³, … near 0.</summary>
    private static readonly double[] TanhcSeries =
        [-2.0 / 3, 8.0 / 15, -34.0 / 105, 496.0 / 2835, -2764.0 / 31185, 87376.0 / 2027025, -1859138.0 / 91216125, 102473312.0 / 10854718875];

    private static readonly double[] AtanhcSeries = [.. Enumerable.Range(0, 10).Select(k => (2.0 * k + 2) / (2 * k + 3))];

    /// <summary>The larger of a number and z, which may be no number and stays so.</summary>
    private static Expression AtLeast(double least, Expression z) => new Choice(z.IsLess(new Real(least)), new Real(least), z);

    private static Expression AtMost(double most, Expression z) => new Choice(new Real(most).IsLess(z), new Real(most), z);

    private static Expression Atanh(Expression z) =>
        new Real(0.5) * (KernelBody.Call(Function.Log1p, z) - KernelBody.Call(Function.Log1p, new Real(0) - z));

    /// <summary>f(z) / z for f = tanh or atanh.</summary>
    private static Expression Ratio(Activation activation, KernelBody body, Expression z)
    {
        Expression size = AtLeast(1e-30, body.DefineElement("size", KernelBody.Call(Function.Abs, z)));
        size = body.DefineElement("within", activation == Activation.Tanhc ? size : AtMost(AtanhcMost, size));
        return (activation == Activation.Tanhc ? KernelBody.Call(Function.Tanh, size) : Atanh(size)) / size;
    }

    /// <summary>(f'(z) − f(z) / z) / z, and its series near 0.</summary>
    private static Expression RatioSlope(Activation activation, KernelBody body, Expression z, Expression slope, double[] series)
    {
        Expression square = body.DefineElement("square", z * z), sum = new Real(series[series.Length - 1]);
        for (int k = series.Length - 2; k >= 0; k--)
        {
            sum = (sum * square) + new Real(series[k]);
        }

        Expression isFar = new Real(0.04).IsLess(square);
        return new Choice(isFar, (slope - Ratio(activation, body, z)) / new Choice(isFar, z, new Real(1)), z * sum);
    }

    // Twice the argument of GELU's tanh: 2 √(2/π) (z + 0.044715 z³), since (1 + tanh u) / 2 = sigmoid(2u).
    private const double GeluLinear = 2 * 0.79788456080286535588;
    private const double GeluCubic = GeluLinear * 0.044715;

    /// <summary>The factor of z in GELU. Beyond ±30 it is 0 or 1 to the last bit; the powers of a clamped argument do not overflow.</summary>
    private static Expression GeluGate(KernelBody body, Expression z)
    {
        Expression clamped = body.DefineElement("clamped", AtMost(GeluRange, AtLeast(-GeluRange, z)));
        return body.DefineElement("gate", Sigmoid(clamped * (new Real(GeluLinear) + (new Real(GeluCubic) * clamped * clamped))));
    }

    private static Expression Sigmoid(Expression z) =>
        new Real(1) / (new Real(1) + KernelBody.Call(Function.Exp, new Real(0) - z));
}

/// <summary>What an elementwise kernel is for: elements, of each row if so, of which vectors of a width are loaded and stored.</summary>
internal sealed record Elements(int Length, bool PerRow, int Width);
