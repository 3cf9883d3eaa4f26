"""Rows of ``metrics.jsonl``, made from the device's reports of chunks."""

import math

import jax
import numpy as np

from jaxac.loggers.base import Row
from jaxac.types import Array, Asynchrony, ChunkReport

EVALUATION = ("eval_return_mean", "eval_return_std", "eval_episodes")
"""Names of an evaluation's metrics."""


def to_row(report: ChunkReport, steps_per_push: int, seconds: float) -> Row:
    """A chunk's metrics as plain numbers; None for a metric without a value (no episode ended, or not finite).

    Args:
        report: the chunk's report, of scalars ``[]`` and counts ``[N]``, ``[K]``.
        steps_per_push: environment steps behind one shard's gradient.
        seconds: seconds that the chunk took.
    """
    metrics, episodes, asynchrony, lag, waiting, *_ = jax.device_get(report)
    ended = float(episodes.ended)
    return {
        **{name: number(value) for name, value in metrics.by_name.items()},
        "episodes": int(ended),
        "episode_return": number(episodes.return_sum / ended) if ended else None,
        "episode_length": number(episodes.length_sum / ended) if ended else None,
        **(asynchrony_row(asynchrony, steps_per_push, seconds) if asynchrony else {}),
        **({name: number(value) for name, value in lag._asdict().items()} if lag else {}),
        **({name: number(value) for name, value in waiting._asdict().items()} if waiting else {}),
    }


def asynchrony_row(asynchrony: Asynchrony, steps_per_push: int, seconds: float) -> Row:
    """Staleness of the gradients that the server used in a chunk, and counts of dropped pushes and forced pulls.

    Args:
        asynchrony: the chunk's counts.
        steps_per_push: environment steps behind one shard's gradient.
        seconds: seconds that the chunk took.
    """
    counts = np.asarray(asynchrony.staleness, np.int64)
    versions, used = int(asynchrony.versions), int(counts.sum())
    largest = int(counts.nonzero()[0].max()) if used else None
    return {
        "staleness_mean": float(counts @ np.arange(counts.size) / used) if used else None,
        "staleness_max": largest,
        "staleness_histogram": counts[: 0 if largest is None else largest + 1].tolist(),
        "versions": versions,
        "versions_per_second": versions / seconds,
        "pushes_dropped": int(asynchrony.dropped),
        "pulls_forced": int(asynchrony.waited),
        "shard_env_steps": (np.asarray(asynchrony.shard_pushes, np.int64) * steps_per_push).tolist(),
    }


def evaluation_row(returns: Array | np.ndarray) -> Row:
    """The mean and the standard deviation over the episodes of an evaluation.

    >>> evaluation_row(np.array([9.0, 11.0]))
    {'eval_return_mean': 10.0, 'eval_return_std': 1.0, 'eval_episodes': 2}

    Args:
        returns: [episodes] the episodes' returns.
    """
    values = np.asarray(returns, np.float64)
    return {
        "eval_return_mean": number(values.mean()),
        "eval_return_std": number(values.std()),
        "eval_episodes": values.size,
    }


def number(value: float | np.ndarray) -> float | None:
    """A number or scalar array ``[]`` as a Python float, which JSON can hold; None if it is not finite.

    >>> number(np.float32(0.5)), number(float("nan"))
    (0.5, None)
    """
    return float(value) if math.isfinite(value) else None
