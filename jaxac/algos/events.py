"""The event log of a run with threads: who pushed when, what it had read, who pulled which version.

``events.jsonl`` holds one object a line, in the order in which the server took them:

    {"event": "push", "push": 7, "shard": 2, "version": 7, "seconds": 0.03, "read": 4, "dropped": false, "locked": true}
    {"event": "pull", "push": 7, "shard": 2, "version": 7, "seconds": 0.03}

``push`` counts the pushes of all shards from 1; ``version`` is the server's after the push, or the one pulled;
``seconds`` count from the start of the session; ``locked`` is ``algo.lock``.
"""

import json
from pathlib import Path
from typing import Any

from jaxac import run_directory
from jaxac.errors import ConfigError

Event = dict[str, Any]


def append(path: Path, events: list[Event]) -> None:
    """Adds lines to the log."""
    with path.open("a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def truncate(path: Path, pushes: int) -> None:
    """Leaves the first ``pushes`` pushes and what followed each; without a log, does nothing."""
    if path.exists():
        kept = [event for event in _lines(path) if event["push"] <= pushes]
        path.write_text("".join(json.dumps(event) + "\n" for event in kept))


def read_pushes(path: str) -> list[Event]:
    """The pushes of a log, in order.

    Raises:
        ConfigError: if there is no log at ``path``, or it is none, or not whole, or of a run without a lock.
    """
    if Path(path).is_dir():
        path = str(Path(path) / run_directory.EVENTS)
    try:
        pushes = [event for event in _lines(Path(path)) if event["event"] == "push"]
        fields = [[event[name] for name in ("shard", "read", "locked")] for event in pushes]
        whole = len(fields) > 0 and [event["push"] for event in pushes] == list(range(1, len(pushes) + 1))
    except OSError as error:
        raise ConfigError(
            f"algo.events={path} cannot be read: {error.strerror}; give the events.jsonl of a run with "
            "algo.runtime=threads."
        ) from None
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ConfigError(f"algo.events={path} is damaged, or no event log; give the whole events.jsonl of a run.")
    if not all(event["locked"] for event in pushes):
        raise ConfigError(
            f"algo.events={path} is of a run with algo.lock=false, whose races no log can tell; replay one with "
            "algo.lock=true."
        )
    return pushes


def _lines(path: Path) -> list[Event]:
    """The events; a last line cut short by a crash is left out."""
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]
