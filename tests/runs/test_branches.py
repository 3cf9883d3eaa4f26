"""A run that goes on from an older checkpoint: the newer ones are another run's, and must not come back."""

import pytest

from jaxac.errors import ConfigError
from jaxac.storage import checkpoint, run_directory, weights
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in, summary

EVERY = ("checkpoint.every=64", "checkpoint.keep=9", "evaluation.every=64")
LONGER = ("total_env_steps=640", *EVERY)


@pytest.fixture
def run(small_config, run_dir):
    return runs_in(run_dir, small_config, CACHE, "logger.curve=false", "logger.gif=false")


def numbers(directory):
    return [int(path.stem) for path in checkpoint.paths(directory / "checkpoints")]


def at(directory, updates):
    return directory / "checkpoints" / f"{updates:012d}.ckpt"


def seconds_never_go_back(directory):
    seconds = [row["time/seconds"] for row in run_directory.rows(directory)]
    assert seconds == sorted(seconds)


def test_the_abandoned_branch_is_not_continued(run, capsys):
    """Of another length, hence of another learning rate: what came after the checkpoint belongs to another run."""
    straight = run("stop_after_updates=4", *EVERY, at="straight")
    run(f"resume={straight}", *LONGER, at="straight")
    forked = run(*EVERY, at="forked")
    assert numbers(forked) == [0, 2, 4, 6, 8, 10]
    run(f"resume={at(forked, 4)}", *LONGER, "stop_after_updates=2", at="forked")
    assert "back to update 4: the checkpoints after it (6, 8, 10) and their rows are removed" in capsys.readouterr().out
    assert numbers(forked) == [0, 2, 4, 6]
    run(f"resume={forked}", *LONGER, at="forked")
    assert rows(forked) == rows(straight)
    assert final_state(forked) == final_state(straight)
    seconds_never_go_back(forked)


def test_nothing_tells_of_the_abandoned_branch(run, monkeypatch):
    directory = run(*EVERY)

    def kill(self, stop):
        raise RuntimeError("as kill -9 would, once the directory is open")

    monkeypatch.setattr("jaxac.runs.trainer.Trainer.train", kill)
    with pytest.raises(RuntimeError):
        run(f"resume={at(directory, 2)}", *EVERY)
    assert [row["updates"] for row in rows(directory)] == [1, 2]
    assert not (directory / "summary.json").exists()
    assert not weights.path_of(directory, weights.FINAL).exists()


def test_the_best_weights_are_those_of_the_checkpoint(run):
    whole = run(*EVERY, at="whole")
    kept = sorted(path.name for path in (whole / "weights").glob("best-*.npz"))
    assert kept == [f"best-{updates:012d}.npz" for updates in numbers(whole) if updates]
    stopped = run(*EVERY, "stop_after_updates=4", at="stopped")
    then = weights.path_of(stopped, weights.BEST).read_bytes()
    run(f"resume={at(whole, 4)}", *EVERY, "stop_after_updates=1", at="whole")
    assert weights.path_of(whole, weights.BEST).read_bytes() == then


@pytest.mark.parametrize("keep", [1, 2])
def test_a_checkpoint_that_was_just_written_is_never_the_one_to_go(run, keep):
    directory = run(*EVERY)
    run(f"resume={at(directory, 2)}", *EVERY[:1], f"checkpoint.keep={keep}", "stop_after_updates=2")
    assert numbers(directory) == [2, 4][-keep:]


def test_after_a_damaged_checkpoint_the_run_goes_on_by_its_directory_alone(run):
    whole, directory = run(*EVERY, at="whole"), run(*EVERY, at="damaged")
    at(directory, 10).write_bytes(b"damaged")
    with pytest.raises(ConfigError, match=f"resume={at(directory, 8)}"):
        run(f"resume={directory}", *EVERY, at="damaged")
    run(f"resume={at(directory, 8)}", *EVERY, "stop_after_updates=1", at="damaged")
    run(f"resume={directory}", *EVERY, at="damaged")
    assert rows(directory) == rows(whole)
    assert summary(directory)["params_digest"] == summary(whole)["params_digest"]


@pytest.mark.slow
def test_events_of_the_abandoned_branch_are_gone(run):
    shards = ("+algo=a3c", "algo.num_shards=2", *EVERY)
    directory = run(*shards, "algo.runtime=threads")
    run(*shards, "algo.runtime=threads", f"resume={at(directory, 4)}")
    again = run(*shards, "algo.runtime=replay", f"algo.events={directory}", at="replay")
    assert summary(again)["params_digest"] == summary(directory)["params_digest"]
