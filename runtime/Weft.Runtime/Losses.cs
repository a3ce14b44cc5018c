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

/// <summary>A loss that is convex in the outputs, with its second derivative for these: what the Gauss–Newton matrix of a map is made of.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface IConvexLoss<T> : ILoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The second derivative of the batch's mean loss times a direction, for some rows; called from several threads at once.</summary>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="direction">[rows, outputs]: overwritten with the product.</param>
    /// <param name="firstRow">The place of the first row in the batch.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="totalRows">The number of rows of the batch.</param>
    void Curve(ReadOnlySpan<T> y, Span<T> direction, int firstRow, int rows, int totalRows);
}

/// <summary>The mean of (y − target)² over the rows and the outputs.</summary>
/// <param name="targets">[batch, outputs]</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct MeanSquaredError<T>(ReadOnlyMemory<T> targets) : IConvexLoss<T>
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

    /// <inheritdoc/>
    public void Curve(ReadOnlySpan<T> y, Span<T> direction, int firstRow, int rows, int totalRows) =>
        TensorPrimitives.Multiply(direction, T.CreateTruncating(2 / ((double)totalRows * (y.Length / rows))), direction);
}

/// <summary>
/// The mean of −log softmax(y)[label] over the rows: the outputs are unnormalised log-probabilities of the classes. With t labels for each row, the
/// outputs are t such parts one behind the other, as of a language model that says at each position what comes next; the mean is over these too.
/// With smoothing, the class of a row counts 1 − smoothing and all classes together smoothing (Szegedy et al., <i>Rethinking the Inception Architecture for
/// Computer Vision</i>, 2016); with class weights the mean is weighted by those of the labels.
/// </summary>
/// <param name="labels">[batch], or [batch, t] where t divides the outputs: the class of each row, or part, 0 to outputs / t − 1.</param>
/// <param name="smoothing">From 0 to below 1.</param>
/// <param name="classWeights">[classes]: 0 or above; or empty: 1.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct CrossEntropy<T>(ReadOnlyMemory<int> labels, double smoothing = 0, ReadOnlyMemory<double> classWeights = default) : IConvexLoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<int> labels = labels;
    private readonly ReadOnlyMemory<double> classWeights = classWeights;
    private readonly double smoothing = smoothing is >= 0 and < 1
        ? smoothing
        : throw new ArgumentOutOfRangeException(nameof(smoothing), smoothing, "A number from 0 to below 1 is expected.");

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

        if (!classWeights.IsEmpty)
        {
            if (classWeights.Length != classes)
            {
                Lengths.Refuse(nameof(classWeights), classWeights.Length, $"{classes} are expected, one for each class.");
            }

            foreach (double weight in classWeights.Span)
            {
                if (!double.IsFinite(weight) || weight < 0)
                {
                    throw new ArgumentException($"classWeights has {weight}; numbers of 0 or above are expected.", nameof(classWeights));
                }
            }

            if (TotalWeight() == 0)
            {
                throw new ArgumentException("classWeights are 0 for all labels of the batch: there is no mean.", nameof(classWeights));
            }
        }
    }

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows)
    {
        ReadOnlySpan<int> all = labels.Span;
        ReadOnlySpan<double> weights = classWeights.Span;
        int parts = all.Length / totalRows, classes = y.Length / rows / parts;
        double loss = 0, total = TotalWeight(), shared = smoothing / classes;
        for (int part = 0; part < rows * parts; part++)
        {
            // Shifted by the largest, no exponential overflows and their sum is at least 1.
            ReadOnlySpan<T> scores = y.Slice(part * classes, classes);
            Span<T> slopes = dy.Slice(part * classes, classes);
            int label = all[(firstRow * parts) + part];
            TensorPrimitives.Subtract(scores, TensorPrimitives.Max(scores), slopes);
            double share = (weights.IsEmpty ? 1 : weights[label]) / total, score = (1 - smoothing) * double.CreateTruncating(slopes[label]);
            if (smoothing > 0)
            {
                score += shared * double.CreateTruncating(TensorPrimitives.Sum<T>(slopes));
            }

            TensorPrimitives.Exp(slopes, slopes);
            double sum = double.CreateTruncating(TensorPrimitives.Sum<T>(slopes));
            loss += share * (Math.Log(sum) - score);
            TensorPrimitives.Multiply(slopes, T.CreateTruncating(share / sum), slopes);
            slopes[label] -= T.CreateTruncating(share * (1 - smoothing));
            if (smoothing > 0)
            {
                TensorPrimitives.Subtract(slopes, T.CreateTruncating(share * shared), slopes);
            }
        }

        return loss;
    }

    /// <inheritdoc/>
    public void Curve(ReadOnlySpan<T> y, Span<T> direction, int firstRow, int rows, int totalRows)
    {
        ReadOnlySpan<int> all = labels.Span;
        ReadOnlySpan<double> weights = classWeights.Span;
        int parts = all.Length / totalRows, classes = y.Length / rows / parts;
        double total = TotalWeight();
        for (int part = 0; part < rows * parts; part++)
        {
            double share = (weights.IsEmpty ? 1 : weights[all[(firstRow * parts) + part]]) / total;
            Shares.Curve(y.Slice(part * classes, classes), direction.Slice(part * classes, classes), 1, share);
        }
    }

    /// <summary>The weights of all labels together.</summary>
    private double TotalWeight()
    {
        if (classWeights.IsEmpty)
        {
            return labels.Length;
        }

        double total = 0;
        foreach (int label in labels.Span)
        {
            total += classWeights.Span[label];
        }

        return total;
    }
}

