using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>How often the numbers of a tensor change, rarest first. A result changes as often as that operand which changes most.</summary>
public enum Rate
{
    /// <summary>Never: a formula, or a list of numbers.</summary>
    Constant,

    /// <summary>When somebody edits frozen parameters.</summary>
    Frozen,

    /// <summary>With every update of the trained parameters.</summary>
    Update,

    /// <summary>From row to row of a batch.</summary>
    Row,
}

/// <summary>A tensor of the network, stored row-major.</summary>
public abstract class Tensor(string name, IReadOnlyList<int> shape)
{
    public string Name { get; } = name;

    public IReadOnlyList<int> Shape { get; } = shape;

    /// <exception cref="CompilationException">There are more elements than a block can have.</exception>
    public int Length => CompilationException.Length(Shape, Name);

    public abstract Rate Rate { get; }

    /// <summary>Whether a gradient has to reach it.</summary>
    public abstract bool IsTrained { get; }

    /// <summary>The format that holds its elements without loss, if there is one: kernels then read them so.</summary>
    public virtual StorageFormat? Format => null;

    /// <summary>The tensors that it is made of, once for each time that one stands in it.</summary>
    public virtual IEnumerable<Tensor> Reads => [];

    public override string ToString() => Name;
}

/// <summary>A tensor that differs from row to row of the batch: the input, the output, and whatever statements fill on the way.</summary>
public sealed class RowTensor(string name, params int[] shape) : Tensor(name, shape)
{
    public override Rate Rate => Rate.Row;

    public override bool IsTrained => true;
}

/// <summary>A tensor that does not depend on the input: stored in the weight block.</summary>
public abstract class WeightTensor(string name, IReadOnlyList<int> shape) : Tensor(name, shape);

/// <summary>A parameter of the module.</summary>
public sealed class ParameterWeight(Parameter parameter) : WeightTensor(parameter.Name, [.. parameter.Shape])
{
    public Parameter Parameter { get; } = parameter;

    public override Rate Rate => Parameter.Role == Role.Trained ? Rate.Update : Parameter.Role == Role.Frozen ? Rate.Frozen : Rate.Constant;

    public override bool IsTrained => Parameter.Role == Role.Trained;
}

/// <summary>A <see cref="TensorFunction"/> with the tensors, of any rate, and the numbers that it is applied to; the runtime has it with its gradient and tangent.</summary>
/// <param name="Function">The function.</param>
/// <param name="Arguments">The tensors.</param>
/// <param name="Shapes">The shapes that they are taken to have.</param>
/// <param name="Numbers">The numbers behind them.</param>
public sealed record FunctionCall(
    TensorFunction Function, EquatableArray<Tensor> Arguments, EquatableArray<EquatableArray<int>> Shapes, EquatableArray<double> Numbers)
{
    /// <summary>The shape of the value.</summary>
    public IReadOnlyList<int> Shape => [.. Function.Shape(Shapes, Numbers.FirstOrDefault())];

    public Rate Rate => Arguments.Select(argument => argument.Rate).DefaultIfEmpty().Max();

    /// <summary>Elements of the value.</summary>
    public int Length => CompilationException.Length(Shape, Function.Name);

    /// <summary>What it takes, in operations at full rate.</summary>
    public double Operations => Function.Operations(Shapes, Numbers.FirstOrDefault());

    /// <summary>The format that holds the value without loss, if there is one.</summary>
    public StorageFormat? Format => Function.Format(Numbers.FirstOrDefault());

    /// <summary>Whether a gradient has to pass.</summary>
    public bool IsTrained => Function.HasDerivative && Arguments.Any(argument => argument.IsTrained);

    /// <summary>The same of other tensors.</summary>
    public FunctionCall Map(Func<Tensor, Tensor> tensors) => this with { Arguments = Arguments.Select(tensors).ToEquatable() };
}

/// <summary>The value of a function of weights.</summary>
public sealed class FunctionWeight(string name, FunctionCall call) : WeightTensor(name, call.Shape)
{
    public FunctionCall Call { get; } = call;

    public override Rate Rate => Call.Rate;

    public override bool IsTrained => Call.IsTrained;

    public override StorageFormat? Format => Call.Format;

