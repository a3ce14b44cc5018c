using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;
using Weft.Compiler.Verification;
using Weft.Tests.Binding;

namespace Weft.Tests.Verification;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>Violations that no text leads to, planted between the stages: each is found, and named.</summary>
public class VerifierTests
{
    private const string Formula = "bias . monarch_rectangular(24, 36, 6)";

    /// <summary>A scan whose step reads its state for both of what it gives.</summary>
    private const string Scan = """
        layer s : h[2], x[3] -> h[2], y[3]
          param w[2], v[3, 2]
          h[a] = w[a] * h[a] + x[a + 1]
          y[b] = v[b, a] * h[a] + x[b]
        layer f : 12 -> 12 = scan(i < 4) s
        """;

    public static TheoryData<string, string, Func<Module, Module>> Modules => new()
    {
        { "an operator of 16 columns is given 3200 inputs", "dense(3200, 64)", module => Append(module, new LinearLink(Dense(10, 16))) },
        { "the links give 8 instead of 9 outputs", "dense(8, 8)", module => module with { Outputs = 9 } },
        { "a bias [7] for 8 elements", "dense(8, 8)", module => Append(module, new BiasLink(new ParameterTensor(Parameter(7)))) },
        { "a bias [8] for 8 elements", "dense(8, 8)", module => Append(module, new BiasLink(new InputTensor(8))) },
        { "a tensor in Diagonal does not fit", "dense(8, 8)", module => Append(module, new LinearLink(new Diagonal(new InputTensor(8)))) },
        { "a value [7] does not fit 8 inputs", "dense(8, 8)", module => Append(module, new ValueLink(new InputTensor(7))) },
        { "a function of rows of 3 is given 8 inputs", "dense(8, 8)", module => Append(module, new FunctionLink(TensorFunction.All["softmax"], 3, 0)) },
        { "Product does not fit", "dense(8, 8)", module => Of(module, new Product(EquatableArray.Of<Operator>(Dense(8, 5), Dense(4, 8)))) },
        { "Sum does not fit", "dense(8, 8)", module => Of(module, new Sum(EquatableArray.Of<Operator>(Dense(8, 8), Dense(8, 7)))) },
        { "Crop does not fit", "dense(8, 8)", module => Of(module, new Product(EquatableArray.Of<Operator>(Dense(8, 5), new Crop(8, 4, 5)))) },
        { "Permutation does not fit", "dense(8, 8)", module => Of(module, new Product(EquatableArray.Of<Operator>(Dense(8, 3), new Permutation(EquatableArray.Of(0, 0, 2)), Dense(3, 8)))) },
        { "Gather does not fit", "dense(8, 8)", module => Of(module, new Gather(new ListTensor(EquatableArray.Of(0d, 1, 2, 3, 4, 5, 6, 8)), 8)) },
        { "Einsum does not fit", "dense(8, 8)", module => Of(module, Shifted(1)) },
        { "a tensor in Matrix does not fit", "dense(8, 8)", module => Of(module, new Matrix(new SliceTensor(
            new ParameterTensor(Parameter(2, 8, 8)), EquatableArray.Of<SliceAxis>(new PointAxis(AffineIndex.Constant(2)), new RangeAxis(0, 8), new RangeAxis(0, 8))))) },
    };

