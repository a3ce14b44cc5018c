using MathNet.Numerics.LinearAlgebra;
using Weft.Adapters;
using Weft.Tests.Examples;
using Weft.Tests.Formulas;

namespace Weft.Tests.Adapters;

/// <summary>Adapters' files in, merged, converted, trained and out; and what is wrong with them.</summary>
public sealed class AdapterTests : IDisposable
{
    private const string Peft = "base_model.model.", Lora = """{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q","k"],"bias":"none"}""";

    private readonly AdapterFolder folder = new();
    private readonly Random random = new(5);

    public void Dispose() => folder.Dispose();

    /// <summary>
    /// Two shards of a base whose second weight is stored transposed, with numbers of other types between them: what no module has stays bit for
    /// bit, what the adapter has in whole is taken over.
    /// </summary>
    [Fact]
    public void AShardedBase_IsMergedTensorByTensor()
    {
        MadeTensor q = Draw("model.q.weight", "F16", 6, 4), k = Draw("model.k.weight", "F32", 6, 4), bias = Draw("model.q.bias", "F32", 4), score = Draw("score.weight", "F32", 3, 4);
        MadeTensor ids = new("ids", [3], [1, 2, 3], "I64"), mask = new("mask", [2], [0, 1], "U8");
        string path = folder.WriteShards("base", "model", [q, ids, bias], [score, k, mask]);
        MadeTensor[] tensors = [A("model.q", 2, 6), B("model.q", 4, 2), A("model.k", 2, 6), B("model.k", 4, 2), Draw(Peft + "model.q.base_layer.bias", "F32", 4), Draw(Peft + "score.weight", "F32", 3, 4)];
        string config = """{"peft_type":"LORA","r":2,"lora_alpha":4,"fan_in_fan_out":true,"target_modules":["q","k","v"],"bias":"lora_only","modules_to_save":["score"]}""";
        string adapterPath = folder.WriteShards("adapter", "adapter_model", tensors[..3], tensors[3..]);
        File.WriteAllText(folder["adapter/adapter_config.json"], config);

        using Adapter adapter = Adapter.Open(adapterPath), byConfig = Adapter.Open(folder["adapter/adapter_config.json"]);
        Assert.Equal(adapter.Modules.Keys.Order(), byConfig.Modules.Keys.Order());
        Assert.Equal("v", Assert.Single(adapter.UnmatchedTargets));
        Assert.Equal(["model.q.bias", "score.weight"], adapter.Replacements.Keys.Order());
        AdapterMerge merge = adapter.Merge(path, folder["merged"]);

        Assert.Equal([("model.q", "model.q.weight"), ("model.k", "model.k.weight")], merge.Merged.Select(weight => (weight.Module, weight.Tensor)));
        Assert.Equal(["model.q.bias", "score.weight"], merge.Replaced.AsEnumerable());
        Assert.Equal(File.ReadAllText(folder["base/model.safetensors.index.json"]), File.ReadAllText(folder["merged/model.safetensors.index.json"]));
        Assert.Equal(3, Directory.GetFileSystemEntries(folder["merged"]).Length);
        Dictionary<string, double[]> first = Read("merged/model-00001-of-00002.safetensors"), second = Read("merged/model-00002-of-00002.safetensors");
        Numbers.AssertClose(Merged(q, tensors[0], tensors[1]), first["model.q.weight"], 1e-3, "F16");
        Numbers.AssertClose(Merged(k, tensors[2], tensors[3]), second["model.k.weight"], 1e-7, "F32");
        Assert.Equal(tensors[4].Values, first["model.q.bias"]);
        Assert.Equal(tensors[5].Values, second["score.weight"]);
        Assert.Equal(ids.Values, first["ids"]);
        Assert.Equal(mask.Values, second["mask"]);
        double[] change = [.. Merged(k, tensors[2], tensors[3]).Zip(k.Values, (after, before) => after - before)];
        Assert.Equal(Numbers.Norm(change) / Numbers.Norm(k.Values), merge.Merged[1].RelativeChange, 1e-12);

        // W is stored as inputs × outputs.
        static double[] Merged(MadeTensor weight, MadeTensor a, MadeTensor b) => (M(weight.Values, 6) + (2 * M(b.Values, 4) * M(a.Values, 2)).Transpose()).ToRowMajorArray();
    }

