"""The schedule of rows, evaluations and checkpoints, counted in updates."""

import math
from typing import NamedTuple

from jaxac.config.schema import Config


class Schedule(NamedTuple):
    """Cadences in updates; 0 is never. Whatever its cadence, evaluation also happens at the end."""

    total: int
    """Updates of the whole run."""
    log_every: int
    """Updates from one row to the next."""
    evaluate_every: int
    """Updates from one evaluation to the next."""
    checkpoint_every: int
    """Updates from one checkpoint to the next."""

    def next_stop(self, updates: int) -> int:
        """The end of the chunk that starts after ``updates`` updates: the next moment that anything is due.

        >>> plan = Schedule(total=100, log_every=10, evaluate_every=25, checkpoint_every=0)
        >>> plan.next_stop(0), plan.next_stop(20), plan.next_stop(95)
        (10, 25, 100)
        """
        cadences = [every for every in self[1:] if every]
        return min(self.total, *((updates // every + 1) * every for every in cadences))

    def evaluates_at(self, updates: int) -> bool:
        """True if an evaluation is due after ``updates`` updates.

        >>> plan = Schedule(total=60, log_every=10, evaluate_every=25, checkpoint_every=0)
        >>> [updates for updates in range(5, 61, 5) if plan.evaluates_at(updates)]
        [25, 50, 60]
        """
        return updates == self.total or _is_multiple(updates, self.evaluate_every)

    def saves_at(self, updates: int) -> bool:
        """True if a checkpoint is due after ``updates`` updates."""
        return _is_multiple(updates, self.checkpoint_every)


def make(config: Config) -> Schedule:
    """The schedule of a configuration, whose cadences in environment steps are rounded up to whole updates.

    >>> from jaxac.config.compose import make_config
    >>> make(make_config("+algo=a2c", "env.num_envs=512", "algo.unroll_length=16", "logger.every=10000")).log_every
    2
    """

    def updates(env_steps: int | None) -> int:
        return math.ceil((env_steps or 0) / config.steps_per_update)

    return Schedule(
        total=config.num_updates,
        log_every=updates(config.logger.every),
        evaluate_every=updates(config.evaluation.every),
        checkpoint_every=updates(config.checkpoint.every),
    )


def _is_multiple(updates: int, every: int) -> bool:
    return every > 0 and updates % every == 0
