namespace Weft.Examples.Digits.Training;

/// <summary>
/// A learning rate that rises linearly for a twentieth of the steps, while the optimizer's means settle, and then falls to zero along a
/// cosine (Loshchilov and Hutter, <i>SGDR: Stochastic Gradient Descent with Warm Restarts</i>, 2017).
/// </summary>
/// <param name="Steps">The number of steps.</param>
/// <param name="Peak">The largest rate.</param>
internal readonly record struct Schedule(int Steps, double Peak)
{
    /// <summary>The rate of a step, counted from 0.</summary>
    public double Rate(int step)
    {
        int warmUp = Math.Max(1, Steps / 20);
        return step < warmUp
            ? Peak * (step + 1) / warmUp
            : Peak * 0.5 * (1 + Math.Cos(Math.PI * (step - warmUp) / Math.Max(1, Steps - warmUp)));
    }
}
