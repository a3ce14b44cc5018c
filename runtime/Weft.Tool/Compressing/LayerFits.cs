using System.Collections.Immutable;
using MathNet.Numerics.LinearAlgebra;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Fitting;
using Weft.Onnx;
using Weft.Tool.Fitting;

namespace Weft.Tool.Compressing;

/// <summary>
/// Fits structures to the layers of a model. Low rank is closest where rows come in; others are the closest to the matrix, and how far that is off where rows come in is measured.
/// </summary>
internal sealed class LayerFits : IDisposable
{
    /// <summary>So many ranks are tried of a layer.</summary>
    private const int Ranks = 24;

    /// <summary>What a second moment gets along all directions, as a share of its mean: a direction that no row of the data has is not free.</summary>
    private const double Ridge = 1e-4;

    /// <summary>The most steps for a structure without a closed form.</summary>
    private const int StepLimit = 20;

    private readonly OnnxModel _model;
    private readonly IReadOnlyDictionary<OnnxLayer, IReadOnlyList<Candidate>> _candidates;
    private readonly Dictionary<string, string> _types;
    private readonly WeftAssembly _assembly;

    /// <param name="model">The model.</param>
    /// <param name="candidates">The structures that are tried on each layer, besides low rank.</param>
    /// <exception cref="CompilationException">One is too large.</exception>
    public LayerFits(OnnxModel model, IReadOnlyDictionary<OnnxLayer, IReadOnlyList<Candidate>> candidates)
    {
        (_model, _candidates) = (model, candidates);
        Candidate[] distinct = [.. candidates.Values.SelectMany(all => all).DistinctBy(candidate => candidate.Formula)];
        _types = distinct.Select((candidate, k) => (candidate.Formula, Type: FormattableString.Invariant($"Fit{k}"))).ToDictionary(pair => pair.Formula, pair => pair.Type, StringComparer.Ordinal);
        _assembly = WeftAssembly.Compile(distinct.Select(candidate => (candidate.Module, new GenerateOptions(_types[candidate.Formula], Scalar: Scalar.Double))));
    }

    /// <summary>Fits all structures of a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="weight">Its matrix, row-major.</param>
    /// <param name="moment">The second moment of the rows that come in, row-major.</param>
    public FittedLayer Fit(OnnxLayer layer, double[] weight, double[] moment)
    {
        (int m, int n) = (layer.Outputs, layer.Inputs);
        Matrix<double> w = Matrix<double>.Build.DenseOfRowMajor(m, n, weight), g = Matrix<double>.Build.DenseOfRowMajor(n, n, moment);
        double mean = g.Trace() / n;
        g += Matrix<double>.Build.DenseDiagonal(n, mean > 0 ? Ridge * mean : 1);
        double norm = SquaredNorm(w, g);
        List<LayerFit> fits = [];
        var refused = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (LayerFit fit in LowRank(layer, w, g).Concat(_candidates[layer].Select(Fit)))
        {
            try
            {
                fits.Add(fit with { Bytes = _model.BytesOf(layer, fit.ToGraph()) });
            }
            catch (OnnxExportException exception)
            {
                refused.Add(fit.Formula, exception.Message);
            }
        }

        return new FittedLayer(layer, [.. fits.Where(fit => fit.Bytes < layer.Bytes).OrderBy(fit => fit.Bytes).ThenBy(fit => fit.Error)], refused);

        LayerFit Fit(Candidate candidate)
        {
            using var map = (LinearMap<double>)_assembly.Create<double>(_types[candidate.Formula]);
            if (map.HasProjection(out _))
            {
                map.Project<double>(weight);
            }
            else
            {
                map.Approximate<double>(weight, options: new FitOptions { StepLimit = StepLimit });
            }

            double[] dense = new double[weight.Length];
            map.ToDense(dense);
            double error = norm == 0 ? 0 : Math.Sqrt(Math.Max(0, SquaredNorm(w - Matrix<double>.Build.DenseOfRowMajor(m, n, dense), g) / norm));
            Dictionary<string, double[]> parameters = map.Description.Parameters.ToDictionary(info => info.Name, info => map[info.Name].Values.ToArray(), StringComparer.Ordinal);
            return new LayerFit(candidate.Formula, candidate.Module, () => parameters, error);
        }
    }

    public void Dispose() => _assembly.Dispose();

    private IEnumerable<LayerFit> LowRank(OnnxLayer layer, Matrix<double> w, Matrix<double> g)
    {
        (int m, int n) = (layer.Outputs, layer.Inputs);
        var fits = new LowRankFits(w, g);
        int most = (int)Math.Min(fits.Rank, (layer.Bytes - 1) / (sizeof(float) * ((long)m + n)));
        foreach (int rank in Enumerable.Range(1, Ranks).Select(k => (int)Math.Ceiling(k * most / (double)Ranks)).Where(rank => rank > 0).Distinct())
        {
            string formula = FormattableString.Invariant($"low_rank({m}, {n}, {rank})");
            yield return new LayerFit(formula, Candidates.OfLibrary(formula)!, () => fits.Factors(rank), fits.Error(rank));
        }
    }

    /// <summary>The sum of squares of what a matrix makes of rows with a second moment.</summary>
    private static double SquaredNorm(Matrix<double> matrix, Matrix<double> moment) => (matrix * moment).PointwiseMultiply(matrix).Enumerate().Sum();
}
