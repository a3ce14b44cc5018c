using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Mutation;
using Weft.OpenCl;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Weft.Tests.OpenCl;
using Xunit.Sdk;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Tests.Mutation;

/// <summary>
/// The process that holds mutants against tests: beside this assembly lies one with mutants in the place of the compiler or the runtime.
/// All checks run once without a mutant; a mutant is then held against those that meet it, those first that killed others.
/// </summary>
internal sealed class MutantChecks
{
    public const string Argument = Session.Argument;

    /// <summary>A check that takes more of the processor's time is left to the suite.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(8);

    /// <summary>Those that are known to.</summary>
    private static readonly HashSet<string> Long =
    [
        nameof(Fitting.ProjectionTests.WhatAnyOperatorOfTheLibraryMakes_IsMetExactly), nameof(Fitting.ProjectionTests.NoOtherParametersAreCloser),
        nameof(StorageFormatTests.AgreeWithTheirDefinitionInDouble), nameof(StorageFormatTests.AgreeWithTheirDefinitionInFloat),
    ];

    /// <summary>Formulas whose code changed are compiled and run until so many are right.</summary>
    private const int EnoughRight = 5;

    private static readonly Type[] CompilerTests =
    [
        typeof(Rewriting.LawTests), typeof(Rewriting.CalculusTests), typeof(Network.LoweringTests), typeof(Network.WeightSumTests),
        typeof(Planning.RouteSelectionTests), typeof(Planning.PlannerTests), typeof(Planning.ContractionPlannerTests), typeof(Scheduling.KernelChoiceTests),
        typeof(Stages.StageTests), typeof(Stages.RoleTests), typeof(Stages.DeviceTests), typeof(Saving.ParameterStorageTests),
        typeof(DeviceTrainingTests), typeof(OpenClMapTests), typeof(FewRowsTests), typeof(Fitting.ProjectionTests), typeof(Generators.NamesTests),
        typeof(StorageFormatTests), typeof(Verification.VerifierTests),
    ];

    private static readonly Type[] RuntimeTests =
    [
        typeof(TileTests), typeof(Runtime.LayoutTests), typeof(Runtime.TransformTests), typeof(Runtime.ActivationTests), typeof(StorageFormatTests),
        typeof(Runtime.ConstantFanInTests), typeof(Runtime.LanesTests), typeof(FunctionEdgeTests), typeof(FunctionLinkTests), typeof(Runtime.TableTests),
        typeof(Runtime.ParameterFunctionTests), typeof(Runtime.DeviceMathTests),
    ];

    /// <summary>How many times as long as without a mutant a check may take, and that much longer: then it does not end.</summary>
    private const int TimesAsLong = 5;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly FieldInfo _active;
    private readonly bool[] _met;
    private readonly Check[] _checks;
    private readonly Timer _watch;
    private TimeSpan _deadline = TimeSpan.MaxValue;

    private MutantChecks(string assembly)
    {
        Type mutants = Assembly.Load(assembly).GetType("Weft.Mutants", throwOnError: true)!;
        _active = mutants.GetField("Active")!;
        _met = (bool[])mutants.GetField("Met")!.GetValue(null)!;
        bool isCompiler = assembly == "Weft.Compiler";
        if (!isCompiler)
        {
            // What reads or writes beyond a map's memory ends the process.
            Runtime.Guards.Switch();
        }

        _checks = isCompiler
            ? [.. Formulas().Concat(DeviceFormulas()).Select(unit => new TextCheck(unit.Module, unit.Options)), .. CompilerTests.SelectMany(Tests)]
            : [.. Formulas().Select(unit => new ValueCheck(unit.Module, unit.Options)), .. RuntimeTests.SelectMany(Tests)];

        // Steps of work are counted by the time of this process alone: the machine may be busy.
        _watch = new Timer(_ =>
        {
            if (Environment.CpuUsage.TotalTime > _deadline)
            {
                Environment.Exit(1);
            }
        });
    }

