using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Binding;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

public class StandardLibraryTests
{
    /// <summary>Formula, inputs, outputs, trained, frozen and seeded parameters at odd, rectangular sizes.</summary>
    public static TheoryData<string, int, int, int, int, int> Operators => new()
    {
        { "dense(5, 7)", 7, 5, 35, 0, 0 },
        { "low_rank(5, 7, 3)", 7, 5, 36, 0, 0 },
        { "low_rank_middle(5, 7, 3, 2)", 7, 5, 15 + 6 + 14, 0, 0 },
        { "low_rank_middle(5, 7, 3)", 7, 5, 15 + 9 + 21, 0, 0 },
        { "diagonal(7)", 7, 7, 7, 0, 0 },
        { "block_diagonal(15, 21, 3)", 21, 15, 105, 0, 0 },
        { "monarch(15, 3)", 15, 15, 75 + 45, 0, 0 },
        { "monarch_rectangular(15, 21, 3)", 21, 15, 5 * 36, 0, 0 },
        { "monarch_rectangular(21, 15, 3)", 15, 21, 5 * 36, 0, 0 },
        { "monarch_padded(13, 20, 3)", 20, 13, 5 * 36, 0, 0 },
        { "kronecker([3, 5, 2], [7, 2, 3])", 42, 30, 21 + 10 + 6, 0, 0 },
        { "kronecker_sum(3, 5)", 15, 15, 9 + 25, 0, 0 },
        { "tucker(5, 7, 3, 2)", 7, 5, 15 + 6 + 14, 0, 0 },
        { "tucker_tensor([3, 5], [7, 2, 3], [2, 3], [3, 1, 2])", 42, 15, 6 + 15 + 36 + 21 + 2 + 6, 0, 0 },
        { "cp([3, 5], [7, 2], 3)", 14, 15, 3 * 17, 0, 0 },
        { "tensor_train([3, 5, 2], [7, 2, 3], [1, 3, 2, 1])", 42, 30, 63 + 60 + 12, 0, 0 },
        { "block_tensor_train([3, 5, 2], [7, 2, 3], [1, 3, 2, 1])", 42, 30, (10 * 63) + (14 * 60) + (14 * 12), 0, 0 },
        { "blast(15, 21, 3, 7, 2)", 21, 15, 2 * (36 + 21), 0, 0 },
        { "lora(5, 7, 3)", 7, 5, 36, 35, 0 },
        { "lora(5, 7, 3, 6)", 7, 5, 36, 35, 0 },
        { "lora_frozen_a(5, 7, 3)", 7, 5, 15, 35, 21 },
        { "lora_xs(5, 7, 3)", 7, 5, 9, 35 + 36, 0 },
        { "moslora(5, 7, 3)", 7, 5, 45, 35, 0 },
        { "lotr(5, 7, 3)", 7, 5, 45, 35, 0 },
        { "vera(5, 7, 3, 9, 11)", 7, 5, 8, 35, 60 },
        { "vera(5, 7, 3)", 7, 5, 8, 35, 36 },
        { "householder(7, 3)", 7, 7, 21, 0, 0 },
        { "hra(5, 7, 4)", 7, 5, 28, 35, 0 },
        { "hra_gram_schmidt(5, 7, 4)", 7, 5, 28, 35, 0 },
        { "oft(5, 21, 3)", 21, 5, 147, 105, 0 },
        { "spectral_adapter(5, 7, 3)", 7, 5, 18, 35 + 15 + 3 + 21, 0 },
        { "dora(5, 7, 3)", 7, 5, 36 + 7, 35, 0 },
        { "bora(5, 7, 3)", 7, 5, 36 + 12, 35, 0 },
        { "vb_lora(10, 15, 2, 3, 7, 5)", 15, 10, 35 + (2 * 7 * 5), 150, 0 },
    };

    [Fact]
    public void FilesAreFreeOfDiagnostics()
    {
        Assert.All(StandardLibrary.Files, file => Assert.Empty(file.Diagnostics));

        // The files of the library see each other; as a user's files they would have to import one another.
        Assert.Empty(WeftCompiler.Bind(StandardLibrary.Files).Diagnostics);
    }

    [Theory]
    [MemberData(nameof(Operators))]
    public void OperatorsHaveTheirShapeAndParameters(string formula, int inputs, int outputs, int trained, int frozen, int seeded)
    {
        Module module = TestModules.Formula(formula);
        Assert.Equal((inputs, outputs), (module.Inputs, module.Outputs));
        int Count(Role role) => module.Parameters.Where(parameter => parameter.Role == role).Sum(parameter => parameter.Length);
        Assert.Equal((trained, frozen, seeded), (Count(Role.Trained), Count(Role.Frozen), Count(Role.Seeded)));
        Assert.Equal(module.Parameters.OrderBy(parameter => parameter.Role), module.Parameters);
        Assert.NotEmpty(module.Documentation);
        Assert.True(module.IsLinear);
    }

    [Fact]
    public void EveryOperatorIsTested()
    {
        IEnumerable<string> declared = StandardLibrary.Files.SelectMany(file => file.Syntax.Declarations).Select(declaration => declaration.Name.Text);
        IEnumerable<string> tested = ((IEnumerable<object[]>)Operators).Select(row => ((string)row[0]).Split('(')[0]);
        Assert.Equal(declared.Order(StringComparer.Ordinal), tested.Distinct().Order(StringComparer.Ordinal));
    }
}
