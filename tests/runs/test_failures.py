"""A disk that is full, a directory that is gone, memory and threads that are used up: one sentence, nothing lost."""

import errno
import os
import resource
import shutil
import threading

import jax
import pytest

import jaxac
from jaxac.errors import ConfigError, RunError
from jaxac.loggers.json_lines import JsonLines
from jaxac.programs.executors import Pooled
from jaxac.runs import failures, runner, trainer
from jaxac.runs.job import Job
from jaxac.storage import checkpoint, run_directory, serialization
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in

EVERY = ("checkpoint.every=64",)


@pytest.fixture
def run(small_config, run_dir):
    return runs_in(run_dir, small_config, CACHE, "logger.curve=false", "logger.gif=false", *EVERY)


def at_update(monkeypatch, number, do):
    """Does something when so many updates have been read."""
    absorb = trainer.Trainer._absorb

    def patched(self, pending):
        absorb(self, pending)
        if pending.updates == number:
            do()

    monkeypatch.setattr(trainer.Trainer, "_absorb", patched)


def fails(run, monkeypatch, patch, expected):
    """A run that fails with a sentence, whose last checkpoint is whole, and which goes on to the same end."""
    with monkeypatch.context() as here:
        patch(here)
        with pytest.raises(RunError, match=expected) as failed:
            run()
    assert failed.value.exit_code == 1 and "\n" not in str(failed.value)
    directory = run(at="whole").parent / "a"
    assert f"python -m jaxac.train resume={directory}" in str(failed.value)
    assert checkpoint.read(checkpoint.newest(directory / "checkpoints"))
    run(f"resume={directory}")
    assert final_state(directory) == final_state(directory.parent / "whole")
    assert rows(directory) == rows(directory.parent / "whole")


def test_a_full_disk(run, monkeypatch):
    """As far as the system lets a file grow, which a checkpoint does not fit into."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(patch):
        at_update(patch, 3, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1])))
        patch.setattr(runner, "_close", restored(before))

    try:
        fails(run, monkeypatch, fill, "no space is left to write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def restored(limit):
    """Closes jobs once there is room again."""
    close = runner._close

    def closing(jobs, exit_code):
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        close(jobs, exit_code)

    return closing


def test_a_row_that_fits_in_part_is_an_error_too(tmp_path):
    class Full:
        def write(self, line):
            return len(line) // 2

    logger = JsonLines(tmp_path / "metrics.jsonl")
    logger.finish({}, [], 0)
    logger._file = Full()
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        logger.log({"updates": 1})


@pytest.mark.parametrize("number", [1, 3])
def test_a_directory_that_is_deleted_is_not_made_again(run, run_dir, monkeypatch, number):
    at_update(monkeypatch, number, lambda: shutil.rmtree(run_dir / "a"))
    with pytest.raises(RunError, match=f"{run_dir / 'a'} was deleted"):
        run()
    assert not (run_dir / "a").exists()


def test_no_memory_for_a_checkpoint(run, monkeypatch):
    pack = serialization.pack_host
    sizes = iter(range(100))

    def exhausted(arrays):
        if next(sizes) == 3:
            raise MemoryError
        return pack(arrays)

    fails(run, monkeypatch, lambda patch: patch.setattr(serialization, "pack_host", exhausted), "out of memory")


def test_no_memory_for_an_evaluation(run, monkeypatch):
    evaluate = Pooled._evaluate

    def exhausted(self, state, lane, updates, batches):
        if updates == 7:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 16250000320 bytes.")
        return evaluate(self, state, lane, updates, batches)

    fails(run, monkeypatch, lambda patch: patch.setattr(Pooled, "_evaluate", exhausted), "out of memory.*episodes")


def test_no_memory_to_evaluate_a_policy(run, monkeypatch):
    directory = run()

    def exhausted(*arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 16250000320 bytes.")

    monkeypatch.setattr("jaxac.agent.policy.Policy.evaluate", exhausted)
    with pytest.raises(RunError, match="out of memory"):
        jaxac.evaluate(directory)


def test_a_sweep_goes_on_with_the_programs_that_fit(small_config, run_dir, monkeypatch):
    compilation = runner._compilation

    def exhausted(group, how):
        if group.runs[0].config.env.num_envs == 16:
            return (lambda: (_ for _ in ()).throw(MemoryError()),)
        return compilation(group, how)

    monkeypatch.setattr(runner, "_compilation", exhausted)
    quiet = (CACHE, "logger.curve=false", "logger.gif=false")
    jobs = []
    for number, envs in enumerate((16, 8)):
        config = small_config(*quiet, f"env.num_envs={envs}")
        jobs.append(Job(config, *run_directory.open_run(config, run_dir / str(number), [])))
    runner.train(jobs)
    with pytest.raises(RunError, match="out of memory"):
        jobs[0].result()
    assert jobs[1].result() is not None


@pytest.mark.slow
def test_more_threads_than_the_system_gives(run, monkeypatch):
    start, started = threading.Thread.start, []

    def refused(self):
        if self.name.startswith("shard") and len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.extend([self] if self.name.startswith("shard") else [])
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(ConfigError, match=r"algo\.num_shards=4 is more threads than the system gives this process: 2"):
        run("+algo=a3c", "algo.runtime=threads", "algo.num_shards=4")
    assert not any(thread.is_alive() for thread in started)


def test_other_errors_stay_what_they_are():
    assert failures.explain(ValueError("x")) is None
    assert failures.explain(RuntimeError("x")) is None
    assert "no more threads" in str(failures.explain(RuntimeError("can't start new thread")))
    assert "ulimit -n" in str(failures.explain(OSError(errno.EMFILE, "Too many open files")))


def test_more_seeds_than_anybody_can_mean(small_config):
    with pytest.raises(ConfigError, match=r"num_seeds=100000 is not valid"):
        small_config("num_seeds=100000")
