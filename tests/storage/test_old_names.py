"""Runs from before metrics had sections."""

import json

import pytest

from jaxac import names
from jaxac.report.read import read_run
from jaxac.storage import checkpoint
from tests.processes import CACHE
from tests.run_directories import write_run
from tests.whole_runs import final_state, rows, runs_in, summary

SUMMARY = {
    "eval/best_return_mean": "best_eval_return_mean",
    "eval/best_env_steps": "best_env_steps",
    "eval/return_mean": "eval_return_mean",
    "eval/return_std": "eval_return_std",
    "eval/episodes": "eval_episodes",
    "time/sps_mean": "sps",
    "time/seconds": "train_seconds",
}
ROW = {"eval/return_mean": "eval_return_mean", "eval/return_std": "eval_return_std", "eval/episodes": "eval_episodes"}
ROW |= {"async/server_steps": "versions", "time/server_steps_per_second": "versions_per_second"}
NEW = {names.BEST_RETURN, names.BEST_ENV_STEPS}
"""Not in a row of then."""


def flat(found, table):
    """What version 0.2.0 would have written."""
    return {table.get(name, name.split("/")[-1]): value for name, value in found.items()}


def grow_old(directory):
    """Gives a run's files the names of then; the checkpoint's too."""
    path = directory / "metrics.jsonl"
    before = [json.loads(line) for line in path.read_text().splitlines()]
    old = [flat({name: row[name] for name in row if name not in NEW}, ROW) for row in before]
    path.write_text("".join(json.dumps(row) + "\n" for row in old))
    (directory / "summary.json").write_text(
        json.dumps(flat(json.loads((directory / "summary.json").read_text()), SUMMARY))
    )
    saved = checkpoint.read(checkpoint.newest(directory / "checkpoints"))
    progress = {**saved.progress, "evaluation": flat(saved.progress["evaluation"], ROW)}
    checkpoint.write(directory / "checkpoints", saved._replace(progress=progress), keep=3)
    return old


@pytest.mark.parametrize("algo", [(), pytest.param(("+algo=a3c", "algo.num_shards=2"), marks=pytest.mark.slow)])
def test_a_run_of_then_is_resumed_and_gets_the_names_of_today(small_config, run_dir, algo):
    run = runs_in(run_dir, small_config, CACHE, "logger.curve=false", "logger.gif=false", "evaluation.every=64")
    whole, parts = run(*algo, at="whole"), run(*algo, "stop_after_updates=4", at="parts")
    old = grow_old(parts)
    assert {"sps", "policy_loss", "eval_return_mean"} <= set(old[1]) and not any("/" in name for name in old[1])
    run(*algo, f"resume={parts}", at="parts")
    assert final_state(parts) == final_state(whole)
    without = [{name: row[name] for name in row if name not in NEW} for row in rows(whole)]
    assert [{name: row[name] for name in row if name not in NEW} for row in rows(parts)] == without
    for name in ("eval/return_mean", "eval/best_return_mean", "eval/best_env_steps", "params_digest"):
        assert summary(parts)[name] == summary(whole)[name]
    assert isinstance(summary(parts)["versions"], dict)


def test_a_complete_run_of_then_has_nothing_left_to_do(small_config, run_dir, capsys):
    run = runs_in(run_dir, small_config, CACHE, "logger.curve=false", "logger.gif=false")
    directory = run()
    grow_old(directory)
    run(f"resume={directory}")
    assert "nothing left to do" in capsys.readouterr().out


def test_a_run_of_then_is_reported_as_one_of_today(tmp_path):
    today, then = write_run(tmp_path / "today"), write_run(tmp_path / "then")
    lines = [json.loads(line) for line in (then / "metrics.jsonl").read_text().splitlines()]
    (then / "metrics.jsonl").write_text("".join(json.dumps(flat(row, ROW)) + "\n" for row in lines))
    (then / "summary.json").write_text(json.dumps(flat(json.loads((then / "summary.json").read_text()), SUMMARY)))
    one, other = read_run(today, "run"), read_run(then, "run")
    assert (one.rows, one.summary, one.final, one.sps) == (other.rows, other.summary, other.final, other.sps)


def test_every_name_of_then_has_one_today():
    """Those of version 0.2.0's table in its documentation."""
    old = "seconds sps policy_loss value_loss entropy explained_variance advantage_std value_mean gradient_norm"
    old += " learning_rate episodes episode_return episode_length eval_return_mean eval_return_std eval_episodes"
    old += " staleness_mean staleness_max staleness_histogram versions versions_per_second pushes_dropped pulls_forced"
    old += " shard_env_steps parameter_distance policy_kl idle_share contention own_loss eval_return_mean_low"
    from jaxac.storage import old_names

    today = old_names.row(dict.fromkeys(old.split(), 0))
    assert len(today) == len(old.split()) and all(name.split("/")[0] in SECTIONS for name in today)
    assert old_names.row(today) == today


SECTIONS = {"time", "train", "eval", "async"}
