using Weft.Tests.Fitting;

namespace Weft.Tests.Runtime;

/// <summary>Maps with the parameters of others.</summary>
public class FollowTests
{
    [Fact]
    public void AFollower_ComputesWithWhatTheOtherMapHas()
    {
        using var leader = new CompiledMap<double>("low_rank(5, 7, 2)");
        using var follower = new CompiledMap<double>("""
            operator f : 5 -> 7
              param B[5, 2], A[2, 7]
              = A' * B'
            """);
        using var tail = new CompiledMap<double>("low_rank(5, 7, 2)"); // follows the follower
        follower.Map.Follow(leader.Map);
        tail.Map.Follow(follower.Map);

        Assert.Contains("never given", Assert.Throws<InvalidOperationException>(() => follower.Map.Dense()).Message, StringComparison.Ordinal);
        for (int seed = 1; seed < 4; seed++)
        {
            leader.Map.Initialize(seed);
            double[] matrix = leader.Map.Dense(), transposed = follower.Map.Dense();
            Assert.Equal(matrix, tail.Map.Dense());
            Assert.Equal(leader.Map["A"].Values.ToArray(), tail.Map["A"].Values.ToArray());
            Assert.Equal(leader.Map.Parameters.ToArray(), tail.Map.Parameters.ToArray());
            for (int i = 0; i < 35; i++)
            {
                Assert.Equal(matrix[i], transposed[(i % 7 * 5) + (i / 7)], 1e-14);
            }
        }

        using (ParameterEdit<double> edit = leader.Map.Edit())
        {
            Assert.Contains(leader.Map.Description.Name, Assert.Throws<InvalidOperationException>(() => tail.Map.Dense()).Message, StringComparison.Ordinal);
        }

        leader.Map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tail.Map.Dense());
    }

    /// <summary>Whichever of many threads is the first after a change takes it over; the others wait for it.</summary>
    [Fact]
    public void ManyThreads_TakeAChangeOver()
    {
        using var leader = new CompiledMap<double>("dense(30, 30)");
        using var follower = new CompiledMap<double>("dense(30, 30)");
        follower.Map.Follow(leader.Map);
        for (int seed = 0; seed < 300; seed++)
        {
            leader.Map.Initialize(seed);
            double[] expected = leader.Map.Dense();
            Parallel.For(0, 8, _ => Assert.Equal(expected, follower.Map.Dense()));
        }
    }

    [Fact]
    public void AFollower_IsNotChanged()
    {
        using var leader = new CompiledMap<double>("dense(3, 3)");
        using var follower = new CompiledMap<double>("dense(3, 3)");
        leader.Map.Initialize(1);
        follower.Map.Follow(leader.Map);

        Assert.Contains("follows", Assert.Throws<InvalidOperationException>(() => follower.Map.Edit()).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => follower.Map.Initialize());
        Assert.Throws<InvalidOperationException>(() => new Sgd<double>(0.1).Step(follower.Map, new double[9]));
        Assert.Equal(leader.Map.Dense(), follower.Map.Dense());
    }

    [Fact]
    public void WhatCannotBeFollowed_IsRefused()
    {
        using var map = new CompiledMap<double>("dense(3, 4)");
        using var same = new CompiledMap<double>("dense(3, 4)");
        using var other = new CompiledMap<double>("dense(4, 4)");
        using var renamed = new CompiledMap<double>("low_rank(3, 4, 1)");
        same.Map.Follow(map.Map);

        Assert.Contains("follow itself", Assert.Throws<ArgumentException>(() => map.Map.Follow(same.Map)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => map.Map.Follow(map.Map));
        Assert.Contains("no 'W' of shape [3, 4]", Assert.Throws<ArgumentException>(() => map.Map.Follow(other.Map)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => map.Map.Follow(renamed.Map));
        using ParameterEdit<double> edit = other.Map.Edit();
        using var fourth = new CompiledMap<double>("dense(4, 4)");
        Assert.Throws<InvalidOperationException>(() => other.Map.Follow(fourth.Map));
    }
}
