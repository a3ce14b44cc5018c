using System.CommandLine;
using Weft.Compiler.Planning;

namespace Weft.Tool.Commands;

/// <summary><c>weft machine</c>: the computer as maps find it; and the option that names another one.</summary>
internal static class MachineCommand
{
    private const string This = "this";

    public static Command Create(Session session)
    {
        var command = new Command("machine", "Prints what maps find of this computer, and what is pinned of it by WEFT_MACHINE.");
        command.SetAction(_ => session.Run(() =>
        {
            try
            {
                session.Output.WriteLine(WeftOptions.Machine);
                return 0;
            }
            catch (FormatException exception)
            {
                throw new UsageException(exception.Message);
            }
        }));
        return command;
    }

    /// <summary>The processor that plans are made for.</summary>
    public static Option<ProcessorModel> Processor()
    {
        string[] names = [.. ProcessorModel.Named.Select(model => model.Name), This];
        var option = new Option<ProcessorModel>("--machine")
        {
            HelpName = "machine",
            Description = $"The processor: {string.Join(", ", names)}.",
            DefaultValueFactory = _ => ProcessorModel.Default,
            CustomParser = result =>
            {
                string name = result.Tokens[0].Value;
                try
                {
                    if ((name == This ? ThisProcessor() : ProcessorModel.Named.FirstOrDefault(model => model.Name == name)) is { } model)
                    {
                        return model;
                    }

                    result.AddError($"--machine: '{name}' is not known; there is {string.Join(", ", names)}.");
                }
                catch (FormatException exception)
                {
                    result.AddError(exception.Message);
                }

                return ProcessorModel.Default;
            },
        };
        option.CompletionSources.Add(names);
        return option;
    }

    /// <summary>The processor that this runs on.</summary>
    /// <exception cref="FormatException">What the environment pins of the machine is wrong.</exception>
    private static ProcessorModel ThisProcessor()
    {
        const int CommonWays = 8;
        Machine machine = WeftOptions.Machine;
        return new ProcessorModel(
            machine.Name,
            Math.Max(sizeof(double), machine.VectorBits / 8),
            machine.VectorRegisters,
            (int)machine.FirstLevel.Bytes,
            machine.FirstLevel.Ways > 0 ? machine.FirstLevel.Ways : CommonWays,
            (int)machine.SecondLevelOfCore,
            (int)machine.LastLevel);
    }
}
