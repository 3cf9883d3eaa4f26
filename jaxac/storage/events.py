"""The event log of a run in real time: which shard pushed when, what it had read, and which version it pulled.

``events.jsonl`` holds one object a line, in the order in which the server took them:

    {"event": "push", "push": 7, "shard": 2, "version": 7, "seconds": 0.03, "read": 4, "dropped": false, "locked": true}
    {"event": "pull", "push": 7, "shard": 2, "version": 7, "seconds": 0.03}

``push`` counts the pushes of all shards from 1; ``version`` is the server's after the push, or the one pulled;
``seconds`` count from the start of the session; ``locked`` is ``algo.lock``. With Ray a push also has the ``learner``
that computed it and its ``host``, and a call that was lost with its learner and asked again has a line of its own:

    {"event": "lost", "push": 9, "shard": 1, "learner": 1, "host": "node1", "seconds": 0.04, "after": 0.02}

before the push that came of it, ``seconds`` at the moment when the loss was noticed, ``after`` so many since the call.
A replay needs the pushes alone.
"""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxac import names
from jaxac.config.algos import A3CConfig, AlgoConfig
from jaxac.config.schema import Config
from jaxac.errors import ConfigError
from jaxac.storage import records, run_directory

Event = dict[str, Any]
"""One line of the log."""
_MAY_DIFFER = (("algo", "runtime"), ("algo", "events"))
_BOUND = ("max_staleness", "above_max_staleness")
_OF_A_LEARNER = 1
"""XLA's threads in a learner, which has one core."""


def check(config: Config) -> None:
    """Checks that the event log to replay, if there is one, was written by a run with these settings.

    Raises:
        ConfigError: if there is no such log, it is too short, or it was written by a run with other settings.
    """
    if not isinstance(config.algo, A3CConfig) or config.algo.events is None:
        return
    path = _file(config.algo.events)
    found, needed = len(read_pushes(config.algo.events)), config.algo.pushes(config.num_updates)
    if found < needed:
        raise ConfigError(
            f"algo.events={config.algo.events} ends after {found} pushes, and total_env_steps={config.total_env_steps} "
            f"needs {needed}; lower it to {config.env_steps(found // config.algo.num_shards)} or less."
        )
    beside = path.parent / run_directory.CONFIG
    saved = run_directory.as_dict(run_directory.read_config(path.parent)) if beside.exists() else {}
    may = _MAY_DIFFER if config.algo.max_staleness is not None else (*_MAY_DIFFER, *(("algo", each) for each in _BOUND))
    for name, old, new in run_directory.disagreements(saved, run_directory.as_dict(config), may):
        raise ConfigError(
            f"{name}={new} disagrees with the run that wrote algo.events={config.algo.events}, which has {name}={old}; "
            "give the same."
        )


def bounded(config: Config) -> Config:
    """A replay that sets no bound on staleness with that of the run that wrote its log; others as they are."""
    algo = config.algo
    if not isinstance(algo, A3CConfig) or algo.events is None or algo.max_staleness is not None:
        return config
    beside = _file(algo.events).parent / run_directory.CONFIG
    try:
        saved = records.read_settings(beside)["algo"] if beside.exists() else {}
        bound = {name: saved[name] for name in _BOUND if saved["max_staleness"] is not None}
    except (ConfigError, KeyError, TypeError):  # a log alone
        return config
    return dataclasses.replace(config, algo=dataclasses.replace(algo, **bound))


def xla_threads(algo: AlgoConfig) -> int | None:
    """XLA's number of threads that a run in real time is to have; None for a thread a core.

    A learner of Ray's has one core, on which a second thread costs more than half of its speed. Products of matrices
    round otherwise with one thread than with several, so a replay has as many as the run that wrote its log: by its
    summary, or without one by its runtime.
    """
    if not isinstance(algo, A3CConfig):
        return None
    if algo.events is None:
        return _OF_A_LEARNER if algo.runtime == "ray" else None
    directory = _file(algo.events).parent
    recorded = run_directory.read_summary(directory).get("xla_threads")
    if isinstance(recorded, int) and recorded > 0:
        return recorded
    try:
        return xla_threads(run_directory.read_config(directory).algo)
    except ConfigError:  # a log alone
        return None


def append(path: Path, events: list[Event]) -> None:
    """Appends events to the log."""
    with path.open("a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def truncate(path: Path, pushes: int) -> int:
    """Keeps the first ``pushes`` pushes of a log, with the pulls after each; without a log, does nothing.

    Returns:
        The number of damaged lines that were left out; with any, the log can no longer be replayed.
    """
    if not path.exists():
        return 0
    events, damaged = records.read_lines(path)
    kept = [event for event in events if isinstance(event.get("push"), int) and event["push"] <= pushes]
    records.write_lines(path, kept)
    return damaged


def read_pushes(path: str) -> list[Event]:
    """The pushes of a log, in order.

    Args:
        path: the log, or the directory of its run.

    Raises:
        ConfigError: if there is no event log at ``path``, it is not whole, or its run had no lock.
    """
    try:
        pushes = [event for event in _lines(_file(path)) if event["event"] == "push"]
        fields = [[event[name] for name in ("shard", "read", "locked")] for event in pushes]
        whole = len(fields) > 0 and [event["push"] for event in pushes] == list(range(1, len(pushes) + 1))
    except OSError as error:
        raise ConfigError(
            f"algo.events={path} cannot be read: {error.strerror}; give the events.jsonl of a run with "
            "algo.runtime=threads or ray."
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


def learners(algo: AlgoConfig, directory: Path | None, updates: int) -> dict[str, list[dict[str, Any]]]:
    """The work of Ray's learners for a run's summary: of each on each host where it has run, in all sessions.

    Args:
        algo: the run's settings.
        directory: the run's directory; damaged lines of its log are left out.
        updates: updates of the run; what came after them is left out, since a run that lost its end does it again.

    Returns:
        Empty without Ray or a directory. Else ``learners``, by number and host, each with the ``shards`` that it
        computed, its ``pushes``, their ``staleness_mean`` in versions (None without pushes), the ``calls_lost`` with it
        and the ``seconds_lost`` by them.
    """
    if not isinstance(algo, A3CConfig) or algo.runtime != "ray" or directory is None:
        return {}
    found: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event in records.read_lines(directory / run_directory.EVENTS)[0]:
        if "learner" in event and event["push"] <= algo.pushes(updates):
            found[event["learner"], event["host"]].append(event)
    each = [{"learner": number, "host": host, **_work(its)} for (number, host), its in sorted(found.items())]
    return {names.LEARNERS: each}


def _work(events: Iterable[Event]) -> dict[str, Any]:
    pushed, lost = ([event for event in events if event["event"] == kind] for kind in ("push", "lost"))
    ages = [staleness(event) for event in pushed]
    return {
        "shards": sorted({event["shard"] for event in pushed}),
        "pushes": len(pushed),
        "staleness_mean": sum(ages) / len(ages) if ages else None,
        "calls_lost": len(lost),
        "seconds_lost": round(sum(event["after"] for event in lost), 6),
    }


def staleness(push: Event) -> int:
    """Versions between the parameters that a push read and the server's when it arrived."""
    return push["version"] - (not push["dropped"]) - push["read"]


def _file(path: str) -> Path:
    """The log at ``path``, which may be a run's directory."""
    return Path(path) / run_directory.EVENTS if Path(path).is_dir() else Path(path)


def _lines(path: Path) -> list[Event]:
    """The events of a log; a last line cut short by a crash is left out."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
