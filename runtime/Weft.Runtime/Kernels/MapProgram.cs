using System.Numerics;

namespace Weft.Kernels;

/// <summary>What a generated map does: the passes over a chunk of rows, and what is prepared for them once per change of the parameters.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract unsafe class MapProgram<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>How long the blocks of memory are that passes are handed, and how many rows a chunk has.</summary>
    public abstract MapLayout Layout { get; }

    /// <summary>Fills the derived and the packed tensors of a weight block in which trained parameters have no part.</summary>
    /// <param name="w">The weight block.</param>
    public virtual void PrepareFrozen(T* w)
    {
    }

    /// <summary>Fills the other derived and packed tensors; called whenever parameters have changed.</summary>
    /// <param name="w">The weight block.</param>
    public virtual void Prepare(T* w)
    {
    }

    /// <summary>Fills, behind those, the derived and the packed tensors that only <see cref="EvaluateRows"/> reads.</summary>
    /// <param name="w">The weight block.</param>
    public virtual void PrepareEvaluation(T* w)
    {
    }

    /// <summary>Fills the derived and the packed tensors that only <see cref="ForwardFewRows"/> reads.</summary>
    /// <param name="w">The weight block.</param>
    public virtual void PrepareFewRows(T* w)
    {
    }

    /// <summary>Fills the derived and the packed tensors of a block of tangents.</summary>
    /// <param name="w">The weight block.</param>
    /// <param name="dw">The block of tangents, which begins with those of the trained parameters.</param>
    public virtual void PrepareTangent(T* w, T* dw)
    {
    }

    /// <summary>Adds to the gradient for the trained parameters what the gradients of derived and packed tensors mean for it.</summary>
    /// <param name="w">The weight block.</param>
    /// <param name="g">The gradient for the trained parameters; added to.</param>
    /// <param name="dw">The gradients of derived and packed tensors, in a block laid out like a tangent's.</param>
    public virtual void PrepareGradient(T* w, T* g, T* dw)
    {
    }

    /// <summary>Computes y from x and the noise in scratch, and there what <see cref="BackwardRows"/> and <see cref="TangentRows"/> read.</summary>
    /// <param name="w">The weight block.</param>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="y">[rows, outputs], overwritten; or null: not wanted.</param>
    /// <param name="s">Scratch; overwritten.</param>
    /// <param name="rows">The rows of the chunk.</param>
    public abstract void ForwardRows(T* w, T* x, T* y, T* s, int rows);

    /// <summary>
    /// Computes y from x without noise, leaving in scratch nothing for other passes: of states none but the last. Where there is no noise, as
    /// <see cref="ForwardRows"/> does, bit for bit.
    /// </summary>
    /// <param name="w">The weight block.</param>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="y">[rows, outputs]; overwritten.</param>
    /// <param name="s">Scratch; overwritten.</param>
    /// <param name="rows">The rows of the chunk.</param>
    public virtual void EvaluateRows(T* w, T* x, T* y, T* s, int rows) => ForwardRows(w, x, y, s, rows);

    /// <summary>Computes y from x by plans for a few rows, leaving in scratch nothing for other passes.</summary>
    /// <param name="w">The weight block.</param>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="y">[rows, outputs]; overwritten.</param>
    /// <param name="s">Scratch; overwritten.</param>
    /// <param name="rows">The rows of the batch, at most <see cref="MapLayout.FewRows"/>.</param>
    public virtual void ForwardFewRows(T* w, T* x, T* y, T* s, int rows) => ForwardRows(w, x, y, s, rows);

    /// <summary>Adds to the gradients of weights, and overwrites that of x. Either may be null: not wanted.</summary>
    /// <param name="w">The weight block.</param>
    /// <param name="g">The gradient for the trained parameters; added to.</param>
    /// <param name="dw">The gradients of derived and packed tensors, in a block laid out like a tangent's.</param>
    /// <param name="chunk">
    /// The rows, with scratch as <see cref="ForwardRows"/> left it. For a linear map without a wanted gradient of weights, x is null and scratch arbitrary.
    /// </param>
    /// <param name="first">Whether <paramref name="dw"/> begins with these rows: what it holds is arbitrary.</param>
    public abstract void BackwardRows(T* w, T* g, T* dw, in Chunk<T> chunk, bool first);

    /// <summary>Overwrites the tangent of y.</summary>
    /// <param name="w">The weight block.</param>
    /// <param name="dw">The tangents of the weights.</param>
    /// <param name="chunk">The rows, with scratch as <see cref="ForwardRows"/> left it.</param>
    public abstract void TangentRows(T* w, T* dw, in Chunk<T> chunk);

    /// <summary>
    /// A map of the same parameters from 1 to one number for each of <see cref="MapDescription.Penalties"/>: these; null where there are none.
    /// </summary>
    public virtual Map<T>? CreatePenalties() => null;

    /// <summary>The passes for a device; null where the map was not compiled for one.</summary>
    public virtual DeviceProgram? CreateDeviceProgram() => null;

    /// <summary>How the parameters that are closest to a dense matrix are found; null where the map is not linear or was not generated.</summary>
    public virtual ProjectionPlan? CreateProjectionPlan() => null;
}

/// <summary>The rows that a derivative's pass takes at once, by the first element of each tensor.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="x">[rows, inputs]</param>
/// <param name="dx">[rows, inputs]: the gradient for x, or its tangent.</param>
/// <param name="dy">[rows, outputs]: the gradient for y, or its tangent.</param>
/// <param name="scratch">The scratch of the forward pass and of this one.</param>
/// <param name="rows">The number of rows.</param>
public readonly unsafe struct Chunk<T>(T* x, T* dx, T* dy, T* scratch, int rows)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>[rows, inputs]</summary>
    public readonly T* X = x;

    /// <summary>[rows, inputs]: the gradient for x, or its tangent.</summary>
    public readonly T* Dx = dx;

    /// <summary>[rows, outputs]: the gradient for y, or its tangent.</summary>
    public readonly T* Dy = dy;

    /// <summary>The scratch of the forward pass and of this one.</summary>
    public readonly T* Scratch = scratch;

    /// <summary>The number of rows.</summary>
    public readonly int Rows = rows;
}
