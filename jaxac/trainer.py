"""The main loop: dispatches chunks of updates and writes down what came back.

The device does not wait for the host: chunk n + 1 is dispatched before the report of chunk n is read, logged and
saved.
"""

import dataclasses
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac import checkpoint, machine, metrics, program, run_directory, schedule, serialization, spec
from jaxac.algos import ALGOS
from jaxac.config import Config
from jaxac.loggers import Logger, Row
from jaxac.run_directory import Run
from jaxac.signals import StopRequest
from jaxac.types import Array, ChunkReport, PyTree


@dataclass
class Progress:
    """What the host counts; part of every checkpoint, so that a resumed run goes on counting."""

    run_id: str
    train_seconds: float = 0.0
    wall_seconds: float = 0.0
    compile_seconds: float = 0.0
    env_steps_to_threshold: int | None = None
    seconds_to_threshold: float | None = None
    evaluation: Row = dataclasses.field(default_factory=lambda: dict.fromkeys(metrics.EVALUATION))
    """The latest one."""


class Dispatched(NamedTuple):
    """A chunk under way: what it will report, not yet read."""

    updates: int
    """Done once this chunk is."""
    report: ChunkReport
    returns: Array | None
    """[episodes] of an evaluation, if one was due."""
    saved: PyTree | None
    """A copy of the state, if a checkpoint was due."""


class Trainer:
    """One process's part of a run: the state on the device, and the host's account of it."""

    def __init__(self, config: Config, run: Run, progress: Progress) -> None:
        self.config, self.run, self.progress = config, run, progress
        self.schedule = schedule.make(config)
        self.spec = spec.make(config)
        self.program = program.compile_program(config, self.spec, run.directory / run_directory.EVENTS)
        self.status = "completed"
        train_key, self.evaluation_key = program.keys(config.seed)
        if run.checkpoint is None:
            self.updates = 0
            self.state = self.program.init(self.spec, train_key)
            self._save(self.state)
        else:
            self.updates = run.checkpoint.updates
            self.state = serialization.unpack(self.program.state, run.checkpoint.state)
            self._saved = self.updates
        self.progress.compile_seconds += self.program.compile_seconds
        self._stop_at = min(self.schedule.total, self.updates + (config.stop_after_updates or self.schedule.total))

    def train(self, stop: StopRequest, loggers: list[Logger]) -> None:
        """Runs to the end, or to whatever ends it before; ``status`` says which."""
        try:
            self._train(stop, loggers)
        finally:
            self.program.close()

    def _train(self, stop: StopRequest, loggers: list[Logger]) -> None:
        self._read, self._read_at = self.updates, time.perf_counter()
        pending: Dispatched | None = None
        while self.updates < self._stop_at and self.status == "completed" and not self._solved() and not stop.signal:
            current = self._dispatch()
            if pending:
                self._absorb(pending, loggers)
            pending = current
            decides = current.returns is not None and self.config.evaluation.stop_at_return is not None
            if decides or self.program.blocks:  # whether to go on depends on it, or it is done already
                self._absorb(current, loggers)
                pending = None
        if pending and self.status == "completed":
            self._absorb(pending, loggers)
        if self.status == "completed":
            if self.updates < self.schedule.total and not self._solved():
                self.status = "interrupted"
            if self._saved != self.updates:
                self._save(self.state)

    def _dispatch(self) -> Dispatched:
        """Starts the next chunk, and what is due at its end, before the state is handed to the chunk after it."""
        target = self.schedule.next_stop(self.updates)
        self.state, report = self.program.chunk(self.spec, self.state, target - self.updates)
        self.updates = target
        returns = saved = None
        if self.schedule.evaluates_at(target):
            along_the_way = 1 if target < self.schedule.total else program.EVALUATION_BATCHES
            returns = self._evaluate(range(along_the_way))
        if self.schedule.saves_at(target):
            saved = self.program.copy(self.state)
        return Dispatched(target, report, returns, saved)

    def _absorb(self, chunk: Dispatched, loggers: list[Logger]) -> None:
        """Waits for a chunk, then logs and saves what it brought."""
        jax.block_until_ready(chunk.report)
        now = time.perf_counter()
        elapsed, self._read_at = now - self._read_at, now
        env_steps = self.config.env_steps
        steps, self._read = env_steps(chunk.updates) - env_steps(self._read), chunk.updates
        self.progress.train_seconds += elapsed
        row: Row = {
            "env_steps": env_steps(chunk.updates),
            "updates": chunk.updates,
            "seconds": self.progress.train_seconds,
            "sps": steps / elapsed,
            **metrics.to_row(chunk.report, self.config.steps_per_push, elapsed),
        }
        if not chunk.report.finite:
            self.status, self.updates = "diverged", chunk.updates
        elif chunk.returns is not None:
            self.progress.evaluation = metrics.evaluation_row(chunk.returns)
            if self._solved() and chunk.updates < self.schedule.total:  # only if the whole evaluation says so
                rest = self._evaluate(range(1, program.EVALUATION_BATCHES))
                self.progress.evaluation = metrics.evaluation_row(jnp.concatenate([chunk.returns, rest]))
            self._note_threshold()
            row |= self.progress.evaluation
        for logger in loggers:
            logger.log(row)
        if chunk.saved is not None and self.status != "diverged":
            self._save(chunk.saved, chunk.updates)

    def _evaluate(self, batches: Iterable[int]) -> Array:
        """Starts these batches of the evaluation of the current state."""
        return program.evaluate_batches(self.program, self.spec, self.state, self.evaluation_key, self.updates, batches)

    def _note_threshold(self) -> None:
        threshold, mean = self.config.return_threshold, self.progress.evaluation["eval_return_mean"]
        if threshold is None or mean is None or mean < threshold:
            return
        if self.progress.env_steps_to_threshold is None:
            self.progress.env_steps_to_threshold = self.config.env_steps(self._read)
            self.progress.seconds_to_threshold = self.progress.train_seconds

    def _solved(self) -> bool:
        """Whether the latest evaluation has reached ``evaluation.stop_at_return``."""
        target, mean = self.config.evaluation.stop_at_return, self.progress.evaluation["eval_return_mean"]
        return target is not None and mean is not None and mean >= target

    def _save(self, state: PyTree, updates: int | None = None) -> None:
        self._saved = self.updates if updates is None else updates
        self.progress.wall_seconds += self.run.lap()
        content = checkpoint.Checkpoint(self._saved, dataclasses.asdict(self.progress), serialization.pack(state))
        checkpoint.write(self.run.directory / run_directory.CHECKPOINTS, content, self.config.checkpoint.keep)

    def summary(self) -> dict[str, Any]:
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
            "params_digest": serialization.digest(ALGOS[self.config.algo.name].params(self.state)),
            "run_id": progress.run_id,
            "directory": str(self.run.directory),
            **machine.describe(),
        }