    /// <summary>A bias of the base is scaled with the outputs.</summary>
    [Fact]
    public void ScaledOutputs_ScaleTheirBias()
    {
        MadeTensor weight = Draw("q.weight", "F64", 3, 4), bias = Draw("q.bias", "F64", 3), l = Draw(Peft + "q.ia3_l", "F32", 3, 1);
        folder.Write("base.safetensors", weight, bias);
        using Adapter adapter = Adapter.Open(folder.WritePeft("adapter", """{"peft_type":"IA3","target_modules":["q"],"feedforward_modules":[]}""", l));
        adapter.Merge(folder["base.safetensors"], folder["merged.safetensors"]);
        Dictionary<string, double[]> merged = Read("merged.safetensors");
        Numbers.AssertClose([.. weight.Values.Select((value, i) => value * l.Values[i / 4])], merged["q.weight"], 1e-15, "weight");
        Numbers.AssertClose([.. bias.Values.Select((value, i) => value * l.Values[i])], merged["q.bias"], 1e-15, "bias");
    }

    [Fact]
    public void FlattenedNames_AreFoundInTheBase()
    {
        MadeTensor weight = Draw("blocks.0.to_q.weight", "F64", 3, 4);
        folder.Write("base.safetensors", weight);
        MadeTensor a = Draw("lora_unet_blocks_0_to_q.lora_down.weight", "F32", 2, 4), b = Draw("lora_unet_blocks_0_to_q.lora_up.weight", "F32", 3, 2), alpha = new("lora_unet_blocks_0_to_q.alpha", [], [1]);
        using Adapter adapter = Adapter.Open(folder.Write("lora.safetensors", a, b, alpha));
        adapter.Merge(folder["base.safetensors"], folder["merged.safetensors"]);
        double[] expected = (M(weight.Values, 3) + (0.5 * M(b.Values, 3) * M(a.Values, 2))).ToRowMajorArray();
        Numbers.AssertClose(expected, Read("merged.safetensors")["blocks.0.to_q.weight"], 1e-15, "merged");

        // Two names of the base that are one when they are flattened are not chosen between.
        folder.Write("two.safetensors", weight, weight with { Name = "blocks_0.to_q.weight" });
        Assert.Contains("could be", Assert.Throws<InvalidDataException>(() => adapter.Merge(folder["two.safetensors"], folder["none"])).Message, StringComparison.Ordinal);
        AdapterMerge chosen = adapter.Merge(folder["two.safetensors"], folder["chosen"], new MergeOptions { TensorName = _ => "blocks_0.to_q.weight" });
        Assert.Equal("blocks_0.to_q.weight", Assert.Single(chosen.Merged).Tensor);
    }

