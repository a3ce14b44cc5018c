using System.Numerics;
using System.Numerics.Tensors;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>Gradients of what solvers give, by a solve with the adjoint: none goes through the steps of an iteration.</summary>
public static class ImplicitGradients
{
    /// <summary>
    /// The gradients of ⟨dx, x⟩ for x = A⁻¹ b: with λ = A⁻ᵀ dx that for b is λ, and that for the parameters of A is the gradient of −⟨λ, A x⟩ at a fixed x.
    /// A may be of more parts than the map, which may be one of several of a sum: A = map + σ I.
    /// </summary>
    /// <param name="adjointSolver">A solver for Aᵀ: the one for A itself where A is symmetric, else one of <see cref="LinearOperators.Transpose"/>.</param>
    /// <param name="map">The map whose parameters are meant.</param>
    /// <param name="x">[batch, n]: the solutions.</param>
    /// <param name="dx">[batch, n]: the gradient for the solutions.</param>
    /// <param name="db">[batch, n]: the gradient for the right-hand sides; overwritten.</param>
    /// <param name="gradient">[<see cref="Map{T}.TrainedCount"/>]: the gradient for the parameters, summed over the batch; added to. Or empty: not wanted.</param>
    /// <returns>What became of the solves for λ.</returns>
    /// <exception cref="ArgumentException">A size or a length is wrong, or something written overlaps another argument.</exception>
    public static SolveReport SolveGradient<T>(
        this SquareSolver<T> adjointSolver, LinearMap<T> map, ReadOnlySpan<T> x, ReadOnlySpan<T> dx, Span<T> db, Span<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Require(adjointSolver, map);
        LinearOperators.RequireRows<T>(x, n, db, n, nameof(x), nameof(db));
        RequireGradient(map, gradient);
        SolveReport report = adjointSolver.Solve(dx, db);
        if (!gradient.IsEmpty)
        {
            TensorPrimitives.Negate(db, db);
            map.Gradient(x, db, default, gradient);
            TensorPrimitives.Negate(db, db);
        }

        return report;
    }

    /// <summary>
    /// The gradient of log |det A| for the parameters of A, estimated: the mean over vectors z of random signs of that of ⟨λ, A z⟩ with λ = A⁻ᵀ z
    /// fixed. With the seed of <see cref="Estimates.EstimateLogDeterminant"/> the vectors are the same. As there, A may be the map and more.
    /// </summary>
    /// <param name="adjointSolver">A solver for Aᵀ: the one for A itself where A is symmetric, else one of <see cref="LinearOperators.Transpose"/>.</param>
    /// <param name="map">The map whose parameters are meant.</param>
    /// <param name="gradient">[<see cref="Map{T}.TrainedCount"/>]; added to.</param>
    /// <param name="options">The number of vectors, and their seed.</param>
    /// <returns>What became of the solves for λ.</returns>
    /// <exception cref="ArgumentException">A size or a length is wrong.</exception>
    public static SolveReport LogDeterminantGradient<T>(
        this SquareSolver<T> adjointSolver, LinearMap<T> map, Span<T> gradient, EstimateOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Require(adjointSolver, map);
        RequireGradient(map, gradient);
        options ??= new EstimateOptions();
        T[] signs = Estimates.Signs<T>(options, options.Probes, n), lambda = new T[signs.Length];
        SolveReport report = adjointSolver.Solve(signs, lambda);
        Vectors<T>.Scale(1.0 / options.Probes, lambda);
        map.Gradient(signs, lambda, default, gradient);
        return report;
    }

    private static int Require<T>(SquareSolver<T> adjointSolver, LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(adjointSolver);
        ArgumentNullException.ThrowIfNull(map);
        int n = adjointSolver.Operator.Inputs;
        return (map.Inputs, map.Outputs) == (n, n)
            ? n
            : throw new ArgumentException($"map is {map.Inputs} -> {map.Outputs}; {n} -> {n} is expected, as what is solved.", nameof(map));
    }

    private static void RequireGradient<T>(LinearMap<T> map, ReadOnlySpan<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!gradient.IsEmpty)
        {
            Lengths.RequireTrained(gradient.Length, map.TrainedCount, nameof(gradient));
        }
    }
}
