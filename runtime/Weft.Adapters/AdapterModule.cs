using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Numerics.Tensors;

namespace Weft.Adapters;

/// <summary>One adapted weight W of <see cref="Outputs"/> × <see cref="Inputs"/>; a convolution's kernels are its rows.</summary>
public sealed class AdapterModule
{
    private readonly Adapter adapter;
    private readonly AdapterMethod method;

    internal AdapterModule(Adapter adapter, string prefix, string name, AdapterMethod method, AdapterParts parts)
    {
        (this.adapter, Prefix, Name, this.method, Parts) = (adapter, prefix, name, method, parts);
        bool isSaidToBe = parts.Config?.Flag("fan_in_fan_out") == true;
        IsTransposed = method.IsTransposed || isSaidToBe;
        if (isSaidToBe && !method.HasFanInFanOut)
        {
            throw new NotSupportedException($"'{name}': 'fan_in_fan_out' of adapter_config.json is not known for {method.Name}.");
        }

        try
        {
            (Outputs, Inputs) = method.Size(parts);
            if (Outputs is { } m && Inputs is { } n)
            {
                // What is wrong with the file is said when it is opened.
                _ = method.Formula(parts, m, n);
            }
        }
        catch (OverflowException exception)
        {
            throw new InvalidDataException($"'{name}' has more elements than can be counted.", exception);
        }
    }

    /// <summary>The module's name, as the model calls it; flattened in files of kohya.</summary>
    public string Name { get; }

    /// <summary>The method's name: LoRA, LoKr, OFT.</summary>
    public string Method => method.Name;

    /// <summary>The rows of W; null where the file leaves them to the base.</summary>
    public int? Outputs { get; }

    /// <summary>The columns of W; null where the file leaves them to the base.</summary>
    public int? Inputs { get; }

    /// <summary>Whether the base stores Wᵀ: an embedding, or <c>fan_in_fan_out</c>.</summary>
    public bool IsTransposed { get; }

    /// <summary>The keys of the file that the module uses.</summary>
    public ImmutableArray<string> Keys => [.. Parts.Tensors.Values.Select(tensor => tensor.Key).Order(StringComparer.Ordinal)];

    /// <summary>What stands before the name in the file's keys.</summary>
    internal string Prefix { get; }

    internal AdapterParts Parts { get; }

    /// <summary>The text of the adapted weight in Weft: W is a frozen parameter, the others are the file's.</summary>
    /// <param name="outputs">The rows of W.</param>
    /// <param name="inputs">The columns of W.</param>
    /// <exception cref="ArgumentException">The file is for a weight of another size.</exception>
    /// <exception cref="InvalidDataException">The file's tensors do not fit together.</exception>
    public string Formula(int outputs, int inputs) => FormulaFor(outputs, inputs).Adapted(outputs, inputs);

