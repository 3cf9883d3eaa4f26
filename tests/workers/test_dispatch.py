"""Tasks are given out as many at once as there are workers, and given out again if one of these is lost."""

import json
import signal
from pathlib import Path

import pytest

from jaxac.config.schema import Config
from jaxac.errors import ConfigError, RunError
from jaxac.loggers.closing import Ended
from jaxac.runs.signals import StopRequest
from jaxac.workers import dispatch, driver
from jaxac.workers.base import Done, Entry, LostError, Sweep, Task, Trained
from jaxac.workers.settings import Settings


class Scripted:
    """Workers that do what a script says of every attempt at a task: a ``Done``, an error, or a call."""

    cores = 1

    def __init__(self, script):
        self._script, self.begun, self.most, self.closed = script, [], 0, False
        self._open = 0

    def begin(self, task):
        self.begun.append(task)
        self._open += 1
        self.most = max(self.most, self._open)
        ends = iter(self._script.get(task.number, []))
        return Attempt(self, next(each for n, each in enumerate(ends) if n == self._attempts(task) - 1), task)

    def _attempts(self, task):
        return sum(each.number == task.number for each in self.begun)

    def close(self):
        self.closed = True


class Attempt:
    def __init__(self, workers, end, task):
        self._workers, self._end, self._looks = workers, end, 0

    def poll(self):
        self._looks += 1
        assert self._looks < 9
        end = self._end() if callable(self._end) else self._end
        if self._looks < 2 or end is None:
            return None
        self._workers._open -= 1
        if isinstance(end, Exception):
            raise end
        return end


class Silent:
    """A display of nothing."""

    def look(self):
        pass

    def end(self, directory):
        return f"job {directory.name}"


@pytest.fixture
def run(tmp_path, monkeypatch, small_config):
    """``run(script, workers=…, retries=…)``: the ends by job, the workers, what was said, and the events."""
    monkeypatch.setattr(dispatch, "_PAUSE", 0.0)

    def play(script, workers=2, retries=1, stop=None):
        sweep = Sweep(tmp_path, tmp_path / "probe", tmp_path / "stop", 4, "cores", Path.cwd(), True, False, 1, {})
        tasks = [Task(number, [entry(small_config(), tmp_path, number)], 1, sweep) for number in script]
        scripted, said = Scripted(script), []
        settings = Settings(4, "cores", "local", workers, retries, {}, {})
        batch = dispatch.Dispatch(scripted, settings, tmp_path / "events", Silent(), stop or StopRequest(), said.append)
        try:
            ended = batch.run(tasks)
        finally:
            play.workers, play.said = scripted, said
            play.events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
        return {directory.name: each for directory, each in ended.items()}

    return play


def entry(config: Config, base: Path, number: int) -> Entry:
    (base / str(number)).mkdir(exist_ok=True)
    return Entry(config, base / str(number), [], None)


def done(result=1.0, **more):
    return Done([Trained(result, Ended("", ("completed",), None, None))], **more)


def test_all_are_trained_as_many_at_once_as_there_are_workers(run):
    ended = run({number: [done(float(number))] for number in range(5)}, workers=2)
    assert {name: each.result for name, each in ended.items()} == {str(number): number for number in range(5)}
    assert ended["3"].ended.label == "job 3"
    assert run.workers.most == 2 and not run.workers.closed
    assert [event["event"] for event in run.events].count("lost") == 0


def test_a_lost_task_is_begun_again_and_the_job_knows(run, tmp_path):
    ended = run({0: [LostError("by a storm"), done()], 1: [done()]})
    first, second = (task for task in run.workers.begun if task.number == 0)
    assert (first.again, second.again) == (False, True)
    assert (first.entries[0].restarts, second.entries[0].restarts) == (0, 1)
    assert ended["0"].result == 1.0
    (lost,) = (event for event in run.events if event["event"] == "lost")
    assert (lost["task"], lost["jobs"], lost["reason"]) == (0, ["0"], "by a storm")
    assert "begun again from its checkpoints, 1 of 1 times" in run.said[0] or "1 of 1 times" in run.said[0]
    assert driver.restarts_of(tmp_path / "events") == {"0": 1}


def test_a_task_is_not_begun_again_for_ever_and_the_others_go_on(run):
    ended = run({0: [LostError("by a storm")] * 3, 1: [done()]}, retries=2)
    assert isinstance(ended["0"].result, RunError)
    assert "job 0: its worker was lost 3 times, in the end because by a storm; see" in str(ended["0"].result)
    assert ended["0"].ended.statuses == ("failed",) and ended["1"].result == 1.0
    assert [task.number for task in run.workers.begun].count(0) == 3


def test_jobs_that_ended_before_their_worker_was_lost_keep_their_ends(run, tmp_path):
    for number, steps in enumerate((320, 160)):  # the other of an earlier session, that was to be shorter
        (tmp_path / str(number)).mkdir()
        summary = {"status": "completed", "eval/return_mean": 7.0, "env_steps": steps}
        (tmp_path / str(number) / "summary.json").write_text(json.dumps(summary))
    ended = run({number: [LostError("by a storm")] for number in (0, 1)}, retries=0)
    assert (ended["0"].result, ended["0"].ended.statuses) == (7.0, ("completed",))
    assert isinstance(ended["1"].result, RunError) and ended["1"].ended.statuses == ("failed",)


def test_a_job_that_failed_by_itself_is_not_begun_again(run):
    ended = run({0: [done(ConfigError("seed=x is not valid."))], 1: [done()]})
    assert str(ended["0"].result) == "seed=x is not valid."
    assert len(run.workers.begun) == 2


def test_a_sweep_of_which_all_jobs_are_refused_is_refused(run):
    with pytest.raises(ConfigError, match="seed=x"):
        run({0: [done(ConfigError("seed=x is not valid."))], 1: [done(ConfigError("seed=y is not valid."))]})


def test_a_queue_that_stops_a_task_has_it_begun_again(run):
    """Its time was up, or others came first; nobody asked the driver to stop."""
    ended = run({0: [done(None, stopped=signal.SIGUSR2), done()]})
    assert ended["0"].result == 1.0
    assert next(event for event in run.events if event["event"] == "lost")["reason"] == "it was stopped by SIGUSR2"


def test_a_directory_that_a_worker_does_not_see_ends_the_sweep(run):
    with pytest.raises(ConfigError, match=r"^hydra\.sweep\.dir: /there cannot be seen on far, where .*=local has"):
        run({0: [Done([], refusal="/there cannot be seen on far")], 1: [done()]})
    assert run.workers.closed


def test_asked_to_stop_it_tells_workers_and_waits_for_them(run, tmp_path):
    stop = StopRequest()

    def asked():
        stop(signal.SIGTERM, None)
        return done()

    def stopped():
        return done(None, stopped=signal.SIGTERM) if (tmp_path / "stop").exists() else None

    ended = run({0: [asked], 1: [stopped], 2: [done()]}, stop=stop)
    assert [task.number for task in run.workers.begun] == [0, 1]
    assert set(ended) == {"0", "1"}


def test_whatever_ends_it_ends_the_workers(run):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run({0: [interrupted]})
    assert run.workers.closed
