using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Makes n-ary nodes: an operand of the same kind gives its own operands, and one operand stands for itself.</summary>
internal static class Flatten
{
    public static Operator Product(IEnumerable<Operator> operands) =>
        Make(operands, operand => operand is Product product ? product.Operands : null, all => new Product(all));

    public static Operator Sum(IEnumerable<Operator> operands) =>
        Make(operands, operand => operand is Sum sum ? sum.Operands : null, all => new Sum(all));

    public static Operator Kronecker(IEnumerable<Operator> operands) =>
        Make(operands, operand => operand is Kronecker kronecker ? kronecker.Operands : null, all => new Kronecker(all));

    public static Operator DirectSum(IEnumerable<Operator> operands) =>
        Make(operands, operand => operand is DirectSum sum ? sum.Operands : null, all => new DirectSum(all));

    public static Operator HorizontalStack(IEnumerable<Operator> operands) =>
        Make(operands, operand => operand is HorizontalStack stack ? stack.Operands : null, all => new HorizontalStack(all));

    public static Operator VerticalStack(IEnumerable<Operator> operands) =>
        Make(operands, operand => operand is VerticalStack stack ? stack.Operands : null, all => new VerticalStack(all));

    private static Operator Make(
        IEnumerable<Operator> operands,
        Func<Operator, EquatableArray<Operator>?> inner,
        Func<EquatableArray<Operator>, Operator> make)
    {
        EquatableArray<Operator> all = operands.SelectMany(operand => inner(operand) ?? EquatableArray.Of(operand)).ToEquatable();
        return all.Count == 1 ? all[0] : make(all);
    }
}
