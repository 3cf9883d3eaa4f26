"""A user's own parts by import path: ``package.module:Name``, or dotted throughout, ``optax.lion``."""

import functools
import importlib
import importlib.util
import re
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

from jaxac.errors import ConfigError

_NAMES = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_PATH = re.compile(rf"{_NAMES}:{_NAMES}|[^\W\d]\w*\.{_NAMES}")
_ROOT = Path(__file__).parents[1]


def parse(value: Any) -> str:
    """``value``, if it is spelled like an import path.

    >>> parse("my_package.networks:MyNetwork")
    'my_package.networks:MyNetwork'

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise ValueError("give the import path of your own as package.module:Name")
    return value


def check(setting: str, path: str) -> None:
    """Raises ConfigError if the package that ``path`` begins with is not installed; imports nothing.

    Args:
        setting: the setting's name, for the message.
        path: its value, an import path.
    """
    top = re.split("[.:]", path)[0]
    if top not in sys.modules and importlib.util.find_spec(top) is None:
        raise _not_found(setting, path, f"No module named {top!r}")


def load(setting: str, path: str) -> Any:
    """The class or function that ``path`` names.

    Args:
        setting: the setting's name, for the message.
        path: its value, an import path.

    Raises:
        ConfigError: if it cannot be imported, or is neither.
    """
    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    try:
        found = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise _not_found(setting, path, str(error)) from error
    except (Exception, SystemExit) as error:
        raise _not_found(setting, path, explain(error)) from error
    if not callable(found):
        raise ConfigError(
            f"{setting}={path} is a {type(found).__name__}; give the import path of a class or a function."
        )
    return found


def find(path: str) -> Any:
    """The class or function that ``path`` names; None if it cannot be imported."""
    try:
        return load("", path)
    except ConfigError:
        return None


def explain(error: BaseException) -> str:
    """One line on an error in the user's own code: its type, its first line, and its place in their file."""
    message = str(error).strip().split("\n")[0].rstrip(".")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{where}"


def _is_users(filename: str) -> bool:
    libraries = [_ROOT, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))]
    return not filename.startswith("<") and not any(Path(filename).is_relative_to(each) for each in libraries)


def _not_found(setting: str, path: str, reason: str) -> ConfigError:
    return ConfigError(
        f"{setting}={path} cannot be imported: {reason}; give package.module:Name, of a module that is installed or "
        "lies in the directory that Python is started in."
    )
