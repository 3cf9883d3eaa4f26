"""The reading of overrides, one by one, before Hydra composes them, so that mistakes are said in our words."""

import dataclasses
import functools
import re
from collections.abc import Sequence
from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from jaxac.config import catalog, hints, sentences, settings
from jaxac.config.settings import key_of
from jaxac.config.words import join, shorten, show
from jaxac.errors import ConfigError

_NAME = re.compile(r"[^\W\d][\w-]*(\.[\w-]+)*|hydra/\w[\w/]*")
_HYDRAS = {field.name for field in dataclasses.fields(HydraConf)}
"""The sections of Hydra's own settings."""
_TEXTS = ("resume", "compilation_cache", "algo.events", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
"""Settings that may be any text, so that one must say what was meant."""


def check(overrides: Sequence[str], sweep: bool = False) -> list[str]:
    """The overrides, each of which names a setting or a group and gives it a value that can be read.

    Args:
        overrides: overrides as typed on the command line.
        sweep: True if a setting may have several values.

    Returns:
        The overrides; a value that Hydra cannot read is in quotes, so that validation says what is wrong with it.

    Raises:
        ConfigError: on the first one that cannot be read, in one sentence.
    """
    _check_choices([text for text in overrides if isinstance(text, str) and "=" in text])
    chosen = {key_of(text): text.partition("=")[2] for text in overrides if isinstance(text, str)}
    return [_checked(text, chosen, sweep) for text in overrides]


def _check_choices(overrides: Sequence[str]) -> None:
    """Raises ConfigError if two choices are made of one group."""
    made: dict[str, str] = {}
    for text in overrides:
        key, choice = key_of(text), text.partition("=")[2]
        if key in settings.groups() and "@" not in text.partition("=")[0] and made.setdefault(key, choice) != choice:
            raise ConfigError(
                f"{key}={shorten(choice)} is a second choice beside {key}={shorten(made[key])}; leave one out."
            )


@functools.lru_cache(maxsize=4096)
def parse(override: str) -> Override | None:
    """An override as Hydra reads it; None if it cannot."""
    try:
        return OverridesParser.create().parse_override(override)
    except Exception:  # of the parser, of its grammar, and of the functions that it calls
        return None


def quote(text: str) -> str:
    """A text in quotes, as Hydra reads it."""
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", text)
    return "'" + escaped.replace("'", "\\'") + "'"


def unquoted(value: str) -> str:
    """A value without the quotes around it.

    >>> unquoted("'a b'"), unquoted("[1,2]")
    ('a b', '[1,2]')
    """
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _checked(text: str, chosen: dict[str, str], sweep: bool) -> str:
    if not isinstance(text, str):
        raise ConfigError(f"{show(text)} is no setting; settings are written NAME=VALUE, seed=3.")
    if not text.isprintable():
        raise ConfigError(f"{shorten(text)} holds a line break, or another character that has no print; leave it out.")
    if text.startswith("~"):
        raise ConfigError(f"{shorten(text)} would remove a setting, and every one is needed; leave it out.")
    if "=" not in text:
        raise ConfigError(_without_value(text.strip(), chosen))
    signs, name = re.fullmatch(r"(\+*)(.*)", text.partition("=")[0], re.DOTALL).groups()  # type: ignore[union-attr]
    value = text.partition("=")[2]
    _check_name(signs, name, text, chosen)
    _check_value(name, value, text, sweep)
    return text if parse(text) else f"{signs}{name}={_readable(name, value, text)}"


def _without_value(text: str, chosen: dict[str, str]) -> str:
    """A sentence on an argument that gives nothing a value."""
    name = text.lstrip("+")
    if not name:
        return f"{text or 'an empty argument'} is no setting; settings are written NAME=VALUE, seed=3."
    before, sign, after = name.partition(":")
    if sign and before in settings.table():
        return f"{shorten(text)} is not read: settings are written with =, {before}={shorten(after.strip())}."
    if name in settings.table() or name in settings.groups():
        return f"{name} has no value; write {name}=VALUE."
    groups = [group for group, choices in settings.groups().items() if name in choices]
    if groups:
        return f"{name} is no setting; did you mean {groups[0]}={name}?"
    if "/" in name and _exists(name):
        return f"{shorten(text)} is no setting; did you mean resume={shorten(text)}?"
    meant = hints.find(name, chosen.get("env.name", ""))
    hint = f"did you mean {meant[0]}=VALUE?" if meant else "settings are written NAME=VALUE, seed=3."
    return f"{shorten(text)} is no setting; {hint}"


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def _check_name(signs: str, name: str, text: str, chosen: dict[str, str]) -> None:
    if not name.strip():
        raise ConfigError(f"{shorten(text)} names no setting; settings are written NAME=VALUE, seed=3.")
    if name != name.strip():
        raise ConfigError(f"{shorten(text)} has a space beside the name; write {shorten(name.strip())}=VALUE.")
    if name.startswith("hydra/") and _NAME.fullmatch(name):
        return
    if name.startswith("hydra.") and _NAME.fullmatch(name) and name.split(".")[1] in _HYDRAS:
        if name.endswith("._target_") and name.count(".") == 2:
            group = name.removesuffix("._target_").replace(".", "/")
            raise ConfigError(f"{shorten(text)} cannot be set by itself; choose {group}=NAME.")
        return
    if "@" in name:
        raise ConfigError(f"{shorten(text)} has an @ in its name; write {shorten(name.partition('@')[0])}=VALUE.")
    is_setting = name in settings.table() or (settings.is_open(name) and name.isascii() and _NAME.fullmatch(name))
    if not (is_setting or name in settings.groups()):
        raise ConfigError(_unknown(name, chosen))
    is_there = name in settings.table() and name not in (*settings.groups(), *settings.OPEN)
    if len(signs) > 2 or (signs == "+" and is_there):
        raise ConfigError(f"{shorten(text)} has a + too many; write {shorten(text.lstrip('+'))}.")


def _unknown(name: str, chosen: dict[str, str]) -> str:
    env = chosen.get("env.name", "CartPole-v1").strip("'\"")
    if settings.is_open(name):
        return f"{shorten(name)} is not a name; give one of letters, digits and _."
    return hints.unknown(name, env if catalog.params(env) else "CartPole-v1")


def _check_value(name: str, value: str, text: str, sweep: bool) -> None:
    """Checks what can be told of a value without the rest: choices of groups, several values, sections."""
    parsed = parse(text)
    several = parsed is not None and parsed.is_sweep_override()
    if several and not sweep:
        raise ConfigError(
            f"{shorten(text)} gives several values: add -m for a sweep over them; a list is written {name}=[A,B], "
            "and a text with a comma in quotes."
        )
    if name in ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir") and value == "null":
        raise ConfigError(f"{name}=null is not valid: give a directory, or leave it out.")
    if name in settings.groups():
        _check_choice(name, value, sweep)
    elif name in settings.table() and settings.table()[name][0].is_section:
        if parsed is None or several or not isinstance(parsed.value(), dict):
            raise ConfigError(sentences.is_section(name, shorten(value)))
    elif name in settings.OPEN and parsed and not several and not isinstance(parsed.value(), dict):
        raise ConfigError(f"{shorten(text)} is not valid: {name} is a mapping; give {name}={{NAME: VALUE}}.")


def _check_choice(group: str, value: str, sweep: bool) -> None:
    choices = settings.groups()[group]
    parsed = parse(f"{group}={value}")
    asked = value.split(",") if sweep else [value]
    if sweep and parsed and parsed.is_sweep_override() and not parsed.is_choice_sweep():
        return  # a glob over the choices
    for choice in asked if not value.startswith("choice(") else value[7:].rstrip(")").split(","):
        if choice.strip(" '\"") not in choices:
            raise ConfigError(f"{group}={show(choice)} is not one of the choices: {', '.join(choices)}.")


def _readable(name: str, value: str, text: str) -> str:
    """A value in quotes, where it has to be; a path or another text must be put there by the user."""
    if name in _TEXTS or name.startswith(("logger.wandb.", "hydra.")):
        inside = value.replace('"', "")
        example = f"'{name}=\"{shorten(inside)}\"'"
        raise ConfigError(f"{shorten(text)} cannot be read: {_obstacle(value)}; put the value in quotes, {example}.")
    return quote(value)


def _obstacle(value: str) -> str:
    """The part of a value that makes it unreadable without quotes."""
    if value.count("'") % 2 or value.count('"') % 2:
        return "a quotation mark has no other"
    for opening, closing in ("()", "[]", "{}"):
        if value.count(opening) != value.count(closing):
            return f"a bracket, {join([opening, closing])}, has no other"
    strange = next(
        (character for character in value if not re.match(r"[\w.\-/\\:+%*@?|$, \[\]{}()]", character, re.ASCII)), ""
    )
    return f'it holds "{strange}"' if strange else "it is no plain text"
