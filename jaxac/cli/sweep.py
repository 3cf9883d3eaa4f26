"""Training of a sweep's jobs together, for the launcher."""

from collections.abc import Mapping, Sequence

from jaxac.errors import ConfigError, DivergedError, RunError
from jaxac.loggers.closing import Ended, sweep_lines
from jaxac.runs.job import Job


class Closing:
    """The closing lines of a sweep that a sweeper trains in batches, said once, after the last of them.

    Args:
        expected: jobs of the whole sweep; None if it is not known, and lines are said after every batch.
    """

    def __init__(self, expected: int | None) -> None:
        self._expected, self._launched = expected, 0
        self._ended: list[Ended] = []

    def add(self, jobs: Sequence[Job], launched: int) -> list[str]:
        """The lines to say after a batch; none if others follow.

        Args:
            jobs: the batch's jobs that have been trained.
            launched: jobs of the batch, with those that could not be opened.
        """
        from jaxac.runs import headlines  # imports JAX

        self._launched += launched
        self._ended += [headlines.ended(job) for job in jobs]
        if len(self._ended) < 2 or (self._expected or 0) > self._launched:
            return []
        return sweep_lines(self._ended, jobs[0].directory and jobs[0].directory.parent if jobs else None)


def train(jobs: Mapping[int, Job], max_lanes: int, how: str) -> dict[int, float | Exception | None]:
    """Trains jobs together, without closing lines.

    Args:
        jobs: the jobs, by their numbers in the sweep.
        max_lanes: runs side by side, at most.
        how: ``vmap``, ``cores`` or ``auto``; see :func:`jaxac.runs.runner.train`.

    Returns:
        The mean return of each job's last evaluation, or the error that ended the job, by the job's number.

    Raises:
        ConfigError: the first job's, if all of them are refused.
    """
    if not jobs:
        return {}
    from jaxac.runs import runner  # the first import of JAX

    runner.train(list(jobs.values()), max_lanes, how, sums_up=False)
    results: dict[int, float | Exception | None] = {}
    for index, job in jobs.items():
        try:
            results[index] = job.result()
        except (ConfigError, DivergedError, RunError) as error:
            results[index] = error
    refused = [result for result in results.values() if isinstance(result, ConfigError)]
    if len(refused) == len(jobs):
        raise refused[0]
    return results
