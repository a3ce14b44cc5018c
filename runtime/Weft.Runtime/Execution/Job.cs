using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Weft.Execution;

/// <summary>
/// Work in numbered pieces that the calling thread and threads of the thread pool do together. The caller takes every piece that no
/// other thread has taken and waits only for pieces that are being worked on, so it also gets through when the pool is exhausted or
/// when it is itself one of the pool's threads. A job is used again; nothing is allocated per run. A thread that has helped looks out for the
/// next call for a while before the pool has it back: waking one takes about as long as a short call, which would then always be over.
/// </summary>
internal abstract class Job : IThreadPoolWorkItem
{
    /// <summary>How long a thread looks out: twice of what waking one takes.</summary>
    private static readonly long Lookout = Stopwatch.Frequency / 10_000;

    private readonly object gate = new();
    private int unclaimed;
    private int unfinished;
    private int failedPiece;
    private int onLookout;
    private ExceptionDispatchInfo? failure;

    /// <summary>Helps with whatever this job is doing now, and soon after; a work item that comes late, when the job is done or serves another call, does no harm.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        Help();
        Interlocked.Increment(ref onLookout);
        for (long begun = Stopwatch.GetTimestamp(); Stopwatch.GetTimestamp() - begun < Lookout;)
        {
            if (Volatile.Read(ref unclaimed) != 0)
            {
                Interlocked.Decrement(ref onLookout);
                Help();
                Interlocked.Increment(ref onLookout);
                begun = Stopwatch.GetTimestamp();
            }

            Thread.SpinWait(10);
        }

        Interlocked.Decrement(ref onLookout);
    }

    /// <summary>Does one piece.</summary>
    protected abstract void RunPiece(int piece);

    /// <summary>Does all pieces, on at most so many threads, and throws what the first failing piece threw.</summary>
    protected void Run(int pieces, int threads)
    {
        if (pieces == 1)
        {
            RunPiece(0);
            return;
        }

        failure = null;
        unfinished = pieces;
        Volatile.Write(ref unclaimed, pieces); // publishes what the pieces read
        for (int i = 1 + Volatile.Read(ref onLookout); i < Math.Min(pieces, threads); i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        Help();
        SpinWait spin = default;
        while (Volatile.Read(ref unfinished) != 0 && !spin.NextSpinWillYield)
        {
            spin.SpinOnce();
        }

        lock (gate)
        {
            while (Volatile.Read(ref unfinished) != 0)
            {
                Monitor.Wait(gate);
            }
        }

        failure?.Throw();
    }

    private void Help()
    {
        int claim;
        while ((claim = Volatile.Read(ref unclaimed)) != 0)
        {
            if (Interlocked.CompareExchange(ref unclaimed, claim - 1, claim) != claim)
            {
                continue;
            }

            int piece = claim - 1;
            try
            {
                RunPiece(piece);
            }
            catch (Exception exception)
            {
                Record(piece, exception);
            }

            if (Interlocked.Decrement(ref unfinished) == 0)
            {
                lock (gate)
                {
                    Monitor.PulseAll(gate);
                }
            }
        }
    }

    private void Record(int piece, Exception exception)
    {
        lock (gate)
        {
            if (failure == null || piece < failedPiece)
            {
                failedPiece = piece;
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        }
    }
}
