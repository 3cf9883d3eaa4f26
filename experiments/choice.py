"""Intervals of what was tuned before it was measured, which contain the choice of the candidate.

A procedure trains every candidate on some seeds, takes the one with the highest mean score, and trains that one on
other seeds. Done again with new seeds it may take another, so the interval of its result is wider than that of the
one candidate it happened to take. Here the scores are drawn again, with their standard errors, to see how often each
is taken; the variance of the results over these choices is added to the variance over evaluation seeds, and the
interval is Student's t of both (:mod:`jaxac.intervals`).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

DRAWS = 20_000


class Candidate(NamedTuple):
    """One of the things to choose from."""

    score: float
    """Mean score over the tuning seeds."""
    error: float
    """Standard error of that mean."""
    results: np.ndarray | None
    """[seeds] results on the evaluation seeds; None if it was not evaluated, and its score has to stand for them."""


class Tuned(NamedTuple):
    """A procedure's result, as far as it depends on the choice."""

    shares: np.ndarray
    """[candidates] how often each is chosen, when the tuning seeds are drawn again."""
    values: np.ndarray
    """[candidates] the mean result of each."""
    variances: np.ndarray
    """[candidates] the variance of that mean."""
    results: np.ndarray
    """[seeds] results of the candidate that was chosen."""

    @property
    def mean(self) -> float:
        """Mean result over the choices."""
        return float(self.shares @ self.values)

    @property
    def choice_variance(self) -> float:
        """Variance of the result over the choices."""
        return float(self.shares @ (self.values - self.mean) ** 2)

    @property
    def variance(self) -> float:
        """Variance of the mean result: over evaluation seeds, and over the choices."""
        return float(self.shares @ self.variances) + self.choice_variance


def shares(scores: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """[candidates] how often each has the highest score, given means and standard errors ``[candidates]``."""
    drawn = np.random.default_rng(0).normal(scores, errors, (DRAWS, len(scores)))
    return np.bincount(drawn.argmax(axis=1), minlength=len(scores)) / DRAWS


def tuned(candidates: list[Candidate]) -> Tuned:
    """The mean and the interval of a result whose learning rate was chosen among ``candidates`` by their scores.

    The candidate with the highest score has results.
    """
    chosen = max(candidates, key=lambda each: each.score)
    assert chosen.results is not None
    measured = [
        (each.score, each.error**2)
        if each.results is None
        else (each.results.mean(), each.results.var(ddof=1) / each.results.size)
        for each in candidates
    ]
    values, variances = np.array(measured).T
    taken = shares(np.array([each.score for each in candidates]), np.array([each.error for each in candidates]))
    return Tuned(taken, values, variances, chosen.results)


def interval(one: Tuned) -> tuple[float, float]:
    """The 95% interval of a procedure's mean result."""
    return _around(one.mean, one.variance, one.results.size, comparisons=1)


def difference(one: Tuned, other: Tuned, comparisons: int = 1) -> tuple[float, float]:
    """The interval of the difference of two procedures' mean results, of the same evaluation seeds.

    Args:
        one: a procedure.
        other: the one that is taken off.
        comparisons: number of intervals of which all are to hold the truth in 95% of cases (Bonferroni's bound).
    """
    pairs = one.results - other.results
    variance = pairs.var(ddof=1) / pairs.size + one.choice_variance + other.choice_variance
    return _around(one.mean - other.mean, float(variance), pairs.size, comparisons)


def _around(mean: float, variance: float, seeds: int, comparisons: int) -> tuple[float, float]:
    half = float(stdtrit(seeds - 1, 1 - 0.025 / comparisons) * np.sqrt(variance))
    return mean - half, mean + half
