using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>The compact form of a chain of reflections.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>The compact form of a chain of Householder reflections.</summary>
    public static class Reflections
    {
        /// <summary>
        /// The upper triangular T with ∏ᵢ (I − 2 vᵢvᵢᵀ / vᵢᵀvᵢ) = I − Vᵀ T V, the factor of row 0 leftmost: T⁻¹ is the strict upper part of
        /// V Vᵀ plus half its diagonal (the UT transform: Joffrain et al., <i>Accumulating Householder transformations, revisited</i>, 2006).
        /// A zero row stands for no reflection, and its row and column of T are zero.
        /// </summary>
        /// <param name="v">[count, size]: rows of norm 1, or zero, so that T is in the range of numbers.</param>
        /// <param name="t">[count, count]; overwritten.</param>
        /// <param name="count">The number of reflections.</param>
        /// <param name="size">The size of the space.</param>
        public static void Value(T* v, T* t, int count, int size)
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
                T inverse = diagonal == T.Zero ? T.Zero : T.One / diagonal;
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

        /// <summary>Adds to <paramref name="dv"/> the gradient of <see cref="Value"/>: dS = −Tᵀ dT Tᵀ for S = T⁻¹, then through V Vᵀ.</summary>
        /// <param name="v">[count, size]</param>
        /// <param name="t">[count, count]: the result of <see cref="Value"/>.</param>
        /// <param name="dt">[count, count]: the gradient for T, of which the upper triangle counts.</param>
        /// <param name="dv">[count, size]; added to, or null.</param>
        /// <param name="count">The number of reflections.</param>
        /// <param name="size">The size of the space.</param>
        public static void Gradient(T* v, T* t, T* dt, T* dv, int count, int size)
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

        /// <summary>The tangent of <see cref="Value"/>: −T Ṡ T for S = T⁻¹.</summary>
        /// <param name="v">[count, size]</param>
        /// <param name="t">[count, count]: the result of <see cref="Value"/>.</param>
        /// <param name="vTangent">[count, size]; or null: zero.</param>
        /// <param name="tTangent">[count, count]; overwritten, or null.</param>
        /// <param name="count">The number of reflections.</param>
        /// <param name="size">The size of the space.</param>
        public static void Tangent(T* v, T* t, T* vTangent, T* tTangent, int count, int size)
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
    }
}
