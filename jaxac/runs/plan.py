"""Which runs are trained together: those that differ in numbers only and are at the same point of the same schedule.

What is a number is read off the configuration's types (:mod:`jaxac.spec`); nobody keeps a list.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from jaxac.programs.program import Signature
from jaxac.runs.run import Run


class Group(NamedTuple):
    """Runs that are trained side by side, as lanes of one program."""

    runs: list[Run]
    size: int
    """Lanes in this program's largest group; with ``how=vmap`` smaller ones are padded to it."""


def make(runs: Sequence[Run], max_lanes: int) -> list[Group]:
    """The fewest groups of at most ``max_lanes`` runs, in the order of their first runs."""
    programs: dict[Hashable, dict[Hashable, list[Run]]] = {}
    for run in runs:
        programs.setdefault(_program_key(run), {}).setdefault(_schedule_key(run), []).append(run)
    groups = []
    for schedules in programs.values():
        parts = [each[i : i + max_lanes] for each in schedules.values() for i in range(0, len(each), max_lanes)]
        size = max(map(len, parts))
        groups += [Group(part, size) for part in parts]
    return groups


def describe(groups: Sequence[Group], num_jobs: int, how: str) -> str:
    """How many jobs became how many programs, in a line."""
    single = [group for group in groups if group.runs[0].config.algo.in_real_time]
    keys = {_program_key(group.runs[0]) for group in groups if group not in single}
    lanes = sum(len(group.runs) for group in groups) - len(single)
    side = "in one call" if how == "vmap" else "each by itself on a core"
    text = f"{num_jobs} jobs: {lanes} lanes in {len(keys)} compiled program{'s' * (len(keys) != 1)}, {side}"
    if single:
        text += f"; {len(single)} with threads, which cannot be batched, one after the other"
    return text


def _program_key(run: Run) -> Hashable:
    """Equal for runs that one compiled program serves; threads have theirs to themselves."""
    alone = run if run.config.algo.in_real_time else None
    return Signature.of(run.config, run.spec), alone


def _schedule_key(run: Run) -> Hashable:
    """Equal for runs whose rows, evaluations and checkpoints are due together."""
    return run.schedule, run.config.stop_after_updates, run.saved
