using Weft.Compiler.Targets.Device;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Verification;

/// <summary>
/// Whether a kernel is one in every target's language: names are defined once and before their use, as what they are used as; vectors are whole
/// and lie where vectors may; nothing is written but operands that say so; and all work items of a group reach a barrier, or none.
/// </summary>
internal sealed class KernelForm
{
    private const int VectorBytes = 16;

    private enum Kind
    {
        Integer,
        Element,
        Condition,
        Vector,
        Local,
        Operand,
    }

    /// <summary>What a name stands for.</summary>
    /// <param name="Kind">The kind of thing that the name stands for.</param>
    /// <param name="Varies">Whether it differs among the work items of a group.</param>
    /// <param name="Width">Elements of a vector, or of the vectors that an array is aligned for.</param>
    private sealed record Meaning(Kind Kind, bool Varies = false, int Width = 1);

    private readonly DeviceModel _model;
    private readonly Dictionary<string, Operand> _operands = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LocalArray> _locals = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Meaning> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _widths = new(StringComparer.Ordinal);
    private readonly Stack<string> _defined = new();
    private readonly List<(string Array, Expression Index, bool Writes)> _accesses = [];
    private readonly Dictionary<string, Expression> _values = new(StringComparer.Ordinal);
    private bool _diverges;

    /// <param name="kernel">The kernel that is verified.</param>
    /// <param name="model">What the device can do.</param>
    public KernelForm(DeviceKernel kernel, DeviceModel model)
    {
        _model = model;
        Define("rows", new Meaning(Kind.Integer));
        Define("accumulate", new Meaning(Kind.Condition));
        foreach (Operand operand in kernel.Operands)
        {
            _operands[operand.Name] = operand;
            Define(operand.Name, new Meaning(Kind.Operand, Width: VectorBytes));
        }

        foreach (LocalArray array in kernel.Locals)
        {
            _locals[array.Name] = array;
            Define(array.Name, new Meaning(Kind.Local, Width: array.Width));
        }

        long bytes = kernel.Locals.Sum(array => (long)array.Length) * model.ElementSize;
        Require(kernel.GroupX > 0 && kernel.GroupY > 0 && kernel.Operands.Count > 0, "it has no work items or no operands");
        Require(bytes <= model.LocalBytes, FormattableString.Invariant($"{bytes} bytes of local memory are more than the {model.LocalBytes} that there are"));
        Require(kernel.Operands.LastOrDefault() is { IsWritten: true, Format: null }, "the last operand is not written");
        Require(kernel.Operands.All(operand => operand is { Format: null, FirstCode: 0 } or { IsWritten: false, FirstCode: >= 0 }), "codes are written");
        UsesRows = kernel.X.TimesRows || kernel.Y.TimesRows || kernel.Z.TimesRows;
        Visit(kernel.Body);
    }

    /// <summary>The first fault, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether what it does depends on the number of rows.</summary>
    public bool UsesRows { get; private set; }

    /// <summary>The widest vectors of an operand.</summary>
    public int WidthOf(string operand) => _widths.TryGetValue(operand, out int width) ? width : 1;

    /// <summary>Whether a work item reads nothing of an operand but where it writes another one, or the same: each element is then its own.</summary>
    public bool ReadsOwn(string read, string written) => _accesses.Where(access => access.Array == read && !access.Writes)
        .All(own => _accesses.Exists(access => access.Array == written && access.Writes && access.Index == own.Index));

    /// <summary>Notes a fault in constant words; those that name something are put together only where there is one.</summary>
    private void Require(bool holds, string fault)
    {
        if (!holds)
        {
            Fail(fault);
        }
    }

    private void Fail(string fault) => Fault ??= fault;

    private void Define(string name, Meaning meaning)
    {
        if (_names.ContainsKey(name))
        {
            Fail($"{name} is defined twice");
        }

        _names[name] = meaning;
        _defined.Push(name);
    }

    private void Inside(IReadOnlyList<Statement> body, bool diverges, Action? first = null)
    {
        int outer = _defined.Count;
        bool before = _diverges;
        _diverges |= diverges;
        first?.Invoke();
        Visit(body);
        _diverges = before;
        while (_defined.Count > outer)
        {
            _names.Remove(_defined.Pop());
        }
    }

