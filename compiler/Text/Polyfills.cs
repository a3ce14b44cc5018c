// What netstandard2.0 lacks for records and init-only properties.
namespace System.Runtime.CompilerServices;

internal static class IsExternalInit;
