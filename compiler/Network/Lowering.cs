using Weft.Compiler.Algebra;
using Weft.Compiler.Text;
using Slots = System.Collections.Generic.IReadOnlyDictionary<int, int>;

namespace Weft.Compiler.Network;

/// <summary>
/// From the algebra to tensor networks. A vector is a sum of drafts over common axes; an operator rewrites one axis of it. Leaves are
/// substituted, so a product of operators is one network whose order the planner is free to choose; a vector is written down only
/// where an operator needs it twice, or where a reshape is not affine in its indices.
/// </summary>
public sealed class Lowering
{
    private static readonly Slots NoBinders = new Dictionary<int, int>();

    /// <summary>A term with so many factors that are sums becomes twice as many for each; others are written down.</summary>
    private const int MostSums = 2;

    private readonly Dictionary<TensorExpression, WeightTensor> _weights = [];

    private readonly bool _fewRows;
    private List<Statement> _statements = [];
    private Scope? _scope;

    /// <summary>Whether operators are applied to what does not depend on the input, and so what is written down does not either.</summary>
    private bool _ofWeights;

    private Lowering(bool fewRows)
    {
        _fewRows = fewRows;
    }

    /// <param name="module">The module.</param>
    /// <param name="fewRows">Whether it is for a few rows, forward only: then reflections are applied one after the other.</param>
    public static LoweredModule Lower(Module module, bool fewRows = false)
    {
        var x = new RowTensor("x", module.Inputs);
        var y = new RowTensor("y", module.Outputs);
        return new LoweredModule(module, x, y, new Lowering(fewRows).Lower(module.Links, x, y));
    }

    /// <summary>The statements that fill one vector with what links make of another.</summary>
    private IReadOnlyList<Statement> Lower(EquatableArray<Link> links, RowTensor x, RowTensor y)
    {
        List<Statement> outer = _statements;
        _statements = [];
        RowTensor result = WriteDown(Apply(links, Read(x, [x.Length], [new Index("i", x.Length)])));
        if (_statements.Count > 0 && _statements[_statements.Count - 1].Target == result
            && _statements[_statements.Count - 1] is not (ActivationStatement { Function.KeepsValue: true } or FunctionStatement or NoiseStatement))
        {
            // What wrote the last vector writes the output, where no value is kept.
            _statements[_statements.Count - 1] = _statements[_statements.Count - 1].Into(y);
        }
        else
        {
            _statements.Add(new SumStatement(y, [.. Read(result, [y.Length], [new Index("i", y.Length)]).Terms.SelectMany(draft => draft.ToTerms(draft.Slots[0]))]));
        }

        IReadOnlyList<Statement> statements = ValueNumbering.Of(_statements, y);
        _statements = outer;
        return statements;
    }

    private Vector Apply(EquatableArray<Link> links, Vector vector)
    {
        foreach (Link link in links)
        {
            switch (link)
            {
                case LinearLink linear:
                    vector = Apply(linear.Operator, vector, 0, NoBinders);
                    break;

                case BiasLink added:
                    var bias = new Draft(1, null, Affine.Zero);
                    bias.Push(Affine.Of(new Index("i", vector.Sizes[0])));
                    AddTensor(bias, added.Bias, [0], NoBinders);
                    vector.Terms.Add(bias);
                    break;

                case NonlinearLink function:
                    RowTensor source = WriteDown(vector);
                    RowTensor target = NewVector(function.Outputs(source.Length));
                    _statements.Add(new ActivationStatement(target, source, function));
                    vector = Read(target, [target.Length], [new Index("i", target.Length)]);
                    break;

                case ValueLink value:
                    RowTensor made = Within(WriteDown(vector), value.Value, () => Row(value.Value));
                    vector = Read(made, [made.Length], [new Index("i", made.Length)]);
                    break;

                case ScanLink scan:
                    RowTensor parts = WriteDown(vector), given = NewVector(scan.Given), gives = NewVector(scan.Gives);
                    ScanStatement steps = ScanStatement.Of(scan, parts, (given, gives, Lower(scan.Step, given, gives)), NewVector);
                    _statements.AddRange(ScanFission.Of(steps, NewVector));
                    vector = Read(steps.Target, [steps.Target.Length], [new Index("i", steps.Target.Length)]);
                    break;

                case BranchLink branches:
                    vector = Share(vector, 0);
                    List<Vector> results = [.. branches.Branches.Select(branch => Apply(branch, vector.Copy()))];
                    vector = branches.Joint == Joint.Add
                        ? new Vector(results[0].Sizes, [.. results.SelectMany(result => result.Terms)])
                        : results.Aggregate(Multiply);
                    break;
            }
        }

        return vector;
    }

    private Vector Multiply(Vector left, Vector right)
    {
        (RowTensor first, RowTensor second) = (WriteDown(left), WriteDown(right));
        RowTensor target = NewVector(first.Length);
        Affine position = Affine.Of(new Index("i", first.Length));
        _statements.Add(new SumStatement(target, [new Term(1, [new Factor(first, position), new Factor(second, position)], position)]));
        return Read(target, [target.Length], [new Index("i", target.Length)]);
    }

    /// <summary>The value in hand: what its link is given, how often each part of it is used, and the parts that are written down.</summary>
    private sealed record Scope(RowTensor Input, IReadOnlyDictionary<TensorExpression, int> Uses)
    {
        public Dictionary<TensorExpression, RowTensor> Known { get; } = [];
    }

