namespace Weft;

/// <summary>
/// What the noise of a map is drawn by: for one pair of numbers it is the same on every machine, for any number of threads, and in each call. Each step of
/// training has a number of its own.
/// </summary>
/// <param name="Seed">The seed of a run.</param>
/// <param name="Step">The number of a step.</param>
public readonly record struct Noise(int Seed, long Step);
