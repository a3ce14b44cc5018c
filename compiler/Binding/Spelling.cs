using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Suggestions for names that are not known.</summary>
internal static class Spelling
{
    private const int MaxDistance = 2;

    /// <summary>A letter in so many may be wrong: fewer, and the next best name would be as close by chance.</summary>
    private const int LettersPerMistake = 3;

    /// <summary>What other libraries call things that are here.</summary>
    private static readonly Dictionary<string, string> s_synonyms = new(StringComparer.OrdinalIgnoreCase)
    {
        ["fp16"] = "half",
        ["f16"] = "half",
        ["float16"] = "half",
        ["bfloat16"] = "bf16",
        ["fp8"] = "e4m3",
        ["float8"] = "e4m3",
        ["identity"] = "eye",
        ["linear"] = "dense",
        ["swish"] = "silu",
        ["conv"] = "convolution",
        ["conv1d"] = "convolution_1d",
        ["conv2d"] = "convolution",
        ["residual"] = "add",
        ["gaussian"] = "normal",
        ["randn"] = "normal",
        ["kaiming"] = "fan_in",
        ["xavier"] = "fan_in",
        ["glorot"] = "fan_in",
    };

    /// <summary><c>: did you mean 'monarch'?</c>, or nothing.</summary>
    public static Remedy DidYouMean(string name, IEnumerable<string> candidates)
    {
        string[] known = [.. candidates.Distinct(StringComparer.Ordinal)];
        string? best = s_synonyms.TryGetValue(name, out string? synonym) && known.Contains(synonym)
            ? synonym
            : known
                .Where(candidate => Math.Abs(candidate.Length - name.Length) <= MaxDistance)
                .Select(candidate => (Candidate: candidate, Distance: Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant())))
                .Where(pair => pair.Distance <= Math.Min(MaxDistance, Math.Min(name.Length, pair.Candidate.Length) / LettersPerMistake))
                .OrderBy(pair => pair.Distance)
                .ThenBy(pair => pair.Candidate, StringComparer.Ordinal)
                .Select(pair => pair.Candidate)
                .FirstOrDefault();
        return best is null ? new Remedy("") : new Remedy($": did you mean '{best}'?", best);
    }

    /// <summary>The same where there are few names: all of them, if none is close.</summary>
    public static Remedy DidYouMeanOneOf(string name, IEnumerable<string> candidates) =>
        DidYouMean(name, candidates) is { Replacement: not null } remedy ? remedy : new Remedy($": there is {string.Join(", ", candidates)}");

    /// <summary>The number of insertions, deletions, replacements and swaps of neighbours between two names (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        int[,] distances = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                int best = i == 0 || j == 0
                    ? i + j
                    : Math.Min(
                        distances[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1),
                        1 + Math.Min(distances[i - 1, j], distances[i, j - 1]));
                bool isSwap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                distances[i, j] = isSwap ? Math.Min(best, distances[i - 2, j - 2] + 1) : best;
            }
        }

        return distances[a.Length, b.Length];
    }
}
