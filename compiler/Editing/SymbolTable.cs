using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Editing;

/// <summary>
/// What every name in a set of files means, by SPEC's "Which declaration a name means" and its rules for indices: of the trees alone, before
/// anything is bound, so that it is there for texts that are not right yet. Files of the standard library can be asked for too, by their names.
/// Safe from many threads.
/// </summary>
public sealed class SymbolTable
{
    private readonly ConcurrentDictionary<Declaration, Symbol> _declared = [];
    private readonly Dictionary<string, FileScope> _scopes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileSymbols> _files = new(StringComparer.Ordinal);

    private SymbolTable()
    {
    }

    /// <summary>The symbols of files that can import one another.</summary>
    public static SymbolTable Of(IReadOnlyList<ParsedFile> files)
    {
        var table = new SymbolTable();
        var scopes = new ScopeTable(files);
        foreach (FileScope scope in scopes.Scopes)
        {
            scopes.ResolveImports(scope, []);
        }

        foreach (FileScope scope in StandardLibrary.Scope.Imported.Concat(scopes.Scopes))
        {
            table._scopes[scope.Path] = scope;
        }

        return table;
    }

    /// <summary>All names in a file, in the order of their places.</summary>
    public IReadOnlyList<SymbolUse> Uses(string path) => SymbolsOf(path)?.Uses ?? [];

    /// <summary>The name at a place, or that ends there.</summary>
    public SymbolUse? At(string path, int position)
    {
        SymbolUse[] found = [.. Uses(path).Where(use => use.Span.Start <= position && position <= use.Span.End)];
        return found.Length == 0 ? null : found[found.Length - 1];
    }

    /// <summary>Where a symbol is named in a file.</summary>
    public IEnumerable<SymbolUse> UsesOf(Symbol symbol, string path) => Uses(path).Where(use => use.Symbol == symbol);

    /// <summary>What can be named at a place: what is declared before it, what the file sees, and what the language has. The nearest of a name comes first.</summary>
    public IEnumerable<Symbol> Visible(string path, int position)
    {
        if (SymbolsOf(path) is not { } file)
        {
            return [];
        }

        FileScope scope = _scopes[path];
        return file.Regions
            .Where(region => region.Span.Start <= position && position <= region.Span.End)
            .Select(region => region.Symbol)
            .Reverse()
            .Concat(scope.VisibleNames().SelectMany(name => scope.Find(name)).Distinct().Select(SymbolOf))
            .Concat(Words.BuiltIn.Values)
            .GroupBy(symbol => symbol.Name, StringComparer.Ordinal)
            .Select(group => group.First());
    }

    private Symbol SymbolOf(Declaration declaration) => _declared.GetOrAdd(declaration, _ =>
    {
        var map = declaration.Syntax as MapSyntax;
        SourceText source = declaration.Scope.File.Source;
        return new Symbol(
            declaration.Name,
            map is null ? SymbolKind.Bank : map.Kind switch { MapKind.Operator => SymbolKind.Operator, MapKind.Layer => SymbolKind.Layer, _ => SymbolKind.Model },
            declaration.Signature)
        {
            Source = source,
            Span = declaration.Syntax.Name.Span,
            Declaration = declaration.Syntax,
            Parameters = [.. (map?.Parameters ?? default).Select(parameter => source.Slice(parameter.Span))],
            IsStandard = declaration.Scope.IsStandard,
        };
    });

    private FileSymbols? SymbolsOf(string path)
    {
        lock (_files)
        {
            if (!_files.TryGetValue(path, out FileSymbols? symbols) && _scopes.TryGetValue(path, out FileScope? scope))
            {
                _files.Add(path, symbols = new FileSymbols(scope, this));
            }

            return symbols;
        }
    }

    /// <summary>The symbols of one file.</summary>
    private sealed class FileSymbols
    {
        private static readonly Regex Blanks = new(@"\s+");

        private readonly FileScope _scope;
        private readonly SymbolTable _table;
        private readonly Dictionary<TextSpan, SymbolUse> _uses = [];
        private readonly Dictionary<string, Symbol> _locals = new(StringComparer.Ordinal);
        private readonly Dictionary<string, Symbol> _outputs = new(StringComparer.Ordinal);
        private readonly HashSet<string> _positions = new(StringComparer.Ordinal);
        private readonly Lazy<IReadOnlyList<Token>> _tokens;
        private DeclarationSyntax _declaration = null!;
        private Symbol? _input;
        private int _end;

        public FileSymbols(FileScope scope, SymbolTable table)
        {
            (_scope, _table) = (scope, table);
            _tokens = new(() => new Scanner(scope.File.Source, []).Tokens);
            List<Declaration> declarations = scope.Declarations;
            for (int i = 0; i < declarations.Count; i++)
            {
                _end = i + 1 < declarations.Count ? declarations[i + 1].Syntax.Span.Start - 1 : int.MaxValue;
                Visit(declarations[i]);
            }

            Uses = [.. _uses.Values.OrderBy(use => use.Span.Start)];
        }

