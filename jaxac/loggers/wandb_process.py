"""W&B in a process of its own, of lower priority, for all runs of this one.

W&B's import takes a second, and each run of a sweep some 50 ms of a core: none of it is in the training's way, and what
has been sent is written even if this process is killed.
"""

import atexit
import functools
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import jaxac

_PATIENCE = 2.0
"""Seconds before people are told what is waited for."""


class WandbProcess:
    """The process, begun; it ends after this one, or with :meth:`end`."""

    def __init__(self) -> None:
        self._connection, its = Pipe()
        root = str(Path(jaxac.__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jaxac.loggers.wandb_writer", str(its.fileno())],
            # its crash reports would look up a host
            env={"WANDB_ERROR_REPORTING": "false", **os.environ, "PYTHONPATH": path},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,  # W&B asks for no key
            process_group=0,  # a Ctrl-C in the terminal reaches this process alone
        )
        its.close()
        self.lives = True
        """False once it has ended, as far as is known."""
        self.refusals: dict[int, str] = {}
        """The words of W&B against runs, by their numbers."""
        self._asked = 0
        self._answered: set[int] = set()
        self._send(sys.argv)

    @property
    def has_opened(self) -> bool:
        """True if W&B has taken a run."""
        return bool(self._answered - self.refusals.keys())

    def open(self, arguments: dict[str, Any]) -> int:
        """Opens a run, without waiting for it.

        Args:
            arguments: arguments of ``wandb.init``.

        Returns:
            The run's number.
        """
        settings = {"x_stats_pid": os.getpid(), "x_executable": sys.executable, "program": _program()}
        return self._ask("open", arguments, settings)

    def send(self, what: str, number: int, *rest: Any) -> None:
        """Sends a row (``log``) or the end (``finish``) of a run.

        Args:
            what: the logger's method.
            number: the run's number.
            rest: the method's arguments.
        """
        self._send((what, number, *rest))
        while self.lives and self._connection.poll():
            self._take()

    def wait_for(self, number: int) -> None:
        """Waits until a run has been opened or refused, or whatever was asked under a number is done."""
        while self.lives and number not in self._answered:
            self._take()

    def settle(self, say: Callable[[str], None]) -> None:
        """Waits until all that was sent is written.

        Args:
            say: shows people a line of text.
        """
        asked = self._ask("settle")
        if self.lives and not self._connection.poll(_PATIENCE):
            say("waiting for Weights & Biases")
        self.wait_for(asked)

    def end(self) -> None:
        """Ends the process, once it has written all."""
        self.lives = False
        self._connection.close()
        self._process.wait()

    def _ask(self, what: str, *arguments: Any) -> int:
        self._asked += 1
        self._send((what, self._asked, *arguments))
        return self._asked

    def _send(self, message: Any) -> None:
        try:
            if self.lives:
                self._connection.send(message)
        except OSError:
            self._lose()

    def _take(self) -> None:
        """Takes the next answer."""
        try:
            number, refusal = self._connection.recv()
        except (EOFError, OSError):
            self._lose()
            return
        self._answered.add(number)
        if refusal is not None:
            self.refusals[number] = refusal

    def _lose(self) -> None:
        self.lives = False
        warnings.warn(
            f"the process of Weights & Biases has ended, with {self._process.wait()}: the training goes on without it, "
            "and metrics.jsonl has all rows.",
            stacklevel=2,
        )


@functools.cache
def _begun() -> list[WandbProcess]:
    """The process of this one's runs; none before the first."""
    processes: list[WandbProcess] = []
    atexit.register(end)
    return processes


def shared() -> WandbProcess:
    """The process of all runs of this one, which the first call begins."""
    processes = _begun()
    if not processes or not processes[-1].lives:
        processes[:] = [WandbProcess()]
    return processes[-1]


def settle(say: Callable[[str], None]) -> None:
    """Waits until all that was sent is written, if the process has been begun.

    Args:
        say: shows people a line of text.
    """
    for process in _begun():
        process.settle(say)


def end() -> None:
    """Ends the process, if it has been begun, once it has written all."""
    for process in _begun():
        process.end()


def _program() -> str:
    """The command that W&B shows, as in ``-m jaxac.train``."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    return f"-m {spec.name}" if spec else getattr(main, "__file__", None) or sys.argv[0]
