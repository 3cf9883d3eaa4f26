"""Staleness in A3C's runs: totals per trial, and figures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from jaxac import names
from jaxac.report.plots import (
    SHOWN,
    Picture,
    final_return,
    legend,
    legend_label,
    new_figure,
    picture,
    progress_axis,
)
from jaxac.report.read import Run
from jaxac.report.statistics import Outcome, curve


@dataclass(frozen=True)
class Staleness:
    """Counts of a trial's pushes, over all of its runs and rows."""

    outcome: Outcome
    """The trial and its returns."""
    histogram: np.ndarray
    """[versions] number of gradients that were 0, 1, 2, … versions old."""
    dropped: int
    """Number of pushes dropped because they were too old."""
    forced: int
    """Number of pulls made because a gradient would have been too old."""
    idle_share: float | None
    """Mean over runs of the share of the threads' time that they waited; None in virtual time."""
    contention: float | None
    """Mean over runs of the share of pushes that found the lock taken; None in virtual time."""

    @property
    def mean(self) -> float:
        """Mean staleness, in versions."""
        return float(np.average(np.arange(self.histogram.size), weights=self.histogram))


def staleness(outcomes: list[Outcome]) -> list[Staleness]:
    """The staleness of each trial whose runs counted any."""
    found = []
    for outcome in outcomes:
        runs = outcome.trial.runs
        histogram = total_histogram(runs)
        if histogram.sum():
            dropped, forced = (int(_total(runs, name)) for name in (names.PUSHES_DROPPED, names.PULLS_FORCED))
            idle, contention = (_mean(runs, name) for name in (names.IDLE_SHARE, names.CONTENTION))
            found.append(Staleness(outcome, histogram, dropped, forced, idle, contention))
    return found


def total_histogram(runs: tuple[Run, ...]) -> np.ndarray:
    """[versions] sum of the histograms of all rows."""
    rows: list[list[int]] = [row.get(names.HISTOGRAM) or [] for run in runs for row in run.rows]
    total = np.zeros(max(map(len, rows)), int)
    for counts in rows:
        total[: len(counts)] += np.array(counts, int)
    return total


def _total(runs: tuple[Run, ...], name: str) -> float:
    return sum(run.series(name)[1].sum() for run in runs)


def _mean(runs: tuple[Run, ...], name: str) -> float | None:
    values = [own.mean() for run in runs if (own := run.series(name)[1]).size]
    return float(np.mean(values)) if values else None


def pictures(found: list[Staleness], env: str) -> list[Picture]:
    """Draws histograms of staleness, staleness over training, and final return against staleness."""
    made = [_histograms(found[:SHOWN], len(found), env), _over_training(found[:SHOWN], len(found), env)]
    ended = [one for one in found if one.outcome.mean is not None]
    return [*made, _returns(ended, env)] if len(ended) > 1 else made


def _which(shown: list[Any], total: int) -> str:
    return f" The best {len(shown)} of {total} trials." if total > len(shown) else ""


def _histograms(shown: list[Staleness], total: int, env: str) -> Picture:
    figure, axes = new_figure(2.7)
    for rank, one in enumerate(shown):
        shares = one.histogram / one.histogram.sum()
        axes.stairs(
            shares,
            np.arange(shares.size + 1) - 0.5,
            color=f"C{rank}",
            linewidth=1.5,
            fill=len(shown) == 1,
            label=legend_label(one.outcome),
        )
    axes.set(xlabel="staleness, in versions", ylabel="share of gradients")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    legend(figure, len(shown))
    caption = f"Staleness of the gradients that the server used, over all rows and seeds.{_which(shown, total)}"
    means = ", ".join(f"trial {one.outcome.trial.number} {one.mean:.3g}" for one in shown)
    return picture(figure, f"{env}_staleness_histogram", caption, f"Histogram. {caption} Means: {means}.")


def _over_training(shown: list[Staleness], total: int, env: str) -> Picture:
    figure, axes = new_figure(2.7)
    for rank, one in enumerate(shown):
        line = curve(one.outcome.trial, names.STALENESS, names.ENV_STEPS)
        if line is not None:
            axes.fill_between(line.x, line.low, line.high, color=f"C{rank}", alpha=0.18, linewidth=0)
            axes.plot(line.x, line.mean, color=f"C{rank}", linewidth=1.5, label=legend_label(one.outcome))
    axes.set(ylabel="mean staleness, in versions", ylim=(0, None))
    progress_axis(axes, names.ENV_STEPS)
    legend(figure, len(shown))
    caption = f"Mean staleness over training, with its 95% interval over seeds.{_which(shown, total)}"
    return picture(figure, f"{env}_staleness_over_training", caption, f"Line chart. {caption}")


def _returns(ended: list[Staleness], env: str) -> Picture:
    figure, axes = new_figure(2.7)
    for one in ended:
        final_return(axes, one.mean, one.outcome)
        axes.annotate(
            f"#{one.outcome.trial.number}",
            (one.mean, one.outcome.mean or 0.0),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set(xlabel="mean staleness, in versions", ylabel="final return")
    caption = "Final return against mean staleness, a point per trial, with 95% intervals."
    return picture(figure, f"{env}_return_against_staleness", caption, f"Scatter plot. {caption}")
