"""How far it is from the command to the mathematics, and what a newcomer must read for the loop."""

import sys
import traceback
from concurrent.futures import Future
from pathlib import Path

import jax
import pytest

import jaxac
from jaxac import programs
from jaxac.agent import returns
from jaxac.programs import program
from jaxac.runs import runner
from tests.conftest import SMALL
from tests.processes import CACHE

ROOT = str(Path(jaxac.__file__).parent)
MOST = 12


class AtOnce:
    """A pool that does what it is given at once, on the stack of who gives it."""

    def __init__(self, workers=1):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def shutdown(self, **how):
        pass

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future

    def map(self, function, values):
        return [function(value) for value in values]


@pytest.fixture
def frames(monkeypatch):
    """The functions of jaxac that were on the stack when the returns were first computed."""
    found = []
    compute = returns.lambda_returns

    def record(*arguments):
        if not found:
            stack = [frame for frame in traceback.extract_stack() if frame.filename.startswith(ROOT)]
            found.extend(f"{Path(frame.filename).name}:{frame.name}" for frame in stack)
        return compute(*arguments)

    monkeypatch.setattr(returns, "lambda_returns", record)
    for module in (program, runner):
        monkeypatch.setattr(module, "ThreadPoolExecutor", AtOnce)
    return found


def test_the_mathematics_is_close_to_the_command(frames, monkeypatch, tmp_path):
    programs.forget()
    jax.clear_caches()  # or an update that another test has traced is not traced here
    import jaxac.train  # noqa: F401

    quiet = ("logger.curve=false", "logger.gif=false", CACHE, "evaluation.episodes=4")
    arguments = ["+algo=a2c", *SMALL, *quiet, f"hydra.run.dir={tmp_path / 'run'}", "stop_after_updates=1"]
    monkeypatch.setattr(sys, "argv", ["jaxac", *arguments])
    sys.modules["jaxac.train"].main()
    assert frames[0] == "train.py:main"
    assert len(frames) + 1 <= MOST, frames
