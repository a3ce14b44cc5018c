using System.CommandLine;
using System.CommandLine.Invocation;
using Weft.Tool.Commands;

namespace Weft.Tool;

/// <summary>The command line.</summary>
internal static class Cli
{
    /// <returns>0 where all went well, 1 where a text is wrong, 2 where the command line is.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter error, TextReader? input = null)
    {
        var session = new Session(input ?? Console.In, output, error);
        var root = new RootCommand("Weft: structured linear maps from formulas.")
        {
            BenchCommand.Create(session),
            CheckCommand.Create(session),
            CompletionCommand.Create(session),
            CompressCommand.Create(session),
            EmitCommand.Create(session),
            ExplainCommand.Create(session),
            FitCommand.Create(session),
            FormatCommand.Create(session),
            ListCommand.Create(session),
            GalleryCommand.Create(session),
            LspCommand.Create(),
            MachineCommand.Create(session),
            OnnxCommand.Create(session),
            ShowCommand.Create(session),
        };
        root.Options.OfType<VersionOption>().Single().Action = new VersionAction(session);
        ParseResult parsed = root.Parse(arguments);
        int code = parsed.Invoke(new InvocationConfiguration { Output = output, Error = error });
        return parsed.Errors.Count > 0 ? Session.WrongUsage : code;
    }

    /// <summary>What <c>weft --version</c> prints.</summary>
    private sealed class VersionAction(Session session) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            session.Output.WriteLine(Versions.Describe());
            return 0;
        }
    }
}
