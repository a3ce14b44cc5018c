namespace Weft.Fuzz;

/// <summary>Makes inputs smaller while they fail: ever shorter pieces are left out (Zeller and Hildebrandt, <i>Simplifying and isolating failure-inducing input</i>, 2002).</summary>
internal static class Shrinking
{
    public static byte[] Shrink(byte[] input, Func<byte[], bool> fails, int tries = 2000)
    {
        for (int piece = Math.Max(1, input.Length / 2); ; piece = Math.Max(1, piece / 2))
        {
            bool shrunk = false;
            for (int start = 0; start < input.Length; start += piece)
            {
                if (--tries < 0)
                {
                    return input;
                }

                byte[] shorter = [.. input[..start], .. input[Math.Min(start + piece, input.Length)..]];
                if (fails(shorter))
                {
                    (input, shrunk) = (shorter, true);
                    start -= piece;
                }
            }

            if (piece == 1 && !shrunk)
            {
                return input;
            }
        }
    }
}
