using System.CommandLine;
using Weft.Compiler;
using Weft.Tool;

var files = new Argument<FileInfo[]>("files") { Description = "The .weft files.", Arity = ArgumentArity.OneOrMore };
var optionalFiles = new Argument<FileInfo[]>("files") { Description = "The .weft files.", Arity = ArgumentArity.ZeroOrMore };
var operatorName = new Option<string?>("--operator") { Description = "Only the declaration of this name." };
var formula = new Option<string?>("--formula") { Description = "A formula instead of a file's declarations: \"monarch(1024, 32)\"." };
var batch = new Option<int>("--batch") { Description = "The rows that plans are made for.", DefaultValueFactory = _ => 64 };
var scalar = new Option<Scalar>("--scalar") { Description = "The element type.", DefaultValueFactory = _ => Scalar.Float };
batch.Validators.Add(result =>
{
    if (result.Tokens is [{ Value: var rows }] && (!int.TryParse(rows, out int count) || count < 1))
    {
        result.AddError($"--batch is {rows}: a number of rows from 1 was expected.");
    }
});

var check = new Command("check", "Reports what is wrong with files.") { files };
check.SetAction(parsed => new Session(parsed.GetRequiredValue(files), formula: null).Check());

Command Report(string name, string description, Func<GeneratedType, string> text)
{
    var command = new Command(name, description) { optionalFiles, operatorName, formula, batch, scalar };
    command.SetAction(parsed => new Session(parsed.GetRequiredValue(optionalFiles), parsed.GetValue(formula))
        .Print(parsed.GetValue(operatorName), parsed.GetValue(batch), parsed.GetValue(scalar), text));
    return command;
}

return new RootCommand("Weft: structured linear maps from formulas.")
{
    check,
    Report("explain", "Prints shapes, costs, the plan that was chosen and those that were not.", type => type.Explanation),
    Report("emit", "Prints the C# that a declaration becomes.", type => type.Code),
}.Parse(args).Invoke();
