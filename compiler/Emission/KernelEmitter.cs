using System.Globalization;
using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;

namespace Weft.Compiler.Emission;

/// <summary>
/// Writes a kernel: a struct with the register tile, whose one text the JIT specialises for each instruction set and tile height, and a
/// method with the loops around it.
/// </summary>
internal sealed class KernelEmitter(CodeWriter code, string scalar, Variant variant)
{
    private readonly int _panel = ProcessorModel.Panel(variant.ElementSize);
    private readonly ProcessorModel _processor = variant.Costs.Processor;

    private const string Optimized =
        $"[{GeneratedNames.Compiler}.MethodImpl({GeneratedNames.Compiler}.MethodImplOptions.AggressiveOptimization)]";

    /// <summary>Terms that one accumulator adds up, as far as known. A sum that is much longer is one of such sums: rounding errors grow with the length.</summary>
    private const int SumBlock = 4096;

    /// <summary>A loop inside the tile: it steps by one, or by a unit, and moves the operands by their strides times that. Rows of the batch count as one term.</summary>
    private sealed record ReductionLoop(string Name, string Extent, int Terms, string Unit, int A, int B);

    public void Emit(string name, Kernel kernel)
    {
        EmitStruct(name, kernel);
        code.Line();
        EmitLoops(name, kernel);
    }

    private void EmitStruct(string name, Kernel kernel)
    {
        code.Line($"// {kernel.Description}: {Describe(kernel)}.");
        using (code.Braces($"private readonly struct {name}Tile : {GeneratedNames.Kernels}.ITile<{scalar}>"))
        {
            EmitShape(kernel);
            code.Line();
            code.Line(Optimized);
            code.Line($"public static void Run<S, V, R, C>({scalar}* a, {scalar}* b, {scalar}* c, int count, int lanes, {scalar}* d)");
            code.Line($"    where S : struct, {GeneratedNames.Kernels}.ILanes<{scalar}, V> where V : struct where R : struct, {GeneratedNames.Kernels}.IExtent where C : struct, {GeneratedNames.Kernels}.IExtent");
            using (code.Braces(null))
            {
                EmitTile(kernel);
            }
        }
    }

    private void EmitShape(Kernel kernel)
    {
        code.Line($"public static {GeneratedNames.Kernels}.LaneForm Form => {GeneratedNames.Kernels}.LaneForm.{kernel.Form};");
        code.Line($"public static (int A, int C, int D) Rows => ({Number(kernel.Rows.A)}, {Number(kernel.Rows.C)}, {Number(kernel.AddendStride(kernel.Rows))});");
        code.Line($"public static (int B, int C, int D) Columns => ({Number(kernel.Columns.B)}, {Number(kernel.Columns.C)}, {Number(kernel.AddendStride(kernel.Columns))});");
        code.Line($"public static (int A, int B, int C) Lanes => ({Number(kernel.Lanes.A)}, {Number(kernel.Lanes.B)}, {Number(kernel.Lanes.C)});");
        code.Line($"public static (int A, int B) Panels => ({Number(kernel.PanelA)}, {Number(kernel.PanelB)});");
        code.Line($"public static int Height => {Number(Rows(kernel))};");
        code.Line($"public static int Vectors => {Number(kernel.Form == LaneForm.Broadcast ? Columns(kernel) : 1)};");
        code.Line($"public static bool IsOneStream => {(kernel.IsOneStream ? "true" : "false")};");
    }

