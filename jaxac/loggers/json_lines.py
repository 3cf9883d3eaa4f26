"""A logger of rows as lines of JSON."""

import errno
import json
import os
from pathlib import Path
from typing import Any

from jaxac.loggers.base import Row


class JsonLines:
    """The logger that appends rows to ``metrics.jsonl``, each in one call of the system."""

    def __init__(self, path: Path) -> None:
        self._file, self._path = path.open("ab", buffering=0), str(path)

    def log(self, row: Row) -> None:
        line = json.dumps(row).encode() + b"\n"
        if self._file.write(line) != len(line):  # what a disk does that has room for a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
        self._file.close()
