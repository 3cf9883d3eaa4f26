"""Checkpoint files: written whole or not at all, checked when read. Imports no JAX and does not look inside.

One file is a line of JSON (``sha256`` of all that follows), a line with the other fields of :class:`Checkpoint`, and
the bytes of the state. A checksum is needed because readers of array formats restore a flipped bit silently as a wrong
number.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from jaxac.errors import ConfigError
from jaxac.storage import old_names

SUFFIX = ".ckpt"
"""The ending of a checkpoint file's name."""
_FORMAT = 1


class Checkpoint(NamedTuple):
    """The position of a run: all that is needed to resume it."""

    updates: int
    """Updates done."""
    progress: dict[str, Any]
    """Counts kept by the host, as plain JSON: :class:`jaxac.runs.run.Progress`."""
    state: bytes
    """The whole training state, serialized."""


def paths(directory: Path) -> list[Path]:
    """The checkpoints in ``directory``, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}")) if directory.is_dir() else []


def newest(directory: Path) -> Path | None:
    """The newest checkpoint in ``directory``; None if there is none."""
    return next(reversed(paths(directory)), None)


def write(directory: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Writes a checkpoint, then removes all but the ``keep`` newest; a crash at any moment leaves the others intact.

    Returns:
        The file written.
    """
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
        ConfigError: if the file is damaged; it names the newest earlier checkpoint that is not.
    """
    checkpoint = _parse(path.read_bytes())
    if checkpoint is None:
        earlier = [other for other in paths(path.parent) if other < path and _parse(other.read_bytes())]
        offer = f"resume from the one before it with resume={earlier[-1]}." if earlier else "none before it is left."
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
    found = json.loads(fields)
    if "evaluation" in found["progress"]:
        found["progress"]["evaluation"] = old_names.row(found["progress"]["evaluation"])
    return Checkpoint(**found, state=state)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
