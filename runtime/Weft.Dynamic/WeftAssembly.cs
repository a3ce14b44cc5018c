using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Weft.Compiler.Text;
using Weft.Compiler;
using Weft.Compiler.Emission;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Dynamic;

/// <summary>
/// Generated types, compiled together in memory. They can be collected once the assembly is disposed and no map of it is
/// in use any more.
/// </summary>
[RequiresDynamicCode("Compiles and loads code.")]
[RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
internal sealed class WeftAssembly : IDisposable
{
    /// <summary>Nobody reads warnings about null of code that is compiled and run: their analysis would be an eighth of the work.</summary>
    private static readonly CSharpParseOptions ParseOptions = new CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None)
        .WithFeatures([new("run-nullable-analysis", "never")]);

    private static readonly CSharpCompilationOptions CompilationOptions = new(
        OutputKind.DynamicallyLinkedLibrary,
        optimizationLevel: OptimizationLevel.Release,
        allowUnsafe: true,
        nullableContextOptions: NullableContextOptions.Enable);

    private static readonly Lazy<IReadOnlyList<MetadataReference>> References = new(FindReferences);

    private readonly LoadContext _context = new();
    private readonly Assembly _assembly;
    private bool _disposed;

    private WeftAssembly(Stream image) => _assembly = _context.LoadFromStream(image);

    /// <summary>Compiles bound modules, all in one compilation.</summary>
    /// <param name="units">Each module and how it becomes a type. The types' full names must differ.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="CompilationException">A module is too large.</exception>
    /// <exception cref="InvalidOperationException">The generated code does not compile, which is a mistake of the compiler.</exception>
    public static WeftAssembly Compile(
        IEnumerable<(Module Module, GenerateOptions Options)> units,
        CancellationToken cancellationToken = default)
    {
        using var image = new MemoryStream();
        Emit(units, image, cancellationToken);
        image.Position = 0;
        return new WeftAssembly(image);
    }

    /// <summary>Loads what <see cref="Emit"/> wrote.</summary>
    internal static WeftAssembly Load(Stream image) => new(image);

    /// <summary>Compiles bound modules into an assembly's file.</summary>
    internal static void Emit(IEnumerable<(Module Module, GenerateOptions Options)> units, Stream image, CancellationToken cancellationToken = default)
    {
        (Module Module, GenerateOptions Options)[] all = [.. units];
        IEnumerable<SyntaxTree> trees = Trees(all, cancellationToken);
        if (all.Any(unit => unit.Options.MapType is not null))
        {
            trees = trees.Append(CSharpSyntaxTree.ParseText(IlgpuEmitter.Device, ParseOptions, "Weft.Ilgpu.g.cs", cancellationToken: cancellationToken));
        }

        var compilation = CSharpCompilation.Create("Weft.Compiled", trees, References.Value, CompilationOptions);
        var result = compilation.Emit(image, cancellationToken: cancellationToken);
        if (!result.Success)
        {
            IEnumerable<string> errors = result.Diagnostics
                .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
                .Take(10)
                .Select(diagnostic => diagnostic.ToString());
            throw new InvalidOperationException("The generated code does not compile:\n" + string.Join('\n', errors));
        }
    }

    private static SyntaxTree[] Trees((Module Module, GenerateOptions Options)[] units, CancellationToken cancellationToken)
    {
        try
        {
            return [.. units
                .AsParallel()
                .AsOrdered()
                .WithCancellation(cancellationToken)
                .Select(unit => CSharpSyntaxTree.ParseText(
                    ModuleCompiler.Compile(unit.Module, unit.Options, cancellationToken).Code,
                    ParseOptions,
                    unit.Options.TypeName + ".g.cs",
                    cancellationToken: cancellationToken))];
        }
        catch (AggregateException exception) when (exception.InnerException is CompilationException inner)
        {
            ExceptionDispatchInfo.Throw(inner);
            throw;
        }
    }

    /// <summary>Makes a map of one of the types.</summary>
    /// <typeparam name="T">The element type that the type was generated for.</typeparam>
    /// <param name="typeName">The type's name with its namespace.</param>
    /// <exception cref="ArgumentException">There is no such type, or it has another element type.</exception>
    /// <exception cref="ObjectDisposedException">The assembly is disposed.</exception>
    public Map<T> Create<T>(string typeName)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Type type = Find(typeName);
        return type.IsSubclassOf(typeof(Map<T>))
            ? (Map<T>)Activator.CreateInstance(type)!
            : throw new ArgumentException($"'{typeName}' is not a map of {typeof(T).Name}.", nameof(typeName));
    }

    /// <summary>One of the types.</summary>
    internal Type Find(string typeName)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _assembly.GetType(typeName) ?? throw new ArgumentException($"There is no type '{typeName}'.", nameof(typeName));
    }

    /// <summary>Gives the code up: it is unloaded when the last of its maps is.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _context.Unload();
        }
    }

    private static List<MetadataReference> FindReferences()
    {
        var paths = ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Concat(RuntimeAssemblies.Select(assembly => assembly.Location))
            .Where(path => path.Length > 0)
            .DistinctBy(Path.GetFileName)
            .ToList();
        return paths.Count > 0
            ? paths.ConvertAll<MetadataReference>(path => MetadataReference.CreateFromFile(path))
            : throw new PlatformNotSupportedException("Compiling at run time needs the program's assemblies as files: publish it without PublishSingleFile.");
    }

    /// <summary>The runtime, and what it has in common with the compiler.</summary>
    private static Assembly[] RuntimeAssemblies { get; } = [typeof(Map<>).Assembly, typeof(Role).Assembly];

    /// <summary>Resolves the runtime to the one that this program already uses, whichever context that is in.</summary>
    private sealed class LoadContext() : AssemblyLoadContext("Weft", isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName assemblyName) =>
            RuntimeAssemblies.FirstOrDefault(assembly => assembly.GetName().Name == assemblyName.Name);
    }
}
