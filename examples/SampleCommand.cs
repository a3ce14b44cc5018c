using System.CommandLine;

namespace Weft.Examples;

/// <summary>The command line of a small example.</summary>
internal static class SampleCommand
{
    /// <param name="name">The program's name, which its picture has too.</param>
    /// <param name="description">What it does.</param>
    /// <param name="run">Does it, as quickly as shows what is done or in full: writes what came out, and returns a picture.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="output">Where the results go.</param>
    /// <param name="error">Where it is said what is wrong.</param>
    /// <returns>0 where all went well, 1 where the command line or the picture's file is wrong.</returns>
    public static int Run(string name, string description, Func<TextWriter, bool, string> run, string[] arguments, TextWriter output, TextWriter error)
    {
        var quick = new Option<bool>("--quick") { Description = "As little as shows what is done." };
        var svg = new Option<string>("--svg") { Description = "The picture to write.", DefaultValueFactory = _ => $"{name}.svg" };
        var root = new RootCommand(description) { quick, svg };
        root.SetAction(parsed =>
        {
            string path = Path.GetFullPath(parsed.GetRequiredValue(svg));
            try
            {
                File.WriteAllText(path, run(output, parsed.GetValue(quick)));
                output.WriteLine($"The picture is {path}");
                return 0;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                error.WriteLine($"{name}: {exception.Message}");
                return 1;
            }
        });
        return root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
    }
}
