using System.CommandLine;
using System.Globalization;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Planning;
using Weft.LanguageServer;
using Weft.Tool.Fitting;

namespace Weft.Tool;

/// <summary>The command line.</summary>
internal static class Cli
{
    /// <returns>0 where all went well, 1 where a text is wrong, 2 where the command line is.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter error, TextReader? input = null)
    {
        var root = new RootCommand("Weft: structured linear maps from formulas.")
        {
            Check(output, error),
            Explain(output, error),
            Fit(output, error),
            Format(input ?? Console.In, output, error),
            LanguageServer(),
            Machine(output, error),
            Onnx(output, error),
            Report("emit", "Prints the C# that a declaration becomes.", _ => (module, options) => ModuleCompiler.Compile(module, options).Code, output, error),
        };
        ParseResult parsed = root.Parse(arguments);
        int code = parsed.Invoke(new InvocationConfiguration { Output = output, Error = error });
        return parsed.Errors.Count > 0 ? Session.WrongUsage : code;
    }

    private static Command Check(TextWriter output, TextWriter error)
    {
        var files = new Argument<string[]>("files") { Description = "The .weft files.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("check", "Reports what is wrong with files.") { files };
        command.SetAction(parsed => new Session(output, error).Check(parsed.GetRequiredValue(files)));
        return command;
    }

    private static Command Explain(TextWriter output, TextWriter error)
    {
        DeviceModel known = DeviceModel.Default;
        var target = new Option<ExplainTarget>("--target") { Description = "What runs: the processor, or a GPU.", DefaultValueFactory = _ => ExplainTarget.Cpu };
        Option<double> flops = Rate("--tflops", "The GPU's TFLOP/s.", known.FlopsPerSecond / 1e12);
        Option<double> bandwidth = Rate("--bandwidth", "The GPU's GB/s.", known.BytesPerSecond / 1e9);
        Option<double> launch = Rate("--launch", "The GPU's microseconds per launch.", known.LaunchSeconds * 1e6);
        Option<ProcessorModel> machine = Processor();
        return Report(
            "explain",
            "Prints shapes, costs, the plan that was chosen and those that were not.",
            parsed => parsed.GetValue(target) == ExplainTarget.Gpu
                ? (module, options) => ModuleCompiler.ExplainDevice(
                    module,
                    options,
                    new DeviceModel(parsed.GetValue(flops) * 1e12, parsed.GetValue(bandwidth) * 1e9, parsed.GetValue(launch) * 1e-6))
                : (module, options) => ModuleCompiler.Compile(module, options with { Processor = parsed.GetRequiredValue(machine) }).Explanation,
            output,
            error,
            target,
            machine,
            flops,
            bandwidth,
            launch);
    }

    private static Command Fit(TextWriter output, TextWriter error)
    {
        var matrix = new Argument<string>("matrix") { Description = "The matrix: a .npy or .mtx file, or a tensor as file.safetensors:NAME." };
        var files = new Argument<string[]>("files") { Description = "The .weft files whose declarations formulas name.", Arity = ArgumentArity.ZeroOrMore };
        var formulas = new Option<string[]>("--formula") { Description = "A formula to try besides the library's, with m and n for the matrix's rows and columns and r for a size that grows: \"low_rank(m, n, r)\"." };
        var budget = new Option<double>("--budget")
        {
            Description = "The most parameters, as a share of the matrix's elements.",
            DefaultValueFactory = _ => 0.1,
            CustomParser = result =>
            {
                bool isNumber = double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double share);
                if (!isNumber || !(share > 0 && share <= 1))
                {
                    result.AddError("--budget: a share above 0 and up to 1 was expected.");
                }

                return share;
            },
        };
        Option<string?> picture = Written("--svg", "Where a picture of the errors goes.");
        Option<string?> path = Written("--output", "Where the closest structure's parameters go, as a safetensors file.");
        var command = new Command("fit", "Finds structures that are close to a matrix.") { matrix, files, formulas, budget, picture, path };
        command.SetAction(parsed => new Session(output, error).Fit(new FitRequest(
            parsed.GetRequiredValue(matrix),
            parsed.GetValue(files) ?? [],
            parsed.GetValue(formulas) ?? [],
            parsed.GetValue(budget),
            parsed.GetValue(picture),
            parsed.GetValue(path))));
        return command;
    }

    /// <summary>A file that is written after all the work.</summary>
    private static Option<string?> Written(string name, string description)
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

    private static Command Format(TextReader input, TextWriter output, TextWriter error)
    {
        var paths = new Argument<string[]>("paths") { Description = "The .weft files, folders of them, or '-' for the standard input.", Arity = ArgumentArity.OneOrMore };
        var check = new Option<bool>("--check") { Description = "Writes nothing, and fails where a file would change." };
        var command = new Command("format", "Gives files Weft's one style.") { paths, check };
        command.SetAction(parsed => new Session(output, error).Format(parsed.GetRequiredValue(paths), parsed.GetValue(check), input));
        return command;
    }