    /// <summary>The best approximation of a rank, with the error that the singular values say; exact where the update has that rank.</summary>
    [Fact]
    public void AnyMethod_BecomesLora()
    {
        double[] w1 = AdapterFolder.Draw(random, 2, 4), w2 = AdapterFolder.Draw(random, 3, 2);
        string path = folder.WritePeft(
            "adapter",
            """{"peft_type":"LOKR","r":2,"alpha":4,"target_modules":["q"],"base_model_name_or_path":"some/model","task_type":"CAUSAL_LM"}""",
            new(Peft + "m.q.lokr_w1", [2, 4], w1),
            new(Peft + "m.q.lokr_w2", [3, 2], w2));
        Matrix<double> update = 2 * M(w1, 2).KroneckerProduct(M(w2, 3));
        double[] s = [.. update.Svd().S];
        using Adapter adapter = Adapter.Open(path);

        LoraConversion two = adapter.ToLora(2), all = adapter.ToLora(100);

        Assert.Equal(Numbers.Norm(s[2..]) / Numbers.Norm(s), Assert.Single(two.Modules).RelativeError, 1e-10);
        Assert.Equal(("m.q", 6), (all.Modules[0].Module, all.Modules[0].Rank));
        Assert.InRange(all.Modules[0].RelativeError, 0, 1e-14);
        adapter.Dispose();
        all.Adapter.Save(folder["lora"]);
        using Adapter again = Adapter.Open(folder["lora"]);
        Assert.Equal("LoRA", again.Modules["m.q"].Method);
        Assert.Empty(again.UnmatchedTargets);
        Numbers.AssertClose(update.ToRowMajorArray(), again.Modules["m.q"].Update(6, 8), 1e-6, "update");
        string config = File.ReadAllText(folder["lora/adapter_config.json"]);
        Assert.Contains("some/model", config, StringComparison.Ordinal);
        Assert.Contains("CAUSAL_LM", config, StringComparison.Ordinal);
    }

    /// <summary>What is no update of any weight is converted for a base, and merged it is the same.</summary>
    [Fact]
    public void AMethodThatNeedsItsWeight_BecomesLoraWithTheBase()
    {
        MadeTensor weight = Draw("q.weight", "F64", 5, 6), u = Draw(Peft + "q.hra_u", "F32", 6, 3);
        folder.Write("base/model.safetensors", weight);
        using Adapter adapter = Adapter.Open(folder.WritePeft("adapter", """{"peft_type":"HRA","r":3,"apply_GS":false,"target_modules":["q"]}""", u));
        Assert.Contains("give the base", Assert.Throws<InvalidDataException>(() => adapter.ToLora(3)).Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => adapter.Modules["q"].Update(5, 6));
        LoraConversion lora = adapter.ToLora(3, folder["base"]);
        Assert.InRange(lora.Modules[0].RelativeError, 0, 1e-14);
        double[] merged = adapter.Modules["q"].Merge(weight.Values, 5, 6);
        Numbers.AssertClose(merged, lora.Adapter.Modules["q"].Merge(weight.Values, 5, 6), 1e-14, "merged");
    }

    /// <summary>A real adapter of 192 modules in half precision: read, merged into a base, cut to rank 2, written and read again.</summary>
    [DataFact("../analog4.safetensors")]
    public void ARealAdapter_GoesInAndOut()
    {
        string path = Path.Combine(DataFactAttribute.Folder, "../analog4.safetensors");
        Assert.Contains($"{nameof(AdapterOptions)}.{nameof(AdapterOptions.Alpha)}", Assert.Throws<InvalidDataException>(() => Adapter.Open(path)).Message, StringComparison.Ordinal);
        using Adapter adapter = Adapter.Open(path, new AdapterOptions { Alpha = 4 });
        Assert.Equal(192, adapter.Modules.Count);
        Assert.Empty(adapter.UnusedKeys);
        Dictionary<string, double[]> file = Read(path);
        string[] names = ["text_encoder:0", "unet:0"];
        string Base(string name) => $"weights.{names.AsSpan().IndexOf(name)}";
        MadeTensor[] weights = [.. names.Select(name => adapter.Modules[name] is var module ? Draw(Base(name), "F16", module.Outputs!.Value, module.Inputs!.Value) : null!)];
        folder.Write("base.safetensors", weights);
        var options = new MergeOptions { TensorName = name => names.Contains(name) ? Base(name) : null };

        AdapterMerge merge = adapter.Merge(folder["base.safetensors"], folder["merged.safetensors"], options);
        LoraConversion lora = adapter.ToLora(2, folder["base.safetensors"], options);
        lora.Adapter.Save(folder["cut.safetensors"]);
        adapter.Save(folder["whole.safetensors"]);

        Assert.Equal(190, merge.LeftOut.Length);
        Dictionary<string, double[]> merged = Read("merged.safetensors"), whole = Read("whole.safetensors");
        using Adapter cut = Adapter.Open(folder["cut.safetensors"], new AdapterOptions { Alpha = 2 });
        for (int i = 0; i < names.Length; i++)
        {
            (int m, int n) = (weights[i].Shape[0], weights[i].Shape[1]);
            Matrix<double> up = M(file[names[i] + ":up"], m), down = M(file[names[i] + ":down"], 4), update = up * down;
            double[] expected = [.. update.ToRowMajorArray().Zip(weights[i].Values, (change, value) => change + (double)(Half)value)];
            Numbers.AssertClose(expected, merged[Base(names[i])], 4e-4, names[i]);

            // The update's singular values are those of a small matrix between orthogonal factors.
            double[] s = [.. (up.QR().R * down.Transpose().QR().R.Transpose()).Svd().S];
            Assert.Equal(Numbers.Norm(s[2..]) / Numbers.Norm(s), lora.Modules[i].RelativeError, 1e-6);
            double[] rest = [.. cut.Modules[names[i]].Update(m, n).Zip(update.ToRowMajorArray(), (a, b) => a - b)];
            Assert.Equal(lora.Modules[i].RelativeError, Numbers.Norm(rest) / Numbers.Norm(update.ToRowMajorArray()), 1e-5);
        }

        Assert.Equal(file.Keys.Order(), whole.Keys.Order());
        Assert.All(file, pair => Assert.Equal(pair.Value, whole[pair.Key]));
        Assert.Equal("2", cut.Metadata["unet:0:rank"]);
    }

