"""The interface of what starts workers, and what passes between them and the driver. Imports no JAX."""

from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jaxac.config.schema import Config
from jaxac.loggers.closing import Ended


class LostError(Exception):
    """The end of a worker that has not said how its task ended; the message says what is known."""


class Entry(NamedTuple):
    """A job for a worker, which opens it where it is trained."""

    config: Config
    directory: Path
    overrides: list[str]
    """The command line's overrides."""
    group: str | None
    """W&B group."""
    restarts: int = 0
    """Times that it was begun again because its worker was lost."""


class Sweep(NamedTuple):
    """The common part of a sweep's tasks."""

    folder: Path
    """The directory of workers' logs, on a disk that all of them see."""
    probe: Path
    """A file in it, whose absence tells that they do not."""
    stop: Path
    """A file in it that asks workers to stop, once it is there."""
    max_lanes: int
    """Runs side by side in one worker, at most."""
    how: str
    """``vmap``, ``cores`` or ``auto``; see :func:`jaxac.runs.runner.train`."""
    working_directory: Path
    """The directory that settings with a relative path mean."""
    several: bool
    """True if the sweep has several runs."""
    in_real_time: bool
    """True if one of its jobs is in real time."""
    threads: int | None
    """XLA's number of threads on a CPU, on which rounding depends; None if the environment has it."""
    origin: dict[str, Any]
    """The command and the commits that ``summary.json`` names."""


class Task(NamedTuple):
    """A part of a sweep, to be trained by one worker."""

    number: int
    """Number of the task in its sweep."""
    entries: list[Entry]
    """Its jobs."""
    size: int
    """Lanes of its program, at least."""
    sweep: Sweep
    """The part that all tasks have in common."""
    cores: int | None = None
    """Cores that its worker may use; None for all that it sees."""
    again: bool = False
    """True if a worker was lost over it."""

    @property
    def log(self) -> Path:
        """The file with what its worker says."""
        return self.sweep.folder / f"task-{self.number}.log"


class Trained(NamedTuple):
    """The end of one job."""

    result: float | Exception | None
    """The mean return of its last evaluation, or the error that ended it; None without an evaluation."""
    ended: Ended
    """Its end, for the closing lines of its sweep."""


class Done(NamedTuple):
    """The end of a task that a worker has told."""

    trained: list[Trained]
    """The ends of its jobs, in their order."""
    stopped: int | None = None
    """Number of the signal that stopped it; None if it came to its end."""
    refusal: str | None = None
    """The reason that the worker cannot train anything; None if it can."""


class Running(Protocol):
    """A task that a worker trains."""

    def poll(self) -> Done | None:
        """The task's end; None while it is trained, or waits for a device.

        Raises:
            LostError: if its worker is gone.
        """


class Workers(Protocol):
    """An executor, which starts workers, each with a device of its own."""

    cores: int | None
    """Cores that a worker may use; None for all that it sees."""

    def begin(self, task: Task) -> Running:
        """Has a worker train a task; at once, if fewer than ``hydra.launcher.workers`` are at work.

        Raises:
            LostError: if no worker can be started.
        """

    def close(self) -> None:
        """Ends all workers, whatever they do."""
