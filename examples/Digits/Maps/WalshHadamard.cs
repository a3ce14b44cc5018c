namespace Weft.Examples.Digits.Maps;

/// <summary>
/// The Walsh–Hadamard transform in its natural order, scaled to be orthogonal: H₁₀₂₄ = H₂ ⊗ … ⊗ H₂ / 32. All its singular values are
/// one, so the best matrix of rank r is off by √(1 − r/1024); and it is H₃₂ ⊗ H₃₂, one Kronecker product.
/// </summary>
internal sealed class WalshHadamard : KnownMap
{
    public override string Name => "Walsh-Hadamard transform";

    public override void Apply(ReadOnlySpan<float> x, Span<float> y)
    {
        x.CopyTo(y);
        for (int half = 1; half < Size; half *= 2)
        {
            for (int start = 0; start < Size; start += 2 * half)
            {
                for (int i = start; i < start + half; i++)
                {
                    (y[i], y[i + half]) = (y[i] + y[i + half], y[i] - y[i + half]);
                }
            }
        }

        foreach (ref float value in y)
        {
            value /= Side;
        }
    }
}
