using System.Runtime.CompilerServices;

namespace Weft.Compiler.Operations;

/// <summary>Compares nodes of a tree by identity: two equal subtrees are two places.</summary>
internal sealed class ReferenceComparer<T> : IEqualityComparer<T>
    where T : class
{
    public static readonly ReferenceComparer<T> Instance = new();

    public bool Equals(T? x, T? y) => ReferenceEquals(x, y);

    public int GetHashCode(T obj) => RuntimeHelpers.GetHashCode(obj);
}
