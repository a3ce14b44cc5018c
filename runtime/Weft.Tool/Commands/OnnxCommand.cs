using System.CommandLine;
using Google.Protobuf;
using Weft.Onnx;

namespace Weft.Tool.Commands;

/// <summary><c>weft onnx</c>: a declaration as a model.</summary>
internal static class OnnxCommand
{
    public static Command Create(Session session)
    {
        var command = new Command("onnx", "Writes a declaration with the parameters of a file as an ONNX model.");
        SubjectParts subject = SubjectParts.AddTo(command);
        PlanParts plan = PlanParts.AddTo(command, hasScalar: false);
        var parameters = new Option<string>("--parameters") { Description = "The safetensors file of the parameters.", Required = true };
        var model = new Option<string>("--out") { Description = "The model's file.", Required = true };
        command.Add(parameters);
        command.Add(model);
        command.SetAction(parsed => session.Run(() => Write(
            session, subject.Of(parsed), plan.Batch(parsed), parsed.GetRequiredValue(parameters), parsed.GetRequiredValue(model))));
        return command;
    }

    private static int Write(Session session, Subject subject, int batch, string parameters, string model)
    {
        if (!File.Exists(parameters))
        {
            throw new UsageException($"there is no file '{parameters}'");
        }

        if (session.ChooseOne(subject) is not { } chosen)
        {
            return Session.WrongText;
        }

        try
        {
            using FileStream stored = File.OpenRead(parameters);
            if (session.Try(chosen.Bound, chosen.Numbers.Single(), () => OnnxExport.Create(chosen.Modules.Single(), TensorFile.Open(stored), batch)) is not { } made)
            {
                return Session.WrongText;
            }

            File.WriteAllBytes(model, made.ToByteArray());
            return 0;
        }
        catch (Exception exception) when (exception is OnnxExportException or NotSupportedException or InvalidOperationException)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
    }
}
