using Weft.Compiler;
using Weft.Compiler.Oracle;
using Weft.Compiler.Rewriting;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Rewriting;

using Weft.Compiler.Algebra;

/// <summary>Inverses, determinants and functions of operators: against matrices written down, and how large a matrix they take apart.</summary>
public class CalculusTests
{
    /// <summary>A square operator M.</summary>
    /// <param name="Size">Its rows.</param>
    /// <param name="Tensors">What it is made of.</param>
    /// <param name="Formula">Its formula; in <c>let</c>s before it, what it uses.</param>
    /// <param name="Largest">The largest matrix that its inverse takes apart.</param>
    /// <param name="IsPositive">Whether it is symmetric and positive definite.</param>
    private sealed record Case(int Size, string Tensors, string Formula, int Largest, bool IsPositive = false)
    {
        public string Text(string name, string body) => $"operator {name} : {Size} -> {Size}\n  param {Tensors}\n  {Formula.Replace("\n", "\n  ")}\n  {body}\n";
    }

    // Positive: S of 3 × 3, U of 4 × 4.
    private const string Positive = "let S[i, j] = A[i, k] * A[j, k] + (i == j)\nlet U[i, j] = B[i, k] * B[j, k] + (i == j)\n";

    private static readonly Dictionary<string, Case> s_cases = new()
    {
        ["kronecker"] = new(6, "A[2, 2], B[3, 3]", "let M = A ⊗ B", 3),
        ["product"] = new(2, "A[2, 2]", "let M = A * A' * A", 2),
        ["direct sum"] = new(7, "A[2, 2], B[3, 3], s", "let M = A ⊕ 2 * B ⊕ s * A", 3),
        ["orthogonal"] = new(6, "d[6], V[2, 6], K[6, 6]", "let M = diag(d) * reflect(V) * cayley(K) * shuffle(2, 3) * permute([1, 0, 2, 5, 4, 3])", 0),
        ["transform"] = new(4, "A[4, 4]", "let M = A * wht(4)", 4),
        ["blocks"] = new(6, "B[3, 3], T[2, 3, 3]", "let M = (eye(2) ⊗ B)' * -blockdiag(T)", 3),
        ["sum"] = new(5, "A[5, 5], B[5, 5]", "let M = A + B", 5),
        ["narrow product"] = new(4, "A[4, 5], B[5, 4]", "let M = A * B", 4),
        ["index notation"] = new(6, "t[11]", "let T[i:6, j:6] = t[i - j + 5]\nlet M = T", 6),
        ["diagonal and low rank"] = new(9, "d[9], A[9, 2], B[2, 9], c[9]", "let M = diag(shift(softplus(d), 1)) + A * B + c * c'", 3),
        ["kronecker and low rank"] = new(12, "A[3, 3], B[4, 4], P[12, 2], Q[2, 12]", "let M = cayley(A) ⊗ cayley(B) + 0.1 * P * Q", 2),
        ["kronecker sum"] = new(12, "A[3, 3], B[4, 4]", Positive + "let M = kronsum(S, U)", 4, IsPositive: true),
        ["kronecker and noise"] = new(12, "A[3, 3], B[4, 4], s", Positive + "let q = shift(square(s), 0.5)\nlet M = S ⊗ U + q * eye(12)", 4, IsPositive: true),
        ["three places"] = new(24, "A[3, 3], B[4, 4], d[2]", Positive + "let M = diag(exp(d)) ⊗ S ⊗ eye(4) + 0.5 * eye(6) ⊗ U", 4, IsPositive: true),
        ["two bases"] = new(12, "A[3, 3], B[4, 4], C[3, 3]", Positive + "let R[i, j] = C[i, k] * C[j, k]\nlet M = S ⊗ U + R ⊗ eye(4)", 12, IsPositive: true),
        ["block triangular"] = new(7, "A[3, 3], B[3, 4], C[4, 4]", "let M = [cayley(A), B; zeros(4, 3), cayley(C)]", 0),
        ["arrow"] = new(7, "d[6], B[6, 1], C[1, 6], e[1, 1]", "let M = [diag(shift(softplus(d), 1)), B; C, e]", 1),
        ["conjugated"] = new(6, "d[6], V[2, 6]", "let M = reflect(V) * diag(exp(d)) * reflect(V)'", 0, IsPositive: true),
        ["positive and low rank"] = new(9, "d[9], A[9, 2]", "let M = diag(exp(d)) + 0.5 * A * A'", 2, IsPositive: true),
        ["gram and noise"] = new(5, "A[5, 3], s", "let M = A * A' + A * A' + exp(s) * eye(5)", 5, IsPositive: true),
        ["kernel and noise"] = new(5, "P[5, 2], s", "let M = 2 * rbf(P, P, 0.5) + softplus(s) * eye(5)", 5, IsPositive: true),
        ["kernel by index notation"] = new(5, "P[5, 2], w[5]", "let K = rbf(P, P, 0.5)\nlet M[i, j] = K[i, j] * w[i] * w[j] + 0.1 * (i == j)", 5, IsPositive: true),
        ["lower"] = new(5, "A[5, 5]", "let M[i, j] = (i >= j) * A[i, j] + 2 * (i == j)", 5),
        ["unit upper"] = new(5, "A[5, 5]", "let M[i, j] = 0.5 * (i < j) * A[i, j] + (i == j)", 5),
        ["triangular factors"] = new(6, "A[2, 2], B[3, 3]", "let L[i, j] = (i >= j) * A[i, j] + 2 * (i == j)\nlet R[i, j] = (j >= i) * B[i, j] + 2 * (i == j)\nlet M = L ⊗ R' + 0.5 * L ⊗ R'", 3),
        ["triangular sum"] = new(6, "A[2, 2], B[3, 3]", "let L[i, j] = (i >= j) * A[i, j]\nlet R[i, j] = (j <= i) * B[i, j] + 2 * (i == j)\nlet M = L ⊗ R + 2 * eye(2) ⊗ R + eye(6)", 6),
        ["lower blocks"] = new(6, "T[2, 3, 3]", "let P[b, i, j] = (i >= j) * T[b, i, j] + 2 * (i == j)\nlet M = blockdiag(P)'", 3),
        ["circulant"] = new(7, "s", "let q = shift(square(s), 1)\nlet M = 0.5 * circulant(7) + q * eye(7)", 0),
        ["circulant products"] = new(6, "s", "let C = circulant(6)\nlet q = exp(s)\nlet M = q * C' * C * C + C - circulant(6)' + 3 * eye(6)", 0),
        ["circulant gram"] = new(6, "s", "let C = circulant(6)\nlet q = exp(s)\nlet M = C * C' + q * eye(6)", 0, IsPositive: true),
        ["circulant sum"] = new(5, "s", "let C = circulant(5)\nlet q = shift(square(s), 8)\nlet M = C + C' + q * eye(5)", 0, IsPositive: true),
        ["circulant places"] = new(15, "A[3, 3]", "let M = (2 * eye(5) + circulant(5)) ⊗ A", 3),
        ["free frequencies"] = new(6, "p[2, 4]", "let q[e, f] = p[e, f] + 2 * (e == 0)\nlet M = irfft(6) * [diag(q[0]), -diag(q[1]); diag(q[1]), diag(q[0])] * rfft(6)", 0),
        ["cholesky"] = new(3, "A[3, 3]", "let S[i, j] = A[i, k] * A[j, k] + (i == j)\nlet M = cholesky(S) * cholesky(S)'", 3, IsPositive: true),
        ["positive blocks"] = new(6, "T[2, 3, 3]", "let P[b, i, j] = T[b, i, k] * T[b, j, k] + (i == j)\nlet M = blockdiag(P)", 3, IsPositive: true),
    };

