"""Virtual time: who arrives when, how old a pull is, and how staleness is counted.

In a round every shard takes its turn, in an order of arrival. The bound on staleness splits a round into *waves*: the
shards of a wave compute at the same time, and then arrive one after the other.
"""

import jax
import jax.numpy as jnp

from jaxac.config.schema import A3CConfig, DelayConfig
from jaxac.spec import Spec
from jaxac.types import Array, PRNGKey

PARETO_TAIL = 1.5
"""The exponent of the heavy tail: finite mean, infinite variance."""
_MOST_BINS = 4096


def settings(spec: Spec) -> A3CConfig:
    """The algorithm's settings, known to be A3C's."""
    assert isinstance(spec.algo, A3CConfig)
    return spec.algo


def wave_size(algo: A3CConfig) -> int:
    """Shards that compute at once: all ``K``, or the most (of the divisors of ``K``) for which the bound can hold.

    Between a wave's start and its last arrival the server makes ⌊(C − 1 + W − 1) / C⌋ steps at most, for groups of
    ``C`` gradients and waves of ``W`` shards.
    """
    if algo.max_staleness is None or algo.above_max_staleness == "drop":
        return algo.num_shards
    at_most = algo.max_staleness * algo.group_size + 1
    return max(size for size in range(1, min(at_most, algo.num_shards) + 1) if algo.num_shards % size == 0)


def history_size(algo: A3CConfig) -> int:
    """Versions to keep, so that a pull finds what it asks for at the end of its wave."""
    return wave_size(algo) + longest_delay(algo.delay) + 1


def longest_delay(delay: DelayConfig) -> int:
    """In versions."""
    return 0 if delay.distribution == "none" else delay.maximum


def bins(algo: A3CConfig) -> int:
    """Enough to count every staleness that can occur exactly, within reason.

    Between a shard's pull and the last of the ``pull_every`` gradients that it makes with what it got lie at most so
    many rounds as its period takes, and one that was under way, each of ``K`` versions. Nothing bounds what threads do.
    """
    if algo.in_real_time:
        return _MOST_BINS + 1
    rounds = max(algo.periods) * algo.pull_every + 1
    largest = rounds * algo.num_shards + algo.group_size + longest_delay(algo.delay)
    return min(largest, _MOST_BINS) + 1


def arrival_order(algo: A3CConfig, key: PRNGKey) -> Array:
    """[K] the shards, first to arrive first."""
    shards = jnp.arange(algo.num_shards)
    return jax.random.permutation(key, shards) if algo.order == "shuffled" else shards


def active(algo: A3CConfig, round_: Array) -> Array:
    """[K] bool: the shards that push in this round, the first of which is number 0."""
    return (round_ + 1) % jnp.asarray(algo.periods) == 0


def delays(algo: A3CConfig, key: PRNGKey) -> Array:
    """[K] int32: how many versions behind the server a pull in this round is, for each shard."""
    mean = jnp.broadcast_to(jnp.asarray(algo.delay.mean, jnp.float32), (algo.num_shards,))
    uniform = jax.random.uniform(key, (algo.num_shards,))
    drawn = quantile(algo.delay.distribution, mean, uniform)
    return jnp.clip(drawn, 0, longest_delay(algo.delay)).astype(jnp.int32)


def quantile(distribution: str, mean: Array, uniform: Array) -> Array:
    """The delay, a whole number, that a share ``uniform`` in [0, 1) of delays is not above, for delays of this mean.

    The mean is exact for whole constants, for uniform where ``2 · mean`` is whole, and for geometric; a Pareto delay
    is rounded down from the continuous one (Lomax, tail exponent 1.5), so its mean is about 0.4 less.
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
