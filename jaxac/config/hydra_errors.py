"""Errors of Hydra's and OmegaConf's, explained in one sentence that names the setting and the fix."""

import re
from collections.abc import Sequence

from hydra.errors import MissingConfigException
from omegaconf.errors import GrammarParseError, InterpolationKeyError, InterpolationResolutionError

from jaxac.config import hints, settings
from jaxac.config.settings import key_of
from jaxac.config.words import join, shorten

_EXTRAS = {
    "hydra/sweeper=optuna": 'pip install "jaxac[sweep]"',
    "hydra/launcher=joblib": 'pip install "jaxac[sweep]"',
    "hydra/launcher=submitit_slurm": "pip install hydra-submitit-launcher",
    "hydra/launcher=submitit_local": "pip install hydra-submitit-launcher",
    "hydra/sweeper=ax": "pip install hydra-ax-sweeper",
    "hydra/sweeper=nevergrad": "pip install hydra-nevergrad-sweeper",
    "hydra/launcher=ray": "pip install hydra-ray-launcher",
    "hydra/launcher=rq": "pip install hydra-rq-launcher",
}
"""Commands that install a choice of Hydra's."""
_OF_VMAP = [f"hydra.launcher.{name}" for name in ("max_lanes", "how", "executor", "workers", "retries")]
_INTERPOLATIONS = (InterpolationKeyError, InterpolationResolutionError, GrammarParseError, RecursionError)


def explain(error: Exception, typed: Sequence[str]) -> str:
    """One sentence on a mistake in the command line.

    Args:
        error: the error that Hydra or OmegaConf raised.
        typed: the overrides.
    """
    message = " ".join(str(error).split())
    if "primary config" in message.lower():
        return "--config-name names no file of settings that is there; leave it out, or give its name without .yaml."
    if isinstance(error, MissingConfigException) and error.missing_cfg_file is not None:
        return _no_such_file(error)
    unknown = re.search(r"Could not (?:override|append to config|delete).*?'([^']+)'", message)
    if unknown and not settings.is_open(unknown[1]):
        return _unknown(unknown[1])
    culprit = _culprit(message, typed)
    if isinstance(error, _INTERPOLATIONS) or "nterpolation" in message:
        return f"{culprit} refers by ${{…}} to what is not there, or not yet; write the value itself."
    missing = re.search(r"Multiple values for ([\w/]+)", message)
    if missing:
        return f"{missing[1]} is chosen twice; leave one of them out."
    return f"{culprit} is no value that this setting takes; leave it out, or write it in quotes if it is a text."


def _no_such_file(error: MissingConfigException) -> str:
    group, _, choice = str(error.missing_cfg_file).rpartition("/")
    asked = f"{group}={choice}"
    if asked in _EXTRAS:
        return f"{asked} needs a package that is not installed: {_EXTRAS[asked]}."
    if not group or error.options is None:
        return f"{shorten(choice)} is not found among the files of settings; leave out --config-name and --config-path."
    return f"{shorten(asked)} is not one of the choices: {', '.join(error.options)}."


def _unknown(name: str) -> str:
    choices = settings.choices_with(name)
    if choices:
        usual = next((each for each in choices if each in settings.usual_choices()), choices[0])
        return f"{name} is a setting of {join(choices, 'and')}; choose {usual}, or leave it out."
    if name in _OF_VMAP:
        return f"{name} is a setting of hydra/launcher=vmap; choose it, or leave it out."
    return hints.unknown(name)


def _culprit(message: str, typed: Sequence[str]) -> str:
    """The override that a message of Hydra's is about, as typed."""
    named = re.search(r"full_key: ([\w.]+)", message) or re.search(r"override '?\+*([\w./]+)", message)
    key = named[1] if named else ""
    for text in typed:
        if key and key_of(text) == key:
            return shorten(text)
    for text in typed:
        if "${" in text or key_of(text).startswith("hydra"):
            return shorten(text)
    return key or shorten(" ".join(typed))
