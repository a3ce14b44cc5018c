using System.Collections;
using System.Diagnostics;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Weft.Compiler;
using Weft.Generators;
using Xunit.Abstractions;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Tests.Generators;

/// <summary>The generator does again only what an edit has changed, and keeps nothing that would make it do more.</summary>
public class IncrementalityTests(ITestOutputHelper output)
{
    private const string Path = "/project/a.weft";
    private const string Source = "[Weft.Weft(\"dense(4, 4)\")] partial class C;";
    private const string Text = "operator first : 4 -> 4 = dense(4, 4)\noperator second : 4 -> 6 = dense(6, 4)\n";

    private int _compilations;

    [Fact]
    public void UnrelatedEdit_RunsNothingAgain()
    {
        GeneratorHost host = Start();
        GeneratorRun run = host.EditSource(Source + "\nclass Unrelated { void M() { } }").Run();

        foreach (string step in run.Result.TrackedSteps.Keys.Intersect(TrackingNames.All).Except([TrackingNames.AttributeUses, TrackingNames.HasIlgpu]))
        {
            Assert.All(run.Reasons(step), reason => Assert.Equal(IncrementalStepRunReason.Cached, reason));
        }

        Assert.All(run.Result.TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(step => step.Outputs), step =>
            Assert.Equal(IncrementalStepRunReason.Cached, step.Reason));
        Assert.Equal(0, _compilations);
    }

    [Fact]
    public void CommentInAFile_CompilesNothing()
    {
        GeneratorHost host = Start();
        GeneratorRun run = host.EditFile(Path, text => "// a comment\n\n" + text).Run().AssertClean();

        AssertReasons(run, TrackingNames.Parsed, IncrementalStepRunReason.Modified);
        AssertReasons(run, TrackingNames.FileUnits, IncrementalStepRunReason.Unchanged, IncrementalStepRunReason.Unchanged);
        AssertReasons(run, TrackingNames.FileCode, IncrementalStepRunReason.Cached, IncrementalStepRunReason.Cached);
        AssertReasons(run, TrackingNames.AttributeCode, IncrementalStepRunReason.Cached);
        Assert.Equal(0, _compilations);
    }

    [Fact]
    public void SameContentSavedAgain_RunsNothingAgain()
    {
        GeneratorHost host = Start();
        GeneratorRun run = host.EditFile(Path, text => text).Run();

        AssertReasons(run, TrackingNames.Texts, IncrementalStepRunReason.Unchanged);
        AssertReasons(run, TrackingNames.Parsed, IncrementalStepRunReason.Cached);
        AssertReasons(run, TrackingNames.Bound, IncrementalStepRunReason.Cached);
    }

    [Fact]
    public void EditOfOneOperator_CompilesThatOne()
    {
        GeneratorHost host = Start();
        GeneratorRun run = host.EditFile(Path, text => text.Replace("4 -> 6 = dense(6, 4)", "4 -> 8 = dense(8, 4)")).Run().AssertClean();

        AssertReasons(run, TrackingNames.FileCode, IncrementalStepRunReason.Cached, IncrementalStepRunReason.Modified);
        Assert.Equal(1, _compilations);
    }

    [Fact]
    public void NewOperatorBeforeTheOthers_CompilesThatOne()
    {
        GeneratorHost host = Start();
        host.EditFile(Path, text => "operator zeroth : 4 -> 3 = dense(3, 4)\n" + text).Run().AssertClean();

        Assert.Equal(1, _compilations);
    }

    [Fact]
    public void OtherOption_CompilesTheFileAgain()
    {
        GeneratorHost host = Start();
        GeneratorRun run = host.SetMetadata(Path, "WeftScalar", "double").Run().AssertClean();

        AssertReasons(run, TrackingNames.Parsed, IncrementalStepRunReason.Cached);
        AssertReasons(run, TrackingNames.Bound, IncrementalStepRunReason.Cached);
        AssertReasons(run, TrackingNames.FileCode, IncrementalStepRunReason.Modified, IncrementalStepRunReason.Modified);
        AssertReasons(run, TrackingNames.AttributeCode, IncrementalStepRunReason.Cached);
        Assert.Equal(2, _compilations);
    }

