"""Configurations composed by Hydra from overrides as typed on the command line, and checked."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxac.config import hydra_errors, validation
from jaxac.config.hydra_context import hydra_on
from jaxac.config.parts import OwnNetworkConfig, OwnOptimizerConfig
from jaxac.config.schema import Config
from jaxac.errors import ConfigError

_PACKAGED = Path(__file__).parents[1] / "conf"
CONF = str(_PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2] / "conf")
"""The directory of the configuration files: inside an installed package, or beside it in a checkout."""
PREFIXES = "+~"
"""Hydra's signs before a setting's name."""
_OPEN = ("env.params", "network.arguments", "optimizer.arguments", "algo.loss_terms")
"""Mappings whose keys are the user's."""


def make_config(*overrides: str, **settings: Any) -> Config:
    """The configuration that these overrides give on the command line.

    >>> config = make_config("+algo=a2c", "env.num_envs=512", seed=3)
    >>> config.algo.name, config.env.num_envs, config.seed
    ('a2c', 512, 3)

    Args:
        overrides: overrides as typed on the command line, ``"+algo=a2c"``, ``"env.num_envs=512"``.
        settings: the same as keywords, ``algo="a2c", seed=3, env={"num_envs": 512}``; they win over ``overrides``.

    Raises:
        ConfigError: if a setting cannot work; it names the first one, its value and the fix.
    """
    try:
        with hydra_on(CONF):
            return to_config(compose("config", spell([*overrides, *_from_keywords(settings)])))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(hydra_errors.explain(error, CONF)) from None


def to_overrides(config: Config) -> list[str]:
    """The overrides that make ``config``, naming every setting; the inverse of :func:`make_config`.

    >>> config = make_config("+algo=a3c", "env.params.gravity=5.0")
    >>> make_config(*to_overrides(config)) == config
    True
    """
    settings = dataclasses.asdict(config)
    chosen = [f"algo={settings['algo'].pop('name')}"]
    chosen += ["network=own"] if isinstance(config.network, OwnNetworkConfig) else []
    chosen += [f"optimizer={'own' if isinstance(config.optimizer, OwnOptimizerConfig) else config.optimizer.name}"]
    return spell([*chosen, *_from_keywords(settings)])


def _from_keywords(settings: dict[str, Any], prefix: str = "") -> list[str]:
    """Overrides from nested settings; mappings that are not empty are taken apart."""
    found = []
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            found += _from_keywords(value, f"{prefix}{name}.")
        elif isinstance(value, str) and (Path(CONF) / name).is_dir() and not prefix:
            found.append(f"{name}={value}")  # a choice of a group
        else:
            found.append(f"{prefix}{name}={_literal(value)}")
    return found


def _literal(value: Any) -> str:
    """A value in Hydra's syntax."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}: {_literal(each)}" for name, each in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def to_config(cfg: DictConfig) -> Config:
    """The checked configuration from one that Hydra composed.

    Args:
        cfg: the configuration that Hydra composed.

    Raises:
        ConfigError: if a setting cannot work; it names the first one, its value and the fix.
    """
    raw = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(raw, dict)
    return validation.resolve({str(key): value for key, value in raw.items()})


def spell(overrides: Sequence[str]) -> list[str]:
    """Overrides in Hydra's spelling, from the spelling of users.

    * ``algo=a2c`` and ``experiment=…`` become ``+algo=a2c``, ``+experiment=…``: neither has a default to override.
      An experiment chooses an algorithm itself, so beside one ``+algo=`` becomes ``algo=``.
    * ``env.params.NAME=…`` becomes ``++env.params.NAME=…``, because the configuration does not list such names; so do
      the arguments of a user's own network and optimizer, and their terms of the objective.

    >>> spell(["algo=a2c", "env.params.gravity=5.0", "seed=3"])
    ['+algo=a2c', '++env.params.gravity=5.0', 'seed=3']
    >>> spell(["experiment=a3c_paper", "+algo=a3c"])
    ['+experiment=a3c_paper', 'algo=a3c']
    """
    has_experiment = any(key_of(override) == "experiment" for override in overrides if "=" in override)

    def spelled(override: str) -> str:
        key = key_of(override) if "=" in override else ""
        if key in _OPEN or key.startswith(tuple(f"{mapping}." for mapping in _OPEN)):
            return "++" + override.lstrip(PREFIXES)
        if key == "experiment" or (key == "algo" and not has_experiment):
            return "+" + override.lstrip(PREFIXES)
        return override.lstrip(PREFIXES) if key == "algo" else override

    return [spelled(override) for override in overrides]


def key_of(override: str) -> str:
    """The setting or group that an override names, without Hydra's signs and packages.

    >>> key_of("++env.params.gravity=5.0")
    'env.params.gravity'
    """
    return override.split("=", 1)[0].lstrip(PREFIXES).split("@")[0]
