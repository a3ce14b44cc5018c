using System.Collections.Immutable;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;
using Weft.Kernels;

namespace Weft.Fitting;

/// <summary>
/// A term that is a product of tensors, which are split off one after the other. A trained tensor takes the left singular vectors of
/// what is left, for each value of the indices that it shares; what is left then are the singular values times the right ones. A frozen
/// one is undone: with K = Q S, Q orthonormal, what is left is Qᵀ times the matrix, and its neighbour is found times S.
/// </summary>
internal sealed class Factorization
{
    /// <summary>A singular value that is so small beside the largest counts as zero.</summary>
    private const double Tolerance = 1e-13;

    private readonly ProjectionTerm _term;
    private readonly IReadOnlyList<ProjectionSplit> _splits;
    private readonly int _last;
    private readonly bool[] _isTrained;
    private readonly Dictionary<int, Block> _tensors = [];
    private readonly List<(int Factor, ProjectionSplit Split, double[] Inverses)> _corrections = [];
    private Block _rest = new([], []);
    private int _lossy;

    private Factorization(ProjectionTerm term, IReadOnlyList<ProjectionSplit> splits, int last, double[] weights, int trainedCount)
    {
        (_term, _splits, _last) = (term, splits, last);
        _isTrained = [.. term.Factors.Select(factor => factor.Offset < trainedCount)];
        for (int k = 0; k < _isTrained.Length; k++)
        {
            if (!_isTrained[k])
            {
                _tensors.Add(k, Read(k, weights));
            }
        }
    }

    /// <summary>Sets the trained tensors of a part.</summary>
    /// <returns>The error is at most so many times the smallest.</returns>
    public static double Solve(ProjectionPart part, Target target, double[] weights, double[] trained)
    {
        Factorization[] products =
        [
            .. part.Terms.Select((term, number) =>
            {
                ProjectionSplit[] splits = [.. part.Splits.Where(split => split.Term == number)];
                return new Factorization(term, splits, number == 0 ? part.Last : splits[^1].Neighbor, weights, trained.Length);
            }),
        ];
        products[0].Load(target);
        if (products.Length == 1)
        {
            products[0].Run();
        }
        else
        {
            SplitTrained(products, product => product._splits[^1], isBalanced: true);
        }

        foreach (Factorization product in products)
        {
            product.Finish();
            product.Write(trained);
        }

        return Math.Sqrt(Math.Max(1, products[0]._lossy));
    }

    private void Run()
    {
        bool isBalanced = _isTrained.Count(trained => trained) - _splits.Count(split => split.Neighbor < 0) == 2;
        foreach (ProjectionSplit split in _splits.Where(split => split.Neighbor >= 0))
        {
            if (_isTrained[split.Factor])
            {
                SplitTrained([this], _ => split, isBalanced);
            }
            else
            {
                Undo(split);
            }
        }
    }

    private void Finish()
    {
        foreach (ProjectionSplit split in _splits.Where(split => split.Neighbor < 0))
        {
            Block ones = Empty(IndicesOf(split.Factor));
            ones.Values.AsSpan().Fill(1);
            _tensors.Add(split.Factor, ones);
        }

        TensorPrimitives.Divide(_rest.Values, _term.Coefficient, _rest.Values);
        _tensors.Add(_last, _rest);
        foreach ((int factor, ProjectionSplit split, double[] inverses) in _corrections)
        {
            _tensors[factor] = Multiply(_tensors[factor], split, inverses);
        }
    }