        public IReadOnlyList<SymbolUse> Uses { get; }

        /// <summary>Where names that are declared inside a declaration can be used.</summary>
        public List<(TextSpan Span, Symbol Symbol)> Regions { get; } = [];

        private Func<string, bool>? IsPositions => _declaration is MapSyntax { Inputs: PortsSyntax } ? _positions.Contains : null;

        private void Visit(Declaration declaration)
        {
            _declaration = declaration.Syntax;
            _locals.Clear();
            _outputs.Clear();
            _positions.Clear();
            _input = null;
            Add(_declaration.Name.Span, _table.SymbolOf(declaration), true);
            if (_declaration is BankSyntax bank)
            {
                VisitAll(bank.Shape);
                Visit(bank.Distribution);
            }
            else if (_declaration is MapSyntax { Inputs: not null, Outputs: not null } map)
            {
                Visit(map);
            }
        }

        private void Visit(MapSyntax map)
        {
            foreach (ParameterSyntax parameter in map.Parameters)
            {
                foreach (ExpressionSyntax extent in parameter.Kind.Extents)
                {
                    // A name that is not known before is the argument's own size.
                    if (extent is NameSyntax size && !_locals.ContainsKey(size.Name))
                    {
                        Declare(new Identifier(size.Name, PlaceOf(size)), SymbolKind.Size, size.Name, size.Span.End);
                    }
                    else
                    {
                        Visit(extent);
                    }
                }

                Visit(parameter.Default);
                SymbolKind kind = parameter.Kind switch { TensorKindSyntax => SymbolKind.Tensor, MapKindSyntax => SymbolKind.Let, _ => SymbolKind.Size };
                Declare(parameter.Name, kind, Show(parameter), parameter.Span.End);
            }

            VisitSide(map.Inputs!, SymbolKind.Input);
            VisitSide(map.Outputs!, SymbolKind.Output);
            if (map.Inputs is not PortsSyntax && map.Kind != MapKind.Model)
            {
                _input = new Symbol(IndexBinder.InputName, SymbolKind.Input, $"{IndexBinder.InputName}[{Show(map.Inputs!)}]") { Source = _scope.File.Source, Span = map.Inputs!.Span, Declaration = map, IsNamed = false };
                if (map.Kind == MapKind.Layer && !_locals.ContainsKey(_input.Name))
                {
                    _locals.Add(_input.Name, _input);
                    Regions.Add((TextSpan.FromBounds(map.Outputs!.Span.End, _end), _input));
                }
            }

            foreach (ClauseSyntax clause in map.Clauses)
            {
                Visit(clause);
            }

            Visit(map.Body);
        }

        private void VisitSide(ExpressionSyntax side, SymbolKind kind)
        {
            if (side is not PortsSyntax { Ports: var ports })
            {
                Visit(side);
                return;
            }

            foreach (PortSyntax port in ports)
            {
                VisitAll(port.Shape);
                Visit(port.Limit);
            }

            foreach (PortSyntax port in ports.Where(port => port.Name is not null))
            {
                Identifier name = port.Name!;
                if (kind == SymbolKind.Input)
                {
                    Declare(name, kind, Show(port), side.Span.End);
                    if (port.Limit is not null)
                    {
                        _positions.Add(name.Text);
                    }
                }
                else
                {
                    // A state has one name on both sides.
                    bool isState = _locals.TryGetValue(name.Text, out Symbol? known) && known.Kind == SymbolKind.Input;
                    Symbol symbol = isState ? known! : Make(name, kind, Show(port));
                    _outputs[name.Text] = symbol;
                    Add(name.Span, symbol, true);
                }
            }
        }

