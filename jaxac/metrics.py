"""From the device's report of a chunk to a row of ``metrics.jsonl``. The names are documented in the README."""

import math

import jax
import numpy as np

from jaxac.loggers import Row
from jaxac.program import ChunkReport
from jaxac.types import Array

EVALUATION = ("eval_return_mean", "eval_return_std", "eval_episodes")


def to_row(report: ChunkReport) -> Row:
    """A chunk's metrics as plain numbers; None where there is none (no episode ended, or not finite)."""
    metrics, episodes, _ = jax.device_get(report)
    ended = float(episodes.ended)
    return {
        **{name: number(value) for name, value in metrics._asdict().items()},
        "episodes": int(ended),
        "episode_return": number(episodes.return_sum / ended) if ended else None,
        "episode_length": number(episodes.length_sum / ended) if ended else None,
    }


def evaluation_row(returns: Array) -> Row:
    """The mean and the standard deviation over the episodes of an evaluation, ``returns [episodes]``."""
    values = np.asarray(returns, np.float64)
    return {
        "eval_return_mean": number(values.mean()),
        "eval_return_std": number(values.std()),
        "eval_episodes": values.size,
    }


def number(value: float | np.ndarray) -> float | None:
    """A Python float, which JSON can hold; None for what it cannot."""
    return float(value) if math.isfinite(value) else None
