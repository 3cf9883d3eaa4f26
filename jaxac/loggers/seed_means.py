"""Several seeds of one configuration logged as one run: means and their confidence intervals.

What is evaluated is a mean over all seeds that were begun, never over those that survived. A seed that has reached
``evaluation.stop_at_return`` counts with its last evaluation; one that has diverged has no policy to evaluate, and
counts with the lowest evaluation of any of the seeds so far, as in a report.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from jaxac import names
from jaxac.intervals import interval
from jaxac.loggers.base import Logger, Relay, Row

COMPLETED, DIVERGED = "completed", "diverged"
_ORDER = (COMPLETED, "interrupted", DIVERGED)
"""Statuses, the worst last."""
_OF_A_SEED = ("status", names.UPDATES, *names.EVALUATION, names.BEST_RETURN, names.STEPS_TO_THRESHOLD)
Status = Callable[[], str | None]
"""The status with which a run has ended; None while it runs."""
_SHARED = (names.ENV_STEPS, names.UPDATES, names.SECONDS)
_ADDED = (names.SPS, names.EPISODES, names.EVAL_EPISODES, names.SERVER_STEPS_PER_SECOND)


class SeedMeans:
    """Turns the rows of every seed into rows of means, in order, each as soon as every seed's row is there.

    Args:
        loggers: the loggers that take the rows of means.
        before: rows of an earlier session, by seed.
        statuses: how each seed's run has ended.
        unfinished: seeds that will bring more rows.
    """

    def __init__(
        self, loggers: list[Logger], before: dict[int, list[Row]], statuses: dict[int, Status], unfinished: list[int]
    ) -> None:
        self._loggers, self._statuses, self._waiting = loggers, statuses, set(unfinished)
        self._rows: dict[int, dict[int, Row]] = defaultdict(dict)
        for seed, rows in before.items():
            for row in rows:
                self._rows[row[names.UPDATES]][seed] = row
        self._latest = {seed: rows[-1][names.UPDATES] if rows else 0 for seed, rows in before.items()}
        self._evaluations: dict[int, Row] = {}
        self.lowest: float | None = None
        """The lowest mean return of an evaluation of any seed so far."""
        self._flush()

    def of(self, seed: int) -> Logger:
        """A logger for one of the seeds."""
        return Relay(functools.partial(self.add, seed), functools.partial(self.ended, seed))

    def add(self, seed: int, row: Row) -> None:
        """Takes a row of one seed."""
        self._rows[row[names.UPDATES]][seed] = row
        self._latest[seed] = row[names.UPDATES]
        self._flush()

    def ended(self, seed: int) -> None:
        """Takes the end of one seed."""
        self._waiting.discard(seed)
        self._flush()

    def _flush(self) -> None:
        for updates in sorted(self._rows):
            if any(self._latest[seed] < updates for seed in self._waiting):
                return
            row = self._merge(updates, self._rows.pop(updates))
            for logger in self._loggers:
                logger.log(row)

    def _merge(self, updates: int, rows: dict[int, Row]) -> Row:
        """One row of the seeds' rows at the same number of updates."""
        ends = {seed: self._statuses[seed]() for seed, latest in self._latest.items() if latest <= updates}
        diverged = [seed for seed, status in ends.items() if status == DIVERGED]
        stopped = [seed for seed, status in ends.items() if status == COMPLETED and seed not in rows]
        for seed, row in rows.items():
            if row.get(names.RETURN) is not None:
                self._evaluations[seed] = _evaluation(row)
                self.lowest = min(row[names.RETURN], row[names.RETURN] if self.lowest is None else self.lowest)
        merged: Row = {name: max(row[name] for row in rows.values()) for name in _SHARED}
        merged |= {names.SEEDS: len(rows), names.SEEDS_STOPPED: len(stopped), names.SEEDS_DIVERGED: len(diverged)}
        merged |= mean_row([_without_evaluation(row) for row in rows.values()])
        if not any(names.RETURN in row for row in rows.values()):
            return merged
        alive = [_evaluation(row) for seed, row in rows.items() if seed not in diverged]
        alive += [self._evaluations[seed] for seed in stopped if seed in self._evaluations]
        dead = [_failed(self._evaluations.get(seed, {}), self.lowest) for seed in diverged]
        return merged | mean_row([*alive, *dead])


