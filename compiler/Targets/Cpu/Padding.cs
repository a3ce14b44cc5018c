using Weft.Compiler.Network;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>
/// Rows of the input, and of the output's gradient, that lie a large power of two apart are copied in the reverse pass where a weight's
/// gradient reads them again and again: a column of them would have to fit into a few lines of the first-level cache.
/// </summary>
internal sealed class Padding
{
    private readonly Dictionary<(Storage Storage, Aspect Aspect), Storage> _copies = [];

    public Padding(OperationProgram program, Variant variant)
    {
        const int ReadAgain = 32;
        foreach (Contraction contraction in program.Rows.OfType<ContractStep>().Select(step => step.Contraction))
        {
            foreach ((View weight, View? other) in new (View, View?)[] { (contraction.Left, contraction.Right), (contraction.Right ?? contraction.Left, contraction.Left) })
            {
                if (other is null || weight.Storage.IsPerRow || !weight.Storage.HasMirror)
                {
                    continue;
                }

                foreach (View view in new[] { other, contraction.Target.Mirror })
                {
                    Storage storage = view.Storage;
                    int again = weight.Position.Indices.Where(index => !view.Has(index)).Aggregate(1, (product, index) => product * index.Extent);

                    // An input that is summed over more than the rows streams past the gradient that stays.
                    bool stays = storage.Space == Space.Output
                        || (storage.Space == Space.Input && view.Position.Indices.All(index => index == View.Rows || weight.Has(index)));
                    if (stays && storage.Length * variant.ElementSize % variant.Costs.Processor.FarApart == 0 && again >= ReadAgain && !_copies.ContainsKey((storage, view.Aspect)))
                    {
                        string name = (view.Aspect == Aspect.Mirror ? "d" : "") + storage.Name + "Padded";
                        _copies.Add((storage, view.Aspect), new Storage(name, Space.Scratch, storage.Length) { Pitch = variant.Pitch(storage.Length) });
                    }
                }
            }
        }
    }

    /// <summary>The copies.</summary>
    public IReadOnlyList<Storage> Storages => [.. _copies.Values];

    /// <summary>What makes them.</summary>
    public IEnumerable<Step> Steps => _copies.Select(pair => new PadStep(new Place(pair.Key.Storage, pair.Key.Aspect, 0), Place.Of(pair.Value)));

    /// <summary>A contraction of the reverse pass, of the copies.</summary>
    public Contraction Of(Contraction contraction) => contraction with
    {
        Left = Of(contraction.Left),
        Right = contraction.Right is { } right && !contraction.Target.Storage.IsPerRow ? Of(right) : contraction.Right,
    };

    private View Of(View view) => _copies.TryGetValue((view.Storage, view.Aspect), out Storage? padded)
        ? new View(padded, view.Position + new Affine(0, [(View.Rows, padded.Pitch - view.Stride(View.Rows))]))
        : view;
}
