namespace Weft.Execution;

/// <summary>Objects to use again. Neither taking nor returning one allocates or locks.</summary>
internal sealed class Pool<TItem>
    where TItem : class, new()
{
    private readonly TItem?[] slots = new TItem?[Math.Max(16, 4 * Environment.ProcessorCount)];

    public TItem Take()
    {
        for (int i = 0; i < slots.Length; i++)
        {
            TItem? item = Volatile.Read(ref slots[i]);
            if (item != null && Interlocked.CompareExchange(ref slots[i], null, item) == item)
            {
                return item;
            }
        }

        return new TItem();
    }

    /// <summary>Keeps the object; where every slot is taken, it is left to the garbage collector.</summary>
    public void Return(TItem item)
    {
        for (int i = 0; i < slots.Length; i++)
        {
            if (slots[i] == null && Interlocked.CompareExchange(ref slots[i], item, null) == null)
            {
                return;
            }
        }
    }
    /// <summary>Leaves every object that is kept to the garbage collector.</summary>
    public void Clear() => Array.Clear(slots);
}
