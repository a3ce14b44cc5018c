using Weft.Compiler.Algebra;
using Weft.Compiler.Text;
using Weft.Compiler.Network;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Kernels for functions of weights, with the meaning and the derivatives of the runtime's <c>ParameterFunctions</c>. Those that have none
/// here are the host's work.
/// </summary>
/// <param name="room">Elements of local memory.</param>
internal sealed class FunctionKernels(int room)
{
    /// <summary>Work items of a group, where they have as much to do.</summary>
    private const int Group = 64;

    private static readonly Operand Target = new("c", IsWritten: true);

    /// <summary>Whether a device evaluates a function and takes its gradient further.</summary>
    public bool Has(FunctionCall call) => call.Function == TensorFunction.Reflections ? 2 * call.Length <= room
        : Definition(call) is not null || call.Function.Name is "row_norms" or "column_norms" or "normalize_columns";

    /// <summary>The function as one of rows, if it is one. What rounds to a short format is the host's work.</summary>
    public static FunctionDefinition? Definition(FunctionCall call) =>
        call.Format is null ? call.Function.Definition?.Invoke(call.Numbers.FirstOrDefault(), RowOf(call.Shapes[0])) : null;

    /// <summary>The length of the rows of a shape.</summary>
    public static int RowOf(EquatableArray<int> shape) => shape.Count == 0 ? 1 : shape[shape.Count - 1];

    /// <summary>y = f(x), of operands x and y, for what is no function of rows.</summary>
    public DeviceKernel Value(FunctionCall call)
    {
        string name = call.Function.Name;
        IReadOnlyList<int> shape = call.Arguments[0].Shape;
        if (call.Function == TensorFunction.Reflections)
        {
            return Reflections(shape[0], shape[1]);
        }

        switch (name)
        {
            case "row_norms" or "column_norms":
                return OfLines($"c = {name}(x)", Lines.Of(name, shape), [new("x"), Target], (body, line) =>
                {
                    (Expression unit, Expression norm) = line.Norm("x");
                    body.When(line.Item.IsLess(1), () => body.Store("c", line.Number, unit * norm));
                });
            case "normalize_columns":
                return OfLines($"c = {name}(x)", Lines.Of(name, shape), [new("x"), Target], (body, line) =>
                {
                    (Expression unit, Expression norm) = line.Norm("x");
                    line.ForEach(j => body.Store("c", line.At(j), line.Element("x", j) / unit / new Choice(new Real(0).IsLess(norm), norm, new Real(1))));
                });
            default:
                throw new InvalidOperationException(name);
        }
    }

    /// <summary>dx += J dy, of operands x, y, dy and dx, for what is no function of rows.</summary>
    public DeviceKernel Gradient(FunctionCall call)
    {
        string name = call.Function.Name;
        IReadOnlyList<int> shape = call.Arguments[0].Shape;
        Operand[] operands = [new("x"), new("y"), new("dy"), Target];
        if (call.Function == TensorFunction.Reflections)
        {
            return ReflectionsGradient(shape[0], shape[1], operands);
        }

        switch (name)
        {
            case "row_norms" or "column_norms":
                return OfLines($"c += {name}'(x) dy", Lines.Of(name, shape), operands, (body, line) =>
                {
                    (Expression unit, Expression norm) = line.Norm("x");
                    body.DefineElement("share", new Choice(new Real(0).IsLess(norm), new Load("dy", line.Number) / norm, new Real(0)));
                    line.ForEach(j => body.StoreResult("c", line.At(j), (Expression)"share" * (line.Element("x", j) / unit)));
                });
            case "normalize_columns":
                return OfLines($"c += {name}'(x) dy", Lines.Of(name, shape), operands, (body, line) =>
                {
                    (Expression unit, Expression norm) = line.Norm("x");
                    body.DefineElement("along", line.Sum(j => line.Element("y", j) * line.Element("dy", j)));
                    body.When(new Real(0).IsLess(norm), () => line.ForEach(j => body.StoreResult(
                        "c", line.At(j), (line.Element("dy", j) - ((Expression)"along" * line.Element("y", j))) / norm / unit)));
                });
            default:
                throw new InvalidOperationException(name);
        }
    }