    private RowTensor Within(RowTensor input, TensorExpression value, Func<RowTensor> lower)
    {
        Scope? outer = _scope;
        _scope = new Scope(input, Uses(value));
        RowTensor result = lower();
        _scope = outer;
        return result;
    }

    /// <summary>How often each part of a value stands in it.</summary>
    private static Dictionary<TensorExpression, int> Uses(TensorExpression value)
    {
        var uses = new Dictionary<TensorExpression, int>();
        Visit(value);
        return uses;

        void Visit(TensorExpression tensor)
        {
            uses.TryGetValue(tensor, out int before);
            uses[tensor] = before + 1;
            if (before == 0)
            {
                foreach (TensorExpression part in tensor is AppliedTensor applied ? [applied.Argument] : tensor.Parts())
                {
                    Visit(part);
                }
            }
        }
    }

    /// <summary>The stored form of a value of a layer: written down once.</summary>
    private RowTensor Row(TensorExpression tensor)
    {
        Scope scope = _scope!;
        if (tensor is InputTensor)
        {
            return scope.Input;
        }

        if (scope.Known.TryGetValue(tensor, out RowTensor? known))
        {
            return known;
        }

        RowTensor target;
        switch (tensor)
        {
            case AppliedTensor applied:
                RowTensor argument = Row(applied.Argument);
                target = WriteDown(Apply(applied.Links, Read(argument, [argument.Length], [new Index("i", argument.Length)])));
                break;

            // What has a definition is done as a link is.
            case FunctionTensor { Function: { Definition: not null } function, Arguments: var arguments, Numbers: var numbers }:
                RowTensor source = Row(arguments[0]);
                NonlinearLink link = Activations.ByName.TryGetValue(function.Name, out Activation activation)
                    ? new ActivationLink(activation)
                    : new FunctionLink(function, function.IsElementwise ? source.Length : arguments[0].Shape[arguments[0].Shape.Count - 1], numbers.FirstOrDefault());
                target = NewVector(link.Outputs(source.Length));
                _statements.Add(new ActivationStatement(target, source, link));
                break;

            case GatherTensor gather:
                (Part read, Part table) = (PartOf(gather.Source), PartOf(gather.Positions));
                target = NewVector(gather.Shape.Aggregate(1, (product, extent) => checked(product * extent)));
                var shape = new GatherShape(gather.Outer, gather.Size, gather.Positions.Shape.Aggregate(1, (product, extent) => product * extent), gather.Inner);
                _statements.Add(new GatherStatement(target, read, table, shape, gather.Transposed));
                break;

            case PositionTensor positions:
                target = Row(positions);
                break;

            case NoiseTensor noise:
                target = NewVector(noise.Shape.Aggregate(1, (product, extent) => checked(product * extent)));
                _statements.Add(new NoiseStatement(target, noise));
                break;

            case FunctionTensor { Function.JoinsAlongAxis: false } function:
                FunctionCall call = Call(function);
                target = NewVector(call.Length);
                _statements.Add(new FunctionStatement(target, call));
                break;

            default:
                IReadOnlyList<Term> terms = Definitions(tensor);
                int length = tensor.Shape.Aggregate(1, (product, extent) => checked(product * extent));
                if (terms.Count == 1 && terms[0].Reshaped(length) is RowTensor whole)
                {
                    target = whole;
                    break;
                }

                target = NewVector(length);
                _statements.Add(new SumStatement(target, terms));
                break;
        }

        scope.Known.Add(tensor, target);
        return target;
    }

    /// <summary>Arithmetic on positions.</summary>
    private RowTensor Row(PositionTensor positions)
    {
        Index[] axes = [.. positions.Axes.Select(axis => new Index(axis.Name, axis.Extent))];
        Factor[] sources = [.. positions.Sources.Select(source =>
        {
            Part part = PartOf(source.Tensor);
            Affine position = source.Indices
                .Zip(source.Tensor.Shape, (index, extent) => (index, extent))
                .Aggregate(Affine.Zero, (position, axis) => (position * axis.extent) + axis.index.Terms.Aggregate(
                    new Affine(axis.index.Offset, []),
                    (sum, term) => sum + (Affine.Of(axes[positions.Axes.ToList().FindIndex(other => other.Id == term.Variable.Id)]) * term.Coefficient)));
            return new Factor(part.Tensor, position + part.Offset);
        })];
        RowTensor target = NewVector(axes.Aggregate(1, (product, axis) => checked(product * axis.Extent)));
        _statements.Add(new PositionStatement(target, axes, sources, positions.Formula));
        return target;
    }

    /// <summary>The elements of a tensor where they lie in order: a part of the input is not copied.</summary>
    private Part PartOf(TensorExpression tensor) => tensor is EinsumTensor { Terms: { Count: 1 } terms } einsum
        && terms[0] is { Coefficient: 1, Factors: { Count: 1 } factors } && factors[0] is { Tensor: InputTensor, Indices: var indices }
        && (indices[0] with { Offset = 0 }).Digits(einsum.Shape.Aggregate(1, (product, extent) => product * extent)) is { } digits
        && digits.SequenceEqual(einsum.Axes.SelectMany(group => group))
            ? new Part(_scope!.Input, indices[0].Offset)
            : new Part(Stored(tensor));

    private FunctionCall Call(FunctionTensor function) => new(
        function.Function, function.Arguments.Select(Stored).ToEquatable(), function.Arguments.Select(argument => argument.Shape).ToEquatable(), function.Numbers);

