"""Checkpoint files: written whole or not at all, checked when read. Knows neither JAX nor what is inside.

One file is a line of JSON (``sha256`` of all that follows, and the fields of :class:`Checkpoint`) and the bytes of the
state. A checksum is needed because readers of array formats restore a flipped bit silently as a wrong number.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from jaxac.errors import ConfigError

SUFFIX = ".ckpt"
_FORMAT = 1


class Checkpoint(NamedTuple):
    """The position of a run."""

    updates: int
    """Updates done."""
    progress: dict[str, Any]
    """What the host has counted so far: plain JSON."""
    state: bytes
    """The whole training state, serialized."""


def paths(directory: Path) -> list[Path]:
    """The checkpoints in ``directory``, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}")) if directory.is_dir() else []


def newest(directory: Path) -> Path | None:
    """The newest checkpoint in ``directory``, if there is one."""
    return next(reversed(paths(directory)), None)


def write(directory: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Writes a checkpoint, then removes all but the ``keep`` newest. A crash at any moment leaves the others intact."""
    directory.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"updates": checkpoint.updates, "progress": checkpoint.progress}).encode() + b"\n"
    body += checkpoint.state
    head = _head(body)
    path = directory / f"{checkpoint.updates:012d}{SUFFIX}"
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(head + body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_directory(directory)
    for old in paths(directory)[:-keep]:
        old.unlink()
    return path


def read(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        ConfigError: if the file is damaged; names the newest earlier one that is not.
    """
    checkpoint = _parse(path.read_bytes())
    if checkpoint is None:
        earlier = [other for other in paths(path.parent) if other < path and _parse(other.read_bytes())]
        offer = f"go on from the one before it with resume={earlier[-1]}." if earlier else "none before it is left."
        raise ConfigError(f"resume: the checkpoint {path} is damaged (its checksum does not match); {offer}")
    return checkpoint


def _head(body: bytes) -> bytes:
    return json.dumps({"jaxac_checkpoint": _FORMAT, "sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"


def _parse(content: bytes) -> Checkpoint | None:
    """The checkpoint in ``content``; None if a single bit of it is wrong."""
    head, _, body = content.partition(b"\n")
    if head + b"\n" != _head(body):
        return None
    fields, _, state = body.partition(b"\n")
    return Checkpoint(**json.loads(fields), state=state)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
