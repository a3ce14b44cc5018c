using System.Runtime.InteropServices;

namespace Weft.OpenCl;

/// <summary>Something of OpenCL's, released when it is disposed or collected.</summary>
internal sealed class Handle : SafeHandle
{
    private readonly Func<nint, int> release;

    public Handle(nint value, Func<nint, int> release)
        : base(0, ownsHandle: true)
    {
        this.release = release;
        SetHandle(value);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The value for a call; what holds this handle must outlive the call.</summary>
    public nint Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    protected override bool ReleaseHandle() => release(handle) == 0;
}
