using Weft.Compiler.Text;
using Weft.Tests.Formulas;

namespace Weft.Tests.Oracle;

using Weft.Compiler.Algebra;

/// <summary>The algebra as text: precedence, slices, index notation, declarations.</summary>
public class AlgebraPrinterTests
{
    private static readonly Operator A = Leaf("A", 2, 3);
    private static readonly Operator B = Leaf("B", 2, 3);
    private static readonly Operator C = Leaf("C", 3, 4);

    [Fact]
    public void ParenthesesAreWhereTheyAreNeeded()
    {
        AssertText("A + B", new Sum(List(A, B)));
        AssertText("A - 2 * B", new Sum(List(A, new Scaled(-2, B))));
        AssertText("D + (-2 * A ⊕ C)", new Sum(List(Leaf("D", 5, 7), new DirectSum(List(new Scaled(-2, A), C)))));
        AssertText("(A + B) * C", Times(new Sum(List(A, B)), C));
        AssertText("A * C + B * C", new Sum(List(Times(A, C), Times(B, C))));
        AssertText("A ⊗ C * D", Times(new Kronecker(List(A, C)), Leaf("D", 12, 5)));
        AssertText("(A * C) ⊗ B", new Kronecker(List(Times(A, C), B)));
        AssertText("A * C ⊕ B", new DirectSum(List(Times(A, C), B)));
        AssertText("(A ⊕ B)'", new Transpose(new DirectSum(List(A, B))));
        AssertText("A''", new Transpose(new Transpose(A)));
        AssertText("-0.5 * (A * C)", new Scaled(-0.5, Times(A, C)));
        AssertText("s * A", new ScaledByTensor(Tensor("s"), A));
        AssertText("(2 * A) * C", Times(new Scaled(2, A), C));
        AssertText("[A, eye(2); zeros(1, 3), d']", new VerticalStack(List(
            new HorizontalStack(List(A, new Identity(2))),
            new HorizontalStack(List(new Zero(1, 3), new Transpose(new Column(Tensor("d", 2))))))));
    }

    [Fact]
    public void LeavesAreTheirFunctions()
    {
        AssertText("diag(d)", new Diagonal(Tensor("d", 3)));
        AssertText("blockdiag(T)", new BlockDiagonal(Tensor("T", 2, 3, 4)));
        AssertText("shuffle(2, 3)", new Shuffle(2, 3));
        AssertText("permute([2, 0, 1])", new Permutation(EquatableArray.Of(2, 0, 1)));
        AssertText("crop(7, 4)", new Crop(7, 0, 4));
        AssertText("pad(7, 4, 2)", new Pad(7, 2, 4));
        AssertText("reflect(V)", new Reflections(Tensor("V", 2, 3)));
        AssertText("admix(bank, P, 2)", new Matrix(Functions.Of("admix", 2, Tensor("bank", 4, 3), Tensor("P", 5, 4))));
    }

    [Fact]
    public void SlicesAndIndexedForms()
    {
        var k = new IndexVariable("k", 3, 1);
        var point = new PointAxis(AffineIndex.Of(k));
        ParameterTensor t = Tensor("T", 3, 4, 5);
        AssertText("T[1]", Slice(t, new PointAxis(AffineIndex.Constant(1)), new RangeAxis(0, 4), new RangeAxis(0, 5)));
        AssertText("T[:, 2, 1..4]", Slice(t, new RangeAxis(0, 3), new PointAxis(AffineIndex.Constant(2)), new RangeAxis(1, 3)));
        AssertText(
            "sum(k < 3) (T[k] * T[k]')",
            new Indexed(IndexedKind.Sum, k, Times(
                Slice(t, point, new RangeAxis(0, 4), new RangeAxis(0, 5)),
                new Transpose(Slice(t, point, new RangeAxis(0, 4), new RangeAxis(0, 5))))));
        AssertText(
            "(vstack(k < 3) T[k]) * C",
            Times(new Indexed(IndexedKind.VerticalStack, k, Slice(t, point, new RangeAxis(0, 4), new RangeAxis(0, 5))), C));
    }

