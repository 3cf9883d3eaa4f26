"""Virtual time: the order of arrival, the age of pulled parameters, and the counting of staleness.

In a round every shard takes its turn, in an order of arrival. The bound on staleness splits a round into *waves*: the
shards of a wave compute at the same time, and then arrive one after the other.
"""

import jax
import jax.numpy as jnp

from jaxac.config.algos import A3CConfig, DelayConfig
from jaxac.spec import Spec
from jaxac.types import Array, PRNGKey

PARETO_TAIL = 1.5
"""The exponent of the heavy tail: finite mean, infinite variance."""
_MOST_BINS = 4096
"""Staleness of the last bin, which also holds all older gradients."""


def settings(spec: Spec) -> A3CConfig:
    """The algorithm's settings, known to be A3C's."""
    assert isinstance(spec.algo, A3CConfig)
    return spec.algo


def wave_size(algo: A3CConfig) -> int:
    """``W``, the shards that compute at once: all ``K``, or the largest divisor of ``K`` for which the bound can hold.

    Between a wave's start and its last arrival the server makes ⌊(C − 1 + W − 1) / C⌋ steps at most, for groups of
    ``C`` gradients and waves of ``W`` shards.

    >>> from jaxac.config.compose import make_config
    >>> wave_size(make_config("+algo=a3c", "algo.num_shards=8").algo)
    8
    >>> wave_size(make_config("+algo=a3c", "algo.num_shards=8", "algo.max_staleness=2").algo)
    2
    """
    if algo.max_staleness is None or algo.above_max_staleness == "drop":
        return algo.num_shards
    at_most = algo.max_staleness * algo.group_size + 1
    return max(size for size in range(1, min(at_most, algo.num_shards) + 1) if algo.num_shards % size == 0)


def history_size(algo: A3CConfig) -> int:
    """``H``, the versions to keep so that at the end of a wave every version pulled in it is still there."""
    return wave_size(algo) + longest_delay(algo.delay) + 1


def longest_delay(delay: DelayConfig) -> int:
    """The longest delay of a pull, in versions."""
    return 0 if delay.distribution == "none" else delay.maximum


def bins(algo: A3CConfig) -> int:
    """Number of bins of the staleness histogram: enough to count every possible staleness exactly below 4096.

    A shard makes ``pull_every`` gradients with one snapshot. Between its pull and the last of them lie at most
    ``period · pull_every`` rounds, and the one that was under way, each of at most ``K`` versions. Threads have no
    such bound.
    """
    if algo.in_real_time:
        return _MOST_BINS + 1
    rounds = max(algo.periods) * algo.pull_every + 1
    largest = rounds * algo.num_shards + algo.group_size + longest_delay(algo.delay)
    return min(largest, _MOST_BINS) + 1


def arrival_order(algo: A3CConfig, key: PRNGKey) -> Array:
    """[K] int32, the shards in their order of arrival."""
    shards = jnp.arange(algo.num_shards)
    return jax.random.permutation(key, shards) if algo.order == "shuffled" else shards


def active(algo: A3CConfig, round_number: Array) -> Array:
    """[K] bool: the shard pushes in this round.

    Args:
        algo: the algorithm's settings.
        round_number: [] int32, from 0.
    """
    return (round_number + 1) % jnp.asarray(algo.periods) == 0


def delays(algo: A3CConfig, key: PRNGKey) -> Array:
    """[K] int32, versions between the server and a pull in this round, for each shard."""
    mean = jnp.broadcast_to(jnp.asarray(algo.delay.mean, jnp.float32), (algo.num_shards,))
    uniform = jax.random.uniform(key, (algo.num_shards,))
    drawn = quantile(algo.delay.distribution, mean, uniform)
    return jnp.clip(drawn, 0, longest_delay(algo.delay)).astype(jnp.int32)


def quantile(distribution: str, mean: Array, uniform: Array) -> Array:
    """The quantile of a distribution of whole delays, in versions, with a given mean.

    The mean is exact for whole constants, for uniform where ``2 · mean`` is whole, and for geometric; a Pareto delay
    is rounded down from the continuous one (Lomax, tail exponent 1.5), so its mean is about 0.4 less.

    >>> quantile("uniform", jnp.float32(2.0), jnp.asarray([0.0, 0.5, 0.99])).tolist()
    [0.0, 2.0, 4.0]
    >>> quantile("geometric", jnp.float32(1.0), jnp.asarray([0.0, 0.6, 0.9])).tolist()
    [0.0, 1.0, 3.0]

    Args:
        distribution: ``none``, ``constant``, ``uniform``, ``geometric`` or ``pareto``.
        mean: [K] the mean delays.
        uniform: [K] the shares of delays that are not above the quantile, in [0, 1).

    Returns:
        [K] float32, whole numbers.
    """
    if distribution == "constant":
        return jnp.round(mean)
    if distribution == "uniform":
        return jnp.floor(uniform * (jnp.round(2.0 * mean) + 1.0))
    if distribution == "geometric":  # failures before a success of probability 1 / (1 + mean)
        return jnp.floor(jnp.log1p(-uniform) / jnp.log(mean / (1.0 + mean)))
    if distribution == "pareto":
        scale = mean * (PARETO_TAIL - 1.0)
        return jnp.floor(scale * ((1.0 - uniform) ** (-1.0 / PARETO_TAIL) - 1.0))
    return jnp.zeros_like(mean)
