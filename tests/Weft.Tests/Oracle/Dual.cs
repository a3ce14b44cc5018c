namespace Weft.Tests.Oracle;

/// <summary>A number and its derivative in one direction (Clifford 1873).</summary>
internal readonly record struct Dual(double Value, double Slope = 0)
{
    public static implicit operator Dual(double value) => new(value);

    public static Dual operator +(Dual a, Dual b) => new(a.Value + b.Value, a.Slope + b.Slope);

    public static Dual operator -(Dual a, Dual b) => new(a.Value - b.Value, a.Slope - b.Slope);

    public static Dual operator *(Dual a, Dual b) => new(a.Value * b.Value, (a.Slope * b.Value) + (a.Value * b.Slope));

    public static Dual operator /(Dual a, Dual b) => new(a.Value / b.Value, ((a.Slope * b.Value) - (a.Value * b.Slope)) / (b.Value * b.Value));

    /// <summary>A function of it, whose derivative is a quotient of differences: nobody has derived it.</summary>
    public Dual To(Func<double, double> function)
    {
        double value = Value, step = 1e-4 * Math.Max(1e-2, Math.Abs(value));
        double Slant(double h) => (function(value + h) - function(value - h)) / (2 * h);

        // Richardson's extrapolation to a step of zero.
        return new(function(value), Slope == 0 ? 0 : Slope * ((4 * Slant(step / 2)) - Slant(step)) / 3);
    }

    /// <summary>Another value with the derivative of this one.</summary>
    public Dual StraightThrough(double value) => new(value, Slope);

    public static Dual Sum(IEnumerable<Dual> numbers) => numbers.Aggregate(new Dual(0), (sum, number) => sum + number);
}
