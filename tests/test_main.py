"""``python -m jaxac`` and the small commands."""

import sys
from importlib import metadata

import pytest

import jaxac.evaluate
import jaxac.train
from jaxac import __main__ as front
from jaxac.errors import ConfigError
from tests.processes import CACHE

evaluate_command, train_command = sys.modules["jaxac.evaluate"], sys.modules["jaxac.train"]


def run(monkeypatch, command, *arguments):
    monkeypatch.setattr(sys, "argv", ["jaxac", *map(str, arguments)])
    command.main()


def test_it_says_what_there_is(monkeypatch, capsys):
    run(monkeypatch, front)
    said = capsys.readouterr().out
    for command in ("jaxac.train", "jaxac.evaluate", "jaxac.report"):
        assert f"python -m {command}" in said


@pytest.mark.parametrize("command", [front, train_command])
def test_the_version_is_jaxacs(monkeypatch, capsys, command):
    run(monkeypatch, command, "--version")
    assert capsys.readouterr().out.strip() == metadata.version("jaxac") == jaxac.__version__


def test_an_unknown_command_is_said(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, front, "trian")
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "jaxac: trian is not a command; python -m jaxac lists them.\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from tests.conftest import SMALL

    path = tmp_path_factory.mktemp("runs") / "a"
    jaxac.train(jaxac.make_config("+algo=a2c", *SMALL, CACHE, "evaluation.episodes=8"), path)
    return path


def test_a_run_is_evaluated(monkeypatch, capsys, trained, tmp_path):
    gif = tmp_path / "episode.gif"
    settings = ("episodes=7", "greedy=true", "env.params.max_steps_in_episode=5", "--gif", gif)
    run(monkeypatch, evaluate_command, trained, *settings)
    said = capsys.readouterr().out
    assert said.startswith("A2C on CartPole-v1: return 5.0 ± 0.0 over 7 episodes, most probable actions")
    assert said.endswith(f"an episode in {gif}\n")
    assert gif.stat().st_size > 1000


def test_the_best_policy_is_evaluated_by_the_run_s_own_settings(monkeypatch, capsys, trained):
    run(monkeypatch, evaluate_command, trained, "best=true", "evaluation.episodes=3", "seed=4")
    assert "over 3 episodes, sampled actions" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("none",), "none does not exist"),
        (("a", "b"), "give one run, not 2"),
        (("episodes=3",), "give one run, not 0"),
        (("RUN", "episodes=many"), "episodes=many is not valid: give a whole number"),
        (("RUN", "episodes=true"), "episodes=true is not valid: give a whole number"),
        (("RUN", "greedy=1"), "greedy=1 is not valid: give true or false"),
        (("RUN", "episodes=0"), "episodes=0 is not valid: give at least 1"),
        (("RUN", "episode=3"), "episode is not a setting; there are episodes"),
        (("RUN", "env.params.nope=1"), "env.params.nope=1 is not a parameter of CartPole-v1"),
        (("RUN", "--episodes=3"), "settings are written episodes=1000, without dashes"),
        (("RUN", "--gif"), "--gif needs a file"),
        (("RUN", "episodes=[1"), "episodes=[1 is not valid"),
        (("RUN", "--gif", "/no/such/place.gif"), "cannot write --gif /no/such/place.gif"),
    ],
)
def test_a_mistake_is_one_sentence(monkeypatch, capsys, trained, arguments, expected):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, evaluate_command, *(trained if text == "RUN" else text for text in arguments))
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("jaxac: ") and said.count("\n") == 1
    assert expected in said


def test_there_is_help(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, evaluate_command, "--help")
    assert stopped.value.code == 0
    assert "env.params.NAME=V" in capsys.readouterr().out
    assert ConfigError.exit_code == 2
