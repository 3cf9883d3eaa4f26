"""The text files of a run's directory: read with one sentence on what is wrong, written whole or not at all."""

import json
import os
import re
from pathlib import Path
from typing import Any

import yaml

from jaxac.errors import ConfigError

_HYDRAS = Path(".hydra", "overrides.yaml")
"""Hydra's own copy of the overrides, in the directory of a run that the command began."""
_COUNT = re.compile(r"# (\d+) settings\n")


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a run's ``config.yaml``.

    Raises:
        ConfigError: if it is missing or damaged.
    """
    saved = _read_yaml(path)
    if not isinstance(saved, dict) or not saved:
        raise ConfigError(f"{path} is damaged: it holds no settings; restore it{_hint(path)}.")
    return saved


def read_overrides(path: Path) -> list[str]:
    """The overrides in a file that lists them.

    Raises:
        ConfigError: if it is missing or damaged.
    """
    saved = _read_yaml(path)
    counted = _COUNT.match(path.read_text(encoding="utf-8"))
    if counted and isinstance(saved, list) and len(saved) != int(counted[1]):
        raise ConfigError(
            f"{path} is damaged: it holds {len(saved)} of {counted[1]} settings; restore it{_hint(path)}."
        )
    if not isinstance(saved, list) or not all(isinstance(text, str) and set("=~") & set(text) for text in saved):
        raise ConfigError(f"{path} is damaged: it holds no list of settings; restore it{_hint(path)}.")
    return saved


def read_object(path: Path) -> dict[str, Any]:
    """The object in a file of JSON; empty if the file is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The objects in a file of JSON lines, and the number of lines that are damaged and left out.

    A last line that a crash cut short is left out without being counted; without a file there are none.

    Raises:
        ConfigError: if the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        return [], 0
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); move it away.") from None
    found = [parse(line) for line in lines]
    good = [each for each in found if each is not None]
    return good, len(found) - len(good)


def parse(line: bytes) -> dict[str, Any] | None:
    """The object in a line of JSON; None if there is none, or a piece of one."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def write_lines(path: Path, objects: list[dict[str, Any]]) -> None:
    """Writes objects as JSON lines, whole or not at all."""
    write_atomically(path, "".join(json.dumps(each) + "\n" for each in objects))


def write_yaml(path: Path, value: Any) -> None:
    """Writes plain data as YAML, whole or not at all."""
    write_atomically(path, _yaml(value))


def write_overrides(path: Path, overrides: list[str]) -> None:
    """Writes a list of overrides with its length before it: without some at its end it would be another run's list."""
    write_atomically(path, f"# {len(overrides)} settings\n{_yaml(overrides)}")


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file at ``path`` whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def _yaml(value: Any) -> str:
    """Plain data as YAML, by the emitter in C where there is one, which takes a quarter of the time."""
    return str(yaml.dump(value, sort_keys=False, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; restore it{_hint(path)}.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); restore it{_hint(path)}.") from None
    except (ValueError, yaml.YAMLError):
        raise ConfigError(f"{path} is damaged: it is no valid YAML; restore it{_hint(path)}.") from None


def _hint(path: Path) -> str:
    """The place where the content of a lost file may still be, in words."""
    copy = path.parent / _HYDRAS
    return f", for example from {copy}" if path.name == _HYDRAS.name and copy.is_file() else ""
