using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Dynamic;
using Weft.Kernels;
using Weft.Tests.Binding;
using Weft.Tests.Oracle;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Tensors in short formats: what they mean, that kernels read them so, and what they take up.</summary>
public class StorageFormatTests
{
    private static readonly string[] Structures =
    [
        "operator f : 33 -> 20\n  frozen(@) W[20, 33]\n  = W",
        "operator f : 36 -> 40\n  frozen(@) W[40, 36]\n  param B[40, 3], A[3, 36]\n  = W + 2 * B * A",
        "operator f : 30 -> 42\n  frozen(@) R[5, 7, 6], L[7, 6, 5]\n  = blockdiag(L) * shuffle(5, 7) * blockdiag(R)",
        "operator f : 36 -> 64\n  frozen(@) A[16, 6], B[4, 6], d[36]\n  param s\n  = s * (A ⊗ B) * diag(d)",
        "operator f : 24 -> 7\n  frozen(@) A(k < 2)[7, 12 * k + 12]\n  = A[0] * crop(24, 12) + A[1]",
        "operator f : 12 -> 9\n  frozen(@) K[3, 4]\n  y[a, i:3] = K[a, k] * x[c:2, i + k:6]",
        "operator f : 9 -> 6\n  frozen(@) v[6, 4]\n  seeded(3) S[6, 4] ~ distinct(9)\n  y[i] = v[i, j] * x[S[i, j]]",
        "layer f : 17 -> 19\n  frozen(@) W[19, 17]\n  = relu . bias . W",
        "operator f : 20 -> 18\n  seeded(3, @) W[18, 20]\n  param d[18]\n  = diag(d) * W * W' * W",
        "operator f : 20 -> 20\n  shared frozen(@) W[20, 20]\n  param d[20]\n  = W * diag(d)\noperator g : 20 -> 20 = f * f",
        "operator f : 18 -> 18\n  param(@) W[18, 18], d[18] ~ ones\n  = W * diag(d)",
        "operator f : 16 -> 33\n  param(@) A[33, 5], B[5, 16]\n  let N = normalize_rows(A)\n  = N * B + A[:, 0..1] * B[2..3]",
        "layer f : 11 -> 11\n  param(@) V[4, 11]\n  = tanh . reflect(V) . bias . reflect(V)",
    ];

    private static readonly string[] Texts =
    [
        .. from structure in Structures from format in new[] { "bf16", "int4" } select structure.Replace("@", format),
        .. from structure in Structures.Take(4).Concat(Structures.TakeLast(3)) from format in new[] { "half", "e4m3", "e5m2", "int8", "uint4", "nf4" } select structure.Replace("@", format),
        .. from format in new[] { "int8, 8", "int4, 20", "uint4, 8", "nf4, 8", "int4, 5", "uint4, 5" }
           from text in new[]
           {
               "operator f : 80 -> 21\n  frozen(@) W[21, 80]\n  param B[21, 2], A[2, 80]\n  = W + B * A",
               "operator f : 80 -> 32\n  frozen(@) W[2, 16, 40]\n  = blockdiag(W)",
               "operator f : 40 -> 18\n  param(@) W[18, 40]\n  = W",
           }
           select text.Replace("@", format),

        // Sums of two products where there are several, in a product and in a power of one.
        "operator f : 24 -> 24\n  frozen(uint4, 8) W[24, 24], V[24, 24]\n  param d[24]\n  = diag(d) * W * V' * W",
        "operator f : 24 -> 6\n  frozen(uint4, 3) A[2, 4, 6], B[3, 4, 6]\n  frozen(uint4) c[4]\n  y[i j] = A[i, k, l] * B[j, k, l] * c[k] * x[k l]",
        "operator f : 20 -> 15\n  frozen W[15, 20]\n  let A = quantize_zero_point(W, 3)\n  let B = quantize_zero_point(W, 8)\n  let C[i, j] = A[i, k] * B[j, k]\n  = A + C * B",
    ];

    internal static readonly string[] OneOfEach =
    [
        .. new[] { "bf16", "half", "e4m3", "e5m2", "int8", "int4, 22", "uint4, 22", "nf4, 22" }.Select(format => $"operator f : 44 -> 30\n  frozen({format}) W[30, 44]\n  = W"),
    ];

    /// <summary>Every structure in each of the formats that devices load.</summary>
    internal static IEnumerable<string> OnDevices =>
        from structure in Structures from format in StorageFormats.All where format.Device is not null select structure.Replace("@", format.Rounding);

