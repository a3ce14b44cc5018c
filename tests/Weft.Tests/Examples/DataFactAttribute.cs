using System.Runtime.CompilerServices;

namespace Weft.Tests.Examples;

/// <summary>
/// A test that needs a file of data, images of digits unless another is named: skipped where neither the environment variable WEFT_DATA
/// nor shared/data/mnist beside the repository is a folder that leads to it.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DataFactAttribute : FactAttribute
{
    public DataFactAttribute(string file = "t10k-images-idx3-ubyte.gz")
    {
        if (!File.Exists(Path.Combine(Folder, file)))
        {
            Skip = $"There is no '{file}' in '{Folder}'; WEFT_DATA can name another folder.";
        }
    }

    /// <summary>The folder of the images.</summary>
    public static string Folder { get; } = Environment.GetEnvironmentVariable("WEFT_DATA")
        ?? Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../../shared/data/mnist"));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
