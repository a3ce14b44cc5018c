using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Weft.Kernels;

/// <content>Choices of the largest, and what they weigh.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>Parts of a tensor along its first axis, at positions from a table.</summary>
    public static class Take
    {
        /// <summary>result[i] = tensor[table[i]].</summary>
        /// <param name="tensor">[size, length]</param>
        /// <param name="table">[count]: whole numbers from 0 to size − 1.</param>
        /// <param name="result">[count, length]; overwritten.</param>
        /// <param name="sizes">The extent of the first axis, the elements of a part, and the number of parts.</param>
        /// <exception cref="InvalidOperationException">An element of the table is no such number.</exception>
        public static void Value(T* tensor, T* table, T* result, (int Size, int Length, int Count) sizes)
        {
            (int size, int length, int count) = sizes;
            Tables<T>.Check(table, count, size, "The table of 'take'");
            for (int i = 0; i < count; i++)
            {
                Row(tensor, int.CreateTruncating(table[i]), length).CopyTo(Row(result, i, length));
            }
        }

        /// <summary>Adds the gradient of <see cref="Value"/>; the table has none.</summary>
        /// <param name="tensor">[size, length], and its gradient; added to, or null.</param>
        /// <param name="table">[count]</param>
        /// <param name="result">[count, length], and the gradient for it.</param>
        /// <param name="sizes">The extent of the first axis, the elements of a part, and the number of parts.</param>
        public static void Gradient(Dual tensor, Dual table, Dual result, (int Size, int Length, int Count) sizes)
        {
            (int size, int length, int count) = sizes;
            for (int i = 0; tensor.Mirror != null && i < count; i++)
            {
                AddScaled(Row(result.Mirror, i, length), T.One, Row(tensor.Mirror, int.CreateTruncating(table.Value[i]), length));
            }
        }

        /// <summary>The tangent of <see cref="Value"/>.</summary>
        /// <param name="tensor">[size, length], and its tangent; or null: zero.</param>
        /// <param name="table">[count]</param>
        /// <param name="result">[count, length], and its tangent; overwritten, or null.</param>
        /// <param name="sizes">The extent of the first axis, the elements of a part, and the number of parts.</param>
        public static void Tangent(Dual tensor, Dual table, Dual result, (int Size, int Length, int Count) sizes)
        {
            (int size, int length, int count) = sizes;
            for (int i = 0; result.Mirror != null && i < count; i++)
            {
                Span<T> target = Row(result.Mirror, i, length);
                if (tensor.Mirror == null)
                {
                    target.Clear();
                }
                else
                {
                    Row(tensor.Mirror, int.CreateTruncating(table.Value[i]), length).CopyTo(target);
                }
            }
        }
    }

    /// <summary>The vector bank's differentiable selection.</summary>
    public static class Admix
    {
        /// <summary>
        /// Each row of the result is a mixture of the vectors of a bank whose logits are the row's largest, weighted by the softmax of those
        /// logits (Li et al., <i>VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks</i>, 2024). Of equal logits, the one of
        /// the lower index is chosen.
        /// </summary>
        /// <param name="bank">[vectors, length]</param>
        /// <param name="logits">[rows, vectors]</param>
        /// <param name="result">[rows, length]; overwritten.</param>
        /// <param name="sizes">The number of mixtures, of vectors in the bank, and of elements of a vector.</param>
        /// <param name="count">The number of vectors in a mixture, 1 to the number of vectors.</param>
        public static void Value(T* bank, T* logits, T* result, (int Rows, int Vectors, int Length) sizes, int count)
        {
            (int rows, int vectors, int length) = sizes;
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

        /// <summary>Adds the gradients of <see cref="Value"/>; which vectors are chosen counts as constant.</summary>
        /// <param name="bank">[vectors, length], and its gradient; added to, or null.</param>
        /// <param name="logits">[rows, vectors], and their gradient; added to, or null.</param>
        /// <param name="result">[rows, length], and the gradient for it.</param>
        /// <param name="sizes">The number of mixtures, of vectors in the bank, and of elements of a vector.</param>
        /// <param name="count">The number of vectors in a mixture.</param>
        public static void Gradient(Dual bank, Dual logits, Dual result, (int Rows, int Vectors, int Length) sizes, int count)
        {
            (int rows, int vectors, int length) = sizes;
            using Selection selection = new(count);
            using Scratch slopes = new(count);
            for (int row = 0; row < rows; row++)
            {
                selection.Choose(logits.Value + row * vectors, vectors);
                ReadOnlySpan<T> incoming = Row(result.Mirror, row, length);
                T mean = T.Zero;
                for (int i = 0; i < count; i++)
                {
                    int vector = selection.Indices[i];
                    T weight = selection.Weights[i];
                    if (bank.Mirror != null)
                    {
                        AddScaled(incoming, weight, Row(bank.Mirror, vector, length));
                    }

                    if (logits.Mirror != null)
                    {
                        slopes.Pointer[i] = TensorPrimitives.Dot(incoming, Row(bank.Value, vector, length));
                        mean += weight * slopes.Pointer[i];
                    }
                }

                for (int i = 0; logits.Mirror != null && i < count; i++)
                {
                    logits.Mirror[row * vectors + selection.Indices[i]] += selection.Weights[i] * (slopes.Pointer[i] - mean);
                }
            }
        }

        /// <summary>The tangent of <see cref="Value"/>; which vectors are chosen counts as constant.</summary>
        /// <param name="bank">[vectors, length], and its tangent; or null: zero.</param>
        /// <param name="logits">[rows, vectors], and their tangent; or null: zero.</param>
        /// <param name="result">[rows, length], and its tangent; overwritten, or null.</param>
        /// <param name="sizes">The number of mixtures, of vectors in the bank, and of elements of a vector.</param>
        /// <param name="count">The number of vectors in a mixture.</param>
        public static void Tangent(Dual bank, Dual logits, Dual result, (int Rows, int Vectors, int Length) sizes, int count)
        {
            (int rows, int vectors, int length) = sizes;
            if (result.Mirror == null)
            {
                return;
            }

            using Selection selection = new(count);
            for (int row = 0; row < rows; row++)
            {
                selection.Choose(logits.Value + row * vectors, vectors);
                Span<T> target = Row(result.Mirror, row, length);
                target.Clear();
                T mean = T.Zero;
                for (int i = 0; logits.Mirror != null && i < count; i++)
                {
                    mean += selection.Weights[i] * logits.Mirror[row * vectors + selection.Indices[i]];
                }

                for (int i = 0; i < count; i++)
                {
                    int vector = selection.Indices[i];
                    T weight = selection.Weights[i];
                    if (bank.Mirror != null)
                    {
                        AddScaled(Row(bank.Mirror, vector, length), weight, target);
                    }

                    if (logits.Mirror != null)
                    {
                        AddScaled(Row(bank.Value, vector, length), weight * (logits.Mirror[row * vectors + vector] - mean), target);
                    }
                }
            }
        }
    }


    /// <summary>The softmax over the largest elements of each row, zeros elsewhere. Of equal elements the one of the lower index is chosen.</summary>
    public sealed class TopKSoftmax : Symmetric<TopKSoftmax>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length], with <paramref name="count"/> elements of each row, 1 to length.</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int count)
        {
            (int rows, int length) = sizes;
            using Selection selection = new(count);
            new Span<T>(y, rows * length).Clear();
            for (int row = 0; row < rows; row++)
            {
                selection.Choose(x + row * length, length);
                for (int i = 0; i < count; i++)
                {
                    y[row * length + selection.Indices[i]] = selection.Weights[i];
                }
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddSoftmaxJacobian(y, direction, target);
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
