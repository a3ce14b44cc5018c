using Weft.Compiler.Algebra;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Kernels of functions of rows, of vectors and of weights, with a group of work items for each row: what one needs of the whole row is found
/// first.
/// </summary>
internal static class RowFunctionKernels
{
    private const int Group = 64;

    private static readonly Real Zero = new(0), One = new(1);

    /// <summary>c = f(a).</summary>
    /// <param name="link">The function.</param>
    /// <param name="length">The length of a vector, or of the weight.</param>
    /// <param name="perRow">Whether there is a vector for each row of the batch.</param>
    public static DeviceKernel Value(FunctionLink link, int length, bool perRow = true)
    {
        var row = new RowKernel("a", link.Length);
        Func<Expression, Expression> value = ValueOf(link, row);
        row.ForEach((body, i) => body.Store("c", i, value(body.DefineElement("z", new Load("a", i)))));
        return row.Build($"c = {link.Name}(a)", [new("a"), new("c", IsWritten: true)], length, perRow);
    }

    /// <summary>c (+)= f'(z) a, where y = f(z).</summary>
    /// <param name="link">The function.</param>
    /// <param name="length">The length of a vector, or of the weight.</param>
    /// <param name="perRow">Whether there is a vector for each row of the batch.</param>
    public static DeviceKernel Derivative(FunctionLink link, int length, bool perRow = true)
    {
        var row = new RowKernel("argument", link.Length);
        Func<Expression, Expression> derivative = DerivativeOf(link, row);
        row.ForEach((body, i) => body.StoreResult("c", i, derivative(i)));
        return row.Build($"c = {link.Name}'(z) a", [new("argument"), new("value"), new("a"), new("c", IsWritten: true)], length, perRow);
    }

    private static Func<Expression, Expression> ValueOf(FunctionLink link, RowKernel row)
    {
        Expression number = new Real(link.Number), step, least, sum;
        double levels = Math.Pow(2, link.Number);
        switch (link.Function.Name)
        {
            case "abs":
                return z => Call(Function.Abs, z);
            case "round_ste":
                return z => Call(Function.Rint, z);
            case "stop_gradient":
                return z => z;
            case "sign":
                return z => new Choice(Zero.IsLess(z), One, new Choice(z.IsLess(Zero), new Real(-1), Zero));
            case "step":
                return z => new Choice(Zero.IsLess(z), One, Zero);
            case "shift":
                return z => z + number;
            case "soft_threshold":
                return z => Call(Function.Max, z - number, Zero) - Call(Function.Max, Zero - z - number, Zero);
            case "hard_threshold":
                return z => new Choice(Call(Function.Abs, z).IsLess(number), Zero, z);
            case "quantize":
                step = row.Define("unit", row.Most(z => Call(Function.Abs, z)) / new Real((levels / 2) - 1));
                return z => Rounded(z, step, () => step * Call(Function.Rint, z / step));
            case "quantize_bipolar":
                step = row.Define("unit", row.Most(z => Call(Function.Abs, z)) / new Real(levels - 1));
                return z => Rounded(z, step, () => step * ((new Real(2) * Call(Function.Floor, z / step / new Real(2))) + One));
            case "quantize_affine":
                // In halves, whose range is a number.
                Expression half = new Real(0.5), two = new Real(2);
                least = row.Define("least", half * (Zero - row.Most(z => Zero - z)));
                step = row.Define("unit", ((half * row.Most(z => z)) - least) / new Real(levels - 1));
                return z => Rounded(z, step, () => two * (least + (step * Call(Function.Rint, ((half * z) - least) / step))));
            case "softmax":
                Expression most = row.Define("most", row.Most(z => z));
                sum = row.Define("sum", row.Sum(i => Call(Function.Exp, new Load("a", i) - most)));
                return z => Call(Function.Exp, z - most) / sum;
            case "normalize_rows":
                (step, sum) = Norm(row, "a");
                return z => z / step / new Choice(Zero.IsLess(sum), sum, One);
            default:
                throw new InvalidOperationException(link.Name);
        }
    }

