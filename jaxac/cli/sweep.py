"""Training of a sweep's jobs together, for the launcher."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jaxac.cli import sweep_record
from jaxac.errors import ConfigError
from jaxac.loggers.closing import Ended, sweep_lines
from jaxac.runs.job import Job
from jaxac.workers import task
from jaxac.workers.base import Trained

_FASTER = (
    "how=blocks, which is faster for these jobs and rounds otherwise than single runs; hydra.launcher.how=cores equals "
    "them bit for bit"
)


class Closing:
    """The closing lines of a sweep that a sweeper trains in batches, said once, after the last of them.

    Args:
        expected: jobs of the whole sweep; None if it is not known, and lines are said after every batch.
    """

    def __init__(self, expected: int | None) -> None:
        self._expected, self._launched = expected, 0
        self._ended: list[Ended] = []

    def add(self, ended: Sequence[Ended], launched: int, directory: Path) -> list[str]:
        """The lines to say after a batch; none if others follow.

        Args:
            ended: the ends of the batch's jobs that have been trained.
            launched: jobs of the batch, with those that could not be opened.
            directory: the sweep's directory.
        """
        self._launched += launched
        self._ended += ended
        if len(self._ended) < 2 or (self._expected or 0) > self._launched:
            return []
        return sweep_lines(self._ended, directory if ended else None)


def choose(jobs: Collection[Job], how: str, directory: Path) -> str:
    """``how``, with ``auto`` replaced by what is fastest; the sweep's record then has it, for who resumes it.

    Jobs that have begun without that in their record were not trained so.

    Args:
        jobs: the jobs of the sweep.
        how: ``vmap``, ``cores``, ``blocks`` or ``auto``; see :func:`jaxac.runs.runner.train`.
        directory: the sweep's directory.
    """
    from jaxac.runs import setup

    usual, begun = setup.resolved(how), any(job.config.resume for job in jobs)
    chosen = usual if begun else setup.fastest([job.config for job in jobs], how)
    if chosen != usual:
        print(_FASTER, flush=True)
        sweep_record.add(directory, f"hydra.launcher.how={chosen}")
    return chosen


def train(jobs: Mapping[int, Job], max_lanes: int, how: str, directory: Path) -> dict[int, Trained]:
    """Trains jobs together in this process, without closing lines.

    Args:
        jobs: the jobs, by their numbers in the sweep.
        max_lanes: runs side by side, at most.
        how: ``vmap``, ``cores``, ``blocks`` or ``auto``; see :func:`jaxac.runs.runner.train`.
        directory: the sweep's directory.

    Returns:
        The jobs' ends, by their numbers.

    Raises:
        ConfigError: the first job's, if all of them are refused.
    """
    if not jobs:
        return {}
    next(iter(jobs.values())).begin()
    from jaxac.runs import runner  # the first import of JAX

    runner.train(list(jobs.values()), max_lanes, choose(jobs.values(), how, directory), sums_up=False)
    trained = {index: task.ended(job) for index, job in jobs.items()}
    refused = [each.result for each in trained.values() if isinstance(each.result, ConfigError)]
    if len(refused) == len(jobs):
        raise refused[0]
    return trained
