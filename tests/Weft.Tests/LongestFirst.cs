using Xunit.Abstractions;

[assembly: TestCollectionOrderer("Weft.Tests." + nameof(Weft.Tests.LongestFirst), "Weft.Tests")]

namespace Weft.Tests;

/// <summary>Classes run beside each other, as many as there are cores; the longest begin first, so that none is left alone at the end.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly Type[] Long =
    [
        typeof(OpenCl.OpenClFormulaTests), typeof(Formulas.InstructionSetTests), typeof(Formulas.LibraryFormulasTests), typeof(Formulas.LibraryFormulasInFloatTests), typeof(Formulas.StorageFormatTests),
        typeof(Formulas.RandomFormulasTests), typeof(Onnx.OnnxExportTests), typeof(Formulas.TileTests), typeof(Syntax.HostileInputTests), typeof(Fitting.ProjectionTests),
        typeof(OpenCl.OclgrindTests), typeof(Examples.DigitsTests), typeof(Ilgpu.PtxTests), typeof(Verification.DeviceVerifierTests), typeof(Formulas.FewRowsTests),
        typeof(OpenCl.DeviceTrainingTests), typeof(OpenCl.OpenClMapTests), typeof(Formulas.BlockTests), typeof(Runtime.ContractionTests), typeof(Fuzz.FuzzTests),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) => testCollections.OrderBy(collection =>
        Array.FindIndex(Long, type => collection.DisplayName.EndsWith(" " + type.FullName, StringComparison.Ordinal)) is >= 0 and var place ? place : Long.Length);
}
