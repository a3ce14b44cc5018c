using Weft.Compiler.Algebra;
using Weft.Compiler.Network;

namespace Weft.Compiler.Verification;

/// <summary>
/// Whether a lowered module stays inside its tensors: every position lies in what it reads or writes, by the extents of its indices; every
/// vector is filled once, before it is read; and what a statement does to whole vectors fits their lengths.
/// </summary>
public sealed class NetworkVerifier
{
    private readonly HashSet<RowTensor> _filled = [];
    private readonly HashSet<Tensor> _known = [];

    private readonly LoweredModule _module;

    /// <summary>Vectors that hold nothing but positions, with the range of these.</summary>
    private readonly Dictionary<RowTensor, PositionRange> _positions = [];

    private NetworkVerifier(LoweredModule module, IEnumerable<RowTensor> filled)
    {
        _module = module;
        _filled.UnionWith(filled);
    }

    /// <summary>The first fault, or null.</summary>
    public static string? Fault(LoweredModule module)
    {
        var verifier = new NetworkVerifier(module, [module.Input]);
        return module.Statements.Select(verifier.Fault).FirstOrDefault(fault => fault is not null)
            ?? (module.Input.Length != module.Module.Inputs || module.Output.Length != module.Module.Outputs ? "the ends have other sizes than the module" : null)
            ?? (verifier._filled.Contains(module.Output) ? null : "nothing fills the output");
    }

    /// <summary>The largest position that inputs hold, or what is computed of these; 0 where there are none.</summary>
    public static double LargestPosition(LoweredModule module)
    {
        var verifier = new NetworkVerifier(module, [module.Input]);
        foreach (Statement statement in module.Statements)
        {
            _ = verifier.Fault(statement);
        }

        return module.Module.InputPorts.Select(port => port.Size - 1.0).Concat(verifier._positions.Values.Select(range => range.Most)).DefaultIfEmpty(0).Max();
    }

    private string? Fault(Statement statement)
    {
        RowTensor target = statement.Target;
        string? fault = statement.Reads.OfType<RowTensor>().FirstOrDefault(source => !_filled.Contains(source)) is { } unfilled ? $"{unfilled} is read before it is filled" : statement switch
        {
            SumStatement sum => Fault(sum.Terms, target.Length),
            GatherStatement gather => Fault(gather),
            PositionStatement positions => Fault(positions),
            WalshHadamardStatement transform => Parts(transform.Outer, transform.Source, target) ?? Same(transform.Source.Length, target.Length, "elements"),
            ReflectionsStatement { Rows: { Shape.Count: 2 } rows } chain => Fault(rows)
                ?? Same(chain.Source.Length, target.Length, "elements") ?? Same(rows.Shape[1] * chain.Outer, target.Length, "elements of reflected parts"),
            ReflectionsStatement chain => $"{chain.Rows} has no rows to reflect along",
            NoiseStatement noise => Same(checked(noise.Count * noise.Noise.Shape.Aggregate(1, (product, extent) => product * extent)), target.Length, "elements of noise"),
            FunctionStatement { Call.Function.Definition: not null } => "a function with a definition is done as a link is",
            FunctionStatement { Call: var call } => call.Arguments.Select(Fault).FirstOrDefault(fault => fault is not null) ?? Fault(call)
                ?? (call.Rate == Rate.Row ? null : "depends on no row") ?? Same(call.Length, target.Length, "elements"),
            ActivationStatement { Function: FunctionLink { Length: var length }, Source: var source } when length < 1 || source.Length % length != 0 => $"{source.Length} elements are no rows of {length}",
            ScanStatement scan => Fault(scan),
            ActivationStatement activation => Same(activation.Function.Outputs(activation.Source.Length), target.Length, "elements"),
            _ => null,
        };
        if (fault is null && Range(statement) is { } range)
        {
            _positions[target] = range;
        }

        fault ??= _filled.Add(target) ? null : "it is filled twice";
        return fault is null ? null : $"{fault}, in {target}";
    }