    private void EmitTile(Kernel kernel)
    {
        if (kernel.IsElementwise)
        {
            EmitElements(kernel);
            return;
        }

        int columns = Columns(kernel);
        int rows = kernel.Rows == Loop.None ? 1 : Rows(kernel);
        bool vectorColumns = kernel.Form == LaneForm.Broadcast;
        for (int r = 0; r < rows; r++)
        {
            code.Line($"V {string.Join(", ", Enumerable.Range(0, columns).Select(s => $"{Sum(r, s)} = S.Zero"))};");
        }

        Loop lanes = kernel.Lanes;
        List<ReductionLoop> loops = [.. kernel.Reduction.Select(loop => new ReductionLoop(
            loop.IsRows ? "rows" : loop.Name, loop.IsRows ? "count" : Number(loop.Extent), Math.Max(1, loop.Extent), "", loop.A, loop.B))];
        if (kernel.Form == LaneForm.Dot)
        {
            loops.Add(new ReductionLoop(lanes.Name, "lanes", lanes.Extent, "S.Count", lanes.A, lanes.B));
        }

        int single = SingleColumns(kernel);
        int phases = Phases(kernel);
        if (phases == 1)
        {
            EmitReduction(kernel, loops, rows, columns, phases);
        }
        else
        {
            using (code.Braces($"if (R.Count == 1{(single == columns ? "" : single == 1 ? " && C.Count == 1" : $" && C.Count <= {single}")}) // a chain of its own for each of several neighbouring terms, or one row would wait for its own sums"))
            {
                EmitReduction(kernel, loops, rows, single, phases);
                for (int s = 0; s < single; s++)
                {
                    code.Line($"{Sum(0, s)} = {Enumerable.Range(1, phases - 1).Aggregate(Sum(0, s), (sum, phase) => $"S.Add({sum}, {Sum(phase, s)})")};");
                }
            }

            using (code.Braces("else"))
            {
                EmitReduction(kernel, loops, rows, columns, 1);
            }
        }

        EmitStores(kernel, rows, columns, vectorColumns);
    }

    /// <summary>A tile whose rows are vectors of lanes.</summary>
    private void EmitElements(Kernel kernel)
    {
        Loop lanes = kernel.Lanes;
        string stride = lanes.C == 1 ? "" : $", {Number(lanes.C)}";
        for (int r = 0; r < _processor.ElementwiseRows; r++)
        {
            string value = Load("a", Scaled("S.Count", r * lanes.A), lanes.A, kernel.FormatA);
            value = kernel.HasB ? $"S.Multiply({value}, {Load("b", Scaled("S.Count", r * lanes.B), lanes.B, kernel.FormatB)})" : value;
            value = kernel.Coefficient == 1 ? value : $"S.Multiply(S.Broadcast({Literal(kernel.Coefficient)}), {value})";
            string method = stride.Length == 0 ? "Store" : "StoreStrided";
            code.Line($"{(r == 0 ? "" : $"if (R.Count > {r}) ")}{GeneratedNames.Kernels}.Tiles<{scalar}>.{method}<S, V>(c, d, {Scaled("S.Count", r * lanes.C)}, {value}{stride});");
        }
    }

    /// <summary>How many terms of the innermost sum a tile of one row takes at a time.</summary>
    private int Phases(Kernel kernel)
    {
        if (kernel.Form == LaneForm.Dot || !kernel.HasB || !(kernel.Rows.IsRows || kernel.IsOneStream) || kernel.Reduction.Count == 0 || kernel.Reduction[kernel.Reduction.Count - 1].IsRows)
        {
            return 1;
        }

        int extent = kernel.Reduction[kernel.Reduction.Count - 1].Extent;
        int most = Math.Min(Rows(kernel), 8 / SingleColumns(kernel));
        return Enumerable.Range(2, most - 1).Reverse().FirstOrDefault(phases => extent % phases == 0) is > 0 and var found ? found : 1;
    }

    /// <summary>Columns of a tile of one row: weights that are read for a single row of the batch are best read in one stream, panel by panel or row by row.</summary>
    private int SingleColumns(Kernel kernel) => kernel.IsOneStream ? 1
        : kernel.Form == LaneForm.Broadcast && kernel.PanelB > 1 ? Math.Min(Columns(kernel), 2)
        : Columns(kernel);

