"""Checks of section ``env``: against the table of gymnax's environments, and what is known of other suites."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import Any

from jaxac.config import catalog, import_path, suites
from jaxac.config.fields import LARGEST_INT
from jaxac.config.schema import Config, EnvConfig
from jaxac.config.words import shorten, show
from jaxac.errors import ConfigError


def resolve(env: EnvConfig) -> EnvConfig:
    """The section with the environment's whole name, and its parameters in the types of the environment's defaults.

    So ``env.params.gravity=9`` and ``9.8`` share one program.

    Raises:
        ConfigError: if there is no such environment, it cannot be trained on, or it has no such parameter.
    """
    if suites.is_of_suite(env.name):
        suites.check(env.name)
        return dataclasses.replace(env, params=_limited(check_params(env, suites.PARAMS)))
    if ":" in env.name:
        _check_own(env.name)
        return env  # its parameters are checked when it is made
    env = dataclasses.replace(env, name=catalog.canonical(env.name))
    info = catalog.lookup(env.name)
    assert info is not None
    if env.name in catalog.UNSUPPORTED:
        raise ConfigError(f"env.name={env.name} is not supported: {catalog.UNSUPPORTED[env.name]}; choose another.")
    return dataclasses.replace(env, params=_limited(check_params(env, info.params)))


def _limited(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters; ConfigError if they leave no step to an episode."""
    if params.get("max_steps_in_episode", 1) < 1:
        raise _bad("max_steps_in_episode", params["max_steps_in_episode"], "give at least 1")
    return params


def check_params(env: EnvConfig, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in the types of the environment's defaults.

    Raises:
        ConfigError: if it has no such parameter, or of another type.
    """
    for name, value in env.params.items():
        if name not in defaults:
            raise ConfigError(_unknown(name, value, env.name, list(defaults)))
    return {name: _typed(name, value, defaults[name]) for name, value in env.params.items()}


def limit(config: Config) -> float | None:
    """The most steps of an episode; None if there is no limit, or it is known only when the environment is made."""
    info = catalog.lookup(config.env.name)
    defaults = info.params if info else {}
    return config.env.params.get("max_steps_in_episode", defaults.get("max_steps_in_episode"))


def check_whole_episodes(config: Config, limit: float | None) -> None:
    """Raises ConfigError if an unroll is shorter than the episodes that it must hold.

    Args:
        config: the configuration.
        limit: the most steps of an episode; None if it is not known, or there is none.
    """
    algo = config.algo
    if algo.returns == "monte_carlo" and limit is not None and algo.unroll_length < limit:
        raise ConfigError(
            f"algo.unroll_length={algo.unroll_length} is too short for algo.returns=monte_carlo, which learns from "
            f"whole episodes: give at least the episode limit, algo.unroll_length={math.ceil(limit)}, or lower "
            "env.params.max_steps_in_episode."
        )


def check_fused(env: EnvConfig) -> None:
    """Raises ConfigError for an environment that kernels cannot step, as far as that is known without making it."""
    if suites.is_of_suite(env.name):
        raise ConfigError(
            f"env.name={env.name} is of another suite, and algo.kernel=fused knows only gymnax's environments; choose "
            "algo.kernel=xla."
        )
    info = catalog.lookup(env.name)
    if info is not None and info.actions is None:
        raise ConfigError(
            f"env.name={env.name} has continuous actions, and algo.kernel=fused knows only choices; choose "
            "algo.kernel=xla."
        )


def _check_own(path: str) -> None:
    try:
        import_path.parse(path)
    except ValueError as error:
        raise ConfigError(f"env.name={show(path)} is not valid: {error}.") from None


def _unknown(name: str, value: Any, env: str, params: list[str]) -> str:
    close = difflib.get_close_matches(name, params, 1, 0.7)
    meant = f"did you mean env.params.{close[0]}? It has" if close else "it has"
    named = f"env.params.{shorten(name)}={show(value)}"
    return f"{named} is not a parameter of {env}; {meant}: {', '.join(params) or 'none'}."


def _typed(name: str, value: Any, default: Any) -> Any:
    """A parameter's value in the type of its default.

    Raises:
        ConfigError: if it cannot be.
    """
    if isinstance(default, bool) or isinstance(value, bool):
        if type(default) is not type(value):
            raise _bad(name, value, f"give {'true or false' if isinstance(default, bool) else 'a number'}")
        return value
    if not isinstance(default, int):
        return float(value)
    if value != int(value):
        raise _bad(name, value, "give a whole number")
    if abs(value) > LARGEST_INT:
        raise _bad(name, value, f"give at most {LARGEST_INT} in size")
    return int(value)


def _bad(name: str, value: Any, fix: str) -> ConfigError:
    return ConfigError(f"env.params.{name}={show(value)} is not valid: {fix}.")
