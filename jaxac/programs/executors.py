"""Executors advance the lanes of one program on the devices: runs that differ in numbers only, side by side.

* :class:`Pooled` runs the very program of a single run, lane after lane, on every core of a CPU at once. A lane is
  therefore its single run, bit for bit, and what it works on stays in its core's cache.
* :class:`Vmapped` runs all lanes in one call, as an accelerator wants it; sums may come out in another order.

A single run is one lane.
"""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.programs import lanes_program, program
from jaxac.programs.program import Program
from jaxac.spec import Spec
from jaxac.storage import serialization
from jaxac.types import Array, ChunkReport, Params, PyTree


class Chunk(NamedTuple):
    """What every lane is to do next."""

    num_updates: int
    updates: int
    """Updates done at its end, since the run began."""
    batches: tuple[int, ...]
    """Batches of the evaluation at its end; empty for none."""
    save: bool
    """Whether the state at its end is wanted."""


class Outcome(NamedTuple):
    """What a chunk brought."""

    report: ChunkReport
    returns: Array | np.ndarray | None
    """[episodes] of the evaluation; None without one."""
    params: Params | None
    """The parameters that were evaluated, on the host; None without an evaluation."""
    saved: Any
    """The state as host arrays by path; None if it was not wanted."""


S = TypeVar("S")
"""Lanes' states, as an executor holds them."""
F = TypeVar("F")
"""A chunk under way, as an executor holds it."""


class Executor(Protocol[S, F]):
    """Advances ``P`` lanes; ``state`` is what an implementation makes of theirs, and is used once."""

    compile_seconds: float
    memory_bytes: int
    """Bytes of one device's memory while all run that run at once."""
    template: PyTree
    """Shapes, dtypes and shardings of one lane's state."""

    def start(self, states: Sequence[PyTree | None]) -> S:
        """The lanes' states; those that are None are initialized."""

    def advance(self, state: S, chunk: Chunk, active: Sequence[int]) -> tuple[S, F]:
        """Starts a chunk of these lanes; the second result is for :meth:`fetch`."""

    def fetch(self, pending: F) -> dict[int, Outcome]:
        """Waits for a chunk; the outcomes by lane, on the host."""

    def evaluate(self, state: S, lane: int, updates: int, batches: Sequence[int]) -> Array:
        """[episodes] the returns of these batches of a lane's evaluation."""

    def lane(self, state: S, lane: int) -> PyTree:
        """The state of one lane."""

    def close(self) -> None:
        """Ends what still runs in the background."""


class Pooled:
    """Every lane runs by itself the program of a single run.

    Args:
        compiled: the program of the first lane; the others differ in numbers only.
        specs: the lanes' training programs.
        seeds: the lanes' seeds.
        workers: lanes that run at once.
    """

    def __init__(self, compiled: Program, specs: Sequence[Spec], seeds: Sequence[int], workers: int = 1) -> None:
        self._program, self._specs = compiled, specs
        self._keys = [program.keys(seed) for seed in seeds]
        self._pool = ThreadPoolExecutor(workers)
        self.compile_seconds, self.template = compiled.compile_seconds, compiled.state
        self.memory_bytes = compiled.memory_bytes * min(workers, len(specs))

    def start(self, states: Sequence[PyTree | None]) -> list[Future[PyTree]]:
        def begin(lane: int, state: PyTree | None) -> PyTree:
            return self._program.init(self._specs[lane], self._keys[lane][0]) if state is None else state

        return [self._pool.submit(begin, lane, state) for lane, state in enumerate(states)]

    def advance(
        self, state: list[Future[PyTree]], chunk: Chunk, active: Sequence[int]
    ) -> tuple[list[Future[PyTree]], dict[int, Future[tuple[PyTree, Outcome]]]]:
        pending = {lane: self._pool.submit(self._run, lane, state[lane], chunk) for lane in active}
        after = [_first(pending[lane]) if lane in pending else state[lane] for lane in range(len(state))]
        return after, pending

    def _run(self, lane: int, state: Future[PyTree], chunk: Chunk) -> tuple[PyTree, Outcome]:
        """All that a lane does, in one go: the next chunk reuses the state's memory."""
        after, report = self._program.chunk(self._specs[lane], state.result(), chunk.num_updates)
        returns = self._evaluate(after, lane, chunk.updates, chunk.batches) if chunk.batches else None
        saved = self._program.copy(after) if chunk.save else None
        jax.block_until_ready((after, report, returns, saved))
        params = _copied(ALGOS[self._specs[lane].algo.name].params(after)) if chunk.batches else None
        return after, Outcome(report, returns, params, saved)

    def fetch(self, pending: dict[int, Future[tuple[PyTree, Outcome]]]) -> dict[int, Outcome]:
        return {lane: _to_host(future.result()[1]) for lane, future in pending.items()}

    def evaluate(self, state: list[Future[PyTree]], lane: int, updates: int, batches: Sequence[int]) -> Array:
        return self._evaluate(state[lane].result(), lane, updates, batches)

    def _evaluate(self, state: PyTree, lane: int, updates: int, batches: Sequence[int]) -> Array:
        key = self._keys[lane][1]
        return program.evaluate_batches(self._program, self._specs[lane], state, key, updates, batches)

    def lane(self, state: list[Future[PyTree]], lane: int) -> PyTree:
        return state[lane].result()

    def close(self) -> None:
        self._program.close()
        self._pool.shutdown()


