"""Rows and summaries of several seeds: what they say of those that stopped, diverged, or were interrupted."""

import json

import pytest

from jaxac.errors import DivergedError
from jaxac.loggers import seed_means
from jaxac.loggers.base import Memory
from jaxac.loggers.closing import run_lines
from jaxac.loggers.seed_means import SeedMeans
from jaxac.storage import run_directory
from tests.run_directories import write_run
from tests.whole_runs import summary, train


def row(updates, evaluation=None, **metrics):
    found = {"env_steps": 10 * updates, "updates": updates, "time/seconds": 1.0 * updates, **metrics}
    if evaluation is None:
        return found
    best = {"eval/best_return_mean": evaluation, "eval/best_env_steps": 10 * updates}
    return {**found, "eval/return_mean": evaluation, "eval/return_std": 2.0, "eval/episodes": 4, **best}


def merged(seeds, ends):
    """The rows of means of ``seeds``: each one's rows, and how it ended after them."""
    memory, ended = Memory(), {}
    statuses = {seed: lambda seed=seed: ended.get(seed) for seed in range(len(seeds))}
    means = SeedMeans([memory], {seed: [] for seed in statuses}, statuses, list(statuses))
    for updates in range(1, max(each["updates"] for rows in seeds for each in rows) + 1):
        for seed, rows in enumerate(seeds):
            for each in [each for each in rows if each["updates"] == updates]:
                if each is rows[-1]:
                    ended[seed] = ends[seed]
                means.of(seed).log(each)
                if each is rows[-1]:
                    means.of(seed).finish({}, [], 0)
    return memory.rows, means.lowest


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_a_seed_that_diverged_takes_no_metric_from_the_others(order):
    rows = [row(1, **{"train/entropy": None}), row(1, 100.0, **{"train/entropy": 0.5}), row(1, 300.0)]
    (found,), _ = merged([[rows[seed]] for seed in order], [("diverged", None, None)[seed] for seed in order])
    assert found["eval/return_mean"] == pytest.approx((100 + 100 + 300) / 3)  # the lowest, for the one that diverged
    assert found["train/entropy"] == 0.5
    assert (found["seeds"], found["seeds_stopped"], found["seeds_diverged"]) == (3, 0, 1)


def test_after_a_divergence_rows_are_not_of_the_survivors():
    rows, lowest = merged(
        [[row(1, 50.0), row(2)], [row(n, 100.0 * n) for n in (1, 2, 3)], [row(n, 200.0 * n) for n in (1, 2, 3)]],
        ["diverged", "completed", "completed"],
    )
    assert [each["eval/return_mean"] for each in rows] == pytest.approx([350 / 3, 650 / 3, 950 / 3])
    assert [each["seeds"] for each in rows] == [3, 3, 2] and [each["seeds_diverged"] for each in rows] == [0, 1, 1]
    assert [each["eval/episodes"] for each in rows] == [12, 8, 8]
    assert rows[-1]["eval/best_return_mean"] == pytest.approx((50 + 300 + 600) / 3)
    assert lowest == 50


def test_a_seed_that_stopped_when_it_was_solved_keeps_its_last_evaluation():
    rows, _ = merged([[row(1, 480.0)], [row(1, 100.0), row(2, 200.0), row(3, 490.0)]], ["completed", "completed"])
    assert [each["eval/return_mean"] for each in rows] == [290.0, 340.0, 485.0]
    assert [(each["seeds"], each["seeds_stopped"]) for each in rows] == [(2, 0), (1, 1), (1, 1)]


def test_nothing_is_said_of_an_evaluation_where_none_was_due():
    rows, _ = merged([[row(1, 50.0), row(2), row(3)], [row(1, 60.0), row(2), row(3, 70.0)]], ["diverged", "completed"])
    assert "eval/return_mean" not in rows[1]


def test_a_seed_that_was_interrupted_is_not_made_up():
    rows, _ = merged([[row(1, 50.0)], [row(1, 60.0), row(2, 70.0)]], ["interrupted", "completed"])
    assert (rows[1]["eval/return_mean"], rows[1]["seeds"]) == (70.0, 1)


