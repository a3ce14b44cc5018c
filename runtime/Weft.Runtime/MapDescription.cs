using System.Collections.Immutable;

namespace Weft;

/// <summary>How a parameter starts.</summary>
/// <param name="Distribution">The family of distributions.</param>
/// <param name="Scale">The constant, the standard deviation, the half-width or the magnitude.</param>
public sealed record Initializer(Distribution Distribution, double Scale);

/// <summary>A tensor of numbers that a map owns.</summary>
/// <param name="Name">Unique in the map: <c>stem.W</c>, <c>A[2]</c>.</param>
/// <param name="Offset">Where its elements start in <see cref="Map{T}.Parameters"/>, and in a gradient where it is trained; behind the stored ones where it is seeded.</param>
/// <param name="Shape">The extent of each axis, row-major; empty for a scalar.</param>
/// <param name="Role">Trained, frozen or seeded.</param>
/// <param name="Initializer">How it starts; for a seeded parameter, what it is.</param>
/// <param name="Seed">The seed of a seeded parameter.</param>
public sealed record ParameterInfo(string Name, int Offset, ImmutableArray<int> Shape, Role Role, Initializer Initializer, int Seed = 0)
{
    /// <summary>The number of elements: the product of the shape.</summary>
    public int Length => Shape.Aggregate(1, (product, extent) => checked(product * extent));

    /// <summary>
    /// If the parameter matters only through the softmax of the so many largest elements of each row (along its last axis): their number. Else 0.
    /// </summary>
    public int TopK { get; init; }

    /// <summary>
    /// What the matrices of the last two axes are declared to be. A trained or seeded parameter is made so of what is stored, and a frozen one is refused that is not,
    /// where an edit of it ends or a file is loaded.
    /// </summary>
    public TensorProperty Property { get; init; }

    /// <summary>What an optimizer's learning rate is multiplied by for this parameter: above 0, and 1 unless the formula says otherwise.</summary>
    public double Rate { get; init; } = 1;

    /// <summary>The extent of the last axis; 1 for a scalar.</summary>
    internal int RowLength => Shape.IsEmpty ? 1 : Shape[^1];
}

/// <summary>An input that holds positions: whole numbers from 0 to below a size, as elements of a row.</summary>
/// <param name="Name">The name of the input.</param>
/// <param name="Offset">The place of its first element in a row.</param>
/// <param name="Length">The number of its elements in a row.</param>
/// <param name="Size">The number that all positions are below.</param>
public sealed record PositionInput(string Name, int Offset, int Length, int Size);

/// <summary>What a user reads of a map: its name, formula, sizes, costs and parameters, which depend neither on its element type nor on its parameters' values.</summary>
public sealed record MapDescription
{
    /// <summary>The name of the declaration.</summary>
    public required string Name { get; init; }

    /// <summary>The formula, in the language's own notation.</summary>
    public required string Formula { get; init; }

    /// <summary>The length of an input row.</summary>
    public required int Inputs { get; init; }

    /// <summary>The length of an output row.</summary>
    public required int Outputs { get; init; }

    /// <summary>The number of trained elements; they come first.</summary>
    public required int TrainedCount { get; init; }

    /// <summary>The number of stored elements: trained, then frozen.</summary>
    public required int ParameterCount { get; init; }

    /// <summary>Floating-point operations of the forward pass, per row.</summary>
    public required long ForwardFlops { get; init; }

    /// <summary>Floating-point operations of the backward pass (for the input and the parameters), per row.</summary>
    public required long BackwardFlops { get; init; }

    /// <summary>The stored and the seeded parameters, in the order of declaration.</summary>
    public required ImmutableArray<ParameterInfo> Parameters { get; init; }

    /// <summary>The parts of an input row that hold positions; none for most maps.</summary>
    public ImmutableArray<PositionInput> Positions { get; init; } = [];

    /// <summary>
    /// The names of the numbers that training adds to a loss, in the order of <see cref="Map{T}.AddPenalties"/>: unique in the map, with the path to what declares
    /// them, as parameters have; none for most maps.
    /// </summary>
    public ImmutableArray<string> Penalties { get; init; } = [];

    /// <summary>The index of a parameter in <see cref="Parameters"/>.</summary>
    /// <exception cref="ArgumentException">There is no parameter of that name.</exception>
    public int IndexOf(string name)
    {
        for (int i = 0; i < Parameters.Length; i++)
        {
            if (string.Equals(Parameters[i].Name, name, StringComparison.Ordinal))
            {
                return i;
            }
        }

        throw new ArgumentException(
            $"{Name} has no parameter '{name}'. It has: {string.Join(", ", Parameters.Select(parameter => parameter.Name))}.",
            nameof(name));
    }

    /// <summary>Refuses a description whose numbers contradict each other, or the length of a weight block: kernels write where they say.</summary>
    internal void Validate(int weightCount)
    {
        Require(Inputs > 0 && Outputs > 0, "Inputs and Outputs must be positive");
        Require(0 <= TrainedCount && TrainedCount <= ParameterCount && ParameterCount <= weightCount, "0 ≤ TrainedCount ≤ ParameterCount ≤ WeightCount must hold");
        Require(ForwardFlops >= 0 && BackwardFlops >= 0, "operation counts must not be negative");
        Require(!Parameters.IsDefault && !Positions.IsDefault && !Penalties.IsDefault, "Parameters, Positions and Penalties must be given");
        foreach (PositionInput input in Positions)
        {
            Require(0 <= input.Offset && 0 < input.Length && (long)input.Offset + input.Length <= Inputs && input.Size > 0, $"the positions {input.Name} must lie in a row");
        }

        foreach (ParameterInfo parameter in Parameters)
        {
            (int start, int end) = parameter.Role switch
            {
                Role.Trained => (0, TrainedCount),
                Role.Frozen => (TrainedCount, ParameterCount),
                _ => (ParameterCount, weightCount),
            };
            Require(parameter.Property == TensorProperty.None || (parameter.Shape.Length > 1 && parameter.Shape[^1] == parameter.Shape[^2]), $"parameter {parameter.Name} must be of square matrices");
            Require(start <= parameter.Offset && (long)parameter.Offset + parameter.Length <= end, $"parameter {parameter.Name} must lie in {start}..{end} of the weight block");
        }
    }

    internal void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new ArgumentException($"The description of {Name} is inconsistent: {rule}.");
        }
    }
}
