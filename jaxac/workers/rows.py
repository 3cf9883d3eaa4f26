"""Rows that other processes write, read as they come."""

from pathlib import Path

from jaxac import names
from jaxac.loggers.base import Row
from jaxac.storage import records, run_directory


class Rows:
    """The rows that come to one run's ``metrics.jsonl`` from now on.

    Args:
        directory: the run's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / run_directory.METRICS
        before = run_directory.rows(directory)
        self.env_steps = before[-1][names.ENV_STEPS] if before else 0
        """Environment steps of the last row so far."""
        self._read = self._size()

    def new(self) -> list[Row]:
        """The whole rows that have come since the last call."""
        size = self._size()
        if size < self._read:  # rows of an abandoned branch were removed
            self._read = size
        if size == self._read:
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read(size - self._read).rpartition(b"\n")
        self._read += len(whole) + bool(whole)
        # where rows were replaced meanwhile, there may be a piece of one
        found = [records.parse(line) for line in whole.splitlines()]
        rows = [row for row in found if row and names.ENV_STEPS in row]
        self.env_steps = rows[-1][names.ENV_STEPS] if rows else self.env_steps
        return rows

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0
