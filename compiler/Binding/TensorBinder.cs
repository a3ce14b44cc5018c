using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Binds what declares tensors: parameters with their shapes, roles, formats and starts, and banks.</summary>
internal sealed class TensorBinder(BindingContext context) : Binder(context)
{
    private readonly Dictionary<(Declaration, string), ParameterTensor> _sharedTensors = [];

    public bool BindTensor(TensorsSyntax clause, TensorSyntax tensor, Frame frame)
    {
        int seed = 0;
        if (clause.Seed is not null)
        {
            if (Expressions.BindInteger(clause.Seed, frame) is not { } found)
            {
                return false;
            }

            seed = found;
        }

        if (tensor.Shape.Count > 0)
        {
            frame.WrittenShapes[tensor.Name.Text] = $"[{string.Join(", ", tensor.Shape.Select(frame.Show))}]";
        }

        if (clause.Role is not { } role)
        {
            return BindNoise(tensor, frame);
        }

        if (tensor.Variable is null)
        {
            TensorExpression? single = BindMember(clause, role, tensor, tensor.Name.Text, seed, frame);
            if (single is not null)
            {
                frame.Locals[tensor.Name.Text] = new TensorValue(single);
            }

            return single is not null;
        }

        if (Expressions.BindSize(tensor.Count!, frame) is not { } count)
        {
            return false;
        }

        var members = new List<TensorExpression>();
        bool isBound = BindingContext.WithVariable(tensor.Variable, frame, variable =>
        {
            for (int k = 0; k < count && !Context.IsExhausted; k++)
            {
                variable(new NumberValue(k));
                if (BindMember(clause, role, tensor, $"{tensor.Name.Text}[{k}]", seed, frame) is not { } member)
                {
                    return false;
                }

                members.Add(member);
            }

            return !Context.IsExhausted;
        });
        frame.Locals[tensor.Name.Text] = new FamilyValue(members.ToEquatable());
        return isBound;
    }

    private TensorExpression? BindMember(TensorsSyntax clause, Role role, TensorSyntax tensor, string name, int seed, Frame frame) =>
        BindParameter(clause, role, tensor, name, seed, frame) is { } parameter
            ? clause.Format is { } format ? BindFormat(parameter, format, frame) : parameter
            : null;

