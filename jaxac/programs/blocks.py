"""Blocks of lanes: a few lanes in one call, and such calls side by side."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.programs.executor import Chunk, Outcome
from jaxac.programs.executors import Vmapped
from jaxac.reports import Totals
from jaxac.spec import Spec
from jaxac.types import Array, PyTree

_ENVS = 128
"""Environments of a call: with few, an operation of a small network costs more than its numbers; with many, their data
outgrow a core's cache."""


def num_lanes(config: Config) -> int:
    """Lanes of a block: 16 of up to 8 environments each, 4 from 32 on."""
    return min(16, max(4, _ENVS // config.env.num_envs))


class Blocks:
    """An executor that runs a few lanes in one call, and as many calls at once as a CPU has cores.

    How many is :func:`num_lanes`, of a last block, too, which is padded; and no lane's numbers depend on those beside
    it. So a lane's result does not depend on how many lanes there are, nor on its place, nor on what has ended before a
    sweep was resumed.

    Args:
        config: the configuration of the first lane; the others differ in numbers only.
        specs: the lanes' training programs.
        seeds: the lanes' seeds.

    Raises:
        ConfigError: if a block needs more memory than the machine has.
    """

    def __init__(self, config: Config, specs: Sequence[Spec], seeds: Sequence[int]) -> None:
        self._pool, size = ThreadPoolExecutor(machine.num_cores()), num_lanes(config)
        self._parts = [slice(start, start + size) for start in range(0, len(specs), size)]
        self._blocks = [Vmapped(config, specs[part], seeds[part], size, self._pool) for part in self._parts]
        self._size = size
        first = self._blocks[0]
        self.compile_seconds, self.template, self.nothing = first.compile_seconds, first.template, first.nothing
        self.memory_bytes = first.memory_bytes * min(machine.num_cores(), len(self._blocks))

    def continue_rows(self, totals: Sequence[Totals | None]) -> None:
        for block, part in zip(self._blocks, self._parts, strict=True):
            block.continue_rows(totals[part])

    def start(self, states: Sequence[PyTree | None]) -> list[Any]:
        return [block.start(states[part]) for block, part in zip(self._blocks, self._parts, strict=True)]

    def advance(self, state: list[Any], chunk: Chunk, active: Sequence[int]) -> tuple[list[Any], dict[int, Any]]:
        after, pending = list(state), {}
        for number, block in enumerate(self._blocks):
            mine = [lane % self._size for lane in active if lane // self._size == number]
            if mine:
                after[number], pending[number] = block.advance(state[number], chunk, mine)
        return after, pending

    def fetch(self, pending: dict[int, Any]) -> dict[int, Outcome]:
        found = {number: self._blocks[number].fetch(running) for number, running in pending.items()}
        return {n * self._size + lane: outcome for n, outcomes in found.items() for lane, outcome in outcomes.items()}

    def evaluate(self, state: list[Any], lane: int, updates: int, batches: Sequence[int]) -> Array:
        number, place = divmod(lane, self._size)
        return self._blocks[number].evaluate(state[number], place, updates, batches)

    def lane(self, state: list[Any], lane: int) -> PyTree:
        number, place = divmod(lane, self._size)
        return self._blocks[number].lane(state[number], place)

    def close(self, wait: bool = True) -> None:
        self._pool.shutdown(wait, cancel_futures=not wait)
