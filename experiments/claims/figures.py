"""Figures of the claims, one a claim, in black and white."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import choice
from experiments.choice import Tuned
from experiments.claims import arms, clock_tables, verdicts
from experiments.claims.clock import RUNTIMES
from experiments.claims.tasks import TASKS
from experiments.claims.verdicts import Results
from jaxac import intervals

KNOBS = {"shards": "shards, and as many steps a round", "delays": "delay of pulls, in versions"}
"""Groups of arms that turn a knob, with the label of its axis."""
_STYLES = (("o", "-"), ("s", "--"), ("^", ":"), ("D", "-."), ("v", (0, (1, 3))))
"""Markers and lines that are told apart without color."""


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Figures ``PATH_NAME.png``, as far as there are results.

    Args:
        found: the saved results, with those of the real clock as ``clock``.
        path: the beginning of the files' names.
    """
    tasks, on_clock = found["tasks"], found.get("clock", {})
    slowed = {name: each for name, each in tasks.items() if any(arm.group == "unequal" for arm in arms.trained(each))}
    made = {"ladder": panels(tasks, ladder), "unequal": panels(slowed, unequal)}
    for name, results in tasks.items():
        if KNOBS.keys() & TASKS[name].more:  # others have the null control alone, which is the first of its shards
            made["knobs"] = turned(results)
            if any(arm.group == "momentum" for arm in arms.trained(results)):
                made["momentum"] = alone(momentum, results)
            made["workers"] = alone(workers, verdicts.speedups(results), on_clock.get("workers", {}))
    if clock_tables.crossover(on_clock):
        made["clock"] = alone(clock, on_clock)
    if found.get("correlation"):
        made["correlation"] = panels(found["correlation"], correlation)
    for told in found.get("exploration", {}).values():
        if told:
            made["exploration"] = alone(exploration, told)
    for name, figure in made.items():
        figure.savefig(path.with_name(f"{path.name}_{name}.png"))


def alone(draw_it: Any, *found: Any) -> Any:
    """A figure of one panel."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.6), layout="constrained", dpi=110)
    axes = figure.subplots()
    draw_it(axes, *found)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=7)
    return figure


def panels(tasks: Mapping[str, Results], draw_task: Any) -> Any:
    """A figure with a panel a task."""
    from matplotlib.figure import Figure

    columns = min(3, max(1, len(tasks)))
    rows = -(-max(1, len(tasks)) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.2 * rows), layout="constrained", dpi=110)
    places = list(np.ravel(figure.subplots(rows, columns)))
    for axes, (name, results) in zip(places, tasks.items(), strict=False):
        draw_task(axes, results)
        axes.set_title(f"{name}: {TASKS[name].kind}", fontsize=9)
        axes.grid(alpha=0.3)
    for axes in places[len(tasks) :]:
        axes.remove()
    return figure


def ladder(axes: Any, results: Results) -> None:
    """Differences from A2C, with intervals, one under the other."""
    names = [arm.name for arm in arms.ladder() if arm.name in results and arm.name != arms.A2C]
    for place, name in enumerate(reversed(names)):
        found = verdicts.effect(results, name)
        axes.errorbar(
            found.difference,
            place,
            xerr=[[found.difference - found.low], [found.high - found.difference]],
            fmt="o",
            markerfacecolor="black" if found.verdict != "not told apart" else "white",
            color="black",
            capsize=3,
        )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), [short(name) for name in reversed(names)], fontsize=7)
    axes.set_xlabel("mean return over the run, minus A2C's", fontsize=8)


def unequal(axes: Any, results: Results) -> None:
    """Mean return in the same time, over how slow the slow shard is."""
    for (label, points), (marker, line) in zip(verdicts.over_slowness(results).items(), _STYLES, strict=False):
        if points:
            errorbars(axes, points, label=label, marker=marker, linestyle=line)
    found = verdicts.crossover(results)
    if found and np.isfinite(found.median):
        axes.axvline(found.median, color="black", linestyle=":", linewidth=1)
    _slowness(axes, "mean return, equal time")
    if axes.has_data():
        axes.legend(fontsize=7)


def turned(results: Results) -> Any:
    """A figure with a panel a knob: mean return over it, a line a correction."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(KNOBS), 3.2), layout="constrained", dpi=110)
    for axes, (group, label) in zip(figure.subplots(1, len(KNOBS)), KNOBS.items(), strict=True):
        for correction, (marker, line) in zip(arms.CORRECTIONS, _STYLES, strict=False):
            chosen = [arm for arm in arms.trained(results) if (arm.group, arm.correction) == (group, correction)]
            points = [(arm.abscissa, verdicts.tuned(results[arm.name])) for arm in chosen]
            if points:
                errorbars(axes, points, label=correction, marker=marker, linestyle=line)
        if group == "shards":
            axes.set_xscale("log", base=2)
            places = sorted({arm.abscissa or 0 for arm in arms.trained(results) if arm.group == group})
            axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.set_xlabel(label, fontsize=8)
        axes.set_ylabel("mean return", fontsize=8)
        axes.grid(alpha=0.3)
        if axes.has_data():
            axes.legend(title="correction", fontsize=7, title_fontsize=7)
    return figure


