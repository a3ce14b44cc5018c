using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>What parameters are declared to be: what is drawn is made so, and what is written is checked.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>Makes matrices what they are declared to be. Those that only some draws are, as orthogonal ones, stay as they are.</summary>
    /// <param name="a">[..., n, n]</param>
    /// <param name="shape">The extent of each axis.</param>
    /// <param name="property">What they are declared to be.</param>
    internal static void Impose(T* a, IReadOnlyList<int> shape, TensorProperty property)
    {
        if (property is TensorProperty.None or TensorProperty.PositiveDefinite or TensorProperty.Orthogonal)
        {
            return;
        }

        (int batch, int size) = MatricesOf(shape);
        for (; batch > 0; batch--, a += size * size)
        {
            for (int i = 0; i < size; i++)
            {
                for (int j = 0; j <= i; j++)
                {
                    T below = a[i * size + j], above = a[j * size + i];
                    (a[i * size + j], a[j * size + i]) = property switch
                    {
                        TensorProperty.Symmetric => (Half * below + Half * above, Half * below + Half * above),
                        TensorProperty.UnitLower or TensorProperty.UnitUpper when i == j => (T.One, T.One),
                        _ when i == j => (below, below),
                        TensorProperty.Lower or TensorProperty.UnitLower => (below, T.Zero),
                        _ => (T.Zero, above),
                    };
                }
            }
        }
    }

    /// <summary>What matrices are declared to be and where they are not, in words; null where they are, but for rounding errors.</summary>
    /// <param name="a">[..., n, n]</param>
    /// <param name="shape">The extent of each axis.</param>
    /// <param name="property">What they are declared to be.</param>
    internal static string? Violation(T* a, IReadOnlyList<int> shape, TensorProperty property)
    {
        (int batch, int size) = MatricesOf(shape);
        for (int b = 0; b < batch; b++)
        {
            T* matrix = a + b * size * size;
            string? fault = property switch
            {
                TensorProperty.Symmetric => Asymmetry(matrix, size) is { } asymmetry ? $"symmetric, but {asymmetry}" : null,
                TensorProperty.PositiveDefinite => Indefiniteness(matrix, size) is { } indefiniteness ? $"spd, but {indefiniteness}" : null,
                TensorProperty.Orthogonal => Skewness(matrix, size) is { } skewness ? $"orthogonal, but {skewness}" : null,
                TensorProperty.Lower or TensorProperty.UnitLower => Outside(matrix, size, isLower: true, property == TensorProperty.UnitLower),
                TensorProperty.Upper or TensorProperty.UnitUpper => Outside(matrix, size, isLower: false, property == TensorProperty.UnitUpper),
                _ => null,
            };
            if (fault is not null)
            {
                return batch == 1 ? fault : $"{fault}, in matrix {b}";
            }
        }

        return null;
    }

    private static (int Batch, int Size) MatricesOf(IReadOnlyList<int> shape) => (shape.SkipLast(2).Aggregate(1, (product, extent) => product * extent), shape[^1]);

    private static string? Asymmetry(T* a, int size)
    {
        T tolerance = Negligible * T.Abs(TensorPrimitives.MaxMagnitude<T>(Row(a, 0, size * size)));
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (!(T.Abs(a[i * size + j] - a[j * size + i]) <= tolerance))
                {
                    return FormattableString.Invariant($"element [{i}, {j}] is {a[i * size + j]} and [{j}, {i}] is {a[j * size + i]}");
                }
            }
        }

        return null;
    }

    private static string? Outside(T* a, int size, bool isLower, bool isUnit)
    {
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                if ((isLower ? j > i : j < i) ? a[i * size + j] != T.Zero : isUnit && i == j && a[i * size + j] != T.One)
                {
                    return FormattableString.Invariant($"{(isUnit ? "unit_" : "")}{(isLower ? "lower" : "upper")}, but element [{i}, {j}] is {a[i * size + j]}");
                }
            }
        }

        return null;
    }

    private static string? Indefiniteness(T* a, int size)
    {
        if (Asymmetry(a, size) is { } asymmetry)
        {
            return asymmetry;
        }

        using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
        using Scratch factor = new(size * size);
        if (Factor(products, a, factor.Pointer, size))
        {
            return null;
        }

        int pivot = 0;
        while (factor.Pointer[pivot * size + pivot] > T.Zero && T.IsFinite(factor.Pointer[pivot * size + pivot]))
        {
            pivot++;
        }

        return FormattableString.Invariant($"its first {pivot + 1} rows and columns are not positive definite");
    }

    /// <summary>Products of rows are 0 and 1 to three digits: what a file in half precision holds, orthonormal rows are made of.</summary>
    private static string? Skewness(T* a, int size)
    {
        T tolerance = T.CreateTruncating(1e-3);
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                T product = TensorPrimitives.Dot<T>(Row(a, i, size), Row(a, j, size));
                if (!(T.Abs(product - (i == j ? T.One : T.Zero)) <= tolerance))
                {
                    return FormattableString.Invariant($"the product of its rows {j} and {i} is {product}");
                }
            }
        }

        return null;
    }
}
