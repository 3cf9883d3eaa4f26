"""Failures of the machine (disk, memory, threads) in one sentence each, with the command that resumes the run."""

import errno
from pathlib import Path

from jaxac.errors import RunError
from jaxac.storage import run_directory

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory")


def explain(error: BaseException, directory: Path | None = None) -> RunError | None:
    """The error that tells, in one sentence, by what the machine failed a run; None if it was something else.

    Args:
        error: the error that ended the run.
        directory: the run's directory, or the sweep's; None for a run in memory.
    """
    if isinstance(error, RunError):
        return error
    if isinstance(error, OSError):
        return _explain_files(error, directory)
    text = str(error)
    if isinstance(error, MemoryError) or any(word in text for word in _MEMORY):
        return RunError(
            "out of memory: lower env.num_envs, algo.unroll_length, evaluation.episodes or the network's sizes, or "
            f"train fewer runs at once.{_kept(directory)}"
        )
    if isinstance(error, RuntimeError) and "can't start new thread" in text:
        return RunError(
            f"the system gives this process no more threads: raise its limit (ulimit -u), or train fewer runs at once."
            f"{_kept(directory)}"
        )
    return None


def require(directory: Path) -> None:
    """Raises RunError if a run's directory is no longer there: to make it again would only hide that."""
    if not run_directory.holds_run(directory):
        raise RunError(
            f"{directory} was deleted, or lost its {run_directory.CONFIG}, while its run was trained: nothing more is "
            "saved there; start the run again."
        )


def _explain_files(error: OSError, directory: Path | None) -> RunError | None:
    if directory is not None and error.errno == errno.ENOENT and not directory.is_dir():
        return RunError(f"{directory} was deleted while its run was trained; start the run again.")
    place = error.filename or directory
    if error.errno in _FULL:
        return RunError(f"no space is left to write {place}: make room.{_kept(directory)}")
    if error.errno == errno.EMFILE:
        return RunError(f"too many files are open: raise ulimit -n, or train fewer runs at once.{_kept(directory)}")
    if place is None:
        return None
    return RunError(f"cannot write {place}: {error.strerror}.{_kept(directory)}")


def _kept(directory: Path | None) -> str:
    """The command that resumes a run, if it has a checkpoint."""
    if directory is None or not directory.is_dir():
        return ""
    saved = next(directory.rglob(f"{run_directory.CHECKPOINTS}/*.ckpt"), None)
    return f" The last checkpoint is whole: python -m jaxac.train resume={directory}" if saved else ""
