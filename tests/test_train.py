"""The command as users type it, in processes of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from jaxac.devices import machine
from tests.processes import CACHE, environment
from tests.whole_runs import summary

SMALL = ["env.num_envs=8", "algo.unroll_length=4", "network.hidden_sizes=[8]", "logger.curve=false", "logger.gif=false"]
PATIENCE = 900
"""Seconds after which a process hangs, rather than shares its core with many others."""


def command(*arguments, cache=CACHE):
    return [sys.executable, "-m", "jaxac.train", *arguments, cache]


def jaxac(*arguments, cwd, cache=CACHE, **changes):
    env = environment(**changes)
    line = command(*arguments, cache=cache)
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=env, timeout=PATIENCE)


@pytest.mark.slow
def test_from_any_directory_without_login_prompt_or_network(tmp_path):
    """W&B is offline unless told otherwise, and leaves a run to be synchronized."""
    done = jaxac("algo=a2c", *SMALL, "total_env_steps=320", cwd=tmp_path, WANDB_MODE="offline", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (directory,) = tmp_path.glob("outputs/*/*")
    assert summary(directory)["status"] == "completed"
    assert list(directory.glob("wandb/offline-run-*/run-*.wandb"))
    assert "last evaluation: return" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_multirun_gives_every_job_its_own_run(tmp_path):
    done = jaxac("-m", "algo=a2c", *SMALL, "total_env_steps=320", "seed=0,1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = sorted(tmp_path.glob("multirun/*/*/[01]"))
    assert summary(first)["params_digest"] != summary(second)["params_digest"]


@pytest.mark.parametrize("launcher", ["basic", "vmap"])
def test_a_bad_job_stops_a_sweep_before_any_is_trained(tmp_path, launcher):
    sweep = ("-m", f"hydra/launcher={launcher}", "algo=a2c", *SMALL, "algo.num_shards=1,3")
    done = jaxac(*sweep, cwd=tmp_path)
    assert done.returncode == 2
    job = "jaxac: job 1 (algo.num_shards=3): env.num_envs=8 does not divide"
    assert done.stderr.startswith(job) and done.stderr.count("\n") == 1
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "several",
    [
        (),
        pytest.param(("num_seeds=3",), marks=pytest.mark.slow),
        pytest.param(("-m", "hydra/launcher=vmap", "seed=0,1"), marks=pytest.mark.slow),
    ],
    ids=["run", "seeds", "sweep"],
)
def test_a_run_that_is_refused_late_leaves_no_directory(tmp_path, several):
    """Late is once it has been opened: memory is estimated by JAX."""
    done = jaxac("algo=a2c", *SMALL, *several, "evaluation.episodes=2000000000", cwd=tmp_path)
    assert done.returncode == 2
    assert "evaluation.episodes=2000000000 needs about" in done.stderr and "Traceback" not in done.stderr
    assert not os.listdir(tmp_path)


def test_a_directory_that_was_there_before_stays(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    done = jaxac("algo=a2c", *SMALL, "evaluation.episodes=2000000000", f"hydra.run.dir={mine}", cwd=tmp_path)
    assert done.returncode == 2
    assert (mine / "notes.txt").read_text() == "mine"


OWN = """
from tests.probe_envs import ConstantReward

class Raises:
    def __init__(self):
        raise RuntimeError("no\\nway")

def three():
    return 3

class Odd(ConstantReward):
    def step_env(self, key, state, action, params):
        return state

class Fine(ConstantReward):
    pass