    private static Command LanguageServer()
    {
        var command = new Command("lsp", "Serves an editor by the Language Server Protocol, over the standard input and output.");
        command.SetAction(async (_, _) =>
        {
            await Server.RunAsync(Console.OpenStandardInput(), Console.OpenStandardOutput());
            return 0;
        });
        return command;
    }

    private static Command Machine(TextWriter output, TextWriter error)
    {
        var command = new Command("machine", "Prints what maps find of this computer, and what is pinned of it by WEFT_MACHINE.");
        command.SetAction(_ => new Session(output, error).PrintMachine());
        return command;
    }

    private static Option<ProcessorModel> Processor()
    {
        const string This = "this";
        string names = string.Join(", ", ProcessorModel.Named.Select(model => model.Name).Append(This));
        return new Option<ProcessorModel>("--machine")
        {
            Description = $"The processor: {names}.",
            DefaultValueFactory = _ => ProcessorModel.Default,
            CustomParser = result =>
            {
                string name = result.Tokens[0].Value;
                try
                {
                    if ((name == This ? Session.ThisProcessor() : ProcessorModel.Named.FirstOrDefault(model => model.Name == name)) is { } model)
                    {
                        return model;
                    }

                    result.AddError($"--machine: '{name}' is not known; there is {names}.");
                }
                catch (FormatException exception)
                {
                    result.AddError(exception.Message);
                }

                return ProcessorModel.Default;
            },
        };
    }

    private static Option<double> Rate(string name, string description, double known)
    {
        var option = new Option<double>(name)
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
        return option;
    }

    private enum ExplainTarget
    {
        Cpu,
        Gpu,
    }

    private static Command Onnx(TextWriter output, TextWriter error)
    {
        (Command command, Subject subject) = OfModules("onnx", "Writes a declaration with the parameters of a file as an ONNX model.");
        var parameters = new Option<string>("--parameters") { Description = "The safetensors file of the parameters.", Required = true };
        var model = new Option<string>("--out") { Description = "The model's file.", Required = true };
        command.Add(parameters);
        command.Add(model);
        command.SetAction(parsed => new Session(output, error).WriteOnnx(
            parsed.GetValue(subject.Files) ?? [],
            parsed.GetValue(subject.Formula),
            parsed.GetValue(subject.Name),
            parsed.GetValue(subject.Batch),
            parsed.GetRequiredValue(parameters),
            parsed.GetRequiredValue(model)));
        return command;
    }

    private static Command Report(
        string name,
        string description,
        Func<ParseResult, Func<Module, GenerateOptions, string>> text,
        TextWriter output,
        TextWriter error,
        params Option[] more)
    {
        (Command command, Subject subject) = OfModules(name, description);
        var scalar = new Option<Scalar>("--scalar") { Description = "The element type.", DefaultValueFactory = _ => Scalar.Float };
        command.Add(scalar);
        foreach (Option option in more)
        {
            command.Add(option);
        }

        command.SetAction(parsed => new Session(output, error).Print(
            parsed.GetValue(subject.Files) ?? [],
            parsed.GetValue(subject.Formula),
            parsed.GetValue(subject.Name),
            parsed.GetValue(subject.Batch),
            parsed.GetValue(scalar),
            text(parsed)));
        return command;
    }

    /// <summary>What a command about modules is given.</summary>
    private sealed record Subject(Argument<string[]> Files, Option<string?> Name, Option<string?> Formula, Option<int> Batch);

    /// <summary>A command about the declarations of files, or about a formula over them.</summary>
    private static (Command Command, Subject Subject) OfModules(string name, string description)
    {
        var files = new Argument<string[]>("files") { Description = "The .weft files.", Arity = ArgumentArity.ZeroOrMore };
        var operatorName = new Option<string?>("--operator") { Description = "Only the declaration of this name." };
        var formula = new Option<string?>("--formula") { Description = "A formula over the files: \"monarch(1024, 32)\"." };
        var batch = new Option<int>("--batch") { Description = "The rows that plans are made for.", DefaultValueFactory = _ => 64 };
        batch.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => !int.TryParse(token.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int rows) || rows < 1))
            {
                result.AddError("--batch: a number of rows from 1 was expected.");
            }
        });

        var command = new Command(name, description) { files, operatorName, formula, batch };
        command.Validators.Add(result =>
        {
            if (result.GetValue(files) is not { Length: > 0 } && result.GetValue(formula) is null)
            {
                result.AddError("A file or --formula was expected.");
            }

            if (result.GetValue(operatorName) is not null && result.GetValue(formula) is not null)
            {
                result.AddError("--operator and --formula exclude each other.");
            }
        });
        return (command, new Subject(files, operatorName, formula, batch));
    }
}
