"""What the results answer, in two tables: by task, and by claim."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.claims import arms, clock_tables, tables, verdicts
from experiments.claims.clock import RUNTIMES
from experiments.claims.verdicts import Results
from jaxac import intervals

_VERDICTS = (
    "| task | A3C − A2C | small steps in turn − A2C | A3C − in turn: staleness alone | null control "
    "| A3C wins from a shard … times as slow |\n|---|---|---|---|---|---|"
)


def by_task(tasks: Mapping[str, Results]) -> str:
    """The effects of asynchrony, a row a task."""
    pairs = ((arms.A3C, arms.A2C), (arms.TURN, arms.A2C), (arms.A3C, arms.TURN), (arms.NULL, arms.A2C))
    lines = [_VERDICTS]
    for name, results in tasks.items():
        cells = [
            tables.between(verdicts.effect(results, *pair)) if all(arm in results for arm in pair) else "pending"
            for pair in pairs
        ]
        lines.append(f"| {' | '.join([name, *cells, tables.crossing(verdicts.crossover(results))])} |")
    return "\n".join(lines)


def by_claim(found: Mapping[str, Any]) -> str:
    """The verdicts, a row a claim.

    Args:
        found: the saved results, with those of the real clock as ``clock``.
    """
    lines = ["| claim | what was held against what | verdict |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in _claims(found))])


def _claims(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each claim, its comparison, and its verdict."""
    tasks, on_clock = found["tasks"], found.get("clock", {})
    learning = _told_apart(tasks, arms.A3C, arms.A2C)
    yield "asynchrony improves learning", "mean return of A3C and A2C", learning
    staleness = _told_apart(tasks, arms.A3C, arms.TURN)
    yield "staleness alone is harmless", "A3C and the same small steps taken in turn", staleness
    yield "small steps help", "small steps in turn and A2C", _told_apart(tasks, arms.TURN, arms.A2C)
    yield "no difference at all", "A3C with one shard and A2C", _told_apart(tasks, arms.NULL, arms.A2C)
    yield "faster by parallelism", f"{max(arms.WORKERS)} workers and one, CartPole to 475", _parallel(tasks, on_clock)
    crossover = tables.crossing(clock_tables.crossover(on_clock))
    where = f"A3C wins from one {crossover} times as slow, real clock"
    yield "no waiting for slow shards", "A2C's barrier and A3C at equal seconds, CartPole", where
    yield "better exploration", "first success on MountainCar", _exploration(found.get("exploration", {}))
    yield "reduced correlation", "cosine of successive gradients", _correlation(found.get("correlation", {}))
    results = tasks.get("CartPole", {})
    for what, other, name in arms.pairs():
        if name in results and other in results and what in _KNOBS:
            yield _KNOBS[what], f"{what}, CartPole", tables.between(verdicts.effect(results, name, other))
    yield (
        "asynchrony acts like momentum",
        "best β₁ by shards, which should fall, CartPole",
        _best(results),
    )


_KNOBS = {
    "η/τ, K = 64": "η/τ makes up for staleness",
    "DC-ASGD, K = 64": "delay compensation does",
    "RMSProp's statistics, own to shared": "shared statistics are better",
}
"""What is turned, of :func:`experiments.claims.arms.pairs`, and the claim that it answers."""


def _told_apart(tasks: Mapping[str, Results], name: str, other: str) -> str:
    """On which tasks one arm learns more than another, and on which less."""
    found: dict[str, list[str]] = {"more": [], "less": [], "not told apart": []}
    for task, results in tasks.items():
        if name in results and other in results:
            found[verdicts.effect(results, name, other).verdict].append(task)
    return "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in found.items() if names) or "pending"


def _best(results: Results) -> str:
    """The β₁ of the highest mean return, by the number of shards."""
    parts = []
    for shards, found in verdicts.over_momentum(results).items():
        if len(found) == len(arms.MOMENTA):
            best = max(found, key=lambda momentum: found[momentum].mean)
            parts.append(f"{best:g} (K = {shards})")
    return ", ".join(parts) or "pending"


def _parallel(tasks: Mapping[str, Results], on_clock: Mapping[str, Any]) -> str:
    """How many times as fast the most workers are: the paper's, in virtual time, and on the real clock."""
    most, parts = max(arms.WORKERS), [f"paper {verdicts.PAPER[-1]:g} ×"]
    virtual = verdicts.speedups(tasks.get("CartPole", {})).get(most)
    if virtual:
        parts.append(f"virtual time {virtual.times:.1f} [{virtual.low:.1f}, {virtual.high:.1f}] ×")
    for runtime, title in RUNTIMES.items():
        ratios = clock_tables.speedups(on_clock.get("workers", {}).get(runtime, {}))
        if most in ratios:
            times, low, high = ratios[most]
            parts.append(f"{title} {times:.1f} [{low:.1f}, {high:.1f}] ×")
    return ", ".join(parts)


def _exploration(tasks: Mapping[str, Mapping[str, Mapping[str, Sequence[float | None]]]]) -> str:
    """Steps to the first success in the median, by arm."""
    parts = []
    for told in tasks.values():
        for name in (arms.A2C, arms.TURN, arms.A3C, arms.OWN_BONUSES):
            if name in told:
                steps = told[name]["first_success"]
                last = "never" if None in steps else f"{max(filter(None, steps)) / 1000:.0f} k"
                title = {arms.OWN_BONUSES: "own bonuses", arms.TURN: "in turn"}.get(name, name[:3])
                parts.append(f"{title} {tables.median(steps) / 1000:.0f} k steps (the last seed: {last})")
    return ", ".join(parts) or "pending"


def _correlation(tasks: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> str:
    """On which tasks A3C's gradients are less alike than A2C's, and than those of the same steps in turn."""
    parts = []
    for other, title in ((arms.A2C, "A2C's"), (arms.TURN, "the same steps' in turn")):
        both = {task: told for task, told in tasks.items() if other in told and arms.A3C in told}
        less = [task for task, told in both.items() if _below(told[arms.A3C]["cosine"], told[other]["cosine"])]
        parts.append(f"below {title} on {len(less)} of {len(both)} tasks" + f" ({', '.join(less)})" * bool(less))
    return "; ".join(parts)


def _below(one: Sequence[float], other: Sequence[float]) -> bool:
    """True if the interval of the differences by seed is below 0."""
    return intervals.interval(np.subtract(one, other))[1] < 0
