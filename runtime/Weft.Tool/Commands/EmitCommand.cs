using System.CommandLine;
using Weft.Compiler;

namespace Weft.Tool.Commands;

/// <summary><c>weft emit</c>: the C# that declarations become.</summary>
internal static class EmitCommand
{
    public static Command Create(Session session)
    {
        var command = new Command("emit", "Prints the C# that a declaration becomes.");
        SubjectParts subject = SubjectParts.AddTo(command);
        PlanParts plan = PlanParts.AddTo(command);
        command.SetAction(parsed => session.Run(() => session.Print(
            subject.Of(parsed), module => ModuleCompiler.Compile(module, plan.Of(parsed, module)).Code)));
        return command;
    }
}
