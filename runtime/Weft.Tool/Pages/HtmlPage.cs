using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Weft.Tool.Pages;

/// <summary>A page that needs no other file, in light and in dark, on wide screens and on narrow ones.</summary>
internal sealed partial class HtmlPage(string title)
{
    private const string PageStyle = """
        :root{color-scheme:light dark;--ink:#24292f;--faint:#57606a;--line:#d0d7de;--box:#f6f8fa;--link:#0969da}
        @media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#9198a1;--line:#3d444d;--box:#161b22;--link:#4493f8;background:#0d1117}}
        body{color:var(--ink);font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1rem}
        h1,h2,h3{line-height:1.25}h2{border-bottom:1px solid var(--line);margin-top:2rem;padding-bottom:.25rem}
        a{color:var(--link)}code{background:var(--box);border-radius:4px;font:.9em ui-monospace,monospace;padding:.1em .3em}
        pre{background:var(--box);border:1px solid var(--line);border-radius:6px;font:14px/1.45 ui-monospace,monospace;max-height:40rem;overflow:auto;padding:.75rem}
        table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid var(--line);padding:.25rem .6rem;text-align:left}
        summary{cursor:pointer}
        """;

    /// <summary>What a site's own style lacks.</summary>
    private const string PartStyle = """
        td.number{text-align:right}.faint{opacity:.75}.pictures{display:flex;flex-wrap:wrap;gap:1rem}.pictures svg,.pictures img{height:auto;max-width:100%}
        .cards{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));list-style:none;padding:0}
        .cards a{border:1px solid #8b949e80;border-radius:8px;color:inherit;display:block;font-size:.85rem;height:100%;box-sizing:border-box;overflow:hidden;padding:.6rem;text-decoration:none}
        .cards a:hover,.cards a:focus-visible{border-color:#2f80ed;outline:2px solid #2f80ed}.cards strong{display:block;font-size:1rem}
        .cards img{border:1px solid #8b949e80;display:block;height:7rem;margin:0 auto .5rem;object-fit:contain;width:100%}.cards img.matrix{aspect-ratio:1;image-rendering:pixelated;width:7rem}
        """;

    private readonly StringBuilder _body = new();

    /// <summary>A heading.</summary>
    /// <param name="level">From 1, that of the page.</param>
    /// <param name="text">What it says.</param>
    public HtmlPage Heading(int level, string text) => Line($"<h{level}>{Escape(text)}</h{level}>");

    /// <summary>A paragraph, whose <c>`code`</c> is shown as such.</summary>
    public HtmlPage Paragraph(string text) => Line($"<p>{Inline(text)}</p>");

    public HtmlPage List(IEnumerable<string> items) => Line($"<ul>{string.Concat(items.Select(item => $"<li>{Inline(item)}</li>"))}</ul>");

    /// <summary>A text whose lines and blanks stay.</summary>
    public HtmlPage Text(string text) => Line($"<pre>{Escape(text.TrimEnd())}</pre>");

    /// <summary>A text that is shown when it is asked for.</summary>
    public HtmlPage Details(string summary, string text) => Line($"<details><summary>{Escape(summary)}</summary>").Text(text).Line("</details>");

    /// <summary>Rows below their heads; what parses as a number stands at the right.</summary>
    public HtmlPage Table(IEnumerable<string> heads, IEnumerable<IEnumerable<string>> rows)
    {
        Line($"<table><thead><tr>{string.Concat(heads.Select(head => $"<th>{Escape(head)}</th>"))}</tr></thead><tbody>");
        foreach (IEnumerable<string> row in rows)
        {
            Line($"<tr>{string.Concat(row.Select(cell => $"<td{(cell.Length > 0 && char.IsAsciiDigit(cell[0]) ? " class=\"number\"" : "")}>{Escape(cell)}</td>"))}</tr>");
        }

        return Line("</tbody></table>");
    }

    /// <summary>SVG pictures side by side.</summary>
    public HtmlPage Pictures(IEnumerable<string> pictures) => Line($"<div class=\"pictures\">\n{string.Concat(pictures)}</div>");

    /// <summary>HTML as it is.</summary>
    public HtmlPage Line(string html)
    {
        _body.Append(html).Append('\n');
        return this;
    }

    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>As a text in Markdown whose HTML a site's generator puts into its own pages. It has no empty lines, which would end the HTML.</summary>
    public string ToMarkdown() => $"---\ntitle: \"{title.Replace("\"", "\\\"", StringComparison.Ordinal)}\"\n---\n\n<style>\n{PartStyle}\n</style>\n{EmptyLine().Replace(_body.ToString(), "")}";

    private static string Inline(string text) => Code().Replace(Escape(text), "<code>$1</code>");

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^\s*\n", RegexOptions.Multiline)]
    private static partial Regex EmptyLine();

    public override string ToString() => $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width,initial-scale=1">
        <title>{Escape(title)}</title>
        <style>
        {PageStyle}
        {PartStyle}
        </style>
        </head>
        <body>
        {_body}</body>
        </html>

        """;
}
