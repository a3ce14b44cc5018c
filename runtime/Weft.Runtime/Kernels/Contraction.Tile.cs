using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>The register tiles: the one place where sums of products are formed, compiled once for each shape and for each width of vectors.</summary>
public sealed unsafe partial class Contraction<T, TA, TB, TC>
{
    /// <summary>Tiles of <typeparamref name="R"/> rows of four vectors, one after the other: their sums stay in registers while the terms pass by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile4<S, V, R>(Frame* f, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
        where R : struct, IExtent
    {
        (nint row, nint nextA, nint nextB) = (f->RowA, f->TermA, f->TermB);
        (nint column, nint pair) = (f->ColumnB, f->PairB);
        (int laneA, int laneB) = (f->LaneA, f->LaneB);
        for (int time = f->Times; time > 0; time--)
        {
            V c00 = S.Zero, c01 = S.Zero, c02 = S.Zero, c03 = S.Zero;
            V c10 = S.Zero, c11 = S.Zero, c12 = S.Zero, c13 = S.Zero;
            V c20 = S.Zero, c21 = S.Zero, c22 = S.Zero, c23 = S.Zero;
            V c30 = S.Zero, c31 = S.Zero, c32 = S.Zero, c33 = S.Zero;
            V c40 = S.Zero, c41 = S.Zero, c42 = S.Zero, c43 = S.Zero;
            V c50 = S.Zero, c51 = S.Zero, c52 = S.Zero, c53 = S.Zero;
            T* rowA = a, rowB = b;
            for (int n = f->Count; n > 0; n--)
            {
                T* p = rowA + f->FirstA, q = rowB + f->FirstB;
                for (int m = f->Block; ;)
                {
                    T* p3 = p + (3 * row);
                    for (int k = f->Terms; k > 0; k--)
                    {
                        V b0 = TB.Load<S, V>(q, laneB);
                        V b1 = TB.Load<S, V>(q + column, laneB);
                        V b2 = TB.Load<S, V>(q + pair, laneB);
                        V b3 = TB.Load<S, V>(q + pair + column, laneB);
                        Multiply<S, V>(TA.Load<S, V>(p, laneA), b0, b1, b2, b3, ref c00, ref c01, ref c02, ref c03);
                        if (R.Count > 1) Multiply<S, V>(TA.Load<S, V>(p + row, laneA), b0, b1, b2, b3, ref c10, ref c11, ref c12, ref c13);
                        if (R.Count > 2) Multiply<S, V>(TA.Load<S, V>(p + (2 * row), laneA), b0, b1, b2, b3, ref c20, ref c21, ref c22, ref c23);
                        if (R.Count > 3) Multiply<S, V>(TA.Load<S, V>(p3, laneA), b0, b1, b2, b3, ref c30, ref c31, ref c32, ref c33);
                        if (R.Count > 4) Multiply<S, V>(TA.Load<S, V>(p3 + row, laneA), b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43);
                        if (R.Count > 5) Multiply<S, V>(TA.Load<S, V>(p3 + (2 * row), laneA), b0, b1, b2, b3, ref c50, ref c51, ref c52, ref c53);
                        q += nextB;
                        p += nextA;
                        p3 += nextA;
                    }

                    if (++m == f->Blocks)
                    {
                        break;
                    }

                    p = rowA + f->Offsets[2 * m];
                    q = rowB + f->Offsets[(2 * m) + 1];
                }

                rowA += f->CountA;
                rowB += f->CountB;
            }

            (T coefficient, int laneC, nint rowC) = (f->Coefficient, f->LaneC, f->RowC);
            nint columnC = f->ColumnC;
            if (d == null)
            {
                Store<S, V>(c00, c01, c02, c03, coefficient, c, columnC, laneC);
                if (R.Count > 1) Store<S, V>(c10, c11, c12, c13, coefficient, c + rowC, columnC, laneC);
                if (R.Count > 2) Store<S, V>(c20, c21, c22, c23, coefficient, c + (2 * rowC), columnC, laneC);
                if (R.Count > 3) Store<S, V>(c30, c31, c32, c33, coefficient, c + (3 * rowC), columnC, laneC);
                if (R.Count > 4) Store<S, V>(c40, c41, c42, c43, coefficient, c + (4 * rowC), columnC, laneC);
                if (R.Count > 5) Store<S, V>(c50, c51, c52, c53, coefficient, c + (5 * rowC), columnC, laneC);
            }
            else
            {
                (nint rowD, nint columnD) = (f->RowD, f->ColumnD);
                StoreSum<S, V>(c00, c01, c02, c03, coefficient, c, columnC, d, columnD, laneC);
                if (R.Count > 1) StoreSum<S, V>(c10, c11, c12, c13, coefficient, c + rowC, columnC, d + rowD, columnD, laneC);
                if (R.Count > 2) StoreSum<S, V>(c20, c21, c22, c23, coefficient, c + (2 * rowC), columnC, d + (2 * rowD), columnD, laneC);
                if (R.Count > 3) StoreSum<S, V>(c30, c31, c32, c33, coefficient, c + (3 * rowC), columnC, d + (3 * rowD), columnD, laneC);
                if (R.Count > 4) StoreSum<S, V>(c40, c41, c42, c43, coefficient, c + (4 * rowC), columnC, d + (4 * rowD), columnD, laneC);
                if (R.Count > 5) StoreSum<S, V>(c50, c51, c52, c53, coefficient, c + (5 * rowC), columnC, d + (5 * rowD), columnD, laneC);
                d += f->StepD;
            }

            a += f->StepA;
            b += f->StepB;
            c += f->StepC;
        }
    }

