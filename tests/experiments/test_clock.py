"""The claims on a real clock: unrolls last as long as they should, and tables say what the runs say."""

import itertools
import time
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.claims import arms, clock, clock_tables
from experiments.claims.clock import LOOKS, PACES, ROUNDS, SECONDS, Course, Paced


def first(pace, shard, count=2000):
    return np.array(list(itertools.islice(pace.draw(0, shard), count)))


def test_one_shard_is_slower_or_each_unroll_is_drawn_with_the_same_mean():
    by_name = {pace.name: pace for pace in PACES}
    slow, drawn = by_name["one 4 times as slow"], by_name["each unroll drawn"]
    assert set(first(slow, arms.K - 1)) == {4 * SECONDS} and set(first(slow, 0)) == {SECONDS}
    assert slow.barrier == pytest.approx(4) and 3 < drawn.barrier < 5
    assert first(drawn, 0).mean() == pytest.approx(SECONDS, rel=0.2) and first(drawn, 0).std() > SECONDS
    assert (first(drawn, 0) != first(drawn, 1)).all() and (first(drawn, 3) == first(drawn, 3)).all()


def test_a_gradient_comes_no_sooner_than_its_unroll_lasts():
    computes = SimpleNamespace(count=0, take=None, give=None, close=None, gradient=lambda *given: given)
    paced, start = Paced(computes, [iter([0.0]), iter([0.2])]), time.perf_counter()
    assert paced.gradient(1, "params", "actor") == (1, "params", "actor")
    assert time.perf_counter() - start >= 0.2


def test_a_course_is_over_at_its_end_or_once_the_task_is_solved():
    ends, solves = Course(1.0, 3.0), Course(1.0, 60.0, until=475)
    assert not ends.due(0.9) and ends.due(1.0)
    for now in (1.1, 2.0, 3.0):
        assert not ends.over
        ends.note(now, 500.0)
    assert ends.over and ends.told({"pushes": 3})["pushes"] == 3
    solves.note(1.0, 474.0)
    assert not solves.over
    solves.note(2.0, 475.0)
    assert solves.over


def run(value, end=SECONDS * ROUNDS, pushes=100):
    moments = end * np.arange(1, LOOKS + 1) / LOOKS
    return {"seconds": moments.tolist(), "returns": [value] * LOOKS, "pushes": pushes, "staleness": 15.0}


def test_tables_say_what_the_runs_say():
    leads = {1: -20, 2: -10, 4: 10, 8: 30}
    found = {
        "unroll_seconds": SECONDS,
        "unequal": {
            pace.name: {"A2C": [run(100), run(102)], "A3C": [run(100 + lead), run(103 + lead)]}
            for pace in PACES
            for lead in [leads[pace.slower]]
        },
        "workers": {"threads": {str(n): [run(480, 8.0 / n), run(490, 10.0 / n)] for n in arms.WORKERS}},
    }
    crossing = clock_tables.crossover(found)
    assert 2 < crossing.low <= crossing.median <= crossing.high < 4
    text = clock_tables.unequal(found, {})
    assert text.count("\n") == len(PACES) + 1 and "−20 [−26, −13]" in text and "15.0, 132" in text
    lines = clock_tables.workers(found, {}).splitlines()[2:]
    assert lines[0].startswith("| 1 | 9.0, 0.089 s each | 1.0 [") and lines[-1].startswith(
        "| 16 | 0.6, 0.089 s each | 16.0 ["
    )
    assert clock_tables.unequal({}, {}) == clock_tables.workers({}, {}) == "pending"
    assert clock_tables.crossover({}) is None


def test_who_never_solves_it_takes_forever():
    workers = {"threads": {"1": [run(480, 8.0), run(480, 8.0)], "2": [run(10, 60.0), run(10, 60.0)]}}
    assert "| 2 | inf, 1.200 s each | 0.0 [0.0, 0.0] |" in clock_tables.workers({"workers": workers}, {})


@pytest.mark.slow
def test_it_runs_quickly(monkeypatch, capsys):
    monkeypatch.setattr(clock, "prepare", lambda **_: None)  # programs are kept with the tests'
    monkeypatch.setattr("sys.argv", ["clock", "--quick"])
    clock.main()
    assert [line.split(",")[1].strip() for line in capsys.readouterr().out.splitlines()] == ["A2C", "A3C"]
