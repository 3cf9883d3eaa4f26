"""Intervals, tables and plots of the results of ``experiments.a2c_vs_a3c``, and the page that holds them."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments import choice
from experiments.choice import Candidate, Tuned
from experiments.claims import verdicts
from experiments.claims.arms import A2C, NULL
from experiments.claims.verdicts import SOLVED
from jaxac.intervals import band
from jaxac.report.statistics import collapses

PAGE = Path(__file__).with_name("a2c_vs_a3c.md")
MARKERS = ("<!-- tables, written by the experiment -->", "<!-- end of the tables -->")
_TUNING_SEEDS = 10  # of results whose scores were not saved seed by seed


def areas(result: dict[str, Any]) -> np.ndarray:
    """[seeds] the mean return over a run's evaluations."""
    return np.array(result["returns"]).mean(axis=1)


def tuned(result: dict[str, Any]) -> Tuned:
    """An arm's mean return, as far as it depends on the choice of its rate.

    Of earlier results only the mean score of each rate was saved: the scores' spread over seeds is then taken to be
    that of the rate that was chosen, and a rate that was not evaluated stands with its score.
    """
    if "candidates" in result:
        return verdicts.tuned(result)
    own = areas(result)
    error = own.std(ddof=1) / np.sqrt(_TUNING_SEEDS)
    scores = [score for *_, score in result["tuning"]]
    return choice.tuned([Candidate(score, error, own if score == max(scores) else None) for score in scores])


def row(name: str, result: dict[str, Any], a2c: dict[str, Any]) -> str:
    """A line of the table."""
    curves, one = np.array(result["returns"]), tuned(result)
    final, (low, high) = curves[:, -1], choice.interval(one)
    less, more = choice.difference(one, tuned(a2c))
    null = ", the null control" if name == NULL else ""
    cells = [
        name + null,
        f"{result['learning_rate']:.2g} ({one.shares.max():.0%})",
        f"{result['staleness']:.1f}",
        f"{areas(result).mean():.0f}",
        f"{one.mean:.0f} [{low:.0f}, {high:.0f}]",
        "" if result["overrides"] == a2c["overrides"] else f"[{less:+.0f}, {more:+.0f}]",
        f"{final.mean():.0f}",
        f"{np.mean(final >= SOLVED):.0%}",
        f"{np.mean([collapses(curve, SOLVED) for curve in curves]):.0%}",
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "| arm | η (chosen in) | staleness | at that η | mean return [95%] | minus A2C [95%] | at the end | solved "
    "| collapsed |\n|---|---|---|---|---|---|---|---|---|"
)


def comparisons(results: dict[str, Any]) -> int:
    """The number of different arms that are held against A2C."""
    return len({tuple(result["overrides"]) for result in results.values()}) - 1


def table(results: dict[str, Any]) -> str:
    """The table of all arms of the comparison in Markdown, a row each, group by group."""
    number = comparisons(results)
    lines = [
        f"{number} different arms are held against A2C, each by an interval of its own: of so many, at 95%, about "
        f"{number / 20:.0f} would miss the truth by chance."
    ]
    for group in dict.fromkeys(result["group"] for result in results.values()):
        lines += [f"\n**{group}**\n", HEADER]
        lines += [row(name, result, results[A2C]) for name, result in results.items() if result["group"] == group]
    return "\n".join(lines)


def plot(results: dict[str, Any], corrections: list[str], path: Path) -> None:
    """Learning curves of the ladder, and mean return against shards and delays."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained", dpi=110)
    curves, *knobs = figure.subplots(1, 3)
    for name, result in results.items():
        if result["group"] == "ladder":
            values, steps = np.array(result["returns"]), np.array(result["env_steps"]) / 1e6
            (line,) = curves.plot(steps, values.mean(axis=0), label=name, linewidth=1.2)
            curves.fill_between(steps, *band(values), color=line.get_color(), alpha=0.15, linewidth=0)
    curves.set(
        xlabel="million environment steps",
        ylabel="evaluation return",
        title="The ladder, at the rates chosen (mean, 95%)",
    )
    curves.legend(fontsize=6.5)
    for axes, group, label in zip(
        knobs, ("shards", "delays"), ("shards K", "delay of pulls, in versions"), strict=True
    ):
        for correction in corrections:
            chosen = [r for r in results.values() if r["group"] == group and r["correction"] == correction]
            if chosen:
                arms = [tuned(result) for result in chosen]
                means, bounds = [one.mean for one in arms], np.array([choice.interval(one) for one in arms])
                errors = np.abs(bounds.T - np.array(means))
                axes.errorbar([r["abscissa"] for r in chosen], means, errors, marker="o", capsize=2, label=correction)
        axes.set(xlabel=label, ylabel="mean return over the run", title=f"{group.capitalize()}, with corrections")
        if axes.has_data():
            axes.legend(title="correction", fontsize=7)
    knobs[0].set_xscale("log", base=2)
    for axes in (curves, *knobs):
        axes.grid(alpha=0.3)
    figure.savefig(path)


def write_page(text: str) -> None:
    """Puts the tables into the page that reads them, between its markers."""
    before, rest = PAGE.read_text().split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    PAGE.write_text(f"{before}{MARKERS[0]}\n\n{text}\n\n{MARKERS[1]}{after}")
