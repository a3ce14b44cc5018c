namespace ILGPU.Execution;

/// <summary>
/// Runs a grid, group by group. The work items of a group run in turn, each until it waits at a barrier or ends: what is not separated by
/// a barrier is seen by those after it only, so a missing one shows.
/// </summary>
internal sealed class Grid3D(KernelConfig config, Action body)
{
    public void Run()
    {
        for (int z = 0; z < config.GridDim.Z; z++)
        {
            for (int y = 0; y < config.GridDim.Y; y++)
            {
                for (int x = 0; x < config.GridDim.X; x++)
                {
                    new GroupState(new Index3D(x, y, z), config.GroupDim, body).Run();
                }
            }
        }
    }
}

/// <summary>What the work items of a group share, and whose turn it is.</summary>
internal sealed class GroupState
{
    private readonly List<byte[]> shared = [];
    private readonly Item[] items;
    private readonly SemaphoreSlim done = new(0);
    private Exception? failure;
    private int ended;

    public GroupState(Index3D position, Index3D size, Action body)
    {
        Position = position;
        Body = body;
        items = [.. Enumerable.Range(0, size.X * size.Y).Select(i => new Item(this, i, i % size.X, i / size.X))];
    }

    public Index3D Position { get; }

    public Action Body { get; }

    public void Run()
    {
        items[0].Continue();
        done.Wait();
        if (failure is not null)
        {
            throw new InvalidOperationException("A work item of a group failed.", failure);
        }

        if (ended != items.Length)
        {
            throw new InvalidOperationException($"{ended} of {items.Length} work items of a group ended while others wait at a barrier.");
        }
    }

    /// <summary>The array of a work item's n-th allocation, which is the same for all of them. It begins with garbage.</summary>
    public byte[] Shared(int n, int bytes)
    {
        if (n == shared.Count)
        {
            shared.Add(new byte[bytes]);
            shared[n].AsSpan().Fill(0xFF);
        }

        return shared[n];
    }

    public void End(Exception? exception)
    {
        failure ??= exception;
        ended++;
    }

    /// <summary>Hands the turn on. After the last one all are at a barrier, and begin again, or all are at their end; else that is all.</summary>
    public void PassOn(int number)
    {
        if (number + 1 < items.Length)
        {
            items[number + 1].Continue();
        }
        else if (ended == 0)
        {
            items[0].Continue();
        }
        else
        {
            done.Release();
        }
    }
}

/// <summary>A work item of a group.</summary>
internal sealed class Item(GroupState group, int number, int x, int y)
{
    [ThreadStatic]
    private static Item? current;

    private Worker? worker;
    private int allocations;

    public static Item Current => current ?? throw new InvalidOperationException("This is only there inside a kernel.");

    public GroupState Group { get; } = group;

    public int X { get; } = x;

    public int Y { get; } = y;

    public int NextAllocation() => allocations++;

    /// <summary>Lets it run to its next barrier or its end.</summary>
    public void Continue()
    {
        worker ??= Worker.Take(this);
        worker.Wake();
    }

    public void Wait()
    {
        Group.PassOn(number);
        worker!.Sleep();
    }

    public void Run()
    {
        Exception? failure = null;
        current = this;
        try
        {
            Group.Body();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        current = null;
        Group.End(failure);
    }

    public void PassOn() => Group.PassOn(number);
}

/// <summary>
/// A thread that is used again: there are as many as work items of the largest group wait at a barrier. One that comes to the end of an
/// item is taken for the next, which costs no change of threads.
/// </summary>
internal sealed class Worker
{
    private static readonly Stack<Worker> Idle = new();

    private readonly SemaphoreSlim wake = new(0);
    private Item? item;

    private Worker() => new Thread(Loop, maxStackSize: 256 * 1024) { IsBackground = true }.Start();

    public static Worker Take(Item item)
    {
        Worker? worker;
        lock (Idle)
        {
            if (!Idle.TryPop(out worker))
            {
                worker = new Worker();
            }
        }

        worker.item = item;
        return worker;
    }

    public void Wake() => wake.Release();

    public void Sleep() => wake.Wait();

    private void Loop()
    {
        while (true)
        {
            Sleep();
            Item ended = item!;
            ended.Run();
            lock (Idle)
            {
                Idle.Push(this);
            }

            ended.PassOn();
        }
    }
}
