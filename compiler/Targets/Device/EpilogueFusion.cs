using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// An elementwise step whose input is the result of a contraction, all of it at the same map, is done where that result is: a bias, an
/// activation, another term, a product, a derivative's factor. What is read later is written down on the way.
/// </summary>
/// <param name="isNeeded">What is read by others than these steps.</param>
internal sealed class EpilogueFusion(Func<Place, bool> isNeeded)
{
    /// <summary>The arrays that a kernel is handed.</summary>
    public const int MostOperands = 8;

    /// <param name="steps">The steps, but for those that only a processor needs.</param>
    /// <param name="isNeeded">What is read by others than these steps.</param>
    public static List<Step> Run(IEnumerable<Step> steps, Func<Place, bool> isNeeded) => new EpilogueFusion(isNeeded).Run([.. steps.SelectMany(Split)]);

    /// <summary>A step as the device's kernels are.</summary>
    private static IEnumerable<Step> Split(Step step)
    {
        switch (step)
        {
            case ContractStep contract:
                Contraction contraction = ContractionKernels.Arrange(contract.Contraction);
                yield return !contract.Accumulates && contract.AddendOf(contraction.Target) is { } addend
                    ? new FusedStep(contraction, false, [new AddEpilogue(addend, 1)])
                    : new FusedStep(contraction, contract.Accumulates, []);
                break;
            default:
                yield return step;
                break;
        }
    }

    private List<Step> Run(List<Step> steps)
    {
        var done = new List<Step>();
        for (int k = 0; k < steps.Count; k++)
        {
            if (!Elementwise(steps[k]).Any(form => Fuse(done, steps, k, form)))
            {
                done.Add(steps[k]);
            }
        }

        return done;
    }

    /// <summary>An elementwise step, with one of its operands as the value that goes through it.</summary>
    private sealed record Form(View Value, View Target, bool Accumulates, IReadOnlyList<Epilogue> Epilogues);

    private static IEnumerable<Form> Elementwise(Step step)
    {
        switch (step)
        {
            case ActivationStep { Function: { Definition.Value.IsElementwise: true } link } activation:
                View[] ends = Whole(activation.A, activation.C);
                yield return new Form(ends[0], ends[1], false, [new ActivateEpilogue(link)]);
                break;

            case DerivativeStep { Function: var link, Program: { IsElementwise: true } slope } derivative when !slope.Leaves.Contains(FunctionOperation.Result):
                View[] views = Whole(derivative.A, derivative.C, derivative.Z);
                View? z = slope.Leaves.Contains(FunctionOperation.Element) ? views[2] : null;
                yield return new Form(views[0], views[1], derivative.Accumulate, [new DeriveEpilogue(link, z)]);
                break;

            case FusedStep { Contraction: var contraction } fused when contraction.Indices.All(contraction.Target.Has):
                (View left, View? right, View target, double factor) = (contraction.Left, contraction.Right, contraction.Target, contraction.Coefficient);
                if (right is null)
                {
                    if (fused is { Accumulates: true, Epilogues.Count: 0 })
                    {
                        yield return new Form(target, target, true, [new AddEpilogue(left, factor)]);
                    }

                    IEnumerable<Epilogue> scale = factor == 1 ? [] : [new MultiplyEpilogue(null, factor)];
                    yield return new Form(left, target, fused.Accumulates, [.. scale, .. fused.Epilogues]);
                }
                else if (left.Storage != right.Storage || left.Aspect != right.Aspect)
                {
                    yield return new Form(left, target, fused.Accumulates, [new MultiplyEpilogue(right, factor), .. fused.Epilogues]);
                    yield return new Form(right, target, fused.Accumulates, [new MultiplyEpilogue(left, factor), .. fused.Epilogues]);
                }

                break;
        }
    }

    /// <summary>All of a row's elements, one index for all places.</summary>
    private static View[] Whole(params Place[] places)
    {
        Affine position = Affine.Of(new Index("i", places[0].Storage.Length));
        return [.. places.Select(place => View.Of(place.Storage, position) with { Aspect = place.Aspect })];
    }

    private bool Fuse(List<Step> done, List<Step> steps, int position, Form form)
    {
        // Where it takes its value from, or the target that it adds to.
        bool addsToTarget = ReferenceEquals(form.Value, form.Target);
        int at = done.FindLastIndex(step => step.Writes.Any(place => Same(place, form.Value)));
        if (at < 0 || done[at] is not FusedStep producer || !Same(producer.Target, form.Value) || !producer.Contraction.Target.CoversStorage || !form.Value.CoversStorage
            || !form.Target.Position.Indices.All(form.Value.Has) || Digits.Of(form.Value, producer.Contraction.Target) is not { } digits)
        {
            return false;
        }

        // Nothing in between may change what is read here, or see what is written too early.
        IEnumerable<View> reads = form.Epilogues.Select(epilogue => epilogue.Operand!).Where(view => view is not null);
        if (done.Skip(at + 1).Any(step => step.Writes.Any(place => reads.Any(view => Same(place, view)))
                || step.Places.Any(place => Same(place, form.Target)))
            || reads.Any(view => producer.Writes.Any(place => Same(place, view)))
            || (!addsToTarget && producer.Reads.Concat(producer.Writes).Any(place => Same(place, form.Target))))
        {
            return false;
        }

        View before = producer.Contraction.Target;
        List<Epilogue> epilogues = [.. producer.Epilogues];
        if (!addsToTarget)
        {
            if (producer.Accumulates)
            {
                epilogues.Add(new AddEpilogue(before, 1));
            }

            if (isNeeded(producer.Target) || done.Skip(at + 1).Concat(steps.Skip(position + 1)).SelectMany(step => step.Places).Any(place => Same(place, before)))
            {
                epilogues.Add(new KeepEpilogue(before));
            }
        }

        // A kernel runs if its last operand is wanted; what is kept is, now or by what was fused before.
        View[] kept = [.. epilogues.OfType<KeepEpilogue>().Select(keep => keep.Target)];
        if (kept.Length > 0 && kept.Append(form.Target).Any(view => view.Storage.Space != Space.Scratch))
        {
            return false;
        }

        epilogues.AddRange(form.Epilogues.Select(digits.Rebase));
        Contraction contraction = producer.Contraction with { Target = digits.Rebase(form.Target) };
        if (contraction.Views.Count() + epilogues.Count(epilogue => epilogue is KeepEpilogue || epilogue.Operand is not null) > MostOperands)
        {
            return false;
        }

        done[at] = new FusedStep(contraction, addsToTarget ? producer.Accumulates : form.Accumulates, epilogues);
        return true;
    }

    private static bool Same(Place place, View view) => place.Storage == view.Storage && place.Aspect == view.Aspect;
}
