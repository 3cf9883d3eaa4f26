"""Several seeds of one configuration logged as one run: means and their confidence intervals."""

import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

from jaxac import names
from jaxac.loggers.base import Logger, Relay, Row

_SHARED = (names.ENV_STEPS, names.UPDATES, names.SECONDS)
_ADDED = (names.SPS, names.EPISODES, names.EVAL_EPISODES, names.SERVER_STEPS_PER_SECOND)


class SeedMeans:
    """Turns the rows of every seed into rows of means, in order, each as soon as every seed's row is there.

    Args:
        loggers: the loggers that take the rows of means.
        before: rows of an earlier session, by seed.
        unfinished: seeds that will bring more rows.
    """

    def __init__(self, loggers: list[Logger], before: dict[int, list[Row]], unfinished: list[int]) -> None:
        self._loggers, self._waiting = loggers, set(unfinished)
        self._rows: dict[int, dict[int, Row]] = defaultdict(dict)
        for seed, rows in before.items():
            for row in rows:
                self._rows[row[names.UPDATES]][seed] = row
        self._latest = {seed: rows[-1][names.UPDATES] if rows else 0 for seed, rows in before.items()}
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
            row = mean_row(list(self._rows.pop(updates).values()))
            for logger in self._loggers:
                logger.log(row)


def mean_row(rows: Sequence[Row]) -> Row:
    """One row made of several seeds' rows at the same number of updates.

    It has means, with the 95% confidence interval of the mean as ``NAME_low`` and ``NAME_high`` (Student's t; None for
    fewer than two values). Speeds and counts of episodes are added up. Lists are left out; the seeds' own rows have
    them.
    """
    merged: Row = {name: max(row[name] for row in rows) for name in _SHARED}
    merged["seeds"] = len(rows)
    for name in rows[0]:
        values = [row[name] for row in rows if row.get(name) is not None]
        if name in _SHARED or any(isinstance(value, list) for value in values):
            continue
        if name in _ADDED:
            merged[name] = sum(values)
        else:
            merged |= _interval(name, np.array(values, float))
    return merged


def _interval(name: str, values: np.ndarray) -> Row:
    mean = float(values.mean()) if values.size else None
    low = high = None
    if mean is not None and values.size > 1:
        half = float(stdtrit(values.size - 1, 0.975) * values.std(ddof=1) / np.sqrt(values.size))
        low, high = mean - half, mean + half
    return {name: mean, **dict(zip(names.bounds(name), (low, high), strict=True))}


def summarize(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The summary of several seeds from their own: the worst status, means, totals."""
    order = ("completed", "interrupted", "diverged")
    status = max((each["status"] for each in summaries), key=order.index)
    returns = [each[names.RETURN] for each in summaries if each[names.RETURN] is not None]
    reached = [each for each in summaries if each[names.STEPS_TO_THRESHOLD] is not None]
    all_reached = len(reached) == len(summaries)
    longest = max(summaries, key=lambda each: each[names.SECONDS])

    def mean_of(name: str) -> float | None:
        return float(np.mean([each[name] for each in reached])) if all_reached else None

    return {
        "status": status,
        "seeds": len(summaries),
        **_interval(names.RETURN, np.array(returns, float)),
        names.RETURN_STD: float(np.std(returns)) if returns else None,
        names.EVAL_EPISODES: sum(each[names.EVAL_EPISODES] or 0 for each in summaries),
        names.ENV_STEPS: max(each[names.ENV_STEPS] for each in summaries),
        names.UPDATES: max(each[names.UPDATES] for each in summaries),
        names.SPS_MEAN: sum(each[names.SPS_MEAN] or 0 for each in summaries),
        names.COMPILE_SECONDS: longest[names.COMPILE_SECONDS],
        names.SECONDS: longest[names.SECONDS],
        names.WALL_SECONDS: max(each[names.WALL_SECONDS] for each in summaries),
        names.THRESHOLD: summaries[0][names.THRESHOLD],
        names.SEEDS_TO_THRESHOLD: len(reached),
        names.STEPS_TO_THRESHOLD: mean_of(names.STEPS_TO_THRESHOLD),
        names.SECONDS_TO_THRESHOLD: mean_of(names.SECONDS_TO_THRESHOLD),
        "params_digest": [each["params_digest"] for each in summaries],
        "run_id": summaries[0]["run_id"],
    }
