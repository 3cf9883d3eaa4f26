"""The sections of the configuration on what a run records: evaluations, checkpoints, rows of metrics."""

from dataclasses import dataclass
from typing import Literal

from jaxac.config.fields import FORBID_EXTRA, Cadence, Count, Number


@dataclass(frozen=True)
class EvaluationConfig:
    """Section ``evaluation``: cadence and size of evaluations. The settings: ``conf/config.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    every: Cadence | None
    episodes: Count
    greedy: bool
    stop_at_return: Number | None


@dataclass(frozen=True)
class CheckpointConfig:
    """Section ``checkpoint``: cadence and number of checkpoints. The settings: ``conf/config.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    every: Cadence | None
    keep: Count


@dataclass(frozen=True)
class WandbConfig:
    """Section ``logger.wandb``: the run at Weights & Biases. The settings: ``conf/config.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    mode: Literal["offline", "online", "disabled", "shared", "dryrun", "run"]
    project: str
    entity: str | None
    group: str | None
    job_type: str | None
    name: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True)
class LoggerConfig:
    """Section ``logger``: the rows of metrics, and where they go. The settings: ``conf/config.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    every: Count | None
    console: bool
    curve: bool | None
    gif: bool | None
    wandb: WandbConfig