    private string? Fault(GatherStatement gather)
    {
        (Part source, Part table, GatherShape shape) = (gather.Source, gather.Table, gather.Shape);
        (int from, int to) = gather.Transposed ? (shape.Direct, shape.Indirect) : (shape.Indirect, shape.Direct);
        bool leadsOut = table.Tensor is RowTensor positions && Range(positions, table.Offset, table.Offset + shape.Count - 1) is var range && !(range is { } found && found.IsBelow(shape.Size));
        return Fault(source.Tensor) ?? Fault(table.Tensor)
            ?? (shape is { Outer: >= 1, Size: >= 1, Count: >= 1, Inner: >= 1 } ? null : "a gather of nothing")
            ?? Holds(source, from) ?? Holds(table, shape.Count) ?? Same(to, gather.Target.Length, "gathered elements")
            ?? (table.Tensor is WeightTensor { IsTrained: true } ? $"{table.Tensor} is trained and no table" : null)
            ?? (leadsOut ? $"{table.Tensor} may hold what is no position below {shape.Size}" : null);
    }

    /// <summary>Whether parts lie in what they are parts of in each step, and the results and the states behind the first are filled.</summary>
    private string? Fault(ScanStatement scan)
    {
        StepPart? beside = scan.Given.Concat(scan.Gives).FirstOrDefault(part =>
            part.Offset < 0 || part.Stride < 0 || (long)part.Offset + ((scan.Steps - 1L) * part.Stride) + part.Tensor.Length > part.Of.Length);
        StepPart? other = scan.Given.FirstOrDefault(part => !scan.Sources.Contains(part.Of) && !scan.State.Contains(part.Of)) ?? scan.Gives.FirstOrDefault(part => part.Of != scan.Target && !scan.State.Contains(part.Of));
        var body = new NetworkVerifier(_module, scan.Given.Select(part => part.Tensor));
        return scan.Steps < 1 ? "a scan without steps"
            : beside is not null ? $"{beside.Tensor} lies beside {beside.Of} in a step"
            : other is not null ? $"{other.Tensor} is a part of {other.Of}, which is nothing of the scan"
            : scan.State.Select(state => Handed(scan, state)).FirstOrDefault(fault => fault is not null)
            ?? scan.Body.Select(body.Fault).FirstOrDefault(fault => fault is not null)
            ?? (scan.Gives.FirstOrDefault(part => !body._filled.Contains(part.Tensor)) is { } unfilled ? $"a step does not fill {unfilled.Tensor}" : null)
            ?? Same(checked(scan.Steps * scan.Gives.Where(part => part.Of == scan.Target).Sum(part => part.Tensor.Length)), scan.Target.Length, "results");
    }

    /// <summary>Whether each step is given the state that the one before leaves.</summary>
    private static string? Handed(ScanStatement scan, RowTensor state) =>
        scan.Given.Count(part => part.Of == state) == 1 && scan.Gives.Count(part => part.Of == state) == 1
        && (scan.Given.First(part => part.Of == state), scan.Gives.First(part => part.Of == state)) is var (before, behind)
        && (before.Offset, before.Stride, before.Tensor.Length) == (0, behind.Offset, behind.Stride) && behind.Tensor.Length == behind.Stride
        && state.Length == (scan.Steps + 1L) * behind.Stride
            ? null
            : $"{state} is not handed on from step to step";

    private string? Fault(PositionStatement positions) =>
        positions.Sources.Select(source => Inside(source.Position, source.Tensor.Length, source.Tensor.Name)
                ?? (Range(source) is { Least: >= 0 } ? null : $"{source.Tensor} may hold what is no position"))
            .FirstOrDefault(fault => fault is not null)
        ?? Same(positions.Axes.Aggregate(1, (product, axis) => product * axis.Extent), positions.Target.Length, "positions");