    private void EmitReduction(Kernel kernel, IReadOnlyList<ReductionLoop> loops, int rows, int columns, int phases)
    {
        var open = new Stack<CodeWriter.Block>();
        (string a, string b) = ("a", "b");
        (int Depth, int Terms)? block = Blocks(loops, phases);
        int count = phases == 1 ? rows : phases;
        if (block is not null)
        {
            EachSum((r, s) => $"V {Total(r, s)} = S.Zero;", isGuarded: false);
        }

        for (int depth = 0; depth < loops.Count; depth++)
        {
            ReductionLoop loop = loops[depth];
            int step = depth == loops.Count - 1 ? phases : 1;
            string counter = $"i{depth}";
            (string nextA, string nextB) = ($"a{depth}_", $"b{depth}_");
            bool movesA = loop.A != 0;
            bool movesB = kernel.HasB && loop.B != 0;
            if (movesA)
            {
                code.Line($"{scalar}* {nextA} = {a};");
            }

            if (movesB)
            {
                code.Line($"{scalar}* {nextB} = {b};");
            }

            string increment = loop.Unit.Length > 0 ? $"{counter} += {loop.Unit}" : step == 1 ? $"{counter}++" : $"{counter} += {step}";
            string moves = string.Concat(
                movesA ? $", {nextA} += {Move(loop.A * step, loop.Unit)}" : "",
                movesB ? $", {nextB} += {Move(loop.B * step, loop.Unit)}" : "");
            (string first, string end) = ("0", loop.Extent);
            if (block is { } blocks && blocks.Depth == depth)
            {
                (first, end) = ("block", $"global::System.Math.Min(block + {Number(blocks.Terms)}, {loop.Extent})");
                open.Push(code.Braces($"for (int block = 0; block < {loop.Extent}; block += {Number(blocks.Terms)}) // sums of their own"));
            }

            open.Push(code.Braces($"for (int {counter} = {first}; {counter} < {end}; {increment}{moves}) // {loop.Name}"));
            a = movesA ? nextA : a;
            b = movesB ? nextB : b;
        }

        if (phases == 1)
        {
            EmitProducts(kernel, a, b, rows, columns);
        }
        else
        {
            ReductionLoop inner = loops[loops.Count - 1];
            for (int phase = 0; phase < phases; phase++)
            {
                EmitPhase(kernel, (a, phase * inner.A), (b, phase * inner.B), phase, columns);
            }
        }

        while (open.Count > 0)
        {
            open.Pop().Dispose();
            if (open.Count == block?.Depth + 1)
            {
                EachSum((r, s) => $"({Total(r, s)}, {Sum(r, s)}) = (S.Add({Total(r, s)}, {Sum(r, s)}), S.Zero);");
            }
        }

        if (block is not null)
        {
            EachSum((r, s) => $"{Sum(r, s)} = {Total(r, s)};");
        }

        void EachSum(Func<int, int, string> statement, bool isGuarded = true)
        {
            for (int r = 0; r < count; r++)
            {
                for (int s = 0; s < columns; s++)
                {
                    code.Line((isGuarded ? Guard(phases == 1 ? r : 0, s) : "") + statement(r, s));
                }
            }
        }
    }

    /// <summary>The loop whose steps are grouped into sums of their own, and how many of its terms are in a group; null for a sum that is not so long.</summary>
    private static (int Depth, int Terms)? Blocks(IReadOnlyList<ReductionLoop> loops, int phases)
    {
        if (loops.Aggregate(1L, (product, loop) => product * loop.Terms) <= 4 * SumBlock)
        {
            return null;
        }

        (int depth, int inner) = (loops.Count - 1, 1);
        while ((long)inner * loops[depth].Terms <= SumBlock)
        {
            inner *= loops[depth--].Terms;
        }

        return (depth, depth == loops.Count - 1 ? SumBlock / phases * phases : SumBlock / inner);
    }

    private static string Total(int row, int column) => FormattableString.Invariant($"t{row}{column}");

    /// <summary>What a statement for a sum of the tile stands behind, if not every tile has that sum.</summary>
    private static string Guard(int row, int column)
    {
        string[] conditions = [.. row > 0 ? [$"R.Count > {row}"] : Array.Empty<string>(), .. column > 0 ? [$"C.Count > {column}"] : Array.Empty<string>()];
        return conditions.Length == 0 ? "" : $"if ({string.Join(" && ", conditions)}) ";
    }

    /// <summary>One term of the sum of a single row, in accumulators of its own.</summary>
    private void EmitPhase(Kernel kernel, (string Pointer, int Offset) a, (string Pointer, int Offset) b, int phase, int columns)
    {
        code.Line($"V a{phase} = {Load(a.Pointer, Number(a.Offset), kernel.Lanes.A, kernel.FormatA)};");
        for (int s = 0; s < columns; s++)
        {
            string product = $"{Sum(phase, s)} = S.FusedMultiplyAdd(a{phase}, {Load(b.Pointer, Offset(b.Offset, Column(kernel, s)), kernel.Lanes.B, kernel.FormatB)}, {Sum(phase, s)});";
            code.Line(s == 0 ? product : $"if (C.Count > {s}) {product}");
        }
    }

