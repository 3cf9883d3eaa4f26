"""Names of metrics, in sections: the same in rows, at Weights & Biases and in ``summary.json``. Imports nothing."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

ENV_STEPS, UPDATES = "env_steps", "updates"
"""The axes, which belong to no section."""

SECONDS = "time/seconds"
"""Seconds of training so far."""
SPS = "time/sps"
"""Environment steps per second of training, since the row before."""
SPS_MEAN = "time/sps_mean"
"""Environment steps per second of training, over a whole run."""
COMPILE_SECONDS, WALL_SECONDS = "time/compile_seconds", "time/wall_seconds"
SERVER_STEPS_PER_SECOND = "time/server_steps_per_second"
IDLE_SHARE, CONTENTION = "time/idle_share", "time/contention"

RETURN = "eval/return_mean"
"""Mean return of the last evaluation."""
RETURN_STD, EVAL_EPISODES = "eval/return_std", "eval/episodes"
EVALUATION = (RETURN, RETURN_STD, EVAL_EPISODES)
"""The last evaluation."""
BEST_RETURN, BEST_ENV_STEPS = "eval/best_return_mean", "eval/best_env_steps"
"""The highest mean return of an evaluation so far, and the environment steps before it."""
THRESHOLD = "eval/threshold"
"""The mean return of an evaluation that counts as solved."""
STEPS_TO_THRESHOLD, SECONDS_TO_THRESHOLD = "eval/env_steps_to_threshold", "eval/seconds_to_threshold"
SEEDS_TO_THRESHOLD = "eval/seeds_that_reached_threshold"

EPISODES = "train/episodes"
EPISODE_RETURN, EPISODE_LENGTH = "train/episode_return", "train/episode_length"

GRADIENT_COSINE, GRADIENT_NOISE = "train/gradient_cosine", "train/gradient_noise"
"""Likeness and noise of the server's successive gradients, with ``algo.watch_gradients``."""

STALENESS, STALENESS_MAX = "async/staleness_mean", "async/staleness_max"
HISTOGRAM = "async/staleness_histogram"
SERVER_STEPS = "async/server_steps"
PUSHES_DROPPED, PULLS_FORCED = "async/pushes_dropped", "async/pulls_forced"
SHARD_ENV_STEPS = "async/shard_env_steps"

SEEDS, SEEDS_STOPPED, SEEDS_DIVERGED = "seeds", "seeds_stopped", "seeds_diverged"
"""Numbers of seeds that trained in a row, that had stopped before it (solved), and that had diverged."""


DEVICE, RESTARTS = "device", "restarts"
"""The device that trained a job of a sweep, and how often the job was begun again because its worker was lost."""


LEARNERS = "learners"
"""The work of each of Ray's learners: its host, shards, pushes, staleness, and what was lost with it."""


def section(name: str, metrics: Mapping[str, T]) -> dict[str, T]:
    """Metrics with the name of their section before their own.

    >>> section("train", {"entropy": 0.5})
    {'train/entropy': 0.5}
    """
    return {f"{name}/{metric}": value for metric, value in metrics.items()}


def bounds(name: str) -> tuple[str, str]:
    """Names of the lower and the upper bound of a mean over seeds.

    >>> bounds("eval/return_mean")
    ('eval/return_mean_low', 'eval/return_mean_high')
    """
    return f"{name}_low", f"{name}_high"
