using Weft.Compiler.Algebra;

namespace Weft.Compiler.Rewriting;

/// <summary>Applies the laws to a module, innermost first, until none applies.</summary>
public static class Rewriter
{
    /// <summary>The rewritten module and the laws that were applied, in order.</summary>
    public static (Module Module, IReadOnlyList<Law> Applied) Rewrite(Module module, CancellationToken cancellationToken = default)
    {
        var applied = new List<Law>();
        return (module with { Links = module.Links.MapOperators(op => Rewrite(op, applied, cancellationToken)) }, applied);
    }

    /// <summary>The simplest form that the laws reach.</summary>
    public static Operator Rewrite(Operator op, ICollection<Law> applied, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Operator current = op.MapOperands(operand => Rewrite(operand, applied, cancellationToken));
        foreach (Law law in Laws.All)
        {
            if (law.Apply(current) is { } rewritten)
            {
                applied.Add(law);
                return Rewrite(rewritten, applied, cancellationToken);
            }
        }

        return current;
    }
}
