import json
from pathlib import Path

import numpy as np
import pytest

from experiments import ablation, common, gpu, scaling, sweep_speed, throughput
from jaxac.config.compose import make_config
from tests.whole_runs import train


def run(*returns):
    return {"returns": list(returns), "env_steps": [100 * (i + 1) for i in range(len(returns))], "train_seconds": 1.0}


@pytest.mark.parametrize(
    "returns, solved, stays",
    [((100, 480, 500), 1, 1), ((480, 427, 500), 1, 0), ((480, 428, 474), 0, 1), ((100, 200, 474), 0, 0)],
)
def test_solved_and_staying_solved_are_two_things(returns, solved, stays):
    row = ablation.summarize([run(*returns)])
    assert (row["solved"], row["stays_solved"]) == (solved, stays)


def test_an_arms_row_is_over_its_seeds():
    row = ablation.summarize([run(10, 480), run(490, 500), run(0, 1)])
    assert (row["seeds"], row["solved"], row["final_min"]) == (3, 2, 1)
    assert row["final_mean"] == pytest.approx(327)
    assert row["median_env_steps_to_solve"] == 150


@pytest.mark.parametrize("name, overrides", ablation.ARMS.items(), ids=list(ablation.ARMS))
def test_every_arm_changes_the_default_and_composes(name, overrides):
    default = make_config("+algo=a2c")
    assert (make_config("+algo=a2c", *overrides) == default) == (name == "default")


def test_a_result_says_where_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    path = common.save("some", {"figure": 1})
    assert {"command", "versions", "devices", "figure"} <= set(json.loads(path.read_text()))
    assert common.load("some")["figure"] == 1
    assert common.load("none") == {}


def test_learning_in_memory_is_the_runs_own_learning(small_config, tmp_path):
    """The experiments' loop and the command's give the same evaluations, bit for bit."""
    from jaxac.storage import run_directory

    silent = ("logger.curve=false", "logger.gif=false", "logger.console=false")
    config = small_config("evaluation.every=160", "evaluation.episodes=8", *silent)
    train(config, tmp_path / "run")
    rows = run_directory.rows(tmp_path / "run")
    assert rows[-1]["eval/return_mean"] == common.learn(config)["returns"][-1]


@pytest.mark.slow
def test_lanes_do_not_know_of_each_other(small_config):
    """In one program, with a device each, no bit of a lane depends on the other; alone it differs by rounding."""
    configs = [
        small_config("+algo=a3c", "algo.num_shards=4", "evaluation.every=160", f"seed={seed}") for seed in (0, 1)
    ]
    both, reverse = common.learn_lanes(configs), common.learn_lanes(configs[::-1])
    twice = common.learn_lanes([configs[0]] * 2)
    assert both["returns"] == reverse["returns"][::-1]
    for name, values in both["metrics"].items():  # before an episode has ended its return is NaN
        np.testing.assert_array_equal(values, reverse["metrics"][name][::-1], err_msg=name)
    assert twice["returns"] == [both["returns"][0]] * 2
    alone = common.learn_lanes(configs[:1])
    assert alone["metrics"]["async/staleness_mean"] == both["metrics"]["async/staleness_mean"][:1]
    np.testing.assert_allclose(alone["metrics"]["train/entropy"], both["metrics"]["train/entropy"][:1], rtol=1e-4)


@pytest.mark.slow
def test_throughput_counts_the_steps_of_training(monkeypatch):
    monkeypatch.setattr(throughput, "SECONDS", 0.01)
    found = throughput.train(throughput.overrides("a2c", "separate", 8, 4), repeats=2)
    assert len(found["sps"]) == 2 and min(found["sps"]) > 0
    assert found["flops_per_step"] == 8 * (2 * (4 * 64 + 64 * 64) + 64 * 3)


def test_the_arms_of_the_sweeps_benchmark_are_the_same_jobs():
    size = next(iter(sweep_speed.SIZES))
    commands = [sweep_speed.command(arm, size, 8, 1000, Path("sweep")) for arm in sweep_speed.ARMS.values()]
    own = {text for arm in sweep_speed.ARMS.values() for text in arm}
    assert len({tuple(text for text in command if text not in own) for command in commands}) == 1
    assert "seed=range(0,2)" in commands[0]


@pytest.mark.slow
def test_the_gpus_script_runs_where_there_is_none(tmp_path):
    parts = ("checks", "roofline", "profile")
    for part in parts:
        gpu.measure(part, gpu.QUICK, tmp_path)
    found = json.loads((tmp_path / "gpu_quick.json").read_text())["results"]
    assert tuple(found) == parts and not any("failed" in part for part in found.values())
    assert found["checks"]["equal actions, highest"]["value"] == 1
    assert found["checks"]["gradient's relative error, highest"]["value"] < 1e-5
    assert found["roofline"]["flops per step"]["value"] == 62336


@pytest.mark.learns
def test_what_scales_is_measured():
    found = scaling.train_lanes(2, on_cores=False)
    assert len(found["sps"]) == throughput.REPEATS and min(found["sps"]) > 0 and found["memory_bytes"] > 0
