using Weft.Compiler.Algebra;

namespace Weft.Compiler.Rewriting;

/// <summary>How the matrices of a module are taken apart, and what is known of them that decides it.</summary>
public static class Methods
{
    private static readonly Dictionary<string, string> s_byName = new(StringComparer.Ordinal)
    {
        ["inverse"] = "elimination",
        ["logdet"] = "elimination",
        ["det"] = "elimination",
        ["inverse_spd"] = "Cholesky's factor",
        ["logdet_spd"] = "Cholesky's factor",
        ["inverse_lower"] = "substitution",
        ["pseudo_inverse"] = "singular values",
        ["eigenvalues"] = "an eigenbasis",
        ["eigenvectors"] = "an eigenbasis",
        ["sqrtm"] = "an eigenbasis",
        ["logm"] = "an eigenbasis",
        ["powerm"] = "an eigenbasis",
        ["expm"] = "its power series",
    };

    /// <summary>A line for each function of matrices that nothing smaller makes: <c>inverse_spd of [6, 6], by Cholesky's factor: positive definite by its formula</c>.</summary>
    public static IEnumerable<string> Describe(Module module) => module.Links.SelectMany(link => link.Tensors()).SelectMany(OperatorStructure.DescendantsAndSelf)
        .OfType<FunctionTensor>().Distinct().Where(function => s_byName.ContainsKey(function.Function.Name))
        .Select(function => $"{function.Function.Name} of [{string.Join(", ", function.Arguments[0].Shape)}], by {s_byName[function.Function.Name]}{(Reason(function.Arguments[0]) is { } reason ? $": {reason}" : "")}");

    private static string? Reason(TensorExpression matrices)
    {
        string? known = Properties.TriangleOf(matrices) is { } triangle ? (triangle.IsUnit ? "unit " : "") + (triangle.IsLower ? "lower triangular" : "upper triangular")
            : Properties.DefinitenessOf(matrices) switch
            {
                Definiteness.Definite => "positive definite",
                Definiteness.Semidefinite => "positive semidefinite",
                _ => Properties.IsSymmetric(matrices) ? "symmetric" : null,
            };
        return known is null ? null
            : matrices is ParameterTensor { Parameter: var parameter } ? $"{parameter.Name} is declared {TensorProperties.Word(parameter.Property)}"
            : $"{known} by its formula";
    }
}