def _evaluation(row: Row) -> Row:
    return {name: value for name, value in row.items() if name.startswith("eval/")}


def _without_evaluation(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _SHARED and not name.startswith("eval/")}


def _failed(evaluation: Row, lowest: float | None) -> Row:
    """The evaluation of a seed that diverged after ``evaluation``: its best so far, and the lowest return of all."""
    best = {name: evaluation[name] for name in (names.BEST_RETURN, names.BEST_ENV_STEPS) if name in evaluation}
    return {names.RETURN: lowest, **best}


def mean_row(rows: Sequence[Row]) -> Row:
    """The means of what any of the rows has, over the rows that have a value.

    A mean has its 95% confidence interval beside it as ``NAME_low`` and ``NAME_high`` (Student's t; None for fewer than
    two values). Speeds and counts of episodes are added up. Lists are left out; the seeds' own rows have them.
    """
    merged: Row = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if row.get(name) is not None]
        if any(isinstance(value, list) for value in values):
            continue
        merged |= {name: sum(values)} if name in _ADDED else _mean(name, values)
    return merged


def _mean(name: str, values: Sequence[float]) -> Row:
    bounds = interval(np.array(values)) if len(values) > 1 else (None, None)
    mean = float(np.mean(values)) if values else None
    return {name: mean, **dict(zip(names.bounds(name), bounds, strict=True))}


def summarize(summaries: dict[int, dict[str, Any]], lowest: float | None) -> dict[str, Any]:
    """The summary of several seeds from their own: the worst status, means, totals, and each seed's end.

    Args:
        summaries: the summaries by seed.
        lowest: the lowest mean return of an evaluation of any seed, which a seed that has diverged counts with.
    """
    parts = list(summaries.values())
    diverged = sum(each["status"] == DIVERGED for each in parts)
    if diverged == len(parts):
        lowest = None  # nothing is known of any policy
    returns = [lowest if each["status"] == DIVERGED else each[names.RETURN] for each in parts]
    longest = max(parts, key=lambda each: each[names.SECONDS])
    return {
        "status": max((each["status"] for each in parts), key=_ORDER.index),
        names.SEEDS: len(parts),
        names.SEEDS_DIVERGED: diverged,
        **_mean(names.RETURN, _known(returns)),
        names.RETURN_STD: _mean_or_none([each[names.RETURN_STD] for each in parts]),
        names.EVAL_EPISODES: sum(each[names.EVAL_EPISODES] or 0 for each in parts),
        **_mean(names.BEST_RETURN, _known(each.get(names.BEST_RETURN) for each in parts)),
        **_mean(names.BEST_ENV_STEPS, _known(each.get(names.BEST_ENV_STEPS) for each in parts)),
        **_threshold(parts),
        **{name: max(each[name] for each in parts) for name in (names.ENV_STEPS, names.UPDATES, names.WALL_SECONDS)},
        **{name: longest[name] for name in (names.SECONDS, names.COMPILE_SECONDS)},
        names.SPS_MEAN: sum(each[names.SPS_MEAN] or 0 for each in parts),
        "params_digest": [each["params_digest"] for each in parts],
        "run_id": parts[0]["run_id"],
        "by_seed": {str(seed): {name: each.get(name) for name in _OF_A_SEED} for seed, each in summaries.items()},
    }


def _threshold(parts: Sequence[dict[str, Any]]) -> Row:
    """Steps and seconds before the seeds reached the threshold: means if all of them did, else None."""
    reached = [each for each in parts if each[names.STEPS_TO_THRESHOLD] is not None]
    when = (names.STEPS_TO_THRESHOLD, names.SECONDS_TO_THRESHOLD)
    all_did = len(reached) == len(parts)
    return {
        names.THRESHOLD: parts[0][names.THRESHOLD],
        names.SEEDS_TO_THRESHOLD: len(reached),
        **{name: _mean_or_none([each[name] for each in reached]) if all_did else None for name in when},
    }


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean_or_none(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return float(np.mean(known)) if known else None
