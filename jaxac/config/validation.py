"""Checks that turn plain dicts into a :class:`jaxac.config.schema.Config`, or raise one sentence on what is wrong."""

import dataclasses
import functools
import math
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from jaxac.config import asynchrony, catalog, environment, import_path, network, sentences
from jaxac.config.algos import A3CConfig
from jaxac.config.parts import AnyOptimizer, ConvNetworkConfig, NetworkConfig, OwnOptimizerConfig
from jaxac.config.schema import SMALLEST_TILE, Config
from jaxac.config.words import show
from jaxac.errors import ConfigError

_MAX_BATCH = 2**31 - 1  # indices are 32 bits wide
_LEARNING_RATES = {"adam": 3e-3, "rmsprop": 2e-3}
"""Default learning rates of A2C with 512 environments or more."""
_CADENCES = {"logger": (20, 2_000_000), "evaluation": (10, sys.maxsize), "checkpoint": (5, 20_000_000)}
"""Default cadences: one part of the run in so many, but so many environment steps at most.

A kill loses the work since the last checkpoint.
"""


_BOUND = 16
"""Default of ``algo.max_staleness`` with Ray, in versions a shard.

A gradient that took so many times as long as others was lost with its learner, and asked again.
"""


def resolve(raw: dict[str, Any], typed: Mapping[str, str] = MappingProxyType({})) -> Config:
    """Checks a configuration and works out its defaults.

    Args:
        raw: the configuration as plain dicts, lists and scalars.
        typed: values as typed on the command line, by the names of their settings, for the message.

    Raises:
        ConfigError: if a setting cannot work; it names the first one, its value and the fix.
    """
    algo = raw.get("algo")
    if algo is None or (isinstance(algo, dict) and "name" not in algo):  # an environment's values alone
        raise ConfigError("algo is not chosen: add +algo=a2c to the command line.")
    try:
        config = _adapter().validate_python(raw)
    except ValidationError as error:
        raise ConfigError(sentences.explain(error, raw, typed)) from None
    config = dataclasses.replace(config, env=environment.resolve(config.env))
    _check_own_parts(config)
    _check_sizes(config)
    _check_network(config)
    if config.algo.kernel == "fused":
        _check_kernel(config)
    asynchrony.check_one_a_shard("algo.entropy_coef", config.algo.entropy_coef, config.algo.num_shards)
    if isinstance(config.algo, A3CConfig):
        asynchrony.check(config.algo)
        _check_overlap(config.algo, config.optimizer)
    config = _with_defaults(config)
    _check_length(config)
    if isinstance(config.algo, A3CConfig):
        _check_counts(config.algo, config.num_updates)
    return config


@functools.cache
def _adapter() -> TypeAdapter[Config]:
    """The parser of configurations, made once: that takes 10 ms, and a sweep checks many configurations."""
    return TypeAdapter(Config)


def _replace(config: Config, section: str, **changes: Any) -> Config:
    return dataclasses.replace(config, **{section: dataclasses.replace(getattr(config, section), **changes)})


def _check_own_parts(config: Config) -> None:
    """Checks the user's own parts as far as possible without importing them."""
    for setting, path in config.own_parts.items():
        import_path.check(setting, path)
    optimizer = config.optimizer
    if not isinstance(optimizer, OwnOptimizerConfig):
        return
    if "learning_rate" in optimizer.arguments:
        raise ConfigError(
            f"optimizer.arguments.learning_rate={show(optimizer.arguments['learning_rate'])} is not an argument to "
            "give: the learning rate follows a schedule; set optimizer.learning_rate."
        )
    if optimizer.learning_rate is None:
        raise ConfigError(
            f"optimizer.learning_rate=null has no default for optimizer.name={optimizer.name}; give one, for example "
            "optimizer.learning_rate=1e-3."
        )


def _check_sizes(config: Config) -> None:
    env, algo = config.env, config.algo
    if config.seed + config.num_seeds > 2**32:
        raise ConfigError(
            f"seed={config.seed} with num_seeds={config.num_seeds} goes beyond the largest seed, {2**32 - 1}; lower "
            "one of them."
        )
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
    environment.check_whole_episodes(config, environment.limit(config))


def _check_network(config: Config) -> None:
    if isinstance(config.network, NetworkConfig):
        network.check(config.network, config.algo)
    info = catalog.lookup(config.env.name)
    if info is not None and isinstance(config.network, ConvNetworkConfig):
        network.check_observation(config.network, info.name, info.observation)


