using Weft.Compiler;
using Weft.Compiler.Oracle;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Random modules printed as Weft, parsed and bound again: the same map with the same parameters.</summary>
public class RoundTripTests
{
    [Fact]
    public void APrintedModuleBindsToTheSameMap()
    {
        var faults = new List<string>();
        for (int seed = 0; seed < 400; seed++)
        {
            Module module = RandomFormula.Create(seed, textual: true);
            if (Fault(module, seed) is not null)
            {
                Module small = Shrinker.Shrink(module, candidate => Fault(candidate, seed) is not null);
                faults.Add($"Seed {seed}: {Fault(small, seed)}\n{AlgebraPrinter.Print(small)}");
            }
        }

        Assert.True(faults.Count == 0, $"{faults.Count} modules fail.\n{string.Join('\n', faults.OrderBy(fault => fault.Length).Take(10))}");
    }

    private static string? Fault(Module module, int seed)
    {
        string text = AlgebraPrinter.Print(module);
        ParsedFile file = WeftCompiler.Parse(new SourceText("random.weft", text));
        BindResult result = WeftCompiler.Bind([file]);
        Diagnostic[] diagnostics = [.. file.Diagnostics, .. result.Diagnostics];
        if (diagnostics.Any(diagnostic => diagnostic.Severity == Severity.Error))
        {
            return diagnostics[0].Message;
        }

        Module bound = result.Modules.Single();
        if ((bound.Inputs, bound.Outputs) != (module.Inputs, module.Outputs))
        {
            return $"{bound.Inputs} -> {bound.Outputs}";
        }

        // Entries are those of an operator that the laws make smaller, which may leave out parameters times 0.
        // A seed is the hash of a statement's seed and a name: it has no text to be printed as.
        Parameter[] before = [.. module.Parameters.Select(parameter => parameter with { Seed = 0 })];
        Parameter[] after = [.. bound.Parameters.Select(parameter => parameter with { Seed = 0 })];
        bool isRewritten = module.Links.SelectMany(link => link.Tensors()).SelectMany(OperatorStructure.DescendantsAndSelf).Any(tensor => tensor is EntriesTensor);
        if (after.Except(before).Concat(isRewritten ? [] : before.Except(after)).FirstOrDefault() is { } odd)
        {
            return $"{odd} on one side only";
        }

        if (!bound.Penalties.Select(penalty => penalty.Name).SequenceEqual(module.Penalties.Select(penalty => penalty.Name)))
        {
            return $"penalties {string.Join(", ", bound.Penalties.Select(penalty => penalty.Name))}";
        }

        var random = new Random(seed);
        Dictionary<string, double[]> values = Numbers.Values(module, random);
        double[] x = Numbers.Normal(random, 3 * module.Inputs);
        double error = Numbers.RelativeError(
            [.. new Interpreter(module, values).Evaluate(x), .. Penalties(module), 1e-3], [.. new Interpreter(bound, values).Evaluate(x), .. Penalties(bound), 1e-3]);
        return error < 1e-9 ? null : $"relative error {error:G3}";

        double[] Penalties(Module of) => of.PenaltyMap is { } map ? new Interpreter(map, values).Evaluate([1]) : [];
    }
}
