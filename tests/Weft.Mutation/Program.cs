using System.CommandLine;
using Weft.Mutation;

var project = new Option<string>("--project") { Description = "The folder of the project to mutate.", DefaultValueFactory = _ => "compiler" };
var folders = new Option<string[]>("--folders")
{
    Description = "Its folders to mutate.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => ["Rewriting", "Network", "Planning", "Targets/Cpu", "Emission", "Targets/Device"],
};
var seed = new Option<int>("--seed") { Description = "Chooses the mutants.", DefaultValueFactory = _ => 1 };
var count = new Option<int>("--count") { Description = "How many of each folder.", DefaultValueFactory = _ => 100 };
var output = new Option<string>("--output") { Description = "The report.", DefaultValueFactory = _ => "mutants.md" };
var command = new RootCommand("Mutates the compiler or the runtime, and reports what no check notices. Build tests/Weft.Tests in Release first.")
{
    project, folders, seed, count, output,
};
command.SetAction(parsed => new Session(
    parsed.GetRequiredValue(project),
    parsed.GetRequiredValue(folders),
    parsed.GetValue(count),
    parsed.GetValue(seed)).Run(parsed.GetRequiredValue(output)));
return command.Parse(args).Invoke();
