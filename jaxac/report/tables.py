"""Tables of a report: a row per trial on returns and on staleness, a row per worker or learner on its work."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from jaxac import names
from jaxac.report.read import Run
from jaxac.report.staleness import Staleness
from jaxac.report.statistics import Outcome
from jaxac.report.trials import show

NONE = "–"
"""Text of a cell without a value."""


class Cell(NamedTuple):
    """A table's cell."""

    text: str
    """The text shown."""
    value: float | None = None
    """The number that the cell is sorted by; None for text."""


def columns(outcomes: list[Outcome]) -> list[str]:
    """The headings of the table on returns."""
    rest = (
        "seeds",
        "final return",
        "95% interval",
        "best",
        "reached",
        "collapse rate",
        "steps",
        "SPS of a run",
        "status",
    )
    return ["trial", *outcomes[0].trial.swept, *rest]


def row(outcome: Outcome) -> list[Cell]:
    """A trial's row of the table on returns, in the order of :func:`columns`."""
    runs, bounds = len(outcome.trial.runs), outcome.bounds
    interval = Cell(f"{bounds[0]:.4g} to {bounds[1]:.4g}", bounds[0]) if bounds else Cell(NONE)
    known = any(run.threshold is not None for run in outcome.trial.runs)
    return [
        Cell(f"#{outcome.trial.number}", outcome.trial.number),
        *(Cell(show(value), _sortable(value)) for value in outcome.trial.swept.values()),
        Cell(_seeds(outcome.trial.seeds), runs),
        number(outcome.mean),
        interval,
        number(outcome.best),
        Cell(f"{outcome.reached}/{runs}", outcome.reached / runs) if known else Cell(NONE),
        Cell(f"{outcome.collapsed / runs:.0%} ({outcome.collapsed}/{runs})", outcome.collapsed / runs)
        if known
        else Cell(NONE),
        Cell(short(outcome.steps_to_threshold), outcome.steps_to_threshold),
        Cell(short(outcome.sps), outcome.sps),
        Cell(_statuses(outcome.statuses)),
    ]


def number(value: float | None) -> Cell:
    """A cell with a number of four digits."""
    return Cell(NONE) if value is None else Cell(f"{value:.4g}", value)


def short(value: float | None) -> str:
    """A number of three digits with a unit.

    >>> short(1_310_000), short(12.0), short(None)
    ('1.31 M', '12', '–')
    """
    if value is None:
        return NONE
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def _sortable(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _seeds(seeds: list[int]) -> str:
    if len(seeds) <= 4:
        return ", ".join(map(str, seeds))
    return f"{len(seeds)}, {seeds[0]} to {seeds[-1]}"  # a long list would run into the next column


def _statuses(statuses: dict[str, int]) -> str:
    if len(statuses) == 1:
        return next(iter(statuses))
    return ", ".join(f"{number} {status}" for status, number in statuses.items())


def staleness_columns() -> list[str]:
    """The headings of the table on staleness."""
    return [
        "trial",
        "gradients",
        "mean staleness",
        "largest",
        "pushes dropped",
        "pulls forced",
        "idle share",
        "contention",
    ]


def staleness_row(one: Staleness) -> list[Cell]:
    """A trial's row of the table on staleness, in the order of :func:`staleness_columns`."""
    largest, used = int(one.histogram.nonzero()[0].max()), int(one.histogram.sum())
    counts = (used, largest, one.dropped, one.forced)
    gradients, oldest, dropped, forced = (Cell(f"{count}", count) for count in counts)
    trial = one.outcome.trial.number
    shares = [
        Cell(NONE) if share is None else Cell(f"{share:.1%}", share) for share in (one.idle_share, one.contention)
    ]
    return [Cell(f"#{trial}", trial), gradients, number(one.mean), oldest, dropped, forced, *shares]


def worker_columns() -> list[str]:
    """The headings of the table on workers."""
    return ["host", "device", "runs", "restarts"]


def worker_rows(runs: Iterable[Run]) -> list[list[Cell]]:
    """The rows of the table on the workers that trained a sweep, in the order of :func:`worker_columns`.

    Restarts are how often each of its runs was begun again because the worker before was lost, added up.
    """
    places: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if names.RESTARTS in run.summary:
            place = str(run.summary.get("hostname") or NONE), str(run.summary.get(names.DEVICE) or NONE)
            places.setdefault(place, []).append(run)
    found = []
    for (host, device), its in sorted(places.items()):
        restarts = sum(run.summary[names.RESTARTS] for run in its)
        found.append(
            [Cell(host), Cell(device), Cell(_ranges([run.name for run in its])), Cell(f"{restarts}", restarts)]
        )
    return found


def learner_columns() -> list[str]:
    """The headings of the table on Ray's learners."""
    return ["run", "learner", "host", "shards", "gradients", "mean staleness", "calls lost", "seconds lost"]


def learner_rows(runs: Iterable[Run]) -> list[list[Cell]]:
    """The rows of the table on the learners that computed runs' gradients, in the order of :func:`learner_columns`.

    A call is lost with the learner that was asked, and is asked again of another; the seconds are those it had taken.
    """
    return [
        [
            Cell(run.name),
            number(one["learner"]),
            Cell(one["host"]),
            Cell(_ranges([str(shard) for shard in one["shards"]]) or NONE),
            Cell(f"{one['pushes']}", one["pushes"]),
            number(one["staleness_mean"]),
            Cell(f"{one['calls_lost']}", one["calls_lost"]),
            number(one["seconds_lost"]),
        ]
        for run in runs
        for one in run.summary.get(names.LEARNERS) or []
    ]


def _ranges(several: Sequence[str]) -> str:
    """Names in a sentence; of numbers that follow each other, the first and the last.

    >>> _ranges(["3", "0", "1", "2", "7"]), _ranges(["b/1", "a/1"])
    ('0 to 3, 7', 'a/1, b/1')
    """
    if not all(name.isdecimal() for name in several):
        return ", ".join(sorted(several))
    parts: list[list[int]] = []
    for number in sorted(map(int, several)):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)