    /// <summary>T of the compact form of a chain of k reflections, by one group: T⁻¹ in local memory, then inverted in place, column by column.</summary>
    private DeviceKernel Reflections(int count, int size)
    {
        var body = new KernelBody();
        int group = GroupFor(count * count);
        var t = new LocalArray("t", count * count);
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        body.For("e", item, count * count, group, () =>
        {
            Expression i = body.Define("i", (Expression)"e" / count), j = body.Define("j", (Expression)"e" % count);
            body.DefineElement("dot", new Real(0));
            body.When(i.IsLess(j + 1), () => body.For("l", 0, size, 1, () => body.Assign(
                "dot", KernelBody.Call(Function.MultiplyAdd, new Load("x", (i * size) + "l"), new Load("x", (j * size) + "l"), "dot"))));
            body.Store("t", "e", new Choice(i.IsLess(j), "dot", new Real(0.5) * "dot"));
        });
        body.Barrier();

        // The columns before a column are inverted already. A norm of zero stands for no reflection.
        body.For("column", 0, count, 1, () =>
        {
            Expression diagonal = body.DefineElement("diagonal", new Load("t", (Expression)"column" * (count + 1)));
            body.DefineElement("inverse", new Choice(new Real(0).IsLess(diagonal), new Real(1) / diagonal, new Real(0)));
            int strips = (count + group - 1) / group;
            Expression Row(int strip) => item + (strip * group);
            for (int strip = 0; strip < strips; strip++)
            {
                string sum = FormattableString.Invariant($"sum{strip}");
                body.DefineElement(sum, new Real(0));
                body.For("l", Row(strip), "column", 1, () => body.Assign(sum, KernelBody.Call(
                    Function.MultiplyAdd, new Load("t", (Row(strip) * count) + "l"), new Load("t", ((Expression)"l" * count) + "column"), sum)));
            }

            body.Barrier();
            for (int strip = 0; strip < strips; strip++)
            {
                Expression place = (Row(strip) * count) + "column", sum = FormattableString.Invariant($"sum{strip}");
                body.When(Row(strip).IsLess("column"), () => body.Store("t", place, new Real(0) - ("inverse" * sum)));
            }

            body.When(item.IsLess(1), () => body.Store("t", (Expression)"column" * (count + 1), "inverse"));
            body.Barrier();
        });
        body.For("e", item, count * count, group, () => body.Store("c", "e", new Load("t", "e")));
        return new DeviceKernel(
            "c = T of reflections", group, 1, GridAxis.One, GridAxis.One, GridAxis.One, [new("x"), Target], [t], body.Statements,
            new Work(0, ((double)count * count * size) + (count * (double)count * count / 3), 0, ((double)count * size) + (count * count)));
    }

    /// <summary>
    /// dS = −Tᵀ dT Tᵀ for S = T⁻¹, of which the upper triangle counts, then dV += (dS + dSᵀ) V with the diagonal once: groups share the columns of
    /// V, and each makes dS anew.
    /// </summary>
    private static DeviceKernel ReflectionsGradient(int count, int size, Operand[] operands)
    {
        var body = new KernelBody();
        LocalArray product = new("product", count * count), slopes = new("slopes", count * count);
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        body.For("e", item, count * count, Group, () =>
        {
            Expression i = body.Define("i", (Expression)"e" / count), j = body.Define("j", (Expression)"e" % count);
            body.DefineElement("sum", new Real(0));
            body.For("l", new Choice(i.IsLess(j), j, i), count, 1, () => body.Assign("sum", KernelBody.Call(
                Function.MultiplyAdd, new Load("dy", (i * count) + "l"), new Load("y", (j * count) + "l"), "sum")));
            body.Store("product", "e", "sum");
        });
        body.Barrier();
        body.For("e", item, count * count, Group, () =>
        {
            Expression first = body.Define("first", (Expression)"e" / count), second = body.Define("second", (Expression)"e" % count);
            Expression i = body.Define("i", new Choice(first.IsLess(second), first, second)), j = body.Define("j", new Choice(first.IsLess(second), second, first));
            body.DefineElement("sum", new Real(0));
            body.For("l", 0, i + 1, 1, () => body.Assign("sum", KernelBody.Call(
                Function.MultiplyAdd, new Load("y", ((Expression)"l" * count) + i), new Load("product", ((Expression)"l" * count) + j), "sum")));
            body.Store("slopes", "e", new Real(0) - (Expression)"sum");
        });
        body.Barrier();
        Expression column = body.Define("column", (new Position(WorkItem.GroupX) * Group) + item);
        body.When(column.IsLess(size), () => body.For("i", 0, count, 1, () =>
        {
            body.DefineElement("sum", new Real(0));
            body.For("j", 0, count, 1, () => body.Assign("sum", KernelBody.Call(
                Function.MultiplyAdd, new Load("slopes", ((Expression)"i" * count) + "j"), new Load("x", ((Expression)"j" * size) + column), "sum")));
            body.StoreResult("c", ((Expression)"i" * size) + column, "sum");
        }));
        return new DeviceKernel(
            "c += T'(x) dy of reflections", Group, 1, new GridAxis(size, false, Group), GridAxis.One, GridAxis.One, operands, [product, slopes], body.Statements,
            new Work(0, 2.0 * count * count * (size + count), 0, 2.0 * count * size));
    }

