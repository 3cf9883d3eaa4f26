"""Percentile bootstrap intervals of means (Efron 1979; SciPy)."""

import numpy as np
from scipy import stats


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95% bootstrap interval of the mean of ``values [N]``, the same at every call.

    >>> interval(np.array([3.0, 3.0]))
    (3.0, 3.0)
    >>> low, high = interval(np.array([1.0, 2.0, 3.0]))
    >>> 1.0 <= low < 2.0 < high <= 3.0
    True
    """
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


def band(values: np.ndarray, resamples: int = 999) -> tuple[np.ndarray, np.ndarray]:
    """The 95% bootstrap intervals of means over rows, the same at every call.

    Whole rows are drawn, so that neighboring points come from the same resamples.

    >>> low, high = band(np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]]))
    >>> bool(low[0] < 2.0 < high[0]), float(low[1]), float(high[1])
    (True, 5.0, 5.0)

    Args:
        values: [N, points], N at least 2.
        resamples: number of resamples.

    Returns:
        The lower and the upper bounds, each ``[points]``.
    """
    found = stats.bootstrap(
        (values,), np.mean, axis=0, n_resamples=resamples, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)