    /// <summary>
    /// Splits a trained tensor off what is left of the first product; further products take the singular vectors that follow. The singular
    /// values stay with the rest, or are shared out between the two where there is no third.
    /// </summary>
    private static void SplitTrained(IReadOnlyList<Factorization> products, Func<Factorization, ProjectionSplit> splitOf, bool isBalanced)
    {
        (int[] others, int batch, int rows, int columns) = products[0].Arrange(splitOf(products[0]));
        double[] source = products[0]._rest.Values;
        var targets = products.Select(product =>
        {
            ProjectionSplit split = splitOf(product);
            Block tensor = product.Empty([.. split.Shared, .. split.Own, .. split.Bonds]);
            product._tensors.Add(split.Factor, tensor);
            product._rest = product.Empty([.. split.Shared, .. split.Bonds, .. others]);
            return (Left: tensor.Values, Right: product._rest.Values, split.Rank, Bonds: product.Extent(split.Bonds));
        }).ToArray();
        double lost = 0;
        for (int b = 0; b < batch; b++)
        {
            LeadingSvd svd = LeadingSvd.Of(source.AsSpan(b * rows * columns, rows * columns), columns, targets.Sum(target => target.Rank));
            (Matrix<double> u, Vector<double> s, Matrix<double> vt) = (svd.U, svd.S, svd.Vt);
            lost += svd.Lost;
            int next = 0;
            foreach ((double[] tensor, double[] rest, int rank, int bonds) in targets)
            {
                for (int k = 0; k < rank && next < s.Count; k++, next++)
                {
                    double left = isBalanced ? Math.Sqrt(s[next]) : 1, right = isBalanced ? left : s[next];
                    for (int i = 0; i < rows; i++)
                    {
                        tensor[(((b * rows) + i) * bonds) + k] = left * u[i, next];
                    }

                    for (int j = 0; j < columns; j++)
                    {
                        rest[(((b * bonds) + k) * columns) + j] = right * vt[next, j];
                    }
                }
            }
        }

        products[0]._lossy += lost > Tolerance * TensorPrimitives.SumOfSquares<double>(source) ? 1 : 0;
    }

    private void Undo(ProjectionSplit split)
    {
        (int[] others, int batch, int rows, int columns) = Arrange(split);
        int bonds = Extent(split.Bonds);
        Block constant = Reorder(_tensors[split.Factor], [.. split.Shared, .. split.Own, .. split.Bonds]);
        Block rest = Empty([.. split.Shared, .. split.Bonds, .. others]);
        double[] inverses = new double[batch * bonds * bonds], products = new double[inverses.Length];
        for (int b = 0; b < batch; b++)
        {
            LeadingSvd svd = LeadingSvd.Of(constant.Values.AsSpan(b * rows * bonds, rows * bonds), bonds, bonds);
            (Matrix<double> u, Vector<double> s, Matrix<double> vt) = (svd.U, svd.S, svd.Vt);
            for (int k = 0; k < s.Count && s[k] > Tolerance * s[0]; k++)
            {
                for (int j = 0; j < bonds; j++)
                {
                    inverses[(((b * bonds) + j) * bonds) + k] = vt[k, j] / s[k];
                    products[(((b * bonds) + k) * bonds) + j] = vt[k, j] * s[k];
                }

                Span<double> row = rest.Values.AsSpan(((b * bonds) + k) * columns, columns);
                for (int i = 0; i < rows; i++)
                {
                    TensorPrimitives.MultiplyAdd(
                        _rest.Values.AsSpan(((b * rows) + i) * columns, columns), u[i, k], row, row);
                }
            }
        }

        if (_isTrained[split.Neighbor])
        {
            _corrections.Add((split.Neighbor, split, inverses));
        }
        else
        {
            _tensors[split.Neighbor] = Multiply(_tensors[split.Neighbor], split, products);
        }

        _rest = rest;
    }

    /// <summary>What is left as one matrix for each value of the shared indices: own indices against all others.</summary>
    private (int[] Others, int Batch, int Rows, int Columns) Arrange(ProjectionSplit split)
    {
        int[] others = [.. _rest.Indices.Except(split.Shared).Except(split.Own)];
        _rest = Reorder(_rest, [.. split.Shared, .. split.Own, .. others]);
        return (others, Extent(split.Shared), Extent(split.Own), Extent(others));
    }