    /// <summary>The stored form of a tensor, of a value or of what does not depend on the input.</summary>
    private Tensor Stored(TensorExpression tensor) => _scope is not null && tensor.IsPerRow() ? Row(tensor) : Weight(tensor);

    /// <summary>A sum of drafts whose first slots are axes of these sizes.</summary>
    private sealed record Vector(List<int> Sizes, List<Draft> Terms)
    {
        public Vector Copy() => new([.. Sizes], [.. Terms.Select(draft => draft.Clone())]);

        /// <summary>Whether the axis comes apart into digits without being written down first.</summary>
        public bool Splits(int axis, IReadOnlyList<int> extents) => Terms.TrueForAll(draft => draft.Clone().TrySplit(axis, extents) is not null);
    }

    private Vector Apply(Operator op, Vector vector, int axis, Slots binders)
    {
        switch (op)
        {
            case Identity:
                return vector;

            case Zero zero:
                vector.Terms.Clear();
                vector.Sizes[axis] = zero.Rows;
                return vector;

            case Scaled scaled:
                vector = Apply(scaled.Operand, vector, axis, binders);
                vector.Terms.ForEach(draft => draft.Coefficient *= scaled.Factor);
                return vector;

            case ScaledByTensor scaled:
                vector = Apply(scaled.Operand, vector, axis, binders);
                vector.Terms.ForEach(draft => AddTensor(draft, scaled.Factor, [], binders));
                return vector;

            case Product product:
                return product.Operands.Reverse().Aggregate(vector, (current, operand) => Apply(operand, current, axis, binders));

            case Sum sum:
                return Branch(sum.Operands, vector, axis, (operand, branch) => Apply(operand, branch, axis, binders));

            case Alternatives alternatives:
                return Apply(alternatives.Operands[0], vector, axis, binders);

            case Crop crop:
                return Crop(vector, axis, crop.Start, crop.Length);

            case Pad pad:
                vector.Terms.ForEach(draft => draft.Slots[axis] += pad.Start);
                vector.Sizes[axis] = pad.Size;
                return vector;

            case DirectSum direct:
                return Stack(direct.Operands, vector, axis, binders, rows: true, columns: true);

            case HorizontalStack stack:
                return Stack(stack.Operands, vector, axis, binders, rows: false, columns: true);

            case VerticalStack stack:
                return Stack(stack.Operands, vector, axis, binders, rows: true, columns: false);

            case Kronecker kronecker:
                return ApplyKronecker(kronecker, vector, axis, binders);

            case Indexed indexed:
                return MustUnroll(indexed)
                    ? Apply(indexed.Unroll(), vector, axis, binders)
                    : ApplyIndexed(indexed, vector, axis, binders);

            case Permutation permutation:
                return Gather(vector, axis, new ListTensor(permutation.Table.Select(position => (double)position).ToEquatable()), permutation.Rows, transposed: false);

            case Gather gather:
                return Gather(vector, axis, gather.Table, gather.Rows, transposed: false);

            case WalshHadamard transform when _ofWeights:
                // Its factors of 2 × 2: 1 − 2 i j.
                Formula both = Formula.Of("*", new FormulaIndex(0), new FormulaIndex(1));
                var factor = new Matrix(new FormulaTensor(EquatableArray.Of(2, 2), Formula.Of("-", new FormulaNumber(1), Formula.Of("+", both, both))));
                int count = (int)Math.Round(Math.Log(transform.Size, 2));
                return count == 0 ? vector : Apply(new Kronecker(Enumerable.Repeat<Operator>(factor, count).ToEquatable()), vector, axis, binders);

            case WalshHadamard transform:
                return Pass(vector, axis, transform.Size, (target, source, outer) => new WalshHadamardStatement(target, source, outer));

            case Fourier transform:
                return Apply(transform, vector, axis);

            case Transpose { Operand: Gather gather }:
                return Gather(vector, axis, gather.Table, gather.Size, transposed: true);

            case Reflections reflections:
                return ApplyReflections(reflections, vector, axis, transposed: false);

            case Transpose { Operand: Reflections reflections }:
                return ApplyReflections(reflections, vector, axis, transposed: true);

            case Transpose { Operand: var operand } when EinsumForm.Of(operand) is { } form:
                return ApplyEinsum(form.Transposed(), vector, axis, binders);

            case Transpose { Operand: var operand }:
                return Apply(Rewriting.Transposition.Push(operand), vector, axis, binders);

            default:
                Einsum leaf = EinsumForm.Of(op) ?? throw new InvalidOperationException($"{op.GetType().Name} has no lowering");
                return ApplyEinsum(leaf, vector, axis, binders);
        }
    }

