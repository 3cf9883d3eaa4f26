"""Tables of the claims, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments import choice
from experiments.claims import arms, verdicts
from experiments.claims.tasks import TASKS
from experiments.claims.verdicts import Crossover, Effect, Results
from jaxac import intervals

_HEADER = (
    "| arm | η (chosen in) | staleness | mean return [95%] | minus A2C [95% of all] | in deviations | at the end |\n"
    "|---|---|---|---|---|---|---|"
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

    >>> number(-1510.26), number(0.951)
    ('−1,510', '0.951')
    """
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}").replace("-", "−")


def between(found: Effect) -> str:
    """An effect's interval, in bold where it tells two arms apart."""
    return difference(found.difference, found.low, found.high)


def difference(value: float, low: float, high: float, digits: str = "+.3g") -> str:
    """A difference with its interval, in bold where that leaves out 0.

    >>> difference(-2.0, -3.0, -1.0)
    '**−2 [−3, −1]**'
    """
    text = f"{value:{digits}} [{low:{digits}}, {high:{digits}}]".replace("-", "−")
    return f"**{text}**" if low > 0 or high < 0 else text


def table(name: str, results: Results) -> str:
    """The table of a task."""
    task, count = TASKS[name], verdicts.comparisons(results)
    seeds = len(next(iter(results.values()))["returns"])
    lines = [
        f"**{name}** ({task.kind}, {task.env_steps / 1e6:g} M steps, {seeds} seeds, {count} comparisons)\n",
        _HEADER,
    ]
    return "\n".join([*lines, *(row(arm.name, results) for arm in arms.trained(results))])


def tables(tasks: Mapping[str, Results]) -> str:
    """The tables of all tasks, in Markdown."""
    return "\n\n".join(table(name, results) for name, results in tasks.items() if arms.A2C in results)


def crossing(found: Crossover | None) -> str:
    """A crossover in words."""
    if found is None:
        return "pending"

    def times(value: float) -> str:
        return f"{value:.1f}" if np.isfinite(value) else f"> {max(arms.SLOWER)}"

    return f"{times(found.median)} [{times(found.low)}, {times(found.high)}]"


def look(name: str, told: Mapping[str, Sequence[float | None]]) -> str:
    """A line of the table of gradients, or of exploration: means with 95% intervals over seeds."""
    cells = [
        f"{number(median(values))}; mean {mean(values)}" if what == "first_success" else mean(values)
        for what, values in told.items()
    ]
    return f"| {' | '.join([name, *cells])} |"


def median(values: Sequence[float | None]) -> float:
    """The median, in which what never came is last.

    >>> median([30_000, None, 20_000])
    30000.0
    """
    return float(np.median([np.inf if value is None else value for value in values]))


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
        "| {task} | steps to the first success: median; mean | share of states found by then | in the whole run |\n"
        "|---|---|---|---|"
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
        "| workers | rounds to 475, median of seeds | speed-up, if pushes cost nothing | if they cost 1 ms of 11 "
        "| of A3C in the paper |",
        "|---|---|---|---|---|",
    ]
    for count, paper in zip(arms.WORKERS, verdicts.PAPER, strict=True):
        if count in found:
            one = found[count]
            lines.append(
                f"| {count} | {one.rounds:,.0f} | {one.times:.1f} [{one.low:.1f}, {one.high:.1f}] "
                f"| {one.on_cluster:.1f} | {paper:g} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "pending"


def momentum(results: Results) -> str:
    """The table of Adam's β₁, a row a number of shards: mean returns, and what more of it gives."""
    least, most = (arms.MOMENTA[end] for end in (0, -1))
    lines = [
        f"| K | {' | '.join(f'β₁ = {each:g}' for each in arms.MOMENTA)} | {most:g} − {least:g} |",
        f"|---|{'---|' * len(arms.MOMENTA)}---|",
    ]
    for shards, found in verdicts.over_momentum(results).items():
        if len(found) == len(arms.MOMENTA):
            means = (number(one.mean) for one in found.values())
            rise = verdicts.effect(results, *(arms.with_momentum(shards, each) for each in (most, least)))
            lines.append(f"| {shards} | {' | '.join(means)} | {between(rise)} |")
    return "\n".join(lines) if len(lines) > 2 else "pending"
