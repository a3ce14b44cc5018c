using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <content>Functions of operators: exponentials, roots, logarithms, powers, and pseudoinverses.</content>
public sealed partial class Calculus
{
    /// <summary>eᴬ of a square operator: of a Kronecker sum a Kronecker product; null where no law reaches it and it is too large.</summary>
    public Operator? Exponential(Operator op) => Exponential(Rewriter.Rewrite(op, []), MostDense);

    private Operator? Exponential(Operator op, int most)
    {
        switch (op)
        {
            case Identity:
                return new Scaled(Math.E, op);

            case Zero:
                return new Identity(op.Rows);

            case var _ when Circulant.Of(op) is { } circulant:
                return ExponentialOf(circulant);

            case Diagonal { Tensor: var tensor }:
                return new Diagonal(Function("exp", tensor));

            case BlockDiagonal { Tensor: var tensor } when tensor.Shape[1] == tensor.Shape[2] && tensor.Shape[1] <= most:
                return new BlockDiagonal(Function("expm", tensor));

            case DirectSum when op.Operands().All(operand => operand.Rows == operand.Columns):
            case Transpose:
                return MapAll(op, operand => Exponential(operand, most));

            case Sum sum when ByPlaces(sum, most) is { } product:
                return product;

            case Product when Conjugated(op) is var (q, inner):
                return Exponential(inner, most) is { } middle ? ProductOf(q, middle, new Transpose(q)) : null;

            case Kronecker or Sum when SpectrumOf(op, most) is { Vectors: Kronecker } spectrum:
                return spectrum.Map(values => Function("exp", values));

            default:
                return Dense(op, most, entries => Function("expm", entries));
        }
    }

    /// <summary>exp(A ⊗ I + I ⊗ B) = exp(A) ⊗ exp(B), where each term is the identity but for one place.</summary>
    private Operator? ByPlaces(Sum sum, int most)
    {
        if (Align(sum) is not var (sizes, terms, operands) || sizes.Length < 2 || operands.Any(row => row.Count(operand => operand is not null) > 1))
        {
            return null;
        }

        var factors = new Operator[sizes.Length];
        for (int k = 0; k < sizes.Length; k++)
        {
            // What is a multiple of the identity everywhere belongs to the first place.
            Operator[] here =
            [
                .. Enumerable.Range(0, terms.Length).Where(t => operands[t][k] is not null || (k == 0 && operands[t].All(operand => operand is null)))
                    .Select(t => terms[t].Scalars.Aggregate<TensorExpression, Operator>(
                        new Scaled(terms[t].Coefficient, operands[t][k] ?? new Identity(sizes[k])), (operand, scalar) => new ScaledByTensor(scalar, operand))),
            ];
            if (here.Length == 0)
            {
                factors[k] = new Identity(sizes[k]);
            }
            else if (Exponential(Rewriter.Rewrite(new Sum(here.ToEquatable()), []), most) is { } factor)
            {
                factors[k] = factor;
            }
            else
            {
                return null;
            }
        }

        return new Kronecker(factors.ToEquatable());
    }

    /// <summary>The square root, the logarithm or a power of a symmetric operator.</summary>
    /// <param name="op">The operator.</param>
    /// <param name="function">The function of matrices: <c>sqrtm</c>, <c>logm</c> or <c>powerm</c>.</param>
    /// <param name="power">The exponent of a power.</param>
    /// <returns>Null where the operator is not known to be symmetric, or where no law reaches it and it is too large.</returns>
    public Operator? OfSymmetric(Operator op, string function, double power = 0)
    {
        return Visit(Rewriter.Rewrite(op, []));

        Operator? Visit(Operator node) => node switch
        {
            _ when Circulant.Of(node) is { } circulant => OfSymmetric(circulant, OfNumbers),
            Kronecker or DirectSum when function != "logm" && node.Operands().All(Properties.IsSymmetric) => MapAll(node, Visit),
            DirectSum => MapAll(node, Visit),
            BlockDiagonal { Tensor: var tensor } when Properties.IsSymmetric(tensor) => new BlockDiagonal(OfMatrices(tensor)),
            Matrix { Tensor: var tensor } when node.Rows <= MostDense && Properties.IsSymmetric(tensor) => new Matrix(OfMatrices(tensor)),
            _ => SpectrumOf(node, MostDense) switch
            {
                // Where nothing smaller is taken apart, the function itself is, which has a derivative at equal eigenvalues too.
                { Vectors: Matrix } => new Matrix(OfMatrices(Entries(node))),
                var spectrum => spectrum?.Map(OfNumbers),
            },
        };

        FunctionTensor OfMatrices(TensorExpression tensor) => function == "powerm" ? FunctionWith(function, power, tensor) : Function(function, tensor);

        TensorExpression OfNumbers(TensorExpression values) => function switch
        {
            "sqrtm" => Function("sqrt", values),
            "logm" => Function("log", values),
            _ => FunctionWith("power", power, values),
        };
    }

    /// <summary>The pseudoinverse: of ⊗ and ⊕ those of the operands, of an orthogonal factor the transpose; null where no law reaches it and it is too large.</summary>
    public Operator? PseudoInverse(Operator op)
    {
        return Visit(Rewriter.Rewrite(op, []));

        Operator? Visit(Operator node)
        {
            switch (node)
            {
                case Crop or Pad:
                case var _ when Properties.IsOrthogonal(node):
                    return new Transpose(node);

                case Zero zero:
                    return new Zero(zero.ColumnCount, zero.RowCount);

                case WalshHadamard:
                    return new Scaled(1.0 / node.Rows, node);

                case Scaled { Factor: not 0 } scaled:
                    return Visit(scaled.Operand) is { } inner ? new Scaled(1 / scaled.Factor, inner) : null;

                case Diagonal { Tensor: var tensor }:
                    return new Diagonal(Function("where", tensor, Reciprocal(tensor), FormulaTensor.Constant(0, tensor.Shape[0])));

                case BlockDiagonal { Tensor: var tensor } when Math.Min(tensor.Shape[1], tensor.Shape[2]) <= MostDense:
                    return new BlockDiagonal(Function("pseudo_inverse", tensor));

                case Kronecker or DirectSum or Transpose:
                    return MapAll(node, Visit);

                case Product { Operands: { Count: > 1 } operands } when Properties.IsOrthogonal(operands[0]):
                    return Visit(Rest(operands.Skip(1))) is { } right ? ProductOf(right, new Transpose(operands[0])) : null;

                case Product { Operands: { Count: > 1 } operands } when Properties.IsOrthogonal(operands[operands.Count - 1]):
                    return Visit(Rest(operands.Take(operands.Count - 1))) is { } left ? ProductOf(new Transpose(operands[operands.Count - 1]), left) : null;

                default:
                    return node.Rows <= MostDense && node.Columns <= MostDense ? new Matrix(Function("pseudo_inverse", Entries(node))) : null;
            }
        }

        static Operator Rest(IEnumerable<Operator> operands) => operands.ToArray() is { Length: 1 } one ? one[0] : new Product(operands.ToEquatable());
    }
}
