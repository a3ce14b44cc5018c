using System.Numerics;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Fitting;

/// <summary>A linear map that is compiled for one test.</summary>
internal sealed class CompiledMap<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly WeftAssembly _assembly;

    public CompiledMap(string formula)
    {
        Scalar scalar = typeof(T) == typeof(float) ? Scalar.Float : Scalar.Double;
        _assembly = WeftAssembly.Compile([(TestModules.Formula(formula) with { Name = "F" }, new GenerateOptions("F", Scalar: scalar))]);
        Map = (LinearMap<T>)_assembly.Create<T>("F");
    }

    public LinearMap<T> Map { get; }

    public void Dispose()
    {
        Map.Dispose();
        _assembly.Dispose();
    }
}

internal static class Parameters
{
    /// <summary>Gives every stored parameter normal numbers.</summary>
    public static void Randomize<T>(this Map<T> map, Random random)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        map.Initialize(random.Next());
        using ParameterEdit<T> edit = map.Edit();
        foreach (ParameterInfo info in map.Description.Parameters)
        {
            // Tables of positions stay as they are drawn.
            if (info.Role != Role.Seeded && info.Initializer.Distribution is not (Distribution.Whole or Distribution.Distinct))
            {
                Formulas.Numbers.Normal(random, info.Length).Select(T.CreateChecked).ToArray().CopyTo(edit[info.Name]);
            }
        }
    }

    public static void SetTrained<T>(this Map<T> map, T[] values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using ParameterEdit<T> edit = map.Edit();
        values.CopyTo(edit.Trained);
    }

    public static T[] Dense<T>(this LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] matrix = new T[map.Outputs * map.Inputs];
        map.ToDense(matrix);
        return matrix;
    }
}
