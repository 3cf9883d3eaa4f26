"""What a logger is: it takes the rows of one run, in order, then its end. Knows no JAX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

Row = dict[str, Any]
"""Numbers, None, and lists: a histogram over 0, 1, 2, … if its name says so, else one number a shard."""


class Logger(Protocol):
    """Takes the rows of one run, in order, then its end."""

    def log(self, row: Row) -> None:
        """One chunk's metrics; ``None`` where a metric has no value."""

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        """The run has ended; ``summary`` is empty if it ended by an error."""


class Relay:
    """Passes a run's rows on to whoever follows several runs.

    Args:
        add: takes a row.
        end: called when no more come.
    """

    def __init__(self, add: Callable[[Row], None], end: Callable[[], None]) -> None:
        self._add, self._end = add, end

    def log(self, row: Row) -> None:
        self._add(row)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
        self._end()


class Memory:
    """Keeps the rows in a list, ``rows``."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def log(self, row: Row) -> None:
        self.rows.append(row)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
