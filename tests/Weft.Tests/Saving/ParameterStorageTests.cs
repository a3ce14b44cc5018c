using System.Numerics;
using Weft.Fitting;
using Weft.Tests.Fitting;

namespace Weft.Tests.Saving;

/// <summary>Parameters of maps, saved and loaded.</summary>
public class ParameterStorageTests
{
    [Fact]
    public void Seeds_AreStoredInPlaceOfNumbers()
    {
        using var first = new CompiledMap<float>("lora_frozen_a(5, 7, 3)");
        using var other = new CompiledMap<float>("lora_frozen_a(5, 7, 3, 3, 1)");
        first.Map.Randomize(new Random(1));
        byte[] bytes = Save(first.Map);
        Assert.Equal(["B", "W"], Open(bytes).Tensors.Keys);
        Assert.Matches(@"^-?\d+ Normal 0\.377\d+ \[3, 7\]$", Open(bytes).Metadata["seeded:A"]);

        InvalidDataException exception = Assert.Throws<InvalidDataException>(() => Load(other.Map, bytes));
        Assert.Contains("'A' of the file is drawn by '", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAdapter_IsLoadedIntoAnotherWeight()
    {
        using var first = new CompiledMap<float>("lora(5, 7, 3)");
        using var second = new CompiledMap<double>("lora(5, 7, 3)");
        first.Map.Randomize(new Random(1));
        second.Map.Randomize(new Random(2));
        double[] weight = second.Map["W"].Values.ToArray();

        byte[] bytes = Save(first.Map, StoredParameters.Trained, StoredType.BF16);
        LoadReport report = Load(second.Map, bytes);

        Assert.Equal(2 * 36, Open(bytes).Tensors.Values.Sum(tensor => tensor.Bytes));
        Assert.Equal(["B", "A"], report.Loaded.ToArray());
        Assert.True(report.IsComplete);
        Assert.Equal(weight, second.Map["W"].Values);
        double[] expected = [.. first.Map["A"].Values.ToArray().Select(value => (double)value)];
        Formulas.Numbers.AssertClose(expected, second.Map["A"].Values.ToArray(), 4e-3, "A");
    }

    [Theory]
    [InlineData("vb_lora(10, 15, 2, 3, 7, 5)", new[] { "P", "Q" }, 35)]
    [InlineData("operator selected : 6 -> 4\n  param P[4, 6]\n  let S = top_k_softmax(P, 2)\n  = S", new[] { "P" }, 0)]
    [InlineData("operator single : 6 -> 4\n  param P[4, 6]\n  let S = top_k_softmax(P, 1)\n  = S", new[] { "P" }, 0)]
    public void ChoicesAreSavedCompactly(string formula, string[] selections, int others)
    {
        using var compiled = new CompiledMap<double>(formula);
        LinearMap<double> map = compiled.Map;
        map.Randomize(new Random(1));
        double[] frozen = map.Parameters[map.TrainedCount..].ToArray(), expected = map.Dense();

        byte[] bytes = Save(map, StoredParameters.Compact);
        map.Randomize(new Random(2));
        using (ParameterEdit<double> edit = map.Edit())
        {
            frozen.CopyTo(edit.All[map.TrainedCount..]);
        }

        LoadReport report = Load(map, bytes);

        Formulas.Numbers.AssertClose(expected, map.Dense(), 1e-12, formula);
        Assert.False(report.IsComplete);
        Assert.Equal(selections, report.Selections.ToArray());

        // k indices of a byte and k − 1 weights for each row.
        long pieces = selections.Sum(name => map[name].Info is var info ? (info.Length / info.Shape[^1]) * (info.TopK + (8 * (info.TopK - 1))) : 0);
        Assert.Equal(pieces + (8 * others), Open(bytes).Tensors.Values.Sum(tensor => tensor.Bytes));
    }

    /// <summary>As in the files of PEFT: the largest first, and the weight of the last left out.</summary>
    [Fact]
    public void TheSmallestWeightIsLeftOut()
    {
        using var compiled = new CompiledMap<double>("operator selected : 4 -> 1\n  param P[1, 4]\n  let S = top_k_softmax(P, 3)\n  = S");
        compiled.Map.SetTrained([Math.Log(3), -5, Math.Log(6), 0]);
        byte[] bytes = Save(compiled.Map, StoredParameters.Compact);
        double[] indices = new double[3], weights = new double[2];
        Open(bytes).Read<double>("P#indices", [1, 3], indices);
        Open(bytes).Read<double>("P#weights", [1, 2], weights);
        Assert.Equal([2, 0, 3], indices);
        Formulas.Numbers.AssertClose([0.6, 0.3], weights, 1e-15, "weights");

        // With 8 bits the weights may add up to a little more than 1.
        Load(compiled.Map, Save(compiled.Map, StoredParameters.Compact, StoredType.BF16));
        Formulas.Numbers.AssertClose([0.3, 0, 0.6, 0.1], compiled.Map.Dense(), 5e-3, "of 16 bits");
    }

    /// <summary>Derivatives reach chosen elements alone: training that goes on from the compact form changes weights, not choices.</summary>
    [Fact]
    public void TheCompactFormFreezesChoices()
    {
        using var compiled = new CompiledMap<double>("vb_lora(10, 15, 2, 3, 7, 5)");
        LinearMap<double> map = compiled.Map;
        map.Randomize(new Random(1));
        Load(map, Save(map, StoredParameters.Compact));
        int[][] chosen = Choices();
        double[] x = Formulas.Numbers.Normal(new Random(2), 20 * 15), targets = Formulas.Numbers.Normal(new Random(3), 20 * 10), gradient = new double[map.TrainedCount];
        double[] start = map["P"].Values.ToArray();
        var optimizer = new AdamW<double>(0.05, weightDecay: 0);
        double first = 0, last = 0;
        for (int step = 0; step < 100; step++)
        {
            Array.Clear(gradient);
            last = map.LossGradient(x, new MeanSquaredError<double>(targets), gradient);
            first = step == 0 ? last : first;
            optimizer.Step(map, gradient);
        }

        Assert.True(last < 0.9 * first, $"{first} {last}");
        Assert.False(map["P"].Values.SequenceEqual(start));
        Assert.Equal(chosen, Choices());

        int[][] Choices() => [.. map["P"].Values.ToArray().Chunk(7).Select(row => Enumerable.Range(0, 7).OrderByDescending(i => row[i]).Take(3).Order().ToArray())];
    }

    [Fact]
    public void WhatMattersOtherwiseToo_IsSavedWhole()
    {
        using var compiled = new CompiledMap<double>("operator both : 6 -> 4\n  param P[4, 6]\n  let S = top_k_softmax(P, 2)\n  = S + P");
        compiled.Map.Randomize(new Random(1));
        double[] expected = compiled.Map.Dense();
        byte[] bytes = Save(compiled.Map, StoredParameters.Compact);
        compiled.Map.Randomize(new Random(2));
        Assert.True(Load(compiled.Map, bytes).IsComplete);
        Assert.Equal(expected, compiled.Map.Dense());
    }

    [Theory]
    [InlineData("low_rank(5, 7, 2)", "'B' of the file is F64 of shape [5, 3]; [5, 2] is expected")]
    [InlineData("dense(5, 7)", "Parameter 'W' of F is not in the file")]
    [InlineData("operator f : 7 -> 5\n  param B[5, 3], C[3, 7]\n  = B * C", "Parameter 'C' of F is not in the file")]
    [InlineData("operator f : 3 -> 5\n  param B[5, 3]\n  = B", "F has no parameter 'A', which is in the file")]
    public void FilesOfOtherMaps_AreRefused(string formula, string message)
    {
        using var first = new CompiledMap<double>("low_rank(5, 7, 3)");
        using var second = new CompiledMap<double>(formula);
        second.Map.Randomize(new Random(1));
        double[] before = second.Map.Parameters.ToArray();

        InvalidDataException exception = Assert.Throws<InvalidDataException>(() => Load(second.Map, Save(first.Map)));

        Assert.StartsWith(message, exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, second.Map.Parameters);
    }

    /// <summary>Names of another library, a prefix, a factor that is stored the other way around, and tensors of other things.</summary>
    [Fact]
    public void FilesOfOthers_AreLoadedByTheirNames()
    {
        using var compiled = new CompiledMap<double>("lora(3, 4, 2)");
        LinearMap<double> map = compiled.Map;
        map.Randomize(new Random(1));
        double[] a = [1, 2, 3, 4, 5, 6, 7, 8], b = [9, 10, 11, 12, 13, 14], weight = map["W"].Values.ToArray();
        var stream = new MemoryStream();
        TensorFile.Write<double>(stream, [("m.q.lora_A", StoredType.F64, [4, 2], a), ("m.q.lora_B", StoredType.F64, [3, 2], b), ("m.q.x", StoredType.F64, [1], new double[1]), ("other", StoredType.F64, [1], new double[1])], new Dictionary<string, string>());
        var options = new LoadOptions { Prefix = "m.q.", TensorName = name => "lora_" + name, IsTransposed = name => name == "A", IsStrict = false };

        LoadReport report = Load(map, stream.ToArray(), options);

        Assert.Equal(["B", "A"], report.Loaded.AsEnumerable());
        Assert.Equal("m.q.x", Assert.Single(report.Unused));
        Assert.Empty(report.Missing);
        Assert.Equal([1, 3, 5, 7, 2, 4, 6, 8], map["A"].Values);
        Assert.Equal(b, map["B"].Values);
        Assert.Equal(weight, map["W"].Values);
        Assert.Equal("B", Assert.Single(Load(map, stream.ToArray(), options with { TensorName = name => name == "B" ? "none" : "lora_" + name }).Missing));

        Refuses("F has no parameter 'm.q.x', which is in the file.", options with { IsStrict = true });
        Refuses("Parameter 'B' of F is not in the file as 'm.q.lora_C': was 'm.q.lora_A' meant?", options with { IsStrict = true, TensorName = name => name == "B" ? "lora_C" : "lora_" + name });
        Refuses("'m.q.lora_A' of the file is F64 of shape [4, 2]; [2, 4] is expected.", options with { IsTransposed = null });

        void Refuses(string message, LoadOptions wrong)
        {
            double[] before = map.Parameters.ToArray();
            Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Load(map, stream.ToArray(), wrong)).Message);
            Assert.Equal(before, map.Parameters);
        }
    }

