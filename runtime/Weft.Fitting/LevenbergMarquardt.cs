using System.Numerics;
using System.Numerics.Tensors;
using Weft.Solvers;

namespace Weft.Fitting;

/// <summary>
/// The method of Levenberg (1944) and Marquardt (1963) for ‖√w (y − f(x))‖ over the trained parameters of a map. The damped linear problems are solved by LSMR,
/// so that the derivative is never written down, as exactly as the gradient is small (Dembo, Eisenstat and Steihaug 1982); the damping follows
/// Nielsen (1999). A step that does not lower the error is not taken.
/// </summary>
internal sealed class LevenbergMarquardt<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The share of what a step promises that it must keep.</summary>
    private const double LeastGain = 1e-3;

    private const double FirstDamping = 1e-3, MostDamping = 1e12;

    /// <summary>Steps in a row that hardly lower the error before the fit ends.</summary>
    private const int SmallSteps = 3;

    private readonly Map<T> _map;
    private readonly T[] _x, _y;
    private readonly FitOptions _options;
    private readonly Jacobian<T> _jacobian;
    private readonly double _norm;

    /// <param name="map">The map.</param>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="roots">The roots of the weights of the elements of y; empty where all are 1.</param>
    /// <param name="options">How far it goes.</param>
    public LevenbergMarquardt(Map<T> map, T[] x, T[] y, T[] roots, FitOptions options)
    {
        (_map, _x, _y, _options) = (map, x, y, options);
        _jacobian = new Jacobian<T>(map, x, roots);
        T[] weighted = new T[y.Length];
        _jacobian.Weigh(y, weighted);
        _norm = Jacobian<T>.Norm(weighted);
    }

    /// <summary>Goes down from where the map's parameters are, and leaves them at the least error found.</summary>
    public FitReport Run(CancellationToken cancellationToken)
    {
        var random = new Random(_options.Seed);
        T[] residual = new T[_y.Length], trial = new T[_y.Length], gradient = new T[_map.TrainedCount], step = new T[gradient.Length];
        double error = Residual(residual), damping = FirstDamping, growth = 2, rounding = 4 * double.CreateTruncating(T.BitIncrement(T.One) - T.One) * _norm;
        List<double> errors = [Relative(error)];
        int small = 0;
        for (int count = 0; ; count++)
        {
            if (error <= rounding || small == SmallSteps)
            {
                return Report(FitStatus.Converged);
            }

            if (count == _options.StepLimit)
            {
                return Report(FitStatus.StepLimit);
            }

            cancellationToken.ThrowIfCancellationRequested();
            T[] here = _map.Parameters[.._map.TrainedCount].ToArray();
            _jacobian.Rescale(random);
            _jacobian.ApplyAdjoint(residual, gradient);
            double slope = Jacobian<T>.Norm(gradient);
            if (slope == 0)
            {
                return Report(FitStatus.Converged);
            }

            // The columns of the scaled derivative have length 1: its norm is the root of their number.
            double exactness = Math.Min(0.1, Math.Sqrt(slope / (error * Math.Sqrt(gradient.Length))));
            var inner = new SolverOptions { Tolerance = exactness * slope / (error * Math.Sqrt(gradient.Length)), IterationLimit = _options.ProductLimit / 2 + 1 };
            while (true)
            {
                new Lsmr<T>(_jacobian, Math.Sqrt(damping), inner).Solve(residual, step, cancellationToken);
                _jacobian.Apply(step, trial);
                TensorPrimitives.Subtract(residual, trial, trial);
                double linear = Jacobian<T>.Norm(trial), length = Jacobian<T>.Norm(step);
                double promised = ((error - linear) * (error + linear)) - (damping * length * length);
                _jacobian.Unscale(step);
                TensorPrimitives.Add(here, step, step);
                Write(step);
                double next = Residual(trial), gain = (error - next) * (error + next) / promised;
                if (promised > 0 && next < error && gain > LeastGain)
                {
                    small = error - next <= _options.Tolerance * error ? small + 1 : 0;
                    (error, residual, trial) = (next, trial, residual);
                    errors.Add(Relative(error));
                    damping *= Math.Max(1.0 / 3, 1 - Math.Pow((2 * gain) - 1, 3));
                    growth = 2;
                    break;
                }

                Write(here);
                (damping, growth) = (Math.Max(damping, 1e-12) * growth, growth * 2);
                if (damping > MostDamping)
                {
                    return Report(FitStatus.Stagnated);
                }
            }
        }

        FitReport Report(FitStatus status) => new(status, errors[^1], [.. errors], _jacobian.Products);
    }

    private double Relative(double error) => error == 0 ? 0 : error / _norm;

    /// <summary>√w (y − f(x))</summary>
    /// <returns>Its norm.</returns>
    private double Residual(T[] residual)
    {
        _map.Forward(_x, residual);
        TensorPrimitives.Subtract<T>(_y, residual, residual);
        _jacobian.Weigh(residual, residual);
        return Jacobian<T>.Norm(residual);
    }

    private void Write(ReadOnlySpan<T> trained)
    {
        using ParameterEdit<T> edit = _map.EditTrained();
        trained.CopyTo(edit.Trained);
    }
}
