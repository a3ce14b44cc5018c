using System.Text;

namespace Weft.Compiler.Explanation;

/// <summary>What the compiler did with a module; as text, what <c>weft explain</c> prints.</summary>
/// <param name="Title">Its name, its shape, and what it is planned for.</param>
/// <param name="Costs">What it has and does.</param>
/// <param name="Ports">Its inputs and outputs, where they have names.</param>
/// <param name="Facts">Costs beside those of a dense matrix, and what is known of it, a sentence or two each.</param>
/// <param name="Sections">What each part of the road made of it.</param>
public sealed record ExplanationReport(
    string Title,
    MapCosts Costs,
    IReadOnlyList<string> Ports,
    IReadOnlyList<string> Facts,
    IReadOnlyList<ExplanationSection> Sections)
{
    /// <summary>The lines of the section of a title; none where there is no such section.</summary>
    public IReadOnlyList<string> Lines(string title) => Sections.FirstOrDefault(section => section.Title == title)?.Lines ?? [];

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (string line in new[] { Title }.Concat(Ports).Append("").Concat(Facts).Concat(Sections.SelectMany(section => section.Lines.Select(line => "  " + line).Prepend(section.Title).Prepend(""))))
        {
            text.Append(line).Append('\n');
        }

        return text.ToString();
    }
}

/// <param name="Title">What made the lines.</param>
/// <param name="Lines">What it made.</param>
public sealed record ExplanationSection(string Title, IReadOnlyList<string> Lines);

/// <param name="Trained">Parameters that training changes.</param>
/// <param name="Frozen">Those that it does not change.</param>
/// <param name="ForwardFlops">Floating-point operations of the forward pass for a row.</param>
/// <param name="BackwardFlops">Those of the backward pass.</param>
public sealed record MapCosts(int Trained, int Frozen, long ForwardFlops, long BackwardFlops);
