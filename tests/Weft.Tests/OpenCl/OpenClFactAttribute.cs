using Weft.OpenCl;

namespace Weft.Tests.OpenCl;

/// <summary>A test that needs an OpenCL device: skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OpenClFactAttribute : FactAttribute
{
    public OpenClFactAttribute() => Skip = Missing;

    /// <summary>Why there is no device, or null.</summary>
    public static string? Missing { get; } = Find();

    private static string? Find()
    {
        try
        {
            OpenClDevice.Find();
            return null;
        }
        catch (OpenClException exception)
        {
            return exception.Message;
        }
    }
}

/// <inheritdoc cref="OpenClFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OpenClTheoryAttribute : TheoryAttribute
{
    public OpenClTheoryAttribute() => Skip = OpenClFactAttribute.Missing;
}
