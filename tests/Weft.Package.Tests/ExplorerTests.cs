using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;
using PuppeteerSharp;

namespace Weft.Package.Tests;

/// <summary>The explorer's page as it is published, in a browser.</summary>
public class ExplorerTests
{
    private const string Browser = "/usr/bin/chromium";

    private const string Done = "document.body.dataset.done && !document.getElementById('results').classList.contains('stale')";

    /// <summary>A user opens a link, makes a mistake, mends it, looks around with the keyboard, and stops what takes too long.</summary>
    [ChromiumFact]
    public async Task ThePageDoesWhatItSays()
    {
        string folder = Directory.CreateTempSubdirectory("weft").FullName;
        try
        {
            (int exitCode, string output) = PackageTests.Feed.Run("dotnet", PackageTests.Feed.Repository(), "publish", "examples/Explorer", "-c", "Release", "-o", folder);
            Assert.True(exitCode == 0, output);

            WebApplicationBuilder builder = WebApplication.CreateBuilder();
            builder.Logging.ClearProviders();
            await using WebApplication server = builder.Build();
            server.UseFileServer(new FileServerOptions
            {
                FileProvider = new PhysicalFileProvider(Path.Combine(folder, "wwwroot")),
                StaticFileOptions = { ServeUnknownFileTypes = true },
            });
            server.Urls.Add("http://127.0.0.1:0");
            await server.StartAsync();

            await using IBrowser browser = await Puppeteer.LaunchAsync(new LaunchOptions { ExecutablePath = Browser, Args = ["--no-sandbox"] });
            await using IPage page = await browser.NewPageAsync();
            page.DefaultTimeout = 0; // how fast it is is not what is tested
            var errors = new List<string>();
            page.Console += (_, message) => errors.AddRange(message.Message.Type == ConsoleType.Error ? [message.Message.Text] : []);
            page.PageError += (_, error) => errors.Add(error.Message);
            await page.SetViewportAsync(new ViewPortOptions { Width = 390, Height = 844 });

            // A text with a mistake alone has nothing beside it.
            await page.GoToAsync($"{server.Urls.Single()}/index.html#dens(4, 4)");
            await Until("document.querySelector('#mistakes button:nth-child(2)') && document.body.dataset.done");
            Assert.Equal("true", await Value("document.getElementById('results').hidden"));
            await page.GoToAsync("about:blank");

            // As the gallery links.
            const string Text = "operator half : 64 -> 32 = low_rank(32, 64, 4) // 100 % & more #\n";
            await page.GoToAsync($"{server.Urls.Single()}/index.html#{Uri.EscapeDataString(Text)}");
            await Until(Done);
            Assert.Equal(Text, await Value("text.value"));
            Assert.Equal("64 × 32", await Value("`${canvas.width} × ${canvas.height}`"));
            Assert.Equal("0", await Value("document.documentElement.scrollWidth - innerWidth"));

            await page.FocusAsync("#text");
            await page.EvaluateExpressionAsync("text.setSelectionRange(text.value.length, text.value.length)");
            await page.Keyboard.TypeAsync("operator square : 64 -> 64 = monarh(64, 8)");
            await Until("document.querySelector('#mistakes button:nth-child(2)')");
            Assert.Equal("monarh", await Value("document.querySelector('#colours .error').textContent"));
            Assert.StartsWith("2:30 ", await Value("document.querySelector('#mistakes button').textContent"), StringComparison.Ordinal);
            await page.ClickAsync("#mistakes button:nth-child(2)");
            await Until(Done + " && canvas.height === 64");
            Assert.Equal("0", await Value("document.querySelectorAll('#mistakes li').length"));
            Assert.Matches(new Regex("^1,024 trained of 4,096"), await Value("document.querySelector('#facts dd').textContent"));

            // What does not change with a parameter is faint while its button has the focus.
            const string Ink = "canvas.getContext('2d').getImageData(0, 0, 64, 64).data.reduce((sum, one) => sum + one, 0)";
            string all = await Value(Ink);
            await page.FocusAsync("#footprints button:last-child");
            Assert.NotEqual(all, await Value(Ink));
            await page.FocusAsync("#tab-matrix");
            Assert.Equal(all, await Value(Ink));
            await page.Keyboard.PressAsync("ArrowRight");
            Assert.Equal("tab-network", await Value("document.activeElement.id"));
            Assert.Equal("true", await Value("matrix.hidden && document.querySelector('#network svg').getBoundingClientRect().height > 0"));

            if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
            {
                await using IPage shown = await browser.NewPageAsync();
                await shown.SetViewportAsync(new ViewPortOptions { Width = 1280, Height = 800 });
                await shown.GoToAsync($"{server.Urls.Single()}/index.html");
                await shown.WaitForFunctionAsync($"() => {Done}");
                await shown.ScreenshotAsync(Path.Combine(PackageTests.Feed.Repository(), "docs", "explorer.png"));
            }

            string many = string.Concat(Enumerable.Range(0, 3000).Select(k => $"operator m{k} : 64 -> 64 = monarch(64, 8)\n"));
            await Write(many);
            await Until("!document.getElementById('stop').hidden");
            await page.EvaluateExpressionAsync("document.getElementById('stop').click()");
            Assert.Equal("Stopped.", await Value("document.getElementById('status').textContent"));

            // Nobody stops it: the page does, after its 15 seconds, which pass at once here.
            await page.EvaluateExpressionAsync("window.wait = setTimeout, window.setTimeout = (call, time) => wait(call, time === 15000 ? 0 : time), 0");
            await Write(many);
            await Until("document.getElementById('status').textContent.startsWith('Stopped after')");
            Assert.Equal("Stopped after 15 seconds. Choose smaller sizes.", await Value("document.getElementById('status').textContent"));
            await page.EvaluateExpressionAsync("window.setTimeout = wait, 0");
            await Write("dct(16)");
            await Until(Done + " && canvas.height === 16");
            Assert.Empty(errors);

            Task Until(string condition) => page.WaitForFunctionAsync($"() => {condition}");
            async Task<string> Value(string expression) => await page.EvaluateExpressionAsync<string>($"String({expression})");
            Task Write(string text) => page.EvaluateFunctionAsync("text => { const editor = document.getElementById('text'); editor.value = text; editor.dispatchEvent(new Event('input')); }", text);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Where there is a browser.</summary>
    private sealed class ChromiumFactAttribute : FactAttribute
    {
        public ChromiumFactAttribute() => Skip = File.Exists(Browser) ? null : $"There is no {Browser}.";
    }
}
