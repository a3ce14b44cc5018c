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

    /// <summary>What numbers of half precision make of a dense matrix and of one of low rank: the same products of half the bytes.</summary>
    private const string Halves = """
        /// A dense matrix in half precision. Parameters: m·n.
        operator half_dense(m, n) : n -> m
          param(half) W[m, n]
          = W

        /// Low rank in half precision. Parameters: r·(m + n).
        operator half_low_rank(m, n, r) : n -> m
          param(half) B[m, r], A[r, n]
          = B * A

        """;

    private readonly OnnxModel _model;
    private readonly IReadOnlyDictionary<OnnxLayer, IReadOnlyList<Candidate>> _candidates;
    private readonly bool _hasHalves;
    private readonly Dictionary<string, string> _types;
    private readonly WeftAssembly _assembly;

    /// <summary>The declarations that formulas name beside those of the library.</summary>
    public static ParsedFile HalfPrecision { get; } = WeftCompiler.Parse(new SourceText("half_precision.weft", Halves));

    /// <param name="model">The model.</param>
    /// <param name="candidates">The structures that are tried on each layer, besides low rank.</param>
    /// <param name="hasHalves">Whether numbers may be stored in half precision.</param>
    /// <exception cref="CompilationException">One is too large.</exception>
    public LayerFits(OnnxModel model, IReadOnlyDictionary<OnnxLayer, IReadOnlyList<Candidate>> candidates, bool hasHalves)
    {
        (_model, _candidates, _hasHalves) = (model, candidates, hasHalves);
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
        double norm = SquaredNorm(w, g);
        int most = (int)Math.Min(fits.Rank, (layer.Bytes - 1) / (sizeof(float) * ((long)m + n)));
        foreach (int rank in Enumerable.Range(1, Ranks).Select(k => (int)Math.Ceiling(k * most / (double)Ranks)).Where(rank => rank > 0).Distinct())
        {
            yield return Of(FormattableString.Invariant($"low_rank({m}, {n}, {rank})"), () => fits.Factors(rank), fits.Error(rank));
            if (_hasHalves)
            {
                IReadOnlyDictionary<string, double[]> factors = Rounded(fits.Factors(rank));
                Matrix<double> b = Matrix<double>.Build.DenseOfRowMajor(m, rank, factors["B"]), a = Matrix<double>.Build.DenseOfRowMajor(rank, n, factors["A"]);
                yield return Of(FormattableString.Invariant($"half_low_rank({m}, {n}, {rank})"), () => Rounded(fits.Factors(rank)), Error(b * a));
            }
        }

        if (_hasHalves)
        {
            IReadOnlyDictionary<string, double[]> Dense() => Rounded(new Dictionary<string, double[]> { ["W"] = w.ToRowMajorArray() });
            yield return Of(FormattableString.Invariant($"half_dense({m}, {n})"), Dense, Error(Matrix<double>.Build.DenseOfRowMajor(m, n, Dense()["W"])));
        }

        double Error(Matrix<double> other) => norm == 0 ? 0 : Math.Sqrt(Math.Max(0, SquaredNorm(w - other, g)) / norm);

        static LayerFit Of(string formula, Func<IReadOnlyDictionary<string, double[]>> parameters, double error) =>
            new(formula, WeftCompiler.BindFormula(new SourceText("formula", formula), [HalfPrecision], Session.FormulaName).Modules.Single(), parameters, error);

        static IReadOnlyDictionary<string, double[]> Rounded(IReadOnlyDictionary<string, double[]> parameters) =>
            parameters.ToDictionary(pair => pair.Key, pair => Array.ConvertAll(pair.Value, value => (double)(Half)value), StringComparer.Ordinal);
    }

    /// <summary>The sum of squares of what a matrix makes of rows with a second moment.</summary>
    private static double SquaredNorm(Matrix<double> matrix, Matrix<double> moment) => (matrix * moment).PointwiseMultiply(matrix).Enumerate().Sum();
}
