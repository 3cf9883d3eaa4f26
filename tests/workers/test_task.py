"""A worker's part: it opens the jobs where it is, trains them, and tells how they ended."""

import fcntl
import os
from pathlib import Path

import pytest

from jaxac.errors import ConfigError, DivergedError
from jaxac.storage import lock, run_directory
from jaxac.workers import task as task_module
from jaxac.workers.base import Entry, Sweep, Task
from tests.processes import CACHE
from tests.whole_runs import rows, runs_in, summary

QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false")


@pytest.fixture
def task(small_config, tmp_path):
    """``task(*jobs)``: a task of jobs, given as overrides, in this process' folder."""
    sweep = Sweep(
        tmp_path, tmp_path / "probe", tmp_path / "stop", 4, "cores", Path.cwd(), True, False, None, {"command": "it"}
    )
    sweep.probe.touch()

    def make(*jobs, restarts=0):
        entries = [
            Entry(small_config(*QUIET, *overrides), tmp_path / str(number), list(overrides), "group", restarts)
            for number, overrides in enumerate(jobs)
        ]
        return Task(7, entries, 1, sweep)

    return make


def test_jobs_are_what_they_are_by_themselves(task, small_config, tmp_path):
    done = task_module.train(task(("seed=0",), ("seed=1",)))
    assert done.stopped is None and done.refusal is None
    run = runs_in(tmp_path / "alone", small_config, *QUIET)
    for number in (0, 1):
        here, alone = tmp_path / str(number), run(f"seed={number}", at=str(number))
        assert rows(here) == rows(alone)
        assert summary(here)["params_digest"] == summary(alone)["params_digest"]
        assert done.trained[number].result == summary(alone)["eval/return_mean"]
        assert summary(here)["command"] == "it" and summary(here)["restarts"] == 0
        assert summary(here)["device"].startswith("cpu, ")


def test_what_was_begun_goes_on(task, tmp_path):
    task_module.train(task(("seed=0", "stop_after_updates=4")))
    assert summary(tmp_path / "0")["updates"] == 4
    task_module.train(task(("seed=0",), restarts=2)._replace(again=True))
    assert summary(tmp_path / "0")["updates"] == 10
    assert summary(tmp_path / "0")["restarts"] == 2
    whole = summary(tmp_path / "0")
    assert task_module.train(task(("seed=0",))).trained[0].result == whole["eval/return_mean"]
    assert summary(tmp_path / "0") == whole


def test_a_job_that_fails_leaves_the_others_alone(task, tmp_path):
    sick = ("optimizer.learning_rate=1e38", "optimizer.max_grad_norm=null")
    first, second = task_module.train(task(sick, ("seed=1",))).trained
    assert isinstance(first.result, DivergedError) and first.ended.statuses == ("diverged",)
    assert second.result > 0


def test_a_directory_that_another_process_has_is_refused(task, tmp_path):
    (tmp_path / "0").mkdir()
    descriptor = os.open(tmp_path / "0" / lock.LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    first, second = task_module.train(task(("seed=0",), ("seed=1",))).trained
    os.close(descriptor)
    assert isinstance(first.result, ConfigError) and "is being trained by" in str(first.result)
    assert first.ended.statuses == ("failed",) and second.result > 0


def test_what_a_worker_does_not_see_it_does_not_make(task, tmp_path, monkeypatch):
    monkeypatch.setattr(task_module, "_SEEN_SECONDS", 0.0)
    unseen = task(("seed=0",))
    unseen.sweep.probe.unlink()
    done = task_module.train(unseen)
    assert done.refusal and done.refusal.startswith(f"{tmp_path.parent} cannot be seen on ")
    assert not (tmp_path / "0").exists()


def test_a_file_stops_it(task, tmp_path):
    asked = task(("seed=0",), ("seed=1",))
    asked.sweep.stop.touch()
    done = task_module.train(asked)
    assert done.stopped == 15
    assert [summary(tmp_path / name)["status"] for name in "01"] == ["interrupted"] * 2
    assert run_directory.has_begun(tmp_path / "0")
