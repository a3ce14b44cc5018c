using System.Numerics;
using System.Runtime.InteropServices;

namespace Weft.Fuzz.Targets;

/// <summary>
/// Sequences of calls of a map, right and wrong ones, against a model: a call that must be refused is, with the exception that is documented
/// and nothing written; any other does what a new map with the same parameters does, to the last bit, and writes nothing else.
/// </summary>
internal sealed class MapTarget : FuzzTarget
{
    public override string Name => "maps";

    public override byte[] Make(Random random)
    {
        byte[] input = new byte[random.Next(2, 200)];
        random.NextBytes(input);
        return input;
    }

    public override void Run(byte[] input)
    {
        var numbers = new Queue<byte>(input);
        if (Next(numbers) % 2 == 0)
        {
            new Session<float>(numbers).Run();
        }
        else
        {
            new Session<double>(numbers).Run();
        }
    }

    private static int Next(Queue<byte> numbers) => numbers.TryDequeue(out byte number) ? number : 0;

    /// <summary>Some elements of the block that all arguments are taken from.</summary>
    private readonly record struct Part(int Start, int Length)
    {
        public bool Overlaps(Part other) => Length > 0 && other.Length > 0 && Start < other.Start + other.Length && other.Start < Start + Length;
    }

    private sealed class Session<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private const int Room = 200;

        private readonly Queue<byte> numbers;
        private readonly int kind;
        private readonly Map<T> map;
        private readonly T[] block = new T[8 * Room];
        private readonly (int Count, int Limit) positions;
        private T[] parameters;
        private bool isEditing;
        private bool isGiven;
        private bool isDisposed;
        private bool isRefused;
        private int place;

        public Session(Queue<byte> numbers)
        {
            this.numbers = numbers;
            kind = Next() % Maps.Names.Length;
            map = Maps.Create<T>(kind);
            parameters = map.Parameters.ToArray();
            positions = Maps.Names[kind] == "lookup" ? (2, 3) : default;
            isGiven = parameters.Length == 0;
            for (int i = 0; i < block.Length; i++)
            {
                int number = (i * 37) % 17;
                block[i] = positions.Count > 0 ? T.CreateTruncating(number == 0 ? -1 : number % positions.Limit) : T.CreateTruncating(number - 8) / T.CreateTruncating(8);
            }
        }

        /// <summary>Whether what a pass needs is there.</summary>
        private bool IsReady => !isEditing && isGiven && !isRefused;

        public void Run()
        {
            while (numbers.Count > 0)
            {
                Step(Next() % 16);
                if (!isDisposed && !Bits(map.Parameters).SequenceEqual(Bits(parameters)))
                {
                    throw new FuzzException("parameters are not what they were set to");
                }
            }
        }

        private int Next() => MapTarget.Next(numbers);

