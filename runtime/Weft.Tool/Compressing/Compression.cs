using System.Numerics.Tensors;
using Google.Protobuf;
using Weft.Measuring;
using Weft.Onnx;

namespace Weft.Tool.Compressing;

/// <summary>A layer as it was left.</summary>
/// <param name="Fitted">The layer and what was tried.</param>
/// <param name="Chosen">What stands in its place; null where the weight stayed.</param>
/// <param name="Bytes">What it takes now.</param>
/// <param name="Influence">How many times as large the outputs' relative error is as that of the layer, as one of its structures showed.</param>
internal sealed record CompressedLayer(FittedLayer Fitted, LayerFit? Chosen, long Bytes, double Influence)
{
    /// <summary>The error of the outputs that it is expected to bring.</summary>
    public double Predicted => Chosen is null ? 0 : Influence * Chosen.Error;
}

/// <summary>How an output of the new model differs from the old one's.</summary>
/// <param name="Name">The output.</param>
/// <param name="Error">‖y − y'‖ / ‖y‖.</param>
/// <param name="Agreement">The share of rows of the last axis whose largest element is at the same place.</param>
/// <param name="Rows">How many rows these are.</param>
internal sealed record OutputError(string Name, double Error, double Agreement, long Rows);

/// <summary>What became of a model.</summary>
internal sealed record CompressedModel(
    OnnxModel Before, byte[] After, long BytesBefore, IReadOnlyList<CompressedLayer> Layers, IReadOnlyList<OutputError> Outputs, ModelData Fitted, ModelData Compared, double SecondsBefore, double SecondsAfter)
{
    public long LayerBytesBefore => Layers.Sum(layer => layer.Fitted.Layer.Bytes);

    public long LayerBytesAfter => Layers.Sum(layer => layer.Bytes);

    /// <summary>The error of the outputs, as it adds up over the layers if these do not know of each other.</summary>
    public double Predicted => Math.Sqrt(Layers.Sum(layer => layer.Predicted * layer.Predicted));
}

/// <summary>Makes the large weights of a model smaller.</summary>
internal static class Compression
{
    /// <summary>Second moments of so many elements are gathered in one run.</summary>
    private const long MomentsAtOnce = 1 << 26;

    /// <summary>An error that the outputs show above their own rounding.</summary>
    private const double LeastError = 1e-3;

    /// <summary>Runs that show how much a layer's error is that of the outputs.</summary>
    private const int InfluenceRuns = 2;

    /// <summary>Compresses.</summary>
    /// <param name="model">The model.</param>
    /// <param name="layers">The layers that are made smaller.</param>
    /// <param name="fits">The structures that are tried.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="budget">The most bytes of all layers together.</param>
    /// <param name="tell">Told what is done.</param>
    /// <exception cref="UsageException">No structures take as little as the budget.</exception>
    /// <exception cref="InvalidDataException">Weights or what comes into layers are not finite, or there are no outputs that can be compared.</exception>
    public static CompressedModel Run(OnnxModel model, IReadOnlyList<OnnxLayer> layers, LayerFits fits, ModelData data, long budget, Action<string> tell)
    {
        (ModelData fitted, ModelData compared) = data.Split();
        byte[] before = model.ToModel().ToByteArray();
        using var original = new ModelSession(before);
        if (original.Outputs.Count == 0)
        {
            throw new InvalidDataException("the model has no output of floating-point numbers, by which models are compared");
        }

        List<FittedLayer> found = [];
        foreach (OnnxLayer[] group in Groups(layers))
        {
            tell($"gathers what comes into {group.Length} layers");
            double[][] moments = Moments(model, group, fitted);
            for (int k = 0; k < group.Length; k++)
            {
                tell($"fits structures to {group[k].Weight}");
                found.Add(fits.Fit(group[k], Weight(model, group[k]), moments[k]));
            }
        }

        IReadOnlyDictionary<string, ModelTensor>[] shown = [.. fitted.Runs.Take(InfluenceRuns)];
        ModelTensor[][] outputs = Outputs(original, original.Outputs, shown);
        double[] influences = [.. found.Select(layer =>
        {
            tell($"tries what {layer.Layer.Weight} does to the outputs");
            return Influence(model, layer, (double)budget / layers.Sum(one => one.Bytes), other => Compare(original.Outputs, outputs, Outputs(other, original.Outputs, shown)));
        })];

        List<(long, double)>[] options = [.. found.Select((layer, k) => layer.Fits.Select(fit => (fit.Bytes, Square(influences[k] * fit.Error))).Append((layer.Layer.Bytes, 0.0)).ToList())];
        int[] chosen = BudgetChoice.Choose(options, budget)
            ?? throw new UsageException(FormattableString.Invariant($"no structures take as little as {budget:N0} bytes: the smallest that were tried take {options.Sum(choices => choices.Min(choice => choice.Item1)):N0}; raise --budget"));
        OnnxModel after = model.Clone();
        List<CompressedLayer> compressed = [];
        for (int k = 0; k < found.Count; k++)
        {
            LayerFit? fit = chosen[k] < found[k].Fits.Count ? found[k].Fits[chosen[k]] : null;
            long bytes = fit is null ? found[k].Layer.Bytes : after.Replace(found[k].Layer, fit.ToGraph());
            compressed.Add(new CompressedLayer(found[k], fit, bytes, influences[k]));
        }

        tell("compares the models");
        byte[] written = after.ToModel().ToByteArray();
        using var replaced = new ModelSession(written);
        OutputError[] errors = Compare(original.Outputs, Outputs(original, original.Outputs, compared.Runs), Outputs(replaced, original.Outputs, compared.Runs));
        (double secondsBefore, double secondsAfter) = Times(before, written, compared);
        return new CompressedModel(model, written, before.Length, compressed, errors, fitted, compared, secondsBefore, secondsAfter);
    }