    /// <summary>A tensor times a matrix along the summed indices of a split, for each value of its shared ones.</summary>
    private Block Multiply(Block tensor, ProjectionSplit split, double[] matrices)
    {
        int[] others = [.. tensor.Indices.Except(split.Shared).Except(split.Bonds)];
        Block source = Reorder(tensor, [.. split.Shared, .. split.Bonds, .. others]);
        Block result = Empty(source.Indices);
        int batch = Extent(split.Shared), bonds = Extent(split.Bonds), columns = Extent(others);
        for (int b = 0; b < batch; b++)
        {
            for (int k = 0; k < bonds; k++)
            {
                Span<double> row = result.Values.AsSpan(((b * bonds) + k) * columns, columns);
                for (int j = 0; j < bonds; j++)
                {
                    TensorPrimitives.MultiplyAdd(
                        source.Values.AsSpan(((b * bonds) + j) * columns, columns), matrices[(((b * bonds) + k) * bonds) + j], row, row);
                }
            }
        }

        return result;
    }

    /// <summary>The elements of the matrix that the term reaches: means over the indices that no factor has, zero outside of its windows.</summary>
    private void Load(Target target)
    {
        int[] external = [.. Enumerable.Range(0, _term.Extents.Length).Where(k => _term.Output.Strides[k] != 0 || _term.Input.Strides[k] != 0)];
        int[] free = [.. external.Where(k => _term.Factors.All(factor => factor.Strides[k] == 0))];
        Block block = Empty([.. external.Except(free)]);
        double scale = 1.0 / Extent(free);
        ProjectionPosition[] positions =
        [
            _term.Output, _term.Input, Place(block), .. _term.Windows.Select(window => window.Position),
        ];
        Odometer.Run(_term.Extents, external, positions, now =>
        {
            for (int k = 0; k < _term.Windows.Length; k++)
            {
                if (now[3 + k] < 0 || now[3 + k] >= _term.Windows[k].Length)
                {
                    return;
                }
            }

            block.Values[now[2]] += scale * target[target.Place(now[0], now[1])];
        });
        _rest = block;
    }

    private Block Read(int factor, double[] weights)
    {
        Block block = Empty(IndicesOf(factor));
        Odometer.Run(_term.Extents, block.Indices, [_term.Factors[factor], Place(block)], now => block.Values[now[1]] = weights[now[0]]);
        return block;
    }

    private void Write(double[] trained)
    {
        foreach ((int factor, Block block) in _tensors)
        {
            if (_isTrained[factor])
            {
                Odometer.Run(_term.Extents, block.Indices, [_term.Factors[factor], Place(block)], now => trained[now[0]] = block.Values[now[1]]);
            }
        }
    }

    private int[] IndicesOf(int factor) => [.. Enumerable.Range(0, _term.Extents.Length).Where(k => _term.Factors[factor].Strides[k] != 0)];

    private int Extent(IEnumerable<int> indices) => indices.Aggregate(1, (product, index) => checked(product * _term.Extents[index]));

    private Block Empty(int[] indices) => new(indices, new double[Extent(indices)]);

    private Block Reorder(Block block, int[] indices)
    {
        if (block.Indices.SequenceEqual(indices))
        {
            return block;
        }

        Block result = Empty(indices);
        Odometer.Run(_term.Extents, indices, [Place(block)], Copy());
        return result;

        Action<int[]> Copy()
        {
            int next = 0;
            return now => result.Values[next++] = block.Values[now[0]];
        }
    }

    /// <summary>Where an element of a block lies, for values of all indices of the term.</summary>
    private ProjectionPosition Place(Block block)
    {
        int[] strides = new int[_term.Extents.Length];
        int stride = 1;
        foreach (int index in block.Indices.Reverse())
        {
            strides[index] = stride;
            stride *= _term.Extents[index];
        }

        return new ProjectionPosition(0, ImmutableArray.Create(strides));
    }

    /// <summary>A tensor over some indices of the term, row-major.</summary>
    private sealed record Block(int[] Indices, double[] Values);
}
