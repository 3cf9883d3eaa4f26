"""A lane on the host's side: one run's account of what the device did, its rows, its checkpoints, its end."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxac import spec
from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.loggers import rows
from jaxac.loggers.base import Logger, Row
from jaxac.programs.executors import Outcome
from jaxac.runs import artifacts, schedule
from jaxac.storage import checkpoint, run_directory, serialization
from jaxac.storage.run_directory import Run
from jaxac.types import Array, PyTree


@dataclass
class Progress:
    """What the host counts; part of every checkpoint, so that a resumed run goes on counting."""

    run_id: str
    train_seconds: float = 0.0
    wall_seconds: float = 0.0
    compile_seconds: float = 0.0
    env_steps_to_threshold: int | None = None
    seconds_to_threshold: float | None = None
    evaluation: Row = dataclasses.field(default_factory=lambda: dict.fromkeys(rows.EVALUATION))
    """The latest one."""


class Lane:
    """One run among those that are trained side by side; a single run is one of one."""

    def __init__(self, config: Config, run: Run, progress: Progress) -> None:
        self.config, self.run, self.progress = config, run, progress
        self.spec, self.schedule = spec.make(config), schedule.make(config)
        self.updates = run.checkpoint.updates if run.checkpoint else 0
        """Read and logged so far."""
        self.saved = self.updates if run.checkpoint else None
        """The newest checkpoint's updates."""
        self.status: str | None = None
        """``completed``, ``interrupted`` or ``diverged``; None while it runs."""
        self.loggers: list[Logger] = []
        self.summary: dict[str, Any] = {}

    def absorb(self, outcome: Outcome, updates: int, seconds: float, rest: Callable[[], Array]) -> None:
        """Logs and saves what a stretch up to ``updates`` brought.

        Args:
            seconds: since the stretch before.
            rest: the returns of the rest of the evaluation, asked for if the first part says that the task is solved.
        """
        env_steps = self.config.env_steps
        steps, self.updates = env_steps(updates) - env_steps(self.updates), updates
        self.progress.train_seconds += seconds
        row: Row = {
            "env_steps": env_steps(updates),
            "updates": updates,
            "seconds": self.progress.train_seconds,
            "sps": steps / seconds,
            **rows.to_row(outcome.report, self.config.steps_per_push, seconds),
        }
        if not outcome.report.finite:
            self.status = "diverged"
        elif outcome.returns is not None:
            self.progress.evaluation = rows.evaluation_row(outcome.returns)
            if self.solved and updates < self.schedule.total:
                # Only if the whole evaluation says so.
                self.progress.evaluation = rows.evaluation_row(jnp.concatenate([outcome.returns, rest()]))
            self._note_threshold()
            row |= self.progress.evaluation
            if self.solved:
                self.status = "completed"
        for logger in self.loggers:
            logger.log(row)
        if outcome.saved is not None and self.status is None:
            self.save(outcome.saved, updates)
        if self.status is None and updates == self.schedule.total:
            self.status = "completed"

    @property
    def solved(self) -> bool:
        """Whether the latest evaluation has reached ``evaluation.stop_at_return``."""
        return self._reached(self.config.evaluation.stop_at_return)

    def _reached(self, threshold: float | None) -> bool:
        mean = self.progress.evaluation["eval_return_mean"]
        return threshold is not None and mean is not None and mean >= threshold

    def _note_threshold(self) -> None:
        if self._reached(self.config.return_threshold) and self.progress.env_steps_to_threshold is None:
            self.progress.env_steps_to_threshold = self.config.env_steps(self.updates)
            self.progress.seconds_to_threshold = self.progress.train_seconds

    def save(self, state: dict[str, np.ndarray], updates: int) -> None:
        """Writes a checkpoint of ``state``, host arrays by path."""
        self.saved = updates
        self.progress.wall_seconds += self.run.lap()
        content = checkpoint.Checkpoint(updates, dataclasses.asdict(self.progress), serialization.pack_host(state))
        checkpoint.write(self.run.directory / run_directory.CHECKPOINTS, content, self.config.checkpoint.keep)

    def end(self, state: PyTree, exit_code: int) -> None:
        """Saves, sums up, draws, and closes the loggers."""
        if self.status != "diverged" and self.saved != self.updates:
            self.save(serialization.to_host(state), self.updates)
        self.summary = self._summary(serialization.digest(ALGOS[self.config.algo.name].params(state)))
        run_directory.write_summary(self.run.directory, self.summary)
        files = artifacts.make(self.config, self.run.directory, self.spec, state, self.status)
        self.close(files, exit_code)

    def close(self, files: list[Any], exit_code: int) -> None:
        """Tells the loggers that nothing more comes."""
        loggers, self.loggers = self.loggers, []
        for logger in loggers:
            logger.finish(self.summary, files, exit_code)

    def _summary(self, digest: str) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        progress, env_steps = self.progress, self.config.env_steps(self.updates)
        progress.wall_seconds += self.run.lap()
        return {
            "status": self.status,
            **progress.evaluation,
            "env_steps": env_steps,
            "updates": self.updates,
            "sps": env_steps / progress.train_seconds if progress.train_seconds else None,
            "compile_seconds": progress.compile_seconds,
            "train_seconds": progress.train_seconds,
            "wall_seconds": progress.wall_seconds,
            "threshold": self.config.return_threshold,
            "env_steps_to_threshold": progress.env_steps_to_threshold,
            "seconds_to_threshold": progress.seconds_to_threshold,
            "params_digest": digest,
            "run_id": progress.run_id,
            "directory": str(self.run.directory),
            **machine.describe(),
        }
