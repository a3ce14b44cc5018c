using Weft.Compiler.Oracle;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Text;
using Weft.Compiler.Verification;
using Weft.Tests.Formulas;

namespace Weft.Tests.Rewriting;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>Each law on operators made for it: it applies, and the matrix stays what the definitions say.</summary>
public class LawTests
{
    private static readonly IndexVariable Single = new("k", 1, 1);

    /// <summary>Operators that a law rewrites, by its name. A law without one fails <see cref="EveryLawHasExamples"/>.</summary>
    private static readonly Dictionary<string, Operator[]> Examples = new(StringComparer.Ordinal)
    {
        ["flatten"] =
        [
            Times(Times(M("A", 2, 3), M("B", 3, 5)), M("C", 5, 4)),
            Times(M("A", 2, 3), Times(M("B", 3, 5), M("C", 5, 4))),
            new Sum(List(M("A", 2, 3), new Sum(List(M("B", 2, 3), M("C", 2, 3))))),
            Kron(M("A", 2, 3), Kron(M("B", 3, 1), M("C", 2, 5))),
            new DirectSum(List(new DirectSum(List(M("A", 2, 3), M("B", 3, 1))), M("C", 2, 5))),
            new HorizontalStack(List(M("A", 2, 3), new HorizontalStack(List(M("B", 2, 1), M("C", 2, 5))))),
            new VerticalStack(List(new VerticalStack(List(M("A", 2, 3), M("B", 1, 3))), M("C", 5, 3))),
            new Kronecker(List(M("A", 2, 3))),
        ],
        ["transpose"] =
        [
            .. new Operator[]
            {
                new Identity(3),
                new Zero(2, 5),
                new Diagonal(T("d", 4)),
                new Transpose(M("A", 2, 3)),
                new Shuffle(2, 3),
                new Permutation(EquatableArray.Of(2, 0, 3, 1)),
                new Crop(7, 2, 3),
                new Pad(7, 3, 2),
                Notation(),
                new Scaled(3, M("A", 2, 3)),
                new ScaledByTensor(T("s"), M("A", 2, 3)),
                Times(M("A", 2, 3), M("B", 3, 5)),
                new Sum(List(M("A", 2, 3), M("B", 2, 3))),
                Kron(M("A", 2, 3), M("B", 4, 5)),
                new DirectSum(List(M("A", 2, 3), M("B", 4, 5))),
                new HorizontalStack(List(M("A", 2, 3), M("B", 2, 5))),
                new VerticalStack(List(M("A", 2, 3), M("B", 4, 3))),
            }.Concat(Enum.GetValues<IndexedKind>().Select(kind => Repeated(kind, 3))).Select(node => new Transpose(node)),
        ],
        ["identity"] =
        [
            Times(new Identity(2), M("A", 2, 3)),
            Times(M("A", 2, 3), new Identity(3)),
            Times(new Identity(3), new Identity(3)),
            Kron(M("A", 2, 3), new Identity(2), new Identity(3)),
            Kron(new Identity(1), M("A", 2, 3)),
            Kron(M("A", 2, 3), new Identity(1)),
            new DirectSum(List(new Identity(2), new Identity(3), M("A", 2, 3))),
        ],
        ["zero"] =
        [
            Times(new Zero(4, 2), M("A", 2, 3)),
            Times(M("A", 2, 3), new Zero(3, 5)),
            Kron(M("A", 2, 3), new Zero(4, 5)),
            new Scaled(2, new Zero(4, 5)),
            new ScaledByTensor(T("s"), new Zero(4, 5)),
            new Sum(List(M("A", 2, 3), new Zero(2, 3), M("B", 2, 3))),
            new Sum(List(new Zero(2, 3), new Zero(2, 3))),
        ],
        ["scale"] =
        [
            new Scaled(1, M("A", 2, 3)),
            new Scaled(2, new Scaled(3, M("A", 2, 3))),
            new ScaledByTensor(T("s"), new Scaled(3, M("A", 2, 3))),
            Times(M("A", 2, 3), new Scaled(3, M("B", 3, 5))),
            Times(new ScaledByTensor(T("s"), M("A", 2, 3)), new Scaled(3, M("B", 3, 5))),
            Squared(new Scaled(3, M("A", 3, 3))),
            Kron(new Scaled(-2, M("A", 2, 3)), new Scaled(3, M("B", 4, 5))),
            Kron(M("A", 2, 3), new ScaledByTensor(T("s"), M("B", 4, 5))),
        ],
        ["permutation"] =
        [
            new Shuffle(1, 5),
            new Shuffle(5, 1),
            new Permutation(EquatableArray.Of(0, 1, 2)),
            Times(new Shuffle(2, 3), new Shuffle(3, 2)),
            Times(new Permutation(EquatableArray.Of(2, 0, 3, 1)), new Permutation(EquatableArray.Of(1, 2, 0, 3))),
            Times(new Permutation(EquatableArray.Of(2, 0, 3, 1, 5, 4)), new Shuffle(2, 3)),
            Times(new Shuffle(2, 3), new Permutation(EquatableArray.Of(2, 0, 3, 1, 5, 4))),
            Times(M("A", 2, 6), new Shuffle(2, 3), new Shuffle(3, 2), M("B", 6, 5)),
        ],
        ["window"] =
        [
            new Crop(4, 0, 4),
            new Pad(4, 0, 4),
            Times(new Crop(6, 1, 3), new Crop(9, 2, 6)),
            Times(new Pad(9, 2, 6), new Pad(6, 1, 3)),
            Times(new Crop(9, 1, 5), new Pad(9, 3, 6)),
            Times(new Crop(9, 4, 5), new Pad(9, 1, 5)),
            Times(new Crop(9, 2, 5), new Pad(9, 3, 2)),
            Times(new Crop(9, 3, 2), new Pad(9, 1, 7)),
            Times(new Crop(9, 0, 3), new Pad(9, 4, 5)),
            Times(new Crop(9, 0, 5), new Pad(9, 4, 5)),
            Times(new Crop(9, 0, 4), new Pad(9, 4, 5)),
        ],
        ["mixed-product"] =
        [
            Times(Kron(M("A", 2, 3), M("B", 4, 5)), Kron(M("C", 3, 7), M("D", 5, 2))),
            Times(M("E", 3, 8), Kron(M("A", 2, 3), M("B", 4, 5)), Kron(M("C", 3, 1), M("D", 5, 2)), M("F", 2, 5)),
        ],
        ["direct-sum-product"] =
        [
            Times(new DirectSum(List(M("A", 2, 3), M("B", 4, 5))), new DirectSum(List(M("C", 3, 7), M("D", 5, 2)))),
        ],
        ["block-product"] =
        [
            Times(new HorizontalStack(List(M("A", 2, 3), M("B", 2, 5))), new VerticalStack(List(M("C", 3, 4), M("D", 5, 4)))),
        ],
        ["reflections"] =
        [
            Times(Chain(T("V", 5, 4), 0, 2), Chain(T("V", 5, 4), 2, 3)),
            Times(Chain(T("V", 5, 4), 0, 2), Chain(T("V", 5, 4), 2, 1)),
            Times(Chain(T("W", 3, 5, 4), 1, 2), Chain(T("W", 3, 5, 4), 3, 1)),
        ],
        ["orthogonal"] =
        [
            Times(new Transpose(new Reflections(T("V", 3, 5))), new Reflections(T("V", 3, 5))),
            Times(M("A", 2, 5), new Reflections(T("V", 3, 5)), new Transpose(new Reflections(T("V", 3, 5)))),
            Times(new Matrix(Functions.Of("cayley", T("V", 5, 5))), new Transpose(new Matrix(Functions.Of("cayley", T("V", 5, 5)))), M("A", 5, 2)),
        ],
        ["symmetric"] = [new Transpose(new Matrix(Functions.Of("sqrtm", Functions.Of("rbf", 0.5, T("V", 5, 3), T("V", 5, 3)))))],
        ["common-factor"] =
        [
            new Sum(List(Times(M("A", 2, 3), M("B", 3, 5)), Times(M("A", 2, 3), M("C", 3, 5)))),
            new Sum(List(Times(M("B", 2, 3), M("A", 3, 5)), M("D", 2, 5), Times(M("C", 2, 3), M("A", 3, 5)))),
            new Sum(List(
                Times(M("A", 2, 3), M("B", 3, 4), M("C", 4, 5)),
                Times(M("D", 2, 6), M("E", 6, 4), M("C", 4, 5)))),
        ],
        ["equal-terms"] =
        [
            new Sum(List(M("A", 2, 3), M("A", 2, 3))),
            new Sum(List(new Scaled(2, M("A", 2, 3)), M("B", 2, 3), new Scaled(-0.5, M("A", 2, 3)))),
        ],
        ["single-repetition"] = [.. Enum.GetValues<IndexedKind>().Select(kind => Repeated(kind, 1))],
    };

