"""Executors advance the lanes of one program on the devices: runs that differ in numbers only, side by side.

* :class:`Pooled` runs each lane in the program of a single run, as many lanes at once as a CPU has cores. A lane
  therefore equals its single run, bit for bit, and its data stays in its core's cache.
* :class:`Vmapped` runs all lanes in one call, which suits an accelerator; sums may be taken in another order.
* :class:`jaxac.programs.blocks.Blocks` runs a few lanes in one call, as many calls at once as a CPU has cores.

A single run is one lane.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.devices import placement
from jaxac.programs import lanes_program, program
from jaxac.programs.executor import Chunk, Outcome, copied, first, to_host
from jaxac.programs.program import Program
from jaxac.reports import Totals
from jaxac.spec import Spec
from jaxac.types import Array, PyTree


class Pooled:
    """An executor in which every lane runs by itself, in the program of a single run.

    Args:
        compiled: the program of the first lane; the others differ in numbers only.
        specs: the lanes' training programs.
        seeds: the lanes' seeds.
        workers: number of lanes that run at once.
    """

    def __init__(self, compiled: Program, specs: Sequence[Spec], seeds: Sequence[int], workers: int = 1) -> None:
        self._program, self._specs = compiled, specs
        self._keys = [program.keys(seed) for seed in seeds]
        self._pool = ThreadPoolExecutor(workers)
        self.compile_seconds, self.template = compiled.compile_seconds, compiled.state
        self.memory_bytes = compiled.memory_bytes * min(workers, len(specs))
        self.nothing = compiled.nothing
        self._totals: list[Totals | None] = [None] * len(specs)

    def continue_rows(self, totals: Sequence[Totals | None]) -> None:
        self._totals = list(totals)

    def start(self, states: Sequence[PyTree | None]) -> list[Future[PyTree]]:
        def begin(lane: int, state: PyTree | None) -> PyTree:
            return self._program.init(self._specs[lane], self._keys[lane][0]) if state is None else state

        return [self._pool.submit(begin, lane, state) for lane, state in enumerate(states)]

    def advance(
        self, state: list[Future[PyTree]], chunk: Chunk, active: Sequence[int]
    ) -> tuple[list[Future[PyTree]], dict[int, Future[tuple[PyTree, Outcome]]]]:
        pending = {lane: self._pool.submit(self._run, lane, state[lane], chunk) for lane in active}
        after = [first(pending[lane]) if lane in pending else state[lane] for lane in range(len(state))]
        return after, pending

    def _run(self, lane: int, state: Future[PyTree], chunk: Chunk) -> tuple[PyTree, Outcome]:
        """A lane's whole chunk in one task, because the next chunk reuses the memory of the state."""
        now = state.result()  # the totals are those of the chunk that brings it, so they are looked up afterwards
        before, start = None if chunk.begins else self._totals[lane], time.perf_counter()
        after, report = self._program.chunk(self._specs[lane], now, chunk.num_updates, before)
        report = jax.device_get(report)
        self._totals[lane], seconds = report.totals, time.perf_counter() - start
        returns = self._evaluate(after, lane, chunk.updates, chunk.batches) if chunk.batches else None
        saved = self._program.copy(after) if chunk.save else None
        jax.block_until_ready((after, returns, saved))
        params = copied(ALGOS[self._specs[lane].algo.name].params(after)) if chunk.batches else None
        return after, Outcome(report, returns, params, saved, seconds)

    def fetch(self, pending: dict[int, Future[tuple[PyTree, Outcome]]]) -> dict[int, Outcome]:
        return {lane: to_host(future.result()[1]) for lane, future in pending.items()}

    def evaluate(self, state: list[Future[PyTree]], lane: int, updates: int, batches: Sequence[int]) -> Array:
        return self._in_order(self._evaluate, state[lane].result(), lane, updates, batches)

    def _evaluate(self, state: PyTree, lane: int, updates: int, batches: Sequence[int]) -> Array:
        key = self._keys[lane][1]
        return program.evaluate_batches(self._program, self._specs[lane], state, key, updates, batches)

    def lane(self, state: list[Future[PyTree]], lane: int) -> PyTree:
        return self._in_order(self._whole, state[lane].result())

    def _whole(self, state: PyTree) -> PyTree:
        """A lane's state, of whose arrays other processes may have parts, for this process alone."""
        return state if jax.process_count() == 1 else placement.at_home(self._program.copy(state))

    def _in_order(self, call: Callable[..., PyTree], *arguments: Any) -> PyTree:
        """A call's result; of several processes each makes its calls in one thread, so that all make them in one order.

        In a single one no lane waits for what others have in that thread's queue.
        """
        if jax.process_count() == 1:
            return call(*arguments)
        return self._pool.submit(call, *arguments).result()

    def close(self, wait: bool = True) -> None:
        if wait:
            self._program.close()
        else:
            threading.Thread(target=self._program.close, daemon=True).start()
        self._pool.shutdown(wait, cancel_futures=not wait)


