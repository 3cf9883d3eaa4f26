"""The compiled programs of a run: initialize, advance a chunk of updates, evaluate, copy."""

import functools
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import PyTreeDef

from jaxac import evaluation, machine
from jaxac.algos import ALGOS, Algo, placement, realtime
from jaxac.algos.replay import Replay
from jaxac.algos.threads import Threads
from jaxac.config import A3CConfig, Config
from jaxac.errors import ConfigError
from jaxac.spec import Spec
from jaxac.types import Array, ChunkReport, PRNGKey, PyTree, Report

EVALUATION_BATCHES = 4
"""The final evaluation takes so many batches of episodes, those along the way one."""


class Program(NamedTuple):
    """Compiled ahead of time, once: calling them cannot trace or compile anything."""

    init: Callable[[Spec, PRNGKey], PyTree]
    chunk: Callable[[Spec, PyTree, int], tuple[PyTree, ChunkReport]]
    """``chunk(spec, state, num_updates)``; ``state`` is donated. Any number of updates runs in the same program."""
    evaluate: Callable[[Spec, PyTree, PRNGKey], Array]
    """``evaluate(spec, state, key)``: the returns of a batch of ``evaluation.episodes / 4`` episodes, rounded up."""
    copy: Callable[[PyTree], PyTree]
    state: PyTree
    """Shapes, dtypes and shardings of the state."""
    compile_seconds: float
    blocks: bool
    """Whether ``chunk`` returns only when it is done, so that there is nothing to dispatch ahead."""
    close: Callable[[], None]
    """Ends what still runs in the background."""


def keys(seed: int) -> tuple[PRNGKey, PRNGKey]:
    """The keys of a run: for training, and for evaluations (each folds in the number of updates done)."""
    train_key, evaluation_key = jax.random.split(jax.random.key(seed))
    return train_key, evaluation_key


def evaluate_batches(
    compiled: Program, spec: Spec, state: PyTree, key: PRNGKey, updates: int, batches: Iterable[int]
) -> Array:
    """[episodes] the returns of these of the four batches of the evaluation after ``updates`` updates."""
    key = jax.random.fold_in(key, updates)
    return jnp.concatenate([compiled.evaluate(spec, state, jax.random.fold_in(key, batch)) for batch in batches])


def run_chunk(algo: Algo, spec: Spec, state: PyTree, num_updates: Array) -> tuple[PyTree, ChunkReport]:
    """``num_updates`` updates in one loop, whose trip count is data: chunks of any length share a program."""
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(algo.update, spec, state)[1])

    def body(_: Array, carry: tuple[PyTree, Report]) -> tuple[PyTree, Report]:
        state, totals = carry
        state, report = algo.update(spec, state)
        return state, jax.tree.map(jnp.add, totals, report)

    state, sums = jax.lax.fori_loop(0, num_updates, body, (state, zeros))
    finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves((algo.params(state), sums.metrics))]
    means = jax.tree.map(lambda x: x / num_updates, sums.metrics)
    return state, ChunkReport(
        means,
        sums.episodes,
        sums.asynchrony,
        algo.lag(spec, state),
        waiting=None,
        finite=jnp.all(jnp.stack(finite)),
    )


def compile_program(config: Config, spec: Spec, log: Path | None = None) -> Program:
    """Traces and compiles everything the run will call, unless this process has done so for a run that differs in
    numbers only.

    Args:
        log: where A3C's threads write their events; None for nowhere.

    Raises:
        ConfigError: if it needs more memory than the device has, or an event log cannot be replayed.
    """
    start = time.perf_counter()
    leaves, structure = jax.tree.flatten(spec)
    shapes = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
    compiled = _compile(structure, shapes, config.evaluation.episodes, config.evaluation.greedy)
    chunk, blocks, close = _runtime(config, compiled, log)
    return Program(
        init=compiled.init,
        chunk=chunk,
        evaluate=compiled.evaluate,
        copy=compiled.copy,
        state=compiled.state,
        compile_seconds=time.perf_counter() - start,
        blocks=blocks,
        close=close,
    )


