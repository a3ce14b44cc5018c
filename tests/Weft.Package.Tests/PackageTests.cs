using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Weft.Package.Tests;

/// <summary>Packs, then does what a user does: restores the package into a fresh project, builds and runs it.</summary>
public sealed class PackageTests : IClassFixture<PackageTests.Feed>, IDisposable
{
    private const string Mixer = """
        /// A map from a file.
        operator mixer : 4 -> 6 = dense(6, 4)

        """;

    private const string Executable = "<OutputType>Exe</OutputType><Nullable>enable</Nullable><ImplicitUsings>enable</ImplicitUsings>";

    private const string Program = """
        using System.Globalization;
        using Consumer.Maps;
        using Weft;

        using var fromFile = new Mixer();
        using var fromAttribute = new Rotation();
        Console.WriteLine($"{fromFile.Inputs} {fromFile.Outputs} {fromFile.ParameterCount}");
        fromAttribute.Initialize(1);
        double[] y = new double[4];
        fromAttribute.Forward([1, 2, 3, 4], y);
        Console.WriteLine(string.Join(' ', y.Select(value => value.ToString(CultureInfo.InvariantCulture))));

        [Weft("2 * eye(4)", Scalar = WeftScalar.Double)]
        internal sealed partial class Rotation;

        """;

