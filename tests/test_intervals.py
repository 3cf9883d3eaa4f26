"""How often intervals hold the true mean."""

import numpy as np
import pytest
from scipy import stats

from jaxac.intervals import band, interval

REPEATS = 20_000
NOISE = 4 * np.sqrt(0.95 * 0.05 / REPEATS)
"""Four standard errors of a share near 0.95: of eight sizes none is farther away in 999 of 1000 simulations."""
SIZES = (2, 3, 4, 5, 8, 10, 20, 30)


def coverage(draws, mean):
    """The share of rows ``draws [repeats, N]`` whose interval holds ``mean``."""
    low, high = band(draws.T)
    return np.mean((low <= mean) & (mean <= high))


@pytest.mark.parametrize("size", SIZES)
def test_of_few_seeds_as_of_many_19_of_20_hold_the_mean(size):
    draws = np.random.default_rng(size).normal(450, 20, (REPEATS, size))
    assert coverage(draws, 450) == pytest.approx(0.95, abs=NOISE)


@pytest.mark.parametrize("size", SIZES)
def test_where_returns_pile_up_at_a_maximum_few_of_20_more_miss_it(size):
    """A quarter of the seeds has exactly 500. By 200 000 repeats 0.885 at two seeds, 0.91 at three, 0.944 at thirty."""
    generator = np.random.default_rng(size)
    draws = np.minimum(500, generator.normal(490, 15, (REPEATS, size)))
    true = np.minimum(500, generator.normal(490, 15, 1_000_000)).mean()
    assert coverage(draws, true) > (0.87 if size == 2 else 0.895)


def test_one_interval_is_that_of_scipy():
    values = np.array([431.0, 470.5, 402.25, 500.0])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((expected.low, expected.high))
