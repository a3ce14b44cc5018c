using System.CommandLine;
using Weft.Compiler;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Tool.Sources;

namespace Weft.Tool.Commands;

/// <summary><c>weft format</c>: Weft's one style.</summary>
internal static class FormatCommand
{
    public static Command Create(Session session)
    {
        Argument<string[]> files = CommandParts.Files(ArgumentArity.OneOrMore);
        var check = new Option<bool>("--check") { Description = "Writes nothing, and fails where a file would change." };
        var command = new Command("format", "Gives files Weft's one style.") { files, check };
        command.SetAction(parsed => session.Run(() => Format(session, parsed.GetRequiredValue(files), parsed.GetValue(check))));
        return command;
    }

    /// <summary>
    /// Gives files Weft's style, or with <paramref name="check"/> finds those without; names what changes, and reports what cannot be read, which
    /// stays as it is. 0 where nothing is left to do.
    /// </summary>
    private static int Format(Session session, IReadOnlyList<string> files, bool check)
    {
        bool isDone = true;
        foreach (string path in SourceFiles.Find(files))
        {
            bool isInput = path == SourceFiles.StandardInput;
            ParsedFile file = WeftCompiler.Parse(session.Read(path));
            string? formatted = Formatter.Format(file);
            bool changes = formatted is not null && formatted != file.Source.Text;
            isDone &= formatted is not null && !(check && changes);
            foreach (Diagnostic diagnostic in file.Diagnostics)
            {
                session.Report(diagnostic, [file.Source]);
            }

            if (isInput && !check)
            {
                session.Output.Write(formatted);
            }
            else if (changes)
            {
                session.Output.WriteLine(path);
                if (!check)
                {
                    File.WriteAllText(path, formatted);
                }
            }
        }

        return isDone ? 0 : Session.WrongText;
    }
}
