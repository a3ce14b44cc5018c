using System.Runtime.CompilerServices;

namespace Weft.Tests.Examples;

/// <summary>
/// A test that needs images of digits: skipped where neither the environment variable WEFT_DATA nor shared/data/mnist beside the
/// repository is a folder that has them.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DataFactAttribute : FactAttribute
{
    public DataFactAttribute()
    {
        if (!File.Exists(Path.Combine(Folder, "t10k-images-idx3-ubyte.gz")))
        {
            Skip = $"There are no images of digits in '{Folder}'; WEFT_DATA can name another folder.";
        }
    }

    /// <summary>The folder of the images.</summary>
    public static string Folder { get; } = Environment.GetEnvironmentVariable("WEFT_DATA")
        ?? Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../../shared/data/mnist"));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
