using System.CommandLine;
using Weft.Compiler;
using Weft.Compiler.Explanation;
using Weft.Reports;
using Weft.Tool.Output;

namespace Weft.Tool.Commands;

/// <summary><c>weft show</c>: a picture of a map's matrix.</summary>
internal static class ShowCommand
{
    public static Command Create(Session session)
    {
        var command = new Command("show", "Shows the matrix of a declaration, with random parameters.");
        SubjectParts subject = SubjectParts.AddTo(command);
        var footprint = new Option<string?>("--footprint") { Description = "Shows only what changes with a parameter, \"R\", or with its first number, \"R[0, 0]\"." };
        var seed = new Option<int>("--seed") { Description = "What the parameters are drawn from.", DefaultValueFactory = _ => 1 };
        Option<string?> svg = CommandParts.Written("--svg", "Where the picture goes, as SVG, instead of the terminal.");
        command.Add(footprint);
        command.Add(seed);
        command.Add(svg);
        command.SetAction(parsed => session.Run(() => Show(session, subject.Of(parsed), parsed.GetValue(footprint), parsed.GetValue(seed), parsed.GetValue(svg))));
        return command;
    }

    private static int Show(Session session, Subject subject, string? name, int seed, string? svg)
    {
        if (session.ChooseOne(subject) is not { } chosen)
        {
            return Session.WrongText;
        }

        string? obstacle = null;
        MatrixPicture? picture = session.Try(chosen.Bound, chosen.Numbers.Single(), () => ModuleCompiler.Picture(chosen.Modules.Single(), out obstacle, seed));
        if (picture is null)
        {
            return obstacle is null ? Session.WrongText : throw new UsageException(obstacle);
        }

        int? footprint = name is null ? null : picture.Footprints.ToList().FindIndex(one => one.Name == name);
        if (footprint is -1)
        {
            throw new UsageException($"there is no parameter '{name}'; there is {string.Join(", ", picture.Footprints.Select(one => one.Name))}");
        }

        if (svg is null)
        {
            MatrixText.Write(ReportConsole.Over(session.Output), picture, footprint);
        }
        else
        {
            File.WriteAllText(svg, picture.ToSvg(footprint));
        }

        return 0;
    }
}
