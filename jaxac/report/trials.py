"""Trials: configurations that are equal but for the seed, told apart by the settings that were swept."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jaxac.config.settings import key_of
from jaxac.report.read import Run

_BOOKKEEPING = {"seed", "num_seeds", "resume", "stop_after_updates", "compilation_cache"}
_BOOKKEEPING |= {"evaluation.every", "evaluation.episodes"}
_BOOKKEEPING_SECTIONS = {"logger", "checkpoint"}
_DECADE = 10
_NOT_IN_COMMANDS = {"seed", "num_seeds", "resume", "stop_after_updates"}


@dataclass(frozen=True)
class Trial:
    """One configuration and its runs, which differ in their seeds."""

    number: int
    """Number of the trial, from 1: in the order of discovery, in a report by rank."""
    runs: tuple[Run, ...]
    """The runs, one per seed."""
    swept: dict[str, Any]
    """Its values of the settings in which the trials of its environment differ."""

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs, in order."""
        return sorted(run.config["seed"] for run in self.runs)

    @property
    def label(self) -> str:
        """Its swept settings, by the last part of their names where that is enough."""
        short = [name.removesuffix(".name").rsplit(".", 1)[-1] for name in self.swept]
        names = [last if short.count(last) == 1 else name for name, last in zip(self.swept, short, strict=True)]
        values = [f"{name}={show(value)}" for name, value in zip(names, self.swept.values(), strict=True)]
        return ", ".join(values) or f"{self.runs[0].algo.upper()} on {self.runs[0].env}"

    @property
    def command(self) -> str | None:
        """The command that trains it again, with seed 0; None if no run's overrides were kept."""
        kept = [run.overrides for run in self.runs if run.overrides is not None]
        if not kept:
            return None
        chosen = [override for override in kept[0] if key_of(override) not in _NOT_IN_COMMANDS]
        return shlex.join(["python", "-m", "jaxac.train", *chosen])


def is_bookkeeping(name: str) -> bool:
    """True if a setting changes the records or the seed, but not the algorithm."""
    return name in _BOOKKEEPING or name.split(".")[0] in _BOOKKEEPING_SECTIONS


def show(value: Any) -> str:
    """A setting's value as on the command line.

    >>> show(None), show(True), show(0.003), show((64, 64))
    ('null', 'true', '0.003', '[64,64]')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return f"[{','.join(map(show, value))}]"
    return str(value)


def is_numeric(values: Sequence[Any]) -> bool:
    """True if a setting's values are numbers rather than categories.

    >>> is_numeric([1, 2.5]), is_numeric([True, False]), is_numeric(["adam", "rmsprop"])
    (True, False, False)
    """
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def spans_decades(values: Sequence[Any]) -> bool:
    """True if a setting's values are positive and so far apart that a logarithmic axis shows them better.

    >>> spans_decades([1e-4, 1e-3]), spans_decades([1, 2, 4])
    (True, False)
    """
    return is_numeric(values) and min(values) > 0 and max(values) >= _DECADE * min(values)


def by_environment(runs: list[Run]) -> dict[str, list[Trial]]:
    """The trials by environment, because returns of different environments do not compare."""
    names = dict.fromkeys(run.env for run in runs)
    return {name: _trials([run for run in runs if run.env == name]) for name in names}


def _trials(runs: list[Run]) -> list[Trial]:
    groups: dict[tuple[tuple[str, Any], ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(_identity(run), []).append(run)
    swept = _swept([group[0] for group in groups.values()])
    return [
        Trial(number, tuple(group), {name: values[number - 1] for name, values in swept.items()})
        for number, group in enumerate(groups.values(), 1)
    ]


def _identity(run: Run) -> tuple[tuple[str, Any], ...]:
    """The settings that the runs of one trial have in common, as a key."""
    return tuple(sorted((name, value) for name, value in run.settings.items() if not is_bookkeeping(name)))


def _swept(firsts: list[Run]) -> dict[str, list[Any]]:
    """The settings in which trials differ, with each trial's value, given one run of each.

    Settings that were given on the command line come first: many others follow from them (the learning rate from the
    number of environments). Other settings are taken only if they are needed to tell trials apart. ``optimizer=adam``
    and its like choose files, and count as ``optimizer.name``.
    """
    given = [key_of(override) for run in firsts for override in run.overrides or ()]
    known = dict.fromkeys(name for run in firsts for name in run.settings)
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name if name in known else f"{name}.name" for name in given):
        if name in known:
            _add(columns, name, [run.settings.get(name) for run in firsts])
    for name in known:
        values = [run.settings.get(name) for run in firsts]
        if _told_apart([*columns.values(), values], firsts) > _told_apart(columns.values(), firsts):
            _add(columns, name, values)
    return columns


def _add(columns: dict[str, list[Any]], name: str, values: list[Any]) -> None:
    if not is_bookkeeping(name) and len(set(map(show, values))) > 1:
        columns[name] = values


def _told_apart(columns: Iterable[list[Any]], firsts: list[Run]) -> int:
    """The number of trials that these columns tell apart."""
    return len(set(zip(*[map(show, column) for column in columns], strict=True))) if firsts and columns else 1
