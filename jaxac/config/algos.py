"""Section ``algo`` of the configuration: A2C and A3C."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from jaxac.config.fields import (
    FORBID_EXTRA,
    Count,
    NonNegative,
    Positive,
    Probability,
    Text,
    Versions,
)
from jaxac.config.parts import LossTerms


@dataclass(frozen=True)
class GaussianConfig:
    """Section ``algo.gaussian``: the policy over continuous actions. The settings: ``conf/algo/a2c.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    std: Literal["constant", "state"]
    initial_std: Positive
    bounds: Literal["clip", "tanh"]


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
    entropy_coef: NonNegative | tuple[NonNegative, ...]
    value_coef: NonNegative
    normalize_observations: bool
    normalize_advantage: bool
    time_reduction: Literal["mean", "sum"]
    kernel: Literal["auto", "xla", "fused"]
    loss_terms: LossTerms = field(default_factory=dict, kw_only=True)
    normalize_rewards: bool = field(default=False, kw_only=True)
    watch_gradients: bool = field(default=False, kw_only=True)
    gaussian: GaussianConfig = field(default=GaussianConfig("constant", 1.0, "clip"), kw_only=True)

    @property
    def group_size(self) -> int:
        """``C``, the gradients that the server averages into one step."""
        raise NotImplementedError

    @property
    def in_real_time(self) -> bool:
        """True if threads, with or without Ray, or their replay run the algorithm, rather than one compiled program."""
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
    maximum: Versions


@dataclass(frozen=True)
class RayConfig:
    """Section ``algo.ray``: A3C's learners in other processes. The settings: ``conf/algo/a3c.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    learners: Count | None
    address: Text | None


@dataclass(frozen=True)
class A3CConfig(AlgoConfig):
    """Section ``algo`` for A3C, with the timing of pushes and pulls. The settings: ``conf/algo/a3c.yaml``.

    >>> from jaxac.config.compose import make_config
    >>> algo = make_config("+algo=a3c", "algo.num_shards=2", "algo.shard_periods=[1,3]").algo
    >>> algo.pushes(6), algo.group_size
    (8, 1)
    """

    name: Literal["a3c"]
    runtime: Literal["compiled", "threads", "ray", "replay"]
    events: Text | None
    server: Literal["per_gradient", "softsync", "mean"]
    softsync_size: Count
    order: Literal["fixed", "shuffled"]
    pull_at: Literal["push", "round"]
    pull_every: Count
    shard_periods: tuple[Count, ...] | None
    delay: DelayConfig
    max_staleness: Versions | None
    above_max_staleness: Literal["wait", "drop"]
    shared_statistics: bool
    correction: Literal["none", "learning_rate", "delay_compensation"]
    compensation: NonNegative
    lock: bool
    ray: RayConfig = field(default=RayConfig(None, None), kw_only=True)

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