    public override IEnumerable<Tensor> Reads => Call.Arguments;
}

/// <summary>A tensor that a sum of terms of weights alone defines: evaluated once per update.</summary>
public sealed class NetworkWeight(string name, IReadOnlyList<int> shape, IReadOnlyList<Term> definition) : WeightTensor(name, shape)
{
    public IReadOnlyList<Term> Definition { get; } = definition;

    public override Rate Rate => Reads.Select(tensor => tensor.Rate).DefaultIfEmpty().Max();

    public override bool IsTrained => Reads.Any(tensor => tensor.IsTrained);

    public override IEnumerable<Tensor> Reads => Definition.SelectMany(term => term.Factors).Select(factor => factor.Tensor);
}

/// <summary>A tensor that is the same for all values of the parameters, by a formula or by its elements.</summary>
public sealed class ConstantWeight(string name, IReadOnlyList<int> shape, TensorExpression value) : WeightTensor(name, shape)
{
    /// <summary>A <see cref="FormulaTensor"/> or a <see cref="ListTensor"/>.</summary>
    public TensorExpression Value { get; } = value;

    public override Rate Rate => Rate.Constant;

    public override bool IsTrained => false;
}

/// <summary>A tensor inside a term: the element at an affine position of its storage.</summary>
public sealed record Factor(Tensor Tensor, Affine Position);

/// <summary>
/// <c>target[Output] += Coefficient · ∏ Factors</c>, summed over every index that is not in <paramref name="Output"/>. A linear map has one
/// factor of rate <see cref="Rate.Row"/> in each term, which stands last; a bias has none; a layer may have several.
/// </summary>
public sealed record Term(double Coefficient, IReadOnlyList<Factor> Factors, Affine Output)
{
    public IEnumerable<Index> Indices => Factors.SelectMany(factor => factor.Position.Indices).Concat(Output.Indices).Distinct();

    /// <summary>Whether it differs from row to row.</summary>
    public bool IsPerRow => Factors.Any(factor => factor.Tensor.Rate == Rate.Row);

    /// <summary>The tensor that this term alone is in another shape, so many elements in the same order; null where it is not one.</summary>
    public Tensor? Reshaped(int length)
    {
        if (Coefficient != 1 || Factors.Count != 1 || Factors[0].Tensor.Length != length)
        {
            return null;
        }

        (Affine from, Affine to) = (Factors[0].Position, Output);
        bool isSame = from.Offset == to.Offset && from.Terms.Count == to.Terms.Count && from.Terms.All(term => to.StrideOf(term.Index) == term.Stride);
        return isSame ? Factors[0].Tensor : null;
    }

    /// <summary>This term with every position rewritten.</summary>
    public Term Map(Func<Affine, Affine> rewrite) => this with
    {
        Factors = [.. Factors.Select(factor => factor with { Position = rewrite(factor.Position) })],
        Output = rewrite(Output),
    };

    /// <summary>The same of other tensors.</summary>
    public Term Map(Func<Tensor, Tensor> tensors) => this with { Factors = [.. Factors.Select(factor => factor with { Tensor = tensors(factor.Tensor) })] };
}

/// <summary>One statement of a lowered module: it fills a tensor for each row of the batch.</summary>
public abstract record Statement(RowTensor Target)
{
    /// <summary>The tensors that it reads, once for each time that one stands in it.</summary>
    public abstract IEnumerable<Tensor> Reads { get; }

    /// <summary>The same of other tensors, of which a function gives one for each that it reads.</summary>
    public abstract Statement Map(Func<Tensor, Tensor> tensors);

    /// <summary>The same into another tensor.</summary>
    public virtual Statement Into(RowTensor target) => this with { Target = target };
}

/// <summary>The target is a sum of terms; what no term writes is zero.</summary>
public sealed record SumStatement(RowTensor Target, IReadOnlyList<Term> Terms) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => Terms.SelectMany(term => term.Factors).Select(factor => factor.Tensor);

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with { Terms = [.. Terms.Select(term => term.Map(tensors))] };
}

/// <summary>The elements of a tensor from one on, in order.</summary>
public sealed record Part(Tensor Tensor, int Offset = 0);

