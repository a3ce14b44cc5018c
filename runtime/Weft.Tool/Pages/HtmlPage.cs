using System.Net;
using System.Text;

namespace Weft.Tool.Pages;

/// <summary>A page that needs no other file, in light and in dark, on wide screens and on narrow ones.</summary>
internal sealed class HtmlPage(string title)
{
    private const string Style = """
        :root{color-scheme:light dark;--ink:#24292f;--faint:#57606a;--line:#d0d7de;--box:#f6f8fa;--link:#0969da}
        @media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#9198a1;--line:#3d444d;--box:#161b22;--link:#4493f8;background:#0d1117}}
        body{color:var(--ink);font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
        h1,h2,h3{line-height:1.25}h2{border-bottom:1px solid var(--line);margin-top:2rem;padding-bottom:.25rem}
        a{color:var(--link)}p.faint,.faint{color:var(--faint)}
        pre{background:var(--box);border:1px solid var(--line);border-radius:6px;font:14px/1.45 ui-monospace,monospace;max-height:40rem;overflow:auto;padding:.75rem}
        table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid var(--line);padding:.25rem .6rem;text-align:left}td.number{text-align:right}
        summary{cursor:pointer}.pictures{display:flex;flex-wrap:wrap;gap:1rem}.pictures svg{height:auto;max-width:100%}
        """;

    private readonly StringBuilder _body = new();

    /// <summary>A heading.</summary>
    /// <param name="level">From 1, that of the page.</param>
    /// <param name="text">What it says.</param>
    public HtmlPage Heading(int level, string text) => Line($"<h{level}>{Escape(text)}</h{level}>");

    public HtmlPage Paragraph(string text) => Line($"<p>{Escape(text)}</p>");

    public HtmlPage List(IEnumerable<string> items) => Line($"<ul>{string.Concat(items.Select(item => $"<li>{Escape(item)}</li>"))}</ul>");

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

    public override string ToString() => $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width,initial-scale=1">
        <title>{Escape(title)}</title>
        <style>
        {Style}
        </style>
        </head>
        <body>
        {_body}</body>
        </html>

        """;
}
