using Weft.Compiler.Network;
using Weft.Compiler.Scheduling;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Gpu;

/// <summary>What a kernel for a fused step has beside its contraction: operands, and what is done with each result.</summary>
internal static class FusedResults
{
    /// <summary>The views of a step, in the order of its kernel's operands: factors, what epilogues read or write, and the target.</summary>
    public static IReadOnlyList<View> Views(FusedStep step) =>
    [
        .. step.Contraction.Views.Skip(1), .. EpilogueViews(step), step.Contraction.Target,
    ];

    /// <summary>The operands of the kernel: <c>a</c>, <c>b</c>, <c>e0</c> and so on, <c>c</c>.</summary>
    public static IReadOnlyList<Operand> Operands(FusedStep step) =>
    [
        Operand.Of("a", step.Contraction.Left),
        .. step.Contraction.Right is { } right ? [Operand.Of("b", right)] : Array.Empty<Operand>(),
        .. EpilogueOperands(step, "e"),
        new("c", IsWritten: true),
    ];

    /// <summary>What epilogues read and write.</summary>
    public static IEnumerable<View> EpilogueViews(FusedStep step) => step.Epilogues.Select(ViewOf).Where(view => view is not null).Select(view => view!);

    /// <summary>The same as operands, with names that begin so.</summary>
    public static IEnumerable<Operand> EpilogueOperands(FusedStep step, string name) => step.Epilogues
        .Select((epilogue, k) => ViewOf(epilogue) is { } view ? Operand.Of(Name(name, k), view, epilogue is KeepEpilogue) : null)
        .Where(operand => operand is not null)
        .Select(operand => operand!);

    /// <summary>Stores a sum of products as the step's result.</summary>
    /// <param name="body">The kernel.</param>
    /// <param name="step">The step.</param>
    /// <param name="sum">The sum.</param>
    /// <param name="position">Where an element of a view is, from the view's lowest position.</param>
    public static void Store(KernelBody body, FusedStep step, Expression sum, Func<View, Expression> position) =>
        Finish(body, step, "e", sum, position, (at, value) => body.StoreResult("c", at(step.Contraction.Target), value));

    /// <summary>Turns a sum of products into the step's result.</summary>
    /// <param name="body">The kernel.</param>
    /// <param name="step">The step.</param>
    /// <param name="name">What the names of the epilogues' operands begin with.</param>
    /// <param name="sum">The sum.</param>
    /// <param name="position">Where an element of a view is, from the view's lowest position.</param>
    /// <param name="store">Is handed the positions and the result.</param>
    public static void Finish(
        KernelBody body, FusedStep step, string name, Expression sum, Func<View, Expression> position, Action<Func<View, Expression>, Expression> store)
    {
        Contraction contraction = step.Contraction;
        Expression value = contraction.Coefficient == 1 ? sum : new Real(contraction.Coefficient) * sum;
        if (step.Epilogues.Count == 0)
        {
            store(position, value);
            return;
        }

        body.Scope(() =>
        {
            var places = new Dictionary<Expression, Expression>();
            body.DefineElement("value", value);
            for (int k = 0; k < step.Epilogues.Count; k++)
            {
                Expression Element(View view) => new Load(Name(name, k), At(view));
                switch (step.Epilogues[k])
                {
                    case AddEpilogue add:
                        Expression term = add.Coefficient == 1 ? Element(add.A) : new Real(add.Coefficient) * Element(add.A);
                        body.Assign("value", "value" + term);
                        break;
                    case MultiplyEpilogue multiply:
                        Expression factor = multiply.A is { } a ? Element(a) : new Real(multiply.Coefficient);
                        factor = multiply.A is null || multiply.Coefficient == 1 ? factor : new Real(multiply.Coefficient) * factor;
                        body.Assign("value", "value" * factor);
                        break;
                    case ActivateEpilogue activate:
                        body.Scope(() => body.Assign("value", ElementwiseKernels.Value(activate.Activation, body, body.DefineElement("u", "value"))));
                        break;
                    case DeriveEpilogue derive:
                        Expression z = Element(derive.Z);
                        body.Scope(() => body.Assign("value", "value" * ElementwiseKernels.Slope(derive.Activation, body, body.DefineElement("u", z))));
                        break;
                    case KeepEpilogue keep:
                        body.Store(Name(name, k), At(keep.Target), "value");
                        break;
                }
            }

            store(At, "value");

            Expression At(View view)
            {
                Expression at = position(view);
                if (at is not Symbol && !places.ContainsKey(at))
                {
                    places.Add(at, body.Define(FormattableString.Invariant($"place{places.Count}"), at));
                }

                return at is Symbol ? at : places[at];
            }
        });
    }

    /// <summary>What a step does, in words.</summary>
    public static string Describe(FusedStep step) => string.Concat(
        step.Epilogues.Select(epilogue => epilogue switch
        {
            AddEpilogue add => $" + {add.A.Storage}",
            MultiplyEpilogue multiply => $" · {multiply.A?.Storage.ToString() ?? FormattableString.Invariant($"{multiply.Coefficient}")}",
            ActivateEpilogue activate => $", {activate.Activation}",
            DeriveEpilogue derive => $" · {derive.Activation}'({derive.Z.Storage})",
            KeepEpilogue keep => $", kept as {keep.Target.Storage}",
            _ => throw new InvalidOperationException(epilogue.ToString()),
        }).Prepend(KernelSelector.Describe(step.Contraction)));

    /// <summary>What a step does and moves at least.</summary>
    public static Work WorkOf(FusedStep step)
    {
        Contraction contraction = step.Contraction;
        bool perRow = contraction.Indices.Contains(View.Rows);
        double flops = ((contraction.Right is null ? 1 : 2) * Size(contraction.Indices))
            + (step.Epilogues.Count(epilogue => epilogue is not KeepEpilogue) * Size(contraction.Target.Position.Indices));
        IReadOnlyList<View> views = Views(step);
        return new Work(
            perRow ? flops : 0,
            perRow ? 0 : flops,
            views.Where(view => view.Has(View.Rows)).Sum(view => Size(view.Position.Indices)),
            views.Where(view => !view.Has(View.Rows)).Sum(view => Size(view.Position.Indices)));

        static double Size(IEnumerable<Index> indices) => indices.Where(index => index != View.Rows).Aggregate(1.0, (product, index) => product * index.Extent);
    }

    private static View? ViewOf(Epilogue epilogue) => epilogue is KeepEpilogue keep ? keep.Target : epilogue.Operand;

    private static string Name(string name, int epilogue) => FormattableString.Invariant($"{name}{epilogue}");
}
