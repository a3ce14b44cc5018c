using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Weft.Execution;
using Weft.Kernels;

namespace Weft;

/// <summary>A linear map: y = A x, where the matrix A of <see cref="Map{T}.Outputs"/> rows and <see cref="Map{T}.Inputs"/> columns is not stored as such.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract unsafe class LinearMap<T> : Map<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected LinearMap(MapDescription description, MapProgram<T> program)
        : base(description, program)
    {
    }

    /// <summary>x = Aᵀ y for each row.</summary>
    /// <param name="y">[batch, <see cref="Map{T}.Outputs"/>]</param>
    /// <param name="x">[batch, <see cref="Map{T}.Inputs"/>]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Adjoint(ReadOnlySpan<T> y, Span<T> x)
    {
        AlignedBuffer<T> block = Weights(out int begun);
        int batch = Arguments.Adjoint(y, x);
        fixed (T* py = y, px = x)
        {
            RunAdjoint(block, py, px, batch);
        }

        RequireUnchanged(begun);
    }

    /// <summary>x = Aᵀ y for each row of dense tensors of shapes [batch, <see cref="Map{T}.Outputs"/>] and [batch, <see cref="Map{T}.Inputs"/>].</summary>
    /// <exception cref="ArgumentException">A tensor is not dense or has another shape, or the tensors overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    [OverloadResolutionPriority(-1)]
    public void Adjoint(in ReadOnlyTensorSpan<T> y, in TensorSpan<T> x) =>
        Adjoint(DenseTensors.Rows(y, Outputs, nameof(y)), DenseTensors.Rows(x, Inputs, nameof(x)));

    /// <summary>Writes the matrix A.</summary>
    /// <param name="matrix">[<see cref="Map{T}.Outputs"/>, <see cref="Map{T}.Inputs"/>], row-major; overwritten.</param>
    /// <exception cref="ArgumentException">The length is wrong; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The parameters were never given or are being edited, or changed during the call.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void ToDense(Span<T> matrix)
    {
        AlignedBuffer<T> block = Weights(out int begun);
        Arguments.ToDense(matrix);
        fixed (T* pointer = matrix)
        {
            RunAdjoint(block, null, pointer, Outputs);
        }

        RequireUnchanged(begun);
    }
}