    /// <summary>A map of a module is trained, and what it learned is what the file then holds.</summary>
    [Fact]
    public void ATrainedMap_GoesBackIntoTheFile()
    {
        using Adapter adapter = Adapter.Open(folder.WritePeft("adapter", Lora, A("q", 2, 6), B("q", 4, 2)));
        double[] weight = AdapterFolder.Draw(random, 4, 6), gradient, x = AdapterFolder.Draw(random, 3, 6), targets = AdapterFolder.Draw(random, 3, 4);
        using LinearMap<double> map = adapter.Modules["q"].CreateMap<double>(weight, 4, 6);
        Assert.Equal(["B", "A", "W"], map.Description.Parameters.OrderBy(info => info.Role).ThenByDescending(info => info.Name).Select(info => info.Name));
        gradient = new double[map.TrainedCount];
        map.LossGradient(x, new MeanSquaredError<double>(targets), gradient);
        new AdamW<double>(0.1).Step(map, gradient);
        adapter.Modules["q"].Store(map);
        adapter.Save(folder["trained"]);
        Assert.Equal(map["A"].Values.ToArray().Select(value => (double)(float)value), Read("trained/adapter_model.safetensors")[Peft + "q.lora_A.weight"]);
    }

    public static TheoryData<string, string, string> WrongFiles => new()
    {
        { """{"peft_type":"ADALORA","r":2}""", "A2x6 B4x2", "'ADALORA', which is not known here" },
        { """{"r":2}""", "A2x6 B4x2", "has no 'peft_type'" },
        { """[]""", "A2x6 B4x2", "holds no object" },
        { """{""", "A2x6 B4x2", "is no JSON" },
        { """{"peft_type":"LORA","r":2}""", "A2x6 B4x2", "has no 'lora_alpha'" },
        { """{"peft_type":"LORA","r":"2","lora_alpha":4}""", "A2x6 B4x2", "'r' of adapter_config.json is \"2\"; a number is expected" },
        { """{"peft_type":"LORA","r":3,"lora_alpha":4}""", "A2x6 B4x2", "has rank 3 by adapter_config.json; its tensors have 2" },
        { """{"peft_type":"LORA","r":2,"lora_alpha":0}""", "A2x6 B4x2", "would be multiplied by 0" },
        { """{"peft_type":"LORA","r":2,"lora_alpha":4,"rank_pattern":{"(":2}}""", "A2x6 B4x2", "'rank_pattern' of adapter_config.json has the pattern" },
        { """{"peft_type":"LORA","r":2,"lora_alpha":4,"init_lora_weights":"pissa"}""", "A2x6 B4x2", "started by 'pissa', which changes the base weight" },
        { """{"peft_type":"LORA","r":2,"lora_alpha":4,"use_dora":true}""", "A2x6 B4x2", "lacks magnitudes" },
        { """{"peft_type":"LORA","r":2,"lora_alpha":4,"layer_replication":[[0,1]]}""", "A2x6 B4x2", "'layer_replication'" },
        { """{"peft_type":"LOHA","r":2,"alpha":4}""", "A2x6 B4x2", "has the tensors of LoRA, and adapter_config.json is for 'LOHA'" },
        { Lora, "A2x6 B4x3", "'base_model.model.q.lora_B.weight' has the shape [4, 3]; 4 × 2 is expected" },
        { Lora, "A2x6", "which together are of no method" },
        { Lora, "A2x6 B4x2 lora_mid.weight:2x2", "which together are of no method" },
        { Lora, "A6 B4x2", "a matrix is expected" },
        { """{"peft_type":"VERA","r":2}""", "vera_lambda_b:4 vera_lambda_d:2", "save_projection=True" },
        { """{"peft_type":"OFT","fan_in_fan_out":true}""", "oft_R.weight:2x6", "'fan_in_fan_out'" },
    };

