using System.Globalization;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Weft.Mutation;

/// <summary>A project, compiled with mutants in some of its folders.</summary>
internal sealed class MutatedAssembly
{
    private const int MostRounds = 12;

    private readonly CSharpCompilation _original;
    private readonly Dictionary<int, Mutant> _mutants = [];

    private MutatedAssembly(CSharpCompilation original) => _original = original;

    /// <summary>The mutants that are in it, by their numbers.</summary>
    public IReadOnlyDictionary<int, Mutant> Mutants => _mutants;

    /// <summary>The folder of each mutant.</summary>
    public Dictionary<int, string> Folders { get; } = [];

    /// <summary>How many places each folder has that can be mutated.</summary>
    public Dictionary<string, int> Places { get; } = [];

    /// <summary>How many of a folder's sample do not compile.</summary>
    public Dictionary<string, int> Refused { get; } = [];

    /// <summary>Chooses mutants and compiles.</summary>
    /// <param name="project">The project's folder, built before: what the build generates and embeds is taken from there.</param>
    /// <param name="built">The assembly as it was built, whose resources the mutated one has too.</param>
    /// <param name="folders">The folders to mutate, below the project's.</param>
    /// <param name="count">How many mutants of each folder.</param>
    /// <param name="seed">Chooses them.</param>
    /// <param name="target">Where the mutated assembly is written.</param>
    public static MutatedAssembly Create(string project, string built, IReadOnlyList<string> folders, int count, int seed, string target)
    {
        string file = Directory.GetFiles(project, "*.csproj").Single();
        XElement[] properties = [.. XDocument.Load(file).Descendants()];
        string[] removed = [.. properties.Where(element => element.Name == "Compile").Select(element => (string?)element.Attribute("Remove")).OfType<string>().Select(path => Path.GetFullPath(path, project))];
        string[] generated = Directory.GetFiles(Path.Combine(project, "obj", "Release"), "*.cs", SearchOption.AllDirectories);
        string[] sources =
        [
            .. Directory.GetFiles(project, "*.cs", SearchOption.AllDirectories)
                .Where(path => !Path.GetRelativePath(project, path).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
                .Except(removed)
                .Order(StringComparer.Ordinal),
            .. generated.Where(path => path.EndsWith(".AssemblyInfo.cs", StringComparison.Ordinal) || path.EndsWith(".GlobalUsings.g.cs", StringComparison.Ordinal)),
        ];
        var parse = new CSharpParseOptions(LanguageVersion.Preview, DocumentationMode.None);
        var options = new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            optimizationLevel: OptimizationLevel.Release,
            checkOverflow: properties.Any(element => element.Name == "CheckForOverflowUnderflow" && element.Value == "true"),
            allowUnsafe: true,
            nullableContextOptions: NullableContextOptions.Annotations);
        CSharpCompilation compilation = CSharpCompilation.Create(
            Path.GetFileNameWithoutExtension(built),
            sources.Select(path => CSharpSyntaxTree.ParseText(SourceText.From(File.ReadAllText(path)), parse, path)),
            References(built),
            options);
        var result = new MutatedAssembly(compilation);
        SyntaxTree[] trees = [.. compilation.SyntaxTrees];
        var chosen = new Dictionary<SyntaxTree, (Mutator Mutator, Dictionary<int, int> Numbers)>();
        foreach (string folder in folders)
        {
            string prefix = Path.Combine(project, folder) + Path.DirectorySeparatorChar;
            Mutator[] mutators = [.. trees.Where(tree => tree.FilePath.StartsWith(prefix, StringComparison.Ordinal)).Select(tree => new Mutator(compilation.GetSemanticModel(tree)))];
            (Mutator Mutator, int Position, Mutant Mutant)[] all = [.. mutators.SelectMany(mutator => mutator.Mutants.Select((mutant, position) => (mutator, position, mutant)))];
            result.Places[folder] = all.Length;
            result.Refused[folder] = 0;
            foreach ((Mutator mutator, int position, Mutant mutant) in Sample(all, count, seed))
            {
                if (!chosen.TryGetValue(mutator.Tree, out (Mutator, Dictionary<int, int> Numbers) entry))
                {
                    chosen[mutator.Tree] = entry = (mutator, []);
                }

                int number = result._mutants.Count;
                entry.Numbers[position] = number;
                result._mutants[number] = mutant;
                result.Folders[number] = folder;
            }
        }

        result.Emit(chosen.Values, ResourcesOf(built), target);
        return result;
    }

