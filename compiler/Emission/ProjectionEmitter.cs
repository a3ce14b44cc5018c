using System.Globalization;
using Weft.Compiler.Network;
using Weft.Compiler.Projection;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Emission;

/// <summary>Writes the member of a generated type that says how its trained parameters are found from a dense matrix.</summary>
internal static class ProjectionEmitter
{
    public static void Emit(CodeWriter code, Schedule schedule, ProjectionPlan plan)
    {
        code.Line();
        string[] sums =
        [
            .. WeightSum.Find(schedule.Program.Lowered).Where(sum => ProjectionPlanner.PlaceOf(schedule, sum.Tensor) is not null).Select(sum =>
                $"new({MapEmitter.Quote(sum.Weight.Name)}, {Number(Offset(sum.Tensor))}, {Literals.Of(sum.Coefficient, "double")}, [{string.Join(", ", sum.Parameters.Select(parameter => MapEmitter.Quote(parameter.Name)))}])"),
        ];
        if (plan.Obstacle is { } obstacle)
        {
            code.Line($"public override {GeneratedNames.Kernels}.ProjectionPlan CreateProjectionPlan() => new({MapEmitter.Quote(obstacle)}){(sums.Length > 0 ? $" {{ Sums = [{string.Join(", ", sums)}] }}" : "")};");
            return;
        }

        using CodeWriter.Block braces = code.Braces($"public override {GeneratedNames.Kernels}.ProjectionPlan CreateProjectionPlan() => new(null)", "};");
        code.Line($"HasConstantTerms = {(plan.HasConstantTerms ? "true" : "false")},");
        code.Line($"Rows = {Numbers(plan.Rows)},");
        code.Line($"Columns = {Numbers(plan.Columns)},");
        if (sums.Length > 0)
        {
            code.Line($"Sums = [{string.Join(", ", sums)}],");
        }

        code.Line("Parts =");
        code.Line("[");
        foreach (ProjectionPart part in plan.Parts)
        {
            FactorizationPart[] products = part is FactorizationPart factorization ? [factorization, .. factorization.Others] : [];
            IReadOnlyList<MapTerm> terms = products.Length > 0 ? [.. products.Select(product => product.Term)] : part.Terms;
            Index[] external = [.. terms[0].External];
            IEnumerable<string> splits = products.SelectMany((product, number) => Splits(product, number, Indices(product.Term)));
            string last = Number(products.Length > 0 ? products[0].Last : -1);
            code.Line($"    new([{string.Join(", ", terms.Select(term => Term(term, Indices(term))))}], [{string.Join(", ", splits)}], {last}),");

            // Terms of one product number the indices of the matrix alike.
            Index[] Indices(MapTerm term) => products.Length > 0 ? [.. external.Concat(term.Indices).Distinct()] : [.. term.Indices];
        }

        code.Line("],");

        string Term(MapTerm term, Index[] indices) =>
            $"new({Literals.Of(term.Coefficient, "double")}, {Numbers(indices.Select(index => index.Extent))}, {Position(term.Output, indices)}, {Position(term.Input, indices)}, "
            + $"[{string.Join(", ", term.Factors.Select(factor => Position(factor.Position + Offset(factor.Tensor), indices)))}], "
            + $"[{string.Join(", ", term.Windows.Select(window => $"new({Position(window.Position, indices)}, {Number(window.Length)})"))}])";

        int Offset(Tensor tensor) => schedule.Layout.OffsetOf(ProjectionPlanner.PlaceOf(schedule, tensor)!);
    }

    private static IEnumerable<string> Splits(FactorizationPart part, int term, Index[] indices)
    {
        return part.Ones
            .Select(factor => $"new({Number(term)}, {Number(factor)}, -1, [], [], [])")
            .Concat(part.Splits.Select(split =>
                $"new({Number(term)}, {Number(split.Factor)}, {Number(split.Neighbor)}, {Places(split.Own)}, {Places(split.Shared)}, {Places(split.Bonds)}) {{ Rank = {Number(split.Rank)} }}"));

        string Places(IEnumerable<Index> set) => Numbers(set.Select(index => Array.IndexOf(indices, index)));
    }

    private static string Position(Affine position, IReadOnlyList<Index> indices) =>
        $"new({Number(position.Offset)}, {Numbers(indices.Select(index => position.StrideOf(index)))})";

    private static string Numbers(IEnumerable<int> numbers) => $"[{string.Join(", ", numbers.Select(Number))}]";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
