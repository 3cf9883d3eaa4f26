"""Checks of the directories that a command is about to write to; nothing is left behind."""

import os
from pathlib import Path

from jaxac.config.words import shorten
from jaxac.errors import ConfigError

_RECORDS = (".hydra/*.yaml", "config.yaml", "overrides.yaml", "sweep.yaml", "multirun.yaml")
"""Files of which a directory may be cleared: what was asked for, and nothing that came of it."""


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
    """Removes the directories in which a run was refused before it began.

    Args:
        made: directories that were not there before, innermost last. Those that hold more than a record stay.
    """
    for file in [file for folder in made[-1:] for name in _RECORDS for file in folder.glob(name)]:
        file.unlink(missing_ok=True)
    for folder in [folder for last in made[-1:] for folder in (last / ".hydra", *reversed(made))]:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # something else is in it
            return
