using System.Collections.Immutable;
using System.Numerics;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;

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
            WeightCount = ends[(int)Role.Seeded],
            GradientCount = ends[(int)Role.Seeded],
            TangentCount = ends[(int)Role.Seeded],
            Chunk = 128,
            ScratchPerRow = 0,
            GradientScratchPerRow = 0,
            ForwardFlops = 0,
            BackwardFlops = 0,
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

    private sealed unsafe class Rows<T>(Module module, MapDescription description, Mistake mistake)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Forward(T* w, T* x, T* y, int rows)
        {
            if (y != null)
            {
                Write(At(w).Evaluate(Read(x, rows * module.Inputs)), y, Mistake.Forward);
            }
        }

        public void Backward(T* w, T* g, T* x, T* dy, T* dx, int rows)
        {
            InterpretedGradient gradient = At(w).Gradient(Read(x, rows * module.Inputs), Read(dy, rows * module.Outputs));
            if (dx != null)
            {
                Write(gradient.Input, dx, Mistake.InputGradient);
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

        public void Tangent(T* w, T* dw, T* x, T* dx, T* dy, int rows)
        {
            double[][] directions = [.. description.Parameters.Select(info => Read(dw == null ? null : dw + info.Offset, info.Length))];
            int count = rows * module.Inputs;
            Write(At(w).Tangent(Read(x, count), Read(dx, count), directions), dy, Mistake.Tangent);
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

    private sealed unsafe class Linear<T>(MapDescription description, Rows<T> rows) : LinearMap<T>(description)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        protected override void Prepare(T* w)
        {
        }

        protected override void PrepareTangent(T* w, T* dw)
        {
        }

        protected override void PrepareGradient(T* w, T* g, T* dw)
        {
        }

        protected override void ForwardRows(T* w, T* x, T* y, T* s, int count) => rows.Forward(w, x, y, count);

        protected override void BackwardRows(T* w, T* g, T* dw, T* x, T* dy, T* dx, T* s, int count, bool first) => rows.Backward(w, g, x, dy, dx, count);

        protected override void TangentRows(T* w, T* dw, T* x, T* dx, T* dy, T* s, int count) => rows.Tangent(w, dw, x, dx, dy, count);
    }

    private sealed unsafe class Nonlinear<T>(MapDescription description, Rows<T> rows) : Map<T>(description)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        protected override void Prepare(T* w)
        {
        }

        protected override void PrepareTangent(T* w, T* dw)
        {
        }

        protected override void PrepareGradient(T* w, T* g, T* dw)
        {
        }

        protected override void ForwardRows(T* w, T* x, T* y, T* s, int count) => rows.Forward(w, x, y, count);

        protected override void BackwardRows(T* w, T* g, T* dw, T* x, T* dy, T* dx, T* s, int count, bool first) => rows.Backward(w, g, x, dy, dx, count);

        protected override void TangentRows(T* w, T* dw, T* x, T* dx, T* dy, T* s, int count) => rows.Tangent(w, dw, x, dx, dy, count);
    }
}
