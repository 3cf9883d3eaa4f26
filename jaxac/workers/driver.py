"""The driver of a sweep's workers: it divides jobs into tasks and hands them out, batch by batch."""

import contextlib
import os
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from jaxac.devices import machine
from jaxac.runs import plan, resuming, runner, setup
from jaxac.runs.headlines import counted
from jaxac.runs.job import Job
from jaxac.runs.signals import stop_request
from jaxac.storage import provenance, records, run_directory
from jaxac.workers import task as task_module
from jaxac.workers.base import Entry, Sweep, Task, Trained, Workers
from jaxac.workers.dispatch import Dispatch
from jaxac.workers.display import Display
from jaxac.workers.settings import Settings

FOLDER, EVENTS = "workers", "events.jsonl"
"""The directory in a sweep's with the logs of its workers, and in it what became of them: an event a line."""
_PASSED_ON = ("JAX_", "XLA_", "WANDB_", "NPROC")
"""Beginnings of environment variables that hold for workers on other machines, too."""


class Driver:
    """The head of a sweep's workers, which stay for the next batch.

    Args:
        settings: the settings of the workers.
        directory: the sweep's directory.
        say: shows people a line of text.

    Raises:
        ConfigError: if there cannot be such workers.
    """

    def __init__(self, settings: Settings, directory: Path, say: runner.Say) -> None:
        machine.leave_accelerators()
        self._settings, self._directory, self._say = settings, directory.absolute(), say
        self._folder = self._directory / FOLDER
        is_new = not self._folder.exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._workers = _make_workers(settings, self._folder)
        except BaseException:
            if is_new:
                shutil.rmtree(self._folder)
            raise
        self._num_tasks = 0

    def train(self, jobs: Mapping[int, Job]) -> dict[int, Trained]:
        """Trains jobs that have been opened; returns their ends, by their numbers in the sweep.

        Raises:
            ConfigError: if all of them are refused, or a worker does not see the sweep's directory.
            SystemExit: with 128 + the signal's number, if a signal stopped it; everything has been saved by then.
            StopNowError: if a second signal did; what was done since the newest checkpoints is lost.
        """
        if not jobs:
            return {}
        runner.label(list(jobs.values()))
        trained = {number: task_module.ended(job) for number, job in jobs.items() if _is_complete(job)}
        rest = {number: job for number, job in jobs.items() if number not in trained}
        for job in jobs.values():
            job.release()  # to those who train them
        if not rest:
            return trained
        tasks = self._divided(list(rest.values()), jobs.values())
        with self._files(tasks[0].sweep), stop_request(self._say) as stop, Display(list(rest.values())) as display:
            dispatch = Dispatch(self._workers, self._settings, self._folder / EVENTS, display, stop, self._say)
            ended = dispatch.run(tasks)
        if stop.signal:
            begun = any(job.directory and run_directory.has_begun(job.directory) for job in rest.values())
            self._say(resuming.line(self._directory, begun))
            raise SystemExit(128 + stop.signal)
        return trained | {number: ended[job.directory] for number, job in rest.items() if job.directory}

    def _divided(self, jobs: Sequence[Job], of_all: Collection[Job]) -> list[Task]:
        """The tasks of jobs that are some of a sweep's."""
        settings = self._settings
        parts = plan.divide(jobs, settings.max_lanes, settings.workers)
        sweep = Sweep(
            self._folder,
            self._folder / f".seen-{secrets.token_hex(4)}",
            self._folder / ".stop",
            settings.max_lanes,
            settings.how,
            Path.cwd(),
            several=sum(job.config.num_seeds for job in of_all) > 1,
            in_real_time=any(job.config.algo.in_real_time for job in of_all),
            threads=_threads(of_all),
            origin={name: value for name, value in provenance.describe().items() if name != "hostname"},
        )
        first, self._num_tasks = self._num_tasks, self._num_tasks + len(parts)
        lanes = sum(job.config.num_seeds for job in jobs)
        self._say(
            f"{counted(len(jobs), 'job')}: {counted(lanes, 'lane')} in {counted(len(parts), 'task')}, "
            f"{settings.workers} at once (executor={settings.executor}); what workers say is in {self._folder}"
        )
        restarts = restarts_of(self._folder / EVENTS)
        return [
            Task(first + number, [_entry(job, restarts) for job in part.jobs], part.size, sweep, self._workers.cores)
            for number, part in enumerate(parts)
        ]

    @contextlib.contextmanager
    def _files(self, sweep: Sweep) -> Iterator[None]:
        """Has the file that workers look for there while the block runs, and not the one that stops them."""
        sweep.stop.unlink(missing_ok=True)
        sweep.probe.touch()
        try:
            yield
        finally:
            sweep.probe.unlink(missing_ok=True)


def _threads(jobs: Collection[Job]) -> int | None:
    """XLA's number of threads that these jobs would have in this process; None if the environment says it."""
    if machine.xla_threads_are_given():
        return None
    return setup.xla_threads([job.config for job in jobs]) or machine.xla_threads()


def restarts_of(log: Path) -> Counter[str]:
    """The times that each job was begun again because its worker was lost, by its directory, from a log of events."""
    noted, _ = records.read_lines(log)
    return Counter(job for event in noted if event.get("event") == "lost" for job in event.get("jobs", ()))


def _entry(job: Job, restarts: Mapping[str, int]) -> Entry:
    assert job.directory is not None
    return Entry(job.config, job.directory, job.overrides, job.group, restarts[job.directory.name])


def _is_complete(job: Job) -> bool:
    """True if a job was complete when it was opened; that of several seeds, its worker tells."""
    if job.directory is None or job.config.num_seeds > 1:
        return False
    return run_directory.is_complete(job.directory, job.start, job.config)


def _make_workers(settings: Settings, folder: Path) -> Workers:
    """The executor that was asked for."""
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    variables["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, filter(_is_not_pythons, sys.path)))
    if settings.executor == "ray":
        from jaxac.workers.on_ray import OnRay

        return OnRay(settings.workers, settings.ray, variables)
    if settings.executor == "submitit":
        from jaxac.workers.on_submitit import OnSubmitit

        return OnSubmitit(settings.workers, settings.submitit, variables, folder)
    from jaxac.workers.local import Local

    return Local(settings.workers, variables, folder)


def _is_not_pythons(place: str) -> bool:
    """True for a place of modules that Python does not look at by itself."""
    return not os.path.abspath(place or ".").startswith((sys.prefix, sys.base_prefix))