    /// <summary>Makes the adapted weight as a map: W is its frozen parameter, the file's tensors are the trained ones.</summary>
    /// <param name="weight">W, row-major: [outputs, inputs], transposed first where the base stores Wᵀ.</param>
    /// <param name="outputs">The rows of W.</param>
    /// <param name="inputs">The columns of W.</param>
    /// <exception cref="ArgumentException">The file is for a weight of another size.</exception>
    /// <exception cref="InvalidDataException">The file's tensors do not fit together, or cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The adapter is disposed.</exception>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public LinearMap<T> CreateMap<T>(ReadOnlySpan<T> weight, int outputs, int inputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        AdapterFormula formula = FormulaFor(outputs, inputs);
        RequireLength(weight.Length, outputs, inputs);
        return Create(formula, "adapted", formula.Adapted(outputs, inputs), weight);
    }

    /// <summary>Makes the update alone as a map, for methods that add one to whatever the weight is.</summary>
    /// <exception cref="NotSupportedException">The method does something else to the weight.</exception>
    /// <inheritdoc cref="CreateMap{T}"/>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public LinearMap<T> CreateUpdate<T>(int outputs, int inputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        AdapterFormula formula = UpdateFor(outputs, inputs);
        return Create<T>(formula, "update", formula.Update(outputs, inputs), default);
    }

    /// <summary>Computes the adapted weight as a matrix, in double precision.</summary>
    /// <param name="weight">W, row-major.</param>
    /// <param name="outputs">The rows of W.</param>
    /// <param name="inputs">The columns of W.</param>
    /// <returns>[outputs, inputs], row-major. What the adapter changes is its difference from W.</returns>
    /// <inheritdoc cref="CreateMap{T}" path="/exception"/>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public double[] Merge(ReadOnlySpan<double> weight, int outputs, int inputs)
    {
        AdapterFormula formula = FormulaFor(outputs, inputs);
        RequireLength(weight.Length, outputs, inputs);
        // Not by the adapted map's own matrix: that would multiply W by the identity.
        double[] merged = weight.ToArray();
        if (formula.Term != null)
        {
            double[] update = Update(formula, outputs, inputs);
            TensorPrimitives.Add(merged, update, merged);
        }

        if (formula.Rotation != null)
        {
            using LinearMap<double> rotation = Create<double>(formula, "rotation", formula.RotationOf(inputs), default);
            double[] rows = merged;
            merged = new double[rows.Length];
            rotation.Adjoint(rows, merged);
        }

        if (formula.OutputRotation != null)
        {
            using LinearMap<double> rotation = Create<double>(formula, "output_rotation", formula.OutputRotationOf(outputs), default);
            double[] columns = Transpose(merged, outputs, inputs), rotated = new double[merged.Length];
            rotation.Forward(columns, rotated);
            merged = Transpose(rotated, inputs, outputs);
        }

        if (formula.RowScale != null)
        {
            double[] scales = Load(formula, formula.RowScale);
            for (int i = 0; i < outputs; i++)
            {
                Span<double> row = merged.AsSpan(i * inputs, inputs);
                TensorPrimitives.Multiply(row, formula.IsNormalized ? Quotient(scales[i], TensorPrimitives.Norm<double>(row)) : scales[i], row);
            }
        }

        if (formula.ColumnScale != null)
        {
            double[] scales = Load(formula, formula.ColumnScale), squares = new double[inputs];
            if (formula.IsNormalized)
            {
                for (int i = 0; i < outputs; i++)
                {
                    ReadOnlySpan<double> row = merged.AsSpan(i * inputs, inputs);
                    TensorPrimitives.MultiplyAdd(row, row, squares, squares);
                }

                for (int j = 0; j < inputs; j++)
                {
                    scales[j] = Quotient(scales[j], Math.Sqrt(squares[j]));
                }
            }

            for (int i = 0; i < outputs; i++)
            {
                Span<double> row = merged.AsSpan(i * inputs, inputs);
                TensorPrimitives.Multiply(row, scales, row);
            }
        }

        return merged;

        // A row without a direction stays without one.
        static double Quotient(double scale, double norm) => norm == 0 ? 0 : scale / norm;
    }

    /// <summary>The update as a matrix, for methods that add one to whatever the weight is.</summary>
    /// <returns>[outputs, inputs], row-major.</returns>
    /// <exception cref="NotSupportedException">The method does something else to the weight.</exception>
    /// <inheritdoc cref="CreateMap{T}"/>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public double[] Update(int outputs, int inputs)
    {
        return Update(UpdateFor(outputs, inputs), outputs, inputs);
    }

    /// <summary>Takes the trained parameters of a map that the module made: they are what <see cref="Adapter.Save"/> writes, in the file's types.</summary>
    /// <param name="map">A map of <see cref="CreateMap{T}"/> or <see cref="CreateUpdate{T}"/>. What it shares with other modules, a bank, changes for all.</param>
    /// <exception cref="ArgumentException">It is a map of something else.</exception>
    /// <exception cref="NotSupportedException">The file holds a parameter in a form that training cannot go on from.</exception>
    public void Store<T>(Map<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        AdapterFormula formula = FormulaFor(map.Outputs, map.Inputs);
        var stored = new List<(AdapterTensor Tensor, double[] Values)>();
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role == Role.Trained))
        {
            AdapterParameter parameter = formula.Parameters.FirstOrDefault(parameter => parameter.Name == info.Name && parameter.Shape.SequenceEqual(info.Shape))
                ?? throw new ArgumentException($"{map.Description.Name} has the parameter '{info.Name}'; it is no map of '{Name}' ({Method}).", nameof(map));
            if (parameter.Load != null)
            {
                throw new NotSupportedException($"'{Parts.Tensors[parameter.Part].Key}' holds choices, which training cannot go on from.");
            }

            double[] values = new double[info.Length];
            TensorPrimitives.ConvertTruncating<T, double>(map[info.Name].Values, values);
            stored.Add((Parts.Tensors[parameter.Part], values));
        }

        stored.ForEach(pair => pair.Tensor.Replace(pair.Values));
    }

    /// <summary>What a bias of the base is multiplied by, for each output; null where it stays.</summary>
    internal double[]? BiasScale(int outputs, int inputs) => FormulaFor(outputs, inputs) is { ScalesBias: true, RowScale: { } scale } formula ? Load(formula, scale) : null;

    /// <summary>The method's formula for a weight of a size that the file is for.</summary>
    internal AdapterFormula FormulaFor(int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        if ((Outputs ?? outputs) != outputs || (Inputs ?? inputs) != inputs)
        {
            throw new ArgumentException($"The weight of '{Name}' is {outputs} × {inputs}; the adapter is for {Outputs?.ToString() ?? "any number of"} outputs and {Inputs?.ToString() ?? "any number of"} inputs{(IsTransposed ? " (the base stores it transposed)" : "")}.");
        }

        return method.Formula(Parts, outputs, inputs);
    }

    private AdapterFormula UpdateFor(int outputs, int inputs) => FormulaFor(outputs, inputs) is { IsUpdate: true } formula
        ? formula
        : throw new NotSupportedException($"'{Name}': {Method} does not add the same update to any weight; {nameof(CreateMap)} and {nameof(Merge)} take the weight.");

    /// <summary>The transpose of a matrix of so many rows and columns.</summary>
    internal static double[] Transpose(double[] matrix, int rows, int columns)
    {
        double[] transposed = new double[matrix.Length];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                transposed[(j * rows) + i] = matrix[(i * columns) + j];
            }
        }

        return transposed;
    }

    private static void RequireLength(int length, int outputs, int inputs)
    {
        if (length != (long)outputs * inputs)
        {
            throw new ArgumentException($"weight has {length} elements; {(long)outputs * inputs} are expected ({outputs} × {inputs}).", "weight");
        }
    }

    private double[] Update(AdapterFormula formula, int outputs, int inputs)
    {
        using LinearMap<double> update = Create<double>(formula, "update", formula.Update(outputs, inputs), default);
        double[] matrix = new double[checked(outputs * inputs)];
        update.ToDense(matrix);
        return matrix;
    }

    private LinearMap<T> Create<T>(AdapterFormula formula, string name, string text, ReadOnlySpan<T> weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LinearMap<T> map = adapter.Create<T>(name, text);
        try
        {
            using ParameterEdit<T> edit = map.Edit();
            foreach (ParameterInfo info in map.Description.Parameters)
            {
                if (info.Name == "W")
                {
                    weight.CopyTo(edit["W"]);
                }
                else
                {
                    TensorPrimitives.ConvertTruncating<double, T>(Load(formula, info.Name), edit[info.Name]);
                }
            }
        }
        catch (InvalidOperationException exception)
        {
            // The end of the edit checks tables of positions.
            map.Dispose();
            throw new InvalidDataException($"'{Name}': {exception.Message}", exception);
        }
        catch
        {
            map.Dispose();
            throw;
        }

        return map;
    }

    private double[] Load(AdapterFormula formula, string name)
    {
        AdapterParameter parameter = formula.Parameters.First(parameter => parameter.Name == name);
        double[] values = Parts.Tensors[parameter.Part].Read();
        return parameter.Load?.Invoke(values) ?? [.. values];
    }
}
