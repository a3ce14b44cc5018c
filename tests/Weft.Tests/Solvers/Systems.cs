using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using Weft.Dynamic;
using Weft.Solvers;
using Weft.Tests.Fitting;
using Weft.Tests.Formulas;
using Vector = MathNet.Numerics.LinearAlgebra.Vector<double>;

namespace Weft.Tests.Solvers;

/// <summary>What is known of a system, and what a solver needs to know.</summary>
[Flags]
public enum Tags
{
    None = 0,
    Square = 1,
    Symmetric = 2 | Square,
    Definite = 4 | Symmetric,
}

/// <summary>Tests that share the systems.</summary>
[CollectionDefinition(nameof(Systems))]
public sealed class SystemsOfTests : ICollectionFixture<Systems>;

/// <summary>Systems of each kind, compiled once.</summary>
public sealed class Systems : IDisposable
{
    private const string Text = """
        operator definite : 12 -> 12
          param A[12, 12]
          = 0.5 * A' * A + eye(12)

        operator kronecker_definite : 12 -> 12
          param A[3, 3], B[4, 4]
          = (A' * A + eye(3)) ⊗ (B' * B + eye(4))

        operator scales : 12 -> 12
          param d[12]
          = diag(square(d)) + eye(12)

        operator diagonal_and_low_rank : 12 -> 12
          param d[12], U[12, 2]
          = diag(square(d)) + eye(12) + U * U'

        operator indefinite : 12 -> 12
          param A[12, 12]
          = A + A'

        operator negative : 12 -> 12
          param A[12, 3]
          = A * A' - 2 * eye(12)

        operator general : 12 -> 12
          param A[12, 12]
          = A + 3 * eye(12)

        operator cycle : 12 -> 12
          = circulant(12) + 2 * eye(12)

        operator triangle : 12 -> 12
          = lower_triangular(12) + 4 * eye(12)

        operator product : 12 -> 12
          param A[4, 4], B[3, 3]
          = (A + 3 * eye(4)) ⊗ (B + 3 * eye(3))

        operator tall : 8 -> 13 = dense(13, 8)

        operator wide : 13 -> 8 = dense(8, 13)

        operator few_ranks : 8 -> 13 = low_rank(13, 8, 3)
        """;

    private readonly CompiledWeft _compiled = DynamicMaps.Compile(Text);

    public static (string Name, Tags Tags)[] All { get; } =
    [
        ("definite", Tags.Definite),
        ("kronecker_definite", Tags.Definite),
        ("scales", Tags.Definite),
        ("diagonal_and_low_rank", Tags.Definite),
        ("indefinite", Tags.Symmetric),
        ("negative", Tags.Symmetric),
        ("general", Tags.Square),
        ("cycle", Tags.Square),
        ("triangle", Tags.Square),
        ("product", Tags.Square),
        ("tall", Tags.None),
        ("wide", Tags.None),
        ("few_ranks", Tags.None),
    ];

    /// <summary>A map with parameters that are the same at each call.</summary>
    public LinearMap<T> Create<T>(string name)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var map = (LinearMap<T>)(object)(typeof(T) == typeof(float) ? _compiled.CreateFloat(name) : _compiled.CreateDouble(name));
        map.Randomize(new Random(All.AsSpan().IndexOf(All.First(system => system.Name == name))));
        return map;
    }

    public static Matrix<double> Dense<T>(LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Matrix<double>.Build.DenseOfRowMajor(map.Outputs, map.Inputs, map.Dense().Select(double.CreateChecked));

    public static T[] Normal<T>(int seed, int length)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => [.. Numbers.Normal(new Random(seed), length).Select(T.CreateChecked)];

    /// <summary>A row as a vector.</summary>
    public static Vector Row<T>(T[] rows, int k, int n)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Vector.Build.DenseOfEnumerable(rows.Skip(k * n).Take(n).Select(double.CreateChecked));

    public void Dispose() => _compiled.Dispose();
}

/// <summary>A diagonal matrix, which counts the rows that it is applied to.</summary>
internal sealed class Scales<T>(T[] values) : ILinearOperator<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public int Rows { get; private set; }

    public int Inputs => values.Length;

    public int Outputs => values.Length;

    public void Apply(ReadOnlySpan<T> x, Span<T> y)
    {
        Rows += x.Length / values.Length;
        for (int i = 0; i < x.Length; i++)
        {
            y[i] = values[i % values.Length] * x[i];
        }
    }

    public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x) => Apply(y, x);
}
