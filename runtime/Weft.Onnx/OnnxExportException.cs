namespace Weft.Onnx;

/// <summary>A map has something that no operators of ONNX are.</summary>
public sealed class OnnxExportException : NotSupportedException
{
    internal OnnxExportException(string message)
        : base(message)
    {
    }
}