    private void Visit(IReadOnlyList<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            Visit(statement);
        }
    }

    private void Visit(Statement statement)
    {
        switch (statement)
        {
            case DefineInteger define:
                Define(define.Name, new Meaning(Kind.Integer, Of(define.Value, Kind.Integer)));
                _values[define.Name] = define.Value;
                break;
            case DefineElement define:
                Of(define.Value, Kind.Element);
                Define(define.Name, new Meaning(Kind.Element, Varies: true));
                break;
            case Assign assign:
                Of(assign.Value, Kind.Element);
                if (!_names.TryGetValue(assign.Name, out Meaning? register) || register.Kind != Kind.Element)
                {
                    Fail($"{assign.Name} is no register");
                }

                break;
            case Store store:
                Of(store.Index, Kind.Integer);
                Of(store.Value, Kind.Element);
                Writes(store.Array, store.Index);
                break;
            case DefineVector define:
                Of(define.Index, Kind.Integer);
                if (define.Within is { } within)
                {
                    Of(within, Kind.Condition);
                }

                Reads(define.Array, define.Index);
                Vector(define.Array, define.Width);
                Define(define.Name, new Meaning(Kind.Vector, Varies: true, define.Width));
                break;
            case StoreVector store:
                Of(store.Index, Kind.Integer);
                foreach (Expression value in store.Values)
                {
                    Of(value, Kind.Element);
                }

                Writes(store.Array, store.Index);
                Vector(store.Array, store.Values.Count);
                break;
            case For loop:
                bool varies = Of(loop.Start, Kind.Integer) | Of(loop.End, Kind.Integer);
                Inside(loop.Body, varies, () =>
                {
                    Define(loop.Counter, new Meaning(Kind.Integer, varies));
                    Of(loop.Step, Kind.Integer);
                });
                break;
            case When guard:
                Inside(guard.Body, Of(guard.Condition, Kind.Condition));
                break;
            case Scope scope:
                Inside(scope.Body, diverges: false);
                break;
            case Targets.Device.Barrier:
                Require(!_diverges, "some work items may not reach a barrier");
                break;
            default:
                Require(false, "an unknown kind of statement");
                break;
        }
    }

    private void Writes(string array, Expression index)
    {
        Accesses(array, index, writes: true);
        if (!_locals.ContainsKey(array) && !(_operands.TryGetValue(array, out Operand? operand) && operand.IsWritten))
        {
            Fail($"{array} is written");
        }
    }

    private void Reads(string array, Expression index)
    {
        Accesses(array, index, writes: false);
        if (!_locals.ContainsKey(array) && !_operands.ContainsKey(array))
        {
            Fail($"{array} is no array");
        }
    }

    private void Accesses(string array, Expression index, bool writes) =>
        _accesses.Add((array, index is Symbol { Name: var name } && _values.TryGetValue(name, out Expression? value) ? value : index, writes));

    private void Vector(string array, int width)
    {
        _operands.TryGetValue(array, out Operand? operand);
        _locals.TryGetValue(array, out LocalArray? local);

        // A vector of codes is widened into one of elements.
        bool fits = operand?.Format is not null
            ? width is 4 or 8 && operand.FirstCode % width == 0
            : width is 2 or 4 && width * _model.ElementSize <= VectorBytes && (local is null || (width <= local.Width && local.Length % width == 0));
        if (!fits)
        {
            Fail($"{array} has no vectors of {width}");
        }

        _widths[array] = Math.Max(width, WidthOf(array));
    }

    /// <summary>Whether an expression, which has to be of a kind, differs among work items.</summary>
    private bool Of(Expression expression, Kind kind)
    {
        (Kind found, bool varies) = Of(expression);
        if (found != kind)
        {
            Fail($"{DeviceSchedulePrinter.Describe(expression)} is no {kind.ToString().ToLowerInvariant()}");
        }

        return varies;
    }

    private (Kind Kind, bool Varies) Of(Expression expression)
    {
        switch (expression)
        {
            case Constant:
                return (Kind.Integer, false);
            case Real:
                return (Kind.Element, false);
            case Position position:
                return (Kind.Integer, position.Item is WorkItem.LocalX or WorkItem.LocalY);
            case Symbol { Name: var name }:
                UsesRows |= name == "rows";
                if (_names.TryGetValue(name, out Meaning? meaning))
                {
                    return (meaning.Kind, meaning.Varies);
                }

                Fail($"{name} is used before it is defined");
                return (Kind.Integer, true);
            case Binary { Operator: "&&" } both:
                return (Kind.Condition, Of(both.Left, Kind.Condition) | Of(both.Right, Kind.Condition));
            case Binary binary:
                ((Kind left, bool one), (Kind right, bool other)) = (Of(binary.Left), Of(binary.Right));
                if ((left, right) is not (Kind.Integer, Kind.Integer) && (binary.Operator == "%" || left is not (Kind.Integer or Kind.Element) || right is not (Kind.Integer or Kind.Element)))
                {
                    Fail($"{DeviceSchedulePrinter.Describe(binary)} is no number");
                }

                return (binary.Operator == "<" ? Kind.Condition : left == right ? left : Kind.Element, one | other);
            case Load load:
                Of(load.Index, Kind.Integer);
                Reads(load.Array, load.Index);
                return (Kind.Element, true);
            case Lane lane:
                if (!_names.TryGetValue(lane.Vector, out Meaning? vector) || vector.Kind != Kind.Vector || lane.Number < 0 || lane.Number >= vector.Width)
                {
                    Fail($"{lane.Vector} has no element {lane.Number}");
                }

                return (Kind.Element, true);
            case Whole whole:
                Require(whole.Value is Load { Array: var array } && _operands.TryGetValue(array, out Operand? table) && !table.IsWritten, "a position comes from no table");
                Of(whole.Value, Kind.Element);
                return (Kind.Integer, true);
            case Call call:
                Require(call.Arguments.Count == (call.Function switch { Function.MultiplyAdd => 3, Function.Max or Function.Min => 2, _ => 1 }), "a function has too many or too few arguments");
                return (Kind.Element, call.Arguments.Aggregate(false, (varies, argument) => Of(argument, Kind.Element) | varies));
            case Choice choice:
                bool chosen = Of(choice.Condition, Kind.Condition);
                (Kind kind, bool then) = Of(choice.Then);
                return (kind, Of(choice.Else, kind) | then | chosen);
            default:
                Require(false, "an unknown kind of expression");
                return (Kind.Integer, true);
        }
    }
}
