"""Tables and figures of the claims, and the page of the documentation that holds them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import choice
from experiments.choice import Tuned
from experiments.claims import arms, clock_tables, verdicts
from experiments.claims.arms import Arm
from experiments.claims.tasks import TASKS
from experiments.claims.verdicts import Crossover, Effect, Results
from jaxac import intervals

PAGE = Path(__file__).parents[2] / "docs/results/claims.md"
ASSETS = PAGE.parents[1] / "assets"
PAPER = (1, 2.1, 3.7, 6.9, 12.5)
"""Mnih et al. 2016, Table 2: training speed-up of A3C by the number of threads, averaged over seven Atari games."""
KNOBS = {"shards": "shards, and as many steps a round", "delays": "delay of pulls, in versions"}
"""Groups of arms that turn a knob, with the label of its axis."""
MARKERS = "<!-- {name}, written by the experiment -->", "<!-- end of {name} -->"
_HEADER = (
    "| arm | η (chosen in) | staleness | mean return [95%] | minus A2C [95% of all] | in deviations | at the end |\n"
    "|---|---|---|---|---|---|---|"
)
_VERDICTS = (
    "| task | A3C − A2C | small steps in turn − A2C | A3C − in turn: staleness alone | null control "
    "| A3C wins from a shard … times as slow |\n|---|---|---|---|---|---|"
)


def row(name: str, results: Results) -> str:
    """A line of a task's table."""
    result, one = results[name], verdicts.tuned(results[name])
    low, high = choice.interval(one)
    alone = name in arms.apart() or result["overrides"] == results[arms.A2C]["overrides"]
    found = None if alone else verdicts.effect(results, name)
    cells = [
        name + (", the null control" if name == arms.NULL else ""),
        f"{result['learning_rate']:.2g}{edge(result)} ({one.shares.max():.0%})",
        f"{result['staleness']:.1f}",
        f"{number(one.mean)} [{number(low)}, {number(high)}]",
        between(found) if found else "",
        f"{found.difference / found.deviation:+.1f}".replace("-", "−") if found and found.deviation else "",
        number(np.mean([curve[-1] for curve in result["returns"]])),
    ]
    return f"| {' | '.join(cells)} |"


def edge(result: Mapping[str, Any]) -> str:
    """An arrow if the rate that was taken is the lowest or the highest of those tried: a better one may lie beyond.

    >>> edge({"learning_rate": 2.0, "candidates": [{"learning_rate": 1.0}, {"learning_rate": 2.0}]})
    '↑'
    """
    rates = sorted({each["learning_rate"] for each in result["candidates"]})
    return {rates[0]: "↓", rates[-1]: "↑"}.get(result["learning_rate"], "") if len(rates) > 1 else ""


def number(value: float) -> str:
    """A return in as many digits as tell something.

    >>> number(-151.26), number(0.951)
    ('−151', '0.951')
    """
    return f"{value:.3g}".replace("-", "−") if abs(value) < 1000 else f"{value:,.0f}"


def between(found: Effect) -> str:
    """An effect's interval, in bold where it tells two arms apart."""
    text = f"{found.difference:+.3g} [{found.low:+.3g}, {found.high:+.3g}]".replace("-", "−")
    return text if found.verdict == "not told apart" else f"**{text}**"


def table(name: str, results: Results) -> str:
    """The table of a task."""
    task, count = TASKS[name], verdicts.comparisons(results)
    seeds = len(next(iter(results.values()))["returns"])
    lines = [
        f"**{name}** ({task.kind}, {task.env_steps / 1e6:g} M steps, {seeds} seeds, {count} comparisons)\n",
        _HEADER,
    ]
    return "\n".join([*lines, *(row(arm.name, results) for arm in trained(results))])


def trained(results: Results) -> list[Arm]:
    """The arms that have results, in the order of the tables."""
    return [arm for arm in arms.arms(arms.OF_ONE_TASK) if arm.name in results]


def tables(tasks: Mapping[str, Results]) -> str:
    """The tables of all tasks, in Markdown."""
    return "\n\n".join(table(name, results) for name, results in tasks.items() if arms.A2C in results)