def errorbars(axes: Any, points: Sequence[tuple[float | None, Tuned]], **style: Any) -> None:
    """A line of mean returns with their 95% intervals, black, filled where it is a whole one."""
    places, ones = zip(*points, strict=True)
    _line(axes, places, [one.mean for one in ones], [choice.interval(one) for one in ones], **style)


def _line(axes: Any, places: Sequence[Any], means: Any, ends: Any, **style: Any) -> None:
    """A black line through ``means [N]`` with intervals ``ends [N, 2]``, filled where it is a whole one."""
    filled = "black" if style["linestyle"] == "-" else "white"
    beside = np.abs(np.array(ends).T - means)
    axes.errorbar(places, means, beside, color="black", capsize=3, markerfacecolor=filled, **style)


def short(name: str) -> str:
    """The beginning of an arm's name.

    >>> short("random delays (geometric, mean 8)"), short("A3C, an entropy bonus by shard")
    ('random delays', 'A3C, an entropy bonus by shard')
    """
    return name if "bonus" in name else re.split(r"[:,(]", name)[0].strip()


def momentum(axes: Any, results: Results) -> None:
    """Mean return over Adam's β₁, a line a number of shards."""
    for (shards, found), (marker, line) in zip(verdicts.over_momentum(results).items(), _STYLES, strict=False):
        if len(found) > 1:
            errorbars(axes, list(found.items()), label=f"K = {shards}", marker=marker, linestyle=line)
    axes.set_xlabel("Adam's β₁", fontsize=8)
    axes.set_ylabel("mean return", fontsize=8)


def workers(axes: Any, virtual: Mapping[int, Any], runtimes: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    """Times as fast over the number of workers: the paper's, in virtual time, and on the real clock."""
    axes.plot(arms.WORKERS, arms.WORKERS, color="gray", linewidth=0.8, label="as many times as workers")
    lines = {"the paper, seven Atari games": dict(zip(arms.WORKERS, verdicts.PAPER, strict=True))}
    lines["virtual time"] = {count: one.times for count, one in virtual.items()}
    for runtime, title in RUNTIMES.items():
        ratios = clock_tables.speedups(runtimes.get(runtime, {}))
        lines[f"{title}, real clock"] = {count: one[0] for count, one in ratios.items()}
    for (label, points), (marker, line) in zip(lines.items(), _STYLES, strict=False):
        if points:
            axes.plot(*zip(*points.items(), strict=True), marker=marker, linestyle=line, color="black", label=label)
    for axis in (axes.set_xscale, axes.set_yscale):
        axis("log", base=2)
    axes.set_xticks(arms.WORKERS, [str(count) for count in arms.WORKERS])
    axes.set_yticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    axes.set_xlabel("workers of 8 environments", fontsize=8)
    axes.set_ylabel("times as fast to 475 as one worker", fontsize=8)


def clock(axes: Any, found: Mapping[str, Any]) -> None:
    """Mean return in the same seconds, over how slow the slow shard is."""
    for (label, points), (marker, line) in zip(clock_tables.over_slowness(found).items(), _STYLES, strict=False):
        means, ends = zip(*((values.mean(), intervals.interval(values)) for values in points.values()), strict=True)
        _line(axes, list(points), means, ends, marker=marker, linestyle=line, label=label)
    _slowness(axes, "mean return, equal seconds")


def _slowness(axes: Any, label: str) -> None:
    """The axis of how slow the slow shard is, and the label of the other."""
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, *arms.SLOWER], [f"{slower}" for slower in (1, *arms.SLOWER)])
    axes.set_xlabel("one shard of 16 is … times as slow", fontsize=8)
    axes.set_ylabel(label, fontsize=8)


def correlation(axes: Any, told: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Cosines of successive gradients, with intervals, one arm under the other."""
    for place, each in enumerate(reversed(list(told.values()))):
        values = np.array(each["cosine"])
        low, high = intervals.interval(values)
        axes.errorbar(values.mean(), place, xerr=[[values.mean() - low], [high - values.mean()]], fmt="ok", capsize=3)
    axes.set_yticks(range(len(told)), [short(name) for name in reversed(list(told))], fontsize=7)
    axes.set_xlabel("cosine of each gradient with the one before", fontsize=8)


def exploration(axes: Any, told: Mapping[str, Mapping[str, Sequence[float | None]]]) -> None:
    """The share of seeds that have had a success, over environment steps."""
    for (name, each), (_, line) in zip(told.items(), _STYLES, strict=True):
        there = sorted(step for step in each["first_success"] if step is not None)
        shares = np.arange(1, len(there) + 1) / len(each["first_success"])
        axes.step(np.array(there) / 1000, shares, where="post", linestyle=line, color="black", label=short(name))
    axes.set_xlabel("thousand environment steps", fontsize=8)
    axes.set_ylabel("share of seeds with a success", fontsize=8)
