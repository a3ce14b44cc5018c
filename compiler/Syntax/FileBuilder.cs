using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>Puts statements together to declarations.</summary>
internal sealed class FileBuilder(SourceText source, Scanner scanner, List<Diagnostic> diagnostics)
{
    private readonly List<ImportSyntax> _imports = [];
    private readonly List<DeclarationSyntax> _declarations = [];
    private Open? _open;

    /// <summary>Adds the next statement.</summary>
    /// <param name="statement">The statement's tokens.</param>
    /// <param name="syntax">The tree of these tokens; null when they could not be read, which has been reported.</param>
    public void Add(Statement statement, StatementSyntax? syntax)
    {
        switch (syntax)
        {
            case null:
                AddBroken(statement);
                break;
            case ImportStatement import:
                Close();
                _imports.Add(import.Import);
                break;
            case BankStatement bank:
                Close();
                _declarations.Add(new BankSyntax(bank.Name, statement.Documentation, false, bank.Shape, bank.Distribution, SpanOf(statement)));
                break;
            case HeaderStatement header:
                Close();
                _open = new Open(header.Kind, header.Name, statement.Documentation, header, SpanOf(statement)) { Body = header.Body };
                break;
            case ClauseStatement clause when Inside(statement, "an operator or a layer", _open is { Kind: not MapKind.Model }):
                _open!.Clauses.Add(clause.Clause);
                _open.Extend(SpanOf(statement));
                break;
            case StepStatement step when Inside(statement, "a model; a layer of its own needs ': inputs -> outputs'", _open is { Kind: MapKind.Model }):
                _open!.Steps.Add(step.Step);
                _open.Extend(SpanOf(statement));
                break;
            case BodyStatement body when Inside(statement, "an operator or a layer", _open is { Kind: not MapKind.Model }):
                AddBody(statement, body.Body);
                break;
        }
    }

    public FileSyntax Build()
    {
        Close();
        return new FileSyntax(_imports.ToEquatable(), _declarations.ToEquatable(), new TextSpan(0, source.Text.Length));
    }

    private TextSpan SpanOf(Statement statement) =>
        TextSpan.FromBounds(scanner.Tokens[statement.First].Span.Start, scanner.Tokens[statement.End - 1].Span.End);

    private string TextOf(int token) => source.Slice(scanner.Tokens[token].Span);

    private bool Inside(Statement statement, string owner, bool isInside)
    {
        // A statement after a declaration whose first line could not be read is most likely a part of that one.
        if (_open is { Header: null })
        {
            return false;
        }

        if (!isInside)
        {
            diagnostics.Add(DiagnosticDescriptors.MisplacedStatement.At(
                source.Path, scanner.Tokens[statement.First].Span, TextOf(statement.First), owner));
        }

        return isInside;
    }

    private void AddBody(Statement statement, BodySyntax body)
    {
        if (body is IndexBody result && _open!.Header?.Outputs is PortsSyntax && _open.Body is null or ResultsBody)
        {
            // Each output has a statement of its own.
            IEnumerable<IndexBody> before = _open.Body is ResultsBody { Results: var results } ? results : [];
            _open.Body = new ResultsBody(before.Append(result).ToEquatable(), result.Span);
            _open.Extend(SpanOf(statement));
            return;
        }

        if (_open!.Body is not null)
        {
            diagnostics.Add(DiagnosticDescriptors.SecondBody.At(source.Path, scanner.Tokens[statement.First].Span, _open.Name.Text));
            _open.IsBroken = true;
        }

        _open.Body ??= body;
        _open.Extend(SpanOf(statement));
    }

    private void AddBroken(Statement statement)
    {
        string keyword = TextOf(statement.First);
        MapKind? kind = keyword switch
        {
            "operator" => MapKind.Operator,
            "layer" when _open is not { Kind: MapKind.Model } => MapKind.Layer,
            "model" => MapKind.Model,
            _ => null,
        };
        bool isNamed = statement.End > statement.First + 1 && scanner.Tokens[statement.First + 1].Kind == Token.Name;
        var name = isNamed ? new Identifier(TextOf(statement.First + 1), scanner.Tokens[statement.First + 1].Span) : null;
        if (kind is { } found)
        {
            Close();
            _open = new Open(found, name ?? new Identifier("", SpanOf(statement)), statement.Documentation, null, SpanOf(statement)) { IsBroken = true };
        }
        else if (keyword is "bank" or "import")
        {
            Close();
            if (keyword == "bank" && name is not null)
            {
                _declarations.Add(new BankSyntax(name, statement.Documentation, true, default, null, SpanOf(statement)));
            }
        }
        else if (_open is not null)
        {
            _open.IsBroken = true;
            _open.Unread.AddRange(Enumerable.Range(statement.First, statement.End - statement.First)
                .Where(token => scanner.Tokens[token].Kind == Token.Name)
                .Select(TextOf));
            _open.Extend(SpanOf(statement));
        }
    }

    private void Close()
    {
        if (_open is not { } open)
        {
            return;
        }

        _open = null;
        BodySyntax? body = open.Body;
        if (open.Kind == MapKind.Model && open.Steps.Count > 0)
        {
            body = new ModelBody(open.Steps.ToEquatable(), TextSpan.FromBounds(open.Steps[0].Span.Start, open.Steps[open.Steps.Count - 1].Span.End));
        }

        if (body is null && !open.IsBroken)
        {
            diagnostics.Add(DiagnosticDescriptors.MissingBody.At(
                source.Path,
                open.Name.Span,
                open.Kind.ToString().ToLowerInvariant(),
                open.Name.Text,
                open.Kind switch
                {
                    MapKind.Operator => "'= …' or 'y[…] = …'",
                    MapKind.Layer => "'= …'",
                    _ => "a line 'layer name = …'",
                }));
            open.IsBroken = true;
        }

        if (open.Name.Text.Length > 0)
        {
            _declarations.Add(new MapSyntax(
                open.Kind,
                open.Name,
                open.Documentation,
                open.IsBroken,
                open.Header?.Parameters ?? default,
                open.Header?.Inputs,
                open.Header?.Outputs,
                open.Clauses.ToEquatable(),
                body,
                open.Span)
            {
                Unread = open.Unread.ToEquatable(),
            });
        }
    }

    /// <summary>The declaration that statements are being added to.</summary>
    private sealed class Open(MapKind kind, Identifier name, string documentation, HeaderStatement? header, TextSpan span)
    {
        public MapKind Kind => kind;

        public Identifier Name => name;

        public string Documentation => documentation;

        public HeaderStatement? Header => header;

        public TextSpan Span { get; private set; } = span;

        public List<ClauseSyntax> Clauses { get; } = [];

        public List<ModelStepSyntax> Steps { get; } = [];

        public List<string> Unread { get; } = [];

        public BodySyntax? Body { get; set; }

        public bool IsBroken { get; set; }

        public void Extend(TextSpan span) => Span = TextSpan.FromBounds(Span.Start, span.End);
    }
}
