using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Operations;

/// <summary>Makes the storages of a program, and gives them names.</summary>
public sealed class StoragePool
{
    private readonly List<Storage> _storages = [];
    private int _names;

    /// <summary>All of them, in the order in which they were made.</summary>
    public IReadOnlyList<Storage> Storages => _storages;

    /// <summary>What is derived from parameters.</summary>
    public IEnumerable<Storage> Derived => _storages.Where(storage => storage is { Space: Space.Weights, IsParameter: false });

    public Storage NewParameter(Parameter parameter) => Add(new Storage(parameter.Name, Space.Weights, parameter.Length)
    {
        IsParameter = true,
        IsTrained = parameter.Role == Role.Trained,
    });

    /// <summary>A weight that a program writes, once per update.</summary>
    public Storage NewWeight(string name, int length, bool trained, StorageFormat? format = null, Storage? rounds = null) =>
        Add(new Storage(name, Space.Weights, length) { IsTrained = trained, Format = format, Rounds = rounds });

    /// <summary>A copy of a weight in another order.</summary>
    public Storage NewCopy(Storage source, long length, StorageFormat? format = null, bool trained = true) => Add(
        new Storage(source.Name, Space.Weights, Limits.Fit(length, "a packed copy")) { IsTrained = trained && source.IsTrained, IsPacked = true, PackedFormat = format });

    /// <summary>A vector of each row.</summary>
    public Storage NewScratch(string name, int length, int pitch) => Add(new Storage(name, Space.Scratch, length) { Pitch = pitch });

    /// <summary>The states of a scan of each row.</summary>
    public Storage NewState(string name, int length) => Add(new Storage(name, Space.Scratch, length) { IsState = true });

    /// <summary>Noise of each row.</summary>
    public Storage NewNoise(string name, int length) => Add(new Storage(name, Space.Scratch, length) { IsNoise = true });

    public string NewName(string stem) => stem + (++_names).ToString(CultureInfo.InvariantCulture);

    /// <summary>Its number among them; −1 for the rows of x and y.</summary>
    public int IndexOf(Storage storage) => _storages.IndexOf(storage);

    public void Remove(Storage storage) => _storages.Remove(storage);

    private Storage Add(Storage storage)
    {
        _storages.Add(storage);
        return storage;
    }
}
