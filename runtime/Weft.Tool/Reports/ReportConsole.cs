using Spectre.Console;

namespace Weft.Reports;

/// <summary>Where tables and progress go.</summary>
internal static class ReportConsole
{
    /// <summary>A console over a writer: with colours on a terminal, else without, and as wide as a wide terminal.</summary>
    public static IAnsiConsole Over(TextWriter output)
    {
        var destination = new AnsiConsoleOutput(output);
        if (destination.IsTerminal)
        {
            return AnsiConsole.Create(new AnsiConsoleSettings { Out = destination });
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = destination, Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = 120; // a file has no width
        return console;
    }

    /// <summary>Does work that tells what it is at: shown where it can be drawn over, and not as lines in a file.</summary>
    public static T Status<T>(IAnsiConsole console, string first, Func<Action<string>, T> work) =>
        (console.Profile.Out.IsTerminal ? console : Over(TextWriter.Null)).Status().Start(first, context => work(what => context.Status(Markup.Escape(what))));

    /// <summary>How far work is: shown where it can be drawn over, and not as lines in a file.</summary>
    public static Progress Progress(IAnsiConsole console) => (console.Profile.Out.IsTerminal ? console : Over(TextWriter.Null)).Progress();
}
