using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;

namespace Weft.Compiler.Emission;

/// <summary>Writes a kernel: the loops of a contraction with their strides, which the runtime's tiles run.</summary>
internal sealed class KernelEmitter(CodeWriter code, string scalar)
{
    public void Emit(string name, Kernel kernel)
    {
        string type = $"{GeneratedNames.Kernels}.Contraction<{scalar}, {Operand(kernel.Lanes.A, kernel.FormatA)}, {(kernel.HasB ? Operand(kernel.Lanes.B, kernel.FormatB) : Generic("One", null))}, {Generic(Result(kernel), null)}>";
        code.Line($"// {kernel.Description}: {Describe(kernel)}.");
        using (code.Braces($"private static readonly {type} {name} = new({GeneratedNames.Kernels}.LaneForm.{kernel.Form})", "};"))
        {
            Loops("Outer", kernel.Outer);
            Loops("Sums", kernel.Reduction);
            One("Rows", kernel.Rows, Loop.None);
            One("Columns", kernel.Columns, Loop.None);
            One("Lanes", kernel.Lanes, null);
            if ((kernel.PanelA, kernel.PanelB) != (1, 1))
            {
                code.Line($"Panels = ({Number(kernel.PanelA)}, {Number(kernel.PanelB)}),");
            }

            if (kernel.Coefficient != 1)
            {
                code.Line($"Coefficient = {Literals.Of(kernel.Coefficient, "double")},");
            }

            if (kernel.IsOneStream)
            {
                code.Line("IsOneStream = true,");
            }
        }

        void Loops(string property, IReadOnlyList<Loop> loops)
        {
            if (loops.Count > 0)
            {
                code.Line($"{property} = [{string.Join(", ", loops.Select(New))}],");
            }
        }

        void One(string property, Loop loop, Loop? usual)
        {
            if (loop != usual)
            {
                code.Line($"{property} = {New(loop)},");
            }
        }

        string New(Loop loop) =>
            $"new({Number(loop.Extent)}, {Number(loop.A)}, {Number(loop.B)}, {Number(loop.C)}){(kernel.AddendStride(loop) == loop.C ? "" : $" {{ D = {Number(kernel.AddendStride(loop))} }}")}";
    }

    /// <summary>How the lanes of an operand are read; what is packed has them side by side.</summary>
    private string Operand(int stride, StorageFormat? format) => Generic(stride == 0 ? "Splat" : stride == 1 || format is not null ? "Adjacent" : "Strided", format);

    /// <summary>How the lanes of the result are written.</summary>
    private static string Result(Kernel kernel) => kernel.Form == LaneForm.Dot ? "Summed" : kernel.Lanes.C != 1 ? "Spread" : kernel.Coefficient != 1 ? "Scaled" : "Stored";

    private string Generic(string name, StorageFormat? format) =>
        $"{GeneratedNames.Kernels}.{name}<{scalar}{(format is null ? "" : $", {GeneratedNames.Kernels}.{format}<{scalar}>")}>";

    private static string Describe(Kernel kernel)
    {
        string lanes = kernel.Lanes.Name.Length == 0 ? "scalar" : $"lanes along {kernel.Lanes.Name}";
        IEnumerable<string> tile = new[] { kernel.Rows, kernel.Columns }.Where(loop => loop != Loop.None).Select(loop => loop.IsRows ? "rows" : loop.Name);
        return string.Join(", tile over ", new[] { lanes, string.Join(" × ", tile) }.Where(part => part.Length > 0));
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Numbers as C# constants that round-trip.</summary>
internal static class Literals
{
    /// <summary>A number; one that a float cannot hold is what arithmetic in floats makes of it, an infinity.</summary>
    public static string Of(double value, string scalar)
    {
        double held = scalar == "float" ? (float)value : value;
        if (double.IsNaN(held) || double.IsInfinity(held))
        {
            return $"({Of(double.IsNaN(held) ? 0 : Math.Sign(held), scalar)} / {Of(0, scalar)})";
        }

        return scalar == "float" ? ((float)value).ToString("G9", CultureInfo.InvariantCulture) + "f" : value.ToString("G17", CultureInfo.InvariantCulture) + "d";
    }
}
