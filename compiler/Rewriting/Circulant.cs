using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>
/// A circulant operator by its eigenvalues: <c>irfft(n) * [diag(a), -diag(b); diag(b), diag(a)] * rfft(n)</c> with real parts a and imaginary parts b for the
/// frequencies 0 to n/2. Sums, products and transposes of such are such.
/// </summary>
/// <param name="Size">Its rows, n.</param>
/// <param name="Real">a, as a sum of terms.</param>
/// <param name="Imaginary">b, likewise: none for a symmetric one.</param>
internal sealed record Circulant(int Size, IReadOnlyList<Circulant.Term> Real, IReadOnlyList<Circulant.Term> Imaginary)
{
    /// <summary>Products of sums with more terms are not multiplied out.</summary>
    private const int MostTerms = 16;

    /// <summary>A product of vectors, one element for each frequency, of numbers that are tensors, and of a number.</summary>
    public sealed record Term(double Coefficient, EquatableArray<TensorExpression> Factors);

    /// <summary>The frequencies of a real vector.</summary>
    public int Frequencies => (Size / 2) + 1;

    /// <summary>The eigenvalues of an operator with Fourier transforms in it; null for others, and where it is not known to be circulant.</summary>
    public static Circulant? Of(Operator op) => op.Rows == op.Columns && op.DescendantsAndSelf().Any(node => node is Fourier) ? Visit(op) : null;

    private static Circulant? Visit(Operator op)
    {
        switch (op)
        {
            case Identity:
                return new(op.Rows, [new(1, default)], []);

            case Scaled { Factor: var factor, Operand: var operand }:
                return Visit(operand)?.Times(new(op.Rows, [new(factor, default)], []));

            case ScaledByTensor { Factor: var factor, Operand: var operand }:
                return Visit(operand)?.Times(new(op.Rows, [new(1, EquatableArray.Of(factor))], []));

            case Sum:
                Circulant?[] terms = [.. op.Operands().Select(Visit)];
                return Array.Exists(terms, term => term is null) ? null
                    : terms.Aggregate((one, other) => new(op.Rows, Collected([.. one!.Real, .. other!.Real]), Collected([.. one.Imaginary, .. other.Imaginary])));

            case Transpose { Operand: var operand }:
                return Visit(operand) is { } turned ? turned with { Imaginary = Negated(turned.Imaginary) } : null;

            case Alternatives:
                return op.Operands().Select(Visit).FirstOrDefault(one => one is not null);

            case Product { Operands: var operands }:
                Circulant? product = new(op.Rows, [new(1, default)], []);
                for (int k = 0; k < operands.Count && product is not null;)
                {
                    (Circulant Circulant, int Length)? diagonalized = Diagonalized([.. operands.Skip(k)]);
                    product = (diagonalized?.Circulant ?? Visit(operands[k])) is { } factor ? product.Times(factor) : null;
                    k += diagonalized?.Length ?? 1;
                }

                return product;

            default:
                return null;
        }
    }

    /// <summary>What the first operands of a product are, if they are a circulant one by its eigenvalues, or the transpose of that, and how many they are.</summary>
    private static (Circulant Circulant, int Length)? Diagonalized(Operator[] operands)
    {
        if (operands.Length < 3 || operands[0] is not Fourier { IsInverse: true } inverse)
        {
            return null;
        }

        // rfft' and irfft' are the other transform and weights that cancel.
        var forward = new Fourier(inverse.Size, IsInverse: false);
        bool isTransposed = operands.Length > 4 && operands[1].Equals(Transposition.Push(forward).Operands().Last()) && operands[3].Equals(Transposition.Push(inverse).Operands().First());
        int middle = isTransposed ? 2 : 1, last = isTransposed ? 4 : 2;
        if (!operands[last].Equals(forward) || BlocksOf(operands[middle]) is not { } blocks || blocks.A is not Diagonal { Tensor: var real } || !blocks.D.Equals(blocks.A))
        {
            return null;
        }

        // Negative above the diagonal, or below it in a transpose.
        double sign = blocks.B is Scaled ? 1 : -1;
        (Operator negative, Operator positive) = blocks.B is Scaled ? (blocks.B, blocks.C) : (blocks.C, blocks.B);
        if (positive is not Diagonal { Tensor: var imaginary } || !negative.Equals(new Scaled(-1, positive)))
        {
            return null;
        }

        // What is imaginary at 0 and n/2 counts for nothing.
        var pairs = new FormulaTensor(EquatableArray.Of(forward.Frequencies), Formula.Of("-", new FormulaNumber(1), IsOwn(inverse.Size)));
        return (new(inverse.Size, [new(1, EquatableArray.Of(real))], [new(sign, EquatableArray.Of(pairs, imaginary))]), last + 1);
    }

    /// <summary>A, B, C, D of [A, B; C, D], by rows or by columns.</summary>
    private static (Operator A, Operator B, Operator C, Operator D)? BlocksOf(Operator op)
    {
        Operator[][] lines = [.. op.Operands().Select(line => line.Operands().ToArray())];
        return lines.Length != 2 || Array.Exists(lines, line => line.Length != 2) ? null
            : op is VerticalStack && op.Operands().All(row => row is HorizontalStack) ? (lines[0][0], lines[0][1], lines[1][0], lines[1][1])
            : op is HorizontalStack && op.Operands().All(column => column is VerticalStack) ? (lines[0][0], lines[1][0], lines[0][1], lines[1][1])
            : null;
    }

    /// <summary>Whether a frequency is its own conjugate: 0 and, of an even n, n/2.</summary>
    public static Formula IsOwn(int size) => Formula.Of(
        "or", Formula.Of("==", new FormulaIndex(0), new FormulaNumber(0)), Formula.Of("==", Formula.Of("*", new FormulaNumber(2), new FormulaIndex(0)), new FormulaNumber(size)));

    /// <summary>(a + i b)(c + i d); null where that is too long a sum.</summary>
    private Circulant? Times(Circulant other)
    {
        if ((Real.Count + Imaginary.Count) * (other.Real.Count + other.Imaginary.Count) > MostTerms)
        {
            return null;
        }

        return new(
            Size,
            Collected([.. Products(Real, other.Real), .. Negated(Products(Imaginary, other.Imaginary))]),
            Collected([.. Products(Real, other.Imaginary), .. Products(Imaginary, other.Real)]));

        static Term[] Products(IReadOnlyList<Term> left, IReadOnlyList<Term> right) =>
            [.. left.SelectMany(a => right.Select(b => new Term(a.Coefficient * b.Coefficient, a.Factors.Concat(b.Factors).ToEquatable())))];
    }

    private static Term[] Negated(IReadOnlyList<Term> terms) => [.. terms.Select(term => term with { Coefficient = -term.Coefficient })];

    /// <summary>Terms of the same factors, in whatever order, as one; none with a coefficient of 0.</summary>
    private static List<Term> Collected(IReadOnlyList<Term> terms)
    {
        var collected = new List<Term>();
        foreach (Term term in terms)
        {
            int same = collected.FindIndex(other => HaveSameFactors(other, term));
            if (same < 0)
            {
                collected.Add(term);
            }
            else
            {
                collected[same] = term with { Coefficient = collected[same].Coefficient + term.Coefficient };
            }
        }

        collected.RemoveAll(term => term.Coefficient == 0);
        return collected;

        static bool HaveSameFactors(Term one, Term other)
        {
            List<TensorExpression> left = [.. other.Factors];
            return one.Factors.Count == left.Count && one.Factors.All(left.Remove);
        }
    }
}
