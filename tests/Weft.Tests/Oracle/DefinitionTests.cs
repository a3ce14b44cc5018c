using Weft.Compiler.Binding;
using Weft.Compiler.Oracle;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Oracle;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>The interpreter against a second reading of SPEC.md: what one reader got wrong, the other would have to get wrong in the same way.</summary>
public class DefinitionTests
{
    /// <summary>A built-in function in a declaration, and the entry of its matrix as SPEC.md's table of functions states it.</summary>
    private static readonly Dictionary<string, (string Declaration, Func<Values, int, int, double> Entry)> Builtins = new(StringComparer.Ordinal)
    {
        ["eye"] = ("4 -> 4 = eye(4)", (_, i, j) => i == j ? 1 : 0),
        ["zeros"] = ("3 -> 2 = zeros(2, 3)", (_, _, _) => 0),
        ["diag"] = ("3 -> 3\n  param d[3]\n  = diag(d)", (v, i, j) => i == j ? v["d", i] : 0),
        ["blockdiag"] = ("6 -> 4\n  param B[2, 2, 3]\n  = blockdiag(B)", (v, i, j) => i / 2 == j / 3 ? v["B", (6 * (i / 2)) + (3 * (i % 2)) + (j % 3)] : 0),
        ["shuffle"] = ("6 -> 6 = shuffle(2, 3)", (_, i, j) => i == new[] { 0, 2, 4, 1, 3, 5 }[j] ? 1 : 0),
        ["permute"] = ("3 -> 3 = permute([2, 0, 1])", (_, i, j) => new[] { 2, 0, 1 }[i] == j ? 1 : 0),
        ["crop"] = ("7 -> 3 = crop(7, 3, 2)", (_, i, j) => j == 2 + i ? 1 : 0),
        ["pad"] = ("3 -> 7 = pad(7, 3, 2)", (_, i, j) => i == 2 + j ? 1 : 0),
        ["transpose"] = ("2 -> 3\n  param A[2, 3]\n  = transpose(A)", (v, i, j) => v["A", (3 * j) + i]),
        ["wht"] = ("8 -> 8 = wht(8)", (_, i, j) => int.PopCount(i & j) % 2 == 0 ? 1 : -1),
        ["rfft"] = ("5 -> 6 = rfft(5)", (_, i, j) => i < 3 ? Math.Cos(2 * Math.PI * i * j / 5) : -Math.Sin(2 * Math.PI * (i - 3) * j / 5)),
        ["irfft"] = ("8 -> 6 = irfft(6)", (_, i, j) => (j % 4 is 0 or 3 ? 1 : 2) / 6.0 * (j < 4 ? Math.Cos(2 * Math.PI * i * j / 6) : -Math.Sin(2 * Math.PI * i * (j - 4) / 6))),
        ["cheapest"] = ("3 -> 2\n  param A[2, 3]\n  = cheapest(A, eye(2) * A)", (v, i, j) => v["A", (3 * i) + j]),
        ["inverse"] = ("4 -> 4\n  param d[4]\n  = inverse(diag(d) * shuffle(2, 2))", (v, i, j) => i == new[] { 0, 2, 1, 3 }[j] ? 1 / v["d", j] : 0),
        ["kron"] = ("6 -> 6\n  param A[2, 3], B[3, 2]\n  = kron(A, B)", (v, i, j) => v["A", (3 * (i / 3)) + (j / 2)] * v["B", (2 * (i % 3)) + (j % 2)]),
        ["kronsum"] = (
            "6 -> 6\n  param A[2, 2], B[3, 3]\n  = kronsum(A, B)",
            (v, i, j) => (i % 3 == j % 3 ? v["A", (2 * (i / 3)) + (j / 3)] : 0) + (i / 3 == j / 3 ? v["B", (3 * (i % 3)) + (j % 3)] : 0)),
        ["dirsum"] = (
            "5 -> 4\n  param A[1, 2], B[3, 3]\n  = dirsum(A, B)",
            (v, i, j) => i < 1 && j < 2 ? v["A", j] : i >= 1 && j >= 2 ? v["B", (3 * (i - 1)) + j - 2] : 0),
        ["hstack"] = ("5 -> 2\n  param A[2, 2], B[2, 3]\n  = hstack(A, B)", (v, i, j) => j < 2 ? v["A", (2 * i) + j] : v["B", (3 * i) + j - 2]),
        ["vstack"] = ("2 -> 5\n  param A[2, 2], B[3, 2]\n  = vstack(A, B)", (v, i, j) => i < 2 ? v["A", (2 * i) + j] : v["B", (2 * (i - 2)) + j]),
        ["reflect"] = (
            "3 -> 3\n  param v[3]\n  = reflect(v)",
            (v, i, j) => (i == j ? 1 : 0) - (2 * v["v", i] * v["v", j] / ((v["v", 0] * v["v", 0]) + (v["v", 1] * v["v", 1]) + (v["v", 2] * v["v", 2])))),
        ["entries"] = ("3 -> 2\n  param A[2, 3], B[3, 3]\n  let T = entries(A * B)\n  y[i] = T[i, j] * x[j]", (v, i, j) => Enumerable.Range(0, 3).Sum(k => v["A", (3 * i) + k] * v["B", (3 * k) + j])),
        ["diagonal_of"] = ("2 -> 2\n  param A[2, 3], B[3, 2]\n  = diag(diagonal_of(A * B))", (v, i, j) => i == j ? Enumerable.Range(0, 3).Sum(k => v["A", (3 * i) + k] * v["B", (2 * k) + i]) : 0),
        ["norm"] = ("1 -> 1\n  param A[2, 3], d[2], s\n  = norm(-2 * A ⊗ (diag(d) ⊕ s * eye(2))) * eye(1)",
            (v, _, _) => 2 * Math.Sqrt(Enumerable.Range(0, 6).Sum(k => v["A", k] * v["A", k]) * ((v["d", 0] * v["d", 0]) + (v["d", 1] * v["d", 1]) + (2 * v["s", 0] * v["s", 0])))),
        ["trace"] = ("1 -> 1\n  param A[2, 2], B[3, 3]\n  = trace(A ⊗ B) * eye(1)", (v, _, _) => (v["A", 0] + v["A", 3]) * (v["B", 0] + v["B", 4] + v["B", 8])),
        ["solve"] = ("2 -> 3\n  param d[3], A[3, 2]\n  = solve(diag(d), A)", (v, i, j) => v["A", (2 * i) + j] / v["d", i]),
        ["gather"] = ("5 -> 3 = gather([4, 0, 4], 5)", (_, i, j) => new[] { 4, 0, 4 }[i] == j ? 1 : 0),
    };

