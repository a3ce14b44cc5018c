using System.Numerics;

namespace Weft.Kernels;

/// <summary>Maps that a generated type has beside its own, made of the same parameters: its inverse, its determinant.</summary>
public static class Derived
{
    /// <summary>The map of a field, made when it is first asked for.</summary>
    /// <param name="field">The field that keeps it.</param>
    /// <param name="leader">The map whose parameters it follows.</param>
    public static TMap Of<TMap, T>(ref TMap? field, Map<T> leader)
        where TMap : Map<T>, new()
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Volatile.Read(ref field) is { } made)
        {
            return made;
        }

        var map = new TMap();
        map.Follow(leader);
        return Interlocked.CompareExchange(ref field, map, null) ?? map;
    }

    /// <summary>The number that a map 1 → 1 multiplies by.</summary>
    /// <param name="map">The map.</param>
    /// <param name="gradient">[trained parameters]: its gradient, added to; or empty: not wanted.</param>
    public static T Number<T>(Map<T> map, Span<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T one = T.One, number = T.Zero;
        map.Forward(new ReadOnlySpan<T>(in one), new Span<T>(ref number));
        if (!gradient.IsEmpty)
        {
            map.Gradient(new ReadOnlySpan<T>(in one), new ReadOnlySpan<T>(in one), default, gradient);
        }

        return number;
    }
}