/// <summary>
/// The mean of −t·log σ(y) − (1 − t)·log(1 − σ(y)) over the rows and the outputs, each of which is the logarithm of the odds of a yes. It is computed from y, so that it
/// does not overflow.
/// </summary>
/// <param name="targets">[batch, outputs]: how probable a yes is, 0 to 1.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct BinaryCrossEntropy<T>(ReadOnlyMemory<T> targets) : IConvexLoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<T> targets = targets;

    /// <inheritdoc/>
    public void Check(int rows, int outputs)
    {
        Lengths.Require(targets.Length, rows, outputs, nameof(targets));
        foreach (T target in targets.Span)
        {
            if (!(target >= T.Zero && target <= T.One))
            {
                throw new ArgumentException($"targets has {target}; probabilities from 0 to 1 are expected.", nameof(targets));
            }
        }
    }

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows)
    {
        ReadOnlySpan<T> own = targets.Span.Slice(firstRow * (y.Length / rows), y.Length);
        double count = (double)totalRows * (y.Length / rows), sum = 0;
        T share = T.CreateTruncating(1 / count);
        for (int i = 0; i < y.Length; i++)
        {
            // e^−|y| is at most 1; log(1 + e^y) = max(y, 0) + log(1 + e^−|y|).
            T small = T.Exp(-T.Abs(y[i])), yes = (T.IsPositive(y[i]) ? T.One : small) / (T.One + small);
            sum += double.CreateTruncating(T.Max(y[i], T.Zero) - (y[i] * own[i]) + T.LogP1(small));
            dy[i] = (yes - own[i]) * share;
        }

        return sum / count;
    }

    /// <inheritdoc/>
    public void Curve(ReadOnlySpan<T> y, Span<T> direction, int firstRow, int rows, int totalRows)
    {
        T share = T.CreateTruncating(1 / ((double)totalRows * (y.Length / rows)));
        for (int i = 0; i < y.Length; i++)
        {
            T small = T.Exp(-T.Abs(y[i])), whole = T.One + small;
            direction[i] *= share * small / (whole * whole);
        }
    }
}

/// <summary>
/// The mean of Σ t·(log t − log softmax(y / temperature)) over the rows, times the temperature's square, so that gradients are as large at each: the divergence of what a
/// model gives from what another gives (Kullback and Leibler 1951; Hinton, Vinyals and Dean, <i>Distilling the Knowledge in a Neural Network</i>, 2015).
/// </summary>
/// <param name="targets">[batch, outputs]: probabilities, which add up to 1 in each row.</param>
/// <param name="temperature">Above 0: what outputs are divided by, as those were that the targets were made of.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct KullbackLeibler<T>(ReadOnlyMemory<T> targets, double temperature = 1) : IConvexLoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What rounding leaves of a sum of 1.</summary>
    private const double Tolerance = 1e-3;

    private readonly ReadOnlyMemory<T> targets = targets;
    private readonly double temperature = double.IsFinite(temperature) && temperature > 0
        ? temperature
        : throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "A finite number above 0 is expected.");

    /// <inheritdoc/>
    public void Check(int rows, int outputs)
    {
        Lengths.Require(targets.Length, rows, outputs, nameof(targets));
        for (int row = 0; row < rows; row++)
        {
            double sum = 0;
            foreach (T target in targets.Span.Slice(row * outputs, outputs))
            {
                sum += target >= T.Zero ? double.CreateTruncating(target) : double.NaN;
            }

            if (!(Math.Abs(sum - 1) <= Tolerance))
            {
                throw new ArgumentException($"Row {row} of the targets holds no probabilities: numbers of 0 or above that add up to 1 are expected.", nameof(targets));
            }
        }
    }

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows)
    {
        int outputs = y.Length / rows;
        double loss = 0, share = temperature * temperature / totalRows;
        for (int row = 0; row < rows; row++)
        {
            // Shifted by the largest, no exponential overflows and their sum is at least 1.
            ReadOnlySpan<T> scores = y.Slice(row * outputs, outputs), own = targets.Span.Slice((firstRow + row) * outputs, outputs);
            Span<T> slopes = dy.Slice(row * outputs, outputs);
            TensorPrimitives.Subtract(scores, TensorPrimitives.Max(scores), slopes);
            TensorPrimitives.Multiply(slopes, T.CreateTruncating(1 / temperature), slopes);
            double total = 0, weight = 0;
            for (int k = 0; k < outputs; k++)
            {
                (double target, double score) = (double.CreateTruncating(own[k]), double.CreateTruncating(slopes[k]));
                loss += target > 0 ? share * target * (Math.Log(target) - score) : 0;
                (total, weight) = (total + Math.Exp(score), weight + target);
            }

            loss += share * weight * Math.Log(total);
            for (int k = 0; k < outputs; k++)
            {
                slopes[k] = T.CreateTruncating(share / temperature * ((weight * Math.Exp(double.CreateTruncating(slopes[k])) / total) - double.CreateTruncating(own[k])));
            }
        }

        return loss;
    }

    /// <inheritdoc/>
    public void Curve(ReadOnlySpan<T> y, Span<T> direction, int firstRow, int rows, int totalRows)
    {
        int outputs = y.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            double weight = double.CreateTruncating(TensorPrimitives.Sum(targets.Span.Slice((firstRow + row) * outputs, outputs)));
            Shares.Curve(y.Slice(row * outputs, outputs), direction.Slice(row * outputs, outputs), 1 / temperature, weight / totalRows);
        }
    }
}