    /// <summary>A tensor as its format lets it be read: rounded, each group of the last axis by itself where there are groups.</summary>
    private TensorExpression? BindFormat(ParameterTensor tensor, FormatSyntax syntax, Frame frame)
    {
        (string name, double? bits, bool _) = Builtins.Formats[syntax.Name.Text];
        TensorFunction function = TensorFunction.All[name];
        EquatableArray<double> numbers = bits is { } number ? EquatableArray.Of(number) : default;
        if (function.Check([tensor.Shape], bits ?? 0) is { } fault)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, syntax, $"{fault.Expected} for the format '{syntax.Name.Text}'", $"a tensor {TensorValue.ShapeText(tensor)}");
            return null;
        }

        if (syntax.Group is null)
        {
            return new FunctionTensor(function, EquatableArray.Of<TensorExpression>(tensor), numbers);
        }

        int length = tensor.Shape[tensor.Shape.Count - 1];
        if (Expressions.BindSize(syntax.Group, frame) is not { } group)
        {
            return null;
        }

        if (length % group != 0)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, syntax.Group, $"{group}", $"a divisor of {length}, the length of the last axis");
            return null;
        }

        IEnumerable<int> extents = tensor.Shape.Take(tensor.Shape.Count - 1).Append(length / group).Append(group);
        IndexVariable[] indices = [.. extents.Select((extent, k) => Context.NewIndex("ijklmn"[k % 6].ToString(), extent))];
        EquatableArray<EquatableArray<IndexVariable>> split = indices.Select(index => EquatableArray.Of(index)).ToEquatable();
        EquatableArray<EquatableArray<IndexVariable>> joined =
            split.Take(indices.Length - 2).Append(indices.Skip(indices.Length - 2).ToEquatable()).ToEquatable();
        var groups = new EinsumTensor(split, EquatableArray.Of(new IndexedTensor(tensor, joined.Select(axis => AffineIndex.Group(axis)).ToEquatable())));
        var rounded = new FunctionTensor(function, EquatableArray.Of<TensorExpression>(groups), numbers);
        return new EinsumTensor(joined, EquatableArray.Of(new IndexedTensor(rounded, indices.Select(AffineIndex.Of).ToEquatable())));
    }

    /// <summary>A tensor that is drawn anew for each row and each step of training.</summary>
    private bool BindNoise(TensorSyntax tensor, Frame frame)
    {
        (SyntaxNode? at, string expected, string found) =
            frame.Declaration is { Syntax: MapSyntax { Kind: MapKind.Operator } } ? (tensor, "a layer around noise", "an operator, which is the same for every row")
            : tensor.Variable is not null ? (tensor, $"noise of one shape: '{tensor.Name.Text}[{frame.Show(tensor.Count!)}{string.Concat(tensor.Shape.Select(axis => ", " + frame.Show(axis)))}]'", "a family")
            : tensor.Rate is not null ? (tensor.Rate, "a rate of what is trained", $"one of '{tensor.Name.Text}', which is noise")
            : tensor.Property is { } word ? (word, "noise without a property", $"'{word.Text}'")
            : ((SyntaxNode?)null, "", "");
        if (at is not null)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, at, expected, found);
            return false;
        }

        if (BindShape(tensor.Shape, tensor, frame) is not { } shape || BindNoise(tensor.Distribution, shape, tensor.Name.Text, frame) is not { } noise)
        {
            return false;
        }

        frame.Locals[tensor.Name.Text] = new RowValue(noise);
        return true;
    }

    /// <summary>Noise of a shape; standard normal where no distribution is stated.</summary>
    /// <param name="distribution">The distribution, one of single elements that has a mean.</param>
    /// <param name="shape">The extent of each axis.</param>
    /// <param name="name">What it is called in the declaration.</param>
    /// <param name="frame">The instance that it stands in.</param>
    public NoiseTensor? BindNoise(DistributionSyntax? distribution, EquatableArray<int> shape, string name, Frame frame)
    {
        if (BindInitializer(distribution, null, shape, frame) is not { } initializer)
        {
            return null;
        }

        if (RandomTensor.MeanOfNoise(initializer.Distribution) is null || initializer.IsOverFanIn)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, distribution!, "'normal(std)', 'uniform(a)', 'sign' or 'dropout(p)' for noise", $"'{frame.Show(distribution!)}'");
            return null;
        }

        return Context.NewNoise(frame.Prefix + name, shape, initializer);
    }

    private ParameterTensor? BindParameter(TensorsSyntax clause, Role role, TensorSyntax tensor, string name, int seed, Frame frame)
    {
        if (BindShape(tensor.Shape, tensor, frame) is not { } shape || BindProperty(clause, role, tensor, shape, frame) is not { } property
            || BindInitializer(tensor.Distribution, role, property, shape, frame) is not { } initializer || BindRate(role, tensor, frame) is not { } rate)
        {
            return null;
        }

        if (frame.RoleOf(role) != role)
        {
            (role, rate) = (frame.RoleOf(role), 1);
        }

        var parameter = new Parameter(frame.Prefix + name, shape, role, initializer, role == Role.Seeded ? Stream(seed, name) : 0, rate) { Property = property };
        if (!clause.IsShared)
        {
            return Context.AddParameter(parameter, frame, tensor);
        }

        (Declaration, string) key = (frame.Declaration!, $"{name} {string.Join(" ", shape)} {role} {parameter.Seed}");
        if (!_sharedTensors.TryGetValue(key, out ParameterTensor? shared))
        {
            string fullName = frame.Prefix.Length == 0 ? name : $"{frame.Declaration!.Name}.{name}";
            shared = Context.AddParameter(parameter with { Name = fullName }, frame, tensor);
            if (shared is not null)
            {
                _sharedTensors.Add(key, shared);
            }
        }

        return shared;
    }

    /// <summary>What a tensor is declared to be: what can be made of any numbers, or what is frozen and checked.</summary>
    private TensorProperty? BindProperty(TensorsSyntax clause, Role role, TensorSyntax tensor, EquatableArray<int> shape, Frame frame)
    {
        if (tensor.Property is not { } word)
        {
            return TensorProperty.None;
        }

        TensorProperty property = TensorProperties.ByWord[word.Text];
        int last = shape.Count - 1;
        (string expected, string found) =
            last < 1 || shape[last] != shape[last - 1] ? ($"a square matrix in the last two axes of what is '{word.Text}'", $"a tensor [{string.Join(", ", shape)}]")
            : property == TensorProperty.PositiveDefinite && role != Role.Frozen
                ? ("a frozen tensor that is 'spd'; of a trained one, 'A * A' + s * eye(n)' is with a positive s", $"'{tensor.Name.Text}', which is {role.ToString().ToLowerInvariant()}")
            : property == TensorProperty.Orthogonal && role == Role.Trained
                ? ("a frozen or seeded tensor that is 'orthogonal'; of a trained one, 'orthonormal_rows(V)' and 'cayley(A)' are", $"'{tensor.Name.Text}', which is trained")
            : property is TensorProperty.PositiveDefinite or TensorProperty.Orthogonal && clause.Format is not null
                ? ($"a tensor without a format that is '{word.Text}': rounded it would be so no more", $"'{frame.Show(clause.Format)}'")
            : ("", "");
        if (expected.Length == 0)
        {
            return property;
        }

        Report(DiagnosticDescriptors.WrongKind, frame, word, expected, found);
        return null;
    }

    /// <summary>How many times as fast as others a trained tensor learns.</summary>
    private double? BindRate(Role role, TensorSyntax tensor, Frame frame)
    {
        if (tensor.Rate is null)
        {
            return 1;
        }

        if (role != Role.Trained)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, tensor.Rate, "a rate of what is trained", $"one of '{tensor.Name.Text}', which is {role.ToString().ToLowerInvariant()}");
            return null;
        }

        if (Expressions.BindNumber(tensor.Rate, frame) is { } rate && rate <= 0)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, tensor.Rate, $"the rate {Value.Show(rate)}", "a number above 0");
            return null;
        }

        return Expressions.BindNumber(tensor.Rate, frame);
    }

    /// <summary>The seed of a tensor: its statement's, and its name as declared. Two tensors of one statement differ.</summary>
    private static int Stream(int seed, string name) => RandomNumbers.Combine(seed, name);

    public TensorValue? BindBank(Declaration declaration, Frame user, SyntaxNode use)
    {
        if (!_sharedTensors.TryGetValue((declaration, ""), out ParameterTensor? tensor))
        {
            var bank = (BankSyntax)declaration.Syntax;
            Modules.EnsureChecked(declaration);
            if (declaration.IsBroken)
            {
                if (!Context.VisiblePaths.Contains(declaration.Scope.Path))
                {
                    Report(DiagnosticDescriptors.BrokenDeclaration, user, use, declaration.Name, $"'{declaration.Scope.Path}'");
                }

                return null;
            }

            var frame = new Frame(declaration.Scope, declaration, "", user, use.Span);
            if (BindShape(bank.Shape, bank, frame) is not { } shape || BindInitializer(bank.Distribution, Role.Trained, shape, frame) is not { } initializer)
            {
                return null;
            }

            tensor = Context.AddParameter(new Parameter(bank.Name.Text, shape, Role.Trained, initializer), frame, bank);
            if (tensor is null)
            {
                return null;
            }

            _sharedTensors.Add((declaration, ""), tensor);
        }

        return new TensorValue(tensor);
    }

    private EquatableArray<int>? BindShape(EquatableArray<ExpressionSyntax> axes, SyntaxNode tensor, Frame frame)
    {
        var shape = new List<int>();
        long length = 1;
        foreach (ExpressionSyntax axis in axes)
        {
            if (Expressions.BindSize(axis, frame) is not { } extent)
            {
                return null;
            }

            shape.Add(extent);
            length *= extent;
            if (length > int.MaxValue)
            {
                Report(DiagnosticDescriptors.SizeOutOfRange, frame, tensor, $"a tensor [{string.Join(", ", shape)}] of more elements");
                return null;
            }
        }

        return shape.ToEquatable();
    }

    /// <summary>How a tensor with a property starts: of those that no draw is made into, only as what is so.</summary>
    private Initializer? BindInitializer(DistributionSyntax? distribution, Role role, TensorProperty property, EquatableArray<int> shape, Frame frame)
    {
        if (TensorProperties.Start(property) is not { } usual)
        {
            return BindInitializer(distribution, role, shape, frame);
        }

        if (distribution is null || BindInitializer(distribution, role, shape, frame) is not { } initializer)
        {
            return distribution is null ? usual : null;
        }

        if (property == TensorProperty.PositiveDefinite ? initializer is { Distribution: Distribution.Identity, Scale: > 0 }
            : initializer is { Distribution: Distribution.Identity or Distribution.Orthogonal, Scale: 1 or -1 })
        {
            return initializer;
        }

        string expected = property == TensorProperty.PositiveDefinite ? "'eye(c)' with a c above 0, which is 'spd'" : "'orthogonal' or 'eye', which are so";
        Report(DiagnosticDescriptors.WrongKind, frame, distribution, expected, $"'{frame.Show(distribution)}'");
        return null;
    }

    private Initializer? BindInitializer(DistributionSyntax? distribution, Role? role, EquatableArray<int> shape, Frame frame)
    {
        if (distribution is null)
        {
            return role is Role.Seeded or null ? new Initializer(Distribution.Normal) : Initializer.FanIn();
        }

        (Signature signature, Distribution family, bool isOverFanIn) = Builtins.Distributions[distribution.Name.Text];
        if (family is Distribution.Orthogonal or Distribution.Identity && shape.Count < 2)
        {
            Report(DiagnosticDescriptors.WrongAxes, frame, distribution, $"'{signature.Name}'", "2 axes or more", $"a tensor [{string.Join(", ", shape)}]");
            return null;
        }

        if (distribution.Arguments.Count == 0)
        {
            return new Initializer(family) { IsOverFanIn = isOverFanIn };
        }

        ExpressionSyntax argument = distribution.Arguments[0];
        double? bound = signature.Arguments[0].Kind == ArgumentKind.Size ? Expressions.BindSize(argument, frame) : Expressions.BindNumber(argument, frame);
        if (bound is not { } number)
        {
            return null;
        }

        if (family == Distribution.Dropout && !(number >= 0 && number < 1))
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, argument, $"the probability {Value.Show(number)}", "a number from 0 to below 1");
            return null;
        }

        if (family is Distribution.Normal or Distribution.Paired or Distribution.Uniform && number < 0)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, argument, $"{(family == Distribution.Uniform ? "the bound" : isOverFanIn ? "the gain" : "the deviation")} {Value.Show(number)}", "a number from 0 on");
            return null;
        }

        int row = shape.Count == 0 ? 1 : shape[shape.Count - 1];
        if (family == Distribution.Distinct && number < row)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, distribution, $"{number}", $"{row} or more: the last axis holds as many different numbers");
            return null;
        }

        return new Initializer(family, number) { IsOverFanIn = isOverFanIn };
    }
}
