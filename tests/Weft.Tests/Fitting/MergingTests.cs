using System.Numerics;
using Weft.Fitting;
using Weft.Tests.Formulas;

namespace Weft.Tests.Fitting;

/// <summary>Adapters merged into their frozen weights, and taken out again.</summary>
public class MergingTests
{
    private const string Left = """
        operator left : 7 -> 5
          frozen W[5, 7]
          param A[5, 5] ~ zeros
          = cayley(A) * W
        """;

    private const string Twice = """
        operator twice : 7 -> 5
          frozen W[5, 7]
          param B[5, 2] ~ zeros, A[2, 7]
          = 2 * W - 3 * B * A
        """;

    public static TheoryData<string> Adapters =>
    [
        "lora(5, 7, 3)", "lora_frozen_a(5, 7, 3)", "lora_xs(5, 7, 3)", "moslora(5, 7, 3)", "vera(5, 7, 3)", "vb_lora(10, 15, 2, 3, 7, 5)", "spectral_adapter(5, 7, 3)",
        "dora(5, 7, 3)", "dora_rows(5, 7, 3)", "bora(5, 7, 3)", "hra(5, 7, 4)", "hra_gram_schmidt(9, 6, 2)", "oft(5, 21, 3)", Twice, Left,
    ];

    /// <summary>What is trained outside of the sum with the weight.</summary>
    private static readonly Dictionary<string, string[]> Kept = new() { ["dora(5, 7, 3)"] = ["magnitude"], ["dora_rows(5, 7, 3)"] = ["magnitude"], ["bora(5, 7, 3)"] = ["rows", "columns"] };

    [Theory]
    [MemberData(nameof(Adapters))]
    public void AMergedAdapter_IsTheSame_AndComesOutAgain(string formula)
    {
        MergeAndUnmerge<double>(formula);
        MergeAndUnmerge<float>(formula);
    }

    [Theory]
    [MemberData(nameof(Adapters))]
    public void TheDenseForm_IsTheSameWithinTheBound(string formula)
    {
        Compare<double>(formula);
        Compare<float>(formula);
    }

    [Fact]
    public void AnotherMatrix_IsNotTheSame()
    {
        using var compiled = new CompiledMap<float>("lora(5, 7, 3)");
        compiled.Map.Randomize(new Random(1));
        float[] matrix = compiled.Map.Dense();
        matrix[3] *= 1.001f;
        Assert.False(compiled.Map.CompareWithDense<float>(matrix).IsWithinBound);
        Assert.Throws<ArgumentException>(() => compiled.Map.CompareWithDense<float>(new float[34]));
        Assert.Throws<ArgumentOutOfRangeException>(() => compiled.Map.CompareWithDense<float>(matrix, rows: 0));
    }

    [Theory]
    [InlineData("lora_xs(5, 7, 3)", "B")]
    [InlineData("svft(5, 7, 3)", "U")]
    [InlineData("operator squared : 6 -> 6\n  frozen W[6, 6]\n  param B[6, 2], A[2, 6]\n  let V[i, j] = W[i, j] + B[i, s] * A[s, j]\n  = normalize_rows(V) + W", "W")]
    public void AWeightThatCannotTakeItUp_IsRefused(string formula, string weight)
    {
        using var compiled = new CompiledMap<double>(formula);
        compiled.Map.Randomize(new Random(1));
        double[] before = compiled.Map.Parameters.ToArray();

        NotSupportedException exception = Assert.Throws<NotSupportedException>(() => compiled.Map.Merge(weight));

        Assert.StartsWith($"{weight} of F cannot take up", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, compiled.Map.Parameters);
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("half")]
    [InlineData("e4m3")]
    [InlineData("int8")]
    [InlineData("nf4")]
    public void AWeightInAShortFormat_IsRefusedForThat(string format)
    {
        using var compiled = new CompiledMap<double>($"operator f : 6 -> 6\n  frozen({format}) W[6, 6]\n  param B[6, 2], A[2, 6]\n  = W + B * A");
        compiled.Map.Randomize(new Random(1));
        double[] before = compiled.Map.Parameters.ToArray();

        NotSupportedException exception = Assert.Throws<NotSupportedException>(() => compiled.Map.Merge("W"));

        Assert.Contains("the map rounds it to a short format", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, compiled.Map.Parameters);
    }

    [Fact]
    public void WrongArguments_AreRefused()
    {
        using var compiled = new CompiledMap<double>("lora(5, 7, 3)");
        LinearMap<double> map = compiled.Map;
        Assert.Throws<ArgumentException>(() => map.Merge("A"));
        Assert.Throws<ArgumentException>(() => map.Merge("Q"));
        Assert.Throws<ArgumentException>(() => map.Unmerge<double>("W", new double[35]));
    }

    private static void MergeAndUnmerge<T>(string formula)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var compiled = new CompiledMap<T>(formula);
        LinearMap<T> map = compiled.Map;
        map.Randomize(new Random(1));
        T[] weight = map["W"].Values.ToArray(), others = map.Parameters[map.TrainedCount..].ToArray(), matrix = map.Dense();
        T[] adapter = map.Parameters[..map.TrainedCount].ToArray();

        MergeReport merged = map.Merge("W", seed: 3);

        Assert.True(merged.IsWithinBound, $"{formula}: {merged}");
        Assert.True(Difference(matrix, map.Dense()) < 100 * merged.Bound, formula);
        Assert.True(Difference(weight, map["W"].Values.ToArray()) > 0.01, $"{formula}: nothing was merged");
        T[] trained = map.Parameters[..map.TrainedCount].ToArray();
        map.Initialize(3);
        string[] kept = Kept.GetValueOrDefault(formula, []);
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role == Role.Trained))
        {
            T[] values = kept.Contains(info.Name) ? adapter : map.Parameters.ToArray();
            Assert.Equal(values.AsSpan(info.Offset, info.Length), trained.AsSpan(info.Offset, info.Length));
        }

        using (ParameterEdit<T> edit = map.Edit())
        {
            others.CopyTo(edit.All[map.TrainedCount..]);
        }

        map.SetTrained(adapter);
        map.Merge("W", seed: 3);
        MergeReport unmerged = map.Unmerge<T>("W", adapter);

        Assert.True(unmerged.IsWithinBound, $"{formula}: {unmerged}");
        Assert.Equal(adapter, map.Parameters[..map.TrainedCount].ToArray());
        Assert.True(Difference(weight, map["W"].Values.ToArray()) < 100 * unmerged.Bound, $"{formula}: {Difference(weight, map["W"].Values.ToArray())} {unmerged}");
    }

    private static void Compare<T>(string formula)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var compiled = new CompiledMap<T>(formula);
        compiled.Map.Randomize(new Random(2));
        MergeReport report = compiled.Map.CompareWithDense<T>(compiled.Map.Dense(), rows: 20, seed: 1);
        Assert.True(report.IsWithinBound, $"{formula}: {report}");
    }

    private static double Difference<T>(T[] expected, T[] actual)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Numbers.RelativeError([.. expected.Select(double.CreateChecked)], [.. actual.Select(double.CreateChecked)]);
}