    public static TheoryData<string> Cases => [.. s_cases.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void AnInverseTimesTheOperatorIsTheIdentity(string name)
    {
        double[,] product = Dense(s_cases[name], "= inverse(M) * M");
        double[,] other = Dense(s_cases[name], "= pseudo_inverse(M) * M");
        for (int i = 0; i < product.GetLength(0); i++)
        {
            for (int j = 0; j < product.GetLength(1); j++)
            {
                Assert.Equal(i == j ? 1 : 0, product[i, j], 1e-8);
                Assert.Equal(i == j ? 1 : 0, other[i, j], 1e-7);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheDeterminantAndTheTraceAreThoseOfTheMatrix(string name)
    {
        Case one = s_cases[name];
        double[,] matrix = Dense(one, "= M");
        double expected = Math.Log(Math.Abs(MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.DenseOfArray(matrix).Determinant()));
        Assert.Equal(expected, Dense(one, $"= logdet(M) * eye({one.Size})")[0, 0], 1e-9);
        Assert.Equal(Math.Sqrt(matrix.Cast<double>().Sum(x => x * x)), Dense(one, $"= norm(M) * eye({one.Size})")[0, 0], 1e-9);
        Assert.Equal(Enumerable.Range(0, one.Size).Sum(i => matrix[i, i]), Dense(one, $"= trace(M) * eye({one.Size})")[0, 0], 1e-9);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void NothingLargerThanAPartIsTakenApart(string name)
    {
        Case one = s_cases[name];
        Assert.Equal(one.Largest, Largest(TestModules.Last(one.Text("f", "= inverse(M)"))));
        Assert.InRange(Largest(TestModules.Last(one.Text("f", $"= logdet(M) * eye({one.Size})"))), 0, one.Largest);
    }

    /// <summary>The functions of matrices that an inverse and a determinant are made by.</summary>
    [Theory]
    [InlineData("kronecker", "inverse logdet")]
    [InlineData("diagonal and low rank", "inverse logdet")]
    [InlineData("positive and low rank", "inverse_spd logdet_spd")]
    [InlineData("gram and noise", "inverse_spd logdet_spd")]
    [InlineData("kernel and noise", "inverse_spd logdet_spd")]
    [InlineData("kernel by index notation", "inverse_spd logdet_spd")]
    [InlineData("positive blocks", "inverse_spd logdet_spd")]
    [InlineData("two bases", "inverse_spd logdet_spd")]
    [InlineData("lower", "inverse_lower")]
    [InlineData("unit upper", "inverse_lower")]
    [InlineData("triangular factors", "inverse_lower")]
    [InlineData("triangular sum", "inverse_lower")]
    [InlineData("lower blocks", "inverse_lower")]
    [InlineData("cholesky", "inverse_lower")]
    public void TheMethodIsThatOfWhatIsKnown(string name, string functions)
    {
        Case one = s_cases[name];
        IEnumerable<string> used = Functions("= inverse(M)").Concat(Functions($"= logdet(M) * eye({one.Size})"));
        Assert.Equal(functions.Split(' '), used.Distinct().Order(StringComparer.Ordinal));

        IEnumerable<string> Functions(string body) => TestModules.Last(one.Text("f", body)).Links.SelectMany(link => link.Tensors()).SelectMany(OperatorStructure.DescendantsAndSelf)
            .OfType<FunctionTensor>().Select(function => function.Function.Name).Where(function => function.StartsWith("inverse", StringComparison.Ordinal) || function.StartsWith("logdet", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("frozen K[4, 4] spd", "inverse(K)", "inverse_spd of [4, 4], by Cholesky's factor: K is declared spd")]
    [InlineData("param A[4, 4]", "inverse(A * A' + 0.1 * eye(4))", "inverse_spd of [4, 4], by Cholesky's factor: positive definite by its formula")]
    [InlineData("param A[2, 4, 4] unit_upper", "inverse(A[1])", "inverse_lower of [4, 4], by substitution: unit lower triangular by its formula")]
    [InlineData("param A[4, 4]", "expm(A)", "expm of [4, 4], by its power series")]
    [InlineData("param A[4, 4]", "sqrtm(A * A')", "sqrtm of [4, 4], by an eigenbasis: positive semidefinite by its formula")]
    public void TheMethodIsExplained(string declaration, string formula, string line) =>
        Assert.Equal([line], Methods.Describe(TestModules.Last($"operator f : 4 -> 4\n  {declaration}\n  = {formula}")));

    [Fact]
    public void FunctionsOfOperatorsAreThoseOfTheirMatrices()
    {
        foreach ((string name, Case one) in s_cases)
        {
            Check("expm(0.2 * M)", "expm(entries(0.2 * M))");
            if (one.IsPositive)
            {
                Check("sqrtm(M) * sqrtm(M)", "M");
                Check("expm(0.1 * logm(M))", "powerm(M, 0.1)");
                Check("powerm(M, -1) * M", $"eye({one.Size})");
            }

            void Check(string formula, string same) => Numbers.AssertClose(Numbers.Flat(Dense(one, $"= {same}")), Numbers.Flat(Dense(one, $"= {formula}")), 1e-8, $"{name}: {formula}");
        }
    }

    [Fact]
    public void SumsOfOnePlaceEachHaveSmallExponentials()
    {
        Module module = TestModules.Formula("operator f : 24 -> 24\n  param A[2, 2], B[3, 3], C[4, 4]\n  = expm(kronsum(A, kronsum(B, C)) - 3 * eye(24))");
        Assert.Equal(4, Largest(module));
        Assert.IsType<Kronecker>(Assert.IsType<LinearLink>(Assert.Single(module.Links)).Operator);
    }

    [Fact]
    public void CompiledTheyAreAsInterpreted()
    {
        string text = string.Concat(s_cases.Values.SelectMany((one, k) => new[]
        {
            one.Text($"inverse{k}", "= inverse(M)"),
            one.Text($"scaled{k}", "= logdet(M) * M + norm(M) * M + trace(M) * diag(diagonal_of(M))"),
            one.Text($"function{k}", one.IsPositive ? "= sqrtm(M)" : "= expm(0.2 * M)"),
        }));
        Module[] modules = [.. WeftCompiler.Bind([TestModules.File(text)]).Modules];
        using WeftAssembly all = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Scalar: Scalar.Double))));
        Assert.All(modules, module =>
        {
            using Map<double> map = all.Create<double>(module.Name);
            Assert.Null(FormulaBattery.Fault(module, map, seed: 1) is { } fault ? $"{module.Name}: {fault}" : null);
        });
    }

    [Theory]
    [InlineData("entries(gather(S, 5) * W)")]
    [InlineData("entries(W * gather(S, 5)')'")]
    public void WrongPositionsInEntriesAreRefused(string formula)
    {
        using CompiledWeft compiled = DynamicMaps.Compile($"operator f : 5 -> 3\n  frozen S[3] ~ distinct(5)\n  param W[5, 5]\n  let M = {formula}\n  = M");
        using Map<float> map = compiled.CreateFloat("f");
        map.Initialize();
        Assert.Throws<InvalidOperationException>(() =>
        {
            using ParameterEdit<float> edit = map.Edit();
            edit["S"][1] = 5;
        });
    }

    [Theory]
    [InlineData("A[4, 2], B[2, 4]", "inverse(A * B)", "4:19 WEFT0110 expected an operator of full rank, found an operator 4 -> 4 of rank 2 at most; 'pseudo_inverse' is for these")]
    [InlineData("A[3, 4]", "inverse(A ⊗ eye(2))", "4:19 WEFT0110 expected a square operator for 'inverse', found an operator 8 -> 6")]
    [InlineData("A[4, 4], B[4, 4]", "sqrtm(A * B)", "4:17 WEFT0110 expected an operator that is symmetric by its formula, as 'A * A'' is, for 'sqrtm', found an operator 4 -> 4; 'sqrtm(entries(A))' takes the symmetric part of any")]
    [InlineData("A[128, 128]", "inverse(A ⊗ A + A ⊗ eye(128))", "4:19 WEFT0110 expected an operator of up to 8192 rows, or one whose structure gives 'inverse' by that of smaller parts, found an operator 16384 -> 16384")]
    public void WhatHasNoneIsRefused(string tensors, string formula, string diagnostic) => Assert.Equal(
        diagnostic,
        Assert.Single(TestModules.Diagnostics($"operator f : 4 -> 4\n  param {tensors}\n  let c = 1\n  let M = {formula}\n  = M")));

    [Fact]
    public void WhatEachNestingMultipliesIsLimited()
    {
        string formula = Enumerable.Range(0, 20).Aggregate("diag(d)", (inner, _) => $"inverse({inner} + U * V)");
        Assert.Contains("WEFT0108 more than 200000 operations", Assert.Single(TestModules.Diagnostics($"operator f : 8 -> 8\n  param d[8], U[8, 2], V[2, 8]\n  = {formula}")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("let M = A * A'", true)]
    [InlineData("let M = A * diag(d) * A' + A + A'", true)]
    [InlineData("let M = A * A' ⊗ eye(1) + diag(d)", true)]
    [InlineData("let M[i, j] = A[i, k] * A[j, k] * d[k] + d[i] * d[j]", true)]
    [InlineData("let M[i, j] = A[i, k] * B[j, k] + B[i, k] * A[j, k]", true)]
    [InlineData("let M[i, j] = A[i, k] * B[j, k]", false)]
    [InlineData("let M[i, j] = exp(rbf(A, A, 0.5))[i, j] + (i == j)", true)]
    [InlineData("let M[i, j] = A[i, j] * d[i]", false)]
    [InlineData("let M = A * B * A'", false)]
    [InlineData("let M = sqrtm(A)", true)]
    [InlineData("let M = inverse(A * A')", true)]
    public void SymmetryIsSeen(string formula, bool isSymmetric)
    {
        IReadOnlyList<string> diagnostics = TestModules.Diagnostics($"operator f : 3 -> 3\n  param A[3, 3], B[3, 3], d[3]\n  {formula}\n  = logm(M ⊗ eye(1))");
        Assert.Equal(isSymmetric, !diagnostics.Any(diagnostic => diagnostic.Contains("WEFT0110")));
    }

    private static double[,] Dense(Case one, string body)
    {
        Module module = TestModules.Last(one.Text("f", body));
        return new Interpreter(module, Numbers.Values(module, new Random(3))).Dense();
    }

    /// <summary>The largest matrix that a function of matrices in a module is given.</summary>
    private static int Largest(Module module) => module.Links.SelectMany(link => link.Tensors()).SelectMany(OperatorStructure.DescendantsAndSelf)
        .OfType<FunctionTensor>()
        .Where(function => function.Function.Name is "inverse" or "inverse_spd" or "inverse_lower" or "logdet" or "logdet_spd" or "expm" or "eigenvalues" or "eigenvectors")
        .Select(function => function.Arguments[0].Shape[^1])
        .DefaultIfEmpty()
        .Max();
}
