using System.Numerics;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>Memory that one call at a time works in: blocks of rows and a state for each row, made when they are first asked for and kept.</summary>
internal sealed class Scratch<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly List<AlignedBuffer<T>> _blocks = [];
    private Array _states = Array.Empty<int>();
    private ActiveRow[] _rows = [];
    private double[] _numbers = [];

    /// <summary>Takes one from a pool, with its first block.</summary>
    public static Lease Take(Pool<Scratch<T>> pool, int length) => new(pool, length);

    /// <summary>A block of so many elements; its content is arbitrary.</summary>
    public Span<T> Block(int number, int length)
    {
        while (_blocks.Count <= number)
        {
            _blocks.Add(new AlignedBuffer<T>(length));
        }

        if (!_blocks[number].Holds(length))
        {
            _blocks[number] = new AlignedBuffer<T>(length);
        }

        return _blocks[number].Span[..length];
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
