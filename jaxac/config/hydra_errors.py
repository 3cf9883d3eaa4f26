"""Errors of Hydra's, explained in one sentence that names the setting and the fix."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra import compose
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf

from jaxac.config.hydra_context import hydra_on


def explain(error: Exception, conf: str) -> str:
    """One sentence on a mistake in the command line.

    Args:
        error: the error that Hydra or OmegaConf raised.
        conf: the directory of the configuration files, to look up the settings.
    """
    message = " ".join(str(error).split())
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return f"{group}={choice} is not one of the choices: {', '.join(error.options)}."
    unknown = re.search(r"Could not override '([^']+)'", message)
    if unknown:
        return _unknown(unknown[1], conf)
    merged = re.search(r"Error merging override \+*((.*?)=.*)", message)
    if merged:
        return f"{merged[1]} does not fit: {merged[2]} is a mapping; give {merged[2]}={{NAME: VALUE}}."
    return message


def _unknown(setting: str, conf: str) -> str:
    choices = _choices_with(setting, conf)
    if choices:
        return f"{setting} is a setting of {' and '.join(choices)}; choose {choices[0]}, or leave it out."
    close = difflib.get_close_matches(setting, _settings(conf), n=1)
    hint = f"did you mean {close[0]}?" if close else "see conf/ for those there are."
    return f"{setting} is not a setting; {hint}"


def _choices_with(setting: str, conf: str) -> list[str]:
    """The choices of a setting's group whose files have the setting."""
    group, _, name = setting.partition(".")
    files = sorted(Path(conf, group).glob("*.yaml"))
    return [f"{group}={file.stem}" for file in files if name.split(".")[0] in yaml.safe_load(file.read_text())]


def _settings(conf: str) -> list[str]:
    with hydra_on(conf):
        return list(_paths(compose("config", ["+algo=a2c"])))


def _paths(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, config):
        path = f"{prefix}{key}"
        yield path
        value: Any = None if OmegaConf.is_interpolation(config, key) else config[key]
        if isinstance(value, DictConfig):
            yield from _paths(value, f"{path}.")
