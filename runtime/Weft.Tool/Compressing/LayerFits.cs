using MathNet.Numerics.LinearAlgebra;
using Weft.Compiler;
using Weft.Compiler.Syntax;
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
    private readonly NumberFormat[] _formats;
    private readonly Dictionary<string, string> _types;
    private readonly WeftAssembly _assembly;

    /// <param name="model">The model.</param>
    /// <param name="candidates">The structures that are tried on each layer, besides low rank.</param>
    /// <param name="leastBits">The fewest bits that numbers may be stored in.</param>
    /// <exception cref="CompilationException">One is too large.</exception>
    public LayerFits(OnnxModel model, IReadOnlyDictionary<OnnxLayer, IReadOnlyList<Candidate>> candidates, int leastBits)
    {
        (_model, _candidates, _formats) = (model, candidates, [.. NumberFormat.All.Where(format => format.Bits >= leastBits)]);
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
        var rows = new RowMoment(g + Matrix<double>.Build.DenseDiagonal(n, mean > 0 ? Ridge * mean : 1));
        double norm = rows.SquaredNorm(w);
        List<LayerFit> fits = [];
        var refused = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (LayerFit fit in LowRank(layer, w, rows).Concat(Dense(layer, w, rows)).Concat(_candidates[layer].Select(Fit)))
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
            double error = norm == 0 ? 0 : Math.Sqrt(Math.Max(0, rows.SquaredNorm(w - Matrix<double>.Build.DenseOfRowMajor(m, n, dense)) / norm));
            Dictionary<string, double[]> parameters = map.Description.Parameters.ToDictionary(info => info.Name, info => map[info.Name].Values.ToArray(), StringComparer.Ordinal);
            return new LayerFit(candidate.Formula, candidate.Module, () => parameters, error);
        }
    }

    public void Dispose() => _assembly.Dispose();

    /// <summary>The matrix as it is, in the formats.</summary>
    private IEnumerable<LayerFit> Dense(OnnxLayer layer, Matrix<double> w, RowMoment rows)
    {
        double norm = rows.SquaredNorm(w);
        foreach (NumberFormat format in _formats)
        {
            double[] rounded = format.Round(w, rows).ToRowMajorArray();
            double error = norm == 0 ? 0 : Math.Sqrt(Math.Max(0, rows.SquaredNorm(w - Matrix<double>.Build.DenseOfRowMajor(layer.Outputs, layer.Inputs, rounded))) / norm);
            yield return Of(format.Dense(layer.Outputs, layer.Inputs), () => new Dictionary<string, double[]> { ["W"] = rounded }, error);
        }
    }

    /// <summary>The closest matrices of low rank, and such in the formats: B is the best for A as it is rounded.</summary>
    private IEnumerable<LayerFit> LowRank(OnnxLayer layer, Matrix<double> w, RowMoment rows)
    {
        (int m, int n) = (layer.Outputs, layer.Inputs);
        var fits = new LowRankFits(w, rows.G);
        Matrix<double> image = w * rows.G;
        double norm = image.PointwiseMultiply(w).Enumerate().Sum();
        int most = (int)Math.Min(fits.Rank, (layer.Bytes - 1) / (sizeof(float) * ((long)m + n)));
        foreach (int rank in Enumerable.Range(1, Ranks).Select(k => (int)Math.Ceiling(k * most / (double)Ranks)).Where(rank => rank > 0).Distinct())
        {
            yield return Of(FormattableString.Invariant($"low_rank({m}, {n}, {rank})"), () => Parameters(fits.Factors(rank)), fits.Error(rank));
            foreach (NumberFormat format in _formats.Where(format => format.HasLowRank))
            {
                yield return Of(FormattableString.Invariant($"{format.Name}_low_rank({m}, {n}, {rank})"), () => Parameters(Rounded(rank, format)), Error(Rounded(rank, format)));
            }
        }

        (Matrix<double> B, Matrix<double> A) Rounded(int rank, NumberFormat format)
        {
            Matrix<double> a = format.Round(fits.Factors(rank).A, rows);
            var inner = new RowMoment(a * rows.G.TransposeAndMultiply(a));
            return (format.Round(image.TransposeAndMultiply(a) * inner.Inverse, inner), a);
        }

        // ‖W − B A‖² without the product.
        double Error((Matrix<double> B, Matrix<double> A) factors)
        {
            double meeting = image.TransposeAndMultiply(factors.A).PointwiseMultiply(factors.B).Enumerate().Sum();
            double own = new RowMoment(factors.A * rows.G.TransposeAndMultiply(factors.A)).SquaredNorm(factors.B);
            return norm == 0 ? 0 : Math.Sqrt(Math.Max(0, norm - (2 * meeting) + own) / norm);
        }

        static IReadOnlyDictionary<string, double[]> Parameters((Matrix<double> B, Matrix<double> A) factors) =>
            new Dictionary<string, double[]> { ["B"] = factors.B.ToRowMajorArray(), ["A"] = factors.A.ToRowMajorArray() };
    }

    private static LayerFit Of(string formula, Func<IReadOnlyDictionary<string, double[]>> parameters, double error) =>
        new(formula, WeftCompiler.BindFormula(new SourceText("formula", formula), [NumberFormat.Declarations], Session.FormulaName).Modules.Single(), parameters, error);
}
