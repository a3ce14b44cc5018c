using System.CommandLine;
using Weft.LanguageServer;

namespace Weft.Tool.Commands;

/// <summary><c>weft lsp</c>: the server of editors.</summary>
internal static class LspCommand
{
    public static Command Create()
    {
        var command = new Command("lsp", "Serves an editor by the Language Server Protocol, over the standard input and output.");
        command.SetAction(async (_, _) =>
        {
            await Server.RunAsync(Console.OpenStandardInput(), Console.OpenStandardOutput());
            return 0;
        });
        return command;
    }
}