/// <summary>The extents of a gather: what lies outside the axis that is read at positions, its length, the positions, and what lies inside it.</summary>
public sealed record GatherShape(int Outer, int Size, int Count, int Inner = 1)
{
    /// <summary>Elements of what is read, or added to, at positions.</summary>
    public int Indirect => checked(Outer * Size * Inner);

    /// <summary>Elements of what has one part for each position.</summary>
    public int Direct => checked(Outer * Count * Inner);
}

/// <summary>
/// <c>target[o, i, c] = source[o, Table[i], c]</c>, positions that are not affine; transposed, <c>target[o, Table[i], c] += source[o, i, c]</c>.
/// Source and table may each be the same for all rows, or differ from row to row.
/// </summary>
public sealed record GatherStatement(RowTensor Target, Part Source, Part Table, GatherShape Shape, bool Transposed) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => [Source.Tensor, Table.Tensor];

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with
    {
        Source = Source with { Tensor = tensors(Source.Tensor) },
        Table = Table with { Tensor = tensors(Table.Tensor) },
    };

    /// <summary>Whether positions differ from row to row, or what is read is the same for all rows.</summary>
    public bool IsByData => Table.Tensor.Rate == Rate.Row || Source.Tensor.Rate != Rate.Row;
}

/// <summary><c>target[axes] = Formula(axes, sources)</c>: arithmetic on positions, exact in whole numbers.</summary>
/// <param name="Target">The tensor that the positions are written to.</param>
/// <param name="Axes">The axes of the target.</param>
/// <param name="Sources">Other positions, each at an affine position over the axes.</param>
/// <param name="Formula">The arithmetic: its indices are the axes, and behind these the sources.</param>
public sealed record PositionStatement(RowTensor Target, IReadOnlyList<Index> Axes, IReadOnlyList<Factor> Sources, Formula Formula) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => Sources.Select(source => source.Tensor);

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with { Sources = [.. Sources.Select(source => source with { Tensor = tensors(source.Tensor) })] };
}

/// <summary>The Walsh–Hadamard transform of each of <paramref name="Outer"/> consecutive parts of the source.</summary>
public sealed record WalshHadamardStatement(RowTensor Target, RowTensor Source, int Outer) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => [Source];

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with { Source = (RowTensor)tensors(Source) };
}

/// <summary>
/// A chain of reflections along the rows of <paramref name="Rows"/>, applied one after the other to each of <paramref name="Outer"/>
/// consecutive parts of the source; the last row first, transposed the first one.
/// </summary>
public sealed record ReflectionsStatement(RowTensor Target, RowTensor Source, int Outer, WeightTensor Rows, bool Transposed) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => [Source, Rows];

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with { Source = (RowTensor)tensors(Source), Rows = (WeightTensor)tensors(Rows) };
}

/// <summary>The target is a function of tensors of which one at least differs from row to row.</summary>
public sealed record FunctionStatement(RowTensor Target, FunctionCall Call) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => Call.Arguments;

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with { Call = Call.Map(tensors) };
}

/// <summary>The target is drawn: <paramref name="Count"/> tensors of noise, one behind the other.</summary>
public sealed record NoiseStatement(RowTensor Target, NoiseTensor Noise, int Count = 1) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => [];

    public override Statement Map(Func<Tensor, Tensor> tensors) => this;
}

/// <summary><c>target = f(source)</c>.</summary>
public sealed record ActivationStatement(RowTensor Target, RowTensor Source, NonlinearLink Function) : Statement(Target)
{
    public override IEnumerable<Tensor> Reads => [Source];

    public override Statement Map(Func<Tensor, Tensor> tensors) => this with { Source = (RowTensor)tensors(Source) };
}

/// <summary>A lowered module: statements in order, from <see cref="Input"/> to <see cref="Output"/>.</summary>
public sealed record LoweredModule(Module Module, RowTensor Input, RowTensor Output, IReadOnlyList<Statement> Statements)
{
    /// <summary>The statements, each scan followed by those of its body.</summary>
    public IEnumerable<Statement> All => Statements.SelectMany(WithBody);

    private static IEnumerable<Statement> WithBody(Statement statement) =>
        statement is ScanStatement { Body: var body } ? body.SelectMany(WithBody).Prepend(statement) : [statement];
}
