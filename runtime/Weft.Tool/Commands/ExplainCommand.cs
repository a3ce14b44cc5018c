using System.CommandLine;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Explanation;
using Weft.Compiler.Planning;
using Weft.Tool.Output;
using Weft.Tool.Pages;

namespace Weft.Tool.Commands;

/// <summary><c>weft explain</c>: shapes, costs, the plan that was chosen and those that were not.</summary>
internal static class ExplainCommand
{
    private enum Target
    {
        Cpu,
        Gpu,
    }

    public static Command Create(Session session)
    {
        DeviceModel known = DeviceModel.Default;
        var command = new Command("explain", "Prints shapes, costs, the plan that was chosen and those that were not.");
        SubjectParts subject = SubjectParts.AddTo(command);
        PlanParts plan = PlanParts.AddTo(command);
        Option<bool> json = CommandParts.Json();
        Option<string?> html = CommandParts.Written("--html", "Where a page of all this goes, with a picture of the matrix and the generated code.");
        var target = new Option<Target>("--target") { Description = "What runs: the processor, or a GPU.", DefaultValueFactory = _ => Target.Cpu };
        Option<ProcessorModel> machine = MachineCommand.Processor();
        Option<double> flops = CommandParts.Rate("--tflops", "The GPU's TFLOP/s.", known.FlopsPerSecond / 1e12);
        Option<double> bandwidth = CommandParts.Rate("--bandwidth", "The GPU's GB/s.", known.BytesPerSecond / 1e9);
        Option<double> launch = CommandParts.Rate("--launch", "The GPU's microseconds per launch.", known.LaunchSeconds * 1e6);
        foreach (Option option in new Option[] { json, html, target, machine, flops, bandwidth, launch })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(target) == Target.Gpu && (result.GetValue(json) || result.GetValue(html) is not null))
            {
                result.AddError("--json and --html are of the processor: leave --target out.");
            }
        });
        command.Exclude(json, html);
        command.SetAction(parsed => session.Run(() =>
        {
            if (parsed.GetValue(json))
            {
                return WriteJson(session, subject.Of(parsed), Options);
            }

            if (parsed.GetValue(html) is { } path)
            {
                return WriteHtml(session, subject.Of(parsed), Options, path);
            }

            var device = new DeviceModel(parsed.GetValue(flops) * 1e12, parsed.GetValue(bandwidth) * 1e9, parsed.GetValue(launch) * 1e-6);
            return session.Print(subject.Of(parsed), module => parsed.GetValue(target) == Target.Gpu
                ? ModuleCompiler.ExplainDevice(module, plan.Of(parsed, module), device)
                : ModuleCompiler.Compile(module, Options(module)).Explanation.ToString());

            GenerateOptions Options(Module module) => plan.Of(parsed, module) with { Processor = parsed.GetRequiredValue(machine) };
        }));
        return command;
    }

    private static int WriteJson(Session session, Subject subject, Func<Module, GenerateOptions> options)
    {
        if (session.Choose(subject) is not { } chosen)
        {
            return Session.WrongText;
        }

        Explained?[] made = [.. chosen.Numbers.Select(number => session.Try(chosen.Bound, number, () => Explained.Of(chosen.Bound.Modules[number], options(chosen.Bound.Modules[number]))))];
        session.Output.WriteLine(ToolJson.Write<IReadOnlyList<Explained>>([.. made.OfType<Explained>()]));
        return made.Contains(null) ? Session.WrongText : 0;
    }

    private static int WriteHtml(Session session, Subject subject, Func<Module, GenerateOptions> options, string path)
    {
        if (session.Choose(subject) is not { } chosen)
        {
            return Session.WrongText;
        }

        var page = new ExplanationPage(string.Join(", ", chosen.Modules.Select(module => module.Name)));
        bool isWhole = true;
        foreach (int number in chosen.Numbers)
        {
            Module module = chosen.Bound.Modules[number];
            GeneratedType? type = session.Try(chosen.Bound, number, () => ModuleCompiler.Compile(module, options(module)));
            if (type is not null)
            {
                page.Add(module, type, ModuleCompiler.Explain(module, options(module)).Picture(), ModuleCompiler.Picture(module, out string? obstacle), obstacle);
            }

            isWhole &= type is not null;
        }

        File.WriteAllText(path, page.ToString());
        return isWhole ? 0 : Session.WrongText;
    }

    /// <summary>What <c>weft explain --json</c> writes of a declaration.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Formula">Its text.</param>
    /// <param name="Inputs">Numbers of an input row.</param>
    /// <param name="Outputs">Numbers of an output row.</param>
    /// <param name="IsLinear">Whether it is a linear map.</param>
    /// <param name="Costs">Parameters, and FLOPs for a row.</param>
    /// <param name="DenseParameters">Elements of the matrix, where it is linear.</param>
    /// <param name="Parameters">What it keeps.</param>
    /// <param name="Facts">Costs beside those of a dense matrix, and what is known of it.</param>
    /// <param name="Sections">What each part of the road made of it.</param>
    internal sealed record Explained(
        string Name,
        string Formula,
        int Inputs,
        int Outputs,
        bool IsLinear,
        MapCosts Costs,
        double? DenseParameters,
        IReadOnlyList<ParameterJson> Parameters,
        IReadOnlyList<string> Facts,
        IReadOnlyList<ExplanationSection> Sections)
    {
        public static Explained Of(Module module, GenerateOptions options)
        {
            ExplanationReport report = ModuleCompiler.Compile(module, options).Explanation;
            return new(
                module.Name,
                module.Formula,
                module.Inputs,
                module.Outputs,
                module.IsLinear,
                report.Costs,
                module.IsLinear ? (double)module.Inputs * module.Outputs : null,
                [.. module.Parameters.Select(parameter => new ParameterJson(parameter.Name, parameter.Role.ToString().ToLowerInvariant(), parameter.Shape))],
                report.Facts,
                report.Sections);
        }
    }

    internal sealed record ParameterJson(string Name, string Role, IReadOnlyList<int> Shape);
}
