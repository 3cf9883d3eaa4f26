"""The page and the figure of :mod:`experiments.table`."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from experiments.table_rows import ROWS
from jaxac import intervals

PAGE = Path("docs/results/table.md")
FIGURE = Path("docs/assets/table.png")
_HEAD = """\
# Scores

A2C on many tasks. Every number is of seeds that nothing was tuned on; a seed's score is the mean return of 256 fresh
episodes after training, with actions sampled from the policy, and *greedy* with the most probable ones. The interval of
the mean is Student's t over seeds, that of the interquartile mean (IQM) a percentile bootstrap, both at 95%. *Worst* is
the seed with the lowest score. A seed *collapsed* if it reached the task's threshold and a later evaluation was more
than 10% below it. *Seconds* are those of all seeds' training together, without compilation, on two cores that had other
work as well: they are upper bounds.

Scores of others, listed with their sources below, are as published, mostly of one run or of one checkpoint, some of
other algorithms: that is no comparison of algorithms. MinAtar is gymnax's, without sticky actions and with a limit of
1000 steps; scores by MinAtar's own rules are others.

"""
_COLUMNS = ("task", "steps", "seeds", "mean", "others", "IQM", "worst", "greedy", "collapsed", "seconds")


def line(name: str, result: dict[str, Any]) -> str:
    """A row of the table in Markdown."""
    found = result["summary"]
    mean, iqm = (f"{_short(at)} [{_short(low)}, {_short(high)}]" for at, low, high in (found["mean"], found["iqm"]))
    lost = "" if found["collapsed"] is None else f"{found['collapsed']:.0%}"
    cells = (
        name,
        f"{result['env_steps'] / 1e6:.3g} M",
        str(found["seeds"]),
        mean,
        ", ".join(f"{each['score']:g}" for each in result["references"]),
        iqm,
        _short(found["worst"]),
        _short(found["greedy"]),
        lost,
        f"{result['seconds']:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _short(score: float) -> str:
    return f"{score:.1f}" if abs(score) >= 10 else f"{score:.2f}"


def _others(results: dict[str, Any]) -> list[str]:
    """The table of what others have published, in Markdown."""
    return [
        "| task | score | of | steps | seeds |",
        "|---" * 5 + "|",
        *(
            f"| {name} | {each['score']:g} | {each['who']} | {each['steps']} | {each['seeds']} |"
            for name, result in results.items()
            for each in result["references"]
        ),
    ]


def write(results: dict[str, Any]) -> Path:
    """Writes the page and the figure; returns the page's path."""
    known = {name: results[name] for name in ROWS if name in results}
    lines = [_HEAD, f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    lines += [line(name, result) for name, result in known.items()]
    missing = [name for name, row in ROWS.items() if name not in known and not row.pending]
    pending = [f"{name} ({row.pending})" for name, row in ROWS.items() if row.pending]
    lines += ["", f"Not trained yet: {'; '.join(missing)}." if missing else "", f"Pending: {'; '.join(pending)}.", ""]
    if known:
        figure(known)
        lines += [f"![Curves of every task](../assets/{FIGURE.name})", ""]
    lines += ["## Scores of others", "", *_others(known), ""]
    lines += ["## Commands", "", "The table is made by `python -m experiments.table`, a row by:", "", "```bash"]
    lines += [f"{result['command']}   # {name}" for name, result in known.items()]
    lines += ["```", ""]
    PAGE.write_text("\n".join(lines))
    return PAGE


def figure(results: dict[str, Any]) -> None:
    """Draws the mean over seeds of every task's evaluations, with its 95% band and the best score of others."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = 4
    rows = -(-len(results) // columns)
    drawing, axes = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.4 * rows), squeeze=False)
    for axis in axes.ravel()[len(results) :]:
        axis.set_axis_off()
    for axis, (name, result) in zip(axes.ravel(), results.items(), strict=False):
        steps, returns = np.asarray(result["curve"]["env_steps"]) / 1e6, np.asarray(result["curve"]["returns"])
        axis.plot(steps, returns.mean(axis=0), color="black")
        if len(returns) > 1:
            axis.fill_between(steps, *intervals.band(returns), color="0.8", linewidth=0)
        for reference in result["references"]:
            axis.axhline(reference["score"], color="0.4", linestyle=":", linewidth=1)
        axis.set_title(textwrap.shorten(name, 30), fontsize=9)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    drawing.supxlabel("million environment steps", fontsize=9)
    drawing.supylabel("mean return; dotted: scores of others", fontsize=9)
    drawing.tight_layout()
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(FIGURE, dpi=110)
    plt.close(drawing)
