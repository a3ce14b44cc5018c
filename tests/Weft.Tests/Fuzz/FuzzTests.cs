using System.Runtime.CompilerServices;
using Weft.Fuzz;
using Weft.Fuzz.Targets;

namespace Weft.Tests.Fuzz;

/// <summary>A small share of what tests/Weft.Fuzz does, and every input that once found a fault.</summary>
public class FuzzTests
{
    private const int Seed = 1;

    /// <summary>The files of <c>corpus</c>, each in the folder of its target.</summary>
    public static TheoryData<string, string> Found
    {
        get
        {
            var found = new TheoryData<string, string>();
            foreach (string file in Directory.GetFiles(Corpus(), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                found.Add(Path.GetFileName(Path.GetDirectoryName(file)!), Path.GetFileName(file));
            }

            return found;
        }
    }

    [Theory]
    [InlineData("syntax", 300)]
    [InlineData("binding", 100)]
    [InlineData("road", 8)]
    [InlineData("tensors", 3000)]
    [InlineData("adapters", 300)]
    [InlineData("onnx", 2000)]
    [InlineData("idx", 10000)]
    [InlineData("maps", 1000)]
    public void InputsOfOneSeed_AreTaken(string name, int count)
    {
        FuzzTarget target = AllTargets.Get(name);
        var failures = new List<Failure>();
        Fuzzer.OnSmallStack(() => failures.AddRange(target.Run([.. Enumerable.Range(0, count).Select(number => Fuzzer.Input(target, Seed, number))], _ => { })));
        Assert.All(failures, failure => Assert.Fail($"{Convert.ToBase64String(failure.Input)}\n{failure.Fault}"));
    }

    [Theory]
    [MemberData(nameof(Found))]
    public void WhatOnceFailed_IsTaken(string target, string file)
    {
        byte[] input = File.ReadAllBytes(Path.Combine(Corpus(), target, file));
        Failure? failure = null;
        Fuzzer.OnSmallStack(() => failure = AllTargets.Get(target).Fault(input));
        Assert.Null(failure?.Fault);
    }

    /// <summary>A fault is found, told from others and made small.</summary>
    [Fact]
    public void FaultsAreShrunk()
    {
        var target = new Broken();
        byte[] input = [.. Enumerable.Range(0, 200).Select(number => (byte)number)];
        byte[] shrunk = Shrinking.Shrink(input, shorter => target.Fault(shorter)?.Kind == target.Fault(input)!.Kind);
        Assert.Equal([7, 77], shrunk);
        Assert.Contains("too much memory", target.Fault([1])!.Kind, StringComparison.Ordinal);
        Assert.Null(target.Fault([2]));
    }

    private static string Corpus([CallerFilePath] string file = "") => Path.Combine(Path.GetDirectoryName(file)!, "corpus");

    /// <summary>Fails where a 77 follows a 7, and takes much memory for a 1 alone.</summary>
    private sealed class Broken : FuzzTarget
    {
        public override string Name => "broken";

        public override long MostAllocated => 1 << 20;

        public override byte[] Make(Random random) => [];

        public override void Run(byte[] input)
        {
            if (input.AsSpan().IndexOf((byte)7) is >= 0 and var place && input.AsSpan(place).Contains((byte)77))
            {
                throw new FuzzException($"77 behind 7: at {place}");
            }

            if (input is [1])
            {
                GC.KeepAlive(new byte[2 << 20]);
            }
        }
    }
}