    private Vector ApplyEinsum(Einsum form, Vector vector, int axis, Slots binders)
    {
        IReadOnlyList<IndexVariable>? digits = form.Input.Digits(form.Columns);
        int[] extents = [.. digits?.Select(index => index.Extent) ?? []];
        bool isReady = digits is null
            ? vector.Terms.TrueForAll(draft => draft.IsRead && draft.IsPlain(axis, form.Columns))
            : vector.Splits(axis, extents);
        if (!isReady || (form.Factors.Count > 0 && (vector.Terms.Count > 1 || vector.Terms.Exists(draft => draft.Sums.Count > 0) || vector.Terms.Exists(draft => draft.Slots[axis].Overlapping.Count > 0))))
        {
            vector = Materialize(vector, axis);
        }

        vector.Terms.ForEach(Apply);
        vector.Sizes[axis] = form.Rows;
        return vector;

        void Apply(Draft draft)
        {
            int height = draft.Slots.Count;
            Dictionary<int, int> slots = Extend(binders, []);
            if (digits is null)
            {
                foreach (IndexVariable variable in form.Input.Variables.Where(variable => !slots.ContainsKey(variable.Id)))
                {
                    slots[variable.Id] = draft.Push(Affine.Of(new Index(variable.Name, variable.Extent)));
                }

                draft.Read(axis, Position(draft, form.Input, slots));
            }
            else
            {
                int[] split = draft.TrySplit(axis, extents)!;
                slots = Extend(binders, digits.Select((index, k) => (index.Id, split[k])));
            }

            draft.Coefficient *= form.Coefficient;
            AddFactors(draft, form.Factors, form.Output.Variables, slots);
            Affine output = Position(draft, form.Output, slots);
            draft.Push(draft.Slots[axis]);
            draft.Slots[axis] = output;
            draft.PopTo(height);
        }
    }

    /// <summary>Adds the factors of index notation, with a new index for every variable that has no position yet.</summary>
    private void AddFactors(
        Draft draft, IReadOnlyList<IndexedTensor> factors, IEnumerable<IndexVariable> output, Dictionary<int, int> slots)
    {
        IEnumerable<IndexVariable> used = factors.SelectMany(factor => factor.Indices).SelectMany(index => index.Terms).Select(term => term.Variable);
        foreach (IndexVariable variable in output.Concat(used))
        {
            if (!slots.ContainsKey(variable.Id))
            {
                slots[variable.Id] = draft.Push(Affine.Of(new Index(variable.Name, variable.Extent)));
            }
        }

        // What conditions leave of a product is known when the rest is there.
        foreach (IndexedTensor factor in factors.OrderBy(factor => factor.Tensor is FormulaTensor))
        {
            AddTensor(draft, factor.Tensor, [.. factor.Indices.Select(index => draft.Push(Position(draft, index, slots)))], slots);
        }
    }

    private static Affine Position(Draft draft, AffineIndex index, Slots slots) => index.Terms.Aggregate(
        new Affine(index.Offset, []),
        (position, term) => position + (draft.Slots[slots[term.Variable.Id]] * term.Coefficient));

    /// <summary>Multiplies a draft by the element of a tensor at the positions that stand in the given slots, one for each axis.</summary>
    private void AddTensor(Draft draft, TensorExpression tensor, IReadOnlyList<int> positions, Slots binders)
    {
        int height = draft.Slots.Count;
        switch (tensor)
        {
            case SliceTensor slice:
                int next = 0;
                var source = new List<int>();
                foreach (SliceAxis axis in slice.Axes)
                {
                    source.Add(draft.Push(axis is RangeAxis range
                        ? draft.Slots[positions[next++]] + range.Start
                        : Position(draft, ((PointAxis)axis).Index, binders)));
                }

                AddTensor(draft, slice.Source, source, binders);
                break;

            case EinsumTensor { Terms.Count: 1 } einsum when !IsShared(einsum) && TrySplitAxes(draft, einsum, positions, binders) is { } slots:
                draft.Coefficient *= einsum.Terms[0].Coefficient;
                AddFactors(draft, einsum.Terms[0].Factors, [], slots);
                break;

            case FunctionTensor { Function.Parts: { } parts } function when parts.Codes.Format(function.Numbers[0]) is not null && !function.IsTrained() && !function.IsPerRow()
                && (parts.Offsets is null || draft.Sums.Count < MostSums):
                AddParts(draft, function, parts, positions);
                break;

            case FormulaTensor formula when draft.HasFactors:
                if (Conditions.Apply(draft, formula, ref positions) is { } rest)
                {
                    AddStored(draft, rest, positions);
                }

                break;

            default:
                AddStored(draft, tensor, positions);
                break;
        }

        draft.PopTo(height);
    }

    /// <summary>
    /// Whether a value has several uses: it is computed once, where one with a single use, or one that is nothing but a part of the input, is a
    /// part of the product that it stands in.
    /// </summary>
    private bool IsShared(TensorExpression tensor) => !IsRead(tensor) && _scope is { } scope && scope.Uses.TryGetValue(tensor, out int uses) && uses > 1 && tensor.IsPerRow();

    private static bool IsRead(TensorExpression tensor) => tensor is EinsumTensor { Terms: { Count: 1 } terms } einsum
        && terms[0] is { Coefficient: 1, Factors: { Count: 1 } factors } && factors[0] is { Tensor: InputTensor, Indices: var indices }
        && indices[0].Variables.All(variable => einsum.Axes.Any(group => group.Contains(variable)));

    private void AddStored(Draft draft, TensorExpression tensor, IReadOnlyList<int> positions) => draft.Multiply(FactorAt(draft, tensor, positions));

    /// <summary>
    /// Multiplies by the codes of a tensor and their scales; or by that and what is added for each row, whose factor is a vector of ones along it: what
    /// it meets is summed along rows first, once for all that are added.
    /// </summary>
    private void AddParts(Draft draft, FunctionTensor function, QuantizerParts parts, IReadOnlyList<int> positions)
    {
        int[] row = [.. positions.Take(positions.Count - 1)];
        Factor[] product = [FactorAt(draft, function with { Function = parts.Scales }, row), FactorAt(draft, function with { Function = parts.Codes }, positions)];
        if (parts.Offsets is not { } offsets)
        {
            Array.ForEach(product, draft.Multiply);
            return;
        }

        FormulaTensor ones = FormulaTensor.Constant(1, function.Shape[row.Length]);
        draft.Sums.Add((product, [FactorAt(draft, function with { Function = offsets }, row), FactorAt(draft, ones, [positions[row.Length]])]));
    }