    /// <summary>The formats that devices load, by their names in formulas.</summary>
    public static TheoryData<string> DeviceFormats => [.. StorageFormats.All.Where(format => format.Device is not null).Select(format => format.Rounding!)];

    /// <summary>A map whose weights are all numbers of a format, once each; x is ones.</summary>
    internal static string AllNumbers(string format) =>
        string.Format(System.Globalization.CultureInfo.InvariantCulture, "operator f : {0} -> {0}\n  frozen({1}) d[{0}]\n  = diag(d)", All(format).Length, format);

    /// <summary>Sets the weights of <see cref="AllNumbers"/> and holds a forward pass against them; what is no number is left out.</summary>
    internal static void AssertWidens(Map<float> map, string format, Action<float[], float[]> forward)
    {
        float[] expected = All(format);
        using (ParameterEdit<float> edit = map.Edit())
        {
            expected.CopyTo(edit.All);
        }

        float[] ones = new float[expected.Length], y = new float[expected.Length];
        Array.Fill(ones, 1);
        forward(ones, y);
        Assert.Equal(expected, y);
    }

    /// <summary>All numbers of a floating-point format; 0 for what is no number.</summary>
    private static float[] All(string format)
    {
        IEnumerable<float> numbers = format switch
        {
            "bf16" => Enumerable.Range(0, 1 << 16).Select(code => BitConverter.UInt32BitsToSingle((uint)code << 16)),
            "half" => Enumerable.Range(0, 1 << 16).Select(code => (float)BitConverter.UInt16BitsToHalf((ushort)code)),
            _ => [.. NumbersOf(format).Select(number => (float)number), 0, 0, 0, 0, 0, 0, 0, 0],
        };
        float[] all = [.. numbers.Select(number => float.IsNaN(number) ? 0 : number)];
        return all[..(all.Length / 16 * 16)];
    }

    /// <summary>The numbers of a format of 8 bits.</summary>
    private static double[] NumbersOf(string format) => format == "e4m3"
        ? Definitions.ByteFloats(fraction: 3, bias: 7, count: 127)
        : Definitions.ByteFloats(fraction: 2, bias: 15, count: 124);

    [Fact]
    public void AgreeWithTheirDefinitionInDouble() => Assert.Empty(FormulaBattery.Faults<double>(Scalar.Double, Texts));

    [Fact]
    public void AgreeWithTheirDefinitionInFloat() => Assert.Empty(FormulaBattery.Faults<float>(Scalar.Float, Texts));

