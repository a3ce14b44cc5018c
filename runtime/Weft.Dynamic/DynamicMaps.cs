using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Dynamic;

/// <summary>Weft at run time: the road that the generator takes at build time, for texts that are known only now.</summary>
[RequiresDynamicCode("Compiles and loads code.")]
[RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
public static class DynamicMaps
{
    /// <summary>Compiles a text of declarations: every one without parameters becomes a map.</summary>
    /// <param name="text">What a <c>.weft</c> file would hold. It may use the standard library.</param>
    /// <param name="path">What messages call the text.</param>
    /// <param name="batch">The number of rows that plans are made for.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="WeftException">The text is not valid.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batch"/> is less than 1.</exception>
    public static CompiledWeft Compile(
        string text, string path = "text.weft", int batch = 64, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        var source = new SourceText(path, text);
        ParsedFile file = WeftCompiler.Parse(source);
        BindResult result = WeftCompiler.Bind([file], cancellationToken);
        return Own([.. file.Diagnostics, .. result.Diagnostics], result, source, batch);
    }

    /// <summary>Compiles one formula, such as <c>monarch(1024, 32)</c>.</summary>
    /// <param name="formula">A formula over the standard library.</param>
    /// <param name="name">The name that its map gets.</param>
    /// <param name="batch">The number of rows that plans are made for.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="WeftException">The formula is not valid.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batch"/> is less than 1.</exception>
    public static CompiledWeft CompileFormula(
        string formula, string name = "Formula", int batch = 64, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(formula);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        var source = new SourceText("formula", formula);
        BindResult result = WeftCompiler.BindFormula(source, [], name, cancellationToken);
        return Own(result.Diagnostics, result, source, batch);
    }

    private static CompiledWeft Own(IEnumerable<Diagnostic> diagnostics, BindResult result, SourceText source, int batch)
    {
        if (diagnostics.Any(diagnostic => diagnostic.Severity == Severity.Error))
        {
            throw new WeftException(diagnostics.Distinct(), [source]);
        }

        return new CompiledWeft(result, [.. diagnostics.Distinct()], source, batch);
    }
}

/// <summary>The maps of a text. Its code is compiled when the first map of an element type is made.</summary>
[RequiresDynamicCode("Compiles and loads code.")]
[RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
public sealed class CompiledWeft : IDisposable
{
    private readonly Lazy<WeftAssembly> _float;
    private readonly Lazy<WeftAssembly> _double;
    private readonly EquatableArray<Origin> _origins;
    private readonly SourceText _source;
    private bool _disposed;

    internal CompiledWeft(BindResult bound, ImmutableArray<Diagnostic> diagnostics, SourceText source, int batch)
    {
        Modules = [.. bound.Modules];
        (_origins, _source) = (bound.Origins, source);
        Diagnostics = diagnostics;
        _float = new(() => Compile(Scalar.Float, batch));
        _double = new(() => Compile(Scalar.Double, batch));
    }

    /// <summary>The bound declarations.</summary>
    public ImmutableArray<Module> Modules { get; }

    /// <summary>Warnings and information.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; }

    /// <summary>Makes a map of floats.</summary>
    /// <param name="name">The name of a declaration.</param>
    /// <exception cref="ArgumentException">Nothing is declared under the name.</exception>
    /// <exception cref="WeftException">A declaration is too large to be compiled.</exception>
    /// <exception cref="ObjectDisposedException">This is disposed.</exception>
    public Map<float> CreateFloat(string name) => Create<float>(_float, name);

    /// <summary>Makes a map of doubles.</summary>
    /// <inheritdoc cref="CreateFloat"/>
    public Map<double> CreateDouble(string name) => Create<double>(_double, name);

    /// <summary>Gives the code up: it is unloaded when the last of its maps is.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (Lazy<WeftAssembly> assembly in new[] { _float, _double })
        {
            if (assembly.IsValueCreated)
            {
                assembly.Value.Dispose();
            }
        }
    }

    private WeftAssembly Compile(Scalar scalar, int batch)
    {
        try
        {
            return WeftAssembly.Compile(Modules.Select((module, index) => (module, new GenerateOptions(TypeName(index), Scalar: scalar, Batch: batch))));
        }
        catch (CompilationException exception)
        {
            TextSpan place = _origins.FirstOrDefault(origin => origin.Name.Length > 0 && _source.Slice(origin.Name) == exception.Module)?.Name ?? new TextSpan(0, _source.Text.Length);
            throw new WeftException([exception.At(_source.Path, place)], [_source]);
        }
    }

    private Map<T> Create<T>(Lazy<WeftAssembly> assembly, string name)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        for (int i = 0; i < Modules.Length; i++)
        {
            if (Modules[i].Name == name)
            {
                return assembly.Value.Create<T>(TypeName(i));
            }
        }

        throw new ArgumentException(
            $"Nothing is declared as '{name}'. There is: {string.Join(", ", Modules.Select(module => module.Name))}.", nameof(name));
    }

    // Declarations' names are not C#'s: two may even become the same one.
    private static string TypeName(int index) => FormattableString.Invariant($"Map{index}");
}
