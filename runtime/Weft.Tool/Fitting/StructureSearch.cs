using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Fitting;

namespace Weft.Tool.Fitting;

/// <summary>A formula with its sizes that is to be fitted.</summary>
/// <param name="Formula">The formula.</param>
/// <param name="Module">What it means.</param>
/// <param name="Asked">The formula without sizes where the user asked for it, and is told why it cannot be fitted; else null.</param>
internal sealed record Candidate(string Formula, Module Module, string? Asked)
{
    /// <summary>What it is called in a picture: the user's formula, or the name of the structure.</summary>
    public string Label => Asked ?? Formula[..Formula.IndexOf('(', StringComparison.Ordinal)];

    /// <summary>The number of its stored parameters.</summary>
    public long Parameters { get; } = Module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Sum(parameter => parameter.Shape.Aggregate(1L, (product, extent) => product * extent));
}

/// <summary>A structure that was fitted.</summary>
/// <param name="Candidate">Its formula.</param>
/// <param name="Map">The map, close to the matrix.</param>
/// <param name="Error">‖matrix − map‖ / ‖matrix‖ in Frobenius norms, or that of what they make of the samples.</param>
internal sealed record FittedStructure(Candidate Candidate, LinearMap<double> Map, double Error)
{
    public string Formula => Candidate.Formula;

    public long Parameters => Candidate.Parameters;

    public long Flops => Map.Description.ForwardFlops;

    /// <summary>Whether another one is no worse in parameters, FLOPs and error, and better in one of them.</summary>
    public bool IsBelow(FittedStructure other) =>
        other.Parameters <= Parameters && other.Flops <= Flops && other.Error <= Error
        && (other.Parameters < Parameters || other.Flops < Flops || other.Error < Error);
}

/// <summary>Structures that are fitted to a matrix: in closed form, and step by step where the user asked for one that has none, or the error counts for samples.</summary>
internal sealed class StructureSearch : IDisposable
{
    /// <summary>How many sizes of a family are fitted: the largest under the budget, then each with at most half of the parameters of the one before.</summary>
    private const int SizesOfFamily = 4;

    private readonly WeftAssembly _assembly;

    /// <summary>Starts for a structure that is fitted step by step.</summary>
    private const int Starts = 2;

    /// <summary>Fits candidates.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="samples">The vectors for which the error counts; null where it counts everywhere.</param>
    /// <param name="candidates">What is fitted.</param>
    /// <param name="steps">The most steps for one.</param>
    /// <exception cref="CompilationException">One is too large.</exception>
    public StructureSearch(DenseMatrix matrix, DenseMatrix? samples, IReadOnlyList<Candidate> candidates, int steps)
    {
        _assembly = WeftAssembly.Compile(candidates.Select((candidate, k) => (candidate.Module, new GenerateOptions(TypeName(k), Scalar: Scalar.Double))));
        var fitted = new List<FittedStructure>();
        for (int k = 0; k < candidates.Count; k++)
        {
            var map = (LinearMap<double>)_assembly.Create<double>(TypeName(k));
            bool isClosed = map.HasProjection(out _);
            if (isClosed && samples is null)
            {
                fitted.Add(new FittedStructure(candidates[k], map, map.Project<double>(matrix.Values).RelativeError));
            }
            else if (isClosed || candidates[k].Asked is not null)
            {
                var options = new FitOptions { StepLimit = steps, Starts = isClosed ? 1 : Starts };
                fitted.Add(new FittedStructure(candidates[k], map, map.Approximate<double>(matrix.Values, samples is null ? default : samples.Values, options).RelativeError));
            }
        }

        Count = fitted.Count;
        Front = [.. fitted.Where(one => !fitted.Exists(one.IsBelow)).OrderBy(one => one.Parameters).ThenBy(one => one.Error)];
    }

    /// <summary>The number of structures that were fitted.</summary>
    public int Count { get; }

    /// <summary>Those that no other one is better than in parameters, FLOPs and error; by parameters.</summary>
    public IReadOnlyList<FittedStructure> Front { get; }

    /// <summary>The closest one; of several that are as close, that with the fewest parameters.</summary>
    public FittedStructure Closest => Front.MinBy(one => one.Error)!;

    /// <summary>Sizes of a family under a budget of parameters, spread out; those that are no sizes of it are left out.</summary>
    /// <param name="formulas">The formulas of the family.</param>
    /// <param name="bind">What a formula means; null where it is wrong.</param>
    /// <param name="budget">The most parameters.</param>
    /// <param name="asked">The formula without sizes where the user asked for it; else null.</param>
    public static IEnumerable<Candidate> Spread(IEnumerable<string> formulas, Func<string, Module?> bind, double budget, string? asked)
    {
        double most = budget;
        int count = 0;
        foreach (Candidate candidate in formulas
            .Select(formula => (Formula: formula, Module: bind(formula)))
            .Where(pair => pair.Module is not null)
            .Select(pair => new Candidate(pair.Formula, pair.Module!, asked))
            .OrderByDescending(candidate => candidate.Parameters))
        {
            if (candidate.Parameters <= most && count++ < SizesOfFamily)
            {
                most = candidate.Parameters / 2.0;
                yield return candidate;
            }
        }
    }

    public void Dispose()
    {
        foreach (FittedStructure one in Front)
        {
            one.Map.Dispose();
        }

        _assembly.Dispose();
    }

    private static string TypeName(int number) => FormattableString.Invariant($"Fit{number}");
}
