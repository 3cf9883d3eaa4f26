import json

import pytest

from experiments import ablation, common


def run(*returns):
    return {"returns": list(returns), "env_steps": [100 * (i + 1) for i in range(len(returns))], "train_seconds": 1.0}


@pytest.mark.parametrize(
    "returns, solved, stays",
    [((100, 480, 500), 1, 1), ((480, 449, 500), 1, 0), ((480, 451, 474), 0, 1), ((100, 200, 474), 0, 0)],
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
    default = common.make_config("+algo=a2c")
    assert (common.make_config("+algo=a2c", *overrides) == default) == (name == "default")


def test_a_result_says_where_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    path = common.save("some", {"figure": 1})
    assert {"command", "versions", "devices", "figure"} <= set(json.loads(path.read_text()))
    assert common.load("some")["figure"] == 1
    assert common.load("none") == {}


def test_learning_in_memory_is_the_runs_own_learning(small_config, tmp_path):
    """The experiments' loop and the command's give the same evaluations, bit for bit."""
    from jaxac import run_directory, runner

    silent = ("logger.curve=false", "logger.gif=false", "logger.console=false")
    config = small_config("evaluation.every=160", "evaluation.episodes=8", *silent)
    runner.train(config, run_directory.open_run(config, tmp_path / "run", []), None)
    rows = run_directory.rows(tmp_path / "run")
    assert rows[-1]["eval_return_mean"] == common.learn(config)["returns"][-1]
