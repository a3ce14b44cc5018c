using System.Globalization;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Tests.Ilgpu;

/// <summary>What ILGPU makes of every kernel of the standard library; no GPU is needed.</summary>
public class PtxTests
{
    [Theory]
    [InlineData(Scalar.Float)]
    [InlineData(Scalar.Double)]
    public void EveryKernelCompiles_WithoutExternalsAndSpills_AndWithVectors(Scalar scalar)
    {
        string[] formulas =
        [
            "gelu . dense(70, 83) . silu . dense(83, 83) . tanh . dense(83, 83) . sigmoid . softplus . relu . dense(83, 90)",
            "monarch(1024, 32)",
            "operator f : 83 -> 70\n  frozen(bf16) W[70, 40]\n  param(half) V[40, 83]\n  = W * V",
            "operator f : 96 -> 72\n  frozen(bf16) W[72, 40]\n  param(half) V[40, 96]\n  = W * V",
            .. IlgpuTests.VectorFormulas,
        ];
        Module[] modules = [.. formulas.Select((formula, k) => TestModules.Formula(formula) with { Name = string.Create(CultureInfo.InvariantCulture, $"G{k}") })];
        using WeftAssembly assembly = WeftAssembly.Compile(modules.SelectMany(module =>
        {
            var options = new GenerateOptions(module.Name, Scalar: scalar, Targets: DeviceTargets.Ilgpu);
            return new[] { (module, options), (module, options.ForIlgpu("public")) };
        }));
        using Context context = Context.Create(builder => builder.CPU(CPUDeviceKind.AMD).Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_80, null!);
        int kernels = 0;
        string wide = scalar == Scalar.Float ? "v4.f32" : "v2.f64";
        Dictionary<string, int> vectors = new[] { $"ld.global.{wide}", $"st.global.{wide}", $"ld.shared.{wide}", "ld.global.v4.b32" }.ToDictionary(text => text, _ => 0);

        // In double precision the library's kernels are the same but for the type.
        IEnumerable<Type> library = scalar == Scalar.Float ? Library.OnDevices.Select(module => Library.Compiled(Scalar.Float).Find(module.Name + "Gpu")) : [];
        foreach (Type type in library.Concat(modules.Select(module => assembly.Find(module.Name + "Gpu"))))
        {
            IEnumerable<MethodInfo> methods = type.GetNestedType("Device", BindingFlags.NonPublic)!.GetMethods(BindingFlags.Static | BindingFlags.NonPublic);
            foreach (MethodInfo kernel in methods.Where(method => method.Name.StartsWith("Kernel", StringComparison.Ordinal)))
            {
                var compiled = (PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelSpecialization.Empty);
                string ptx = compiled.PTXAssembly;
                Assert.DoesNotContain(".extern .func", ptx, StringComparison.Ordinal);
                Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal);
                foreach (string instruction in vectors.Keys)
                {
                    vectors[instruction] += ptx.Split(instruction).Length - 1;
                }

                kernels++;
            }
        }

        string counts = $"{kernels} kernels: {string.Join(", ", vectors)}";
        Assert.True(kernels > 100 && vectors.Values.All(count => count > 10), counts);
    }
}
