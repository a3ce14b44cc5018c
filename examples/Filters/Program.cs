using Weft.Examples;
using Weft.Examples.Filters;

return SampleCommand.Run("filters", "Learns filters against noise as structured matrices.", Denoising.Run, args, Console.Out, Console.Error);
