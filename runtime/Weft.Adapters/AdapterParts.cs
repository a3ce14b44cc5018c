using System.Globalization;

namespace Weft.Adapters;

/// <summary>What a file and its config say of one module.</summary>
/// <param name="module">The module's name.</param>
/// <param name="tensors">Its tensors by part, with those that all modules share.</param>
/// <param name="config">The config; null for a file without one.</param>
/// <param name="alpha">The alpha that the caller gave for files that have none.</param>
internal sealed class AdapterParts(string module, IReadOnlyDictionary<string, AdapterTensor> tensors, AdapterConfig? config, double? alpha)
{
    public string Module => module;

    public AdapterConfig? Config => config;

    public IReadOnlyDictionary<string, AdapterTensor> Tensors => tensors;

    public bool Has(string part) => tensors.ContainsKey(part);

    /// <summary>A part's shape of so many axes, none of them empty.</summary>
    public int[] Shape(string part, int axes)
    {
        int[] shape = [.. tensors[part].Shape];
        return shape.Length == axes && shape.All(extent => extent > 0) ? shape : throw Wrong(part, $"{axes} axes");
    }

    /// <summary>The number of elements.</summary>
    public int Length(string part) => tensors[part].Stored.Length is > 0 and <= int.MaxValue and var length ? (int)length : throw Wrong(part, "elements, not too many");

    /// <summary>The first extent of a matrix, or of a convolution's kernel.</summary>
    public int Rows(string part) => tensors[part].Shape is [> 0 and var rows, _, ..] ? rows : throw Wrong(part, "a matrix");

    /// <summary>The product of the other extents.</summary>
    public int Columns(string part) => Length(part) / Rows(part);

    /// <summary>Refuses a part that is no matrix of so many rows and columns.</summary>
    public void Expect(string part, int rows, int columns)
    {
        if ((Rows(part), Columns(part)) != (rows, columns))
        {
            throw Wrong(part, $"{rows} × {columns}");
        }
    }

    /// <summary>What the update is multiplied by, α/r or α/√r, as a number of a formula.</summary>
    /// <param name="rank">The rank that the parts have; null where they have none.</param>
    public string Scale(int? rank)
    {
        double scale;
        if (config != null)
        {
            string name = config.IsSet("lora_alpha") || config.String("peft_type") == "LORA" ? "lora_alpha" : "alpha";
            double r = AdapterConfig.Require(config.Number("r", "rank_pattern", module), "r"), a = AdapterConfig.Require(config.Number(name, "alpha_pattern", module), name);
            if (!(r > 0) || (rank != null && rank != r) || Has("alpha"))
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture, $"'{module}' has rank {r} by adapter_config.json; its tensors have {rank?.ToString(CultureInfo.InvariantCulture) ?? "none"}{(Has("alpha") ? " and an alpha of their own" : "")}."));
            }

            scale = a / (config.Flag("use_rslora") == true ? Math.Sqrt(r) : r);
        }
        else if (rank == null)
        {
            // LyCORIS scales no Kronecker product of two full factors.
            scale = 1;
        }
        else
        {
            double a = Has("alpha") ? tensors["alpha"].Read() is [var single] ? single : throw Wrong("alpha", "one number") : alpha ?? throw new InvalidDataException(
                $"'{module}' has no alpha, and there is no adapter_config.json: what its update is to be multiplied by is not known. Set {nameof(AdapterOptions)}.{nameof(AdapterOptions.Alpha)} to the alpha of the training (the update is multiplied by alpha / rank; the rank of '{module}' is {rank}).");
            scale = a / rank.Value;
        }

        return double.IsFinite(scale) && scale != 0
            ? $"({scale.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant().Replace("e+", "e", StringComparison.Ordinal)})"
            : throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The update of '{module}' would be multiplied by {scale}."));
    }

    /// <summary>The config of a method whose parts alone do not say what they mean.</summary>
    public AdapterConfig RequireConfig() => config ?? throw new InvalidDataException($"'{module}' can be read only with an adapter_config.json: its tensors alone do not say what they mean.");

    /// <summary>A whole number of a setting.</summary>
    public int Whole(double value, string setting, int least, int most) => Math.Floor(value) == value && value >= least && value <= most
        ? (int)value
        : throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"'{setting}' of adapter_config.json is {value}; a whole number from {least} to {most} is expected for '{module}'."));

    /// <summary>Refuses settings that change what the tensors mean.</summary>
    public void RefuseSettings(params ReadOnlySpan<string> settings)
    {
        foreach (string setting in settings)
        {
            if (config?.IsSet(setting) == true)
            {
                throw new NotSupportedException($"'{module}' is trained with '{setting}' of adapter_config.json, which changes what its tensors mean and is not known here.");
            }
        }
    }

    /// <summary>Refuses values of a setting.</summary>
    public void RefuseSetting(string setting, params string[] values)
    {
        if (config?.IsText(setting) == true && config.String(setting) is { } value && values.Contains(value, StringComparer.Ordinal))
        {
            throw new NotSupportedException($"'{module}' is trained with '{setting}' = '{value}' of adapter_config.json, which is not known here.");
        }
    }

    /// <summary>Refuses starts that took something from the base weight: the file is then for what was left.</summary>
    public void RefuseChangedBase(string setting)
    {
        if (config?.IsText(setting) == true && config.String(setting) is not ("gaussian" or "eva" or "orthogonal"))
        {
            throw new NotSupportedException($"'{module}' started by '{config.String(setting)}', which changes the base weight: the file is not for the base as published. Convert it when it is saved (PEFT's path_initial_model_for_weight_conversion).");
        }
    }

    /// <summary>A part has another shape than its method's.</summary>
    public InvalidDataException Wrong(string part, string expected) =>
        new($"'{tensors[part].Key}' has the shape [{string.Join(", ", tensors[part].Shape)}]; {expected} is expected.");
}
