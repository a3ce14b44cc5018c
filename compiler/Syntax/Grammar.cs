using System.Globalization;
using Sprache;
using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>What one statement can be, before statements are put together to declarations.</summary>
internal abstract record StatementSyntax;

internal sealed record ImportStatement(ImportSyntax Import) : StatementSyntax;

internal sealed record BankStatement(Identifier Name, EquatableArray<ExpressionSyntax> Shape, DistributionSyntax? Distribution) : StatementSyntax;

internal sealed record HeaderStatement(
    MapKind Kind,
    Identifier Name,
    EquatableArray<ParameterSyntax> Parameters,
    ExpressionSyntax Inputs,
    ExpressionSyntax Outputs,
    ChainBody? Body) : StatementSyntax;

internal sealed record StepStatement(ModelStepSyntax Step) : StatementSyntax;

internal sealed record ClauseStatement(ClauseSyntax Clause) : StatementSyntax;

internal sealed record BodyStatement(BodySyntax Body) : StatementSyntax;

/// <summary>
/// The grammar in Sprache. Its characters are kinds of tokens, see <see cref="TokenInput"/>: blanks and comments are gone,
/// and a keyword is not a prefix of a name. Repetitions and choices are exclusive (<c>XOr</c>, <see cref="All"/>): once a token is
/// consumed there is no way back, so parsing is linear and the error is where the text stops making sense.
/// </summary>
internal static class Grammar
{
    /// <summary>Expressions in expressions. A parse at this depth fits in the smallest stacks that compilers run on.</summary>
    public const int MaxDepth = 200;

    private const string AnExpression = "an expression";

    /// <summary>The words of repetitions: <c>sum(i &lt; n) A</c>.</summary>
    public static readonly HashSet<string> Combinators =
        new(StringComparer.Ordinal) { "sum", "product", "kron", "dirsum", "hstack", "vstack", RepeatSyntax.Each, RepeatSyntax.Repeat, RepeatSyntax.Scan };

    private static readonly Dictionary<char, (Precedence Precedence, string Text)> s_operators = new()
    {
        [Token.Or] = (Precedence.Or, "or"),
        [Token.And] = (Precedence.And, "and"),
        [Token.Equal] = (Precedence.Comparison, "=="),
        [Token.NotEqual] = (Precedence.Comparison, "!="),
        ['<'] = (Precedence.Comparison, "<"),
        [Token.LessOrEqual] = (Precedence.Comparison, "<="),
        ['>'] = (Precedence.Comparison, ">"),
        [Token.GreaterOrEqual] = (Precedence.Comparison, ">="),
        ['+'] = (Precedence.Additive, "+"),
        ['-'] = (Precedence.Additive, "-"),
        [Token.DirectSum] = (Precedence.DirectSum, "⊕"),
        ['*'] = (Precedence.Multiplicative, "*"),
        ['/'] = (Precedence.Multiplicative, "/"),
        ['%'] = (Precedence.Multiplicative, "%"),
        [Token.Kronecker] = (Precedence.Kronecker, "⊗"),
    };

    private static readonly Parser<Identifier> Name =
        Take(Token.Name, "a name").Text((text, span) => new Identifier(text, span));

