namespace Weft;

/// <summary>
/// Counts how long a loss has not become smaller: to stop before a model learns its examples by heart (Prechelt, <i>Early Stopping — But When?</i>, 1998), or to
/// lower the learning rate where the loss stands still.
/// </summary>
public sealed class Patience
{
    private readonly int most;
    private readonly double leastShare;

    /// <param name="most">How many observations in a row may be no better than the best.</param>
    /// <param name="leastShare">The share of the best by which one has to be below it in order to be better.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative, or the share is not from 0 to below 1.</exception>
    public Patience(int most, double leastShare = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        this.most = most;
        this.leastShare = leastShare is >= 0 and < 1 ? leastShare : throw new ArgumentOutOfRangeException(nameof(leastShare), leastShare, "A number from 0 to below 1 is expected.");
    }

    /// <summary>The least loss so far; infinite before the first.</summary>
    public double Best { get; private set; } = double.PositiveInfinity;

    /// <summary>How many observations came since the best, or since patience was renewed.</summary>
    public int Waited { get; private set; }

    /// <summary>Whether more of them were no better than there may be.</summary>
    public bool IsOver => Waited > most;

    /// <summary>Takes a loss note of, as of examples that the model is not trained on.</summary>
    /// <param name="loss">The loss; what is no number is no better.</param>
    /// <returns>Whether it is the best so far: the time to save.</returns>
    public bool Observe(double loss)
    {
        bool isBetter = loss < Best - (double.IsFinite(Best) ? leastShare * Math.Abs(Best) : 0);
        (Best, Waited) = isBetter ? (loss, 0) : (Best, Waited + 1);
        return isBetter;
    }

    /// <summary>Waits anew, as after the learning rate was lowered; the best stays.</summary>
    public void Renew() => Waited = 0;
}
