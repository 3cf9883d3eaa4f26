"""What the runs on a real clock say: unequal shards at equal time, and the time that more workers take."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.claims import arms, tables, verdicts
from experiments.claims.clock import ALGOS, LOOKS, PACES, ROUNDS, RUNTIMES, Pace
from experiments.claims.verdicts import Crossover, Results
from jaxac import intervals

Run = Mapping[str, Any]
"""A run's ``seconds`` and ``returns`` of its evaluations, its ``pushes``, and A3C's ``staleness``."""
_UNEQUAL = (
    "| of sixteen shards | A2C: updates a second, mean return | A3C: pushes a second, staleness, mean return "
    "| A3C − A2C | in virtual time |\n|---|---|---|---|---|"
)
_WORKERS = (
    "| workers | threads: seconds to 475, unrolls | times as fast | Ray: seconds to 475, unrolls | times as fast "
    "| in virtual time |\n"
    "|---|---|---|---|---|---|"
)


def mean_returns(runs: Sequence[Run], seconds: float) -> np.ndarray:
    """[seeds] mean returns over the first ``seconds`` of runs, at evenly spaced moments between their evaluations."""
    moments = seconds * np.arange(1, LOOKS + 1) / LOOKS
    return np.array([np.interp(moments, run["seconds"], run["returns"]).mean() for run in runs])


def rate(runs: Sequence[Run]) -> float:
    """Pushes a second, the median of runs."""
    return float(np.median([run["pushes"] / run["seconds"][-1] for run in runs]))


def unequal(found: Mapping[str, Any], tasks: Mapping[str, Results]) -> str:
    """The table of unequal shards; ``pending`` without results."""
    lines = [_UNEQUAL]
    for pace in PACES:
        for a2c, a3c in _runs(found, [pace]):
            one, other = (mean_returns(each, _duration(found)) for each in (a2c, a3c))
            stale = np.median([run["staleness"] for run in a3c])
            cells = [
                pace.name,
                f"{rate(a2c) / arms.K:.2f}, {one.mean():.0f}",
                f"{rate(a3c):.0f}, {stale:.1f}, {other.mean():.0f}",
                tables.difference((other - one).mean(), *intervals.interval(other - one), "+.0f"),
                _virtual(tasks, pace.slower) if not pace.random else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 1 else "pending"


def over_slowness(found: Mapping[str, Any]) -> dict[str, dict[int, np.ndarray]]:
    """By algorithm, and by how slow the slow shard is: ``[seeds]`` mean returns, of as many seeds as all have."""
    paces = [pace for pace in PACES if not pace.random]
    lines: dict[str, dict[int, np.ndarray]] = {}
    for pace, runs in zip(paces, _runs(found, paces), strict=False):
        for algo, each in zip(ALGOS, runs, strict=True):
            lines.setdefault(algo, {})[pace.slower] = mean_returns(each, _duration(found))
    return lines


def _runs(found: Mapping[str, Any], paces: Sequence[Pace]) -> list[list[Sequence[Run]]]:
    """The runs at each pace, A2C's and A3C's, of as many seeds as all of them have; empty with less than two."""
    every = [[found.get("unequal", {}).get(pace.name, {}).get(algo, ()) for algo in ALGOS] for pace in paces]
    seeds = min(len(runs) for each in every for runs in each)
    return [[runs[:seeds] for runs in each] for each in every] if seeds > 1 else []


def _duration(found: Mapping[str, Any]) -> float:
    """Seconds of a run of unequal shards."""
    return float(found["unroll_seconds"] * ROUNDS)


def crossover(found: Mapping[str, Any]) -> Crossover | None:
    """From which slowness of one shard on A3C wins on a real clock; None where results are missing.

    As :func:`experiments.claims.verdicts.crossover`, by drawing seeds again.
    """
    lines = over_slowness(found)
    if not lines:
        return None
    a2c, a3c = (np.array(list(lines[algo].values())) for algo in ALGOS)
    return verdicts.crossing(list(lines[ALGOS[0]]), a3c - a2c)


def workers(found: Mapping[str, Any], tasks: Mapping[str, Results]) -> str:
    """The table of more workers; ``pending`` without results."""
    by_runtime, lines = found.get("workers", {}), [_WORKERS]
    virtual = verdicts.speedups(tasks.get("CartPole", {}))
    found_by = [speedups(by_runtime.get(runtime, {})) for runtime in RUNTIMES]
    for count in arms.WORKERS:
        cells = [str(count)]
        for runtime, ratios in zip(RUNTIMES, found_by, strict=True):
            if count in ratios:
                times, low, high = ratios[count]
                runs = by_runtime[runtime][str(count)]
                cells += [f"{np.median(_seconds(runs)):.1f}, {count / rate(runs):.3f} s each"]
                cells += [f"{times:.1f} [{low:.1f}, {high:.1f}]"]
            else:
                cells += ["", ""]
        cells.append(f"{virtual[count].times:.1f}" if count in virtual else "")
        if any(cells[1:-1]):
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 1 else "pending"


def speedups(runs: Mapping[str, Sequence[Run]]) -> dict[int, tuple[float, float, float]]:
    """By number of workers: how many times as fast as one, by medians, with the interval of seeds drawn again."""
    seconds = {count: _seconds(runs[str(count)]) for count in arms.WORKERS if runs.get(str(count))}
    return verdicts.times_as_fast(seconds) if 1 in seconds else {}


def _seconds(runs: Sequence[Run]) -> np.ndarray:
    """[seeds] seconds to a return that solves the task; infinity where there is none."""
    return np.array([run["seconds"][-1] if run["returns"][-1] >= verdicts.SOLVED else np.inf for run in runs])


def _virtual(tasks: Mapping[str, Results], slower: int) -> str:
    """The same difference in virtual time."""
    results = tasks.get("CartPole", {})
    pair = (arms.going_on(slower), arms.waiting(slower)) if slower > 1 else (arms.A3C, arms.A2C)
    if not all(name in results for name in pair):
        return ""
    one, other = (verdicts.tuned(results[name]).mean for name in pair)
    return f"{one - other:+.0f}".replace("-", "−")
