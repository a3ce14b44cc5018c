using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Oracle;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Syntax;
using Weft.Compiler.Targets.Cpu;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Inputs and outputs with names and shapes, and positions that inputs hold.</summary>
public class PortTests
{
    private delegate void ForwardByName(ReadOnlySpan<int> token, ReadOnlySpan<double> x, Span<double> y, Span<double> z);

    private delegate void GradientByName(ReadOnlySpan<int> token, ReadOnlySpan<double> x, ReadOnlySpan<double> dy, ReadOnlySpan<double> dz, Span<double> dx, Span<double> gradient);

    private delegate double LossByName(ReadOnlySpan<int> token, ReadOnlySpan<double> x, MeanSquaredError<double> loss, Span<double> dx, Span<double> gradient);

    /// <summary>A layer with everything beside everything: two inputs, two outputs, a lookup, a gather, a scatter.</summary>
    private const string Both = """
        layer both : token[2] < 5, x[3, 4] -> y[2, 4], z[5, 4]
          param E[5, 4], W[3, 2], s
          y[i, c] = s * E[token[i], c] + W[j, i] * x[j, c]
          z[token[i], c] += x[token[i] % 3, c] + E[token[i], c] * s
        """;

    public static TheoryData<string> Layers =>
    [
        Both,
        """
        // Inputs of numbers alone, of which one hides the name of the row.
        layer numbers : memory[4, 3], x[2, 3] -> y[2, 3]
          param A[3, 3]
          let s[i, j] = A[a, b] * x[i, a] * memory[j, b]
          let p = softmax(s)
          let m = tanh(memory)
          y[i, a] = p[i, j] * memory[j, a] + m[0, a] * x[i, a]
        """,
        """
        // Links of a chain on one input, and on all of them side by side.
        layer chains : a[3], b[2, 2] -> y[4]
          let h = gelu . bias . dense(4, 3) . a
          let g = dense(4, 4) . b
          y[i] = h[i] * g[i]
        layer beside : a[3], b[2, 2] -> 5 = bias . dense(5, 4) . chains
        """,
        """
        // Positions that go through calls: of all inputs, of one, in a model, in branches, for a second part of the row.
        layer first(v, t, n) : token[t] < v -> t * n = embedding(v, t, n)
        layer words : x[4], token[3] < 7 -> 6
          let e = first(7, 3, 2) . token
          let q = add(embedding_bag(7, 3, 6), dense(6, 6) . first(9, 3, 2)) . token
          y[i] = e[i] + q[i] * x[0]
        model net : x[4], token[3] < 7 -> 2
          layer stem = tanh . words
          layer head = dense(2, 6)
        """,
        """
        // Arithmetic of all kinds; axes around the position; an index twice; a number for an index; places that are sums.
        layer arithmetic : token[3, 2] < 10, start[1] < 4 -> 12
          param A[10, 4, 3], B[2, 10, 3, 2], C[40], D[13], F[6, 10], G[3, 10, 5]
          let k[i, j] = (hash(token[i, j], 3 * i + j, 5) % 6)
          y[c l:4] = A[token[1, 0], l, c] + B[j, token[i, j], c, 0] * D[token[2 - i, 1] + i] * (l >= j)
            + C[(token[i, j] + 3) * 4 % 40] * A[max(token[i, j], 4), l, c] + F[k[i, j], 9 - token[i, j]] * A[floor(token[i, j] / 3), l, c]
            + G[c, token[c, j], j + l] + (start[0] >= l) * D[start[0] + c] - A[token[i, 0], 3 - l, i] * (c >= 1)
        """,
        """
        // What is added at positions: of values, of parameters, under an outer axis, at two positions at once, and read again.
        layer adds : place[6] < 4, row[6] < 3, x[6, 2] -> y[2, 3, 4], z[4]
          param P[6], W[2, 2]
          let sums[place[i], c] += x[i, c] * P[i]
          let counts[place[i]:5] += P[i]
          let lines[c, (place[i] + row[i]):6] += W[c, d] * x[i, d] - x[i, c]
          y[c, row[i], place[i]] += x[i, c] * sums[place[i], c] + counts[place[i]] * lines[c, i]
          z[j] = counts[3] * sums[j, 1] + counts[4] * sums[j, 0]
        """,
        """
        // A number that depends on positions, in a value and as what another divides by; and an input that nothing reads.
        layer masks : token[4] < 6, x[4, 2], unused[3] < 2 -> y[2]
          param E[6, 2]
          y[c] = (token[i] != 2) * x[i, c] * E[token[i], c] / (token[i] + 1) - 0.5 * token[3] * x[0, c]
        """,
        """
        // Several outputs of one vector, and names that C# and the method have too.
        layer outputs : x[4] -> rows[2], gradient[3], in[1]
          param A[2, 4], B[3, 4]
          rows[i] = A[i, j] * x[j]
          gradient[i] = B[i, j] * x[j]
          in[i] = (i >= 0) * x[2] * x[3]
        """,
        """
        layer keywords : class[2] < 3, loss[2] -> 2
          param A[3]
          y[i] = A[class[i]] * loss[i]
        """,
        """
        // Rows of a table in a short format, of a frozen one, and of what is made of a parameter.
        layer tables : token[5] < 9 -> y[5, 4]
          frozen(int8) A[9, 4]
          param(bf16) B[9, 4]
          frozen C[9, 4]
          param D[9, 3], F[3, 4]
          let G[v, c] = D[v, r] * F[r, c]
          y[i, c] = A[token[i], c] * B[token[i], c] + C[token[i], c] * G[token[i], c]
        """,
    ];

