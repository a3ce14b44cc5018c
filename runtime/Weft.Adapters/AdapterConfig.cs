using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Weft.Adapters;

/// <summary>The settings of an <c>adapter_config.json</c>, by PEFT's names.</summary>
internal sealed class AdapterConfig
{
    private readonly JsonElement root;

    private AdapterConfig(byte[] text, JsonElement root) => (Text, this.root) = (text, root);

    /// <summary>The file as it is.</summary>
    public byte[] Text { get; }

    /// <summary>Reads a file's text.</summary>
    /// <exception cref="InvalidDataException">It is no JSON object.</exception>
    public static AdapterConfig Parse(byte[] text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text.AsMemory(text.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0));
            Visit(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new AdapterConfig(text, document.RootElement.Clone())
                : throw new InvalidDataException("adapter_config.json holds no object.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"adapter_config.json is no JSON: {exception.Message}", exception);
        }

        // Texts are decoded when they are asked for: what is no text is to be found now.
        static void Visit(JsonElement element)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.String:
                    _ = element.GetString();
                    break;

                case JsonValueKind.Array:
                    foreach (JsonElement item in element.EnumerateArray())
                    {
                        Visit(item);
                    }

                    break;

                case JsonValueKind.Object:
                    foreach (JsonProperty property in element.EnumerateObject())
                    {
                        _ = property.Name;
                        Visit(property.Value);
                    }

                    break;
            }
        }
    }

    /// <summary>Whether a setting is there and neither null, false, nor empty.</summary>
    public bool IsSet(string name) => Find(name) is { } value && value.ValueKind switch
    {
        JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        _ => true,
    };

    /// <summary>A text; null where it is not set.</summary>
    public string? String(string name) => Find(name) is not { } value ? null : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, value, "a text");

    /// <summary>A switch; null where it is not set.</summary>
    public bool? Flag(string name) => Find(name) is not { } value
        ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, value, "true or false");

    /// <summary>A setting as it is written; null where it is not set.</summary>
    public string? Raw(string name) => Find(name)?.GetRawText();

    /// <summary>A number; null where it is not set.</summary>
    public double? Number(string name) => Find(name) is { } value ? Number(name, value) : null;

    /// <summary>A list of texts; a single one too; empty where it is not set.</summary>
    public string[] Texts(string name)
    {
        if (Find(name) is not { } value)
        {
            return [];
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array when value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => [.. value.EnumerateArray().Select(item => item.GetString()!)],
            _ => throw Wrong(name, value, "a list of texts"),
        };
    }

    /// <summary>Whether a setting is one text rather than a list: then it is a pattern for whole names.</summary>
    public bool IsText(string name) => Find(name) is { ValueKind: JsonValueKind.String };

    /// <summary>A number for a module: that of the first pattern that its name, or the end of it behind a dot, matches; else that of all.</summary>
    /// <param name="name">The setting for all.</param>
    /// <param name="patterns">The setting with patterns.</param>
    /// <param name="module">The module's name.</param>
    public double? Number(string name, string patterns, string module)
    {
        if (Find(patterns) is { } map)
        {
            if (map.ValueKind != JsonValueKind.Object)
            {
                throw Wrong(patterns, map, "an object from patterns to numbers");
            }

            foreach (JsonProperty entry in map.EnumerateObject())
            {
                if (Matches($"(?:.*\\.)?(?:{entry.Name})", module, patterns))
                {
                    return Number($"{patterns}.{entry.Name}", entry.Value);
                }
            }
        }

        return Number(name);
    }

    /// <summary>Whether a regular expression of a setting matches a whole name.</summary>
    public static bool Matches(string pattern, string name, string setting)
    {
        try
        {
            return Regex.IsMatch(name, $"\\A(?:{pattern})\\z", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (Exception exception) when (exception is ArgumentException or RegexMatchTimeoutException)
        {
            throw new InvalidDataException($"'{setting}' of adapter_config.json has the pattern '{pattern}', which cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>A setting that has to be there.</summary>
    /// <param name="value">What it is.</param>
    /// <param name="name">Its name in the file.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public static T Require<T>(T? value, string name)
        where T : struct => value ?? throw new InvalidDataException($"adapter_config.json has no '{name}', which this method needs.");

    private static double Number(string name, JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number)
        ? number
        : throw Wrong(name, value, "a number");

    private static InvalidDataException Wrong(string name, JsonElement value, string expected)
    {
        string found = value.GetRawText();
        return new(string.Create(CultureInfo.InvariantCulture, $"'{name}' of adapter_config.json is {(found.Length > 60 ? found[..60] + "…" : found)}; {expected} is expected."));
    }

    private JsonElement? Find(string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
