"""Intervals that contain the choice of a candidate."""

import numpy as np
import pytest

from experiments import a2c_vs_a3c_tables, choice, common
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


def test_equal_programs_are_told_once_and_seconds_of_none():
    """Three rows are the same arm: they have the same figures, and there is no column in which they could differ."""
    results = common.load("a2c_vs_a3c")["arms"]
    a2c = results[a2c_vs_a3c_tables.A2C]
    lines = {}
    for result in results.values():
        lines.setdefault(tuple(result["overrides"]), set()).add(a2c_vs_a3c_tables.row("", result, a2c))
    assert max(map(len, lines.values())) == 1 and len(lines) < len(results)
    assert a2c_vs_a3c_tables.comparisons(results) == len(lines) - 1


def test_results_seed_by_seed_are_read_as_those_of_before():
    """The same numbers, saved either way, give the same means and nearly the same choices."""
    generator = np.random.default_rng(0)
    curves = generator.normal(450, 20, (30, 20))
    scores = generator.normal([[400.0], [450.0]], 5, (2, 10))
    before = {"returns": curves.tolist(), "tuning": [[1e-3, None, scores[0].mean()], [2e-3, None, scores[1].mean()]]}
    each = [{"scores": scores[0].tolist(), "results": None}]
    each += [{"scores": scores[1].tolist(), "results": curves.mean(axis=1).tolist()}]
    today = {"returns": curves.tolist(), "candidates": each}
    one, other = a2c_vs_a3c_tables.tuned(before), a2c_vs_a3c_tables.tuned(today)
    assert one.mean == pytest.approx(other.mean) and one.shares.argmax() == other.shares.argmax() == 1


def test_the_null_control_is_no_difference_and_is_on_the_page():
    arms = common.load("a2c_vs_a3c_null")["arms"]
    a2c, null = (arms[name] for name in (a2c_vs_a3c_tables.A2C, a2c_vs_a3c_tables.NULL))
    low, high = choice.difference(a2c_vs_a3c_tables.tuned(null), a2c_vs_a3c_tables.tuned(a2c))
    assert low < 0 < high
    page = a2c_vs_a3c_tables.PAGE.read_text()
    assert all(a2c_vs_a3c_tables.row(name, result, a2c) in page for name, result in arms.items())
