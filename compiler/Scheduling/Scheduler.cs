using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Scheduling;

/// <summary>
/// From plans to steps. The forward program is written once; the reverse pass and the forward mode are what the chain rule makes of
/// each of its operations, so that every one of them goes through the same choice of kernels.
/// </summary>
public sealed partial class Scheduler
{
    private const int ScratchBytes = 512 * 1024;

    /// <summary>Weights that a third-level cache hardly keeps beside a batch.</summary>
    private const int FarBytes = 12 * 1024 * 1024;

    /// <summary>Five cache lines: rows so far apart, of a few lines each, share no set of the cache until there are many.</summary>
    private const int Padding = 80;

    private readonly LoweredModule _lowered;
    private readonly CostModel _costs;
    private readonly int _elementSize;
    private readonly int _planRank;
    private readonly bool _keepsElements;
    private readonly KernelSelector _selector;
    private readonly Dictionary<RowVector, Storage> _vectors = [];
    private readonly Dictionary<WeightTensor, Storage> _weights = [];
    private readonly Dictionary<string, (Storage Packed, Storage Source, Packing Packing, HashSet<(Aspect, bool Scatter)> Uses)> _packs = new(StringComparer.Ordinal);
    private readonly List<Storage> _storages = [];
    private readonly List<Storage> _derived = [];
    private readonly HashSet<Storage> _trained = [];
    private readonly Dictionary<WeightTensor, int> _fanIn = [];
    private readonly List<Operation> _weightProgram = [];
    private readonly List<Operation> _rowProgram = [];
    private readonly Dictionary<GatherOperation, FanInMatrix> _fanIns = [];
    private readonly List<TermPlan> _plans = [];
    private readonly Dictionary<(Storage, Aspect), Storage> _padded = [];
    private long _weightCount;
    private long _scratch;
    private int _names;

    /// <summary>Lanes of the widest vector.</summary>
    private int Lanes => KernelSelector.PanelOf(_elementSize) / 2;

    private Scheduler(LoweredModule lowered, CostModel costs, int elementSize, int planRank, bool keepsElements)
    {
        _planRank = planRank;
        _keepsElements = keepsElements;
        _lowered = lowered;
        _costs = costs;
        _elementSize = elementSize;
        _selector = new KernelSelector(KernelSelector.PanelOf(elementSize), nominalRows: Math.Min(costs.Batch, 48));
    }

