"""What the results say: effects with intervals, and the inequality of shards from which on A3C wins."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments import choice, weak_scaling
from experiments.choice import Candidate, Tuned
from experiments.claims import arms
from experiments.claims.tasks import UNROLL

DRAWS = 10_000
_BYTES = 5e3
"""Of CartPole's parameters."""
SOLVED = 475.0
"""The mean return of an evaluation that solves CartPole."""
PAPER = (1, 2.1, 3.7, 6.9, 12.5)
"""Mnih et al. 2016, Table 2: training speed-up of A3C by the number of threads, averaged over seven Atari games."""
Results = Mapping[str, dict[str, Any]]
"""The results of a task, by the arms' names."""


class Effect(NamedTuple):
    """The difference of an arm from another, in mean return over the run."""

    difference: float
    low: float
    """The lower end of its interval, which together with those of all comparisons of the task holds in 95% of cases."""
    high: float
    """The upper end."""
    deviation: float
    """Standard deviation over seeds, pooled of both arms: the unit of the standardized effect."""

    @property
    def verdict(self) -> str:
        """``more``, ``less``, or ``not told apart``."""
        return "more" if self.low > 0 else "less" if self.high < 0 else "not told apart"


class Crossover(NamedTuple):
    """The inequality of shards from which on A3C does better in the same time."""

    median: float
    """How many times as slow the slow shard is; infinity if A3C does not win within what was tried."""
    low: float
    """The lower end of its 95% interval."""
    high: float
    """The upper end; infinity if A3C may not win within what was tried."""


def tuned(result: Mapping[str, Any]) -> Tuned:
    """An arm's mean return over the run, as far as it depends on the choice of its rate."""
    return choice.tuned([candidate(np.array(one["scores"]), one["results"]) for one in result["candidates"]])


def candidate(scores: np.ndarray, results: list[float] | None) -> Candidate:
    """A rate with its scores ``[tuning seeds]`` and its results ``[seeds]``."""
    error = float(scores.std(ddof=1) / np.sqrt(scores.size))
    return Candidate(float(scores.mean()), error, None if results is None else np.array(results))


def comparisons(results: Results) -> int:
    """The number of different arms of a task that are held against A2C."""
    held = [result for name, result in results.items() if name not in arms.apart()]
    return max(1, len({tuple(result["overrides"]) for result in held}) - 1)


def effect(results: Results, name: str, other: str = arms.A2C) -> Effect:
    """The difference of one arm from another.

    Args:
        results: the results of a task.
        name: the arm.
        other: the one that is taken off.
    """
    one, two = tuned(results[name]), tuned(results[other])
    low, high = choice.difference(one, two, comparisons(results))
    deviation = float(np.sqrt((one.results.var(ddof=1) + two.results.var(ddof=1)) / 2))
    return Effect(one.mean - two.mean, low, high, deviation)


def over_slowness(results: Results) -> dict[str, list[tuple[int, Tuned]]]:
    """A2C that waits and A3C that goes on, each over how slow the slow shard is: as far as there are results."""
    names = {
        "A2C, which waits": [(1, arms.A2C), *((slower, arms.waiting(slower)) for slower in arms.SLOWER)],
        "A3C, which goes on": [(1, arms.A3C), *((slower, arms.going_on(slower)) for slower in arms.SLOWER)],
    }
    return {
        line: [(slower, tuned(results[name])) for slower, name in points if name in results]
        for line, points in names.items()
    }


def over_momentum(results: Results) -> dict[int, dict[float, Tuned]]:
    """The arms of A3C by their number of shards and Adam's β₁, as far as they have results."""
    names = {shards: {each: arms.with_momentum(shards, each) for each in arms.MOMENTA} for shards in arms.SHARDS}
    return {
        shards: {each: tuned(results[name]) for each, name in by_momentum.items() if name in results}
        for shards, by_momentum in names.items()
    }