    private Factor FactorAt(Draft draft, TensorExpression tensor, IReadOnlyList<int> positions)
    {
        Affine position = Affine.Zero;
        for (int k = 0; k < positions.Count; k++)
        {
            position = (position * tensor.Shape[k]) + draft.Slots[positions[k]];
        }

        return new Factor(Stored(tensor), position);
    }

    private static Dictionary<int, int>? TrySplitAxes(Draft draft, EinsumTensor einsum, IReadOnlyList<int> positions, Slots binders)
    {
        Dictionary<int, int> slots = Extend(binders, []);
        for (int k = 0; k < positions.Count; k++)
        {
            if (draft.TrySplit(positions[k], [.. einsum.Axes[k].Select(index => index.Extent)]) is not { } digits)
            {
                return null;
            }

            for (int d = 0; d < digits.Length; d++)
            {
                slots[einsum.Axes[k][d].Id] = digits[d];
            }
        }

        return slots;
    }

    /// <summary>The stored form of a tensor that does not depend on an enclosing index.</summary>
    private WeightTensor Weight(TensorExpression tensor)
    {
        if (_weights.TryGetValue(tensor, out WeightTensor? known))
        {
            return known;
        }

        WeightTensor weight = tensor switch
        {
            ParameterTensor { IsStored: false, Parameter: { Property: not TensorProperty.None } parameter } => Weight(TensorProperties.Expand(parameter)),
            ParameterTensor parameter => new ParameterWeight(parameter.Parameter),
            FormulaTensor or ListTensor => new ConstantWeight(NewName("k"), [.. tensor.Shape], tensor),
            FunctionTensor function => new FunctionWeight(NewName(function.Function.Symbol), Call(function)),
            EntriesTensor entries => new NetworkWeight(NewName("u"), [.. tensor.Shape], Definitions(entries)),
            _ => new NetworkWeight(NewName("u"), [.. tensor.Shape], Definitions(tensor)),
        };
        _weights.Add(tensor, weight);
        return weight;
    }

    /// <summary>What an operator makes of the identity, whose columns are an axis of their own.</summary>
    private IReadOnlyList<Term> Definitions(EntriesTensor entries)
    {
        int columns = entries.Operator.Columns;
        var identity = new Draft(1, null, Affine.Zero);
        Affine column = Affine.Of(new Index("j", columns));
        identity.Push(column);
        identity.Push(column);
        bool outer = _ofWeights;
        _ofWeights = true;
        Vector result = Apply(entries.Operator, new Vector([columns, columns], [identity]), 0, NoBinders);
        _ofWeights = outer;
        return [.. result.Terms.SelectMany(draft =>
        {
            Affine row = draft.Slots[0], at = draft.Slots[1];
            if (!entries.IsDiagonal)
            {
                return WithFactors(draft).ToTerms((row * columns) + at);
            }

            if (!Conditions.Equate(draft, row + (at * -1)))
            {
                AddStored(draft, FormulaTensor.Identity(columns), [0, 1]);
            }

            return WithFactors(draft).ToTerms(draft.Slots[0]);
        })];
    }

    /// <summary>A factor of ones for each index of the result that is in no other factor, and one where there is none at all.</summary>
    private Draft WithFactors(Draft draft)
    {
        foreach (Index index in draft.Slots.SelectMany(slot => slot.Indices).Distinct().Where(index => !draft.DependsOn(index)).ToArray())
        {
            draft.Multiply(new Factor(Weight(FormulaTensor.Constant(1, index.Extent)), Affine.Of(index)));
        }

        if (!draft.HasFactors)
        {
            draft.Multiply(new Factor(Weight(FormulaTensor.Constant(1, 1)), Affine.Zero));
        }

        return draft;
    }

    private IReadOnlyList<Term> Definitions(TensorExpression tensor) => [.. Definitions(tensor, tensor.Shape)];

    /// <summary>A tensor as terms, each element at its place in one of a shape that it is a part of.</summary>
    private IEnumerable<Term> Definitions(TensorExpression tensor, EquatableArray<int> shape) => tensor switch
    {
        EinsumTensor einsum => einsum.Terms.SelectMany(term => Definition(einsum with { Terms = EquatableArray.Of(term) }, shape)),
        FunctionTensor { Function.JoinsAlongAxis: true, Arguments: var parts, Numbers: var axis } when tensor.IsPerRow() => Joined(parts, (int)axis[0], shape),
        _ => Definition(tensor, shape),
    };

    private IEnumerable<Term> Joined(EquatableArray<TensorExpression> parts, int axis, EquatableArray<int> shape)
    {
        (int at, int stride) = (0, shape.Skip(axis + 1).Aggregate(1, (product, extent) => checked(product * extent)));
        foreach (TensorExpression part in parts)
        {
            foreach (Term term in IsShared(part) ? Definition(part, shape, isRead: true) : Definitions(part, shape))
            {
                yield return term with { Output = term.Output + checked(at * stride) };
            }

            at += part.Shape[axis];
        }
    }

