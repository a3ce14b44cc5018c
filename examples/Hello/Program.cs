using Weft;

using var mixer = new Mixer();
mixer.Initialize(seed: 1);
float[] x = [.. Enumerable.Range(0, 2 * mixer.Inputs).Select(i => MathF.Sin(i))], y = new float[2 * mixer.Outputs];
mixer.Forward(x, y); // a batch of two rows
Console.WriteLine($"y = {string.Join("  ", y.Take(5).Select(value => $"{value:F4}"))} …");
Console.WriteLine($"{mixer.ParameterCount:N0} parameters; a dense matrix has {mixer.Inputs * mixer.Outputs:N0}.");

[Weft("monarch(1024, 32)")]
internal sealed partial class Mixer;
