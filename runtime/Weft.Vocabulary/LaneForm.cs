namespace Weft.Kernels;

/// <summary>How the vector lanes of a contraction run.</summary>
public enum LaneForm
{
    /// <summary><c>c[r, l] += a[r, k] · b[k, l]</c>: lanes along b and c, a is broadcast.</summary>
    Broadcast,

    /// <summary><c>c[r, s, l] += a[r, k, l] · b[s, k, l]</c>.</summary>
    Parallel,

    /// <summary><c>c[r, s] += Σ a[r, l] · b[s, l]</c>.</summary>
    Dot,
}
