"""A run's directory belongs to the process that trains the run."""

import errno
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from jaxac.cli import places
from jaxac.errors import ConfigError
from jaxac.runs.job import Job
from jaxac.storage import lock, run_directory
from tests.processes import CACHE, environment
from tests.whole_runs import train

HOLD = """
import pathlib, sys
from jaxac.storage import lock
lock.acquire(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(run_dir, small_config):
    """A run's directory that another process has locked, and that process."""
    train(small_config(CACHE, "logger.curve=false", "logger.gif=false", "stop_after_updates=2"), run_dir, ["+algo=a2c"])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(run_dir)], **pipes)
    assert holder.stdout.readline() == "held\n"
    yield run_dir, holder
    holder.kill()
    holder.communicate()


def contents(directory):
    """All files, with the time of their last change."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in directory.rglob("*") if path.is_file()}


def test_a_second_process_is_told_who_trains_the_run_and_touches_nothing(held, small_config):
    directory, holder = held
    before = contents(directory)
    expected = rf"is being trained by process {holder.pid} on {socket.gethostname()} since \d{{4}}-\d\d-\d\d \d\d:\d\d"
    for config in (small_config(f"resume={directory}"), small_config(f"resume={directory}", "total_env_steps=640")):
        with pytest.raises(ConfigError, match=expected):
            run_directory.open_run(config, directory, [])
    line = [sys.executable, "-m", "jaxac.train", f"resume={directory}"]
    done = subprocess.run(line, capture_output=True, text=True, env=environment(), cwd=directory.parent)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"is being trained by process {holder.pid} on" in done.stderr
    assert contents(directory) == before


def test_a_kill_releases_the_lock(held, small_config):
    directory, holder = held
    holder.kill()
    holder.communicate()
    train(small_config(CACHE, "logger.curve=false", "logger.gif=false", f"resume={directory}"), directory)
    assert run_directory.read_summary(directory)["status"] == "completed"


def test_two_jobs_of_one_process_do_not_share_a_directory(run_dir, small_config):
    first = Job(small_config(), *run_directory.open_run(small_config(), run_dir, []))
    with pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        run_directory.open_run(small_config(), run_dir, [])
    first.release()
    run_directory.open_run(small_config(), run_dir, [])


def test_a_directory_that_cannot_be_opened_is_not_kept_locked(run_dir, small_config):
    train(small_config(CACHE, "logger.curve=false", "logger.gif=false"), run_dir)
    for _ in range(2):
        with pytest.raises(ConfigError, match="seed=5 disagrees"):
            run_directory.open_run(small_config("seed=5", f"resume={run_dir}"), run_dir, [])
    descriptor = os.open(run_dir / lock.LOCK, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if it is locked
    os.close(descriptor)


def test_a_sweep_is_locked_as_a_whole(tmp_path):
    from jaxac.cli import overrides

    (tmp_path / run_directory.SWEEP).write_text("[seed=0,1]\n")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], **pipes) as holder:
        holder.stdout.readline()
        with pytest.raises(ConfigError, match=f"is being trained by process {holder.pid}"):
            overrides.rewrite([f"resume={tmp_path}"])
        holder.kill()


def test_a_file_system_without_locks_is_told_of_and_used(tmp_path, monkeypatch):
    def unsupported(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.warns(UserWarning, match="on a file system without locks"):
        lock.acquire(tmp_path)
    lock.drop(tmp_path)


def test_a_refused_command_takes_no_records_from_a_run_that_is_trained(held):
    directory, holder = held
    for name in ("checkpoints", "weights"):
        shutil.rmtree(directory / name)
    for name in ("metrics.jsonl", "summary.json"):
        (directory / name).unlink()
    before = contents(directory)
    places.remove_traces([directory])
    assert contents(directory) == before
    holder.kill()
    holder.communicate()
    places.remove_traces([directory])
    assert not directory.exists()


def test_a_refused_command_takes_no_records_from_a_run_that_has_begun(run_dir, small_config):
    train(small_config(CACHE, "logger.curve=false", "logger.gif=false"), run_dir)
    before = contents(run_dir)
    places.remove_traces([run_dir])
    assert contents(run_dir) == before


@pytest.mark.parametrize("before", ["", '{"process": 4194303, "host": "%s", "since": "long ago"}'])
def test_a_process_that_has_only_just_taken_the_lock_is_waited_for(tmp_path, before):
    """Until it has said who it is, the file is empty, or says who held the lock before."""
    path = tmp_path / lock.LOCK
    path.write_text(before and before % socket.gethostname())
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    who = json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": "now"})
    timer = threading.Timer(0.2, path.write_text, [who])
    timer.start()
    with pytest.raises(ConfigError, match=f"trained by process {os.getpid()} on .* since now"):
        lock.acquire(tmp_path)
    timer.join()
    os.close(descriptor)
