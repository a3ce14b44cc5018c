namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Kernels of the losses and the optimizers, which mean what the runtime's do. Each is handed its numbers in an array of settings:
/// losses the factors of the gradient and of the value, optimizers what their kernels name.
/// </summary>
internal static class TrainingKernels
{
    private const int Group = 64;

    private static readonly Operand Settings = new("settings"), Target = new("c", IsWritten: true);

    /// <summary>v = momentum · v + g + decay · p.</summary>
    public static DeviceKernel Velocity(Elements elements) => Elementwise(
        "v = momentum v + g + decay p",
        elements,
        [new("g"), new("p"), Target],
        of => (Setting(2) * of("c")) + of("g") + (Setting(1) * of("p")));

    /// <summary>p = p − rate · (look · (g + decay · p) + follow · v): v itself, or with Nesterov's form g and the next v. The rate times a factor.</summary>
    public static DeviceKernel SgdStep(Elements elements, double factor) => Elementwise(
        "p = p - rate (look (g + decay p) + follow v)",
        elements,
        [new("g"), new("v"), Target],
        of => of("c") - (Rate(0, factor) * ((Setting(3) * (of("g") + (Setting(1) * of("c")))) + (Setting(4) * of("v")))));

    /// <summary>m = beta · m + (1 − beta) · g.</summary>
    public static DeviceKernel Mean(Elements elements) => Elementwise(
        "m = beta m + (1 - beta) g", elements, [new("g"), Target], of => (Setting(0) * of("c")) + (Setting(1) * of("g")));

    /// <summary>v = beta · v + (1 − beta) · g².</summary>
    public static DeviceKernel Square(Elements elements) => Elementwise(
        "v = beta v + (1 - beta) g²",
        elements,
        [new("g"), Target],
        of => (Setting(2) * of("c")) + (Setting(3) * of("g") * of("g")));

    /// <summary>p = shrink · p − rate · m / (correction · √v + epsilon), the rate, and with it what p is less by, times a factor.</summary>
    public static DeviceKernel AdamStep(Elements elements, double factor) => Elementwise(
        "p = shrink p - rate m / (correction √v + epsilon)",
        elements,
        [new("m"), new("v"), Target],
        of => ((factor == 1 ? Setting(5) : new Real(1) - Rate(8, factor)) * of("c")) - (Rate(4, factor) * of("m")
            / ((Setting(6) * KernelBody.Call(Function.Sqrt, of("v"))) + Setting(7))));

    /// <summary>The gradient of the sum of (y − target)², times a factor.</summary>
    public static DeviceKernel MeanSquaredErrorGradient(Elements elements) => ElementwiseKernels.Build(
        "c = factor (y - t)", elements, [new("y"), new("t"), Target], isResult: false, (_, of) => Setting(0) * (of("y") - of("t")), flops: 2, Settings);

    /// <summary>DeviceRoom.LossParts of the sum of (y − target)².</summary>
    public static DeviceKernel MeanSquaredErrorParts(int outputs) => InParts("Σ (y - t)²", outputs, outputs, (body, k) =>
    {
        Expression difference = body.DefineElement("difference", new Load("y", k) - new Load("t", k));
        return difference * difference;
    });

    /// <summary>The gradient of the sum of −log softmax(y)[label], times a factor; a work item for each row.</summary>
    public static DeviceKernel CrossEntropyGradient(int outputs)
    {
        var body = new KernelBody();
        Expression row = body.Define("row", (new Position(WorkItem.GroupX) * Group) + new Position(WorkItem.LocalX));
        body.When(row.IsLess("rows"), () =>
        {
            SumOfExponentials(body, row, outputs);
            body.For("j", 0, outputs, 1, () =>
            {
                Expression at = body.Define("at", (row * outputs) + "j");
                Expression share = body.DefineElement("share", KernelBody.Call(Function.Exp, new Load("y", at) - "largest") / "sum");
                body.Store("c", at, Setting(0) * (share - new Choice(IsLabel(row, "j"), new Real(1), new Real(0))));
            });
        });
        return Kernel(
            "c = factor (softmax(y) - onehot(label))", new GridAxis(1, true, Group), [Settings, new("y"), new("t"), Target], [], body, 30 * outputs, 4 * outputs);
    }

