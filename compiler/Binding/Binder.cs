using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>A part of the binder. What it needs of the others it finds in the context.</summary>
internal abstract class Binder(BindingContext context)
{
    protected BindingContext Context => context;

    protected ModuleBinder Modules => context.Modules;

    protected ArgumentBinder Arguments => context.Arguments;

    protected TensorBinder Tensors => context.Tensors;

    protected ChainBinder Chains => context.Chains;

    protected ExpressionBinder Expressions => context.Expressions;

    protected OperatorBinder Operators => context.Operators;

    protected BuiltinBinder Builtin => context.Builtin;

    protected IndexBinder Indices => context.Indices;

    protected void Report(DiagnosticDescriptor descriptor, Frame frame, SyntaxNode node, params object[] arguments) =>
        context.Report(descriptor, frame, node.Span, arguments);

    protected void Report(DiagnosticDescriptor descriptor, Frame frame, TextSpan span, params object[] arguments) =>
        context.Report(descriptor, frame, span, arguments);

    protected void Exhaust(Frame frame, SyntaxNode node, string message) => context.Exhaust(frame, node.Span, message);

    protected void Exhaust(Frame frame, TextSpan span, string message) => context.Exhaust(frame, span, message);

    protected bool Spend(long work, Frame frame, SyntaxNode node) => context.Spend(work, frame, node);

    protected T? Guarded<T>(Frame frame, SyntaxNode node, Func<T?> step)
        where T : class => context.Guarded(frame, node, step);
}
