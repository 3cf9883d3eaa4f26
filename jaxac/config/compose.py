"""Configurations composed by Hydra from overrides as typed on the command line, and checked."""

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from jaxac.config import effects, hydra_errors, reading, settings, validation
from jaxac.config.hydra_context import hydra_on
from jaxac.config.parts import OwnNetworkConfig, OwnOptimizerConfig
from jaxac.config.schema import Config
from jaxac.config.settings import CONF, key_of
from jaxac.config.words import SPELLED
from jaxac.errors import ConfigError

PREFIXES = "+~"
"""Hydra's signs before a setting's name."""


def make_config(*overrides: str, **values: Any) -> Config:
    """The configuration that these overrides give on the command line.

    >>> config = make_config("+algo=a2c", "env.num_envs=512", seed=3)
    >>> config.algo.name, config.env.num_envs, config.seed
    ('a2c', 512, 3)

    Args:
        overrides: overrides as typed on the command line, ``"+algo=a2c"``, ``"env.num_envs=512"``.
        values: the same as keywords, ``algo="a2c", seed=3, env={"num_envs": 512}``; they win over ``overrides``.

    Raises:
        ConfigError: if a setting cannot work; it names the first one, its value and the fix.
    """
    typed = reading.check([*overrides, *_from_keywords(values)])
    try:
        with hydra_on(CONF):
            composed = compose("config", spell(typed))
    except Exception as error:  # Hydra's and OmegaConf's own, and what they do not catch
        raise ConfigError(hydra_errors.explain(error, typed)) from None
    return to_config(composed, typed)


def to_overrides(config: Config) -> list[str]:
    """The overrides that make ``config``, naming every setting; the inverse of :func:`make_config`.

    >>> config = make_config("+algo=a3c", "env.params.gravity=5.0")
    >>> make_config(*to_overrides(config)) == config
    True
    """
    values = dataclasses.asdict(config)
    chosen = [f"algo={values['algo'].pop('name')}"]
    chosen += ["network=own"] if isinstance(config.network, OwnNetworkConfig) else []
    chosen += [f"optimizer={'own' if isinstance(config.optimizer, OwnOptimizerConfig) else config.optimizer.name}"]
    return spell([*chosen, *_from_keywords(values)])


def _from_keywords(values: dict[str, Any], prefix: str = "") -> list[str]:
    """Overrides from nested settings; mappings that are not empty are taken apart."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found += _from_keywords(value, f"{prefix}{name}.")
        elif isinstance(value, str) and name in settings.groups() and not prefix:
            found.append(f"{name}={value}")  # a choice of a group
        else:
            found.append(f"{prefix}{name}={_literal(value)}")
    return found


def _literal(value: Any) -> str:
    """A value in Hydra's syntax."""
    if isinstance(value, str):
        return reading.quote(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}: {_literal(each)}" for name, each in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return SPELLED[value]
    if isinstance(value, numbers.Real):
        return repr(value.item() if hasattr(value, "item") else value)
    return reading.quote(str(value))


def to_config(cfg: DictConfig, typed: Sequence[str] = ()) -> Config:
    """The checked configuration from one that Hydra composed.

    Args:
        cfg: the configuration that Hydra composed.
        typed: the overrides that it was composed from.

    Raises:
        ConfigError: if a setting cannot work; it names the first one, its value and the fix.
    """
    try:
        raw = OmegaConf.to_container(cfg, resolve=True)
    except Exception as error:  # of an interpolation
        raise ConfigError(hydra_errors.explain(error, typed)) from None
    assert isinstance(raw, dict)
    values = {key_of(text): reading.unquoted(text.partition("=")[2]) for text in typed if "=" in text}
    config = validation.resolve({str(key): value for key, value in raw.items()}, values)
    if config.resume is None:
        effects.check(config, values)
    return config


def spell(overrides: Sequence[str]) -> list[str]:
    """Overrides in Hydra's spelling, from the spelling of users.

    * ``+algo=a2c`` becomes ``algo=a2c``, which overrides the choice of none or an experiment's; ``experiment=…``
      becomes ``+experiment=…``, which has no default to override.
    * ``env.name=…`` without a choice of ``env`` takes the general recipe, ``env=default``, and not the values of the
      environment that is trained without a name.
    * ``env.params.NAME=…`` becomes ``++env.params.NAME=…``, because the configuration does not list such names; so do
      the arguments of a user's own network and optimizer, and their terms of the objective.

    >>> spell(["algo=a2c", "env.params.gravity=5.0", "seed=3"])
    ['algo=a2c', '++env.params.gravity=5.0', 'seed=3']
    >>> spell(["experiment=quick", "+algo=a3c", "env.name=Catch"])
    ['+experiment=quick', 'algo=a3c', 'env.name=Catch', 'env=default']
    """
    keys = {key_of(override) for override in overrides if "=" in override}

    def spelled(override: str) -> str:
        key = key_of(override) if "=" in override else ""
        if settings.is_open(key):
            return "++" + override.lstrip(PREFIXES)
        if key == "experiment":
            return "+" + override.lstrip(PREFIXES)
        return override.lstrip(PREFIXES) if key == "algo" else override

    by_name = ["env=default"] if "env.name" in keys and "env" not in keys else []
    return [*map(spelled, overrides), *by_name]
