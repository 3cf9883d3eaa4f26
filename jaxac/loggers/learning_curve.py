"""The learning curve: return against environment steps, as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxac import names

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_MARGIN = 0.15  # of the axis, beyond what the means need


def save(rows: list[dict[str, Any]], title: str, threshold: float | None, path: Path) -> Path:
    """Plots returns of training episodes and of evaluations against environment steps.

    Args:
        rows: rows of ``metrics.jsonl``.
        title: title of the plot.
        threshold: the return that counts as solved; None if it is not known.
        path: the file to write.

    Returns:
        ``path``.
    """
    from matplotlib.figure import Figure  # slow to import; without pyplot, which would look for a screen
    from matplotlib.ticker import EngFormatter

    figure = Figure(figsize=(7, 4), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    styles: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (names.EPISODE_RETURN, "training episodes", {"color": "0.65", "linewidth": 1}),
        (names.RETURN, "evaluation", {"color": "C0", "marker": "o", "markersize": 3}),
    )
    for name, label, style in styles:
        points = [(row[names.ENV_STEPS], row[name]) for row in rows if row.get(name) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, **style)
            _mark_where_fewer_train(axes, name, rows)
    if threshold is not None:
        axes.axhline(threshold, color="C2", linewidth=1, linestyle="--", label=f"solved ({threshold:g})")
    for name, _, style in styles:
        _draw_band(axes, name, rows, style["color"])
    axes.set(title=title, xlabel="environment steps", ylabel="episode return")
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    figure.savefig(path)
    return path


def _draw_band(axes: "Axes", name: str, rows: list[dict[str, Any]], color: str) -> None:
    """The interval over seeds, as far as it fits: of two or three seeds it may reach far beyond all returns."""
    lower, upper = names.bounds(name)
    band = [(row[names.ENV_STEPS], row[lower], row[upper]) for row in rows if row.get(lower) is not None]
    if band:
        bottom, top = axes.get_ylim()
        margin = _MARGIN * (top - bottom)
        steps, lows, highs = zip(*band, strict=True)
        axes.fill_between(steps, lows, highs, color=color, alpha=0.2, linewidth=0)
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, bottom - margin), min(high, top + margin))


def _mark_where_fewer_train(axes: "Axes", name: str, rows: list[dict[str, Any]]) -> None:
    """A vertical line where the first of several seeds has ended: from there training episodes are of the others."""
    most = max((row.get(names.SEEDS, 1) for row in rows), default=1)
    fewer = [row[names.ENV_STEPS] for row in rows if row.get(names.SEEDS, most) < most]
    if fewer and name == names.EPISODE_RETURN:
        label = "from here fewer seeds train"
        axes.axvline(fewer[0], color="0.65", linewidth=1, linestyle=":", label=label)
