"""Figures of a report in Matplotlib: common parts, marginals, parallel coordinates, importance."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from jaxac import names
from jaxac.report.importance import Importance
from jaxac.report.statistics import Outcome
from jaxac.report.trials import is_numeric, show, spans_decades

SHOWN = 8
"""Number of trials with a color of their own; the others are faint."""
_DPI = 180
_WIDTH = 4.4  # inches: read at 330 pixels on a phone, so that letters stay letters
_LABEL = 42  # letters of a legend
_TICKS = 0.09  # of the axis between the ticks of two values, at least
_BESIDE = 6 / 72  # inches that runs stand left of their mean
AXES = {names.ENV_STEPS: "environment steps", names.SECONDS: "seconds of training"}
"""Labels of the axes that training is drawn against, by metric."""


@dataclass(frozen=True)
class Picture:
    """A figure with its caption."""

    name: str
    """Name of its file, without ``.png``."""
    caption: str
    """The caption under the figure."""
    alt: str
    """A description for readers who cannot see the figure."""
    png: bytes
    """The image."""


def new_figure(height: float) -> tuple[Figure, Axes]:
    """An empty figure of a given height in inches, with one pair of axes."""
    figure = Figure(figsize=(_WIDTH, height), layout="constrained", dpi=_DPI)
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def picture(figure: Figure, name: str, caption: str, alt: str) -> Picture:
    """Renders a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return Picture(name, caption, alt, buffer.getvalue())


def progress_axis(axes: Axes, against: str) -> None:
    """Sets up the x-axis of training: environment steps with units, as 1.5 M, or seconds."""
    axes.set_xlabel(AXES[against])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if against == names.ENV_STEPS:
        axes.xaxis.set_major_formatter(EngFormatter())


def legend(figure: Figure, entries: int) -> None:
    """Adds a legend under the axes, where long labels have room; the figure grows by its height."""
    figure.set_figheight(figure.get_figheight() + 0.23 * entries)
    figure.legend(loc="outside lower left", fontsize=10, frameon=False)


def legend_label(outcome: Outcome) -> str:
    """A trial's number and label, cut to the width of a legend."""
    label = outcome.trial.label
    return f"#{outcome.trial.number} {label if len(label) <= _LABEL else label[: _LABEL - 1] + '…'}"


def marginals(outcomes: list[Outcome], env: str) -> list[Picture]:
    """Draws final return against each swept setting: every run, and every trial's mean with its interval."""
    ended = [outcome for outcome in outcomes if outcome.mean is not None]
    pictures = []
    for name in outcomes[0].trial.swept if len(ended) > 1 else ():
        figure, axes = new_figure(2.7)
        positions = scale(axes, name, [outcome.trial.swept[name] for outcome in ended])
        for x, outcome in zip(positions, ended, strict=True):
            beside = axes.transData + ScaledTranslation(-_BESIDE, 0, figure.dpi_scale_trans)
            points = [x] * len(outcome.finals), outcome.finals
            axes.plot(*points, "o", color="0.35", markersize=3, alpha=0.6, zorder=2, transform=beside)
            final_return(axes, x, outcome)
        axes.set(ylabel="final return")
        caption = f"Final return against {name}: runs in grey, right of them their mean with its 95% interval in blue."
        pictures.append(picture(figure, f"{env}_marginal_{name}", caption, f"Scatter plot. {caption}"))
    return pictures


def final_return(axes: Axes, x: float, outcome: Outcome) -> None:
    """Draws a point for a trial's mean final return, with its interval."""
    mean = outcome.mean or 0.0
    low, high = outcome.bounds or (mean, mean)
    # Of equal values the bounds can lie a rounding error on the wrong side of the mean.
    errors = [[max(0.0, mean - low)], [max(0.0, high - mean)]]
    axes.errorbar(x, mean, errors, fmt="o", color="C0", alpha=0.8, capsize=3, zorder=3)


