"""Groups of runs to train together: those that differ in numbers only and are at the same point of the same schedule.

Numbers are told from sizes and choices by the configuration's types (:mod:`jaxac.spec`); no list has to be kept.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from jaxac.errors import ConfigError
from jaxac.programs import memory
from jaxac.programs.program import Signature
from jaxac.runs.job import Job
from jaxac.runs.run import Run


class Group(NamedTuple):
    """Runs that are trained side by side, as lanes of one program."""

    runs: list[Run]
    """The runs, a lane each."""
    size: int
    """Lanes in this program's largest group; with ``how=vmap`` smaller groups are padded to it."""


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


def that_fit(groups: Sequence[Group], jobs: Sequence[Job]) -> list[Group]:
    """The groups that there is memory for; the jobs of the others fail."""
    fitting = []
    for group in groups:
        try:
            memory.check(group.runs[0].config, group.runs[0].spec, len(group.runs))
            fitting.append(group)
        except ConfigError as error:
            for job in jobs:
                job.error = error if set(group.runs) & set(job.unfinished) else job.error
    return fitting


def describe(groups: Sequence[Group], num_jobs: int, how: str) -> str:
    """One line on the numbers of jobs, lanes and compiled programs."""
    single = [group for group in groups if group.runs[0].config.algo.in_real_time]
    keys = {_program_key(group.runs[0]) for group in groups if group not in single}
    lanes = sum(len(group.runs) for group in groups) - len(single)
    side = "in one call" if how == "vmap" else "each by itself on a core"
    text = f"{num_jobs} jobs: {lanes} lanes in {len(keys)} compiled program{'s' * (len(keys) != 1)}, {side}"
    if single:
        text += f"; {len(single)} with threads, which cannot be batched, one after the other"
    return text


def _program_key(run: Run) -> Hashable:
    """A key that runs share if one compiled program serves them; a run with threads has its own."""
    alone = run if run.config.algo.in_real_time else None
    return Signature.of(run.config, run.spec), alone


def _schedule_key(run: Run) -> Hashable:
    """A key that runs share if their rows, evaluations and checkpoints are due together."""
    return run.schedule, run.config.stop_after_updates, run.saved
