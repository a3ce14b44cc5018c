using System.Runtime.InteropServices.JavaScript;
using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

[assembly: SupportedOSPlatform("browser")]

namespace Weft.Examples.Explorer;

/// <summary>What the worker calls: everything is one text of JSON.</summary>
internal static partial class Program
{
    private static Exploration s_exploration = new("");

    /// <summary>Called by the runtime; what there is to do is called by name.</summary>
    private static void Main()
    {
    }

    [JSExport]
    internal static string ListExamples() => Json(Examples.All, ReportContext.Default.IReadOnlyListExample);

    /// <summary>Takes a text, of which the others tell more.</summary>
    [JSExport]
    internal static string Read(string text)
    {
        s_exploration = new Exploration(text);
        return Json(s_exploration.Text(), ReportContext.Default.TextReport);
    }

    [JSExport]
    internal static string Map(string name) => Json(s_exploration.Map(name), ReportContext.Default.MapReport);

    [JSExport]
    internal static string Machines(string name) => Json(s_exploration.Machines(name), ReportContext.Default.MachinesReport);

    [JSExport]
    internal static string Matrix(string name, int seed) => Json(s_exploration.Matrix(name, seed), ReportContext.Default.MatrixReport);

    private static string Json<T>(T report, JsonTypeInfo<T> type) => JsonSerializer.Serialize(report, type);
}
