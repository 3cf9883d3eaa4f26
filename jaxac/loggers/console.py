"""Output for people: on a terminal a line that is updated in place, elsewhere a line every few seconds."""

import functools
import sys
import time
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from rich.console import Console as RichConsole
from rich.live import Live

from jaxac import names
from jaxac.loggers.base import Logger, Relay, Row

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

    def eta(self, done: float, total: float) -> str:
        if self._first is None:
            self._first = done, time.monotonic()
        before, started = self._first
        gained = done - before
        return f"{(total - done) * (time.monotonic() - started) / gained:.0f} s" if gained else "…"


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
            f"{done / self._total:4.0%}  {_short(done)}/{_short(self._total)} steps  {_short(row[names.SPS])} SPS  "
            f"return {_number(row[names.EPISODE_RETURN])}  evaluation {_number(self._evaluation)}{stale}  "
            f"ETA {self._clock.eta(done, self._total)}",
            last=done == self._total,
        )

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del artifacts, exit_code
        self._line.stop()
        for line in closing_lines(summary) if summary else []:
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
        best = f"best {self._best[0]:.1f} ({self._best[1]})" if self._best else "best –"
        self._line.show(
            f"{len(self._done)}/{len(self._steps)} done  {done / total:4.0%}  {_short(done)}/{_short(total)} steps  "
            f"{_short(speed) if speed else '…'} SPS  {best}  ETA {self._clock.eta(done, total)}",
            last,
        )


def closing_lines(summary: dict[str, Any]) -> list[str]:
    """The closing lines of one run, for people, from its ``summary.json``."""
    lines = [
        f"{summary['status']} after {_short(summary[names.ENV_STEPS])} steps ({summary[names.UPDATES]} updates) in "
        f"{summary[names.SECONDS]:.1f} s of training, {_short(summary[names.SPS_MEAN])} SPS; "
        f"compilation {summary[names.COMPILE_SECONDS]:.1f} s"
    ]
    if summary[names.RETURN] is not None:
        lines.append(_last_evaluation(summary))
    best, last = summary.get(names.BEST_RETURN), summary[names.RETURN]
    if best is not None and names.SEEDS not in summary and (last is None or best > last):
        steps = _short(summary[names.BEST_ENV_STEPS])
        lines.append(f"best evaluation along the way: return {best:.1f}, after {steps} steps")
    if summary[names.STEPS_TO_THRESHOLD] is not None:
        lines.append(
            f"first reached {summary[names.THRESHOLD]:g} after {_short(summary[names.STEPS_TO_THRESHOLD])} steps, "
            f"{summary[names.SECONDS_TO_THRESHOLD]:.1f} s of training"
        )
    lines.append(f"results in {summary['directory']}")
    if summary["status"] == "interrupted":
        lines.append(f"resume with: python -m jaxac.train resume={summary['directory']}")
    return lines


def _last_evaluation(summary: dict[str, Any]) -> str:
    """The last evaluation of one seed, or of several with their ends."""
    mean, episodes = summary[names.RETURN], summary[names.EVAL_EPISODES]
    if names.SEEDS not in summary:
        return f"last evaluation: return {mean:.1f} ± {summary[names.RETURN_STD]:.1f} over {episodes} episodes"
    low, high = (summary[name] for name in names.bounds(names.RETURN))
    within = "" if low is None else f", 95% interval of the mean {low:.1f} to {high:.1f}"
    diverged = summary[names.SEEDS_DIVERGED]
    counted = f"; {diverged} diverged, which count with the lowest evaluation of all" if diverged else ""
    return f"last evaluation: return {mean:.1f} over {summary[names.SEEDS]} seeds{within}{counted}"


def sweep_lines(
    statuses: Sequence[Sequence[str]], means: Mapping[str, float | None], directory: Path | None
) -> list[str]:
    """The closing lines of a sweep, for people.

    Args:
        statuses: the statuses of every job's runs.
        means: each job's mean return in the last evaluation, by the job's label; None without an evaluation.
        directory: the sweep's directory; None for one in memory.
    """
    counts = Counter(status for job in statuses for status in job)
    lines = [f"{len(statuses)} jobs: " + ", ".join(f"{count} {status}" for status, count in counts.items())]
    found = {label: mean for label, mean in means.items() if mean is not None}
    if found:
        best = max(found, key=lambda label: found[label])
        lines.append(f"best evaluation return {found[best]:.1f}: {best}")
    if directory:
        lines.append(f"results in {directory}; for a report: python -m jaxac.report {directory}")
    return lines


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
