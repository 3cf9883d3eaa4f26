"""The runtimes that advance a run: one compiled loop, A3C's threads, the same with Ray, or a replay; an entry each."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxac import spec as spec_module
from jaxac.algos import ALGOS
from jaxac.algos.realtime import calls, cluster
from jaxac.algos.realtime.pool import Pool
from jaxac.algos.realtime.replay import Replay
from jaxac.algos.realtime.threads import Threads
from jaxac.config.algos import A2CConfig, A3CConfig
from jaxac.config.schema import Config
from jaxac.devices import placement
from jaxac.programs.chunk import nothing, run_chunk
from jaxac.reports import ChunkReport, Totals
from jaxac.spec import Spec
from jaxac.types import PyTree

Advance = Callable[..., tuple[PyTree, ChunkReport]]
"""``advance(spec, state, num_updates, before=None) -> (state, report)``; ``state`` is donated. ``before`` are the
totals of the row's chunks before; None begins a row."""


class Advancing(NamedTuple):
    """One run's own part of a runtime."""

    advance: Advance
    """``advance(spec, state, num_updates, before=None) -> (state, report)``."""
    close: Callable[[], None]
    """Ends what still runs in the background."""


class Loop(NamedTuple):
    """The compiled loop over updates."""

    program: jax.stages.Compiled
    """``program(spec, state, num_updates, before) -> (state, report)``."""
    nothing: Totals
    """Totals of a row that has just begun, on the host."""


class Runtime(NamedTuple):
    """One way to advance runs."""

    compile: Callable[[Spec, PyTree], Any]
    """``compile(spec, state) -> compiled``, for these shapes; runs that differ in numbers only share the result."""
    needed_bytes: Callable[[Any, int], int]
    """``needed_bytes(compiled, num_shards)``: bytes of one device's memory while a chunk runs; 0 where unknown."""
    start: Callable[[Config, Any, PyTree, Path | None], Advancing]
    """``start(config, compiled, state, log)``: one run's own part; A3C's threads write their events to ``log``."""


def of(algo: A2CConfig | A3CConfig) -> Runtime:
    """The runtime that an algorithm's settings choose; A2C has only the compiled one."""
    return RUNTIMES[algo.runtime if isinstance(algo, A3CConfig) else "compiled"]


def compile_loop(spec: Spec, state: PyTree) -> Loop:
    """Compiles :func:`jaxac.programs.chunk.run_chunk`; every leaf of the state keeps its sharding."""
    shardings, algo = jax.tree.map(lambda leaf: leaf.sharding, state), ALGOS[spec.algo.name]
    begin = jax.eval_shape(functools.partial(nothing, algo), spec, state)
    program = jax.jit(
        functools.partial(run_chunk, algo), donate_argnums=1, out_shardings=(shardings, placement.everywhere())
    )
    compiled = program.lower(spec, state, jax.ShapeDtypeStruct((), jnp.int32), begin).compile()
    return Loop(compiled, on_host(begin))


def on_host(shapes: PyTree) -> PyTree:
    """Zeros of these shapes, on the host."""
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)


def needed_bytes(program: jax.stages.Compiled) -> int:
    """Bytes of one device's memory while the program runs; 0 where the compiler does not say."""
    analysis = program.memory_analysis()
    return analysis.temp_size_in_bytes + analysis.argument_size_in_bytes if analysis else 0


def _start_loop(config: Config, loop: Loop, state: PyTree, log: Path | None) -> Advancing:
    del config, log
    devices = {device for leaf in jax.tree.leaves(state) for device in leaf.sharding.device_set}
    # Several CPU devices share one pool of threads: two chunks at once can starve each other for ever.
    wait = jax.default_backend() == "cpu" and len(devices) > 1

    def advance(
        spec: Spec, state: PyTree, num_updates: int, before: Totals | None = None
    ) -> tuple[PyTree, ChunkReport]:
        result = loop.program(spec, state, np.int32(num_updates), before or loop.nothing)
        return jax.block_until_ready(result) if wait else result

    return Advancing(advance, lambda: None)


def _start_threads(config: Config, programs: calls.Programs, state: PyTree, log: Path | None) -> Advancing:
    del state
    assert isinstance(config.algo, A3CConfig)
    threads = Threads(config.algo, programs, config.num_updates, log)
    return Advancing(threads.chunk, threads.close)


def _start_ray(config: Config, programs: calls.Programs, state: PyTree, log: Path | None) -> Advancing:
    assert isinstance(config.algo, A3CConfig)
    count = cluster.num_learners(config.algo)
    learners = Pool(spec_module.make(config), state, count, config.compilation_cache)
    threads = Threads(config.algo, programs, config.num_updates, log, learners)
    return Advancing(threads.chunk, threads.close)


def _start_replay(config: Config, programs: calls.Programs, state: PyTree, log: Path | None) -> Advancing:
    del state, log
    assert isinstance(config.algo, A3CConfig)
    return Advancing(Replay(config.algo, programs).chunk, lambda: None)


def _gradient_bytes(programs: calls.Programs) -> int:
    return max(needed_bytes(gradient) for gradient in programs.gradient.values())


RUNTIMES = {
    "compiled": Runtime(compile_loop, lambda loop, _: needed_bytes(loop.program), _start_loop),
    "threads": Runtime(calls.compile_programs, lambda each, shards: shards * _gradient_bytes(each), _start_threads),
    "ray": Runtime(functools.partial(calls.compile_programs, computes=False), lambda *_: 0, _start_ray),
    "replay": Runtime(calls.compile_programs, lambda each, _: _gradient_bytes(each), _start_replay),
}
