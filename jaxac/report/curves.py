"""Learning curves: returns of every trial against environment steps or seconds."""

import numpy as np
from matplotlib.axes import Axes

from jaxac.report.plots import AXES, SHOWN, Picture, legend, legend_label, new_figure, picture, progress_axis
from jaxac.report.statistics import EVALUATION, TRAINING, Curve, Outcome, curve

_FAINT = "0.82"
_SAME_SPEED = 1.1
_MARGIN = 0.2  # of the range of the means
_AFTER = {
    EVALUATION: "what completed keeps its last evaluation, what diverged counts with the lowest of all",
    TRAINING: "from there it is the mean of the others",
}
_RETURNS = {EVALUATION: "evaluation return", TRAINING: "return of training episodes"}


def learning_curves(outcomes: list[Outcome], against: str, env: str) -> Picture | None:
    """Draws every trial's mean return with its 95% interval over seeds; None without returns.

    Args:
        outcomes: the trials' outcomes, best first; those after the first few are faint.
        against: ``env_steps`` or ``time/seconds``.
        env: the environment's name, for the file's name.
    """
    metric = curve_metric(outcomes)
    curves = [
        (outcome, found) for outcome in outcomes if (found := curve(outcome.trial, metric, against, outcome.failure))
    ]
    if not curves:
        return None
    figure, axes = new_figure(3.0)
    for rank, (outcome, found) in enumerate(curves[:SHOWN]):
        _draw(axes, found, f"C{rank}", legend_label(outcome))
    for _, found in curves[SHOWN:]:
        axes.plot(found.x, found.mean, color=_FAINT, linewidth=0.8, zorder=1)
    threshold = outcomes[0].trial.runs[0].threshold
    if threshold is not None:
        _draw_threshold(axes, threshold)
    _fit(axes, [*(found.mean for _, found in curves), np.array([] if threshold is None else [threshold])])
    axes.set_ylabel(_RETURNS[metric])
    progress_axis(axes, against)
    legend(figure, min(len(curves), SHOWN) + (threshold is not None))
    which = f"the best {SHOWN} of {len(curves)} trials in color, the others faint"
    caption = (
        f"{_RETURNS[metric].capitalize()} against {AXES[against]}: mean over seeds and its 95% interval (Student's t), "
        f"{which if len(curves) > SHOWN else 'all trials'}. Dotted: some of the trial's runs "
        f"have ended before; {_AFTER[metric]}."
    )
    return picture(
        figure, f"{env}_curves_{against.rsplit('/')[-1]}", caption, f"Learning curves. {caption} {_best(outcomes)}"
    )


def _fit(axes: Axes, means: list[np.ndarray]) -> None:
    """Fits the y-axis to means and threshold: intervals of two or three seeds may reach far beyond all returns."""
    shown = np.concatenate(means)
    lowest, highest = shown.min(), shown.max()
    margin = _MARGIN * (highest - lowest)
    low, high = axes.get_ylim()
    if margin:
        axes.set_ylim(max(low, lowest - margin), min(high, highest + margin))


def speeds_differ(outcomes: list[Outcome]) -> bool:
    """True if trials ran at speeds so different that their curves against seconds are others than against steps."""
    rates = [outcome.sps for outcome in outcomes if outcome.sps]
    return bool(rates) and max(rates) > _SAME_SPEED * min(rates)


def curve_metric(outcomes: list[Outcome]) -> str:
    """The metric to draw: evaluations if any run has more than its final one, else training episodes."""
    runs = [run for outcome in outcomes for run in outcome.trial.runs]
    return EVALUATION if any(run.series(EVALUATION)[0].size > 1 for run in runs) else TRAINING


def _draw(axes: Axes, found: Curve, color: str, label: str) -> None:
    """Draws the mean, solid where all runs continue, and its interval."""
    axes.fill_between(found.x, found.low, found.high, color=color, alpha=0.18, linewidth=0, zorder=2)
    axes.plot(found.x, found.mean, color=color, linewidth=1, linestyle=":", zorder=3)
    whole = np.where(found.complete, found.mean, np.nan)
    marker = "o" if found.complete.sum() < 2 else None
    axes.plot(found.x, whole, color=color, linewidth=1.6, marker=marker, label=label, zorder=3)


def _draw_threshold(axes: Axes, threshold: float) -> None:
    # Named in the legend: a label at the line would lie where every solved run does.
    axes.axhline(threshold, color="0.3", linewidth=1, linestyle="--", zorder=1, label=f"solved: {threshold:g}")


def _best(outcomes: list[Outcome]) -> str:
    first = outcomes[0]
    return "" if first.mean is None else f"Trial {first.trial.number} ends highest, at {first.mean:.4g}."
