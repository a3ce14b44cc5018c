using Weft.Compiler.Algebra;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <content>What operators have that tensors of their entries have too, by laws where these reach: inverses, determinants, functions.</content>
internal sealed partial class BuiltinBinder
{
    private static readonly Dictionary<string, Func<BuiltinBinder, OperatorValue, BuiltinCall, Value?>> s_ofOperators = new(StringComparer.Ordinal)
    {
        ["inverse"] = (binder, op, call) => binder.MakeInverse(op, call),
        ["pseudo_inverse"] = (binder, op, call) => binder.Make(binder.Calculus.PseudoInverse(op.Operator), op, call),
        ["logdet"] = (binder, op, call) => binder.MakeLogDeterminant(op, call),
        ["expm"] = (binder, op, call) => binder.IsSquare(op, call) ? binder.Make(binder.Calculus.Exponential(op.Operator), op, call) : null,
        ["sqrtm"] = (binder, op, call) => binder.MakeOfSymmetric(op, call),
        ["logm"] = (binder, op, call) => binder.MakeOfSymmetric(op, call),
        ["powerm"] = (binder, op, call) => binder.MakeOfSymmetric(op, call),
    };

    private Calculus Calculus => new(Context.NewIndex);

    /// <summary>A function of one operator.</summary>
    /// <param name="call">A call of it whose only value is an operator.</param>
    public Value? OfOperator(BuiltinCall call) => call.Syntax.Name.Text == "trace" ? MakeTrace(call) : s_ofOperators[call.Syntax.Name.Text](this, (OperatorValue)call.Values[0], call);

    /// <summary>The entries of an operator as a tensor; of its diagonal alone.</summary>
    public IndexedValue? MakeEntries(BuiltinCall call, bool isDiagonal)
    {
        OperatorValue op = call.Operands[0].Value;
        return isDiagonal && !IsSquare(op, call) ? null
            : isDiagonal ? MakeTensor(new EntriesTensor(Rewriter.Rewrite(op.Operator, []), IsDiagonal: true), op, call)
            : EntriesOf(op, call.Arguments[0], call.Frame);
    }

    public IndexedValue? MakeTrace(BuiltinCall call)
    {
        OperatorValue op = call.Operands[0].Value;
        return IsSquare(op, call) ? MakeTensor(Calculus.Trace(op.Operator), op, call) : null;
    }

    /// <summary>√(Σᵢⱼ A[i, j]²)</summary>
    public IndexedValue? MakeNorm(BuiltinCall call)
    {
        OperatorValue op = call.Operands[0].Value;
        if (Calculus.Norm(op.Operator) is { } norm)
        {
            return MakeTensor(norm, op, call);
        }

        Report(DiagnosticDescriptors.SizeOutOfRange, call.Frame, call.Arguments[0], $"a tensor of {(long)op.Operator.Rows * op.Operator.Columns} elements");
        return null;
    }

    /// <summary>A⁻¹ B</summary>
    public OperatorValue? MakeSolve(BuiltinCall call) => MakeInverse(call.Operands[0].Value, call) is { } inverse
        ? Operators.MakeProduct([new Operand(call.Arguments[0], inverse), call.Operands[1]], call.Syntax, call.Frame)
        : null;

    private OperatorValue? MakeInverse(OperatorValue op, BuiltinCall call)
    {
        if (!IsSquare(op, call))
        {
            return null;
        }

        if (Properties.Rank(op.Operator) is var rank && rank < op.Operator.Rows)
        {
            Report(DiagnosticDescriptors.WrongKind, call.Frame, call.Arguments[0], "an operator of full rank", $"{op.Description} of rank {rank} at most; 'pseudo_inverse' is for these");
            return null;
        }

        return Make(Calculus.Inverse(op.Operator), op, call);
    }

    private IndexedValue? MakeLogDeterminant(OperatorValue op, BuiltinCall call)
    {
        if (!IsSquare(op, call))
        {
            return null;
        }

        TensorExpression? value = Calculus.LogDeterminant(op.Operator);
        return value is null ? TooLarge<IndexedValue>(op, call) : MakeTensor(value, op, call);
    }

    private OperatorValue? MakeOfSymmetric(OperatorValue op, BuiltinCall call)
    {
        if (!IsSquare(op, call))
        {
            return null;
        }

        if (!Properties.IsSymmetric(op.Operator))
        {
            string name = call.Syntax.Name.Text;
            Report(DiagnosticDescriptors.WrongKind, call.Frame, call.Arguments[0], $"an operator that is symmetric by its formula, as 'A * A'' is, for '{name}'", $"{op.Description}; '{name}(entries(A))' takes the symmetric part of any");
            return null;
        }

        double power = call.Values.Count > 1 ? ((NumberValue)call.Values[1]).Number : 0;
        return Make(Calculus.OfSymmetric(op.Operator, call.Syntax.Name.Text, power), op, call);
    }

    private bool IsSquare(OperatorValue op, BuiltinCall call)
    {
        if (op.Operator.Rows == op.Operator.Columns)
        {
            return true;
        }

        Report(DiagnosticDescriptors.WrongKind, call.Frame, call.Arguments[0], $"a square operator for '{call.Syntax.Name.Text}'", op.Description);
        return false;
    }

    private OperatorValue? Make(Operator? made, OperatorValue op, BuiltinCall call)
    {
        if (made is null)
        {
            return TooLarge<OperatorValue>(op, call);
        }

        int nodes = made.DescendantsAndSelf().Take(BindingContext.MaxNodes).Count() + CountParts(made.DescendantsAndSelf().SelectMany(node => node.Tensors()));
        return Operators.Compose(made, call.Syntax, call.Frame, op with { Nodes = Math.Max(op.Nodes, nodes) });
    }

    /// <summary>What is made of an operator can be many times as large as it is, most of it in the entries that are taken apart.</summary>
    private static int CountParts(IEnumerable<TensorExpression> tensors) => tensors.SelectMany(tensor => tensor.DescendantsAndSelf()).Take(BindingContext.MaxNodes + 1).Count();

    private T? TooLarge<T>(OperatorValue op, BuiltinCall call)
        where T : class
    {
        Report(
            DiagnosticDescriptors.WrongKind,
            call.Frame,
            call.Arguments[0],
            $"an operator of up to {Calculus.MostDense} rows, or one whose structure gives '{call.Syntax.Name.Text}' by that of smaller parts",
            op.Description);
        return null;
    }

    private IndexedValue? MakeTensor(TensorExpression made, OperatorValue op, BuiltinCall call) =>
        Operators.MakeTensor(made, call.Syntax, call.Frame, [new TensorValue(made, Math.Max(op.Nodes, CountParts([made])), op.Depth)]);

    /// <summary>An operator where a tensor is needed: that of its entries.</summary>
    public IndexedValue? EntriesOf(OperatorValue op, ExpressionSyntax argument, Frame frame)
    {
        if ((long)op.Operator.Rows * op.Operator.Columns > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, argument, $"a tensor of {(long)op.Operator.Rows * op.Operator.Columns} elements");
            return null;
        }

        TensorExpression made = Calculus.Entries(op.Operator);
        return Operators.MakeTensor(made, argument, frame, [new TensorValue(made, op.Nodes, op.Depth)]);
    }
}
