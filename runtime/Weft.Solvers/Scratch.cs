using System.Numerics;
using System.Runtime.CompilerServices;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>Memory that one call at a time works in: blocks of rows and a state for each row, made when they are first asked for and kept.</summary>
internal sealed class Scratch<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Page = 4096, Parts = 8;

    private readonly List<AlignedBuffer<T>> _blocks = [];
    private Array _states = Array.Empty<int>();
    private ActiveRow[] _rows = [];
    private double[] _numbers = [];

    /// <summary>Takes one from a pool, with its first block.</summary>
    public static Lease Take(Pool<Scratch<T>> pool, int length) => new(pool, length);

    /// <summary>A block of so many elements; its content is arbitrary.</summary>
    public Span<T> Block(int number, int length)
    {
        // Where a store and a later load differ by a little more than a multiple of 4 KiB, the load waits: blocks begin at other parts of a page.
        int start = number % Parts * (Page / Parts / Unsafe.SizeOf<T>()), whole = checked(start + length);
        while (_blocks.Count <= number)
        {
            _blocks.Add(new AlignedBuffer<T>(0));
        }

        if (!_blocks[number].Holds(whole))
        {
            _blocks[number] = new AlignedBuffer<T>(whole);
        }

        return _blocks[number].Span.Slice(start, length);
    }

    /// <summary>The rows that are left of a batch; their content is arbitrary.</summary>
    public Span<ActiveRow> Rows(int count)
    {
        if (_rows.Length < count)
        {
            _rows = new ActiveRow[count];
        }

        return _rows.AsSpan(0, count);
    }

    /// <summary>So many numbers; their content is arbitrary.</summary>
    public Span<double> Numbers(int count)
    {
        if (_numbers.Length < count)
        {
            _numbers = new double[count];
        }

        return _numbers.AsSpan(0, count);
    }

    /// <summary>What a method keeps of each row; its content is arbitrary.</summary>
    public Span<TState> States<TState>(int rows)
        where TState : struct
    {
        if (_states is not TState[] states || states.Length < rows)
        {
            _states = states = new TState[rows];
        }

        return states.AsSpan(0, rows);
    }

    /// <summary>One that is in use until this is disposed.</summary>
    public readonly ref struct Lease
    {
        private readonly Pool<Scratch<T>> _pool;
        private readonly Scratch<T> _scratch;

        public Lease(Pool<Scratch<T>> pool, int length)
        {
            (_pool, _scratch) = (pool, pool.Take());
            Span = _scratch.Block(0, length);
        }

        public Span<T> Span { get; }

        public void Dispose() => _pool.Return(_scratch);
    }
}