    public static TheoryData<string> BuiltinNames => [.. Builtins.Keys];

    [Theory]
    [MemberData(nameof(BuiltinNames))]
    public void BuiltinFunctionsHaveTheirEntries(string name)
    {
        (string declaration, Func<Values, int, int, double> entry) = Builtins[name];
        Module module = TestModules.Formula($"operator f : {declaration}");
        var values = new Values(Numbers.Values(module, new Random(name.Length)));
        Numbers.AssertClose(
            [.. Enumerable.Range(0, module.Outputs).SelectMany(i => Enumerable.Range(0, module.Inputs).Select(j => entry(values, i, j)))],
            Numbers.Flat(new Interpreter(module, values.Parameters).Dense()),
            1e-14,
            name);
    }

    [Fact]
    public void NothingIsWithoutASecondDefinition()
    {
        Assert.Empty(TensorFunction.All.Keys.Except(Definitions.Functions));

        // Of the other built-in names, these are numbers of sizes; a product over an index is an indexed form.
        string[] numbers = ["min", "max", "hash", "sum", "prod", "len", "floor", "log2", "product"];
        Assert.Empty(Compiler.Binding.Builtins.Functions.Keys.Except(TensorFunction.All.Keys).Except(numbers).Except(Builtins.Keys));
    }

    [Fact]
    public void RandomModulesMeanTheSame()
    {
        for (int seed = 0; seed < 400; seed++)
        {
            Module module = RandomFormula.Create(seed);
            var random = new Random(seed);
            Dictionary<string, double[]> values = Numbers.Values(module, random);
            double[] x = Numbers.Rows(module, random, 1), dx = Numbers.Normal(random, module.Inputs);
            double[][] directions = [.. module.Parameters.Select(parameter => IsTable(parameter) ? new double[parameter.Length] : Numbers.Normal(random, parameter.Length))];

            Dual[] y = new Definitions(module.Parameters
                .Zip(directions, (parameter, direction) => (parameter.Name, Numbers: values[parameter.Name].Zip(direction, (value, slope) => new Dual(value, slope))))
                .ToDictionary(pair => pair.Name, pair => pair.Numbers.ToArray(), StringComparer.Ordinal)).Evaluate(module, [.. x.Zip(dx, (value, slope) => new Dual(value, slope))]);

            var interpreter = new Interpreter(module, values);
            string what = $"seed {seed}\n{AlgebraPrinter.Print(module)}";
            Numbers.AssertClose([.. y.Select(number => number.Value)], interpreter.Evaluate(x), 1e-9, what);

            // Quotients of differences are as accurate as the values are, even where a function is flat.
            double[] value = [.. y.Select(number => number.Value)], slope = [.. y.Select(number => number.Slope)];
            Numbers.AssertClose([.. value, .. slope], [.. value, .. interpreter.Tangent(x, dx, directions)], 1e-7, "tangent of " + what);
        }

        static bool IsTable(Parameter parameter) => parameter.Initializer.Distribution is Distribution.Whole or Distribution.Distinct;
    }

    [Fact]
    public void NormalFloatsAreThePublishedOnes()
    {
        // QLoRA's data type of 4 bits, in its appendix (Dettmers et al. 2023).
        double[] published =
        [
            -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
            0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
        ];
        Numbers.AssertClose(published, Definitions.NormalFloat(4), 1e-6, "normal_float");
    }

    /// <summary>The elements of parameters, by name and number.</summary>
    private sealed record Values(Dictionary<string, double[]> Parameters)
    {
        public double this[string name, int element] => Parameters[name][element];
    }
}
