using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Weft.Adapters;

/// <summary>A parameter of an adapter's formula.</summary>
/// <param name="Name">Its name in the formula.</param>
/// <param name="Part">The part of the file that holds it.</param>
/// <param name="Shape">Its shape in the formula; its elements are in the file's order.</param>
/// <param name="Role">How it is declared: <c>param</c> or <c>frozen</c>.</param>
/// <param name="Load">What becomes of the file's numbers; null: they are the parameter's.</param>
internal sealed record AdapterParameter(string Name, string Part, ImmutableArray<int> Shape, string Role = "param", Func<double[], double[]>? Load = null);

/// <summary>
/// What an adapter makes of a weight W of m × n: <c>diag(rows) · L · N(W + U) · R · diag(columns)</c>, of which a method has a part: an update
/// U, a rotation R of the inputs or L of the outputs, scales, and N, which divides each row by its norm, or each column where the columns are scaled.
/// </summary>
internal sealed record AdapterFormula
{
    /// <summary>The parameters of the parts below.</summary>
    public required ImmutableArray<AdapterParameter> Parameters { get; init; }

    /// <summary>Tensors that the parts below name, a statement on each line.</summary>
    public string Lets { get; init; } = "";

    /// <summary>The element of U in index notation, and the indices of its row and of its column; null without an update.</summary>
    public string? Term { get; init; }

    public string Rows { get; init; } = "i";

    public string Columns { get; init; } = "j";

    /// <summary>R as an expression; null without a rotation of the inputs.</summary>
    public string? Rotation { get; init; }

    /// <summary>L as an expression; null without a rotation of the outputs.</summary>
    public string? OutputRotation { get; init; }

    /// <summary>The parameter that scales rows, or columns; null where none does.</summary>
    public string? RowScale { get; init; }

    public string? ColumnScale { get; init; }

    /// <summary>Whether rows, or columns, are divided by their norms before they are scaled.</summary>
    public bool IsNormalized { get; init; }

    /// <summary>Whether the row scale applies to what a bias adds too.</summary>
    public bool ScalesBias { get; init; }

    /// <summary>Whether U alone says what the adapter does.</summary>
    public bool IsUpdate => Term != null && Rotation == null && OutputRotation == null && RowScale == null && ColumnScale == null;

    /// <summary>The declaration of U.</summary>
    public string Update(int m, int n) => Declare("update", m, n, $"  y[{Rows}] = {Term} * x[{Columns}]\n");

    /// <summary>The declaration of R.</summary>
    public string RotationOf(int n) => Declare("rotation", n, n, $"  = {Rotation}\n");

    /// <summary>The declaration of L.</summary>
    public string OutputRotationOf(int m) => Declare("output_rotation", m, m, $"  = {OutputRotation}\n");

    /// <summary>The declaration of the adapted weight, with W as a frozen parameter.</summary>
    public string Adapted(int m, int n)
    {
        string weight = $"  frozen W[{m}, {n}]\n";
        if (IsUpdate)
        {
            return Declare("adapted", m, n, $"  y[{Rows}] = W[{Rows}, {Columns}] * x[{Columns}] + {Term} * x[{Columns}]\n", weight);
        }

        var factors = new StringBuilder("W");
        string lets = "";
        if (Term != null)
        {
            lets = $"  let V[{Rows}, {Columns}] = W[{Rows}, {Columns}] + {Term}\n";
            factors.Clear().Append("V");
        }

        if (IsNormalized)
        {
            factors.Insert(0, RowScale != null ? "normalize_rows(" : "normalize_columns(").Append(')');
        }

        string expression = $"{(RowScale != null ? $"diag({RowScale}) * " : "")}{(OutputRotation != null ? $"({OutputRotation}) * " : "")}{factors}{(Rotation != null ? $" * ({Rotation})" : "")}{(ColumnScale != null ? $" * diag({ColumnScale})" : "")}";
        return Declare("adapted", m, n, $"{lets}  = {expression}\n", weight);
    }

    private string Declare(string name, int m, int n, string body, string weight = "")
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"operator {name} : {n} -> {m}\n{weight}"));
        foreach (AdapterParameter parameter in Parameters)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {parameter.Role} {parameter.Name}{(parameter.Shape.IsEmpty ? "" : $"[{string.Join(", ", parameter.Shape)}]")}\n");
        }

        foreach (string line in Lets.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            text.Append(CultureInfo.InvariantCulture, $"  {line.Trim()}\n");
        }

        return text.Append(body).ToString();
    }
}
