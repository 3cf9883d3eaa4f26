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
_DIGITS = 12


class Checkpoint(NamedTuple):
    """The position of a run: all that is needed to resume it."""

    updates: int
    """Updates done."""
    progress: dict[str, Any]
    """Counts kept by the host, as plain JSON: :class:`jaxac.runs.progress.Progress`."""
    state: bytes
    """The whole training state, serialized."""


def paths(directory: Path) -> list[Path]:
    """The checkpoints in ``directory``, oldest first; files of other names, such as a copy, are none."""
    found = directory.glob(f"*{SUFFIX}") if directory.is_dir() else ()
    return sorted(path for path in found if len(path.stem) == _DIGITS and path.stem.isdecimal())


def newest(directory: Path) -> Path | None:
    """The newest checkpoint in ``directory``; None if there is none."""
    return next(reversed(paths(directory)), None)


def write(directory: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Writes a checkpoint, then removes those before it but for the newest, so that ``keep`` are left.

    A crash at any moment leaves the others intact.

    Returns:
        The file written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"updates": checkpoint.updates, "progress": checkpoint.progress}).encode() + b"\n"
    body += checkpoint.state
    head = _head(body)
    path = directory / f"{checkpoint.updates:0{_DIGITS}d}{SUFFIX}"
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(head + body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_directory(directory)
    older = [other for other in paths(directory) if other < path]
    for old in older[: max(0, len(older) + 1 - keep)]:
        _remove(old)
    return path


def remove_after(directory: Path, updates: int) -> list[int]:
    """Removes the checkpoints after ``updates`` updates: those of a branch that is not continued.

    Returns:
        Their numbers of updates.
    """
    newer = [path for path in paths(directory) if int(path.stem) > updates]
    for path in reversed(newer):  # of those that a crash leaves, the newest has all before it
        _remove(path)
    return [int(path.stem) for path in newer]


def _remove(path: Path) -> None:
    if path.is_dir():  # no checkpoint of ours: only out of the way
        path.rename(path.with_suffix(".directory"))
    else:
        path.unlink()


def read(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        ConfigError: if the file is damaged, and then it names the newest earlier checkpoint that is not; or if another
            version of jaxac wrote it.
    """
    content = _content(path)
    checkpoint = _parse(content)
    if checkpoint is None:
        _refuse_other_format(path, content)
        earlier = [other for other in paths(path.parent) if other < path and _parse(_content(other))]
        offer = f"resume from the one before it with resume={earlier[-1]}." if earlier else "none before it is left."
        raise ConfigError(f"resume: the checkpoint {path} is damaged (its checksum does not match); {offer}")
    return checkpoint


def _content(path: Path) -> bytes:
    """The bytes of a file; none if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _refuse_other_format(path: Path, content: bytes) -> None:
    """Raises ConfigError if ``content`` is a checkpoint of a format that came after this version."""
    try:
        found = json.loads(content.partition(b"\n")[0])["jaxac_checkpoint"]
    except (ValueError, KeyError, TypeError):
        return
    if isinstance(found, int) and found > _FORMAT:
        raise ConfigError(
            f"resume: the checkpoint {path} has format {found}, and this version of jaxac reads format {_FORMAT}; "
            "resume with the version that wrote it."
        )


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
