"""A3C whose gradients are computed in processes of Ray's, which all these tests share.

pip install -e ".[ray]" && python -m pytest -m slow -n 0 tests/algos/test_ray.py
"""

import importlib.util
import itertools
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from experiments.many import after_a_loss, descendants, events_of, learners, nodes, title
from jaxac.algos.realtime import cluster, pool
from jaxac.errors import ConfigError, RunError
from jaxac.runs import runner
from jaxac.runs.job import Job
from jaxac.storage import checkpoint, run_directory
from tests.processes import CACHE, environment
from tests.whole_runs import runs_in, summary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs pip install 'jaxac[ray]'"),
]
A3C = ("+algo=a3c", "algo.num_shards=2")
RAY = (*A3C, "algo.runtime=ray")
QUIET = ("logger.curve=false", "logger.gif=false", "evaluation.episodes=4")


@pytest.fixture(scope="module")
def ray():
    """Ray with two cores, joined by this process."""
    ray = cluster.library()
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def run(ray, small_config, run_dir):
    """``run(*overrides, at=…)``: trains in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, *QUIET, CACHE)


def replayed(run, directory, *overrides):
    """The digest of a replay in this process alone."""
    again = run(*A3C, "algo.runtime=replay", f"algo.events={directory}", *overrides, at="again")
    return summary(again)["params_digest"]


def test_one_shard_is_one_thread_bit_for_bit(run):
    one = ("+algo=a3c", "algo.num_shards=1")
    directories = [run(*one, f"algo.runtime={runtime}", at=runtime) for runtime in ("threads", "ray")]
    assert summary(directories[1])["params_digest"] == summary(directories[0])["params_digest"]
    rows = [run_directory.rows(directory)[-1] for directory in directories]
    for name in ("train/policy_loss", "train/episode_return", "async/parameter_distance", "eval/return_mean"):
        assert rows[1][name] == rows[0][name]


def test_a_run_goes_on_with_more_learners_and_a_replay_gives_its_bits(run):
    """One learner for two shards; then two."""
    directory = run(*RAY, "algo.ray.learners=1", "stop_after_updates=20", "total_env_steps=1600")
    assert summary(directory)["status"] == "interrupted"
    run(*RAY, f"resume={directory}", "total_env_steps=1600")
    assert summary(directory)["env_steps"] == 1600
    assert summary(directory)["params_digest"] == replayed(run, directory, "total_env_steps=1600")


def test_nothing_is_lost_with_the_learners_that_are_killed(run, monkeypatch):
    """Both at once, in the middle of whatever they do."""
    gradient, calls, killed = pool.Pool.gradient, itertools.count(), []

    def deadly(self, *arguments):
        if next(calls) == 40:
            killed.extend(learners(os.getpid()))
            for each in killed:
                os.kill(each, signal.SIGKILL)
        return gradient(self, *arguments)

    monkeypatch.setattr(pool.Pool, "gradient", deadly)
    directory = run(*RAY, "total_env_steps=3200")
    assert len(killed) == 2
    assert summary(directory)["env_steps"] == 3200
    lost = [event for event in events_of(directory) if event["event"] == "lost"]
    assert {line["learner"] for line in lost} == {0, 1}
    assert sum(row["async/calls_lost"] for row in run_directory.rows(directory)) == len(lost)
    told = summary(directory)["learners"]
    assert sum(each["calls_lost"] for each in told) == len(lost)
    assert sum(each["pushes"] for each in told) == 3200 // 8 // 4 * 2
    assert summary(directory)["params_digest"] == replayed(run, directory, "total_env_steps=3200")


def test_a_learner_that_hangs_is_killed_and_nothing_is_lost_with_it(run, monkeypatch):
    """Stopped for good in the middle of whatever it does, which Ray by itself does not notice."""
    gradient, calls, stopped = pool.Pool.gradient, itertools.count(), []

    def hanging(self, *arguments):
        if next(calls) == 40:
            stopped.append(learners(os.getpid())[0])
            os.kill(stopped[0], signal.SIGSTOP)
        return gradient(self, *arguments)

    monkeypatch.setattr(pool, "_HANGS", (2.0, 1.0))
    monkeypatch.setattr(pool.Pool, "gradient", hanging)
    directory = run(*RAY, "total_env_steps=128000")
    lost = [event for event in events_of(directory) if event["event"] == "lost"]
    assert len(lost) == 1 and lost[0]["after"] >= 2
    assert stopped[0] not in learners(os.getpid())
    assert summary(directory)["env_steps"] == 128000
    assert summary(directory)["params_digest"] == replayed(run, directory, "total_env_steps=128000")


def test_while_a_learner_is_lost_the_others_go_on_and_what_comes_too_late_is_dropped(run, monkeypatch):
    """One of two, and the loss is noticed three seconds later than Ray tells of it."""
    gradient, calls = pool.Pool.gradient, itertools.count()
    expect = pool.Pool._expect

    def deadly(self, *arguments):
        if next(calls) == 40:
            os.kill(learners(os.getpid())[0], signal.SIGKILL)
        return gradient(self, *arguments)

    def late(self, learner):
        expect(self, learner)
        time.sleep(3)

    monkeypatch.setattr(pool.Pool, "gradient", deadly)
    monkeypatch.setattr(pool.Pool, "_expect", late)
    directory = run(*RAY, "total_env_steps=128000", "logger.every=12800")
    events = events_of(directory)
    seen = after_a_loss(events)
    assert seen["calls_lost"] == 1
    assert seen["gap"] < 1 and seen["back"] < 15
    pushes = [event for event in events if event["event"] == "push"]
    old = [event for event in pushes if event["version"] - (not event["dropped"]) - event["read"] > 32]
    assert old == [event for event in pushes if event["dropped"]]
    (lost,) = (event["push"] for event in events if event["event"] == "lost")
    assert lost in [event["push"] for event in old]
    assert sum(row["async/pushes_dropped"] for row in run_directory.rows(directory)) == len(old)
    assert summary(directory)["params_digest"] == replayed(run, directory, "total_env_steps=128000")


def test_a_node_may_be_killed(run_dir, run):
    """One of three, with a learner on it, which is then started on another."""
    steps = ("total_env_steps=64000", "logger.every=640", "checkpoint.every=16000")
    with nodes(3) as (address, others):
        process = start(f"hydra.run.dir={run_dir / 'a'}", *RAY, *steps, f"algo.ray.address={address}")
        try:
            trains(process, run_dir / "a")
            (remove, *_) = (remove for remove, pids in others.items() if any(map(learners, pids())))
            remove()
            _, errors = process.communicate(timeout=300)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    events = events_of(run_dir / "a")
    assert after_a_loss(events)["calls_lost"] > 0
    told = [[event[name] for name in ("push", "shard")] for event in events if event["event"] == "push"]
    assert [push for push, _ in told] == list(range(1, 4001)) and {shard for _, shard in told} == {0, 1}


def test_without_a_lock_all_pushes_count(run):
    directory = run(*RAY, "algo.lock=false")
    assert summary(directory)["env_steps"] == 320
    assert sum(sum(row["async/shard_env_steps"]) for row in run_directory.rows(directory)) == 320


def test_learners_that_never_come_back_end_the_run_in_one_sentence(run, run_dir, monkeypatch):
    """The run goes on from its last checkpoint."""
    gradient, calls = pool.Pool.gradient, itertools.count()

    def last(self, *arguments):
        if next(calls) == 40:
            monkeypatch.setattr(pool, "_PATIENCE", 0.5)
            for each in self._learners:
                self._ray.kill(each)  # and not to be started again
        return gradient(self, *arguments)

    monkeypatch.setattr(pool.Pool, "gradient", last)
    with pytest.raises(RunError, match=r"^algo\.runtime=ray: all learners are lost, and none has come back in"):
        run(*RAY, "total_env_steps=3200", "checkpoint.every=160")
    assert checkpoint.read(checkpoint.newest(run_dir / "a" / "checkpoints")).updates > 0


def test_a_gradient_over_which_every_learner_is_lost_ends_the_run(run, monkeypatch):
    borrowed = pool.Pool._borrowed

    def deadly(self, number):
        learner = borrowed(self, number)
        self._ray.kill(self._learners[learner], no_restart=False)
        return learner

    monkeypatch.setattr(pool, "_TRIES", 1)
    monkeypatch.setattr(pool.Pool, "_borrowed", deadly)
    with pytest.raises(RunError, match=r"1 learners were lost over the same gradient of shard 0; see Ray's logs"):
        run("+algo=a3c", "algo.num_shards=1", "algo.runtime=ray")


def test_a_learner_with_other_packages_is_refused():
    with pytest.raises(ConfigError, match=r"a learner has jax 0\.0\.1, and here is 0\.0\.2"):
        pool._check([{"versions": {"jax": "0.0.1"}, "xla_threads": 1}], {"jax": "0.0.2"})


def test_more_learners_than_cores_are_refused(run):
    with pytest.raises(ConfigError, match=r"algo\.ray\.learners=3 asks for 3 cores, one a learner, and Ray has 2"):
        run("+algo=a3c", "algo.num_shards=4", "algo.runtime=ray", "algo.ray.learners=3")


def test_an_address_where_nobody_answers_is_refused(ray, small_config, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    for address, reason in ((nobody, "refused"), ("ray://there:10001", "Ray Client"), ("here:there", "invalid")):
        with pytest.raises(ConfigError, match=f"algo.ray.address={address} cannot be reached: .*{reason}"):
            runner.train([Job(small_config(*RAY, f"algo.ray.address='{address}'"))])
    several = [Job(small_config(*RAY, f"algo.ray.address={name}")) for name in ("one:1", "two:2")]
    with pytest.raises(ConfigError, match=r"algo\.ray\.address=one:1, two:2: jobs that are trained in one process"):
        runner.train(several)


def test_stopped_or_killed_a_run_on_one_machine_leaves_no_process_behind(run_dir):
    """Ctrl-C in a terminal, which all processes in front get; then kill -9 of the one that was started."""
    process = start(f"hydra.run.dir={run_dir}", *RAY)
    trains(process, run_dir)
    others = descendants(process.pid)
    assert len(learners(process.pid)) == 2
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, errors
    assert errors == ""
    assert summary(run_dir)["status"] == "interrupted"
    assert f"resume={run_dir}" in output
    are_gone(others)

    before = summary(run_dir)["updates"]
    process = start(f"resume={run_dir}")
    trains(process, run_dir)
    others = [each for each in descendants(process.pid) if not title(each).endswith("Agent")]  # Ray's: within a minute
    assert len(learners(process.pid)) == 2
    process.kill()
    process.communicate()
    are_gone(others)
    assert checkpoint.read(checkpoint.newest(run_dir / "checkpoints")).updates > before


def start(*overrides):
    """The command as a user starts it, in a group of processes of its own."""
    command = [
        sys.executable,
        "-m",
        "jaxac.train",
        "env.num_envs=8",
        "algo.unroll_length=4",
        "total_env_steps=100000000",
    ]
    several = ("checkpoint.every=320", "logger.every=320", "evaluation.every=0", "logger.console=false", CACHE)
    text = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    arguments = [*command, *several] if "resume" not in overrides[0] else command[:3]
    variables = environment(NPROC="2", JAX_PLATFORMS="cpu")
    return subprocess.Popen([*arguments, *overrides], env=variables, start_new_session=True, **text)


def trains(process, directory):
    """Waits until a process has written another row."""
    rows, deadline = directory / "metrics.jsonl", time.monotonic() + 120
    size = rows.stat().st_size if rows.exists() else 0
    while not (rows.exists() and rows.stat().st_size > size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def are_gone(pids):
    deadline = time.monotonic() + 20
    while left := [title(pid) for pid in pids if title(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
