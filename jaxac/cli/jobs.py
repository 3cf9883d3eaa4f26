"""Jobs of Hydra's, checked, with the run in each one's directory new or resumed. Imports no JAX."""

import dataclasses
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from jaxac.config.compose import to_config
from jaxac.config.schema import Config
from jaxac.runs.job import Job
from jaxac.storage import events, run_directory


def open_job(cfg: DictConfig) -> Job:
    """Checks the configuration of Hydra's current job, and begins or resumes the run in the job's directory.

    Args:
        cfg: the configuration that Hydra composed.

    Raises:
        ConfigError: if a setting cannot work.
    """
    hydra_config = HydraConfig.get()
    multirun = hydra_config.mode == RunMode.MULTIRUN
    config, directory = to_config(cfg), Path(hydra_config.runtime.output_dir)
    if multirun and config.resume is not None:  # the sweep's directory: of its jobs, some may not have begun
        config = dataclasses.replace(config, resume=str(directory) if run_directory.has_begun(directory) else None)
    config = _with_artifacts(config, by_default=not multirun)
    events.check(config)
    overrides = [text for text in hydra_config.overrides.task if not (multirun and text.startswith("resume="))]
    directory, start = run_directory.open_run(config, directory, overrides)
    return Job(config, directory, start, overrides, group=Path(hydra_config.sweep.dir).name if multirun else None)


def _with_artifacts(config: Config, by_default: bool) -> Config:
    curve, gif = (by_default if asked is None else asked for asked in (config.logger.curve, config.logger.gif))
    return dataclasses.replace(config, logger=dataclasses.replace(config.logger, curve=curve, gif=gif))
