namespace Weft;

/// <summary>The losses that devices compute.</summary>
public enum DeviceLoss
{
    /// <summary>As <c>MeanSquaredError</c>; the targets are [batch, outputs].</summary>
    MeanSquaredError,

    /// <summary>As <c>CrossEntropy</c>; the targets are the labels, [batch], as whole numbers of the maps' elements.</summary>
    CrossEntropy,
}
