"""Output for people: on a terminal a line that is updated in place, elsewhere a line every few seconds."""

import functools
import sys
import time
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from rich.console import Console as RichConsole
from rich.live import Live

from jaxac import names
from jaxac.loggers import closing
from jaxac.loggers.base import Logger, Relay, Row
from jaxac.loggers.closing import short

_PLAIN_SECONDS = 5.0  # between lines if the output is no terminal


class _Line:
    """One line, overwritten in place on a terminal; elsewhere printed again, but not too often."""

    def __init__(self, out: TextIO | None) -> None:
        self.console = RichConsole(file=out or sys.stdout, highlight=False)
        self._live = Live(console=self.console, auto_refresh=False) if self.console.is_terminal else None
        self._printed = -float("inf")

    def show(self, text: str, last: bool) -> None:
        if self._live:
            self._live.start()  # does nothing the second time
            self._live.update(text, refresh=True)
        elif time.monotonic() - self._printed > _PLAIN_SECONDS or last:
            self.console.print(text, soft_wrap=True)
            self._printed = time.monotonic()

    def stop(self) -> None:
        if self._live:
            self._live.stop()


class _Clock:
    """An estimate of the remaining time, from the progress since the first call."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def eta(self, done: float, total: float, speed: float | None = None) -> str:
        """Seconds that the rest will take; at the first call by ``speed``, in steps per second, if it is known."""
        if self._first is None:
            self._first = done, time.monotonic()
        before, started = self._first
        passed = time.monotonic() - started
        speed = (done - before) / passed if done > before and passed > 0 else speed
        return f"{(total - done) / speed:.0f} s" if speed else "…"


class Console:
    """The logger that shows one run.

    Args:
        total_env_steps: environment steps of the whole run.
        out: the stream to write to; None for standard output.
    """

    def __init__(self, total_env_steps: int, out: TextIO | None = None) -> None:
        self._total, self._line, self._clock = total_env_steps, _Line(out), _Clock()
        self._evaluation: float | None = None

    def log(self, row: Row) -> None:
        if row.get(names.RETURN) is not None:
            self._evaluation = row[names.RETURN]
        done = row[names.ENV_STEPS]
        stale = f"  staleness {_number(row[names.STALENESS])}" if names.STALENESS in row else ""
        self._line.show(
            f"{done / self._total:4.0%}  {short(done)}/{short(self._total)} steps  {short(row[names.SPS])} SPS  "
            f"return {_number(row[names.EPISODE_RETURN])}  evaluation {_number(self._evaluation)}{stale}  "
            f"ETA {self._clock.eta(done, self._total, row[names.SPS])}",
            last=done == self._total,
        )

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del artifacts, exit_code
        self._line.stop()
        for line in closing.run_lines(summary) if summary else []:
            self._line.console.print(line, soft_wrap=True)


class Followed(NamedTuple):
    """A run that an overview follows."""

    label: str
    """Text that tells the run from the others."""
    env_steps: int
    """Environment steps done before the overview begins."""
    total_env_steps: int
    """Environment steps of the whole run."""


class Overview:
    """One line for several runs together: the number done, the best so far, the remaining time.

    Args:
        followed: the runs, by any key that tells them apart.
        out: the stream to write to; None for standard output.
    """

    def __init__(self, followed: Mapping[Hashable, Followed], out: TextIO | None = None) -> None:
        self._line, self._clock = _Line(out), _Clock()
        self._labels = {run: each.label for run, each in followed.items()}
        self._steps = {run: each.env_steps for run, each in followed.items()}
        self._totals = {run: each.total_env_steps for run, each in followed.items()}
        self._done: set[Hashable] = set()
        self._best: tuple[float, str] | None = None
        self._speed: tuple[float, float, float] | None = None

    def of(self, run: Hashable) -> Logger:
        """A logger for one of the runs."""
        return Relay(functools.partial(self.update, run), functools.partial(self.ended, run))

    def update(self, run: Hashable, row: Row) -> None:
        """Takes a row of one run."""
        self._steps[run] = row[names.ENV_STEPS]
        mean = row.get(names.RETURN)
        if mean is not None and (self._best is None or mean > self._best[0]):
            self._best = mean, self._labels[run]
        self._show(last=False)

    def ended(self, run: Hashable) -> None:
        """Takes the end of one run."""
        self._done.add(run)
        self._steps[run] = self._totals[run]
        self._show(last=len(self._done) == len(self._steps))

    def stop(self) -> None:
        """Stops updating the line and leaves it on the screen."""
        self._line.stop()

    def _show(self, last: bool) -> None:
        done, total, now = sum(self._steps.values()), sum(self._totals.values()), time.monotonic()
        then, before, speed = self._speed = self._speed or (now, done, 0.0)
        if now - then > 1.0:
            speed = (done - before) / (now - then)
            self._speed = now, done, speed
        best = f"best so far {self._best[0]:.1f} ({self._best[1]})" if self._best else "best so far –"
        self._line.show(
            f"{len(self._done)}/{len(self._steps)} done  {done / total:4.0%}  {short(done)}/{short(total)} steps  "
            f"{short(speed) if speed else '…'} SPS  {best}  ETA {self._clock.eta(done, total)}",
            last,
        )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
