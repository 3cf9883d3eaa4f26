"""When what happens, counted in updates."""

import math
from typing import NamedTuple

from jaxac.config.schema import Config


class Schedule(NamedTuple):
    """Cadences in updates; 0 is never. Whatever its cadence, evaluation also happens at the end."""

    total: int
    log_every: int
    evaluate_every: int
    checkpoint_every: int

    def next_stop(self, updates: int) -> int:
        """The end of the chunk that starts after ``updates`` updates: the next moment that anything is due."""
        cadences = [every for every in self[1:] if every]
        return min(self.total, *((updates // every + 1) * every for every in cadences))

    def evaluates_at(self, updates: int) -> bool:
        return updates == self.total or _is_multiple(updates, self.evaluate_every)

    def saves_at(self, updates: int) -> bool:
        return _is_multiple(updates, self.checkpoint_every)


def make(config: Config) -> Schedule:
    """The cadences of ``config``, given there in environment steps, rounded up to whole updates."""

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