    /// <summary>A power of two.</summary>
    private static int GroupFor(int items)
    {
        int group = 1;
        while (group < Group && group < items)
        {
            group *= 2;
        }

        return group;
    }

    /// <summary>A group for each row or column of matrices.</summary>
    private static DeviceKernel OfLines(string description, Lines lines, IReadOnlyList<Operand> operands, Action<KernelBody, Line> line)
    {
        var body = new KernelBody();
        var sums = new List<LocalArray>();
        line(body, new Line(body, lines, sums));
        double elements = (double)lines.Count * lines.Length;
        return new DeviceKernel(
            description, GroupFor(lines.Length), 1, new GridAxis(lines.Count, false, 1), GridAxis.One, GridAxis.One, operands, sums, body.Statements,
            new Work(0, 2 * elements, 0, operands.Count * elements));
    }

    /// <summary>The rows of matrices, or their columns: how many, of how many elements, how far apart.</summary>
    private sealed record Lines(int Count, int Length, int Stride)
    {
        public static Lines Of(string function, IReadOnlyList<int> shape)
        {
            bool ofColumns = function.EndsWith("columns", StringComparison.Ordinal) || function.StartsWith("column", StringComparison.Ordinal);
            int length = shape[shape.Count - (ofColumns ? 2 : 1)];
            return new Lines(shape.Aggregate(1, (product, extent) => product * extent) / length, length, ofColumns ? shape[shape.Count - 1] : 1);
        }
    }

    /// <summary>The line of a group.</summary>
    private sealed class Line
    {
        private readonly KernelBody body;
        private readonly Lines lines;
        private readonly List<LocalArray> parts;

        public Line(KernelBody body, Lines lines, List<LocalArray> parts)
        {
            (this.body, this.lines, this.parts) = (body, lines, parts);
            Item = body.Define("item", new Position(WorkItem.LocalX));
            Number = body.Define("line", new Position(WorkItem.GroupX));
            body.Define("start", (Number / lines.Stride * (lines.Stride * lines.Length)) + (Number % lines.Stride));
        }

        public Expression Item { get; }

        public Expression Number { get; }

        public Expression At(Expression j) => (Expression)"start" + (j * lines.Stride);

        public Expression Element(string operand, Expression j) => new Load(operand, At(j));

        public void ForEach(Action<Expression> element) => body.For("j", Item, lines.Length, GroupFor(lines.Length), () => element("j"));

        /// <summary>A unit, 1 for zeros, and the norm in it: the largest magnitude, whose square and the sum of squares are in the range of numbers.</summary>
        public (Expression Unit, Expression Norm) Norm(string operand)
        {
            Expression most = Reduce(
                new Real(0), j => KernelBody.Call(Function.Abs, Element(operand, j)), (left, right) => KernelBody.Call(Function.Max, left, right));
            Expression unit = body.DefineElement("unit", new Choice(new Real(0).IsLess(most), most, new Real(1)));
            Expression square = Sum(j => (Element(operand, j) / unit) * (Element(operand, j) / unit));
            return (unit, body.DefineElement("norm", KernelBody.Call(Function.Sqrt, square)));
        }

        public Expression Sum(Func<Expression, Expression> term) => Reduce(new Real(0), term, (left, right) => left + right);

        private Load Reduce(Expression first, Func<Expression, Expression> term, Func<Expression, Expression, Expression> combine)
        {
            string name = FormattableString.Invariant($"own{parts.Count}");
            var shared = new LocalArray(FormattableString.Invariant($"parts{parts.Count}"), GroupFor(lines.Length));
            parts.Add(shared);
            body.DefineElement(name, first);
            ForEach(j => body.Assign(name, combine(name, term(j))));
            body.CombineOverGroup([shared], Item, [name], combine);
            return new Load(shared.Name, 0);
        }
    }
}
