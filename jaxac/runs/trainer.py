"""The main loop on the host: dispatches chunks of updates, and logs and saves their outcomes.

The device does not wait for the host: chunk n + 1 is dispatched before chunk n is read, logged and saved.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from jaxac.programs import program
from jaxac.programs.executor import Chunk, Executor, Outcome, begin
from jaxac.runs.pace import Pace
from jaxac.runs.run import Run, Status
from jaxac.runs.signals import StopRequest
from jaxac.storage import serialization

_SAVED_AT_ONCE = 8
"""Lanes whose checkpoints are written at the same time."""


class Pending(NamedTuple):
    """A running chunk."""

    updates: int
    """Updates done at the chunk's end."""
    outcomes: Any
    """The running chunk as its executor holds it, for ``executor.fetch``."""
    num_updates: int
    """Number of updates in the chunk."""
    ends_row: bool
    """False if the next chunk adds to the same row."""


class Trainer:
    """Trains runs side by side, whose rows, evaluations and checkpoints are due together.

    Args:
        runs: the runs, at the same number of updates, with the same schedule.
        executor: the executor that advances them, a lane each.
    """

    def __init__(self, runs: list[Run], executor: Executor[Any, Any]) -> None:
        self.runs, self.executor = runs, executor
        self.schedule, self.updates = runs[0].schedule, runs[0].updates
        self._decides = any(run.config.evaluation.stop_at_return is not None for run in runs)
        few = runs[0].config.stop_after_updates or self.schedule.total
        self._stop_at = min(self.schedule.total, self.updates + few)
        self._pace = Pace()
        self._in_row = False
        self._unfinished: dict[int, Outcome] = {}
        """Outcomes of a row that has no end yet, by lane."""

    def train(self, stop: StopRequest) -> None:
        """Trains every run to its end, or until it is stopped, is solved or diverges."""
        try:
            self._start()
            for pending in self._chunks(stop):
                self._absorb(pending)
            self._leave_row()
            for lane in self._active():
                done = self.updates == self.schedule.total
                self.runs[lane].status = Status.COMPLETED if done else Status.INTERRUPTED
                self._end(lane, 128 + stop.signal if stop.signal else 0)
        except KeyboardInterrupt:
            self.executor.close(wait=False)
            raise
        except BaseException:
            self.executor.close()
            raise
        self.executor.close()

    def _start(self) -> None:
        contents = [run.start and run.start.state for run in self.runs]
        self.state, self._in_row = begin(self.executor, contents)
        first: dict[int, dict[str, np.ndarray]] = {}
        for lane, run in enumerate(self.runs):
            run.progress.compile_seconds += self.executor.compile_seconds
            if run.start is None and run.directory is not None:
                first[lane] = serialization.to_host(self.executor.lane(self.state, lane))
            elif run.solved:
                run.status = Status.COMPLETED
                self._end(lane, 0)
        self._save(first, 0)
        self._read_at = time.perf_counter()

    def _chunks(self, stop: StopRequest) -> Iterator[Pending]:
        """Running chunks in order, each once the next has been dispatched."""
        pending: Pending | None = None
        while self.updates < self._stop_at and self._active() and not stop.signal:
            current = self._dispatch()
            running = current.num_updates + (pending.num_updates if pending else 0)
            stop.after = f"this chunk, about {self._pace.wait(running)} s"
            if pending:
                yield pending
            pending = current
            if self._decides and current.ends_row and self.schedule.evaluates_at(self.updates):  # continuing depends
                yield current
                pending = None
        if pending:
            yield pending

    def _active(self) -> list[int]:
        """The lanes whose runs have not ended."""
        return [lane for lane, run in enumerate(self.runs) if run.status is None]

    def _dispatch(self) -> Pending:
        """Starts the next chunk: up to the row's end, with what is due there, or as far as about a second reaches."""
        end, before = self.schedule.next_stop(self.updates), self.updates
        self.updates = min(end, self._stop_at, before + self._pace.updates)
        ends_row, batches = self.updates == end, tuple[int, ...]()
        if ends_row and self.schedule.evaluates_at(end):
            batches = tuple(range(1 if end < self.schedule.total else program.EVALUATION_BATCHES))
        save = ends_row and self.schedule.saves_at(end)
        chunk = Chunk(self.updates - before, self.updates, batches, save, begins=not self._in_row)
        self.state, outcomes = self.executor.advance(self.state, chunk, self._active())
        self._in_row = not ends_row
        return Pending(self.updates, outcomes, chunk.num_updates, ends_row)

    def _absorb(self, pending: Pending) -> None:
        """Waits for a chunk, then logs and saves its outcomes."""
        outcomes = self.executor.fetch(pending.outcomes)
        self._pace.measure(pending.num_updates, max(outcome.seconds for outcome in outcomes.values()))
        self._unfinished = {} if pending.ends_row else outcomes
        if not pending.ends_row:
            return
        seconds, lanes = self._lap(), self._active()
        for lane in lanes:
            run, outcome = self.runs[lane], outcomes[lane]
            if run.may_be_solved(outcome, pending.updates):  # only if the whole evaluation says so
                rest = self.executor.evaluate(self.state, lane, pending.updates, range(1, program.EVALUATION_BATCHES))
                outcome = outcome._replace(returns=np.concatenate([outcome.returns, rest]))
            run.absorb(outcome, pending.updates, seconds)
        due = {lane: outcomes[lane].saved for lane in lanes if self.runs[lane].status is None}
        self._save({lane: state for lane, state in due.items() if state is not None}, pending.updates)
        for lane in lanes:
            run = self.runs[lane]
            if run.status is None and pending.updates == self.schedule.total:
                run.status = Status.COMPLETED
            if run.status is not None:
                self._end(lane, 0 if run.status == Status.COMPLETED else 1)

    def _save(self, states: Mapping[int, dict[str, np.ndarray]], updates: int) -> None:
        """Writes checkpoints of lanes; a disk that is told to keep a file for sure keeps eight in the time of one."""
        if len(states) < 2:
            for lane, state in states.items():
                self.runs[lane].save(state, updates)
            return
        with ThreadPoolExecutor(_SAVED_AT_ONCE) as pool:
            for done in [pool.submit(self.runs[lane].save, state, updates) for lane, state in states.items()]:
                done.result()

    def _lap(self) -> float:
        """Seconds since the previous row."""
        before, self._read_at = self._read_at, time.perf_counter()
        return self._read_at - before

    def _leave_row(self) -> None:
        """Leaves a row in the middle: its totals go into the checkpoint, and it is logged once it is whole."""
        seconds = self._lap()
        for lane in set(self._active()) & set(self._unfinished):
            run, outcome = self.runs[lane], self._unfinished[lane]
            totals = outcome.report.totals
            if totals is None or totals.report is None or not outcome.report.finite:  # logged as far as it is
                run.absorb(outcome, self.updates, seconds)
            else:
                run.pause(self.updates, seconds, totals)

    def _end(self, lane: int, exit_code: int) -> None:
        self.runs[lane].end(self.executor.lane(self.state, lane), exit_code)