    [Fact]
    public void MovedAttribute_CompilesNothing()
    {
        GeneratorHost host = Start();
        GeneratorRun run = host.EditSource("\n\n// moved\n" + Source).Run().AssertClean();

        AssertReasons(run, TrackingNames.AttributeUnits, IncrementalStepRunReason.Unchanged);
        AssertReasons(run, TrackingNames.AttributeCode, IncrementalStepRunReason.Cached);
    }

    [Fact]
    public void Steps_KeepNothingOfRoslyns()
    {
        GeneratorRun run = new GeneratorHost(
            Source + "[Weft.Weft(\"bad\")] partial class D; [Weft.Weft(\"dense(4, 4)\")] class E;",
            (Path, Text),
            ("/project/b.weft", "operator bad : 4 -> 4 = worse\n")).Run();

        Assert.Equal(TrackingNames.All.Order(), run.Result.TrackedSteps.Keys.Intersect(TrackingNames.All).Order());
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (string step in TrackingNames.All)
        {
            foreach (object value in run.Result.TrackedSteps[step].SelectMany(each => each.Outputs).Select(each => each.Value))
            {
                AssertPlain(value, step, seen);
            }
        }

        Assert.True(seen.Count > 50, "the walk must have seen the models");
    }

    [Fact]
    public void EditTime_InAProjectOf100Operators()
    {
        string text = string.Concat(Enumerable.Range(0, 100).Select(i => $"operator map_{i} : 1024 -> 1024 = {i + 2} * {Structure(i)}\n"));
        var host = new GeneratorHost(new WeftGenerator(), Source, (Path, text));
        var clock = Stopwatch.StartNew();
        GeneratorRun first = host.Run();
        output.WriteLine($"first run: {clock.Elapsed.TotalMilliseconds:F1} ms");
        Assert.Empty(first.Diagnostics);

        Measure("one operator", i => host.EditFile(Path, old => old.Replace($"{i + 2} * {Structure(i)}", $"{i + 200} * {Structure(i)}")));
        Measure("comment at the top", i => host.EditFile(Path, old => $"// comment {i}\n{old}"));
        Measure("unrelated C#", i => host.EditSource($"{Source}\nclass Unrelated{i};"));

        static string Structure(int i) => (i % 4) switch
        {
            0 => "monarch(1024, 32)",
            1 => "kronecker([32, 32], [32, 32])",
            2 => "low_rank(1024, 1024, 16)",
            _ => "blast(1024, 1024, 8, 8, 16)",
        };

        void Measure(string what, Action<int> edit)
        {
            double[] milliseconds = new double[9];
            for (int i = 0; i < milliseconds.Length; i++)
            {
                edit(i);
                clock.Restart();
                GeneratorRun run = host.Run();
                milliseconds[i] = clock.Elapsed.TotalMilliseconds;
                Assert.Equal(101, run.Files.Count());
            }

            output.WriteLine($"{what}: median {milliseconds.Order().ElementAt(milliseconds.Length / 2):F1} ms, most {milliseconds.Max():F1} ms");
        }
    }

    private static void AssertReasons(GeneratorRun run, string step, params IncrementalStepRunReason[] reasons) =>
        Assert.Equal(reasons, run.Reasons(step));

    private static void AssertPlain(object? value, string step, HashSet<object> seen)
    {
        if (value is null or string || value.GetType().IsPrimitive || value.GetType().IsEnum || !seen.Add(value))
        {
            return;
        }

        string? assembly = value.GetType().Assembly.GetName().Name;
        Assert.False(
            assembly!.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) || value is Delegate,
            $"{step} holds a {value.GetType()}");
        if (value is IEnumerable items)
        {
            foreach (object? item in items)
            {
                AssertPlain(item, step, seen);
            }
        }

        if (assembly.StartsWith("Weft.", StringComparison.Ordinal))
        {
            for (Type? type = value.GetType(); type is not null && type != typeof(object); type = type.BaseType)
            {
                foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                {
                    AssertPlain(field.GetValue(value), step, seen);
                }
            }
        }
    }

    private GeneratorHost Start()
    {
        var host = new GeneratorHost(new WeftGenerator(Compile), Source, (Path, Text));
        host.Run().AssertClean();
        _compilations = 0;
        return host;
    }

    private GeneratedType Compile(Module module, GenerateOptions options, CancellationToken cancellationToken)
    {
        _compilations++;
        return ModuleCompiler.Compile(module, options, cancellationToken);
    }
}