        private void Visit(ClauseSyntax clause)
        {
            switch (clause)
            {
                case RequireSyntax require:
                    Visit(require.Condition);
                    break;
                case LetSyntax let:
                    Visit(let.Value);
                    Declare(let.Name, SymbolKind.Let, Show(let), let.Span.End);
                    break;
                case IndexLetSyntax let:
                    VisitNotation(let, let.Axes, let.Terms, false);
                    if (IndexBinder.IsPositionLet(let, IsPositions))
                    {
                        _positions.Add(let.Name.Text);
                    }

                    Declare(let.Name, SymbolKind.Let, Show(let), let.Span.End);
                    break;
                case PenaltySyntax { Definition: LetSyntax penalty }:
                    Visit(penalty.Value);
                    break;
                case PenaltySyntax { Definition: IndexLetSyntax penalty }:
                    VisitNotation(penalty, penalty.Axes, penalty.Terms, false);
                    break;
                case TensorsSyntax tensors:
                    Visit(tensors.Seed);
                    if (tensors.Format is { } format)
                    {
                        Visit(format.Group);
                        Add(format.Name, Words.Formats);
                    }

                    foreach (TensorSyntax tensor in tensors.Tensors)
                    {
                        Visit(tensor.Count);
                        WithCounter(tensor.Variable, tensor.Span, () =>
                        {
                            VisitAll(tensor.Shape);
                            if (tensor.Property is { } word)
                            {
                                Add(word, Words.Properties);
                            }

                            // One that several tensors share stands in the last one's place.
                            if (tensor.Distribution is { } own && own.Span.End <= tensor.Span.End)
                            {
                                Visit(own);
                            }

                            Visit(tensor.Rate);
                        });
                        Declare(tensor.Name, SymbolKind.Tensor, $"{RoleOf(tensors)} {Show(tensor)}{(tensor.Distribution is { } shared && shared.Span.End > tensor.Span.End ? $" ~ {Show(shared)}" : "")}", tensor.Span.End);
                    }

                    break;
            }
        }

        private void Visit(DistributionSyntax? distribution)
        {
            if (distribution is not null)
            {
                Add(distribution.Name, Words.Distributions);
                VisitAll(distribution.Arguments);
            }
        }

        private void Visit(BodySyntax? body)
        {
            switch (body)
            {
                case ChainBody chain:
                    VisitAll(chain.Links);
                    break;
                case ModelBody model:
                    foreach (ModelStepSyntax step in model.Steps)
                    {
                        Add(step.Name.Span, Make(step.Name, SymbolKind.Step, Show(step)), true);
                        VisitAll(step.Body.Links);
                    }

                    break;
                case IndexBody index:
                    Symbol output = new(index.Result.Text, SymbolKind.Output, $"{index.Result.Text}[{Show(((MapSyntax)_declaration).Outputs!)}]")
                    {
                        Source = _scope.File.Source,
                        Span = ((MapSyntax)_declaration).Outputs!.Span,
                        Declaration = _declaration,
                        IsNamed = false,
                    };
                    Add(index.Result.Span, output, false);
                    VisitNotation(index, index.Axes, index.Terms, true);
                    break;
                case ResultsBody { Results: var results }:
                    foreach (IndexBody result in results)
                    {
                        if (_outputs.TryGetValue(result.Result.Text, out Symbol? port))
                        {
                            Add(result.Result.Span, port, false);
                        }

                        VisitNotation(result, result.Axes, result.Terms, false);
                    }

                    break;
            }
        }

        private void VisitNotation(SyntaxNode statement, EquatableArray<IndexGroupSyntax> axes, EquatableArray<IndexTermSyntax> terms, bool hasInput)
        {
            var indices = IndexNames.Of(axes, terms, IsPositions).ToDictionary(name => name, _ => (Symbol?)null, StringComparer.Ordinal);
            VisitAxes(axes);
            foreach (IndexFactorSyntax factor in terms.SelectMany(term => term.Factors))
            {
                if (factor.Brackets.Count == 0)
                {
                    WithIndices(factor.Value);
                }
                else if (hasInput && factor.Value is NameSyntax { Name: IndexBinder.InputName } input && _input is not null)
                {
                    Add(PlaceOf(input), _input, false);
                }
                else
                {
                    Visit(factor.Value);
                }

                // Brackets before the last pick a member of a family.
                VisitAll(factor.Brackets.Take(factor.Brackets.Count - 1).SelectMany(axes => axes).SelectMany(group => group.Indices).Select(index => index.Value));
                foreach (EquatableArray<IndexGroupSyntax> place in IndexNames.Places(factor))
                {
                    VisitAxes(place);
                }
            }

            void VisitAxes(EquatableArray<IndexGroupSyntax> groups)
            {
                foreach (IndexSyntax index in groups.SelectMany(group => group.Indices))
                {
                    WithIndices(index.Value);
                    Visit(index.Extent);
                }
            }

            void WithIndices(ExpressionSyntax expression)
            {
                var hidden = new List<(string Name, Symbol? Outer)>();
                foreach (NameSyntax name in IndexNames.In(expression, indices.Keys))
                {
                    if (indices[name.Name] is not { } symbol)
                    {
                        TextSpan span = PlaceOf(name);
                        indices[name.Name] = symbol = Make(new Identifier(name.Name, span), SymbolKind.Index, name.Name);
                        Add(span, symbol, true);
                        Regions.Add((statement.Span, symbol));
                    }

                    hidden.Add((name.Name, _locals.TryGetValue(name.Name, out Symbol? outer) ? outer : null));
                    _locals[name.Name] = symbol;
                }

                Visit(expression);
                hidden.ForEach(pair => Restore(pair.Name, pair.Outer));
            }
        }

