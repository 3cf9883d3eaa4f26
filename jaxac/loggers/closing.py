"""The closing lines of runs and sweeps, for people."""

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxac import names


class Ended(NamedTuple):
    """A job's end, in a few words and numbers."""

    label: str
    """Text that tells the job from the others."""
    statuses: tuple[str, ...]
    """The statuses of its runs."""
    last: float | None
    """Mean return of the last evaluation; None without one."""
    best: float | None
    """Mean return of the best evaluation along the way; None without one."""


def run_lines(summary: Mapping[str, Any]) -> list[str]:
    """The closing lines of one run, or of several seeds, from its ``summary.json``."""
    lines = [
        f"{summary['status']} after {short(summary[names.ENV_STEPS])} steps ({summary[names.UPDATES]} updates) in "
        f"{summary[names.SECONDS]:.1f} s of training, {short(summary[names.SPS_MEAN])} SPS; "
        f"compilation {summary[names.COMPILE_SECONDS]:.1f} s"
    ]
    best, last = summary.get(names.BEST_RETURN), summary[names.RETURN]
    if last is not None:
        lines.append(_last_evaluation(summary))
    if best is not None and names.SEEDS not in summary and (last is None or best > last):
        steps = short(summary[names.BEST_ENV_STEPS])
        lines.append(f"best evaluation along the way: return {best:.1f}, after {steps} steps")
    if summary[names.STEPS_TO_THRESHOLD] is not None:
        lines.append(
            f"first reached {summary[names.THRESHOLD]:g} after {short(summary[names.STEPS_TO_THRESHOLD])} steps, "
            f"{summary[names.SECONDS_TO_THRESHOLD]:.1f} s of training"
        )
    lines += [f"results in {summary['directory']}", *_of_wandb(summary["directory"], "wandb")]
    if summary["status"] == "interrupted":
        lines.append(f"resume with: python -m jaxac.train resume={summary['directory']}")
    return lines


def _last_evaluation(summary: Mapping[str, Any]) -> str:
    """The last evaluation of one seed, or of several with their ends."""
    mean, episodes = summary[names.RETURN], summary[names.EVAL_EPISODES]
    if names.SEEDS not in summary:
        return f"last evaluation: return {mean:.1f} ± {summary[names.RETURN_STD]:.1f} over {episodes} episodes"
    low, high = (summary[name] for name in names.bounds(names.RETURN))
    within = "" if low is None else f", 95% interval of the mean {low:.1f} to {high:.1f}"
    diverged = summary[names.SEEDS_DIVERGED]
    counted = f"; {diverged} diverged, which count with the lowest evaluation of all" if diverged else ""
    return f"last evaluation: return {mean:.1f} over {summary[names.SEEDS]} seeds{within}{counted}"


def sweep_lines(jobs: Sequence[Ended], directory: Path | None) -> list[str]:
    """The closing lines of a sweep.

    Args:
        jobs: what became of the jobs.
        directory: the sweep's directory; None for one in memory.
    """
    counts = Counter(status for job in jobs for status in job.statuses)
    lines = [f"{len(jobs)} jobs: " + ", ".join(f"{count} {status}" for status, count in counts.items())]
    lasts = {job.label: job.last for job in jobs if job.last is not None}
    bests = {job.label: job.best for job in jobs if job.best is not None}
    if lasts:
        lines.append(f"highest last evaluation: {_highest(lasts)}")
    if bests and max(bests.values()) > max(lasts.values(), default=-float("inf")):
        lines.append(f"best evaluation along the way: {_highest(bests)}")
    if directory:
        lines.append(f"results in {directory}; for a report: python -m jaxac.report {directory}")
        lines += _of_wandb(directory, "*/wandb")
    return lines


def _highest(returns: Mapping[str, float]) -> str:
    """The highest return and whose it is; of equals the first, and how many there are."""
    best = max(returns.values())
    first, *others = (label for label, value in returns.items() if value == best)
    shared = f", and {len(others)} more with the same" if others else ""
    return f"return {best:.1f}, {first}{shared}"


def _of_wandb(directory: str | Path | None, below: str) -> list[str]:
    """The commands for offline W&B runs, from where the user stands: both sessions of a resumed run, in their order."""
    if directory is None or not any(Path(directory).glob(f"{below}/offline-run-*")):
        return []
    near = os.path.relpath(directory)
    place = shlex.quote(str(directory) if near.startswith("..") else near)
    first = sorted(Path(directory).glob(f"{below}/offline-run-*"))[0].parent.relative_to(directory)
    return [
        f"W&B, offline: wandb leet {place}/{first} shows it here, wandb sync {place}/{below}/offline-run-* uploads it"
    ]


def short(value: float | None) -> str:
    """A number of three digits with a unit.

    >>> short(1_310_000), short(12.0), short(None)
    ('1.31 M', '12', '–')
    """
    if value is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}"
