using Weft.Examples;
using Weft.Examples.Edge;

return SampleCommand.Run("edge", "Recognizes gestures by a dense layer and by compressed ones.", Recognition.Run, args, Console.Out, Console.Error);
