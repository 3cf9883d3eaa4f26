"""Checks that turn plain dicts into a :class:`jaxac.config.schema.Config`, or raise one sentence on what is wrong."""

import dataclasses
import functools
import math
import sys
from typing import Any

from pydantic import TypeAdapter, ValidationError

from jaxac.config import catalog, import_path
from jaxac.config.algos import A3CConfig
from jaxac.config.parts import OwnOptimizerConfig
from jaxac.config.schema import SMALLEST_TILE, Config
from jaxac.errors import ConfigError

_MAX_BATCH = 2**31 - 1  # indices are 32 bits wide
_MEMBERS = ("a2c", "a3c", "bool", "int", "float", "tuple")
"""Members of unions, which pydantic puts into the paths of settings."""
_LEARNING_RATES = {"adam": 3e-3, "rmsprop": 2e-3}
"""Default learning rates of A2C with 512 environments or more."""
_CADENCES = {"logger": (20, 2_000_000), "evaluation": (10, sys.maxsize), "checkpoint": (5, 20_000_000)}
"""Default cadences: one part of the run in so many, but so many environment steps at most.

A request to stop waits for the end of a row; a kill loses the work since the last checkpoint.
"""


def resolve(raw: dict[str, Any]) -> Config:
    """Checks a configuration and works out its defaults.

    Args:
        raw: the configuration as plain dicts, lists and scalars.

    Raises:
        ConfigError: if a setting cannot work; it names the first one, its value and the fix.
    """
    if "algo" not in raw:
        raise ConfigError("algo is not chosen: add +algo=a2c to the command line.")
    try:
        config = _adapter().validate_python(raw)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None
    config = _replace(config, "env", name=catalog.canonical(config.env.name))
    _check_env(config)
    _check_own_parts(config)
    _check_sizes(config)
    if config.algo.kernel == "fused":
        _check_kernel(config)
    if isinstance(config.algo, A3CConfig):
        _check_asynchrony(config.algo)
    return _with_defaults(config)


@functools.cache
def _adapter() -> TypeAdapter[Config]:
    """The parser of configurations, made once: that takes 10 ms, and a sweep checks many configurations."""
    return TypeAdapter(Config)


def _replace(config: Config, section: str, **changes: Any) -> Config:
    return dataclasses.replace(config, **{section: dataclasses.replace(getattr(config, section), **changes)})


