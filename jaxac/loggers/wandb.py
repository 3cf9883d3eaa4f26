"""A logger to Weights & Biases, a W&B run for each run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxac.config.schema import Config
from jaxac.errors import ConfigError
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
        ConfigError: if Weights & Biases refuses the run.
    """

    def __init__(self, config: Config, run: Path, run_id: str, group: str | None) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its crash reports would look up a host
        import wandb

        self._wandb = wandb
        settings = wandb.Settings(
            silent=True,
            console="off",
            x_transaction_log_flush_interval=2,
            x_save_requirements=False,  # it would read every installed package's metadata, for every run
            disable_git=True,  # which would read the whole repository
            disable_code=True,
            git_commit=_commit(),
        )
        try:
            self._run = wandb.init(
                id=run_id,
                dir=run,
                config=run_directory.as_dict(config),
                reinit="create_new",
                settings=settings,
                **_identity(config, run, group),
            )
        except wandb.Error as error:
            raise ConfigError(
                f"logger.wandb.mode={config.logger.wandb.mode} does not work: {error} Or use logger.wandb.mode=offline."
            ) from None
        self._run.define_metric("env_steps")
        self._run.define_metric("*", step_metric="env_steps")

    def log(self, row: Row) -> None:
        self._run.log(dict(self._spread(row)))

    def _spread(self, row: Row) -> Iterator[tuple[str, Any]]:
        """A row's metrics as W&B can draw them: a histogram as one, any other list as a line per shard or learner."""
        for name, value in row.items():
            if not isinstance(value, list):
                yield from [(name, value)] if value is not None else []
            elif name.endswith("_histogram"):
                if value:
                    yield name, self._wandb.Histogram(np_histogram=_at_most_512_bins(value))
            else:
                known = ((number, each) for number, each in enumerate(value) if each is not None)
                yield from ((f"{name}/{number}", each) for number, each in known)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        images = {path.stem: self._wandb.Image(str(path)) for path in artifacts if path.suffix == ".png"}
        videos = {path.stem: self._wandb.Video(str(path)) for path in artifacts if path.suffix == ".gif"}
        if summary and (images or videos):
            self._run.log({"env_steps": summary["env_steps"], **images, **videos})
        # Null takes out what the last row said. Every number of every seed would be a column of W&B's table of runs.
        self._run.summary.update({name: value for name, value in summary.items() if name != "by_seed"})
        self._run.finish(exit_code=exit_code)


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


def _at_most_512_bins(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Counts of 0, 1, 2, … in at most 512 bins (W&B's limit) of the same whole width.

    Returns:
        The bins' counts ``[bins]``, and their edges ``[bins + 1]``.
    """
    width = -(-len(counts) // 512)
    edges = np.arange(0, len(counts) + width, width)
    return np.add.reduceat(counts, edges[:-1]), edges
