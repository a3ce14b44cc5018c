using System.Numerics;
using System.Numerics.Tensors;
using Weft.Solvers;

namespace Weft.Fitting;

/// <summary>
/// The derivative of √w f(x) by the trained parameters, where these are, as an operator on one row: J by the forward mode, Jᵀ by the gradient. Each
/// parameter's elements are scaled so that a column of J has length 1 in the mean, whatever the sizes of the factors of a product.
/// </summary>
/// <param name="map">The map.</param>
/// <param name="x">[rows, inputs]</param>
/// <param name="roots">The root of the weight of each element of f(x); empty where all are 1.</param>
internal sealed class Jacobian<T>(Map<T> map, T[] x, T[] roots) : ILinearOperator<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly T[] _scales = new T[map.TrainedCount], _parameters = new T[map.TrainedCount], _weighted = new T[x.Length / map.Inputs * map.Outputs];

    public int Inputs => _scales.Length;

    public int Outputs => _weighted.Length;

    /// <summary>Products so far.</summary>
    public int Products { get; private set; }

    /// <summary>Finds the scales where the parameters are now: 1 / √(‖J z‖² / n) of a parameter of n elements, for a z of signs (Hutchinson 1990).</summary>
    public void Rescale(Random random)
    {
        T[] image = new T[Outputs], probe = new T[Inputs];
        var norms = new List<(ParameterInfo Parameter, double Norm)>();
        Array.Fill(_scales, T.One);
        foreach (ParameterInfo parameter in map.Description.Parameters.Where(parameter => parameter.Role == Role.Trained))
        {
            Array.Clear(probe);
            foreach (ref T sign in probe.AsSpan(parameter.Offset, parameter.Length))
            {
                sign = random.Next(2) == 0 ? T.One : -T.One;
            }

            Apply(probe, image);
            norms.Add((parameter, Norm(image) / Math.Sqrt(parameter.Length)));
        }

        // A parameter that nothing depends on here, as a factor beside one that is zero, may move as the others do.
        double largest = norms.Select(pair => pair.Norm).DefaultIfEmpty().Max();
        foreach ((ParameterInfo parameter, double norm) in norms)
        {
            double bounded = Math.Max(norm, 1e-3 * largest);
            _scales.AsSpan(parameter.Offset, parameter.Length).Fill(T.CreateTruncating(bounded > 0 ? 1 / bounded : 1));
        }
    }

    /// <summary>Turns a step of scaled parameters into one of the parameters.</summary>
    public void Unscale(Span<T> step) => TensorPrimitives.Multiply(step, _scales, step);

    public void Apply(ReadOnlySpan<T> x1, Span<T> y)
    {
        TensorPrimitives.Multiply(x1, _scales, _parameters);
        map.Tangent(x, default, _parameters, default, y);
        Weigh(y, y);
        Products++;
    }

    public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x1)
    {
        Weigh(y, _weighted);
        x1.Clear();
        map.Gradient(x, _weighted, default, x1);
        TensorPrimitives.Multiply(x1, _scales, x1);
        Products++;
    }

    /// <summary>√w y</summary>
    public void Weigh(ReadOnlySpan<T> y, Span<T> weighted)
    {
        if (roots.Length > 0)
        {
            TensorPrimitives.Multiply(y, roots, weighted);
        }
        else if (y != (ReadOnlySpan<T>)weighted)
        {
            y.CopyTo(weighted);
        }
    }

    /// <summary>A norm that is summed in double.</summary>
    public static double Norm(ReadOnlySpan<T> values)
    {
        const int Block = 1024;
        double sum = 0;
        for (; values.Length > 0; values = values[Math.Min(Block, values.Length)..])
        {
            sum += double.CreateTruncating(TensorPrimitives.SumOfSquares(values[..Math.Min(Block, values.Length)]));
        }

        return Math.Sqrt(sum);
    }
}
