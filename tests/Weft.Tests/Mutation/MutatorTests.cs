using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Weft.Mutation;

namespace Weft.Tests.Mutation;

/// <summary>Mutants of a small source: what they are, and what each gives.</summary>
public class MutatorTests
{
    private const string Source =
        """
        using System.Collections.Generic;
        using System.Linq;

        public static class Small
        {
            private const int Most = 3;

            public static string Run()
            {
                var numbers = new List<int>();
                for (int i = 5; i > 0; i--)
                {
                    if (i == 2)
                    {
                        continue;
                    }

                    numbers.Add(i);
                }

                object first = numbers.Where(number => number > 1).OrderBy(number => number).First();
                int total = first is int start && start - 1 < Most ? start : 0;
                total += System.Math.Max(numbers[0], Most);
                return Pair(total, numbers.Count);
            }

            private static string Pair(int a, int b) => $"{a} {b} {!(a < b || false)}";
        }
        """;

    [Fact]
    public void AllAreInOneCompilation_EachDoesWhatItSays()
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText(Source, path: "Small.cs");
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Small",
            [tree, CSharpSyntaxTree.ParseText(Mutator.Switch)],
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        var mutator = new Mutator(compilation.GetSemanticModel(tree));
        Dictionary<int, int> all = Enumerable.Range(0, mutator.Mutants.Count).ToDictionary(number => number);
        using var image = new MemoryStream();
        var result = compilation.ReplaceSyntaxTree(tree, tree.WithRootAndOptions(mutator.With(all), tree.Options)).Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        Assembly assembly = Assembly.Load(image.ToArray());
        FieldInfo active = assembly.GetType("Weft.Mutants")!.GetField("Active")!;
        string Run()
        {
            try
            {
                return (string)assembly.GetType("Small")!.GetMethod("Run")!.Invoke(null, null)!;
            }
            catch (TargetInvocationException exception)
            {
                return exception.InnerException!.GetType().Name;
            }
        }

        Assert.Equal("8 4 True", Run());
        Snapshot.Match(string.Concat(mutator.Mutants.Select((mutant, number) =>
        {
            active.SetValue(null, number);
            return $"{mutant.Place}: {mutant.Before}  ->  {mutant.After}  gives {Run()}\n";
        })));
    }
}