    /// <summary>Tiles of <typeparamref name="R"/> rows of two vectors, one after the other: their sums stay in registers while the terms pass by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile2<S, V, R>(Frame* f, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
        where R : struct, IExtent
    {
        (nint row, nint nextA, nint nextB) = (f->RowA, f->TermA, f->TermB);
        nint column = f->ColumnB;
        (int laneA, int laneB) = (f->LaneA, f->LaneB);
        for (int time = f->Times; time > 0; time--)
        {
            V c00 = S.Zero, c01 = S.Zero, c10 = S.Zero, c11 = S.Zero;
            V c20 = S.Zero, c21 = S.Zero, c30 = S.Zero, c31 = S.Zero;
            V c40 = S.Zero, c41 = S.Zero, c50 = S.Zero, c51 = S.Zero;
            V c60 = S.Zero, c61 = S.Zero, c70 = S.Zero, c71 = S.Zero;
            V c80 = S.Zero, c81 = S.Zero, c90 = S.Zero, c91 = S.Zero;
            V cA0 = S.Zero, cA1 = S.Zero, cB0 = S.Zero, cB1 = S.Zero;
            T* rowA = a, rowB = b;
            for (int n = f->Count; n > 0; n--)
            {
                T* p = rowA + f->FirstA, q = rowB + f->FirstB;
                for (int m = f->Block; ;)
                {
                    T* p3 = p + (3 * row), p6 = p3 + (3 * row), p9 = p6 + (3 * row);
                    for (int k = f->Terms; k > 0; k--)
                    {
                        V b0 = TB.Load<S, V>(q, laneB);
                        V b1 = TB.Load<S, V>(q + column, laneB);
                        Multiply<S, V>(TA.Load<S, V>(p, laneA), b0, b1, ref c00, ref c01);
                        if (R.Count > 1) Multiply<S, V>(TA.Load<S, V>(p + row, laneA), b0, b1, ref c10, ref c11);
                        if (R.Count > 2) Multiply<S, V>(TA.Load<S, V>(p + (2 * row), laneA), b0, b1, ref c20, ref c21);
                        if (R.Count > 3) Multiply<S, V>(TA.Load<S, V>(p3, laneA), b0, b1, ref c30, ref c31);
                        if (R.Count > 4) Multiply<S, V>(TA.Load<S, V>(p3 + row, laneA), b0, b1, ref c40, ref c41);
                        if (R.Count > 5) Multiply<S, V>(TA.Load<S, V>(p3 + (2 * row), laneA), b0, b1, ref c50, ref c51);
                        if (R.Count > 6) Multiply<S, V>(TA.Load<S, V>(p6, laneA), b0, b1, ref c60, ref c61);
                        if (R.Count > 7) Multiply<S, V>(TA.Load<S, V>(p6 + row, laneA), b0, b1, ref c70, ref c71);
                        if (R.Count > 8) Multiply<S, V>(TA.Load<S, V>(p6 + (2 * row), laneA), b0, b1, ref c80, ref c81);
                        if (R.Count > 9) Multiply<S, V>(TA.Load<S, V>(p9, laneA), b0, b1, ref c90, ref c91);
                        if (R.Count > 10) Multiply<S, V>(TA.Load<S, V>(p9 + row, laneA), b0, b1, ref cA0, ref cA1);
                        if (R.Count > 11) Multiply<S, V>(TA.Load<S, V>(p9 + (2 * row), laneA), b0, b1, ref cB0, ref cB1);
                        q += nextB;
                        p += nextA;
                        p3 += nextA;
                        p6 += nextA;
                        p9 += nextA;
                    }

                    if (++m == f->Blocks)
                    {
                        break;
                    }

                    p = rowA + f->Offsets[2 * m];
                    q = rowB + f->Offsets[(2 * m) + 1];
                }

                rowA += f->CountA;
                rowB += f->CountB;
            }

            (T coefficient, int laneC, nint rowC) = (f->Coefficient, f->LaneC, f->RowC);
            nint columnC = f->ColumnC;
            if (d == null)
            {
                Store<S, V>(c00, c01, coefficient, c, columnC, laneC);
                if (R.Count > 1) Store<S, V>(c10, c11, coefficient, c + rowC, columnC, laneC);
                if (R.Count > 2) Store<S, V>(c20, c21, coefficient, c + (2 * rowC), columnC, laneC);
                if (R.Count > 3) Store<S, V>(c30, c31, coefficient, c + (3 * rowC), columnC, laneC);
                if (R.Count > 4) Store<S, V>(c40, c41, coefficient, c + (4 * rowC), columnC, laneC);
                if (R.Count > 5) Store<S, V>(c50, c51, coefficient, c + (5 * rowC), columnC, laneC);
                if (R.Count > 6) Store<S, V>(c60, c61, coefficient, c + (6 * rowC), columnC, laneC);
                if (R.Count > 7) Store<S, V>(c70, c71, coefficient, c + (7 * rowC), columnC, laneC);
                if (R.Count > 8) Store<S, V>(c80, c81, coefficient, c + (8 * rowC), columnC, laneC);
                if (R.Count > 9) Store<S, V>(c90, c91, coefficient, c + (9 * rowC), columnC, laneC);
                if (R.Count > 10) Store<S, V>(cA0, cA1, coefficient, c + (10 * rowC), columnC, laneC);
                if (R.Count > 11) Store<S, V>(cB0, cB1, coefficient, c + (11 * rowC), columnC, laneC);
            }
            else
            {
                (nint rowD, nint columnD) = (f->RowD, f->ColumnD);
                StoreSum<S, V>(c00, c01, coefficient, c, columnC, d, columnD, laneC);
                if (R.Count > 1) StoreSum<S, V>(c10, c11, coefficient, c + rowC, columnC, d + rowD, columnD, laneC);
                if (R.Count > 2) StoreSum<S, V>(c20, c21, coefficient, c + (2 * rowC), columnC, d + (2 * rowD), columnD, laneC);
                if (R.Count > 3) StoreSum<S, V>(c30, c31, coefficient, c + (3 * rowC), columnC, d + (3 * rowD), columnD, laneC);
                if (R.Count > 4) StoreSum<S, V>(c40, c41, coefficient, c + (4 * rowC), columnC, d + (4 * rowD), columnD, laneC);
                if (R.Count > 5) StoreSum<S, V>(c50, c51, coefficient, c + (5 * rowC), columnC, d + (5 * rowD), columnD, laneC);
                if (R.Count > 6) StoreSum<S, V>(c60, c61, coefficient, c + (6 * rowC), columnC, d + (6 * rowD), columnD, laneC);
                if (R.Count > 7) StoreSum<S, V>(c70, c71, coefficient, c + (7 * rowC), columnC, d + (7 * rowD), columnD, laneC);
                if (R.Count > 8) StoreSum<S, V>(c80, c81, coefficient, c + (8 * rowC), columnC, d + (8 * rowD), columnD, laneC);
                if (R.Count > 9) StoreSum<S, V>(c90, c91, coefficient, c + (9 * rowC), columnC, d + (9 * rowD), columnD, laneC);
                if (R.Count > 10) StoreSum<S, V>(cA0, cA1, coefficient, c + (10 * rowC), columnC, d + (10 * rowD), columnD, laneC);
                if (R.Count > 11) StoreSum<S, V>(cB0, cB1, coefficient, c + (11 * rowC), columnC, d + (11 * rowD), columnD, laneC);
                d += f->StepD;
            }

            a += f->StepA;
            b += f->StepB;
            c += f->StepC;
        }
    }

