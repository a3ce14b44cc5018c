using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Weft.Package.Tests;

/// <summary>Packs, then does what a user does: restores the package into a fresh project, builds and runs it.</summary>
public sealed class PackageTests : IClassFixture<PackageTests.Feed>, IDisposable
{
    private const string Mixer = """
        /// A map from a file.
        operator mixer : 4 -> 6 = dense(6, 4)

        """;

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

    private readonly Feed _feed;
    private readonly string _project;

    public PackageTests(Feed feed)
    {
        _feed = feed;
        _project = Path.Combine(feed.Folder, "consumer" + Guid.NewGuid().ToString("N"), "Consumer");
        Directory.CreateDirectory(Path.Combine(_project, "Maps"));
        Write("Directory.Build.props", "<Project />");
        Write("Directory.Packages.props", "<Project />");
        Write("Consumer.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Weft" Version="{feed.Version}" />
              </ItemGroup>
            </Project>
            """);
    }

    [Fact]
    public void AFreshProject_BuildsAndRuns()
    {
        Write("Maps/mixer.weft", Mixer);
        Write("Program.cs", Program);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        Assert.DoesNotMatch("CS8785|CS9057|CS8032|CS8034", output);
        Assert.DoesNotContain("warning", output, StringComparison.Ordinal);
        (exitCode, output) = Feed.Run("dotnet", _project, Path.Combine(_project, "bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.True(exitCode == 0, output);
        Assert.Equal(["4 6 24", "2 4 6 8"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void AMistakeInAFile_IsReportedAtItsPlace()
    {
        Write("Maps/mixer.weft", Mixer + "operator broken : 4 -> 4 = dens(4, 4)\n");
        Write("Program.cs", "return;");

        (int exitCode, string output) = Build();

        Assert.NotEqual(0, exitCode);
        Assert.Matches(@"Maps/mixer\.weft\(3,28\): error WEFT\d{4}: .*dens", output.Replace('\\', '/'));
    }

    [Fact]
    public void TheFilesOptions_AreRead()
    {
        Write("Maps/mixer.weft", Mixer);
        Write("Program.cs", "Weft.Map<double> map = new Elsewhere.Mixer(); Console.WriteLine(map.Outputs);");
        Write("Directory.Build.targets", """
            <Project>
              <ItemGroup><AdditionalFiles Update="Maps/mixer.weft" WeftNamespace="Elsewhere" WeftVisibility="internal" /></ItemGroup>
            </Project>
            """);

        (int exitCode, string output) = Build("-p:WeftScalar=double");

        Assert.True(exitCode == 0, output);
    }

    /// <summary>Without a JIT, vectors are 128 bits wide unless the compiler is told what the processor has.</summary>
    [Theory]
    [InlineData("linux-x64", "", "x86-64-v3")]
    [InlineData("win-x64", "", "x86-64-v3")]
    [InlineData("linux-arm64", "", "")]
    [InlineData("linux-x64", "x86-64-v4", "x86-64-v4")]
    public void AheadOfTime_TheProcessorsVectorsAreUsed(string runtime, string own, string expected)
    {
        Write("Program.cs", "return;");
        (int exitCode, string output) = Build("-t:Restore");
        Assert.True(exitCode == 0, output);

        string[] set = own.Length == 0 ? [] : ["-p:IlcInstructionSet=" + own];
        (exitCode, output) = Feed.Run("dotnet", _project, ["msbuild", "-getProperty:IlcInstructionSet", "-p:PublishAot=true", "-p:RuntimeIdentifier=" + runtime, .. set]);

        Assert.True(exitCode == 0, output);
        Assert.Equal(expected, output.Trim());
    }

    [Fact]
    public void TheRunTimeCompiler_IsAPackageToo()
    {
        string project = File.ReadAllText(Path.Combine(_project, "Consumer.csproj"));
        Write("Consumer.csproj", project.Replace("Include=\"Weft\"", "Include=\"Weft.Dynamic\"", StringComparison.Ordinal));
        Write("Program.cs", """
            using Weft.Dynamic;

            using CompiledWeft compiled = DynamicMaps.CompileFormula("2 * eye(3)");
            float[] y = new float[3];
            compiled.CreateFloat("Formula").Forward([1, 2, 3], y);
            Console.WriteLine(string.Join(' ', y));

            """);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        (exitCode, output) = Feed.Run("dotnet", _project, Path.Combine(_project, "bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.True(exitCode == 0, output);
        Assert.Equal("2 4 6", output.Trim());
    }

    [Fact]
    public void Fitting_IsAPackageToo()
    {
        AddPackage("Weft.Fitting");
        Write("Program.cs", """
            using Weft;
            using Weft.Fitting;

            using var map = new Product();
            ProjectionReport report = map.Project<double>([2, 4, 1, 2, 6, 12]);
            double[] y = new double[3];
            map.Forward([1, 1], y);
            Console.WriteLine($"{report.RelativeError < 1e-12} {report.IsOptimal} {string.Join(' ', y.Select(value => Math.Round(value, 9)))}");

            [Weft("low_rank(3, 2, 1)", Scalar = WeftScalar.Double)]
            internal sealed partial class Product;

            """);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        (exitCode, output) = Feed.Run("dotnet", _project, Path.Combine(_project, "bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.True(exitCode == 0, output);
        Assert.Equal("True True 6 3 18", output.Trim());
    }

    [Fact]
    public void Adapters_IsAPackageToo()
    {
        AddPackage("Weft.Adapters");
        Write("Program.cs", """
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

            """);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        (exitCode, output) = Feed.Run("dotnet", _project, Path.Combine(_project, "bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.True(exitCode == 0, output);
        Assert.Equal(["2 4 4 8 6 12", "True"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void Onnx_IsAPackageToo()
    {
        AddPackage("Weft.Onnx");
        Write("Program.cs", """
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

            """);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        (exitCode, output) = Feed.Run("dotnet", _project, Path.Combine(_project, "bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.True(exitCode == 0, output);
        Assert.Equal(["W bias", "True"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void OpenCl_IsAPackageToo()
    {
        AddPackage("Weft.OpenCl");
        Write("Program.cs", """
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

            """);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        (exitCode, output) = Feed.Run("dotnet", _project, Path.Combine(_project, "bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.True(exitCode == 0, output);
        Assert.Matches("^(2 4 6|None: .*OpenCL.*)$", output.Trim());
    }

    [Theory]
    [InlineData("netstandard2.0")]
    [InlineData("net8.0")]
    public void AnotherFramework_IsRefusedByRestore(string framework)
    {
        string project = File.ReadAllText(Path.Combine(_project, "Consumer.csproj"));
        Write("Consumer.csproj", project
            .Replace("net10.0", framework, StringComparison.Ordinal)
            .Replace("<OutputType>Exe</OutputType>", "", StringComparison.Ordinal));
        Write("Maps/mixer.weft", Mixer);

        (int exitCode, string output) = Build();

        Assert.NotEqual(0, exitCode);
        Assert.Equal(["NU1202"], Regex.Matches(output, "error (\\w+)").Select(match => match.Groups[1].Value).Distinct());
    }

    [Theory]
    [InlineData("fs", "module Consumer\n")]
    [InlineData("vb", "Public Class Consumer\nEnd Class\n")]
    public void AnotherLanguage_IsWarnedOf(string extension, string text)
    {
        string project = File.ReadAllText(Path.Combine(_project, "Consumer.csproj"));
        File.Delete(Path.Combine(_project, "Consumer.csproj"));
        Write($"Consumer.{extension}proj", project
            .Replace("<OutputType>Exe</OutputType>", "", StringComparison.Ordinal)
            .Replace("<ItemGroup>", $"<ItemGroup>{(extension == "fs" ? "<Compile Include=\"Code.fs\" />" : "")}", StringComparison.Ordinal)
            .Replace("<Nullable>enable</Nullable>", "", StringComparison.Ordinal)
            .Replace("<ImplicitUsings>enable</ImplicitUsings>", "", StringComparison.Ordinal));
        Write($"Code.{extension}", text);
        Write("Maps/mixer.weft", Mixer);

        (int exitCode, string output) = Build();

        Assert.True(exitCode == 0, output);
        Assert.Equal(["WEFT0408"], Regex.Matches(output, "warning (\\w+)").Select(match => match.Groups[1].Value).Distinct());
    }

    [Fact]
    public void TheTool_Installs()
    {
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
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_project)!, recursive: true);

    /// <summary>References a package beside Weft.</summary>
    private void AddPackage(string name)
    {
        string project = File.ReadAllText(Path.Combine(_project, "Consumer.csproj")), reference = $"<PackageReference Include=\"Weft\" Version=\"{_feed.Version}\" />";
        Write("Consumer.csproj", project.Replace(reference, reference + reference.Replace("\"Weft\"", $"\"{name}\"", StringComparison.Ordinal), StringComparison.Ordinal));
    }

    private void Write(string path, string text) => File.WriteAllText(Path.Combine(_project, path), text);

    private (int ExitCode, string Output) Build(params string[] more) => Feed.Run(
        "dotnet",
        _project,
        [
            "build", "-nologo", "-v:quiet", "-nodeReuse:false", "-p:UseSharedCompilation=false",
            $"-p:RestoreAdditionalProjectSources={_feed.Folder}", $"-p:RestorePackagesPath={Path.Combine(_feed.Folder, "packages")}",
            .. more,
        ]);

    /// <summary>A folder with the package, of a version that was never before: packages are cached by version.</summary>
    public sealed class Feed : IDisposable
    {
        public Feed()
        {
            Version = $"0.1.0-test.{Guid.NewGuid():N}";
            Folder = Path.Combine(Path.GetTempPath(), "weft-" + Version);
            Directory.CreateDirectory(Folder);
            string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            foreach (string project in new[] { "Weft.Runtime", "Weft.Dynamic", "Weft.Fitting", "Weft.Adapters", "Weft.Onnx", "Weft.Runtime.OpenCl", "Weft.Tool" })
            {
                (int exitCode, string output) = Run(
                    "dotnet",
                    Path.Combine(Repository(), "runtime", project),
                    "pack", "-nologo", "-v:quiet", "-nodeReuse:false", "--no-build", "-c", configuration, "-o", Folder, $"-p:PackageVersion={Version}");
                Assert.True(exitCode == 0, output);
            }
        }

        public string Version { get; }

        public string Folder { get; }

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

        private static string Repository([CallerFilePath] string thisFile = "") => Path.GetFullPath("../..", Path.GetDirectoryName(thisFile)!);
    }
}