    /// <summary>Reads numbers of mutants, one a line, and writes what becomes of each.</summary>
    public static int Run(string assembly)
    {
        TextWriter output = Console.Out;
        Console.SetOut(TextWriter.Null);
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var checks = new MutantChecks(assembly);
        output.WriteLine(checks.Prepare());
        checks._watch.Change(TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
        while (Console.In.ReadLine() is { } line)
        {
            output.WriteLine(checks.Verdict(int.Parse(line, CultureInfo.InvariantCulture)).ReplaceLineEndings(" "));
        }

        return 0;
    }

    /// <summary>
    /// Runs all checks without a mutant, to see what each meets and how long it takes. A process that follows one that a mutant ended runs what it
    /// needs itself when it does.
    /// </summary>
    private string Prepare()
    {
        const string Known = "checks.json";
        if (File.Exists(Known))
        {
            foreach ((Check check, Measured known) in _checks.Zip(JsonSerializer.Deserialize<Measured[]>(File.ReadAllText(Known))!))
            {
                (check.Fault, check.Time, check.Meets) = (known.Fault, known.Time, known.Meets);
                check.IsReady = check is TestCase;
            }

            return "again";
        }

        foreach (Check check in _checks)
        {
            Array.Clear(_met);
            TimeSpan begin = Environment.CpuUsage.TotalTime;
            check.Fault = Guarded(check.Run);
            check.Time = Environment.CpuUsage.TotalTime - begin;
            check.IsReady = true;
            check.Meets = [.. Enumerable.Range(0, _met.Length).Where(number => _met[number])];
        }

        File.WriteAllText(Known, JsonSerializer.Serialize(_checks.Select(check => new Measured(check.Fault, check.Time, check.Meets))));
        Check[] used = [.. _checks.Where(check => check.IsUsed)];
        return $"{used.Length} checks of {_checks.Length} in {used.Sum(check => check.Time.TotalSeconds):F0} s"
            + string.Concat(_checks.Except(used).Select(check => $"; without {check.Name}, {check.Time.TotalSeconds:F0} s {check.Fault}".ReplaceLineEndings(" ")));
    }

    private string Verdict(int mutant)
    {
        Check[] meeting = [.. _checks.Where(check => check.IsUsed && check.Meets.Contains(mutant)).OrderByDescending(check => check.Kills).ThenBy(check => check.Time)];
        try
        {
            foreach (Check check in meeting)
            {
                if (!check.IsReady)
                {
                    _active.SetValue(null, -1);
                    _deadline = TimeSpan.MaxValue;
                    Guarded(check.Run);
                    check.IsReady = true;
                }

                _active.SetValue(null, mutant);
                check.HasChanged = false;
                _deadline = Environment.CpuUsage.TotalTime + (TimesAsLong * check.Time) + Grace;
                if (Guarded(check.Run) is { } fault)
                {
                    check.Kills++;
                    return $"killed\tby {check.Name}: {fault[..Math.Min(fault.Length, 120)]}";
                }
            }

            Check[] changed = [.. meeting.Where(check => check.HasChanged)];
            foreach (TextCheck check in changed.OfType<TextCheck>().Where(check => check.HasValues).Take(EnoughRight))
            {
                _deadline = Environment.CpuUsage.TotalTime + (TimesAsLong * Longest);
                if (Guarded(check.Values) is { } fault)
                {
                    check.Kills++;
                    return $"killed\tby the values of {check.Name}: {fault[..Math.Min(fault.Length, 120)]}";
                }
            }

            return meeting.Length == 0 ? "survived\tnothing meets it"
                : changed.Length == 0 ? $"survived\t{meeting.Length} checks meet it, no text changes"
                : $"survived\tright, but other code in {changed.Length} of {meeting.OfType<TextCheck>().Count()}: {changed[0].Name}";
        }
        finally
        {
            _active.SetValue(null, -1);
            _deadline = TimeSpan.MaxValue;
        }
    }

    private static string? Guarded(Func<string?> run)
    {
        try
        {
            return run();
        }
        catch (Exception exception)
        {
            exception = exception is TargetInvocationException { InnerException: { } inner } ? inner : exception;
            return $"{exception.GetType().Name}: {exception.Message}";
        }
    }

    /// <summary>Operators of the library, formulas of each shape of tile, and random ones, at sizes that are quick to compile.</summary>
    private static IEnumerable<(Module Module, GenerateOptions Options)> Formulas()
    {
        const int Every = 4;
        const int Random = 16;
        IEnumerable<string> texts = LibraryFormulasTests.LargerSizes.Where((_, k) => k % Every == 0).Concat(BlockTests.Texts).Concat(TileTests.Texts).Concat(TileTests.LongSums).Concat(StorageFormatTests.OneOfEach);
        foreach ((string text, int k) in texts.Select((text, k) => (text, k)))
        {
            yield return (TestModules.Formula(text) with { Name = "F" }, Options(k));
        }

        for (int seed = 0; seed < Random; seed++)
        {
            yield return (RandomFormula.Create(seed) with { Name = "F" }, Options(seed));
        }

        static GenerateOptions Options(int k) => new("F", Scalar: Scalar.Double, FewRowsGain: k % 2 == 0 ? 0 : new GenerateOptions("").FewRowsGain) { BlockElements = BlockTests.Elements };
    }

    /// <summary>Formulas of each kind of kernel for a device.</summary>
    private static IEnumerable<(Module Module, GenerateOptions Options)> DeviceFormulas() =>
        from kind in OpenClFormulaTests.Kinds.Values
        from text in kind.Formulas
        select (TestModules.Formula(text) with { Name = "F" }, new GenerateOptions("F", Batch: kind.Planned, Targets: DeviceTargets.OpenCl, FewRowsGain: double.PositiveInfinity));

    /// <summary>What is wrong in this process with the tests of classes; nothing, if they pass.</summary>
    internal static string Faults(params Type[] types) =>
        string.Concat(types.SelectMany(Tests).Select(check => Guarded(check.Run) is { } fault ? $"{check.Name}: {fault}\n" : ""));

    /// <summary>The cases of a class's tests.</summary>
    private static IEnumerable<Check> Tests(Type type) =>
        from method in type.GetMethods()
        where method.GetCustomAttribute<FactAttribute>() is { Skip: null } && !Long.Contains(method.Name)
        from arguments in method.GetCustomAttributes<DataAttribute>() is var data && data.Any() ? data.SelectMany(rows => rows.GetData(method)) : [[]]
        select new TestCase(method, arguments);

    private sealed record Measured(string? Fault, TimeSpan Time, HashSet<int> Meets);

    /// <summary>Something that is right without mutants.</summary>
    private abstract class Check(string name)
    {
        public string Name => name;

        public TimeSpan Time { get; set; }

        public HashSet<int> Meets { get; set; } = [];

        /// <summary>What is wrong without a mutant.</summary>
        public string? Fault { get; set; }

        public bool IsUsed => Fault is null && Time < Longest;

        /// <summary>Whether it has run without a mutant in this process, if it has to.</summary>
        public bool IsReady { get; set; }

        public int Kills { get; set; }

        /// <summary>Whether the last run made something else, which may be as right.</summary>
        public bool HasChanged { get; set; }

        /// <summary>What is wrong, or null.</summary>
        public abstract string? Run();
    }

    private sealed class TestCase(MethodInfo method, object?[] arguments)
        : Check($"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", arguments)})")
    {
        public override string? Run()
        {
            object? instance = method.IsStatic ? null : Activator.CreateInstance(method.DeclaringType!);
            (method.Invoke(instance, arguments) as Task)?.GetAwaiter().GetResult();
            (instance as IDisposable)?.Dispose();
            return null;
        }
    }

    /// <summary>A formula's code and explanation stay as they are; values are compared where they do not.</summary>
    private sealed class TextCheck(Module module, GenerateOptions options) : Check(module.Formula)
    {
        private string? _code;

        /// <summary>Whether what it is for is here.</summary>
        public bool HasValues => options.Targets == DeviceTargets.None || OpenClFactAttribute.Missing is null;

        public override string? Run()
        {
            GeneratedType type = ModuleCompiler.Compile(module, options);
            string code = type.Code + type.Explanation;
            _code ??= code;
            HasChanged = code != _code;
            return null;
        }

        public string? Values()
        {
            using WeftAssembly assembly = WeftAssembly.Compile([(module, options)]);
            if (options.Targets == DeviceTargets.None)
            {
                using Map<double> map = assembly.Create<double>(module.Name);
                return FormulaBattery.Fault(module, map, seed: 1);
            }

            using Map<float> host = assembly.Create<float>(module.Name);
            using var context = new OpenClContext(OpenClDevice.Find());
            return FormulaBattery.Fault(module, MapOnDevice.Create(host, new OpenClMap<float>(host, context, maxRows: 40)), seed: 1);
        }
    }

    /// <summary>A formula's values, by code that is compiled once.</summary>
    private sealed class ValueCheck(Module module, GenerateOptions options) : Check(module.Formula)
    {
        private Map<double>? _map;

        public override string? Run()
        {
            _map ??= WeftAssembly.Compile([(module, options)]).Create<double>(module.Name);
            return FormulaBattery.Fault(module, _map, seed: 1);
        }
    }
}
