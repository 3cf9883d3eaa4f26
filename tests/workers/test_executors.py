"""Sweeps by workers in processes of their own, as users start them: the same bits, whatever is lost on the way."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxac.storage import run_directory
from tests.processes import CACHE, environment
from tests.whole_runs import rows, summary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs a core for each of two workers"),
]
SMALL = ("env.num_envs=8", "algo.unroll_length=4", "network.hidden_sizes=[8]", "evaluation.episodes=4")
SWEEP = ("-m", "hydra/launcher=vmap", "+algo=a2c", *SMALL)
LONG = ("total_env_steps=64000", "logger.every=320", "checkpoint.every=1600", "evaluation.every=0")
ENDLESS = ("total_env_steps=1000000000", *LONG[1:])
TWO, CORES = "hydra.launcher.workers=2", "hydra.launcher.how=cores"
RAY, SUBMITIT = "hydra.launcher.executor=ray", "hydra.launcher.executor=submitit"
PATIENCE = 600
NEEDS = {RAY: "ray", SUBMITIT: "submitit"}


def command(*arguments):
    return [sys.executable, "-m", "jaxac.train", *arguments, CACHE]


def jaxac(*arguments, cwd, **changes):
    env = environment(JAX_PLATFORMS="cpu", **changes)
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=cwd, env=env, timeout=PATIENCE)


@pytest.fixture
def start(tmp_path):
    """``start(*arguments)``: the command as a user starts it, in a session of its own."""
    started = []

    def begin(*arguments):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        env = environment(JAX_PLATFORMS="cpu")
        process = subprocess.Popen(command(*arguments), cwd=tmp_path, env=env, start_new_session=True, **pipes)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for(condition, process):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def begun(sweep, jobs, count=20):
    """True once each job has so many rows."""

    def rows_of(job):
        path = sweep / str(job) / "metrics.jsonl"
        return path.read_text().count("\n") if path.exists() else 0

    return lambda: all(rows_of(job) >= count for job in jobs)


def same(one, other, count):
    for job in map(str, range(count)):
        assert rows(one / job) == rows(other / job)
        mine, its = summary(one / job), summary(other / job)
        assert mine["params_digest"] == its["params_digest"] and mine["xla_threads"] == its["xla_threads"]
        told = ("device", "restarts", "run_id", "directory", "command")
        kept = [name for name in its if name not in told and not name.startswith("time/")]
        assert [mine[name] for name in kept] == [its[name] for name in kept]


def events(sweep):
    return [json.loads(line) for line in (sweep / "workers" / "events.jsonl").read_text().splitlines()]


def trainer_of(sweep, job):
    """The process that trains a job, as its lock says."""
    return json.loads((sweep / str(job) / ".lock").read_text())["process"]


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    """A sweep of two programs, trained by one process, each job with the bits of a single run."""
    base = tmp_path_factory.mktemp("today")
    done = jaxac(*SWEEP, CORES, *LONG, *JOBS, f"hydra.sweep.dir={base / 'sweep'}", cwd=base)
    assert done.returncode == 0, done.stderr
    return base / "sweep"


JOBS = ("seed=0,1", "optimizer.learning_rate=1e-3,3e-3", "env.num_envs=8,16")


def installed(executor):
    return importlib.util.find_spec(NEEDS.get(executor, "jaxac")) is not None


@pytest.mark.parametrize("executor", ["hydra.launcher.executor=local", RAY, SUBMITIT])
def test_bits_are_those_of_one_process(tmp_path, today, executor):
    if not installed(executor):
        pytest.skip(f"needs pip install 'jaxac[{NEEDS[executor]}]'")
    sweep, more = tmp_path / "sweep", ["hydra.launcher.submitit.cluster=local"] if executor == SUBMITIT else []
    done = jaxac(*SWEEP, *LONG, *JOBS, executor, TWO, *more, f"hydra.sweep.dir={sweep}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "8 jobs: 8 lanes in 2 tasks, 2 at once" in done.stdout
    assert done.stdout.count("8 completed") == 1 and "8/8 done" in done.stdout
    same(sweep, today, 8)
    assert [event["event"] for event in events(sweep)].count("end") == 2
    for number in range(2):
        assert "4 jobs: 4 lanes in 1 compiled program" in (sweep / "workers" / f"task-{number}.log").read_text()
    again = jaxac(f"resume={sweep}", cwd=tmp_path)
    assert again.returncode == 0 and "8 complete before" in again.stdout


def test_lanes_of_one_call_are_those_of_one_process(tmp_path):
    """Three and two of them: the two are lanes of a program of three, as if the others were in the same process."""
    lanes = (*SWEEP, "hydra.launcher.how=vmap", "seed=range(0,5)", "total_env_steps=640")
    for place, more in (("one", "hydra.launcher.max_lanes=3"), ("two", TWO)):
        where = f"hydra.sweep.dir={tmp_path / place}"
        done = jaxac(*lanes, more, where, cwd=tmp_path, XLA_FLAGS="--xla_force_host_platform_device_count=1")
        assert done.returncode == 0, done.stderr
    same(tmp_path / "two", tmp_path / "one", 5)


@pytest.mark.parametrize("executor", ["hydra.launcher.executor=local", RAY, SUBMITIT])
def test_a_worker_that_is_killed_costs_nothing_but_time(tmp_path, today, start, executor):
    """Its jobs go on from their checkpoints, and say so; the other worker's are not disturbed."""
    if not installed(executor):
        pytest.skip(f"needs pip install 'jaxac[{NEEDS[executor]}]'")
    sweep, more = tmp_path / "sweep", ["hydra.launcher.submitit.cluster=local"] if executor == SUBMITIT else []
    process = start(*SWEEP, *LONG, *JOBS, executor, TWO, *more, f"hydra.sweep.dir={sweep}")
    wait_for(begun(sweep, (0, 2)), process)
    killed = trainer_of(sweep, 0)
    os.kill(killed, signal.SIGKILL)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "its worker was lost (" in output
    same(sweep, today, 8)
    (lost,) = (event for event in events(sweep) if event["event"] == "lost")
    assert lost["process"] == killed and "0" in lost["jobs"] and lost["reason"]
    assert sorted(job for job in "01234567" if summary(sweep / job)["restarts"]) == sorted(lost["jobs"])