class _Compiled(NamedTuple):
    """What runs that differ in numbers only have in common."""

    init: jax.stages.Compiled
    chunk: jax.stages.Compiled | realtime.Programs
    evaluate: jax.stages.Compiled
    copy: jax.stages.Compiled
    state: PyTree


@functools.lru_cache(maxsize=8)
def _compile(structure: PyTreeDef, shapes: tuple[jax.ShapeDtypeStruct, ...], episodes: int, greedy: bool) -> _Compiled:
    spec: Spec = jax.tree.unflatten(structure, shapes)
    algo, key = ALGOS[spec.algo.name], jax.eval_shape(lambda: keys(0)[0])
    init = jax.jit(algo.init).lower(spec, key).compile()
    state = jax.tree.map(_struct, jax.eval_shape(algo.init, spec, key), init.output_shardings)

    def evaluate(spec: Spec, state: PyTree, key: PRNGKey) -> Array:
        return evaluation.evaluate(spec, algo.params(state), key, -(-episodes // EVALUATION_BATCHES), greedy)

    def copy(state: PyTree) -> PyTree:
        return jax.tree.map(jnp.copy, state)

    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        chunk = pool.submit(_compile_chunk, spec, state)
        others = [jax.jit(evaluate).lower(spec, state, key), jax.jit(copy).lower(state)]
        compiled_evaluate, compiled_copy = pool.map(lambda program: program.compile(), others)
        return _Compiled(init, chunk.result(), compiled_evaluate, compiled_copy, state)


def _compile_chunk(spec: Spec, state: PyTree) -> jax.stages.Compiled | realtime.Programs:
    """What advances a run."""
    if spec.algo.in_real_time:
        return realtime.compile_programs(spec, state)

    def chunk(spec: Spec, state: PyTree, num_updates: Array) -> tuple[PyTree, ChunkReport]:
        return run_chunk(ALGOS[spec.algo.name], spec, state, num_updates)

    lives = jax.tree.map(lambda leaf: leaf.sharding, state)  # where it lay, it stays
    program = jax.jit(chunk, donate_argnums=1, out_shardings=(lives, None))
    return program.lower(spec, state, jax.ShapeDtypeStruct((), jnp.int32)).compile()


Chunk = Callable[[Spec, PyTree, int], tuple[PyTree, ChunkReport]]


def _runtime(config: Config, compiled: _Compiled, log: Path | None) -> tuple[Chunk, bool, Callable[[], None]]:
    """What advances this run, whether that blocks, and what ends it."""
    algo, advance = config.algo, compiled.chunk
    if isinstance(advance, realtime.Programs):
        assert isinstance(algo, A3CConfig)
        threads = algo.runtime == "threads"
        _check_memory(config, *advance.gradient.values(), copies=algo.num_shards if threads else 1)
        runtime = Threads(algo, advance, config.num_updates, log) if threads else Replay(algo, advance)
        return runtime.chunk, True, runtime.close

    _check_memory(config, advance)
    wait = jax.default_backend() == "cpu" and placement.num_devices(algo.num_shards) > 1

    def run(spec: Spec, state: PyTree, num_updates: int) -> tuple[PyTree, ChunkReport]:
        result = advance(spec, state, np.int32(num_updates))
        # Several CPU devices share one pool of threads: two chunks under way at once can starve each other for ever.
        return jax.block_until_ready(result) if wait else result

    return run, wait, lambda: None


def _check_memory(config: Config, *programs: jax.stages.Compiled, copies: int = 1) -> None:
    """Raises ConfigError if a program cannot fit into the device's memory, so many times at once, before it runs."""
    available = machine.memory_bytes()
    for program in programs:
        analysis = program.memory_analysis()
        needed = copies * (analysis.temp_size_in_bytes + analysis.argument_size_in_bytes) if analysis else 0
        if needed > available:
            raise ConfigError(
                f"env.num_envs={config.env.num_envs} needs {needed / 1e9:.0f} GB of memory and the device has "
                f"{available / 1e9:.0f}; lower it to about {config.env.num_envs * available // needed}, or lower "
                "algo.unroll_length."
            )


def _struct(shape: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)
