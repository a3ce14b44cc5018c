using System.Text;

namespace Weft.Examples.Characters;

/// <summary>
/// A source of short tales, made at random by a grammar. What is known of a text by its author is what no model can do better than: of each character the bits
/// that it tells, −log₂ of its probability given all before it. Most characters tell nothing, once one has read enough: who found the thing is asked
/// at the end, some eighty characters behind its finding.
/// </summary>
/// <param name="seed">Decides the tales.</param>
internal sealed class Tales(int seed)
{
    /// <summary>The characters that there are, in the order of their numbers. The first one begins and ends a tale.</summary>
    public const string Alphabet = "\n abcdefghijklmnopqrstuvwxyz.,?";

    private static readonly string[] Adjectives = ["old", "clever", "quiet", "brave", "sleepy", "proud", "angry", "tiny"];
    private static readonly string[] Animals = ["fox", "owl", "goose", "hare", "wolf", "badger", "mouse", "crow"];
    private static readonly string[] Things = ["key", "lantern", "bell", "drum", "feather", "coin", "kettle", "ring"];
    private static readonly string[] Places = ["mill", "forest", "barn", "river", "tower", "garden", "cave", "valley"];
    private static readonly string[] Deeds = ["stole", "hid", "broke", "mended", "painted", "cleaned"];
    private static readonly string[] Ends = ["sang", "wept", "danced", "slept", "ran away"];

    private readonly Random _random = new(seed);
    private readonly StringBuilder _text = new();
    private readonly List<double> _bits = [];

    /// <summary>The number of a character.</summary>
    public static int Number(char character) => Alphabet.IndexOf(character, StringComparison.Ordinal);

    /// <summary>So many characters from the start of a tale on, and the bits that each of them tells.</summary>
    public (string Text, double[] Bits) Next(int length)
    {
        _text.Clear();
        _bits.Clear();
        while (_text.Length < length)
        {
            Tell();
        }

        return (_text.ToString(0, length), [.. _bits.Take(length)]);
    }

    private void Tell()
    {
        Say("the ");
        Choose(Adjectives, " ");
        string hero = Choose(Animals, " ");
        Say("found the ");
        string thing = Choose(Things, " ");
        Say("in the ");
        string place = Choose(Places, ". ");
        if (Choose(["there", "the"], " ") == "there")
        {
            Say("the ");
            Choose([.. Animals.Where(animal => animal != hero)], " ");
            Choose(Deeds, " ");
            Say("it. the ");
        }

        Say($"{hero} ");
        Choose(Ends, ". ");
        Say(Choose(["who", "where"], " ") == "who"
            ? $"found the {thing}? the {hero}.\n"
            : $"was the {thing}, did it say? in the {place}.\n");
    }

    /// <summary>One of some words, the first twice as often as the second, three times as often as the third (Zipf's law), and what follows it.</summary>
    private string Choose(string[] words, string end)
    {
        double[] weights = [.. words.Select((_, i) => 1.0 / (i + 1))];
        double place = _random.NextDouble() * weights.Sum();
        int chosen = 0;
        while (chosen < words.Length - 1 && place >= weights[chosen])
        {
            place -= weights[chosen++];
        }

        // A character tells which of the words are left that begin with all before it.
        string said = words[chosen] + end;
        double left = weights.Sum();
        for (int length = 1; length <= said.Length; length++)
        {
            double still = words.Zip(weights).Where(pair => (pair.First + end).StartsWith(said[..length], StringComparison.Ordinal)).Sum(pair => pair.Second);
            Add(said[length - 1], Math.Log2(left / still));
            left = still;
        }

        return words[chosen];
    }

    private void Say(string words)
    {
        foreach (char character in words)
        {
            Add(character, 0);
        }
    }

    private void Add(char character, double bits)
    {
        _text.Append(character);
        _bits.Add(bits);
    }
}