    [Theory]
    [MemberData(nameof(Layers))]
    public void AreAsDefined(string text) => FormulaBattery.AssertHolds(TestModules.Last(text));

    /// <summary>The text of a layer's tree is the layer.</summary>
    [Theory]
    [MemberData(nameof(Layers))]
    public void ArePrintedAsWritten(string text)
    {
        string printed = SyntaxPrinter.Print(TestModules.File(text).Syntax);
        Assert.Equal(printed, SyntaxPrinter.Print(TestModules.File(printed).Syntax));
        Assert.Equal(AlgebraPrinter.Print(TestModules.Last(text)), AlgebraPrinter.Print(TestModules.Last(printed)));
    }

    [Fact]
    public void DerivativesAreThoseOfDifferences()
    {
        Module module = TestModules.Last(Both);
        var random = new Random(7);
        Dictionary<string, double[]> values = Numbers.Values(module, random);
        double[] x = Numbers.Rows(module, random, 1), dx = Numbers.Normal(random, module.Inputs), dy = Numbers.Normal(random, module.Outputs);
        InterpretedGradient gradient = new Interpreter(module, values).Gradient(x, dy);

        // The whole numbers have no derivative; the others are moved.
        Assert.Equal([0, 0], gradient.Input[..2]);
        const double Step = 1e-5;
        double Along(int sign) => new Interpreter(module, values).Evaluate([.. x[..2], .. x[2..].Zip(dx[2..], (value, change) => value + (sign * Step * change))]).Zip(dy, (a, b) => a * b).Sum();
        Assert.Equal((Along(1) - Along(-1)) / (2 * Step), gradient.Input[2..].Zip(dx[2..], (a, b) => a * b).Sum(), 1e-6);
        for (int k = 0; k < module.Parameters.Count; k++)
        {
            string name = module.Parameters[k].Name;
            double At(int i, double step) => new Interpreter(module, new Dictionary<string, double[]>(values) { [name] = [.. values[name].Select((value, j) => j == i ? value + step : value)] })
                .Evaluate(x).Zip(dy, (a, b) => a * b).Sum();
            Assert.All(Enumerable.Range(0, values[name].Length), i => Assert.Equal((At(i, Step) - At(i, -Step)) / (2 * Step), gradient.Parameters[k][i], 1e-6));
        }
    }

