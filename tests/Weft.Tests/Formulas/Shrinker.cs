using Weft.Compiler.Text;
using Weft.Compiler.Verification;

namespace Weft.Tests.Formulas;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>Makes a module that fails a check as simple as it can be while it still fails.</summary>
internal static class Shrinker
{
    /// <summary>
    /// Takes the first simpler module that still fails, again and again, until none does or <paramref name="attempts"/> are used up.
    /// </summary>
    public static Module Shrink(Module module, Func<Module, bool> fails, int attempts = 300)
    {
        bool progress = true;
        while (progress)
        {
            progress = false;
            foreach (Module candidate in Candidates(module).OrderBy(Weight))
            {
                if (Weight(candidate) >= Weight(module) || ModuleVerifier.Fault(candidate) is not null)
                {
                    continue;
                }

                if (attempts-- <= 0)
                {
                    return module;
                }

                if (fails(candidate))
                {
                    module = candidate;
                    progress = true;
                    break;
                }
            }
        }

        return module;
    }

    /// <summary>How complicated a module is: what shrinking makes smaller.</summary>
    public static int Weight(Module module) => Weight(module.Links) + module.Parameters.Count(parameter => parameter.Role != Role.Trained);

    private static int Weight(IEnumerable<Link> links) => links.Sum(link => 2 + link switch
    {
        LinearLink linear => linear.Operator.DescendantsAndSelf().Sum(node => 2 + node.Tensors().Sum(Weight)),
        BiasLink bias => Weight(bias.Bias),
        ValueLink value => 3 + Weight(value.Value),
        ScanLink scan => scan.Steps + scan.State.Count + Weight(scan.Step),
        _ => 0,
    });

    private static int Weight(TensorExpression tensor) => 1 + tensor switch
    {
        SliceTensor slice => Weight(slice.Source),
        EinsumTensor einsum => 1 + einsum.Factors.Sum(factor => 1 + Weight(factor.Tensor)),
        FunctionTensor function => 1 + function.Arguments.Sum(Weight),
        AppliedTensor applied => applied.Links.Count + Weight(applied.Argument),
        GatherTensor gather => 1 + Weight(gather.Source) + Weight(gather.Positions),
        EntriesTensor entries => 1 + Weight([new LinearLink(entries.Operator)]),
        PositionTensor positions => 1 + positions.Sources.Sum(source => Weight(source.Tensor)),
        _ => 0,
    };

    private static IEnumerable<Module> Candidates(Module module)
    {
        for (int i = 0; i < module.Links.Count; i++)
        {
            Link[] before = [.. module.Links.Take(i)], after = [.. module.Links.Skip(i + 1)];
            if (module.Links.Count > 1)
            {
                yield return Over(module, [.. before, .. after]);
            }

            if (module.Links[i] is ValueLink { Value: var value })
            {
                foreach (TensorExpression simpler in Simpler(value))
                {
                    yield return Over(module, [.. before, new ValueLink(simpler), .. after]);
                }
            }

            if (module.Links[i] is ScanLink scan)
            {
                foreach (Module simpler in Candidates(Algebras.ModuleOf("step", scan.Given, scan.Gives, [.. scan.Step])))
                {
                    yield return Over(module, [.. before, scan with { Step = simpler.Links }, .. after]);
                }
            }

            if (module.Links[i] is LinearLink { Operator: var node })
            {
                yield return Over(module, module.Links[i]);
                foreach (Operator simpler in Simpler(node))
                {
                    yield return Over(module, [.. before, new LinearLink(simpler), .. after]);
                }
            }
        }

        foreach (Parameter parameter in module.Parameters.Where(parameter => parameter.Role != Role.Trained))
        {
            Parameter trained = parameter with { Role = Role.Trained, Seed = 0 };
            TensorExpression Retrain(TensorExpression tensor) =>
                tensor is ParameterTensor same && same.Parameter == parameter ? new ParameterTensor(trained) : tensor;
            yield return Over(module, [.. module.Links.Select(link => link is LinearLink linear
                ? new LinearLink(linear.Operator.MapTensors(Retrain))
                : link)]);
        }
    }

