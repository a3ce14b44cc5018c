namespace Weft.Generators;

/// <summary>The names of the generator's steps, as the driver reports them.</summary>
internal static class TrackingNames
{
    public const string ProjectOptions = nameof(ProjectOptions);
    public const string FileOptions = nameof(FileOptions);
    public const string Texts = nameof(Texts);
    public const string Parsed = nameof(Parsed);
    public const string Files = nameof(Files);
    public const string HasIlgpu = nameof(HasIlgpu);
    public const string Bound = nameof(Bound);
    public const string FileUnits = nameof(FileUnits);
    public const string AttributeUses = nameof(AttributeUses);
    public const string BoundAttributes = nameof(BoundAttributes);
    public const string AttributeUnits = nameof(AttributeUnits);
    public const string FileCode = nameof(FileCode);
    public const string AttributeCode = nameof(AttributeCode);
    public const string Declared = nameof(Declared);
    public const string Clashes = nameof(Clashes);
    public const string FileDiagnostics = nameof(FileDiagnostics);

    public static IEnumerable<string> All { get; } =
    [
        ProjectOptions, FileOptions, Texts, Parsed, Files, Bound, FileUnits, AttributeUses, BoundAttributes, AttributeUnits,
        FileCode, AttributeCode, HasIlgpu, Declared, Clashes, FileDiagnostics,
    ];
}