    private static T[] Sample<T>(T[] all, int count, int seed)
    {
        T[] shuffled = [.. all];
        new Random(seed).Shuffle(shuffled);
        return shuffled[..Math.Min(count, shuffled.Length)];
    }

    /// <summary>Compiles; mutants that are the reason why it fails are left out.</summary>
    private void Emit(IReadOnlyCollection<(Mutator Mutator, Dictionary<int, int> Numbers)> chosen, ResourceDescription[] resources, string target)
    {
        for (int round = 0; round < MostRounds; round++)
        {
            CSharpCompilation compilation = _original.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Mutator.Switch, (CSharpParseOptions)_original.SyntaxTrees[0].Options));
            foreach ((Mutator mutator, Dictionary<int, int> numbers) in chosen)
            {
                compilation = compilation.ReplaceSyntaxTree(mutator.Tree, mutator.Tree.WithRootAndOptions(mutator.With(numbers), mutator.Tree.Options));
            }

            using (FileStream image = File.Create(target))
            {
                var result = compilation.Emit(image, manifestResources: resources);
                if (result.Success)
                {
                    return;
                }

                Diagnostic[] errors = [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
                HashSet<int> wrong = [.. errors.SelectMany(Reasons)];
                if (wrong.Count == 0)
                {
                    throw new InvalidOperationException($"The project does not compile here: {string.Join('\n', errors.Take(5).Select(error => error.ToString()))}");
                }

                foreach (int number in wrong)
                {
                    Refused[Folders[number]]++;
                    _mutants.Remove(number);
                }

                foreach ((_, Dictionary<int, int> numbers) in chosen)
                {
                    foreach ((int position, _) in numbers.Where(pair => wrong.Contains(pair.Value)).ToList())
                    {
                        numbers.Remove(position);
                    }
                }
            }
        }

        throw new InvalidOperationException($"Mutants that do not compile are left after {MostRounds} rounds.");
    }

    /// <summary>The mutants that an error is in; where it is in none, those of the member that it is in.</summary>
    private IEnumerable<int> Reasons(Diagnostic error)
    {
        if (error.Location.SourceTree?.GetRoot().FindNode(error.Location.SourceSpan, getInnermostNodeForTie: true) is not { } node)
        {
            return [];
        }

        // A constant that another one, or a pattern, is made of has to stay one.
        string[] names = [.. node.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>().Select(name => name.Identifier.Text)];
        int[] constants =
        [
            .. _mutants.Where(pair => pair.Value.Constant is { } name && names.Contains(name)).Select(pair => pair.Key),
        ];
        if (error.Id is "CS0133" or "CS0150" or "CS9135" or "CS1736" or "CS0182" && constants.Length > 0)
        {
            return constants;
        }

        SyntaxNode? mutated = node.AncestorsAndSelf().FirstOrDefault(parent => parent.HasAnnotations(Mutator.Mark));
        SyntaxNode? around = mutated ?? node.AncestorsAndSelf().FirstOrDefault(parent => parent is MemberDeclarationSyntax);
        return around is null ? [] : (mutated is null ? around.GetAnnotatedNodes(Mutator.Mark) : [mutated])
            .SelectMany(one => one.GetAnnotations(Mutator.Mark))
            .Select(annotation => int.Parse(annotation.Data!, CultureInfo.InvariantCulture));
    }

    /// <summary>This process's framework, and what lies beside the built assembly.</summary>
    private static IEnumerable<MetadataReference> References(string built) => ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
        .Split(Path.PathSeparator)
        .Where(path => Path.GetDirectoryName(path) != AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))
        .Concat(new[] { "Sprache.dll", "System.Numerics.Tensors.dll", "Weft.Vocabulary.dll" }.Select(name => Path.Combine(Path.GetDirectoryName(built)!, name)))
        .Select(path => MetadataReference.CreateFromFile(path));

    private static ResourceDescription[] ResourcesOf(string built)
    {
        System.Reflection.Assembly assembly = System.Reflection.Assembly.LoadFile(built);
        return [.. assembly.GetManifestResourceNames().Select(name => new ResourceDescription(name, () => assembly.GetManifestResourceStream(name)!, isPublic: true))];
    }
}
