namespace Weft.Compiler.Operations;

/// <summary>
/// A tensor that is copied and then added to is not copied: what is added starts from it, <c>t = x; t += a b</c> becomes
/// <c>t = x + a b</c>, and so does <c>t = a b; t += x</c>. An identity beside another term, or a bias, then costs no pass over memory.
/// </summary>
internal static class CopyFusion
{
    public static IReadOnlyList<Step> Run(IEnumerable<Step> program)
    {
        List<Step> steps = [.. program];
        for (int k = steps.Count - 1; k >= 0; k--)
        {
            if (steps[k] is not ContractStep { IsCopy: true } copy || (copy.Addend is not null && !copy.Accumulates))
            {
                continue;
            }

            int partner = copy.Accumulates ? Before(steps, k, copy) : After(steps, k, copy);
            if (partner >= 0)
            {
                var sum = (ContractStep)steps[partner];
                steps[partner] = sum with { Addend = ContractStep.Beside(sum.Contraction.Target, copy.Contraction.Target, copy.Contraction.Left) };
                steps.RemoveAt(k);
            }
        }

        return steps;
    }

    /// <summary>The step that adds to the copy, if the two have nothing between them that minds.</summary>
    private static int After(List<Step> steps, int copy, ContractStep step)
    {
        int partner = steps.FindIndex(copy + 1, other => Touches(other, step.Target) || Writes(other, Source(step)));
        return partner >= 0 && steps[partner] is ContractStep { Accumulates: true, Contraction: { Target.CoversStorage: true } adds } other && other.Target == step.Target
            && adds.Views.Skip(1).All(view => view.Place != step.Target)
                ? partner
                : -1;
    }

    /// <summary>The step that wrote what the copy is added to.</summary>
    private static int Before(List<Step> steps, int copy, ContractStep step)
    {
        int partner = copy == 0 ? -1 : steps.FindLastIndex(copy - 1, other => Touches(other, step.Target));
        return partner >= 0
            && steps[partner] is ContractStep { Addend: null, Contraction.Target.CoversStorage: true } wrote
            && wrote.Target == step.Target
            && !steps.Skip(partner).Take(copy - partner).Any(other => Writes(other, Source(step)))
                ? partner
                : -1;
    }

    private static Place Source(ContractStep copy) => copy.Contraction.Left.Place;

    private static bool Writes(Step step, Place place) => step.Writes.Any(other => Same(other, place));

    private static bool Touches(Step step, Place place) => step.Places.Any(other => Same(other, place));

    private static bool Same(Place one, Place other) => one.Storage == other.Storage && one.Aspect == other.Aspect;
}
