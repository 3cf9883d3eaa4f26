"""Gradients that arrived in real time, as the host keeps them until a row tells of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxac.algos.shard import Unrolled
from jaxac.reports import Steps


class Arrival(NamedTuple):
    """A gradient's arrival at the server."""

    version: int
    """The server's version then, by which it was decided whether the gradient is too old."""
    steps: Steps
    """Sums over the server's one step; 0 if the gradient was dropped."""


class Arrived(NamedTuple):
    """A push that the server has taken or dropped, as the host remembers it."""

    shard: int
    """Number of the shard that pushed."""
    staleness: int
    """Versions between the snapshot and the server on arrival."""
    dropped: bool
    """True if it was older than ``algo.max_staleness``."""
    arrival: Arrival
    """Norm and learning rate of the server's step."""
    unrolled: Unrolled
    """Losses and ended episodes of the unroll behind it."""
    learner: int | None
    """Number of the learner that computed it; None for a device of this process."""
    lost: int
    """Calls for it that were lost with their learners."""


class Arrivals(NamedTuple):
    """``N`` pushes as arrays on the host."""

    shard: np.ndarray
    """[N] int, numbers of the shards that pushed."""
    staleness: np.ndarray
    """[N] int, versions between snapshot and server."""
    dropped: np.ndarray
    """[N] bool."""
    steps: Steps
    """[N] sums over the server's steps; 0 where dropped."""
    unrolled: Unrolled
    """[N] losses and ended episodes."""
    learner: np.ndarray
    """[N] int, numbers of the learners that computed them; -1 for devices of this process."""
    lost: np.ndarray
    """[N] int, calls for them that were lost with their learners."""


def fetch(arrived: Sequence[Arrived]) -> Arrivals:
    """Pushes as arrays on the host."""
    arrivals, unrolled = jax.device_get(([each.arrival for each in arrived], [each.unrolled for each in arrived]))
    return Arrivals(
        np.array([each.shard for each in arrived], int),
        np.array([each.staleness for each in arrived], int),
        np.array([each.dropped for each in arrived], bool),
        jax.tree.map(lambda *scalars: np.array(scalars), *(each.steps for each in arrivals)),
        jax.tree.map(lambda *scalars: np.array(scalars), *unrolled),
        np.array([-1 if each.learner is None else each.learner for each in arrived], int),
        np.array([each.lost for each in arrived], int),
    )


def by_learner(arrived: Arrivals, count: int) -> dict[str, Any]:
    """Metrics of ``count`` learners by name: pushes, their mean staleness (None without any), and calls lost."""
    pushes = np.bincount(arrived.learner, minlength=count)
    ages = np.bincount(arrived.learner, arrived.staleness, minlength=count)
    means = [float(age / number) if number else None for age, number in zip(ages, pushes, strict=True)]
    return {
        "learner_pushes": pushes.tolist(),
        "learner_staleness_mean": means,
        "calls_lost": int(arrived.lost.sum()),
    }
