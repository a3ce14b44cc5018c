using System.Reflection;
using Microsoft.CodeAnalysis;

namespace Weft.Tests.Generators;

/// <summary>What a type has besides its passes: <see cref="WeftAttribute.Members"/>.</summary>
public class MembersTests
{
    private const string Grams = """
        operator gram(n, r) : n -> n
          param A[n, r]
          = A * A'
        """;

    /// <summary>Each member is held against what it means, for a formula whose parts the laws take in another order than it has them.</summary>
    [Fact]
    public void Members_AreComputedWithTheMapsParameters_WhateverTheyBecome()
    {
        const string source = """
            using System;
            using System.Linq;
            using Weft;

            internal static class Program
            {
                public static double[] Run()
                {
                    using var map = new Covariance();
                    map.Initialize(3);
                    double[] first = Errors(map);
                    using (var edit = map.Edit())
                    {
                        for (int i = 0; i < edit.All.Length; i++)
                        {
                            edit.All[i] = 1.5 * edit.All[i] + 0.01 * i;
                        }
                    }

                    return [.. first, .. Errors(map)];
                }

                private static double[] Errors(Covariance map)
                {
                    int n = map.Inputs;
                    double[] x = new double[n], y = new double[n], z = new double[n], w = new double[n], gradient = new double[map.TrainedCount], other = new double[map.TrainedCount];
                    for (int i = 0; i < n; i++)
                    {
                        x[i] = Math.Sin(i);
                    }

                    map.Forward(x, y);
                    map.Inverse.Forward(y, z);
                    double solved = Distance(x, z);
                    map.PseudoInverse.Forward(y, z);
                    double closest = Distance(x, z);
                    map.SquareRoot.Forward(x, z);
                    map.SquareRoot.Forward(z, w);
                    double root = Distance(y, w) / 100;

                    double[] dense = new double[n * n];
                    map.ToDense(dense);
                    double trace = Enumerable.Range(0, n).Sum(i => dense[i * n + i]) - map.Trace(gradient);

                    // Of a gradient of the trace the part of A is that of Σ over both places; of log det by differences along it.
                    const double step = 1e-6;
                    map.LogDeterminant(other);
                    double slope = other.Zip(gradient, (a, b) => a * b).Sum();
                    double up = Along(map, gradient, step), down = Along(map, gradient, -step);
                    return [solved, closest, root, trace / 100, ((up - down) / (2 * step) - slope) / (1 + Math.Abs(slope))];
                }

                private static double Along(Covariance map, double[] direction, double step)
                {
                    double[] before = map.Parameters.ToArray();
                    using (var edit = map.Edit())
                    {
                        for (int i = 0; i < direction.Length; i++)
                        {
                            edit.All[i] += step * direction[i];
                        }
                    }

                    double value = map.LogDeterminant();
                    using (var edit = map.Edit())
                    {
                        before.CopyTo(edit.All);
                    }

                    return value;
                }

                private static double Distance(double[] a, double[] b) => a.Zip(b, (p, q) => Math.Abs(p - q)).Max();
            }

            [Weft("kron(gram(6, 4), gram(5, 5)) + 0.5 * eye(30)", Scalar = WeftScalar.Double,
                Members = WeftMembers.Inverse | WeftMembers.PseudoInverse | WeftMembers.SquareRoot | WeftMembers.LogDeterminant | WeftMembers.Trace)]
            public partial class Covariance;
            """;
        GeneratorRun run = new GeneratorHost(source, ("/project/grams.weft", Grams)).Run().AssertClean();
        var image = new MemoryStream();
        Assert.True(run.Output.Emit(image).Success);

        double[] errors = (double[])Assembly.Load(image.ToArray()).GetType("Program")!.GetMethod("Run")!.Invoke(null, null)!;

        Assert.All(errors, error => Assert.InRange(Math.Abs(error), 0, 1e-7));
    }

    [Fact]
    public void Members_AreTypesWithinTheMaps()
    {
        GeneratorRun run = new GeneratorHost("""
            using Weft;
            namespace N { partial class Outer { [Weft("dense(4, 4)", Members = WeftMembers.Inverse | WeftMembers.LogDeterminant)] internal sealed partial class @class; } }
            """).Run().AssertClean();

        Assert.Equal(["N.Outer.class.InverseMap.g.cs", "N.Outer.class.LogDeterminantMap.g.cs", "N.Outer.class.g.cs"], run.Files);
        Assert.Equal(Accessibility.Public, run.Type("N.Outer+class+InverseMap").DeclaredAccessibility);
        Assert.Equal(Accessibility.Private, run.Type("N.Outer+class+LogDeterminantMap").DeclaredAccessibility);
        Assert.Contains("inverse(dense(4, 4))", run.Output.SyntaxTrees.Single(tree => tree.FilePath.EndsWith("InverseMap.g.cs", StringComparison.Ordinal)).ToString(), StringComparison.Ordinal);
        Snapshot.Match(Members(run.Output.SyntaxTrees.Single(tree => tree.FilePath.EndsWith(".class.g.cs", StringComparison.Ordinal)).ToString()));
    }

    /// <summary>What stands between the parameters and the passes.</summary>
    private static string Members(string code) =>
        code[code.IndexOf("        private InverseMap", StringComparison.Ordinal)..code.IndexOf("        private sealed unsafe class Passes", StringComparison.Ordinal)];

    [Theory]
    [InlineData("dense(3, 4)", "Inverse", "WEFT0110", "a square operator for 'inverse'")]
    [InlineData("low_rank(4, 4, 2)", "Inverse", "WEFT0110", "of rank 2 at most; 'pseudo_inverse' is for these")]
    [InlineData("dense(4, 4)", "SquareRoot", "WEFT0110", "an operator that is symmetric by its formula")]
    [InlineData("relu . dense(4, 4)", "Trace", "WEFT0110", "a linear map for 'Trace', found a layer")]
    public void MembersThatAMapHasNot_AreErrorsInItsFormula(string formula, string member, string id, string message)
    {
        GeneratorRun run = new GeneratorHost($"""[Weft.Weft("{formula}", Members = Weft.WeftMembers.{member})] partial class C;""").Run();

        Diagnostic diagnostic = Assert.Single(run.Diagnostics);
        Assert.Equal(id, diagnostic.Id);
        Assert.Contains(message, diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Equal(formula, diagnostic.Location.SourceTree is { } tree ? tree.ToString().Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length) : formula);
    }

    [Theory]
    [InlineData("partial class C { int Inverse => 1; }", "WEFT0409")]
    [InlineData("partial class InverseMap;", "WEFT0401")]
    public void NamesOfMembers_AreTaken(string type, string id)
    {
        GeneratorRun run = new GeneratorHost($"""[Weft.Weft("dense(4, 4)", Members = Weft.WeftMembers.Inverse)] {type}""").Run();

        Assert.Equal(id, Assert.Single(run.Diagnostics).Id);
    }

    /// <summary>A parameter gives way to a member of its name.</summary>
    [Fact]
    public void Parameters_GiveWay()
    {
        GeneratorRun run = new GeneratorHost(""""
            [Weft.Weft("""
                operator f : 4 -> 4
                  param inverse[4, 4], trace[4]
                  = inverse * diag(trace)
                """, Members = Weft.WeftMembers.Inverse)]
            partial class C;
            """").Run().AssertClean();

        Assert.Equal(["InverseParameter", "Trace"], run.Type("C").GetMembers().OfType<IPropertySymbol>().Select(property => property.Name).Where(name => name is "InverseParameter" or "Trace"));
    }
}