def summary(tasks: Mapping[str, Results]) -> str:
    """The table of verdicts, a row a task."""
    pairs = ((arms.A3C, arms.A2C), (arms.TURN, arms.A2C), (arms.A3C, arms.TURN), (arms.NULL, arms.A2C))
    lines = [_VERDICTS]
    for name, results in tasks.items():
        cells = [
            between(verdicts.effect(results, *pair)) if all(arm in results for arm in pair) else "pending"
            for pair in pairs
        ]
        lines.append(f"| {' | '.join([name, *cells, crossing(verdicts.crossover(results))])} |")
    return "\n".join(lines)


def crossing(found: Crossover | None) -> str:
    """A crossover in words."""
    if found is None:
        return "pending"

    def times(value: float) -> str:
        return f"{value:.1f}" if np.isfinite(value) else f"> {max(arms.SLOWER)}"

    return f"{times(found.median)} [{times(found.low)}, {times(found.high)}]"


def draw(tasks: Mapping[str, Results], path: Path) -> None:
    """Figures: ``PATH_ladder.png``, ``PATH_unequal.png``, and ``PATH_knobs.png`` of a task whose knobs were turned."""
    panels(tasks, ladder).savefig(path.with_name(f"{path.name}_ladder.png"))
    slowed = {name: each for name, each in tasks.items() if any(arm.group == "unequal" for arm in trained(each))}
    panels(slowed, unequal).savefig(path.with_name(f"{path.name}_unequal.png"))
    for name, results in tasks.items():
        if KNOBS.keys() & TASKS[name].more:  # others have the null control alone, which is the first of its shards
            turned(results).savefig(path.with_name(f"{path.name}_knobs.png"))


def panels(tasks: Mapping[str, Results], draw_task: Any) -> Any:
    """A figure with a panel a task."""
    from matplotlib.figure import Figure

    columns = min(3, max(1, len(tasks)))
    rows = -(-max(1, len(tasks)) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.2 * rows), layout="constrained", dpi=110)
    for axes, (name, results) in zip(np.ravel(figure.subplots(rows, columns)), tasks.items(), strict=False):
        draw_task(axes, results)
        axes.set_title(f"{name}: {TASKS[name].kind}", fontsize=9)
        axes.grid(alpha=0.3)
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
    axes.set_yticks(range(len(names)), [re.split(r"[:,(]", name)[0].strip() for name in reversed(names)], fontsize=7)
    axes.set_xlabel("mean return over the run, minus A2C's", fontsize=8)


def unequal(axes: Any, results: Results) -> None:
    """Mean return in the same time, over how slow the slow shard is."""
    for (label, points), (marker, line) in zip(
        verdicts.over_slowness(results).items(), (("o", "-"), ("s", "--")), strict=True
    ):
        if points:
            errorbars(axes, points, label=label, marker=marker, linestyle=line)
    found = verdicts.crossover(results)
    if found and np.isfinite(found.median):
        axes.axvline(found.median, color="black", linestyle=":", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, *arms.SLOWER], [f"{slower}" for slower in (1, *arms.SLOWER)])
    axes.set_xlabel("one shard of 16 is … times as slow", fontsize=8)
    axes.set_ylabel("mean return, equal time", fontsize=8)
    if axes.has_data():
        axes.legend(fontsize=7)


def turned(results: Results) -> Any:
    """A figure with a panel a knob: mean return over it, a line a correction."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(KNOBS), 3.2), layout="constrained", dpi=110)
    for axes, (group, label) in zip(figure.subplots(1, len(KNOBS)), KNOBS.items(), strict=True):
        for correction, (marker, line) in zip(arms.CORRECTIONS, (("o", "-"), ("s", "--"), ("^", ":")), strict=True):
            chosen = [arm for arm in trained(results) if (arm.group, arm.correction) == (group, correction)]
            points = [(arm.abscissa, verdicts.tuned(results[arm.name])) for arm in chosen]
            if points:
                errorbars(axes, points, label=correction, marker=marker, linestyle=line)
        if group == "shards":
            axes.set_xscale("log", base=2)
            places = sorted({arm.abscissa or 0 for arm in trained(results) if arm.group == group})
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
    means = np.array([one.mean for one in ones])
    ends = np.array([choice.interval(one) for one in ones]).T
    filled = "black" if style["linestyle"] == "-" else "white"
    axes.errorbar(places, means, np.abs(ends - means), color="black", capsize=3, markerfacecolor=filled, **style)


def look(name: str, told: Mapping[str, Sequence[float | None]]) -> str:
    """A line of the table of gradients, or of exploration: means with 95% intervals over seeds."""
    return f"| {' | '.join([name, *(mean(values) for values in told.values())])} |"


def mean(values: Sequence[float | None]) -> str:
    """The mean of what there is, with its interval, and the number of seeds that have it if not all do."""
    there = np.array([value for value in values if value is not None], float)
    if there.size < 2:
        return f"{there.size} of {len(values)} seeds"
    low, high = intervals.interval(there)
    some = f", {there.size} of {len(values)} seeds" if there.size < len(values) else ""
    return f"{number(there.mean())} [{number(low)}, {number(high)}]{some}"


_LOOKS = {
    "correlation": "| {task}: gradients of | cosine with the one before | noise |\n|---|---|---|",
    "exploration": (
        "| {task} | steps to the first success | share of states found by then | in the whole run |\n|---|---|---|---|"
    ),
}


def looks(question: str, tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables of gradients, or of exploration, of all tasks."""
    return "\n\n".join(
        "\n".join([_LOOKS[question].format(task=task), *(look(name, each) for name, each in told.items())])
        for task, told in tasks.items()
        if told
    )


