"""Statistics of a report: outcomes of trials, and curves with intervals.

Returns are means of evaluations. A run *reaches* the threshold with its first evaluation that is at least as high, and
*collapses* if a later one falls more than ``COLLAPSE`` of the threshold below it, or if it diverges later. A diverged
run has no policy to evaluate: its final return, and its evaluation from then on, is the lowest evaluation of any run of
its environment. A run that stopped because it was solved keeps its last evaluation.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from jaxac import names
from jaxac.intervals import band, interval
from jaxac.report.read import Run
from jaxac.report.trials import Trial

DIVERGED = "diverged"
COLLAPSE = 0.1
"""The share of the threshold that a run may lose again; 0.1 is a fall below 90% of a positive threshold."""
EVALUATION, TRAINING = names.RETURN, names.EPISODE_RETURN
_POINTS = 100
"""The most points of a curve."""


@dataclass(frozen=True)
class Outcome:
    """The statistics of one trial: its row of the table."""

    trial: Trial
    """The trial."""
    finals: tuple[float, ...]
    """Final returns of the runs that have ended, failures included."""
    mean: float | None
    """Mean final return; None if no run has ended."""
    bounds: tuple[float, float] | None
    """The 95% interval of the mean; None with fewer than two runs."""
    best: float | None
    """The highest evaluation of any run, at any time."""
    reached: int
    """Number of runs that reached the threshold."""
    collapsed: int
    """Number of runs that reached the threshold and collapsed."""
    steps_to_threshold: float | None
    """Median of environment steps before the threshold, over the runs that reached it."""
    sps: float | None
    """Mean over runs of environment steps per second of training."""
    statuses: dict[str, int]
    """Number of runs with each status."""
    failure: float | None = None
    """The return that a diverged run counts with; None if it cannot be told."""


class Curve(NamedTuple):
    """A trial's mean and its 95% interval over seeds."""

    x: np.ndarray
    """[points] environment steps or seconds."""
    mean: np.ndarray
    """[points] mean over the runs; of training, over those that have not ended."""
    low: np.ndarray
    """[points] lower bound of the interval; the mean itself if there is one run."""
    high: np.ndarray
    """[points] upper bound of the interval; the mean itself if there is one run."""
    complete: np.ndarray
    """[points] bool: no run of the trial has ended before."""


def outcomes(trials: list[Trial]) -> list[Outcome]:
    """The trials of one environment, best first and numbered so; those without a final return last."""
    failure = _failure([run for trial in trials for run in trial.runs])
    found = [_outcome(trial, failure) for trial in trials]
    ranked = sorted(found, key=lambda outcome: -np.inf if outcome.mean is None else outcome.mean, reverse=True)
    return [replace(one, trial=replace(one.trial, number=number)) for number, one in enumerate(ranked, 1)]


def _failure(runs: list[Run]) -> float | None:
    """The return that a diverged run counts with; None if there is no evaluation, or nothing but diverged runs."""
    evaluations = [value for run in runs for value in run.series(EVALUATION)[1]]
    told = evaluations and any(run.status != DIVERGED for run in runs)
    return float(min(evaluations)) if told else None


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
        interval(np.array(finals)) if len(finals) > 1 and any(run.final is not None for run in runs) else None,
        float(evaluations.max()) if evaluations.size else None,
        len(steps),
        sum(collapsed(run) for run in runs),
        float(np.median(steps)) if steps else None,
        float(np.mean(rates)) if rates else None,
        dict(Counter(run.status for run in runs)),
        failure,
    )


def final_return(run: Run, failure: float | None) -> float | None:
    """A run's final return: ``failure`` if it diverged; None if it has not come to its end."""
    return failure if run.status == DIVERGED else run.final


def steps_to_threshold(run: Run) -> float | None:
    """Environment steps before a run's first evaluation that reached the threshold; None if none did."""
    if run.summary.get(names.STEPS_TO_THRESHOLD) is not None:
        return run.summary[names.STEPS_TO_THRESHOLD]
    steps, returns = run.series(EVALUATION)
    above = steps[returns >= run.threshold] if run.threshold is not None else steps[:0]
    return float(above[0]) if above.size else None


def collapsed(run: Run) -> bool:
    """True if a run reached its threshold and fell below it again, or diverged."""
    first, threshold = steps_to_threshold(run), run.threshold
    if first is None or threshold is None:
        return False
    steps, returns = run.series(EVALUATION)
    return collapses(returns[steps >= first], threshold) or run.status == DIVERGED


def collapses(returns: np.ndarray | list[float], threshold: float) -> bool:
    """True if evaluations ``returns [N]`` reach a threshold and a later one falls more than ``COLLAPSE`` of it below.

    >>> collapses([475.0, 427.5], 475.0), collapses([300.0, 475.0, 427.4], 475.0), collapses([100.0], 475.0)
    (False, True, False)
    """
    values = np.asarray(returns)
    reached = values >= threshold
    return bool(reached.any() and (values[reached.argmax() :] < threshold - COLLAPSE * abs(threshold)).any())


def curve(trial: Trial, metric: str, against: str, failure: float | None = None) -> Curve | None:
    """A metric's mean over a trial's runs, interpolated between their rows; None if no run has the metric.

    After the end of a run ``complete`` is false. Its evaluation is the last one if it has completed, ``failure`` if it
    has diverged; otherwise, and for any other metric, the mean is that of the other runs.

    Args:
        trial: the trial.
        metric: name of the metric.
        against: ``env_steps`` or ``time/seconds``.
        failure: the return that a diverged run counts with; None if it cannot be told.
    """
    found = [(run, *run.series(metric, against)) for run in trial.runs]
    series = [(run, own, y) for run, own, y in found if own.size]
    if not series:
        return None
    start, end = max(own[0] for _, own, _ in series), max(own[-1] for _, own, _ in series)
    x = np.unique(np.concatenate([own for _, own, _ in series]))
    x = x[x >= start] if against == names.ENV_STEPS and x.size <= _POINTS else np.linspace(start, end, _POINTS)
    values = np.array([np.interp(x, own, y, left=np.nan, right=np.nan) for _, own, y in series])
    running = ~np.isnan(values)
    if metric == EVALUATION:
        kept = np.array([_kept(run, y[-1], failure) for run, _, y in series])
        values = np.where(running, values, kept[:, None])
    there = ~np.isnan(values)
    mean, low, high = np.empty((3, x.size))
    for members in np.unique(there.T, axis=0):
        at = (there == members[:, None]).all(axis=0)
        chosen = values[members][:, at]
        mean[at] = chosen.mean(axis=0)
        low[at], high[at] = band(chosen) if len(chosen) > 1 else (mean[at], mean[at])
    return Curve(x, mean, low, high, running.sum(axis=0) == len(trial.runs))


def _kept(run: Run, last: float, failure: float | None) -> float:
    """A run's evaluation after its end, given its last one; NaN if it cannot be told."""
    known = {"completed": last, DIVERGED: np.nan if failure is None else failure}
    return known.get(run.status, np.nan)
