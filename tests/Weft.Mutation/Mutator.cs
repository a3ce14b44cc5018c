using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace Weft.Mutation;

/// <summary>One small change of a source, of which a test should notice that it is wrong.</summary>
/// <param name="Place">The file and its line, from one.</param>
/// <param name="Before">What stands there.</param>
/// <param name="After">What would.</param>
/// <param name="Constant">The name of the constant that it changes, if it is one.</param>
internal sealed record Mutant(string Place, string Before, string After, string? Constant);

/// <summary>
/// Finds the places of a source that can be mutated, and writes chosen ones into it as schemata: <c>a - b</c> becomes
/// <c>(Mutants.Is(17) ? a + b : a - b)</c>, so that one compilation holds all mutants and one field says which of them runs (Untch, Offutt
/// and Harrold 1993). In the other branch stands the source as it was: mutants do not multiply inside one another.
/// </summary>
internal sealed class Mutator
{
    /// <summary>The annotation of a mutated node; its data is the mutant's number.</summary>
    public const string Mark = "mutant";

    /// <summary>The class that says which mutant runs, and which were met.</summary>
    public const string Switch =
        """
        namespace Weft
        {
            public static class Mutants
            {
                public static int Active = -1;
                public static readonly bool[] Met = new bool[1 << 16];

                public static bool Is(int number)
                {
                    Met[number] = true;
                    return number == Active;
                }
            }
        }
        """;

    private static readonly Dictionary<SyntaxKind, SyntaxKind> Operators = new()
    {
        [SyntaxKind.AddExpression] = SyntaxKind.SubtractExpression,
        [SyntaxKind.SubtractExpression] = SyntaxKind.AddExpression,
        [SyntaxKind.MultiplyExpression] = SyntaxKind.DivideExpression,
        [SyntaxKind.DivideExpression] = SyntaxKind.MultiplyExpression,
        [SyntaxKind.ModuloExpression] = SyntaxKind.MultiplyExpression,
        [SyntaxKind.LeftShiftExpression] = SyntaxKind.RightShiftExpression,
        [SyntaxKind.RightShiftExpression] = SyntaxKind.LeftShiftExpression,
        [SyntaxKind.BitwiseAndExpression] = SyntaxKind.BitwiseOrExpression,
        [SyntaxKind.BitwiseOrExpression] = SyntaxKind.BitwiseAndExpression,
        [SyntaxKind.LessThanExpression] = SyntaxKind.LessThanOrEqualExpression,
        [SyntaxKind.LessThanOrEqualExpression] = SyntaxKind.LessThanExpression,
        [SyntaxKind.GreaterThanExpression] = SyntaxKind.GreaterThanOrEqualExpression,
        [SyntaxKind.GreaterThanOrEqualExpression] = SyntaxKind.GreaterThanExpression,
        [SyntaxKind.EqualsExpression] = SyntaxKind.NotEqualsExpression,
        [SyntaxKind.NotEqualsExpression] = SyntaxKind.EqualsExpression,
        [SyntaxKind.LogicalAndExpression] = SyntaxKind.LogicalOrExpression,
        [SyntaxKind.LogicalOrExpression] = SyntaxKind.LogicalAndExpression,
    };

    private static readonly Dictionary<SyntaxKind, SyntaxKind> Assignments = new()
    {
        [SyntaxKind.AddAssignmentExpression] = SyntaxKind.SubtractAssignmentExpression,
        [SyntaxKind.SubtractAssignmentExpression] = SyntaxKind.AddAssignmentExpression,
        [SyntaxKind.MultiplyAssignmentExpression] = SyntaxKind.DivideAssignmentExpression,
        [SyntaxKind.OrAssignmentExpression] = SyntaxKind.AndAssignmentExpression,
        [SyntaxKind.AndAssignmentExpression] = SyntaxKind.OrAssignmentExpression,
    };

    /// <summary>Functions that are mistaken for one another.</summary>
    private static readonly Dictionary<string, string> Functions = new[]
    {
        ("Min", "Max"), ("MinBy", "MaxBy"), ("First", "Last"), ("FirstOrDefault", "LastOrDefault"), ("OrderBy", "OrderByDescending"),
        ("ThenBy", "ThenByDescending"), ("Any", "All"), ("Take", "Skip"), ("Append", "Prepend"), ("Union", "Intersect"), ("Floor", "Ceiling"),
        ("Sin", "Cos"),
    }.SelectMany(pair => new[] { pair, (pair.Item2, pair.Item1) }).ToDictionary(pair => pair.Item1, pair => pair.Item2);

