using System.CommandLine;
using Weft.Compiler;
using Weft.Compiler.Text;
using Weft.Tool.Output;

namespace Weft.Tool.Commands;

/// <summary><c>weft check</c>: what is wrong with files, as a build would find it.</summary>
internal static class CheckCommand
{
    public static Command Create(Session session)
    {
        Argument<string[]> files = CommandParts.Files(ArgumentArity.OneOrMore);
        Option<bool> json = CommandParts.Json();
        var sarif = new Option<bool>("--sarif") { Description = "Writes SARIF 2.1.0." };
        var command = new Command("check", "Reports what is wrong with files.") { files, json, sarif };
        command.Exclude(json, sarif);
        command.SetAction(parsed => session.Run(() => Check(
            session,
            parsed.GetRequiredValue(files),
            parsed.GetValue(json) ? DiagnosticJson.Write : parsed.GetValue(sarif) ? SarifLog.Write : null)));
        return command;
    }

    /// <summary>0 where nothing is an error.</summary>
    private static int Check(Session session, IReadOnlyList<string> files, Func<IReadOnlyList<Finding>, string>? write)
    {
        session.IsQuiet = write is not null;
        if (session.Bind(files, formula: null) is { } bound)
        {
            for (int k = 0; k < bound.Modules.Count; k++)
            {
                session.Try(bound, k, () => ModuleCompiler.Compile(bound.Modules[k], new GenerateOptions("Map")));
            }
        }

        if (write is not null)
        {
            session.Output.WriteLine(write(session.Findings));
        }

        return session.Findings.Any(finding => finding.Diagnostic.Severity == Severity.Error) ? Session.WrongText : 0;
    }
}