"""


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["env.name=own:Raises"], "env.name=own:Raises cannot be made: RuntimeError: no (own.py, line 6)"),
        pytest.param(["env.name=own:three"], "env.name=own:three cannot be made", marks=pytest.mark.slow),
        pytest.param(["env.name=own:Odd"], "env.name=own:Odd fails in step_env", marks=pytest.mark.slow),
        pytest.param(["env.name=sys:exit"], "env.name=sys:exit cannot be made", marks=pytest.mark.slow),
        pytest.param(["env.name=wrong:X"], "env.name=wrong:X cannot be imported: SyntaxError", marks=pytest.mark.slow),
        pytest.param(
            ["env.name=own:Fine", "env.params.nope=3"],
            "env.params.nope=3 is not a parameter of own:Fine; it has: max",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["env.name=own:Fine", "env.params.max_steps_in_episode=true"],
            "env.params.max_steps_in_episode=true is not",
            marks=pytest.mark.slow,
        ),
        (["-m", "env.name=own:Fine,own:Odd"], "job 1: env.name=own:Odd fails in step_env"),
    ],
)
def test_an_environment_that_cannot_work_leaves_no_directory(tmp_path, arguments, expected):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "wrong.py").write_text("def x(:")
    done = jaxac("algo=a2c", *SMALL, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"jaxac: {expected}") and done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"own.py", "wrong.py", "__pycache__"}


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], "+algo=a2c"),
        (["+algo=a2x"], "algo=a2x is not one of the choices"),
        (["algo=a2c", "env.num_env=3"], "did you mean env.num_envs?"),
        (["algo=a2c", "env.num_envs=abc"], "env.num_envs=abc"),
        (["algo=a2c", "env.params.limit=3"], "max_steps_in_episode"),
        (["algo=a2c", "env.name=MNISTBandit"], "downloads a data set"),
        (["algo=a2c", "network=huge"], "network=huge is not one of the choices: conv, conv_deep, own, separate"),
        (["algo=a2c", "seed"], "seed"),
        (["algo=a2c", "hydra.run.dir=/proc/nowhere"], "hydra.run.dir"),
        (["algo=a2c", "hydra.run.dir=/dev/null/run"], "hydra.run.dir"),
        (["resume=missing"], "resume=missing does not exist"),
    ],
)
def test_bad_input_gets_one_sentence_at_once(tmp_path, arguments, expected):
    """At once is before anything is compiled, the smallest operation included."""
    programs = tmp_path / "programs"
    keeps_all = {"JAX_COMPILATION_CACHE_DIR": str(programs), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = jaxac(*arguments, cwd=tmp_path, cache=f"compilation_cache={programs}", **keeps_all)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("jaxac: ")
    assert expected in done.stderr
    assert not list(programs.glob("*"))


def start(*arguments, cwd):
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(*arguments), **both, text=True, cwd=cwd, env=environment())


def wait_for_rows(directory, count, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        path = directory / "metrics.jsonl"
        if path.exists() and path.read_text().count("\n") >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {count} rows in {directory}: {process.communicate()}")


LONG = [*SMALL, "total_env_steps=9600", "logger.every=32", "checkpoint.every=320", "evaluation.every=0"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    done = jaxac("algo=a2c", *LONG, f"hydra.run.dir={directory / 'run'}", cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory / "run"


def deterministic(directory):
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("time/seconds", "time/sps")} for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("number, kills", [(signal.SIGKILL, 2), (signal.SIGTERM, 1), (signal.SIGINT, 1)])
def test_stopped_at_any_moment_it_goes_on_bit_for_bit(tmp_path, undisturbed, number, kills):
    directory = tmp_path / "run"
    arguments = ["algo=a2c", *LONG, f"hydra.run.dir={directory}"]
    for kill in range(kills):
        process = start(*arguments, cwd=tmp_path)
        wait_for_rows(directory, 30 + 70 * kill, process)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode in (-number, 128 + number, 0)
        assert "Traceback" not in stderr
        if number != signal.SIGKILL and process.returncode:
            assert summary(directory)["status"] == "interrupted"
        arguments = [f"resume={directory}"]
    done = jaxac(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert summary(directory)["params_digest"] == summary(undisturbed)["params_digest"]
    assert deterministic(directory) == deterministic(undisturbed)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused_and_the_one_before_offered(tmp_path):
    directory = tmp_path / "run"
    jaxac("algo=a2c", *SMALL, "total_env_steps=320", "checkpoint.every=32", f"hydra.run.dir={directory}", cwd=tmp_path)
    *_, before, newest = sorted(directory.glob("checkpoints/*"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(bytes(content))
    done = jaxac(f"resume={directory}", cwd=tmp_path)
    assert done.returncode == 2
    assert f"resume={before}" in done.stderr
    assert jaxac(f"resume={before}", cwd=tmp_path).returncode == 0
    assert summary(directory)["status"] == "completed"


@pytest.mark.slow
def test_a_running_runs_directory_is_not_taken(tmp_path):
    directory = tmp_path / "run"
    jaxac("algo=a2c", *SMALL, "total_env_steps=320", f"hydra.run.dir={directory}", cwd=tmp_path)
    before = (directory / "metrics.jsonl").read_bytes(), (directory / ".hydra" / "overrides.yaml").read_bytes()
    done = jaxac("algo=a2c", "seed=1", *SMALL, f"hydra.run.dir={directory}", cwd=tmp_path)
    assert done.returncode == 2
    assert "already holds a run" in done.stderr
    assert before == (
        (directory / "metrics.jsonl").read_bytes(),
        (directory / ".hydra" / "overrides.yaml").read_bytes(),
    )


SWEEP = ["-m", "hydra/launcher=vmap", "algo=a2c", *SMALL, "total_env_steps=320"]


@pytest.mark.slow
def test_a_sweep_leaves_ordinary_jobs(tmp_path):
    cores = ("hydra.launcher.how=cores", "seed=range(0,2)")
    done = jaxac(*SWEEP, *cores, "optimizer.learning_rate=1e-3,1e38", cwd=tmp_path)
    assert done.returncode == 1
    assert "4 jobs: 4 lanes in 1 compiled program, each by itself on a core" in done.stdout
    assert "diverged" in done.stderr and "Traceback" not in done.stderr
    jobs = sorted(tmp_path.glob("multirun/*/*/[0-3]"))
    assert [summary(job)["status"] for job in jobs] == ["completed", "diverged"] * 2
    for job in jobs:
        assert {".hydra", "checkpoints", "config.yaml", "metrics.jsonl", "overrides.yaml"} <= set(os.listdir(job))
    basic = jaxac("algo=a2c", *SMALL, "total_env_steps=320", "optimizer.learning_rate=1e-3", cwd=tmp_path)
    assert basic.returncode == 0
    (alone,) = tmp_path.glob("outputs/*/*")
    assert summary(alone)["params_digest"] == summary(jobs[0])["params_digest"]


@pytest.mark.slow
def test_a_sweeps_wandb_runs_end_with_exit_codes(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    jaxac(*SWEEP, "optimizer.learning_rate=1e-3,1e38", cwd=tmp_path)
    logs = sorted(tmp_path.glob("multirun/*/*/[01]/wandb/offline-run-*/run-*.wandb"))
    assert len(logs) == 2
    codes = []
    for log in logs:
        inspect = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
        told = subprocess.run(inspect, capture_output=True, text=True).stdout
        records = [json.loads(line) for line in told.splitlines()]
        codes += [record["exit"].get("exit_code", 0) for record in records if record["type"] == "exit"]
    assert codes == [0, 1]


@pytest.mark.slow
def test_a_killed_sweep_goes_on(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    long = [*SWEEP[:3], *LONG, "seed=0,1,2", "hydra.launcher.how=cores"]
    assert jaxac(*long, f"hydra.sweep.dir={whole}", cwd=tmp_path).returncode == 0
    process = start(*long, f"hydra.sweep.dir={parts}", cwd=tmp_path)
    wait_for_rows(parts / "2", 60, process)
    process.kill()
    process.communicate(timeout=PATIENCE)
    done = jaxac(f"resume={parts}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for job in ("0", "1", "2"):
        assert summary(parts / job)["params_digest"] == summary(whole / job)["params_digest"]
        assert deterministic(parts / job) == deterministic(whole / job)
    said = jaxac(f"resume={parts}", cwd=tmp_path).stdout
    assert "3 complete before" in said and "0 lanes" not in said


@pytest.mark.slow
def test_a_sweep_is_resumed_as_had_been_chosen(tmp_path):
    """With enough jobs for every core ``auto`` chooses blocks, which it says, and after a stop it has been chosen."""
    jobs = [str(job) for job in range(16 * machine.num_cores())]
    lanes = [*SWEEP, f"seed={','.join(jobs)}"]
    said = jaxac(*lanes, f"hydra.sweep.dir={tmp_path / 'whole'}", cwd=tmp_path).stdout
    assert "how=blocks, which is faster" in said and "in blocks, a call each on a core" in said
    parts = tmp_path / "parts"
    jaxac(*lanes, f"hydra.sweep.dir={parts}", "stop_after_updates=4", cwd=tmp_path)
    for job in jobs[:2]:  # those that have ended are not trained again
        shutil.rmtree(parts / job)
        shutil.copytree(tmp_path / "whole" / job, parts / job)
    said = jaxac(f"resume={parts}", cwd=tmp_path).stdout
    assert "in blocks, a call each on a core" in said and "which is faster" not in said
    digests = [[summary(tmp_path / place / job)["params_digest"] for job in jobs] for place in ("whole", "parts")]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_an_interrupted_sweep_leaves_every_lane_readable(tmp_path):
    directory = tmp_path / "sweep"
    process = start(*SWEEP[:3], *LONG, "seed=0,1,2", f"hydra.sweep.dir={directory}", cwd=tmp_path)
    wait_for_rows(directory / "0", 30, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode in (128 + signal.SIGINT, 0)
    assert "Traceback" not in stderr
    assert {summary(directory / job)["status"] for job in "012"} <= {"interrupted", "completed"}
    assert all(deterministic(directory / job) for job in "012")


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["seed=range(0,0)"], "seed=range(0,0) makes a sweep of no jobs"),
        (["seed=0,1", "optimizer.lr=1,2"], "optimizer.lr is not a setting"),
        (["seed=0,1", "env.num_envs=0"], "env.num_envs=0"),
        (["hydra.launcher.max_lanes=0"], "hydra.launcher.max_lanes=0"),
        (["hydra.launcher.how=sideways"], "hydra.launcher.how=sideways"),
    ],
)
def test_a_sweep_that_cannot_work_gets_one_sentence(tmp_path, arguments, expected):
    done = jaxac(*SWEEP, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("jaxac: ")


@pytest.mark.slow
def test_a_search_trains_its_trials_as_lanes(tmp_path):
    search = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2"]
    space = "optimizer.learning_rate=tag(log, interval(1e-4, 1e37))"
    done = jaxac(*SWEEP, *search, "hydra.sweeper.sampler.seed=1", space, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 jobs: 2 lanes in 1 compiled program") == 2
    assert "Best parameters" in done.stdout
    assert done.stdout.count("results in") == done.stdout.count("4 jobs: ") == 1  # after the last batch, of all of them
    assert "\x1b" not in done.stdout + done.stderr and "alembic" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_search_is_resumed_where_it_was_stopped(tmp_path):
    space = "optimizer.learning_rate=interval(1e-4, 1e-2)"
    search = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=2", space]
    search += ["hydra.launcher.how=cores"]
    whole = jaxac(*SWEEP, *search, f"hydra.sweep.dir={tmp_path / 'whole'}", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    stopped = jaxac(*SWEEP, *search, f"hydra.sweep.dir={tmp_path / 'cut'}", "stop_after_updates=3", cwd=tmp_path)
    assert stopped.returncode == 0, stopped.stderr
    resumed = jaxac(f"resume={tmp_path / 'cut'}", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    digests = [[summary(tmp_path / place / job)["params_digest"] for job in "012"] for place in ("whole", "cut")]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_a_search_of_which_every_trial_fails_ends_with_a_sentence(tmp_path):
    space = "optimizer.learning_rate=interval(1e37, 1e38)"
    done = jaxac(*SWEEP, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", space, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("jaxac: no trial of the search was completed")


@pytest.mark.slow
def test_processes_train_jobs(tmp_path):
    done = jaxac("-m", "hydra/launcher=joblib", *SWEEP[2:], "seed=0,1", "hydra.launcher.n_jobs=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {summary(job)["status"] for job in tmp_path.glob("multirun/*/*/[01]")} == {"completed"}


@pytest.mark.slow
def test_many_vmapped_lanes_begin(tmp_path):
    """In a process that uses cores as users' do: there, XLA hung on the networks of more than a hundred lanes."""
    sizes = ("env.num_envs=4", "algo.unroll_length=2", "total_env_steps=16")
    quiet = ("evaluation.episodes=4", "logger.wandb.mode=disabled", "logger.console=false")
    lanes = ("-m", "hydra/launcher=vmap", "hydra.launcher.how=vmap", f"hydra.sweep.dir={tmp_path}", "seed=0,1")
    done = jaxac(*lanes, "+algo=a2c", "num_seeds=128", *sizes, *quiet, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert summary(tmp_path / "1")["status"] == "completed"


def test_help_may_be_cut_short():
    shown = subprocess.run(
        f"{sys.executable} -m jaxac.train --help | head -n 1", shell=True, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("Trains") and shown.stderr == ""
