using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

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

    /// <summary>Stores sums of products as the step's results.</summary>
    /// <param name="body">The kernel that statements are added to.</param>
    /// <param name="vectors">How runs are loaded and stored.</param>
    /// <param name="step">The step whose results are stored.</param>
    /// <param name="run">The results that a work item stores together.</param>
    /// <param name="sums">The sum of each result.</param>
    /// <param name="position">Where the first of them is in a view, from the view's lowest position; in vectors of so many elements.</param>
    public static void Store(KernelBody body, Vectors vectors, FusedStep step, Run run, IReadOnlyList<Expression> sums, Func<View, int, Expression> position) =>
        Finish(body, vectors, step, "e", run, sums, position, (at, values) => vectors.Store(
            body, "c", step.Contraction.Target, run, width => at(step.Contraction.Target, width), values, isResult: true));

    /// <summary>Turns sums of products into the step's results.</summary>
    /// <param name="body">The kernel that statements are added to.</param>
    /// <param name="vectors">How runs are loaded and stored.</param>
    /// <param name="step">The step whose results are stored.</param>
    /// <param name="name">What the names of the epilogues' operands begin with.</param>
    /// <param name="run">The results that a work item has together.</param>
    /// <param name="sums">The sum of each result.</param>
    /// <param name="position">Where the first of them is in a view, from the view's lowest position; in vectors of so many elements.</param>
    /// <param name="store">Is handed the positions and the results.</param>
    public static void Finish(
        KernelBody body,
        Vectors vectors,
        FusedStep step,
        string name,
        Run run,
        IReadOnlyList<Expression> sums,
        Func<View, int, Expression> position,
        Action<Func<View, int, Expression>, IReadOnlyList<Expression>> store)
    {
        Contraction contraction = step.Contraction;
        Expression[] results = [.. sums.Select(sum => contraction.Coefficient == 1 ? sum : new Real(contraction.Coefficient) * sum)];
        if (step.Epilogues.Count == 0)
        {
            store(position, results);
            return;
        }

        body.Scope(() =>
        {
            var places = new Dictionary<Expression, Expression>();
            string[] values = [.. Enumerable.Range(0, run.Width).Select(lane => run.Width == 1 ? "value" : FormattableString.Invariant($"value{lane}"))];
            for (int lane = 0; lane < run.Width; lane++)
            {
                body.DefineElement(values[lane], results[lane]);
            }

            for (int k = 0; k < step.Epilogues.Count; k++)
            {
                Epilogue epilogue = step.Epilogues[k];
                string operand = Name(name, k);
                if (epilogue is KeepEpilogue keep)
                {
                    vectors.Store(body, operand, keep.Target, run, width => At(keep.Target, width), [.. values.Select(value => (Expression)value)], isResult: false);
                    continue;
                }

                IReadOnlyList<Expression> elements = epilogue.Operand is { } view ? vectors.Load(body, operand, operand, view, run, width => At(view, width)) : [];
                for (int lane = 0; lane < run.Width; lane++)
                {
                    Apply(body, epilogue, values[lane], elements.Count == 0 ? null : elements[lane]);
                }
            }

            store(At, [.. values.Select(value => (Expression)value)]);

            Expression At(View view, int width)
            {
                Expression at = position(view, width);
                if (at is not Symbol && !places.ContainsKey(at))
                {
                    places.Add(at, body.Define(FormattableString.Invariant($"place{places.Count}"), at));
                }

                return at is Symbol ? at : places[at];
            }
        });
    }

    /// <summary>What an epilogue does with a value, and with what is read for it.</summary>
    private static void Apply(KernelBody body, Epilogue epilogue, string value, Expression? element)
    {
        switch (epilogue)
        {
            case AddEpilogue { Coefficient: var factor }:
                body.Assign(value, value + (factor == 1 ? element! : new Real(factor) * element!));
                break;
            case MultiplyEpilogue { Coefficient: var factor }:
                body.Assign(value, value * (element is null ? new Real(factor) : factor == 1 ? element : new Real(factor) * element));
                break;
            case ActivateEpilogue { Function.Definition.Value: var program }:
                body.Scope(() => body.Assign(value, FunctionCode.Elementwise(program, body, _ => value)));
                break;
            case DeriveEpilogue { Function.Definition.Gradient: var program }:
                body.Scope(() => body.Assign(value, FunctionCode.Elementwise(
                    program, body, leaf => leaf == FunctionOperation.Element ? element! : value)));
                break;
        }
    }

    /// <summary>What a step does, in words.</summary>
    public static string Describe(FusedStep step) => string.Concat(
        step.Epilogues.Select(epilogue => epilogue switch
        {
            AddEpilogue add => $" + {add.A.Storage}",
            MultiplyEpilogue multiply => $" · {multiply.A?.Storage.ToString() ?? FormattableString.Invariant($"{multiply.Coefficient}")}",
            ActivateEpilogue activate => $", {activate.Function.Name}",
            DeriveEpilogue derive => $" · {derive.Function.Name}'({derive.Z?.Storage})",
            KeepEpilogue keep => $", kept as {keep.Target.Storage}",
            _ => throw new InvalidOperationException(epilogue.ToString()),
        }).Prepend(step.Contraction.Describe()));

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
