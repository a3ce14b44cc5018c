using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>
/// Equal values are one: of the statements that make the same of the same tensors the first stays, and so it is with tensors that do not depend on
/// the input. Equal terms of a sum are one term. What the names of indices are, and in which order factors and terms stand, is no difference.
/// </summary>
internal sealed class ValueNumbering
{
    private static readonly RowTensor Nowhere = new("", 1);

    private readonly Dictionary<Tensor, Tensor> _values = [];
    private readonly Dictionary<Tensor, int> _numbers = [];
    private readonly Dictionary<object, Tensor> _made = [];

    private ValueNumbering()
    {
    }

    /// <summary>Statements that make each value once.</summary>
    /// <param name="statements">All of them.</param>
    /// <param name="output">What they are for.</param>
    public static IReadOnlyList<Statement> Of(IEnumerable<Statement> statements, RowTensor output)
    {
        var numbering = new ValueNumbering();
        return [.. statements.Select(statement => numbering.Numbered(statement, output)).OfType<Statement>()];
    }

    /// <summary>The statement, of the tensors that stand for those it reads; null where its value is there already.</summary>
    private Statement? Numbered(Statement statement, RowTensor output)
    {
        statement = statement.Map(Value);
        statement = statement is SumStatement sum ? sum with { Terms = Joined(sum.Terms) } : statement;
        RowTensor target = statement.Target;
        object does = statement is SumStatement { Terms: var terms } ? Key(terms) : statement with { Target = Nowhere };
        object key = (target.Length, does);
        if (!_made.TryGetValue(key, out Tensor? made))
        {
            _made.Add(key, target);
            return statement;
        }

        if (target == output)
        {
            Affine each = Affine.Of(new Index("i", target.Length));
            return new SumStatement(target, [new Term(1, [new Factor(made, each)], each)]);
        }

        _values.Add(target, made);
        return null;
    }

    /// <summary>The tensor that stands for all of its value.</summary>
    private Tensor Value(Tensor tensor)
    {
        if (_values.TryGetValue(tensor, out Tensor? known))
        {
            return known;
        }

        Tensor value = tensor switch
        {
            FunctionWeight { Call: var call } function => Made(call.Map(Value) is var mapped && mapped == call ? function : new FunctionWeight(function.Name, mapped), mapped),
            NetworkWeight network => Of(network),
            ConstantWeight constant => Made(constant, constant.Value),
            _ => tensor,
        };
        _values[tensor] = value;
        return value;

        Tensor Of(NetworkWeight network)
        {
            IReadOnlyList<Term> terms = Joined([.. network.Definition.Select(term => term.Map(Value))]);
            return Made(new NetworkWeight(network.Name, network.Shape, terms), Key(terms));
        }
    }

    private Tensor Made(Tensor tensor, object definition)
    {
        object key = (tensor.Shape.ToEquatable(), definition);
        if (!_made.TryGetValue(key, out Tensor? made))
        {
            _made.Add(key, made = tensor);
        }

        return made;
    }

    /// <summary>A sum with equal terms added up.</summary>
    private IReadOnlyList<Term> Joined(IReadOnlyList<Term> terms) => terms.Count < 2 ? terms :
    [
        .. terms.GroupBy(Key)
            .Select(group => (Term: group.First() with { Coefficient = group.Sum(term => term.Coefficient) }, IsOne: group.Count() == 1))
            .Where(joined => joined.IsOne || joined.Term.Coefficient != 0)
            .Select(joined => joined.Term),
    ];

    private EquatableArray<(string, double)> Key(IEnumerable<Term> terms) =>
        terms.Select(term => (Key(term), term.Coefficient)).OrderBy(term => term.Item1, StringComparer.Ordinal).ToEquatable();

    private string Key(Term term) => ProductForm.Of(term, Number).Key;

    private int Number(Tensor tensor)
    {
        if (!_numbers.TryGetValue(tensor, out int number))
        {
            _numbers.Add(tensor, number = _numbers.Count);
        }

        return number;
    }
}
