"""Training of a sweep's jobs together, for the launcher."""

from collections.abc import Mapping

from jaxac.errors import ConfigError, DivergedError, RunError
from jaxac.runs.job import Job


def check(max_lanes: int, how: str) -> None:
    """Raises ConfigError if the launcher's settings cannot work.

    Args:
        max_lanes: ``hydra.launcher.max_lanes``, as given.
        how: ``hydra.launcher.how``, as given.
    """
    if isinstance(max_lanes, bool) or not isinstance(max_lanes, int) or max_lanes < 1:
        raise ConfigError(f"hydra.launcher.max_lanes={max_lanes} is not valid: give at least 1.")
    if how not in ("auto", "vmap", "cores"):
        raise ConfigError(f"hydra.launcher.how={how} is not one of the choices: auto, vmap, cores.")


def train(jobs: Mapping[int, Job], max_lanes: int, how: str) -> dict[int, float | Exception | None]:
    """Trains jobs together.

    Args:
        jobs: the jobs, by their numbers in the sweep.
        max_lanes: runs side by side, at most.
        how: ``vmap``, ``cores`` or ``auto``; see :func:`jaxac.runs.runner.train`.

    Returns:
        The mean return of each job's last evaluation, or the error that ended the job, by the job's number.
    """
    if not jobs:
        return {}
    from jaxac.runs import runner  # the first import of JAX

    runner.train(list(jobs.values()), max_lanes, how)
    results: dict[int, float | Exception | None] = {}
    for index, job in jobs.items():
        try:
            results[index] = job.result()
        except (ConfigError, DivergedError, RunError) as error:
            results[index] = error
    return results
