"""A run's directory: its files, and opening it for a new run or to resume one.

::

    config.yaml          the resolved configuration          metrics.jsonl       a row per chunk of updates
    overrides.yaml       the command line's overrides        summary.json        the end: status, evaluation, speed
    checkpoints/         the whole state, newest last        learning_curve.png, policy.gif, wandb/
    weights/             final.npz, best.npz                 seeds/              a run's directory for each of num_seeds
    events.jsonl         the events of A3C's threads
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from jaxac.config import validation
from jaxac.config.schema import Config
from jaxac.errors import ConfigError
from jaxac.storage import checkpoint, old_names
from jaxac.storage.checkpoint import Checkpoint

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
CHECKPOINTS = "checkpoints"
EVENTS = "events.jsonl"
SEEDS = "seeds"
SWEEP = "sweep.yaml"

PER_PROCESS = ("resume", "stop_after_updates")
"""Settings of one process, which a run's record leaves out."""
_MAY_CHANGE = {*PER_PROCESS, "total_env_steps", "compilation_cache"}
_SECTIONS_MAY_CHANGE = {"evaluation", "checkpoint", "logger"}


def holds_run(directory: Path) -> bool:
    """True if a run was begun in ``directory``."""
    return (directory / CONFIG).is_file() and (directory / OVERRIDES).is_file()


def has_begun(directory: Path) -> bool:
    """True if there is a run in ``directory`` that can be resumed."""
    saved = checkpoint.newest(directory / CHECKPOINTS) is not None or (directory / SEEDS).is_dir()
    return saved and holds_run(directory)


def holds_sweep(directory: Path) -> bool:
    """True if a sweep was begun in ``directory``."""
    return (directory / SWEEP).is_file()


def refuse_if_run(directory: Path) -> None:
    """Raises ConfigError if ``directory`` holds parts of a run that another run there would destroy."""
    if checkpoint.newest(directory / CHECKPOINTS) or rows(directory):
        raise ConfigError(
            f"hydra.run.dir={directory} already holds a run; choose another directory, or resume it with "
            f"resume={directory}."
        )


def locate(value: str) -> tuple[Path, Path | None]:
    """The run's directory, and the checkpoint's path if ``value`` names one rather than a directory.

    Args:
        value: the value of ``resume=``.

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


def open_run(config: Config, directory: Path, overrides: Sequence[str]) -> tuple[Path, Checkpoint | None]:
    """Begins a run in ``directory``, or opens the run to resume.

    Args:
        config: the run's configuration; ``config.resume`` names the run to resume.
        directory: the directory for a new run.
        overrides: the command line's overrides, to be written down.

    Returns:
        The run's directory, and the checkpoint to start from: None for a new run, and for a run of several seeds, each
        of which has checkpoints of its own.

    Raises:
        ConfigError: if the directory holds another run, or the one to resume disagrees with ``config`` or is damaged.
    """
    if config.resume is None:
        refuse_if_run(directory)
        directory.mkdir(parents=True, exist_ok=True)
        _record(directory, config, overrides)
        return directory, None
    directory, path = locate(config.resume)
    _check_agreement(as_dict(read_config(directory)), as_dict(config), config.resume)
    if config.num_seeds > 1:
        _record(directory, config, overrides)
        return directory, None
    path = path or checkpoint.newest(directory / CHECKPOINTS)
    if path is None:
        raise ConfigError(f"resume={config.resume} has no checkpoint yet: start the run again.")
    loaded = checkpoint.read(path)
    if loaded.updates > config.num_updates:
        raise ConfigError(
            f"total_env_steps={config.total_env_steps} is less than the run has done already; give more than "
            f"{config.env_steps(loaded.updates)}."
        )
    _record(directory, config, overrides)
    return directory, loaded


def _record(directory: Path, config: Config, overrides: Sequence[str]) -> None:
    """Writes down what a later ``resume=`` starts from: everything but the settings of this process alone."""
    _write_yaml(directory / CONFIG, as_dict(dataclasses.replace(config, resume=None, stop_after_updates=None)))
    _write_yaml(
        directory / OVERRIDES, [text for text in overrides if text.lstrip("+").split("=")[0] not in PER_PROCESS]
    )


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain dicts, lists and scalars."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def is_complete(directory: Path, start: Checkpoint | None, config: Config) -> bool:
    """True if the run to resume from ``start`` is already complete and has written its summary."""
    if start is None or start.updates < config.num_updates:
        return False
    summary = read_summary(directory)
    return bool(summary) and summary["env_steps"] == config.env_steps(config.num_updates)


def read_config(directory: Path) -> Config:
    """The configuration of the run in ``directory``; a setting that is newer than the run takes its default.

    Raises:
        ConfigError: if it is damaged.
    """
    path = directory / CONFIG
    try:
        saved = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is damaged ({type(error).__name__}); restore it.") from None
    if not isinstance(saved, dict):
        raise ConfigError(f"{path} is damaged: it holds no settings; restore it.")
    return validation.resolve(saved)


def write_summary(directory: Path, summary: dict[str, Any]) -> None:
    """Writes ``summary.json``, whole or not at all."""
    write_atomically(directory / SUMMARY, json.dumps(summary, indent=2) + "\n")


def read_summary(directory: Path) -> dict[str, Any]:
    """The contents of ``summary.json``; empty without one."""
    path = directory / SUMMARY
    return old_names.summary(json.loads(path.read_text())) if path.is_file() else {}


def rows(directory: Path) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl``; a last line cut short by a crash is left out."""
    path = directory / METRICS
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [old_names.row(json.loads(line)) for line in lines[:-1]]


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
    """Settings that must not differ when a run is resumed, but do: ``(name, saved value, given value)``.

    Args:
        saved: the configuration of the run's record.
        given: the configuration that was asked for.
        but: paths of settings that may differ too.
    """
    for path, old, new in _differences(saved, given):
        if path not in but and path[0] not in _MAY_CHANGE and path[0] not in _SECTIONS_MAY_CHANGE:
            yield ".".join(path), old, new


def _differences(a: Any, b: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(key), b.get(key), (*path, key))
    elif a != b:
        yield path, a, b