    /// <summary>What users have, by name: built together, as starting a build takes longer than building these.</summary>
    private static readonly Dictionary<string, Consumer> Consumers = new()
    {
        ["fresh"] = new() { Files = [("Maps/mixer.weft", Mixer), ("Program.cs", Program)] },
        ["mistaken"] = new() { Files = [("Maps/mixer.weft", Mixer + "operator broken : 4 -> 4 = dens(4, 4)\n"), ("Program.cs", "return;")] },
        ["options"] = new()
        {
            Properties = Executable + "<WeftScalar>double</WeftScalar>",
            Files =
            [
                ("Maps/mixer.weft", Mixer),
                ("Program.cs", "Weft.Map<double> map = new Elsewhere.Mixer(); Console.WriteLine(map.Outputs);"),
                ("Directory.Build.targets", """
                    <Project>
                      <ItemGroup><AdditionalFiles Update="Maps/mixer.weft" WeftNamespace="Elsewhere" WeftVisibility="internal" /></ItemGroup>
                    </Project>
                    """),
            ],
        },
        ["dynamic"] = new()
        {
            Packages = ["Weft.Dynamic"],
            Files =
            [
                ("Program.cs", """
                    using Weft.Dynamic;

                    using CompiledWeft compiled = DynamicMaps.CompileFormula("2 * eye(3)");
                    float[] y = new float[3];
                    compiled.CreateFloat("Formula").Forward([1, 2, 3], y);
                    Console.WriteLine(string.Join(' ', y));

                    """),
            ],
        },
        ["fitting"] = new()
        {
            Packages = ["Weft", "Weft.Fitting", "Weft.Solvers"],
            Files =
            [
                ("Program.cs", """
                    using Weft;
                    using Weft.Fitting;
                    using Weft.Solvers;

                    using var map = new Product();
                    ProjectionReport report = map.Project<double>([2, 4, 1, 2, 6, 12]);
                    double[] y = new double[3];
                    map.Forward([1, 1], y);
                    Console.WriteLine($"{report.RelativeError < 1e-12} {report.IsOptimal} {string.Join(' ', y.Select(value => Math.Round(value, 9)))}");
                    double[] x = new double[2];
                    SolveReport solved = new Lsmr<double>(map.AsOperator()).Solve(y, x);
                    Console.WriteLine($"{solved.IsConverged} {string.Join(' ', x.Select(value => Math.Round(value, 3)))}");

                    [Weft("low_rank(3, 2, 1)", Scalar = WeftScalar.Double)]
                    internal sealed partial class Product;

                    """),
            ],
        },
        ["adapters"] = new()
        {
            Packages = ["Weft", "Weft.Adapters"],
            Files =
            [
                ("Program.cs", """
                    using Weft;
                    using Weft.Adapters;

                    using (FileStream file = File.Create("lora.safetensors"))
                    {
                        TensorFile.Write<float>(
                            file,
                            [("q.lora_down.weight", StoredType.F32, [1, 2], new float[] { 1, 2 }), ("q.lora_up.weight", StoredType.F32, [3, 1], new float[] { 1, 2, 3 }), ("q.alpha", StoredType.F32, [], new float[] { 2 })],
                            new Dictionary<string, string>());
                    }

                    using Adapter adapter = Adapter.Open("lora.safetensors");
                    Console.WriteLine(string.Join(' ', adapter.Modules["q"].Update(3, 2)));
                    Console.WriteLine(adapter.ToLora(1).Modules[0].RelativeError < 1e-12);

                    """),
            ],
        },
        ["onnx"] = new()
        {
            Packages = ["Weft", "Weft.Onnx"],
            Files =
            [
                ("Program.cs", """
                    using Weft;
                    using Weft.Onnx;

                    using var map = new Layer();
                    map.Initialize(seed: 1);
                    using (FileStream file = File.Create("layer.onnx"))
                    {
                        OnnxExport.Write(map, file);
                    }

                    OnnxWeights weights = OnnxWeights.Open("layer.onnx");
                    using var again = new Layer();
                    Console.WriteLine(string.Join(' ', again.Load(weights).Loaded));
                    Console.WriteLine(map.Parameters.SequenceEqual(again.Parameters));

                    [Weft("gelu . bias . dense(3, 4)")]
                    internal sealed partial class Layer;

                    """),
            ],
        },
        ["mpi"] = new()
        {
            Packages = ["Weft", "Weft.Mpi"],
            Files =
            [
                ("Program.cs", """
                    using Weft.Mpi;

                    try
                    {
                        ProcessGroup.Run(group =>
                        {
                            float[] gradient = [1, 2];
                            Console.WriteLine($"{group.Size} {group.Average<float>(gradient, loss: 3, weight: 4)} {string.Join(' ', gradient)}");
                        });
                    }
                    catch (DllNotFoundException exception)
                    {
                        Console.WriteLine($"None: {exception.Message}");
                    }

                    """),
            ],
        },
        ["opencl"] = new()
        {
            Packages = ["Weft", "Weft.OpenCl"],
            Files =
            [
                ("Program.cs", """
                    using Weft;
                    using Weft.OpenCl;

                    float[] y = new float[3];
                    using var map = new Twice();
                    try
                    {
                        using var context = new OpenClContext(OpenClDevice.Find());
                        using var device = new OpenClMap<float>(map, context);
                        device.Forward([1, 2, 3], y);
                        Console.WriteLine(string.Join(' ', y));
                    }
                    catch (OpenClException exception)
                    {
                        Console.WriteLine($"None: {exception.Message}");
                    }

                    [Weft("2 * eye(3)", Targets = WeftTargets.OpenCl)]
                    internal sealed partial class Twice;

                    """),
            ],
        },
        ["fs"] = new() { Language = "fs", Properties = "", Files = [("Maps/mixer.weft", Mixer), ("Code.fs", "module Consumer\n")] },
        ["maps"] = new() { Properties = "<AssemblyName>Maps</AssemblyName><RootNamespace>Maps</RootNamespace>", Files = [("mixer.weft", Mixer)] },
        ["from-fs"] = FromMaps("fs", "fsharp"),
        ["from-vb"] = FromMaps("vb", "vb") with { Properties = "<OutputType>Exe</OutputType><RootNamespace></RootNamespace>" },
        ["vb"] = new() { Language = "vb", Properties = "", Files = [("Maps/mixer.weft", Mixer), ("Code.vb", "Public Class Consumer\nEnd Class\n")] },
    };

