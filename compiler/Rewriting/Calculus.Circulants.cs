using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <content>Circulant operators, which Fourier transforms make diagonal: what is done with their complex eigenvalues.</content>
public sealed partial class Calculus
{
    /// <summary>F⁻¹ diag(1/λ) F</summary>
    private Alternatives InverseOf(Circulant op)
    {
        (TensorExpression real, TensorExpression imaginary, TensorExpression magnitude) = Eigenvalues(op);
        return OfEigenvalues(op.Size, OverSquare(real, 1), OverSquare(imaginary, -1));

        // Divided twice, since squares can leave the range of numbers.
        EinsumTensor OverSquare(TensorExpression part, double sign) => OfFrequencies(op, (sign, [Function("quotient", Function("quotient", part, magnitude), magnitude)]));
    }

    /// <summary>Σ log |λ| over all n frequencies, of which all but 0 and n/2 are pairs.</summary>
    private EinsumTensor LogDeterminantOf(Circulant op)
    {
        var count = new FormulaTensor(EquatableArray.Of(op.Frequencies), Formula.Of("-", new FormulaNumber(2), Circulant.IsOwn(op.Size)));
        return OfFrequencies(op, (1, [count, Function("log", Eigenvalues(op).Magnitude)]));
    }

    /// <summary>F⁻¹ diag(e^λ) F</summary>
    private Alternatives ExponentialOf(Circulant op)
    {
        (TensorExpression real, TensorExpression imaginary, _) = Eigenvalues(op);
        TensorExpression magnitude = Function("exp", real);
        return OfEigenvalues(op.Size, OfFrequencies(op, (1, [magnitude, Function("cos", imaginary)])), OfFrequencies(op, (1, [magnitude, Function("sin", imaginary)])));
    }

    /// <summary>F⁻¹ diag(f(λ)) F of a symmetric one, whose eigenvalues are real.</summary>
    private Alternatives OfSymmetric(Circulant op, Func<TensorExpression, TensorExpression> function) =>
        OfEigenvalues(op.Size, function(Eigenvalues(op).Real), FormulaTensor.Constant(0, op.Frequencies));

    /// <summary>The real parts, the imaginary parts and the magnitudes.</summary>
    private (TensorExpression Real, TensorExpression Imaginary, TensorExpression Magnitude) Eigenvalues(Circulant op)
    {
        (TensorExpression real, TensorExpression imaginary) = (Sum(op.Real), Sum(op.Imaginary));
        IndexVariable f = newIndex("f", op.Frequencies), part = newIndex("e", 2);
        var pairs = new EinsumTensor(Axes([f, part]), Parts(real, imaginary, f, part));
        return (real, imaginary, Function("row_norms", pairs));

        TensorExpression Sum(IReadOnlyList<Circulant.Term> terms) => terms.Count == 0 ? FormulaTensor.Constant(0, op.Frequencies)
            : OfFrequencies(op, [.. terms.Select(term => (term.Coefficient, term.Factors.Append(FormulaTensor.Constant(1, op.Frequencies)).ToArray()))]);
    }

    /// <summary>Sums of products of vectors of frequencies, and of numbers.</summary>
    private EinsumTensor OfFrequencies(Circulant op, params (double Coefficient, TensorExpression[] Factors)[] terms)
    {
        IndexVariable f = newIndex("f", op.Frequencies);
        return new EinsumTensor(Axes([f]), terms.Select(term => new TensorProduct(
            term.Factors.Select(factor => factor.Shape.Count == 0 ? At(factor) : At(factor, f)).ToEquatable(), term.Coefficient)).ToEquatable());
    }

    private static EquatableArray<TensorProduct> Parts(TensorExpression real, TensorExpression imaginary, IndexVariable f, IndexVariable part)
    {
        return EquatableArray.Of(Part(0, real), Part(1, imaginary));

        TensorProduct Part(int number, TensorExpression values) => new(EquatableArray.Of(
            At(new FormulaTensor(EquatableArray.Of(2), Formula.Of("==", new FormulaIndex(0), new FormulaNumber(number))), part), At(values, f)));
    }

    /// <summary>The circulant operator of eigenvalues: by its elements, or by transforms, whatever costs less.</summary>
    private Alternatives OfEigenvalues(int size, TensorExpression real, TensorExpression imaginary)
    {
        Fourier forward = new(size, IsInverse: false), back = new(size, IsInverse: true);
        IndexVariable f = newIndex("f", real.Shape[0]), part = newIndex("e", 2), turn = newIndex("e", 2), k = newIndex("k", size), i = newIndex("i", size), j = newIndex("j", size);
        var values = new EinsumTensor(EquatableArray.Of(EquatableArray.Of(part, f)), Parts(real, imaginary, f, part));
        var column = new EntriesTensor(ProductOf(back, new Column(values)));
        var twice = new EinsumTensor(
            EquatableArray.Of(EquatableArray.Of(turn, k)),
            EquatableArray.Of(At(FormulaTensor.Constant(1, 2), turn), new IndexedTensor(column, EquatableArray.Of(AffineIndex.Of(k), AffineIndex.Constant(0)))));
        var direct = new EinsumTensor(Axes([i, j]), EquatableArray.Of(new IndexedTensor(twice, EquatableArray.Of(new AffineIndex(size, EquatableArray.Of((i, 1), (j, -1)))))));
        Operator eigenvalues = new VerticalStack(EquatableArray.Of<Operator>(
            new HorizontalStack(EquatableArray.Of<Operator>(new Diagonal(real), new Scaled(-1, new Diagonal(imaginary)))),
            new HorizontalStack(EquatableArray.Of<Operator>(new Diagonal(imaginary), new Diagonal(real)))));
        return new Alternatives(EquatableArray.Of(new Matrix(direct), ProductOf(back, eigenvalues, forward)));
    }
}