    public static TheoryData<string> Names => [.. Laws.All.Select(law => law.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void ALawKeepsTheMatrix(string name)
    {
        Law law = Laws.All.Single(law => law.Name == name);
        foreach (Operator example in Examples[name])
        {
            Operator? rewritten = law.Apply(example);
            Assert.True(rewritten is not null, $"{law.Statement} does not apply to {AlgebraPrinter.Print(example)}");
            AssertSame(example, rewritten);
        }
    }

    /// <summary>The order of terms and factors, which no matrix shows, is that of the text.</summary>
    [Fact]
    public void WhatLawsMake() => Snapshot.Match(string.Concat(Laws.All.Select(law =>
        $"{law.Name}\n{string.Concat(Examples[law.Name].Select(example => $"  {AlgebraPrinter.Print(example)}  ->  {AlgebraPrinter.Print(law.Apply(example)!)}\n"))}")));

    [Fact]
    public void EveryLawHasExamples() =>
        Assert.Equal(Laws.All.Select(law => law.Name).Order(StringComparer.Ordinal), Examples.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void LawsLeaveAloneWhatTheyMustNotTouch()
    {
        Operator[] fixedPoints =
        [
            M("A", 2, 3),
            new Transpose(M("A", 2, 3)),
            Times(M("A", 2, 3), M("B", 3, 2)),
            new Shuffle(2, 3),

            // Shapes that do not meet factor by factor.
            Times(Kron(M("A", 2, 3), M("B", 4, 5)), Kron(M("C", 5, 7), M("D", 3, 2))),
            Times(new DirectSum(List(M("A", 2, 3), M("B", 4, 5))), new DirectSum(List(M("C", 4, 7), M("D", 4, 2)))),
            Times(new HorizontalStack(List(M("A", 2, 3), M("B", 2, 5))), new VerticalStack(List(M("C", 4, 4), M("D", 4, 4)))),

            // Two of one kind are needed.
            Times(Kron(M("A", 2, 2), M("B", 4, 2)), new DirectSum(List(M("C", 2, 7), M("D", 2, 3)))),
            Times(new DirectSum(List(M("A", 7, 2), M("B", 3, 2))), Kron(M("C", 2, 2), M("D", 2, 3))),
            Times(new HorizontalStack(List(M("A", 2, 3), M("B", 2, 5))), new DirectSum(List(M("C", 3, 4), M("D", 5, 4)))),
            Times(new DirectSum(List(M("A", 2, 3), M("B", 4, 5))), new VerticalStack(List(M("C", 3, 4), M("D", 5, 4)))),

            // Rows in the other order, with a gap between them, that overlap, of other tensors or other parts of one; and chains that differ.
            Times(Chain(T("V", 5, 4), 2, 3), Chain(T("V", 5, 4), 0, 2)),
            Times(Chain(T("V", 5, 4), 0, 2), Chain(T("V", 5, 4), 3, 2)),
            Times(Chain(T("V", 5, 4), 0, 2), Chain(T("V", 5, 4), 1, 2)),
            Times(Chain(T("V", 5, 4), 0, 2), Chain(T("U", 5, 4), 2, 3)),
            Times(Chain(T("W", 3, 5, 4), 0, 2), Chain(T("W", 3, 5, 4), 2, 3, point: 2)),
            Times(new Reflections(T("V", 3, 5)), new Reflections(T("V", 3, 5))),
            Times(new Transpose(new Reflections(T("V", 3, 5))), new Reflections(T("U", 3, 5))),
            Times(new Reflections(T("V", 3, 5)), new Transpose(new Reflections(T("U", 3, 5)))),
        ];
        foreach (Operator node in fixedPoints)
        {
            Assert.DoesNotContain(Laws.All, law => law.Apply(node) is not null);
        }
    }

    /// <summary>A chain over all rows, joined from parts, is that of the tensor itself.</summary>
    [Fact]
    public void AWholeChainCancelsItsTranspose() => Assert.Equal(
        new Identity(4),
        Rewriter.Rewrite(Times(Chain(T("V", 5, 4), 0, 2), Chain(T("V", 5, 4), 2, 3), new Transpose(new Reflections(T("V", 5, 4)))), []));

    [Fact]
    public void RewritingKeepsTheMatricesOfRandomModules()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            Module module = RandomFormula.Create(seed);
            foreach (LinearLink link in module.Links.OfType<LinearLink>())
            {
                AssertSame(link.Operator, Rewriter.Rewrite(link.Operator, []));
            }
        }
    }

    private static void AssertSame(Operator before, Operator after)
    {
        string what = $"{AlgebraPrinter.Print(before)}  ->  {AlgebraPrinter.Print(after)}";
        Assert.True(ModuleVerifier.Fault(after) is null, what);
        Assert.Equal((before.Rows, before.Columns), (after.Rows, after.Columns));

        // One value for all the parameters of both, as a law may drop some.
        Module module = Algebras.ModuleOf("Law", new Sum(List(before, after)));
        var interpreter = new Interpreter(module, Numbers.Values(module, new Random(5)));
        Numbers.AssertClose(Numbers.Flat(interpreter.Dense(before)), Numbers.Flat(interpreter.Dense(after)), 1e-10, what);
    }

    private static ParameterTensor T(string name, params int[] shape) =>
        new(new Parameter(name, shape.ToEquatable(), Role.Trained, Initializer.FanIn()));

    private static Matrix M(string name, int rows, int columns) => new(T(name, rows, columns));

    private static EquatableArray<Operator> List(params Operator[] operands) => operands.ToEquatable();

    private static Product Times(params Operator[] operands) => new(List(operands));

    /// <summary>One node in two places.</summary>
    private static Product Squared(Operator operand) => Times(operand, operand);

    private static Kronecker Kron(params Operator[] operands) => new(List(operands));

    /// <summary>The reflections over some rows of the last but one axis, at a position of an axis before it.</summary>
    private static Reflections Chain(TensorExpression tensor, int start, int length, int point = 1)
    {
        SliceAxis[] rows = [new RangeAxis(start, length), new RangeAxis(0, 4)];
        return new Reflections(new SliceTensor(
            tensor, (tensor.Shape.Count == 3 ? rows.Prepend(new PointAxis(AffineIndex.Constant(point))) : rows).ToEquatable()));
    }

    /// <summary><c>A[k] * B[:, k]</c>, repeated.</summary>
    private static Indexed Repeated(IndexedKind kind, int count)
    {
        IndexVariable index = count == 1 ? Single : new IndexVariable("k", count, 2);
        var point = new PointAxis(AffineIndex.Of(index));
        var left = new SliceTensor(
            T("A", count, 2, 3), EquatableArray.Of<SliceAxis>(point, new RangeAxis(0, 2), new RangeAxis(0, 3)));
        var right = new SliceTensor(
            T("B", 3, count, 5), EquatableArray.Of<SliceAxis>(new RangeAxis(0, 3), point, new RangeAxis(0, 5)));
        return new Indexed(kind, index, Times(new Matrix(left), new Matrix(right)));
    }

    /// <summary><c>y[i j] = A[i, k] * B[k, j, i] * x[k i]</c>.</summary>
    private static Einsum Notation()
    {
        IndexVariable i = new("i", 2, 11), j = new("j", 5, 12), k = new("k", 3, 13);
        return new Einsum(
            EquatableArray.Of(i, j),
            EquatableArray.Of(
                new IndexedTensor(T("A", 2, 3), EquatableArray.Of(AffineIndex.Of(i), AffineIndex.Of(k))),
                new IndexedTensor(
                    T("B", 3, 5, 2), EquatableArray.Of(AffineIndex.Of(k), AffineIndex.Of(j), AffineIndex.Of(i)))),
            EquatableArray.Of(k, i));
    }
}
