namespace Weft.Benchmarks.Gpu;

/// <summary>A map that is timed.</summary>
internal sealed record Subject(string Name, int Size, Func<LinearMap<float>> New)
{
    public static IReadOnlyList<Subject> All { get; } =
    [
        new("Monarch", 1024, () => new Monarch1024()),
        new("Kronecker", 1024, () => new Kronecker1024()),
        new("Block tensor train", 1024, () => new Btt1024()),
        new("BLAST", 1024, () => new Blast1024()),
        new("LoRA", 1024, () => new Lora1024()),
        new("Householder", 1024, () => new Householder1024()),
        new("Monarch", 2048, () => new Monarch2048()),
        new("Kronecker", 2048, () => new Kronecker2048()),
        new("Block tensor train", 2048, () => new Btt2048()),
        new("BLAST", 2048, () => new Blast2048()),
        new("LoRA", 2048, () => new Lora2048()),
        new("Householder", 2048, () => new Householder2048()),
        new("Monarch", 4096, () => new Monarch4096()),
        new("Kronecker", 4096, () => new Kronecker4096()),
        new("Block tensor train", 4096, () => new Btt4096()),
        new("BLAST", 4096, () => new Blast4096()),
        new("LoRA", 4096, () => new Lora4096()),
        new("Householder", 4096, () => new Householder4096()),
        new("Monarch", 8192, () => new Monarch8192()),
        new("Kronecker", 8192, () => new Kronecker8192()),
        new("Block tensor train", 8192, () => new Btt8192()),
        new("BLAST", 8192, () => new Blast8192()),
        new("LoRA", 8192, () => new Lora8192()),
        new("Householder", 8192, () => new Householder8192()),
        new("Monarch", 16384, () => new Monarch16384()),
        new("Kronecker", 16384, () => new Kronecker16384()),
        new("Block tensor train", 16384, () => new Btt16384()),
        new("BLAST", 16384, () => new Blast16384()),
        new("LoRA", 16384, () => new Lora16384()),
        new("Householder", 16384, () => new Householder16384()),
    ];
}
