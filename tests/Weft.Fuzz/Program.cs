using System.CommandLine;
using Weft.Fuzz;
using Weft.Fuzz.Targets;

var names = new Argument<string[]>("targets") { Description = $"What is fuzzed: {string.Join(", ", AllTargets.Names)}; all unless given.", Arity = ArgumentArity.ZeroOrMore };
names.AcceptOnlyFromAmong([.. AllTargets.Names]);
var count = new Option<long>("--count") { Description = "The most inputs for each target.", DefaultValueFactory = _ => long.MaxValue };
var time = new Option<double>("--time") { Description = "The most seconds for each target.", DefaultValueFactory = _ => 60 };
var seed = new Option<int>("--seed") { Description = "What inputs are drawn from.", DefaultValueFactory = _ => 1 };
var first = new Option<long>("--first") { Description = "The number of the first input of the seed." };
var folder = new Option<string>("--output") { Description = "Where inputs that fail go.", DefaultValueFactory = _ => "fuzz-output" };
var replay = new Option<FileInfo[]>("--replay") { Description = "Runs these inputs of the one target instead.", AllowMultipleArgumentsPerToken = true };
var root = new RootCommand("Feeds what nobody would write to the parser, the binder, the generator, the readers of files and the maps.") { names, count, time, seed, first, folder, replay };
root.SetAction(parsed =>
{
    string[] chosen = parsed.GetValue(names) is { Length: > 0 } some ? some : [.. AllTargets.Names];
    var fuzzer = new Fuzzer(parsed.GetRequiredValue(folder), Console.Out);
    int faults = 0;
    foreach (FuzzTarget target in chosen.Select(AllTargets.Get))
    {
        if (parsed.GetValue(replay) is { Length: > 0 } files)
        {
            Fuzzer.OnSmallStack(() =>
            {
                foreach (FileInfo file in files)
                {
                    Exception? fault = target.Fault(File.ReadAllBytes(file.FullName))?.Fault;
                    faults += fault is null ? 0 : 1;
                    Console.WriteLine($"{file.Name}: {fault?.ToString() ?? "passes"}");
                }
            });
        }
        else
        {
            faults += fuzzer.Run(target, parsed.GetValue(seed), parsed.GetValue(first), parsed.GetValue(count), TimeSpan.FromSeconds(parsed.GetValue(time)));
        }
    }

    return faults == 0 ? 0 : 1;
});
return root.Parse(args).Invoke();
