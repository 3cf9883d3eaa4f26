"""The part of a worker: training of one task, in whatever process and on whatever machine it is. Imports no JAX before
the sweep's directory has been seen.
"""

import dataclasses
import functools
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxac import names
from jaxac.errors import ConfigError, DivergedError, RunError
from jaxac.loggers.closing import Ended
from jaxac.storage import lock, run_directory
from jaxac.workers.base import Done, Entry, Sweep, Task, Trained

if TYPE_CHECKING:
    from jaxac.runs.job import Job

_SEEN_SECONDS = 10.0
"""Seconds in which a file that the driver has written can be seen."""
_LOCK_SECONDS = 120.0
"""Seconds in which the directory of a lost worker's job becomes free: a file server waits for the lost machine."""


def train(task: Task) -> Done:
    """Trains a task's jobs, each from its newest checkpoint if it has one; what it says goes to the task's log.

    Args:
        task: the task.

    Returns:
        The ends of its jobs; those that failed by themselves are among them.
    """
    if not _sees(task.sweep):
        return Done([], refusal=f"{_unseen(task)} cannot be seen on {socket.gethostname()}")
    with _output_to(task.log):
        jobs = _open(task)
        opened = [job for job in jobs if not isinstance(job, ConfigError)]
        stopped = _train(task, opened) if opened else None
        return Done([_trained(job) for job in jobs], stopped)


def _sees(sweep: Sweep) -> bool:
    """True if this process sees the sweep's directory and that of the command; a network disk may take a moment."""
    deadline = time.monotonic() + _SEEN_SECONDS
    while not (sweep.probe.is_file() and sweep.working_directory.is_dir()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _unseen(task: Task) -> Path:
    return task.sweep.working_directory if task.sweep.probe.is_file() else task.sweep.folder.parent


def ended(job: "Job") -> Trained:
    """The end of a job that has been trained in this process."""
    from jaxac.runs import headlines

    result: float | Exception | None
    try:
        result = job.result()
    except (ConfigError, DivergedError, RunError) as error:
        result = error
    return Trained(result, headlines.ended(job))


def _trained(job: "Job | ConfigError") -> Trained:
    return Trained(job, Ended("", ("failed",), None, None)) if isinstance(job, ConfigError) else ended(job)


def _open(task: Task) -> "list[Job | ConfigError]":
    """The task's jobs, new or resumed, or what is wrong with one of them."""
    place = _set_up(task)
    return [_open_job(entry, task.again, place | {names.RESTARTS: entry.restarts}) for entry in task.entries]


def _open_job(entry: Entry, again: bool, place: dict[str, Any]) -> "Job | ConfigError":
    from jaxac.runs.job import Job

    begun = run_directory.has_begun(entry.directory)
    config = dataclasses.replace(entry.config, resume=str(entry.directory) if begun else None)
    try:
        if again:
            _wait_for_lock(entry.directory)
        directory, start = run_directory.open_run(config, entry.directory, entry.overrides)
    except ConfigError as error:
        return error
    return Job(config, directory, start, entry.overrides, entry.group, place)


def _wait_for_lock(directory: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while lock.is_held_elsewhere(directory) and time.monotonic() < deadline:
        time.sleep(1.0)


def _set_up(task: Task) -> dict[str, Any]:
    """Sets up the process as the driver's would be, and returns what summaries say of it."""
    from jaxac.devices import machine
    from jaxac.runs import setup

    sweep = task.sweep
    os.chdir(sweep.working_directory)
    if sweep.threads is not None and machine.xla_threads_are_given():
        machine.set_xla_threads(None)  # by the process that started this one
    if task.cores is not None:
        machine.limit_cores(task.cores)
    setup.prepare([entry.config for entry in task.entries], sweep.how, sweep.several, sweep.in_real_time)
    if sweep.threads is not None:
        machine.set_xla_threads(sweep.threads)
    return {**sweep.origin, names.DEVICE: machine.describe_device()}


def _train(task: Task, jobs: "Sequence[Job]") -> int | None:
    """Trains jobs; returns the number of the signal that stopped them, if one did."""
    from jaxac.runs import runner
    from jaxac.runs.signals import stop_request

    sweep = task.sweep
    stops = functools.partial(stop_request, file=sweep.stop, also=(signal.SIGUSR2,))  # a queue's, before time is up
    try:
        runner.train(jobs, sweep.max_lanes, sweep.how, sums_up=False, size=task.size, stops=stops)
    except (ConfigError, RunError) as error:
        for job in jobs:
            job.error = job.error or error
    except SystemExit as error:
        return int(error.code or 0) - 128
    return None


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Has a file take what this process and its libraries write to the terminal while the block runs."""
    streams = (sys.stdout, sys.stderr)
    before = [(number, os.dup(number)) for number in (1, 2)]
    with path.open("ab") as file:
        _flush(streams)
        for number, _ in before:
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            _flush(streams)
            for number, copy in before:
                os.dup2(copy, number)
                os.close(copy)


def _flush(streams: Sequence[Any]) -> None:
    for stream in streams:
        stream.flush()