class Vmapped:
    """An executor that runs all lanes in one call, spread over devices.

    Programs run one at a time, in a thread: two at once on several CPU devices can wait for each other for ever.

    Args:
        config: the configuration of the first lane; the others differ in numbers only.
        specs: the lanes' training programs.
        seeds: the lanes' seeds.
        size: number of lanes of the program, at least that of ``specs``; missing lanes repeat the last one, so that a
            smaller group of lanes needs no program of its own.
        pool: threads that programs run in, first come first served, on one device, if others run beside; None for a
            thread of its own, and all devices.

    Raises:
        ConfigError: if so many lanes need more memory than the device has.
    """

    def __init__(
        self,
        config: Config,
        specs: Sequence[Spec],
        seeds: Sequence[int],
        size: int,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        devices = 1 if pool else jax.local_device_count()
        self._num_missing = -(-size // devices) * devices - len(specs)
        self._algo = ALGOS[config.algo.name]
        keys = [program.keys(seed) for seed in seeds]
        self._train_keys, self._evaluation_keys = (self._stack(list(each)) for each in zip(*keys, strict=True))
        self._specs = dataclasses.replace(self._stack(specs), num_devices=1)  # each lane on one device, with its shards
        self._programs = lanes_program.compile_lanes(config, self._specs, devices)
        self.compile_seconds, self.template = self._programs.compile_seconds, self._programs.lane
        self.memory_bytes = self._programs.memory_bytes
        self._pool = pool or ThreadPoolExecutor(1)
        self.nothing = jax.tree.map(lambda x: x[0], self._programs.nothing)
        self._totals = self._programs.nothing

    def continue_rows(self, totals: Sequence[Totals | None]) -> None:
        each = [self.nothing if one is None else one for one in totals]
        self._totals = jax.tree.map(lambda *rows: np.stack(rows), *self._padded(each))

    def _padded(self, trees: Sequence[PyTree]) -> list[PyTree]:
        return [*trees, *[trees[-1]] * self._num_missing]

    def _stack(self, trees: Sequence[PyTree]) -> PyTree:
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *self._padded(trees))

    def start(self, states: Sequence[PyTree | None]) -> Future[PyTree]:
        def begin() -> PyTree:
            if states[0] is None:  # lanes start together, or from checkpoints of the same age
                return jax.block_until_ready(self._programs.init(self._specs, self._train_keys))
            return jax.device_put(self._stack(states), self._programs.shardings)

        return self._pool.submit(begin)

    def advance(
        self, state: Future[PyTree], chunk: Chunk, active: Sequence[int]
    ) -> tuple[Future[PyTree], tuple[list[int], Future[tuple[PyTree, Outcome]]]]:
        pending = self._pool.submit(self._run, state, chunk)
        return first(pending), (list(active), pending)

    def _run(self, state: Future[PyTree], chunk: Chunk) -> tuple[PyTree, Outcome]:
        now = state.result()
        before, start = self._programs.nothing if chunk.begins else self._totals, time.perf_counter()
        advanced = self._programs.chunk(self._specs, now, np.int32(chunk.num_updates), before)
        after, report = jax.block_until_ready(advanced)
        report = jax.device_get(report)
        self._totals, seconds = report.totals, time.perf_counter() - start
        returns = self._evaluate(after, chunk.updates, chunk.batches) if chunk.batches else None
        params = copied(self._algo.params(after)) if chunk.batches else None
        saved = jax.block_until_ready(self._programs.copy(after)) if chunk.save else None
        return after, Outcome(report, returns, params, saved, seconds)

    def fetch(self, pending: tuple[list[int], Future[tuple[PyTree, Outcome]]]) -> dict[int, Outcome]:
        lanes, future = pending
        host = to_host(future.result()[1])
        return {lane: host._replace(**_of_lane(host, lane)) for lane in lanes}

    def evaluate(self, state: Future[PyTree], lane: int, updates: int, batches: Sequence[int]) -> Array:
        return self._pool.submit(self._evaluate, state.result(), updates, batches).result()[lane]

    def _evaluate(self, state: PyTree, updates: int, batches: Sequence[int]) -> Array:
        """[P, episodes] returns of these batches of all lanes' evaluations."""
        number, keys = np.int32(updates), self._evaluation_keys
        returns = [
            jax.block_until_ready(self._programs.evaluate(self._specs, state, keys, number, np.int32(batch)))
            for batch in batches
        ]
        return jax.block_until_ready(jnp.concatenate(returns, axis=1))

    def lane(self, state: Future[PyTree], lane: int) -> PyTree:
        return self._pool.submit(self._take, state.result(), lane).result()

    def _take(self, state: PyTree, lane: int) -> PyTree:
        return jax.block_until_ready(self._programs.take(state, np.int32(lane)))

    def close(self, wait: bool = True) -> None:
        self._pool.shutdown(wait, cancel_futures=not wait)


def _of_lane(outcome: Outcome, lane: int) -> dict[str, Any]:
    """One lane's part of the fields that are arrays ``[P, ...]``."""
    fields = {name: value for name, value in outcome._asdict().items() if name != "seconds"}
    return jax.tree.map(lambda x: x[lane], fields)