class Vmapped:
    """All lanes run in one call, spread over the devices there are.

    One program at a time, in a thread: of two under way on several CPU devices each can wait for the other for ever.

    Args:
        config: the configuration of the first lane; the others differ in numbers only.
        specs: the lanes' training programs.
        seeds: the lanes' seeds.
        size: at least the number of lanes; those that are missing repeat the last, so that a smaller batch of lanes
            needs no program of its own.

    Raises:
        ConfigError: if so many lanes need more memory than the device has.
    """

    def __init__(self, config: Config, specs: Sequence[Spec], seeds: Sequence[int], size: int) -> None:
        devices = jax.local_device_count()
        self._num_missing = -(-size // devices) * devices - len(specs)
        self._algo = ALGOS[config.algo.name]
        keys = [program.keys(seed) for seed in seeds]
        self._train_keys, self._evaluation_keys = (self._stack(list(each)) for each in zip(*keys, strict=True))
        self._specs = dataclasses.replace(self._stack(specs), num_devices=1)  # each lane on one device, with its shards
        self._programs = lanes_program.compile_lanes(config, self._specs)
        self.compile_seconds, self.template = self._programs.compile_seconds, self._programs.lane
        self.memory_bytes = self._programs.memory_bytes
        self._pool = ThreadPoolExecutor(1)

    def _stack(self, trees: Sequence[PyTree]) -> PyTree:
        padded = [*trees, *[trees[-1]] * self._num_missing]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *padded)

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
        return _first(pending), (list(active), pending)

    def _run(self, state: Future[PyTree], chunk: Chunk) -> tuple[PyTree, Outcome]:
        advanced = self._programs.chunk(self._specs, state.result(), np.int32(chunk.num_updates))
        after, report = jax.block_until_ready(advanced)
        returns = self._evaluate(after, chunk.updates, chunk.batches) if chunk.batches else None
        params = _copied(self._algo.params(after)) if chunk.batches else None
        saved = jax.block_until_ready(self._programs.copy(after)) if chunk.save else None
        return after, Outcome(report, returns, params, saved)

    def fetch(self, pending: tuple[list[int], Future[tuple[PyTree, Outcome]]]) -> dict[int, Outcome]:
        lanes, future = pending
        host = _to_host(future.result()[1])
        return {lane: jax.tree.map(lambda x, lane=lane: x[lane], host) for lane in lanes}

    def evaluate(self, state: Future[PyTree], lane: int, updates: int, batches: Sequence[int]) -> Array:
        return self._pool.submit(self._evaluate, state.result(), updates, batches).result()[lane]

    def _evaluate(self, state: PyTree, updates: int, batches: Sequence[int]) -> Array:
        """[P, episodes]"""
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

    def close(self) -> None:
        self._pool.shutdown()


def _first(future: Future[tuple[PyTree, Outcome]]) -> Future[PyTree]:
    """A future of the first of two."""
    first: Future[PyTree] = Future()

    def pass_on(done: Future[tuple[PyTree, Outcome]]) -> None:
        error = done.exception()
        first.set_exception(error) if error else first.set_result(done.result()[0])

    future.add_done_callback(pass_on)
    return first


def _copied(params: Params) -> Params:
    """The parameters on the host, in memory of their own: the device's is used again by the next chunk."""
    return jax.tree.map(np.array, params)


def _to_host(outcome: Outcome) -> Outcome:
    saved = None if outcome.saved is None else serialization.to_host(outcome.saved)
    return Outcome(jax.device_get(outcome.report), jax.device_get(outcome.returns), outcome.params, saved)