def scale(axes: Axes, name: str, values: Sequence[Any]) -> list[float]:
    """Sets up the x-axis for a setting's values, logarithmic or categorical if need be; returns their positions."""
    axes.set_xlabel(name)
    if not is_numeric(values):
        names = sorted(set(map(show, values)))
        axes.set_xticks(range(len(names)), names, rotation=20 if max(map(len, names)) > 8 else 0)
        axes.set_xlim(-0.5, len(names) - 0.5)
        return [float(names.index(show(value))) for value in values]
    positive = [value for value in values if value > 0]
    if spans_decades(values):
        axes.set_xscale("log")
    elif positive and min(values) == 0 and spans_decades(positive):  # zero has its place too
        axes.set_xscale("symlog", linthresh=min(positive))
    _tick(axes, sorted({float(value) for value in values}))
    return [float(value) for value in values]


def _tick(axes: Axes, values: list[float]) -> None:
    """Puts ticks at the values themselves, ``values`` in order, less those that would run into the one before."""
    places = axes.xaxis.get_transform().transform(np.array(values))
    width, ticks = float(np.ptp(places)) or 1.0, [0]
    for at in range(1, len(values)):
        if places[at] - places[ticks[-1]] >= _TICKS * width:
            ticks.append(at)
    axes.xaxis.set_major_locator(FixedLocator([values[at] for at in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([show(values[at]) for at in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())


def parallel_coordinates(outcomes: list[Outcome], env: str) -> Picture | None:
    """Draws every trial as a line through its settings, colored by final return; None unless two settings vary."""
    ended = [outcome for outcome in outcomes if outcome.mean is not None]
    names = list(outcomes[0].trial.swept)
    if len(names) < 2 or len(ended) < 3:
        return None
    figure, axes = new_figure(3.0)
    axes.grid(visible=False)
    heights = [_heights(axes, at, [outcome.trial.swept[name] for outcome in ended]) for at, name in enumerate(names)]
    means = np.array([outcome.mean for outcome in ended])
    low, high = means.min(), max(means.max(), means.min() + 1e-9)
    colors = ScalarMappable(Normalize(low, high), colormaps["viridis"])
    for line, mean in sorted(zip(zip(*heights, strict=True), means, strict=True), key=lambda pair: pair[1]):
        axes.plot(range(len(names)), line, color=colors.to_rgba(mean), linewidth=1.5, alpha=0.85)
    axes.set_xticks(range(len(names)), [name.replace(".", ".\n") for name in names], fontsize=7)
    axes.set(yticks=[], ylim=(-0.08, 1.08), xlim=(-0.3, len(names) - 0.6))
    axes.spines[:].set_visible(False)
    figure.colorbar(colors, ax=axes, label="final return")
    caption = (
        "Every trial is a line through its settings, from the lowest to the highest value; color is its final return."
    )
    return picture(
        figure, f"{env}_parallel_coordinates", caption, f"Parallel coordinates of {', '.join(names)}. {caption}"
    )


def _heights(axes: Axes, at: int, values: list[Any]) -> np.ndarray:
    """Draws a vertical axis at ``at``; returns [N] heights of the values on it, between 0 and 1."""
    axes.axvline(at, color="0.7", linewidth=1, zorder=0)
    if is_numeric(values):
        numbers = np.array(values, float)
        if spans_decades(values):
            numbers = np.log(numbers)
    else:
        numbers = np.unique([show(value) for value in values], return_inverse=True)[1].astype(float)
    heights = (numbers - numbers.min()) / (np.ptp(numbers) or 1)
    for height, value in dict(zip(heights, values, strict=True)).items():
        axes.annotate(show(value), (at, height), xytext=(3, 2), textcoords="offset points", fontsize=7, zorder=5)
    return heights


def importance_bars(found: Importance, env: str) -> Picture:
    """Draws the importance of each setting as a bar."""
    figure, axes = new_figure(1.2 + 0.35 * len(found.names))
    axes.barh(found.names, found.mean, xerr=found.std, color="C0", alpha=0.8, capsize=3)
    axes.invert_yaxis()
    axes.set(xlabel="loss of R² when the setting is shuffled")
    caption = "Permutation importance in a random forest; bars are means over shuffles, whiskers standard deviations."
    values = ", ".join(f"{name} {mean:.2g}" for name, mean in zip(found.names, found.mean, strict=True))
    return picture(figure, f"{env}_importance", caption, f"Bar chart. {caption} {values}.")
