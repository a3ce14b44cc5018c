namespace Weft.Fuzz;

/// <summary>An input did what no input may do.</summary>
internal sealed class FuzzException(string message) : Exception(message);

/// <summary>An input, and what is wrong with how it was taken.</summary>
internal sealed record Failure(byte[] Input, Exception Fault)
{
    /// <summary>Equal for inputs that find the same fault: the exception, and the first place in this project's code that it passed.</summary>
    public string Kind
    {
        get
        {
            string? place = Fault.StackTrace?.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.StartsWith("at Weft.", StringComparison.Ordinal));
            string text = Fault is FuzzException ? new string([.. Fault.Message.TakeWhile(letter => letter is not (':' or '\n'))]) : "";
            return $"{Fault.GetType().Name} {text}{(Fault is FuzzException ? "" : place)}";
        }
    }
}

/// <summary>What is fuzzed: how inputs are made, and what each of them must not do. All inputs are bytes, so that all are shrunk and kept alike.</summary>
internal abstract class FuzzTarget
{
    public abstract string Name { get; }

    /// <summary>How many bytes one input may allocate: work that does not end, or grows too fast, shows here whatever the machine.</summary>
    public virtual long MostAllocated => 1L << 29;

    /// <summary>How many inputs are run together.</summary>
    public virtual int BatchSize => 1;

    /// <summary>The same numbers give the same input.</summary>
    public abstract byte[] Make(Random random);

    /// <summary>Takes an input. Whatever is thrown is a fault.</summary>
    public abstract void Run(byte[] input);

    /// <summary>Runs inputs together, as far as that is cheaper.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="starting">Called with each before it runs.</param>
    public virtual IEnumerable<Failure> Run(IReadOnlyList<byte[]> inputs, Action<byte[]> starting)
    {
        foreach (byte[] input in inputs)
        {
            starting(input);
            if (Fault(input) is { } failure)
            {
                yield return failure;
            }
        }
    }

    /// <summary>Runs an input by itself.</summary>
    public Failure? Fault(byte[] input) => Guard(input, () => Run(input));

    protected Failure? Guard(byte[] input, Action run)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            run();
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            return allocated <= MostAllocated ? null : new Failure(input, new FuzzException($"too much memory: {allocated >> 20} MiB were allocated"));
        }
        catch (Exception exception)
        {
            return new Failure(input, exception);
        }
    }
}