    /// <summary>The second moments of what comes into layers, over all runs.</summary>
    private static double[][] Moments(OnnxModel model, OnnxLayer[] layers, ModelData data)
    {
        OnnxModel observed = model.Clone();
        string[] names = [.. layers.Select(layer => observed.AddSecondMoment(layer.Weight))];
        using var session = new ModelSession(observed.ToModel().ToByteArray());
        double[][] sums = [.. layers.Select(layer => new double[layer.Inputs * layer.Inputs])];
        foreach (IReadOnlyDictionary<string, ModelTensor> run in data.Runs)
        {
            ModelTensor[] moments = session.Run(run, names);
            for (int k = 0; k < sums.Length; k++)
            {
                TensorPrimitives.Add(sums[k], moments[k].Values, sums[k]);
            }
        }

        int wrong = Array.FindIndex(sums, sum => !TensorPrimitives.IsFiniteAll<double>(sum));
        return wrong < 0 ? sums : throw new InvalidDataException($"what comes into {layers[wrong].Nodes[0]} is not finite, or too large for single precision: these are no inputs of the model");
    }

    private static IEnumerable<OnnxLayer[]> Groups(IEnumerable<OnnxLayer> layers)
    {
        var group = new List<OnnxLayer>();
        long elements = 0;
        foreach (OnnxLayer layer in layers)
        {
            elements += (long)layer.Inputs * layer.Inputs;
            if (group.Count > 0 && elements > MomentsAtOnce)
            {
                yield return [.. group];
                group.Clear();
                elements = (long)layer.Inputs * layer.Inputs;
            }

            group.Add(layer);
        }

        yield return [.. group];
    }

    private static double[] Weight(OnnxModel model, OnnxLayer layer)
    {
        double[] weight = new double[layer.Outputs * layer.Inputs];
        model.Weights.Read<double>(layer.Weight, [layer.Outputs, layer.Inputs], weight);
        return TensorPrimitives.IsFiniteAll<double>(weight) ? weight : throw new InvalidDataException($"'{layer.Weight}' has an element that is not finite");
    }

    /// <summary>How many times as large the outputs' relative error is as that of a layer, by a structure of about its share of the budget.</summary>
    private static double Influence(OnnxModel model, FittedLayer layer, double share, Func<ModelSession, OutputError[]> compare)
    {
        LayerFit? fit = layer.Fits.Where(fit => fit.Error > LeastError).MinBy(fit => Math.Abs(fit.Bytes - (share * layer.Layer.Bytes)));
        if (fit is null)
        {
            return 1;
        }

        OnnxModel tried = model.Clone();
        tried.Replace(layer.Layer, fit.ToGraph());
        using var session = new ModelSession(tried.ToModel().ToByteArray());
        return Math.Sqrt(compare(session).Average(error => Square(error.Error))) / fit.Error;
    }

    /// <summary>The outputs of each run.</summary>
    private static ModelTensor[][] Outputs(ModelSession session, IReadOnlyList<string> names, IEnumerable<IReadOnlyDictionary<string, ModelTensor>> runs) => [.. runs.Select(run => session.Run(run, names))];

    /// <summary>How outputs differ.</summary>
    /// <param name="names">Their names.</param>
    /// <param name="expected">Those of the old model, for each run.</param>
    /// <param name="actual">Those of the new one.</param>
    private static OutputError[] Compare(IReadOnlyList<string> names, ModelTensor[][] expected, ModelTensor[][] actual)
    {
        var (squares, norms, same, rows) = (new double[names.Count], new double[names.Count], new long[names.Count], new long[names.Count]);
        foreach ((ModelTensor[] before, ModelTensor[] after) in expected.Zip(actual))
        {
            for (int k = 0; k < names.Count; k++)
            {
                (double[] y, double[] z) = (before[k].Values, after[k].Values);
                if (y.Length != z.Length)
                {
                    throw new InvalidDataException($"the output '{names[k]}' depends on rounding: it has the shape [{string.Join(", ", after[k].Shape)}] where it had [{string.Join(", ", before[k].Shape)}], and is not compared");
                }

                for (int i = 0; i < y.Length; i++)
                {
                    squares[k] += Square(y[i] - z[i]);
                    norms[k] += Square(y[i]);
                }

                int width = (int)before[k].Shape.LastOrDefault(1);
                for (int at = 0; width > 0 && at < y.Length; at += width, rows[k]++)
                {
                    same[k] += TensorPrimitives.IndexOfMax<double>(y.AsSpan(at, width)) == TensorPrimitives.IndexOfMax<double>(z.AsSpan(at, width)) ? 1 : 0;
                }
            }
        }

        return [.. names.Select((name, k) => new OutputError(name, squares[k] == 0 ? 0 : Math.Sqrt(squares[k] / norms[k]), (double)same[k] / Math.Max(1, rows[k]), rows[k]))];
    }

    /// <summary>Seconds of the first run of both models, on one thread.</summary>
    private static (double Before, double After) Times(byte[] before, byte[] after, ModelData data)
    {
        using ModelSession first = new(before, threads: 1), second = new(after, threads: 1);
        double[] seconds = new Stopclock(quick: false).Race(
            new Variant("before", () => first.Run(data.Runs[0], first.Outputs)),
            new Variant("after", () => second.Run(data.Runs[0], second.Outputs)));
        return (seconds[0], seconds[1]);
    }

    private static double Square(double value) => value * value;
}