    [Fact]
    public void SpansByNameAreTheRowsOneBehindTheOther()
    {
        Module module = TestModules.Last(Both);
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: Scalar.Double))]);
        using Map<double> map = assembly.Create<double>("F");
        map.Initialize(3);
        const int Batch = 5;
        double[] rows = Numbers.Rows(module, new Random(1), Batch), results = new double[Batch * module.Outputs], dResults = Numbers.Normal(new Random(2), results.Length);
        int[] token = [.. Part(rows, 14, 0, 2).Select(number => (int)number)];
        double[] x = Part(rows, 14, 2, 12), y = new double[Batch * 8], z = new double[Batch * 20];
        map.Forward(rows, results);
        Method<ForwardByName>(map, "Forward")(token, x, y, z);
        Assert.Equal(Part(results, 28, 0, 8), y);
        Assert.Equal(Part(results, 28, 8, 20), z);

        double[] dRows = new double[rows.Length], gradient = new double[map.TrainedCount], dx = new double[x.Length], byName = new double[map.TrainedCount];
        map.Gradient(rows, dResults, dRows, gradient);
        GradientByName gradients = Method<GradientByName>(map, "Gradient");
        gradients(token, x, Part(dResults, 28, 0, 8), Part(dResults, 28, 8, 20), dx, byName);
        Assert.All(Part(dRows, 14, 0, 2), zero => Assert.Equal(0, zero));
        Assert.Equal(Part(dRows, 14, 2, 12), dx);
        Assert.Equal(gradient, byName);
        Array.Clear(byName);
        gradients(token, x, Part(dResults, 28, 0, 8), Part(dResults, 28, 8, 20), [], byName);
        Assert.Equal(gradient, byName);

        var loss = new MeanSquaredError<double>(dResults);
        double[] ofLoss = new double[map.TrainedCount], ofLossByName = new double[map.TrainedCount];
        Assert.Equal(map.LossGradient(rows, loss, dRows, ofLoss), Method<LossByName>(map, "LossGradient")(token, x, loss, dx, ofLossByName));
        Assert.Equal(Part(dRows, 14, 2, 12), dx);
        Assert.Equal(ofLoss, ofLossByName);

        // What does not fit is refused before anything is written.
        Array.Fill(y, 7);
        Assert.Contains("x has 59 elements; 60 are expected (5 × 12)", Assert.Throws<ArgumentException>(() => Method<ForwardByName>(map, "Forward")(token, x[1..], y, z)).Message, StringComparison.Ordinal);
        Assert.Contains("z has 99 elements", Assert.Throws<ArgumentException>(() => Method<ForwardByName>(map, "Forward")(token, x, y, z.AsSpan(1))).Message, StringComparison.Ordinal);
        Assert.Contains("token has 9 elements; rows of 2", Assert.Throws<ArgumentException>(() => Method<ForwardByName>(map, "Forward")(token.AsSpan(1), x, y, z)).Message, StringComparison.Ordinal);
        token[3] = 5;
        Assert.Contains("token of row 1 of the batch holds 5 at 1", Assert.Throws<ArgumentException>(() => Method<ForwardByName>(map, "Forward")(token, x, y, z)).Message, StringComparison.Ordinal);
        Assert.All(y, number => Assert.Equal(7, number));

        static double[] Part(double[] rows, int width, int start, int length) => [.. Enumerable.Range(0, rows.Length / width).SelectMany(row => rows.Skip((row * width) + start).Take(length))];

        static T Method<T>(Map<double> map, string name)
            where T : Delegate
        {
            Type[] types = [.. typeof(T).GetMethod("Invoke")!.GetParameters().Select(parameter => parameter.ParameterType)];
            System.Reflection.MethodInfo method = map.GetType().GetMethods().Single(method => method.Name == name && method.DeclaringType == map.GetType());
            return (method.IsGenericMethodDefinition ? method.MakeGenericMethod(typeof(MeanSquaredError<double>)) : method).CreateDelegate<T>(map);
        }
    }

    /// <summary>Every pass refuses what is no position, names it, and writes nothing.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    [InlineData(1e30)]
    public void WhatIsNoPosition_IsNamed(double wrong)
    {
        Module module = TestModules.Last(Both);
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: Scalar.Double))]);
        using Map<double> map = assembly.Create<double>("F");
        map.Initialize(3);
        const int Batch = 9;
        double[] x = Numbers.Rows(module, new Random(1), Batch), y = [.. Enumerable.Repeat(7.0, Batch * map.Outputs)], dx = new double[x.Length], gradient = new double[map.TrainedCount];
        x[(6 * 14) + 1] = wrong;
        string expected = FormattableString.Invariant($"token of row 6 of the batch holds {wrong} at 1: expected a whole number from 0 to 4.");
        void Refuses(Action pass) => Assert.StartsWith(expected, Assert.Throws<ArgumentException>("x", pass).Message, StringComparison.Ordinal);

        Refuses(() => map.Forward(x, y));
        Refuses(() => map.Gradient(x, new double[y.Length], dx, gradient));
        Refuses(() => map.LossGradient(x, new MeanSquaredError<double>(new double[y.Length]), gradient));
        Refuses(() => map.Tangent(x, dx, [], y, new double[y.Length]));
        Assert.All(y, number => Assert.Equal(7, number));
        Assert.All(gradient.Concat(dx), number => Assert.Equal(0, number));
    }

    /// <summary>What is looked up costs what is read: no pass has a step, or room, of the table's length.</summary>
    [Theory]
    [InlineData("embedding(1000000, 4, 8)")]
    [InlineData("embedding_bag(1000000, 4, 8)")]
    [InlineData("hashed_embedding(1000000, 4, 8, 500000, 2)")]
    [InlineData("product_quantized(4, 3, 100000, 8)")]
    [InlineData("shacira(1000000, 4, 8, 3)")]
    public void NothingIsAsLongAsATable(string formula)
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module), new Variant(new CostModel(16), 4));
        Storage[] tables = [.. schedule.Storages.Where(storage => storage.Length >= 100000)];
        Assert.All(tables, storage => Assert.True(storage.IsParameter, storage.ToString()));
        Assert.NotEmpty(tables);
        Assert.All(
            schedule.Forward.Concat(schedule.Reverse).Concat(schedule.Tangent).Concat(schedule.Prepare).Concat(schedule.PrepareGradient).Concat(schedule.PrepareTangent).Where(step => step.Places.Any(place => tables.Contains(place.Storage))),
            step => Assert.IsType<GatherStep>(step));
    }

    /// <summary>A row of a product quantizer is read at one position for each of its books, not at all pairs.</summary>
    [Fact]
    public void AnIndexThatStandsTwiceIsOne()
    {
        LoweredModule lowered = Lowering.Lower(TestModules.Formula("product_quantized(9, 4, 16, 5)"));
        Assert.Equal(new GatherShape(1, 64, 36, 5), Assert.Single(lowered.Statements.OfType<GatherStatement>()).Shape);
    }

    /// <summary>A part of a row is read where it lies.</summary>
    [Fact]
    public void InputsAreNotCopied()
    {
        LoweredModule lowered = Lowering.Lower(TestModules.Last("layer f : x[4, 3], token[5] < 4 -> y[5, 3]\n  y[i, c] = x[token[i], c] * x[0, c]"));
        GatherStatement gather = Assert.IsType<GatherStatement>(lowered.Statements[0]);
        Assert.Equal((lowered.Input, 0, lowered.Input, 12), (gather.Source.Tensor, gather.Source.Offset, gather.Table.Tensor, gather.Table.Offset));
        Assert.Equal(2, lowered.Statements.Count);
    }

    /// <summary>The method by names, and the passes forward and back.</summary>
    [Fact]
    public void WhatIsMadeOfThem()
    {
        string code = ModuleCompiler.Compile(TestModules.Last(Both), new GenerateOptions("Both")).Code;
        Snapshot.Match(Between("    /// <summary>The value for each row", "    /// <summary>The gradients for") + Between("        public override void ForwardRows", "        public override void TangentRows"));

        string Between(string start, string end) => code[code.IndexOf(start, StringComparison.Ordinal)..code.IndexOf(end, StringComparison.Ordinal)];
    }

    [Fact]
    public void DevicesLackThem_WithAWarning()
    {
        GeneratedType type = ModuleCompiler.Compile(TestModules.Last(Both), new GenerateOptions("F", Targets: DeviceTargets.OpenCl));
        Assert.Equal("'F' runs on the processor only: devices do not have positions by data", type.Warning!.Message);

        // Inputs of numbers are parts of a row like others.
        Assert.Null(ModuleCompiler.Compile(TestModules.Last("layer f : a[3], b[3] -> y[3]\n  y[i] = a[i] * b[i]"), new GenerateOptions("F", Targets: DeviceTargets.OpenCl)).Warning);
    }

    /// <summary>A float does not hold all positions of a very long table, a double does.</summary>
    [Fact]
    public void PositionsBeyondTheNumbersOfAFloat_AreRefused()
    {
        Module module = TestModules.Last("layer f : token[3] < 20000000 -> y[3]\n  param E[20000000]\n  y[i] = E[token[i]]");
        Assert.Equal("WEFT0133", Assert.Throws<Weft.Compiler.Text.CompilationException>(() => ModuleCompiler.Compile(module, new GenerateOptions("F"))).At("", default).Id);
        Assert.NotEmpty(ModuleCompiler.Compile(module, new GenerateOptions("F", Scalar: Scalar.Double)).Code);
    }

    /// <summary>Parts of a row meet whatever the ports are that they belong to, and however long they are.</summary>
    [Theory]
    [InlineData(true, "a 0 6 5", "b 0 6 5")]
    [InlineData(true, "a 0 6 5", "b 0 2 7; c 2 4 5")]
    [InlineData(true, "a 0 2 3; b 2 4 5", "c 0 6 5")]
    [InlineData(true, "a 0 1000000000 5", "b 0 500000000 5; c 500000000 500000000 6")]
    [InlineData(false, "a 0 6 5", "b 0 6 4")]
    [InlineData(false, "a 0 6 5", "b 0 5 5")]
    [InlineData(false, "a 0 2 5; b 3 3 5", "c 0 6 5")]
    [InlineData(false, "a 0 6 5", "b 0 2 5; c 3 3 5")]
    [InlineData(false, "a 0 6 0", "b 0 6 5")]
    [InlineData(true, "a 0 6 0", "b 0 3 0; c 3 3 0")]
    public void WhatIsGivenMeetsWhatIsNeeded(bool meets, string given, string needed)
    {
        Assert.Equal(meets, Port.Meet(Ports(given), Ports(needed)));

        static IEnumerable<Port> Ports(string text) => text.Split("; ").Select(port => port.Split(' ')).Select(part =>
            new Port(part[0], new([int.Parse(part[2])]), int.Parse(part[1]), int.Parse(part[3])));
    }

    [Theory]
    [InlineData("operator f : x[3] -> 3 = eye(3)", "1:14 WEFT0110 expected a size, such as 't * n', found inputs with names, which a layer has")]
    [InlineData("layer f : x[3], 4 -> 3 = dense(3, 7)", "1:17 WEFT0110 expected an input with a name and a shape, such as 'x[n]', found '4'")]
    [InlineData("layer f : token[3] < 5 -> y[3] < 2\n  y[i] = token[i]", "1:27 WEFT0110 expected 'y[…]', an output, which holds numbers, found 'y[3] < 2'")]
    [InlineData("layer f : x[3], x[4] -> 3 = dense(3, 7)", "1:17 WEFT0101 'x' is already declared here")]
    [InlineData("layer f : token[3] < 0 -> y[3]\n  param E[5]\n  y[i] = E[token[i]]", "1:22 WEFT0112 expected a size from 1 to 2147483647, found 0")]
    [InlineData("layer f : token[3] < 6 -> 15 = embedding(5, 3, 5)", "1:11 WEFT0110 expected the positions that the body takes: token[3] < 5, found 'token[3] < 6'")]
    [InlineData("layer f : 3 -> 15 = embedding(5, 3, 5)", "1:11 WEFT0110 expected the positions that the body takes: token[3] < 5, found '3'")]
    [InlineData("layer f : token[3] < 5 -> 4 = dense(4, 3)", "1:11 WEFT0110 expected numbers, as the body takes no positions, found 'token[3] < 5'")]
    [InlineData("layer f : 3 -> 3 = embedding(5, 3, 1) . relu", "1:20 WEFT0110 expected a link that takes numbers, found 'embedding(5, 3, 1)', which takes positions, token[3] < 5: it is applied first, to inputs that are declared so")]
    [InlineData("model f : 3 -> 3\n  layer a = relu\n  layer b = embedding(5, 3, 1)", "3:13 WEFT0110 expected a link that takes numbers, found 'embedding(5, 3, 1)', which takes positions, token[3] < 5: it is applied first, to inputs that are declared so")]
    [InlineData("layer f : x[3] -> 3 = embedding(5, 3, 1) . x", "1:44 WEFT0110 expected token[3] < 5 for 'embedding(5, 3, 1)', found 'x', which holds numbers")]
    [InlineData("layer f : token[3] < 5 -> 3 = relu . token", "1:38 WEFT0110 expected numbers for 'relu', found 'token', which holds positions below 5")]
    [InlineData("layer f : token[3] < 5 -> 3 = token", "1:31 WEFT0110 expected a value, found positions [3] < 5, which stand where a tensor is read: 'E[token[i], c]'")]
    [InlineData("layer f : token[3] < 5 -> 3 = add(embedding(5, 3, 1), eye(3))", "1:55 WEFT0110 expected a chain that takes token[3] < 5 too, found one that takes numbers")]
    [InlineData("layer f : 6 -> 6 = each(i < 2) embedding(5, 3, 1)", "1:32 WEFT0110 expected links that take numbers for each part, found 'embedding(5, 3, 1)', which takes positions, token[3] < 5")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  param E[4, 2]\n  y[i] = E[token[i], c]", "3:12 WEFT0119 'token[i]', from 0 to 4 is out of range: expected 0 to 3")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  param E[5, 2]\n  y[i] = E[token[i] + 1, c]", "3:12 WEFT0119 'token[i] + 1', from 1 to 5 is out of range: expected 0 to 4")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  param E[5, 2]\n  y[i] = E[token[i] / 2, c]", "3:12 WEFT0110 expected whole numbers, by + - * % and floor, min, max and hash of positions, indices and whole numbers, found 'token[i] / 2'")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  param E[5]\n  y[i] = E[token[i, 0]]", "3:12 WEFT0110 expected 1 index for token : [3], found 'token[i, 0]'")]
    [InlineData("layer f : token[3] < 5 -> y[2]\n  param E[5]\n  y[i] = E[token[i + 2]]", "3:18 WEFT0119 'i + 2', from 2 to 3 is out of range: expected 0 to 2")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  frozen S[3] ~ whole(5)\n  param E[5, 5]\n  y[i] = E[token[i], S[i]]", "4:22 WEFT0123 a table stands beside positions by data: read the tensor by the table in a 'let' first")]
    [InlineData("layer f : token[3] < 5, x[3] -> y[5]\n  y[token[i]] = x[i]", "2:3 WEFT0123 what goes to one position is added up: write '+=' where a position by data is on the left")]
    [InlineData("layer f : x[3] -> y[3]\n  y[i] += x[i]", "2:3 WEFT0123 '+=' is for positions by data on the left: write '=', which sums over every index that is not on the left")]
    [InlineData("layer f : token[3] < 5, x[3] -> 3\n  let z[token[i] + 1] += x[i]\n  y[i] = z[i]", "2:9 WEFT0123 the length of the axis of 'token[i] + 1' is not known: state it as '(token[i] + 1):4'")]
    [InlineData("layer f : token[3] < 5, x[3] -> y[5]\n  y[token[i]] += x[j]", "2:18 WEFT0123 the index 'i' of the result stands nowhere in this term; for one that is the same for each i write (i >= 0) * before it")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  let v = relu(token)\n  y[i] = v[i]", "2:16 WEFT0110 expected a tensor for 'relu(T)', found positions [3] < 5, which stand where a tensor is read: 'E[token[i], c]'")]
    [InlineData("layer f : token[3] < 5 -> y[3]\n  param E[7]\n  let b[i] = (token[i] / 2)\n  y[i] = E[b[i]]", "3:14 WEFT0110 expected whole numbers from 0 on, by + - * % and floor, min, max and hash of positions, indices and whole numbers, found '(token[i] / 2)'")]
    [InlineData("layer f : x[3] -> y[3], z[4]\n  y[i] = x[i]", "1:25 WEFT0008 the output 'z' has no body: expected 'z[…] = …'")]
    [InlineData("layer f : x[3] -> y[3], z[3]\n  y[i] = x[i]\n  w[i] = x[i]", "3:3 WEFT0005 expected an output of the layer: 'y', 'z', found 'w'")]
    [InlineData("layer f : x[3] -> y[3]\n  y[i] = x[i]\n  y[i] = x[i]", "3:3 WEFT0009 'y' already has a body")]
    [InlineData("layer f : x[3] -> y[3, 2]\n  y[i] = x[i]", "2:5 WEFT0110 expected 2 indices separated by commas for an output [3, 2], found 1")]
    [InlineData("layer f : x[3] -> y[4]\n  y[i] = x[i]", "2:12 WEFT0120 axis 0 of x has extent 3, but index 'i' has extent 4 by axis 0 of the output")]
    [InlineData("layer f : a[50000, 50000] -> 1 = dense(1, 1)", "1:11 WEFT0112 expected a size from 1 to 2147483647, found a row of 2147483648 elements or more")]
    public void MistakesAreNamed(string text, string expected) => Assert.Equal([expected], TestModules.Diagnostics(text));
}
