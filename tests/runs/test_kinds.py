"""Runs of every kind of task and network that resume, replay and run side by side bit for bit."""

import pytest

from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in, summary

KINDS = {
    "continuous": ("env.name=Pendulum-v1",),
    "images": (
        "env.name=tests.probe_envs:Picture",
        "network=conv",
        "network.kernel_sizes=[2]",
        "network.filters=[3]",
        "algo.normalize_observations=false",
    ),
    "memory": (
        "env.name=tests.probe_envs:Stirred",
        "env.num_envs=8",
        "network.memory=lstm",
        "network.memory_size=6",
        "network.remember=[action,reward]",
    ),
}
"""The settings of each kind, by its name."""
QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false", "evaluation.episodes=4")


@pytest.fixture(params=[kind if kind == "memory" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS])
def run(request, small_config, run_dir):
    """``run(*overrides, at=…)``: trains a run of one kind in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, *KINDS[request.param], *QUIET)


def test_stopping_and_resuming_changes_no_bit(run, request):
    whole = run(at="whole")
    run("stop_after_updates=3", at="cut")
    resumed = run(f"resume={whole.parent / 'cut'}", at="cut")
    assert summary(resumed)["params_digest"] == summary(whole)["params_digest"]
    assert final_state(resumed) == final_state(whole) and rows(resumed) == rows(whole)
    assert (b"memory" in final_state(whole)) == (request.node.callspec.params["run"] == "memory")


@pytest.mark.slow
def test_a_replay_of_threads_gives_the_same_bits(run):
    shards = ("+algo=a3c", "algo.num_shards=2", "algo.pull_every=3")
    real = run(*shards, "algo.runtime=threads", at="real")
    again = run(*shards, "algo.runtime=replay", f"algo.events={real / 'events.jsonl'}", at="again")
    assert summary(again)["params_digest"] == summary(real)["params_digest"]
    assert max(row["async/policy_kl"] for row in rows(real)) > 0


def test_a_seed_of_several_is_its_single_run(run):
    several, alone = run("num_seeds=2", at="several"), run("seed=1", at="alone")
    assert summary(several / "seeds" / "1")["params_digest"] == summary(alone)["params_digest"]
