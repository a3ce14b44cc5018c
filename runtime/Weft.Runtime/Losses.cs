using System.Numerics;
using System.Numerics.Tensors;
using Weft.Execution;

namespace Weft;

/// <summary>A loss: a mean over the rows of a batch. Implement it as a struct that holds what the outputs are compared to.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface ILoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Refuses a batch that the loss does not fit; called once, before anything is computed.</summary>
    /// <exception cref="ArgumentException">The loss holds too few or too many rows, or values that are out of range.</exception>
    void Check(int rows, int outputs);

    /// <summary>Evaluates some rows of a batch; called from several threads at once.</summary>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="dy">[rows, outputs]: overwritten with the gradient of the batch's mean loss.</param>
    /// <param name="firstRow">The place of the first row in the batch.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="totalRows">The number of rows of the batch.</param>
    /// <returns>What these rows contribute to the batch's mean loss: the sum of their losses, divided by <paramref name="totalRows"/>.</returns>
    double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows);
}

/// <summary>The mean of (y − target)² over the rows and the outputs.</summary>
/// <param name="targets">[batch, outputs]</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct MeanSquaredError<T>(ReadOnlyMemory<T> targets) : ILoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<T> targets = targets;

    /// <inheritdoc/>
    public void Check(int rows, int outputs) => Lengths.Require(targets.Length, rows, outputs, nameof(targets));

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows)
    {
        int outputs = y.Length / rows;
        double count = (double)totalRows * outputs;
        TensorPrimitives.Subtract(y, targets.Span.Slice(firstRow * outputs, y.Length), dy);
        double sum = double.CreateTruncating(TensorPrimitives.SumOfSquares<T>(dy));
        TensorPrimitives.Multiply(dy, T.CreateTruncating(2 / count), dy);
        return sum / count;
    }
}

/// <summary>
/// The mean of −log softmax(y)[label] over the rows: the outputs are unnormalised log-probabilities of the classes. With t labels for each row, the
/// outputs are t such parts one behind the other, as of a language model that says at each position what comes next; the mean is over these too.
/// </summary>
/// <param name="labels">[batch], or [batch, t] where t divides the outputs: the class of each row, or part, 0 to outputs / t − 1.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct CrossEntropy<T>(ReadOnlyMemory<int> labels) : ILoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<int> labels = labels;

    /// <inheritdoc/>
    public void Check(int rows, int outputs)
    {
        (int parts, int rest) = Math.DivRem(labels.Length, rows);
        if (parts == 0 || rest != 0 || outputs % parts != 0)
        {
            Lengths.Refuse(nameof(labels), labels.Length, $"{rows} are expected, or for each of these rows as many as divide its {outputs} outputs.");
        }

        int classes = outputs / parts;
        int wrong = labels.Span.IndexOfAnyExceptInRange(0, classes - 1);
        if (wrong >= 0)
        {
            throw new ArgumentException($"labels[{wrong}] is {labels.Span[wrong]}; the classes are 0 to {classes - 1}.", nameof(labels));
        }
    }

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows)
    {
        ReadOnlySpan<int> all = labels.Span;
        int parts = all.Length / totalRows, classes = y.Length / rows / parts;
        double loss = 0;
        for (int part = 0; part < rows * parts; part++)
        {
            // Shifted by the largest, no exponential overflows and their sum is at least 1.
            ReadOnlySpan<T> scores = y.Slice(part * classes, classes);
            Span<T> slopes = dy.Slice(part * classes, classes);
            int label = all[(firstRow * parts) + part];
            TensorPrimitives.Subtract(scores, TensorPrimitives.Max(scores), slopes);
            double score = double.CreateTruncating(slopes[label]);
            TensorPrimitives.Exp(slopes, slopes);
            double sum = double.CreateTruncating(TensorPrimitives.Sum<T>(slopes));
            loss += Math.Log(sum) - score;
            TensorPrimitives.Multiply(slopes, T.CreateTruncating(1 / (sum * all.Length)), slopes);
            slopes[label] -= T.CreateTruncating(1.0 / all.Length);
        }

        return loss / all.Length;
    }
}
