using System.CommandLine;

namespace Weft.Tool.Commands;

/// <summary><c>weft completion</c>: a script that lets a shell ask the tool, by its directive <c>[suggest]</c>, how a line can go on.</summary>
internal static class CompletionCommand
{
    private static readonly Dictionary<string, string> s_scripts = new(StringComparer.Ordinal)
    {
        ["bash"] = """
            # In ~/.bashrc: source <(weft completion bash)
            _weft() {
              local IFS=$'\n'
              COMPREPLY=($(weft "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2> /dev/null))
            }
            complete -o default -o filenames -F _weft weft
            """,
        ["zsh"] = """
            # In ~/.zshrc: source <(weft completion zsh)
            _weft() {
              local -a found
              found=("${(@f)$(weft "[suggest:${CURSOR}]" "${BUFFER}" 2> /dev/null)}")
              compadd -a found
              _files
            }
            compdef _weft weft
            """,
        ["fish"] = """
            # In ~/.config/fish/config.fish: weft completion fish | source
            complete -c weft -a '(set -l line (commandline -cp); weft "[suggest:"(string length -- $line)"]" $line 2> /dev/null)'
            """,
        ["pwsh"] = """
            # In $PROFILE: weft completion pwsh | Out-String | Invoke-Expression
            Register-ArgumentCompleter -Native -CommandName weft -ScriptBlock {
                param($word, $line, $position)
                weft "[suggest:$position]" "$line" 2> $null | ForEach-Object {
                    $text = if ($_ -match '[^\w-]') { "'$_'" } else { $_ }
                    [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    public static Command Create(Session session)
    {
        var shell = new Argument<string>("shell") { Description = $"The shell: {string.Join(", ", s_scripts.Keys)}." };
        shell.AcceptOnlyFromAmong([.. s_scripts.Keys]);
        var command = new Command("completion", "Prints a script that completes command lines in a shell.") { shell };
        command.SetAction(parsed =>
        {
            session.Output.WriteLine(s_scripts[parsed.GetRequiredValue(shell)]);
            return 0;
        });
        return command;
    }
}