def _sentence(error: ValidationError) -> str:
    """One sentence on the first mistake: setting, value, reason."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"] if str(part).isidentifier() and part not in _MEMBERS)
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


def _check_own_parts(config: Config) -> None:
    """Checks the user's own parts as far as possible without importing them."""
    for setting, path in config.own_parts.items():
        import_path.check(setting, path)
    optimizer = config.optimizer
    if not isinstance(optimizer, OwnOptimizerConfig):
        return
    if "learning_rate" in optimizer.arguments:
        raise ConfigError(
            f"optimizer.arguments.learning_rate={optimizer.arguments['learning_rate']} is not an argument to give: the "
            "learning rate follows a schedule; set optimizer.learning_rate."
        )
    if optimizer.learning_rate is None:
        raise ConfigError(
            f"optimizer.learning_rate=null has no default for optimizer.name={optimizer.name}; give one, for example "
            "optimizer.learning_rate=1e-3."
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


def _check_kernel(config: Config) -> None:
    env, algo = config.env, config.algo
    own = {name: path for name, path in config.own_parts.items() if not name.startswith(("env.", "optimizer."))}
    for name, path in own.items():
        raise ConfigError(
            f"{name}={path} is your own, and algo.kernel=fused knows only what jaxac has; choose algo.kernel=xla."
        )
    whole_batch = {
        "algo.normalize_advantage": (algo.normalize_advantage, True, False),
        "algo.returns": (algo.returns, "monte_carlo", "gae"),
    }
    for name, (value, bad, good) in whole_batch.items():
        if value == bad:
            raise ConfigError(
                f"{name}={str(value).lower()} needs all environments at once, and algo.kernel=fused takes them tile by "
                f"tile; choose {name}={str(good).lower()} or algo.kernel=xla."
            )
    if env.num_envs // algo.num_shards % SMALLEST_TILE:
        raise ConfigError(
            f"env.num_envs={env.num_envs} in algo.num_shards={algo.num_shards} shards does not divide into tiles of "
            f"{SMALLEST_TILE} environments, which algo.kernel=fused needs; give a multiple of "
            f"{SMALLEST_TILE * algo.num_shards}, or choose algo.kernel=xla."
        )


def _check_asynchrony(algo: A3CConfig) -> None:
    for name, values in (("algo.shard_periods", algo.shard_periods), ("algo.delay.mean", algo.delay.mean)):
        if isinstance(values, tuple) and len(values) != algo.num_shards:
            raise ConfigError(
                f"{name}={list(values)} has {len(values)} numbers for algo.num_shards={algo.num_shards} shards; give "
                "one a shard."
            )
    if min(algo.periods) > 1:
        raise ConfigError(f"algo.shard_periods={list(algo.periods)} has no shard of period 1; divide by the smallest.")
    if algo.server == "mean" and max(algo.periods) > 1:
        raise ConfigError(
            f"algo.shard_periods={list(algo.periods)} makes no sense with algo.server=mean, a barrier at which all "
            "shards are as slow as the slowest; leave it out, or choose algo.server=per_gradient."
        )
    if algo.pull_at == "round" and (algo.pull_every > 1 or algo.delay.distribution != "none"):
        raise ConfigError(
            f"algo.pull_at=round leaves no room for algo.pull_every={algo.pull_every} or "
            f"algo.delay.distribution={algo.delay.distribution}; choose algo.pull_at=push."
        )
    if not algo.shared_statistics and algo.group_size > 1:
        raise ConfigError(
            f"algo.shared_statistics=false needs algo.server=per_gradient: a mean of {algo.group_size} gradients "
            "belongs to no shard's statistics."
        )
    if (algo.runtime == "replay") != (algo.events is not None):
        raise ConfigError(
            f"algo.events={algo.events} does not fit algo.runtime={algo.runtime}: runtime=replay needs the "
            "events.jsonl of a run with runtime=threads, and nothing else reads it; set both or neither."
        )
    if algo.in_real_time:
        _check_real_time(algo)


def _check_real_time(algo: A3CConfig) -> None:
    """Threads have real delays and orders, so the settings of virtual ones cannot be followed."""
    virtual = {
        "algo.server": (algo.server, "per_gradient"),
        "algo.shard_periods": (algo.shard_periods, None),
        "algo.delay.distribution": (algo.delay.distribution, "none"),
        "algo.pull_at": (algo.pull_at, "push"),
    }
    for name, (value, only) in virtual.items():
        if value != only:
            raise ConfigError(
                f"{name}={value} is for algo.runtime=compiled; with algo.runtime={algo.runtime} leave it at {only}."
            )
    if algo.max_staleness is not None and algo.above_max_staleness == "wait":
        raise ConfigError(
            f"algo.above_max_staleness=wait is for algo.runtime=compiled: with algo.runtime={algo.runtime} no shard "
            "waits for another; choose drop."
        )


def _episode_limit(config: Config) -> float | None:
    info = catalog.lookup(config.env.name)
    defaults = info.params if info else {}
    return config.env.params.get("max_steps_in_episode", defaults.get("max_steps_in_episode"))


def _with_defaults(config: Config) -> Config:
    """The configuration with default length, learning rate and cadences for those that are not set."""
    if config.total_env_steps is None:
        config = dataclasses.replace(config, total_env_steps=_default_env_steps(config))
    total = config.env_steps(config.num_updates)
    if config.optimizer.learning_rate is None:
        config = _replace(config, "optimizer", learning_rate=_default_learning_rate(config))
    if config.optimizer.anneal_env_steps is None:
        config = _replace(config, "optimizer", anneal_env_steps=float(total))
    for section, (parts, at_most) in _CADENCES.items():
        if getattr(config, section).every is None:
            config = _replace(config, section, every=min(math.ceil(total / parts), at_most))
    return config


def _default_env_steps(config: Config) -> int:
    """400 updates, and at least a million environment steps: enough for CartPole at 64, 512 and 4096 environments."""
    return max(400 * config.steps_per_update, 1_000_000)


def _default_learning_rate(config: Config) -> float:
    """A learning rate at which CartPole does not relapse: smaller below 512 environments, whose gradients are noisier.

    If the server makes several steps in a round, all of them together are as long as A2C's single step, also after a
    correction that divides by the staleness, which is about their number.
    """
    algo = config.algo
    rate = _LEARNING_RATES[config.optimizer.name] * min(1.0, config.env.num_envs / 512) ** 0.25
    steps_per_round = algo.num_shards / min(algo.group_size, algo.num_shards)
    if isinstance(algo, A3CConfig) and algo.correction == "learning_rate":
        bound = math.inf if algo.max_staleness is None else algo.max_staleness
        rate *= max(1.0, min(steps_per_round - 1, bound))
    return rate / steps_per_round