    /// <summary>Tiles of <typeparamref name="R"/> rows of one vector, one after the other: their sums stay in registers while the terms pass by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile1<S, V, R>(Frame* f, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
        where R : struct, IExtent
    {
        (nint row, nint nextA, nint nextB) = (f->RowA, f->TermA, f->TermB);
        (int laneA, int laneB) = (f->LaneA, f->LaneB);
        for (int time = f->Times; time > 0; time--)
        {
            V c00 = S.Zero, c10 = S.Zero, c20 = S.Zero, c30 = S.Zero;
            V c40 = S.Zero, c50 = S.Zero, c60 = S.Zero, c70 = S.Zero;
            V c80 = S.Zero, c90 = S.Zero, cA0 = S.Zero, cB0 = S.Zero;
            V cC0 = S.Zero, cD0 = S.Zero, cE0 = S.Zero, cF0 = S.Zero;
            T* rowA = a, rowB = b;
            for (int n = f->Count; n > 0; n--)
            {
                T* p = rowA + f->FirstA, q = rowB + f->FirstB;
                for (int m = f->Block; ;)
                {
                    T* p3 = p + (3 * row), p6 = p3 + (3 * row), p9 = p6 + (3 * row), p12 = p9 + (3 * row), p15 = p12 + (3 * row);
                    for (int k = f->Terms; k > 0; k--)
                    {
                        V b0 = TB.Load<S, V>(q, laneB);
                        c00 = S.FusedMultiplyAdd(TA.Load<S, V>(p, laneA), b0, c00);
                        if (R.Count > 1) c10 = S.FusedMultiplyAdd(TA.Load<S, V>(p + row, laneA), b0, c10);
                        if (R.Count > 2) c20 = S.FusedMultiplyAdd(TA.Load<S, V>(p + (2 * row), laneA), b0, c20);
                        if (R.Count > 3) c30 = S.FusedMultiplyAdd(TA.Load<S, V>(p3, laneA), b0, c30);
                        if (R.Count > 4) c40 = S.FusedMultiplyAdd(TA.Load<S, V>(p3 + row, laneA), b0, c40);
                        if (R.Count > 5) c50 = S.FusedMultiplyAdd(TA.Load<S, V>(p3 + (2 * row), laneA), b0, c50);
                        if (R.Count > 6) c60 = S.FusedMultiplyAdd(TA.Load<S, V>(p6, laneA), b0, c60);
                        if (R.Count > 7) c70 = S.FusedMultiplyAdd(TA.Load<S, V>(p6 + row, laneA), b0, c70);
                        if (R.Count > 8) c80 = S.FusedMultiplyAdd(TA.Load<S, V>(p6 + (2 * row), laneA), b0, c80);
                        if (R.Count > 9) c90 = S.FusedMultiplyAdd(TA.Load<S, V>(p9, laneA), b0, c90);
                        if (R.Count > 10) cA0 = S.FusedMultiplyAdd(TA.Load<S, V>(p9 + row, laneA), b0, cA0);
                        if (R.Count > 11) cB0 = S.FusedMultiplyAdd(TA.Load<S, V>(p9 + (2 * row), laneA), b0, cB0);
                        if (R.Count > 12) cC0 = S.FusedMultiplyAdd(TA.Load<S, V>(p12, laneA), b0, cC0);
                        if (R.Count > 13) cD0 = S.FusedMultiplyAdd(TA.Load<S, V>(p12 + row, laneA), b0, cD0);
                        if (R.Count > 14) cE0 = S.FusedMultiplyAdd(TA.Load<S, V>(p12 + (2 * row), laneA), b0, cE0);
                        if (R.Count > 15) cF0 = S.FusedMultiplyAdd(TA.Load<S, V>(p15, laneA), b0, cF0);
                        q += nextB;
                        p += nextA;
                        p3 += nextA;
                        p6 += nextA;
                        p9 += nextA;
                        p12 += nextA;
                        p15 += nextA;
                    }

                    if (++m == f->Blocks)
                    {
                        break;
                    }

                    p = rowA + f->Offsets[2 * m];
                    q = rowB + f->Offsets[(2 * m) + 1];
                }

                rowA += f->CountA;
                rowB += f->CountB;
            }

            (T coefficient, int laneC, nint rowC) = (f->Coefficient, f->LaneC, f->RowC);
            if (d == null)
            {
                TC.Store<S, V>(c00, coefficient, c, laneC);
                if (R.Count > 1) TC.Store<S, V>(c10, coefficient, c + rowC, laneC);
                if (R.Count > 2) TC.Store<S, V>(c20, coefficient, c + (2 * rowC), laneC);
                if (R.Count > 3) TC.Store<S, V>(c30, coefficient, c + (3 * rowC), laneC);
                if (R.Count > 4) TC.Store<S, V>(c40, coefficient, c + (4 * rowC), laneC);
                if (R.Count > 5) TC.Store<S, V>(c50, coefficient, c + (5 * rowC), laneC);
                if (R.Count > 6) TC.Store<S, V>(c60, coefficient, c + (6 * rowC), laneC);
                if (R.Count > 7) TC.Store<S, V>(c70, coefficient, c + (7 * rowC), laneC);
                if (R.Count > 8) TC.Store<S, V>(c80, coefficient, c + (8 * rowC), laneC);
                if (R.Count > 9) TC.Store<S, V>(c90, coefficient, c + (9 * rowC), laneC);
                if (R.Count > 10) TC.Store<S, V>(cA0, coefficient, c + (10 * rowC), laneC);
                if (R.Count > 11) TC.Store<S, V>(cB0, coefficient, c + (11 * rowC), laneC);
                if (R.Count > 12) TC.Store<S, V>(cC0, coefficient, c + (12 * rowC), laneC);
                if (R.Count > 13) TC.Store<S, V>(cD0, coefficient, c + (13 * rowC), laneC);
                if (R.Count > 14) TC.Store<S, V>(cE0, coefficient, c + (14 * rowC), laneC);
                if (R.Count > 15) TC.Store<S, V>(cF0, coefficient, c + (15 * rowC), laneC);
            }
            else
            {
                nint rowD = f->RowD;
                TC.StoreSum<S, V>(c00, coefficient, c, d, laneC);
                if (R.Count > 1) TC.StoreSum<S, V>(c10, coefficient, c + rowC, d + rowD, laneC);
                if (R.Count > 2) TC.StoreSum<S, V>(c20, coefficient, c + (2 * rowC), d + (2 * rowD), laneC);
                if (R.Count > 3) TC.StoreSum<S, V>(c30, coefficient, c + (3 * rowC), d + (3 * rowD), laneC);
                if (R.Count > 4) TC.StoreSum<S, V>(c40, coefficient, c + (4 * rowC), d + (4 * rowD), laneC);
                if (R.Count > 5) TC.StoreSum<S, V>(c50, coefficient, c + (5 * rowC), d + (5 * rowD), laneC);
                if (R.Count > 6) TC.StoreSum<S, V>(c60, coefficient, c + (6 * rowC), d + (6 * rowD), laneC);
                if (R.Count > 7) TC.StoreSum<S, V>(c70, coefficient, c + (7 * rowC), d + (7 * rowD), laneC);
                if (R.Count > 8) TC.StoreSum<S, V>(c80, coefficient, c + (8 * rowC), d + (8 * rowD), laneC);
                if (R.Count > 9) TC.StoreSum<S, V>(c90, coefficient, c + (9 * rowC), d + (9 * rowD), laneC);
                if (R.Count > 10) TC.StoreSum<S, V>(cA0, coefficient, c + (10 * rowC), d + (10 * rowD), laneC);
                if (R.Count > 11) TC.StoreSum<S, V>(cB0, coefficient, c + (11 * rowC), d + (11 * rowD), laneC);
                if (R.Count > 12) TC.StoreSum<S, V>(cC0, coefficient, c + (12 * rowC), d + (12 * rowD), laneC);
                if (R.Count > 13) TC.StoreSum<S, V>(cD0, coefficient, c + (13 * rowC), d + (13 * rowD), laneC);
                if (R.Count > 14) TC.StoreSum<S, V>(cE0, coefficient, c + (14 * rowC), d + (14 * rowD), laneC);
                if (R.Count > 15) TC.StoreSum<S, V>(cF0, coefficient, c + (15 * rowC), d + (15 * rowD), laneC);
                d += f->StepD;
            }

            a += f->StepA;
            b += f->StepB;
            c += f->StepC;
        }
    }

