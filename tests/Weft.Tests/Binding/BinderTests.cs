using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Binding;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

public class BinderTests
{
    /// <summary>A text, and every message with its place.</summary>
    public static TheoryData<string, string[]> Mistakes => new()
    {
        { "operator f : 4 -> 3\n  param W[3, 4]\n  = cayley(W)", ["3:12 WEFT0110 expected a square matrix in the last two axes for 'cayley(A)', found a tensor [3, 4]"] },
        { "operator f : 4 -> 3\n  param W[3, 4]\n  = top_k_softmax(W, 5)", ["3:22 WEFT0110 expected 1 to 4, the length of the last axis for 'top_k_softmax(P, k)', found the number 5"] },
        { "operator f : 4 -> 3\n  param W[3, 4]\n  = exp([1, 2]) * W", ["3:9 WEFT0110 expected a tensor for 'exp(T)', found [1, 2]"] },
        { "operator f : 4 -> 4\n  param a[4], b[3]\n  = diag(quotient(a, b))", ["3:22 WEFT0110 expected a tensor [4] for 'quotient(A, B)', found a tensor [3]"] },
        { "operator f : 4 -> 4\n  param a[4], s\n  = diag(row_norms(s) * a)", ["3:20 WEFT0110 expected a tensor of 1 axis or more for 'row_norms(A)', found a tensor []"] },
        { "operator f : 4 -> 4\n  = diag(sqrt(eye(4)))", ["2:10 WEFT0118 'diag' needs a tensor of 1 axis, found sqrt(eye(4)) : [4, 4]"] },
        { "operator f : 4 -> 4\n  param a[4], B[3]\n  let T[i] = a[i] + B[i]\n  = diag(T)", ["3:23 WEFT0120 axis 0 of B[3] has extent 3, but index 'i' has extent 4 by axis 0 of a[4]"] },
        { "operator f : 12 -> 8 = monarhc(12, 3)", ["1:24 WEFT0100 unknown name 'monarhc': did you mean 'monarch'?"] },
        { "operator f(n) : n -> n = diag(q)", ["1:31 WEFT0100 unknown name 'q'"] },
        {
            "operator f : 9 -> 4\n  param A[4, 3]\n  = sum(i < 3) A[i] * A[i]'",
            ["3:25 WEFT0100 unknown name 'i': what a repetition repeats ends before it, put the whole in parentheses"]
        },
        { "operator f : 3 -> 3 = eye(3)\noperator f : 4 -> 4 = eye(4)", ["2:10 WEFT0101 'f' is already declared here"] },
        { "import \"tests.weft\"", ["1:1 WEFT0102 cannot find 'tests.weft' among the project's Weft files"] },
        { "operator f : 12 -> 12 = monarch(12)", ["1:25 WEFT0104 'monarch(n, b)' takes 2 arguments, found 1"] },
        { "operator f : 12 -> 12 = pad(12)", ["1:25 WEFT0104 'pad(size, n, start = 0)' takes 2 to 3 arguments, found 1"] },
        { "operator f(n) : n -> n\n  param W[n, n]\n  = W(2)", ["3:5 WEFT0105 'W' is a tensor and cannot be called"] },
        { "operator f : 12 -> 12 = monarch", ["1:25 WEFT0106 'monarch' needs its arguments: write monarch(n, b)"] },
        { "operator f : 12 -> 12 = eye", ["1:25 WEFT0106 'eye' needs its arguments: write eye(n)"] },
        { "operator a(n) : n -> n = b(n)\noperator b(n) : n -> n = a(n)\noperator c : 3 -> 3 = a(3)", ["2:26 WEFT0107 'a' calls itself without end: a(n = 3) → b(n = 3) → a(n = 3); let sizes become smaller, and end by them: 'if n <= 1 then … else …' (in b(n = 3))"] },
        { "operator a : 3 -> 3 = a", ["1:23 WEFT0107 'a' calls itself without end: a → a; let sizes become smaller, and end by them: 'if n <= 1 then … else …'"] },
        {
            "operator a(n) : 1 -> 1 = a(n + 1)\noperator b : 1 -> 1 = 2 * a(8)",
            ["2:27 WEFT0107 'a' calls itself too often, calls nested more than 50 levels deep: a(n = 8) → a(n = 9) → a(n = 10) → … → a(n = 54) → a(n = 55) → a(n = 56); let sizes become smaller, and end by them: 'if n <= 1 then … else …'"]
        },
        {
            "operator a(n) : 1 -> 1 = if n == 0 then eye(1) else a(n - 1) * a(n - 1)\noperator b : 1 -> 1 = a(40)",
            ["2:23 WEFT0108 this takes more than 200000 steps, counted over expressions, operands and elements of lists: repeat less often, or write the repetition so that its parts are tensors that its index picks from, which is one step, by the calls a(n = 40) → a(n = 39) → a(n = 38) → … → a(n = 6) → a(n = 5) → a(n = 4)"]
        },
        { "operator f : 4 -> 4 = if 3 then eye(4) else eye(4)", ["1:26 WEFT0110 expected a condition, found the number 3"] },
        { "operator f : 4 -> 4 = if 4 > 3 then eye(5) else eye(4)", ["1:37 WEFT0116 the signature of 'f' says 4 -> 4, but its body is 5 -> 5"] },
        { "operator f : 4 -> 4 = if 4 > 3 then relu . eye(4) else eye(4)", ["1:37 WEFT0110 expected one operator (write '*' for a product), found a chain of links with '.', which makes a layer"] },
        { "operator f : 4 -> 4 = if 4 > 3 then eye(4) else nothing(4)", ["1:49 WEFT0100 unknown name 'nothing'"] },
        { "operator f : 4 -> 4 = if 4 > 3 then eye(4)", ["1:43 WEFT0005 expected 'else', found the end of the statement"] },
        { "operator f : 4 -> 4 = eye(4) + if 4 > 3 then eye(4) else eye(4)", ["1:32 WEFT0005 expected an expression, a choice in parentheses: '(if … then … else …)', found 'if'"] },
        { "operator if : 4 -> 4 = eye(4)", ["1:10 WEFT0005 expected a name, found 'if'"] },
        { "operator f : 4 -> 4 = dense(4, 4)^-1", ["1:35 WEFT0110 expected a whole number from 0 on, found the number -1: write inverse(dense(4, 4))"] },
        { "operator f : 4 -> 4\n  let A = dense(4, 4)\n  = A^(-3)", ["3:7 WEFT0110 expected a whole number from 0 on, found the number -3: write inverse(A)^3"] },
        { "operator f : 4 -> 4\n  let A = dense(4, 4)\n  = A^0.5", ["3:7 WEFT0110 expected a whole number from 0 on, found the number 0.5: write powerm(A, 0.5)"] },
        { "operator f : 4 -> 3 = dense(3, 4)^2", ["1:23 WEFT0110 expected a square operator, found an operator 4 -> 3, which is not multiplied by itself"] },
        { "operator f : 4 -> 4\n  param b[4]\n  = diag(b^2)", ["3:10 WEFT0110 expected a number, a scalar or a square operator, found a tensor [4]: write power(b, 2) for powers of its elements"] },
        { "operator f : 4 -> 4\n  param b[4]\n  y[i] = b[i]^2 * x[i]", ["3:14 WEFT0005 expected a product, 'A[i] * A[i]', or 'power(A, p)[i]', for a power of elements or the end of the statement, found '^'"] },
        { "operator f : 2^40 -> 4 = eye(4)", ["1:14 WEFT0112 expected a size from 1 to 2147483647, found 2^40 = 1099511627776"] },
        { "operator f : 2^9999 -> 4 = eye(4)", ["1:14 WEFT0128 2^9999 is not a finite number"] },
        { "operator f : 2^-3 -> 4 = eye(4)", ["1:14 WEFT0111 expected a whole number, found 2^-3 = 0.125: a part of a size is written n / 2^k, without a negative exponent"] },
        { "operator f : log2(12) -> 4 = eye(4)", ["1:19 WEFT0119 12 is out of range: expected a power of two, such as 8 or 16"] },
        { "layer f : 4 -> 4\n  param W[4, 4]\n  penalty p[] = x[i]\n  = W", ["3:3 WEFT0110 expected a scalar of the parameters for a penalty, found what depends on the input: make it an output with a name, which the loss reads"] },
        { "layer f : 4 -> 4\n  param W[4, 4]\n  penalty p = gelu . x\n  = W", ["3:15 WEFT0110 expected a scalar of the parameters for a penalty, found what depends on the input: make it an output with a name, which the loss reads"] },
        { "layer f : 4 -> 4\n  param W[4, 4]\n  penalty p = W\n  = W", ["3:15 WEFT0110 expected a scalar of the parameters for a penalty, found a tensor [4, 4]: a sum over all elements is written 'penalty p[] = T[i, j]'"] },
        { "operator f : 4 -> 4\n  param W[4, 4]\n  penalty p = 3\n  = W", ["3:15 WEFT0110 expected a scalar of the parameters for a penalty, found the number 3: a sum over all elements is written 'penalty p[] = T[i, j]'"] },
        { "operator f : 4 -> 4\n  param W[4, 4]\n  penalty p = norm(W)\n  penalty p = norm(W)\n  = W", ["4:11 WEFT0101 'p' is already declared here"] },
        { "model f : 4 -> 4\n  penalty p = 3\n  layer a = dense(4, 4)", ["2:3 WEFT0007 'penalty' belongs inside an operator or a layer"] },
        { "operator f : 4 -> 4 = shared dense(4, 4)", ["1:23 WEFT0005 expected a call (what calls share is a tensor that both are given, as in 'f(W)' and 'g(W)'), found 'shared'"] },
        { "operator f : -3 -> 4 = eye(4)", ["1:14 WEFT0112 expected a size from 1 to 2147483647, found -3"] },
        { "layer f : 4 -> 4\n  noise e[4] ~ normal(-1)\n  y[i] = x[i] + e[i]", ["2:23 WEFT0119 the deviation -1 is out of range: expected a number from 0 on"] },
        { "operator f : 3 -> 3 = product(i < 1000000000) eye(3)", ["1:23 WEFT0108 more than 200000 repetitions"] },
        { "operator f : 3 -> 3\n  param V(i < 100000000)[3]\n  = V[0] * V[1]'", ["2:9 WEFT0108 more than 20000 parameters in one module"] },
        { "operator f : 12 -> 12 = monarch(12, 5)", ["1:25 WEFT0109 monarch(n = 12, b = 5) requires n % b == 0, but n % b is 2"] },
        { "operator f : 12 -> 12\n  require 1 > 2\n  = eye(12)", ["2:11 WEFT0109 requires 1 > 2"] },
        { "operator f : 3 -> 3 = eye([3])", ["1:27 WEFT0110 expected a number, found [3]"] },
        { "operator f : 3 -> 3 = eye(3) + 1", ["1:32 WEFT0110 expected an operator, found the number 1; a multiple of the identity is c * eye(n)"] },
        { "operator f : 9 -> 9 = dense([3], 3)", ["1:29 WEFT0110 expected a number for 'm' of 'dense(m, n)', found [3]"] },
        {
            "operator f : 8 -> 8\n  param T[2, 4, 4]\n  = T",
            ["3:5 WEFT0110 expected an operator, found a tensor [2, 4, 4] of 3 axes; 'blockdiag' makes an operator of its blocks"]
        },
        {
            "operator g(n, b) : n -> n\n  param R[n/b, b]\n  = R\noperator f : 12 -> 12 = g(12, 5)",
            ["2:11 WEFT0111 expected a whole number, found n/b = 2.4 (in g(n = 12, b = 5))"]
        },
        { "operator f : 3 -> 3 = eye(0)", ["1:27 WEFT0112 expected a size from 1 to 2147483647, found 0"] },
        { "operator f : 3 -> 3 = rfft(2147483647)", ["1:28 WEFT0119 2147483647 is out of range: expected 134217728 at most, of which a transform still has room"] },
        { "operator f : 3 -> 3 = eye(100000) ⊗ eye(100000)", ["1:23 WEFT0112 expected a size from 1 to 2147483647, found eye(100000) ⊗ eye(100000) : 10000000000 -> 10000000000"] },
        {
            "operator g(m, n, r) : n -> m\n  param A[m, r+1], B[r, n]\n  = A * B\noperator f : 10 -> 8 = g(8, 10, 3)",
            ["3:5 WEFT0113 cannot multiply A[m, r+1] : 4 -> 8 by B[r, n] : 10 -> 3: the left factor takes 4 inputs, the right one gives 3 outputs (in g(m = 8, n = 10, r = 3))"]
        },
        { "operator f : 3 -> 3 = eye(3) + eye(4)", ["1:32 WEFT0114 cannot add eye(3) : 3 -> 3 and eye(4) : 4 -> 4: both must have the same shape"] },
        { "operator f : 6 -> 3 = [eye(3), zeros(2, 3)]", ["1:32 WEFT0115 cannot put eye(3) : 3 -> 3 beside zeros(2, 3) : 3 -> 2: both must have the same number of outputs"] },
        { "operator f : 3 -> 6 = [eye(3); zeros(3, 2)]", ["1:32 WEFT0115 cannot put eye(3) : 3 -> 3 above zeros(3, 2) : 2 -> 3: both must have the same number of inputs"] },
        { "operator f : 3 -> 5 = eye(3)", ["1:21 WEFT0116 the signature of 'f' says 3 -> 5, but its body is 3 -> 3"] },
        { "layer f : 4 -> 4 = dense(4, 5) . relu . dense(6, 4)", ["1:20 WEFT0117 dense(4, 5) : 5 -> 4 takes 5 inputs, but is given 6"] },
        {
            "model bad : 64 -> 10\n  layer stem = dense(3200, 64)\n  layer head = dense(10, 16)",
            ["3:16 WEFT0117 dense(10, 16) : 16 -> 10 takes 16 inputs, but is given 3200"]
        },
        { "model bad : 64 -> 10\n  layer stem = dense(32, 63)\n  layer head = dense(10, 32)", ["2:16 WEFT0117 dense(32, 63) : 63 -> 32 takes 63 inputs, but is given 64"] },
        { "model bad : 64 -> 10\n  layer stem = dense(32, 64)\n  layer head = relu . dense(9, 32)", ["3:14 WEFT0116 the signature of 'bad' says 64 -> 10, but its body is 64 -> 9"] },
        { "operator f : 5 -> 3\n  let S[i:3] = (2 * i + 1) * (i >= 0)\n  y[i] = x[S[i]]", ["3:12 WEFT0119 the position 5 is out of range: expected 0 to 4"] },
        { "operator f : 4 -> 3\n  param T[5, 4]\n  let S[i:3] = (2 * i + 1) * (i >= 0)\n  y[i] = T[S[i], j] * x[j]", ["4:12 WEFT0119 the position 5 is out of range: expected 0 to 4"] },
        { "operator f : 4 -> 3\n  param T[5, 4]\n  let S[i:3] = (2 * i + 1) * (i >= 0)\n  = take(T, S)", ["4:13 WEFT0119 the position 5 is out of range: expected 0 to 4"] },
        { "operator f : 5 -> 4\n  let S[i:2, j:4] = (3 + i * j) * (i >= 0)\n  = gather(S[1], 5)", ["3:12 WEFT0119 the position 5 is out of range: expected 0 to 4"] },
        { "operator f : 5 -> 4\n  seeded(3) S[4] ~ whole(9)\n  y[j] = x[S[j]]", ["3:12 WEFT0119 the position 8 is out of range: expected 0 to 4"] },
        {
            "operator f : 80000 -> 80000 = dirsum(dense(40000, 40000), dense(40000, 40000))",
            ["1:10 WEFT0108 the parameters of 'f' would have 3200000000 elements: the limit is 2147483575"]
        },
        { "operator f : 3 -> 3\n  param d[3, 3]\n  = diag(d)", ["3:10 WEFT0118 'diag' needs a tensor of 1 axis, found d : [3, 3]"] },
        { "operator f : 3 -> 3\n  param T[4, 3, 3]\n  = T[4]", ["3:7 WEFT0119 4 is out of range: expected 0 to 3"] },
        { "operator f : 3 -> 3\n  param T[4, 3, 3]\n  = sum(i < 4) T[i + 1]", ["3:18 WEFT0119 i + 1 = 4 is out of range: expected 0 to 3"] },
        {
            "operator f : 6 -> 6\n  param U[2, 3, 4], V[2, 3, 5]\n  y[i a] = U[i, a, r] * V[j, c, r] * x[j c]",
            ["3:33 WEFT0120 axis 2 of V[2, 3, 5] has extent 5, but index 'r' has extent 4 by axis 2 of U[2, 3, 4]"]
        },
        { "operator f : 6 -> 7\n  param U[2, 3]\n  y[i a] = U[i, a] * x[j]", ["3:5 WEFT0120 the output has extent 7, but its indices have i:2 · a:3"] },
        { "operator f : 6 -> 6\n  param U[6]\n  y[i] = U[i] * x[j k]", ["3:19 WEFT0121 the extent of index 'j' cannot be found from the tensors: state it as 'j:4'"] },
        { "operator f : 6 -> 6\n  param U[6]\n  y[i] = U[i]", ["3:10 WEFT0122 expected the input 'x' once in every term, found it 0 times"] },
        { "operator f : 6 -> 6\n  param U[6]\n  y[i i] = U[i] * x[i]", ["3:7 WEFT0123 the index 'i' stands twice in the result"] },
        { "operator f : 6 -> 6\n  param U[6]\n  y[i] = U[j] * x[j]", ["3:10 WEFT0123 the index 'i' of the result stands nowhere in this term; for one that is the same for each i write (i >= 0) * before it"] },
        { "operator f : 3 -> 3 = permute([0, 1, 1])", ["1:31 WEFT0124 expected each of 0 to 2 once, found 1"] },
        { "operator f(n) : n -> n\n  param A[n, n] ~ normall(1)\n  = A", ["2:19 WEFT0125 unknown distribution 'normall': did you mean 'normal'?"] },
        { "operator f : 3 -> 3 = eye(3 / 0)", ["1:27 WEFT0128 3 / 0 is not a finite number"] },
        { "layer act : 3 -> 3 = gelu\noperator f : 3 -> 3 = act * eye(3)", ["2:23 WEFT0129 'act' is not linear: it can be a link of a layer, not a part of an operator"] },
        { "operator f : 3 -> 3 = gelu", ["1:23 WEFT0129 'gelu' is not linear: it can be a link of a layer, not a part of an operator"] },
        { "operator f(n) : n -> n\n  param A[n, n], B[n]\n  = A", ["2:18 WEFT0130 'B' is never used"] },
        { "layer f : 3 -> 3\n  noise e[3], d[3]\n  y[i] = e[i] * x[i]", ["2:15 WEFT0130 'd' is never used"] },
        {
            "operator f : 3 -> 3 = eye(4)\noperator g : 3 -> 3 = nothing\noperator h : 3 -> 3\n  = (\noperator k : 3 -> 3 = h",
            ["1:21 WEFT0116 the signature of 'f' says 3 -> 3, but its body is 4 -> 4", "2:23 WEFT0100 unknown name 'nothing'", "4:5 WEFT0003 '(' is never closed: expected ')'"]
        },
    };

