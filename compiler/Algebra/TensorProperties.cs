using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>What tensors are declared to be: the words for it, and what is made of the numbers that are stored, so that they are.</summary>
public static class TensorProperties
{
    /// <summary>The properties by how they are written, behind a shape.</summary>
    public static IReadOnlyDictionary<string, TensorProperty> ByWord { get; } = new Dictionary<string, TensorProperty>(StringComparer.Ordinal)
    {
        ["symmetric"] = TensorProperty.Symmetric,
        ["spd"] = TensorProperty.PositiveDefinite,
        ["lower"] = TensorProperty.Lower,
        ["unit_lower"] = TensorProperty.UnitLower,
        ["upper"] = TensorProperty.Upper,
        ["unit_upper"] = TensorProperty.UnitUpper,
        ["orthogonal"] = TensorProperty.Orthogonal,
    };

    /// <summary>How a property is written.</summary>
    public static string Word(TensorProperty property) => ByWord.First(pair => pair.Value == property).Key;

    /// <summary>How a parameter starts that is more than a draw can be made into; null for others, which start like parameters without a property.</summary>
    public static Initializer? Start(TensorProperty property) => property switch
    {
        TensorProperty.PositiveDefinite => new(Distribution.Identity),
        TensorProperty.Orthogonal => new(Distribution.Orthogonal),
        _ => null,
    };

    /// <summary>
    /// The tensor that a parameter with a property means, of what is stored: the symmetric part, a triangle, orthonormal rows. It does not change what already is so.
    /// </summary>
    /// <param name="parameter">The parameter.</param>
    /// <returns>The parameter as it stands where it has no property.</returns>
    public static TensorExpression Expand(Parameter parameter)
    {
        var stored = new ParameterTensor(parameter, IsStored: true);

        // Bound here, so that they may have numbers that others have too.
        IndexVariable[] all = [.. parameter.Shape.Select((extent, axis) => new IndexVariable("bij"[Math.Max(0, axis + 3 - parameter.Shape.Count)].ToString(), extent, -1 - axis))];
        IndexVariable[] batch = [.. all.Take(all.Length - 2)];
        return parameter.Property switch
        {
            TensorProperty.None => stored,
            TensorProperty.Orthogonal => new FunctionTensor(TensorFunction.All["orthonormal_rows"], EquatableArray.Of<TensorExpression>(stored)),
            TensorProperty.Symmetric or TensorProperty.PositiveDefinite => Of([new TensorProduct(EquatableArray.Of(At(stored, all)), 0.5), new TensorProduct(EquatableArray.Of(Turned()), 0.5)]),
            TensorProperty.Lower => Of([new TensorProduct(EquatableArray.Of(Where(">="), At(stored, all)))]),
            TensorProperty.Upper => Of([new TensorProduct(EquatableArray.Of(Where("<="), At(stored, all)))]),
            TensorProperty.UnitLower => Of([new TensorProduct(EquatableArray.Of(Where(">"), At(stored, all))), Ones()]),
            TensorProperty.UnitUpper => Of([new TensorProduct(EquatableArray.Of(Where("<"), At(stored, all))), Ones()]),
            _ => throw new InvalidOperationException(parameter.Property.ToString()),
        };

        EinsumTensor Of(TensorProduct[] terms) => new(all.Select(index => EquatableArray.Of(index)).ToEquatable(), terms.ToEquatable());

        IndexedTensor Turned() => At(stored, [.. batch, all[all.Length - 1], all[all.Length - 2]]);

        IndexedTensor Where(string symbol) => At(
            new FormulaTensor(parameter.Shape.Skip(batch.Length).ToEquatable(), Formula.Of(symbol, new FormulaIndex(0), new FormulaIndex(1))), all[all.Length - 2], all[all.Length - 1]);

        // Each index of the result stands in each term.
        TensorProduct Ones() => new(batch.Select(index => At(FormulaTensor.Constant(1, index.Extent), index)).Append(Where("==")).ToEquatable());

        static IndexedTensor At(TensorExpression tensor, params IndexVariable[] indices) => new(tensor, indices.Select(AffineIndex.Of).ToEquatable());
    }
}
