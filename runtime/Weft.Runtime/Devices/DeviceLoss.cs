namespace Weft;

/// <summary>The losses that devices compute.</summary>
public enum DeviceLoss
{
    /// <summary>As <see cref="MeanSquaredError{T}"/>; the targets are [batch, outputs].</summary>
    MeanSquaredError,

    /// <summary>As <see cref="CrossEntropy{T}"/>; the targets are the labels, [batch], as whole numbers of the maps' elements.</summary>
    CrossEntropy,
}