    /// <summary>Where a column of b is: the next vector of lanes, the same of the next panel, or a stride away.</summary>
    private string Column(Kernel kernel, int column)
    {
        if (kernel.Form != LaneForm.Broadcast)
        {
            return Number(column * kernel.Columns.B);
        }

        string vector = Scaled("S.Count", (kernel.PanelB == 1 ? column : column % 2) * kernel.Lanes.B);
        return kernel.PanelB == 1 || column < 2 ? vector : Offset(_panel * kernel.PanelB * kernel.Lanes.B, vector);
    }

    private static string Move(int stride, string unit) => unit.Length == 0 ? Number(stride) : Scaled(unit, stride);

    private void EmitProducts(Kernel kernel, string a, string b, int rows, int columns)
    {
        for (int s = 0; s < columns; s++)
        {
            string value = !kernel.HasB
                ? $"S.Broadcast({One})"
                : Load(b, Column(kernel, s), kernel.Lanes.B, kernel.FormatB);
            code.Line(s == 0 ? $"V b{s} = {value};" : $"V b{s} = C.Count > {s} ? {value} : S.Zero;");
        }

        for (int r = 0; r < rows; r++)
        {
            using CodeWriter.Block? guard = r == 0 ? null : code.Braces($"if (R.Count > {r})");
            code.Line($"V a{r} = {Load(a, Number(r * kernel.Rows.A), kernel.Lanes.A, kernel.FormatA)};");
            for (int s = 0; s < columns; s++)
            {
                code.Line($"{(s == 0 ? "" : $"if (C.Count > {s}) ")}{Sum(r, s)} = S.FusedMultiplyAdd(a{r}, b{s}, {Sum(r, s)});");
            }
        }
    }

