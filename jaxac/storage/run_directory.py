"""A run's directory: what it holds, how a new one is opened and an old one found again.

::

    config.yaml          the resolved configuration          metrics.jsonl       a row per chunk of updates
    overrides.yaml       what the command line said          summary.json        how it ended
    checkpoints/         the whole state, newest last        learning_curve.png, policy.gif, wandb/
    events.jsonl         what A3C's threads did          seeds/              a run's directory for each of num_seeds
"""

import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from jaxac.config import validation
from jaxac.config.schema import Config
from jaxac.errors import ConfigError
from jaxac.storage import checkpoint

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
CHECKPOINTS = "checkpoints"
EVENTS = "events.jsonl"
SEEDS = "seeds"
SWEEP = "sweep.yaml"

PER_PROCESS = ("resume", "stop_after_updates")
_MAY_CHANGE = {*PER_PROCESS, "total_env_steps", "compilation_cache"}
_SECTIONS_MAY_CHANGE = {"evaluation", "checkpoint", "logger"}


class Run:
    """Where a run writes, what it starts from, and a clock."""

    def __init__(self, directory: Path, start: checkpoint.Checkpoint | None) -> None:
        self.directory = directory
        self.checkpoint = start
        """What to go on from; None for a new run."""
        self._lap = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last call; of the first call, since the run was opened."""
        before, self._lap = self._lap, time.perf_counter()
        return self._lap - before


class Opened(NamedTuple):
    """A job that can begin."""

    config: Config
    run: Run
    overrides: list[str]
    """What the command line said."""
    group: str | None
    """Of W&B."""


def holds_run(directory: Path) -> bool:
    """Whether a run was begun in ``directory``."""
    return (directory / CONFIG).is_file() and (directory / OVERRIDES).is_file()


def has_begun(directory: Path) -> bool:
    """Whether there is a run in ``directory`` that can be gone on with."""
    saved = checkpoint.newest(directory / CHECKPOINTS) is not None or (directory / SEEDS).is_dir()
    return saved and holds_run(directory)


def holds_sweep(directory: Path) -> bool:
    """Whether a sweep was begun in ``directory``."""
    return (directory / SWEEP).is_file()


def refuse_if_run(directory: Path) -> None:
    """Raises ConfigError if ``directory`` holds anything of a run that could be lost by another one there."""
    if checkpoint.newest(directory / CHECKPOINTS) or rows(directory):
        raise ConfigError(
            f"hydra.run.dir={directory} already holds a run; choose another directory, or go on with "
            f"resume={directory}."
        )


def locate(value: str) -> tuple[Path, Path | None]:
    """The run's directory, and the checkpoint's path if ``value`` names one rather than a directory.

    Raises:
        ConfigError: if there is no run at ``value``.
    """
    path = Path(value).expanduser().resolve()
    if path.is_file() and holds_run(path.parent.parent):
        return path.parent.parent, path
    if not path.exists():
        raise ConfigError(f"resume={value} does not exist; give the directory of a run, or one of its checkpoints.")
    if not holds_run(path):
        raise ConfigError(f"resume={value} is no run: it has no {CONFIG}; give the directory that a run wrote.")
    return path, None


def open_run(config: Config, directory: Path, overrides: list[str]) -> Run:
    """Begins a run in ``directory``, or opens the one to resume.

    Raises:
        ConfigError: if the directory holds another run, or the one to resume disagrees with ``config`` or is damaged.
    """
    if config.resume is None:
        refuse_if_run(directory)
        directory.mkdir(parents=True, exist_ok=True)
        _record(directory, config, overrides)
        return Run(directory, None)
    directory, path = locate(config.resume)
    saved = yaml.safe_load((directory / CONFIG).read_text())
    _check_agreement(saved, as_dict(config), config.resume)
    if config.num_seeds > 1:  # each seed has checkpoints of its own
        _record(directory, config, overrides)
        return Run(directory, None)
    path = path or checkpoint.newest(directory / CHECKPOINTS)
    if path is None:
        raise ConfigError(f"resume={config.resume} has no checkpoint yet: start the run anew.")
    loaded = checkpoint.read(path)
    if loaded.updates > config.num_updates:
        raise ConfigError(
            f"total_env_steps={config.total_env_steps} is less than the run has done already; give more than "
            f"{config.env_steps(loaded.updates)}."
        )
    _record(directory, config, overrides)
    return Run(directory, loaded)


def _record(directory: Path, config: Config, overrides: list[str]) -> None:
    """Writes down what a later ``resume=`` starts from: all but the settings of this process alone."""
    _write_yaml(directory / CONFIG, as_dict(dataclasses.replace(config, resume=None, stop_after_updates=None)))
    _write_yaml(
        directory / OVERRIDES, [text for text in overrides if text.lstrip("+").split("=")[0] not in PER_PROCESS]
    )


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain dicts, lists and scalars."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def is_complete(run: Run, config: Config) -> bool:
    """Whether the run to resume has come to its end already, summary and all."""
    if run.checkpoint is None or run.checkpoint.updates < config.num_updates:
        return False
    summary = read_summary(run.directory)
    return bool(summary) and summary["env_steps"] == config.env_steps(config.num_updates)


def write_summary(directory: Path, summary: dict[str, Any]) -> None:
    """Writes ``summary.json``, whole or not at all."""
    write_atomically(directory / SUMMARY, json.dumps(summary, indent=2) + "\n")


def read_summary(directory: Path) -> dict[str, Any]:
    """What ``summary.json`` holds; empty if there is none."""
    path = directory / SUMMARY
    return json.loads(path.read_text()) if path.is_file() else {}


def rows(directory: Path) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl``; a last line cut short by a crash is left out."""
    path = directory / METRICS
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1]]


def truncate_rows(directory: Path, updates: int) -> None:
    """Drops the rows after update ``updates``, which the resumed run will write again."""
    kept = [row for row in rows(directory) if row["updates"] <= updates]
    write_atomically(directory / METRICS, "".join(json.dumps(row) + "\n" for row in kept))


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file at ``path`` whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def _write_yaml(path: Path, value: Any) -> None:
    write_atomically(path, yaml.safe_dump(value, sort_keys=False))


def _check_agreement(saved: Any, given: Any, resume: str) -> None:
    stretched = saved["total_env_steps"] != given["total_env_steps"]
    # The annealing follows the length of the run, unless it is set.
    for name, old, new in disagreements(saved, given, (("optimizer", "anneal_env_steps"),) if stretched else ()):
        raise ConfigError(
            f"{name}={new} disagrees with the run at resume={resume}, which has {name}={old}; leave it out."
        )


def disagreements(saved: Any, given: Any, but: tuple[tuple[str, ...], ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """The settings that make another run of it: their names, saved values and given ones."""
    for path, old, new in _differences(_with_newer_settings(saved), given):
        if path not in but and path[0] not in _MAY_CHANGE and path[0] not in _SECTIONS_MAY_CHANGE:
            yield ".".join(path), old, new


def _with_newer_settings(saved: Any) -> Any:
    """A saved configuration with the defaults of settings that are newer than it."""
    return as_dict(validation.resolve(saved)) if saved else saved


def _differences(a: Any, b: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(key), b.get(key), (*path, key))
    elif a != b:
        yield path, a, b
