using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>Index notation for every leaf of the algebra: the one thing that the lowering has to know of any of them.</summary>
internal static class EinsumForm
{
    /// <summary>The form of a leaf, or null where the operator is not a leaf.</summary>
    public static Einsum? Of(Operator op)
    {
        switch (op)
        {
            case Einsum einsum:
                return einsum;

            case Matrix { Tensor: var tensor }:
                (IndexVariable i, IndexVariable j) = (Variable("i", tensor.Shape[0]), Variable("j", tensor.Shape[1]));
                return Form([i], [At(tensor, i, j)], [j]);

            case Column { Tensor: var tensor }:
                i = Variable("i", tensor.Shape[0]);
                return Form([i], [At(tensor, i)], []);

            case Diagonal { Tensor: var tensor }:
                i = Variable("i", tensor.Shape[0]);
                return Form([i], [At(tensor, i)], [i]);

            case BlockDiagonal { Tensor: var tensor }:
                (i, j) = (Variable("i", tensor.Shape[1]), Variable("j", tensor.Shape[2]));
                IndexVariable k = Variable("k", tensor.Shape[0]);
                return Form([k, i], [At(tensor, k, i, j)], [k, j]);

            case Shuffle shuffle:
                (i, j) = (Variable("i", shuffle.Outer), Variable("j", shuffle.Inner));
                return Form([j, i], [], [i, j]);

            default:
                return null;
        }
    }

    private static Einsum Form(IndexVariable[] output, IndexedTensor[] factors, IndexVariable[] input) =>
        new(output.ToEquatable(), factors.ToEquatable(), input.ToEquatable());

    private static IndexedTensor At(TensorExpression tensor, params IndexVariable[] indices) =>
        new(tensor, indices.Select(AffineIndex.Of).ToEquatable());

    // Negative, so that they meet no variable that a binder made; a form is used up before the next is made.
    private static IndexVariable Variable(string name, int extent) => new(name, extent, -name[0]);
}
