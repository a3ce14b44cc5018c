using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Weft.Execution;

namespace Weft.Kernels;

/// <summary>
/// The discrete Fourier transform of complex vectors of one length, <c>y[k] = Σ exp(−2πi j k/n) x[j]</c>, real and imaginary parts apart: for a product of
/// small primes by Stockham's form of the fast one (Cochran et al., <i>What is the Fast Fourier Transform?</i>, 1967), for others as a convolution of such a
/// length (Bluestein, <i>A Linear Filtering Approach to the Computation of Discrete Fourier Transform</i>, 1970).
/// </summary>
/// <remarks>
/// A length that is a product of two of some size is transformed along the columns of a matrix of that shape, multiplied by roots of unity, transposed, and
/// transformed along the columns again (Bailey, <i>FFTs in External or Hierarchical Memory</i>, 1990): so the lanes of a vector are columns in all stages.
/// </remarks>
internal sealed unsafe class FourierPlan<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The largest prime that a stage is made for.</summary>
    private const int MostRadix = 31;

    /// <summary>The shortest side of a matrix: below, no vector would be full.</summary>
    private const int LeastSide = 4;

    private static readonly ConcurrentDictionary<int, FourierPlan<T>> s_plans = new();

    private readonly int size;

    /// <summary>Sides of the matrix; (1, size) where there is none.</summary>
    private readonly int rows, columns;
    private readonly Stage[] first = [], second = [];

    /// <summary>Roots between the transforms along columns: [rows, columns], real parts, then imaginary ones.</summary>
    private readonly AlignedBuffer<T>? roots;

    /// <summary>For Bluestein's form: the plan of the convolution, exp(−πi j²/n), and the transform of its conjugate over that length.</summary>
    private readonly FourierPlan<T>? convolution;
    private readonly AlignedBuffer<T>? chirp, filter;

    private FourierPlan(int size)
    {
        this.size = size;
        int[]? radices = Radices(size);
        if (radices == null)
        {
            convolution = Of(Smooth(checked(2 * size - 1)));
            (chirp, filter) = Filter(convolution);
            Room = checked(2 * convolution.size + convolution.Room);
            return;
        }

        rows = Enumerable.Range(LeastSide, size)
            .TakeWhile(side => side <= size / side)
            .Where(side => size % side == 0)
            .OrderBy(side => Work(side) + Work(size / side))
            .ThenByDescending(side => side)
            .FirstOrDefault(1);
        columns = size / rows;
        first = Stages(rows);
        second = Stages(columns);
        Room = checked(2 * size);
        if (rows > 1)
        {
            roots = new AlignedBuffer<T>(2 * size);
            for (int k = 0; k < rows; k++)
            {
                for (int j = 0; j < columns; j++)
                {
                    (roots.Span[k * columns + j], roots.Span[size + k * columns + j]) = Root((long)k * j, size);
                }
            }
        }
    }

    /// <summary>Elements of the memory that a transform needs beside what it is given.</summary>
    public int Room { get; }

    /// <summary>The plan of a length: made once.</summary>
    public static FourierPlan<T> Of(int size) => s_plans.TryGetValue(size, out FourierPlan<T>? plan) ? plan : s_plans.GetOrAdd(size, new FourierPlan<T>(size));

    /// <summary>exp(−2πi k/n).</summary>
    public static (T Real, T Imaginary) Root(long k, long n)
    {
        // Within an eighth of a turn, where both functions are most exact.
        (double sin, double cos) = Math.SinCos(2 * Math.PI * (k % n) / n);
        return (T.CreateTruncating(cos), T.CreateTruncating(-sin));
    }

    /// <summary>The least even number from a size on without prime factors above 5.</summary>
    public static int Smooth(int size)
    {
        for (int n = size + (size & 1); ; n += 2)
        {
            int rest = n;
            foreach (int prime in (ReadOnlySpan<int>)[2, 3, 5])
            {
                while (rest % prime == 0)
                {
                    rest /= prime;
                }
            }

            if (rest == 1)
            {
                return n;
            }
        }
    }

    /// <summary>Transforms a vector in place. With the parts changed for each other it is the inverse, times the length.</summary>
    /// <param name="re">[size]: the real parts.</param>
    /// <param name="im">[size]: the imaginary parts.</param>
    /// <param name="room">[<see cref="Room"/>]: arbitrary memory.</param>
    public void Transform(T* re, T* im, T* room)
    {
        // As wide as what all stages fill, where sides are short.
        int lanes = rows > 1 ? rows : int.MaxValue;
        if (Vector512.IsHardwareAccelerated && lanes >= Vector512<T>.Count)
        {
            Transform<Lanes512<T>, Vector512<T>>(re, im, room);
        }
        else if (Vector256.IsHardwareAccelerated && lanes >= Vector256<T>.Count)
        {
            Transform<Lanes256<T>, Vector256<T>>(re, im, room);
        }
        else
        {
            Transform<Lanes128<T>, Vector128<T>>(re, im, room);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Transform<S, V>(T* re, T* im, T* room)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        if (convolution != null)
        {
            Convolve<S, V>(re, im, room);
            return;
        }

        T* otherRe = room, otherIm = room + size;
        bool isThere = false;
        if (rows > 1)
        {
            if (Columns<S, V>(first, columns, re, im, otherRe, otherIm))
            {
                Turn(otherRe, otherIm, re, im);
            }
            else
            {
                Turn(re, im, otherRe, otherIm);
                isThere = true;
            }
        }

        if (isThere ? !Columns<S, V>(second, rows, otherRe, otherIm, re, im) : Columns<S, V>(second, rows, re, im, otherRe, otherIm))
        {
            new ReadOnlySpan<T>(otherRe, size).CopyTo(new Span<T>(re, size));
            new ReadOnlySpan<T>(otherIm, size).CopyTo(new Span<T>(im, size));
        }

        // The columns' transforms, times the roots, as rows of the other matrix.
        void Turn(T* fromRe, T* fromIm, T* toRe, T* toIm)
        {
            Multiply<S, V>(fromRe, fromIm, roots!.Pointer, roots.Pointer + size, size);
            Transpose(fromRe, toRe);
            Transpose(fromIm, toIm);
        }
    }

    /// <summary>[rows, columns] becomes [columns, rows].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Transpose(T* from, T* to)
    {
        int side = Transposition.Side<T>();
        bool inSquares = side > 0 && rows % side == 0 && columns % side == 0;
        if (!inSquares)
        {
            side = 1;
        }

        for (int i = 0; i < rows; i += side)
        {
            for (int j = 0; j < columns; j += side)
            {
                if (inSquares)
                {
                    Transposition.Run(from + (i * columns) + j, columns, to + (j * rows) + i, rows, accumulate: false);
                }
                else
                {
                    to[(j * rows) + i] = from[(i * columns) + j];
                }
            }
        }
    }

    /// <summary>x · w, elementwise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<S, V>(T* re, T* im, T* wr, T* wi, int count)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int i = 0;
        for (; i <= count - S.Count; i += S.Count)
        {
            (V a, V b, V c, V d) = (S.Load(re + i), S.Load(im + i), S.Load(wr + i), S.Load(wi + i));
            S.Store(S.Subtract(S.Multiply(a, c), S.Multiply(b, d)), re + i);
            S.Store(S.FusedMultiplyAdd(a, d, S.Multiply(b, c)), im + i);
        }

        for (; i < count; i++)
        {
            (re[i], im[i]) = ((re[i] * wr[i]) - (im[i] * wi[i]), (re[i] * wi[i]) + (im[i] * wr[i]));
        }
    }

    /// <summary>The transform of each column of [length, count], the product of the stages' radices long, there and back between two places.</summary>
    /// <returns>Whether the result is at the other place.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Columns<S, V>(Stage[] stages, int count, T* re, T* im, T* otherRe, T* otherIm)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int width = count;
        foreach (Stage stage in stages)
        {
            if (stage.Radix == 4)
            {
                Fourth<S, V>(stage, width, re, im, otherRe, otherIm);
            }
            else
            {
                Any<S, V>(stage, width, re, im, otherRe, otherIm);
            }

            width *= stage.Radix;
            T* lastRe = re, lastIm = im;
            re = otherRe;
            im = otherIm;
            otherRe = lastRe;
            otherIm = lastIm;
        }

        return stages.Length % 2 != 0;
    }

    /// <summary>A stage of radix 4: four sums of four parts, three of them times a root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fourth<S, V>(Stage stage, int width, T* xr, T* xi, T* yr, T* yi)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int part = stage.Parts * width;
        T* w = stage.Roots.Pointer;
        for (int p = 0; p < stage.Parts; p++, w += 6)
        {
            T* ar = xr + (p * width), ai = xi + (p * width), br = yr + (4 * p * width), bi = yi + (4 * p * width);
            (V w1r, V w1i, V w2r, V w2i, V w3r, V w3i) = (S.Broadcast(w[0]), S.Broadcast(w[1]), S.Broadcast(w[2]), S.Broadcast(w[3]), S.Broadcast(w[4]), S.Broadcast(w[5]));
            int q = 0;
            for (; q <= width - S.Count; q += S.Count)
            {
                (V a0r, V a0i, V a1r, V a1i) = (S.Load(ar + q), S.Load(ai + q), S.Load(ar + q + part), S.Load(ai + q + part));
                (V a2r, V a2i, V a3r, V a3i) = (S.Load(ar + q + (2 * part)), S.Load(ai + q + (2 * part)), S.Load(ar + q + (3 * part)), S.Load(ai + q + (3 * part)));
                (V s0r, V s0i, V s1r, V s1i) = (S.Add(a0r, a2r), S.Add(a0i, a2i), S.Subtract(a0r, a2r), S.Subtract(a0i, a2i));
                (V s2r, V s2i, V s3r, V s3i) = (S.Add(a1r, a3r), S.Add(a1i, a3i), S.Subtract(a1i, a3i), S.Subtract(a3r, a1r)); // the last times −i
                S.Store(S.Add(s0r, s2r), br + q);
                S.Store(S.Add(s0i, s2i), bi + q);
                Put(S.Add(s1r, s3r), S.Add(s1i, s3i), w1r, w1i, br + q + width, bi + q + width);
                Put(S.Subtract(s0r, s2r), S.Subtract(s0i, s2i), w2r, w2i, br + q + (2 * width), bi + q + (2 * width));
                Put(S.Subtract(s1r, s3r), S.Subtract(s1i, s3i), w3r, w3i, br + q + (3 * width), bi + q + (3 * width));
            }

            for (; q < width; q++)
            {
                (T s0r, T s0i, T s1r, T s1i) = (ar[q] + ar[q + (2 * part)], ai[q] + ai[q + (2 * part)], ar[q] - ar[q + (2 * part)], ai[q] - ai[q + (2 * part)]);
                (T s2r, T s2i) = (ar[q + part] + ar[q + (3 * part)], ai[q + part] + ai[q + (3 * part)]);
                (T s3r, T s3i) = (ai[q + part] - ai[q + (3 * part)], ar[q + (3 * part)] - ar[q + part]);
                (br[q], bi[q]) = (s0r + s2r, s0i + s2i);
                (br[q + width], bi[q + width]) = Product(s1r + s3r, s1i + s3i, w[0], w[1]);
                (br[q + (2 * width)], bi[q + (2 * width)]) = Product(s0r - s2r, s0i - s2i, w[2], w[3]);
                (br[q + (3 * width)], bi[q + (3 * width)]) = Product(s1r - s3r, s1i - s3i, w[4], w[5]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Put(V re, V im, V wr, V wi, T* toRe, T* toIm)
        {
            S.Store(S.Subtract(S.Multiply(re, wr), S.Multiply(im, wi)), toRe);
            S.Store(S.FusedMultiplyAdd(re, wi, S.Multiply(im, wr)), toIm);
        }
    }

    /// <summary>A stage of any radix, by the definition: each sum with the roots of unity and that behind it in one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Any<S, V>(Stage stage, int width, T* xr, T* xi, T* yr, T* yi)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        (int radix, int part) = (stage.Radix, stage.Parts * width);
        T* w = stage.Roots.Pointer;
        for (int p = 0; p < stage.Parts; p++)
        {
            for (int k = 0; k < radix; k++, w += 2 * radix)
            {
                T* ar = xr + (p * width), ai = xi + (p * width), br = yr + (((radix * p) + k) * width), bi = yi + (((radix * p) + k) * width);
                int q = 0;
                for (; q <= width - S.Count; q += S.Count)
                {
                    (V re, V im, V lessRe, V lessIm) = (S.Zero, S.Zero, S.Zero, S.Zero);
                    for (int j = 0; j < radix; j++)
                    {
                        (V a, V b, V wr, V wi) = (S.Load(ar + q + (j * part)), S.Load(ai + q + (j * part)), S.Broadcast(w[2 * j]), S.Broadcast(w[(2 * j) + 1]));
                        (re, lessRe) = (S.FusedMultiplyAdd(a, wr, re), S.FusedMultiplyAdd(b, wi, lessRe));
                        (im, lessIm) = (S.FusedMultiplyAdd(a, wi, im), S.FusedMultiplyAdd(b, wr, lessIm));
                    }

                    S.Store(S.Subtract(re, lessRe), br + q);
                    S.Store(S.Add(im, lessIm), bi + q);
                }

                for (; q < width; q++)
                {
                    (T re, T im) = (T.Zero, T.Zero);
                    for (int j = 0; j < radix; j++)
                    {
                        (T a, T b) = Product(ar[q + (j * part)], ai[q + (j * part)], w[2 * j], w[(2 * j) + 1]);
                        (re, im) = (re + a, im + b);
                    }

                    (br[q], bi[q]) = (re, im);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T Real, T Imaginary) Product(T re, T im, T wr, T wi) => ((re * wr) - (im * wi), (re * wi) + (im * wr));

    /// <summary>With j k = (j² + k² − (k − j)²) / 2 the sum is a convolution of the products with a chirp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Convolve<S, V>(T* re, T* im, T* room)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int length = convolution!.size;
        T* longRe = room, longIm = room + length, rest = room + (2 * length);
        T* c = chirp!.Pointer;
        T* f = filter!.Pointer;
        new ReadOnlySpan<T>(re, size).CopyTo(new Span<T>(longRe, size));
        new ReadOnlySpan<T>(im, size).CopyTo(new Span<T>(longIm, size));
        new Span<T>(longRe + size, length - size).Clear();
        new Span<T>(longIm + size, length - size).Clear();
        Multiply<S, V>(longRe, longIm, c, c + size, size);
        convolution.Transform<S, V>(longRe, longIm, rest);
        Multiply<S, V>(longRe, longIm, f, f + length, length);
        convolution.Transform<S, V>(longIm, longRe, rest); // the inverse; its factor is in the filter
        Multiply<S, V>(longRe, longIm, c, c + size, size);
        new ReadOnlySpan<T>(longRe, size).CopyTo(new Span<T>(re, size));
        new ReadOnlySpan<T>(longIm, size).CopyTo(new Span<T>(im, size));
    }

    private (AlignedBuffer<T> Chirp, AlignedBuffer<T> Filter) Filter(FourierPlan<T> plan)
    {
        AlignedBuffer<T> made = new(2 * size), conjugate = new(2 * plan.size), room = new(plan.Room);
        conjugate.Span.Clear();
        T scale = T.One / T.CreateTruncating(plan.size);
        for (int j = 0; j < size; j++)
        {
            (T re, T im) = Root((long)j * j, 2L * size);
            (made.Span[j], made.Span[size + j]) = (re, im);
            foreach (int at in (ReadOnlySpan<int>)[j, (plan.size - j) % plan.size])
            {
                (conjugate.Span[at], conjugate.Span[plan.size + at]) = (re * scale, -im * scale);
            }
        }

        plan.Transform(conjugate.Pointer, conjugate.Pointer + plan.size, room.Pointer);
        return (made, conjugate);
    }

    /// <summary>The factors of a length, fours first; null where one is too large.</summary>
    private static int[]? Radices(int size)
    {
        var radices = new List<int>();
        for (; size % 4 == 0; size /= 4)
        {
            radices.Add(4);
        }

        for (int prime = 2; prime <= MostRadix; prime++)
        {
            for (; size % prime == 0; size /= prime)
            {
                radices.Add(prime);
            }
        }

        return size == 1 ? [.. radices] : null;
    }

    /// <summary>Passes over all elements: stages of other radices than 4 go over theirs once for each result.</summary>
    private static int Work(int length) => Radices(length)!.Sum(radix => radix == 4 ? 1 : radix);

    private static Stage[] Stages(int length)
    {
        var stages = new List<Stage>();
        foreach (int radix in Radices(length)!)
        {
            stages.Add(new Stage(radix, length));
            length /= radix;
        }

        return [.. stages];
    }

    /// <summary>One step: parts of a length become a radix times as many.</summary>
    private sealed class Stage
    {
        /// <param name="radix">Into how many parts each is divided.</param>
        /// <param name="length">How long they are before.</param>
        public Stage(int radix, int length)
        {
            (Radix, Parts) = (radix, length / radix);
            int each = radix == 4 ? 6 : 2 * radix * radix;
            Roots = new AlignedBuffer<T>(Parts * each);
            int at = 0;
            for (int p = 0; p < Parts; p++)
            {
                for (int k = radix == 4 ? 1 : 0; k < radix; k++)
                {
                    for (int j = 0; j < (radix == 4 ? 1 : radix); j++, at += 2)
                    {
                        (Roots.Span[at], Roots.Span[at + 1]) = Root(((long)p * k) + ((long)j * k * Parts), length);
                    }
                }
            }
        }

        public int Radix { get; }

        /// <summary>Positions in a part behind the step.</summary>
        public int Parts { get; }

        /// <summary>For each position, the roots that results are multiplied by; for a radix other than 4 those of each term too.</summary>
        public AlignedBuffer<T> Roots { get; }
    }
}
