"""What the runs of a report say: outcomes of trials, curves with intervals, importance of settings.

Returns are means of evaluations. A run *reaches* the threshold with its first evaluation that is at least that, and
*collapses* if a later one falls more than ``COLLAPSE`` of the threshold below it, or if it diverges after that. A
diverged run has no policy to evaluate: as its final return it gets the lowest evaluation of any run of its environment.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxac.report.intervals import band, interval
from jaxac.report.read import Run
from jaxac.report.trials import Trial

COLLAPSE = 0.1
"""The part of the threshold that a run may lose again: 0.1 is a fall under 90% of it, where it is positive."""
EVALUATION, TRAINING = "eval_return_mean", "episode_return"
_POINTS = 100
"""Of a curve at most."""


@dataclass(frozen=True)
class Outcome:
    """A trial's row of the table."""

    trial: Trial
    finals: tuple[float, ...]
    """Final returns of the runs that have ended, failures included."""
    mean: float | None
    bounds: tuple[float, float] | None
    """The 95% interval of the mean; None with fewer than two runs."""
    best: float | None
    """The highest evaluation of any run, at any time."""
    reached: int
    collapsed: int
    steps_to_threshold: float | None
    """Median over the runs that reached it."""
    sps: float | None
    """Mean over runs."""
    statuses: dict[str, int]


class Curve(NamedTuple):
    """A trial's mean and 95% interval at ``x [points]``."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    """``low`` and ``high`` are the mean where there is one run only."""
    complete: np.ndarray
    """[points] whether all runs of the trial still go on there."""


def outcomes(trials: list[Trial]) -> list[Outcome]:
    """The trials of one environment, best first; those without a final return last."""
    lowest = [value for trial in trials for run in trial.runs for value in run.series(EVALUATION)[1]]
    failure = float(min(lowest)) if lowest else None
    found = [_outcome(trial, failure) for trial in trials]
    return sorted(found, key=lambda outcome: -np.inf if outcome.mean is None else outcome.mean, reverse=True)


def _outcome(trial: Trial, failure: float | None) -> Outcome:
    runs = trial.runs
    finals = tuple(value for run in runs if (value := final_return(run, failure)) is not None)
    evaluations = np.concatenate([run.series(EVALUATION)[1] for run in runs])
    steps = [first for run in runs if (first := steps_to_threshold(run)) is not None]
    rates = [run.sps for run in runs if run.sps is not None]
    return Outcome(
        trial,
        finals,
        float(np.mean(finals)) if finals else None,
        interval(np.array(finals)) if len(finals) > 1 else None,
        float(evaluations.max()) if evaluations.size else None,
        len(steps),
        sum(collapsed(run) for run in runs),
        float(np.median(steps)) if steps else None,
        float(np.mean(rates)) if rates else None,
        dict(Counter(run.status for run in runs)),
    )


def final_return(run: Run, failure: float | None) -> float | None:
    """Of the run's last evaluation, ``failure`` if it diverged; None if it has not come to its end."""
    return failure if run.status == "diverged" else run.final


def steps_to_threshold(run: Run) -> float | None:
    """Environment steps before the first evaluation that reached the threshold; None if none did."""
    if run.summary.get("env_steps_to_threshold") is not None:
        return run.summary["env_steps_to_threshold"]
    steps, returns = run.series(EVALUATION)
    above = steps[returns >= run.threshold] if run.threshold is not None else steps[:0]
    return float(above[0]) if above.size else None


def collapsed(run: Run) -> bool:
    """Whether the run reached its threshold and lost it again."""
    first, threshold = steps_to_threshold(run), run.threshold
    if first is None or threshold is None:
        return False
    steps, returns = run.series(EVALUATION)
    fell = (returns[steps > first] < threshold - COLLAPSE * abs(threshold)).any()
    return bool(fell) or run.status == "diverged"


def curve(trial: Trial, metric: str, against: str) -> Curve | None:
    """``metric`` over the trial's runs, interpolated between their rows; None if no run has any.

    Where runs end before others the mean is that of the others, and ``complete`` is false.

    Args:
        against: ``env_steps`` or ``seconds``.
    """
    series = [pair for run in trial.runs if (pair := run.series(metric, against))[0].size]
    if not series:
        return None
    start, end = max(x[0] for x, _ in series), max(x[-1] for x, _ in series)
    x = np.unique(np.concatenate([x for x, _ in series]))
    x = x[x >= start] if against == "env_steps" and x.size <= _POINTS else np.linspace(start, end, _POINTS)
    values = np.array([np.interp(x, own, y, left=np.nan, right=np.nan) for own, y in series])
    there = ~np.isnan(values)
    mean, low, high = np.empty((3, x.size))
    for members in np.unique(there.T, axis=0):
        at = (there == members[:, None]).all(axis=0)
        chosen = values[members][:, at]
        mean[at] = chosen.mean(axis=0)
        low[at], high[at] = band(chosen) if len(chosen) > 1 else (mean[at], mean[at])
    return Curve(x, mean, low, high, there.sum(axis=0) == len(trial.runs))
