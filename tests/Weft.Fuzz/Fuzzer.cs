using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Fuzz;

/// <summary>Runs a target on input after input; keeps those that fail.</summary>
/// <param name="folder">Where inputs that fail go, and the number of the one that runs: what ends the process has that number.</param>
/// <param name="output">Where reports go.</param>
internal sealed class Fuzzer(string folder, TextWriter output)
{
    /// <summary>As small as those that compilers run on.</summary>
    private const int StackSize = 1 << 20;

    /// <summary>Processor time for one input; a second is much for any.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(60);

    private byte[]? running;
    private TimeSpan started;

    /// <summary>The input of a seed and a number, whatever ran before.</summary>
    public static byte[] Input(FuzzTarget target, int seed, long number) => target.Make(new Random(HashCode(seed, number)));

    /// <summary>Runs inputs until there were enough of them or the time is over.</summary>
    /// <returns>The number of kinds of faults.</returns>
    public int Run(FuzzTarget target, int seed, long first, long count, TimeSpan time)
    {
        Directory.CreateDirectory(folder);
        var kinds = new Dictionary<string, int>(StringComparer.Ordinal);
        long done = 0;
        var watch = Stopwatch.StartNew();
        using var file = MemoryMappedFile.CreateFromFile(Path.Combine(folder, target.Name + ".running"), FileMode.Create, null, 8);
        using MemoryMappedViewAccessor number = file.CreateViewAccessor();
        using var watchdog = new Timer(_ => EndIfStuck(target), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        OnSmallStack(() =>
        {
            while (done < count && watch.Elapsed < time)
            {
                var inputs = new List<byte[]>();
                for (int i = 0; i < target.BatchSize && done + i < count; i++)
                {
                    inputs.Add(Input(target, seed, first + done + i));
                }

                long position = first + done;
                foreach (Failure failure in target.Run(inputs, input =>
                {
                    number.Write(0, position++);
                    (started, running) = (Process.GetCurrentProcess().TotalProcessorTime, input);
                }))
                {
                    kinds[failure.Kind] = kinds.TryGetValue(failure.Kind, out int found) ? found + 1 : 1;
                    if (found == 0)
                    {
                        Report(target, failure);
                    }
                }

                running = null;
                done += inputs.Count;
            }
        });
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{target.Name}: {done} inputs from seed {seed}, number {first}, in {watch.Elapsed.TotalSeconds:0} s; {kinds.Count} kinds of faults in {kinds.Values.Sum()} inputs"));
        output.Flush();
        return kinds.Count;
    }

    public static void OnSmallStack(Action run)
    {
        Exception? fault = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    run();
                }
                catch (Exception exception)
                {
                    fault = exception;
                }
            },
            StackSize);
        thread.Start();
        thread.Join();
        if (fault is not null)
        {
            throw new InvalidOperationException("The fuzzer itself failed.", fault);
        }
    }

    private void Report(FuzzTarget target, Failure failure)
    {
        string path = Keep(target, failure.Input);
        output.WriteLine($"FAULT {target.Name} {path}\n  {failure.Fault.GetType().Name}: {failure.Fault.Message}\n{failure.Fault.StackTrace}");
        output.Flush();
        byte[] shrunk = Shrinking.Shrink(failure.Input, input =>
        {
            (started, running) = (Process.GetCurrentProcess().TotalProcessorTime, input);
            return target.Fault(input)?.Kind == failure.Kind;
        });
        output.WriteLine($"  shrunk to {Keep(target, shrunk)}:\n{Encoding.UTF8.GetString(shrunk)}\n");
        output.Flush();
    }

    private string Keep(FuzzTarget target, byte[] input)
    {
        string path = Path.Combine(folder, $"{target.Name}-{Convert.ToHexStringLower(SHA256.HashData(input))[..12]}");
        File.WriteAllBytes(path, input);
        return path;
    }

    /// <summary>Nothing can stop a thread, so what does not end ends the process, once its input is kept.</summary>
    private void EndIfStuck(FuzzTarget target)
    {
        if (running is { } input && Process.GetCurrentProcess().TotalProcessorTime - started > MostTime)
        {
            output.WriteLine($"FAULT {target.Name} {Keep(target, input)}\n  did not end in {MostTime.TotalSeconds} s of processor time");
            output.Flush();
            Environment.Exit(3);
        }
    }

    /// <summary>By splitmix64 (Steele, Lea and Flood 2014): numbers beside each other give seeds that are not.</summary>
    private static int HashCode(int seed, long number)
    {
        unchecked
        {
            ulong z = ((ulong)(uint)seed << 32) + (ulong)number + 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return (int)(z ^ (z >> 31));
        }
    }
}