    public static TheoryData<string, Func<LoweredModule, LoweredModule>> Networks => new()
    {
        { "do not lie in the 36 elements of x", module => EachFactor(module, factor => factor.Tensor == module.Input ? factor with { Position = factor.Position + 1 } : factor) },
        { "do not lie in the", module => EachFactor(module, factor => factor with { Position = factor.Position + -1 }) },
        { "elements of the target", module => EachTerm(module, term => term with { Output = term.Output * 2 }) },
        { "it is filled twice", module => module with { Statements = [.. module.Statements, .. module.Statements] } },
        { "nothing fills the output", module => module with { Statements = [] } },
        { "v is read before it is filled", module => module with { Statements = [Copy(module.Output, new RowTensor("v", 24))] } },
        { "36 elements instead of 24", module => module with { Statements = [new ActivationStatement(module.Output, module.Input, new ActivationLink(Activation.Relu))] } },
        { "is done as a link is", module => module with { Statements = [new FunctionStatement(module.Output, new FunctionCall(TensorFunction.All["abs"], EquatableArray.Of<Tensor>(module.Input), EquatableArray.Of(EquatableArray.Of(36)), default))] } },
        { "is given tensors of other lengths", module => module with { Statements = [new FunctionStatement(module.Output, new FunctionCall(TensorFunction.All["sin"], EquatableArray.Of<Tensor>(module.Input), EquatableArray.Of(EquatableArray.Of(24)), default))] } },
        { "5 gathered elements instead of 24", module => module with { Statements = [new GatherStatement(module.Output, new Part(module.Input), new Part(Table(5)), new GatherShape(1, 36, 5), false)] } },
        { "5 elements from 0 on do not lie in the 4 of", module => module with { Statements = [new GatherStatement(module.Output, new Part(module.Input), new Part(Table(4)), new GatherShape(1, 36, 5), false)] } },
        { "x may hold what is no position below 36", module => module with { Statements = [new GatherStatement(module.Output, new Part(module.Input), new Part(module.Input), new GatherShape(1, 36, 24), false)] } },
        { "may hold what is no position below 36", module => module with
        {
            Module = module.Module with { InputPorts = EquatableArray.Of(new Port("x", EquatableArray.Of(36), 0, 37)) },
            Statements = [new GatherStatement(module.Output, new Part(module.Input), new Part(module.Input), new GatherShape(1, 36, 24), false)],
        } },
        { "are not 5 equal parts", module => module with { Statements = [new WalshHadamardStatement(module.Output, module.Input, 5)] } },
        { "has no rows to reflect along", module => module with { Statements = [new ReflectionsStatement(module.Output, module.Input, 1, Table(5), false)] } },
        { "the ends have other sizes than the module", module => module with { Module = module.Module with { Inputs = 35 } } },
    };

    public static TheoryData<string, Func<Schedule, Schedule>> Schedules => new()
    {
        { "in weights", schedule => Move(schedule, schedule.Storages.First(storage => storage.IsPacked), -16) },
        { "elements of weights", schedule => With(schedule, schedule.Layout with { WeightCount = schedule.Layout.WeightCount - 1 }) },
        { "elements of gradients", schedule => With(schedule, schedule.Layout with { GradientCount = schedule.TrainedCount }) },
        { "in scratch", schedule => Move(schedule, schedule.Storages.Last(storage => storage.Space == Space.Scratch), -1) },
        { "elements of scratch of the reverse pass", schedule => With(schedule, schedule.Layout with { GradientScratchPerRow = schedule.Layout.GradientScratchPerRow - 16 }) },
        { "has no place", schedule => schedule with { Storages = [.. schedule.Storages.Where(storage => storage.Space != Space.Scratch)] } },
        { "prepare: ", schedule => schedule with { Prepare = [.. schedule.Prepare.OfType<PackStep>().Select(pack => pack with { Offset = pack.Offset + 1 })] } },
        { "is read before it is written", schedule => schedule with { Prepare = [] } },
        { "forward: ", schedule => schedule with { Forward = [.. schedule.Forward.Reverse()] } },
        { "what it is for is not written", schedule => schedule with { Forward = [.. schedule.Forward.Take(schedule.Forward.Count - 1)] } },
        { "are touched", schedule => EachKernel(schedule, kernel => kernel with { Reduction = [.. kernel.Reduction.Select(loop => loop with { Extent = loop.IsRows ? 0 : loop.Extent + 1 })] }) },
        { "are written", schedule => EachKernel(schedule, kernel => kernel with { Lanes = kernel.Lanes with { Extent = kernel.Lanes.Extent - 1 } }) },
        { "is written twice at a place", schedule => EachKernel(schedule, kernel => kernel with { Outer = [.. kernel.Outer.Select(loop => loop.IsRows ? loop : loop with { C = kernel.Lanes.C })] }) },
        { "from row to row", schedule => EachKernel(schedule, kernel => kernel with { Rows = kernel.Rows.IsRows ? kernel.Rows with { A = 1 } : kernel.Rows, Outer = [.. kernel.Outer.Select(loop => loop.IsRows ? loop with { A = 1 } : loop)] }) },
        { "the output is read", schedule => schedule with { Forward = [.. schedule.Forward, new ClearStep(Scratch(schedule)), new ActivationStep(new ActivationLink(Activation.Relu), schedule.Forward[^1].Target, Scratch(schedule))] } },
        { "is overwritten", schedule => schedule with { Reverse = [.. schedule.Reverse.Select(step => step is KernelStep { Accumulates: true, C.Storage.Space: Space.Weights } kernel ? kernel with { Addend = null } : step)] } },
        { "elements stand for", schedule => schedule with { Forward = [.. schedule.Forward.SkipLast(1), new ActivationStep(new ActivationLink(Activation.Relu), schedule.Forward[0].Reads.First(), schedule.Forward[^1].Target)] } },
        { "adjoint: ", schedule => schedule with { Program = schedule.Program with { Lowered = schedule.Program.Lowered with { Module = schedule.Module with { Links = default } } }, Reverse = [.. schedule.Reverse, Multiply(schedule)] } },
    };