        private void Step(int call)
        {
            place = 0;
            int rows = Next() % 12, inputs = map.Inputs, outputs = map.Outputs;
            switch (call)
            {
                case 0 or 1:
                    int seed = Next();
                    Change("Initialize", it => it.Initialize(seed));
                    break;
                case >= 2 and < 6:
                    Edit();
                    break;
                case 6 or 7:
                    (Part x, Part y) = (Take(rows * inputs), Take(rows * outputs));
                    Pass("Forward", IsRows(x) && y.Length == x.Length / inputs * outputs && !y.Overlaps(x), (it, all) => it.Forward(Of(all, x), Of(all, y)));
                    break;
                case 8:
                    (x, Part dy, Part dx, Part g) = (Take(rows * inputs), Take(rows * outputs), TakeOrNone(rows * inputs), TakeOrNone(map.TrainedCount));
                    Pass(
                        "Gradient",
                        IsRows(x) && dy.Length == x.Length / inputs * outputs && (dx.Length == 0 || dx.Length == x.Length) && IsGradient(g)
                            && Apart([dx, g], [x, dy]) && !g.Overlaps(dx),
                        (it, all) => it.Gradient(Of(all, x), Of(all, dy), Of(all, dx), Of(all, g)));
                    break;
                case 9 when map is LinearMap<T>:
                    (x, y) = (Take(rows * inputs), Take(rows * outputs));
                    Pass("Adjoint", y.Length % outputs == 0 && x.Length == y.Length / outputs * inputs && !y.Overlaps(x), (it, all) => ((LinearMap<T>)it).Adjoint(Of(all, y), Of(all, x)));
                    break;
                case 10:
                    (x, dx, Part dp) = (Take(rows * inputs), TakeOrNone(rows * inputs), TakeOrNone(map.TrainedCount));
                    (y, dy) = (TakeOrNone(rows * outputs), Take(rows * outputs));
                    Pass(
                        "Tangent",
                        IsRows(x) && (dx.Length == 0 || dx.Length == x.Length) && IsGradient(dp) && (y.Length == 0 || y.Length == x.Length / inputs * outputs)
                            && dy.Length == x.Length / inputs * outputs && Apart([y, dy], [x, dx, dp]) && !y.Overlaps(dy),
                        (it, all) => it.Tangent(Of(all, x), Of(all, dx), Of(all, dp), Of(all, y), Of(all, dy)));
                    break;
                case 11:
                    (x, dx, g) = (Take(rows * inputs), TakeOrNone(rows * inputs), TakeOrNone(map.TrainedCount));
                    bool isRight = IsRows(x) && x.Length > 0 && (dx.Length == 0 || dx.Length == x.Length) && IsGradient(g) && Apart([dx, g], [x]) && !g.Overlaps(dx);
                    if (Next() % 2 == 0)
                    {
                        var squares = new MeanSquaredError<T>(new T[rows * outputs]);
                        Pass("LossGradient", isRight && x.Length == rows * inputs, (it, all) => it.LossGradient(Of(all, x), squares, Of(all, dx), Of(all, g)));
                    }
                    else
                    {
                        int label = (Next() % (outputs + 2)) - 1;
                        var entropy = new CrossEntropy<T>(Enumerable.Repeat(label, rows).ToArray());
                        Pass(
                            "LossGradient",
                            isRight && x.Length == rows * inputs && label >= 0 && label < outputs,
                            (it, all) => it.LossGradient(Of(all, x), entropy, Of(all, dx), Of(all, g)));
                    }

                    break;
                case 12:
                    g = Take(map.TrainedCount);
                    bool isAdam = Next() % 2 == 0;
                    Change(
                        "Step",
                        it =>
                        {
                            Optimizer<T> optimizer = isAdam ? new AdamW<T>(0.1) : new Sgd<T>(0.1, 0.5);
                            optimizer.Step(it, Of(block, g));
                        },
                        g.Length == map.TrainedCount);
                    break;
                case 13:
                    SaveAndLoad();
                    break;
                case 14:
                    Expect([isDisposed ? typeof(ObjectDisposedException) : null, typeof(ArgumentException)], "an unknown parameter", () => _ = map["no such"]);
                    break;
                case 15 when Next() % 8 == 0:
                    map.Dispose();
                    isDisposed = true;
                    break;
            }
        }

        /// <summary>Whether a part is rows that hold positions where they should.</summary>
        private bool IsRows(Part x) => x.Length % map.Inputs == 0 && Enumerable.Range(0, x.Length).All(i => i % map.Inputs >= positions.Count || IsPosition(block[x.Start + i]));

        private bool IsPosition(T value) => T.IsInteger(value) && value >= T.Zero && value < T.CreateChecked(positions.Limit);

        private bool IsGradient(Part g) => g.Length == 0 || g.Length == map.TrainedCount;

        private static bool Apart(ReadOnlySpan<Part> written, ReadOnlySpan<Part> others)
        {
            foreach (Part one in written)
            {
                foreach (Part other in others)
                {
                    if (one.Overlaps(other))
                    {
                        return false;
                    }
                }
            }

            return true;
        }

        /// <summary>An argument: mostly apart from the others and of the right length.</summary>
        private Part Take(int length)
        {
            int way = Next(), start = place++ * Room;
            return (way % 24) switch
            {
                0 => new Part(start, length + 1),
                1 => new Part(start, Math.Max(0, length - 1)),
                2 => new Part(start, Next() % Room),
                3 => new Part(Next() % 64, length),
                4 => new Part(Math.Max(0, start - (Next() % 8)), length),
                _ => new Part(start, length),
            };
        }

        private Part TakeOrNone(int length) => Next() % 4 == 0 ? new Part(place++ * Room, 0) : Take(length);

        private static Span<T> Of(T[] all, Part part) => all.AsSpan(part.Start, part.Length);

        private static Span<byte> Bits(ReadOnlySpan<T> values) => MemoryMarshal.AsBytes(values.ToArray().AsSpan());

        /// <summary>A call that reads the parameters and writes into the block.</summary>
        private void Pass(string name, bool isRight, Action<Map<T>, T[]> call)
        {
            T[] expected = [.. block];
            if (isRight && IsReady && !isDisposed)
            {
                using Map<T> other = Copy();
                call(other, expected);
            }

            Expect([isDisposed ? typeof(ObjectDisposedException) : null, IsReady ? null : typeof(InvalidOperationException), isRight ? null : typeof(ArgumentException)], name, () => call(map, block));
            if (!Bits(block).SequenceEqual(Bits(expected)))
            {
                throw new FuzzException($"{name} wrote other values than expected");
            }
        }