    /// <summary>What is read in rows of the batch is in the format, and takes its bits; elements are not kept beside it.</summary>
    [Theory]
    [InlineData("bf16", 16)]
    [InlineData("half", 16)]
    [InlineData("e4m3", 8)]
    [InlineData("e5m2", 8)]
    [InlineData("int8", 8)]
    [InlineData("int4", 4)]
    [InlineData("uint4", 4)]
    [InlineData("nf4", 4)]
    public void CopiesTakeTheBitsOfTheFormat(string format, int bits)
    {
        Module module = TestModules.Formula($"operator f : 96 -> 64\n  frozen({format}) W[64, 96]\n  = W");
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(module).Module), new Variant(new CostModel(1), 4));
        Storage[] copies = [.. schedule.Storages.Where(storage => storage.PackedFormat is not null)];
        Assert.Equal(2, copies.Length); // for W and for its transpose
        Assert.All(copies, copy => Assert.Equal(64 * 96 * bits / 32, copy.Length));
        Assert.All(schedule.Forward.Concat(schedule.Reverse).OfType<KernelStep>(), step => Assert.All(
            new[] { step.A, step.B }, place => Assert.True(place!.Storage.IsPerRow || place.Storage.Length < 64 * 96 / 2 + 1)));
        int scales = format switch
        {
            "int8" or "int4" or "nf4" => 64,
            "uint4" => 64 + 64 + 96, // and what is added to rows, by way of ones
            _ => 0,
        };
        Assert.InRange(schedule.Layout.WeightCount, (64 * 96) + (2 * copies[0].Length), (64 * 96) + (2 * copies[0].Length) + (3 * scales));
        Assert.All(schedule.Storages.Where(storage => storage.Format is not null), storage => Assert.False(schedule.Layout.Holds(storage)));
    }

    [Theory]
    [InlineData("int4, 32")]
    [InlineData("uint4, 32")]
    public void ANarrowFormatIsNotMultipliedOut(string format)
    {
        Module module = TestModules.Formula($"operator f : 512 -> 512\n  frozen({format}) W[512, 512]\n  param B[512, 8], A[8, 512]\n  = W + B * A");
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(module).Module), new Variant(new CostModel(4096), 4));
        Assert.DoesNotContain(schedule.Storages, storage => storage.Space == Space.Weights && schedule.Layout.Holds(storage) && storage.Name != "W" && storage.Length >= 512 * 512);
    }

    [Fact]
    public void OddRowsOfHalfBytesAreReadAsElements()
    {
        Module module = TestModules.Formula("operator f : 33 -> 20\n  frozen(int4) W[20, 33]\n  = W");
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(module).Module), new Variant(new CostModel(64), 4));
        Assert.Equal([20 * 33 / 8 + 1], schedule.Storages.Where(storage => storage.PackedFormat is not null).Select(storage => storage.Length));
        Assert.Contains(schedule.Storages, storage => storage.Format == StorageFormats.Int4 && schedule.Layout.Holds(storage));
    }

    [Theory]
    [InlineData("frozen(bf17) W[3, 4]", "2:10 WEFT0131 unknown format 'bf17': did ")]
    [InlineData("frozen(half, 4) W[3, 4]", "2:10 WEFT0104 the format 'half' takes 0 a")]
    [InlineData("frozen(int4, 3) W[3, 4]", "2:16 WEFT0119 3 is out of range: expected a divisor of 4, the length of the last axis")]
    [InlineData("frozen(int8) s\n  param W[3, 4]", "2:10 WEFT0110 expected a tensor of 1 axis or more for the format 'int8', found a tensor []")]
    [InlineData("frozen() W[3, 4]", "2:10 WEFT0005 expected a name, found ')'")]
    public void MistakesAreNamedWhereTheyAre(string clause, string expected) => Assert.StartsWith(
        expected, TestModules.Diagnostics($"operator f : 4 -> 3\n  {clause}\n  = W")[0], StringComparison.Ordinal);

    [Fact]
    public void HalvesAndBFloatsRoundToTheNearestEven()
    {
        foreach (double x in (double[])[0, -0.0, 1, -1.00390625, 1.01171875, 65504, 65519.99, 65520, 1e-8, 5.97e-8, 3e38, 3.4e38, 1e-40, 1.0009765625 + 1e-12, 1.00390625 + 1e-13])
        {
            Assert.Equal((double)(Half)x, Round<double, Float16<double>>(x));
            Assert.Equal((float)(Half)(float)x, Round<float, Float16<float>>((float)x));
            Assert.Equal(Nearest(x), Round<double, BFloat16<double>>(x));
            Assert.Equal(Nearest((float)x), Round<float, BFloat16<float>>((float)x));
        }

        Assert.True(double.IsNaN(Round<double, BFloat16<double>>(double.NaN)));
        Assert.True(float.IsNaN(Round<float, Float16<float>>(float.NaN)));

        // Of the two numbers around it that 16 bits hold, the nearer, or the one with an even last bit.
        static double Nearest(double x)
        {
            uint below = BitConverter.SingleToUInt32Bits((float)Math.Abs(x)) & 0xFFFF0000;
            below -= BitConverter.UInt32BitsToSingle(below) > Math.Abs(x) ? 0x10000u : 0;
            double low = BitConverter.UInt32BitsToSingle(below), high = BitConverter.UInt32BitsToSingle(below + 0x10000);
            double middle = double.IsInfinity(high) ? Math.ScaleB(511, 119) : (low + high) / 2;
            return Math.CopySign(Math.Abs(x) > middle || (Math.Abs(x) == middle && (below & 0x10000) != 0) ? high : low, x);
        }
    }

    /// <summary>Numbers of 8 bits, and those between them, around the middles and beyond the largest; by single precision and by double.</summary>
    [Fact]
    public void BytesRoundToTheNearestEvenAndSaturate()
    {
        Check<E4M3<double>, E4M3<float>>(NumbersOf("e4m3"));
        Check<E5M2<double>, E5M2<float>>(NumbersOf("e5m2"));

        static void Check<TDouble, TSingle>(double[] numbers)
            where TDouble : struct, IStorageFormat<double>
            where TSingle : struct, IStorageFormat<float>
        {
            double[] inOrder = [.. numbers.Distinct().Order()];
            double least = inOrder.First(number => number > 0);
            var between = inOrder.Zip(inOrder.Skip(1), (a, b) => (a + b) / 2).ToArray();
            double[] probes =
            [
                .. inOrder, .. between, .. between.Select(double.BitIncrement), .. between.Select(double.BitDecrement),
                .. between.Select(x => x + (least * 1e-9)), 1e-300, -1e-300, 1e-40, inOrder[^1] * 1.0001, inOrder[^1] * 10, -1e300, double.PositiveInfinity, double.NegativeInfinity,
            ];
            foreach (double x in probes)
            {
                Assert.Equal(numbers.MinBy(number => Math.Abs(number - Math.Clamp(x, inOrder[0], inOrder[^1]))), Round<double, TDouble>(x) + 0.0);
                Assert.Equal(numbers.MinBy(number => Math.Abs(number - Math.Clamp((float)x, inOrder[0], inOrder[^1]))), Round<float, TSingle>((float)x) + 0.0);
                Assert.Equal(double.IsNegative(x), double.IsNegative(Round<double, TDouble>(x)));
            }

            Assert.True(double.IsNaN(Round<double, TDouble>(double.NaN)));
            Assert.True(float.IsNaN(Round<float, TSingle>(float.NaN)));
        }
    }

    /// <summary>What a code means that only other programs write: E5M2's infinities, and all that are no numbers.</summary>
    [Fact]
    public unsafe void CodesOfEveryByteAreRead()
    {
        byte* codes = stackalloc byte[16];
        float* floats = stackalloc float[16];
        for (int code = 0; code < 256; code++)
        {
            new Span<byte>(codes, 16).Fill((byte)code);
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)(code << 8));
            Assert.Equal(expected, E5M2<float>.Read(StorageFormats<float>.Scale<E5M2<float>>((float*)codes)));
            Lanes256<float>.Store(E5M2<float>.Load<Lanes256<float>, Vector256<float>>(StorageFormats<float>.Scale<E5M2<float>>((float*)codes)), floats);
            Assert.Equal(expected, floats[7]);
            Assert.Equal((code & 0x7F) == 0x7F, float.IsNaN(E4M3<float>.Read(StorageFormats<float>.Scale<E4M3<float>>((float*)codes))));
        }
    }

    /// <summary>ILGPU finds a format's loads by its name.</summary>
    [Fact]
    public void EveryFormatOfDevicesIsLoadedByIlgpu() => Assert.All(
        StorageFormats.All.Where(format => format.Device is not null).SelectMany(format => new[] { $" {format}<T>", $" {format}x4<T>", $" {format}x8<T>" }),
        load => Assert.Contains(load, Weft.Compiler.Emission.IlgpuEmitter.Device, StringComparison.Ordinal));

    /// <summary>The runtime has a type for each, of as many bits.</summary>
    [Fact]
    public void EveryFormatHasATypeOfTheRuntime() => Assert.All(StorageFormats.All, format =>
    {
        Type type = typeof(IStorageFormat<>).Assembly.GetType($"Weft.Kernels.{format}`1", throwOnError: true)!.MakeGenericType(typeof(float));
        Assert.Equal(format.Bits, type.GetProperty("Bits")!.GetValue(null));
    });

    [Fact]
    public unsafe void TheValuesOfNormalFloatAreItsQuantiles()
    {
        const int Count = 2001;
        double* source = stackalloc double[Count], codes = stackalloc double[Count], packed = stackalloc double[Count];
        for (int i = 0; i < Count; i++)
        {
            source[i] = (i - 1000) / 1000.0;
        }

        ParameterFunctions<double>.NormalFloatCodes.Value(source, codes, (1, Count), 4);
        Assert.Equal(16, new Span<double>(codes, Count).ToArray().Distinct().Count());
        NormalFloat4<double>.Write(codes, (byte*)packed, Count);
        double* scaled = StorageFormats<double>.Scale<NormalFloat4<double>>(packed);
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(codes[i], NormalFloat4<double>.Read(scaled + i), 1e-14);
        }
    }

    /// <summary>The kernels' constants, by every width of load, are the quantiles as floats.</summary>
    [Fact]
    public unsafe void TheConstantsOfNormalFloatAreItsQuantiles()
    {
        const int Count = 2001;
        float* source = stackalloc float[Count], codes = stackalloc float[Count];
        for (int i = 0; i < Count; i++)
        {
            source[i] = (i - 1000) / 1000f;
        }

        ParameterFunctions<float>.NormalFloatCodes.Value(source, codes, (1, Count), 4);
        float[] expected = [.. new Span<float>(codes, Count).ToArray().Distinct()];
        Assert.Equal(16, expected.Length);
        AssertLoads<NormalFloat4<float>>(expected);
    }

    [Fact]
    public void VectorsOfEachWidthAreTheirElements()
    {
        AssertLoads<BFloat16<float>>(All("bf16"));
        AssertLoads<Float16<float>>(All("half"));
        AssertLoads<E4M3<float>>(All("e4m3"));
        AssertLoads<E5M2<float>>(All("e5m2"));
        AssertLoads<Int8<float>>([.. Enumerable.Range(-127, 255).Select(number => (float)number), 0]);
        AssertLoads<Int4<float>>([.. Enumerable.Range(-7, 15).Select(number => (float)number), 0]);
    }

    /// <summary>A strided tensor is packed in order, block by block: of a long axis by its pieces, of several axes by as many as fit.</summary>
    [Theory]
    [InlineData(new[] { 5001 }, new[] { 1 })]
    [InlineData(new[] { 3, 2500 }, new[] { 2500, 1 })]
    [InlineData(new[] { 70, 34 }, new[] { 1, 70 })]
    [InlineData(new[] { 2, 150, 18 }, new[] { 1, 36, 2 })]
    [InlineData(new[] { 2, 3, 5, 1000 }, new[] { 15000, 5000, 1, 5 })]
    public void TensorsArePackedInOrder(int[] extents, int[] strides)
    {
        Check<Int4<float>>();
        Check<Int8<float>>();
        Check<Float16<float>>();

        unsafe void Check<TFormat>()
            where TFormat : struct, IStorageFormat<float>
        {
            int count = extents.Aggregate(1, (product, extent) => product * extent);
            float[] source = [.. Enumerable.Range(0, count).Select(i => (float)((i * 7 % 15) - 7))], gathered = new float[count], packed = new float[count], read = new float[count];
            fixed (float* from = source, plain = gathered, to = packed)
            {
                Layouts<float>.Gather(from, plain, extents, strides);
                StorageFormats<float>.Pack<TFormat>(from, to, extents, strides);
                float* scaled = StorageFormats<float>.Scale<TFormat>(to);
                for (int i = 0; i < count; i++)
                {
                    read[i] = TFormat.Read(scaled + i);
                }
            }

            Assert.Equal(gathered, read);
        }
    }

    /// <summary>Numbers of a format, a multiple of sixteen of them, are read as what was written, one by one and by every width of vector.</summary>
    private static unsafe void AssertLoads<TFormat>(float[] numbers)
        where TFormat : struct, IStorageFormat<float>
    {
        float[] packed = new float[numbers.Length], read = new float[numbers.Length];
        fixed (float* source = numbers, target = packed)
        {
            TFormat.Write(source, (byte*)target, numbers.Length);
            float* scaled = StorageFormats<float>.Scale<TFormat>(target);
            for (int i = 0; i < read.Length; i++)
            {
                read[i] = TFormat.Read(scaled + i);
            }

            Assert.Equal(numbers, read);
            Assert.Equal(numbers, Loaded<Lanes128<float>, Vector128<float>>(scaled));
            Assert.Equal(numbers, Loaded<Lanes256<float>, Vector256<float>>(scaled));
            Assert.Equal(numbers, Loaded<Lanes512<float>, Vector512<float>>(scaled));
        }

        float[] Loaded<TLanes, V>(float* scaled)
            where TLanes : struct, ILanes<float, V>
            where V : struct
        {
            var loaded = new List<float>();
            for (int first = 0; first < numbers.Length; first += Unsafe.SizeOf<V>() / sizeof(float))
            {
                V vector = TFormat.Load<TLanes, V>(scaled + first);
                loaded.AddRange(MemoryMarshal.Cast<V, float>(new ReadOnlySpan<V>(ref vector)));
            }

            return [.. loaded];
        }
    }

    private static unsafe T Round<T, TFormat>(T x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFormat : struct, IStorageFormat<T>
    {
        // Nineteen of them: a whole vector, and what is left over.
        T* source = stackalloc T[19], packed = stackalloc T[19];
        new Span<T>(source, 19).Fill(x);
        TFormat.Write(source, (byte*)packed, 19);
        T* scaled = StorageFormats<T>.Scale<TFormat>(packed);
        T first = TFormat.Read(scaled), last = TFormat.Read(scaled + 18);
        Assert.Equal(first, last);
        return first;
    }
}