@pytest.mark.parametrize("executor", ["hydra.launcher.executor=local", RAY])
def test_a_signal_to_the_driver_stops_workers_which_save(tmp_path, today, start, executor):
    if not installed(executor):
        pytest.skip(f"needs pip install 'jaxac[{NEEDS[executor]}]'")
    sweep = tmp_path / "sweep"
    process = start(*SWEEP, *LONG, *JOBS, executor, TWO, f"hydra.sweep.dir={sweep}")
    wait_for(begun(sweep, range(8), 10), process)
    workers = [trainer_of(sweep, job) for job in range(8)]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGINT and errors == ""
    assert f"resume with: python -m jaxac.train resume={sweep}" in output
    assert {summary(sweep / str(job))["status"] for job in range(8)} <= {"interrupted", "completed"}
    are_gone(workers)
    done = jaxac(f"resume={sweep}", "hydra.launcher.workers=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for job in map(str, range(8)):
        assert rows(sweep / job) == rows(today / job)
        assert summary(sweep / job)["params_digest"] == summary(today / job)["params_digest"]


def test_a_second_signal_stops_at_once(tmp_path, start):
    sweep = tmp_path / "sweep"
    process = start(*SWEEP, *ENDLESS, "seed=0,1", TWO, f"hydra.sweep.dir={sweep}")
    wait_for(begun(sweep, (0, 1)), process)
    workers = [trainer_of(sweep, job) for job in (0, 1)]
    for each in workers:
        os.kill(each, signal.SIGSTOP)  # so that they cannot save
    process.send_signal(signal.SIGTERM)
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    are_gone(workers)
    assert all(run_directory.has_begun(sweep / job) for job in "01")


def test_workers_of_a_driver_that_is_killed_save_and_end(tmp_path, start):
    sweep = tmp_path / "sweep"
    process = start(*SWEEP, *ENDLESS, "seed=0,1", TWO, f"hydra.sweep.dir={sweep}")
    wait_for(begun(sweep, (0, 1)), process)
    workers = [trainer_of(sweep, job) for job in (0, 1)]
    process.kill()
    process.communicate()
    are_gone(workers)
    assert [summary(sweep / job)["status"] for job in "01"] == ["interrupted"] * 2


def test_a_search_proposes_as_many_at_once_as_are_trained_at_once(tmp_path):
    space = "optimizer.learning_rate=interval(1e-4, 1e-2)"
    search = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=4", space)
    short = (*SWEEP, "total_env_steps=3200", *search)
    for place, more in (("one", (CORES,)), ("two", (TWO,))):
        done = jaxac(*short, *more, f"hydra.sweep.dir={tmp_path / place}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("4 jobs: 4 lanes in 2 tasks, 2 at once") == 2
    assert done.stdout.count("8 jobs: 8 completed") == 1
    same(tmp_path / "two", tmp_path / "one", 8)
    processes = {trainer_of(tmp_path / "two", job) for job in range(8)}
    assert len(processes) == 2  # which stay for the next proposals


def test_a_job_that_diverges_fails_alone_and_once(tmp_path):
    sick = "optimizer.learning_rate=1e-3,1e38"
    sweep = tmp_path / "sweep"
    done = jaxac(*SWEEP, "total_env_steps=3200", "seed=0,1", sick, TWO, f"hydra.sweep.dir={sweep}", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "diverged" in done.stderr.splitlines()[-1]
    assert [summary(sweep / job)["status"] for job in "0123"] == ["completed", "diverged"] * 2
    assert not [event for event in events(sweep) if event["event"] == "lost"]


@pytest.mark.skipif(not installed(SUBMITIT), reason="needs pip install 'jaxac[submitit]'")
def test_a_part_whose_time_is_up_is_submitted_again(tmp_path, today, start):
    """As Slurm says it: by a signal some seconds before."""
    sweep = tmp_path / "sweep"
    local = (SUBMITIT, TWO, "hydra.launcher.submitit.cluster=local")
    process = start(*SWEEP, *LONG, *JOBS, *local, f"hydra.sweep.dir={sweep}")
    wait_for(begun(sweep, (0, 2)), process)
    os.kill(trainer_of(sweep, 0), signal.SIGUSR2)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "its worker was lost (it was stopped by SIGUSR2)" in output
    same(sweep, today, 8)


REFUSALS = {
    ("hydra.launcher.workers=99999",): "hydra.launcher.workers=99999 needs a device for each worker",
    (RAY, "hydra.launcher.ray.address=127.0.0.1:1"): "hydra.launcher.ray.address=127.0.0.1:1 cannot be reached",
    (RAY, "hydra.launcher.ray.num_cpus=99999"): "hydra.launcher.ray.num_cpus=99999 and num_gpus=0 are more than",
    (SUBMITIT, "hydra.launcher.submitit.timeout_min=soon"): "hydra.launcher.submitit does not work",
    (SUBMITIT, "+hydra.launcher.submitit.slurm_x=1"): "Unknown argument 'x' for executor 'slurm'",
}


@pytest.mark.parametrize("arguments", REFUSALS, ids=lambda arguments: arguments[-1])
def test_what_cannot_work_is_refused_before_a_worker_starts(tmp_path, arguments):
    if not installed(arguments[0]):
        pytest.skip(f"needs pip install 'jaxac[{NEEDS[arguments[0]]}]'")
    done = jaxac(*SWEEP, "seed=0,1", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert REFUSALS[arguments] in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert not os.listdir(tmp_path)


def are_gone(pids):
    deadline = time.monotonic() + 30
    while left := [pid for pid in pids if lives(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def lives(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