    private static readonly Parser<ExpressionSyntax> Number =
        Take(Token.Number, null).Text((text, span) => (ExpressionSyntax)new NumberSyntax(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture), span));

    private static readonly Parser<ExpressionSyntax> Expression = Nested(input => Operations!(input));

    /// <summary>An expression, a chain of them, or a choice of such.</summary>
    private static readonly Parser<ExpressionSyntax> Composition = OrConditional(
        Spanned<ExpressionSyntax>(
            from first in Expression
            from rest in All(Take('.', null).Then(_ => Expression))
            select (Func<TextSpan, ExpressionSyntax>)(span => rest.Count == 0 ? first : new CompositionSyntax(rest.Prepend(first).ToEquatable(), span))),
        choice => choice);

    /// <summary>What follows <c>then</c> and <c>else</c> is as long as it can be.</summary>
    private static readonly Parser<ExpressionSyntax> Conditional = Nested(Spanned(
        from word in Take(Token.If, null)
        from condition in Expression
        from then in Take(Token.Then, "'then'")
        from first in Composition
        from otherwise in Take(Token.Else, "'else'")
        from second in Composition
        select (Func<TextSpan, ExpressionSyntax>)(span => new ConditionalSyntax(condition, first, second, span))));

    /// <summary>The links of a body.</summary>
    private static readonly Parser<EquatableArray<ExpressionSyntax>> Links = OrConditional(SeparatedBy(Expression, '.'), choice => EquatableArray.Of(choice));

    private static readonly Parser<EquatableArray<ExpressionSyntax>> Arguments =
        from open in Take('(', null)
        from arguments in ListOf(Composition, ")")
        from close in Take(')', "')'")
        select arguments;

    private static readonly Parser<ExpressionSyntax> NameOrCall =
        Spanned<ExpressionSyntax>(
            from name in Take(Token.Name, null).Text((text, span) => new Identifier(text, span))
            from arguments in Maybe(Arguments)
            select (Func<TextSpan, ExpressionSyntax>)(span => arguments.IsDefined
                ? new CallSyntax(name, arguments.Get(), span)
                : new NameSyntax(name.Text, span)));

    private static readonly Parser<ExpressionSyntax> Repeat =
        Spanned<ExpressionSyntax>(
            from combinator in Name
            from open in Take('(', "'('")
            from variable in Name
            from less in Take('<', "'<'")
            from count in Expression
            from close in Take(')', "')'")
            from body in Nested(input => Power!(input))
            select (Func<TextSpan, ExpressionSyntax>)(span => new RepeatSyntax(combinator.Text, variable, count, body, span)));

    private static readonly Parser<ExpressionSyntax> Parenthesized =
        Spanned<ExpressionSyntax>(
            from open in Take('(', null)
            from expression in Composition
            from close in Take(')', "')'")
            select (Func<TextSpan, ExpressionSyntax>)(span => expression with { Span = span }));

    private static readonly Parser<ExpressionSyntax> Block =
        Spanned<ExpressionSyntax>(
            from open in Take('[', null)
            from rows in SeparatedBy(SeparatedBy(Composition, ','), ';')
            from close in Take(']', "']'")
            select (Func<TextSpan, ExpressionSyntax>)(span => new BlockSyntax(rows, span)));

    private static readonly Parser<ExpressionSyntax> Atom = input =>
    {
        var tokens = (TokenInput)input;
        switch (tokens.Current)
        {
            case Token.Number:
                return Number(input);
            case Token.Name when tokens.KindAt(1) == '(' && tokens.KindAt(2) == Token.Name && tokens.KindAt(3) == '<'
                    && Combinators.Contains(tokens.State.Source.Slice(tokens.Token.Span)):
                return Repeat(input);
            case Token.Name when tokens.KindAt(1) is Token.Name or '(' && tokens.State.Source.Slice(tokens.Token.Span) == FrozenSyntax.Word:
                return Frozen!(input);
            case Token.Name when tokens.KindAt(1) == Token.Name && tokens.State.Source.Slice(tokens.Token.Span) == "shared":
                return Fail<ExpressionSyntax>(tokens, "a call (what calls share is a tensor that both are given, as in 'f(W)' and 'g(W)')");
            case Token.Name:
                return NameOrCall(input);
            case '(':
                return Parenthesized(input);
            case '[':
                return Block(input);
            case Token.If:
                return Fail<ExpressionSyntax>(tokens, $"{AnExpression}, a choice in parentheses: '(if … then … else …)'");
            default:
                return Fail<ExpressionSyntax>(tokens, tokens.Current == '*' ? $"{AnExpression} (a power is written a^b)" : AnExpression);
        }
    };

    private static readonly Parser<ExpressionSyntax> Frozen = Nested(Spanned(
        from word in Name
        from operand in Atom
        select (Func<TextSpan, ExpressionSyntax>)(span => new FrozenSyntax(operand, span))));

    private static readonly Parser<SliceItemSyntax> SliceItem =
        Spanned(
            (from colon in Take(':', "':'")
             select (Func<TextSpan, SliceItemSyntax>)(span => new SliceItemSyntax(null, null, span)))
            .XOr(
                from start in Expression
                from end in Maybe(Take(Token.Range, null).Then(_ => Expression))
                select (Func<TextSpan, SliceItemSyntax>)(span => new SliceItemSyntax(start, end.GetOrDefault(), span))));

    private static readonly Parser<SuffixSyntax> Suffix =
        Spanned(
            (from prime in Take(Token.Transpose, null)
             select (Func<TextSpan, SuffixSyntax>)(span => new TransposeSuffix(span)))
            .XOr(
                from open in Take('[', null)
                from items in SeparatedBy(SliceItem, ',')
                from close in Take(']', "']'")
                select (Func<TextSpan, SuffixSyntax>)(span => new SliceSuffix(items, span))));

    private static readonly Parser<ExpressionSyntax> Postfix =
        Spanned(
            from atom in Atom
            from suffixes in All(Suffix)
            select (Func<TextSpan, ExpressionSyntax>)(span =>
                suffixes.ToEquatable() is { Count: > 0 } all ? new PostfixSyntax(atom, all, span) : atom));

    /// <summary><c>a^b</c>, which is <c>a^(b^c)</c> for <c>a^b^c</c>.</summary>
    private static readonly Parser<ExpressionSyntax> Power = Spanned(
        from value in Postfix
        from exponent in Maybe(Take('^', null).Then(_ => Nested(input => Exponent!(input))))
        select Raised(value, exponent));

    private static readonly Parser<ExpressionSyntax> Exponent =
        from minuses in All(Take('-', null))
        from value in Power
        select Operand.Of([], minuses, value).Value;

    private static readonly Parser<Operand> Prefixed =
        from nots in All(Take(Token.Not, null))
        from minuses in All(Take('-', null))
        from value in Power
        select Operand.Of(nots.ToList(), minuses.ToList(), value);

    private static readonly Parser<ExpressionSyntax> Operations =
        from first in Prefixed
        from rest in All(BinaryOperator.Then(op => Prefixed.Select(operand => (op, operand))))
        select new OperationTree(first, rest).Build();

    private static readonly Parser<EquatableArray<ExpressionSyntax>> Shape =
        from open in Take('[', "'['")
        from axes in ListOf(Expression, "]")
        from close in Take(']', "']'")
        select axes;

    /// <summary>What a tensor is declared to be.</summary>
    private static readonly Parser<Identifier> Property = input =>
        ((TokenInput)input) is var tokens && tokens.Current == Token.Name && TensorProperties.ByWord.ContainsKey(tokens.State.Source.Slice(tokens.Token.Span))
            ? Name(input)
            : Result.Failure<Identifier>(input, "", []);

    private static readonly Parser<DistributionSyntax> Distribution =
        Take('~', null).Then(_ => Spanned(
            from name in Name
            from arguments in Maybe(Arguments)
            select (Func<TextSpan, DistributionSyntax>)(span => new DistributionSyntax(name, arguments.GetOrElse(default), span))));

    private static readonly Parser<IndexSyntax> Index =
        Spanned(
            from first in (Parser<char>)(input => input.Current is Token.Name or Token.Number or '('
                ? Result.Success(input.Current, input)
                : Fail<char>((TokenInput)input, "an index"))
            from value in Expression
            from extent in Maybe(Take(':', null).Then(_ => Expression))
            select (Func<TextSpan, IndexSyntax>)(span => new IndexSyntax(value, extent.GetOrDefault(), span)));

    private static readonly Parser<IndexGroupSyntax> IndexGroup =
        Spanned(
            from indices in Index.Then(first => All(Index).Select(rest => rest.Prepend(first)))
            select (Func<TextSpan, IndexGroupSyntax>)(span => new IndexGroupSyntax(indices.ToEquatable(), span)));

    private static readonly Parser<EquatableArray<IndexGroupSyntax>> Axes =
        from open in Take('[', null)
        from groups in ListOf(IndexGroup, "]")
        from close in Take(']', "']'")
        select groups;

    /// <summary>An element has no exponent, which is told where one stands.</summary>
    private static readonly Parser<ExpressionSyntax> NoExponent = input => input.Current == '^'
        ? Fail<ExpressionSyntax>((TokenInput)input, "a product, 'A[i] * A[i]', or 'power(A, p)[i]', for a power of elements")
        : Result.Failure<ExpressionSyntax>(input, "", []);

    private static readonly Parser<(ExpressionSyntax Value, EquatableArray<EquatableArray<IndexGroupSyntax>> Brackets)> IndexedValue =
        from value in (Parser<ExpressionSyntax>)(input => ((TokenInput)input).Current switch
        {
            Token.Number => Number(input),
            Token.Name => NameOrCall(input),
            '(' => Parenthesized(input),
            _ => Fail<ExpressionSyntax>((TokenInput)input, "a factor"),
        })
        from brackets in All(Axes)
        from exponent in Maybe(brackets.Count == 0 ? Take('^', null).Then(_ => Exponent) : NoExponent)
        select (Raised(value, exponent)(exponent.IsDefined ? TextSpan.FromBounds(value.Span.Start, exponent.Get().Span.End) : value.Span), brackets.ToEquatable());

    private static readonly Parser<EquatableArray<IndexTermSyntax>> IndexTerms =
        from firstSign in Maybe(Take('-', null))
        from first in IndexTerm(firstSign.IsDefined)
        from rest in All(Take('+', null).Select(_ => false).XOr(Take('-', null).Select(_ => true)).Then(IndexTerm))
        select rest.Prepend(first).ToEquatable();

    private static readonly Parser<ChainBody> Chain =
        Spanned(
            from equal in Take('=', "'='")
            from links in Links
            select (Func<TextSpan, ChainBody>)(span => new ChainBody(links, span)));

    private static readonly Parser<ParameterKindSyntax> ListKind =
        from open in Take('[', null)
        from close in Take(']', "']'")
        select (ParameterKindSyntax)new ListKindSyntax(TextSpan.FromBounds(open.Token.Span.Start, close.Token.Span.End));

    private static readonly Parser<ParameterKindSyntax> TensorKind = Spanned(
        Shape.Select(shape => (Func<TextSpan, ParameterKindSyntax>)(span => new TensorKindSyntax(shape, span))));

    private static readonly Parser<ParameterKindSyntax> MapKindOfParameter = Spanned(
        from inputs in Expression
        from arrow in Take(Token.Arrow, "'->'")
        from outputs in Expression
        select (Func<TextSpan, ParameterKindSyntax>)(span => new MapKindSyntax(inputs, outputs, span)));

    private static readonly Parser<ParameterSyntax> Parameter =
        Spanned(
            from name in Name
            from kind in Maybe(ListKind.XOr(Take(':', null).Then(_ => (Parser<ParameterKindSyntax>)(input => input.Current == '[' ? TensorKind(input) : MapKindOfParameter(input)))))
            from value in Maybe(Take('=', null).Then(_ => Composition))
            select (Func<TextSpan, ParameterSyntax>)(span => new ParameterSyntax(name, kind.GetOrElse(new NumberKindSyntax(name.Span)), value.GetOrDefault(), span)));

    private static readonly Parser<EquatableArray<ParameterSyntax>> Parameters =
        from open in Take('(', null)
        from parameters in ListOf(Parameter, ")")
        from close in Take(')', "')'")
        select parameters;

    private static readonly Parser<TensorSyntax> Tensor =
        Spanned(
            from name in Name
            from family in Maybe(
                from open in Take('(', null)
                from variable in Name
                from less in Take('<', "'<'")
                from count in Expression
                from close in Take(')', "')'")
                select (variable, count))
            from shape in Maybe(Shape)
            from property in Maybe(Property)
            from distribution in Maybe(Distribution)
            from rate in Maybe(Keyword("rate").Then(_ => Expression))
            select (Func<TextSpan, TensorSyntax>)(span => new TensorSyntax(
                name,
                family.IsDefined ? family.Get().variable : null,
                family.IsDefined ? family.Get().count : null,
                shape.GetOrElse(default),
                property.GetOrDefault(),
                distribution.GetOrDefault(),
                rate.GetOrDefault(),
                span)));

    private static readonly Parser<StatementSyntax> Import = Statement(
        Keyword("import").Then(_ => Take(Token.String, "a file name in quotes").Text((text, span) => text.Trim('"'))),
        (file, span) => new ImportStatement(new ImportSyntax(file, span)));

    private static readonly Parser<StatementSyntax> Bank = Statement(
        from keyword in Keyword("bank")
        from name in Name
        from shape in Shape
        from distribution in Maybe(Distribution)
        select (name, shape, distribution),
        (bank, span) => new BankStatement(bank.name, bank.shape, bank.distribution.GetOrDefault()));

    private static readonly Parser<StatementSyntax> Require = Statement(
        Keyword("require").Then(_ => Expression),
        (condition, span) => new ClauseStatement(new RequireSyntax(condition, span)));

    /// <summary>A name and what it stands for: an expression, or a sum over indices.</summary>
    private static readonly Parser<(Identifier Name, Func<TextSpan, ClauseSyntax> Make)> Definition =
        from name in Name
        from rest in
            Axes.Then(axes => Assignment.Then(adds => IndexTerms.Select(terms => (Func<TextSpan, ClauseSyntax>)(span => new IndexLetSyntax(name, axes, terms, span) { Adds = adds }))))
            .XOr(Take('=', "'='").Then(_ => Composition).Select(value => (Func<TextSpan, ClauseSyntax>)(span => new LetSyntax(name, value, span))))
        select (name, rest);

    private static readonly Parser<StatementSyntax> Let = Statement(
        Keyword("let").Then(_ => Definition), (definition, span) => new ClauseStatement(definition.Make(span)));

    private static readonly Parser<StatementSyntax> Penalty = Statement(
        Keyword("penalty").Then(_ => Definition), (definition, span) => new ClauseStatement(new PenaltySyntax(definition.Name, definition.Make(span), span)));

    private static readonly Parser<FormatSyntax> Format = Spanned(
        from name in Name
        from rest in Maybe(Take(',', null).Then(_ => Expression))
        select (Func<TextSpan, FormatSyntax>)(span => new FormatSyntax(name, rest.GetOrDefault(), span)));

    private static readonly Parser<(ExpressionSyntax?, FormatSyntax?)> FormatAlone =
        from format in Maybe(Take('(', null).Then(_ => Format).Then(format => Take(')', "')'").Select(_ => format)))
        select ((ExpressionSyntax?)null, format.GetOrDefault());

    private static readonly Parser<(ExpressionSyntax?, FormatSyntax?)> SeedAndFormat =
        from open in Take('(', "'(' and the seed")
        from seed in Expression
        from format in Maybe(Take(',', null).Then(_ => Format))
        from close in Take(')', "')'")
        select ((ExpressionSyntax?)seed, format.GetOrDefault());

    private static readonly Parser<StatementSyntax> Tensors = Statement(
        from shared in Maybe(Keyword("shared"))
        from role in RoleKeyword
        from options in role == Role.Seeded ? SeedAndFormat : FormatAlone
        from tensors in SeparatedBy(Tensor, ',')
        select (shared, role, options, tensors),
        (all, span) => new ClauseStatement(
            new TensorsSyntax(all.shared.IsDefined, all.role, all.options.Item1, all.options.Item2, SpreadDistributions(all.tensors), span)));

    private static readonly Parser<StatementSyntax> Noise = Statement(
        from keyword in Keyword("noise")
        from tensors in SeparatedBy(Tensor, ',')
        select tensors,
        (tensors, span) => new ClauseStatement(new TensorsSyntax(false, null, null, null, SpreadDistributions(tensors), span)));

    private static readonly Parser<StatementSyntax> ChainStatement = Chain.Select(body => (StatementSyntax)new BodyStatement(body));

    private static readonly Parser<StatementSyntax> IndexStatement = Statement(
        from name in Name
        from axes in Axes
        from adds in Assignment
        from terms in IndexTerms
        select (name, axes, adds, terms),
        (all, span) => new BodyStatement(new IndexBody(all.name, all.axes, all.terms, span) { Adds = all.adds }));

    /// <summary>A formula by itself, as in an attribute: the links of a chain.</summary>
    public static Parser<EquatableArray<ExpressionSyntax>> Formula { get; } = ToEnd(Links);

    /// <summary>One statement: its first token decides which.</summary>
    public static Parser<StatementSyntax> StatementParser { get; } = input =>
    {
        var tokens = (TokenInput)input;
        string word = tokens.Current == Token.Name ? tokens.State.Source.Slice(tokens.Token.Span) : "";
        Parser<StatementSyntax>? parser = (tokens.Current, word) switch
        {
            // An output may have the name of a statement, behind none of which a bracket opens but a requirement.
            (Token.Name, not "require") when tokens.KindAt(1) == '[' => IndexStatement,
            (_, "import") => Import,
            (_, "bank") => Bank,
            (_, "operator") => Header("operator", MapKind.Operator),
            (_, "model") => Header("model", MapKind.Model),
            (_, "layer") => tokens.KindAt(1) == Token.Name && tokens.KindAt(2) == '=' ? Step : Header("layer", MapKind.Layer),
            (_, "require") => Require,
            (_, "let") => Let,
            (_, "penalty") => Penalty,
            (_, "param" or "frozen" or "seeded" or "shared") => Tensors,
            (_, "noise") => Noise,
            ('=', _) => ChainStatement,
            _ => null,
        };
        return parser is null
            ? Fail<StatementSyntax>(tokens, "a statement such as 'operator', 'param', 'let' or '='")
            : ToEnd(parser)(input);
    };

    /// <summary>Whether it adds.</summary>
    private static Parser<bool> Assignment => Take('=', "'='").Select(_ => false).XOr(Take(Token.PlusEqual, "'+='").Select(_ => true));

    private static Parser<char> BinaryOperator => input =>
        s_operators.ContainsKey(input.Current)
            ? Result.Success(input.Current, input.Advance())
            : Result.Failure<char>(input, "", []);

    private static Parser<StatementSyntax> Step => Statement(
        from keyword in Keyword("layer")
        from name in Name
        from body in Chain
        select (name, body),
        (step, span) => new StepStatement(new ModelStepSyntax(step.name, step.body, span)));

    private static Parser<Role> RoleKeyword => input =>
    {
        var tokens = (TokenInput)input;
        Role? role = (tokens.Current == Token.Name ? tokens.State.Source.Slice(tokens.Token.Span) : "") switch
        {
            "param" => Role.Trained,
            "frozen" => Role.Frozen,
            "seeded" => Role.Seeded,
            _ => null,
        };
        return role is { } found ? Result.Success(found, input.Advance()) : Fail<Role>(tokens, "'param', 'frozen' or 'seeded(…)'");
    };

    private static Parser<StatementSyntax> Header(string keyword, MapKind kind) => Statement(
        from first in Keyword(keyword)
        from name in Name
        from parameters in Maybe(Parameters)
        from colon in Take(':', "':' and the sizes")
        from inputs in Side(parameters.GetOrElse(default))
        from arrow in Take(Token.Arrow, "'->'")
        from outputs in Side(parameters.GetOrElse(default))
        from body in kind == MapKind.Model ? Sprache.Parse.Return<ChainBody?>(null) : Maybe(Chain).Select(chain => (ChainBody?)chain.GetOrDefault())
        select (StatementSyntax)new HeaderStatement(kind, name, parameters.GetOrElse(default), inputs, outputs, body),
        (header, span) => header);

    /// <summary>One side of a signature: a size, or names with shapes. A list's element, <c>n[0]</c>, is a size.</summary>
    private static Parser<ExpressionSyntax> Side(EquatableArray<ParameterSyntax> parameters)
    {
        return Spanned(Expression.Then(first => All(Take(',', null).Then(_ => Expression)).Select(rest => rest.Prepend(first).ToEquatable())).Select(all => (Func<TextSpan, ExpressionSyntax>)(span =>
            all.Count == 1 && Port(all[0]).Name is null ? all[0] : new PortsSyntax(all.Select(Port).ToEquatable(), span))));

        PortSyntax Port(ExpressionSyntax side) => side switch
        {
            ChainSyntax { Precedence: Precedence.Comparison, Rest: { Count: 1 } rest } chain when rest[0].Operator == "<" && Port(chain.First) is { Name: not null, Limit: null } port =>
                port with { Limit = rest[0].Operand, Span = side.Span },
            PostfixSyntax { Operand: NameSyntax name, Suffixes: { Count: 1 } suffixes } when suffixes[0] is SliceSuffix { Items: var items }
                && items.All(item => item is { Start: not null, End: null }) && !parameters.Any(parameter => parameter.Name.Text == name.Name) =>
                new PortSyntax(new Identifier(name.Name, name.Span), items.Select(item => item.Start!).ToEquatable(), null, side.Span),
            _ => new PortSyntax(null, default, side, side.Span),
        };
    }

    /// <summary>A choice where the word for one stands, else something else.</summary>
    private static Parser<T> OrConditional<T>(Parser<T> other, Func<ExpressionSyntax, T> make) =>
        input => input.Current == Token.If ? Conditional.Select(make)(input) : other(input);

    /// <summary>A power, where there is an exponent.</summary>
    private static Func<TextSpan, ExpressionSyntax> Raised(ExpressionSyntax value, IOption<ExpressionSyntax> exponent) => span => exponent.IsDefined
        ? new ChainSyntax(Precedence.Power, value, EquatableArray.Of(new ChainLinkSyntax("^", exponent.Get(), exponent.Get().Span)), span)
        : value;

    private static Parser<IndexTermSyntax> IndexTerm(bool isNegative) =>
        Spanned(
            from first in IndexFactor(false)
            from rest in All(Take('*', null).Select(_ => false).XOr(Take('/', null).Select(_ => true)).Then(IndexFactor))
            select (Func<TextSpan, IndexTermSyntax>)(span => new IndexTermSyntax(isNegative, rest.Prepend(first).ToEquatable(), span)));

    private static Parser<IndexFactorSyntax> IndexFactor(bool isDivisor) =>
        Spanned(IndexedValue.Select(all =>
            (Func<TextSpan, IndexFactorSyntax>)(span => new IndexFactorSyntax(isDivisor, all.Value, all.Brackets, span))));

    /// <summary>A distribution stands for the tensors before it too, back to the last one that has its own.</summary>
    private static EquatableArray<TensorSyntax> SpreadDistributions(EquatableArray<TensorSyntax> tensors)
    {
        TensorSyntax[] result = [.. tensors];
        for (int i = result.Length - 2; i >= 0; i--)
        {
            result[i] = result[i] with { Distribution = result[i].Distribution ?? result[i + 1].Distribution };
        }

        return result.ToEquatable();
    }

    private static Parser<TokenInput> Take(char kind, string? expected) => input =>
    {
        var tokens = (TokenInput)input;
        if (tokens.Current == kind && !tokens.AtEnd)
        {
            return Result.Success(tokens, input.Advance());
        }

        return expected is null ? Result.Failure<TokenInput>(input, "", []) : Fail<TokenInput>(tokens, expected);
    };

    private static Parser<TokenInput> Keyword(string word) => input =>
    {
        var tokens = (TokenInput)input;
        return tokens.Current == Token.Name && tokens.State.Source.Slice(tokens.Token.Span) == word
            ? Result.Success(tokens, input.Advance())
            : Result.Failure<TokenInput>(input, "", []);
    };

    private static IResult<T> Fail<T>(TokenInput input, string expected)
    {
        input.State.Expect(input.Position, expected);
        return Result.Failure<T>(input, "", [expected]);
    }

    private static Parser<T> Text<T>(this Parser<TokenInput> parser, Func<string, TextSpan, T> make) =>
        parser.Select(input => make(input.State.Source.Slice(input.Token.Span), input.Token.Span));

    /// <summary>
    /// As many as there are. Unlike Sprache's <c>XMany</c> it does not parse the one that fails a second time, which would
    /// double the work at every level of nesting.
    /// </summary>
    private static Parser<List<T>> All<T>(Parser<T> parser) => input =>
    {
        var items = new List<T>();
        IResult<T> result = parser(input);
        while (result.WasSuccessful)
        {
            items.Add(result.Value);
            input = result.Remainder;
            result = parser(input);
        }

        return result.Remainder.Equals(input)
            ? Result.Success(items, input)
            : Result.Failure<List<T>>(result.Remainder, result.Message, result.Expectations);
    };

    private static Parser<IOption<T>> Maybe<T>(Parser<T> parser) => parser.XOptional();

    private static Parser<EquatableArray<T>> SeparatedBy<T>(Parser<T> parser, char separator) =>
        from first in parser
        from rest in All(Take(separator, $"'{separator}'").Then(_ => parser))
        select rest.Prepend(first).ToEquatable();

    private static Parser<EquatableArray<T>> ListOf<T>(Parser<T> parser, string close) => input =>
        ((TokenInput)input).Current == close[0]
            ? Result.Success(EquatableArray<T>.Empty, input)
            : SeparatedBy(parser, ',')(input);

    private static Parser<T> Spanned<T>(Parser<Func<TextSpan, T>> parser) => input =>
    {
        IResult<Func<TextSpan, T>> result = parser(input);
        if (!result.WasSuccessful)
        {
            return Result.Failure<T>(result.Remainder, result.Message, result.Expectations);
        }

        var start = (TokenInput)input;
        int last = result.Remainder.Position - 1;
        var span = last < start.Position ? default : TextSpan.FromBounds(start.Token.Span.Start, start.State.Tokens[last].Span.End);
        return Result.Success(result.Value(span), result.Remainder);
    };

    private static Parser<StatementSyntax> Statement<T>(Parser<T> parser, Func<T, TextSpan, StatementSyntax> make) =>
        Spanned(parser.Select(value => (Func<TextSpan, StatementSyntax>)(span => make(value, span))));

    private static Parser<T> ToEnd<T>(Parser<T> parser) => parser.Then(value => (Parser<T>)(input =>
        input.AtEnd ? Result.Success(value, input) : Fail<T>((TokenInput)input, "the end of the statement")));

    /// <summary>Guards recursion: beyond <see cref="MaxDepth"/> the parse fails, which unwinds the stack.</summary>
    private static Parser<T> Nested<T>(Parser<T> parser) => input =>
    {
        StatementState state = ((TokenInput)input).State;
        if (state.Depth >= MaxDepth)
        {
            state.TooDeepAt = input.Position;
            return Result.Failure<T>(input, "", []);
        }

        state.Depth++;
        IResult<T> result = parser(input);
        state.Depth--;
        return result;
    };

    /// <summary>An operand and whether <c>not</c> stands before it. A double negation is none.</summary>
    private sealed record Operand(ExpressionSyntax Value, int NotStart)
    {
        public bool IsNegated => NotStart >= 0;

        public static Operand Of(List<TokenInput> nots, List<TokenInput> minuses, ExpressionSyntax value) => new(
            minuses.Count % 2 == 0 ? value : new NegateSyntax(value, TextSpan.FromBounds(minuses[0].Token.Span.Start, value.Span.End)),
            nots.Count % 2 == 0 ? -1 : nots[0].Token.Span.Start);
    }

    /// <summary>Turns a flat row of operators into chains by precedence.</summary>
    private sealed class OperationTree(Operand first, IEnumerable<(char Operator, Operand Operand)> rest)
    {
        private readonly Operand[] _operands = [first, .. rest.Select(link => link.Operand)];
        private readonly char[] _operators = [.. rest.Select(link => link.Operator)];
        private int _position;

        public ExpressionSyntax Build() => Level(Precedence.Or);

        private ExpressionSyntax Level(Precedence precedence)
        {
            if (precedence == Precedence.Comparison && _operands[_position].IsNegated)
            {
                Operand operand = _operands[_position];
                _operands[_position] = operand with { NotStart = -1 };
                ExpressionSyntax condition = Level(precedence);
                return new NotSyntax(condition, TextSpan.FromBounds(operand.NotStart, condition.Span.End));
            }

            ExpressionSyntax left = precedence == Precedence.Kronecker ? Single() : Level(precedence + 1);
            var links = new List<ChainLinkSyntax>();
            while (_position < _operators.Length && s_operators[_operators[_position]] is var (found, text) && found == precedence)
            {
                _position++;
                ExpressionSyntax right = precedence == Precedence.Kronecker ? Single() : Level(precedence + 1);
                links.Add(new ChainLinkSyntax(text, right, right.Span));
            }

            return links.Count == 0
                ? left
                : new ChainSyntax(precedence, left, links.ToEquatable(), TextSpan.FromBounds(left.Span.Start, links[links.Count - 1].Span.End));
        }

        private ExpressionSyntax Single()
        {
            Operand operand = _operands[_position];
            return operand.IsNegated
                ? new NotSyntax(operand.Value, TextSpan.FromBounds(operand.NotStart, operand.Value.Span.End))
                : operand.Value;
        }
    }
}
