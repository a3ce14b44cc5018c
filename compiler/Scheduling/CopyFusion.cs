namespace Weft.Compiler.Scheduling;

/// <summary>
/// A tensor that is copied and then added to is not copied: what is added starts from it, <c>t = x; t += a b</c> becomes
/// <c>t = x + a b</c>, and so does <c>t = a b; t += x</c>. An identity beside another term, or a bias, then costs no pass over memory.
/// </summary>
internal static class CopyFusion
{
    public static void Run(List<Step> steps)
    {
        for (int k = steps.Count - 1; k >= 0; k--)
        {
            if (steps[k] is not KernelStep { IsCopy: true } copy || (copy.Addend is not null && !copy.Accumulates))
            {
                continue;
            }

            int partner = copy.Accumulates ? Before(steps, k, copy) : After(steps, k, copy);
            int? pitch = copy.Kernel.Loops.FirstOrDefault(loop => loop.IsRows && loop.A != loop.C)?.A;

            // A sum over lanes adds the parts that its vectors of different widths leave to the target itself.
            if (partner >= 0 && steps[partner] is KernelStep sum && (pitch is null || sum.Kernel.Form != LaneForm.Dot))
            {
                steps[partner] = sum with { Addend = copy.A, Kernel = sum.Kernel with { AddendPitch = pitch } };
                steps.RemoveAt(k);
            }
        }
    }

    /// <summary>The step that adds to the copy, if the two have nothing between them that minds.</summary>
    private static int After(List<Step> steps, int copy, KernelStep step)
    {
        int partner = steps.FindIndex(copy + 1, other => Touches(other, step.C) || Same(other.Target, step.A));
        return partner >= 0 && steps[partner] is KernelStep { Accumulates: true, CoversTarget: true } adds && adds.C == step.C && adds.A != step.C && adds.B != step.C
            ? partner
            : -1;
    }

    /// <summary>The step that wrote what the copy is added to.</summary>
    private static int Before(List<Step> steps, int copy, KernelStep step)
    {
        int partner = copy == 0 ? -1 : steps.FindLastIndex(copy - 1, other => Touches(other, step.C));
        return partner >= 0
            && steps[partner] is KernelStep { Addend: null, CoversTarget: true } wrote
            && wrote.C == step.C
            && !steps.Skip(partner).Take(copy - partner).Any(other => Same(other.Target, step.A))
                ? partner
                : -1;
    }

    private static bool Touches(Step step, Place place) => step.Places.Any(other => Same(other, place));

    private static bool Same(Place one, Place other) => one.Storage == other.Storage && one.Aspect == other.Aspect;
}