    private IEnumerable<Term> Definition(TensorExpression tensor, EquatableArray<int> shape, bool isRead = false)
    {
        var draft = new Draft(1, null, Affine.Zero);
        int[] axes = [.. tensor.Shape.Select((extent, k) => draft.Push(Affine.Of(new Index("abcdefgh"[k % 8].ToString(), extent))))];
        if (tensor is EinsumTensor einsum && !isRead)
        {
            // Only reached through a position that could not be split; fresh axes always can.
            Dictionary<int, int> slots = TrySplitAxes(draft, einsum, axes, NoBinders)!;
            draft.Coefficient *= einsum.Terms[0].Coefficient;
            AddFactors(draft, einsum.Terms[0].Factors, [], slots);
        }
        else
        {
            AddTensor(draft, tensor, axes, NoBinders);
        }

        Affine output = Affine.Zero;
        for (int k = 0; k < axes.Length; k++)
        {
            output = (output * shape[k]) + draft.Slots[axes[k]];
        }

        return draft.ToTerms(output);
    }

    /// <summary>
    /// One after the other for a few rows; else <c>I − Vᵀ T V</c> (Bischof and Van Loan 1987), with T a function of V alone. The rows of V are
    /// normalized first: T of rows that are short or long would leave the range of numbers.
    /// </summary>
    private Vector ApplyReflections(Reflections reflections, Vector vector, int axis, bool transposed)
    {
        int count = reflections.Tensor.Shape[0];
        int size = reflections.Rows;
        var normalized = new FunctionTensor(TensorFunction.All["normalize_rows"], EquatableArray.Of(reflections.Tensor));
        WeightTensor rows = Weight(normalized);
        if (_fewRows && !_ofWeights)
        {
            return Pass(vector, axis, size, (target, source, outer) => new ReflectionsStatement(target, source, outer, rows, transposed));
        }

        WeightTensor compact = Weight(new FunctionTensor(TensorFunction.Reflections, EquatableArray.Of<TensorExpression>(normalized)));
        vector = Share(vector, axis);
        Vector reflected = vector.Copy();
        foreach (Draft draft in reflected.Terms)
        {
            var k = new Index("k", count);
            var l = new Index("l", count);
            var i = new Index("i", reflections.Rows);
            Affine position = draft.Slots[axis];
            draft.Coefficient = -draft.Coefficient;
            draft.Multiply(new Factor(rows, (Affine.Of(l) * size) + position));
            draft.Multiply(new Factor(compact, transposed ? (Affine.Of(l) * count) + Affine.Of(k) : (Affine.Of(k) * count) + Affine.Of(l)));
            draft.Multiply(new Factor(rows, (Affine.Of(k) * size) + Affine.Of(i)));
            draft.Slots[axis] = Affine.Of(i);
        }

        vector.Terms.AddRange(reflected.Terms);
        return vector;
    }

    private Vector ApplyKronecker(Kronecker kronecker, Vector vector, int axis, Slots binders)
    {
        int height = vector.Sizes.Count;
        EquatableArray<Operator> operands = kronecker.Operands;
        int[] columns = [.. operands.Select(operand => operand.Columns)];
        if (!vector.Splits(axis, columns))
        {
            vector = Materialize(vector, axis);
        }

        vector.Terms.ForEach(Split);
        vector.Sizes.AddRange(columns.Skip(1));
        vector.Sizes[axis] = columns[0];
        for (int k = operands.Count - 1; k >= 0; k--)
        {
            vector = Apply(operands[k], vector, k == 0 ? axis : height + k - 1, binders);
        }

        foreach (Draft draft in vector.Terms)
        {
            for (int k = 1; k < operands.Count; k++)
            {
                draft.Slots[axis] = (draft.Slots[axis] * operands[k].Rows) + draft.Slots[height + k - 1];
            }

            draft.PopTo(height);
        }

        vector.Sizes.RemoveRange(height, vector.Sizes.Count - height);
        vector.Sizes[axis] = kronecker.Rows;
        return vector;

        void Split(Draft draft)
        {
            int[] digits = draft.TrySplit(axis, columns)!;
            Affine[] positions = [.. digits.Select(digit => draft.Slots[digit])];
            draft.Slots.RemoveRange(height, draft.Slots.Count - height);
            draft.Slots[axis] = positions[0];
            draft.Slots.AddRange(positions.Skip(1));
        }
    }

    /// <summary>The index of a repetition becomes an index of the network, held in a slot of its own while the body is applied.</summary>
    private Vector ApplyIndexed(Indexed indexed, Vector vector, int axis, Slots binders)
    {
        bool splits = indexed.Kind is IndexedKind.DirectSum or IndexedKind.HorizontalStack;
        bool joins = indexed.Kind is IndexedKind.DirectSum or IndexedKind.VerticalStack;
        int height = vector.Sizes.Count;
        int[] extents = [indexed.Variable.Extent, indexed.Body.Columns];
        if (!splits)
        {
            vector = Share(vector, axis);
        }
        else if (!vector.Splits(axis, extents))
        {
            vector = Materialize(vector, axis);
        }

        vector.Terms.ForEach(Bind);
        vector.Sizes[axis] = indexed.Body.Columns;
        vector.Sizes.Add(indexed.Variable.Extent);
        vector = Apply(indexed.Body, vector, axis, Extend(binders, [(indexed.Variable.Id, height)]));
        foreach (Draft draft in vector.Terms)
        {
            if (joins)
            {
                draft.Slots[axis] += draft.Slots[height] * indexed.Body.Rows;
            }

            draft.PopTo(height);
        }

        vector.Sizes.RemoveAt(height);
        vector.Sizes[axis] = indexed.Rows;
        return vector;

        void Bind(Draft draft)
        {
            Affine outer = Affine.Of(new Index(indexed.Variable.Name, indexed.Variable.Extent));
            if (splits)
            {
                int[] digits = draft.TrySplit(axis, extents)!;
                outer = draft.Slots[digits[0]];
                draft.Slots[axis] = draft.Slots[digits[1]];
                draft.Slots.RemoveRange(height, draft.Slots.Count - height);
            }

            draft.Push(outer);
        }
    }

