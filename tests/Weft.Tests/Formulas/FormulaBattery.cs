using System.Numerics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Runtime;

namespace Weft.Tests.Formulas;

/// <summary>
/// Holds a compiled map against the interpreter: values, adjoint, both derivatives, for batches that fill tiles, miss them by one and
/// exceed a chunk.
/// </summary>
internal static class FormulaBattery
{
    /// <summary>A module is met by one of these, by its seed: what a batch size breaks, it breaks in many modules.</summary>
    private static readonly int[][] Batches = [[1, 7, 33], [2, 16, 67], [5, 33]];

    private static readonly Noise s_noise = new(7, (5L << 32) + 3);

    /// <summary>The first deviation, in words, or null: as outside training, and of what has noise with it too.</summary>
    public static string? Fault<T>(Module module, Map<T> map, int seed, IReadOnlyList<int>? batches = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Layout(module, map) is { } fault ? $"{typeof(T).Name}, {fault}"
            : Fault(Expect(module, map, seed, batches), map) ?? (module.Noise.Any() ? Fault(Expect(module, map, seed, batches, s_noise), map, s_noise) : null) ?? PenaltyFault(module, map);

    /// <summary>Sees that what a module becomes does not deviate, in both element types, planned for a row and for many.</summary>
    public static void AssertHolds(Module module)
    {
        foreach (int batch in new[] { 1, 64 })
        {
            Assert.Null(Fault<float>(module, Scalar.Float, batch));
            Assert.Null(Fault<double>(module, Scalar.Double, batch));
        }
    }

    /// <summary>The first deviation of what a module becomes, in words, or null.</summary>
    public static string? Fault<T>(Module module, Scalar scalar, int batch)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions(module.Name, Scalar: scalar, Batch: batch))]);
        using Map<T> map = assembly.Create<T>(module.Name);
        return Fault(module, map, seed: batch);
    }

    /// <summary>What the interpreter expects of a map, which is given parameters.</summary>
    public static Expectation Expect<T>(Module module, Map<T> map, int seed, IReadOnlyList<int>? batches = null, Noise? noise = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new Oracle<T>(module, map, new Random(seed), batches ?? Batches[(uint)seed % Batches.Length], noise).Expect();

    /// <summary>The first deviation from what is expected, in words, or null.</summary>
    public static string? Fault<T>(Expectation expected, Map<T> map, Noise? noise = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var check = new Check<T>(expected, map, noise);
        check.Run();
        return check.Fault;
    }

    /// <summary>What is wrong with texts, compiled together; nothing, if they are right.</summary>
    public static string Faults<T>(Scalar scalar, IReadOnlyList<string> texts, IReadOnlyList<int>? batches = null, int? blockElements = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Module[] modules = [.. texts.Select((text, i) => TestModules.Formula(text) with { Name = FormattableString.Invariant($"F{i}") })];
        using WeftAssembly all = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Scalar: scalar) { BlockElements = blockElements })));
        var faults = new List<string>();
        for (int i = 0; i < modules.Length; i++)
        {
            using Map<T> map = all.Create<T>(modules[i].Name);
            if (Fault(modules[i], map, seed: i, batches) is { } fault)
            {
                faults.Add($"{texts[i]}\n{fault}\n");
            }
        }

        return string.Concat(faults);
    }

    /// <summary>Penalties and their gradient for the parameters that the map has.</summary>
    private static string? PenaltyFault<T>(Module module, Map<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!map.Description.Penalties.SequenceEqual(module.Penalties.Select(penalty => penalty.Name)))
        {
            return $"penalties {string.Join(", ", map.Description.Penalties)}";
        }

        T[] values = new T[module.Penalties.Count], gradient = [.. Enumerable.Repeat(T.One, map.TrainedCount)];
        double sum = map.AddPenalties(gradient, values);
        if (module.PenaltyMap is not { } penalties)
        {
            return sum == 0 && gradient.All(element => element == T.One) ? null : $"penalties {sum} where there are none";
        }

        var interpreter = new Interpreter(penalties, module.Parameters.ToDictionary(parameter => parameter.Name, parameter => Widen(map[parameter.Name].Values)));
        double[] expected = interpreter.Evaluate([1]);
        IReadOnlyList<double[]> slopes = interpreter.Gradient([1], [.. expected.Select(_ => 1.0)]).Parameters;
        double tolerance = (typeof(T) == typeof(float) ? 1e-5 : 1e-12) * (1 + expected.Sum(Math.Abs) + module.Parameters.Sum(parameter => parameter.Length));
        (string What, double Expected, double Found)[] compared =
        [
            ("sum of penalties", expected.Sum(), sum),
            .. expected.Zip(Widen<T>(values), (one, found) => ("penalty", one, found)),
            .. module.Parameters.Zip(slopes).Where(pair => pair.First.Role == Role.Trained).SelectMany(pair => pair.Second.Select((slope, i) =>
                ($"penalty gradient for {pair.First.Name}[{i}]", 1 + slope, double.CreateChecked(gradient[map[pair.First.Name].Info.Offset + i])))),
        ];
        return compared.Where(one => !(Math.Abs(one.Expected - one.Found) <= tolerance)).Select(one => $"{typeof(T).Name}, {one.What}: {one.Found} instead of {one.Expected}").FirstOrDefault();
    }

    /// <summary>Names, shapes and roles as in the module; a gradient has the trained parameters only.</summary>
    private static string? Layout<T>(Module module, Map<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        MapDescription description = map.Description;
        if ((map.Inputs, map.Outputs) != (module.Inputs, module.Outputs))
        {
            return $"sizes {map.Inputs} -> {map.Outputs}";
        }

        if (!module.Parameters.Select(Name).Order().SequenceEqual(description.Parameters.Select(Described).Order()))
        {
            return $"parameters {string.Join(", ", description.Parameters.Select(Described))}";
        }

        int trained = module.Parameters.Where(parameter => parameter.Role == Role.Trained).Sum(parameter => parameter.Length);
        int stored = module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Sum(parameter => parameter.Length);
        if ((map.TrainedCount, map.ParameterCount) != (trained, stored))
        {
            return $"{map.TrainedCount} of {map.ParameterCount} parameters trained instead of {trained} of {stored}";
        }

        ParameterInfo? wrong = description.Parameters.FirstOrDefault(parameter => (parameter.Offset < map.TrainedCount && parameter.Length > 0) != (parameter.Role == Role.Trained));
        return wrong is not null ? $"{wrong.Name}, which is {wrong.Role}, at {wrong.Offset}"
            : module.IsLinear == map is LinearMap<T> ? null
            : module.IsLinear ? "a linear module without an adjoint" : "a module that is not linear as a linear map";

        static string Name(Parameter parameter) => $"{parameter.Role} {parameter.Name}[{string.Join(",", parameter.Shape)}]";
        static string Described(ParameterInfo parameter) => $"{parameter.Role} {parameter.Name}[{string.Join(",", parameter.Shape)}]";
    }

    private static T[] Convert<T>(double[] values, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => [.. values.Take(count).Select(T.CreateChecked)];

    private static double[] Widen<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double[] wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = double.CreateChecked(values[i]);
        }

        return wide;
    }

    /// <summary>The interpreter's side: draws parameters, rows and directions, and what they make.</summary>
    private sealed class Oracle<T>(Module module, Map<T> map, Random random, IReadOnlyList<int> batches, Noise? noise)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly int _most = Math.Max(Expectation.Part, batches.Max());

        public Expectation Expect()
        {
            double[][] values = SetParameters();
            double[][] directions = [.. module.Parameters.Select(parameter => parameter.Role == Role.Trained
                ? Draw(parameter.Length)
                : new double[parameter.Length])];
            double[] x = InputsAwayFromKinks(values), dx = Draw(x.Length), dy = Draw(_most * module.Outputs);

            // Rounding errors are relative to what they round: the same computation without signs and activations.
            return new Expectation(
                module.Inputs,
                module.Outputs,
                module.IsLinear,
                [.. batches],
                [.. module.Parameters.Select(parameter => parameter.Name)],
                values,
                directions,
                x,
                dx,
                dy,
                Results(module, values, x, dx, dy, directions),
                Results(WithoutSigns(module), [.. values.Select(Absolute)], Absolute(x), Absolute(dx), Absolute(dy), [.. directions.Select(Absolute)]));
        }

        private ExpectedResults Results(Module of, double[][] values, double[] x, double[] dx, double[] dy, double[][] directions)
        {
            Interpreter interpreter = Interpret(of, values);
            Interpretation all = interpreter.Interpret(x);

            // The gradients of a batch are those of its rows: the input's side by side, the parameters' summed up.
            double[] input = [];
            double[][] gradient = [.. values.Select(value => new double[value.Length])];
            var gradients = new List<double[][]>();
            int done = 0;
            foreach (int batch in batches)
            {
                double[] part = new double[dy.Length];
                Rows(dy, module.Outputs, done, batch).CopyTo(part, done * module.Outputs);
                InterpretedGradient one = all.Gradient(part);
                input = [.. input, .. Rows(one.Input, module.Inputs, done, batch)];
                gradient = [.. gradient.Zip(one.Parameters, (total, more) => total.Zip(more, (a, b) => a + b).ToArray())];
                gradients.Add(gradient);
                done = batch;
            }

            // A derivative is linear in its direction.
            double[] alongInput = all.Tangent(dx, [.. directions.Select(direction => new double[direction.Length])]);
            double[] alongParameters = all.Tangent(new double[dx.Length], directions);
            return new ExpectedResults(
                all.Value,
                [.. alongInput.Zip(alongParameters, (x, p) => x + p)],
                Rows(alongInput, module.Outputs, 0, Expectation.Part),
                Rows(alongParameters, module.Outputs, 0, Expectation.Part),
                input,
                [.. gradients],
                module.IsLinear ? Numbers.Flat(interpreter.Dense()) : []);
        }

        private Interpreter Interpret(Module of, double[][] values) => new(of, Flat(values)) { Noise = noise is { } step ? (step.Seed, step.Step) : null };

        private double[][] SetParameters()
        {
            // Tables of positions stay as they are drawn.
            map.Initialize(seed: 1);
            using (ParameterEdit<T> edit = map.Edit())
            {
                foreach (Parameter parameter in module.Parameters)
                {
                    if (parameter.Role != Role.Seeded
                        && parameter.Initializer.Distribution is not (Distribution.Whole or Distribution.Distinct))
                    {
                        // Products of many factors neither overflow nor vanish, and what starts as a constant stays near it.
                        Distribution distribution = parameter.Initializer.Distribution;
                        bool isConstant = distribution is Distribution.Constant or Distribution.Identity;
                        double[] centre = isConstant ? Widen(map[parameter.Name].Values) : new double[parameter.Length];
                        bool isRandom = !isConstant && distribution != Distribution.Zeros;
                        double scale = (isRandom ? 1 : 0.2) / Math.Sqrt(parameter.Shape.LastOrDefault(1));
                        double[] values = Numbers.WithProperty(parameter, [.. Numbers.Normal(random, parameter.Length).Select((value, i) => centre[i] + value * scale)]);
                        Convert(values, values.Length).CopyTo(edit[parameter.Name]);
                    }
                }
            }

            return [.. module.Parameters.Select(parameter => Widen(map[parameter.Name].Values))];
        }

        /// <summary>How long the vector is that links make of one of a length.</summary>
        private static int Width(IEnumerable<Link> links, int inputs) => links.Aggregate(inputs, (width, link) => link switch
        {
            LinearLink linear => linear.Operator.Rows,
            BranchLink branches => Width(branches.Branches[0], width),
            ValueLink value => value.Value.Shape.Aggregate(1, (product, extent) => product * extent),
            NonlinearLink function => function.Outputs(width),
            ScanLink scan => scan.Steps * scan.PartGives,
            _ => width,
        });

        /// <summary>Rows for which no rounding moves an argument of a relu, a threshold or a rounding across what it is not smooth at.</summary>
        private double[] InputsAwayFromKinks(double[][] values)
        {
            double[] x = DrawRows(_most);
            (Interpreter Before, NonlinearLink Link, int Width)[] kinks = [.. Kinks([], module.Links).Select(kink =>
            {
                int width = Width(kink.Before, module.Inputs);
                return (Interpret(module with { Links = new(kink.Before), Outputs = width }, values), kink.Link, width);
            })];
            bool[] isNear = [.. Enumerable.Repeat(kinks.Length > 0, _most)];
            for (int attempt = 0; attempt < 50 && isNear.Contains(true); attempt++)
            {
                isNear = new bool[_most];
                foreach ((Interpreter before, NonlinearLink link, int width) in kinks)
                {
                    double[] z = before.Evaluate(x);
                    for (int row = 0; row < _most; row++)
                    {
                        isNear[row] |= IsNearKink(link, Rows(z, width, row, row + 1));
                    }
                }

                for (int row = 0; row < _most; row++)
                {
                    if (isNear[row])
                    {
                        DrawRows(1).CopyTo(x, row * module.Inputs);
                    }
                }
            }

            return x;
        }

        /// <summary>Links that are not smooth, each with those before it.</summary>
        private static IEnumerable<(Link[] Before, NonlinearLink Link)> Kinks(Link[] before, IEnumerable<Link> links)
        {
            foreach (Link link in links)
            {
                foreach ((Link[], NonlinearLink) kink in link switch
                {
                    BranchLink branches => branches.Branches.SelectMany(branch => Kinks(before, branch)),
                    FunctionLink { Function.Name: not ("softmax" or "normalize_rows" or "gelu_exact" or "layer_norm" or "rms_norm" or "logsumexp") } or ActivationLink { Activation: Activation.Relu } => [(before, (NonlinearLink)link)],
                    _ => [],
                })
                {
                    yield return kink;
                }

                before = [.. before, link];
            }
        }

        /// <summary>Whether a small step in either direction makes the value or the derivative jump.</summary>
        private static bool IsNearKink(NonlinearLink link, double[] z)
        {
            double small = Check<T>.Tolerance / 3 * z.Max(Math.Abs);
            var function = new Interpreter(Algebras.ModuleOf("kink", z.Length, link.Outputs(z.Length), link), []);
            double[] weights = [.. Enumerable.Range(0, link.Outputs(z.Length)).Select(i => 1 + ((i * 0.37) % 1))];
            double[] Slope(double[] at) => function.Gradient(at, weights).Input;
            return new[] { -small, small }.Any(step =>
            {
                double[] near = [.. z.Select((value, i) => value == 0 ? 0 : value + (i % 2 == 0 ? step : -step))];
                return Jumps(function.Evaluate(z), function.Evaluate(near), 30 * small) || Jumps(Slope(z), Slope(near), 0.01);
            });

            static bool Jumps(double[] here, double[] there, double most) => here.Zip(there, (a, b) => Math.Abs(a - b)).Any(jump => jump > most);
        }

        /// <summary>Normal numbers that the element type has exactly.</summary>
        private double[] Draw(int count) => Widen(Convert(Numbers.Normal(random, count), count));

        private double[] DrawRows(int rows) => Widen(Convert(Numbers.Rows(module, random, rows), rows * module.Inputs));

        private static T[] Convert(double[] values, int count) => Convert<T>(values, count);

        private static double[] Absolute(double[] values) => [.. values.Select(Math.Abs)];

        private static double[] Flat(double[][] values) => [.. values.SelectMany(value => value)];

        private static double[] Rows(double[] values, int width, int first, int end) => values[(first * width)..(end * width)];

        /// <summary>The module with positive numbers and no activations, none of which makes its argument or a derivative much larger.</summary>
        private static Module WithoutSigns(Module module) => module with { Links = WithoutSigns(module.Links, module.Inputs) };

        private static EquatableArray<Link> WithoutSigns(EquatableArray<Link> links, int width)
        {
            var kept = new List<Link>();
            foreach (Link link in links)
            {
                Link? same = link switch
                {
                    LinearLink linear => new LinearLink(WithoutSigns(linear.Operator).MapTensors(WithoutSigns)),
                    ValueLink value => new ValueLink(value.Value.Map(WithoutSigns)),
                    BranchLink branches => branches with { Branches = new(branches.Branches.Select(branch => WithoutSigns(branch, width))) },
                    ScanLink scan => scan with { Step = WithoutSigns(scan.Step, scan.Given) },
                    FunctionLink { Function.ReducesRows: true, Length: var length } => new LinearLink(new Kronecker(EquatableArray.Of<Operator>(
                        new Identity(width / length), new Matrix(new FormulaTensor(EquatableArray.Of(1, length), new FormulaNumber(1)))))),
                    NonlinearLink => null,
                    _ => link,
                };
                kept.AddRange(same is null ? [] : [same]);
                width = Width([link], width);
            }

            return kept.ToEquatable();
        }

        private static Operator WithoutSigns(Operator node) => node.MapOperands(WithoutSigns) switch
        {
            Scaled scaled => scaled with { Factor = Math.Abs(scaled.Factor) },
            Einsum einsum => einsum with { Coefficient = Math.Abs(einsum.Coefficient) },
            Fourier transform => new Matrix(new FormulaTensor(EquatableArray.Of(transform.Rows, transform.Columns), new FormulaNumber(transform.IsInverse ? 2.0 / transform.Size : 1))),
            WalshHadamard transform => new Matrix(new FormulaTensor(EquatableArray.Of(transform.Size, transform.Size), new FormulaNumber(1))),
            Operator same => same,
        };

        private static TensorExpression WithoutSigns(TensorExpression tensor) => tensor switch
        {
            EinsumTensor einsum => einsum with { Terms = new(einsum.Terms.Select(term => term with { Coefficient = Math.Abs(term.Coefficient) })) },
            AppliedTensor applied when applied.Argument.Shape.Aggregate(1, (product, extent) => product * extent) is var width =>
                applied with { Links = WithoutSigns(applied.Links, width) is { Count: > 0 } links ? links : EquatableArray.Of<Link>(new LinearLink(new Identity(width))) },
            _ => tensor,
        };
    }

    /// <summary>The map's side.</summary>
    private sealed class Check<T>(Expectation expected, Map<T> map, Noise? noise)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        /// <summary>A few hundred roundings, of the largest numbers that can meet in a sum.</summary>
        public static readonly double Tolerance = 300 * double.CreateChecked(T.BitIncrement(T.One) - T.One);

        private readonly ExpectedResults _exact = expected.Exact, _bound = expected.Bound;

        public string? Fault { get; private set; }

        public void Run()
        {
            SetParameters();
            for (int i = 0; i < expected.Batches.Length; i++)
            {
                int batch = expected.Batches[i];
                using GuardedArray<T> tx = new(Convert(expected.X, batch * expected.Inputs)), tdx = new(Convert(expected.Dx, batch * expected.Inputs));
                using GuardedArray<T> tdy = new(Convert(expected.Dy, batch * expected.Outputs)), flatDirection = new(Trained(expected.Directions));

                if (noise is { } step)
                {
                    Compare($"forward with noise, batch {batch}", _exact.Value, _bound.Value, Output(batch * expected.Outputs, result => map.Forward(tx.Span, result, step)));
                    using GuardedArray<T> flat = new(new T[map.TrainedCount]);
                    T[] dx = Output(batch * expected.Inputs, result => map.Gradient(tx.Span, tdy.Span, result, flat.Span, step));
                    Compare($"gradient for x with noise, batch {batch}", _exact.Input, _bound.Input, dx);
                    CompareParameters($"with noise, batch {batch}", 1, flat.Span, _exact.Gradients[i], _bound.Gradients[i]);
                    continue;
                }

                Compare($"forward, batch {batch}", _exact.Value, _bound.Value, Output(batch * expected.Outputs, result => map.Forward(tx.Span, result)));
                CompareGradients(batch, tx, tdy, _exact.Gradients[i], _bound.Gradients[i]);
                using var value = new GuardedArray<T>(batch * expected.Outputs);
                T[] derivative = Output(batch * expected.Outputs, result => map.Tangent(tx.Span, tdx.Span, flatDirection.Span, value.Span, result));
                Compare($"tangent, batch {batch}", _exact.Tangent, _bound.Tangent, derivative);
                Compare($"value beside the tangent, batch {batch}", _exact.Value, _bound.Value, value.Span.ToArray());
                if (map is LinearMap<T> linear)
                {
                    T[] adjoint = Output(batch * expected.Inputs, result => linear.Adjoint(tdy.Span, result));
                    Compare($"adjoint, batch {batch}", _exact.Input, _bound.Input, adjoint);
                }
            }

            if (noise is not null)
            {
                return;
            }

            CheckParts();
            if (map is LinearMap<T> matrix)
            {
                Compare("dense", _exact.Dense, _bound.Dense, Output(expected.Outputs * expected.Inputs, matrix.ToDense));
            }
        }

        /// <summary>What was drawn at the start, tables and seeded numbers, is drawn again.</summary>
        private void SetParameters()
        {
            map.Initialize(seed: 1);
            using (ParameterEdit<T> edit = map.Edit())
            {
                for (int k = 0; k < expected.Names.Length; k++)
                {
                    Initializer start = map[expected.Names[k]].Info.Initializer;
                    if (map[expected.Names[k]].Info.Role != Role.Seeded && start.Distribution is not (Distribution.Whole or Distribution.Distinct))
                    {
                        Convert(expected.Values[k], expected.Values[k].Length).CopyTo(edit[expected.Names[k]]);
                    }
                }
            }

            for (int k = 0; k < expected.Names.Length; k++)
            {
                Compare($"the numbers of {expected.Names[k]}", expected.Values[k], expected.Values[k], map[expected.Names[k]].Values.ToArray());
            }
        }

        private void CompareGradients(
            int batch, GuardedArray<T> x, GuardedArray<T> dy, double[][] gradient, double[][] gradientSize)
        {
            using GuardedArray<T> flat = new(new T[map.TrainedCount]);
            T[] dx = Output(batch * expected.Inputs, result => map.Gradient(x.Span, dy.Span, result, flat.Span));
            Compare($"gradient for x, batch {batch}", _exact.Input, _bound.Input, dx);
            CompareParameters($"batch {batch}", 1, flat.Span, gradient, gradientSize);

            // It is added to, and each of its two results may be left out.
            map.Gradient(x.Span, dy.Span, [], flat.Span);
            CompareParameters($"batch {batch}, added to", 2, flat.Span, gradient, gradientSize);
            dx = Output(batch * expected.Inputs, result => map.Gradient(x.Span, dy.Span, result, []));
            Compare($"gradient for x alone, batch {batch}", _exact.Input, _bound.Input, dx);
        }

        private void CompareParameters(string what, double factor, ReadOnlySpan<T> flat, double[][] gradient, double[][] gradientSize)
        {
            double total = Math.Sqrt(gradientSize.Select((size, k) => Math.Pow(factor * Size(size, gradient[k]), 2)).Sum());
            for (int k = 0; k < expected.Names.Length; k++)
            {
                ParameterInfo info = map[expected.Names[k]].Info;
                if (info.Role == Role.Trained)
                {
                    double[] sum = [.. gradient[k].Select(value => factor * value)];

                    // What cancels out altogether is as exact as the terms that did.
                    double size = Math.Max(factor * Size(gradientSize[k], gradient[k]), 1e-3 * total);
                    Compare($"gradient for {info.Name}, {what}", sum, size, flat.Slice(info.Offset, info.Length).ToArray());
                }
            }
        }

        /// <summary>A tangent along x alone, and along the parameters alone.</summary>
        private void CheckParts()
        {
            const int Part = Expectation.Part;
            using GuardedArray<T> tx = new(Convert(expected.X, Part * expected.Inputs)), tdx = new(Convert(expected.Dx, Part * expected.Inputs));
            int length = Part * expected.Outputs;
            Compare(
                "tangent along x", _exact.AlongInput, _bound.AlongInput, Output(length, result => map.Tangent(tx.Span, tdx.Span, [], [], result)));
            using GuardedArray<T> flat = new(Trained(expected.Directions));
            Compare(
                "tangent along the parameters",
                _exact.AlongParameters,
                _bound.AlongParameters,
                Output(length, result => map.Tangent(tx.Span, [], flat.Span, [], result)));
        }

        /// <summary>Runs something that fills a span of NaN, and sees that it writes all of it and nothing beside it.</summary>
        private T[] Output(int length, Action<Span<T>> fill)
        {
            const int Margin = 16;
            int behind = Guards.AreOn ? 0 : Margin;
            using var buffer = new GuardedArray<T>(Margin + length + behind);
            fill(buffer.Span.Slice(Margin, length));
            T[] all = buffer.Span.ToArray();
            if (!all.Take(Margin).Concat(all.Skip(Margin + length)).All(T.IsNaN))
            {
                Fail("written beside the result");
            }

            return all[Margin..^behind];
        }

        private void Compare(string what, double[] right, double[] bound, T[] actual)
        {
            right = right[..actual.Length];
            Compare(what, right, Size(bound[..actual.Length], right), actual);
        }

        /// <summary>Of what meets in sums; of what comes out, where a recurrence without its signs leaves the range of numbers.</summary>
        private static double Size(double[] bound, double[] right) => Numbers.Norm(bound) is var size && double.IsFinite(size) ? Math.Max(size, Numbers.Norm(right)) : Numbers.Norm(right);

        /// <summary>Activations and roundings have errors of their own, and flat ones leave little to compare them with.</summary>
        private double Floor => expected.IsLinear ? 0 : 0.5;

        private void Compare(string what, double[] right, double size, T[] actual)
        {
            size = Math.Max(size, Floor * Math.Sqrt(actual.Length));
            double error = Numbers.Norm(right.Zip(Widen(actual), (e, a) => e - a));
            if (!(error <= Tolerance * size))
            {
                Fail($"{what}: an error of {error:G3} beside values of {Numbers.Norm(right):G3} and a bound of {Tolerance * size:G3}");
            }
        }

        private void Fail(string what) => Fault ??= $"{typeof(T).Name}, {what}";

        /// <summary>A direction over the parameters in the layout of a gradient.</summary>
        private T[] Trained(double[][] perParameter)
        {
            T[] flat = new T[map.TrainedCount];
            for (int k = 0; k < perParameter.Length; k++)
            {
                ParameterInfo info = map[expected.Names[k]].Info;
                if (info.Role == Role.Trained)
                {
                    Convert(perParameter[k], info.Length).CopyTo(flat, info.Offset);
                }
            }

            return flat;
        }

        private static T[] Convert(double[] values, int count) => Convert<T>(values, count);
    }
}
