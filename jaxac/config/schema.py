"""The configuration: typed, validated, immutable. Imports neither JAX nor Hydra.

A field of type ``float`` is a *number*: it may differ between runs of one compiled program (:mod:`jaxac.spec` makes
it a pytree leaf). A field of any other type is a *size or a choice* and is compiled in. The meaning of each setting,
its unit and the papers' values stand where users set them, in ``conf/``.

A field has a default here only if it was added after version 0.1: the value that older runs, whose ``config.yaml``
lacks it, were trained with.
"""

import bisect
import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from jaxac.config import catalog, suites
from jaxac.config.algos import AnyAlgo
from jaxac.config.fields import (
    FORBID_EXTRA,
    Cadence,
    Count,
    EnvParam,
    Integer,
    Number,
    Positive,
    Steps,
    Text,
    Versions,
    WandbProject,
    WandbTag,
    WandbText,
)
from jaxac.config.parts import AnyNetwork, AnyOptimizer, OwnNetworkConfig, OwnOptimizerConfig

SMALLEST_TILE = 16
"""The fewest environments that a fused kernel takes: as many as a matrix unit's side."""


@dataclass(frozen=True)
class EnvConfig:
    """Section ``env``: the environment, its number of copies and its rewards. The settings: ``conf/env/``."""

    __pydantic_config__ = FORBID_EXTRA
    name: Text
    num_envs: Count
    params: dict[str, EnvParam]
    stagger_starts: bool
    reward_clip: Positive | None
    reward_scale: Positive

    @property
    def suite(self) -> str | None:
        """The suite that the environment is of; None if it is gymnax's or a user's own."""
        return suites.suite_of(self.name)


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
    project: WandbProject
    entity: WandbText | None
    group: WandbText | None
    job_type: WandbText | None
    name: WandbText | None
    tags: tuple[WandbTag, ...]


@dataclass(frozen=True)
class LoggerConfig:
    """Section ``logger``: the rows of metrics, and where they go. The settings: ``conf/config.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    every: Steps | None
    console: bool
    curve: bool | None
    gif: bool | None
    wandb: WandbConfig


@dataclass(frozen=True)
class DistributedConfig:
    """Section ``distributed``: several processes that train one run. The settings: ``conf/config.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    coordinator_address: Text | None
    num_processes: Count | None
    process_id: Versions | None
    timeout: Positive


@dataclass(frozen=True)
class Config:
    """The configuration of a whole run. The settings: ``conf/``.

    Settings that are None by default are filled in by :func:`jaxac.config.validation.resolve`.

    >>> from jaxac.config.compose import make_config
    >>> config = make_config("+algo=a2c", "env.num_envs=512", "algo.unroll_length=16", "total_env_steps=100000")
    >>> config.steps_per_update, config.num_updates, config.env_steps(config.num_updates)
    (8192, 13, 106496)
    """

    __pydantic_config__ = FORBID_EXTRA
    seed: Annotated[Integer, Field(ge=0, lt=2**32)]
    num_seeds: Annotated[Count, Field(le=10_000)]
    total_env_steps: Steps | None
    stop_after_updates: Count | None
    env: EnvConfig
    algo: AnyAlgo
    network: AnyNetwork
    optimizer: AnyOptimizer
    evaluation: EvaluationConfig
    checkpoint: CheckpointConfig
    logger: LoggerConfig
    resume: Text | None
    compilation_cache: Text | None
    min_env_steps: Steps = 1_000_000
    distributed: DistributedConfig = DistributedConfig(None, None, None, 20.0)

    @property
    def seeds(self) -> range:
        """The seeds of ``num_seeds`` runs."""
        return range(self.seed, self.seed + self.num_seeds)

    @property
    def steps_per_update(self) -> int:
        """Environment steps of one update in which every shard takes part."""
        return self.env.num_envs * self.algo.unroll_length

    @property
    def steps_per_push(self) -> int:
        """Environment steps behind one shard's gradient."""
        return self.steps_per_update // self.algo.num_shards

    def env_steps(self, updates: int) -> int:
        """Environment steps that all shards together have taken after ``updates`` updates."""
        return self.algo.pushes(updates) * self.steps_per_push

    @property
    def num_updates(self) -> int:
        """Updates of the whole run: the fewest that take at least ``total_env_steps`` environment steps."""
        assert self.total_env_steps is not None, "validation.resolve() fills this in"
        at_most = self.algo.num_shards * math.ceil(self.total_env_steps / self.steps_per_update)
        return bisect.bisect_left(range(at_most), self.total_env_steps, key=self.env_steps)

    @property
    def own_parts(self) -> dict[str, str]:
        """The import paths of the user's own parts, by the names of their settings."""
        own = {f"algo.loss_terms.{name}.function": term.function for name, term in self.algo.loss_terms.items()}
        if catalog.lookup(self.env.name) is None and not suites.is_of_suite(self.env.name):
            own["env.name"] = self.env.name
        if isinstance(self.network, OwnNetworkConfig):
            own["network.name"] = self.network.name
        if isinstance(self.optimizer, OwnOptimizerConfig):
            own["optimizer.name"] = self.optimizer.name
        return own

    @property
    def has_foreign_parts(self) -> bool:
        """True if the environment is neither gymnax's nor jaxac's, or another part is the user's own."""
        return bool(self.own_parts) or suites.is_of_suite(self.env.name)

    @property
    def return_threshold(self) -> float | None:
        """The mean return of an evaluation at which a run has solved its task; None if it is not known."""
        if self.evaluation.stop_at_return is not None:
            return self.evaluation.stop_at_return
        info = catalog.lookup(self.env.name)
        return info.threshold if info else None
