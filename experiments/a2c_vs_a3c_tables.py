"""What the results of ``experiments.a2c_vs_a3c`` say: intervals, tables, plots, and the page that holds them."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxac.intervals import interval

PAGE = Path(__file__).with_name("a2c_vs_a3c.md")
MARKERS = ("<!-- tables, written by the experiment -->", "<!-- end of the tables -->")
A2C = "A2C, synchronous mean"
"""The arm that all others are held against."""


def at_seconds(result: dict[str, Any], seconds: float) -> np.ndarray:
    """[seeds] the returns after so many seconds of one run, interpolated between evaluations."""
    steps = np.array(result["env_steps"])
    when = steps / steps[-1] * result["seconds_per_run"]
    return np.array([np.interp(seconds, when, curve) for curve in result["returns"]])


def row(name: str, result: dict[str, Any], a2c: dict[str, Any]) -> str:
    """A line of the table."""
    curves = np.array(result["returns"])
    final, area = curves[:, -1], curves.mean(axis=1)
    low, high = interval(area)
    first = np.array([np.argmax(curve >= 475) if (curve >= 475).any() else len(curve) for curve in curves])
    collapsed = [(curve[start:] < 400).any() for start, curve in zip(first, curves, strict=True)]
    difference = interval(area - np.array(a2c["returns"]).mean(axis=1))
    seconds = min(result["seconds_per_run"], a2c["seconds_per_run"])
    at_equal_time = at_seconds(result, seconds) - at_seconds(a2c, seconds)
    timed = interval(at_equal_time)
    cells = [
        name,
        f"{result['learning_rate']:.2g}",
        f"{result['staleness']:.1f}",
        f"{area.mean():.0f} [{low:.0f}, {high:.0f}]",
        f"[{difference[0]:+.0f}, {difference[1]:+.0f}]",
        f"{final.mean():.0f}",
        f"{np.mean(final >= 475):.0%}",
        f"{np.mean(collapsed):.0%}",
        f"{result['seconds_per_run']:.2f}",
        f"[{timed[0]:+.0f}, {timed[1]:+.0f}]",
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "| arm | η | staleness | mean return [95%] | minus A2C [95%] | at the end | solved | collapsed | s a run "
    "| minus A2C at equal seconds [95%] |\n|---|---|---|---|---|---|---|---|---|---|"
)


def table(results: dict[str, Any]) -> str:
    """Every arm, group by group."""
    lines = []
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
            bounds = np.array([interval(column) for column in values.T])
            (line,) = curves.plot(steps, values.mean(axis=0), label=name, linewidth=1.2)
            curves.fill_between(steps, *bounds.T, color=line.get_color(), alpha=0.15, linewidth=0)
    curves.set(xlabel="million environment steps", ylabel="evaluation return", title="The ladder (mean, 95%)")
    curves.legend(fontsize=6.5)
    for axes, group, label in zip(
        knobs, ("shards", "delays"), ("shards K", "delay of pulls, in versions"), strict=True
    ):
        for correction in corrections:
            chosen = [r for r in results.values() if r["group"] == group and r["correction"] == correction]
            if chosen:
                areas = [np.array(result["returns"]).mean(axis=1) for result in chosen]
                means, bounds = [area.mean() for area in areas], np.array([interval(area) for area in areas])
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
    PAGE.write_text(f"{before}{MARKERS[0]}\n{text}\n\n{MARKERS[1]}{after}")
