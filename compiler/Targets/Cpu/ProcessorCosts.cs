using Weft.Compiler.Operations;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>What a processor takes for the steps of a forward pass.</summary>
/// <param name="processor">The processor.</param>
/// <param name="elementSize">Bytes of an element.</param>
/// <param name="rows">Rows of the batch.</param>
public sealed class ProcessorCosts(ProcessorModel processor, int elementSize, int rows) : ITargetCosts
{
    private readonly KernelSelector _selector = new(processor, elementSize, rows);

    /// <summary>A step with its start, in operations at full rate.</summary>
    public double Of(Step step) => processor.OperationsPerStep + step switch
    {
        KernelStep kernel => _selector.Operations(kernel.Contraction, kernel.Kernel),
        SlicedFanInStep sliced => ((processor.OperationsPerSlicedEntry.Load * ((rows + 3) / 4)) + (processor.OperationsPerSlicedEntry.Product * rows)) * sliced.Lanes * sliced.Steps,
        LoopStep loop => loop.Count * loop.Body.Sum(Of),
        Operation operation => operation.Cost(this),
        _ => throw new InvalidOperationException(step.Describe()),
    };

    public double Contraction(Contraction contraction) => _selector.Operations(contraction, _selector.Select(contraction).Kernel);

    public double Elements(Storage storage) => processor.OperationsPerElement * (storage.IsPerRow ? rows : 1) * storage.Length;

    public double Operations(Storage storage, double count) => (storage.IsPerRow ? rows : 1) * count;

    public double Reflected(long count) => processor.OperationsPerReflectedElement * rows * count;

    public double Entries(long count) => processor.OperationsPerEntry * Vectors() * count;

    /// <summary>Vectors that rows fill: the widest, then narrower ones down to 128 bits, then single elements.</summary>
    private int Vectors()
    {
        int vectors = 0, rest = rows;
        for (int bytes = processor.VectorBytes; bytes >= 16; bytes /= 2)
        {
            vectors += rest / (bytes / elementSize);
            rest %= bytes / elementSize;
        }

        return vectors + rest;
    }
}
