using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;

namespace Weft.LanguageServer;

/// <summary>What can be written at a place, and what a call there takes.</summary>
internal static class Completions
{
    private const int KeywordKind = 14, FileKind = 17;

    public static CompletionItem[] At(Snapshot snapshot, ParsedFile file, int position)
    {
        Cursor cursor = Cursor.At(file.Source, position);
        TextRange word = snapshot.Lines(file).RangeOf(cursor.Word);
        return cursor.Expected switch
        {
            Expected.Statement => [.. Words.Statements.Select(Keyword)],
            Expected.Distribution => [.. Words.DistributionSymbols.Select(Item)],
            Expected.Format => [.. Words.FormatSymbols.Select(Item)],
            Expected.Property => [.. Words.PropertySymbols.Select(Item), Keyword(Words.Rate)],
            Expected.File => [.. Files()],
            Expected.Expression => [.. Names(snapshot.Symbols.Visible(file.Source.Path, position), cursor.Names)],
            _ => [],
        };

        CompletionItem Item(Symbol symbol) => new(
            symbol.Name,
            KindOf(symbol.Kind),
            symbol.Signature,
            Hovers.Text(symbol) is { } text ? new MarkupContent(text) : null,
            new TextEdit(word, symbol.Name),
            $"{(symbol.Source is null ? 3 : symbol.IsStandard ? 2 : symbol.IsDeclaration ? 1 : 0)}{symbol.Name}");

        CompletionItem Keyword(string text) => new(text, KeywordKind, null, null, new TextEdit(word, text), $"4{text}");

        IEnumerable<CompletionItem> Names(IEnumerable<Symbol> visible, IEnumerable<string> before)
        {
            CompletionItem[] known = [.. visible.Select(Item).Concat(Words.Repetitions.Concat(Words.Operators).Select(Keyword)).DistinctBy(item => item.Label)];

            // A statement that is being written is not read yet: its indices and counters are names that nothing else has.
            IEnumerable<string> own = before.Except(known.Select(item => item.Label)).Except(Words.Statements).Except(Words.DistributionSymbols.Concat(Words.FormatSymbols).Select(symbol => symbol.Name));
            return known.Concat(own.Select(name => Item(new Symbol(name, SymbolKind.Index, name))));
        }

        IEnumerable<CompletionItem> Files()
        {
            string folder = Path.GetDirectoryName(file.Source.Path) ?? "";
            return snapshot.Files
                .Where(other => other != file && folder.Length > 0)
                .Select(other => Path.GetRelativePath(folder, other.Source.Path).Replace('\\', '/'))
                .Select(name => new CompletionItem(name, FileKind, null, null, new TextEdit(word, $"\"{name}\""), name));
        }
    }

    /// <summary>The call around a place; null where there is none that is known.</summary>
    public static SignatureHelp? Signature(Snapshot snapshot, ParsedFile file, int position)
    {
        Cursor cursor = Cursor.At(file.Source, position);
        if (cursor.Call is not { } call)
        {
            return null;
        }

        string name = file.Source.Slice(call);
        bool isDistribution = file.Source.Text.AsSpan(0, call.Start).TrimEnd().EndsWith("~");
        IEnumerable<Symbol> known = isDistribution ? Words.DistributionSymbols : snapshot.Symbols.Visible(file.Source.Path, position);
        if (known.FirstOrDefault(symbol => symbol.Name == name && symbol.Parameters.Count > 0) is not { } found)
        {
            return null;
        }

        int last = found.Parameters.Count - 1;
        return new SignatureHelp(
            [new SignatureInformation(found.Signature, Hovers.Text(found) is { } text ? new MarkupContent(text) : null, [.. found.Parameters.Select(parameter => new ParameterInformation(parameter))])],
            found.Repeats ? Math.Min(cursor.Argument, last) : cursor.Argument);
    }

    private static int KindOf(SymbolKind kind) => kind switch
    {
        SymbolKind.Operator or SymbolKind.Layer or SymbolKind.Model or SymbolKind.Function or SymbolKind.Link => 3,
        SymbolKind.Size => 25,
        SymbolKind.Distribution or SymbolKind.Format or SymbolKind.Property => 20,
        SymbolKind.Number => 21,
        _ => 6,
    };
}
