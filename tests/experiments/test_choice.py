"""Intervals that contain the choice of a candidate."""

import numpy as np
import pytest

from experiments import choice
from experiments.choice import Candidate
from jaxac.intervals import interval

TRUE = np.array([365.0, 436.0, 447.0, 430.0, 338.0])
"""Mean returns of five rates, as of A2C's in the comparison; a seed's spread is 20."""
REPEATS = 400


def arm(generator):
    """A procedure's result: ten tuning seeds, thirty others at every rate that is likely enough."""
    scores = generator.normal(TRUE, 20, (10, 5))
    means, errors = scores.mean(axis=0), scores.std(axis=0, ddof=1) / np.sqrt(10)
    often = choice.shares(means, errors) >= 0.02
    often[means.argmax()] = True
    results = [
        generator.normal(true, 20, 30) if evaluated else None for true, evaluated in zip(TRUE, often, strict=True)
    ]
    return choice.tuned(list(map(Candidate, means, errors, results)))


def test_the_same_procedure_done_twice_is_no_difference(monkeypatch):
    """In at least 95% of cases, less three standard errors. Of the rates that happened to be chosen it is 84%."""
    monkeypatch.setattr(choice, "DRAWS", 2000)
    generator, held, naive = np.random.default_rng(0), 0, 0
    for _ in range(REPEATS):
        one, other = arm(generator), arm(generator)
        low, high = choice.difference(one, other)
        held += low <= 0 <= high
        low, high = interval(one.results - other.results)
        naive += low <= 0 <= high
    assert held / REPEATS > 0.95 - 3 * np.sqrt(0.95 * 0.05 / REPEATS)
    assert naive / REPEATS < 0.9


def test_without_a_choice_it_is_students_t():
    results = np.random.default_rng(0).normal(450, 20, 30)
    only = choice.tuned([Candidate(10.0, 1.0, None), Candidate(450.0, 1.0, results)])
    assert only.shares.tolist() == [0, 1] and only.mean == results.mean()
    assert choice.interval(only) == pytest.approx(interval(results))
    other = only._replace(results=results + np.linspace(-1, 1, 30), values=only.values + 0)
    assert choice.difference(only, other) == pytest.approx(interval(only.results - other.results), abs=1e-9)


def test_a_toss_between_rates_counts_with_half_of_their_distance():
    flat = np.full(30, 440.0)
    even = choice.tuned([Candidate(435.0, 5.0, flat - 20), Candidate(435.0 + 1e-9, 5.0, flat)])
    assert even.shares == pytest.approx([0.5, 0.5], abs=0.01)
    assert even.mean == pytest.approx(430, abs=0.2) and even.choice_variance == pytest.approx(100, rel=0.01)