    [Fact]
    public void ATableWithAPositionThatIsNone_ChangesNothing()
    {
        using var compiled = new CompiledMap<double>("operator f : 5 -> 3\n  frozen S[3] ~ whole(5)\n  param v[3]\n  y[i] = v[i] * x[S[i]]");
        var stream = new MemoryStream();
        TensorFile.Write<double>(stream, [("S", StoredType.F64, [3], new double[] { 0, 5, 1 }), ("v", StoredType.F64, [3], new double[3])], new Dictionary<string, string>());

        // A map that was never given parameters is as before, and so is one that was.
        Assert.Throws<InvalidDataException>(() => Load(compiled.Map, stream.ToArray()));
        Assert.Throws<InvalidOperationException>(() => compiled.Map.Dense());
        compiled.Map.Randomize(new Random(1));
        double[] before = compiled.Map.Parameters.ToArray(), matrix = compiled.Map.Dense();
        var error = Assert.Throws<InvalidDataException>(() => Load(compiled.Map, stream.ToArray()));
        Assert.Contains("S is a table of positions from 0 to 4", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, compiled.Map.Parameters);
        Assert.Equal(matrix, compiled.Map.Dense());
    }

    /// <summary>Files of before said nothing of it, and left out the largest weight.</summary>
    [Fact]
    public void CompactFilesOfBefore_AreRead()
    {
        using var compiled = new CompiledMap<double>("operator selected : 4 -> 1\n  param P[1, 4]\n  let S = top_k_softmax(P, 3)\n  = S");
        var stream = new MemoryStream();
        TensorFile.Write<double>(
            stream,
            [("P#indices", StoredType.U8, [1, 3], new double[] { 2, 0, 3 }), ("P#weights", StoredType.F64, [1, 2], new double[] { 0.3, 0.1 })],
            new Dictionary<string, string> { ["format"] = "weft" });
        Load(compiled.Map, stream.ToArray());
        Formulas.Numbers.AssertClose([0.3, 0, 0.6, 0.1], compiled.Map.Dense(), 1e-12, "of before");
    }

