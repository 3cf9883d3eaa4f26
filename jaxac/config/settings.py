"""The settings that there are, read off the files under ``conf/``: names, choices, values and what they mean."""

import dataclasses
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_PACKAGED = Path(__file__).parents[1] / "conf"
CONF = str(_PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2] / "conf")
"""The directory of the configuration files: inside an installed package, or beside it in a checkout."""
OPEN = ("env.params", "network.arguments", "optimizer.arguments", "algo.loss_terms")
"""Mappings whose keys are the user's."""
_LINE = re.compile(r"( *)([a-z_]+):(.*)")


@dataclass(frozen=True)
class Setting:
    """A setting, or a section of settings, in one file under ``conf/``."""

    name: str
    """The full name, ``algo.discount``."""
    choice: str | None
    """The choice that has it, ``algo=a3c``; None if it is always there."""
    value: Any
    """The value in the file."""
    comment: str
    """The meaning, as the file says it."""

    @property
    def is_section(self) -> bool:
        """True for a section of settings, which has no value of its own."""
        return isinstance(self.value, dict) and self.name not in OPEN


@functools.cache
def groups() -> dict[str, tuple[str, ...]]:
    """The choices of every group of files, ``{"algo": ("a2c", "a3c"), …}``."""
    folders = sorted(path for path in Path(CONF).iterdir() if path.is_dir() and path.name != "hydra")
    return {folder.name: tuple(sorted(file.stem for file in folder.glob("*.yaml"))) for folder in folders}


@functools.cache
def table() -> dict[str, tuple[Setting, ...]]:
    """Every setting by its full name, once for each choice that has it."""
    found: dict[str, dict[str | None, Setting]] = {}
    for setting in _everything():
        same = found.setdefault(setting.name, {})
        before = same.get(setting.choice, setting)  # in a file that this one begins with
        same[setting.choice] = dataclasses.replace(setting, comment=setting.comment or before.comment)
    return {name: tuple(each.values()) for name, each in found.items()}


def default(name: str, choice: str | None = None) -> Any:
    """The value of a setting in ``conf/``, in the file of this choice if several have it."""
    several = table()[name]
    return next((each for each in several if each.choice == choice), several[-1]).value


@functools.cache
def usual_choices() -> tuple[str, ...]:
    """The choice that is made of every group if none is given; of algorithms, the first.

    >>> "network=separate" in usual_choices()
    True
    """
    made: dict[str, str | None] = {}
    for each in _load(Path(CONF, "config.yaml"))["defaults"]:
        if isinstance(each, dict):
            made |= each
    return tuple(f"{group}={made.get(group) or choices[0]}" for group, choices in groups().items() if group in made)


def choices_with(name: str) -> list[str]:
    """The choices that have a setting; empty if there is none, or it is always there."""
    return [setting.choice for setting in table().get(name, ()) if setting.choice]


def key_of(override: str) -> str:
    """The setting or group that an override names, without signs and packages.

    >>> key_of("++env.params.gravity=5.0")
    'env.params.gravity'
    """
    return override.split("=", 1)[0].lstrip("+~").split("@")[0]


def is_open(name: str) -> bool:
    """True for a mapping whose keys are the user's, and for what is in it."""
    return name in OPEN or name.startswith(tuple(f"{mapping}." for mapping in OPEN))


def _everything() -> Iterator[Setting]:
    yield from _settings(Path(CONF, "config.yaml"), "", None)
    for group, names in groups().items():
        yield Setting(group, None, {}, "")
        names = tuple(name for name in names if not is_preset(Path(CONF, group, f"{name}.yaml")))
        alone = len(names) == 1
        for name in names:
            choice = None if alone else f"{group}={name}"
            for file in (*_inherited(Path(CONF, group, f"{name}.yaml")), Path(CONF, group, f"{name}.yaml")):
                yield from _settings(file, f"{group}.", choice)


def is_preset(file: Path) -> bool:
    """True for a file that gives values to settings of several sections, which other files explain."""
    return file.read_text().startswith("# @package _global_")


def _inherited(file: Path) -> list[Path]:
    """The files that a file begins with, and before each those that it begins with itself."""
    found = []
    for name in _load(file).get("defaults", []):
        if name != "_self_":
            begun = file.with_name(f"{name}.yaml")
            found += [*_inherited(begun), begun]
    return found


def _load(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())


def _settings(file: Path, prefix: str, choice: str | None) -> Iterator[Setting]:
    comments = _comments(file.read_text())
    for name, value in _flat({k: v for k, v in _load(file).items() if k not in ("defaults", "hydra")}):
        yield Setting(prefix + name, choice, value, comments.get(name, ""))


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        yield prefix + name, value
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")


def _comments(text: str) -> dict[str, str]:
    """The comment above each setting of a file, and what stands behind it, by the setting's name in the file."""
    found: dict[str, str] = {}
    above: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            path = [*path[: len(match[1]) // 2], match[2]]
            behind = match[3].partition(" #")[2].strip()
            found[".".join(path)] = " ".join([*above, behind]).strip()
        above = [*above, line.strip().lstrip("# ")] if line.strip().startswith("#") else []
    return found