    /// <summary>What users of other notations write, with the text that the message gives for it.</summary>
    public static TheoryData<string, string> Remedies => new()
    {
        { "layer f : 8 -> 8 = gelu(bias(dense(8, 8)))", "1:20 WEFT0105 'gelu' is a link and cannot be called: write gelu . bias . dense(8, 8)" },
        { "layer f : 8 -> 8 = bias(8) . dense(8, 8)", "1:20 WEFT0105 'bias' is a link and cannot be called: write bias" },
        { "layer f : 8 -> 8 = relu(bias(dense(8, 8)))", "1:20 WEFT0110 expected a tensor for 'relu(T)', found 'bias(dense(8, 8))'; for a link write relu . bias . dense(8, 8)" },
        { "operator f : 8 -> 8 = 2 * relu(dense(8, 8))", "1:27 WEFT0110 expected a tensor for 'relu(T)', found 'dense(8, 8)'; for a link write relu . dense(8, 8)" },
        { "layer f : 8 -> 8 = softmax(dense(8, 8))", "1:20 WEFT0110 expected a tensor for 'softmax(P)', found 'dense(8, 8)'; for a link write softmax . dense(8, 8)" },
        { "layer f : 8 -> 8 = x + dense(8, 8)", "1:20 WEFT0100 unknown name 'x': the input has no name here, write add(eye(8), dense(8, 8))" },
        { "layer f : 8 -> 8 = gelu . (x - dense(8, 8))", "1:28 WEFT0100 unknown name 'x': the input has no name here, write add(eye(8), -dense(8, 8))" },
        { "operator f : 8 -> 8 = dense(8, 8) - x", "1:37 WEFT0100 unknown name 'x': the input has no name here, write dense(8, 8) - eye(8)" },
        { "operator f : 8 -> 8 = dense(8, 8) * x", "1:37 WEFT0100 unknown name 'x': the input has no name here, a map is written without it" },
        { "layer f : 8 -> 8 = largest(2) . dense(8, 8)", "1:20 WEFT0110 expected an operator or a link, found 'largest(T, k)', a function of tensors that is no link: it is for parameters only" },
        { "layer f : 8 -> 8 = quotient . dense(8, 8)", "1:20 WEFT0110 expected an operator or a link, found 'quotient(A, B)', a function of tensors that is no link: it takes 2 tensors" },
        { "layer f : 8 -> 8 = cayley . dense(8, 8)", "1:20 WEFT0110 expected an operator or a link, found 'cayley(A)', a function of tensors that is no link: it works on matrices" },
        { "layer f : 8 -> 8 = row_norms . dense(8, 8)", "1:20 WEFT0110 expected an operator or a link, found 'row_norms(A)', a function of tensors that is no link: its result has another shape" },
        { "operator f : 8 -> 8 = dense(8, 8) @ dense(8, 8)", "1:35 WEFT0001 unexpected character '@': a product is written with '*'" },
        { "operator f(n) : n -> n\n  param A[n, n]\n  = A²", "3:6 WEFT0001 unexpected character '²': a square is written a^2" },
        { "operator f : 8 -> 8 = dense(8, 8)**2", "1:35 WEFT0005 expected an expression (a power is written a^b), found '*'" },
        { "layer f : 8 -> 8\n  let h = dropout(0.5, x)\n  = h", "2:11 WEFT0105 'dropout' is a link and cannot be called: write dropout(0.5) . x" },
        { "layer f : 8 -> 8\n  let h = dropout(x, 0.5)\n  = h", "2:11 WEFT0105 'dropout' is a link and cannot be called: write dropout(0.5) . x" },
        { "# text\noperator f : 8 -> 8 = eye(8)", "1:1 WEFT0001 unexpected character '#': a comment starts with '//'" },
        { "operator f(n) : n -> n\n  param A[n, n]\n  = A.T", "3:7 WEFT0100 unknown name 'T': a transpose is written A'" },
        { "operator f(n) : n -> n\n  param A[n, n]\n  = A.T * A", "3:7 WEFT0100 unknown name 'T': a transpose is written A'" },
        { "operator f : 8 -> 8 = einsum(\"ij,jk->ik\", 8, 8)", "1:30 WEFT0005 expected an expression, found '\"ij,jk->ik\"'; sums over indices are written as y[i] = A[i, j] * x[j]" },
        { "operator f : 8 -> 8\n  frozen(fp16) A[8, 8]\n  = A", "2:10 WEFT0131 unknown format 'fp16': did you mean 'half'?" },
        { "operator f : 8 -> 8\n  frozen(fp8) A[8, 8]\n  = A", "2:10 WEFT0131 unknown format 'fp8': did you mean 'e4m3'?" },
        { "operator f : 8 -> 8\n  frozen(packed) A[8, 8]\n  = A", "2:10 WEFT0131 unknown format 'packed': there is bf16, half, e4m3, e5m2, int8, int4, uint4, nf4" },
        {
            "operator f : 8 -> 8\n  param A[8, 8] ~ poisson(1)\n  = A",
            "2:19 WEFT0125 unknown distribution 'poisson': there is zeros, ones, constant, normal, uniform, sign, paired, whole, distinct, orthogonal, eye, fan_in, dropout"
        },
        { "operator f : 8 -> 8 = conv(8)", "1:23 WEFT0100 unknown name 'conv': did you mean 'convolution'?" },
        { "operator f : 8 -> 8 = foo(8)", "1:23 WEFT0100 unknown name 'foo'" },
        { "layer f : 8 -> 8 = tnah . dense(8, 8)", "1:20 WEFT0100 unknown name 'tnah': did you mean 'tanh'?" },
        { "layer f : 8 -> 8 = Dense(8, 8)", "1:20 WEFT0100 unknown name 'Dense': did you mean 'dense'?" },
        {
            "operator f : 8 -> 24\n  y[e i:3] = x[e]",
            "2:14 WEFT0123 the index 'i' of the result stands nowhere in this term; for one that is the same for each i write (i >= 0) * before it"
        },
        {
            "operator f : 8 -> 8\n  param A[8, 8], b[8]\n  = A + b",
            "3:9 WEFT0114 cannot add A[8, 8] : 8 -> 8 and b[8] : 1 -> 8: both must have the same shape; nothing is repeated to fit, write let T[i, j] = A[i, j] + (i >= 0) * b[j]"
        },
        { "operator f : 8 -> 8\n  param A[8, 8], s\n  = A + s", "3:9 WEFT0110 expected an operator, found a tensor [] of 0 axes; a multiple of the identity is c * eye(n)" },
        { "operator f(n, k = 2 * n) : n -> n\n  require k > n\n  = eye(n)\noperator g : 8 -> 8 = f(8, 2, 3)", "4:23 WEFT0104 'f(n, k = 2 * n)' takes 1 to 2 arguments, found 3" },
        { "operator f(k) : k -> k\n  = eye((k - 1) * (k + 1))\noperator g : 1 -> 1 = f(1)", "2:9 WEFT0112 expected a size from 1 to 2147483647, found (k - 1) * (k + 1) = 0 (in f(k = 1))" },

        // One mistake: what cannot be read may declare what is then not known, and a name is unknown once.
        { "operator f : 8 -> 8\n  param A[8 8], B[8, 8]\n  = A * B", "2:13 WEFT0005 expected ',' or ']', found '8'" },
        { "import \"other.weft\"\noperator f : 8 -> 8 = of_other(8)", "1:1 WEFT0102 cannot find 'other.weft' among the project's Weft files" },
        { "operator f(n) : n -> n = q * q'", "1:26 WEFT0100 unknown name 'q'" },
    };

