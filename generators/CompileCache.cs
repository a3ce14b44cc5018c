using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Generators.Models;

namespace Weft.Generators;

/// <summary>
/// Remembers what units became, by value. The driver remembers by position: a declaration that is added before others
/// would otherwise compile them all again.
/// </summary>
internal sealed class CompileCache(Func<Module, GenerateOptions, CancellationToken, GeneratedType> compile)
{
    private const int Capacity = 1024;

    private readonly Dictionary<Unit, GeneratedFile> _files = [];

    public GeneratedFile Get(Unit unit, CancellationToken cancellationToken)
    {
        lock (_files)
        {
            if (_files.TryGetValue(unit, out GeneratedFile? known))
            {
                return known;
            }
        }

        GeneratedFile file = Compile(unit, cancellationToken);
        lock (_files)
        {
            if (_files.Count >= Capacity)
            {
                _files.Clear();
            }

            _files[unit] = file;
        }

        return file;
    }

    private GeneratedFile Compile(Unit unit, CancellationToken cancellationToken)
    {
        try
        {
            GeneratedType type = compile(unit.Module, unit.Options, cancellationToken);
            return new GeneratedFile(unit.TypeName, unit.HintName, type.Code, type.Warning);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new GeneratedFile(unit.TypeName, unit.HintName, Code: null, Failures.Of(exception));
        }
    }
}