    private void EmitStores(Kernel kernel, int rows, int columns, bool vectorColumns)
    {
        bool strided = kernel.Form != LaneForm.Dot && kernel.Lanes.C != 1;
        string stride = strided ? $", {Number(kernel.Lanes.C)}" : "";
        string suffix = strided ? "Strided" : "";
        if (kernel.Coefficient != 1)
        {
            code.Line($"V factor = S.Broadcast({Literal(kernel.Coefficient)});");
            EachSum((sum, _, _) => $"{sum} = S.Multiply(factor, {sum});");
        }

        if (kernel.Form == LaneForm.Dot)
        {
            EachSum((sum, c, d) => $"c[{c}] = d == null ? S.Sum({sum}) : d[{d}] + S.Sum({sum});");
            return;
        }

        using (code.Braces("if (d != null)"))
        {
            EachSum((sum, _, d) => $"{sum} = S.Add(S.Load{suffix}({At("d", d)}{stride}), {sum});");
        }

        EachSum((sum, c, _) => $"S.Store{suffix}({sum}, {At("c", c)}{stride});");

        void EachSum(Func<string, string, string, string> statement)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int s = 0; s < columns; s++)
                {
                    string vector = Scaled("S.Count", s * kernel.Lanes.C);
                    string c = Offset(r * kernel.Rows.C, vectorColumns ? vector : Number(s * kernel.Columns.C));
                    string d = Offset(r * kernel.AddendStride(kernel.Rows), vectorColumns ? vector : Number(s * kernel.AddendStride(kernel.Columns)));
                    code.Line(Guard(r, s) + statement(Sum(r, s), c, d));
                }
            }
        }
    }

    private void EmitLoops(string name, Kernel kernel)
    {
        code.Line(Optimized);
        using (code.Braces($"private static void {name}({scalar}* a, {scalar}* b, {scalar}* c, int count, {scalar}* d)"))
        {
            var open = new Stack<CodeWriter.Block>();
            (string a, string b, string c, string d) = ("a", "b", "c", "d");
            for (int depth = 0; depth < kernel.Outer.Count; depth++)
            {
                Loop loop = kernel.Outer[depth];
                string counter = $"i{depth}";
                open.Push(code.Braces($"for (int {counter} = 0; {counter} < {(loop.IsRows ? "count" : Number(loop.Extent))}; {counter}++) // {(loop.IsRows ? "rows" : loop.Name)}"));
                a = Advance(a, counter, loop.A);
                b = kernel.HasB ? Advance(b, counter, loop.B) : b;
                c = Advance(c, counter, loop.C);
                d = Advance(d, counter, kernel.AddendStride(loop));
            }

            string addend = d == "d" ? d : $"d == null ? null : {d}";
            string lanes = $"lanes: {Number(kernel.Lanes.Extent)}, count, {addend});";
            code.Line(kernel.IsElementwise ? $"{GeneratedNames.Kernels}.Tiles<{scalar}>.Elements<{name}Tile>({a}, {b}, {c}, {lanes}"
                : kernel.Form == LaneForm.Broadcast && !kernel.Rows.IsRows && kernel.Rows.Extent > 1 && kernel.Rows.Extent <= Rows(kernel)
                ? $"{GeneratedNames.Kernels}.Tiles<{scalar}>.Sweep<{name}Tile, {GeneratedNames.Kernels}.Extent{kernel.Rows.Extent}>({a}, {b}, {c}, {lanes}"
                : $"{GeneratedNames.Kernels}.Tiles<{scalar}>.Sweep<{name}Tile>({a}, {b}, {c}, rows: {Extent(kernel.Rows)}, columns: {Extent(kernel.Columns)}, {lanes}");
            while (open.Count > 0)
            {
                open.Pop().Dispose();
            }
        }
    }

    /// <summary>
    /// What there is to make columns of: other columns of b, or further vectors of lanes, as far as what passes by for each tile of rows
    /// stays in the second-level cache. Machines with thirty-two registers take four at a time, others two.
    /// </summary>
    private int Columns(Kernel kernel) => kernel.Columns != Loop.None ? 4
        : kernel.Form != LaneForm.Broadcast || kernel.Lanes.Extent < _panel ? 1
        : kernel.Lanes.Extent < 2 * _panel || kernel.Reduction.Aggregate(1L, (product, loop) => product * Math.Max(1, loop.Extent)) > _processor.LongSum ? 2
        : 4;

    /// <summary>
    /// Rows of a tile as registers allow. Of the batch in a tile of one column no more than in one of two: as they may lie a large power of two
    /// apart, a set of the cache has to hold a line of each.
    /// </summary>
    private int Rows(Kernel kernel) => kernel.IsElementwise ? _processor.ElementwiseRows
        : Columns(kernel) == 4 ? _processor.TileRows(4)
        : Columns(kernel) == 2 || kernel.Rows.IsRows ? _processor.TileRows(2)
        : _processor.SingleColumnRows;

    private static string Describe(Kernel kernel)
    {
        string lanes = kernel.Lanes.Name.Length == 0 ? "scalar" : $"lanes along {kernel.Lanes.Name}";
        IEnumerable<string> tile = new[] { kernel.Rows, kernel.Columns }.Where(loop => loop != Loop.None).Select(loop => loop.IsRows ? "rows" : loop.Name);
        return string.Join(", tile over ", new[] { lanes, string.Join(" × ", tile) }.Where(part => part.Length > 0));
    }

    private static string Extent(Loop loop) => loop.IsRows ? "count" : Number(loop.Extent);

    private static string Sum(int row, int column) => FormattableString.Invariant($"c{row}{column}");

    private string Load(string pointer, string offset, int stride, StorageFormat? format)
    {
        string address = At(pointer, offset);
        if (format is not null)
        {
            // What is packed has its lanes side by side.
            return stride == 0 ? $"S.Broadcast({GeneratedNames.Kernels}.{format}<{scalar}>.Read({address}))" : $"{GeneratedNames.Kernels}.{format}<{scalar}>.Load<S, V>({address})";
        }

        return stride switch
        {
            0 => $"S.Broadcast({(offset == "0" ? $"*{pointer}" : $"{pointer}[{offset}]")})",
            1 => $"S.Load({address})",
            _ => $"S.LoadStrided({address}, {Number(stride)})",
        };
    }

    private static string Offset(int row, string column) => row == 0 ? column : column == "0" ? Number(row) : $"{Number(row)} + {column}";

    /// <summary>A pointer to an element: the C# compiler takes many times as long for the sum of a pointer and a number, whose operator it looks for.</summary>
    private static string At(string pointer, string offset) => offset == "0" ? pointer : $"&{pointer}[{offset}]";

    private static string Advance(string pointer, string counter, int stride) => stride switch
    {
        0 => pointer,
        1 => $"{pointer} + {counter}",
        _ => FormattableString.Invariant($"{pointer} + {stride} * {counter}"),
    };

    private static string Scaled(string unit, int factor) => factor switch
    {
        0 => "0",
        1 => unit,
        _ => FormattableString.Invariant($"{factor} * {unit}"),
    };

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private string One => Literal(1);

    private string Literal(double value) => Literals.Of(value, scalar);
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