    /// <param name="lowered">The module.</param>
    /// <param name="costs">What plans are chosen by.</param>
    /// <param name="elementSize">Bytes of an element: 4 or 8.</param>
    /// <param name="planRank">0 for the cheapest plan of each term, k for the k-th of those that it rejects.</param>
    /// <param name="keepsElements">Whether tensors in short formats are kept as elements too, for a device that reads nothing else.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static Schedule Build(
        LoweredModule lowered, CostModel costs, int elementSize, int planRank = 0, bool keepsElements = false, CancellationToken cancellationToken = default) =>
        new Scheduler(lowered, costs, elementSize, planRank, keepsElements).Run(cancellationToken);

    /// <summary>What a program does, before kernels are chosen.</summary>
    private abstract record Operation;

    private sealed record ContractOperation(Contraction Contraction, bool Accumulate) : Operation;

    private sealed record ClearOperation(Storage Target) : Operation;

    private sealed record GatherOperation(Storage Target, Storage Source, int Outer, Storage Table, bool Transposed) : Operation;

    private sealed record WalshHadamardOperation(Storage Target, Storage Source, int Outer) : Operation;

    private sealed record ReflectionsOperation(Storage Target, Storage Source, int Outer, Storage Rows, bool Transposed) : Operation;

    private sealed record ConstantOperation(ConstantWeight Constant, Storage Target) : Operation;

    private sealed record CheckOperation(Storage Table, int Size) : Operation;

    private sealed record ActivationOperation(Storage Target, Storage Source, NonlinearLink Function) : Operation
    {
        public bool HasDerivative => Function is not FunctionLink { Function.HasDerivative: false };

        public DerivativeStep Derivative(Place a, Place c, bool accumulate) =>
            new(Function, Value(Source), Function is FunctionLink ? Value(Target) : null, a, c, accumulate);
    }

    private sealed record FunctionOperation(FunctionWeight Function, Storage Target, IReadOnlyList<Storage> Arguments) : Operation;

    private Schedule Run(CancellationToken cancellationToken)
    {
        Module module = _lowered.Module;
        List<ParameterWeight> parameters = [.. module.Parameters.OrderBy(parameter => parameter.Role).Select(parameter => new ParameterWeight(parameter))];
        var places = new Dictionary<Parameter, Storage>();
        foreach (ParameterWeight parameter in parameters)
        {
            var storage = new Storage(parameter.Name, Space.Weights, parameter.Length, Fit(_weightCount, "the parameters"));
            places.Add(parameter.Parameter, storage);
            _storages.Add(storage);
            _weightCount += parameter.Length;
            if (parameter.IsTrained)
            {
                _trained.Add(storage);
            }
        }

        _vectors.Add(_lowered.Input, new Storage("x", Space.Input, module.Inputs));
        _vectors.Add(_lowered.Output, new Storage("y", Space.Output, module.Outputs));
        foreach (Statement statement in _lowered.Statements)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Build(statement, places);
        }

        if (_costs.Device is null)
        {
            ChooseFanIns();
        }

        bool trains = !_costs.IsForFewRows;
        if (trains)
        {
            ChoosePadding();
        }

        // The kernels are chosen before the packed copies that they ask for can be listed.
        (List<Step> forward, List<Step> tangent, List<Step> reverse) =
            (Forward(_rowProgram), trains ? Tangent(_rowProgram) : [], trains ? Reverse(_rowProgram) : []);
        ClearInputGradientIfUnwritten(reverse);
        CopyFusion.Run(forward);
        CopyFusion.Run(tangent);
        CopyFusion.Run(reverse);
        (List<Step> prepare, List<Step> prepareTangent, List<Step> prepareGradient) =
            (Forward(_weightProgram), trains ? Tangent(_weightProgram) : [], trains ? Reverse(_weightProgram) : []);
        prepare.AddRange(Packs(Aspect.Value, scatter: false));
        prepare.AddRange(forward.OfType<SlicedFanInStep>().Select(product => new SliceStep(product)));
        prepareTangent.AddRange(Packs(Aspect.Mirror, scatter: false));
        prepareGradient.InsertRange(0, Packs(Aspect.Mirror, scatter: true));

        if (!_keepsElements)
        {
            DropElements(prepare, [.. forward, .. tangent, .. reverse, .. prepareTangent, .. prepareGradient]);
        }

        HashSet<Storage> changing = Changing(prepare);
        PlaceDerivedWeights();
        HashSet<Storage> begun = BeginGradients(reverse);
        (int gradientCount, int cleared, int tangentCount) = PlaceWeightMirrors(reverse.Concat(prepareGradient), begun, tangent.Concat(prepareTangent));
        int trainedCount = module.Parameters.Where(parameter => parameter.Role == Role.Trained).Sum(parameter => parameter.Length);
        long mirror = _scratch;
        foreach (Storage storage in _storages.Where(storage => storage.Space == Space.Scratch))
        {
            storage.MirrorOffset = Fit(mirror, InScratch);
            mirror += Align(storage.Pitch);
        }

        foreach (Storage storage in _padded.Values)
        {
            storage.Offset = Fit(mirror, InScratch);
            mirror += Align(storage.Pitch);
            _storages.Add(storage);
        }

        (int chunk, int largeBatchChunk) = Chunks(module, mirror);
        return new Schedule(
            _lowered,
            _plans,
            [.. parameters.Select(parameter => new ParameterPlace(parameter.Parameter, places[parameter.Parameter], FanIn(parameter)))],
            _storages,
            [.. prepare.Where(step => !changing.Contains(step.Target.Storage))],
            [.. prepare.Where(step => changing.Contains(step.Target.Storage))],
            prepareTangent,
            prepareGradient,
            forward,
            tangent,
            reverse)
        {
            Derived = _weights,
            WeightCount = Fit(_weightCount, InWeights),
            GradientCount = gradientCount,
            TangentCount = tangentCount,
            Cleared = (trainedCount, cleared - trainedCount),
            TrainedCount = trainedCount,
            ParameterCount = module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Sum(parameter => parameter.Length),
            Chunk = chunk,
            LargeBatchChunk = largeBatchChunk,
            ScratchPerRow = Fit(_scratch, InScratch),
            GradientScratchPerRow = Fit(mirror, InScratch),
        };
    }

    private const string InWeights = "the parameters with what is made of them";
    private const string InScratch = "what is computed on the way for one row of the batch";

    /// <summary>A size, if it is one that a block can have.</summary>
    /// <exception cref="CompilationException">It is larger.</exception>
    private static int Fit(long size, string what) => size <= Limits.Block ? (int)size : throw CompilationException.TooLarge(what, size, Limits.Block);

    /// <summary>The elements of a tensor of such indices.</summary>
    private static int Fit(IEnumerable<Index> indices) => Fit(
        indices.Aggregate(1L, (product, index) => Math.Min(long.MaxValue / int.MaxValue, product) * index.Extent), "an intermediate tensor");

    /// <summary>
    /// As many rows as keep scratch, input and output in the second-level cache; more of them where weights come from memory for each chunk, or
    /// rows are the lanes. A batch of which the weights are the larger part runs at once: reading them again for each chunk would cost more than
    /// what leaves the cache.
    /// </summary>
    private (int Chunk, int LargeBatchChunk) Chunks(Module module, long gradientScratch)
    {
        const int LeastOfFar = 96, Least = 12, MostAtOnce = 48, Most = 192;
        long rowBytes = (long)_elementSize * (module.Inputs + module.Outputs + _scratch);
        long weightBytes = (long)_elementSize * module.Parameters.Sum(parameter => (long)parameter.Length);
        int least = weightBytes > FarBytes ? LeastOfFar : _fanIns.Count > 0 ? 3 * Lanes : Least;
        long chunk = Math.Min(Most, Math.Max(least, ScratchBytes / rowBytes / 4 * 4));
        long most = Limits.Block / Math.Max(gradientScratch, Math.Max(module.Inputs, 2L * module.Outputs));
        return ((int)Math.Min(most, Math.Max(chunk, Math.Min(MostAtOnce, weightBytes / rowBytes))), (int)Math.Min(most, chunk));
    }

    private int FanIn(ParameterWeight parameter) => _fanIn
        .Where(pair => pair.Key is ParameterWeight other && other.Parameter == parameter.Parameter)
        .Select(pair => pair.Value)
        .DefaultIfEmpty(parameter.Shape.Count == 0 ? 1 : parameter.Shape[parameter.Shape.Count - 1])
        .Max();

    private int Pitch(int length)
    {
        long pitch = Align(length);
        return Fit(pitch % 256 == 0 ? pitch + Padding : pitch, InScratch);
    }

    private static Affine RowMajor(IReadOnlyList<Index> indices) =>
        indices.Aggregate(Affine.Zero, (position, index) => (position * index.Extent) + Affine.Of(index));

    private string NewName(string stem) => stem + (++_names).ToString(CultureInfo.InvariantCulture);

    /// <summary>Whole cache lines.</summary>
    internal static long Align(long length) => (length + 15) / 16 * 16;

    private Storage NewWeight(
        string name, int length, bool trained, bool packed = false, StorageFormat? format = null, StorageFormat? packedFormat = null, Storage? rounds = null)
    {
        var storage = new Storage(name, Space.Weights, length) { IsPacked = packed, Format = format, PackedFormat = packedFormat, Rounds = rounds };
        _storages.Add(storage);
        _derived.Add(storage);
        if (trained)
        {
            _trained.Add(storage);
        }

        return storage;
    }

    private Storage NewScratch(string name, int length, int pitch)
    {
        var storage = new Storage(name, Space.Scratch, length, Fit(_scratch, InScratch)) { Pitch = pitch };
        _scratch += Align(pitch);
        _storages.Add(storage);
        return storage;
    }

    /// <summary>Places what is left of the scratch.</summary>
    private void PlaceScratch()
    {
        _scratch = 0;
        foreach (Storage storage in _storages.Where(storage => storage.Space == Space.Scratch))
        {
            storage.Offset = Fit(_scratch, InScratch);
            _scratch += Align(storage.Pitch);
        }
    }

    private bool HasMirror(Storage storage) => storage.IsPerRow || _trained.Contains(storage.Mirrored);
}
