namespace Weft;

/// <summary>What happens to a parameter when its map is trained.</summary>
public enum Role
{
    /// <summary>Stored, and has a gradient.</summary>
    Trained,

    /// <summary>Stored, and has no gradient: nothing is computed or kept for one.</summary>
    Frozen,

    /// <summary>Not stored with the parameters: drawn from its seed when a map is made.</summary>
    Seeded,
}

/// <summary>What a parameter is known to be: the matrices of its last two axes.</summary>
public enum TensorProperty
{
    /// <summary>Nothing in particular.</summary>
    None,

    /// <summary>Equal to its transpose: the symmetric part of what is stored.</summary>
    Symmetric,

    /// <summary>Symmetric and positive definite.</summary>
    PositiveDefinite,

    /// <summary>Zero above the diagonal.</summary>
    Lower,

    /// <summary>Zero above the diagonal, which is one.</summary>
    UnitLower,

    /// <summary>Zero below the diagonal.</summary>
    Upper,

    /// <summary>Zero below the diagonal, which is one.</summary>
    UnitUpper,

    /// <summary>With its transpose for its inverse: orthonormal rows.</summary>
    Orthogonal,
}

/// <summary>The distribution that a parameter starts from.</summary>
public enum Distribution
{
    /// <summary>Every element is zero.</summary>
    Zeros,

    /// <summary>Every element is the scale.</summary>
    Constant,

    /// <summary>Normal with mean zero; the scale is the standard deviation.</summary>
    Normal,

    /// <summary>Uniform between minus and plus the scale.</summary>
    Uniform,

    /// <summary>Minus or plus the scale, with equal probability.</summary>
    Sign,

    /// <summary>
    /// Normal rows (along the last axis), each written twice: a chain of reflections that starts as the identity
    /// (Yuan et al., <i>Bridging the Gap between Low-rank and Orthogonal Adaptation via Householder Reflection Adaptation</i>, 2024).
    /// </summary>
    Paired,

    /// <summary>Whole numbers from 0 to below the scale, independent of each other.</summary>
    Whole,

    /// <summary>Whole numbers from 0 to below the scale, all different along the last axis, in random order: a random support.</summary>
    Distinct,

    /// <summary>
    /// The scale times orthonormal rows of the last two axes, or columns where these are fewer: normal numbers, by the Gram–Schmidt process. A square
    /// matrix is uniform among the orthogonal ones (Stewart, <i>The Efficient Generation of Random Orthogonal Matrices</i>, 1980).
    /// </summary>
    Orthogonal,

    /// <summary>The scale on the diagonal of the last two axes, else zero.</summary>
    Identity,

    /// <summary>
    /// Zero with the scale as probability, else 1 / (1 − scale), so that the mean is one
    /// (Srivastava et al., <i>Dropout: A Simple Way to Prevent Neural Networks from Overfitting</i>, 2014).
    /// </summary>
    Dropout,
}
