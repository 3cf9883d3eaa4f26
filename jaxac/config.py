"""The configuration: typed, validated, immutable. Knows neither JAX nor Hydra.

A field of type ``float`` is a *number*: it may differ between runs of one compiled program (:mod:`jaxac.spec` makes
it a pytree leaf). A field of any other type is a *size or a choice* and is compiled in. What each setting means, its
unit and the papers' values are said where users set them, in ``conf/``.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, TypeAdapter, ValidationError

from jaxac import catalog
from jaxac.errors import ConfigError

_FORBID_EXTRA = ConfigDict(extra="forbid")
_MAX_BATCH = 2**31 - 1  # indices are 32 bits wide


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
    learning_rate: NonNegative
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
    """A whole run. ``None`` cadences are filled in by :func:`resolve`."""

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
        assert self.total_env_steps is not None, "resolve() fills this in"
        return math.ceil(self.total_env_steps / self.steps_per_update)

    @property
    def return_threshold(self) -> float | None:
        """The evaluation return from which a run counts as having solved its task, where one is known."""
        if self.evaluation.stop_at_return is not None:
            return self.evaluation.stop_at_return
        info = catalog.lookup(self.env.name)
        return info.threshold if info else None


def resolve(raw: dict[str, Any]) -> Config:
    """The configuration in ``raw`` (plain dicts, lists and scalars), checked and with its defaults worked out.

    Raises:
        ConfigError: naming the first setting that cannot work, its value and the fix.

    """
    if "algo" not in raw:
        raise ConfigError("algo is not chosen: add +algo=a2c to the command line.")
    try:
        config = TypeAdapter(Config).validate_python(raw)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None
    config = _replace(config, "env", name=catalog.canonical(config.env.name))
    _check_env(config)
    _check_sizes(config)
    return _with_defaults(config)


def _replace(config: Config, section: str, **changes: Any) -> Config:
    return dataclasses.replace(config, **{section: dataclasses.replace(getattr(config, section), **changes)})


def _sentence(error: ValidationError) -> str:
    """Of the first thing wrong: setting, value, reason."""
    first = error.errors(include_url=False)[0]
    # Unions append the name of the member that was tried, which is no part of the setting's name.
    path = ".".join(str(part) for part in first["loc"] if str(part).isidentifier() and part not in ("bool", "int"))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "unexpected_keyword_argument":
        return f"{path} is not a setting; see conf/ for those there are."
    if first["type"] in ("missing", "missing_argument"):
        return f"{path} is not set; give it a value on the command line, {path}=…"
    return f"{path}={first['input']} is not valid: {reason[0].lower()}{reason[1:]}."


def _check_env(config: Config) -> None:
    env = config.env
    info = catalog.lookup(env.name)
    if info is None:
        return  # the user's own environment: checked when it is made
    if env.name in catalog.UNSUPPORTED:
        raise ConfigError(f"env.name={env.name} is not supported: {catalog.UNSUPPORTED[env.name]}; choose another.")
    if info.actions is None:
        raise ConfigError(
            f"env.name={env.name} has continuous actions, which are not supported yet; "
            f"choose one of: {', '.join(catalog.supported())}."
        )
    for name, value in env.params.items():
        if name not in info.params:
            raise ConfigError(
                f"env.params.{name}={value} is not a parameter of {env.name}; it has: {', '.join(info.params)}."
            )
    if env.params.get("max_steps_in_episode", 1) < 1:
        raise ConfigError(
            f"env.params.max_steps_in_episode={env.params['max_steps_in_episode']} is not valid: give at least 1."
        )


def _check_sizes(config: Config) -> None:
    env, algo = config.env, config.algo
    if env.num_envs % algo.num_shards:
        raise ConfigError(
            f"env.num_envs={env.num_envs} does not divide into algo.num_shards={algo.num_shards} shards of the same "
            f"size; give a multiple, for example env.num_envs={-(-env.num_envs // algo.num_shards) * algo.num_shards}."
        )
    if config.steps_per_update > _MAX_BATCH:
        raise ConfigError(
            f"env.num_envs={env.num_envs} times algo.unroll_length={algo.unroll_length} exceeds {_MAX_BATCH} steps "
            "an update; lower one of them."
        )
    limit = _episode_limit(config)
    if algo.returns == "monte_carlo" and limit is not None and algo.unroll_length < limit:
        raise ConfigError(
            f"algo.unroll_length={algo.unroll_length} is too short for algo.returns=monte_carlo, which learns from "
            f"whole episodes: give at least the episode limit, algo.unroll_length={math.ceil(limit)}, or lower "
            "env.params.max_steps_in_episode."
        )


def _episode_limit(config: Config) -> float | None:
    info = catalog.lookup(config.env.name)
    defaults = info.params if info else {}
    return config.env.params.get("max_steps_in_episode", defaults.get("max_steps_in_episode"))


def _with_defaults(config: Config) -> Config:
    """The run's length and cadences, where they are left to us."""
    if config.total_env_steps is None:
        config = dataclasses.replace(config, total_env_steps=_default_env_steps(config))
    total = config.num_updates * config.steps_per_update
    if config.optimizer.anneal_env_steps is None:
        config = _replace(config, "optimizer", anneal_env_steps=float(total))
    for section, parts in (("logger", 100), ("evaluation", 10), ("checkpoint", 5)):
        if getattr(config, section).every is None:
            config = _replace(config, section, every=math.ceil(total / parts))
    return config


def _default_env_steps(config: Config) -> int:
    """400 updates, and at least a million environment steps: what CartPole needs at 64, 512 and 4096 environments."""
    return max(400 * config.steps_per_update, 1_000_000)
