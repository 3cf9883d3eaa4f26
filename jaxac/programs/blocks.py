"""Blocks of lanes: a few lanes in one call, and such calls side by side."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.programs.executor import Chunk, Outcome
from jaxac.programs.executors import Vmapped
from jaxac.spec import Spec
from jaxac.types import Array, PyTree, Totals

LANES = 8
"""Lanes of a block. The more, the less an operation of a small network costs beside its numbers, and the sooner their
data outgrow a core's cache."""


class Blocks:
    """An executor that runs :data:`LANES` lanes in one call, and as many calls at once as a CPU has cores.

    The program always has that many lanes, the last block is padded, and no lane's numbers depend on those beside it.
    So a lane's result does not depend on how many lanes there are, nor on its place, nor on what has ended before a
    sweep was resumed.

    Args:
        config: the configuration of the first lane; the others differ in numbers only.
        specs: the lanes' training programs.
        seeds: the lanes' seeds.

    Raises:
        ConfigError: if a block needs more memory than the machine has.
    """

    def __init__(self, config: Config, specs: Sequence[Spec], seeds: Sequence[int]) -> None:
        self._pool = ThreadPoolExecutor(machine.num_cores())
        starts = range(0, len(specs), LANES)
        parts = [(specs[i : i + LANES], seeds[i : i + LANES]) for i in starts]
        self._blocks = [Vmapped(config, *part, LANES, self._pool) for part in parts]
        first = self._blocks[0]
        self.compile_seconds, self.template, self.nothing = first.compile_seconds, first.template, first.nothing
        self.memory_bytes = first.memory_bytes * min(machine.num_cores(), len(self._blocks))

    def continue_rows(self, totals: Sequence[Totals | None]) -> None:
        for number, block in enumerate(self._blocks):
            block.continue_rows(totals[number * LANES : (number + 1) * LANES])

    def start(self, states: Sequence[PyTree | None]) -> list[Any]:
        return [block.start(states[n * LANES : (n + 1) * LANES]) for n, block in enumerate(self._blocks)]

    def advance(self, state: list[Any], chunk: Chunk, active: Sequence[int]) -> tuple[list[Any], dict[int, Any]]:
        after, pending = list(state), {}
        for number, block in enumerate(self._blocks):
            mine = [lane % LANES for lane in active if lane // LANES == number]
            if mine:
                after[number], pending[number] = block.advance(state[number], chunk, mine)
        return after, pending

    def fetch(self, pending: dict[int, Any]) -> dict[int, Outcome]:
        found = {number: self._blocks[number].fetch(running) for number, running in pending.items()}
        return {n * LANES + lane: outcome for n, outcomes in found.items() for lane, outcome in outcomes.items()}

    def evaluate(self, state: list[Any], lane: int, updates: int, batches: Sequence[int]) -> Array:
        number, place = divmod(lane, LANES)
        return self._blocks[number].evaluate(state[number], place, updates, batches)

    def lane(self, state: list[Any], lane: int) -> PyTree:
        number, place = divmod(lane, LANES)
        return self._blocks[number].lane(state[number], place)

    def close(self, wait: bool = True) -> None:
        self._pool.shutdown(wait, cancel_futures=not wait)
