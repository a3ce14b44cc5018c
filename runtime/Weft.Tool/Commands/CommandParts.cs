using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Tool.Library;
using Weft.Tool.Sources;

namespace Weft.Tool.Commands;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommandParts
{
    /// <summary>The texts that a command reads.</summary>
    public static Argument<string[]> Files(ArgumentArity arity) => new("files") { Description = SourceFiles.Help, Arity = arity };

    public static Option<bool> Json() => new("--json") { Description = "Writes JSON." };

    public static Option<bool> Quick() => new("--quick") { Description = "Takes less time, and is less exact." };

    /// <summary>A file that is written after all the work.</summary>
    public static Option<string?> Written(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description };
        option.Validators.Add(result =>
        {
            string path = result.GetValueOrDefault<string?>() ?? "";
            if (path.Length == 0 || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            {
                result.AddError($"{name}: a file in a folder that exists was expected, not '{path}'.");
            }
        });
        return option;
    }

    /// <summary>A number that has to be above 0.</summary>
    public static Option<double> Rate(string name, string description, double known) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => known,
        CustomParser = result =>
        {
            bool isNumber = double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double value);
            if (!isNumber || !double.IsFinite(value) || value <= 0)
            {
                result.AddError($"{name}: a number above 0 was expected.");
            }

            return value;
        },
    };

    /// <summary>A share, above 0 and up to 1.</summary>
    public static Option<double> Share(string name, string description, double known) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => known,
        CustomParser = result =>
        {
            bool isNumber = double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double share);
            if (!isNumber || !(share > 0 && share <= 1))
            {
                result.AddError($"{name}: a share above 0 and up to 1 was expected.");
            }

            return share;
        },
    };

    /// <summary>Formulas that are fitted.</summary>
    public static Option<string[]> Formulas() => new("--formula") { Description = "A formula to try besides the library's, with m and n for the matrix's rows and columns and r for a size that grows: \"low_rank(m, n, r)\"." };

    /// <summary>Options of which at most one may be there.</summary>
    public static void Exclude(this Command command, params Option[] options) => command.Validators.Add(result =>
    {
        if (options.Where(option => result.GetResult(option) is { Implicit: false }).Take(2).ToArray() is [var first, var second])
        {
            result.AddError($"{first.Name} and {second.Name} exclude each other.");
        }
    });
}

/// <summary>The declarations of files, or a formula over them, which a command is about.</summary>
internal sealed class SubjectParts
{
    private readonly Argument<string[]> _files = CommandParts.Files(ArgumentArity.ZeroOrMore);
    private readonly Option<string?> _name = new("--operator") { Description = "Only the declaration of this name." };
    private readonly Option<string?> _formula = new("--formula") { Description = "A formula over the files: \"monarch(1024, 32)\".", HelpName = "formula" };

    private SubjectParts() => _formula.CompletionSources.Add(_ => StandardEntries.All.Select(entry => new CompletionItem(entry.Example)));

    public static SubjectParts AddTo(Command command)
    {
        var parts = new SubjectParts();
        command.Add(parts._files);
        command.Add(parts._name);
        command.Add(parts._formula);
        command.Validators.Add(result =>
        {
            if (result.GetValue(parts._files) is not { Length: > 0 } && result.GetValue(parts._formula) is null)
            {
                result.AddError("A file or --formula was expected.");
            }
        });
        command.Exclude(parts._name, parts._formula);
        return parts;
    }

    public Subject Of(ParseResult parsed) => new(parsed.GetValue(_files) ?? [], parsed.GetValue(_name), parsed.GetValue(_formula));
}

/// <summary>How declarations are compiled.</summary>
internal sealed class PlanParts
{
    private readonly Option<int> _batch = new("--batch") { Description = "The rows that plans are made for.", DefaultValueFactory = _ => 64 };

    private PlanParts() => _batch.Validators.Add(result =>
    {
        if (result.Tokens.Any(token => !int.TryParse(token.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int rows) || rows < 1))
        {
            result.AddError("--batch: a number of rows from 1 was expected.");
        }
    });

    private readonly Option<Scalar> _scalar = new("--scalar") { Description = "The element type.", DefaultValueFactory = _ => Scalar.Float };

    /// <param name="command">The command.</param>
    /// <param name="hasScalar">Whether the element type can be chosen.</param>
    public static PlanParts AddTo(Command command, bool hasScalar = true)
    {
        var parts = new PlanParts();
        command.Add(parts._batch);
        if (hasScalar)
        {
            command.Add(parts._scalar);
        }

        return parts;
    }

    public int Batch(ParseResult parsed) => parsed.GetValue(_batch);

    public GenerateOptions Of(ParseResult parsed, Module module) => new(TypeNames.Of(module.Name), Scalar: parsed.GetValue(_scalar), Batch: Batch(parsed));
}