    /// <summary>Tiles of one row: neighbouring terms have chains of their own, or the row would wait for its own sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Row<S, V, C>(Frame* f, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
        where C : struct, IExtent
    {
        V none = S.Zero;
        (nint column, nint pair) = (f->ColumnB, f->PairB);
        (nint nextA, nint nextB) = (f->TermA, f->TermB);
        (int laneA, int laneB) = (f->LaneA, f->LaneB);
        for (int time = f->Times; time > 0; time--)
        {
            V c00 = S.Zero, c01 = S.Zero, c02 = S.Zero, c03 = S.Zero;
            V c10 = S.Zero, c11 = S.Zero, c12 = S.Zero, c13 = S.Zero;
            V c20 = S.Zero, c21 = S.Zero;
            V c30 = S.Zero, c31 = S.Zero;
            T* rowA = a, rowB = b;
            for (int n = f->Count; n > 0; n--)
            {
                T* p = rowA + f->FirstA, q = rowB + f->FirstB;
                for (int m = f->Block; ;)
                {
                    int k = f->Terms;
                    for (; k >= (C.Count < 4 ? 4 : 2); k -= C.Count < 4 ? 4 : 2)
                    {
                        Term<S, V, C>(p, q, column, pair, laneA, laneB, ref c00, ref c01, ref c02, ref c03);
                        Term<S, V, C>(p + nextA, q + nextB, column, pair, laneA, laneB, ref c10, ref c11, ref c12, ref c13);
                        p += 2 * nextA;
                        q += 2 * nextB;
                        if (C.Count < 4)
                        {
                            Term<S, V, C>(p, q, column, pair, laneA, laneB, ref c20, ref c21, ref none, ref none);
                            Term<S, V, C>(p + nextA, q + nextB, column, pair, laneA, laneB, ref c30, ref c31, ref none, ref none);
                            p += 2 * nextA;
                            q += 2 * nextB;
                        }
                    }

                    for (; k > 0; k--)
                    {
                        Term<S, V, C>(p, q, column, pair, laneA, laneB, ref c00, ref c01, ref c02, ref c03);
                        p += nextA;
                        q += nextB;
                    }

                    if (++m == f->Blocks)
                    {
                        break;
                    }

                    p = rowA + f->Offsets[2 * m];
                    q = rowB + f->Offsets[(2 * m) + 1];
                }

                rowA += f->CountA;
                rowB += f->CountB;
            }

            c00 = S.Add(S.Add(c00, c10), S.Add(c20, c30));
            c01 = S.Add(S.Add(c01, c11), S.Add(c21, c31));
            c02 = S.Add(c02, c12);
            c03 = S.Add(c03, c13);
            (T coefficient, int laneC, nint columnC) = (f->Coefficient, f->LaneC, f->ColumnC);
            if (d == null)
            {
                TC.Store<S, V>(c00, coefficient, c, laneC);
                if (C.Count > 1) TC.Store<S, V>(c01, coefficient, c + columnC, laneC);
                if (C.Count > 2) TC.Store<S, V>(c02, coefficient, c + (2 * columnC), laneC);
                if (C.Count > 3) TC.Store<S, V>(c03, coefficient, c + (3 * columnC), laneC);
            }
            else
            {
                nint columnD = f->ColumnD;
                TC.StoreSum<S, V>(c00, coefficient, c, d, laneC);
                if (C.Count > 1) TC.StoreSum<S, V>(c01, coefficient, c + columnC, d + columnD, laneC);
                if (C.Count > 2) TC.StoreSum<S, V>(c02, coefficient, c + (2 * columnC), d + (2 * columnD), laneC);
                if (C.Count > 3) TC.StoreSum<S, V>(c03, coefficient, c + (3 * columnC), d + (3 * columnD), laneC);
                d += f->StepD;
            }

            a += f->StepA;
            b += f->StepB;
            c += f->StepC;
        }
    }

