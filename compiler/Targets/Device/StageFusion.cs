using Weft.Compiler.Planning;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Two contractions in sequence become one kernel where nothing else reads what is between them, a group's part of it fits into local memory,
/// and that is faster by the device's roofline. A group takes some rows and some of the combinations of the indices that both results have: of
/// what is between it needs just those, so that nothing is computed twice.
/// </summary>
internal static class StageFusion
{
    /// <param name="steps">The steps.</param>
    /// <param name="isNeeded">What is read by others than these steps.</param>
    /// <param name="rows">The rows that it has to be faster for.</param>
    /// <param name="device">What the device can do.</param>
    public static List<Step> Run(IReadOnlyList<Step> steps, Func<Place, bool> isNeeded, int rows, DeviceModel device)
    {
        List<Step> done = [.. steps];
        for (int k = 1; k < done.Count; k++)
        {
            if (done[k] is not FusedStep second)
            {
                continue;
            }

            int at = done.FindLastIndex(k - 1, step => step is FusedStep first && first.Target.Storage.Space == Space.Scratch && second.Reads.Any(place => Same(place, first.Target)));
            if (at >= 0 && !isNeeded(done[at].Target) && IsFree(done, at, k) && Chain((FusedStep)done[at], second, rows, device) is { } chain)
            {
                done[k] = chain;
                done.RemoveAt(at);
                k--;
            }
        }

        return done;
    }

    /// <summary>Whether a step can wait for another, the only one that reads its result.</summary>
    private static bool IsFree(List<Step> steps, int at, int second)
    {
        var first = (FusedStep)steps[at];
        return steps.Skip(at + 1).Take(second - at - 1).All(step => step is not ChainedStep && !Touches(step))
            && !steps.Take(at).Concat(steps.Skip(second + 1)).Any(step => step.Places.Any(place => Same(place, first.Target)));

        bool Touches(Step step) => step.Writes.Any(place => first.Reads.Append(first.Target).Any(other => Same(place, other)))
            || step.Places.Any(place => Same(place, first.Target));
    }

    private static ChainedStep? Chain(FusedStep first, FusedStep second, int rows, DeviceModel device)
    {
        (Contraction from, Contraction to) = (first.Contraction, second.Contraction);
        View[] read = [.. to.Views.Skip(1).Where(view => Same(first.Target, view))];
        if (first.Accumulates || first.Epilogues.Any(epilogue => epilogue is KeepEpilogue) || from.Right is null || to.Right is null || read.Length != 1
            || FusedResults.EpilogueViews(second).Any(view => Same(first.Target, view))
            || first.Reads.Any(place => second.Writes.Any(other => Same(place, other)))
            || !from.Target.Has(View.Rows) || !from.Target.CoversStorage || !read[0].CoversStorage || to.Target.Overlaps || !to.Target.Has(View.Rows))
        {
            return null;
        }

        if (Digits.Of(read[0], from.Target) is { } finer)
        {
            second = finer.Rebase(second);
        }
        else if (Digits.Of(from.Target, read[0]) is { } coarser)
        {
            first = coarser.Rebase(first);
        }
        else
        {
            return null;
        }

        int operands = FusedResults.Views(first).Count + FusedResults.Views(second).Count - 2;
        if (operands > EpilogueFusion.MostOperands || second.Contraction.Indices.Any(index => !second.Contraction.Target.Has(index) && !first.Contraction.Target.Has(index)))
        {
            return null;
        }

        double apart = ChainKernels.Seconds(first, rows, device) + ChainKernels.Seconds(second, rows, device);
        int outer = ChainKernels.Outer(first, second).Fixed;
        IEnumerable<ChainTile> tiles = Doubling(Math.Min(32, rows)).SelectMany(tileRows => Doubling(outer).Select(tile => new ChainTile(tileRows, tile)));
        (ChainedStep Step, double Seconds)[] chains =
        [
            .. tiles.Select(tile => new ChainedStep(first, second, tile))
                .Where(step => ChainKernels.LocalLength(step) * device.ElementSize <= device.LocalBytes)
                .Select(step => (step, ChainKernels.Seconds(step, rows, device))),
        ];
        double best = chains.Select(chain => chain.Seconds).DefaultIfEmpty(apart).Min();

        // Of tiles that are as good, the largest reads the least again.
        return best >= apart ? null : chains.Where(chain => chain.Seconds <= 1.02 * best).OrderByDescending(chain => chain.Step.Tile.Rows * chain.Step.Tile.Outer).First().Step;
    }

    /// <summary>1, 2, 4 and so on, and the last.</summary>
    private static IEnumerable<int> Doubling(int last) => Enumerable.Range(0, 31).Select(k => 1 << k).TakeWhile(number => number < last).Append(last);

    private static bool Same(Place one, Place other) => one.Storage == other.Storage && one.Aspect == other.Aspect;

    private static bool Same(Place one, View other) => one.Storage == other.Storage && one.Aspect == other.Aspect;
}
