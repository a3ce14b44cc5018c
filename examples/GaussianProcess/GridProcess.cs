using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;
using Weft.Dynamic;
using Weft.Solvers;

namespace Weft.Examples.GaussianProcess;

/// <summary>
/// A Gaussian process over the values of a grid, some of which were measured: its covariance is a Kronecker product (Saatçi 2011), and with
/// holes in the grid it is solved by conjugate gradients (Wilson et al. 2014), so that memory is linear in the points.
/// </summary>
internal sealed class GridProcess : IDisposable
{
    /// <summary>Right-hand sides that are solved together.</summary>
    private const int Batch = 8;

    private readonly CompiledWeft _compiled;
    private readonly LinearMap<double> _measured, _nearly, _expected;
    private readonly double[] _known;
    private readonly ConjugateGradient<double> _solver;
    private readonly EstimateOptions _probes = new() { Probes = Batch, Steps = 60 };

    /// <param name="shape">The grid's extents; with more than one value each.</param>
    /// <param name="known">For each of its points, in row-major order, whether it was measured.</param>
    /// <param name="tolerance">What systems are solved to.</param>
    [RequiresDynamicCode("Compiles for the grid.")]
    [RequiresUnreferencedCode("Compiles for the grid.")]
    public GridProcess(IReadOnlyList<int> shape, IReadOnlyList<bool> known, double tolerance = 1e-4)
    {
        using var reader = new StreamReader(typeof(GridProcess).Assembly.GetManifestResourceStream("field.weft")!);
        string list = $"[{string.Join(", ", shape)}]", size = $"{Length(shape)} -> {Length(shape)}";
        _compiled = DynamicMaps.Compile(
            reader.ReadToEnd() + string.Concat(new[] { "measured", "nearly", "expected" }.Select(name => $"\noperator {name}_here : {size} = {name}({list})\n")), "field.weft", Batch);
        (_measured, _nearly, _expected) = (Create("measured_here"), Create("nearly_here"), Create("expected_here"));
        _known = [.. known.Select(isKnown => isKnown ? 1.0 : 0)];
        _measured.Initialize();
        using (ParameterEdit<double> edit = _measured.Edit())
        {
            _known.CopyTo(edit["known"]);
        }

        _nearly.Follow(_measured);
        _expected.Follow(_measured);
        _solver = new ConjugateGradient<double>(_measured.AsOperator(), new SolverOptions { Tolerance = tolerance, IterationLimit = 500 }, _nearly.AsOperator());
    }

    /// <summary>Points that were measured.</summary>
    public int Known => (int)_known.Sum();

    /// <summary>The covariance of what was measured.</summary>
    public LinearMap<double> Measured => _measured;

    /// <summary>The variance of the noise.</summary>
    public double Noise => Math.Exp(Level);

    private double Level => _measured["noise.level"].Values[0];

    private int Points => _known.Length;

    public static int Length(IReadOnlyList<int> shape) => shape.Aggregate(1, (product, extent) => checked(product * extent));

    /// <summary>
    /// Minus the logarithm of the likelihood, per measured point: (yᵀ A⁻¹ y + log det A) / 2 + log √2π, the determinant by stochastic Lanczos quadrature.
    /// </summary>
    /// <param name="values">The measured values, 0 elsewhere.</param>
    public (double Value, double StandardError) MinusLogLikelihood(double[] values)
    {
        Estimate volume = _measured.AsOperator().EstimateLogDeterminant(_probes);
        double fit = TensorPrimitives.Dot<double>(values, Solve(values));
        return ((((fit + volume.Value - ((Points - Known) * Level)) / 2) / Known) + (Math.Log(2 * Math.PI) / 2), volume.StandardError / 2 / Known);
    }

    /// <summary>Takes steps against the gradient of the likelihood, of which the determinant's part is estimated by as many probes as a batch has.</summary>
    /// <param name="values">The measured values, 0 elsewhere.</param>
    /// <param name="optimizer">What takes the steps.</param>
    /// <param name="steps">How many.</param>
    /// <param name="onStep">Called after each, with the steps of conjugate gradients that it took.</param>
    public void Fit(double[] values, Optimizer<double> optimizer, int steps, Action<int> onStep)
    {
        double[] gradient = new double[_measured.TrainedCount], weights = new double[Points], solved = new double[Points];
        int level = _measured["noise.level"].Info.Offset;
        for (int step = 0; step < steps; step++)
        {
            // d/dθ (log det A + yᵀ A⁻¹ y) / 2, where the noise of what was not measured counts in log det A.
            Array.Clear(gradient);
            SolveReport ofVolume = _solver.LogDeterminantGradient(_measured, gradient, _probes with { Seed = step });
            gradient[level] -= Points - Known;
            SolveReport ofFit = _solver.Solve(values, solved);
            TensorPrimitives.Negate(solved, weights);
            _measured.Gradient(solved, weights, default, gradient);
            TensorPrimitives.Multiply(gradient, 0.5 / Known, gradient);
            optimizer.Step(_measured, gradient);
            onStep(ofFit.Iterations + ofVolume.Iterations);
        }
    }

    /// <summary>A⁻¹ y</summary>
    public double[] Solve(double[] values)
    {
        double[] solved = new double[values.Length];
        _solver.Solve(values, solved);
        return solved;
    }

    /// <summary>The expected value of each point of the grid.</summary>
    /// <param name="values">The measured values, 0 elsewhere.</param>
    public double[] Expect(double[] values)
    {
        double[] result = new double[Points];
        _expected.Forward(Solve(values), result);
        return result;
    }

    /// <summary>The standard deviation of the field, without noise, at some points: the root of k(x, x) − kₓᵀ A⁻¹ kₓ.</summary>
    public double[] Deviations(IReadOnlyList<int> points)
    {
        double own = Math.Exp(_measured["field.gain"].Values[0]);
        var result = new List<double>();
        foreach (int[] part in points.Chunk(Batch))
        {
            // What the points have to do with each measured one, and with themselves.
            double[] unit = new double[part.Length * Points], alike = new double[unit.Length], with = new double[unit.Length];
            for (int k = 0; k < part.Length; k++)
            {
                unit[(k * Points) + part[k]] = 1;
            }

            _expected.Adjoint(unit, alike);
            _solver.Solve(alike, with);
            for (int k = 0; k < part.Length; k++)
            {
                double explained = TensorPrimitives.Dot<double>(alike.AsSpan(k * Points, Points), with.AsSpan(k * Points, Points));
                result.Add(Math.Sqrt(Math.Max(0, own - explained)));
            }
        }

        return [.. result];
    }

    public void Dispose()
    {
        _measured.Dispose();
        _nearly.Dispose();
        _expected.Dispose();
        _compiled.Dispose();
    }

    private LinearMap<double> Create(string name) => (LinearMap<double>)_compiled.CreateDouble(name);
}
