"""The origin of a run: the commits of the code, the command line, the host. Imports no JAX."""

import functools
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

_SECONDS = 5.0  # that git may take; a run does not wait for a slow disk


@functools.cache
def describe() -> dict[str, Any]:
    """The origin of this process' runs, found out once, so that code edited later does not count.

    ``command`` is the command line and ``hostname`` the machine's name. ``git`` has a commit, and whether tracked files
    differ from it, of jaxac's own code (``jaxac``) and of the directory that the command was given in
    (``working_directory``, where your own parts are); only of those that are in a git repository.
    """
    places = {"jaxac": Path(__file__).resolve().parents[1] / "__init__.py", "working_directory": Path.cwd()}
    found = {name: state for name, path in places.items() if (state := _state(path))}
    return {"command": shlex.join(sys.orig_argv), "hostname": platform.node(), "git": found}


def _state(path: Path) -> dict[str, Any] | None:
    """The commit of the repository that tracks ``path``, and whether it was changed since; None if none does."""
    directory = path if path.is_dir() else path.parent
    if path != directory and _git(directory, "ls-files", "--error-unmatch", path.name) is None:
        return None  # a file inside a repository that is no part of it, as in a virtual environment
    commit = _git(directory, "rev-parse", "HEAD")
    changes = _git(directory, "status", "--porcelain", "--untracked-files=no")
    return None if not commit or changes is None else {"commit": commit, "dirty": bool(changes)}


def _git(directory: Path, *arguments: str) -> str | None:
    """The output of a git command; None if it failed, or there is no git."""
    command = ["git", "-C", str(directory), *arguments]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # looks, and leaves the index alone
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, env=quiet)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