/// <summary>
/// The mean of d² / 2 where |d| ≤ delta, and of delta·(|d| − delta / 2) where it is larger, for d = y − target, over the rows and the outputs (Huber, <i>Robust Estimation
/// of a Location Parameter</i>, 1964): outliers pull no harder than delta.
/// </summary>
/// <param name="targets">[batch, outputs]</param>
/// <param name="delta">Above 0.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct HuberLoss<T>(ReadOnlyMemory<T> targets, double delta = 1) : IConvexLoss<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<T> targets = targets;
    private readonly double delta = double.IsFinite(delta) && delta > 0
        ? delta
        : throw new ArgumentOutOfRangeException(nameof(delta), delta, "A finite number above 0 is expected.");

    /// <inheritdoc/>
    public void Check(int rows, int outputs) => Lengths.Require(targets.Length, rows, outputs, nameof(targets));

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<T> y, Span<T> dy, int firstRow, int rows, int totalRows)
    {
        int outputs = y.Length / rows;
        double count = (double)totalRows * outputs, sum = 0;
        TensorPrimitives.Subtract(y, targets.Span.Slice(firstRow * outputs, y.Length), dy);
        for (int i = 0; i < dy.Length; i++)
        {
            double d = double.CreateTruncating(dy[i]), size = Math.Abs(d);
            sum += size <= delta ? 0.5 * d * d : delta * (size - (0.5 * delta));
            dy[i] = T.CreateTruncating((size > delta ? Math.CopySign(delta, d) : d) / count);
        }

        return sum / count;
    }

    /// <summary>As in <see cref="IConvexLoss{T}"/>; 0 beyond delta, where the loss is straight.</summary>
    /// <inheritdoc/>
    public void Curve(ReadOnlySpan<T> y, Span<T> direction, int firstRow, int rows, int totalRows)
    {
        ReadOnlySpan<T> own = targets.Span.Slice(firstRow * (y.Length / rows), y.Length);
        T share = T.CreateTruncating(1 / ((double)totalRows * (y.Length / rows)));
        for (int i = 0; i < y.Length; i++)
        {
            direction[i] = Math.Abs(double.CreateTruncating(y[i] - own[i])) <= delta ? share * direction[i] : T.Zero;
        }
    }
}

/// <summary>What losses of a softmax have in common.</summary>
internal static class Shares
{
    /// <summary>v ← factor · (p ∘ v − p pᵀ v), with p = softmax(scale · scores).</summary>
    public static void Curve<T>(ReadOnlySpan<T> scores, Span<T> v, double scale, double factor)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double largest = double.CreateTruncating(TensorPrimitives.Max(scores)), sum = 0, mean = 0;
        for (int k = 0; k < scores.Length; k++)
        {
            double share = Math.Exp(scale * (double.CreateTruncating(scores[k]) - largest));
            (sum, mean) = (sum + share, mean + (share * double.CreateTruncating(v[k])));
        }

        mean /= sum;
        for (int k = 0; k < scores.Length; k++)
        {
            double share = Math.Exp(scale * (double.CreateTruncating(scores[k]) - largest)) / sum;
            v[k] = T.CreateTruncating(factor * share * (double.CreateTruncating(v[k]) - mean));
        }
    }
}
