"""The interface of a logger, and two small ones. Imports no JAX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

Row = dict[str, Any]
"""Metrics by name: numbers, None, and lists (counts of 0, 1, 2, … for a name in ``_histogram``, else one per shard)."""


class Logger(Protocol):
    """Takes the rows of one run, in order, then its end."""

    def log(self, row: Row) -> None:
        """Takes one chunk's metrics; ``None`` where a metric has no value."""

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        """Takes the end of the run, once.

        Args:
            summary: the contents of ``summary.json``; empty if the run ended by an error.
            artifacts: pictures of the run.
            exit_code: exit code of the process.
        """


class Relay:
    """A logger that passes a run's rows on to an object that follows several runs.

    Args:
        add: takes a row.
        end: called at the end of the run.
    """

    def __init__(self, add: Callable[[Row], None], end: Callable[[], None]) -> None:
        self._add, self._end = add, end

    def log(self, row: Row) -> None:
        self._add(row)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
        self._end()


class Memory:
    """A logger that keeps the rows in a list, ``rows``."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def log(self, row: Row) -> None:
        self.rows.append(row)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
