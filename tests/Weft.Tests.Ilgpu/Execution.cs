using System.Reflection;
using System.Runtime.InteropServices;

namespace ILGPU.Execution;

/// <summary>
/// Runs a grid, group by group. The threads of a group run in turn, each until it waits at a barrier or ends: what is not separated by a
/// barrier is seen by those after it only, so a missing one shows. Groups without barriers need no threads of their own.
/// </summary>
internal sealed class Grid3D(KernelConfig config, Action body, bool hasBarriers)
{
    public void Run()
    {
        for (int z = 0; z < config.GridDim.Z; z++)
        {
            for (int y = 0; y < config.GridDim.Y; y++)
            {
                for (int x = 0; x < config.GridDim.X; x++)
                {
                    RunGroup(new GroupState(new Index3D(x, y, z)));
                }
            }
        }
    }

    private void RunGroup(GroupState group)
    {
        Index3D size = config.GroupDim;
        var items = new List<Item>();
        for (int y = 0; y < size.Y; y++)
        {
            for (int x = 0; x < size.X; x++)
            {
                items.Add(new Item(group, x, y));
            }
        }

        if (!hasBarriers)
        {
            foreach (Item item in items)
            {
                item.RunHere(body);
            }

            return;
        }

        foreach (Item item in items)
        {
            item.Start(body);
        }

        // A phase ends when every thread has come to a barrier, or every one to its end.
        bool running = true;
        while (running)
        {
            int ended = items.Count(item => item.Continue());
            running = ended == 0;
            items.ForEach(item => item.ThrowIfFailed());
            if (ended != 0 && ended != items.Count)
            {
                throw new InvalidOperationException($"{ended} of {items.Count} threads of a group ended while others wait at a barrier.");
            }
        }
    }

    /// <summary>Whether a method's code calls <see cref="Group.Barrier"/>; where bytes only look like a call, the answer may be yes too.</summary>
    public static bool HasBarriers(MethodInfo method)
    {
        byte[] code = method.GetMethodBody()!.GetILAsByteArray()!;
        int barrier = 0;
        for (int i = 0; i + 5 <= code.Length; i++)
        {
            const byte Call = 0x28;
            int token = MemoryMarshal.Read<int>(code.AsSpan(i + 1));
            if (code[i] == Call && token >> 24 == 0x0A && method.Module.ResolveMethod(token)?.DeclaringType == typeof(Group)
                && method.Module.ResolveMethod(token)!.Name == nameof(Group.Barrier))
            {
                barrier++;
            }
        }

        return barrier > 0;
    }
}

/// <summary>What the threads of a group share.</summary>
internal sealed class GroupState(Index3D position)
{
    private readonly List<object> shared = [];

    public Index3D Position { get; } = position;

    /// <summary>The array of a thread's n-th allocation, which is the same for all threads. It begins with garbage.</summary>
    public T[] Shared<T>(int n, int length)
        where T : unmanaged
    {
        if (n == shared.Count)
        {
            T[] values = new T[length];
            MemoryMarshal.AsBytes(values.AsSpan()).Fill(0xFF);
            shared.Add(values);
        }

        return (T[])shared[n];
    }
}

/// <summary>A thread of a group.</summary>
internal sealed class Item(GroupState group, int x, int y)
{
    [ThreadStatic]
    private static Item? current;

    private readonly SemaphoreSlim turn = new(0), done = new(0);
    private bool ended;
    private Exception? failure;
    private int allocations;

    public static Item Current => current ?? throw new InvalidOperationException("This is only there inside a kernel.");

    public GroupState Group { get; } = group;

    public int X { get; } = x;

    public int Y { get; } = y;

    public int NextAllocation() => allocations++;

    public void RunHere(Action body)
    {
        Item? outer = current;
        current = this;
        body();
        current = outer;
    }

    public void Start(Action body) => Workers.Start(() =>
    {
        turn.Wait();
        current = this;
        try
        {
            body();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        current = null;
        ended = true;
        done.Release();
    });

    /// <summary>Lets the thread run to its next barrier or its end.</summary>
    /// <returns>Whether it ended.</returns>
    public bool Continue()
    {
        turn.Release();
        done.Wait();
        return ended;
    }

    public void Wait()
    {
        done.Release();
        turn.Wait();
    }

    public void ThrowIfFailed()
    {
        if (failure is not null)
        {
            throw new InvalidOperationException("A thread of a group failed.", failure);
        }
    }
}

/// <summary>Threads that are used again: as many as the largest groups need.</summary>
internal static class Workers
{
    private static readonly Stack<Worker> Idle = new();

    public static void Start(Action work)
    {
        Worker? worker;
        lock (Idle)
        {
            if (!Idle.TryPop(out worker))
            {
                worker = new Worker();
            }
        }

        worker.Run(work);
    }

    private sealed class Worker
    {
        private readonly SemaphoreSlim wake = new(0);
        private Action? work;

        public Worker() => new Thread(Loop, maxStackSize: 256 * 1024) { IsBackground = true }.Start();

        public void Run(Action action)
        {
            work = action;
            wake.Release();
        }

        private void Loop()
        {
            while (true)
            {
                wake.Wait();
                work!();
                lock (Idle)
                {
                    Idle.Push(this);
                }
            }
        }
    }
}