    private static Func<Expression, Expression> DerivativeOf(FunctionLink link, RowKernel row)
    {
        Expression number = new Real(link.Number);
        Expression Size(Expression i) => Call(Function.Abs, new Load("argument", i));
        Expression Along() => row.Define("along", row.Sum(i => new Load("value", i) * new Load("a", i)));
        switch (link.Function.Name)
        {
            case "abs":
                return i => new Load("a", i) * new Choice(Zero.IsLess(new Load("argument", i)), One, new Choice(new Load("argument", i).IsLess(Zero), new Real(-1), Zero));
            case "soft_threshold":
                return i => new Choice(number.IsLess(Size(i)), new Load("a", i), Zero);
            case "hard_threshold":
                return i => new Choice(Size(i).IsLess(number), Zero, new Load("a", i));
            case "softmax":
                Expression along = Along();
                return i => new Load("value", i) * (new Load("a", i) - along);
            case "normalize_rows":
                Expression part = Along();
                (Expression unit, Expression norm) = Norm(row, "argument");
                return i => new Choice(Zero.IsLess(norm), (new Load("a", i) - (new Load("value", i) * part)) / norm / unit, Zero);
            default:
                // The identity, or taken for it.
                return i => new Load("a", i);
        }
    }

    /// <summary>A unit, 1 for zeros, and the norm in it: the largest magnitude, whose square and the sum of squares are in the range of numbers.</summary>
    private static (Expression Unit, Expression Norm) Norm(RowKernel row, string operand)
    {
        Expression most = row.Define("largest", row.Most(z => Call(Function.Abs, z)));
        Expression unit = row.Define("unit", new Choice(Zero.IsLess(most), most, One));
        return (unit, row.Define("norm", Call(Function.Sqrt, row.Sum(i => (new Load(operand, i) / unit) * (new Load(operand, i) / unit)))));
    }

    private static Expression Rounded(Expression z, Expression step, Func<Expression> value) => new Choice(Zero.IsLess(step), value(), z);

    private static Expression Call(Function function, params Expression[] arguments) => KernelBody.Call(function, arguments);

    /// <summary>A kernel over one row: numbers of the whole row, found by all work items of a group together, then each element.</summary>
    private sealed class RowKernel
    {
        private readonly KernelBody _body = new();
        private readonly List<LocalArray> _locals = [];
        private readonly Expression _item;
        private readonly Expression _start;
        private readonly string _argument;
        private readonly int _length;

        /// <param name="argument">The operand that is the function's argument.</param>
        /// <param name="length">The length of a row.</param>
        public RowKernel(string argument, int length)
        {
            (_argument, _length) = (argument, length);
            _item = _body.Define("item", new Position(WorkItem.LocalX));
            _start = _body.Define("start", new Position(WorkItem.GroupX) * length);
        }

        public Expression Define(string name, Expression value) => _body.DefineElement(name, value);

        /// <summary>The largest of a function of the elements.</summary>
        public Expression Most(Func<Expression, Expression> value) => Reduce(
            value(new Load(_argument, _start)), i => value(new Load(_argument, i)), (left, right) => Call(Function.Max, left, right));

        /// <summary>The sum of a function of the positions.</summary>
        public Expression Sum(Func<Expression, Expression> value) => Reduce(Zero, value, (left, right) => left + right);

        public void ForEach(Action<KernelBody, Expression> element) =>
            _body.For("j", _item, _length, Group, () => element(_body, _body.Define("i", _start + "j")));

        public DeviceKernel Build(string description, IReadOnlyList<Operand> operands, int length, bool perRow) => new(
            description,
            Group,
            1,
            new GridAxis(length / _length, perRow, 1),
            GridAxis.One,
            GridAxis.One,
            operands,
            _locals,
            _body.Statements,
            Work(4.0 * (1 + _locals.Count) * length, (double)(operands.Count + _locals.Count) * length, perRow));

        private static Work Work(double operations, double elements, bool perRow) =>
            perRow ? new Work(operations, 0, elements, 0) : new Work(0, operations, 0, elements);

        private Load Reduce(Expression first, Func<Expression, Expression> value, Func<Expression, Expression, Expression> combine)
        {
            var parts = new LocalArray(FormattableString.Invariant($"parts{_locals.Count}"), Group);
            string part = FormattableString.Invariant($"part{_locals.Count}");
            _locals.Add(parts);
            _body.DefineElement(part, first);
            _body.For("j", _item, _length, Group, () => _body.Assign(part, combine(part, value(_start + "j"))));
            _body.CombineOverGroup([parts], _item, [part], combine);
            return new Load(parts.Name, 0);
        }
    }
}