    [Theory]
    [MemberData(nameof(Remedies))]
    public void OtherNotations_AreNamedWithWhatToWrite(string text, string expected) =>
        Assert.Equal([expected], TestModules.Diagnostics(text));

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Mistakes_AreReportedInTheUsersTerms(string text, string[] expected) =>
        Assert.Equal(expected, TestModules.Diagnostics(text));

    /// <summary>A text, and the parameters of its last module.</summary>
    public static TheoryData<string, string> Names => new()
    {
        { "operator M : 8 -> 8 = monarch(8, 2)", "R[2, 4, 4] L[4, 2, 2]" },
        { "operator M : 8 -> 8 = monarch(8, 2) + monarch(8, 4)", "monarch.R[2, 4, 4] monarch.L[4, 2, 2] monarch2.R[4, 2, 2] monarch2.L[2, 4, 4]" },
        { "operator M : 8 -> 8\n  let A = monarch(8, 2)\n  = A * A'", "A.R[2, 4, 4] A.L[4, 2, 2]" },
        { "operator M : 8 -> 8\n  param d[8]\n  = diag(d) * dense(8, 8)", "d[8] dense.W[8, 8]" },
        { "operator M : 8 -> 8 = sum(i < 2) diagonal(8)", "diagonal.d[8] diagonal2.d[8]" },
        { "operator M : 6 -> 6\n  param A(k < 2)[k + 2, k + 2]\n  = kron(k < 2) A[k]", "A[0][2, 2] A[1][3, 3]" },
        { "operator M : 6 -> 6 = lora(6, 6, 2)", "B[6, 2] A[2, 6] W[6, 6]" },
        { "layer L : 8 -> 3 = relu . bias . dense(3, 4) . bias . dense(4, 8)", "dense.W[4, 8] bias[4] dense2.W[3, 4] bias2[3]" },
        { "layer L : 8 -> 4 = gelu . bias . dense(4, 8)", "W[4, 8] bias[4]" },
        {
            "layer act(m, n) : n -> m = gelu . bias . dense(m, n)\nmodel M : 8 -> 3\n  layer stem = act(4, 8)\n  layer head = bias . dense(3, 4)",
            "stem.W[4, 8] stem.bias[4] head.W[3, 4] head.bias[3]"
        },
        {
            "model M : 6 -> 6\n  layer a = vera(6, 6, 2)\n  layer b = vera(6, 6, 2)",
            "a.lambda_b[6] a.lambda_d[2] b.lambda_b[6] b.lambda_d[2] a.W[6, 6] b.W[6, 6] vera.A[2, 6] vera.B[6, 2]"
        },
        {
            "bank shared_bank[3, 4] ~ zeros\noperator M : 4 -> 3 = shared_bank\nmodel N : 4 -> 4\n  layer a = M\n  layer b = M'\n  layer c = shared_bank' * shared_bank",
            "shared_bank[3, 4]"
        },
        { "operator M : 4 -> 4\n  param A[4, 4], B[4, 4]\n  let unused = A * B\n  = B", "B[4, 4]" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Parameters_AreNamedByTheirPath(string text, string expected)
    {
        BindResult result = WeftCompiler.Bind([TestModules.File(text)]);
        Assert.Empty(result.Diagnostics);
        Assert.Equal(expected, string.Join(" ", result.Modules[^1].Parameters.Select(parameter => $"{parameter.Name}[{string.Join(", ", parameter.Shape)}]")));
    }

    [Fact]
    public void Roles_HaveTheirInitializers()
    {
        Module module = TestModules.Formula("""
            operator f : 2 -> 2
              param A[2], B[2] ~ constant(3), C[2] ~ paired(2), D[2]
              frozen E[2], F[2] ~ uniform(1/2)
              seeded(3 + 4) G[2], H[2] ~ sign
              = diag(A) * diag(B) * diag(C) * diag(D) * diag(E) * diag(F) * diag(G) * diag(H)
            """);
        Assert.Equal(
            [
                new Parameter("A", EquatableArray.Of(2), Role.Trained, new Initializer(Distribution.Constant, 3)),
                new Parameter("B", EquatableArray.Of(2), Role.Trained, new Initializer(Distribution.Constant, 3)),
                new Parameter("C", EquatableArray.Of(2), Role.Trained, new Initializer(Distribution.Paired, 2)),
                new Parameter("D", EquatableArray.Of(2), Role.Trained, Initializer.FanIn()),
                new Parameter("E", EquatableArray.Of(2), Role.Frozen, new Initializer(Distribution.Uniform, 0.5)),
                new Parameter("F", EquatableArray.Of(2), Role.Frozen, new Initializer(Distribution.Uniform, 0.5)),
                new Parameter("G", EquatableArray.Of(2), Role.Seeded, new Initializer(Distribution.Sign)),
                new Parameter("H", EquatableArray.Of(2), Role.Seeded, new Initializer(Distribution.Sign)),
            ],
            module.Parameters.Select(parameter => parameter with { Seed = 0 }));
        Assert.Equal(2, module.Parameters.Where(parameter => parameter.Role == Role.Seeded).Select(parameter => parameter.Seed).Distinct().Count());
    }

    [Fact]
    public void Repetitions_AreKeptWhereTheirShapesAgree()
    {
        Operator Body(string formula) => ((LinearLink)TestModules.Formula($"operator f : 4 -> 4\n  param T[3, 4, 4]\n  = {formula}").Links[0]).Operator;
        var indexed = Assert.IsType<Indexed>(Body("sum(i < 3) T[i]"));
        Assert.Equal(3, indexed.Variable.Extent);
        Assert.IsType<Indexed>(Assert.IsType<Indexed>(Body("sum(i < 2) sum(j < 2) T[i + j]")).Body);
        Assert.IsType<Sum>(Body("sum(i < 3) (i * T[i])"));
        Assert.IsType<Product>(Body("product(i < 3) T[i]"));
        Assert.IsType<Sum>(Body("sum(i < 3) (dense(4, 4) * T[i])"));
    }

    [Fact]
    public void Indices_HaveIdsOfTheirOwn()
    {
        Module module = TestModules.Formula("""
            operator f : 6 -> 6
              param U[2, 3, 4]
              y[i a] = U[i, a, r] * U[j, c, r] * x[j c] - x[i a] / 2
            """);
        var sum = Assert.IsType<Sum>(((LinearLink)module.Links[0]).Operator);
        Einsum[] terms = [.. sum.Operands.Cast<Einsum>()];
        Assert.Equal([1, -0.5], terms.Select(term => term.Coefficient));
        IndexVariable[] variables = [.. terms.SelectMany(term => term.Output.Variables.Concat(term.Input.Variables)).Distinct()];
        Assert.Equal(variables.Length, variables.Select(variable => variable.Id).Distinct().Count());
        Assert.Equal(4, terms[0].Output.Variables.Concat(terms[0].Input.Variables).Distinct().Count());
        Assert.Equal(2, terms[1].Output.Variables.Concat(terms[1].Input.Variables).Distinct().Count());
    }

    [Fact]
    public void Modules_CarryTheirTextAndDocumentation()
    {
        ParsedFile file = TestModules.File("""
            /// Mixes.
            ///  And more.
            operator Mixer : 6 -> 4 // of no use
              param A[4, 6]
              = A

            /// Not concrete.
            operator generic(n) : n -> n = eye(n)
            """);
        Module module = Assert.Single(WeftCompiler.Bind([file]).Modules);
        Assert.Equal("Mixes.\n And more.", module.Documentation);
        Assert.StartsWith("operator Mixer : 6 -> 4", module.Formula, StringComparison.Ordinal);
        Assert.EndsWith("= A", module.Formula, StringComparison.Ordinal);
    }

    [Fact]
    public void Imports_AreRelativeAndNeeded()
    {
        ParsedFile library = TestModules.File("operator mix(n) : n -> n = eye(n)", "a/lib/mix.weft");
        ParsedFile user = TestModules.File("import \"lib/mix.weft\"\noperator U : 3 -> 3 = mix(3)", "a/user.weft");
        ParsedFile up = TestModules.File("import \"../user.weft\"\noperator V : 3 -> 3 = U", "a/lib/up.weft");
        BindResult result = WeftCompiler.Bind([library, user, up]);
        Assert.Empty(result.Diagnostics);
        Assert.Equal(["U", "V"], result.Modules.Select(module => module.Name));

        ParsedFile without = TestModules.File("operator U : 3 -> 3 = mix(3)", "a/user.weft");
        Assert.Equal(
            "unknown name 'mix': it is declared in another file, write: import \"lib/mix.weft\"",
            Assert.Single(WeftCompiler.Bind([library, without]).Diagnostics).Message);

        ParsedFile slip = TestModules.File("import \"lib/mox.weft\"\noperator U : 3 -> 3 = eye(3)", "a/user.weft");
        Assert.Equal(
            "cannot find 'lib/mox.weft' among the project's Weft files: did you mean 'lib/mix.weft'?",
            Assert.Single(WeftCompiler.Bind([library, slip]).Diagnostics).Message);
    }

    [Fact]
    public void UsersNames_ComeBeforeTheStandardLibrary()
    {
        ParsedFile file = TestModules.File("operator dense(m, n) : n -> m = zeros(m, n)\noperator D : 3 -> 2 = dense(2, 3)\noperator L : 3 -> 2 = low_rank(2, 3, 1)");
        BindResult result = WeftCompiler.Bind([file]);
        Assert.Empty(result.Diagnostics);
        Assert.Empty(result.Modules[0].Parameters);
        Assert.Equal(2, result.Modules[1].Parameters.Count);
    }

    [Fact]
    public void Formulas_NameTheProjectsDeclarations()
    {
        ParsedFile file = TestModules.File("operator twice(n) : n -> n = monarch(n, 2) * monarch(n, 4)\noperator Fixed : 8 -> 8 = twice(8)\nlayer Act : 8 -> 8 = gelu . Fixed");
        Assert.Equal("Test", TestModules.Formula("twice(8)", file).Name);
        Assert.Equal(4, TestModules.Formula("Fixed", file).Parameters.Count);
        Assert.False(TestModules.Formula("Act", file).IsLinear);
        Assert.Equal("gelu . bias . dense(3, 8) . Fixed", TestModules.Formula(" gelu . bias . dense(3, 8) . Fixed ", file).Formula);
        Assert.Equal(3, TestModules.Formula("operator a(n) : n -> n = twice(n)\noperator b : 8 -> 8 = a(8)\noperator c : 8 -> 3 = dense(3, 8) * b", file).Outputs);
    }

    [Theory]
    [InlineData("monarch(12, 5)", "1:1 WEFT0109 monarch(n = 12, b = 5) requires n % b == 0, but n % b is 2")]
    [InlineData("bad(4)", "1:1 WEFT0113 cannot multiply eye(n) : 4 -> 4 by eye(n+1) : 5 -> 5: the left factor takes 4 inputs, the right one gives 5 outputs (in bad(n = 4), test.weft(1,28))")]
    [InlineData("2 * worse(4)", "1:5 WEFT0113 cannot multiply eye(n) : 4 -> 4 by eye(n+1) : 5 -> 5: the left factor takes 4 inputs, the right one gives 5 outputs (in bad(n = 4), test.weft(1,28))")]
    [InlineData("broken(4)", "1:1 WEFT0126 'broken' has errors of its own in 'test.weft'")]
    [InlineData("gelu", "1:1 WEFT0110 expected an operator to apply first, found 'gelu'")]
    [InlineData("", "1:1 WEFT0127 expected a formula, or an operator, layer or model without parameters")]
    [InlineData("operator f(n) : n -> n = eye(n)", "1:1 WEFT0127 expected a formula, or an operator, layer or model without parameters")]
    [InlineData("monarch(8, 2", "1:8 WEFT0003 '(' is never closed: expected ')'")]
    [InlineData("monarch(8, 2) 3", "1:15 WEFT0005 expected '.' or the end of the statement, found '3'")]
    [InlineData("eye(3)\n= eye(3)", "2:1 WEFT0005 expected the end of the formula, found '='")]
    [InlineData("3", "1:1 WEFT0110 expected an operator, found the number 3; a multiple of the identity is c * eye(n)")]
    public void MistakesInFormulas_AreReportedInTheFormula(string formula, string expected)
    {
        ParsedFile file = TestModules.File("operator bad(n) : n -> n = eye(n) * eye(n+1)\noperator worse(n) : n -> n = bad(n)\noperator broken(n) : n -> n = nothing(n)");
        var source = new SourceText("formula", formula);
        BindResult result = WeftCompiler.BindFormula(source, [file], "Test");
        Assert.Empty(result.Modules);
        Diagnostic diagnostic = Assert.Single(result.Diagnostics);
        Assert.Equal("formula", diagnostic.Path);
        Assert.Equal(expected, TestModules.Show(new ParsedFile(source, new FileSyntax(default, default, default), default), diagnostic));
    }

    [Fact]
    public void Binding_CanBeCancelled() =>
        Assert.Throws<OperationCanceledException>(() => WeftCompiler.Bind([TestModules.File("operator f : 3 -> 3 = eye(3)")], new CancellationToken(true)));
}
