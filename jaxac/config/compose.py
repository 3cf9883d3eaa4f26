"""From overrides as typed on the command line to a checked configuration: Hydra's part of it."""

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxac.config import hydra_errors, validation
from jaxac.config.schema import Config
from jaxac.errors import ConfigError

_PACKAGED = Path(__file__).parents[1] / "conf"
CONF = str(_PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2] / "conf")
"""The directory of the configuration files: inside an installed package, or beside it in a checkout."""
PREFIXES = "+~"
"""Signs of Hydra's before a setting's name."""
_OPEN = ("env.params", "network.arguments", "optimizer.arguments", "algo.loss_terms")
"""Mappings with whatever keys the user gives."""


def make_config(*overrides: str) -> Config:
    """The configuration that these overrides give on the command line.

    Raises:
        ConfigError: naming the first setting that cannot work, its value and the fix.
    """
    try:
        with initialize_config_dir(CONF, version_base="1.3"):
            return to_config(compose("config", spell(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(hydra_errors.explain(error, CONF)) from None


def to_config(cfg: DictConfig) -> Config:
    """What Hydra composed, checked.

    Raises:
        ConfigError: naming the first setting that cannot work, its value and the fix.
    """
    raw = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(raw, dict)
    return validation.resolve({str(key): value for key, value in raw.items()})


def spell(overrides: Sequence[str]) -> list[str]:
    """Overrides as Hydra takes them, from the spellings that users type.

    * ``algo=a2c`` and ``experiment=…`` become ``+algo=a2c``, ``+experiment=…``: neither has a default to override.
      An experiment chooses an algorithm itself, so beside one ``+algo=`` becomes ``algo=``.
    * ``env.params.NAME=…`` becomes ``++env.params.NAME=…``: what names there are is not in the configuration. Likewise
      the arguments of a user's own network and optimizer, and their terms of the objective.
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
    """The setting or group that an override names, without Hydra's signs and packages."""
    return override.split("=", 1)[0].lstrip(PREFIXES).split("@")[0]