        /// <summary>A call that changes the parameters, where no edit is open.</summary>
        private void Change(string name, Action<Map<T>> call, bool isRight = true)
        {
            bool remainsRefused = isRefused && name == "Step";
            Map<T>? other = !isEditing && isRight && !isDisposed && !remainsRefused ? Copy() : null;
            if (other is not null)
            {
                call(other);
            }

            Expect(
                [isDisposed ? typeof(ObjectDisposedException) : null, isEditing || remainsRefused ? typeof(InvalidOperationException) : null, isRight ? null : typeof(ArgumentException)],
                name,
                () => call(map));
            if (!isDisposed && !isEditing && isRight)
            {
                (isGiven, isRefused) = (true, remainsRefused);
                parameters = (other ?? map).Parameters.ToArray();
            }

            other?.Dispose();
        }

        /// <summary>An edit, with other calls while it is open.</summary>
        private void Edit()
        {
            if (isEditing || isDisposed)
            {
                Expect([isDisposed ? typeof(ObjectDisposedException) : null, isEditing ? typeof(InvalidOperationException) : null], "Edit", () => map.Edit());
                return;
            }

            ParameterEdit<T> edit = map.Edit();
            isEditing = true;
            for (int calls = Next() % 4; calls > 0; calls--)
            {
                if (Next() % 2 == 0)
                {
                    Write(edit.All);
                }
                else
                {
                    Step(Next() % 16);
                }
            }

            (isEditing, isGiven) = (false, true);
            Exception? thrown = null;
            try
            {
                edit.Dispose();
            }
            catch (InvalidOperationException exception) when (isRefused)
            {
                thrown = exception;
            }

            Judge([isRefused && !isDisposed ? typeof(InvalidOperationException) : null], "the end of an edit", thrown);
            edit.Dispose();
        }

        /// <summary>Writes all parameters; a table may get positions that are none.</summary>
        private void Write(Span<T> all)
        {
            T value = T.CreateTruncating(Next() - 128) / T.CreateTruncating(16);
            bool isTable = Maps.Names[kind] == "sparse";
            isRefused = isTable && Next() % 4 == 0;
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = isTable && i >= map.TrainedCount ? T.CreateTruncating(isRefused ? -1 : i % 2) : i % 3 == 0 ? -value : value;
            }

            if (!isDisposed)
            {
                parameters = all.ToArray();
            }
        }

        private void SaveAndLoad()
        {
            using var stream = new MemoryStream();
            StoredParameters what = Next() % 2 == 0 ? StoredParameters.All : StoredParameters.Trained;
            Expect([isDisposed ? typeof(ObjectDisposedException) : null], "Save", () => map.Save(stream, what));
            int cut = Next() % 8 == 0 ? Next() : 0;
            bool isWhole = cut == 0 || stream.Length == 0;
            byte[] bytes = stream.ToArray()[..(int)Math.Max(0, stream.Length - cut)];
            Type? misfit = isWhole && !isRefused ? null : typeof(InvalidDataException);
            Expect([isDisposed ? typeof(ObjectDisposedException) : null, isEditing ? typeof(InvalidOperationException) : null, misfit], "Load", () => map.Load(new MemoryStream(bytes)));
            isGiven |= !isDisposed && !isEditing && misfit is null;
        }

        /// <summary>A new map of the same kind with the same parameters.</summary>
        private Map<T> Copy()
        {
            Map<T> other = Maps.Create<T>(kind);
            if (isGiven && !isRefused)
            {
                using ParameterEdit<T> all = other.Edit();
                parameters.CopyTo(all.All);
            }

            return other;
        }

        private static void Expect(ReadOnlySpan<Type?> allowed, string name, Action call)
        {
            Exception? thrown = null;
            try
            {
                call();
            }
            catch (Exception exception)
            {
                thrown = exception;
            }

            Judge(allowed, name, thrown);
        }

        /// <summary>Sees that what was thrown is one of what may be; where nothing may be, that nothing was.</summary>
        private static void Judge(ReadOnlySpan<Type?> allowed, string name, Exception? thrown)
        {
            Type[] faults = [.. allowed.ToArray().OfType<Type>()];
            if (thrown is null ? faults.Length > 0 : !faults.Any(fault => fault.IsInstanceOfType(thrown)))
            {
                string expected = faults.Length == 0 ? "nothing" : string.Join(" or ", faults.Select(fault => fault.Name));
                throw new FuzzException($"{name} threw {thrown?.GetType().Name ?? "nothing"} where {expected} was expected: {thrown}");
            }
        }
    }
}
