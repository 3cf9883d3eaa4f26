"""One process at a time trains a run: a lock on the run's directory, which the system releases when the process ends.

The lock is ``flock`` on the file ``.lock``, which says who holds it. It is taken before anything else is done in the
directory, and belongs to the job that claims it.
"""

import fcntl
import json
import os
import resource
import socket
import time
import warnings
from pathlib import Path
from typing import Any

from jaxac.errors import ConfigError

LOCK = ".lock"
"""The file in a run's directory that is locked."""
_LOOKS, _LOOK_SECONDS = 40, 0.05
_unclaimed: "dict[Path, Lock]" = {}


class Lock:
    """A lock that this process holds; deleted, it is released.

    Args:
        descriptor: the open file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Lets other processes have the directory; does nothing the second time."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.release()


def acquire(directory: Path) -> None:
    """Locks a run's directory for this process, until :func:`claim` takes the lock or :func:`drop` releases it.

    Raises:
        ConfigError: if another process trains the run; it says which one, and since when.
    """
    if directory in _unclaimed:
        return
    _open_as_many_files_as_allowed()
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise ConfigError(f"{directory} is being trained by {holder}; wait until it has ended, or end it.") from None
    except OSError as error:
        warnings.warn(
            f"{directory} is on a file system without locks ({error.strerror}): see to it that no other process trains "
            "this run.",
            stacklevel=2,
        )
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": since}).encode())
    _unclaimed[directory] = Lock(descriptor)


def is_held_elsewhere(directory: Path) -> bool:
    """True if another process holds the lock on a run's directory."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"process {os.getpid()} on {socket.gethostname()} " not in _holder(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def claim(directory: Path) -> Lock | None:
    """The lock that :func:`acquire` took, which is the caller's from now on; None if there is none."""
    return _unclaimed.pop(directory, None)


def drop(directory: Path) -> None:
    """Releases a lock that no job has taken over."""
    lock = claim(directory)
    if lock:
        lock.release()


def last_holder(directory: Path) -> dict[str, Any]:
    """The process that has locked a run's directory last, its host, and since when; empty if there was none."""
    try:
        who = json.loads((directory / LOCK).read_bytes())
        return {name: who[name] for name in ("process", "host", "since")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _holder(descriptor: int) -> str:
    """The process that holds a lock, in words; waits a moment for one that has only just taken it to say so."""
    for _ in range(_LOOKS):
        try:
            who = json.loads(os.pread(descriptor, 1000, 0))
            if who["host"] != socket.gethostname() or _lives(who["process"]):
                return f"process {who['process']} on {who['host']} since {who['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            pass
        time.sleep(_LOOK_SECONDS)
    return "another process"


def _lives(process: int) -> bool:
    """False if a process of this machine has ended: what it wrote is of an earlier lock."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _open_as_many_files_as_allowed() -> None:
    """A run keeps a few files open, and many systems allow a process 1024 unless it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
