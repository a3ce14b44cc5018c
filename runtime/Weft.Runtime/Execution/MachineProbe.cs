using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Weft.Execution;

/// <summary>Finds out what machine this is, by what the system says or, where it says nothing, the processor.</summary>
internal static unsafe partial class MachineProbe
{
    /// <summary>The environment variable that pins parts of the machine.</summary>
    public const string Variable = "WEFT_MACHINE";

    /// <summary>Where Linux describes the caches of the first processor.</summary>
    private const string Caches = "/sys/devices/system/cpu/cpu0/cache";

    private const int Levels = 3;

    /// <summary>What almost every machine has, for levels that nobody tells of.</summary>
    private static readonly Cache[] Common = [new(32 << 10, 8, 64, 1), new(512 << 10, 8, 64, 1), new(8 << 20, 16, 64, 1)];

    /// <summary>The machine, with what the environment pins.</summary>
    /// <exception cref="FormatException">The environment's text is wrong.</exception>
    public static Machine Probe()
    {
        var found = new Cache[Levels];
        string? name = X86Base.IsSupported ? BrandOf(&CpuId) : null;
        if (OperatingSystem.IsLinux() || OperatingSystem.IsAndroid())
        {
            ReadFolder(Caches, found);
        }
        else if (OperatingSystem.IsWindows())
        {
            ReadWindows(found);
        }
        else if (OperatingSystem.IsMacOS() || OperatingSystem.IsIOS())
        {
            name ??= SystemText("machdep.cpu.brand_string");
            ReadMacOS(found);
        }

        if (found[0].Bytes == 0 && X86Base.IsSupported)
        {
            ReadProcessor(&CpuId, found);
        }

        // A machine of which the first two levels are known may have no third one.
        int known = found[0].Bytes > 0 && found[1].Bytes > 0 ? Levels : 0;
        for (int level = known; level < Levels; level++)
        {
            found[level] = found[level].Bytes > 0 ? found[level] : Common[level];
        }

        var machine = new Machine(name ?? RuntimeInformation.ProcessArchitecture.ToString(), found, Environment.ProcessorCount);
        try
        {
            return machine.Pin(Environment.GetEnvironmentVariable(Variable) ?? "");
        }
        catch (FormatException exception)
        {
            throw new FormatException($"{Variable}: {exception.Message}", exception);
        }
    }

