namespace Weft.Solvers;

/// <summary>Eigenvalues of symmetric tridiagonal matrices, with the first and the last element of each eigenvector.</summary>
internal static class Tridiagonal
{
    /// <summary>QL steps for one eigenvalue that are never needed: two or three are usual.</summary>
    private const int MostSteps = 60;

    /// <summary>The distance from 1 to the next number.</summary>
    private const double Rounding = 2.220446049250313e-16;

    /// <summary>
    /// The implicit QL method (Dubrulle, Martin and Wilkinson 1968), of which only two rows of the eigenvectors are kept (Golub and Welsch 1969): a
    /// number of operations by the square of the size.
    /// </summary>
    /// <param name="diagonal">Becomes the eigenvalues, in no order.</param>
    /// <param name="beside">The elements beside the diagonal, and one of any value; destroyed.</param>
    /// <param name="first">Becomes the first element of each unit eigenvector.</param>
    /// <param name="last">Becomes the last element of each.</param>
    /// <exception cref="ArithmeticException">An element is not finite.</exception>
    public static void Decompose(Span<double> diagonal, Span<double> beside, Span<double> first, Span<double> last)
    {
        int size = diagonal.Length;
        first.Clear();
        last.Clear();
        (first[0], last[^1], beside[size - 1]) = (1, 1, 0);
        for (int left = 0; left < size; left++)
        {
            for (int step = 0, right; (right = EndOfBlock(diagonal, beside, left)) > left; step++)
            {
                if (step == MostSteps)
                {
                    throw new ArithmeticException("The operator gave numbers that are not finite.");
                }

                Chase(diagonal, beside, first, last, left, right);
            }
        }
    }

    /// <summary>The last row of the block that begins at one and does not fall apart yet.</summary>
    private static int EndOfBlock(ReadOnlySpan<double> diagonal, ReadOnlySpan<double> beside, int left)
    {
        int end = left;
        while (end < diagonal.Length - 1 && !(Math.Abs(beside[end]) <= Rounding * (Math.Abs(diagonal[end]) + Math.Abs(diagonal[end + 1]))))
        {
            end++;
        }

        return end;
    }

    /// <summary>One step with Wilkinson's shift: rotations from the lower end of the block to its upper one.</summary>
    private static void Chase(Span<double> diagonal, Span<double> beside, Span<double> first, Span<double> last, int left, int right)
    {
        double half = (diagonal[left + 1] - diagonal[left]) / (2 * beside[left]), root = double.Hypot(half, 1);
        double g = diagonal[right] - diagonal[left] + (beside[left] / (half + Math.CopySign(root, half)));
        (double sine, double cosine, double shift) = (1, 1, 0);
        for (int i = right - 1; i >= left; i--)
        {
            (double f, double b) = (sine * beside[i], cosine * beside[i]);
            double length = double.Hypot(f, g);
            beside[i + 1] = length;
            if (length == 0)
            {
                diagonal[i + 1] -= shift;
                beside[right] = 0;
                return;
            }

            (sine, cosine) = (f / length, g / length);
            g = diagonal[i + 1] - shift;
            double turned = ((diagonal[i] - g) * sine) + (2 * cosine * b);
            shift = sine * turned;
            diagonal[i + 1] = g + shift;
            g = (cosine * turned) - b;
            Rotate(first, i, cosine, sine);
            Rotate(last, i, cosine, sine);
        }

        diagonal[left] -= shift;
        beside[left] = g;
        beside[right] = 0;
    }

    private static void Rotate(Span<double> row, int i, double cosine, double sine) =>
        (row[i], row[i + 1]) = ((cosine * row[i]) - (sine * row[i + 1]), (sine * row[i]) + (cosine * row[i + 1]));
}
