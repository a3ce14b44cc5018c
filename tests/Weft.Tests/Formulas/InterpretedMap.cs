using System.Collections.Immutable;
using System.Numerics;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Kernels;

namespace Weft.Tests.Formulas;

/// <summary>Which result of an <see cref="InterpretedMap"/> is wrong on purpose, in its last number.</summary>
public enum Mistake
{
    None,
    Forward,
    InputGradient,
    ParameterGradient,
    Tangent,
}

/// <summary>Maps that ask the interpreter: what the battery itself is tested with.</summary>
internal static class InterpretedMap
{
    public static Map<T> Create<T>(Module module, Mistake mistake = Mistake.None)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        MapDescription description = Describe(module);
        var rows = new Rows<T>(module, description, mistake);
        return module.IsLinear ? new Linear<T>(description, rows) : new Nonlinear<T>(description, rows);
    }

    private static MapDescription Describe(Module module)
    {
        var placed = new Dictionary<string, ParameterInfo>(StringComparer.Ordinal);
        int offset = 0;
        int[] ends = new int[3];
        foreach (Role role in Enum.GetValues<Role>())
        {
            foreach (Parameter parameter in module.Parameters.Where(parameter => parameter.Role.ToString() == role.ToString()))
            {
                placed.Add(parameter.Name, new ParameterInfo(
                    parameter.Name, offset, [.. parameter.Shape], role, Start(parameter), parameter.Seed));
                offset += parameter.Length;
            }

            ends[(int)role] = offset;
        }

        return new MapDescription
        {
            Name = module.Name,
            Formula = module.Formula,
            Inputs = module.Inputs,
            Outputs = module.Outputs,
            TrainedCount = ends[(int)Role.Trained],
            ParameterCount = ends[(int)Role.Frozen],
            ForwardFlops = 0,
            BackwardFlops = 0,
            Penalties = [.. module.Penalties.Select(penalty => penalty.Name)],
            Parameters = [.. module.Parameters.Select(parameter => placed[parameter.Name])],
        };
    }

    /// <summary>Tables hold positions, and everything else is normal.</summary>
    private static Initializer Start(Parameter parameter) => parameter.Initializer switch
    {
        { Distribution: Distribution.Whole, Scale: var size } => new(Distribution.Whole, size),
        { Distribution: Distribution.Distinct, Scale: var size } => new(Distribution.Distinct, size),
        _ => new(Distribution.Normal, 1),
    };

    private sealed unsafe class Rows<T>(Module module, MapDescription description, Mistake mistake) : MapProgram<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public override MapLayout Layout { get; } = new()
        {
            WeightCount = Length(module),
            GradientCount = Length(module),
            TangentCount = Length(module),
            MostRows = 128,
            ScratchPerRow = 0,
            GradientScratchPerRow = 0,
        };

        public override Map<T>? CreatePenalties() => module.PenaltyMap is { } penalties ? Create<T>(penalties) : null;

        private static int Length(Module module) => module.Parameters.Sum(parameter => parameter.Length);

        public override void ForwardRows(T* w, T* x, T* y, T* s, int rows)
        {
            if (y != null)
            {
                Write(At(w).Evaluate(Read(x, rows * module.Inputs)), y, Mistake.Forward);
            }
        }

        public override void BackwardRows(T* w, T* g, T* dw, in Chunk<T> chunk, bool first)
        {
            InterpretedGradient gradient = At(w).Gradient(Read(chunk.X, chunk.Rows * module.Inputs), Read(chunk.Dy, chunk.Rows * module.Outputs));
            if (chunk.Dx != null)
            {
                Write(gradient.Input, chunk.Dx, Mistake.InputGradient);
            }

            for (int k = 0; g != null && k < module.Parameters.Count; k++)
            {
                if (description.Parameters[k].Role != Weft.Role.Trained)
                {
                    continue;
                }

                T* target = g + description.Parameters[k].Offset;
                double[] sum = Read(target, module.Parameters[k].Length);
                Write([.. sum.Zip(gradient.Parameters[k], (a, b) => a + b)], target, Mistake.ParameterGradient);
            }
        }

        public override void TangentRows(T* w, T* dw, in Chunk<T> chunk)
        {
            double[][] directions = [.. description.Parameters.Select(info => Read(dw == null ? null : dw + info.Offset, info.Length))];
            int count = chunk.Rows * module.Inputs;
            Write(At(w).Tangent(Read(chunk.X, count), Read(chunk.Dx, count), directions), chunk.Dy, Mistake.Tangent);
        }

        private Interpreter At(T* w) =>
            new(module, [.. description.Parameters.SelectMany(info => Read(w + info.Offset, info.Length))]);

        /// <summary>A null pointer is zero.</summary>
        private static double[] Read(T* source, int count)
        {
            double[] values = new double[count];
            for (int i = 0; i < count && source != null; i++)
            {
                values[i] = double.CreateChecked(source[i]);
            }

            return values;
        }

        private void Write(double[] values, T* target, Mistake place)
        {
            for (int i = 0; i < values.Length; i++)
            {
                bool wrong = mistake == place && i == values.Length - 1;
                target[i] = T.CreateChecked(values[i] + (wrong ? 1e-3 * (1 + Math.Abs(values[i])) : 0));
            }
        }
    }

    private sealed class Linear<T>(MapDescription description, MapProgram<T> program) : LinearMap<T>(description, program)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    private sealed class Nonlinear<T>(MapDescription description, MapProgram<T> program) : Map<T>(description, program)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}
