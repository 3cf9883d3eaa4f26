"""A policy's parameters as one ``.npz`` file, which NumPy alone can read.

The names say where an array belongs: ``network/actor/kernel``, ``moments/mean`` …; the shapes are the network's own.

>>> import tempfile
>>> params = Params({"actor": {"kernel": np.ones((4, 2))}}, Moments(np.float32(0), np.zeros(4), np.ones(4)))
>>> with tempfile.TemporaryDirectory() as directory:
...     path = path_of(Path(directory), FINAL)
...     save(path, params)
...     sorted(np.load(path)), load(path).network["actor"]["kernel"].shape
(['moments/mean', 'moments/seen', 'moments/variance', 'network/actor/kernel'], (4, 2))
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from jaxac.errors import ConfigError
from jaxac.types import Moments, Params, PyTree

WEIGHTS = "weights"
"""The directory of weights in a run's directory."""
FINAL = "final.npz"
"""The file of the weights at the end of training."""
BEST = "best.npz"
"""The file of the weights with the best evaluation."""
_BEST_UNTIL = "best-{:012d}.npz"
"""The file of those that were the best when the checkpoint of so many updates was written."""
_SEPARATOR = "/"


def path_of(run: Path, name: str) -> Path:
    """The path of a run's weights: ``name`` is ``FINAL`` or ``BEST``, ``run`` the run's directory.

    >>> str(path_of(Path("outputs/a"), BEST))
    'outputs/a/weights/best.npz'
    """
    return run / WEIGHTS / name


def save(path: Path, params: Params) -> None:
    """Writes ``params`` to ``path``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    moments = {name: value for name, value in params.moments._asdict().items() if name != "returns"}  # to act
    arrays = {**_flat(params.network, ("network",)), **_flat(moments, ("moments",))}
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        named: dict[str, Any] = {_SEPARATOR.join(parts): value for parts, value in arrays.items()}
        np.savez(file, allow_pickle=False, **named)
    os.replace(temporary, path)


def load(path: Path) -> Params:
    """Reads parameters that :func:`save` wrote.

    Raises:
        ConfigError: if the file does not hold parameters.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            tree = _nested({name: file[name] for name in file.files})
        return Params(tree["network"], Moments(**tree["moments"]))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; give a run that has evaluated its policy.") from None
    except (ValueError, KeyError, TypeError, EOFError, OSError, BadZipFile):
        raise ConfigError(f"{path} is damaged, or holds no weights of jaxac's; give a run's directory.") from None


def keep_best(run: Path, updates: int, checkpoints: Sequence[int]) -> None:
    """Keeps the weights that are the best so far beside a checkpoint: a second name of the file, no copy.

    Args:
        run: the run's directory.
        updates: updates done.
        checkpoints: updates of the checkpoints that are there; what was kept beside others is removed.
    """
    best = path_of(run, BEST)
    if best.is_file():
        _link(best, path_of(run, _BEST_UNTIL.format(updates)))
    kept = {_BEST_UNTIL.format(each) for each in (updates, *checkpoints)}
    for path in best.parent.glob("best-*.npz"):
        if path.name not in kept:
            path.unlink()


def rewind(run: Path, updates: int, keep: bool) -> None:
    """Makes the best weights those that were the best after ``updates`` updates, and removes the final ones.

    Args:
        run: the run's directory.
        updates: updates of the checkpoint that the run is resumed from.
        keep: True to keep the best weights if it is not known which were the best then.
    """
    best, then = path_of(run, BEST), path_of(run, _BEST_UNTIL.format(updates))
    path_of(run, FINAL).unlink(missing_ok=True)
    if then.is_file():
        _link(then, best)
    elif not keep:
        best.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Gives a file a second name, or where the file system has none for it, makes a copy."""
    temporary = target.with_name(target.name + ".tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
    temporary.unlink(missing_ok=True)  # replacing a file by another name of itself leaves both


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
