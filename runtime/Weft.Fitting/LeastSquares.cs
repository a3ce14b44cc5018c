using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Factorization;
using Weft.Kernels;

namespace Weft.Fitting;

/// <summary>
/// Terms that are linear in the trained parameters: the orthogonal projection onto the space that they span. Parameters that share no
/// element are independent, so the normal equations fall apart; a parameter by itself is the mean of its elements, weighted by its factors.
/// </summary>
internal static class LeastSquares
{
    /// <summary>What a singular value may be beside the largest and still count as zero; the normal equations square the condition.</summary>
    private const double Tolerance = 1e-12;

    public static void Solve(ProjectionPart part, Target target, double[] weights, double[] trained)
    {
        List<(long Element, int Parameter, double Value)> entries = Entries(part, target, weights, trained.Length);
        var components = new Components(entries.Select(entry => entry.Parameter));
        for (int i = 1; i < entries.Count; i++)
        {
            if (entries[i].Element == entries[i - 1].Element)
            {
                components.Join(entries[i].Parameter, entries[i - 1].Parameter);
            }
        }

        Dictionary<int, int[]> members = components.Members();
        var numbers = members.Values.SelectMany(parameters => parameters.Select((parameter, number) => (parameter, number))).ToDictionary();
        int[] rows = [.. entries.Select(entry => numbers[entry.Parameter])];
        var gram = members.ToDictionary(pair => pair.Key, pair => new double[pair.Value.Length * pair.Value.Length]);
        var right = members.ToDictionary(pair => pair.Key, pair => new double[pair.Value.Length]);
        for (int first = 0, end; first < entries.Count; first = end)
        {
            int root = components.Find(entries[first].Parameter), size = members[root].Length;
            double[] products = gram[root], sums = right[root];
            double value = target[entries[first].Element];
            for (end = first; end < entries.Count && entries[end].Element == entries[first].Element; end++)
            {
            }

            for (int i = first; i < end; i++)
            {
                double coefficient = entries[i].Value;
                sums[rows[i]] += coefficient * value;
                Span<double> line = products.AsSpan(rows[i] * size, size);
                for (int j = first; j < end; j++)
                {
                    line[rows[j]] += coefficient * entries[j].Value;
                }
            }
        }

        foreach ((int root, int[] parameters) in members)
        {
            double[] solution = SolveSymmetric(gram[root], right[root]);
            for (int i = 0; i < parameters.Length; i++)
            {
                trained[parameters[i]] = solution[i];
            }
        }
    }

    /// <summary>The coefficient of each parameter in each element, in the order of the elements.</summary>
    private static List<(long Element, int Parameter, double Value)> Entries(ProjectionPart part, Target target, double[] weights, int trainedCount)
    {
        var entries = new List<(long Element, int Parameter, double Value)>();
        foreach (ProjectionTerm term in part.Terms)
        {
            ProjectionPosition[] positions = [term.Output, term.Input, .. term.Factors, .. term.Windows.Select(window => window.Position)];
            Odometer.Run(term.Extents, [.. Enumerable.Range(0, term.Extents.Length)], positions, now =>
            {
                for (int k = 0; k < term.Windows.Length; k++)
                {
                    int at = now[2 + term.Factors.Length + k];
                    if (at < 0 || at >= term.Windows[k].Length)
                    {
                        return;
                    }
                }

                double value = term.Coefficient;
                int parameter = -1;
                foreach (int place in now.AsSpan(2, term.Factors.Length))
                {
                    if (place < trainedCount)
                    {
                        parameter = place;
                    }
                    else
                    {
                        value *= weights[place];
                    }
                }

                entries.Add((target.Place(now[0], now[1]), parameter, value));
            });
        }

        entries.Sort((left, right) => left.Element != right.Element ? left.Element.CompareTo(right.Element) : left.Parameter.CompareTo(right.Parameter));
        return entries;
    }

    /// <summary>The shortest solution of a positive semidefinite system.</summary>
    private static double[] SolveSymmetric(double[] matrix, double[] right)
    {
        int size = right.Length;
        if (size == 1)
        {
            return [matrix[0] == 0 ? 0 : right[0] / matrix[0]];
        }

        Evd<double> evd = Matrix<double>.Build.Dense(size, size, matrix).Evd(Symmetricity.Symmetric);
        Vector<double> values = evd.EigenValues.Map(value => value.Real);
        double least = Tolerance * values.AbsoluteMaximum() * size;
        Vector<double> coordinates = evd.EigenVectors.TransposeThisAndMultiply(Vector<double>.Build.Dense(right));
        return evd.EigenVectors.Multiply(coordinates.MapIndexed((i, value) => values[i] > least ? value / values[i] : 0)).ToArray();
    }

    /// <summary>Parameters that are connected through elements.</summary>
    private sealed class Components(IEnumerable<int> parameters)
    {
        private readonly Dictionary<int, int> _parents = parameters.Distinct().ToDictionary(parameter => parameter);

        public int Find(int parameter)
        {
            int root = parameter;
            while (_parents[root] != root)
            {
                root = _parents[root];
            }

            while (_parents[parameter] != root)
            {
                (parameter, _parents[parameter]) = (_parents[parameter], root);
            }

            return root;
        }

        public void Join(int left, int right) => _parents[Find(left)] = Find(right);

        public Dictionary<int, int[]> Members() =>
            _parents.Keys.ToArray().GroupBy(Find).ToDictionary(group => group.Key, group => group.Order().ToArray());
    }
}
