"""Checks of A3C's settings against each other."""

from typing import Any

from jaxac.config.algos import A3CConfig
from jaxac.config.words import show
from jaxac.errors import ConfigError

MOST_THREADS = 1024
"""The most shards in real time: each is a thread, which has a stack, and a system has a bound on them."""


def check_one_a_shard(name: str, values: Any, num_shards: int) -> None:
    """Raises ConfigError if a setting's values are a list that does not have one a shard."""
    if isinstance(values, tuple) and len(values) != num_shards:
        raise ConfigError(
            f"{name}={show(values)} has {len(values)} numbers for algo.num_shards={num_shards} shards; give one a "
            "shard."
        )


def check(algo: A3CConfig) -> None:
    """Raises ConfigError if A3C's settings exclude each other."""
    check_one_a_shard("algo.shard_periods", algo.shard_periods, algo.num_shards)
    check_one_a_shard("algo.delay.mean", algo.delay.mean, algo.num_shards)
    if min(algo.periods) > 1:
        raise ConfigError(f"algo.shard_periods={show(algo.periods)} has no shard of period 1; divide by the smallest.")
    if algo.server == "mean" and max(algo.periods) > 1:
        raise ConfigError(
            f"algo.shard_periods={show(algo.periods)} makes no sense with algo.server=mean, a barrier at which all "
            "shards are as slow as the slowest; leave it out, or choose algo.server=per_gradient."
        )
    if algo.pull_at == "round" and (algo.pull_every > 1 or algo.delay.distribution != "none"):
        raise ConfigError(
            f"algo.pull_at=round leaves no room for algo.pull_every={algo.pull_every} or "
            f"algo.delay.distribution={algo.delay.distribution}; choose algo.pull_at=push."
        )
    if not algo.shared_statistics and algo.group_size > 1:
        raise ConfigError(
            f"algo.shared_statistics=false needs algo.server=per_gradient: a mean of {algo.group_size} gradients "
            "belongs to no shard's statistics."
        )
    if (algo.runtime == "replay") != (algo.events is not None):
        raise ConfigError(
            f"algo.events={show(algo.events)} does not fit algo.runtime={algo.runtime}: runtime=replay needs the "
            "events.jsonl of a run with runtime=threads or ray, and nothing else reads it; set both or neither."
        )
    if algo.in_real_time:
        _check_real_time(algo)


def _check_real_time(algo: A3CConfig) -> None:
    """Threads have real delays and orders, so the settings of virtual ones cannot be followed."""
    virtual = {
        "algo.server": (algo.server, "per_gradient"),
        "algo.shard_periods": (algo.shard_periods, None),
        "algo.delay.distribution": (algo.delay.distribution, "none"),
        "algo.pull_at": (algo.pull_at, "push"),
    }
    for name, (value, only) in virtual.items():
        if value != only:
            raise ConfigError(
                f"{name}={show(value)} is for algo.runtime=compiled; with algo.runtime={algo.runtime} leave it at "
                f"{show(only)}."
            )
    if algo.watch_gradients and not algo.lock:
        raise ConfigError(
            "algo.watch_gradients=true needs algo.lock=true: without a lock gradients have no order; leave one of them "
            "out."
        )
    if algo.max_staleness is not None and algo.above_max_staleness == "wait":
        raise ConfigError(
            f"algo.above_max_staleness=wait is for algo.runtime=compiled: with algo.runtime={algo.runtime} no shard "
            "waits for another; choose drop."
        )
    if algo.runtime != "replay" and algo.num_shards > MOST_THREADS:
        raise ConfigError(
            f"algo.num_shards={algo.num_shards} with algo.runtime={algo.runtime} asks for as many threads; give at "
            f"most {MOST_THREADS}, or choose algo.runtime=compiled."
        )
    if algo.ray.learners is not None and algo.ray.learners > algo.num_shards:
        raise ConfigError(
            f"algo.ray.learners={algo.ray.learners} is more than algo.num_shards={algo.num_shards}, and a shard is "
            "computed by one at a time; lower it, or raise algo.num_shards."
        )
