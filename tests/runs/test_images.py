"""Whole runs on images."""

import jax
import numpy as np
import pytest

import jaxac
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in, summary

PICTURE = (
    "env.name=tests.probe_envs:Picture",
    "network=conv",
    "network.kernel_sizes=[2]",
    "network.filters=[3]",
    "algo.normalize_observations=false",
    "logger.curve=false",
    "evaluation.episodes=4",
)


@pytest.fixture
def run(small_config, run_dir):
    """``run(*overrides, at=…)``: trains on images in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, *PICTURE, CACHE)


def test_stopping_and_resuming_changes_no_bit(run):
    whole = run(at="whole")
    run("stop_after_updates=3", at="cut")
    resumed = run(f"resume={whole.parent / 'cut'}", at="cut")
    assert summary(resumed)["params_digest"] == summary(whole)["params_digest"]
    assert final_state(resumed) == final_state(whole) and rows(resumed) == rows(whole)


def test_a_replay_of_threads_gives_the_same_bits(run):
    shards = ("+algo=a3c", "algo.num_shards=2")
    real = run(*shards, "algo.runtime=threads", at="real")
    again = run(*shards, "algo.runtime=replay", f"algo.events={real / 'events.jsonl'}", at="again")
    assert summary(again)["params_digest"] == summary(real)["params_digest"]


def test_a_seed_of_several_is_its_single_run_and_its_policy_acts(run):
    several, alone = run("num_seeds=2", at="several"), run("seed=1", at="alone")
    assert summary(several / "seeds" / "1")["params_digest"] == summary(alone)["params_digest"]
    actions = jaxac.load(alone)(np.zeros((5, 3, 4, 1), np.uint8), jax.random.key(0))
    assert actions.shape == (5,)