def crossover(results: Results) -> Crossover | None:
    """From which inequality on A3C wins at equal time; None where an arm is missing.

    Between the slownesses that were tried, mean returns are taken to be linear in the logarithm of slowness. The
    interval is that of the crossover of means that are drawn again with their standard errors.
    """
    waits, goes_on = over_slowness(results).values()
    if min(len(waits), len(goes_on)) <= len(arms.SLOWER):
        return None
    random = np.random.default_rng(0)
    drawn = [
        random.normal([one.mean for _, one in line], [one.variance**0.5 for _, one in line], (DRAWS, len(line)))
        for line in (goes_on, waits)
    ]
    return _crossing([slower for slower, _ in waits], drawn[0] - drawn[1])


def crossing(slowness: Sequence[float], leads: np.ndarray) -> Crossover:
    """The crossover of leads ``[slownesses, seeds]`` of A3C, with the interval of seeds that are drawn again."""
    count = leads.shape[1]
    chosen = np.random.default_rng(0).integers(count, size=(DRAWS, count))
    return _crossing(slowness, leads[:, chosen].mean(axis=2).T)


def _crossing(slowness: Sequence[float], leads: np.ndarray) -> Crossover:
    """The crossover of each of ``leads [draws, slownesses]``: the median and the interval."""
    found = 2.0 ** np.array([_first_above_zero(np.log2(slowness), lead) for lead in leads])
    low, median, high = np.quantile(found, [0.025, 0.5, 0.975], method="nearest")
    return Crossover(float(median), float(low), float(high))


def _first_above_zero(places: np.ndarray, values: np.ndarray) -> float:
    """Where a line through ``values`` at ``places`` is first above 0; infinity if it never is."""
    above = np.flatnonzero(values > 0)
    if not above.size:
        return np.inf
    after = int(above[0])
    if after == 0:
        return float(places[0])
    before, rise = after - 1, values[after] - values[after - 1]
    return float(places[before] - values[before] / rise * (places[after] - places[before]))


class Speedup(NamedTuple):
    """What more workers give."""

    rounds: float
    """Rounds up to an evaluation that solves the task: the median over seeds, infinity if half of them never do."""
    times: float
    """How many times fewer these are than one worker's."""
    low: float
    """The lower end of its 95% interval, by drawing seeds again."""
    high: float
    """The upper end."""
    on_cluster: float
    """How many times sooner by a simulated clock: learners and a server as in :mod:`experiments.weak_scaling`."""


def speedups(results: Results) -> dict[int, Speedup]:
    """By number of workers, as far as there are results."""
    found = {count: results[arms.working(count)] for count in arms.WORKERS if arms.working(count) in results}
    if 1 not in found:
        return {}
    rounds = {count: _rounds_to(result, count) for count, result in found.items()}
    medians, ratios = {count: float(np.median(each)) for count, each in rounds.items()}, times_as_fast(rounds)
    push = weak_scaling.push_seconds(_BYTES)
    seconds = {
        count: median * count / weak_scaling.simulate(count, weak_scaling.UNROLL, push)["pushes"]
        for count, median in medians.items()
    }
    return {count: Speedup(median, *ratios[count], seconds[1] / seconds[count]) for count, median in medians.items()}


def times_as_fast(needed: Mapping[int, np.ndarray]) -> dict[int, tuple[float, float, float]]:
    """By number of workers: how many times as fast as one, by medians, with the 95% interval of seeds drawn again.

    Args:
        needed: [seeds] what each run needed, by the number of workers, 1 among them; infinity for what never came.
    """
    random = np.random.default_rng(0)
    drawn = {count: np.median(random.choice(each, (DRAWS, each.size)), axis=1) for count, each in needed.items()}
    found = {}
    for count, each in needed.items():
        low, high = np.nanquantile(drawn[1] / drawn[count], [0.025, 0.975])
        found[count] = float(np.median(needed[1]) / np.median(each)), float(low), float(high)
    return found


def _rounds_to(result: Mapping[str, Any], count: int) -> np.ndarray:
    """[seeds] rounds up to the first evaluation that solves the task; infinity where there is none."""
    returns, steps = np.array(result["returns"]), np.array(result["env_steps"])
    reached = returns >= SOLVED
    first = np.where(reached.any(axis=1), steps[reached.argmax(axis=1)], np.inf)
    return first / (count * arms.ENVS_OF_A_WORKER * UNROLL)
