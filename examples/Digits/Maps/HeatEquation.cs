namespace Weft.Examples.Digits.Maps;

/// <summary>
/// Heat on a square grid: the temperatures at time t from those at time 0. With u the grid's rows and v its columns,
/// ∂T/∂t = ∂/∂u (a(u) ∂T/∂u) + ∂/∂v (b(v) ∂T/∂v), where conduction a rises along u between two cold walls (T = 0) and b falls along v
/// between two insulated ones. Discretised, the two directions commute, so that the solution operator is exp(−t Lᵤ) ⊗ exp(−t Lᵥ):
/// a Kronecker product of two different factors.
/// </summary>
internal sealed class HeatEquation : KnownMap
{
    private const double Time = 4;
    private readonly double[,] _rows;
    private readonly double[,] _columns;

    public HeatEquation()
    {
        _rows = Exponential(Conduction(u => 0.25 + 1.5 * u, insulated: false), -Time);
        _columns = Exponential(Conduction(v => 3 * Math.Exp(-3 * v), insulated: true), -Time);
    }

    public override string Name => "Heat equation";

    /// <summary>‖A ⊗ B − B ⊗ A‖ / ‖A ⊗ B‖ in the Frobenius norm: how much the order of the two factors matters.</summary>
    public double OrderGap()
    {
        // ⟨A ⊗ B, B ⊗ A⟩ = ⟨A, B⟩², and both products have the norm ‖A‖‖B‖.
        double ab = Inner(_rows, _columns), aa = Inner(_rows, _rows), bb = Inner(_columns, _columns);
        return Math.Sqrt(2 - 2 * ab * ab / (aa * bb));
    }

    public override void Apply(ReadOnlySpan<float> x, Span<float> y)
    {
        // Y = A X Bᵀ on the grid.
        Span<double> half = stackalloc double[Size];
        for (int u = 0; u < Side; u++)
        {
            for (int v = 0; v < Side; v++)
            {
                double sum = 0;
                for (int k = 0; k < Side; k++)
                {
                    sum += _columns[v, k] * x[u * Side + k];
                }

                half[u * Side + v] = sum;
            }
        }

        for (int u = 0; u < Side; u++)
        {
            for (int v = 0; v < Side; v++)
            {
                double sum = 0;
                for (int k = 0; k < Side; k++)
                {
                    sum += _rows[u, k] * half[k * Side + v];
                }

                y[u * Side + v] = (float)sum;
            }
        }
    }

    /// <summary>−d/dp (c(p) d/dp) by finite differences on cells of width 1, c being taken at the walls between cells, where p runs from 0 to 1.</summary>
    private static double[,] Conduction(Func<double, double> conductivity, bool insulated)
    {
        double[,] matrix = new double[Side, Side];
        for (int wall = 0; wall <= Side; wall++)
        {
            double c = conductivity((double)wall / Side);
            bool outer = wall is 0 or Side;
            if (outer && insulated)
            {
                continue;
            }

            // Heat flows through the wall by the difference of its two sides; beyond a cold outer wall the temperature is zero.
            if (wall > 0)
            {
                matrix[wall - 1, wall - 1] += c;
            }

            if (wall < Side)
            {
                matrix[wall, wall] += c;
            }

            if (!outer)
            {
                matrix[wall - 1, wall] -= c;
                matrix[wall, wall - 1] -= c;
            }
        }

        return matrix;
    }

    /// <summary>exp(scale·A) by scaling and squaring: exp(A) = exp(A / 2ˢ)^(2ˢ), with Taylor's series for the small exponent.</summary>
    private static double[,] Exponential(double[,] matrix, double scale)
    {
        const int Squarings = 10, Terms = 10;
        double[,] sum = Identity(), term = Identity();
        for (int k = 1; k <= Terms; k++)
        {
            term = Product(term, matrix, scale / (k * Math.ScaleB(1, Squarings)));
            for (int i = 0; i < Side; i++)
            {
                for (int j = 0; j < Side; j++)
                {
                    sum[i, j] += term[i, j];
                }
            }
        }

        for (int k = 0; k < Squarings; k++)
        {
            sum = Product(sum, sum, 1);
        }

        return sum;
    }

    private static double[,] Identity()
    {
        double[,] matrix = new double[Side, Side];
        for (int i = 0; i < Side; i++)
        {
            matrix[i, i] = 1;
        }

        return matrix;
    }

    private static double[,] Product(double[,] a, double[,] b, double scale)
    {
        double[,] product = new double[Side, Side];
        for (int i = 0; i < Side; i++)
        {
            for (int j = 0; j < Side; j++)
            {
                double sum = 0;
                for (int k = 0; k < Side; k++)
                {
                    sum += a[i, k] * b[k, j];
                }

                product[i, j] = scale * sum;
            }
        }

        return product;
    }

    private static double Inner(double[,] a, double[,] b)
    {
        double sum = 0;
        for (int i = 0; i < Side; i++)
        {
            for (int j = 0; j < Side; j++)
            {
                sum += a[i, j] * b[i, j];
            }
        }

        return sum;
    }
}
