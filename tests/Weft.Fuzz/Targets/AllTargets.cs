namespace Weft.Fuzz.Targets;

/// <summary>The targets by name.</summary>
internal static class AllTargets
{
    private static readonly Dictionary<string, Lazy<FuzzTarget>> All = new()
    {
        ["syntax"] = new(() => new SyntaxTarget()),
        ["binding"] = new(() => new BindingTarget()),
        ["road"] = new(() => new RoadTarget()),
        ["tensors"] = new(() => new TensorFileTarget()),
        ["adapters"] = new(() => new AdapterTarget()),
        ["onnx"] = new(() => new OnnxTarget()),
        ["idx"] = new(() => new IdxTarget()),
        ["maps"] = new(() => new MapTarget()),
    };

    public static IReadOnlyCollection<string> Names => All.Keys;

    public static FuzzTarget Get(string name) => All[name].Value;
}
