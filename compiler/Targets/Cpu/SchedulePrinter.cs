using System.Text;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>Prints the steps of a schedule, one a line.</summary>
public static class SchedulePrinter
{
    public static string Print(Schedule schedule)
    {
        var text = new StringBuilder();
        Print("once", schedule.PrepareFrozen);
        Print("once per update", schedule.Prepare);
        Print("forward, for each chunk of rows", schedule.Forward);
        if (schedule.Evaluation is { } evaluation)
        {
            Print("without noise once per update", evaluation.Prepare);
            Print("forward without noise, for each chunk of rows", evaluation.Schedule.Forward);
        }

        if (schedule.FewRows is { } few)
        {
            Print($"before the first call for {few.InWords} after an update", few.Prepare);
            Print($"forward, {few.InWords}", few.Schedule.Forward);
        }

        Print("reverse, for each chunk of rows", schedule.Reverse);
        Print("reverse, once", schedule.PrepareGradient);
        return text.ToString();

        void Print(string title, IReadOnlyList<Step> steps)
        {
            if (steps.Count > 0)
            {
                text.Append(title).Append('\n');
                Lines(steps, "  ");
            }
        }

        void Lines(IEnumerable<Step> steps, string indent)
        {
            foreach (Step step in steps)
            {
                text.Append(indent).Append(step is LoopStep loop ? loop.Heading : step.Describe()).Append('\n');
                Lines(step is LoopStep { Body: var body } ? body : [], indent + "  ");
            }
        }
    }
}