    /// <summary>One term of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Term<S, V, C>(T* p, T* q, nint column, nint pair, int laneA, int laneB, ref V c0, ref V c1, ref V c2, ref V c3)
        where S : struct, ILanes<T, V>
        where V : struct
        where C : struct, IExtent
    {
        V a = TA.Load<S, V>(p, laneA);
        c0 = S.FusedMultiplyAdd(a, TB.Load<S, V>(q, laneB), c0);
        if (C.Count > 1) c1 = S.FusedMultiplyAdd(a, TB.Load<S, V>(q + column, laneB), c1);
        if (C.Count > 2) c2 = S.FusedMultiplyAdd(a, TB.Load<S, V>(q + pair, laneB), c2);
        if (C.Count > 3) c3 = S.FusedMultiplyAdd(a, TB.Load<S, V>(q + pair + column, laneB), c3);
    }

    /// <summary>One term of a row of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply<S, V>(V a, V b0, V b1, V b2, V b3, ref V c0, ref V c1, ref V c2, ref V c3)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        c0 = S.FusedMultiplyAdd(a, b0, c0);
        c1 = S.FusedMultiplyAdd(a, b1, c1);
        c2 = S.FusedMultiplyAdd(a, b2, c2);
        c3 = S.FusedMultiplyAdd(a, b3, c3);
    }

    /// <summary>One term of a row of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply<S, V>(V a, V b0, V b1, ref V c0, ref V c1)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        c0 = S.FusedMultiplyAdd(a, b0, c0);
        c1 = S.FusedMultiplyAdd(a, b1, c1);
    }

    /// <summary>The sums of a row of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<S, V>(V c0, V c1, V c2, V c3, T coefficient, T* c, nint column, int lane)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        TC.Store<S, V>(c0, coefficient, c, lane);
        TC.Store<S, V>(c1, coefficient, c + column, lane);
        TC.Store<S, V>(c2, coefficient, c + (2 * column), lane);
        TC.Store<S, V>(c3, coefficient, c + (3 * column), lane);
    }

    /// <summary>The sums of a row of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<S, V>(V c0, V c1, T coefficient, T* c, nint column, int lane)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        TC.Store<S, V>(c0, coefficient, c, lane);
        TC.Store<S, V>(c1, coefficient, c + column, lane);
    }

    /// <summary>The sums of a row of four vectors, added to what there is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSum<S, V>(V c0, V c1, V c2, V c3, T coefficient, T* c, nint column, T* d, nint columnD, int lane)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        TC.StoreSum<S, V>(c0, coefficient, c, d, lane);
        TC.StoreSum<S, V>(c1, coefficient, c + column, d + columnD, lane);
        TC.StoreSum<S, V>(c2, coefficient, c + (2 * column), d + (2 * columnD), lane);
        TC.StoreSum<S, V>(c3, coefficient, c + (3 * column), d + (3 * columnD), lane);
    }

    /// <summary>The sums of a row of two vectors, added to what there is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSum<S, V>(V c0, V c1, T coefficient, T* c, nint column, T* d, nint columnD, int lane)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        TC.StoreSum<S, V>(c0, coefficient, c, d, lane);
        TC.StoreSum<S, V>(c1, coefficient, c + column, d + columnD, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static delegate*<Frame*, T*, T*, T*, T*, void> TileOf4<S, V>(int rows)
        where S : struct, ILanes<T, V>
        where V : struct => rows switch
        {
            1 => &Row<S, V, Extent4>,
            2 => &Tile4<S, V, Extent2>,
            3 => &Tile4<S, V, Extent3>,
            4 => &Tile4<S, V, Extent4>,
            5 => &Tile4<S, V, Extent5>,
            _ => &Tile4<S, V, Extent6>,
        };

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static delegate*<Frame*, T*, T*, T*, T*, void> TileOf2<S, V>(int rows)
        where S : struct, ILanes<T, V>
        where V : struct => rows switch
        {
            1 => &Row<S, V, Extent2>,
            2 => &Tile2<S, V, Extent2>,
            3 => &Tile2<S, V, Extent3>,
            4 => &Tile2<S, V, Extent4>,
            5 => &Tile2<S, V, Extent5>,
            6 => &Tile2<S, V, Extent6>,
            7 => &Tile2<S, V, Extent7>,
            8 => &Tile2<S, V, Extent8>,
            9 => &Tile2<S, V, Extent9>,
            10 => &Tile2<S, V, Extent10>,
            11 => &Tile2<S, V, Extent11>,
            _ => &Tile2<S, V, Extent12>,
        };

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static delegate*<Frame*, T*, T*, T*, T*, void> TileOf1<S, V>(int rows)
        where S : struct, ILanes<T, V>
        where V : struct => rows switch
        {
            1 => &Row<S, V, Extent1>,
            2 => &Tile1<S, V, Extent2>,
            3 => &Tile1<S, V, Extent3>,
            4 => &Tile1<S, V, Extent4>,
            5 => &Tile1<S, V, Extent5>,
            6 => &Tile1<S, V, Extent6>,
            7 => &Tile1<S, V, Extent7>,
            8 => &Tile1<S, V, Extent8>,
            9 => &Tile1<S, V, Extent9>,
            10 => &Tile1<S, V, Extent10>,
            11 => &Tile1<S, V, Extent11>,
            12 => &Tile1<S, V, Extent12>,
            13 => &Tile1<S, V, Extent13>,
            14 => &Tile1<S, V, Extent14>,
            15 => &Tile1<S, V, Extent15>,
            _ => &Tile1<S, V, Extent16>,
        };
}