        private void VisitAll(IEnumerable<ExpressionSyntax> expressions)
        {
            foreach (ExpressionSyntax expression in expressions)
            {
                Visit(expression);
            }
        }

        private void Visit(ExpressionSyntax? expression)
        {
            switch (expression)
            {
                case NameSyntax name:
                    if ((_locals.TryGetValue(name.Name, out Symbol? local) ? local : Find(name.Name)) is { } symbol)
                    {
                        Add(PlaceOf(name), symbol, false, name.Span);
                    }

                    break;
                case CallSyntax call:
                    // A call means a declaration, whatever is local.
                    if ((Find(call.Name.Text) ?? (_locals.TryGetValue(call.Name.Text, out Symbol? called) ? called : null)) is { } function)
                    {
                        Add(call.Name.Span, function, false, call.Span);
                    }

                    VisitAll(call.Arguments);
                    break;
                case CompositionSyntax chain:
                    VisitAll(chain.Links);
                    break;
                case BlockSyntax block:
                    VisitAll(block.Rows.SelectMany(row => row));
                    break;
                case RepeatSyntax repeat:
                    Visit(repeat.Count);
                    WithCounter(repeat.Variable, repeat.Span, () => Visit(repeat.Body));
                    break;
                case FrozenSyntax frozen:
                    Visit(frozen.Operand);
                    break;
                case NegateSyntax negate:
                    Visit(negate.Operand);
                    break;
                case NotSyntax not:
                    Visit(not.Operand);
                    break;
                case ConditionalSyntax choice:
                    VisitAll([choice.Condition, choice.Then, choice.Else]);
                    break;
                case ChainSyntax chain:
                    Visit(chain.First);
                    VisitAll(chain.Rest.Select(link => link.Operand));
                    break;
                case PostfixSyntax postfix:
                    Visit(postfix.Operand);
                    foreach (SliceItemSyntax item in postfix.Suffixes.OfType<SliceSuffix>().SelectMany(suffix => suffix.Items))
                    {
                        Visit(item.Start);
                        Visit(item.End);
                    }

                    break;
            }
        }

        private Symbol? Find(string name) =>
            _scope.Find(name) is { Count: > 0 } found ? _table.SymbolOf(found[0])
            : Words.BuiltIn.TryGetValue(name, out Symbol? builtIn) ? builtIn
            : null;

        private void WithCounter(Identifier? variable, TextSpan region, Action visit)
        {
            if (variable is null)
            {
                visit();
                return;
            }

            _locals.TryGetValue(variable.Text, out Symbol? outer);
            Symbol counter = Make(variable, SymbolKind.Counter, variable.Text);
            Add(variable.Span, counter, true);
            Regions.Add((region, counter));
            _locals[variable.Text] = counter;
            visit();
            Restore(variable.Text, outer);
        }

        private void Restore(string name, Symbol? outer)
        {
            _locals.Remove(name);
            if (outer is not null)
            {
                _locals.Add(name, outer);
            }
        }

        private void Declare(Identifier name, SymbolKind kind, string signature, int from)
        {
            Symbol symbol = Make(name, kind, signature);
            _locals[name.Text] = symbol;
            Add(name.Span, symbol, true);
            Regions.Add((TextSpan.FromBounds(from, _end), symbol));
        }

        private Symbol Make(Identifier name, SymbolKind kind, string signature) =>
            new(name.Text, kind, signature) { Source = _scope.File.Source, Span = name.Span, Declaration = _declaration, IsStandard = _scope.IsStandard };

        private void Add(Identifier name, IReadOnlyDictionary<string, Symbol> known)
        {
            if (known.TryGetValue(name.Text, out Symbol? symbol))
            {
                Add(name.Span, symbol, false);
            }
        }

        private void Add(TextSpan span, Symbol symbol, bool isDeclaration, TextSpan? whole = null)
        {
            if (!_uses.ContainsKey(span))
            {
                _uses.Add(span, new SymbolUse(span, symbol, isDeclaration, whole ?? span));
            }
        }

        /// <summary>The place of a name alone: the node of one in parentheses has theirs.</summary>
        private TextSpan PlaceOf(NameSyntax name) => name.Span.Length == name.Name.Length
            ? name.Span
            : _tokens.Value.First(token => token.Kind == Token.Name && token.Span.Start >= name.Span.Start).Span;

        private string Show(SyntaxNode node) => Blanks.Replace(_scope.File.Source.Slice(node.Span), " ");

        private static string RoleOf(TensorsSyntax tensors)
        {
            string role = tensors.Role switch { Role.Trained => "param", Role.Frozen => "frozen", Role.Seeded => "seeded", _ => "noise" };
            return (tensors.IsShared ? "shared " : "") + role + (tensors.Format is { } format ? $"({format.Name.Text})" : "");
        }
    }
}
