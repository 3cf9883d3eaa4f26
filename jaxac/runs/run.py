"""A run on the host's side: its account of what the device did, its rows, its checkpoints, its end."""

import dataclasses
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from jaxac import spec
from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.loggers import rows
from jaxac.loggers.base import Logger, Row
from jaxac.programs.executors import Outcome
from jaxac.runs import artifacts, schedule
from jaxac.storage import checkpoint, run_directory, serialization, weights
from jaxac.storage.checkpoint import Checkpoint
from jaxac.types import Params, PyTree


class Status(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"


@dataclass
class Progress:
    """What the host counts; part of every checkpoint, so that a resumed run continues the count."""

    run_id: str = dataclasses.field(default_factory=lambda: secrets.token_hex(4))
    train_seconds: float = 0.0
    wall_seconds: float = 0.0
    compile_seconds: float = 0.0
    env_steps_to_threshold: int | None = None
    seconds_to_threshold: float | None = None
    evaluation: Row = dataclasses.field(default_factory=lambda: dict.fromkeys(rows.EVALUATION))
    """The latest evaluation."""
    best_eval_return_mean: float | None = None
    """The highest mean of an evaluation so far."""
    best_env_steps: int | None = None
    """Environment steps before that evaluation."""


class Run:
    """One training run; several may be trained side by side.

    Args:
        config: what to train.
        directory: where the run writes; None to keep it in memory, with neither checkpoints nor files.
        start: the checkpoint to start from; None for a new run.
        opened_at: when the run was opened, by :func:`time.perf_counter`.
        keeps_state: whether ``final_state`` is wanted, which holds memory.
    """

    def __init__(
        self,
        config: Config,
        directory: Path | None,
        start: Checkpoint | None,
        opened_at: float,
        keeps_state: bool = False,
    ) -> None:
        self.config, self.directory, self.start = config, directory, start
        self.spec, self.schedule = spec.make(config), schedule.make(config)
        self.progress = Progress(**start.progress) if start else Progress()
        self.updates = start.updates if start else 0
        """Updates read and logged so far."""
        self.saved = start.updates if start else None
        """Updates in the newest checkpoint."""
        self.status: Status | None = None
        """None while it runs."""
        self.loggers: list[Logger] = []
        self.summary: dict[str, Any] = {}
        self.final_state: PyTree = None
        """The training state at the end."""
        self._lap, self._keeps_state = opened_at, keeps_state

    def absorb(self, outcome: Outcome, updates: int, seconds: float) -> None:
        """Logs and saves what a chunk brought.

        Args:
            updates: done at its end.
            seconds: since the chunk before.
        """
        row = self._row(outcome, updates, seconds)
        if not outcome.report.finite:
            self.status = Status.DIVERGED
        elif outcome.returns is not None:
            row |= self._note_evaluation(outcome)
            if self.solved:
                self.status = Status.COMPLETED
        for logger in self.loggers:
            logger.log(row)
        if outcome.saved is not None and self.status is None:
            self.save(outcome.saved, updates)
        if self.status is None and updates == self.schedule.total:
            self.status = Status.COMPLETED

    def _row(self, outcome: Outcome, updates: int, seconds: float) -> Row:
        env_steps = self.config.env_steps
        steps, self.updates = env_steps(updates) - env_steps(self.updates), updates
        self.progress.train_seconds += seconds
        return {
            "env_steps": env_steps(updates),
            "updates": updates,
            "seconds": self.progress.train_seconds,
            "sps": steps / seconds,
            **rows.to_row(outcome.report, self.config.steps_per_push, seconds),
        }

    def _note_evaluation(self, outcome: Outcome) -> Row:
        assert outcome.returns is not None
        progress, env_steps = self.progress, self.config.env_steps(self.updates)
        progress.evaluation = rows.evaluation_row(outcome.returns)
        if self._reached(self.config.return_threshold) and progress.env_steps_to_threshold is None:
            progress.env_steps_to_threshold = env_steps
            progress.seconds_to_threshold = progress.train_seconds
        mean = progress.evaluation["eval_return_mean"]
        if progress.best_eval_return_mean is None or mean >= progress.best_eval_return_mean:  # of equals the latest
            progress.best_eval_return_mean, progress.best_env_steps = mean, env_steps
            self._save_weights(weights.BEST, outcome.params)
        return progress.evaluation

    @property
    def solved(self) -> bool:
        """Whether the latest evaluation has reached ``evaluation.stop_at_return``."""
        return self._reached(self.config.evaluation.stop_at_return)

    def may_be_solved(self, outcome: Outcome, updates: int) -> bool:
        """Whether a first part of an evaluation, short of the run's end, says that the run can stop."""
        goal = self.config.evaluation.stop_at_return
        if goal is None or outcome.returns is None or not outcome.report.finite or updates == self.schedule.total:
            return False
        return float(np.mean(np.asarray(outcome.returns, np.float64))) >= goal

    def _reached(self, threshold: float | None) -> bool:
        mean = self.progress.evaluation["eval_return_mean"]
        return threshold is not None and mean is not None and mean >= threshold

    def save(self, state: dict[str, np.ndarray], updates: int) -> None:
        """Writes a checkpoint of ``state``, host arrays by path."""
        self.saved = updates
        self.progress.wall_seconds += self._seconds_since_lap()
        if self.directory is None:
            return
        content = Checkpoint(updates, dataclasses.asdict(self.progress), serialization.pack_host(state))
        checkpoint.write(self.directory / run_directory.CHECKPOINTS, content, self.config.checkpoint.keep)

    def _save_weights(self, name: str, params: Params | None) -> None:
        if self.directory is not None and params is not None:
            weights.save(weights.path_of(self.directory, name), params)

    def end(self, state: PyTree, exit_code: int) -> None:
        """Saves, sums up, draws, and closes the loggers.

        Args:
            state: the training state at the end.
            exit_code: of the process, for the loggers.
        """
        params = ALGOS[self.config.algo.name].params(state)
        self.final_state = state if self._keeps_state else None
        if self.status != Status.DIVERGED and self.saved != self.updates and self.directory is not None:
            self.save(serialization.to_host(state), self.updates)
        if self.status != Status.DIVERGED:
            self._save_weights(weights.FINAL, params)
        self.summary = self._summary(serialization.digest(params))
        files: list[Path] = []
        if self.directory is not None:
            run_directory.write_summary(self.directory, self.summary)
            files = artifacts.make(self.config, self.directory, self.spec, params, self.status == Status.COMPLETED)
        self.close(files, exit_code)

    def close(self, files: list[Path], exit_code: int) -> None:
        """Tells the loggers that nothing more comes."""
        loggers, self.loggers = self.loggers, []
        for logger in loggers:
            logger.finish(self.summary, files, exit_code)

    def _seconds_since_lap(self) -> float:
        before, self._lap = self._lap, time.perf_counter()
        return self._lap - before

    def _summary(self, digest: str) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        progress, env_steps = self.progress, self.config.env_steps(self.updates)
        progress.wall_seconds += self._seconds_since_lap()
        return {
            "status": self.status,
            **progress.evaluation,
            "best_eval_return_mean": progress.best_eval_return_mean,
            "best_env_steps": progress.best_env_steps,
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
            "directory": None if self.directory is None else str(self.directory),
            **machine.describe(),
        }
