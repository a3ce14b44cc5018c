using System.Globalization;
using System.Text;
using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>
/// Prints the algebra as users write it. A module is printed as a declaration that binds to the same map again, as far as the
/// language has the constructs: index notation inside an expression, which it has not, is printed as <c>einsum(y[…] = …)</c>.
/// </summary>
public static class AlgebraPrinter
{
    /// <summary>An operator as an expression, with the parameters by their full names.</summary>
    public static string Print(Operator node) => new Printer(names: null).Expression(node, Level.Sum);

    /// <summary>A tensor as an expression, with the parameters by their full names.</summary>
    public static string Print(TensorExpression tensor) => new Printer(names: null).Tensor(tensor);

    /// <summary>
    /// A declaration with its parameters, <c>let</c>s and body. Names that are no identifiers, such as <c>stem.W</c>, get underscores.
    /// </summary>
    public static string Print(Module module)
    {
        var printer = new Printer(new NameTable());
        var text = new StringBuilder();
        foreach (string line in module.Documentation.Split(['\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            text.Append("/// ").Append(line.Trim()).Append('\n');
        }

        bool isOperator = module.Links.Count == 1 && module.IsLinear;
        text.Append(isOperator ? "operator " : "layer ").Append(module.Name)
            .Append(" : ").Append(Number(module.Inputs)).Append(" -> ").Append(Number(module.Outputs)).Append('\n');

        foreach (Parameter parameter in module.Parameters)
        {
            string name = printer.Declare(parameter.Name);
            if (!module.Links.Any(link => IsOwnBias(link, parameter)))
            {
                text.Append("  ").Append(Declaration(parameter, name)).Append('\n');
            }
        }

        foreach (NoiseTensor noise in module.Noise)
        {
            text.Append("  noise ").Append(printer.Declare(noise.Name)).Append(Extents(noise.Shape)).Append(" ~ ").Append(Print(noise.Distribution)).Append('\n');
        }

        string body = isOperator
            ? printer.Body(((LinearLink)module.Links[0]).Operator)
            : printer.Chain(module.Links);
        string[] penalties = [.. module.Penalties.Select(penalty => $"penalty {printer.Declare(penalty.Name)} = {printer.Tensor(penalty.Value)}")];
        foreach (string clause in printer.Lets.Concat(penalties))
        {
            text.Append("  ").Append(clause).Append('\n');
        }

        return text.Append("  ").Append(body).Append('\n').ToString();
    }

    private static string Declaration(Parameter parameter, string name)
    {
        var text = new StringBuilder(parameter.Role switch
        {
            Role.Trained => "param ",
            Role.Frozen => "frozen ",
            _ => $"seeded({Number(parameter.Seed)}) ",
        });
        text.Append(name).Append(Extents(parameter.Shape)).Append(parameter.Property == TensorProperty.None ? "" : " " + TensorProperties.Word(parameter.Property));

        Initializer usual = TensorProperties.Start(parameter.Property) ?? (parameter.Role == Role.Seeded ? new(Distribution.Normal) : Initializer.FanIn());
        text.Append(parameter.Initializer == usual ? "" : " ~ " + Print(parameter.Initializer));
        return text.Append(parameter.Rate == 1 ? "" : " rate " + Number(parameter.Rate)).ToString();
    }

    private static string Extents(EquatableArray<int> shape) => shape.Count == 0 ? "" : $"[{string.Join(", ", shape.Select(extent => Number(extent)))}]";

    /// <summary>A distribution with its number.</summary>
    public static string Print(Initializer initializer)
    {
        string scale = Number(initializer.Scale);
        return initializer.Distribution switch
        {
            Distribution.Zeros => "zeros",
            Distribution.Constant => initializer.Scale == 1 ? "ones" : $"constant({scale})",
            Distribution.Normal => $"{(initializer.IsOverFanIn ? "fan_in" : "normal")}({scale})",
            Distribution.Uniform => $"uniform({scale})",
            Distribution.Sign => "sign",
            Distribution.Paired => $"paired({scale})",
            Distribution.Whole => $"whole({scale})",
            Distribution.Distinct => $"distinct({scale})",
            Distribution.Orthogonal => $"orthogonal({scale})",
            Distribution.Identity => $"eye({scale})",
            Distribution.Dropout => $"dropout({scale})",
            _ => throw new InvalidOperationException(initializer.Distribution.ToString()),
        };
    }

    /// <summary>Whether a link is the plain word <c>bias</c>, which declares the parameter itself.</summary>
    private static bool IsOwnBias(Link link, Parameter? parameter = null) =>
        link is BiasLink { Bias: ParameterTensor { Parameter: var bias } }
        && (parameter is null || bias == parameter)
        && bias.Role == Role.Trained
        && bias.Initializer.Distribution == Distribution.Zeros
        && bias.Name.StartsWith("bias", StringComparison.Ordinal);

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>How tightly an expression binds, loosest first.</summary>
    private enum Level
    {
        Sum,
        DirectSum,
        Product,
        Kronecker,
        Postfix,
    }

    /// <summary>Identifiers that are not taken yet.</summary>
    private sealed class NameTable
    {
        private readonly HashSet<string> _taken = new(
            ("x y import operator layer model bank require param frozen seeded shared noise let and or not min max sqrt prod sum len " +
             "eye zeros hash diag blockdiag shuffle permute pad crop kron kronsum dirsum hstack vstack transpose reflect gather wht rfft irfft cheapest product " +
             "entries diagonal_of trace norm solve pi sin cos floor " +
             "relu gelu silu tanh sigmoid softplus reciprocal atanh tanhc atanhc add hadamard bias ones constant normal uniform sign paired fan_in orthogonal whole distinct dropout einsum").Split(' ').Concat(TensorFunction.All.Keys),
            StringComparer.Ordinal);

        public string Take(string wanted)
        {
            string root = new(wanted.Select(c => char.IsLetterOrDigit(c) ? c : '_').ToArray());
            root = root.Trim('_').Length == 0 || char.IsDigit(root[0]) ? "t" + root : root.TrimEnd('_');
            string name = root;
            for (int next = 2; !_taken.Add(name); next++)
            {
                name = root + Number(next);
            }

            return name;
        }

        public void Release(string name) => _taken.Remove(name);
    }

    /// <summary>Without a table of names nothing is declared: parameters keep their full names, and no <c>let</c> is made.</summary>
    private sealed class Printer(NameTable? names)
    {
        private readonly NameTable _indexNames = names ?? new NameTable();
        private readonly Dictionary<string, string> _declared = new(StringComparer.Ordinal);
        private readonly Dictionary<TensorExpression, string> _letNames = [];
        private readonly Dictionary<int, string> _indices = [];
        private Dictionary<TensorExpression, string> _valueNames = [];
        private string _given = "x";

        public List<string> Lets { get; } = [];

        /// <summary>Gives a parameter, or noise, a name that can be written.</summary>
        public string Declare(string fullName) => _declared[fullName] = names is null ? fullName : names.Take(fullName);

        private string NameOf(string fullName) => _declared.TryGetValue(fullName, out string? name) ? name : Declare(fullName);

        public string Element(Link link)
        {
            switch (link)
            {
                case LinearLink linear:
                    return Expression(linear.Operator, Level.Postfix);
                case BiasLink bias:
                    return IsOwnBias(bias) ? "bias" : $"bias({Tensor(bias.Bias)})";
                case BranchLink branches:
                    return $"{branches.Joint.ToString().ToLowerInvariant()}({string.Join(", ", branches.Branches.Select(branch => string.Join(" . ", branch.Reverse().Select(Element))))})";
                case NonlinearLink function:
                    return function.Name;
                case ValueLink value:
                    return $"value({Tensor(value.Value)})";
                case ScanLink scan:
                    string state = string.Join(", ", scan.State.Select(part => FormattableString.Invariant($"{part.Input}..{part.Input + part.Length} = {part.Output}..{part.Output + part.Length}")));
                    return $"scan(i < {Number(scan.Steps)}; {state}) ({string.Join(" . ", scan.Step.Reverse().Select(Element))})";
                default:
                    throw new NotSupportedException($"{link.GetType().Name} has no text.");
            }
        }

        /// <summary>The body of a layer. What a value is made of has a name, and what comes behind is applied to it.</summary>
        public string Chain(EquatableArray<Link> links)
        {
            int value = links.ToList().FindLastIndex(link => link is ValueLink);
            string rest = string.Join(" . ", links.Skip(value + 1).Reverse().Select(Element));
            if (value < 0)
            {
                return $"= {rest}";
            }

            // Without a value before it, what is applied first is applied to x.
            EquatableArray<Link> first = links.Take(value).ToEquatable();
            if (first.Count > 0)
            {
                string body = Chain(first), name = names!.Take("h");
                string definition = body.StartsWith("=", StringComparison.Ordinal) ? $"{name} {body}" : name + body.Substring(1);
                Lets.Add($"let {definition}{(first.Any(link => link is ValueLink) ? "" : " . x")}");
                _given = name;
            }

            _valueNames = [];
            TensorExpression made = ((ValueLink)links[value]).Value;
            return rest.Length == 0 && made is EinsumTensor einsum ? Definition("y", einsum) : $"= {(rest.Length == 0 ? "" : rest + " . ")}{Named(made)}";
        }

        /// <summary>A tensor by its name, where it is more than one.</summary>
        private string Named(TensorExpression tensor) => names is null || tensor is ParameterTensor or NoiseTensor or InputTensor ? Tensor(tensor) : Let(tensor, "S");

        private string Applied(AppliedTensor applied)
        {
            string argument = Named(applied.Argument);
            return applied.Links.Count == 1 && applied.Links[0] is ActivationLink activation
                ? $"{activation.Name}({argument})"
                : string.Join(" . ", applied.Links.Reverse().Select(Element).Append(argument));
        }

        /// <summary>The body of an operator: index notation where the whole of it is that, otherwise an expression.</summary>
        public string Body(Operator node)
        {
            IReadOnlyList<Operator> terms = node is Sum sum ? sum.Operands : [node];
            List<Einsum> einsums = terms.OfType<Einsum>().ToList();
            IReadOnlyList<IndexVariable>[] outputs = [.. einsums.Select(einsum => einsum.Output.Digits(einsum.Rows)).OfType<IReadOnlyList<IndexVariable>>()];
            bool sameOutput = outputs.Length == terms.Count && outputs.All(
                output => output.Select(index => index.Extent).SequenceEqual(outputs[0].Select(index => index.Extent)));
            return sameOutput ? IndexNotation(einsums) : "= " + Expression(node, Level.Sum);
        }

        public string Expression(Operator node, Level level)
        {
            switch (node)
            {
                case Identity identity:
                    return $"eye({Number(identity.Size)})";
                case Zero zero:
                    return $"zeros({Number(zero.RowCount)}, {Number(zero.ColumnCount)})";
                case Matrix matrix:
                    return Tensor(matrix.Tensor);
                case Column column:
                    return Tensor(column.Tensor);
                case Diagonal diagonal:
                    return $"diag({Tensor(diagonal.Tensor)})";
                case BlockDiagonal blocks:
                    return $"blockdiag({Tensor(blocks.Tensor)})";
                case Shuffle shuffle:
                    return $"shuffle({Number(shuffle.Outer)}, {Number(shuffle.Inner)})";
                case Permutation permutation:
                    return $"permute([{string.Join(", ", permutation.Table.Select(position => Number(position)))}])";
                case Crop crop:
                    return $"crop({Number(crop.Size)}, {Number(crop.Length)}{Start(crop.Start)})";
                case Pad pad:
                    return $"pad({Number(pad.Size)}, {Number(pad.Length)}{Start(pad.Start)})";
                case Einsum einsum when einsum.Output.Digits(einsum.Rows) is null:
                    return $"einsum({IndexNotation([einsum.Transposed()])})'";
                case Einsum einsum:
                    return $"einsum({IndexNotation([einsum])})";
                case WalshHadamard transform:
                    return $"wht({Number(transform.Size)})";
                case Fourier transform:
                    return $"{transform.Function.Name}({Number(transform.Size)})";
                case Gather gather:
                    return $"gather({Tensor(gather.Table)}, {Number(gather.Size)})";
                case Reflections reflections:
                    return $"reflect({Tensor(reflections.Tensor)})";
                case Scaled scaled:
                    return Scale(Number(scaled.Factor), scaled.Operand, level);
                case ScaledByTensor scaled:
                    return Scale(Tensor(scaled.Factor), scaled.Operand, level);
                case Transpose transpose:
                    return Expression(transpose.Operand, Level.Postfix) + "'";
                case Product product:
                    return Join(product.Operands, " * ", Level.Product, level);
                case Sum sum:
                    // A direct sum is enclosed, as a minus before it would apply to all of it.
                    return sum.Operands.Count == 1
                        ? Expression(sum.Operands[0], level)
                        : Enclose(Signed(sum.Operands.Select(operand => Expression(operand, Level.Product))), level > Level.Sum);
                case Kronecker kronecker:
                    return Join(kronecker.Operands, " ⊗ ", Level.Kronecker, level);
                case DirectSum sum:
                    return Join(sum.Operands, " ⊕ ", Level.DirectSum, level);
                case HorizontalStack stack:
                    return $"[{BlockRow(stack)}]";
                case VerticalStack stack:
                    return stack.Operands.Count == 1
                        ? Expression(stack.Operands[0], level)
                        : $"[{string.Join("; ", stack.Operands.Select(BlockRow))}]";
                case Alternatives alternatives:
                    return $"cheapest({string.Join(", ", alternatives.Operands.Select(operand => Expression(operand, Level.Sum)))})";
                case Indexed indexed:
                    return Repeat(indexed, level);
                default:
                    throw new NotSupportedException($"{node.GetType().Name} has no text.");
            }
        }

        public string Tensor(TensorExpression tensor)
        {
            switch (tensor)
            {
                case ParameterTensor parameter:
                    return NameOf(parameter.Parameter.Name);
                case NoiseTensor noise:
                    return NameOf(noise.Name);
                case InputTensor:
                    return _given;
                case AppliedTensor applied:
                    return Applied(applied);
                case SliceTensor slice:
                    return (slice.Source is AppliedTensor ? Named(slice.Source) : Tensor(slice.Source)) + Slice(slice);
                case EinsumTensor einsum:
                    return names is null ? $"einsum({Definition("T", einsum)})" : Let(einsum, "T");
                case FormulaTensor formula:
                    return formula.Formula.ToText(axis => "ijklmnpq"[axis % 8].ToString());
                case ListTensor list:
                    return $"[{string.Join(", ", list.Elements.Select(Number))}]";
                case GatherTensor gather:
                    string axes = string.Join(" × ", new[] { gather.Outer, gather.Size, gather.Inner }.Select(extent => Number(extent)));
                    return $"{(gather.Transposed ? "scatter" : "gather")}({Tensor(gather.Source)}, {Tensor(gather.Positions)}, {axes})";
                case PositionTensor positions:
                    List<IndexVariable> indices = BindAll(positions.Axes, positions.Sources);
                    string arithmetic = positions.Formula.ToText(axis => axis < positions.Axes.Count
                        ? NameOf(positions.Axes[axis])
                        : positions.Sources[axis - positions.Axes.Count] is var source && source.Indices.Count == 0
                            ? Tensor(source.Tensor)
                            : $"{Tensor(source.Tensor)}[{string.Join(", ", source.Indices.Select(Position))}]");
                    string where = string.Concat(positions.Axes.Select(axis => $" for {NameOf(axis)} < {Number(axis.Extent)}"));
                    Unbind(indices);
                    return arithmetic + where;
                case EntriesTensor entries:
                    return $"{(entries.IsDiagonal ? "diagonal_of" : "entries")}({Expression(entries.Operator, Level.Sum)})";
                case FunctionTensor function:
                    return $"{function.Function.Name}({string.Join(", ", function.Arguments.Select(argument => argument is AppliedTensor ? Named(argument) : Tensor(argument)).Concat(function.Numbers.Select(Number)))})";
                default:
                    throw new NotSupportedException($"{tensor.GetType().Name} has no text.");
            }
        }

        private static string Start(int start) => start == 0 ? "" : $", {Number(start)}";

        private static string Enclose(string text, bool enclose) => enclose ? $"({text})" : text;

        private string Scale(string factor, Operator operand, Level level) =>
            Enclose($"{factor} * {Expression(operand, Level.Kronecker)}", level > Level.Product);

        private string Join(EquatableArray<Operator> operands, string separator, Level own, Level level)
        {
            if (operands.Count == 1)
            {
                return Expression(operands[0], level);
            }

            // Equal levels associate to the left, so a nested one needs parentheses to stay nested.
            IEnumerable<string> texts = operands.Select(operand => Expression(operand, own + 1));
            return Enclose(string.Join(separator, texts), level > own);
        }

        /// <summary>A sum: terms that begin with a minus are subtracted.</summary>
        private static string Signed(IEnumerable<string> terms) => string.Concat(terms.Select((term, k) => k == 0 ? term
            : term.StartsWith("-", StringComparison.Ordinal) ? $" - {term.Substring(1)}"
            : $" + {term}"));

        private string BlockRow(Operator row) => row is HorizontalStack stack
            ? string.Join(", ", stack.Operands.Select(block => Expression(block, Level.Sum)))
            : Expression(row, Level.Sum);

        private string Repeat(Indexed indexed, Level level)
        {
            string word = indexed.Kind switch
            {
                IndexedKind.Sum => "sum",
                IndexedKind.DirectSum => "dirsum",
                IndexedKind.HorizontalStack => "hstack",
                _ => "vstack",
            };
            string name = Bind(indexed.Variable);
            string body = Expression(indexed.Body, Level.Postfix);
            Unbind([indexed.Variable]);
            return Enclose($"{word}({name} < {Number(indexed.Variable.Extent)}) {body}", level > Level.Product);
        }

        private string Slice(SliceTensor slice)
        {
            var axes = new List<string>();
            int shown = 0;
            for (int i = 0; i < slice.Axes.Count; i++)
            {
                bool whole = slice.Axes[i] is RangeAxis { Start: 0 } range && range.Length == slice.Source.Shape[i];
                shown = whole ? shown : i + 1;
                axes.Add(slice.Axes[i] switch
                {
                    PointAxis point => Position(point.Index),
                    RangeAxis part when !whole => $"{Number(part.Start)}..{Number(part.Start + part.Length)}",
                    _ => ":",
                });
            }

            return shown == 0 ? "" : $"[{string.Join(", ", axes.Take(shown))}]";
        }

        private string Position(AffineIndex index)
        {
            var terms = index.Terms
                .Select(term => term.Coefficient switch { 1 => "", -1 => "-", var coefficient => Number(coefficient) + " * " } + NameOf(term.Variable))
                .ToList();
            if (index.Offset != 0 || terms.Count == 0)
            {
                terms.Add(Number(index.Offset));
            }

            // A sum of indices does not begin with a minus.
            return string.Join(" + ", terms.OrderBy(term => term[0] == '-' ? 1 : 0)).Replace("+ -", "- ");
        }

        private string Let(TensorExpression tensor, string wanted)
        {
            Dictionary<TensorExpression, string> known = tensor.IsPerRow() ? _valueNames : _letNames;
            if (!known.TryGetValue(tensor, out string? name))
            {
                name = names!.Take(wanted);
                string definition = tensor is EinsumTensor einsum ? Definition(name, einsum) : $"{name} = {Tensor(tensor)}";
                known.Add(tensor, name);
                Lets.Add("let " + definition);
            }

            return name;
        }

        private string Definition(string name, EinsumTensor einsum)
        {
            // Before any index is named: what a factor needs is written first.
            List<string>[] factors = [.. einsum.Terms.Select(term => term.Factors.Select(factor => Factor(factor.Tensor)).ToList())];
            List<IndexVariable> bound = BindAll(einsum.Axes.SelectMany(group => group), default);
            HashSet<int> known = Known(einsum.Factors);
            string left = $"{name}[{string.Join(", ", einsum.Axes.Select(group => Group(group, known)))}]";
            var terms = new List<string>();
            foreach ((TensorProduct term, List<string> names) in einsum.Terms.Zip(factors, (term, names) => (term, names)))
            {
                List<IndexVariable> summed = BindAll([], term.Factors);
                terms.Add(Terms(term.Coefficient, names, term.Factors, input: null));
                Unbind(summed);
            }

            Unbind(bound);
            return $"{left} = {Signed(terms)}";
        }

        private string IndexNotation(IReadOnlyList<Einsum> terms)
        {
            string left = "";
            var texts = new List<string>();
            List<string> outputNames = [];
            foreach (Einsum term in terms)
            {
                List<string> factors = term.Factors.Select(factor => Factor(factor.Tensor)).ToList();
                bool first = texts.Count == 0;
                IReadOnlyList<IndexVariable> output = [.. term.Output.Variables];
                for (int i = 0; i < output.Count && !first; i++)
                {
                    // All terms write to the same indices.
                    _indices[output[i].Id] = outputNames[i];
                }

                List<IndexVariable> bound = BindAll(output.Concat(term.Input.Variables), term.Factors);
                HashSet<int> known = Known(term.Factors);
                if (first)
                {
                    outputNames = output.Select(NameOf).ToList();
                    left = $"y[{Group(output, known)}]";
                }

                string input = term.Input.Digits(term.Columns) is { } digits ? $"x[{Group(digits, known)}]" : $"x[{Position(term.Input)}]";
                texts.Add(Terms(term.Coefficient, factors, term.Factors, input));
                Unbind(first ? bound.Where(index => !outputNames.Contains(NameOf(index))).ToList() : bound);
            }

            foreach (string name in outputNames)
            {
                _indexNames.Release(name);
            }

            foreach (IndexVariable index in terms.SelectMany(term => term.Output.Variables))
            {
                _indices.Remove(index.Id);
            }

            return $"{left} = {Signed(texts)}";
        }

        private string Terms(double coefficient, List<string> names, EquatableArray<IndexedTensor> factors, string? input)
        {
            var parts = new List<string>();
            if (coefficient != 1 || (factors.Count == 0 && input is null))
            {
                parts.Add(Number(coefficient));
            }

            parts.AddRange(names.Zip(factors, (name, factor) => factor.Tensor is FormulaTensor formula
                ? formula.Formula.ToText(axis => Position(factor.Indices[axis]) is var position && position.Contains(' ') ? $"({position})" : position)
                : factor.Indices.Count == 0 ? name : $"{name}[{string.Join(", ", factor.Indices.Select(Position))}]"));
            if (input is not null)
            {
                parts.Add(input);
            }

            return string.Join(" * ", parts);
        }

        /// <summary>A factor of index notation, which must be a name there.</summary>
        private string Factor(TensorExpression tensor) =>
            names is null || tensor is ParameterTensor or NoiseTensor or InputTensor or EinsumTensor or FormulaTensor || MentionsIndex(tensor) ? Tensor(tensor) : Let(tensor, "S");

        private static bool MentionsIndex(TensorExpression tensor) => tensor is SliceTensor slice
            && (MentionsIndex(slice.Source) || slice.Axes.Any(axis => axis is PointAxis { Index.Terms.Count: > 0 }));

        /// <summary>The indices whose extents the tensors tell.</summary>
        private static HashSet<int> Known(IEnumerable<IndexedTensor> factors) => new(factors
            .Where(factor => factor.Tensor is not FormulaTensor)
            .SelectMany(factor => factor.Indices)
            .Where(index => index.Offset == 0 && index.Terms.Count == 1 && index.Terms[0].Coefficient == 1)
            .Select(index => index.Terms[0].Variable.Id));

        private string Group(IReadOnlyList<IndexVariable> group, HashSet<int> known) => string.Join(" ", group.Select(
            index => NameOf(index) + (known.Contains(index.Id) ? "" : ":" + Number(index.Extent))));

        private string NameOf(IndexVariable variable) =>
            _indices.TryGetValue(variable.Id, out string? name) ? name : variable.Name;

        private string Bind(IndexVariable variable) => _indices[variable.Id] = _indexNames.Take(variable.Name);

        private List<IndexVariable> BindAll(IEnumerable<IndexVariable> kept, EquatableArray<IndexedTensor> factors)
        {
            List<IndexVariable> added = kept
                .Concat(factors.SelectMany(factor => factor.Indices.SelectMany(index => index.Terms.Select(term => term.Variable))))
                .GroupBy(variable => variable.Id)
                .Select(same => same.First())
                .Where(variable => !_indices.ContainsKey(variable.Id))
                .ToList();
            added.ForEach(variable => Bind(variable));
            return added;
        }

        private void Unbind(List<IndexVariable> variables)
        {
            foreach (IndexVariable variable in variables)
            {
                _indexNames.Release(_indices[variable.Id]);
                _indices.Remove(variable.Id);
            }
        }
    }
}
