using System.Globalization;
using Weft.Kernels;

namespace Weft;

/// <summary>A cache for data.</summary>
/// <param name="Bytes">Its size; 0 where there is none.</param>
/// <param name="Ways">Lines of one of its sets; 0 where that is not known.</param>
/// <param name="Line">Bytes of a line.</param>
/// <param name="Sharing">How many processors of the system share it.</param>
public readonly record struct Cache(long Bytes, int Ways, int Line, int Sharing);

/// <summary>
/// What the computer has that runs the process: found once, when it is first asked for. Rows of a chunk and the order of tiles follow from it; results do
/// not.
/// </summary>
public sealed class Machine
{
    /// <summary>What is written instead of a size that is not understood.</summary>
    private const string Expected =
        "expected parts like l1=32K/8, l2=512K/8, l3=4M/16/8 and cores=4, separated by commas: bytes (K and M for KiB and MiB), ways, processors that share the cache";

    /// <summary>
    /// What is counted on of a last cache at most, in bytes: of a large one others use their parts, in a virtual machine some that it does not see. The
    /// threads of a call share the weights that are in it.
    /// </summary>
    private const long MostOfLastLevel = 16 << 20;

    private static readonly string[] Keys = ["l1", "l2", "l3", "cores"];

    private readonly Cache[] caches;
    private readonly string[] pinned;

    /// <param name="name">The processor's name.</param>
    /// <param name="caches">The caches, nearest first.</param>
    /// <param name="cores">Processors that the process may use.</param>
    /// <param name="pinned">What was not found but said, by its place among <see cref="Keys"/>; null for the rest.</param>
    internal Machine(string name, ReadOnlySpan<Cache> caches, int cores, ReadOnlySpan<string> pinned = default)
    {
        (Name, Cores, this.caches, this.pinned) = (name, cores, caches.ToArray(), pinned.IsEmpty ? ["", "", "", ""] : pinned.ToArray());
        int threads = Math.Max(1, FirstLevel.Sharing);
        SecondLevelOfCore = SecondLevel.Bytes / Math.Max(1, SecondLevel.Sharing / threads);
        LastLevel = Math.Min(MostOfLastLevel, Math.Max(ThirdLevel.Bytes, SecondLevel.Bytes));
    }

    /// <summary>The processor's name.</summary>
    public string Name { get; }

    /// <summary>Bits of the widest vectors that the process uses; 0 for none. What the .NET runtime allows decides it: <c>DOTNET_EnableAVX512=0</c>.</summary>
    public int VectorBits => Processor.VectorBits;

    /// <summary>Vector registers.</summary>
    public int VectorRegisters => Processor.Registers;

    /// <summary>The first-level cache for data.</summary>
    public Cache FirstLevel => caches[0];

    /// <summary>The second-level cache.</summary>
    public Cache SecondLevel => caches[1];

    /// <summary>The third-level cache, if there is one.</summary>
    public Cache ThirdLevel => caches[2];

    /// <summary>Processors that the process may use at once: at most what a container's limits allow.</summary>
    public int Cores { get; }

    /// <summary>What was said rather than found, as <see cref="Pin"/> reads it; empty for nothing.</summary>
    public string Pinned => string.Join(',', pinned.Where(part => part.Length > 0));

    /// <summary>The second-level cache that a core has for itself, in bytes: its part where cores share one.</summary>
    internal long SecondLevelOfCore { get; }

    /// <summary>What a core can count on of the last cache before memory, in bytes.</summary>
    internal long LastLevel { get; }

    /// <summary>
    /// The machine with some of its parts as they are said to be: <c>l1=32K/8,l2=512K/8,l3=4M/16/8,cores=4</c>. A cache is its size in bytes (K and M for KiB
    /// and MiB), then its ways (else not known), then how many processors share it (else one).
    /// </summary>
    /// <exception cref="FormatException">The text says something else.</exception>
    public Machine Pin(string parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        (Cache[] changed, string[] said, int cores) = ([.. caches], [.. pinned], Cores);
        foreach (string part in parts.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] sides = part.Split('=', StringSplitOptions.TrimEntries);
            int key = sides.Length == 2 ? Array.IndexOf(Keys, sides[0].ToLowerInvariant()) : -1;
            string[] values = key < 0 ? [] : sides[1].Split('/');
            long[] numbers = [.. values.Select((value, i) => Number(value, isSize: i == 0 && key < changed.Length))];
            bool isRight = numbers.Length > 0 && numbers.Length <= (key < changed.Length ? 3 : 1)
                && numbers.Skip(1).All(number => number > 0) && numbers[0] >= (key == 2 ? 0 : 1);
            if (!isRight)
            {
                throw new FormatException($"'{part}' is no part of a machine: {Expected}.");
            }

            said[key] = $"{Keys[key]}={sides[1]}";
            if (key < changed.Length)
            {
                changed[key] = new Cache(numbers[0], numbers.Length > 1 ? (int)numbers[1] : 0, changed[key].Line, numbers.Length > 2 ? (int)numbers[2] : 1);
            }
            else
            {
                cores = (int)numbers[0];
            }
        }

        return new Machine(Name, changed, cores, said);
    }

    /// <summary>The machine in some lines.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        {Name}
        vectors  {(VectorBits > 0 ? $"{VectorBits} bits, {VectorRegisters} registers" : "none")}
        L1       {Describe(FirstLevel)}
        L2       {Describe(SecondLevel)}
        L3       {Describe(ThirdLevel)}
        cores    {Cores}
        pinned   {(Pinned.Length > 0 ? Pinned : "nothing")}
        """);

    private static string Describe(Cache cache) => cache.Bytes == 0 ? "none" : string.Create(
        CultureInfo.InvariantCulture,
        $"{(cache.Bytes % (1 << 20) == 0 ? $"{cache.Bytes >> 20} MiB" : $"{cache.Bytes / 1024.0:0.##} KiB")}{(cache.Ways > 0 ? $", {cache.Ways} ways" : "")}, lines of {cache.Line} bytes{(cache.Sharing > 1 ? $", shared by {cache.Sharing}" : "")}");

    /// <summary>A number from 0 to what an int holds; -1 for what is none.</summary>
    private static long Number(string text, bool isSize)
    {
        (string digits, int shift) = text switch
        {
            [.. var number, 'K' or 'k'] when isSize => (number, 10),
            [.. var number, 'M' or 'm'] when isSize => (number, 20),
            _ => (text, 0),
        };
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && (long)value << shift <= int.MaxValue ? (long)value << shift : -1;
    }
}
