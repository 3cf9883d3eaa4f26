"""A logger to Weights & Biases, a W&B run for each run."""

import time
import warnings
from pathlib import Path
from typing import Any

from jaxac.config.schema import Config
from jaxac.errors import ConfigError
from jaxac.loggers import wandb_process
from jaxac.loggers.base import Row
from jaxac.storage import provenance, run_directory


class Wandb:
    """The logger of a Weights & Biases run; offline it needs no account and no network.

    Args:
        config: the run's configuration.
        run: the run's directory.
        run_id: the W&B run's identity.
        group: W&B group, unless ``logger.wandb.group`` is set; None for none.

    Raises:
        ConfigError: if Weights & Biases, online, refuses the first run.
    """

    def __init__(self, config: Config, run: Path, run_id: str, group: str | None) -> None:
        self._run, self._process = run, wandb_process.shared()
        settings = config.logger.wandb
        about = run_directory.as_dict(config)
        identity = _identity(config, run, group)
        self._number = self._process.open({"id": run_id, "dir": str(run.absolute()), "config": about, **identity})
        if settings.mode == "online" and not self._process.has_opened:  # as it takes the first, it takes the others
            self._process.wait_for(self._number)
            if error := self._process.refusals.pop(self._number, None):
                raise ConfigError(f"logger.wandb.mode=online does not work: {error} Or use logger.wandb.mode=offline.")

    def log(self, row: Row) -> None:
        self._process.send("log", self._number, {**row, "_timestamp": time.time()})  # not that of the writing
        self._warn()

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        self._process.send("finish", self._number, summary, [path.absolute() for path in artifacts], exit_code)
        self._process.wait_for(self._number)  # its directory is there; what was logged is still being written
        self._warn()

    def _warn(self) -> None:
        if error := self._process.refusals.pop(self._number, None):
            goes_on = "it goes on without, and metrics.jsonl has its rows"
            warnings.warn(f"Weights & Biases does not take the run in {self._run}: {error}; {goes_on}.", stacklevel=3)


def _commit() -> str | None:
    """The commit of the working directory, else of jaxac's code."""
    found = provenance.describe()["git"]
    state = found.get("working_directory") or found.get("jaxac")
    return state and state["commit"]


def name_of(config: Config, run: Path, group: str | None) -> str:
    """A run's name at W&B if none is set: ``CartPole-v1-a2c-s0``, in a sweep with the number of the job.

    Args:
        config: the run's configuration.
        run: the run's directory.
        group: W&B group of a sweep's jobs; None for a single run.
    """
    env = config.env.name.rsplit(":", 1)[-1]
    last = f"-{config.seed + config.num_seeds - 1}" if config.num_seeds > 1 else ""
    return f"{env}-{config.algo.name}-s{config.seed}{last}{f'-job{run.name}' if group else ''}"


def _identity(config: Config, run: Path, group: str | None) -> dict[str, Any]:
    settings = config.logger.wandb
    return {
        "mode": settings.mode,
        "project": settings.project,
        "entity": settings.entity,
        "group": settings.group or group,
        "job_type": settings.job_type,
        "name": settings.name or name_of(config, run, group),
        "tags": [config.env.name, config.algo.name, *settings.tags],
    }
