using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>What an expression is once sizes are known.</summary>
internal abstract record Value
{
    /// <summary>What it is, for diagnostics: <c>an operator 12 -> 8</c>.</summary>
    public abstract string Description { get; }

    /// <summary>How large the algebra below is: nodes as a tree, and levels.</summary>
    public virtual (long Nodes, int Depth) Extent => (1, 1);

    public static string Show(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}

internal sealed record NumberValue(double Number) : Value
{
    public override string Description => $"the number {Show(Number)}";
}

/// <summary>A number that depends on the index of an enclosing repetition, which is kept as an index.</summary>
internal sealed record SymbolValue(AffineIndex Index) : Value
{
    public override string Description => "an index";
}

internal sealed record ListValue(EquatableArray<double> Numbers) : Value
{
    public override string Description => Text;

    public string Text => $"[{string.Join(", ", Numbers.Select(Show))}]";
}

internal sealed record BooleanValue(bool Holds) : Value
{
    public override string Description => "a condition";
}

internal sealed record FamilyValue(EquatableArray<TensorExpression> Members) : Value
{
    public override string Description => $"a family of {Members.Count} tensors";
}

/// <summary>What can stand with indices in index notation.</summary>
internal abstract record IndexedValue(TensorExpression Tensor, long Nodes, int Depth) : Value
{
    public override (long Nodes, int Depth) Extent => (Nodes, Depth);

    public string Shape => ShapeText(Tensor);

    public int Axes => Tensor.Shape.Count;

    public int Length => Tensor.Shape.Aggregate(1, (product, extent) => checked(product * extent));

    public static string ShapeText(TensorExpression tensor) => $"[{string.Join(", ", tensor.Shape)}]";
}

/// <summary>A tensor that does not depend on the input.</summary>
internal sealed record TensorValue(TensorExpression Tensor, long Nodes = 1, int Depth = 1) : IndexedValue(Tensor, Nodes, Depth)
{
    public override string Description => $"a tensor {Shape}";
}

/// <summary>A value of a layer: it depends on the input, which is one itself.</summary>
internal sealed record RowValue(TensorExpression Tensor, long Nodes = 1, int Depth = 1) : IndexedValue(Tensor, Nodes, Depth)
{
    public override string Description => $"a value {Shape}, which depends on the input";
}

/// <summary>Positions by data: an input of whole numbers below a size, or arithmetic on one. They stand where a position does, and are no numbers.</summary>
internal sealed record PositionsValue(TensorExpression Tensor, int Size, long Nodes = 1, int Depth = 1) : Value
{
    public override string Description =>
        $"positions [{string.Join(", ", Tensor.Shape)}] < {Size.ToString(CultureInfo.InvariantCulture)}, which stand where a tensor is read: 'E[token[i], c]'";

    public override (long Nodes, int Depth) Extent => (Nodes, Depth);
}

internal sealed record OperatorValue(Operator Operator, long Nodes = 1, int Depth = 1) : Value
{
    public override string Description => $"an operator {Shape}";

    public override (long Nodes, int Depth) Extent => (Nodes, Depth);

    public string Shape => $"{Operator.Columns} -> {Operator.Rows}";
}

/// <summary>A chain of links, what an operator, layer or model comes to when it is instantiated.</summary>
internal sealed record ChainValue(EquatableArray<Link> Links, int Inputs, int Outputs, long Nodes, int Depth) : Value
{
    /// <summary>The inputs, where they have names; those that hold positions can be given nothing else.</summary>
    public EquatableArray<Port> Takes { get; init; }

    /// <summary>The outputs, where they have names.</summary>
    public EquatableArray<Port> Gives { get; init; }

    /// <summary>Whether some of its inputs hold positions.</summary>
    public bool TakesPositions => Takes.Any(port => port.IsPositions);

    public override string Description => $"a layer {Inputs} -> {Outputs}";

    public override (long Nodes, int Depth) Extent => (Nodes, Depth);
}
