"""Groups of runs to train together: those that differ in numbers only and are at the same point of the same schedule.

Numbers are told from sizes and choices by the configuration's types (:mod:`jaxac.spec`); no list has to be kept.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from jaxac import spec as spec_module
from jaxac.config.schema import Config
from jaxac.errors import ConfigError
from jaxac.programs import memory
from jaxac.programs.program import Signature
from jaxac.runs import schedule
from jaxac.runs.job import Job
from jaxac.runs.run import Run
from jaxac.spec import Spec


class Group(NamedTuple):
    """Runs that are trained side by side, as lanes of one program."""

    runs: list[Run]
    """The runs, a lane each."""
    size: int
    """Lanes in this program's largest group; with ``how=vmap`` smaller groups are padded to it."""


class Part(NamedTuple):
    """Jobs of one program that a process of its own trains."""

    jobs: list[Job]
    """The jobs."""
    size: int
    """Lanes in this program's largest group, of whichever part."""


def make(runs: Sequence[Run], max_lanes: int, size: int = 1) -> list[Group]:
    """The fewest groups of at most ``max_lanes`` runs, in the order of their first runs.

    Args:
        runs: the runs.
        max_lanes: runs side by side, at most.
        size: lanes of a program, at least: those of its largest group, if that is trained elsewhere.
    """
    programs: dict[Hashable, dict[Hashable, list[Run]]] = {}
    for run in runs:
        programs.setdefault(_program_key(run), {}).setdefault(_schedule_key(run), []).append(run)
    groups = []
    for schedules in programs.values():
        parts = [each[i : i + max_lanes] for each in schedules.values() for i in range(0, len(each), max_lanes)]
        largest = max(size, *map(len, parts))
        groups += [Group(part, largest) for part in parts]
    return groups


def divide(jobs: Sequence[Job], max_lanes: int, workers: int) -> list[Part]:
    """Parts of a sweep for several processes: those whose runs would be groups if ``max_lanes`` were lower.

    Args:
        jobs: the jobs.
        max_lanes: runs side by side, at most.
        workers: processes that are to have work, if there are as many jobs.
    """
    most = min(max_lanes, math.ceil(sum(job.config.num_seeds for job in jobs) / workers))
    programs: dict[Hashable, dict[Hashable, list[Job]]] = {}
    for job in jobs:
        program = _key(job.config, spec_module.make(job.config, num_devices=1), job)
        saved = job.start and job.start.updates
        due = schedule.make(job.config), job.config.stop_after_updates, saved
        programs.setdefault(program, {}).setdefault(due, []).append(job)
    found = []
    for schedules in programs.values():
        parts = [part for each in schedules.values() for part in _cut(each, most)]
        largest = min(max_lanes, max(sum(job.config.num_seeds for job in part) for part in parts))
        found += [Part(part, largest) for part in parts]
    return found


def _cut(jobs: Sequence[Job], most: int) -> Iterator[list[Job]]:
    """Parts of at most ``most`` runs, or of a single job that has more."""
    part: list[Job] = []
    for job in jobs:
        if part and sum(each.config.num_seeds for each in (*part, job)) > most:
            yield part
            part = []
        part.append(job)
    yield part


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
    side = _SIDE_BY_SIDE[how]
    text = f"{num_jobs} jobs: {lanes} lanes in {len(keys)} compiled program{'s' * (len(keys) != 1)}, {side}"
    if single:
        text += f"; {len(single)} with threads, which cannot be batched, one after the other"
    return text


_SIDE_BY_SIDE = {
    "vmap": "in one call",
    "cores": "each by itself on a core",
    "blocks": "in blocks, a call each on a core",
}


def _program_key(run: Run) -> Hashable:
    """A key that runs share if one compiled program serves them; a run with threads has its own."""
    return _key(run.config, run.spec, run), run.progress.in_blocks


def _key(config: Config, spec: Spec, own: Hashable) -> Hashable:
    return Signature.of(config, spec), own if config.algo.in_real_time else None


def _schedule_key(run: Run) -> Hashable:
    """A key that runs share if their rows, evaluations and checkpoints are due together."""
    return run.schedule, run.config.stop_after_updates, run.saved
