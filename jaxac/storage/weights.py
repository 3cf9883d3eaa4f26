"""A policy's parameters as one ``.npz`` file, which NumPy alone can read.

The names say where an array belongs: ``network/actor/kernel``, ``moments/mean`` …; the shapes are the network's own.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxac.errors import ConfigError
from jaxac.types import Moments, Params, PyTree

WEIGHTS = "weights"
FINAL = "final.npz"
BEST = "best.npz"
_SEPARATOR = "/"


def path_of(run: Path, name: str) -> Path:
    """The file of a run's weights called ``name``: ``final.npz`` or ``best.npz``."""
    return run / WEIGHTS / name


def save(path: Path, params: Params) -> None:
    """Writes ``params`` to ``path``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {**_flat(params.network, ("network",)), **_flat(params.moments._asdict(), ("moments",))}
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        named: dict[str, Any] = {_SEPARATOR.join(parts): value for parts, value in arrays.items()}
        np.savez(file, allow_pickle=False, **named)
    os.replace(temporary, path)


def load(path: Path) -> Params:
    """Reads what :func:`save` wrote.

    Raises:
        ConfigError: if the file holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            tree = _nested({name: file[name] for name in file.files})
        return Params(tree["network"], Moments(**tree["moments"]))
    except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
        raise ConfigError(f"{path} holds no weights of jaxac's ({error}); give a run's directory.") from None


def _flat(tree: Any, parts: tuple[str, ...]) -> dict[tuple[str, ...], np.ndarray]:
    if not hasattr(tree, "items"):
        return {parts: np.asarray(tree)}
    flat: dict[tuple[str, ...], np.ndarray] = {}
    for name, value in tree.items():
        flat |= _flat(value, (*parts, str(name)))
    return flat


def _nested(arrays: dict[str, np.ndarray]) -> PyTree:
    tree: dict[str, Any] = {}
    for name, value in arrays.items():
        *parents, last = name.split(_SEPARATOR)
        place = tree
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = value
    return tree
