"""Rows of ``metrics.jsonl``, made from the device's reports of chunks."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxac import names
from jaxac.loggers.base import Row
from jaxac.reports import Asynchrony, ChunkReport
from jaxac.types import Array


def to_row(report: ChunkReport, steps_per_push: int, seconds: float) -> Row:
    """A chunk's metrics as plain numbers; None for a metric without a value (no episode ended, or not finite).

    Args:
        report: the chunk's report, of scalars ``[]`` and counts ``[N]``, ``[K]``.
        steps_per_push: environment steps behind one shard's gradient.
        seconds: seconds that the chunk took.
    """
    metrics, steps, episodes, asynchrony, lag, waiting, _, _, learners = jax.device_get(report)
    ended = float(episodes.ended)
    return {
        **_numbers("train", metrics.by_name),
        **(_numbers("train", steps.means) if steps.taken else names.section("train", dict.fromkeys(steps.sums))),
        names.EPISODES: int(ended),
        names.EPISODE_RETURN: number(episodes.return_sum / ended) if ended else None,
        names.EPISODE_LENGTH: number(episodes.length_sum / ended) if ended else None,
        **(asynchrony_row(asynchrony, steps_per_push, seconds) if asynchrony else {}),
        **(_numbers("async", lag._asdict()) if lag else {}),
        **(_numbers("time", waiting._asdict()) if waiting else {}),
        **names.section("async", learners or {}),
    }


def _numbers(section: str, metrics: Mapping[str, Any]) -> Row:
    return {name: number(value) for name, value in names.section(section, metrics).items()}


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
        names.STALENESS: float(counts @ np.arange(counts.size) / used) if used else None,
        names.STALENESS_MAX: largest,
        names.HISTOGRAM: counts[: 0 if largest is None else largest + 1].tolist(),
        names.SERVER_STEPS: versions,
        names.SERVER_STEPS_PER_SECOND: versions / seconds,
        names.PUSHES_DROPPED: int(asynchrony.dropped),
        names.PULLS_FORCED: int(asynchrony.waited),
        names.SHARD_ENV_STEPS: (np.asarray(asynchrony.shard_pushes, np.int64) * steps_per_push).tolist(),
    }


def evaluation_row(returns: Array | np.ndarray) -> Row:
    """The mean and the standard deviation over the episodes of an evaluation.

    >>> evaluation_row(np.array([9.0, 11.0]))
    {'eval/return_mean': 10.0, 'eval/return_std': 1.0, 'eval/episodes': 2}

    Args:
        returns: [episodes] the episodes' returns.
    """
    values = np.asarray(returns, np.float64)
    return {
        names.RETURN: number(values.mean()),
        names.RETURN_STD: number(values.std()),
        names.EVAL_EPISODES: values.size,
    }


def number(value: float | np.ndarray) -> float | None:
    """A number or scalar array ``[]`` as a Python float, which JSON can hold; None if it is not finite.

    >>> number(np.float32(0.5)), number(float("nan"))
    (0.5, None)
    """
    return float(value) if math.isfinite(value) else None
