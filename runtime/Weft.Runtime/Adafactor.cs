using System.Collections.Immutable;
using System.Numerics;
using System.Numerics.Tensors;

namespace Weft;

/// <summary>
/// Adafactor (Shazeer and Stern, <i>Adafactor: Adaptive Learning Rates with Sublinear Memory Cost</i>, 2018): of the squares of a matrix's gradient only the means R of its rows and C of its
/// columns are remembered, m + n numbers for m × n: U = G / √(R Cᵀ / mean(R)), at most of a root mean square of 1, and p ← p − learningRate·(max(0.001, rms(p))·U + weightDecay·p). The means decay by
/// 1 − t^(−0.8) at step t, so that early ones need no correction. Steps are relative to the parameters: rates are a few hundredths at the start, and fall as 1/√t in the paper. Parameters of three
/// axes or more are many matrices: the factors of a Kronecker product, the blocks of a Monarch matrix. All other parameters, vectors and rows, have a square for each number.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="learningRate">The size of a step, of that of the parameters.</param>
/// <param name="weightDecay">The rate at which parameters are pulled towards zero.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite.</exception>
public sealed class Adafactor<T>(double learningRate, double weightDecay = 0) : Optimizer<T>(learningRate, weightDecay)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const double Decay = 0.8, LeastSize = 1e-3;

    /// <summary>What a square gets, so that it has a root to divide by.</summary>
    private static readonly T s_least = T.CreateTruncating(1e-30);

    /// <summary>For each trained parameter in turn the means of its matrices' rows, then of their columns; or of its numbers.</summary>
    private T[] squares = [];
    private T[] direction = [];
    private T[] roots = [];
    private double steps;

    internal override string Settings => FormattableString.Invariant($"Adafactor(weightDecay: {WeightDecay:R})");

    internal override double[] Numbers => [steps];

    private protected override (string Name, T[] Values)[] Vectors => [("squares", squares)];

    private protected override void Restore(double[] numbers) => steps = numbers[0];

    private protected override void Start(MapDescription map)
    {
        (int count, int longest, int widest) = (0, 0, 0);
        foreach (ParameterInfo info in map.Parameters)
        {
            if (info.Role == Role.Trained)
            {
                (int rows, int columns) = MatricesOf(info) ?? (info.Length, 1);
                count += info.Length / (rows * columns) * SquaresOf(rows, columns);
                (longest, widest) = (Math.Max(longest, rows * columns), Math.Max(widest, columns));
            }
        }

        (squares, direction, roots) = (new T[count], new T[longest], new T[widest]);
    }

    private protected override void Advance() => steps++;

    private protected override void Update(ImmutableArray<ParameterInfo> infos, Span<T> parameters, ReadOnlySpan<T> gradient)
    {
        int at = 0;
        foreach (ParameterInfo info in infos)
        {
            if (info.Role != Role.Trained)
            {
                continue;
            }

            (int rows, int columns) = MatricesOf(info) ?? (info.Length, 1);
            int length = rows * columns, own = SquaresOf(rows, columns);
            for (int start = info.Offset; start < info.Offset + info.Length; start += length, at += own)
            {
                Direct(gradient.Slice(start, length), squares.AsSpan(at, own), rows, columns);
                Update(parameters.Slice(start, length), direction.AsSpan(0, length), start, info.Rate);
            }
        }
    }

    /// <summary>Moves a matrix, or a parameter that is none, along a direction.</summary>
    private protected override void Update(Span<T> parameters, ReadOnlySpan<T> along, int first, double rate)
    {
        double step = rate * LearningRate, size = Math.Max(LeastSize, Size(parameters)) / Math.Max(1, Size(along));
        TensorPrimitives.Multiply(parameters, T.CreateTruncating(1 - (step * WeightDecay)), parameters);
        TensorPrimitives.MultiplyAdd(along, T.CreateTruncating(-step * size), parameters, parameters);
    }

    /// <summary>The direction of a step of a matrix; its means follow the gradient. Of one column the means of rows are its squares.</summary>
    private void Direct(ReadOnlySpan<T> gradient, Span<T> means, int rows, int columns)
    {
        T keep = T.CreateTruncating(1 - Math.Pow(steps, -Decay)), take = T.One - keep, ofRow = take / T.CreateTruncating(columns), ofColumn = take / T.CreateTruncating(rows);
        Span<T> r = means[..rows], c = means[rows..], scale = roots.AsSpan(0, columns);
        scale.Clear();
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<T> row = gradient.Slice(i * columns, columns);
            r[i] = (keep * r[i]) + (ofRow * TensorPrimitives.SumOfSquares(row)) + (take * s_least);
            TensorPrimitives.MultiplyAdd(row, row, scale, scale);
        }

        T mean = T.One;
        if (c.IsEmpty)
        {
            scale.Fill(T.One);
        }
        else
        {
            TensorPrimitives.Multiply(c, keep, c);
            TensorPrimitives.MultiplyAdd(scale, ofColumn, c, c);
            TensorPrimitives.Add(c, take * s_least, c);
            TensorPrimitives.ReciprocalSqrt(c, scale);
            mean = TensorPrimitives.Sum<T>(r) / T.CreateTruncating(rows);
        }

        for (int i = 0; i < rows; i++)
        {
            Span<T> along = direction.AsSpan(i * columns, columns);
            TensorPrimitives.Multiply(gradient.Slice(i * columns, columns), T.Sqrt(mean / r[i]), along);
            TensorPrimitives.Multiply(along, scale, along);
        }
    }

    /// <summary>How many means are remembered of a matrix.</summary>
    private static int SquaresOf(int rows, int columns) => columns > 1 ? rows + columns : rows;

    /// <summary>The root mean square.</summary>
    private static double Size(ReadOnlySpan<T> values) => double.CreateTruncating(TensorPrimitives.Norm(values)) / Math.Sqrt(values.Length);
}
