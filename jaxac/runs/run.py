"""A run on the host: its progress, its rows, its checkpoints, its end."""

import dataclasses
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from jaxac import names, spec
from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.loggers import rows
from jaxac.loggers.base import Logger, Row
from jaxac.programs.executor import Outcome
from jaxac.reports import Totals
from jaxac.runs import artifacts, failures, schedule
from jaxac.runs.progress import progress_of
from jaxac.storage import checkpoint, events, provenance, run_directory, serialization, weights
from jaxac.storage.checkpoint import Checkpoint
from jaxac.types import Params, PyTree


class Status(StrEnum):
    """The way in which a run ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"


class Run:
    """One training run; several may be trained side by side.

    Args:
        config: the configuration to train.
        directory: the directory for its files; None to keep everything in memory, without checkpoints.
        start: the checkpoint to start from; None for a new run.
        opened_at: the time by :func:`time.perf_counter` at which the run was opened.
        keeps_state: True to keep ``final_state``, which takes memory.
        place: what ``summary.json`` says of the worker that trains it, instead of what this process says of itself.
    """

    def __init__(
        self,
        config: Config,
        directory: Path | None,
        start: Checkpoint | None,
        opened_at: float,
        keeps_state: bool = False,
        place: dict[str, Any] | None = None,
    ) -> None:
        self.config, self.directory, self.start = config, directory, start
        self.spec, self.schedule = spec.make(config), schedule.make(config)
        self.progress = progress_of(start)
        self.totals: Totals | None = None
        """Totals of a row in the middle of which the run was stopped."""
        self.updates = start.updates if start else 0
        """Updates read and logged so far."""
        self.saved = start.updates if start else None
        """Updates in the newest checkpoint."""
        self.status: Status | None = None
        """The way in which the run ended; None while it runs."""
        self.loggers: list[Logger] = []
        self.summary: dict[str, Any] = {}
        self.final_state: PyTree = None
        """The training state at the end."""
        self._lap, self._keeps_state, self._place = opened_at, keeps_state, place

    def absorb(self, outcome: Outcome, updates: int, seconds: float) -> None:
        """Logs the outcome of a chunk.

        Args:
            outcome: the chunk's outcome, on the host.
            updates: updates done at the chunk's end.
            seconds: seconds since the previous chunk.
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

    def _row(self, outcome: Outcome, updates: int, seconds: float) -> Row:
        env_steps, progress = self.config.env_steps, self.progress
        steps, self.updates = env_steps(updates) - env_steps(self.updates - progress.row_updates), updates
        progress.train_seconds += seconds
        seconds += progress.row_seconds
        progress.row_updates, progress.row_seconds = 0, 0.0
        return {
            names.ENV_STEPS: env_steps(updates),
            names.UPDATES: updates,
            names.SECONDS: progress.train_seconds,
            names.SPS: steps / seconds,
            **rows.to_row(outcome.report, self.config.steps_per_push, seconds),
        }

    def pause(self, updates: int, seconds: float, totals: Totals) -> None:
        """Leaves a row in the middle, for a later session to finish.

        Args:
            updates: updates done.
            seconds: seconds since the previous row.
            totals: the row's totals so far.
        """
        progress = self.progress
        progress.train_seconds, progress.row_seconds = progress.train_seconds + seconds, progress.row_seconds + seconds
        progress.row_updates += updates - self.updates
        self.updates, self.totals = updates, totals

    def _note_evaluation(self, outcome: Outcome) -> Row:
        assert outcome.returns is not None
        progress, env_steps = self.progress, self.config.env_steps(self.updates)
        progress.evaluation = rows.evaluation_row(outcome.returns)
        if self._reached(self.config.return_threshold) and progress.env_steps_to_threshold is None:
            progress.env_steps_to_threshold = env_steps
            progress.seconds_to_threshold = progress.train_seconds
        mean = progress.evaluation[names.RETURN]
        if progress.best_eval_return_mean is None or mean >= progress.best_eval_return_mean:  # of equals the latest
            progress.best_eval_return_mean, progress.best_env_steps = mean, env_steps
            self._save_weights(weights.BEST, outcome.params)
        return progress.evaluation | self._best()

    def _best(self) -> Row:
        """The best evaluation so far."""
        progress = self.progress
        return {names.BEST_RETURN: progress.best_eval_return_mean, names.BEST_ENV_STEPS: progress.best_env_steps}

    @property
    def solved(self) -> bool:
        """True if the latest evaluation has reached ``evaluation.stop_at_return``."""
        return self._reached(self.config.evaluation.stop_at_return)

    def may_be_solved(self, outcome: Outcome, updates: int) -> bool:
        """True if the first part of an evaluation, before the run's end, suggests that the run can stop."""
        goal = self.config.evaluation.stop_at_return
        if goal is None or outcome.returns is None or not outcome.report.finite or updates == self.schedule.total:
            return False
        return float(np.mean(np.asarray(outcome.returns, np.float64))) >= goal

    def _reached(self, threshold: float | None) -> bool:
        mean = self.progress.evaluation[names.RETURN]
        return threshold is not None and mean is not None and mean >= threshold

    def save(self, state: dict[str, np.ndarray], updates: int) -> None:
        """Writes a checkpoint.

        Args:
            state: the training state as host arrays ``[...]`` of any shape, by path.
            updates: updates done.
        """
        if self.directory is not None:
            failures.require(self.directory)
        self.saved = updates
        self.progress.wall_seconds += self._seconds_since_lap()
        if self.directory is None:
            return
        content = Checkpoint(updates, dataclasses.asdict(self.progress), serialization.pack_host(state))
        place = self.directory / run_directory.CHECKPOINTS
        checkpoint.write(place, content, self.config.checkpoint.keep)
        weights.keep_best(self.directory, updates, [int(path.stem) for path in checkpoint.paths(place)])

    def _save_weights(self, name: str, params: Params | None) -> None:
        if self.directory is not None and params is not None:
            failures.require(self.directory)
            weights.save(weights.path_of(self.directory, name), params)

    def end(self, state: PyTree, exit_code: int) -> None:
        """Saves the run, writes its summary and its pictures, and closes the loggers.

        Args:
            state: the training state at the end.
            exit_code: exit code of the process, for the loggers.
        """
        params = ALGOS[self.config.algo.name].params(state)
        self.final_state = state if self._keeps_state else None
        if self.status != Status.DIVERGED and self.saved != self.updates and self.directory is not None:
            row = {} if self.totals is None else serialization.totals_to_host(self.totals)
            self.save(serialization.to_host(state) | row, self.updates)
        if self.status != Status.DIVERGED:
            self._save_weights(weights.FINAL, params)
        self.summary = self._summary(serialization.digest(params))
        files: list[Path] = []
        if self.directory is not None:
            failures.require(self.directory)
            run_directory.write_summary(self.directory, self.summary)
            files = artifacts.make(self.config, self.directory, self.spec, params, self.status == Status.COMPLETED)
        self.close(files, exit_code)

    def abandon(self) -> None:
        """Makes the newest checkpoint the run's end: what was done since then is lost."""
        newest = self.directory and checkpoint.newest(self.directory / run_directory.CHECKPOINTS)
        if self.summary or self.directory is None or newest is None:
            return
        last = checkpoint.read(newest)
        self.status, self.updates, self.progress = Status.INTERRUPTED, last.updates, progress_of(last)
        self.summary = self._summary(serialization.digest(serialization.unpack_params(last.state)))
        run_directory.write_summary(self.directory, self.summary)

    def close(self, files: list[Path], exit_code: int) -> None:
        """Finishes the loggers.

        Args:
            files: pictures for the loggers to keep.
            exit_code: exit code of the process, for the loggers.
        """
        loggers, self.loggers = self.loggers, []
        for logger in loggers:
            logger.finish(self.summary, files, exit_code)

    def _seconds_since_lap(self) -> float:
        before, self._lap = self._lap, time.perf_counter()
        return self._lap - before

    def _summary(self, digest: str) -> dict[str, Any]:
        """The contents of ``summary.json``."""
        progress, env_steps = self.progress, self.config.env_steps(self.updates)
        progress.wall_seconds += self._seconds_since_lap()
        return {
            "status": self.status and self.status.value,  # plain, for the loggers' processes know no type of ours
            # A run that has diverged has no policy that could be evaluated.
            **(progress.evaluation if self.status != Status.DIVERGED else dict.fromkeys(names.EVALUATION)),
            **self._best(),
            names.THRESHOLD: self.config.return_threshold,
            names.STEPS_TO_THRESHOLD: progress.env_steps_to_threshold,
            names.SECONDS_TO_THRESHOLD: progress.seconds_to_threshold,
            names.ENV_STEPS: env_steps,
            names.UPDATES: self.updates,
            names.SECONDS: progress.train_seconds,
            names.SPS_MEAN: env_steps / progress.train_seconds if progress.train_seconds else None,
            names.COMPILE_SECONDS: progress.compile_seconds,
            names.WALL_SECONDS: progress.wall_seconds,
            **events.learners(self.config.algo, self.directory, self.updates),
            "params_digest": digest,
            "run_id": progress.run_id,
            "directory": None if self.directory is None else str(self.directory),
            **machine.describe(self.config.env.suite),
            **provenance.describe(),
            **(self._place or {}),
        }
