namespace Weft.Examples.Digits.Training;

/// <summary>The rows of a step, and what the outputs are compared to: for the processor, and for a GPU.</summary>
/// <param name="Inputs">[rows, inputs]</param>
/// <param name="Loss">The loss with its targets.</param>
/// <param name="DeviceLoss">The same loss.</param>
/// <param name="Targets">The same targets.</param>
internal readonly record struct Batch<TLoss>(ReadOnlyMemory<float> Inputs, TLoss Loss, DeviceLoss DeviceLoss, ReadOnlyMemory<float> Targets)
    where TLoss : struct, ILoss<float>;