    [Fact]
    public void AModuleIsADeclaration()
    {
        IndexVariable i = new("i", 2, 1), a = new("a", 3, 2), r = new("r", 4, 3), j = new("j", 5, 4);
        var folded = new EinsumTensor(
            EquatableArray.Of(EquatableArray.Of(i, a), EquatableArray.Of(r)),
            EquatableArray.Of(Indices(Tensor("U", 2, 4), i, r), Indices(Tensor("stem.V", 3), a)));
        var frozen = new ParameterTensor(
            new Parameter("W", EquatableArray.Of(4, 5), Role.Frozen, Initializer.FanIn()));
        var seeded = new ParameterTensor(
            new Parameter("S", EquatableArray.Of(6, 5), Role.Seeded, new Initializer(Distribution.Sign), 7));
        Module module = Algebras.ModuleOf("Fold", new Sum(List(Times(new Matrix(folded), new Matrix(frozen)), new Matrix(seeded))));
        Assert.Equal(
            """
            /// Folded.
            operator Fold : 5 -> 6
              param U[2, 4]
              param stem_V[3]
              frozen W[4, 5]
              seeded(7) S[6, 5] ~ sign
              let T[i a, r] = U[i, r] * stem_V[a]
              = T * W + S

            """,
            AlgebraPrinter.Print(module with { Documentation = "Folded." }),
            ignoreLineEndingDifferences: true);

        Module notation = Algebras.ModuleOf("Notation", new Sum(List(
            new Einsum(EquatableArray.Of(i, a), EquatableArray.Of(Indices(Tensor("P", 2, 5), i, j)), EquatableArray.Of(j, a), 0.5),
            new Einsum(EquatableArray.Of(i, a), EquatableArray.Of(Indices(Tensor("Q", 3, 5), a, j)), EquatableArray.Of(j, a), -3))));
        Assert.Equal(
            """
            operator Notation : 15 -> 6
              param P[2, 5]
              param Q[3, 5]
              y[i a:3] = 0.5 * P[i, j] * x[j a:3] - 3 * Q[a, j] * x[j a]

            """,
            AlgebraPrinter.Print(notation),
            ignoreLineEndingDifferences: true);

        Module layer = Algebras.ModuleOf(
            "Layer",
            3,
            2,
            new LinearLink(new Sum(List(A, B))),
            new BiasLink(new ParameterTensor(new Parameter("bias", EquatableArray.Of(2), Role.Trained, new Initializer(Distribution.Zeros)))),
            new ActivationLink(Activation.Gelu));
        Assert.Equal(
            """
            layer Layer : 3 -> 2
              param A[2, 3]
              param B[2, 3]
              = gelu . bias . (A + B)

            """,
            AlgebraPrinter.Print(layer),
            ignoreLineEndingDifferences: true);
    }

    private static void AssertText(string expected, Operator node) => Assert.Equal(expected, AlgebraPrinter.Print(node));

    private static EquatableArray<Operator> List(params Operator[] operands) => operands.ToEquatable();

    private static Product Times(params Operator[] operands) => new(List(operands));

    private static ParameterTensor Tensor(string name, params int[] shape) =>
        new(new Parameter(name, shape.ToEquatable(), Role.Trained, Initializer.FanIn()));

    private static Matrix Leaf(string name, int rows, int columns) => new(Tensor(name, rows, columns));

    private static Matrix Slice(TensorExpression source, params SliceAxis[] axes) => new(new SliceTensor(source, axes.ToEquatable()));

    private static IndexedTensor Indices(TensorExpression tensor, params IndexVariable[] indices) =>
        new(tensor, indices.Select(AffineIndex.Of).ToEquatable());
}