    /// <summary>A module of other links, with the sizes that they have.</summary>
    private static Module Over(Module module, params Link[] links)
    {
        LinearLink[] linear = [.. links.OfType<LinearLink>()];
        return linear.Length == 0 || links[0] is not LinearLink
            ? Algebras.ModuleOf(module.Name, module.Inputs, module.Outputs, links) with { InputPorts = module.InputPorts }
            : Algebras.ModuleOf(module.Name, linear[0].Operator.Columns, linear[^1].Operator.Rows, links);
    }

    /// <summary>Operators with one node fewer or simpler. Their shapes may differ: what then does not fit together is left out later.</summary>
    private static IEnumerable<Operator> Simpler(Operator node)
    {
        Operator[] operands = [.. node.Operands()];
        IndexVariable? index = (node as Indexed)?.Variable;
        foreach (Operator operand in operands)
        {
            yield return index is null ? operand : operand.At(index, 0);
        }

        if (operands.Length > 0 || node is Einsum or Reflections or BlockDiagonal)
        {
            // The whole of it as one dense parameter.
            yield return new Matrix(Plain(EquatableArray.Of(node.Rows, node.Columns)));
        }

        for (int i = 0; i < operands.Length && operands.Length > 1; i++)
        {
            yield return operands.Length == 2 ? operands[1 - i] : node.With([.. operands.Where((_, k) => k != i)]);
        }

        for (int i = 0; i + 1 < operands.Length && operands.Length > 2 && node is (Product or Kronecker); i++)
        {
            // Two neighbours as one dense parameter.
            Operator pair = node.With([operands[i], operands[i + 1]]);
            var merged = new Matrix(Plain(EquatableArray.Of(pair.Rows, pair.Columns)));
            yield return node.With([.. operands.Take(i), merged, .. operands.Skip(i + 2)]);
        }

        for (int i = 0; i < operands.Length; i++)
        {
            foreach (Operator simpler in Simpler(operands[i]))
            {
                yield return node.With([.. operands.Select((operand, k) => k == i ? simpler : operand)]);
            }
        }

        if (node is Einsum einsum)
        {
            for (int i = 0; i < einsum.Factors.Count && einsum.Factors.Count > 1; i++)
            {
                yield return einsum with { Factors = einsum.Factors.Where((_, k) => k != i).ToEquatable() };
            }
        }

        foreach (TensorExpression tensor in node.Tensors().Where(tensor => tensor is not ParameterTensor))
        {
            yield return node.WithTensors(other => other.Equals(tensor) ? Plain(tensor.Shape) : other);
        }
    }

    /// <summary>Values with one term or one function fewer.</summary>
    private static IEnumerable<TensorExpression> Simpler(TensorExpression value)
    {
        switch (value)
        {
            case EinsumTensor einsum:
                foreach (TensorProduct term in einsum.Terms.Where(term => einsum.Terms.Count > 1 && term.Factors.Any(factor => factor.Tensor.IsPerRow())))
                {
                    yield return einsum with { Terms = EquatableArray.Of(term) };
                }

                foreach (TensorExpression tensor in einsum.Factors.Select(factor => factor.Tensor).Where(tensor => tensor.IsPerRow()).Distinct())
                {
                    foreach (TensorExpression simpler in Simpler(tensor).Where(simpler => simpler.Shape.SequenceEqual(tensor.Shape)))
                    {
                        yield return einsum.MapFactors(factor => factor.Tensor.Equals(tensor) ? factor with { Tensor = simpler } : factor);
                    }
                }

                break;

            case AppliedTensor applied:
                yield return applied.Argument;
                break;

            case GatherTensor gather:
                yield return gather.Source;
                break;

            case FunctionTensor function:
                foreach (TensorExpression argument in function.Arguments.Where(argument => argument.IsPerRow()))
                {
                    yield return argument;
                }

                break;
        }
    }

    private static ParameterTensor Plain(EquatableArray<int> shape) => new(new Parameter(
        "Z" + string.Join("x", shape), shape, Role.Trained, new Initializer(Distribution.Normal)));
}
