using System.CommandLine;
using Weft.Examples.Distributed;
using Weft.Mpi;

var quick = new Option<bool>("--quick") { Description = "As few steps as show what is done." };
var dense = new Option<bool>("--dense") { Description = "A dense hidden layer in place of one with two factors." };
var steps = new Option<int?>("--steps") { Description = "The number of steps." };
var checkpoint = new Option<string?>("--checkpoint") { Description = "The file that the run goes on from, where it is there, and that it writes every ten steps." };
var root = new RootCommand("Trains a classifier on several processes: mpiexec -n 2 dotnet distributed.dll") { quick, dense, steps, checkpoint };
root.SetAction(parsed => ProcessGroup.Run(group => Training.Run(
    group,
    parsed.GetValue(dense) ? new DenseTones() : new Tones(),
    parsed.GetValue(steps) ?? (parsed.GetValue(quick) ? 40 : 300),
    parsed.GetValue(checkpoint))));
return root.Parse(args).Invoke();
