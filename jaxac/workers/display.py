"""The line of an overview for jobs that are trained elsewhere, from the files of their runs."""

import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from types import TracebackType

from jaxac.loggers.console import Followed, Overview
from jaxac.runs.job import Job
from jaxac.storage import run_directory
from jaxac.workers.rows import Rows

_SECONDS = 1.0
"""Seconds between two looks at the files."""


class Display:
    """A context manager that follows jobs, while its block runs.

    Args:
        jobs: the jobs.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        places = {job.directory: job for job in jobs if job.directory}
        self._labels = {directory: job.label or directory.name for directory, job in places.items()}
        self._runs = {directory: _runs(directory, job) for directory, job in places.items()}
        self._rows = {run: Rows(run) for runs in self._runs.values() for run in runs}
        followed: dict[Hashable, Followed] = {
            run: Followed(_label(run, directory, job), self._rows[run].env_steps, _total(job))
            for directory, job in places.items()
            for run in self._runs[directory]
        }
        self._overview = Overview(followed) if jobs[0].config.logger.console else None
        self._looked_at = -_SECONDS

    def __enter__(self) -> "Display":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._overview:
            self._overview.stop()

    def look(self) -> None:
        """Shows what has come since the last look, but not more often than people read."""
        if self._overview is None or time.monotonic() - self._looked_at < _SECONDS:
            return
        self._looked_at = time.monotonic()
        for run, rows in self._rows.items():
            for row in rows.new():
                self._overview.update(run, row)

    def end(self, directory: Path) -> str:
        """Takes the end of a job; returns its label."""
        for run in self._runs[directory]:
            rows = self._rows.pop(run, None)
            if self._overview and rows:
                for row in rows.new():
                    self._overview.update(run, row)
                self._overview.ended(run)
        return self._labels[directory]


def _runs(directory: Path, job: Job) -> list[Path]:
    """The directories of a job's runs."""
    seeds = directory / run_directory.SEEDS
    return [directory] if job.config.num_seeds == 1 else [seeds / str(seed) for seed in job.config.seeds]


def _label(run: Path, directory: Path, job: Job) -> str:
    label = job.label or directory.name
    return label if run == directory else f"{label} seed {run.name}"


def _total(job: Job) -> int:
    return job.config.env_steps(job.config.num_updates)
