using System.Globalization;
using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>An input or an output of a layer with a name and a shape: a part of a row.</summary>
/// <param name="Name">The name of the port.</param>
/// <param name="Shape">The extent of each axis, row-major.</param>
/// <param name="Offset">The place of its first element in a row.</param>
/// <param name="Size">What its elements, whole numbers from 0 on, are below, where it is an input of positions; else 0.</param>
public sealed record Port(string Name, EquatableArray<int> Shape, int Offset, int Size = 0)
{
    public int Length => Shape.Aggregate(1, (product, extent) => checked(product * extent));

    /// <summary>Whether it holds positions and no numbers.</summary>
    public bool IsPositions => Size > 0;

    /// <summary>As in a signature: <c>token[16] &lt; 1000</c>.</summary>
    public override string ToString() => $"{Name}[{string.Join(", ", Shape)}]" + (IsPositions ? $" < {Size.ToString(CultureInfo.InvariantCulture)}" : "");

    /// <summary>
    /// Whether what is given holds positions below a size wherever they are needed, and nowhere else: a position is no number, and only an input
    /// that is checked may be one.
    /// </summary>
    public static bool Meet(IEnumerable<Port> given, IEnumerable<Port> needed)
    {
        Port[] has = Positions(given), wants = Positions(needed);
        (int h, int w, int at) = (0, 0, 0);
        while (h < has.Length && w < wants.Length)
        {
            if (Math.Max(has[h].Offset, at) != Math.Max(wants[w].Offset, at) || has[h].Size > wants[w].Size)
            {
                return false;
            }

            (int hasEnd, int wantsEnd) = (has[h].Offset + has[h].Length, wants[w].Offset + wants[w].Length);
            at = Math.Min(hasEnd, wantsEnd);
            h += hasEnd == at ? 1 : 0;
            w += wantsEnd == at ? 1 : 0;
        }

        return h == has.Length && w == wants.Length;

        static Port[] Positions(IEnumerable<Port> ports) => [.. ports.Where(port => port.IsPositions).OrderBy(port => port.Offset)];
    }
}
