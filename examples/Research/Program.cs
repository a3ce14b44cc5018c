using Weft.Examples;
using Weft.Examples.Research;

return SampleCommand.Run("research", "Compares a structure from a paper with the library's at equal numbers of parameters.", Comparison.Run, args, Console.Out, Console.Error);
