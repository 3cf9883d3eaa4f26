"""Whole runs, in this process."""

import json
import signal
import sys
from types import SimpleNamespace

import jax.numpy as jnp
import pytest
import yaml
from PIL import Image

from jaxac.config import suites
from jaxac.envs import Discrete
from jaxac.envs.suites.single import Single
from jaxac.errors import ConfigError, DivergedError
from jaxac.runs import headlines, trainer
from jaxac.storage import checkpoint, run_directory
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in, summary

ARTIFACTS = ("logger.curve=false", "logger.gif=false")


@pytest.fixture
def run(small_config, run_dir):
    """``run(*overrides, at=…)``: trains in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, CACHE, *ARTIFACTS)


def test_a_run_leaves_what_it_promises(run):
    directory = run("logger.curve=true", "logger.gif=true", "evaluation.episodes=4")
    expected = {
        "status",
        "eval/return_mean",
        "eval/return_std",
        "eval/episodes",
        "env_steps",
        "updates",
        "time/sps_mean",
    }
    expected |= {"time/compile_seconds", "time/seconds", "time/wall_seconds"}
    expected |= {
        "eval/env_steps_to_threshold",
        "eval/seconds_to_threshold",
        "eval/best_return_mean",
        "eval/best_env_steps",
    }
    expected |= {"params_digest", "versions", "devices"}
    found = summary(directory)
    assert expected <= set(found)
    assert (found["status"], found["env_steps"], found["updates"]) == ("completed", 320, 10)
    assert found["eval/episodes"] == 4
    assert len(found["params_digest"]) == 64
    assert yaml.safe_load((directory / "config.yaml").read_text())["env"]["num_envs"] == 8
    assert [row["env_steps"] for row in run_directory.rows(directory)] == list(range(32, 321, 32))
    with Image.open(directory / "learning_curve.png") as curve, Image.open(directory / "policy.gif") as episode:
        assert curve.size[0] > 300
        assert episode.n_frames > 5


def test_the_version_of_the_environments_suite_is_told(run, monkeypatch, tmp_path):
    """Of a suite made up here, in the summary of each seed and in that of both."""

    def step(key, state, action, params):
        return state + 1, jnp.ones(1), jnp.ones(()), state >= 5, jnp.bool_(False)

    single = Single(lambda key, params: (jnp.int32(0), jnp.ones(1)), step, Discrete(2), None)
    made_up = SimpleNamespace(names=lambda: ["MadeUp"], make=lambda name: single)
    monkeypatch.setitem(sys.modules, "jaxac.envs.suites.craftax", made_up)
    monkeypatch.setattr(suites, "is_installed", lambda suite: True)
    (tmp_path / "craftax-9.8.7.dist-info").mkdir()
    (tmp_path / "craftax-9.8.7.dist-info/METADATA").write_text("Name: craftax\nVersion: 9.8.7\n")
    monkeypatch.syspath_prepend(tmp_path)
    directory = run("env.name=craftax::MadeUp", "num_seeds=2")
    told = [json.loads(path.read_text())["versions"] for path in directory.rglob("summary.json")]
    assert [versions["craftax"] for versions in told] == ["9.8.7"] * 3


def test_the_same_seed_gives_the_same_bits_and_another_does_not(run):
    first, second, other = run(at="a"), run(at="b"), run("seed=1", at="c")
    assert summary(first)["params_digest"] == summary(second)["params_digest"] != summary(other)["params_digest"]
    assert rows(first) == rows(second)


A3C = (
    "+algo=a3c",
    "algo.num_shards=4",
    "algo.server=softsync",
    "algo.softsync_size=3",
    "algo.delay.distribution=geometric",
    "algo.delay.mean=2",
    "algo.max_staleness=4",
    "algo.above_max_staleness=drop",
)


@pytest.mark.parametrize(
    "algo, stop",
    [
        pytest.param((), 1, marks=pytest.mark.slow),
        ((), 4),
        pytest.param((), 9, marks=pytest.mark.slow),
        pytest.param(A3C, 4, marks=pytest.mark.slow),
        pytest.param(A3C, 7, marks=pytest.mark.slow),
    ],
)
def test_stopping_and_resuming_changes_no_bit(run, algo, stop):
    whole, parts = run(*algo, at="whole"), run(*algo, f"stop_after_updates={stop}", at="parts")
    assert summary(parts)["status"] == "interrupted"
    run(*algo, f"resume={parts}", at="parts")
    assert final_state(parts) == final_state(whole)
    assert rows(parts) == rows(whole)
    assert summary(parts)["params_digest"] == summary(whole)["params_digest"]
    assert summary(parts)["eval/return_mean"] == summary(whole)["eval/return_mean"]


def test_rows_after_the_checkpoint_are_written_again(run):
    """As after kill -9, which may come between a row and the checkpoint."""
    whole, parts = run(at="whole"), run("stop_after_updates=4", at="parts")
    with (parts / "metrics.jsonl").open("a") as file:
        file.write('{"updates": 5, "env_steps": 160}\n{"updates": 6, "env_')
    run(f"resume={parts}", at="parts")
    assert rows(parts) == rows(whole)


def test_resuming_from_an_older_checkpoint(run):
    whole = run("checkpoint.every=32", at="whole")
    state, expected = final_state(whole), rows(whole)
    older = checkpoint.paths(whole / "checkpoints")[0]
    assert checkpoint.read(older).updates < 10
    run(f"resume={older}", at="whole")
    assert final_state(whole) == state
    assert rows(whole) == expected


@pytest.mark.parametrize("schedule", ["optimizer.schedule=constant", "optimizer.anneal_env_steps=640"])
def test_a_longer_run_goes_on(run, schedule):
    whole = run(schedule, "total_env_steps=640", at="whole")
    parts = run(schedule, at="parts")
    run(schedule, "total_env_steps=640", f"resume={parts}", at="parts")
    assert summary(parts)["params_digest"] == summary(whole)["params_digest"]


@pytest.mark.parametrize(
    "override, expected",
    [
        ("optimizer.learning_rate=1", r"optimizer\.learning_rate=1\.0 disagrees"),
        ("seed=5", "seed=5 disagrees"),
        ("total_env_steps=32", "total_env_steps=32 is less"),
    ],
)
def test_a_resume_that_disagrees(run, override, expected):
    directory = run()
    before = (directory / "metrics.jsonl").read_text()
    with pytest.raises(ConfigError, match=expected):
        run(f"resume={directory}", override)
    assert (directory / "metrics.jsonl").read_text() == before


def test_a_run_is_not_overwritten(run):
    run()
    with pytest.raises(ConfigError, match="already holds a run"):
        run()


def test_a_complete_run_has_nothing_left_to_do(run, capsys):
    directory = run()
    before = (directory / "summary.json").read_bytes()
    run(f"resume={directory}")
    assert "nothing left to do" in capsys.readouterr().out
    assert (directory / "summary.json").read_bytes() == before


def test_a_directory_where_a_run_failed_before_it_began_can_be_used(run, run_dir):
    with pytest.raises(ConfigError, match="cannot be imported"):
        run("env.name=no.such.module:Env")
    assert summary(run())["status"] == "completed"


def test_divergence_stops_the_run_and_keeps_the_last_good_checkpoint(run, run_dir):
    with pytest.raises(DivergedError, match="learning_rate"):
        run("env.name=tests.probe_envs:NotANumber", "env.stagger_starts=false", "checkpoint.every=1")
    found = summary(run_dir / "a")
    assert (found["status"], found["updates"]) == ("diverged", 2)
    good = checkpoint.read(checkpoint.newest(run_dir / "a" / "checkpoints"))
    assert good.updates == 1
    assert rows(run_dir / "a")[-1]["train/policy_loss"] is None  # JSON has no NaN


def test_a_run_stops_where_its_return_is_reached(run):
    found = summary(run("evaluation.stop_at_return=5", "evaluation.every=96"))
    assert (found["status"], found["updates"], found["eval/env_steps_to_threshold"]) == ("completed", 3, 96)
    assert found["eval/return_mean"] >= 5


def test_a_signal_saves_and_says_so(run, run_dir, monkeypatch):
    absorb = trainer.Trainer._absorb

    def interrupt(self, pending):
        absorb(self, pending)
        if pending.updates == 3:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_absorb", interrupt)
        with pytest.raises(SystemExit) as stopped:
            run()
    assert stopped.value.code == 128 + signal.SIGTERM
    directory = run_dir / "a"
    assert summary(directory)["status"] == "interrupted"
    run(f"resume={directory}")
    assert summary(directory)["params_digest"] == summary(run(at="whole"))["params_digest"]


def test_shards_on_devices_resume_too(run):
    shards = "algo.num_shards=4"
    whole, parts = run(shards, at="whole"), run(shards, "stop_after_updates=5", at="parts")
    run(shards, f"resume={parts}", at="parts")
    assert final_state(parts) == final_state(whole)


def test_a3c_says_how_stale_it_was(run):
    directory = run(*A3C)
    for row in run_directory.rows(directory):
        counts = row["async/staleness_histogram"]
        assert sum(counts) + row["async/pushes_dropped"] == 4
        if sum(counts):
            assert row["async/staleness_mean"] == pytest.approx(sum(i * n for i, n in enumerate(counts)) / sum(counts))
            assert row["async/staleness_max"] == len(counts) - 1 <= 4
        assert row["async/shard_env_steps"] == [8, 8, 8, 8]
        assert row["async/parameter_distance"] >= 0 and row["async/policy_kl"] >= 0
    assert set(row) - set(run_directory.rows(run(at="a2c"))[-1]) == ASYNCHRONY


ASYNCHRONY = {
    "async/staleness_mean",
    "async/staleness_max",
    "async/staleness_histogram",
    "async/server_steps",
    "time/server_steps_per_second",
    "async/pushes_dropped",
    "async/pulls_forced",
    "async/shard_env_steps",
    "async/parameter_distance",
    "async/policy_kl",
}


@pytest.mark.parametrize(
    "overrides, expected",
    [
        ((), "A2C on CartPole-v1: 8 environments × 4 steps × 10 updates"),
        (("+algo=a3c", "algo.num_shards=4"), "A3C on CartPole-v1: 8 environments in 4 shards × 4 steps × 10 updates"),
        (
            ("+algo=a3c", "algo.num_shards=1", "algo.runtime=threads"),
            "A3C with threads on CartPole-v1: 8 environments × 4 steps × 10 updates, 1 thread on ",
        ),
    ],
)
def test_a_run_says_what_it_is_about_to_do(small_config, overrides, expected):
    assert headlines.headline(small_config(*overrides), 1).startswith(expected)
