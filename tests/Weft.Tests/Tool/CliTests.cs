using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Google.Protobuf;
using Weft.Compiler.Binding;
using Weft.Dynamic;
using Weft.Onnx;
using Weft.Tool;

namespace Weft.Tests.Tool;

public sealed class CliTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    [Fact]
    public void Check_OfAGoodFileSaysNothing()
    {
        string file = Write("good.weft", "operator square : 4 -> 4 = dense(4, 4)\n");

        Assert.Equal((0, "", ""), Run("check", file));
    }

    [Fact]
    public void Check_PrintsEachDiagnosticAtItsPlace()
    {
        string good = Write("good.weft", "operator square : 4 -> 4 = dense(4, 4)\n");
        string bad = Write("bad.weft", "// a comment\noperator first : 4 -> 4 = dens(4, 4)\n");

        (int exitCode, string output, string error) = Run("check", good, bad);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Matches(@"^.*bad\.weft\(2,27\): error WEFT\d{4}: .*dens.*\n$", error);
    }

    /// <summary>What a build would find, and explain, at the same place.</summary>
    [Theory]
    [InlineData("dirsum(dense(40000, 40000), dense(40000, 40000))", "80000 -> 80000", "the parameters of 'large' would have 3200000000 elements: the limit is 2147483575")]
    [InlineData("dense(46341, 46340)", "46340 -> 46341", "the gradients of parameters and of what is made of them would have 4294883904 elements: the limit is 2147483575")]
    [InlineData("householder(10, 100000)", "10 -> 10", "would have more than 2147483575 elements, which is the limit")]
    [InlineData("dct(2000000)", "2000000 -> 2000000", "would have more than 2147483575 elements, which is the limit")]
    public void SizesThatNoBlockHas_AreNamed(string formula, string shape, string message)
    {
        string file = Write("large.weft", $"operator large : {shape} = {formula}\n");
        foreach (string command in new[] { "check", "explain", "emit" })
        {
            (int exitCode, string output, string error) = Run(command, file);
            Assert.Equal((1, ""), (exitCode, output.Trim()));
            Assert.Matches(@"^.*large\.weft\(1,10\): error WEFT0108: .*\n$", error);
            Assert.Contains(message, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Check_FollowsImports()
    {
        Write("parts/part.weft", "operator part(n) : n -> n = dense(n, n)\n");
        string file = Write("whole.weft", "import \"parts/part.weft\"\noperator whole : 4 -> 4 = part(4) * part(4)\n");

        Assert.Equal((0, "", ""), Run("check", file));
    }

    [Theory]
    [InlineData("nowhere.weft", "there is no file 'nowhere.weft'")]
    [InlineData("nowhere/**/*.weft", "no file matches 'nowhere/**/*.weft'")]
    public void Check_OfAMissingFileFails(string path, string message)
    {
        (int exitCode, _, string error) = Run("check", path);

        Assert.Equal((2, $"weft: {message}\n"), (exitCode, error));
    }

    /// <summary>Folders, patterns and the standard input are files, each once; what builds put into folders is none.</summary>
    [Fact]
    public void Check_TakesFoldersPatternsAndTheStandardInput()
    {
        Write("maps/a.weft", "operator a : 4 -> 4 = one\n");
        Write("maps/inner/b.weft", "operator b : 4 -> 4 = two\n");
        Write("maps/inner/obj/c.weft", "operator c : 4 -> 4 = three\n");
        Write("maps/inner/d.txt", "operator d : 4 -> 4 = four\n");
        string folder = Path.Combine(_folder, "maps");

        Assert.Equal(["a.weft(1", "b.weft(1"], Places(folder, "maps/a.weft"));
        Assert.Equal(["a.weft(1", "b.weft(1"], Places(Path.Combine(folder, "**", "*.weft")));
        Assert.Equal(["b.weft(1"], Places(Path.Combine(folder, "*", "*.weft")));
        Assert.Equal(["stdin(1"], Places("-"));
        Directory.CreateDirectory(Path.Combine(folder, "empty"));
        Assert.Equal((2, "", $"weft: there is no .weft file in '{Path.Combine(folder, "empty")}'\n"), Run("check", Path.Combine(folder, "empty")));

        IEnumerable<string> Places(params string[] paths)
        {
            var error = new StringWriter();
            Assert.Equal(1, Cli.Run(["check", .. paths.Select(path => path.StartsWith("maps", StringComparison.Ordinal) ? Path.Combine(_folder, path) : path)], TextWriter.Null, error, new StringReader("operator e : 4 -> 4 = five\n")));
            return Regex.Matches(error.ToString(), @"\w+(\.weft)?\(\d").Select(match => match.Value);
        }
    }

    /// <summary>The same places in both forms: that of the mistake and that of what mends it.</summary>
    [Fact]
    public void Check_WritesJsonAndSarif()
    {
        string file = Write("a b.weft", "operator good : 4 -> 4 = dense(4, 4)\noperator bad : 4 -> 4 = 2 * dens(4, 4)\n");

        (int exitCode, string output, string error) = Run("check", file, "--json");
        Assert.Equal((1, ""), (exitCode, error));
        JsonElement entry = Assert.Single(JsonDocument.Parse(output).RootElement.GetProperty("diagnostics").EnumerateArray());
        Assert.Equal(file, entry.GetProperty("file").GetString());
        Assert.Equal(("WEFT0100", "error"), (entry.GetProperty("id").GetString(), entry.GetProperty("severity").GetString()));
        AssertRegion(entry.GetProperty("region"));
        AssertRegion(entry.GetProperty("fix").GetProperty("region"));
        Assert.Equal("dense", entry.GetProperty("fix").GetProperty("text").GetString());

        (exitCode, output, error) = Run("check", file, "--sarif");
        Assert.Equal((1, ""), (exitCode, error));
        JsonElement log = JsonDocument.Parse(output).RootElement, run = log.GetProperty("runs")[0], result = Assert.Single(run.GetProperty("results").EnumerateArray());
        Assert.Equal("2.1.0", log.GetProperty("version").GetString());
        JsonElement rule = run.GetProperty("tool").GetProperty("driver").GetProperty("rules")[result.GetProperty("ruleIndex").GetInt32()];
        Assert.Equal((result.GetProperty("ruleId").GetString(), "Unknown name"), (rule.GetProperty("id").GetString(), rule.GetProperty("shortDescription").GetProperty("text").GetString()));
        Assert.StartsWith("a name is not known;", rule.GetProperty("help").GetProperty("text").GetString(), StringComparison.Ordinal);
        JsonElement place = result.GetProperty("locations")[0].GetProperty("physicalLocation");
        Assert.Equal(new Uri(file).AbsoluteUri, place.GetProperty("artifactLocation").GetProperty("uri").GetString());
        AssertRegion(place.GetProperty("region"));

        static void AssertRegion(JsonElement region) => Assert.Equal(
            [2, 29, 2, 33], new[] { "startLine", "startColumn", "endLine", "endColumn" }.Select(name => region.GetProperty(name).GetInt32()));
    }

    [Fact]
    public void List_FindsByWords()
    {
        (int exitCode, string output, string error) = Run("list", "dao", "expressive");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(
            """
            monarch
              operator monarch(n, b) : n -> n
                Monarch matrix: two block-diagonal factors around a fixed shuffle, M = Pᵀ L P R
                Dao et al. 2022, "Monarch: Expressive Structured Matrices for Efficient and Accurate Training"

            """.ReplaceLineEndings("\n"),
            output[..(output.IndexOf("\n\n", StringComparison.Ordinal) + 1)]);
        Assert.EndsWith("  = shuffle(b, n/b)' * blockdiag(L) * shuffle(b, n/b) * blockdiag(R)\n", output, StringComparison.Ordinal);
        Assert.Equal((2, "", "weft: nothing in the library has 'monarc of nothing'\n"), Run("list", "monarc", "of", "nothing"));

        JsonElement[] all = [.. JsonDocument.Parse(Run("list", "--json").Output).RootElement.EnumerateArray()];
        Assert.Equal(StandardLibrary.Files.Sum(file => file.Syntax.Declarations.Count), all.Length);
        Assert.All(all, entry => Assert.Matches(@"^\p{L}[^\n]{3,400}$", entry.GetProperty("summary").GetString()));
    }

    [Fact]
    public void Explain_WritesJson()
    {
        (int exitCode, string output, string error) = Run("explain", "--formula", "monarch(16, 4)", "--json");

        Assert.Equal((0, ""), (exitCode, error));
        JsonElement map = Assert.Single(JsonDocument.Parse(output).RootElement.EnumerateArray());
        Assert.Equal(128, map.GetProperty("costs").GetProperty("trained").GetInt32());
        Assert.Equal(["Algebra", "Network", "Plan", "Steps", "From a dense matrix"], map.GetProperty("sections").EnumerateArray().Select(section => section.GetProperty("title").GetString()));
    }

    /// <summary>Without a terminal: a sign for each entry, and no colours.</summary>
    [Fact]
    public void Show_DrawsTheMatrix()
    {
        (int exitCode, string output, string error) = Run("show", "--formula", "block_diagonal(4, 6, 2)");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"^Formula: 6 → 4\n([-+#=] ){3}(\. ){2}\.\n([-+#=] ){3}(\. ){2}\.\n(\. ){3}([-+#=] ){2}[-+#=]\n(\. ){3}([-+#=] ){2}[-+#=]\nentries from -", output);
        Assert.EndsWith("B changes 12 of 24 entries\nB[0, 0, 0] changes 1 of 24 entries\n", output, StringComparison.Ordinal);

        string first = Run("show", "--formula", "block_diagonal(4, 6, 2)", "--footprint", "B[0, 0, 0]").Output;
        Assert.Matches(@"\n[-+#=]( \.){5}\n(\.( \.){5}\n){3}entries", first);
        Assert.Equal((2, "", "weft: there is no parameter 'C'; there is B, B[0, 0, 0]\n"), Run("show", "--formula", "block_diagonal(4, 6, 2)", "--footprint", "C"));
        Assert.Equal((2, "", "weft: Formula is not linear: it has no matrix\n"), Run("show", "--formula", "gelu . dense(3, 3)"));

        string picture = Path.Combine(_folder, "picture.svg");
        Assert.Equal((0, "", ""), Run("show", "--formula", "block_diagonal(4, 6, 2)", "--svg", picture));
        Assert.Equal("svg", XDocument.Load(picture).Root!.Name.LocalName);
    }

    [Fact]
    public void Show_OfALargeMatrixFitsTheLine()
    {
        string[] lines = Run("show", "--formula", "monarch(256, 16)").Output.Split('\n');
        Assert.Equal(86, lines.TakeWhile(line => !line.StartsWith("entries", StringComparison.Ordinal)).Skip(1).Count(line => line.Length == 86));
        Assert.Contains(lines, line => line.EndsWith(", 3 × 3 entries in one", StringComparison.Ordinal));
    }

    /// <summary>One file with everything in it, of declarations with a matrix and without.</summary>
    [Fact]
    public void Explain_WritesAPage()
    {
        string file = Write("two.weft", "operator first : 4 -> 4 = block_diagonal(4, 4, 2)\nlayer second : 4 -> 4 = gelu . first\n"), page = Path.Combine(_folder, "page.html");

        Assert.Equal((0, "", ""), Run("explain", file, "--html", page));

        string text = File.ReadAllText(page);
        Assert.All(
            new[] { "<h1>first: 4 -&gt; 4, float", "<h1>second: 4 -&gt; 4, float", "B[0, 0, 0] changes 1 of 16 entries", "There is no picture: second is not linear", "partial class First", "<h2>Plan</h2>" },
            part => Assert.Contains(part, text, StringComparison.Ordinal));
        Assert.DoesNotMatch("(src|href)=\"(?!data:)|@import|url\\(", text);
    }

    /// <summary>What the scripts for shells ask.</summary>
    [Fact]
    public void CommandLines_AreCompleted()
    {
        const string Line = "weft explain --formula monarch_p";
        Assert.Equal("monarch_padded(18, 32, 4)\n", Run($"[suggest:{Line.Length}]", Line).Output);
        Assert.All(new[] { "bash", "zsh", "fish", "pwsh" }, shell => Assert.Contains("[suggest:", Run("completion", shell).Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Version_IsThatOfCompilerAndRuntimeToo() => Assert.Matches(@"^weft (\d+\.\d+\S*)\ncompiler \1, runtime \1\n\.NET \d+\.\S+, \S+\n$", Run("--version").Output);

    [Fact]
    public void Explain_ChoosesADeclaration()
    {
        string file = Write("two.weft", "operator first : 4 -> 4 = dense(4, 4)\noperator second : 4 -> 6 = dense(6, 4)\n");

        (int exitCode, string output, string error) = Run("explain", file, "--operator", "second", "--batch", "8", "--scalar", "double");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("second", output, StringComparison.Ordinal);
        Assert.DoesNotContain("first", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_OfAFormula()
    {
        (int exitCode, string output, string error) = Run("explain", "--formula", "dense(6, 4)");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("4", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("monarch(12, 3)", "L: singular vectors of 3 × 4, 12 of them, rank 1", "R: the rest")]
    [InlineData("diagonal(6)", "d: elements of the matrix")]
    [InlineData("operator f : 4 -> 4\n  param d[4], e[4]\n  = diag(d) + diag(e)", "d, e: least squares")]
    [InlineData("lora(6, 8, 2)", "what no trained parameter changes is subtracted", "B: singular vectors of 6 × 8, rank 2", "A: the rest")]
    [InlineData("low_rank(6, 8, 2) + 3 * low_rank(6, 8, 1)", "rank 2 + 1")]
    [InlineData("tensor_train([2, 3, 2], [3, 2, 2], [1, 2, 3, 1])", "rank 2", "rank 3", ": the rest")]
    [InlineData("householder(6, 2)", "no closed form: normalize_rows(V) depends on trained parameters through a function")]
    public void Explain_SaysHowADenseMatrixIsProjected(string formula, params string[] lines)
    {
        string projection = Run("explain", "--formula", formula).Output.Split("From a dense matrix\n").Last();
        Assert.All(lines, line => Assert.Contains(line, projection, StringComparison.Ordinal));
        Assert.DoesNotContain("From a dense matrix", Run("explain", "--formula", "relu . " + formula).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Emit_PrintsTheClass()
    {
        string file = Write("map.weft", "operator my_map : 4 -> 6 = dense(6, 4)\n");

        (int exitCode, string output, string error) = Run("emit", file);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("partial class MyMap", output, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongFormula_IsNoWrongCommandLine()
    {
        (int exitCode, _, string error) = Run("explain", "--formula", "nothing(4)");

        Assert.Equal(1, exitCode);
        Assert.Contains("formula(1,1): error WEFT", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Diagnostics_AreInTheOrderOfTheText()
    {
        string first = Write("first.weft", "operator a : 4 -> 4 = nothing\noperator b : 4 -> 4 = (\n");
        string second = Write("second.weft", "operator c : 4 -> 4 = )\n");

        string error = Run("check", first, second).Error;

        Assert.Equal(["first.weft(1", "first.weft(2", "second.weft(1"], Regex.Matches(error, @"\w+\.weft\(\d").Select(match => match.Value));
    }

    [Theory]
    [InlineData("dense(8, 8)", "Parameters: 64 trained; dense 64, as many.", "It does the same as a dense matrix for each row.")]
    [InlineData("eye(8)", "Parameters: none; dense 64.")]
    [InlineData("fft(8, 8)", "Parameters: none; dense 16,384.")]
    [InlineData("lora(64, 64, 4)", "Parameters: 512 trained, 4,096 frozen; dense 4,096, 8.00 times what is trained.")]
    [InlineData("monarch(64, 8)", "Parameters: 1,024 trained; dense 4,096, 4.00 times as many.", "would never win: it does more")]
    [InlineData("operator f : 8 -> 8\n  frozen V[16, 8]\n  = reflect(V)", "Parameters: 128 frozen; dense 64, 0.50 times as many.", "It does the same as a dense matrix for each row.")]
    [InlineData("operator f : 8 -> 8\n  frozen D[8], E[8]\n  = wht(8) * diag(D) * wht(8) * diag(E) * wht(8)", "Parameters: 16 frozen; dense 64, 4.00 times as many.", "formed once")]
    public void Explain_ComparesWithADenseMatrixWhereThereIsSomethingToCompare(string formula, params string[] facts)
    {
        string output = Run("explain", "--formula", formula).Output;
        Assert.All(facts, fact => Assert.Contains(fact, output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("A file or --formula was expected.", "explain")]
    [InlineData("--operator and --formula exclude each other.", "explain", "--formula", "eye(4)", "--operator", "a")]
    [InlineData("--batch: a number of rows from 1 was expected.", "explain", "--formula", "eye(4)", "--batch", "0")]
    [InlineData("--batch: a number of rows from 1 was expected.", "explain", "--formula", "eye(4)", "--batch", "many")]
    [InlineData("--tflops: a number above 0 was expected.", "explain", "--formula", "eye(4)", "--target", "gpu", "--tflops", "none")]
    [InlineData("--launch: a number above 0 was expected.", "explain", "--formula", "eye(4)", "--target", "gpu", "--launch", "0")]
    [InlineData("half", "explain", "--formula", "eye(4)", "--scalar", "half")]
    [InlineData("--json and --html are of the processor: leave --target out.", "explain", "--formula", "eye(4)", "--target", "gpu", "--json")]
    [InlineData("--html: a file in a folder that exists was expected, not 'none/page.html'.", "explain", "--formula", "eye(4)", "--html", "none/page.html")]
    [InlineData("--json and --sarif exclude each other.", "check", "-", "--json", "--sarif")]
    [InlineData("Unrecognized command", "explane")]
    public void WrongCommandLine_IsRefused(string message, params string[] arguments)
    {
        (int exitCode, _, string error) = Run(arguments);

        Assert.Equal(2, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_ForAGpu()
    {
        (int exitCode, string output, string error) = Run("explain", "--formula", "monarch(64, 8)", "--target", "gpu", "--tflops", "10", "--bandwidth", "500", "--launch", "5");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("Formula: 64 -> 64, float, on a device of 10 TFLOP/s, 500 GB/s and 5 µs per launch\n", output, StringComparison.Ordinal);
        Assert.Contains("bytes of local memory", output, StringComparison.Ordinal);
    }

    /// <summary>Rows of a chunk, tiles and the prediction are those of the processor that is named.</summary>
    [Theory]
    [InlineData("zen3", "chunks of 20 rows", "tiles of 3 × 4 or 6 × 2 vectors of 256 bits, caches of 32, 512, 16384 KiB")]
    [InlineData("m1", "chunks of 40 rows", "tiles of 6 × 4 or 12 × 2 vectors of 128 bits, caches of 128, 3072, 12288 KiB")]
    [InlineData("this", "chunks of", "Processor: ")]
    public void Explain_ForAProcessor(string name, params string[] facts)
    {
        (int exitCode, string output, string error) = Run("explain", "--formula", "monarch(1024, 32)", "--machine", name);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.All(facts, fact => Assert.Contains(fact, output, StringComparison.Ordinal));
    }

    [Fact]
    public void Explain_OfAnUnknownProcessorNamesTheOthers()
    {
        (int exitCode, _, string error) = Run("explain", "--formula", "dense(6, 4)", "--machine", "zen33");

        Assert.Equal(2, exitCode);
        Assert.Contains("--machine: 'zen33' is not known; there is zen3, haswell,", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Machine_PrintsWhatMapsRunFor() => Assert.Equal((0, WeftOptions.Machine + "\n", ""), Run("machine"));

    [Fact]
    public void Explain_OfAnUnknownDeclarationNamesTheOthers()
    {
        string file = Write("map.weft", "operator my_map : 4 -> 6 = dense(6, 4)\n");

        (int exitCode, _, string error) = Run("explain", file, "--operator", "my_mop");

        Assert.Equal((2, "weft: 'my_mop' is not declared without parameters; there is my_map\n"), (exitCode, error));
    }

    /// <summary>The model of a map with these parameters; a file without one of them is told by its name.</summary>
    [Fact]
    public void Onnx_WritesAModelWithTheParametersOfAFile()
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula("vera(5, 7, 3)");
        using Map<float> map = compiled.CreateFloat("Formula");
        map.Initialize(seed: 1);
        (string parameters, string model) = (Path.Combine(_folder, "vera.safetensors"), Path.Combine(_folder, "vera.onnx"));
        using (FileStream file = File.Create(parameters))
        {
            map.Save(file);
        }

        Assert.Equal((0, "", ""), Run("onnx", "--formula", "vera(5, 7, 3)", "--parameters", parameters, "--out", model));
        Assert.Equal(OnnxExport.Create(map).ToByteArray(), File.ReadAllBytes(model));

        (int exitCode, _, string error) = Run("onnx", "--formula", "dense(5, 7)", "--parameters", Path.Combine(_folder, "none"), "--out", model);
        Assert.Equal((2, $"weft: there is no file '{Path.Combine(_folder, "none")}'\n"), (exitCode, error));
        (exitCode, _, error) = Run("onnx", "--formula", "low_rank(5, 7, 3)", "--parameters", parameters, "--out", model);
        Assert.Equal(1, exitCode);
        Assert.StartsWith("weft: Formula needs B[5, 3]: There is no tensor 'B' in the file", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Format_GivesTheStyleToFilesAndFolders()
    {
        string good = Write("a/good.weft", "operator f : 4 -> 4 = eye(4)\n"), other = Write("a/b/other.weft", "operator g:4->4=eye( 4 )");
        Write("a/obj/made.weft", "operator h:4->4=eye( 4 )");
        string folder = Path.Combine(_folder, "a");

        Assert.Equal((1, other + "\n", ""), Run("format", "--check", folder));
        Assert.Equal("operator g:4->4=eye( 4 )", File.ReadAllText(other));
        Assert.Equal((0, other + "\n", ""), Run("format", folder));
        Assert.Equal("operator g : 4 -> 4 = eye(4)\n", File.ReadAllText(other));
        Assert.Equal((0, "", ""), Run("format", "--check", good, other));
    }

    [Fact]
    public void Format_LeavesWhatCannotBeRead()
    {
        string bad = Write("bad.weft", "operator f:4->4=eye( 4 \n");

        (int exitCode, string output, string error) = Run("format", bad);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Matches(@"^.*bad\.weft\(1,20\): error WEFT0003: .*\n$", error);
        Assert.Equal("operator f:4->4=eye( 4 \n", File.ReadAllText(bad));
        Assert.Equal(2, Run("format", Path.Combine(_folder, "none.weft")).ExitCode);
    }

    [Fact]
    public void Format_OfTheStandardInputGoesToTheOutput()
    {
        var output = new StringWriter();
        Assert.Equal(0, Cli.Run(["format", "-"], output, TextWriter.Null, new StringReader("operator g:4->4=eye( 4 )")));
        Assert.Equal("operator g : 4 -> 4 = eye(4)\n", output.ToString());
        Assert.Equal(1, Cli.Run(["format", "-", "--check"], TextWriter.Null, TextWriter.Null, new StringReader("operator g:4->4=eye( 4 )")));
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        return (Cli.Run(arguments, output, error), output.ToString(), error.ToString());
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }
}
