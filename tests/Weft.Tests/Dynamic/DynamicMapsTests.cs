using System.Runtime.CompilerServices;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;

namespace Weft.Tests.Dynamic;

public class DynamicMapsTests
{
    [Fact]
    public void Formula_RunsInFloatAndDouble()
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula("3 * eye(4)", "Triple");
        using Map<float> single = compiled.CreateFloat("Triple");
        using Map<double> wide = compiled.CreateDouble("Triple");

        float[] y = new float[8];
        single.Forward([1, 2, 3, 4, 5, 6, 7, 8], y);
        double[] z = new double[4];
        wide.Forward([1, 2, 3, 4], z);

        Assert.Equal([3f, 6, 9, 12, 15, 18, 21, 24], y);
        Assert.Equal([3.0, 6, 9, 12], z);
    }

    [Fact]
    public void Text_GivesEachDeclaration()
    {
        using CompiledWeft compiled = DynamicMaps.Compile(
            "operator some_map : 4 -> 6 = dense(6, 4)\noperator SomeMap : 4 -> 4 = dense(4, 4)\noperator generic(n) : n -> n = eye(n)\n");

        Assert.Equal(["some_map", "SomeMap"], compiled.Modules.Select(module => module.Name));
        Assert.Equal(6, compiled.CreateFloat("some_map").Outputs);
        Assert.Equal(4, compiled.CreateFloat("SomeMap").Outputs);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => compiled.CreateFloat("generic"));
        Assert.Contains("There is: some_map, SomeMap.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongText_ThrowsWithEveryPlace()
    {
        WeftException exception = Assert.Throws<WeftException>(() => DynamicMaps.Compile(
            "operator a : 4 -> 4 = dens(4, 4)\n\noperator b : 4 -> 4 = dens(4, 4)\n", "maps.weft"));

        Assert.Equal(2, exception.Diagnostics.Length);
        Assert.Matches(@"^maps\.weft\(1,23\): error WEFT\d{4}: .*\nmaps\.weft\(3,23\): error WEFT\d{4}: .*$", exception.Message);
    }

    [Fact]
    public void WrongFormula_ThrowsWithItsPlace()
    {
        WeftException exception = Assert.Throws<WeftException>(() => DynamicMaps.CompileFormula("eye(4) + dens(4, 4)"));

        Assert.StartsWith("formula(1,10): error WEFT", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_MustBePositive() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DynamicMaps.CompileFormula("eye(4)", batch: 0));

    [Fact]
    public void Disposed_MakesNoMoreMaps()
    {
        CompiledWeft compiled = DynamicMaps.CompileFormula("eye(4)");
        compiled.Dispose();
        compiled.Dispose();

        Assert.Throws<ObjectDisposedException>(() => compiled.CreateFloat("Formula"));
    }

    [Fact]
    public void Disposed_IsCollected()
    {
        WeakReference type = MakeAndDrop();
        for (int i = 0; i < 20 && type.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(type.IsAlive);
    }

    [Fact]
    public void Assembly_HoldsManyTypes()
    {
        IEnumerable<Module> modules = Enumerable.Range(1, 40)
            .Select(n => WeftCompiler.BindFormula(new($"formula {n}", $"{n} * eye({n})"), [], $"M{n}").Modules.Single());
        using WeftAssembly assembly = WeftAssembly.Compile(
            modules.Select(module => (module, new GenerateOptions(module.Name, "Many", Scalar: module.Inputs % 2 == 0 ? Scalar.Double : Scalar.Float))));

        double[] y = new double[6];
        assembly.Create<double>("Many.M6").Forward([1, 2, 3, 4, 5, 6], y);

        Assert.Equal([6.0, 12, 18, 24, 30, 36], y);
        Assert.Throws<ArgumentException>(() => assembly.Create<double>("Many.M5"));
        Assert.Throws<ArgumentException>(() => assembly.Create<double>("Many.M41"));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference MakeAndDrop()
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula("eye(4)");
        using Map<float> map = compiled.CreateFloat("Formula");
        return new WeakReference(map.GetType());
    }
}