    public static TheoryData<string, Func<Schedule, Schedule>> Scans => new()
    {
        // More steps than parts, and fewer; parts of one step after those of another; a state from the wrong side.
        { "lies beside", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Extents = [5] }) } },
        { "forward: what it is for is not written", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Extents = [3] }) } },
        { "is read before it is written", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { IsReversed = true }) } },
        { "reverse: ∂", schedule => schedule with { Reverse = EachLoop(schedule.Reverse, loop => loop with { IsReversed = false }) } },

        // A state that is not handed on, and results that are not given; neither is cleared before the first step.
        { "is read before it is written", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => Without(loop, Space.Scratch)) } },
        { "forward: what it is for is not written", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => Without(loop, Space.Output)) } },
        { "reverse: ∂", schedule => schedule with { Reverse = EachLoop(schedule.Reverse, loop => Without(loop, Space.Scratch)) } },
        { "reverse: what it is for is not written", schedule => schedule with { Reverse = EachLoop(schedule.Reverse, loop => Without(loop, Space.Input)) } },
        { "is read before it is written", schedule => schedule with { Forward = [.. schedule.Forward.Where(step => step is not ClearStep)] } },
        { "tangent: ∂", schedule => schedule with { Tangent = [.. schedule.Tangent.Where(step => step is not ClearStep)] } },
        { "reverse: ∂", schedule => schedule with { Reverse = [.. schedule.Reverse.Where(step => step is not ClearStep)] } },
        { "is read before it is written", schedule => schedule with { Forward = [.. schedule.Forward.Select(step => step is ClearStep clear ? new ClearStep(Moved(clear.Target, window => window with { Offset = window.Offset + 2 })) : step)] } },

        // Parts that lie on each other, so that as many elements are written as there are, but not all of them.
        { "overlap from step to step", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => MoveResult(loop, window => window with { Strides = [1] })) } },
        { "overlaps another part of y", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Body = [.. loop.Body, .. MoveResult(loop, window => window with { Offset = 1, Strides = [2] }).Body] }) } },
    };

    /// <summary>Attention of two heads in blocks: a loop over heads and blocks.</summary>
    public static TheoryData<string, Func<Schedule, Schedule>> Blocks => new()
    {
        // More heads, or blocks, than there are; what is added to is not cleared; a block's own room is read before it is filled.
        { "lies beside", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Extents = [3, loop.Extents[1]] }) } },
        { "lies beside", schedule => schedule with { Reverse = EachLoop(schedule.Reverse, loop => loop with { Extents = [2, loop.Extents[1] + 1] }) } },
        { "is read before it is written", schedule => schedule with { Forward = [.. schedule.Forward.Where(step => step is not ClearStep)] } },
        { "is read before it is written", schedule => schedule with { Reverse = [.. schedule.Reverse.Where(step => step is not ClearStep)] } },
        { "is read before it is written", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Body = [.. loop.Body.Reverse()] }) } },

        // What blocks add to is written by each of them instead, where parts of it do and do not move, or is read by a block.
        { "elements of h4 are written", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Body = [.. loop.Body.Select(Overwriting)] }) } },
        { "each step writes h4 anew", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Body = [.. loop.Body, new ClearStep(Added(loop).Whole)] }) } },
        { "h4 is read before all steps have added to it", schedule => schedule with { Forward = EachLoop(schedule.Forward, loop => loop with { Body = [.. loop.Body, Reading(loop)] }) } },
    };

    private static Place Added(LoopStep loop) => loop.Body.OfType<KernelStep>().Single(kernel => kernel.Accumulates).C;

    private static Step Overwriting(Step step) => step is KernelStep { Accumulates: true } kernel ? kernel with { Addend = null } : step;

    /// <summary>The first step of a loop, of what the loop adds to.</summary>
    private static KernelStep Reading(LoopStep loop)
    {
        KernelStep first = loop.Body.OfType<KernelStep>().First();
        return first with { A = Added(loop) };
    }

    [Theory]
    [MemberData(nameof(Modules))]
    public void InAModule(string expected, string formula, Func<Module, Module> plant)
    {
        Module module = TestModules.Formula(formula);
        Assert.Null(ModuleVerifier.Fault(module));
        Assert.StartsWith(expected, ModuleVerifier.Fault(plant(module)), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void InANetwork(string expected, Func<LoweredModule, LoweredModule> plant)
    {
        LoweredModule module = Lowered();
        Assert.Null(NetworkVerifier.Fault(module));
        Assert.Contains(expected, NetworkVerifier.Fault(plant(module)), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void InASchedule(string expected, Func<Schedule, Schedule> plant)
    {
        Schedule schedule = Scheduler.Build(Lowered(), new Variant(new CostModel(64), 4));
        Assert.Null(ScheduleVerifier.Fault(schedule, 4));
        Assert.Contains(expected, ScheduleVerifier.Fault(plant(schedule), 4), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Scans))]
    public void InAScan(string expected, Func<Schedule, Schedule> plant)
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Last(Scan)).Module), new Variant(new CostModel(64), 4));
        Assert.Null(ScheduleVerifier.Fault(schedule, 4));
        Assert.Contains(expected, ScheduleVerifier.Fault(plant(schedule), 4), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void InBlocks(string expected, Func<Schedule, Schedule> plant)
    {
        var variant = new Variant(new CostModel(64), 4) { BlockElements = 24 };
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula("attention(8, 6, 2, 3)")).Module), variant);
        Assert.Null(ScheduleVerifier.Fault(schedule, 4));
        Assert.Contains(expected, ScheduleVerifier.Fault(plant(schedule), 4), StringComparison.Ordinal);
    }

    [Fact]
    public void InAPassForFewRows()
    {
        Module module = Rewriter.Rewrite(TestModules.Formula(Formula)).Module;
        var variant = new Variant(new CostModel(64), 4);
        Schedule schedule = ForwardPass.AddFewRows(Scheduler.Build(Lowered(), variant), Lowering.Lower(module, fewRows: true), variant, gain: 0);
        Assert.Null(ScheduleVerifier.FaultOfOthers(schedule, 4));

        ForwardPass few = schedule.FewRows!;
        Schedule planted = schedule with { FewRows = few with { Schedule = few.Schedule with { Forward = [.. few.Schedule.Forward.Reverse()] } } };
        Assert.StartsWith("forward, up to 8 rows: ", ScheduleVerifier.FaultOfOthers(planted, 4), StringComparison.Ordinal);
    }

    [Fact]
    public void BecomesADiagnosticWithTheStageAndTheFormula()
    {
        Module module = Append(TestModules.Formula("dense(3200, 64)"), new LinearLink(Dense(10, 16)));
        var exception = Assert.Throws<CompilationException>(() => ModuleCompiler.Compile(module, new GenerateOptions("Bad")));
        Diagnostic diagnostic = exception.At("a.weft", default);
        Assert.Equal("WEFT9999", diagnostic.Id);
        Assert.Equal(
            "the Weft compiler failed, which is a mistake in it: binding of dense(3200, 64): an operator of 16 columns is given 3200 inputs", diagnostic.Message);
    }

    private static LoweredModule Lowered() => Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(Formula)).Module);

    private static Parameter Parameter(params int[] shape) => new("P", shape.ToEquatable(), Role.Trained, Initializer.FanIn());

    private static Matrix Dense(int rows, int columns) => new(new ParameterTensor(Parameter(rows, columns)));

    private static ParameterWeight Table(int length) => new(Parameter(length));

    private static Module Append(Module module, Link link) => module with { Links = module.Links.Append(link).ToEquatable() };

    private static Module Of(Module module, Operator op) => module with { Links = EquatableArray.Of<Link>(new LinearLink(op)) };

    private static Einsum Shifted(int by)
    {
        var index = new IndexVariable("i", 8, 0);
        return new Einsum(AffineIndex.Of(index), 8, default, new AffineIndex(by, EquatableArray.Of((index, 1))), 8);
    }

    private static SumStatement Copy(RowTensor target, RowTensor source)
    {
        Affine position = Affine.Of(new Compiler.Network.Index("i", target.Length));
        return new SumStatement(target, [new Term(1, [new Factor(source, position)], position)]);
    }

    private static LoweredModule EachFactor(LoweredModule module, Func<Factor, Factor> map) =>
        EachTerm(module, term => term with { Factors = [.. term.Factors.Select(map)] });

    private static LoweredModule EachTerm(LoweredModule module, Func<Term, Term> map) => module with
    {
        Statements = [.. module.Statements.Select(statement => statement is SumStatement sum ? sum with { Terms = [.. sum.Terms.Select(map)] } : statement)],
    };

    private static Schedule EachKernel(Schedule schedule, Func<Kernel, Kernel> map) => schedule with
    {
        Forward = [.. schedule.Forward.Select(step => step is KernelStep kernel ? kernel with { Kernel = map(kernel.Kernel) } : step)],
    };

    private static Step[] EachLoop(IEnumerable<Step> steps, Func<LoopStep, LoopStep> map) => [.. steps.Select(step => step is LoopStep loop ? map(loop) : step)];

    /// <summary>Without the steps that fill a part of what has room in a space.</summary>
    private static LoopStep Without(LoopStep loop, Space space) =>
        loop with { Body = [.. loop.Body.Where(step => step.Target.Storage is not { Window: not null } part || part.Space != space)] };

    private static LoopStep MoveResult(LoopStep loop, Func<StepWindow, StepWindow> move) => loop with
    {
        Body = [.. loop.Body.Select(step => step is KernelStep { C.Storage.Space: Space.Output } kernel ? kernel with { C = Moved(kernel.C, move) } : step)],
    };

    /// <summary>Another part of the same storage.</summary>
    private static Place Moved(Place place, Func<StepWindow, StepWindow> move) =>
        place with { Storage = new Storage(place.Storage.Name, place.Storage.Space, place.Storage.Length) { Pitch = place.Storage.Pitch, Window = move(place.Storage.Window!) } };

    private static Schedule Move(Schedule schedule, Storage storage, int by) => With(schedule, schedule.Layout with
    {
        Offsets = schedule.Layout.Offsets.ToDictionary(pair => pair.Key, pair => pair.Value + (pair.Key == storage ? by : 0)),
    });

    private static Schedule With(Schedule schedule, Layout layout) => schedule with { Layout = layout };

    private static Place Scratch(Schedule schedule) => new(schedule.Storages.First(storage => storage.Space == Space.Scratch), Aspect.Value, 0);

    /// <summary>A step of a reverse pass that needs x: dx += x.</summary>
    private static DerivativeStep Multiply(Schedule schedule)
    {
        Place x = schedule.Forward.SelectMany(step => step.Reads).First(place => place.Storage.Space == Space.Input);
        return new DerivativeStep(new ActivationLink(Activation.Square), x, null, x with { Aspect = Aspect.Mirror }, x with { Aspect = Aspect.Mirror }, IsGradient: true, Accumulate: true);
    }
}