    [Fact]
    public void WrongChoices_AreRefused()
    {
        using var compiled = new CompiledMap<double>("operator selected : 6 -> 4\n  param P[4, 6]\n  let S = top_k_softmax(P, 2)\n  = S");
        foreach ((double index, double weight) in new[] { (6.0, 0.5), (0.0, 1.5), (0.0, -0.5), (0.0, double.NaN), (-1.0, 0.5), (0.5, 0.5), (0.0, 0.5) })
        {
            var stream = new MemoryStream();
            TensorFile.Write<double>(
                stream,
                [("P#indices", StoredType.F64, [4, 2], Enumerable.Repeat(index, 8).ToArray()), ("P#weights", StoredType.F64, [4, 1], Enumerable.Repeat(weight, 4).ToArray())],
                new Dictionary<string, string>());
            Assert.Throws<InvalidDataException>(() => Load(compiled.Map, stream.ToArray()));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => Save(compiled.Map, type: StoredType.U8));
    }

    [Fact]
    public void NestedMaps_TakeTheLeadingParts()
    {
        using var large = new CompiledMap<double>("low_rank(9, 7, 4)");
        using var small = new CompiledMap<double>("low_rank(6, 7, 2)");
        using var other = new CompiledMap<double>("dense(6, 7)");
        large.Map.Randomize(new Random(1));

        small.Map.CopyLeading(large.Map);

        double[] b = large.Map["B"].Values.ToArray(), a = large.Map["A"].Values.ToArray();
        double[] expected = [.. from i in Enumerable.Range(0, 6) from j in Enumerable.Range(0, 7) select (b[i * 4] * a[j]) + (b[(i * 4) + 1] * a[7 + j])];
        Formulas.Numbers.AssertClose(expected, small.Map.Dense(), 1e-14, "leading");
        Assert.Throws<ArgumentException>(() => large.Map.CopyLeading(small.Map));
        Assert.Throws<ArgumentException>(() => small.Map.CopyLeading(other.Map));
    }

    [Fact]
    public void ARankIsCut_ByProjection()
    {
        using var large = new CompiledMap<double>("low_rank(9, 7, 4)");
        using var small = new CompiledMap<double>("low_rank(9, 7, 2)");
        large.Map.Randomize(new Random(1));
        ProjectionReport report = small.Map.Project<double>(large.Map.Dense());

        // The singular directions come in order, so the leading part of a projected map is the same as the projection.
        large.Map.Project<double>(large.Map.Dense());
        double[] projected = small.Map.Dense();
        small.Map.CopyLeading(large.Map);
        Formulas.Numbers.AssertClose(projected, small.Map.Dense(), 1e-10, "rank 2");
        Assert.InRange(report.RelativeError, 0.01, 0.9);
    }

    private static byte[] Save<T>(Map<T> map, StoredParameters parameters = StoredParameters.All, StoredType? type = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var stream = new MemoryStream();
        map.Save(stream, parameters, type);
        return stream.ToArray();
    }

    private static LoadReport Load<T>(Map<T> map, byte[] bytes, LoadOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => map.Load(new MemoryStream(bytes), options);

    private static TensorFile Open(byte[] bytes) => TensorFile.Open(new MemoryStream(bytes));
}
