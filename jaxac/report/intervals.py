"""Bootstrap intervals of means (SciPy)."""

import numpy as np
from scipy import stats


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95% bootstrap interval of the mean of ``values [N]``."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


def band(values: np.ndarray, resamples: int = 999) -> tuple[np.ndarray, np.ndarray]:
    """The 95% bootstrap intervals of the means over the first axis of ``values [N, points]``, N at least 2.

    Whole rows are drawn, so that neighboring points are of the same resamples.
    """
    found = stats.bootstrap(
        (values,), np.mean, axis=0, n_resamples=resamples, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)
