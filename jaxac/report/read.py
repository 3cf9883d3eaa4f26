"""One run's directory, read and checked. Imports no JAX.

A run is read whole or not at all: :class:`UnreadableError` says what is wrong with it. Only lines of ``metrics.jsonl``
that are no JSON are left out, with a note.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jaxac import names
from jaxac.config import catalog
from jaxac.storage import old_names
from jaxac.storage.run_directory import CONFIG, METRICS, OVERRIDES, SUMMARY

STATUSES = ("completed", "interrupted", "diverged")
UNFINISHED = "unfinished"
_REQUIRED = (names.ENV_STEPS, names.SECONDS)
_NUMBERS = (names.RETURN, names.EPISODE_RETURN, names.STALENESS)
_NUMBERS_OF_PUSHES = (names.PUSHES_DROPPED, names.PULLS_FORCED, names.IDLE_SHARE, names.CONTENTION)
_NUMBERS_OF_ENDS = (names.RETURN, names.THRESHOLD, names.SPS_MEAN, names.STEPS_TO_THRESHOLD)


class UnreadableError(Exception):
    """The reason that a run cannot be part of a report."""


@dataclass(frozen=True)
class Run:
    """The contents of one run's directory."""

    name: str
    """The run's directory, relative to the one that was given."""
    config: dict[str, Any]
    """The resolved configuration."""
    overrides: tuple[str, ...] | None
    """The command line's overrides; None if they were not kept."""
    rows: tuple[dict[str, Any], ...]
    """Rows of ``metrics.jsonl``: at least one, ``env_steps`` increasing."""
    summary: dict[str, Any]
    """The contents of ``summary.json``; empty while the run continues, or if it was killed."""
    note: str | None = None
    """An oddity that did not keep the run from being read; None without one."""

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Every setting by its dotted name; lists are values, as tuples."""
        return flatten(self.config)

    @property
    def env(self) -> str:
        """The environment's name."""
        return self.config["env"]["name"]

    @property
    def algo(self) -> str:
        """The algorithm's name: ``a2c`` or ``a3c``."""
        return self.config["algo"]["name"]

    @property
    def status(self) -> str:
        """The run's end: ``completed``, ``interrupted`` or ``diverged``; ``unfinished`` without a summary."""
        return self.summary.get("status", UNFINISHED)

    @property
    def threshold(self) -> float | None:
        """The mean return of an evaluation that counts as solved; None if it is not known."""
        if self.summary:
            return self.summary.get(names.THRESHOLD)
        info = catalog.lookup(self.env)
        asked = self.settings.get("evaluation.stop_at_return")
        return asked if asked is not None else info.threshold if info else None

    @property
    def final(self) -> float | None:
        """The mean return of the final evaluation; None unless the run has completed."""
        return self.summary.get(names.RETURN) if self.status == "completed" else None

    @property
    def sps(self) -> float | None:
        """Environment steps per second of training; None if no time has passed."""
        if self.summary.get(names.SPS_MEAN) is not None:
            return self.summary[names.SPS_MEAN]
        last = self.rows[-1]
        return last[names.ENV_STEPS] / last[names.SECONDS] if last[names.SECONDS] else None

    def series(self, name: str, against: str = names.ENV_STEPS) -> tuple[np.ndarray, np.ndarray]:
        """The values ``[N]`` of ``against`` and ``[N]`` of the metric ``name``, from the rows that have the metric."""
        points = [(row[against], row[name]) for row in self.rows if row.get(name) is not None]
        pairs = np.array(points, float).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one dict with dotted names; lists become tuples.

    >>> flatten({"env": {"name": "Catch"}, "network": {"hidden_sizes": [64, 64]}})
    {'env.name': 'Catch', 'network.hidden_sizes': (64, 64)}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= flatten(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _frozen(value)
    return found


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def read_config(directory: Path) -> dict[str, Any]:
    """The resolved configuration of the run in ``directory``.

    Raises:
        UnreadableError: if there is none, or it is not one of a run.
    """
    config = _load(directory / CONFIG, yaml.safe_load)
    seed = config.get("seed") if isinstance(config, dict) else None
    if not isinstance(config, dict) or isinstance(seed, bool) or not isinstance(seed, int):
        raise UnreadableError(f"{CONFIG} is no configuration of a run: it has no seed")
    for section in ("env", "algo"):
        if not isinstance(config.get(section), dict) or not isinstance(config[section].get("name"), str):
            raise UnreadableError(f"{CONFIG} is no configuration of a run: it has no {section}.name")
    return config


def read_run(directory: Path, name: str, overrides_from: Path | None = None) -> Run:
    """Reads the run in ``directory``.

    Args:
        directory: the run's directory.
        name: the name by which the report calls it.
        overrides_from: the directory whose ``overrides.yaml`` applies; None for the run's own.

    Raises:
        UnreadableError: if a file is missing or broken.
    """
    config = read_config(directory)
    overrides = _read_overrides((overrides_from or directory) / OVERRIDES)
    rows, note = _read_rows(directory / METRICS)
    summary = _read_summary(directory / SUMMARY) if (directory / SUMMARY).exists() else {}
    return Run(name, config, overrides, rows, summary, note)


def _load(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableError(f"{path.name} is missing") from None
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError):
        kind = "JSON" if path.suffix == ".json" else "YAML" if path.suffix == ".yaml" else "UTF-8"
        raise UnreadableError(f"{path.name} is not valid {kind}") from None


def _read_overrides(path: Path) -> tuple[str, ...] | None:
    if not path.exists():
        return None
    overrides = _load(path, yaml.safe_load) or []
    if not isinstance(overrides, list) or not all(isinstance(item, str) for item in overrides):
        raise UnreadableError(f"{path.name} is no list of overrides")
    return tuple(overrides)


def _read_summary(path: Path) -> dict[str, Any]:
    summary = _load(path, _parse)
    if not isinstance(summary, dict) or summary.get("status") not in STATUSES:
        raise UnreadableError(f"{path.name} has no status that is one of {', '.join(STATUSES)}")
    summary = old_names.summary(summary)
    for key in _NUMBERS_OF_ENDS:
        if summary.get(key) is not None and not _is_number(summary[key]):
            raise UnreadableError(f"{path.name}: {key} is no number")
    return summary


def _read_rows(path: Path) -> tuple[tuple[dict[str, Any], ...], str | None]:
    """The rows, and a note on lines that were left out: those that are damaged, and a last one that was cut short."""
    lines = _read_lines(path)
    rows: list[dict[str, Any]] = []
    left_out: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _parse(line)
        except ValueError:
            left_out.append(number)
            continue
        if isinstance(row, dict):
            row = old_names.row(row)
        _check_row(row, rows[-1] if rows else None, f"{path.name}, line {number}")
        rows.append(row)
    if not rows:
        raise UnreadableError(f"{path.name} has no rows")
    return tuple(rows), _note(path.name, left_out, len(lines)) if left_out else None


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        raise UnreadableError(f"{path.name} is missing") from None
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read: {error.strerror}") from None


def _note(name: str, left_out: list[int], last: int) -> str:
    if left_out == [last]:
        return f"the last line of {name} is cut short and left out"
    if len(left_out) == 1:
        return f"{name}, line {left_out[0]} is damaged and left out"
    return f"{name}: {len(left_out)} lines are damaged and left out, the first is line {left_out[0]}"


def _check_row(row: Any, before: dict[str, Any] | None, where: str) -> None:
    if not isinstance(row, dict):
        raise UnreadableError(f"{where} is no row of metrics")
    for name in (*_REQUIRED, *_NUMBERS, *_NUMBERS_OF_PUSHES):
        value = row.get(name)
        if not _is_number(value) and (name in _REQUIRED or value is not None):
            raise UnreadableError(f"{where}: {name} is {'missing' if value is None else 'no number'}")
    counts = row.get(names.HISTOGRAM) or []
    if not isinstance(counts, list) or not all(map(_is_number, counts)):
        raise UnreadableError(f"{where}: {names.HISTOGRAM} is no list of counts")
    if before and (
        any(row[name] < before[name] for name in _REQUIRED) or row[names.ENV_STEPS] == before[names.ENV_STEPS]
    ):
        raise UnreadableError(f"{where}: {names.ENV_STEPS} or {names.SECONDS} go back")


def _parse(text: str) -> Any:
    """Parses JSON, in which NaN and the infinities become None."""
    return json.loads(text, parse_constant=lambda _: None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
