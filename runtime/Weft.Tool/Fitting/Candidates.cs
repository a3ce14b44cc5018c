using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tool.Fitting;

/// <summary>What is fitted to a matrix.</summary>
internal static class Candidates
{
    /// <summary>The library's structures and the user's, at sizes under a budget; null where a formula of the user's is wrong, which is reported.</summary>
    /// <param name="session">What is told what is wrong.</param>
    /// <param name="formulas">The user's formulas.</param>
    /// <param name="files">The files that they may name declarations of.</param>
    /// <param name="m">The rows of the matrix.</param>
    /// <param name="n">Its columns.</param>
    /// <param name="budget">The most parameters of a structure of the library.</param>
    /// <param name="asked">The most parameters of a formula of the user's.</param>
    /// <exception cref="InvalidDataException">A formula is no linear map of these sizes, or has frozen parameters.</exception>
    public static List<Candidate>? Of(Session session, IReadOnlyList<string> formulas, IReadOnlyList<ParsedFile> files, int m, int n, double budget, double asked)
    {
        var candidates = new List<Candidate>();
        foreach (string formula in formulas)
        {
            BindResult? wrong = null;
            List<Module> bound = [];
            candidates.AddRange(StructureSearch.Spread(Structures.Of(formula, m, n), Try, asked, asked: formula));
            if (bound.Count == 0)
            {
                List<SourceText> texts = [.. files.Select(file => file.Source), new SourceText("formula", Structures.Of(formula, m, n).First())];
                foreach (Diagnostic diagnostic in WeftCompiler.InOrder(files, files.SelectMany(file => file.Diagnostics).Concat(wrong!.Diagnostics)))
                {
                    session.Report(diagnostic, texts);
                }

                return null;
            }

            if (bound.Find(module => !module.IsLinear || (module.Inputs, module.Outputs) != (n, m)) is { } other)
            {
                throw new InvalidDataException(
                    $"{formula} is {(other.IsLinear ? "" : "not linear, and ")}{other.Inputs} -> {other.Outputs}; a linear map {n} -> {m} is expected, as the matrix is {m} × {n}: write m and n for its sizes");
            }

            if (bound.SelectMany(module => module.Parameters).FirstOrDefault(parameter => parameter.Role == Role.Frozen) is { } frozen)
            {
                throw new InvalidDataException($"{formula} has the frozen parameter '{frozen.Name}', which a fit does not give: leave it out, or make it trained");
            }

            Module? Try(string text)
            {
                BindResult result = WeftCompiler.BindFormula(new SourceText("formula", text), files, Session.FormulaName);
                wrong ??= result;
                bound.AddRange(result.Modules);
                return result.Modules.FirstOrDefault();
            }
        }

        foreach (IEnumerable<string> family in Structures.Of(m, n))
        {
            candidates.AddRange(StructureSearch.Spread(
                family, text => WeftCompiler.BindFormula(new SourceText("formula", text), [], Session.FormulaName).Modules.FirstOrDefault(), budget, asked: null));
        }

        return candidates;
    }
}
