"""A logger of rows as lines of JSON."""

import json
from pathlib import Path
from typing import Any

from jaxac.loggers.base import Row


class JsonLines:
    """The logger that appends rows to ``metrics.jsonl``, flushed row by row."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def log(self, row: Row) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
        self._file.close()
