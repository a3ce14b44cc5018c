using System.Globalization;
using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>One link of a module's chain.</summary>
public abstract record Link;

/// <summary>Applies a linear operator.</summary>
public sealed record LinearLink(Operator Operator) : Link;

/// <summary>Adds a vector to every row of the batch.</summary>
public sealed record BiasLink(TensorExpression Bias) : Link;

/// <summary>Applies a function that is not linear.</summary>
public abstract record NonlinearLink : Link
{
    /// <summary>How it is written.</summary>
    public abstract string Name { get; }

    /// <summary>What it does with each row.</summary>
    public abstract FunctionDefinition Definition { get; }

    /// <summary>The length of the result for a vector of a length.</summary>
    public virtual int Outputs(int inputs) => inputs;

    /// <summary>Whether its derivative is handed its value, which is kept for that.</summary>
    public virtual bool KeepsValue => false;
}

/// <summary>Applies a function to every element. Gelu is the tanh form (Hendrycks and Gimpel 2016).</summary>
public sealed record ActivationLink(Activation Activation) : NonlinearLink
{
    public override string Name => Activations.Name(Activation);

    public override FunctionDefinition Definition => Activations.Definition(Activation);
}

/// <summary>Applies a function of tensors to each vector, as rows of <paramref name="Length"/> consecutive elements.</summary>
/// <param name="Function">One whose <see cref="TensorFunction.IsLink"/> holds.</param>
/// <param name="Length">A divisor of the vector's length.</param>
/// <param name="Number">The number that the function takes, if it takes one.</param>
public sealed record FunctionLink(TensorFunction Function, int Length, double Number) : NonlinearLink
{
    public override string Name
    {
        get
        {
            double?[] arguments = [Function.Number is null ? null : Number, Function.IsElementwise ? null : Length];
            string list = string.Join(", ", arguments.OfType<double>().Select(argument => argument.ToString("R", CultureInfo.InvariantCulture)));
            return list.Length == 0 ? Function.Name : $"{Function.Name}({list})";
        }
    }

    public override FunctionDefinition Definition => Function.Definition!(Number, Length);

    /// <summary>The runtime's functions are handed it.</summary>
    public override bool KeepsValue => Function.Kernel is not null || Definition.Gradient.Leaves.Contains(FunctionOperation.Result);

    public override int Outputs(int inputs) => Function.ReducesRows ? inputs / Length : inputs;
}

/// <summary>
/// A tensor made of what the link is given, which stands in it as <see cref="InputTensor"/>, as often as it likes: values of a layer in index
/// notation, and functions of them. The elements in order are what comes out.
/// </summary>
public sealed record ValueLink(TensorExpression Value) : Link;

/// <summary>How branches are joined, elementwise.</summary>
public enum Joint
{
    Add,
    Hadamard,
}

/// <summary>Gives one input to several chains and joins what comes out: a residual connection, a gate.</summary>
public sealed record BranchLink(Joint Joint, EquatableArray<EquatableArray<Link>> Branches) : Link;

/// <summary>A part of the state of a scan: so many elements of what a step gives, which the next step is given.</summary>
/// <param name="Input">Where they begin in what a step is given.</param>
/// <param name="Output">Where they begin in what it gives.</param>
/// <param name="Length">How many.</param>
public sealed record Carry(int Input, int Output, int Length);

/// <summary>
/// Applies a step to each of several consecutive parts of a vector, one after the other. A step is given its part and the state that the one before
/// has left, zeros at first, and gives a part of the result and the next state.
/// </summary>
/// <param name="Steps">How many parts there are.</param>
/// <param name="Step">What a step does.</param>
/// <param name="Given">Elements that a step is given.</param>
/// <param name="Gives">Elements that it gives.</param>
/// <param name="State">What is handed on, in the order in which it lies in what a step is given.</param>
public sealed record ScanLink(int Steps, EquatableArray<Link> Step, int Given, int Gives, EquatableArray<Carry> State) : Link
{
    /// <summary>Elements of the state.</summary>
    public int Carried => State.Sum(part => part.Length);

    /// <summary>Elements of a part of what the link is given.</summary>
    public int PartGiven => Given - Carried;

    /// <summary>Elements of a part of what it gives.</summary>
    public int PartGives => Gives - Carried;

