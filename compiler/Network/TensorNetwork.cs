using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>A tensor that does not depend on the input: stored row-major in the weight block.</summary>
public abstract class WeightTensor(string name, IReadOnlyList<int> shape)
{
    public string Name { get; } = name;

    public IReadOnlyList<int> Shape { get; } = shape;

    /// <exception cref="CompilationException">There are more elements than a block can have.</exception>
    public int Length => CompilationException.Length(Shape, Name);

    /// <summary>Whether a gradient has to reach it.</summary>
    public abstract bool IsTrained { get; }

    /// <summary>The format that holds its elements without loss, if there is one: kernels then read them so.</summary>
    public virtual StorageFormat? Format => null;

    public override string ToString() => Name;
}

/// <summary>A parameter of the module.</summary>
public sealed class ParameterWeight(Parameter parameter) : WeightTensor(parameter.Name, [.. parameter.Shape])
{
    public Parameter Parameter { get; } = parameter;

    public override bool IsTrained => Parameter.Role == Role.Trained;
}

/// <summary>The value of a <see cref="TensorFunction"/>; the runtime has it with its gradient and tangent.</summary>
public sealed class FunctionWeight(
    string name, IReadOnlyList<int> shape, TensorFunction function, IReadOnlyList<WeightTensor> arguments, IReadOnlyList<double> numbers) : WeightTensor(name, shape)
{
    public TensorFunction Function { get; } = function;

    public IReadOnlyList<WeightTensor> Arguments { get; } = arguments;

    public IReadOnlyList<double> Numbers { get; } = numbers;

    public override bool IsTrained => Function.HasDerivative && Arguments.Any(argument => argument.IsTrained);

    public override StorageFormat? Format => Function.Format(Numbers.FirstOrDefault());
}

/// <summary>A tensor that a sum of terms of weights alone defines: evaluated once per update.</summary>
public sealed class NetworkWeight(string name, IReadOnlyList<int> shape, IReadOnlyList<Term> definition) : WeightTensor(name, shape)
{
    public IReadOnlyList<Term> Definition { get; } = definition;

    public override bool IsTrained => Definition.SelectMany(term => term.Factors).Any(factor => factor.Tensor.IsTrained);
}

/// <summary>A tensor that is the same for all values of the parameters, by a formula or by its elements.</summary>
public sealed class ConstantWeight(string name, IReadOnlyList<int> shape, TensorExpression value) : WeightTensor(name, shape)
{
    /// <summary>A <see cref="FormulaTensor"/> or a <see cref="ListTensor"/>.</summary>
    public TensorExpression Value { get; } = value;

    public override bool IsTrained => false;
}

/// <summary>A weight inside a term: the element at an affine position of its storage.</summary>
public sealed record Factor(WeightTensor Tensor, Affine Position);

/// <summary>A vector for each row of the batch.</summary>
public sealed class RowVector(string name, int size)
{
    public string Name { get; } = name;

    public int Size { get; } = size;

    public override string ToString() => Name;
}

/// <summary>
/// <c>target[Output] += Coefficient · ∏ Factors · Input[InputPosition]</c>, summed over every index that is not in
/// <paramref name="Output"/>. Without an input (a bias, or a tensor of weights alone) the last factor is 1.
/// </summary>
public sealed record Term(
    double Coefficient,
    IReadOnlyList<Factor> Factors,
    RowVector? Input,
    Affine InputPosition,
    Affine Output)
{
    public IEnumerable<Index> Indices =>
        Factors.SelectMany(factor => factor.Position.Indices).Concat(InputPosition.Indices).Concat(Output.Indices).Distinct();

    /// <summary>This term with every position rewritten.</summary>
    public Term Map(Func<Affine, Affine> rewrite) => this with
    {
        Factors = [.. Factors.Select(factor => factor with { Position = rewrite(factor.Position) })],
        InputPosition = rewrite(InputPosition),
        Output = rewrite(Output),
    };
}

/// <summary>One statement of a lowered module: it fills a vector for each row of the batch.</summary>
public abstract record Statement(RowVector Target);

/// <summary>The target is a sum of terms; what no term writes is zero.</summary>
public sealed record SumStatement(RowVector Target, IReadOnlyList<Term> Terms) : Statement(Target);

/// <summary>
/// <c>target[o, i] = source[o, Table[i]]</c>, positions that are not affine; transposed, <c>target[o, Table[i]] += source[o, i]</c>.
/// </summary>
public sealed record GatherStatement(RowVector Target, RowVector Source, int Outer, WeightTensor Table, bool Transposed) : Statement(Target)
{
    /// <summary>How many positions there are to read from, or to add to.</summary>
    public int Size => (Transposed ? Target : Source).Size / Outer;
}

/// <summary>The Walsh–Hadamard transform of each of <paramref name="Outer"/> consecutive parts of the source.</summary>
public sealed record WalshHadamardStatement(RowVector Target, RowVector Source, int Outer) : Statement(Target);

/// <summary>
/// A chain of reflections along the rows of <paramref name="Rows"/>, applied one after the other to each of <paramref name="Outer"/>
/// consecutive parts of the source; the last row first, transposed the first one.
/// </summary>
public sealed record ReflectionsStatement(RowVector Target, RowVector Source, int Outer, WeightTensor Rows, bool Transposed) : Statement(Target);

/// <summary><c>target = left · right</c>, elementwise.</summary>
public sealed record ProductStatement(RowVector Target, RowVector Left, RowVector Right) : Statement(Target);

/// <summary><c>target = f(source)</c>.</summary>
public sealed record ActivationStatement(RowVector Target, RowVector Source, NonlinearLink Function) : Statement(Target);

/// <summary>A lowered module: statements in order, from <see cref="Input"/> to <see cref="Output"/>.</summary>
public sealed record LoweredModule(Module Module, RowVector Input, RowVector Output, IReadOnlyList<Statement> Statements);
