using System.Text.Json;
using StreamJsonRpc;
using Weft.Compiler;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;
using Weft.LanguageServer;

namespace Weft.Tests.LanguageServer;

/// <summary>Sessions of an editor with the server, by the protocol.</summary>
public sealed class ServerTests : IDisposable
{
    /// <summary>Random edits of one session; 10,000 take some minutes.</summary>
    private const int RandomEdits = 100;

    private const string Uri = "file:///project/maps.weft";

    private const string Maps = """
        /// Two block-diagonal factors (Dao et al. 2022).
        operator mixer(n, b) : n -> n
          require n % b == 0
          let q = n / b
          param R[b, q, q], L[q, b, b]
          = shuffle(b, q)' * blockdiag(L) * shuffle(b, q) * blockdiag(R)

        /// The network.
        layer net : 16 -> 4
          param W[4, 16] ~ normal(0.1), V[16, 16]
          = relu . bias . (W * V * mixer(16, 4))

        operator scaled : 16 -> 4
          param A[4, 16] ~ zeros
          y[i] = 2 * A[i, j] * x[j]

        model both : 16 -> 4
          layer stem = gelu . mixer(16, 2)
          layer head = net

        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Capabilities_NameWhatIsServed()
    {
        (Editor editor, JsonElement capabilities) = await Editor.StartAsync();
        await using (editor)
        {
            Assert.Equal(2, capabilities.GetProperty("textDocumentSync").GetProperty("change").GetInt32());
            Assert.True(capabilities.GetProperty("hoverProvider").GetBoolean());
            Assert.Contains("keyword", capabilities.GetProperty("semanticTokensProvider").GetProperty("legend").GetProperty("tokenTypes").EnumerateArray().Select(type => type.GetString()));
        }
    }

    [Fact]
    public async Task Diagnostics_FollowEachEdit()
    {
        await using Editor editor = await OpenAsync(Maps);
        Assert.Empty(await editor.DiagnosticsAsync(Uri));
        int place = Maps.IndexOf("mixer(16, 4)", StringComparison.Ordinal);
        await editor.EditAsync(Uri, place, place + 5, "mixr");
        DiagnosticMessage wrong = Assert.Single(await editor.DiagnosticsAsync(Uri));
        Assert.Equal(("WEFT0100", 1, new Position(10, 27)), (wrong.Code, wrong.Severity, wrong.Range.Start));
        await editor.EditAsync(Uri, place, place + 4, "mixer");
        Assert.Empty(await editor.DiagnosticsAsync(Uri));
    }

    /// <summary>Columns are of UTF-16, and lines end as the protocol has it, also where the compiler's do not.</summary>
    [Fact]
    public async Task Positions_CountCodeUnits()
    {
        const string Text = "// \U0001F600\r// é\r\noperator f : 3 -> 3 = eye(3) ⊕ eye(0) // \U0001F600 ⊗\n";
        await using Editor editor = await OpenAsync(Text);
        DiagnosticMessage wrong = Assert.Single(await editor.DiagnosticsAsync(Uri));
        Assert.Equal((2, 35), (wrong.Range.Start.Line, wrong.Range.Start.Character));
        await editor.EditAsync(Uri, Text.IndexOf('\r'), Text.IndexOf('\r') + 1, "\n");
        wrong = Assert.Single(await editor.DiagnosticsAsync(Uri));
        Assert.Equal((2, 35), (wrong.Range.Start.Line, wrong.Range.Start.Character));
    }

    [Fact]
    public async Task Imports_AreOfOpenFilesBeforeTheDisk()
    {
        File.WriteAllText(Path.Combine(_folder, "part.weft"), "operator part(n) : n -> n = dense(n, n)\n");
        File.WriteAllText(Path.Combine(_folder, "whole.weft"), "import \"part.weft\"\noperator whole : 4 -> 4 = part(4) * part(4, 2)\n");
        string part = new Uri(Path.Combine(_folder, "part.weft")).AbsoluteUri, whole = new Uri(Path.Combine(_folder, "whole.weft")).AbsoluteUri;
        (Editor editor, _) = await Editor.StartAsync(_folder);
        await using (editor)
        {
            await editor.OpenAsync(whole, File.ReadAllText(Path.Combine(_folder, "whole.weft")));
            Assert.Equal("WEFT0104", Assert.Single(await editor.DiagnosticsAsync(whole)).Code);
            Assert.Equal(part, (await editor.AtAsync<Location>("textDocument/definition", whole, "part(4)")).Uri);
            Assert.Equal(part, (await editor.AtAsync<Location>("textDocument/definition", whole, "part.weft")).Uri);

            await editor.OpenAsync(part, "operator part(n, r = 1) : n -> n = low_rank(n, n, r)\n");
            await editor.EditAsync(whole, 0, 0, " ");
            Assert.Empty(await editor.DiagnosticsAsync(whole));
            Location[] uses = await editor.AtAsync<Location[]>("textDocument/references", part, "part", more: new { Context = new { IncludeDeclaration = true } });
            Assert.Equal([part, whole, whole], uses.Select(use => use.Uri).Order());

            await editor.CloseAsync(part);
            await editor.EditAsync(whole, 0, 1, "");
            Assert.Equal("WEFT0104", Assert.Single(await editor.DiagnosticsAsync(whole)).Code);

            File.WriteAllText(Path.Combine(_folder, "part.weft"), "operator part(n, m) : n -> n = dense(n, n)\n");
            await editor.NotifyAsync("workspace/didChangeWatchedFiles", new { Changes = new[] { new { Uri = part, Type = 2 } } });
            await editor.EditAsync(whole, 0, 0, "\n");
            DiagnosticMessage left = Assert.Single(await editor.DiagnosticsAsync(whole));
            Assert.Contains("'part(n, m)' takes 2 arguments, found 1", left.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("mixer(16, 4)", "operator mixer(n, b) : n -> n", "Two block-diagonal factors (Dao et al. 2022).", "`mixer(16, 4)` : `16 -> 16`")]
    [InlineData("net : 16", "layer net : 16 -> 4", "The network.", "Parameters: ", "Plan\n  ")]
    [InlineData("q = n", "let q = n / b", "`q` : `4` in `mixer(n = 16, b = 4)`", "`8` in `mixer(n = 16, b = 2)`")]
    [InlineData("n % b", "n  // a size", "`n` : `16` in `mixer(n = 16, b = 4)`")]
    [InlineData("W * V", "param W[4, 16] ~ normal(0.1)", "`W` : `[4, 16]`")]
    [InlineData("blockdiag(L)", "blockdiag(B)", "b·q -> b·p", "`y[k·p + i] = Σⱼ B[k, i, j] x[k·q + j]`")]
    [InlineData("normal(0.1)", "normal(std)", "normal with mean 0")]
    [InlineData("zeros", "zeros", "0")]
    [InlineData("relu", "relu", "`max(z, 0)`")]
    [InlineData("bias", "bias", "adds a trained vector")]
    [InlineData("j] * x", "j  // an index")]
    [InlineData("stem", "layer stem = gelu . mixer(16, 2)")]
    public async Task Hover_TellsWhatANameIs(string mark, params string[] parts)
    {
        await using Editor editor = await OpenAsync(Maps);
        string text = (await editor.AtAsync<JsonElement>("textDocument/hover", Uri, mark)).GetProperty("contents").GetProperty("value").GetString()!;
        Assert.All(parts, part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    /// <summary>The mark is where the cursor stands.</summary>
    [Theory]
    [InlineData("operator f : 3 -> 3\n  param A[3, 3] ~ |", "orthogonal fan_in zeros", "relu dense A")]
    [InlineData("operator f : 3 -> 3\n  param L(k < 2)[3, 3] |", "symmetric unit_lower rate", "relu dense L")]
    [InlineData("operator f : 3 -> 3\n  frozen(|", "nf4 bf16", "normal dense")]
    [InlineData("operator f : 3 -> 3\n  seeded(7, |", "nf4 bf16", "normal dense")]
    [InlineData("operator f(n, b) : n -> n\n  param A[n, n]\n  let q = n / b\n  = A * mon|", "monarch A q n b shuffle f sum kron relu pi", "normal nf4")]
    [InlineData("operator g(n) : n -> n = eye(n)\noperator f : 3 -> 3\n  param A[3]\n  = sum(i < 3) (A[|", "i A g dense", "n")]
    [InlineData("operator f : 3 -> 3\n  |", "param require let operator", "dense")]
    [InlineData("operator f : 3 -> 3\n  param |", "", "dense param")]
    [InlineData("operator f : 3 -> 3\n  shared |", "param frozen", "dense")]
    [InlineData("operator f : 3 -> 3\n  param A[3], |", "", "dense param")]
    [InlineData("operator f : 3 -> 3 // |", "", "dense param")]
    [InlineData("layer f : 3 -> 3 = gelu . |", "bias dense f each scan add softmax", "n")]
    [InlineData("layer f(t) : a[t], b[t] < 4 -> y[t]\n  y[i] = a[i] * |", "a b t i", "dens")]
    public async Task Completion_KnowsWhatCanStand(string text, string expected, string others)
    {
        int place = text.IndexOf('|', StringComparison.Ordinal);
        await using Editor editor = await OpenAsync(text.Remove(place, 1));
        CompletionItem[] items = await editor.AtAsync<CompletionItem[]>("textDocument/completion", Uri, place);
        string[] labels = [.. items.Select(item => item.Label)];
        Assert.All(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), label => Assert.Contains(label, labels));
        Assert.All(others.Split(' '), label => Assert.DoesNotContain(label, labels));
        Assert.Equal(labels.Distinct(), labels);
    }

    [Fact]
    public async Task Completion_ReplacesTheWordWithSignatureAndText()
    {
        await using Editor editor = await OpenAsync("operator f : 3 -> 3 = mona");
        CompletionItem item = (await editor.AtAsync<CompletionItem[]>("textDocument/completion", Uri, 26)).Single(item => item.Label == "monarch");
        Assert.Equal(("monarch(n, b)", new Position(0, 22), new Position(0, 26)), (item.Detail, item.TextEdit.Range.Start, item.TextEdit.Range.End));
        Assert.Contains("Dao et al. 2022", item.Documentation!.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("= mixer(16, ", "mixer(n, b)", 1)]
    [InlineData("= monarch_padded(1, dense(2, 3), ", "monarch_padded(m, n, b)", 2)]
    [InlineData("= eye(2) * dense(", "dense(m, n)", 0)]
    [InlineData("= kron(A, B, ", "kron(A, B, …)", 1)]
    [InlineData("param A[3] ~ normal(", "normal(std)", 0)]
    [InlineData("= tensor_train([2, 8], [2, ", "tensor_train(m[], n[], r[])", 1)]
    [InlineData("= (eye(2), ", null, 0)]
    public async Task SignatureHelp_IsThatOfTheInnermostCall(string end, string? label, int active)
    {
        string text = Maps + "operator f : 16 -> 16\n  " + end;
        await using Editor editor = await OpenAsync(text);
        SignatureHelp? help = await editor.AtAsync<SignatureHelp?>("textDocument/signatureHelp", Uri, text.Length);
        Assert.Equal(label, help?.Signatures[0].Label);
        Assert.Equal(active, help?.ActiveParameter ?? 0);
    }

    [Fact]
    public async Task Definition_LeadsIntoTheLibraryToo()
    {
        await using Editor editor = await OpenAsync("operator f : 16 -> 16 = monarch(16, 4)\n");
        Location found = await editor.AtAsync<Location>("textDocument/definition", Uri, "monarch");
        string text = File.ReadAllText(new Uri(found.Uri).LocalPath);
        Assert.StartsWith("operator monarch(", text.Split('\n')[found.Range.Start.Line], StringComparison.Ordinal);

        // The library's file is one like any other, and none of the project.
        await editor.OpenAsync(found.Uri, text);
        Hover inside = await editor.AtAsync<Hover>("textDocument/hover", found.Uri, "blockdiag");
        Assert.NotNull(inside);
        Location own = await editor.AtAsync<Location>("textDocument/definition", found.Uri, "R)");
        Assert.Equal(found.Uri, own.Uri);
        Assert.Empty(await editor.DiagnosticsAsync(Uri));
    }

    [Theory]
    [InlineData("q = n", 6)]
    [InlineData("mixer(n", 3)]
    [InlineData("A[i, j]", 2)]
    [InlineData("j] * x", 2)]
    [InlineData("net\n", 2)]
    public async Task References_AreAllUsesOfOneThing(string mark, int count)
    {
        await using Editor editor = await OpenAsync(Maps);
        Location[] found = await editor.AtAsync<Location[]>("textDocument/references", Uri, mark, more: new { Context = new { IncludeDeclaration = true } });
        Assert.Equal(count, found.Length);
        Assert.Equal(count - 1, (await editor.AtAsync<Location[]>("textDocument/references", Uri, mark, more: new { Context = new { IncludeDeclaration = false } })).Length);
    }

    /// <summary>Every name of the project's own gets another one, and the texts mean what they meant.</summary>
    [Fact]
    public async Task Rename_KeepsMeaning()
    {
        await using Editor editor = await OpenAsync(Maps);
        var text = new SourceText(Uri, Maps);
        SymbolUse[] declared = [.. SymbolTable.Of([WeftCompiler.Parse(text)]).Uses(Uri).Where(use => use.IsDeclaration)];
        Assert.True(declared.Length > 12);
        foreach (SymbolUse use in declared)
        {
            WorkspaceEdit edit = await editor.AtAsync<WorkspaceEdit>("textDocument/rename", Uri, use.Span.Start, new { NewName = "renamed" });
            string renamed = Apply(Maps, edit.Changes[Uri]);
            BindResult result = WeftCompiler.Bind([WeftCompiler.Parse(new SourceText(Uri, renamed))]);
            Assert.Empty(result.Diagnostics);
            Assert.Equal(3, result.Modules.Count);
        }
    }

    [Theory]
    [InlineData("q = n", "b", "'b' already means something where 'q' is named")]
    [InlineData("q = n", "shuffle", null)]
    [InlineData("mixer(n", "net", "'net' already means something where 'mixer' is named")]
    [InlineData("mixer(n", "shuffle", "'shuffle' already means something where 'mixer' is named")]
    [InlineData("j] * x", "i", "'i' already means something where 'j' is named")]
    [InlineData("q = n", "2q", "'2q' is no name")]
    [InlineData("q = n", "not", "'not' is no name")]
    [InlineData("blockdiag", "z", "'blockdiag' is Weft's own")]
    [InlineData("x[j]", "z", "'x' is the language's word for it")]
    public async Task Rename_RefusesWhatWouldMeanSomethingElse(string mark, string name, string? message)
    {
        await using Editor editor = await OpenAsync(Maps);
        Task<WorkspaceEdit> rename = editor.AtAsync<WorkspaceEdit>("textDocument/rename", Uri, mark, more: new { NewName = name });
        if (message is null)
        {
            Assert.NotEmpty((await rename).Changes);
        }
        else
        {
            Assert.Contains(message, (await Assert.ThrowsAsync<RemoteInvocationException>(() => rename)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Outline_HasDeclarationsWithTheirParts()
    {
        await using Editor editor = await OpenAsync(Maps);
        DocumentSymbol[] symbols = await editor.InAsync<DocumentSymbol[]>("textDocument/documentSymbol", Uri);
        Assert.Equal(["mixer: q R L", "net: W V", "scaled: A", "both: stem head"], symbols.Select(symbol => $"{symbol.Name}: {string.Join(' ', symbol.Children.Select(child => child.Name))}"));
        Assert.Equal("16 -> 4", symbols[1].Detail);
    }

    [Fact]
    public async Task Colours_AreByMeaning()
    {
        await using Editor editor = await OpenAsync(Maps);
        int[] data = (await editor.InAsync<SemanticTokens>("textDocument/semanticTokens/full", Uri)).Data;
        var found = new HashSet<string>();
        (int line, int column) = (0, 0);
        string[] lines = Maps.Split('\n');
        for (int i = 0; i < data.Length; i += 5)
        {
            (line, column) = (line + data[i], data[i] > 0 ? data[i + 1] : column + data[i + 1]);
            found.Add($"{lines[line].Substring(column, data[i + 2])} {Colours.Legend.TokenTypes[data[i + 3]]} {data[i + 4]}");
        }

        Assert.Superset(
            new HashSet<string>
            {
                "operator keyword 0", "mixer function 1", "mixer function 0", "n typeParameter 1", "blockdiag function 2", "normal enumMember 2", "16 number 0",
                "-> operator 0", "layer keyword 0", "R variable 1", "stem property 1", "x parameter 0", "/// The network. comment 0",
            },
            found);
    }

    [Fact]
    public async Task Formatting_GivesTheSmallestChange()
    {
        const string Text = "operator f : 3 -> 3\n  = eye( 3 )\n\noperator g : 3 -> 3 = eye(3)\n";
        await using Editor editor = await OpenAsync(Text);
        TextEdit edit = Assert.Single(await editor.InAsync<TextEdit[]>("textDocument/formatting", Uri));
        Assert.Equal(("3", 1), (edit.NewText, edit.Range.Start.Line));
        Assert.Equal(Text.Replace("( 3 )", "(3)", StringComparison.Ordinal), Apply(Text, [edit]));
        await editor.EditAsync(Uri, 0, 8, "operat");
        Assert.Null(await editor.InAsync<TextEdit[]?>("textDocument/formatting", Uri));
    }

    [Theory]
    [InlineData("operator f : 4 -> 4 = dens(4, 4)\n", "operator f : 4 -> 4 = dense(4, 4)\n")]
    [InlineData("operator f : 4 -> 4\n  param A[4, 4] ~ zeroes\n  = A\n", "operator f : 4 -> 4\n  param A[4, 4] ~ zeros\n  = A\n")]
    [InlineData("operator f : 4 -> 4\n  frozen(bf61) A[4, 4]\n  = A\n", "operator f : 4 -> 4\n  frozen(bf16) A[4, 4]\n  = A\n")]
    [InlineData("layer f : 4 -> 4 = relu(bias(dense(4, 4)))\n", "layer f : 4 -> 4 = relu . bias . dense(4, 4)\n")]
    [InlineData("operator f : 4 -> 4 = dense(4, 4) @ eye(4)\n", "operator f : 4 -> 4 = dense(4, 4) * eye(4)\n")]
    [InlineData("operator f : 4 → 4 = eye(4)\n", "operator f : 4 -> 4 = eye(4)\n")]
    [InlineData("operator f : 4 -> 4\n  param A[4, 4]\n  = A.T\n", "operator f : 4 -> 4\n  param A[4, 4]\n  = A'\n")]
    [InlineData("layer f : 4 -> 4\n  param A[4, 4]\n  = A + x\n", "layer f : 4 -> 4\n  param A[4, 4]\n  = add(A, eye(4))\n")]
    [InlineData("operator f : 4 -> 4 = eye(5)\n", null)]
    public async Task CodeActions_MendWhatTheyAreFor(string text, string? mended)
    {
        await using Editor editor = await OpenAsync(text);
        Assert.NotEmpty(await editor.DiagnosticsAsync(Uri));
        CodeAction[] actions = await editor.InAsync<CodeAction[]>("textDocument/codeAction", Uri);
        if (mended is null)
        {
            Assert.Empty(actions);
            return;
        }

        CodeAction action = Assert.Single(actions);
        Assert.Equal(mended, Apply(text, action.Edit.Changes[Uri]));
        Assert.Contains(Assert.Single(action.Diagnostics), await editor.DiagnosticsAsync(Uri));
    }

    [Fact]
    public async Task CodeActions_ImportWhatAnotherFileDeclares()
    {
        const string Other = "file:///project/parts/other.weft", Text = "operator f : 4 -> 4 = elsewhere(4)\n";
        await using Editor editor = await OpenAsync(Text);
        await editor.OpenAsync(Other, "operator elsewhere(n) : n -> n = eye(n)\n");
        CodeAction action = Assert.Single(await editor.InAsync<CodeAction[]>("textDocument/codeAction", Uri));
        Assert.Equal("import \"parts/other.weft\"\n" + Text, Apply(Text, action.Edit.Changes[Uri]));
    }

    [Fact]
    public async Task InlayHints_ShowShapesAlongProductsAndChains()
    {
        await using Editor editor = await OpenAsync(Maps);
        InlayHint[] hints = await editor.InAsync<InlayHint[]>("textDocument/inlayHint", Uri);
        Assert.Equal(
            ["W 16 -> 4", "V 16 -> 16", "mixer(16, 4) 16 -> 16", "(W * V * mixer(16, 4)) 16 -> 4", "mixer(16, 2) 16 -> 16"],
            hints.Where(hint => hint.Position.Line > 7).Select(hint => $"{Before(hint.Position)} {hint.Label}"));

        // In a declaration with parameters, where all instances agree.
        Assert.All(hints.Where(hint => hint.Position.Line == 5), hint => Assert.Equal("16 -> 16", hint.Label));

        static string Before(Position position)
        {
            string line = Maps.Split('\n')[position.Line][..position.Character];
            int depth = 0, start = line.Length;
            while (start > 0 && (depth > 0 || !" (".Contains(line[start - 1], StringComparison.Ordinal)))
            {
                depth += line[--start] switch { ')' => 1, '(' => -1, _ => 0 };
            }

            return line[start..];
        }
    }

    [Fact]
    public async Task Lenses_ExplainAndShowCode()
    {
        await using Editor editor = await OpenAsync(Maps);
        CodeLens[] lenses = await editor.InAsync<CodeLens[]>("textDocument/codeLens", Uri);
        Assert.Equal(["net", "net", "scaled", "scaled", "both", "both"], lenses.Select(lens => lens.Command.Arguments[1]));
        string explained = await ExecuteAsync(lenses[0]), code = await ExecuteAsync(lenses[1]);
        Assert.StartsWith("net: 16 -> 4, float, planned for batches of 64", explained, StringComparison.Ordinal);
        Assert.Contains("partial class Net", code, StringComparison.Ordinal);
        Assert.Equal(["net.txt", "Net.cs"], editor.Shown.Select(uri => Path.GetFileName(new Uri(uri).LocalPath)));
        await Assert.ThrowsAsync<RemoteInvocationException>(() => ExecuteAsync(lenses[0] with { Command = lenses[0].Command with { Arguments = [Uri, "none"] } }));

        Task<string> ExecuteAsync(CodeLens lens) => editor.RequestAsync<string>("workspace/executeCommand", new { Command = lens.Command.Name, lens.Command.Arguments });
    }

    /// <summary>
    /// Random edits of a text, with questions at random places: nothing fails, what was told edit by edit is the whole text, and what is wrong with it
    /// is what a compiler finds that never saw another text.
    /// </summary>
    [Fact]
    public async Task RandomEdits_NeverFail()
    {
        var random = new Random(1);
        await using Editor editor = await OpenAsync(Maps);
        string[] atPlace = ["textDocument/hover", "textDocument/completion", "textDocument/signatureHelp", "textDocument/definition", "textDocument/references"];
        string[] ofFile = ["textDocument/documentSymbol", "textDocument/semanticTokens/full", "textDocument/formatting", "textDocument/codeAction", "textDocument/inlayHint", "textDocument/codeLens"];
        for (int number = 0; number < RandomEdits; number++)
        {
            string text = editor.TextOf(Uri);
            if (text.Length > 3000 || random.Next(20) == 0)
            {
                await editor.EditAsync(Uri, 0, text.Length, random.Next(2) == 0 ? Maps : Texts.Module(random));
            }
            else
            {
                int start = random.Next(text.Length + 1), end = Math.Min(text.Length, start + (random.Next(3) == 0 ? 0 : random.Next(6)));
                await editor.EditAsync(Uri, start, end, random.Next(4) == 0 ? "" : random.Next(4) == 0 ? Texts.Call(random) : Mutations.Soup(random).EnumerateRunes().First().ToString());
            }

            text = editor.TextOf(Uri);
            int place = random.Next(text.Length + 1);
            string method = atPlace[random.Next(atPlace.Length)];
            await editor.AtAsync<JsonElement>(method, Uri, place, new { Context = new { IncludeDeclaration = true } });
            await editor.InAsync<JsonElement>(ofFile[random.Next(ofFile.Length)], Uri);
            DiagnosticMessage[] found = await editor.DiagnosticsAsync(Uri);
            ParsedFile fresh = WeftCompiler.Parse(new SourceText(Paths.Of(Uri), text));
            var lines = new TextLines(text);
            Assert.Equal(
                WeftCompiler.InOrder([fresh], fresh.Diagnostics.Concat(WeftCompiler.Bind([fresh]).Diagnostics)).Select(diagnostic => Weft.LanguageServer.Diagnostics.Of(diagnostic, lines)),
                found);
        }

        Assert.Empty(editor.Logged);
    }

    private static async Task<Editor> OpenAsync(string text)
    {
        (Editor editor, _) = await Editor.StartAsync();
        await editor.OpenAsync(Uri, text);
        return editor;
    }

    private static string Apply(string text, IEnumerable<TextEdit> edits) => edits
        .OrderByDescending(edit => edit.Range.Start.Line)
        .ThenByDescending(edit => edit.Range.Start.Character)
        .Aggregate(text, (result, edit) => TextLines.Apply(result, new ContentChange(edit.Range, edit.NewText)));
}