ENDED = {
    "eval/return_std": 1.0,
    "eval/episodes": 256,
    "eval/threshold": 475.0,
    "eval/env_steps_to_threshold": None,
    "eval/seconds_to_threshold": None,
    "env_steps": 100,
    "updates": 10,
    "time/seconds": 1.0,
    "time/sps_mean": 100.0,
    "time/compile_seconds": 1.0,
    "time/wall_seconds": 3.0,
    "params_digest": "0",
    "run_id": "abcd",
}


def ended(status, last, best):
    last = None if status == "diverged" else last
    return {
        **ENDED,
        "status": status,
        "eval/return_mean": last,
        "eval/best_return_mean": best,
        "eval/best_env_steps": 50,
    }


def test_the_summary_counts_failures_and_says_whose():
    parts = {
        3: ended("completed", 480.0, 490.0),
        4: ended("diverged", 120.0, 150.0),
        5: ended("completed", 460.0, 470.0),
    }
    found = seed_means.summarize(parts, 20.0)
    assert (found["status"], found["seeds"], found["seeds_diverged"]) == ("diverged", 3, 1)
    assert found["eval/return_mean"] == pytest.approx((480 + 20 + 460) / 3)
    assert found["eval/best_return_mean"] == pytest.approx((490 + 150 + 470) / 3)
    assert {seed: each["status"] for seed, each in found["by_seed"].items()} == {
        "3": "completed",
        "4": "diverged",
        "5": "completed",
    }
    assert found["by_seed"]["4"]["eval/return_mean"] is None and found["by_seed"]["5"]["eval/return_mean"] == 460
    (said,) = [line for line in run_lines({**found, "directory": "there"}) if "last evaluation" in line]
    assert "320.0 over 3 seeds" in said and "1 diverged" in said


def test_of_seeds_that_all_diverged_no_return_is_told():
    found = seed_means.summarize({0: ended("diverged", 10.0, 10.0), 1: ended("diverged", 10.0, 10.0)}, 10.0)
    assert found["eval/return_mean"] is found["eval/return_mean_low"] is None
    assert not any("last evaluation" in line for line in run_lines({**found, "directory": "there"}))


def test_report_and_summary_agree_on_a_seed_that_diverged(tmp_path):
    from jaxac.report import statistics
    from jaxac.report.discover import read_all
    from jaxac.report.trials import by_environment

    returns = [(20.0, 300.0, 490.0), (25.0, 200.0, 470.0), (15.0, 250.0, 400.0)]
    for seed, (each, status) in enumerate(zip(returns, ("completed", "completed", "diverged"), strict=True)):
        write_run(tmp_path / "runs" / str(seed), each, status=status, seed=seed)
    (outcome,) = statistics.outcomes(by_environment(read_all([tmp_path / "runs"])[0])["CartPole-v1"])
    parts = {
        0: ended("completed", 490.0, 490.0),
        1: ended("completed", 470.0, 470.0),
        2: ended("diverged", 400.0, 400.0),
    }
    found = seed_means.summarize(parts, 15.0)
    assert outcome.mean == found["eval/return_mean"] == pytest.approx((490 + 470 + 15) / 3)
    assert outcome.bounds == pytest.approx((found["eval/return_mean_low"], found["eval/return_mean_high"]))


def test_a_whole_run_whose_seeds_all_diverge(small_config, run_dir):
    silent = ("logger.curve=true", "logger.gif=false", "logger.console=false")
    config = small_config("env.name=tests.probe_envs:NotANumber", "env.stagger_starts=false", "num_seeds=2", *silent)
    with pytest.raises(DivergedError):
        train(config, run_dir)
    found = summary(run_dir)
    assert found["status"] == "diverged" and set(found["by_seed"]) == {"0", "1"}
    assert found["eval/return_mean"] is None
    for seed in ("0", "1"):
        own = json.loads((run_dir / "seeds" / seed / "summary.json").read_text())
        assert own["eval/return_mean"] is None and own["status"] == "diverged"
    rows = run_directory.rows(run_dir)
    assert rows[-1]["seeds_diverged"] == rows[-1]["seeds"] == 2
