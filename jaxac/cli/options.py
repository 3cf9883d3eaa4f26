"""The command's options, told from its settings, with one sentence on those that there are not."""

import difflib
import os
from typing import NamedTuple

from jaxac.config import hints, settings
from jaxac.config.words import shorten
from jaxac.errors import ConfigError

_FLAGS = {
    "--multirun": "-m",
    "--run": "-r",
    "--help": "-h",
    "--hydra-help": "",
    "--resolve": "",
    "--shell-completion": "-sc",
    "--version": "",
}
"""Options that stand alone, with their short forms."""
_VALUES: dict[str, tuple[str, tuple[str, ...]]] = {
    "--cfg": ("-c", ("job", "hydra", "all")),
    "--package": ("-p", ()),
    "--config-path": ("-cp", ()),
    "--config-name": ("-cn", ()),
    "--config-dir": ("-cd", ()),
    "--explain": ("", ()),
}
"""Options that are followed by a value, with their short forms and the values that there are."""
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_OWN_FILES = {"--config-path", "--config-name", "--config-dir"}
_SHORT = {short: name for name, short in _FLAGS.items() if short} | {
    short: n for n, (short, _) in _VALUES.items() if short
}


class CommandLine(NamedTuple):
    """A command line, taken apart."""

    options: dict[str, str | None]
    """Options by their long names, with their values."""
    overrides: list[str]
    """Settings, as typed."""

    @property
    def is_sweep(self) -> bool:
        """True if several jobs were asked for."""
        return "--multirun" in self.options

    @property
    def trains(self) -> bool:
        """True if the command is to train, rather than to show something."""
        return set(self.options) <= {"--multirun", "--run", *_OWN_FILES}

    @property
    def has_own_files(self) -> bool:
        """True if files of settings other than ours are to be read."""
        return bool(_OWN_FILES & set(self.options))

    def with_overrides(self, overrides: list[str]) -> list[str]:
        """The arguments for Hydra: options first, wherever they stood."""
        options = [
            part for name, value in self.options.items() for part in ([name] if value is None else [name, value])
        ]
        return [*options, *overrides]


def parse(arguments: list[str]) -> CommandLine:
    """Takes a command line apart.

    Raises:
        ConfigError: if it has an option that there is not.
    """
    options: dict[str, str | None] = {}
    overrides: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            overrides, rest = [*overrides, *rest], []
        elif argument.startswith("-"):
            name, sign, value = argument.partition("=")
            name = _SHORT.get(name, name)
            options[name] = _take(name, argument, value if sign else None, rest)
        else:
            overrides.append(argument)
    if "--package" in options and "--cfg" not in options:
        raise ConfigError("--package belongs to --cfg; write --cfg job --package NAME.")
    return CommandLine(options, overrides)


def _take(name: str, argument: str, value: str | None, rest: list[str]) -> str | None:
    """The value of an option, which may be the next argument."""
    if name in ("--info", "-i"):
        value = value or (rest.pop(0) if rest and rest[0] in _INFO else "all")
        return _chosen("--info", value, _INFO)
    if name in _FLAGS:
        if value is not None:
            raise ConfigError(f"{shorten(argument)} takes no value; write {name}.")
        return None
    if name not in _VALUES:
        raise ConfigError(_unknown(name, argument, value, rest))
    choices = _VALUES[name][1]
    if value is None:
        value = rest.pop(0) if rest and not rest[0].startswith("-") else ""
    if not value:
        raise ConfigError(f"{name} needs a value: {name} {choices[0] if choices else _example(name)}.")
    if name in ("--config-dir", "--config-path") and not os.path.isdir(value):
        raise ConfigError(f"{name}={shorten(value)} is no directory; give one that holds files of settings.")
    return _chosen(name, value, choices)


def _example(name: str) -> str:
    return "algo.discount" if name == "--explain" else "VALUE"


def _chosen(name: str, value: str, choices: tuple[str, ...]) -> str:
    if choices and value not in choices:
        raise ConfigError(f"{name}={shorten(value)} is not one of the choices: {', '.join(choices)}.")
    return value


def _unknown(name: str, argument: str, value: str | None, rest: list[str]) -> str:
    """A sentence on an option that there is not."""
    close = difflib.get_close_matches(name, [*_FLAGS, *_VALUES, "--info"], 1, 0.8)
    if close:
        return f"{shorten(name)} is not an option; did you mean {close[0]}?"
    setting = _setting(name.lstrip("-"))
    if value is None:
        value = rest[0] if rest and "=" not in rest[0] and not rest[0].startswith("--") else None
    written = f"{setting or 'seed'}={shorten(value) if value and setting else 'VALUE' if setting else '3'}"
    return f"{shorten(argument)} is not an option; settings are written {written}, without dashes."


def _setting(name: str) -> str | None:
    """The setting that an option stands for."""
    if name in settings.table():
        return name
    return next(iter(hints.find(name)), None)
