"""The configuration: typed, validated, immutable. Knows neither JAX nor Hydra.

A field of type ``float`` is a *number*: it may differ between runs of one compiled program (:mod:`jaxac.spec` makes
it a pytree leaf). A field of any other type is a *size or a choice* and is compiled in. What each setting means, its
unit and the papers' values are said where users set them, in ``conf/``.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from jaxac import catalog

_FORBID_EXTRA = ConfigDict(extra="forbid")


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("Input should be a number")
    return value


Integer = Annotated[int, BeforeValidator(_not_bool)]
Number = Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)]
Count = Annotated[Integer, Field(ge=1)]
Cadence = Annotated[Integer, Field(ge=0)]
Probability = Annotated[Number, Field(ge=0, le=1)]
Decay = Annotated[Number, Field(ge=0, lt=1)]
NonNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
EnvParam = StrictBool | StrictInt | Number


@dataclass(frozen=True)
class EnvConfig:
    __pydantic_config__ = _FORBID_EXTRA
    name: str
    num_envs: Count
    params: dict[str, EnvParam]
    stagger_starts: bool
    reward_clip: Positive | None
    reward_scale: Positive


@dataclass(frozen=True)
class AlgoConfig:
    __pydantic_config__ = _FORBID_EXTRA
    name: Literal["a2c"]
    num_shards: Count
    unroll_length: Count
    discount: Probability
    returns: Literal["n_step", "gae", "monte_carlo"]
    gae_lambda: Probability
    entropy_coef: NonNegative
    value_coef: NonNegative
    normalize_observations: bool
    normalize_advantage: bool


@dataclass(frozen=True)
class NetworkConfig:
    __pydantic_config__ = _FORBID_EXTRA
    shared: bool
    hidden_sizes: tuple[Count, ...]
    activation: Literal["elu", "gelu", "relu", "silu", "tanh"]


@dataclass(frozen=True)
class OptimizerConfig:
    __pydantic_config__ = _FORBID_EXTRA
    name: Literal["adam", "rmsprop"]
    learning_rate: NonNegative | None
    schedule: Literal["constant", "linear"]
    anneal_env_steps: Positive | None
    max_grad_norm: Positive | None
    epsilon: Positive
    decay: Decay
    momentum: Decay


@dataclass(frozen=True)
class EvaluationConfig:
    __pydantic_config__ = _FORBID_EXTRA
    every: Cadence | None
    episodes: Count
    greedy: bool
    stop_at_return: Number | None


@dataclass(frozen=True)
class CheckpointConfig:
    __pydantic_config__ = _FORBID_EXTRA
    every: Cadence | None
    keep: Count


@dataclass(frozen=True)
class WandbConfig:
    __pydantic_config__ = _FORBID_EXTRA
    mode: Literal["offline", "online", "disabled", "shared", "dryrun", "run"]
    project: str
    entity: str | None
    group: str | None
    job_type: str | None
    name: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True)
class LoggerConfig:
    __pydantic_config__ = _FORBID_EXTRA
    every: Count | None
    console: bool
    curve: bool
    gif: bool
    wandb: WandbConfig


@dataclass(frozen=True)
class Config:
    """A whole run. ``None`` cadences are filled in by :func:`jaxac.validation.resolve`."""

    __pydantic_config__ = _FORBID_EXTRA
    seed: Annotated[Integer, Field(ge=0, lt=2**32)]
    total_env_steps: Count | None
    stop_after_updates: Count | None
    env: EnvConfig
    algo: AlgoConfig
    network: NetworkConfig
    optimizer: OptimizerConfig
    evaluation: EvaluationConfig
    checkpoint: CheckpointConfig
    logger: LoggerConfig
    resume: str | None
    compilation_cache: str | None

    @property
    def steps_per_update(self) -> int:
        """Environment steps of one update, all environments together."""
        return self.env.num_envs * self.algo.unroll_length

    @property
    def num_updates(self) -> int:
        """Updates of the whole run: ``total_env_steps``, rounded up to whole updates."""
        assert self.total_env_steps is not None, "validation.resolve() fills this in"
        return math.ceil(self.total_env_steps / self.steps_per_update)

    @property
    def return_threshold(self) -> float | None:
        """The evaluation return from which a run counts as having solved its task, where one is known."""
        if self.evaluation.stop_at_return is not None:
            return self.evaluation.stop_at_return
        info = catalog.lookup(self.env.name)
        return info.threshold if info else None