    /// <summary>The range of the positions that a statement makes, if it makes nothing else.</summary>
    private PositionRange? Range(Statement statement) => statement switch
    {
        PositionStatement positions => PositionRange.Of(positions.Formula, axis => axis < positions.Axes.Count
            ? PositionRange.Below(positions.Axes[axis].Extent)
            : Range(positions.Sources[axis - positions.Axes.Count])),

        // A copy of others.
        SumStatement { Terms: { Count: 1 } terms } sum when terms[0] is { Coefficient: 1, Factors: { Count: 1 } factors, Output: var output }
            && output.Overlapping.Count == 0 && factors[0].Position.Indices.All(output.Contains)
            && output.Terms.Aggregate(1L, (product, term) => product * term.Index.Extent) == sum.Target.Length => Range(factors[0]),
        _ => null,
    };

    private PositionRange? Range(Factor factor) => factor is { Tensor: RowTensor vector, Position: var position } ? Range(vector, position.Minimum, position.Maximum) : null;

    /// <summary>The range of the positions from one element to another; null where there may be anything else.</summary>
    private PositionRange? Range(RowTensor vector, int least, int most) =>
        _positions.TryGetValue(vector, out PositionRange known) ? known
        : vector == _module.Input && _module.Module.InputPorts.FirstOrDefault(port => port.IsPositions && port.Offset <= least && most < port.Offset + port.Length) is { } port
            ? PositionRange.Below(port.Size)
        : null;

    private static string? Holds(Part part, int count) =>
        part.Offset >= 0 && (long)part.Offset + count <= part.Tensor.Length ? null : $"{count} elements from {part.Offset} on do not lie in the {part.Tensor.Length} of {part.Tensor}";

    private string? Fault(IEnumerable<Term> terms, int size) => terms.Select(term => Fault(term, size)).FirstOrDefault(fault => fault is not null);

    private string? Fault(Term term, int size) =>
        Inside(term.Output, size, "the target")
        ?? term.Factors.Select(factor => Fault(factor.Tensor) ?? Inside(factor.Position, factor.Tensor.Length, factor.Tensor.Name)).FirstOrDefault(fault => fault is not null);

    /// <summary>What a tensor is made of; each is looked at once.</summary>
    private string? Fault(Tensor tensor) => !_known.Add(tensor) ? null : tensor switch
    {
        NetworkWeight network => Fault(network.Definition, network.Length) ?? (network.Definition.Any(term => term.IsPerRow) ? $"{tensor} depends on a row" : null),
        FunctionWeight { Call: var call } => call.Arguments.Select(Fault).FirstOrDefault(fault => fault is not null) ?? Fault(call),
        ConstantWeight constant when !constant.Value.Shape.SequenceEqual(constant.Shape) => $"{tensor} has another shape than its value",
        _ => null,
    };

    private static string? Fault(FunctionCall call) =>
        !call.Arguments.Zip(call.Shapes, (argument, shape) => argument.Length == shape.Aggregate(1L, (product, extent) => product * extent)).All(same => same) ? $"{call.Function} is given tensors of other lengths"
        : call.Function.Check(call.Shapes, call.Numbers.FirstOrDefault()) is { } wrong ? $"{call.Function} needs {wrong.Expected}" : null;

    private static string? Parts(int outer, RowTensor source, RowTensor target) =>
        outer < 1 || source.Length % outer != 0 || target.Length % outer != 0 ? $"{source.Length} to {target.Length} elements are not {outer} equal parts" : null;

    private static string? Same(int found, int expected, string what) => found == expected ? null : $"{found} {what} instead of {expected}";

    private static string? Inside(Affine position, int size, string what)
    {
        (int least, int most) = (position.Minimum, position.Maximum);
        return least >= 0 && most < size ? null : $"the positions {position} from {least} to {most} do not lie in the {size} elements of {what}";
    }
}
