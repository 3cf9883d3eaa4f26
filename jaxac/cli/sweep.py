"""What the launcher hands over: jobs that are trained together."""

from collections.abc import Mapping

from jaxac.errors import ConfigError, DivergedError
from jaxac.runs.job import Job


def check(max_lanes: int, how: str) -> None:
    """Raises ConfigError if the launcher's settings cannot work."""
    if isinstance(max_lanes, bool) or not isinstance(max_lanes, int) or max_lanes < 1:
        raise ConfigError(f"hydra.launcher.max_lanes={max_lanes} is not valid: give at least 1.")
    if how not in ("auto", "vmap", "cores"):
        raise ConfigError(f"hydra.launcher.how={how} is not one of the choices: auto, vmap, cores.")


def train(jobs: Mapping[int, Job], max_lanes: int, how: str) -> dict[int, float | Exception | None]:
    """What each job returns, or why it failed, by its index."""
    if not jobs:
        return {}
    from jaxac.runs import runner  # the first import of JAX

    runner.train(list(jobs.values()), max_lanes, how)
    results: dict[int, float | Exception | None] = {}
    for index, job in jobs.items():
        try:
            results[index] = job.result()
        except (ConfigError, DivergedError) as error:
            results[index] = error
    return results
