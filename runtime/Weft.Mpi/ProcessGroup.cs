using System.Numerics;
using System.Numerics.Tensors;
using Native = MPI.Unsafe;

namespace Weft.Mpi;

/// <summary>
/// The processes that <c>mpiexec</c> has started of one program, on one or more machines, and what they do together: data-parallel training, where each
/// has the same map and its part of the rows. Each process calls the same methods in the same order, from one thread at a time; a call
/// returns when all have come to it.
/// </summary>
/// <remarks>
/// A sum over ranks is one Allreduce of the MPI library: all ranks have the same bits of it, and with a library that orders its sums alike, as MPICH does, so has each run of the
/// same ranks on the same machines. What goes over the network is a gradient of trained parameters, so for structured maps that of the factors and not of a dense matrix.
/// </remarks>
public sealed unsafe class ProcessGroup
{
    /// <summary>A sum that takes the place of this rank's summand: MPI_IN_PLACE of MPICH and MS-MPI.</summary>
    private const nint InPlace = -1;

    /// <summary>What each rank brought to the last exchange.</summary>
    private readonly Share[] shares;

    static ProcessGroup() => MpiLibrary.Find();

    private ProcessGroup()
    {
        _ = Native.MPI_Comm_rank(Native.MPI_COMM_WORLD, out int rank);
        _ = Native.MPI_Comm_size(Native.MPI_COMM_WORLD, out int size);
        (Rank, Size, shares) = (rank, size, new Share[size]);
    }

    /// <summary>The number of this process, from 0.</summary>
    public int Rank { get; }

    /// <summary>The number of processes; 1 where the program was started without <c>mpiexec</c>.</summary>
    public int Size { get; }

    /// <summary>
    /// Does work in a group of all processes, once in a program. An exception in one of them is written to its standard error, and ends all processes
    /// with exit code 1. An error of MPI ends all too, and what a process that dies leaves behind is ended by <c>mpiexec</c>.
    /// </summary>
    /// <param name="work">What each process does.</param>
    /// <exception cref="DllNotFoundException">There is no MPI library that has MPICH's binary interface.</exception>
    /// <exception cref="InvalidOperationException">MPI was started in this process before.</exception>
    public static void Run(Action<ProcessGroup> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        _ = Native.MPI_Initialized(out int isInitialized);
        if (isInitialized != 0)
        {
            throw new InvalidOperationException("MPI can be started once in a process, and it has been.");
        }

        int count = 0;
        byte** arguments = null;
        _ = Native.MPI_Init_thread(ref count, ref arguments, Native.MPI_THREAD_SERIALIZED, out _);
        var group = new ProcessGroup();
        try
        {
            work(group);
        }
        catch (Exception exception)
        {
            // The others wait for this one: without an end of all they would do so for ever. A launcher that is told at once may not pass on what was written.
            Console.Error.WriteLine($"Rank {group.Rank} of {group.Size} failed, which ends all: {exception}");
            Thread.Sleep(100);
            _ = Native.MPI_Abort(Native.MPI_COMM_WORLD, 1);
            throw;
        }

        _ = Native.MPI_Finalize();
    }

    /// <summary>This rank's part of so many rows: consecutive ones, as many as others have, or one more or less.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number of rows is negative.</exception>
    public (int First, int Count) Part(int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        int first = (int)((long)rows * Rank / Size);
        return (first, (int)((long)rows * (Rank + 1) / Size) - first);
    }

    /// <summary>
    /// Makes of each rank's mean over its own rows the mean over the rows of all, which all ranks then have. It is what one process would have found for the whole
    /// batch, up to rounding.
    /// </summary>
    /// <param name="gradient">[any], of one length on all ranks: the gradient of this rank's mean loss; overwritten by that of all.</param>
    /// <param name="loss">This rank's mean loss.</param>
    /// <param name="weight">What this rank's mean counts: its rows, or the sum of their weights where the loss has some; 0: it has no rows, and gradient and loss do not count.</param>
    /// <returns>The mean loss over the rows of all ranks.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The weight is negative or not finite.</exception>
    /// <exception cref="InvalidOperationException">Ranks have gradients of different lengths, or none of them has rows.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither <see cref="float"/> nor <see cref="double"/>.</exception>
    public double Average<T>(Span<T> gradient, double loss, double weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!double.IsFinite(weight) || weight < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "A finite number that is not negative is expected.");
        }

        int type = TypeOf<T>();
        Exchange(gradient.Length, weight, loss);
        double total = shares.Sum(share => share.Weight);
        if (total == 0)
        {
            throw new InvalidOperationException("No rank has rows: there is no mean.");
        }

        double mean = shares.Sum(share => share.Weight == 0 ? 0 : share.Weight / total * share.Loss);
        if (weight == 0)
        {
            gradient.Clear();
        }
        else
        {
            TensorPrimitives.Multiply(gradient, T.CreateTruncating(weight / total), gradient);
        }

        fixed (T* sum = gradient)
        {
            _ = Native.MPI_Allreduce(InPlace, (nint)sum, gradient.Length, type, Native.MPI_SUM, Native.MPI_COMM_WORLD);
        }

        return mean;
    }

    /// <summary>Gives all ranks the stored parameters that rank 0 has, trained and frozen. Nothing else may run on the map meanwhile.</summary>
    /// <param name="map">The map, of the same formula on all ranks.</param>
    /// <exception cref="InvalidOperationException">Ranks have different numbers of parameters, or an edit is open.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public void Broadcast<T>(Map<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        using ParameterEdit<T> edit = map.Edit();
        Exchange(edit.All.Length, 0, 0);
        fixed (T* parameters = edit.All)
        {
            _ = Native.MPI_Bcast((nint)parameters, edit.All.Length, TypeOf<T>(), 0, Native.MPI_COMM_WORLD);
        }
    }

    /// <summary>Tells all ranks what this one has, and refuses other lengths: MPI would wait for what never comes, or take a part.</summary>
    private void Exchange(int length, double weight, double loss)
    {
        var own = new Share(length, weight, loss);
        fixed (Share* all = shares)
        {
            _ = Native.MPI_Allgather((nint)(&own), 3, Native.MPI_DOUBLE, (nint)all, 3, Native.MPI_DOUBLE, Native.MPI_COMM_WORLD);
        }

        int other = Array.FindIndex(shares, share => share.Length != length);
        if (other >= 0)
        {
            throw new InvalidOperationException($"Rank {other} has {shares[other].Length} numbers and rank {Rank} {length}: all ranks need the same map.");
        }
    }

    private static int TypeOf<T>() =>
        typeof(T) == typeof(float) ? Native.MPI_FLOAT
        : typeof(T) == typeof(double) ? Native.MPI_DOUBLE
        : throw new NotSupportedException($"Numbers are float or double, not {typeof(T).Name}.");

    /// <summary>What a rank brings: three numbers for MPI.</summary>
    private readonly record struct Share(double Length, double Weight, double Loss);
}