    [Theory]
    [MemberData(nameof(WrongFiles))]
    public void AWrongFile_IsRefusedWithItsReason(string config, string tensors, string message)
    {
        MadeTensor[] made = [.. tensors.Split(' ').Select(text =>
        {
            (string part, string shape) = text[0] is 'A' or 'B' ? ($"lora_{text[0]}.weight", text[1..]) : (text.Split(':')[0], text.Split(':')[1]);
            return Draw($"{Peft}q.{part}", "F32", [.. shape.Split('x').Select(int.Parse)]);
        })];
        folder.WritePeft("adapter", config, made);
        Exception exception = Assert.ThrowsAny<Exception>(() => Adapter.Open(folder["adapter"]));
        Assert.True(exception is InvalidDataException or NotSupportedException, exception.ToString());
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderWithoutTensors_SaysWhatIsThere()
    {
        Assert.Contains("neither a file nor a folder", Assert.Throws<FileNotFoundException>(() => Adapter.Open(folder["none"])).Message, StringComparison.Ordinal);
        folder.WritePeft("adapter", "\ufeff" + Lora, Draw($"{Peft}q.lora_A.weight", "F32", 2, 6), Draw($"{Peft}q.lora_B.weight", "F32", 4, 2));
        using (Adapter adapter = Adapter.Open(folder["adapter"]))
        {
            Assert.Equal(["q"], adapter.Modules.Keys);
        }

        File.Move(folder["adapter/adapter_model.safetensors"], folder["adapter/adapter_model.bin"]);
        Assert.Contains("'adapter_model.bin' is a pickle", Assert.Throws<FileNotFoundException>(() => Adapter.Open(folder["adapter"])).Message, StringComparison.Ordinal);
    }

    /// <summary>Whatever fails, nothing is left and nothing has changed.</summary>
    [Fact]
    public void WhatCannotBeMerged_ChangesNothing()
    {
        MadeTensor a = A("model.q", 2, 6), b = B("model.q", 4, 2), weight = Draw("model.q.weight", "F16", 4, 6);
        folder.WritePeft("adapter", Lora, a, b, Draw(Peft + "model.q.oft_r", "F32", 2));
        folder.Write("right.safetensors", weight);
        folder.Write("other.safetensors", weight with { Name = "model.layers.q.weight" });
        folder.Write("wide.safetensors", weight with { Shape = [6, 4] });
        folder.Write("whole.safetensors", weight with { Type = "U8" });
        folder.Write("large.safetensors", new MadeTensor("model.q.weight", [4, 6], [.. Enumerable.Repeat(65500.0, 24)], "F16"));
        folder.WritePeft("strong", Lora, a with { Values = [.. a.Values.Select(_ => 1000.0)] }, b with { Values = [.. b.Values.Select(_ => 1000.0)] });
        folder.WriteShards("shards", "model", [weight]);
        string index = folder["shards/model.safetensors.index.json"];
        Dictionary<string, string> before = folder.Contents();
        using Adapter adapter = Adapter.Open(folder["adapter"]), strong = Adapter.Open(folder["strong"]);
        Assert.Equal(Peft + "model.q.oft_r", Assert.Single(adapter.UnusedKeys));
        var ignoring = new MergeOptions { IgnoresUnusedKeys = true };

        Refuses<InvalidDataException>("'base_model.model.model.q.oft_r'", () => adapter.Merge(folder["right.safetensors"], folder["out"]));
        Refuses<InvalidDataException>("there is 'model.layers.q.weight'", () => adapter.Merge(folder["other.safetensors"], folder["out"], ignoring));
        Refuses<InvalidDataException>("The weight of 'model.q' is 6 × 4; the adapter is for 4 outputs and 6 inputs", () => adapter.Merge(folder["wide.safetensors"], folder["out"], ignoring));
        Refuses<NotSupportedException>("'model.q.weight' of the base is U8", () => adapter.Merge(folder["whole.safetensors"], folder["out"], ignoring));
        Refuses<InvalidDataException>("which F16 cannot", () => strong.Merge(folder["large.safetensors"], folder["out"], ignoring));
        Refuses<InvalidDataException>("was 'model.q.weight' meant?", () => adapter.Merge(folder["right.safetensors"], folder["out"], ignoring with { TensorName = name => name + ".weigth" }));
        Refuses<FileNotFoundException>("model.safetensors", () => adapter.Merge(folder["adapter"], folder["out"], ignoring));
        Refuses<IOException>("exists", () => adapter.Merge(folder["shards"], folder["shards"], ignoring));
        Refuses<OperationCanceledException>("", () => adapter.Merge(folder["shards"], folder["out"], ignoring, new CancellationToken(canceled: true)));
        foreach ((string text, string message) in new[] { ("{}", "weight_map"), ("""{"weight_map":{"model.q.weight":"../right.safetensors"}}""", "no file beside it"), ("""{"weight_map":{"x":"model-00001-of-00001.safetensors"}}""", "where it is not") })
        {
            string right = File.ReadAllText(index);
            File.WriteAllText(index, text);
            Assert.Contains(message, Assert.Throws<InvalidDataException>(() => adapter.Merge(folder["shards"], folder["out"], ignoring)).Message, StringComparison.Ordinal);
            File.WriteAllText(index, right);
        }

        Assert.Equal(before, folder.Contents());

        void Refuses<TException>(string message, Func<object> merge)
            where TException : Exception
        {
            Assert.Contains(message, Assert.ThrowsAny<TException>(merge).Message, StringComparison.Ordinal);
            Assert.Equal(before, folder.Contents());
        }
    }

    private static Matrix<double> M(double[] values, int rows) => Matrix<double>.Build.DenseOfRowMajor(rows, values.Length / rows, values);

    private MadeTensor Draw(string name, string type, params int[] shape) => new(name, shape, AdapterFolder.Draw(random, shape), type);

    private MadeTensor A(string module, params int[] shape) => Draw($"{Peft}{module}.lora_A.weight", "F32", shape);

    private MadeTensor B(string module, params int[] shape) => Draw($"{Peft}{module}.lora_B.weight", "F32", shape);

    private Dictionary<string, double[]> Read(string name)
    {
        using FileStream stream = File.OpenRead(Path.IsPathRooted(name) ? name : folder[name]);
        TensorFile file = TensorFile.Open(stream);
        return file.Tensors.Values.ToDictionary(tensor => tensor.Name, tensor =>
        {
            double[] values = new double[tensor.Length];
            file.Read(tensor.Name, tensor.Shape.AsSpan(), values);
            return values;
        });
    }
}
