"""Settings of a sweep's workers: those of ``hydra/launcher=vmap``. Imports no JAX."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxac.config.algos import A3CConfig
from jaxac.config.schema import Config
from jaxac.errors import ConfigError

EXECUTORS = ["local", "ray", "submitit"]
"""Values of ``hydra.launcher.executor``; all but the first are extras."""


@dataclass(frozen=True)
class Settings:
    """Values of ``hydra.launcher``; ``conf/hydra/launcher/vmap.yaml`` says what they mean."""

    max_lanes: int
    how: str
    executor: str
    workers: int
    retries: int
    ray: Mapping[str, Any]
    submitit: Mapping[str, Any]

    @property
    def in_process(self) -> bool:
        """True if this process trains all jobs by itself."""
        return in_process(self.executor, self.workers)


def in_process(executor: str, workers: int) -> bool:
    """True if one process trains all jobs by itself."""
    return executor == "local" and workers == 1


def check(executor: str, workers: int, proposed: int | None, configs: Sequence[Config]) -> None:
    """Checks that workers can train jobs, as far as that can be told without starting any.

    Not for jobs that one process trains by itself (:func:`in_process`).

    Args:
        executor: ``hydra.launcher.executor``.
        workers: ``hydra.launcher.workers``.
        proposed: jobs that a search proposes at once, ``hydra.sweeper.n_jobs``; None for all of a sweep.
        configs: the jobs' configurations.

    Raises:
        ConfigError: if they cannot.
    """
    if executor != "local" and importlib.util.find_spec(executor) is None:
        raise ConfigError(
            f"hydra.launcher.executor={executor} needs a package that is not installed: pip install "
            f"'jaxac[{executor}]', or choose hydra.launcher.executor=local."
        )
    if proposed is not None and proposed < workers:
        raise ConfigError(
            f"hydra.sweeper.n_jobs={proposed} proposes fewer jobs at once than hydra.launcher.workers={workers} have "
            f"room for; give at least {workers}: workers times the lanes of each."
        )
    if any(isinstance(each.algo, A3CConfig) and each.algo.runtime == "ray" for each in configs):
        raise ConfigError(
            f"algo.runtime=ray and hydra.launcher.executor={executor} with hydra.launcher.workers={workers} would both "
            "share out the same cores; choose algo.runtime=threads, or leave the executor out."
        )
