"""The main loop: dispatches stretches of updates and writes down what came back.

The device does not wait for the host: stretch n + 1 is dispatched before what stretch n brought is read, logged and
saved.
"""

import time
from typing import Any, NamedTuple

from jaxac.programs import program
from jaxac.programs.executors import Lanes, Stretch
from jaxac.runs.lane import Lane
from jaxac.runs.signals import StopRequest
from jaxac.storage import serialization


class Pending(NamedTuple):
    """A stretch under way."""

    updates: int
    """Done once this stretch is."""
    outcomes: Any
    """For :meth:`Lanes.fetch`."""


class Trainer:
    """Trains lanes side by side: the same numbers of updates, rows, evaluations and checkpoints at the same time.

    Args:
        lanes: at the same number of updates, with the same schedule.
    """

    def __init__(self, lanes: list[Lane], device: Lanes) -> None:
        self.lanes, self.device = lanes, device
        self.schedule, self.updates = lanes[0].schedule, lanes[0].updates
        self._decides = any(lane.config.evaluation.stop_at_return is not None for lane in lanes)
        few = lanes[0].config.stop_after_updates or self.schedule.total
        self._stop_at = min(self.schedule.total, self.updates + few)
        for lane in lanes:
            lane.progress.compile_seconds += device.compile_seconds

    def train(self, stop: StopRequest) -> None:
        """Runs every lane to its end, or to whatever ends it before."""
        try:
            self._start()
            self._train(stop)
            for lane in self._active():
                self.lanes[lane].status = "completed" if self.updates == self.schedule.total else "interrupted"
                self._end(lane, 128 + stop.signal if stop.signal else 0)
        finally:
            self.device.close()

    def _start(self) -> None:
        states = [
            serialization.unpack(self.device.template, lane.run.checkpoint.state) if lane.run.checkpoint else None
            for lane in self.lanes
        ]
        self.state = self.device.start(states)
        for index, lane in enumerate(self.lanes):
            if lane.run.checkpoint is None:
                lane.save(serialization.to_host(self.device.lane(self.state, index)), 0)
            elif lane.solved:
                lane.status = "completed"
                self._end(index, 0)

    def _train(self, stop: StopRequest) -> None:
        self._read_at = time.perf_counter()
        pending: Pending | None = None
        while self.updates < self._stop_at and self._active() and not stop.signal:
            current = self._dispatch()
            if pending:
                self._absorb(pending)
            pending = current
            if self._decides and self.schedule.evaluates_at(self.updates):  # whether to go on depends on it
                self._absorb(current)
                pending = None
        if pending:
            self._absorb(pending)

    def _active(self) -> list[int]:
        return [index for index, lane in enumerate(self.lanes) if lane.status is None]

    def _dispatch(self) -> Pending:
        """Starts the next stretch, and what is due at its end."""
        target = self.schedule.next_stop(self.updates)
        batches: tuple[int, ...] = ()
        if self.schedule.evaluates_at(target):
            batches = tuple(range(1 if target < self.schedule.total else program.EVALUATION_BATCHES))
        stretch = Stretch(target - self.updates, target, batches, self.schedule.saves_at(target))
        self.state, outcomes = self.device.advance(self.state, stretch, self._active())
        self.updates = target
        return Pending(target, outcomes)

    def _absorb(self, pending: Pending) -> None:
        """Waits for a stretch, then logs and saves what it brought."""
        outcomes = self.device.fetch(pending.outcomes)
        now = time.perf_counter()
        seconds, self._read_at = now - self._read_at, now
        for index in self._active():
            lane, updates = self.lanes[index], pending.updates

            def rest(index: int = index, updates: int = updates) -> Any:
                return self.device.evaluate(self.state, index, updates, range(1, program.EVALUATION_BATCHES))

            lane.absorb(outcomes[index], updates, seconds, rest)
            if lane.status is not None:
                self._end(index, 0 if lane.status == "completed" else 1)

    def _end(self, index: int, exit_code: int) -> None:
        self.lanes[index].end(self.device.lane(self.state, index), exit_code)
