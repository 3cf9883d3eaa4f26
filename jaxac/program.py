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

from jaxac import evaluation, machine, prng
from jaxac.algos import ALGOS, Algo, placement, realtime, shard
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
    close: Callable[[], None]
    """Ends what still runs in the background."""


def keys(seed: int) -> tuple[PRNGKey, PRNGKey]:
    """The keys of a run: for training, and for evaluations (each folds in the number of updates done)."""
    train_key, evaluation_key = jax.random.split(prng.key(seed))
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
    shard.kernels(spec)  # what they cannot do is said before anything is compiled
    leaves, structure = jax.tree.flatten(spec)
    shapes = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
    compiled = _compile(structure, shapes, config.evaluation.episodes, config.evaluation.greedy)
    chunk, close = _runtime(config, compiled, log)
    return Program(
        init=compiled.init,
        chunk=chunk,
        evaluate=compiled.evaluate,
        copy=compiled.copy,
        state=compiled.state,
        compile_seconds=time.perf_counter() - start,
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

    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        chunk = pool.submit(_compile_chunk, spec, state)
        others = [jax.jit(evaluate).lower(spec, state, key), jax.jit(_copy).lower(state)]
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


def _runtime(config: Config, compiled: _Compiled, log: Path | None) -> tuple[Chunk, Callable[[], None]]:
    """What advances this run, and what ends it."""
    algo, advance = config.algo, compiled.chunk
    if isinstance(advance, realtime.Programs):
        assert isinstance(algo, A3CConfig)
        threads = algo.runtime == "threads"
        _check_memory(config, *advance.gradient.values(), copies=algo.num_shards if threads else 1)
        runtime = Threads(algo, advance, config.num_updates, log) if threads else Replay(algo, advance)
        return runtime.chunk, runtime.close

    _check_memory(config, advance)
    wait = jax.default_backend() == "cpu" and _several_devices(compiled.state)

    def run(spec: Spec, state: PyTree, num_updates: int) -> tuple[PyTree, ChunkReport]:
        result = advance(spec, state, np.int32(num_updates))
        # Several CPU devices share one pool of threads: two chunks under way at once can starve each other for ever.
        return jax.block_until_ready(result) if wait else result

    return run, lambda: None


class LanesProgram(NamedTuple):
    """As :class:`Program`, of ``P`` lanes at once: every argument and result but a number has a leading axis ``P``."""

    init: Callable[[Spec, PRNGKey], PyTree]
    chunk: jax.stages.Compiled
    """``chunk(specs, state, num_updates)``: the state, donated, and a ``ChunkReport``."""
    evaluate: Callable[[Spec, PyTree, PRNGKey, np.int32, np.int32], Array]
    """``evaluate(specs, state, keys, updates, batch)``: ``[P, episodes / 4]``."""
    copy: Callable[[PyTree], PyTree]
    take: Callable[[PyTree, np.int32], PyTree]
    """``take(state, lane)``: a copy of one lane's state."""
    shardings: PyTree
    lane: PyTree
    """Shapes and dtypes of one lane's state."""
    compile_seconds: float


def compile_lanes(config: Config, specs: Spec) -> LanesProgram:
    """As :func:`compile_program`, for the stacked training programs ``specs [P, ...]``.

    Raises:
        ConfigError: if so many lanes need more memory than the devices have.
    """
    start = time.perf_counter()
    leaves, structure = jax.tree.flatten(specs)
    shapes = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
    lanes = _compile_lanes(structure, shapes, config.evaluation.episodes, config.evaluation.greedy)
    _check_lanes_memory(lanes.chunk, len(leaves[0]))
    return lanes._replace(compile_seconds=time.perf_counter() - start)


@functools.lru_cache(maxsize=8)
def _compile_lanes(
    structure: PyTreeDef, shapes: tuple[jax.ShapeDtypeStruct, ...], episodes: int, greedy: bool
) -> LanesProgram:
    specs: Spec = jax.tree.unflatten(structure, shapes)
    algo, num_lanes = ALGOS[specs.algo.name], len(shapes[0])
    key = jax.eval_shape(lambda: keys(0)[0])
    train_keys = jax.ShapeDtypeStruct((num_lanes,), key.dtype)
    number = jax.ShapeDtypeStruct((), jnp.int32)

    def evaluate(spec: Spec, state: PyTree, key: PRNGKey, updates: Array, batch: Array) -> Array:
        key = jax.random.fold_in(jax.random.fold_in(key, updates), batch)
        return evaluation.evaluate(spec, algo.params(state), key, -(-episodes // EVALUATION_BATCHES), greedy)

    def mapped(function: Callable[..., PyTree], *in_axes: int | None) -> Callable[..., PyTree]:
        return placement.map_lanes(function, num_lanes, in_axes)

    init = jax.jit(mapped(algo.init, 0, 0)).lower(specs, train_keys).compile()
    shardings = init.output_shardings
    state = jax.tree.map(_struct, jax.eval_shape(mapped(algo.init, 0, 0), specs, train_keys), shardings)
    chunk = jax.jit(
        mapped(functools.partial(run_chunk, algo), 0, 0, None), donate_argnums=1, out_shardings=(shardings, None)
    )
    lowered = [
        chunk.lower(specs, state, number),
        jax.jit(mapped(evaluate, 0, 0, 0, None, None)).lower(specs, state, train_keys, number, number),
        jax.jit(_copy).lower(state),
        jax.jit(lambda state, lane: jax.tree.map(lambda x: x[lane], state)).lower(state, number),
    ]
    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        advance, evaluates, copy, take = pool.map(lambda program: program.compile(), lowered)
    lane = jax.eval_shape(lambda state: jax.tree.map(lambda x: x[0], state), state)
    return LanesProgram(init, advance, evaluates, copy, take, shardings, lane, compile_seconds=0.0)


def _check_lanes_memory(chunk: jax.stages.Compiled, num_lanes: int) -> None:
    analysis, available = chunk.memory_analysis(), machine.memory_bytes()
    needed = analysis.temp_size_in_bytes + analysis.argument_size_in_bytes if analysis else 0
    if needed > available:
        raise ConfigError(
            f"{num_lanes} lanes need {needed / 1e9:.1f} GB of memory and the device has {available / 1e9:.1f}: about "
            f"{num_lanes * available // needed} fit; set hydra.launcher.max_lanes (or num_seeds) to that, or lower "
            "env.num_envs."
        )


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


def _copy(state: PyTree) -> PyTree:
    return jax.tree.map(jnp.copy, state)


def _several_devices(state: PyTree) -> bool:
    return len({device for leaf in jax.tree.leaves(state) for device in leaf.sharding.device_set}) > 1
