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

from jaxac.agent import evaluation
from jaxac.algos import ALGOS, Algo, shard
from jaxac.algos.realtime import host
from jaxac.algos.realtime.replay import Replay
from jaxac.algos.realtime.threads import Threads
from jaxac.config.schema import A3CConfig, Config
from jaxac.devices import machine, threefry
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
    memory_bytes: int
    """Of a device, while a chunk runs; 0 where the compiler does not say."""
    close: Callable[[], None]
    """Ends what still runs in the background."""


def keys(seed: int) -> tuple[PRNGKey, PRNGKey]:
    """The keys of a run: for training, and for evaluations (each folds in the number of updates done)."""
    train_key, evaluation_key = jax.random.split(threefry.key(seed))
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
    compiled = _compile(Signature.of(config, spec))
    memory = _memory_bytes(config, compiled.chunk)
    chunk, close = _runtime(config, compiled, log)
    return Program(
        init=compiled.init,
        chunk=chunk,
        evaluate=compiled.evaluate,
        copy=compiled.copy,
        state=compiled.state,
        compile_seconds=time.perf_counter() - start,
        memory_bytes=memory,
        close=close,
    )


class Signature(NamedTuple):
    """What programs are compiled for; equal for runs that differ in numbers only."""

    structure: PyTreeDef
    shapes: tuple[jax.ShapeDtypeStruct, ...]
    episodes: int
    greedy: bool

    @classmethod
    def of(cls, config: Config, spec: Spec) -> "Signature":
        """Of a configuration and its training program, or a stack ``[P, ...]`` of ``P`` that differ in numbers."""
        leaves, structure = jax.tree.flatten(spec)
        shapes = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
        return cls(structure, shapes, config.evaluation.episodes, config.evaluation.greedy)

    @property
    def spec(self) -> Spec:
        """The training program, or the stack, with shapes and dtypes in place of numbers."""
        return jax.tree.unflatten(self.structure, self.shapes)

    def evaluate(self, spec: Spec, state: PyTree, key: PRNGKey) -> Array:
        """As :attr:`Program.evaluate`, not compiled yet."""
        params = ALGOS[spec.algo.name].params(state)
        return evaluation.evaluate(spec, params, key, -(-self.episodes // EVALUATION_BATCHES), self.greedy)


class _Compiled(NamedTuple):
    """What runs that differ in numbers only have in common."""

    init: jax.stages.Compiled
    chunk: jax.stages.Compiled | host.Programs
    evaluate: jax.stages.Compiled
    copy: jax.stages.Compiled
    state: PyTree


@functools.lru_cache(maxsize=8)
def _compile(signature: Signature) -> _Compiled:
    spec, key = signature.spec, key_shape()
    init, state = compile_init(ALGOS[spec.algo.name].init, spec, key)
    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        chunk = pool.submit(_compile_chunk, spec, state)
        others = [jax.jit(signature.evaluate).lower(spec, state, key), jax.jit(copy).lower(state)]
        compiled_evaluate, compiled_copy = pool.map(lambda program: program.compile(), others)
        return _Compiled(init, chunk.result(), compiled_evaluate, compiled_copy, state)


def _compile_chunk(spec: Spec, state: PyTree) -> jax.stages.Compiled | host.Programs:
    """What advances a run."""
    if spec.algo.in_real_time:
        return host.compile_programs(spec, state)

    def chunk(spec: Spec, state: PyTree, num_updates: Array) -> tuple[PyTree, ChunkReport]:
        return run_chunk(ALGOS[spec.algo.name], spec, state, num_updates)

    lives = jax.tree.map(lambda leaf: leaf.sharding, state)  # where it lay, it stays
    program = jax.jit(chunk, donate_argnums=1, out_shardings=(lives, None))
    return program.lower(spec, state, jax.ShapeDtypeStruct((), jnp.int32)).compile()


Chunk = Callable[[Spec, PyTree, int], tuple[PyTree, ChunkReport]]


def _runtime(config: Config, compiled: _Compiled, log: Path | None) -> tuple[Chunk, Callable[[], None]]:
    """What advances this run, and what ends it."""
    algo, advance = config.algo, compiled.chunk
    if isinstance(advance, host.Programs):
        assert isinstance(algo, A3CConfig)
        threads = algo.runtime == "threads"
        runtime = Threads(algo, advance, config.num_updates, log) if threads else Replay(algo, advance)
        return runtime.chunk, runtime.close

    wait = jax.default_backend() == "cpu" and _several_devices(compiled.state)

    def run(spec: Spec, state: PyTree, num_updates: int) -> tuple[PyTree, ChunkReport]:
        result = advance(spec, state, np.int32(num_updates))
        # Several CPU devices share one pool of threads: two chunks under way at once can starve each other for ever.
        return jax.block_until_ready(result) if wait else result

    return run, lambda: None


def _memory_bytes(config: Config, chunk: jax.stages.Compiled | host.Programs) -> int:
    """What it needs of the device's memory; raises ConfigError, before it runs, if that is more than there is."""
    if isinstance(chunk, host.Programs):
        assert isinstance(config.algo, A3CConfig)
        at_once = config.algo.num_shards if config.algo.runtime == "threads" else 1
        needed = at_once * max(needed_bytes(gradient) for gradient in chunk.gradient.values())
    else:
        needed = needed_bytes(chunk)
    available = machine.memory_bytes()
    if needed > available:
        raise ConfigError(
            f"env.num_envs={config.env.num_envs} needs {needed / 1e9:.0f} GB of memory and the device has "
            f"{available / 1e9:.0f}; lower it to about {config.env.num_envs * available // needed}, or lower "
            "algo.unroll_length."
        )
    return needed


def key_shape() -> PRNGKey:
    """The shape and dtype of a run's key."""
    return jax.eval_shape(lambda: keys(0)[0])


def compile_init(init: Callable[..., PyTree], *args: PyTree) -> tuple[jax.stages.Compiled, PyTree]:
    """The compiled ``init``, for arguments of these shapes, and shapes, dtypes and shardings of the state it makes."""
    compiled = jax.jit(init).lower(*args).compile()
    return compiled, jax.tree.map(_struct, jax.eval_shape(init, *args), compiled.output_shardings)


def needed_bytes(program: jax.stages.Compiled) -> int:
    """Of the device's memory, while the program runs; 0 where the compiler does not say."""
    analysis = program.memory_analysis()
    return analysis.temp_size_in_bytes + analysis.argument_size_in_bytes if analysis else 0


def copy(state: PyTree) -> PyTree:
    """A copy of every array, for a program of its own."""
    return jax.tree.map(jnp.copy, state)


def _struct(shape: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)


def _several_devices(state: PyTree) -> bool:
    return len({device for leaf in jax.tree.leaves(state) for device in leaf.sharding.device_set}) > 1