    /// <summary>What dotnet new makes, by the template's name.</summary>
    private static readonly string[] Templates = ["weft", "weft-model"];

    private readonly Feed _feed;
    private readonly string _project;

    public PackageTests(Feed feed)
    {
        _feed = feed;
        _project = Path.Combine(feed.Folder, "consumer" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(_project);
        feed.Write(_project, new Consumer());
    }

    [Fact]
    public void AFreshProject_BuildsAndRuns()
    {
        Assert.Equal(["4 6 24", "2 4 6 8"], _feed.Run("fresh").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.DoesNotMatch("CS8785|CS9057|CS8032|CS8034", _feed.Output("fresh"));
        Assert.DoesNotContain("warning", _feed.Output("fresh"), StringComparison.Ordinal);
    }

    [Fact]
    public void AMistakeInAFile_IsReportedAtItsPlace()
    {
        Assert.False(_feed.IsBuilt("mistaken"));
        Assert.Matches(@"Maps/mixer\.weft\(3,28\): error WEFT\d{4}: .*dens", _feed.Output("mistaken").Replace('\\', '/'));
    }

    [Fact]
    public void TheFilesOptions_AreRead() => Assert.Equal("6", _feed.Run("options").Trim());

    /// <summary>Without a JIT, vectors are 128 bits wide unless the compiler is told what the processor has.</summary>
    [Fact]
    public void AheadOfTime_TheProcessorsVectorsAreUsed()
    {
        Write("Program.cs", "return;");
        (int exitCode, string output) = Build("-t:Restore");
        Assert.True(exitCode == 0, output);
        Assert.Equal("x86-64-v3", Set("linux-x64"));
        Assert.Equal("x86-64-v3", Set("win-x64"));
        Assert.Equal("", Set("linux-arm64"));
        Assert.Equal("x86-64-v4", Set("linux-x64", "-p:IlcInstructionSet=x86-64-v4"));

        string Set(string runtime, params string[] own)
        {
            (exitCode, output) = Feed.Run("dotnet", _project, ["msbuild", "-getProperty:IlcInstructionSet", "-p:PublishAot=true", "-p:RuntimeIdentifier=" + runtime, .. own]);
            Assert.True(exitCode == 0, output);
            return output.Trim();
        }
    }

    [Fact]
    public void TheRunTimeCompiler_IsAPackageToo() => Assert.Equal("2 4 6", _feed.Run("dynamic").Trim());

    [Fact]
    public void FittingAndSolversArePackagesToo() => Assert.Equal("True True 6 3 18\nTrue 0.6 1.2", _feed.Run("fitting").Trim().ReplaceLineEndings("\n"));

    [Fact]
    public void Adapters_IsAPackageToo() => Assert.Equal(
        ["2 4 4 8 6 12", "True"], _feed.Run("adapters").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    [Fact]
    public void Onnx_IsAPackageToo() => Assert.Equal(
        ["W bias", "True"], _feed.Run("onnx").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    [Fact]
    public void Mpi_IsAPackageToo() => Assert.Matches("^(1 3 1 2|None: .*MPI.*)$", _feed.Run("mpi").Trim());

    [Fact]
    public void OpenCl_IsAPackageToo() => Assert.Matches("^(2 4 6|None: .*OpenCL.*)$", _feed.Run("opencl").Trim());

    [Theory]
    [InlineData("netstandard2.0")]
    [InlineData("net8.0")]
    public void AnotherFramework_IsRefusedByRestore(string framework)
    {
        _feed.Write(_project, new Consumer { Framework = framework, Properties = "", Files = [("Maps/mixer.weft", Mixer)] });

        (int exitCode, string output) = Build("-t:Restore");

        Assert.NotEqual(0, exitCode);
        Assert.Equal(["NU1202"], Regex.Matches(output, "error (\\w+)").Select(match => match.Groups[1].Value).Distinct());
    }

    [Theory]
    [InlineData("fs")]
    [InlineData("vb")]
    public void AnotherLanguage_IsWarnedOf(string extension)
    {
        Assert.True(_feed.IsBuilt(extension), _feed.Output(extension));
        Assert.Equal(["WEFT0408"], Regex.Matches(_feed.Output(extension), "warning (\\w+)").Select(match => match.Groups[1].Value).Distinct());
    }

    [Theory]
    [InlineData("from-fs")]
    [InlineData("from-vb")]
    public void AnotherLanguage_UsesTheTypesOfAProjectInCSharp(string consumer)
    {
        Assert.Equal("24 true", _feed.Run(consumer).Trim(), ignoreCase: true);
        Assert.DoesNotContain("warning", _feed.Output(consumer), StringComparison.Ordinal);
    }

    [Fact]
    public void TheTool_Installs()
    {
        Directory.CreateDirectory(Path.Combine(_project, "Maps"));
        Write("Maps/mixer.weft", Mixer);
        Write("Maps/broken.weft", "operator broken : 4 -> 4 = dens(4, 4)\n");
        string tools = Path.Combine(_project, "tools");

        (int exitCode, string output) = Feed.Run(
            "dotnet", _project, "tool", "install", "Weft.Tool", "--version", _feed.Version, "--tool-path", tools, "--add-source", _feed.Folder);
        Assert.True(exitCode == 0, output);
        string tool = Path.Combine(tools, OperatingSystem.IsWindows() ? "weft.exe" : "weft");

        Assert.Equal((0, ""), Feed.Run(tool, _project, "check", "Maps/mixer.weft"));
        (exitCode, output) = Feed.Run(tool, _project, "check", "Maps/broken.weft");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("Maps/broken.weft(1,28): error WEFT", output, StringComparison.Ordinal);

        // It measures in a process of its own: how many threads there are holds for all of one.
        (exitCode, output) = Feed.Run(tool, _project, "bench", "Maps/mixer.weft", "--batch", "3", "--quick");
        Assert.True(exitCode == 0, output);
        Assert.Matches(@"(?s)mixer: 4 -> 6, 24 parameters, .* Tensors.* values +3 +[\d.]+ µs .* gradients +3 +[\d.]+ µs ", output);
    }

    /// <summary>What a registry shows of each package.</summary>
    [Fact]
    public void EveryPackage_SaysWhatItIs() => Assert.All(Directory.GetFiles(_feed.Folder, "*.nupkg"), file =>
    {
        using ZipArchive package = ZipFile.OpenRead(file);
        using Stream stream = package.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        Dictionary<string, string> facts = XDocument.Load(stream).Root!.Elements().Single().Elements().ToDictionary(element => element.Name.LocalName, element => element.Value);
        Assert.Equal(("MIT", "README.md", "icon.png"), (facts["license"], facts["readme"], facts["icon"]));
        Assert.NotNull(package.GetEntry("icon.png"));
        Assert.NotNull(package.GetEntry("README.md"));
        Assert.True(facts["description"].Length > 40 && facts["tags"].Contains("structured-matrices", StringComparison.Ordinal), file);
    });

    /// <summary>Compilers load the generator, editors the code fixes too.</summary>
    [Fact]
    public void ThePackage_HoldsWhatCompilersAndEditorsLoad()
    {
        using ZipArchive package = ZipFile.OpenRead(Path.Combine(_feed.Folder, $"Weft.{_feed.Version}.nupkg"));
        Assert.Equal(
            ["Sprache.dll", "Weft.CodeFixes.dll", "Weft.Compiler.dll", "Weft.Generators.dll", "Weft.Vocabulary.dll"],
            package.Entries.Where(entry => entry.FullName.StartsWith("analyzers/dotnet/cs/", StringComparison.Ordinal)).Select(entry => entry.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheTemplates_MakeProjectsThatLearn()
    {
        Assert.DoesNotContain("warning", string.Concat(Templates.Select(_feed.Output)), StringComparison.Ordinal);
        Assert.Matches(@"^step 0: loss \d\.\de-1\n(step \d+: .*\n)+8,192 parameters; a dense matrix has 65,536\.\n$", _feed.Run("weft").ReplaceLineEndings("\n"));
        Assert.Matches(@"\n579 parameters, (9\d\.\d|100\.0) % of the test points are right\n$", _feed.Run("weft-model").ReplaceLineEndings("\n"));

        // It goes on from its checkpoint: nothing is left to do.
        Assert.DoesNotContain("step", _feed.Run("weft-model"), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_project, recursive: true);

    /// <summary>The documentation's program in another language, which uses the project of maps.</summary>
    private static Consumer FromMaps(string language, string block) => new()
    {
        Language = language,
        Properties = "<OutputType>Exe</OutputType>",
        Packages = [],
        Files =
        [
            ($"Code.{language}", Regex.Match(File.ReadAllText(Path.Combine(Feed.Repository(), "docs", "how-to", "fsharp-and-vb.md")), $"```{block}\\r?\\n(.*?)```", RegexOptions.Singleline).Groups[1].Value),
            ("Directory.Build.targets", """<Project><ItemGroup><ProjectReference Include="../maps/Consumer.csproj" /></ItemGroup></Project>"""),
        ],
    };

    private void Write(string path, string text) => File.WriteAllText(Path.Combine(_project, path), text);

    private (int ExitCode, string Output) Build(params string[] more) => _feed.Build(_project, more);

    /// <summary>A project of a user's.</summary>
    public sealed record Consumer
    {
        public string Language { get; init; } = "cs";

        public string Framework { get; init; } = "net10.0";

        public string Properties { get; init; } = Executable;

        public string[] Packages { get; init; } = ["Weft"];

        public (string Path, string Text)[] Files { get; init; } = [];
    }

    /// <summary>A folder with the packages and what uses them, of a version that was never before: packages are cached by version.</summary>
    public sealed class Feed : IDisposable
    {
        private readonly string[] _lines;

        public Feed()
        {
            Version = $"0.1.0-test.{Guid.NewGuid():N}";
            Folder = Path.Combine(Path.GetTempPath(), "weft-" + Version);
            Directory.CreateDirectory(Folder);
            string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            IEnumerable<string> packages = new[] { "Weft.Runtime", "Weft.Dynamic", "Weft.Fitting", "Weft.Solvers", "Weft.Adapters", "Weft.Onnx", "Weft.Mpi", "Weft.Runtime.OpenCl", "Weft.Tool" }
                .Select(name => Path.Combine(Repository(), "runtime", name, name + ".csproj"))
                .Append(Path.Combine(Repository(), "templates", "Weft.Templates.csproj"));
            File.WriteAllText(Path.Combine(Folder, "Packages.proj"), $"""
                <Project>
                  <Target Name="Pack"><MSBuild Projects="{string.Join(';', packages)}" Targets="Pack" /></Target>
                </Project>
                """);
            (int exitCode, string output) = Run(
                "dotnet", Folder, "pack", "Packages.proj", "-nologo", "-v:quiet", "-nodeReuse:false", "-m:1", "--no-build", "-c", configuration, "-o", Folder, $"-p:PackageVersion={Version}");
            Assert.True(exitCode == 0, output);
            foreach ((string name, Consumer consumer) in Consumers)
            {
                Write(Path.Combine(Folder, name), consumer);
            }

            string hive = Path.Combine(Folder, "hive");
            foreach (string[] arguments in Templates
                .Select(name => new[] { name, "-n", "Consumer", "-o", name })
                .Prepend(["install", $"Weft.Templates.{Version}.nupkg"]))
            {
                (exitCode, output) = Run("dotnet", Folder, ["new", .. arguments, "--debug:custom-hive", hive]);
                Assert.True(exitCode == 0, output);
            }

            IEnumerable<string> projects = Consumers.Select(consumer => $"{consumer.Key}/Consumer.{consumer.Value.Language}proj")
                .Concat(Templates.Select(name => $"{name}/Consumer.csproj"));
            File.WriteAllText(Path.Combine(Folder, "Consumers.proj"), $"""
                <Project>
                  <ItemGroup><Consumer Include="{string.Join(';', projects)}" /></ItemGroup>
                  <Target Name="Build">
                    <MSBuild Projects="@(Consumer)" Targets="Restore" Properties="MSBuildRestoreSessionId=1" ContinueOnError="true" />
                    <MSBuild Projects="@(Consumer)" Targets="Build" ContinueOnError="true" />
                  </Target>
                </Project>
                """);
            _lines = Build(Folder, "Consumers.proj", "-m:1").Output.Split('\n');
        }

        public string Version { get; }

        public string Folder { get; }

        /// <summary>What the build said of a project.</summary>
        public string Output(string consumer) => string.Join('\n', _lines.Where(line => line.Contains($"[{Path.Combine(Folder, consumer)}{Path.DirectorySeparatorChar}", StringComparison.Ordinal)));

        public bool IsBuilt(string consumer) => File.Exists(Code(consumer));

        /// <summary>What a project's program says.</summary>
        public string Run(string consumer)
        {
            Assert.True(IsBuilt(consumer), Output(consumer));
            (int exitCode, string output) = Run("dotnet", Path.Combine(Folder, consumer), Code(consumer));
            Assert.True(exitCode == 0, output);
            return output;
        }

        private string Code(string consumer) => Path.Combine(Folder, consumer, "bin", "Debug", Consumers.GetValueOrDefault(consumer, new Consumer()).Framework, "Consumer.dll");

        public (int ExitCode, string Output) Build(string folder, params string[] more) => Run(
            "dotnet",
            folder,
            [
                "build", .. more, "-nologo", "-v:quiet", "-nodeReuse:false", "-p:UseSharedCompilation=false",
                $"-p:RestoreAdditionalProjectSources={Folder}", $"-p:RestorePackagesPath={Path.Combine(Folder, "packages")}",
            ]);

        public void Write(string folder, Consumer consumer)
        {
            string references = string.Concat(consumer.Packages.Select(package => $"<PackageReference Include=\"{package}\" Version=\"{Version}\" />"));
            string code = consumer.Language == "fs" ? "<Compile Include=\"Code.fs\" />" : "";
            (string Path, string Text)[] files =
            [
                ("Directory.Build.props", "<Project />"),
                ("Directory.Packages.props", "<Project />"),
                ($"Consumer.{consumer.Language}proj", $"""
                    <Project Sdk="Microsoft.NET.Sdk">
                      <PropertyGroup>
                        <TargetFramework>{consumer.Framework}</TargetFramework>
                        <InvariantGlobalization>true</InvariantGlobalization>
                        {consumer.Properties}
                      </PropertyGroup>
                      <ItemGroup>{code}{references}</ItemGroup>
                    </Project>
                    """),
                .. consumer.Files,
            ];
            foreach ((string path, string text) in files)
            {
                string file = Path.Combine(folder, path);
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllText(file, text);
            }
        }

        public static (int ExitCode, string Output) Run(string program, string folder, params string[] arguments)
        {
            var start = new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };

            // A test runner's own settings are not those of a user's shell.
            foreach (string name in start.Environment.Keys.Where(name => Regex.IsMatch(name, "^(MSBUILD|VSTEST_|COR|TESTINGPLATFORM)", RegexOptions.IgnoreCase)).ToList())
            {
                start.Environment.Remove(name);
            }

            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return (process.ExitCode, output);
        }

        public void Dispose() => Directory.Delete(Folder, recursive: true);

        public static string Repository([CallerFilePath] string thisFile = "") => Path.GetFullPath("../..", Path.GetDirectoryName(thisFile)!);
    }
}