    /// <summary>Reads what Linux says: a folder for each cache, a file for each fact.</summary>
    /// <param name="folder">The folder of a processor's caches.</param>
    /// <param name="found">The caches by level; added to.</param>
    public static void ReadFolder(string folder, Span<Cache> found)
    {
        try
        {
            for (int index = 0; Directory.Exists($"{folder}/index{index}"); index++)
            {
                int level = Number(Fact("level")) - 1;
                if (level >= 0 && level < found.Length && Fact("type") is "Data" or "Unified")
                {
                    int line = Number(Fact("coherency_line_size"));
                    found[level] = new Cache(Size(Fact("size")), Number(Fact("ways_of_associativity")), line > 0 ? line : Common[level].Line, Count(Fact("shared_cpu_list")));
                }

                string Fact(string name) => File.Exists($"{folder}/index{index}/{name}") ? File.ReadAllText($"{folder}/index{index}/{name}").Trim() : "";
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What is kept from the process it does without.
        }

        static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        static long Size(string text) => text is [.. var number, 'K'] ? (long)Number(number) << 10 : text is [.. var many, 'M'] ? (long)Number(many) << 20 : Number(text);

        // "0-3,8-11"
        static int Count(string list) => Math.Max(1, list.Split(',').Sum(range => range.Split('-') is [var first, var last] ? Number(last) - Number(first) + 1 : 1));
    }

    /// <summary>One leaf of what an x86 processor says of itself.</summary>
    private static (uint Eax, uint Ebx, uint Ecx, uint Edx) CpuId(uint leaf, uint part)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)part);
        return ((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }

    /// <summary>Reads the deterministic cache parameters: leaf 4 of Intel's processors, 8000001D of AMD's, which look alike.</summary>
    /// <param name="cpuId">One leaf by its number and part.</param>
    /// <param name="found">The caches by level; added to.</param>
    public static void ReadProcessor(delegate*<uint, uint, (uint Eax, uint Ebx, uint Ecx, uint Edx)> cpuId, Span<Cache> found)
    {
        const uint Extended = 0x8000_0000, Intel = 4, Amd = 0x8000_001D;
        uint leaf = cpuId(0, 0).Eax >= Intel && (cpuId(Intel, 0).Eax & 31) != 0 ? Intel : cpuId(Extended, 0).Eax >= Amd ? Amd : 0;
        for (uint part = 0; leaf != 0 && part < 16; part++)
        {
            (uint eax, uint ebx, uint ecx, _) = cpuId(leaf, part);
            (uint type, int level) = (eax & 31, (int)(eax >> 5 & 7) - 1);
            if (type == 0)
            {
                return;
            }

            // Data, or data and instructions.
            if (type is 1 or 3 && level >= 0 && level < found.Length)
            {
                (uint line, uint partitions, uint ways, uint sets) = ((ebx & 0xFFF) + 1, (ebx >> 12 & 0x3FF) + 1, (ebx >> 22) + 1, ecx + 1);
                found[level] = new Cache((long)line * partitions * ways * sets, (int)ways, (int)line, (int)(eax >> 14 & 0xFFF) + 1);
            }
        }
    }

    /// <summary>The name that an x86 processor gives itself, or null.</summary>
    private static string? BrandOf(delegate*<uint, uint, (uint Eax, uint Ebx, uint Ecx, uint Edx)> cpuId)
    {
        const uint Extended = 0x8000_0000, First = 0x8000_0002, Last = 0x8000_0004;
        if (cpuId(Extended, 0).Eax < Last)
        {
            return null;
        }

        Span<byte> text = stackalloc byte[48];
        for (uint leaf = First; leaf <= Last; leaf++)
        {
            (uint eax, uint ebx, uint ecx, uint edx) = cpuId(leaf, 0);
            Span<byte> part = text[(16 * (int)(leaf - First))..];
            BinaryPrimitives.WriteUInt32LittleEndian(part, eax);
            BinaryPrimitives.WriteUInt32LittleEndian(part[4..], ebx);
            BinaryPrimitives.WriteUInt32LittleEndian(part[8..], ecx);
            BinaryPrimitives.WriteUInt32LittleEndian(part[12..], edx);
        }

        string name = Encoding.ASCII.GetString(text).TrimEnd('\0').Trim();
        return name.Length > 0 ? name : null;
    }

    private static void ReadWindows(Span<Cache> found)
    {
        const int RelationCache = 2;
        int length = 0;
        GetLogicalProcessorInformationEx(RelationCache, null, ref length);
        byte[] buffer = new byte[length];
        fixed (byte* p = buffer)
        {
            if (GetLogicalProcessorInformationEx(RelationCache, p, ref length) != 0)
            {
                ReadRecords(buffer.AsSpan(0, length), found);
            }
        }
    }

    /// <summary>Reads what Windows says: a SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX with a CACHE_RELATIONSHIP for each cache; the first one of a level counts.</summary>
    /// <param name="records">The records.</param>
    /// <param name="found">The caches by level; added to.</param>
    public static void ReadRecords(ReadOnlySpan<byte> records, Span<Cache> found)
    {
        const int Least = 48, Unified = 0, Data = 2;
        while (records.Length >= Least && BinaryPrimitives.ReadInt32LittleEndian(records[4..]) is var size && size >= Least && size <= records.Length)
        {
            int level = records[8] - 1;
            int type = BinaryPrimitives.ReadInt32LittleEndian(records[16..]);
            if (level >= 0 && level < found.Length && type is Unified or Data && found[level].Bytes == 0)
            {
                found[level] = new Cache(
                    BinaryPrimitives.ReadUInt32LittleEndian(records[12..]),
                    records[9] == byte.MaxValue ? 0 : records[9], // 255: fully associative
                    BinaryPrimitives.ReadUInt16LittleEndian(records[10..]),
                    Math.Max(1, BitOperations.PopCount(BinaryPrimitives.ReadUInt64LittleEndian(records[40..]))));
            }

            records = records[size..];
        }
    }

    /// <summary>Reads what macOS says of its fastest cores, or on Intel's processors of all.</summary>
    private static void ReadMacOS(Span<Cache> found)
    {
        int line = (int)SystemNumber("hw.cachelinesize");
        long first = SystemNumber("hw.perflevel0.l1dcachesize"), second = SystemNumber("hw.perflevel0.l2cachesize");
        int sharing = (int)SystemNumber("hw.perflevel0.cpusperl2");
        found[0] = new Cache(first > 0 ? first : SystemNumber("hw.l1dcachesize"), 0, line, 1);
        found[1] = new Cache(second > 0 ? second : SystemNumber("hw.l2cachesize"), 0, line, Math.Max(1, sharing));
        found[2] = new Cache(SystemNumber("hw.l3cachesize"), 0, line, 1);
    }

    /// <summary>A number of the system; 0 where it has none of that name.</summary>
    private static long SystemNumber(string name)
    {
        long value = 0;
        nuint length = sizeof(long);
        return SysCtlByName(name, &value, ref length, null, 0) == 0 ? value : 0; // four bytes or eight: the machine is little-endian
    }

    private static string? SystemText(string name)
    {
        byte* text = stackalloc byte[128];
        nuint length = 128;
        return SysCtlByName(name, text, ref length, null, 0) == 0 ? Marshal.PtrToStringUTF8((nint)text) : null;
    }

    [LibraryImport("libSystem", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SysCtlByName(string name, void* value, ref nuint length, void* newValue, nuint newLength);

    [LibraryImport("kernel32")]
    private static partial int GetLogicalProcessorInformationEx(int relationship, byte* buffer, ref int length);
}
