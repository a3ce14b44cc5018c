using System.CommandLine;
using System.CommandLine.Completions;
using Weft.Tool.Library;
using Weft.Tool.Output;

namespace Weft.Tool.Commands;

/// <summary><c>weft list</c>: the standard library, with search.</summary>
internal static class ListCommand
{
    public static Command Create(Session session)
    {
        var search = new Argument<string[]>("search") { Description = "Words that the name, the description, the paper or the family has.", Arity = ArgumentArity.ZeroOrMore, HelpName = "search" };
        search.CompletionSources.Add(_ => StandardEntries.All.Select(entry => new CompletionItem(entry.Name)));
        Option<bool> json = CommandParts.Json();
        var command = new Command("list", "Lists the operators and layers of the standard library.") { search, json };
        command.SetAction(parsed => session.Run(() => List(session, parsed.GetValue(search) ?? [], parsed.GetValue(json))));
        return command;
    }

    private static int List(Session session, IReadOnlyList<string> words, bool isJson)
    {
        StandardEntry[] named = [.. StandardEntries.All.Where(entry => words.Count == 1 && entry.Name == words[0])];
        StandardEntry[] found = [.. StandardEntries.All.Where(entry => words.All(word => Has(entry, word)))];
        if (found.Length == 0)
        {
            throw new UsageException($"nothing in the library has '{string.Join(' ', words)}'");
        }

        if (isJson)
        {
            session.Output.WriteLine(ToolJson.Write<IReadOnlyList<Listed>>([.. found.Select(Listed.Of)]));
            return 0;
        }

        foreach (IGrouping<string, StandardEntry> family in found.GroupBy(entry => entry.Family))
        {
            session.Output.WriteLine(family.Key);
            foreach (StandardEntry entry in family)
            {
                session.Output.WriteLine($"  {entry.Signature}");
                session.Output.WriteLine($"    {entry.Summary}");
                if (entry.Paper.Length > 0)
                {
                    session.Output.WriteLine($"    {entry.Paper}");
                }
            }
        }

        // What is meant is one of them: all of it.
        if ((named.Length == 1 ? named : found) is [var one])
        {
            session.Output.WriteLine();
            session.Output.WriteLine(one.Text);
        }

        return 0;
    }

    private static bool Has(StandardEntry entry, string word) => new[] { entry.Name, entry.Family, entry.Documentation }
        .Any(text => text.Contains(word, StringComparison.OrdinalIgnoreCase));

    /// <param name="Name">Its name.</param>
    /// <param name="Kind">operator, layer or model.</param>
    /// <param name="Signature">How it is called, and its shape.</param>
    /// <param name="Family">Its file.</param>
    /// <param name="Summary">A sentence.</param>
    /// <param name="Paper">Where it was published.</param>
    /// <param name="Example">It with sizes.</param>
    /// <param name="Documentation">All that is written about it.</param>
    internal sealed record Listed(string Name, string Kind, string Signature, string Family, string Summary, string? Paper, string Example, string Documentation)
    {
        public static Listed Of(StandardEntry entry) => new(
            entry.Name,
            entry.Map.Kind.ToString().ToLowerInvariant(),
            entry.Signature,
            entry.Family,
            entry.Summary,
            entry.Paper is { Length: > 0 } paper ? paper : null,
            entry.Example,
            entry.Documentation);
    }
}
