using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>Index notation for every leaf of the algebra: the one thing that the lowering has to know of any of them.</summary>
internal sealed record EinsumForm(
    IReadOnlyList<IndexVariable> Output,
    IReadOnlyList<IndexedTensor> Factors,
    IReadOnlyList<IndexVariable> Input,
    double Coefficient = 1)
{
    public EinsumForm Transposed() => this with { Output = Input, Input = Output };

    /// <summary>The form of a leaf, or null where the operator is not a leaf.</summary>
    public static EinsumForm? Of(Operator op)
    {
        switch (op)
        {
            case Einsum einsum:
                return new EinsumForm([.. einsum.Output], [.. einsum.Factors], [.. einsum.Input], einsum.Coefficient);

            case Matrix { Tensor: var tensor }:
                (IndexVariable i, IndexVariable j) = (Variable("i", tensor.Shape[0]), Variable("j", tensor.Shape[1]));
                return new EinsumForm([i], [At(tensor, i, j)], [j]);

            case Column { Tensor: var tensor }:
                i = Variable("i", tensor.Shape[0]);
                return new EinsumForm([i], [At(tensor, i)], []);

            case Diagonal { Tensor: var tensor }:
                i = Variable("i", tensor.Shape[0]);
                return new EinsumForm([i], [At(tensor, i)], [i]);

            case BlockDiagonal { Tensor: var tensor }:
                (i, j) = (Variable("i", tensor.Shape[1]), Variable("j", tensor.Shape[2]));
                IndexVariable k = Variable("k", tensor.Shape[0]);
                return new EinsumForm([k, i], [At(tensor, k, i, j)], [k, j]);

            case Shuffle shuffle:
                (i, j) = (Variable("i", shuffle.Outer), Variable("j", shuffle.Inner));
                return new EinsumForm([j, i], [], [i, j]);

            default:
                return null;
        }
    }

    private static IndexedTensor At(TensorExpression tensor, params IndexVariable[] indices) =>
        new(tensor, indices.Select(AffineIndex.Of).ToEquatable());

    // Negative, so that they meet no variable that a binder made; a form is used up before the next is made.
    private static IndexVariable Variable(string name, int extent) => new(name, extent, -name[0]);
}