    /// <summary>Functions of a sequence that can be left out.</summary>
    private static readonly HashSet<string> Filters = ["Where", "Reverse", "Distinct", "OrderBy", "OrderByDescending", "ThenBy", "ThenByDescending", "Order", "Take", "Skip"];

    /// <summary>Functions to which the order of their first two arguments does not matter.</summary>
    private static readonly HashSet<string> Symmetric = ["Min", "Max", "Equals", "ReferenceEquals", "Add", "Multiply", "FusedMultiplyAdd"];

    private readonly SemanticModel _model;
    private readonly CompilationUnitSyntax _root;
    private readonly List<(SyntaxNode Node, SyntaxNode After, string Shown)> _points = [];

    public Mutator(SemanticModel model)
    {
        _model = model;
        _root = model.SyntaxTree.GetCompilationUnitRoot();
        foreach (SyntaxNode node in _root.DescendantNodes(descendIntoChildren: node => !MustBeConstant(node)))
        {
            if (IsConstant(node))
            {
                FindConstant(node);
            }
            else if (!MustBeConstant(node) && !RunsOnce(node))
            {
                Find(node);
            }
        }
    }

    /// <summary>The source as it was.</summary>
    public SyntaxTree Tree => _root.SyntaxTree;

    /// <summary>All mutants of the source.</summary>
    public IReadOnlyList<Mutant> Mutants => [.. _points.Select(point => new Mutant(
        string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(_root.SyntaxTree.FilePath)}:{point.Node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}"),
        Short(point.Node.ToString()),
        Short(point.Shown),
        IsConstant(point.Node) ? point.Node.DescendantNodes().OfType<VariableDeclaratorSyntax>().First().Identifier.Text : null))];

    /// <summary>The source with some of its mutants.</summary>
    /// <param name="numbers">For each that is to be there, its position in <see cref="Mutants"/> and its number.</param>
    public CompilationUnitSyntax With(IReadOnlyDictionary<int, int> numbers)
    {
        ILookup<SyntaxNode, int> chosen = numbers.Keys.ToLookup(position => _points[position].Node);
        return _root.ReplaceNodes(chosen.Select(group => group.Key), (node, rewritten) => chosen[node].Aggregate(
            rewritten, (inner, position) => Schema(inner, _points[position].After, numbers[position])));
    }

    /// <summary>A node that is itself, or what a mutant makes of it.</summary>
    private static SyntaxNode Schema(SyntaxNode node, SyntaxNode after, int number)
    {
        ExpressionSyntax isActive = ParseExpression(string.Create(CultureInfo.InvariantCulture, $"global::Weft.Mutants.Is({number})"));
        SyntaxNode mutated = (node, after) switch
        {
            // What declares variables is written once.
            (ExpressionSyntax condition, LiteralExpressionSyntax { RawKind: (int)SyntaxKind.FalseLiteralExpression }) =>
                ParenthesizedExpression(BinaryExpression(SyntaxKind.LogicalAndExpression, ParenthesizedExpression(condition.WithoutTrivia()), Not(isActive))),
            (ExpressionSyntax before, ExpressionSyntax other) => Either(isActive, other, before),
            (FieldDeclarationSyntax field, ExpressionSyntax other) => Property(field, Either(isActive, other, field.Declaration.Variables[0].Initializer!.Value)),
            (LocalDeclarationStatementSyntax local, ExpressionSyntax other) => Variable(local, Either(isActive, other, local.Declaration.Variables[0].Initializer!.Value)),
            (StatementSyntax before, EmptyStatementSyntax) => IfStatement(Not(isActive), Block(before)),
            (StatementSyntax before, StatementSyntax other) => IfStatement(isActive, Block(other), ElseClause(Block(before))),
            _ => throw new InvalidOperationException(node.ToString()),
        };
        return mutated.NormalizeWhitespace().WithTriviaFrom(node).WithAdditionalAnnotations(
            new SyntaxAnnotation(Mark, number.ToString(CultureInfo.InvariantCulture)));
    }

    private static ParenthesizedExpressionSyntax Either(ExpressionSyntax isActive, ExpressionSyntax after, ExpressionSyntax before) => ParenthesizedExpression(
        ConditionalExpression(isActive, ParenthesizedExpression(after.WithoutTrivia()), ParenthesizedExpression(before.WithoutTrivia())));

    /// <summary>A constant as what can have another value.</summary>
    private static PropertyDeclarationSyntax Property(FieldDeclarationSyntax field, ExpressionSyntax value) =>
        PropertyDeclaration(field.Declaration.Type, field.Declaration.Variables[0].Identifier)
            .WithModifiers(TokenList(field.Modifiers.Where(modifier => !modifier.IsKind(SyntaxKind.ConstKeyword)).Append(Token(SyntaxKind.StaticKeyword))))
            .WithExpressionBody(ArrowExpressionClause(value))
            .WithSemicolonToken(Token(SyntaxKind.SemicolonToken));

    private static LocalDeclarationStatementSyntax Variable(LocalDeclarationStatementSyntax local, ExpressionSyntax value) => LocalDeclarationStatement(
        VariableDeclaration(local.Declaration.Type, SingletonSeparatedList(local.Declaration.Variables[0].WithInitializer(EqualsValueClause(value)))));

    private static PrefixUnaryExpressionSyntax Not(ExpressionSyntax operand) => PrefixUnaryExpression(SyntaxKind.LogicalNotExpression, operand);

    private void Find(SyntaxNode node)
    {
        switch (node)
        {
            case BinaryExpressionSyntax binary when Operators.TryGetValue(binary.Kind(), out SyntaxKind other) && IsNumber(binary):
                Add(binary, BinaryExpression(other, binary.Left, binary.Right));
                break;

            case BinaryExpressionSyntax { RawKind: (int)SyntaxKind.CoalesceExpression } coalesce:
                Add(coalesce, coalesce.Right);
                break;

            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression or (int)SyntaxKind.UnaryMinusExpression } prefix:
                Add(prefix, prefix.Operand);
                break;

            case LiteralExpressionSyntax literal:
                FindLiteral(literal);
                break;

            case InvocationExpressionSyntax invocation:
                FindFunction(invocation);
                FindSwap(invocation, invocation.ArgumentList, arguments => invocation.WithArgumentList(arguments));
                break;

            case ObjectCreationExpressionSyntax { ArgumentList: { } list } creation:
                FindSwap(creation, list, arguments => creation.WithArgumentList(arguments));
                break;

            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment } statement when Assignments.TryGetValue(assignment.Kind(), out SyntaxKind other):
                Add(statement, ExpressionStatement(AssignmentExpression(other, assignment.Left, assignment.Right)));
                break;

            case ExpressionStatementSyntax or ContinueStatementSyntax or BreakStatementSyntax { Parent: not SwitchSectionSyntax }:
                Add(node, EmptyStatement(), "");
                break;
        }

        // What is mutated to its opposite already is not negated once more.
        if (node is ExpressionSyntax condition && IsCondition(condition)
            && node is not (PrefixUnaryExpressionSyntax or BinaryExpressionSyntax { RawKind: (int)SyntaxKind.EqualsExpression or (int)SyntaxKind.NotEqualsExpression }))
        {
            Add(condition, Declares(condition) ? LiteralExpression(SyntaxKind.FalseLiteralExpression) : Not(ParenthesizedExpression(condition.WithoutTrivia())));
        }
    }

    private void FindConstant(SyntaxNode node)
    {
        VariableDeclarationSyntax declaration = node is FieldDeclarationSyntax field ? field.Declaration : ((LocalDeclarationStatementSyntax)node).Declaration;
        if (declaration.Variables is [{ Initializer.Value: var value }] && _model.GetConstantValue(value).Value is int or long or double)
        {
            bool isWhole = _model.GetConstantValue(value).Value is not double;
            _points.Add((node, isWhole ? ParseExpression($"({value}) + 1") : ParseExpression($"({value}) * 2"), $"{value} {(isWhole ? "+ 1" : "* 2")}"));
        }
    }

    private void FindLiteral(LiteralExpressionSyntax literal)
    {
        object? value = literal.Token.Value switch
        {
            int number => number + 1,
            long number => number + 1,
            double number => number == 0 ? 1.0 : 2 * number,
            bool flag => !flag,
            _ => null,
        };
        if (value is not null)
        {
            string text = value is bool flag ? (flag ? "true" : "false")
                : value is double number ? number.ToString("R", CultureInfo.InvariantCulture) + "D"
                : Convert.ToString(value, CultureInfo.InvariantCulture)! + (value is long ? "L" : "");
            Add(literal, ParseExpression(text));
        }
    }

    private void FindFunction(InvocationExpressionSyntax invocation)
    {
        if (invocation.Expression is not MemberAccessExpressionSyntax { Name: SimpleNameSyntax name } access || IsWithinConditionalAccess(invocation))
        {
            return;
        }

        if (Functions.TryGetValue(name.Identifier.Text, out string? other))
        {
            SimpleNameSyntax renamed = name is GenericNameSyntax generic ? generic.WithIdentifier(Identifier(other)) : IdentifierName(other);
            Add(invocation, invocation.WithExpression(access.WithName(renamed)));
        }

        if (Filters.Contains(name.Identifier.Text) && _model.GetSymbolInfo(invocation).Symbol is IMethodSymbol { ReducedFrom: not null })
        {
            Add(invocation, access.Expression);
        }
    }

    /// <summary>The first two neighbours of one type are exchanged.</summary>
    private void FindSwap(ExpressionSyntax node, ArgumentListSyntax list, Func<ArgumentListSyntax, SyntaxNode> with)
    {
        if (IsWithinConditionalAccess(node) || (node is InvocationExpressionSyntax { Expression: var called } && Symmetric.Contains(called.GetLastToken().Text)))
        {
            return;
        }

        ArgumentSyntax[] arguments = [.. list.Arguments];
        for (int k = 0; k + 1 < arguments.Length; k++)
        {
            (ArgumentSyntax first, ArgumentSyntax second) = (arguments[k], arguments[k + 1]);
            if (first is { NameColon: null, RefKindKeyword.RawKind: 0 } && second is { NameColon: null, RefKindKeyword.RawKind: 0 }
                && _model.GetTypeInfo(first.Expression).Type is { } type
                && SymbolEqualityComparer.Default.Equals(type, _model.GetTypeInfo(second.Expression).Type)
                && first.ToString() != second.ToString())
            {
                (arguments[k], arguments[k + 1]) = (second, first);
                Add(node, with(ArgumentList(SeparatedList(arguments))));
                return;
            }
        }
    }

    private void Add(SyntaxNode node, SyntaxNode after, string? shown = null)
    {
        // A branch of its own cannot declare what is used after it; nor can it stand where a value is written to.
        if ((after is LiteralExpressionSyntax { RawKind: (int)SyntaxKind.FalseLiteralExpression } || !Declares(node))
            && !(node is ExpressionSyntax expression && IsWithinConditionalAccess(expression)))
        {
            _points.Add((node, after, shown ?? after.NormalizeWhitespace().ToString()));
        }
    }

    /// <summary>Arithmetic, not the joining of texts.</summary>
    private bool IsNumber(BinaryExpressionSyntax binary) => _model.GetTypeInfo(binary).Type is { SpecialType: not SpecialType.System_String };

    private static bool IsCondition(ExpressionSyntax node) => node.Parent switch
    {
        IfStatementSyntax parent => parent.Condition == node,
        WhileStatementSyntax parent => parent.Condition == node && node is not LiteralExpressionSyntax,
        ConditionalExpressionSyntax parent => parent.Condition == node,
        WhenClauseSyntax => true,
        _ => false,
    };

    /// <summary>Whether a node declares variables that what follows it may use.</summary>
    private static bool Declares(SyntaxNode node) => node
        .DescendantNodesAndSelf(child => child is not AnonymousFunctionExpressionSyntax)
        .Any(child => child is SingleVariableDesignationSyntax);

    /// <summary><c>.Part()</c> of <c>whole?.Part()</c> is no expression by itself.</summary>
    private static bool IsWithinConditionalAccess(ExpressionSyntax node) =>
        node.DescendantNodesAndSelf().OfType<ExpressionSyntax>().Any(child => child is MemberBindingExpressionSyntax or ElementBindingExpressionSyntax
            && child.Ancestors().OfType<ConditionalAccessExpressionSyntax>().First().Contains(node));

    private static bool MustBeConstant(SyntaxNode node) => node is AttributeListSyntax or PatternSyntax or ParameterSyntax or EnumMemberDeclarationSyntax or CaseSwitchLabelSyntax || IsConstant(node);

    private static bool IsConstant(SyntaxNode node) =>
        (node is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword)) || node is LocalDeclarationStatementSyntax { IsConst: true };

    /// <summary>Whether something runs once in a process, before a mutant is switched on.</summary>
    private static bool RunsOnce(SyntaxNode node) => node.Ancestors().TakeWhile(parent => parent is not AnonymousFunctionExpressionSyntax).Any(parent =>
        (parent is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.StaticKeyword))
        || (parent is PropertyDeclarationSyntax { Initializer: { } initializer } property && property.Modifiers.Any(SyntaxKind.StaticKeyword) && initializer.Contains(node))
        || (parent is ConstructorDeclarationSyntax constructor && constructor.Modifiers.Any(SyntaxKind.StaticKeyword)));

    private static string Short(string text)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= 100 ? line : line[..97] + "...";
    }
}
