using Weft.Kernels;

namespace Weft.Fitting;

/// <summary>Runs through all values of some indices, the last fastest, with positions that are affine in them.</summary>
internal static class Odometer
{
    /// <summary>Calls <paramref name="visit"/> with the value of each position.</summary>
    public static void Run(IReadOnlyList<int> extents, IReadOnlyList<int> indices, IReadOnlyList<ProjectionPosition> positions, Action<int[]> visit)
    {
        int[] at = new int[indices.Count], now = [.. positions.Select(position => position.Offset)];
        int digit;
        do
        {
            visit(now);
            for (digit = indices.Count - 1; digit >= 0; digit--)
            {
                int index = indices[digit];
                bool isLast = ++at[digit] == extents[index];
                int change = isLast ? 1 - extents[index] : 1;
                for (int k = 0; k < now.Length; k++)
                {
                    now[k] += positions[k].Strides[index] * change;
                }

                if (!isLast)
                {
                    break;
                }

                at[digit] = 0;
            }
        }
        while (digit >= 0);
    }
}