    /// <summary>DeviceRoom.LossParts of the sum of −log softmax(y)[label].</summary>
    public static DeviceKernel CrossEntropyParts(int outputs) => InParts("Σ -log softmax(y)[label]", 1, outputs, (body, row) =>
    {
        SumOfExponentials(body, row, outputs);
        body.DefineElement("score", new Real(0));
        body.For("j", 0, outputs, 1, () => body.Assign("score", new Choice(IsLabel(row, "j"), new Load("y", (row * outputs) + "j"), "score")));
        return KernelBody.Call(Function.Log, "sum") - ((Expression)"score" - "largest");
    });

    /// <summary>Adds the parts of a loss up, times a factor.</summary>
    public static DeviceKernel Total()
    {
        var body = new KernelBody();
        var parts = new LocalArray("parts", DeviceRoom.LossParts);
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        body.SumOverGroup(parts, item, new Load("a", item));
        body.When(item.IsLess(1), () => body.StoreResult("c", body.Define("first", 0), Setting(1) * new Load(parts.Name, 0)));
        return new DeviceKernel(
            "c = factor Σ a", DeviceRoom.LossParts, 1, GridAxis.One, GridAxis.One, GridAxis.One, [Settings, new("a"), Target], [parts], body.Statements, new Work(0, DeviceRoom.LossParts, 0, DeviceRoom.LossParts));
    }

    /// <summary>Group after group takes turns with the elements, so that which sums which is a matter of sizes alone.</summary>
    private static DeviceKernel InParts(string description, int perRow, int outputs, Func<KernelBody, Expression, Expression> value)
    {
        var body = new KernelBody();
        var parts = new LocalArray("parts", Group);
        Expression item = body.Define("item", new Position(WorkItem.LocalX));
        Expression start = body.Define("start", (new Position(WorkItem.GroupX) * Group) + item);
        body.DefineElement("total", new Real(0));
        body.For("k", start, perRow * (Expression)"rows", Group * DeviceRoom.LossParts, () => body.Assign("total", (Expression)"total" + value(body, "k")));
        body.SumOverGroup(parts, item, "total");
        body.When(item.IsLess(1), () => body.Store("c", new Position(WorkItem.GroupX), new Load(parts.Name, 0)));
        return Kernel(description + ", in parts", new GridAxis(DeviceRoom.LossParts, false, 1), [new("y"), new("t"), Target], [parts], body, 3 * outputs, 2 * outputs);
    }

    private static void SumOfExponentials(KernelBody body, Expression row, int outputs)
    {
        // Shifted by the largest, no exponential overflows and their sum is at least 1.
        body.DefineElement("largest", new Load("y", row * outputs));
        body.For("i", 1, outputs, 1, () => body.Assign("largest", KernelBody.Call(Function.Max, "largest", new Load("y", (row * outputs) + "i"))));
        body.DefineElement("sum", new Real(0));
        body.For("i", 0, outputs, 1, () => body.Assign(
            "sum", (Expression)"sum" + KernelBody.Call(Function.Exp, new Load("y", (row * outputs) + "i") - "largest")));
    }

    /// <summary>Labels are whole numbers among the elements.</summary>
    private static Expression IsLabel(Expression row, Expression column) =>
        KernelBody.Call(Function.Abs, new Load("t", row) - (column * new Real(1))).IsLess(new Real(0.5));

    private static DeviceKernel Elementwise(string description, Elements elements, IReadOnlyList<Operand> operands, Func<Func<string, Expression>, Expression> value) =>
        ElementwiseKernels.Build(description, elements, operands, isResult: false, (_, of) => value(of), flops: 6, Settings);

    private static DeviceKernel Kernel(
        string description, GridAxis axis, IReadOnlyList<Operand> operands, IReadOnlyList<LocalArray> locals, KernelBody body, double flopsPerRow, double elementsPerRow) =>
        new(description, Group, 1, axis, GridAxis.One, GridAxis.One, operands, locals, body.Statements, new Work(flopsPerRow, 0, elementsPerRow, 0));

    private static Expression Rate(int number, double factor) => factor == 1 ? Setting(number) : new Real(factor) * Setting(number);

    private static Load Setting(int number) => new("settings", number);
}
