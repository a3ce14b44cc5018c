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
        /// <param name="sizes">The number of reflections and the size of the space.</param>
        public static void Value(T* v, T* t, (int Count, int Size) sizes)
        {
            (int count, int size) = sizes;
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

        /// <summary>Adds the gradient of <see cref="Value"/>: dS = −Tᵀ dT Tᵀ for S = T⁻¹, then through V Vᵀ.</summary>
        /// <param name="v">[count, size], and its gradient; added to, or null.</param>
        /// <param name="t">[count, count], and the gradient for it, of which the upper triangle counts.</param>
        /// <param name="sizes">The number of reflections and the size of the space.</param>
        public static void Gradient(Dual v, Dual t, (int Count, int Size) sizes)
        {
            (int count, int size) = sizes;
            if (v.Mirror == null)
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
                        sum += t.Mirror[i * count + l] * t.Value[j * count + l];
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
                        slope -= t.Value[l * count + i] * product.Pointer[l * count + j];
                    }

                    // S[i, j] = ⟨vᵢ, vⱼ⟩, and half of that on the diagonal.
                    AddScaled(Row(v.Value, j, size), slope, Row(v.Mirror, i, size));
                    if (i != j)
                    {
                        AddScaled(Row(v.Value, i, size), slope, Row(v.Mirror, j, size));
                    }
                }
            }
        }

        /// <summary>The tangent of <see cref="Value"/>: −T Ṡ T for S = T⁻¹.</summary>
        /// <param name="v">[count, size], and its tangent; or null: zero.</param>
        /// <param name="t">[count, count], and its tangent; overwritten, or null.</param>
        /// <param name="sizes">The number of reflections and the size of the space.</param>
        public static void Tangent(Dual v, Dual t, (int Count, int Size) sizes)
        {
            (int count, int size) = sizes;
            if (t.Mirror == null)
            {
                return;
            }

            new Span<T>(t.Mirror, count * count).Clear();
            if (v.Mirror == null)
            {
                return;
            }

            using Scratch change = new(count * count); // Ṡ, then Ṡ T
            for (int i = 0; i < count; i++)
            {
                T* row = change.Pointer + i * count;
                row[i] = TensorPrimitives.Dot(Row(v.Value, i, size), Row(v.Mirror, i, size));
                for (int j = i + 1; j < count; j++)
                {
                    row[j] = TensorPrimitives.Dot(Row(v.Value, i, size), Row(v.Mirror, j, size)) + TensorPrimitives.Dot(Row(v.Mirror, i, size), Row(v.Value, j, size));
                }

                for (int j = count - 1; j >= i; j--)
                {
                    T sum = T.Zero;
                    for (int l = i; l <= j; l++)
                    {
                        sum += row[l] * t.Value[l * count + j];
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
                        t.Mirror[i * count + j] -= t.Value[i * count + l] * change.Pointer[l * count + j];
                    }
                }
            }
        }
    }
}
