"""Checks of the directories that a command is about to write to; nothing is left behind."""

import contextlib
import os
import shutil
from pathlib import Path

from jaxac.config.words import shorten
from jaxac.errors import ConfigError
from jaxac.storage import lock

_RECORDS = ("config.yaml", "hydra.yaml", "overrides.yaml", "sweep.yaml", "multirun.yaml", lock.LOCK)
"""Files that say what was asked for, and hold nothing that came of it."""


def check(setting: str, value: str) -> list[Path]:
    """Checks that a directory can be made, and files in it, by making it and removing it again.

    Args:
        setting: the setting's name, for the message.
        value: the directory.

    Returns:
        The directories that are not there yet, innermost last.

    Raises:
        ConfigError: if it cannot.
    """
    if not value.strip():
        raise ConfigError(f"{setting}= is empty; give a directory, or leave it out.")
    directory = Path(value)
    made: list[Path] = []
    try:
        for folder in (*reversed(directory.absolute().parents), directory.absolute()):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        writable = directory.is_dir() and os.access(directory, os.W_OK)
        reason = "Permission denied" if directory.is_dir() else "Not a directory"
    except (OSError, ValueError) as error:
        writable, reason = False, getattr(error, "strerror", None) or "no path"
    finally:
        for folder in reversed(made):
            folder.rmdir()
    if not writable:
        raise ConfigError(f"{setting}={shorten(value)} cannot be written: {reason}; choose another place.")
    return made


def remove_traces(made: list[Path]) -> None:
    """Removes the directories of a run or a sweep that was refused before it began.

    Args:
        made: directories that were not there before, innermost last; all stay if one holds more than records.
    """
    if any(map(lock.is_held_elsewhere, made[-1:])):
        return
    files = [path for folder in made[-1:] for path in folder.rglob("*") if not path.is_dir()]
    if all(path.name in _RECORDS or path.stat().st_size == 0 for path in files):
        for folder in reversed(made):
            shutil.rmtree(folder, ignore_errors=True) if folder == made[-1] else _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
