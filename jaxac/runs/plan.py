"""Which lanes are trained together: those that differ in numbers only and are at the same point of the same schedule.

What is a number is read off the configuration's types (:mod:`jaxac.spec`); nobody keeps a list.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from jaxac.programs.program import Signature
from jaxac.runs.lane import Lane


class Batch(NamedTuple):
    """Lanes that are trained side by side."""

    lanes: list[Lane]
    size: int
    """Of the largest batch of the same program, to which the others may be filled up."""


def describe(batches: Sequence[Batch], num_jobs: int, how: str) -> str:
    """How many jobs became how many programs, in a line."""
    single = [batch for batch in batches if batch.lanes[0].config.algo.in_real_time]
    keys = {program_key(batch.lanes[0]) for batch in batches} - {program_key(batch.lanes[0]) for batch in single}
    lanes = sum(len(batch.lanes) for batch in batches) - len(single)
    side = "in one call" if how == "vmap" else "each by itself on a core"
    text = f"{num_jobs} jobs: {lanes} lanes in {len(keys)} compiled program{'s' * (len(keys) != 1)}, {side}"
    if single:
        text += f"; {len(single)} with threads, which cannot be batched, one after the other"
    return text


def program_key(lane: Lane) -> Hashable:
    """Equal for lanes that one compiled program serves."""
    alone = id(lane) if lane.config.algo.in_real_time else None
    return Signature.of(lane.config, lane.spec), alone


def _schedule_key(lane: Lane) -> Hashable:
    """Equal for lanes whose rows, evaluations and checkpoints are due together."""
    return lane.schedule, lane.config.stop_after_updates, lane.saved


def make(lanes: Sequence[Lane], max_lanes: int) -> list[Batch]:
    """The fewest batches of at most ``max_lanes`` lanes, in the order of their first lanes."""
    programs: dict[Hashable, dict[Hashable, list[Lane]]] = {}
    for lane in lanes:
        programs.setdefault(program_key(lane), {}).setdefault(_schedule_key(lane), []).append(lane)
    batches = []
    for groups in programs.values():
        parts = [group[i : i + max_lanes] for group in groups.values() for i in range(0, len(group), max_lanes)]
        size = max(map(len, parts))
        batches += [Batch(part, size) for part in parts]
    return batches
