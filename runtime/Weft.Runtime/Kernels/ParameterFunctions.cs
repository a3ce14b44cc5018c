using System.ComponentModel;
using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Weft.Kernels;

/// <summary>
/// Functions from parameters to tensors that a map's formula uses, with their derivatives. Tensors are row-major and contiguous.
/// Gradients are added to; a null gradient or tangent is not wanted, or zero.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class ParameterFunctions<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private static readonly T Half = T.One / (T.One + T.One);

    /// <summary>
    /// The upper triangular T with ∏ᵢ (I − 2 vᵢvᵢᵀ / vᵢᵀvᵢ) = I − Vᵀ T V, the factor of row 0 leftmost: T⁻¹ is the strict upper part of
    /// V Vᵀ plus half its diagonal (the UT transform: Joffrain et al., <i>Accumulating Householder transformations, revisited</i>, 2006).
    /// A zero row stands for no reflection, and its row and column of T are zero.
    /// </summary>
    /// <param name="v">[count, size]</param>
    /// <param name="t">[count, count]; overwritten.</param>
    /// <param name="count">The number of reflections.</param>
    /// <param name="size">The size of the space.</param>
    public static void Reflections(T* v, T* t, int count, int size)
    {
        new Span<T>(t, count * count).Clear();
        for (int j = 0; j < count; j++)
        {
            ReadOnlySpan<T> row = Row(v, j, size);
            for (int i = 0; i < j; i++)
            {
                t[i * count + j] = TensorPrimitives.Dot(Row(v, i, size), row);
            }

            // Column j of the inverse, in place: the columns before it are inverted already.
            T diagonal = Half * TensorPrimitives.Dot(row, row);
            T inverse = diagonal == T.Zero || T.IsSubnormal(diagonal) ? T.Zero : T.One / diagonal;
            for (int i = 0; i < j; i++)
            {
                T sum = T.Zero;
                for (int l = i; l < j; l++)
                {
                    sum += t[i * count + l] * t[l * count + j];
                }

                t[i * count + j] = -inverse * sum;
            }

            t[j * count + j] = inverse;
        }
    }

    /// <summary>Adds to <paramref name="dv"/> the gradient of <see cref="Reflections"/>: dS = −Tᵀ dT Tᵀ for S = T⁻¹, then through V Vᵀ.</summary>
    /// <param name="v">[count, size]</param>
    /// <param name="t">[count, count]: the result of <see cref="Reflections"/>.</param>
    /// <param name="dt">[count, count]: the gradient for T, of which the upper triangle counts.</param>
    /// <param name="dv">[count, size]; added to, or null.</param>
    /// <param name="count">The number of reflections.</param>
    /// <param name="size">The size of the space.</param>
    public static void ReflectionsGradient(T* v, T* t, T* dt, T* dv, int count, int size)
    {
        if (dv == null)
        {
            return;
        }

        using Scratch product = new(count * count); // dT Tᵀ
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                T sum = T.Zero;
                for (int l = Math.Max(i, j); l < count; l++)
                {
                    sum += dt[i * count + l] * t[j * count + l];
                }

                product.Pointer[i * count + j] = sum;
            }
        }

        for (int i = 0; i < count; i++)
        {
            for (int j = i; j < count; j++)
            {
                T slope = T.Zero;
                for (int l = 0; l <= i; l++)
                {
                    slope -= t[l * count + i] * product.Pointer[l * count + j];
                }

                // S[i, j] = ⟨vᵢ, vⱼ⟩, and half of that on the diagonal.
                AddScaled(Row(v, j, size), slope, Row(dv, i, size));
                if (i != j)
                {
                    AddScaled(Row(v, i, size), slope, Row(dv, j, size));
                }
            }
        }
    }

    /// <summary>The tangent of <see cref="Reflections"/>: −T Ṡ T for S = T⁻¹.</summary>
    /// <param name="v">[count, size]</param>
    /// <param name="t">[count, count]: the result of <see cref="Reflections"/>.</param>
    /// <param name="vTangent">[count, size]; or null: zero.</param>
    /// <param name="tTangent">[count, count]; overwritten, or null.</param>
    /// <param name="count">The number of reflections.</param>
    /// <param name="size">The size of the space.</param>
    public static void ReflectionsTangent(T* v, T* t, T* vTangent, T* tTangent, int count, int size)
    {
        if (tTangent == null)
        {
            return;
        }

        new Span<T>(tTangent, count * count).Clear();
        if (vTangent == null)
        {
            return;
        }

        using Scratch change = new(count * count); // Ṡ, then Ṡ T
        for (int i = 0; i < count; i++)
        {
            T* row = change.Pointer + i * count;
            row[i] = TensorPrimitives.Dot(Row(v, i, size), Row(vTangent, i, size));
            for (int j = i + 1; j < count; j++)
            {
                row[j] = TensorPrimitives.Dot(Row(v, i, size), Row(vTangent, j, size)) + TensorPrimitives.Dot(Row(vTangent, i, size), Row(v, j, size));
            }

            for (int j = count - 1; j >= i; j--)
            {
                T sum = T.Zero;
                for (int l = i; l <= j; l++)
                {
                    sum += row[l] * t[l * count + j];
                }

                row[j] = sum;
            }
        }

        for (int i = 0; i < count; i++)
        {
            for (int l = i; l < count; l++)
            {
                for (int j = l; j < count; j++)
                {
                    tTangent[i * count + j] -= t[i * count + l] * change.Pointer[l * count + j];
                }
            }
        }
    }

    /// <summary>
    /// Each row of the result is a mixture of the vectors of a bank whose logits are the row's largest, weighted by the softmax of those
    /// logits (Li et al., <i>VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks</i>, 2024). Of equal logits, the one of
    /// the lower index is chosen.
    /// </summary>
    /// <param name="bank">[vectors, length]</param>
    /// <param name="logits">[rows, vectors]</param>
    /// <param name="result">[rows, length]; overwritten.</param>
    /// <param name="rows">The number of mixtures.</param>
    /// <param name="vectors">The number of vectors in the bank.</param>
    /// <param name="length">The length of a vector.</param>
    /// <param name="count">The number of vectors in a mixture, 1 to <paramref name="vectors"/>.</param>
    public static void Admix(T* bank, T* logits, T* result, int rows, int vectors, int length, int count)
    {
        using Selection selection = new(count);
        for (int row = 0; row < rows; row++)
        {
            selection.Choose(logits + row * vectors, vectors);
            Span<T> target = Row(result, row, length);
            target.Clear();
            for (int i = 0; i < count; i++)
            {
                AddScaled(Row(bank, selection.Indices[i], length), selection.Weights[i], target);
            }
        }
    }

    /// <summary>Adds the gradients of <see cref="Admix"/>; which vectors are chosen counts as constant.</summary>
    /// <param name="bank">[vectors, length]</param>
    /// <param name="logits">[rows, vectors]</param>
    /// <param name="dResult">[rows, length]: the gradient for the result.</param>
    /// <param name="dBank">[vectors, length]; added to, or null.</param>
    /// <param name="dLogits">[rows, vectors]; added to, or null.</param>
    /// <param name="rows">The number of mixtures.</param>
    /// <param name="vectors">The number of vectors in the bank.</param>
    /// <param name="length">The length of a vector.</param>
    /// <param name="count">The number of vectors in a mixture.</param>
    public static void AdmixGradient(T* bank, T* logits, T* dResult, T* dBank, T* dLogits, int rows, int vectors, int length, int count)
    {
        using Selection selection = new(count);
        using Scratch slopes = new(count);
        for (int row = 0; row < rows; row++)
        {
            selection.Choose(logits + row * vectors, vectors);
            ReadOnlySpan<T> incoming = Row(dResult, row, length);
            T mean = T.Zero;
            for (int i = 0; i < count; i++)
            {
                int vector = selection.Indices[i];
                T weight = selection.Weights[i];
                if (dBank != null)
                {
                    AddScaled(incoming, weight, Row(dBank, vector, length));
                }

                if (dLogits != null)
                {
                    slopes.Pointer[i] = TensorPrimitives.Dot(incoming, Row(bank, vector, length));
                    mean += weight * slopes.Pointer[i];
                }
            }

            for (int i = 0; dLogits != null && i < count; i++)
            {
                dLogits[row * vectors + selection.Indices[i]] += selection.Weights[i] * (slopes.Pointer[i] - mean);
            }
        }
    }

    /// <summary>The tangent of <see cref="Admix"/>; which vectors are chosen counts as constant.</summary>
    /// <param name="bank">[vectors, length]</param>
    /// <param name="logits">[rows, vectors]</param>
    /// <param name="bankTangent">[vectors, length]; or null: zero.</param>
    /// <param name="logitsTangent">[rows, vectors]; or null: zero.</param>
    /// <param name="resultTangent">[rows, length]; overwritten, or null.</param>
    /// <param name="rows">The number of mixtures.</param>
    /// <param name="vectors">The number of vectors in the bank.</param>
    /// <param name="length">The length of a vector.</param>
    /// <param name="count">The number of vectors in a mixture.</param>
    public static void AdmixTangent(T* bank, T* logits, T* bankTangent, T* logitsTangent, T* resultTangent, int rows, int vectors, int length, int count)
    {
        if (resultTangent == null)
        {
            return;
        }

        using Selection selection = new(count);
        for (int row = 0; row < rows; row++)
        {
            selection.Choose(logits + row * vectors, vectors);
            Span<T> target = Row(resultTangent, row, length);
            target.Clear();
            T mean = T.Zero;
            for (int i = 0; logitsTangent != null && i < count; i++)
            {
                mean += selection.Weights[i] * logitsTangent[row * vectors + selection.Indices[i]];
            }

            for (int i = 0; i < count; i++)
            {
                int vector = selection.Indices[i];
                T weight = selection.Weights[i];
                if (bankTangent != null)
                {
                    AddScaled(Row(bankTangent, vector, length), weight, target);
                }

                if (logitsTangent != null)
                {
                    AddScaled(Row(bank, vector, length), weight * (logitsTangent[row * vectors + vector] - mean), target);
                }
            }
        }
    }

    /// <summary>
    /// Draws a tensor. Each element depends on the seed and its index alone, and is the same on every machine; as <see cref="float"/> it
    /// is the rounded <see cref="double"/>.
    /// </summary>
    /// <param name="target">[length]; overwritten.</param>
    /// <param name="length">The number of elements.</param>
    /// <param name="distribution">The family.</param>
    /// <param name="scale">Its one number: see <see cref="Distribution"/>.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="rowLength">The extent of the last axis, which <see cref="Distribution.Paired"/> needs.</param>
    public static void Seeded(T* target, int length, Distribution distribution, double scale, int seed, int rowLength = 1)
    {
        for (int i = 0; i < length; i++)
        {
            target[i] = T.CreateTruncating(distribution switch
            {
                Distribution.Zeros => 0,
                Distribution.Constant => scale,
                Distribution.Normal => scale * RandomNumbers.Normal(seed, (ulong)i),
                Distribution.Uniform => scale * (2 * RandomNumbers.Uniform(seed, (ulong)i) - 1),
                Distribution.Sign => RandomNumbers.Bits(seed, (ulong)i) >> 63 == 0 ? scale : -scale,
                Distribution.Paired => scale * RandomNumbers.Normal(seed, (ulong)(i / rowLength / 2 * rowLength + i % rowLength)),
                _ => throw new UnreachableException(),
            });
        }
    }

    private static Span<T> Row(T* matrix, int row, int length) => new(matrix + (nint)row * length, length);

    private static void AddScaled(ReadOnlySpan<T> x, T scale, Span<T> target) => TensorPrimitives.MultiplyAdd(x, scale, target, target);

    /// <summary>Memory for one call, outside the garbage collector's heap.</summary>
    private readonly ref struct Scratch(int length) : IDisposable
    {
        public T* Pointer { get; } = (T*)NativeMemory.Alloc((nuint)length, (nuint)sizeof(T));

        public void Dispose() => NativeMemory.Free(Pointer);
    }

    /// <summary>The largest logits of a row, best first, and their softmax.</summary>
    private readonly ref struct Selection(int count) : IDisposable
    {
        public int* Indices { get; } = (int*)NativeMemory.Alloc((nuint)count, sizeof(int));

        public T* Weights { get; } = (T*)NativeMemory.Alloc((nuint)count, (nuint)sizeof(T));

        public void Choose(T* logits, int vectors)
        {
            int chosen = 0;
            for (int candidate = 0; candidate < vectors; candidate++)
            {
                int place = chosen;
                while (place > 0 && logits[candidate] > logits[Indices[place - 1]])
                {
                    place--;
                }

                if (place == count)
                {
                    continue;
                }

                chosen = Math.Min(chosen + 1, count);
                for (int i = chosen - 1; i > place; i--)
                {
                    Indices[i] = Indices[i - 1];
                }

                Indices[place] = candidate;
            }

            T largest = logits[Indices[0]], sum = T.Zero;
            for (int i = 0; i < count; i++)
            {
                Weights[i] = T.Exp(logits[Indices[i]] - largest);
                sum += Weights[i];
            }

            for (int i = 0; i < count; i++)
            {
                Weights[i] /= sum;
            }
        }

        public void Dispose()
        {
            NativeMemory.Free(Indices);
            NativeMemory.Free(Weights);
        }
    }
}