    /// <summary>Whether something that is stored before the network runs depends on the index.</summary>
    private static bool MustUnroll(Indexed indexed) => indexed.Body.DescendantsAndSelf().Any(node =>
        (node is Reflections or Algebra.Gather && node.Tensors().Any(tensor => tensor.DependsOn(indexed.Variable)))
        || node.Tensors().SelectMany(tensor => tensor.DescendantsAndSelf()).Any(tensor =>
            tensor is FunctionTensor or EinsumTensor && tensor.DependsOn(indexed.Variable)));

    private Vector Stack(EquatableArray<Operator> operands, Vector vector, int axis, Slots binders, bool rows, bool columns)
    {
        int row = 0;
        int column = 0;
        int total = rows ? operands.Sum(operand => operand.Rows) : operands[0].Rows;
        return Branch(operands, vector, axis, (operand, branch) =>
        {
            if (columns)
            {
                branch = Crop(branch, axis, column, operand.Columns);
                column += operand.Columns;
            }

            branch = Apply(operand, branch, axis, binders);
            branch.Terms.ForEach(draft => draft.Slots[axis] += row);
            branch.Sizes[axis] = total;
            row += rows ? operand.Rows : 0;
            return branch;
        });
    }

    private Vector Branch(EquatableArray<Operator> operands, Vector vector, int axis, Func<Operator, Vector, Vector> apply)
    {
        vector = Share(vector, axis);
        List<Vector> branches = [.. operands.Select(operand => apply(operand, vector.Copy()))];
        return new Vector(branches[0].Sizes, [.. branches.SelectMany(branch => branch.Terms)]);
    }

    private Vector Crop(Vector vector, int axis, int start, int length)
    {
        Draft.CropResult[] results = [.. vector.Copy().Terms.Select(draft => draft.TryCrop(axis, start, length))];
        if (results.Contains(Draft.CropResult.NotAffine))
        {
            vector = Materialize(vector, axis);
        }

        vector.Terms.RemoveAll(draft => draft.TryCrop(axis, start, length) == Draft.CropResult.Empty);
        vector.Sizes[axis] = length;
        return vector;
    }

    private Vector Gather(Vector vector, int axis, TensorExpression table, int size, bool transposed) => _ofWeights
        ? GatherWeights(vector, axis, Weight(table), size, transposed)
        : Pass(vector, axis, size, (target, source, outer) =>
        {
            WeightTensor positions = Weight(table);
            return new GatherStatement(target, new Part(source), new Part(positions), new GatherShape(outer, (transposed ? target : source).Length / outer, positions.Length), transposed);
        });

    /// <summary>Takes the parts that a table names; transposed, multiplies by the rows of the identity that it names.</summary>
    private Vector GatherWeights(Vector vector, int axis, WeightTensor positions, int size, bool transposed)
    {
        if (transposed)
        {
            FunctionWeight rows = Take(Weight(FormulaTensor.Identity(size)), EquatableArray.Of(size, size));
            foreach (Draft draft in vector.Terms)
            {
                Affine to = Affine.Of(new Index("i", size));
                draft.Multiply(new Factor(rows, (draft.Slots[axis] * size) + to));
                draft.Slots[axis] = to;
            }

            vector.Sizes[axis] = size;
            return vector;
        }

        int[] order = [axis, .. Enumerable.Range(0, vector.Sizes.Count).Where(k => k != axis)];
        FunctionWeight taken = Take((WeightTensor)Written(vector, order), order.Select(k => vector.Sizes[k]).ToEquatable());
        vector.Sizes[axis] = size;
        return Read(taken, vector.Sizes, order, new HashSet<int>(order));

        FunctionWeight Take(WeightTensor source, EquatableArray<int> shape) => new(NewName("t"), new FunctionCall(
            TensorFunction.Take, EquatableArray.Of<Tensor>(source, positions), EquatableArray.Of(shape, EquatableArray.Of(positions.Length)), default));
    }

    /// <summary>Writes the vector down with the axis innermost, and reads what a statement makes of it.</summary>
    private Vector Pass(Vector vector, int axis, int size, Func<RowTensor, RowTensor, int, Statement> statement)
    {
        if (vector.Terms.Count == 0)
        {
            vector.Sizes[axis] = size;
            return vector;
        }

        int[] order = [.. Enumerable.Range(0, vector.Sizes.Count).Where(k => k != axis), axis];
        RowTensor source;
        if (order.Length == 1)
        {
            source = WriteDown(vector);
        }
        else
        {
            source = (RowTensor)Written(vector, order);
        }

        int outer = source.Length / vector.Sizes[axis];
        RowTensor target = NewVector(checked(outer * size));
        _statements.Add(statement(target, source, outer));
        vector.Sizes[axis] = size;
        return Read(target, vector.Sizes, order, new HashSet<int>(order));
    }

