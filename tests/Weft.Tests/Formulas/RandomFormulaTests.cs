using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Compiler.Verification;

namespace Weft.Tests.Formulas;

/// <summary>What the generator of random modules promises.</summary>
public class RandomFormulaTests
{
    [Fact]
    public void ModulesAreWellFormedAndDrawFromEveryNode()
    {
        var seen = new HashSet<Type>();
        var functions = new HashSet<TensorFunction>();
        var links = new HashSet<TensorFunction>();
        var properties = new HashSet<TensorProperty>();
        for (int seed = 0; seed < 2000; seed++)
        {
            Module module = RandomFormula.Create(seed);
            Assert.Null(ModuleVerifier.Fault(module));
            var interpreter = new Interpreter(module, Numbers.Values(module, new Random(seed)));
            Assert.Equal(2 * module.Outputs, interpreter.Evaluate(Numbers.Rows(module, new Random(seed), 2)).Length);

            foreach (Link link in module.Links.SelectMany(link => link is BranchLink branches ? branches.Branches.SelectMany(branch => branch).Append(link) : [link]))
            {
                seen.Add(link.GetType());
                links.UnionWith(link is FunctionLink function ? [function.Function] : []);
                IEnumerable<Operator> nodes = link is LinearLink linear ? linear.Operator.DescendantsAndSelf() : [];
                seen.UnionWith(nodes.Select(node => node.GetType()));
                IEnumerable<TensorExpression> tensors = link.Tensors().SelectMany(OperatorStructure.DescendantsAndSelf);
                seen.UnionWith(tensors.Select(tensor => tensor.GetType()));
                properties.UnionWith(tensors.OfType<ParameterTensor>().Select(tensor => tensor.Parameter.Property));
                functions.UnionWith(tensors.OfType<FunctionTensor>().Select(tensor => tensor.Function));
            }
        }

        Type[] all = [.. typeof(Operator).Assembly.GetTypes().Where(type => !type.IsAbstract
            && (type.IsSubclassOf(typeof(Operator)) || type.IsSubclassOf(typeof(TensorExpression)) || type.IsSubclassOf(typeof(Link))))];
        Assert.Empty(all.Except(seen));
        Assert.Empty(Enum.GetValues<TensorProperty>().Except(properties));
        Assert.Empty(TensorFunction.All.Values.Except(functions));
        Assert.Empty(TensorFunction.All.Values.Where(function => function.IsLink).Except(links));
    }

    [Fact]
    public void TheSameSeedGivesTheSameModule() =>
        Assert.Equal(AlgebraPrinter.Print(RandomFormula.Create(17)), AlgebraPrinter.Print(RandomFormula.Create(17)));

    [Fact]
    public void ShrinkingKeepsOnlyWhatFails()
    {
        // As if every Kronecker product inside a sum were wrong.
        static bool Fails(Module module) => module.Links.OfType<LinearLink>().Any(link => link.Operator.DescendantsAndSelf()
            .OfType<Sum>().Any(sum => sum.DescendantsAndSelf().Any(node => node is Kronecker)));

        Module[] failing = [.. Enumerable.Range(0, 600).Select(seed => RandomFormula.Create(seed)).Where(Fails)];
        Assert.True(failing.Length > 20);
        foreach (Module module in failing)
        {
            Module small = Shrinker.Shrink(module, Fails, attempts: 10_000);
            Assert.True(Fails(small));
            Assert.Null(ModuleVerifier.Fault(small));
            Assert.True(Shrinker.Weight(small) <= 36, AlgebraPrinter.Print(small));
        }
    }
}
