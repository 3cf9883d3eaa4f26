"""Permutation importance of settings for the final return, in a random forest (Breiman 2001; scikit-learn)."""

from dataclasses import dataclass

import numpy as np

from jaxac.report.statistics import Outcome
from jaxac.report.trials import is_numeric, show

_MIN_TRIALS = 6
_FOLDS = 5
_TREES = 200
_REPEATS = 30


@dataclass(frozen=True)
class Importance:
    """Loss of a forest's R² when one setting's values are shuffled among the runs that the forest was fitted to."""

    names: tuple[str, ...]
    """Names of the settings, the most important first."""
    mean: np.ndarray
    """[settings] mean loss over the shuffles, in the order of ``names``."""
    std: np.ndarray
    """[settings] standard deviation of the loss over the shuffles."""
    held_out_r2: float
    """R² of forests on trials that they have not seen; at 0 or below the settings predict nothing."""
    runs: int
    """Number of runs with a final return."""
    trials: int
    """Number of trials with a final return."""


def importance(outcomes: list[Outcome]) -> Importance | str:
    """Importance of every swept setting, over all final returns; or one sentence on why it is left out."""
    ended = [outcome for outcome in outcomes if outcome.finals]
    names = list(ended[0].trial.swept) if ended else []
    features = np.array([_codes([outcome.trial.swept[name] for outcome in ended]) for name in names])  # [settings, N]
    varies = np.array([np.ptp(column) > 0 for column in features], bool)
    if not varies.any():
        return "No setting varies among the trials that have ended, so none can be called important."
    if len(ended) < _MIN_TRIALS:
        return (
            f"Importance of settings is left out: {len(ended)} trials with final returns are too few to tell "
            f"(at least {_MIN_TRIALS} are asked for)."
        )
    finals = np.concatenate([outcome.finals for outcome in ended])
    if np.ptp(finals) == 0:
        return "All final returns are the same, so no setting can be called important."
    counts = [len(outcome.finals) for outcome in ended]
    chosen = [name for name, there in zip(names, varies, strict=True) if there]
    return _fit(chosen, np.repeat(features[varies].T, counts, axis=0), finals, np.repeat(np.arange(len(ended)), counts))


def _fit(names: list[str], inputs: np.ndarray, finals: np.ndarray, trials: np.ndarray) -> Importance:
    """Fits the forest and shuffles the settings.

    Args:
        names: names of the settings.
        inputs: [runs, settings] their values.
        finals: [runs] final returns.
        trials: [runs] the number of every run's trial.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    forest = RandomForestRegressor(_TREES, random_state=0)
    folds = GroupKFold(_FOLDS)
    held_out = float(r2_score(finals, cross_val_predict(forest, inputs, finals, groups=trials, cv=folds)))
    found = permutation_importance(forest.fit(inputs, finals), inputs, finals, n_repeats=_REPEATS, random_state=0)
    order = np.argsort(-found.importances_mean)
    return Importance(
        tuple(names[index] for index in order),
        found.importances_mean[order],
        found.importances_std[order],
        held_out,
        len(finals),
        len(np.unique(trials)),
    )


def _codes(values: list[object]) -> np.ndarray:
    """[N] a setting's values as floats: numbers as they are, categories by their rank among the names."""
    if is_numeric(values):
        return np.array(values, float)
    return np.unique([show(value) for value in values], return_inverse=True)[1].astype(float)
