using System.Runtime.InteropServices;

namespace Weft.Tests.Formulas;

/// <summary>What a map has to make of parameters, rows and directions: all that a comparison needs, so that a file can hold it.</summary>
/// <param name="Inputs">Numbers of a row of x.</param>
/// <param name="Outputs">Numbers of a row of y.</param>
/// <param name="IsLinear">Whether it has an adjoint and a dense form.</param>
/// <param name="Batches">Rows that it is asked for at once, ascending.</param>
/// <param name="Names">The parameters in the order of the module, which is that of all lists of theirs.</param>
/// <param name="Values">Their numbers.</param>
/// <param name="Directions">A direction for each.</param>
/// <param name="X">Rows, as many as the largest batch has.</param>
/// <param name="Dx">A direction for x.</param>
/// <param name="Dy">A derivative for each number of y.</param>
/// <param name="Exact">What they make.</param>
/// <param name="Bound">What their absolute values make, without signs and activations: what rounding errors are relative to.</param>
internal sealed record Expectation(
    int Inputs,
    int Outputs,
    bool IsLinear,
    int[] Batches,
    string[] Names,
    double[][] Values,
    double[][] Directions,
    double[] X,
    double[] Dx,
    double[] Dy,
    ExpectedResults Exact,
    ExpectedResults Bound)
{
    /// <summary>Rows that tangents along one thing alone are taken of.</summary>
    public const int Part = 7;

    public void Write(BinaryWriter file)
    {
        file.Write(Inputs);
        file.Write(Outputs);
        file.Write(IsLinear);
        Each(file, Batches, file.Write);
        Each(file, Names, file.Write);
        Each(file, Values, file.WriteNumbers);
        Each(file, Directions, file.WriteNumbers);
        file.WriteNumbers(X);
        file.WriteNumbers(Dx);
        file.WriteNumbers(Dy);
        Exact.Write(file);
        Bound.Write(file);

        static void Each<T>(BinaryWriter file, T[] items, Action<T> write)
        {
            file.Write(items.Length);
            Array.ForEach(items, write);
        }
    }

    public static Expectation Read(BinaryReader file) => new(
        file.ReadInt32(),
        file.ReadInt32(),
        file.ReadBoolean(),
        file.ReadEach(file.ReadInt32),
        file.ReadEach(file.ReadString),
        file.ReadEach(file.ReadNumbers),
        file.ReadEach(file.ReadNumbers),
        file.ReadNumbers(),
        file.ReadNumbers(),
        file.ReadNumbers(),
        ExpectedResults.Read(file),
        ExpectedResults.Read(file));
}

/// <summary>The results of a map.</summary>
/// <param name="Value">y.</param>
/// <param name="Tangent">Its derivative along all directions.</param>
/// <param name="AlongInput">Of the first rows along x alone.</param>
/// <param name="AlongParameters">Of the first rows along the parameters alone.</param>
/// <param name="Input">The gradient for x.</param>
/// <param name="Gradients">For each batch the gradient for each parameter.</param>
/// <param name="Dense">The matrix, if it is linear.</param>
internal sealed record ExpectedResults(
    double[] Value, double[] Tangent, double[] AlongInput, double[] AlongParameters, double[] Input, double[][][] Gradients, double[] Dense)
{
    public void Write(BinaryWriter file)
    {
        foreach (double[] numbers in new[] { Value, Tangent, AlongInput, AlongParameters, Input })
        {
            file.WriteNumbers(numbers);
        }

        file.Write(Gradients.Length);
        foreach (double[][] gradient in Gradients)
        {
            file.Write(gradient.Length);
            Array.ForEach(gradient, file.WriteNumbers);
        }

        file.WriteNumbers(Dense);
    }

    public static ExpectedResults Read(BinaryReader file) => new(
        file.ReadNumbers(),
        file.ReadNumbers(),
        file.ReadNumbers(),
        file.ReadNumbers(),
        file.ReadNumbers(),
        file.ReadEach(() => file.ReadEach(file.ReadNumbers)),
        file.ReadNumbers());
}

internal static class NumbersInFiles
{
    public static void WriteNumbers(this BinaryWriter file, double[] numbers)
    {
        file.Write(numbers.Length);
        file.Write(MemoryMarshal.AsBytes<double>(numbers));
    }

    public static double[] ReadNumbers(this BinaryReader file)
    {
        double[] numbers = new double[file.ReadInt32()];
        file.BaseStream.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
    }

    public static T[] ReadEach<T>(this BinaryReader file, Func<T> read)
    {
        T[] items = new T[file.ReadInt32()];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = read();
        }

        return items;
    }
}
