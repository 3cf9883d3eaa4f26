"""A run's directory: its files, and opening it for a new run or to resume one.

::

    config.yaml          the resolved configuration          metrics.jsonl       a row per chunk of updates
    overrides.yaml       the command line's overrides        summary.json        the end: status, evaluation, speed
    checkpoints/         the whole state, newest last        learning_curve.png, policy.gif, wandb/
    weights/             final.npz, best.npz                 seeds/              a run's directory for each of num_seeds
    events.jsonl         the events of A3C's threads          .lock               locked while a process trains the run
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jaxac.config import validation
from jaxac.config.schema import Config, DistributedConfig
from jaxac.config.settings import key_of
from jaxac.errors import ConfigError
from jaxac.storage import checkpoint, lock, old_names, records
from jaxac.storage.checkpoint import Checkpoint

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
CHECKPOINTS = "checkpoints"
EVENTS = "events.jsonl"
SEEDS = "seeds"
SWEEP = "sweep.yaml"

PER_PROCESS = (
    "resume",
    "stop_after_updates",
    *(f"distributed.{field.name}" for field in dataclasses.fields(DistributedConfig)),
)
"""Settings of one process, which a run's record leaves out."""
_MAY_CHANGE = {*PER_PROCESS, "total_env_steps", "compilation_cache"}
_ELSEWHERE = (("algo", "ray", "learners"), ("algo", "ray", "address"))
"""Settings of where gradients are computed, which changes none."""
_SECTIONS_MAY_CHANGE = {"evaluation", "checkpoint", "logger", "distributed"}


def holds_run(directory: Path) -> bool:
    """True if a run was begun in ``directory``."""
    return (directory / CONFIG).is_file()


def has_begun(directory: Path) -> bool:
    """True if there is a run in ``directory`` that can be resumed."""
    saved = checkpoint.newest(directory / CHECKPOINTS) is not None or (directory / SEEDS).is_dir()
    return saved and holds_run(directory)


def holds_sweep(directory: Path) -> bool:
    """True if a sweep was begun in ``directory``."""
    return (directory / SWEEP).is_file()


def refuse_if_run(directory: Path) -> None:
    """Raises ConfigError if ``directory`` holds parts of a run that another run there would destroy."""
    places = [directory, *(directory / SEEDS).glob("*")]
    if any(checkpoint.newest(place / CHECKPOINTS) for place in places) or rows(directory):
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
    if not _exists(path):
        raise ConfigError(f"resume={value} does not exist; give the directory of a run, or one of its checkpoints.")
    directory, named = (path, None) if path.is_dir() else (path.parent.parent, path)
    found = any(_exists(directory / name) for name in (CONFIG, OVERRIDES))
    if not found or (named and named.suffix != checkpoint.SUFFIX):
        raise ConfigError(f"resume={value} is no run: it has no {CONFIG}; give the directory that a run wrote.")
    return directory, named


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
    else:
        directory, _ = locate(config.resume)
    lock.acquire(directory)
    try:
        return open_locked(config, directory, overrides)
    except BaseException:
        lock.drop(directory)
        raise


def open_locked(config: Config, directory: Path, overrides: Sequence[str]) -> tuple[Path, Checkpoint | None]:
    """Does what :func:`open_run` does, for a directory that this process has locked, or its parent."""
    _check_kinds(directory)
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


def _check_kinds(directory: Path) -> None:
    """Raises ConfigError if there is a directory where a run keeps a file, or the reverse."""
    for name in (CONFIG, OVERRIDES, METRICS, SUMMARY, EVENTS):
        if (directory / name).is_dir():
            raise ConfigError(f"{directory / name} is a directory, where a run keeps a file; move it away.")
    for name in (CHECKPOINTS, SEEDS):
        if (directory / name).exists() and not (directory / name).is_dir():
            raise ConfigError(f"{directory / name} is a file, where a run keeps a directory; move it away.")


def _exists(path: Path) -> bool:
    """True if there is something at ``path``; False if no file can have such a name."""
    try:
        return path.exists()
    except OSError:
        return False


def _record(directory: Path, config: Config, overrides: Sequence[str]) -> None:
    """Writes down what a later ``resume=`` starts from: everything but the settings of this process alone."""
    kept = dataclasses.replace(config, resume=None, stop_after_updates=None, distributed=Config.distributed)
    records.write_yaml(directory / CONFIG, as_dict(kept))
    mine = [text for text in overrides if key_of(text) not in PER_PROCESS]
    records.write_overrides(directory / OVERRIDES, mine)


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain dicts, lists and scalars."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def is_complete(directory: Path, start: Checkpoint | None, config: Config) -> bool:
    """True if the run to resume from ``start`` is already complete and has written its summary."""
    if start is None or start.updates < config.num_updates:
        return False
    return read_summary(directory).get("env_steps") == config.env_steps(config.num_updates)


def read_config(directory: Path) -> Config:
    """The configuration of the run in ``directory``; a setting that is newer than the run takes its default.

    Raises:
        ConfigError: if it is missing or damaged, or this version cannot read it.
    """
    path = directory / CONFIG
    settings = records.read_settings(path)
    try:
        return validation.resolve(settings)
    except ConfigError as error:
        raise ConfigError(
            f"{path} is damaged or of another version of jaxac ({str(error).rstrip('.')}); restore it, or use the "
            "version that wrote it."
        ) from None


def write_summary(directory: Path, summary: dict[str, Any]) -> None:
    """Writes ``summary.json``, whole or not at all."""
    records.write_atomically(directory / SUMMARY, json.dumps(summary, indent=2) + "\n")


def read_summary(directory: Path) -> dict[str, Any]:
    """The contents of ``summary.json``; empty without one, or if it is damaged."""
    return old_names.summary(records.read_object(directory / SUMMARY))


def rows(directory: Path) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl`` that can be read."""
    found, _ = records.read_lines(directory / METRICS)
    return [old_names.row(row) for row in found if isinstance(row.get("updates"), int)]


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
        if path not in (*but, *_ELSEWHERE) and path[0] not in _MAY_CHANGE and path[0] not in _SECTIONS_MAY_CHANGE:
            yield ".".join(path), old, new


def _differences(a: Any, b: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(key), b.get(key), (*path, key))
    elif a != b:
        yield path, a, b
