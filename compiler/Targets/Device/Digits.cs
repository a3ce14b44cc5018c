using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>The indices of one step, each as what it is in the indices of another that names the same elements.</summary>
internal sealed class Digits
{
    private readonly Dictionary<Index, Affine> _digits = [];

    private Digits()
    {
    }

    /// <summary>The indices of a view in those of another view of the same elements; null where one of those lies across several.</summary>
    public static Digits? Of(View view, View other)
    {
        (Index Index, int Stride)[] parts = [.. other.Position.Terms.Where(term => term.Index != View.Rows)];
        var result = new Digits();
        foreach ((Index index, int stride) in view.Position.Terms.Where(term => term.Index != View.Rows))
        {
            (Index Index, int Stride)[] within =
            [
                .. parts.Where(part => part.Stride >= stride && (long)part.Stride * part.Index.Extent <= (long)stride * index.Extent && part.Stride % stride == 0),
            ];
            if (stride < 0 || within.Aggregate(1L, (product, part) => product * part.Index.Extent) != index.Extent)
            {
                return null;
            }

            result._digits.Add(index, new Affine(0, [.. within.Select(part => (part.Index, part.Stride / stride))]));
        }

        return result;
    }

    public View Rebase(View view) => view with
    {
        Position = view.Position.Terms.Aggregate(
            new Affine(view.Position.Offset, []),
            (position, term) => position + (_digits.TryGetValue(term.Index, out Affine? digit) ? digit * term.Stride : new Affine(0, [term]))),
    };

    public Epilogue Rebase(Epilogue epilogue) => epilogue switch
    {
        AddEpilogue add => add with { A = Rebase(add.A) },
        MultiplyEpilogue { A: { } a } multiply => multiply with { A = Rebase(a) },
        DeriveEpilogue { Z: { } z } derive => derive with { Z = Rebase(z) },
        KeepEpilogue keep => new KeepEpilogue(Rebase(keep.Target)),
        _ => epilogue,
    };

    public FusedStep Rebase(FusedStep step) => step with
    {
        Contraction = step.Contraction with
        {
            Target = Rebase(step.Contraction.Target),
            Left = Rebase(step.Contraction.Left),
            Right = step.Contraction.Right is { } right ? Rebase(right) : null,
        },
        Epilogues = [.. step.Epilogues.Select(Rebase)],
    };
}