def pairs(results: Results) -> str:
    """The table of single knobs: arms that differ in one thing."""
    lines = ["| what is turned | from | to | difference |", "|---|---|---|---|"]
    for what, other, name in arms.pairs():
        if name in results and other in results:
            ends = (f"{number(verdicts.tuned(results[each]).mean)}" for each in (other, name))
            lines.append(f"| {what} | {' | '.join(ends)} | {between(verdicts.effect(results, name, other))} |")
    return "\n".join(lines) if len(lines) > 2 else "pending"


def workers(results: Results) -> str:
    """The table of more and more workers, beside the paper's Table 2."""
    found = verdicts.speedups(results)
    lines = [
        "| workers | rounds to 475, median of seeds | speed-up, if pushes cost nothing | of A3C in the paper |",
        "|---|---|---|---|",
    ]
    for count, paper in zip(arms.WORKERS, PAPER, strict=True):
        if count in found:
            one = found[count]
            lines.append(
                f"| {count} | {one.rounds:,.0f} | {one.times:.1f} [{one.low:.1f}, {one.high:.1f}] | {paper:g} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "pending"


def momentum(results: Results) -> str:
    """The table of Adam's β₁, a row a number of shards: mean returns, and what more of it gives."""
    least, most = (arms.MOMENTA[end] for end in (0, -1))
    lines = [
        f"| K | {' | '.join(f'β₁ = {each:g}' for each in arms.MOMENTA)} | {most:g} − {least:g} |",
        f"|---|{'---|' * len(arms.MOMENTA)}---|",
    ]
    for shards in arms.SHARDS:
        names = [arms.with_momentum(shards, each) for each in arms.MOMENTA]
        if all(name in results for name in names):
            means = (number(verdicts.tuned(results[name]).mean) for name in names)
            lines.append(
                f"| {shards} | {' | '.join(means)} | {between(verdicts.effect(results, names[-1], names[0]))} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "pending"


def contents(found: Mapping[str, Any]) -> dict[str, str]:
    """The tables that the page holds between its markers, in Markdown, by the markers' names.

    Args:
        found: the saved results, with those of the real clock as ``clock``.
    """
    tasks, on_clock = found["tasks"], found.get("clock", {})
    return {
        "verdicts": summary(tasks),
        "clock": clock_tables.unequal(on_clock, tasks),
        "clock crossover": f"On the real clock: **{crossing(clock_tables.crossover(on_clock))}**.",
        "clock workers": clock_tables.workers(on_clock, tasks),
        "momentum": momentum(tasks.get("CartPole", {})),
        "knobs": pairs(tasks.get("CartPole", {})),
        "workers": workers(tasks.get("CartPole", {})),
        "correlation": looks("correlation", found.get("correlation", {})) or "pending",
        "exploration": looks("exploration", found.get("exploration", {})) or "pending",
        "tables": tables(tasks),
    }


def write(found: Mapping[str, Any]) -> None:
    """Puts tables into the page, between its markers, and the figures beside it."""
    text = PAGE.read_text()
    for name, content in contents(found).items():
        begin, end = (marker.format(name=name) for marker in MARKERS)
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"
    PAGE.write_text(text)
    draw(found["tasks"], ASSETS / "claims")