def _check_length(config: Config) -> None:
    """Raises ConfigError if a run has more pushes than its 32-bit counts hold."""
    pushes = config.algo.pushes(config.num_updates)
    if pushes > _MAX_BATCH:
        raise ConfigError(
            f"total_env_steps={config.total_env_steps} makes {pushes} gradients of {config.steps_per_push} steps each, "
            f"and {_MAX_BATCH} are the most; lower it, or raise env.num_envs or algo.unroll_length."
        )


def _check_counts(algo: A3CConfig, updates: int) -> None:
    """Raises ConfigError if something that A3C waits for comes after the run's end."""
    if algo.group_size > algo.pushes(updates):
        raise ConfigError(
            f"algo.softsync_size={algo.softsync_size} is more than the {algo.pushes(updates)} gradients of the whole "
            "run, so that the server would make no step; lower it."
        )
    for name, rounds in (("algo.pull_every", algo.pull_every), ("algo.shard_periods", max(algo.periods))):
        if rounds > max(updates, 1):
            raise ConfigError(
                f"{name}={show(algo.shard_periods if name.endswith('periods') else rounds)} is more than the {updates} "
                "updates of the whole run; lower it."
            )


def _check_overlap(algo: A3CConfig, optimizer: AnyOptimizer) -> None:
    """Raises ConfigError if steps that overlap without a lock could make a mean of squares negative.

    Each multiplies it by the decay, which is done by adding the difference: K at once add K (decay − 1) times it.
    """
    if algo.lock or isinstance(optimizer, OwnOptimizerConfig) or algo.num_shards * (1 - optimizer.decay) < 1:
        return
    raise ConfigError(
        f"optimizer.decay={optimizer.decay} is too small for algo.lock=false with algo.num_shards={algo.num_shards}, "
        f"of whose steps all may overlap; raise it above {1 - 1 / algo.num_shards:g}, or choose algo.lock=true."
    )


def _check_kernel(config: Config) -> None:
    env, algo = config.env, config.algo
    own = {name: path for name, path in config.own_parts.items() if not name.startswith(("env.", "optimizer."))}
    for name, path in own.items():
        raise ConfigError(
            f"{name}={path} is your own, and algo.kernel=fused knows only what jaxac has; choose algo.kernel=xla."
        )
    environment.check_fused(env)
    whole_batch = {
        "algo.normalize_advantage": (algo.normalize_advantage, True, False),
        "algo.returns": (algo.returns, "monte_carlo", "gae"),
    }
    for name, (value, bad, good) in whole_batch.items():
        if value == bad:
            raise ConfigError(
                f"{name}={show(value)} needs all environments at once, and algo.kernel=fused takes them tile by "
                f"tile; choose {name}={show(good)} or algo.kernel=xla."
            )
    if algo.normalize_rewards:
        raise ConfigError(
            "algo.normalize_rewards=true is nothing algo.kernel=fused knows; choose algo.normalize_rewards=false and a "
            "fitting env.reward_scale, or algo.kernel=xla."
        )
    if env.num_envs // algo.num_shards % SMALLEST_TILE:
        raise ConfigError(
            f"env.num_envs={env.num_envs} in algo.num_shards={algo.num_shards} shards does not divide into tiles of "
            f"{SMALLEST_TILE} environments, which algo.kernel=fused needs; give a multiple of "
            f"{SMALLEST_TILE * algo.num_shards}, or choose algo.kernel=xla."
        )


def _with_defaults(config: Config) -> Config:
    """The configuration with default length, learning rate and cadences for those that are not set."""
    if config.total_env_steps is None:
        config = dataclasses.replace(config, total_env_steps=_default_env_steps(config))
    total = config.env_steps(config.num_updates)
    if config.optimizer.learning_rate is None:
        config = _replace(config, "optimizer", learning_rate=_default_learning_rate(config))
    if config.optimizer.anneal_env_steps is None:
        config = _replace(config, "optimizer", anneal_env_steps=float(total))
    algo = config.algo
    if isinstance(algo, A3CConfig) and algo.runtime == "ray" and algo.max_staleness is None:
        config = _replace(config, "algo", max_staleness=_BOUND * algo.num_shards, above_max_staleness="drop")
    for section, (parts, at_most) in _CADENCES.items():
        if getattr(config, section).every is None:
            config = _replace(config, section, every=min(math.ceil(total / parts), at_most))
    return config


def _default_env_steps(config: Config) -> int:
    """400 updates, and at least ``min_env_steps``."""
    return max(400 * config.steps_per_update, config.min_env_steps)


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