    /// <summary>A transform of an axis, of the rows of what is written down.</summary>
    private Vector Apply(Fourier transform, Vector vector, int axis)
    {
        if (vector.Terms.Count > 0)
        {
            int[] order = [.. Enumerable.Range(0, vector.Sizes.Count).Where(k => k != axis), axis];
            Tensor source = order.Length == 1 && !_ofWeights ? WriteDown(vector) : Written(vector, order);
            int rows = source.Length / transform.Columns;
            EquatableArray<int> shape = transform.IsInverse ? EquatableArray.Of(rows, 2, transform.Frequencies) : EquatableArray.Of(rows, transform.Size);
            var call = new FunctionCall(transform.Function, EquatableArray.Of(source), EquatableArray.Of(shape), EquatableArray.Of<double>(transform.Size));
            Tensor target = _ofWeights ? new FunctionWeight(NewName(transform.Function.Symbol), call) : NewVector(call.Length);
            if (target is RowTensor row)
            {
                _statements.Add(new FunctionStatement(row, call));
            }

            vector = Read(target, [.. vector.Sizes.Select((size, k) => k == axis ? transform.Rows : size)], order, new HashSet<int>(order));
        }

        vector.Sizes[axis] = transform.Rows;
        return vector;
    }

    /// <summary>The vector as it will be used more than once: written down unless that is only a read of another.</summary>
    private Vector Share(Vector vector, int axis) =>
        vector.Terms.Count > 1 || vector.Terms.Exists(draft => !draft.IsRead) ? Materialize(vector, axis) : vector;

    private RowTensor WriteDown(Vector vector)
    {
        if (vector.Terms.Count == 1
            && vector.Terms[0] is { IsRead: true, Coefficient: 1, Input: RowTensor input } draft
            && input.Length == vector.Sizes[0]
            && (vector.Sizes[0] == 1 || (draft.TryFuse(0, vector.Sizes[0]) && draft.InputPosition.Offset == 0)))
        {
            return input;
        }

        RowTensor target = NewVector(vector.Sizes[0]);
        _statements.Add(new SumStatement(target, [.. vector.Terms.SelectMany(term => term.ToTerms(term.Slots[0]))]));
        return target;
    }

    /// <summary>Writes the sum down as one vector and reads it back with one index along the axis. Axes that no term depends on stay out.</summary>
    private Vector Materialize(Vector vector, int axis)
    {
        if (vector.Terms.Count == 0 || (vector.Terms.Count == 1 && vector.Terms[0].TryFuse(axis, vector.Sizes[axis])))
        {
            return vector;
        }

        int[] order =
        [
            .. Enumerable.Range(0, vector.Sizes.Count).Where(k => k == axis || vector.Terms.Exists(draft =>
                draft.Slots[k] != vector.Terms[0].Slots[k] || draft.Slots[k].Indices.Any(index => draft.DependsOn(index) || draft.IsInOther(k, index)))),
        ];
        return Read(Written(vector, order), vector.Sizes, order, new HashSet<int>(order), vector.Terms.FirstOrDefault());
    }

    /// <summary>The sum written down, with axes in an order.</summary>
    private Tensor Written(Vector vector, IReadOnlyList<int> order)
    {
        int length = order.Aggregate(1, (product, k) => checked(product * vector.Sizes[k]));
        Term[] terms = [.. vector.Terms.SelectMany(draft => (_ofWeights ? WithFactors(draft.Clone()) : draft.Clone()).ToTerms(Flatten(draft, vector.Sizes, order)))];
        if (_ofWeights)
        {
            return new NetworkWeight(NewName("u"), [length], terms);
        }

        RowTensor target = NewVector(length);
        _statements.Add(new SumStatement(target, terms));
        return target;
    }

    private static Affine Flatten(Draft draft, IReadOnlyList<int> sizes, IReadOnlyList<int> order) =>
        order.Aggregate(Affine.Zero, (position, k) => (position * sizes[k]) + draft.Slots[k]);

    private static Vector Read(RowTensor source, IReadOnlyList<int> sizes, IReadOnlyList<Index> indices)
    {
        var draft = new Draft(1, source, Affine.Of(indices[0]));
        draft.Push(Affine.Of(indices[0]));
        return new Vector([.. sizes], [draft]);
    }

    private static Vector Read(Tensor source, List<int> sizes, IReadOnlyList<int> order, HashSet<int> read, Draft? kept = null)
    {
        Affine[] axes =
        [
            .. sizes.Select((size, k) => read.Contains(k) ? Affine.Of(new Index("ijklmnpq"[k % 8].ToString(), size)) : kept!.Slots[k]),
        ];
        var draft = new Draft(1, source, order.Aggregate(Affine.Zero, (position, k) => (position * sizes[k]) + axes[k]));
        draft.Slots.AddRange(axes);
        return new Vector([.. sizes], [draft]);
    }

    private static Dictionary<int, int> Extend(Slots slots, IEnumerable<(int Id, int Slot)> more)
    {
        Dictionary<int, int> result = slots.ToDictionary(pair => pair.Key, pair => pair.Value);
        foreach ((int id, int slot) in more)
        {
            result[id] = slot;
        }

        return result;
    }

    private int _names;

    private string NewName(string stem) => stem + (++_names).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private RowTensor NewVector(int size) => new(NewName("t"), size);
}
