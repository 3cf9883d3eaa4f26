"""The process that writes W&B runs: ``python -m jaxac.loggers.wandb_writer FILE_DESCRIPTOR``.

It imports W&B, and nothing else that is slow. It takes the messages of :mod:`jaxac.loggers.wandb_process`, one after
the other, and ends when that side does, however it ends, and all has been written.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from jaxac.loggers.base import Row

_NICE = 5
"""Training comes first; W&B's share of a busy core is then a quarter."""
_KILLED = 128 + signal.SIGKILL
"""The exit code of runs whose process ended without a word."""


class Writer:
    """The writer of one W&B run.

    Args:
        arguments: arguments of ``wandb.init``.
        settings: W&B's own settings besides ours.

    Raises:
        wandb.Error: if Weights & Biases refuses the run.
    """

    def __init__(self, arguments: dict[str, Any], settings: dict[str, Any]) -> None:
        import wandb

        self._wandb = wandb
        self._run = wandb.init(
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                x_transaction_log_flush_interval=2,
                x_save_requirements=False,  # it would read every installed package's metadata, for every run
                disable_git=True,  # which would read the whole repository
                disable_code=True,
                **settings,
            ),
            **arguments,
        )
        self._run.define_metric("env_steps")
        self._run.define_metric("*", step_metric="env_steps")

    def log(self, row: Row) -> None:
        """Takes one chunk's metrics, as a logger does."""
        self._run.log(dict(self._spread(row)))

    def _spread(self, row: Row) -> Iterator[tuple[str, Any]]:
        """A row's metrics as W&B can draw them: a histogram as one, any other list as a line per shard or learner."""
        for name, value in row.items():
            if not isinstance(value, list):
                yield from [(name, value)] if value is not None else []
            elif name.endswith("_histogram"):
                if value:
                    yield name, self._wandb.Histogram(np_histogram=_at_most_512_bins(value))
            else:
                known = ((number, each) for number, each in enumerate(value) if each is not None)
                yield from ((f"{name}/{number}", each) for number, each in known)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        """Takes the end of the run, as a logger does."""
        images = {path.stem: self._wandb.Image(str(path)) for path in artifacts if path.suffix == ".png"}
        videos = {path.stem: self._wandb.Video(str(path)) for path in artifacts if path.suffix == ".gif"}
        if summary and (images or videos):
            self._run.log({"env_steps": summary["env_steps"], **images, **videos})
        # Null takes out what the last row said. Every number of every seed would be a column of W&B's table of runs.
        self._run.summary.update({name: value for name, value in summary.items() if name != "by_seed"})
        self._run.finish(exit_code=exit_code)


def _at_most_512_bins(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Counts of 0, 1, 2, … in at most 512 bins (W&B's limit) of the same whole width.

    Returns:
        The bins' counts ``[bins]``, and their edges ``[bins + 1]``.
    """
    width = -(-len(counts) // 512)
    edges = np.arange(0, len(counts) + width, width)
    return np.add.reduceat(counts, edges[:-1]), edges


class Writers:
    """The writers of the other side's runs, by number; what one of them cannot do, the others do all the same.

    Args:
        answer: tells the other side that what it asked under a number is done, or why not.
    """

    def __init__(self, answer: Callable[[int, str | None], None]) -> None:
        self._answer = answer
        self._writers: dict[int, Writer] = {}

    def take(self, what: str, number: int, *rest: Any) -> None:
        """Takes a message."""
        try:
            if what == "open":
                self._writers[number] = Writer(*rest)
            elif what == "finish" and number in self._writers:
                self._writers.pop(number).finish(*rest)
            elif what == "log" and number in self._writers:
                self._writers[number].log(*rest)
        except Exception as error:  # W&B's own, and what it does not catch
            self._writers.pop(number, None)
            self._answer(number, str(error).strip())
        else:
            if what in ("open", "settle"):
                self._answer(number, None)

    def close(self) -> None:
        """Ends the runs that the other side has not ended."""
        for number in list(self._writers):
            self.take("finish", number, {}, [], _KILLED)


def main() -> None:
    """Writes what comes, until the other side has ended."""
    connection: Connection = Connection(int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)  # W&B's own process is to hold no end of it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)  # what they are to end is the training, with which this ends
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, messages), daemon=True).start()
    command = messages.get()
    if command is None:
        return
    sys.argv = command or sys.argv  # the command that W&B shows is the other side's
    import wandb  # noqa: F401 # ahead of the first run

    with contextlib.suppress(OSError):
        os.nice(_NICE)  # from here on; what has been imported is not waited for at a short run's end

    def answer(number: int, refusal: str | None) -> None:
        with contextlib.suppress(OSError):
            connection.send((number, refusal))

    writers = Writers(answer)
    while (message := messages.get()) is not None:
        writers.take(*message)
    writers.close()


def _receive(connection: Connection, messages: "queue.SimpleQueue[Any]") -> None:
    """Takes what comes as it comes, so that the other side never waits for W&B."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            messages.put(connection.recv())
    messages.put(None)


if __name__ == "__main__":
    main()