    /// <summary>What a step is given beside the state, in runs: where each begins in what a step is given, where in its part, and how long it is.</summary>
    public IEnumerable<(int At, int Part, int Length)> Reads => Between(State.Select(part => (part.Input, part.Length)), Given);

    /// <summary>What it gives beside the state, likewise.</summary>
    public IEnumerable<(int At, int Part, int Length)> Writes => Between(State.Select(part => (part.Output, part.Length)), Gives);

    private static IEnumerable<(int At, int Part, int Length)> Between(IEnumerable<(int Start, int Length)> state, int length)
    {
        (int at, int part) = (0, 0);
        foreach ((int start, int count) in state.OrderBy(one => one.Start).Append((length, 0)))
        {
            if (start > at)
            {
                yield return (at, part, start - at);
                part += start - at;
            }

            at = start + count;
        }
    }
}

/// <summary>A number that training adds to a loss.</summary>
/// <param name="Name">Unique in the module, with the path to its declaration before it, as parameters have: <c>stem.sparsity</c>.</param>
/// <param name="Value">A scalar that depends on parameters alone.</param>
public sealed record Penalty(string Name, TensorExpression Value);

/// <summary>A bound declaration with every size known: what becomes one type.</summary>
/// <param name="Name">The declaration's name, as written.</param>
/// <param name="Formula">The declaration's text, for documentation.</param>
/// <param name="Documentation">The text of its documentation comment.</param>
/// <param name="Inputs">Length of the input vector.</param>
/// <param name="Outputs">Length of the output vector.</param>
/// <param name="Links">What is applied, first to last. One <see cref="LinearLink"/> for an operator.</param>
/// <param name="Parameters">All parameters, in the order of declaration; each once, however often it is used.</param>
public sealed record Module(
    string Name,
    string Formula,
    string Documentation,
    int Inputs,
    int Outputs,
    EquatableArray<Link> Links,
    EquatableArray<Parameter> Parameters)
{
    /// <summary>The parts of a row of x that have names; none where it is one vector.</summary>
    public EquatableArray<Port> InputPorts { get; init; }

    /// <summary>The parts of a row of y that have names; none where it is one vector.</summary>
    public EquatableArray<Port> OutputPorts { get; init; }

    /// <summary>What training adds to a loss.</summary>
    public EquatableArray<Penalty> Penalties { get; init; }

    /// <summary>The penalties as a map of the same parameters, from 1 to one number each; null where there are none.</summary>
    public Module? PenaltyMap => Penalties.Count == 0 ? null : this with
    {
        Name = $"{Name}.Penalties",
        Formula = string.Join("\n", Penalties.Select(penalty => $"{penalty.Name} = {AlgebraPrinter.Print(penalty.Value)}")),
        Documentation = "",
        Inputs = 1,
        Outputs = Penalties.Count,
        Links = EquatableArray.Of<Link>(new LinearLink(Penalties.Count == 1
            ? Times(Penalties[0])
            : new VerticalStack(Penalties.Select(Times).ToEquatable()))),
        InputPorts = default,
        OutputPorts = default,
        Penalties = default,
    };

    private static Operator Times(Penalty penalty) => new ScaledByTensor(penalty.Value, new Identity(1));

    /// <summary>What is drawn anew for each row in training.</summary>
    public IEnumerable<NoiseTensor> Noise => NoiseOf(Links);

    /// <summary>The noise in links, each tensor once.</summary>
    public static IEnumerable<NoiseTensor> NoiseOf(EquatableArray<Link> links) =>
        links.SelectMany(link => link.Tensors()).SelectMany(tensor => tensor.DescendantsAndSelf()).OfType<NoiseTensor>().Distinct();

    /// <summary>Whether the map is linear in its input: it then has an adjoint and a dense form.</summary>
    public bool IsLinear => Links.All(link => link is LinearLink);

    /// <summary>What is applied altogether; null where the map is not linear.</summary>
    public Operator? Operator => !IsLinear ? null : Links.Count switch
    {
        0 => new Identity(Inputs),
        1 => ((LinearLink)Links[0]).Operator,
        _ => new Product(Links.Cast<LinearLink>().Reverse().Select(link => link.Operator).ToEquatable()),
    };
}
