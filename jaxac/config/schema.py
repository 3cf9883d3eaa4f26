"""The configuration: typed, validated, immutable. Imports neither JAX nor Hydra.

A field of type ``float`` is a *number*: it may differ between runs of one compiled program (:mod:`jaxac.spec` makes
it a pytree leaf). A field of any other type is a *size or a choice* and is compiled in. The meaning of each setting,
its unit and the papers' values stand where users set them, in ``conf/``.

A field has a default here only if it was added after version 0.1: the value that older runs, whose ``config.yaml``
lacks it, were trained with.
"""

import bisect
import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from jaxac.config import catalog
from jaxac.config.fields import (
    FORBID_EXTRA,
    Cadence,
    Count,
    EnvParam,
    Integer,
    NonNegative,
    Positive,
    Probability,
)
from jaxac.config.parts import AnyNetwork, AnyOptimizer, LossTerms, OwnNetworkConfig, OwnOptimizerConfig
from jaxac.config.recording import CheckpointConfig, EvaluationConfig, LoggerConfig

SMALLEST_TILE = 16
"""The fewest environments that a fused kernel takes: as many as a matrix unit's side."""


@dataclass(frozen=True)
class EnvConfig:
    """Section ``env``: the environment, its number of copies and its rewards. The settings: ``conf/env/``."""

    __pydantic_config__ = FORBID_EXTRA
    name: str
    num_envs: Count
    params: dict[str, EnvParam]
    stagger_starts: bool
    reward_clip: Positive | None
    reward_scale: Positive


@dataclass(frozen=True)
class AlgoConfig:
    """Section ``algo``, the part that all algorithms share. The settings: ``conf/algo/``."""

    __pydantic_config__ = FORBID_EXTRA
    name: str
    num_shards: Count
    unroll_length: Count
    discount: Probability
    returns: Literal["n_step", "gae", "monte_carlo"]
    gae_lambda: Probability
    entropy_coef: NonNegative
    value_coef: NonNegative
    normalize_observations: bool
    normalize_advantage: bool
    time_reduction: Literal["mean", "sum"]
    kernel: Literal["auto", "xla", "fused"]
    loss_terms: LossTerms = field(default_factory=dict, kw_only=True)

    @property
    def group_size(self) -> int:
        """``C``, the gradients that the server averages into one step."""
        raise NotImplementedError

    @property
    def in_real_time(self) -> bool:
        """True if threads or their replay run the algorithm, rather than one compiled program."""
        return False

    def pushes(self, updates: int) -> int:
        """Gradients that all shards together have pushed after ``updates`` updates."""
        return updates * self.num_shards


@dataclass(frozen=True)
class A2CConfig(AlgoConfig):
    """Section ``algo`` for A2C. The settings: ``conf/algo/a2c.yaml``."""

    name: Literal["a2c"]

    @property
    def group_size(self) -> int:
        return self.num_shards


@dataclass(frozen=True)
class DelayConfig:
    """Section ``algo.delay``: the distribution of A3C's virtual delays. The settings: ``conf/algo/a3c.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    distribution: Literal["none", "constant", "uniform", "geometric", "pareto"]
    mean: NonNegative | tuple[NonNegative, ...]
    maximum: Cadence


@dataclass(frozen=True)
class A3CConfig(AlgoConfig):
    """Section ``algo`` for A3C, with the timing of pushes and pulls. The settings: ``conf/algo/a3c.yaml``.

    >>> from jaxac.config.compose import make_config
    >>> algo = make_config("+algo=a3c", "algo.num_shards=2", "algo.shard_periods=[1,3]").algo
    >>> algo.pushes(6), algo.group_size
    (8, 1)
    """

    name: Literal["a3c"]
    runtime: Literal["compiled", "threads", "replay"]
    events: str | None
    server: Literal["per_gradient", "softsync", "mean"]
    softsync_size: Count
    order: Literal["fixed", "shuffled"]
    pull_at: Literal["push", "round"]
    pull_every: Count
    shard_periods: tuple[Count, ...] | None
    delay: DelayConfig
    max_staleness: Cadence | None
    above_max_staleness: Literal["wait", "drop"]
    shared_statistics: bool
    correction: Literal["none", "learning_rate", "delay_compensation"]
    compensation: NonNegative
    lock: bool

    @property
    def group_size(self) -> int:
        return {"per_gradient": 1, "softsync": self.softsync_size, "mean": self.num_shards}[self.server]

    @property
    def in_real_time(self) -> bool:
        return self.runtime != "compiled"

    @property
    def periods(self) -> tuple[int, ...]:
        """[K] periods: shard k pushes in every ``periods[k]``-th round."""
        return self.shard_periods or (1,) * self.num_shards

    def pushes(self, updates: int) -> int:
        return sum(updates // period for period in self.periods)


AnyAlgo = Annotated[A2CConfig | A3CConfig, Field(discriminator="name")]


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
    num_seeds: Count
    total_env_steps: Count | None
    stop_after_updates: Count | None
    env: EnvConfig
    algo: AnyAlgo
    network: AnyNetwork
    optimizer: AnyOptimizer
    evaluation: EvaluationConfig
    checkpoint: CheckpointConfig
    logger: LoggerConfig
    resume: str | None
    compilation_cache: str | None

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
        if catalog.lookup(self.env.name) is None:
            own["env.name"] = self.env.name
        if isinstance(self.network, OwnNetworkConfig):
            own["network.name"] = self.network.name
        if isinstance(self.optimizer, OwnOptimizerConfig):
            own["optimizer.name"] = self.optimizer.name
        return own

    @property
    def return_threshold(self) -> float | None:
        """The mean return of an evaluation at which a run has solved its task; None if it is not known."""
        if self.evaluation.stop_at_return is not None:
            return self.evaluation.stop_at_return
        info = catalog.lookup(self.env.name)
        return info.threshold if info else None
