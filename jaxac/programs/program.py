"""The compiled programs of a run: initialize, advance a chunk of updates, evaluate, copy."""

import functools
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import PyTreeDef

from jaxac.agent import evaluation
from jaxac.algos import ALGOS, shard
from jaxac.config.schema import Config
from jaxac.devices import machine, placement, threefry
from jaxac.errors import ConfigError
from jaxac.programs import runtimes
from jaxac.programs.runtimes import Advance
from jaxac.reports import Totals
from jaxac.spec import Spec
from jaxac.types import Array, PRNGKey, PyTree

EVALUATION_BATCHES = 4
"""Number of batches of episodes in the final evaluation; an evaluation along the way takes one."""


class Program(NamedTuple):
    """A run's programs, compiled ahead of time: calling them cannot trace or compile anything."""

    init: Callable[[Spec, PRNGKey], PyTree]
    """``init(spec, key)``: the initial training state."""
    chunk: Advance
    """``chunk(spec, state, num_updates, before=None)``; ``state`` is donated, ``before`` are the totals of the row's
    chunks before. Any number of updates runs in the same program."""
    evaluate: Callable[[Spec, PyTree, PRNGKey], Array]
    """``evaluate(spec, state, key)``: the returns ``[episodes / 4]``, rounded up, of a batch of episodes."""
    copy: Callable[[PyTree], PyTree]
    """``copy(state)``: a copy of every array, which of several processes each has whole."""
    state: PyTree
    """Shapes, dtypes and shardings of the state."""
    compile_seconds: float
    """Seconds that compilation took."""
    memory_bytes: int
    """Bytes of one device's memory while a chunk runs; 0 where the compiler does not say."""
    close: Callable[[], None]
    """Ends what still runs in the background."""
    nothing: Totals | None
    """Totals of a row that has just begun, on the host; None if the runtime keeps them itself."""


class Signature(NamedTuple):
    """The key of a compiled program: equal for runs that differ in numbers only."""

    structure: PyTreeDef
    """The training program without its numbers: its sizes and choices."""
    shapes: tuple[jax.ShapeDtypeStruct, ...]
    """Shapes and dtypes of its numbers."""
    episodes: int
    """``evaluation.episodes``."""
    greedy: bool
    """``evaluation.greedy``."""

    @classmethod
    def of(cls, config: Config, spec: Spec) -> "Signature":
        """The signature of a configuration and its training program, or of a stack ``[P, ...]`` of programs."""
        leaves, structure = jax.tree.flatten(spec)
        shapes = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
        return cls(structure, shapes, config.evaluation.episodes, config.evaluation.greedy)

    @property
    def spec(self) -> Spec:
        """The training program, or the stack, with shapes and dtypes in place of numbers."""
        return jax.tree.unflatten(self.structure, self.shapes)


class _Compiled(NamedTuple):
    """The compiled programs that runs share if they differ in numbers only."""

    init: jax.stages.Compiled
    chunk: Any
    """The chunk as its runtime compiles it."""
    evaluate: jax.stages.Compiled
    copy: jax.stages.Compiled
    state: PyTree


def compile_program(config: Config, spec: Spec, log: Path | None = None) -> Program:
    """Compiles everything that a run will call; runs that differ in numbers only share one compilation per process.

    Args:
        config: the run's configuration.
        spec: its training program.
        log: the file for the events of A3C's threads; None for no log.

    Raises:
        ConfigError: if it needs more memory than the device has, an event log cannot be replayed, or the work does not
            spread over the devices of all processes.
    """
    start = time.perf_counter()
    shard.kernels(spec)  # raises before anything is compiled
    _check_spread(spec)
    compiled, runtime = compile_shared(Signature.of(config, spec)), runtimes.of(config.algo)
    needed = runtime.needed_bytes(compiled.chunk, config.algo.num_shards)
    _check_memory(needed, "env.num_envs", config.env.num_envs, "algo.unroll_length")
    episodes = config.evaluation.episodes
    _check_memory(runtimes.needed_bytes(compiled.evaluate), "evaluation.episodes", episodes, "network.hidden_sizes")
    advancing = runtime.start(config, compiled.chunk, compiled.state, log)
    return Program(
        init=compiled.init,
        chunk=advancing.advance,
        evaluate=compiled.evaluate,
        copy=compiled.copy,
        state=compiled.state,
        compile_seconds=time.perf_counter() - start,
        memory_bytes=needed,
        close=advancing.close,
        nothing=getattr(compiled.chunk, "nothing", None),
    )


@functools.lru_cache(maxsize=8)
def compile_shared(signature: Signature) -> _Compiled:
    """The programs that all runs of this signature share; compiled once per process."""
    spec, key = signature.spec, key_shape()
    init, state = compile_init(ALGOS[spec.algo.name].init, spec, key)
    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        chunk = pool.submit(runtimes.of(spec.algo).compile, spec, state)
        whole = placement.everywhere()
        others = [
            jax.jit(evaluation_of(signature), out_shardings=whole).lower(spec, state, key),
            jax.jit(copy, out_shardings=whole).lower(state),
        ]
        compiled_evaluate, compiled_copy = pool.map(lambda program: program.compile(), others)
        return _Compiled(init, chunk.result(), compiled_evaluate, compiled_copy, state)


def _check_memory(needed: int, setting: str, value: int, besides: str) -> None:
    """Raises ConfigError, before anything runs, if a program needs more bytes than a device has."""
    available = machine.memory_bytes()
    if needed > available:
        raise ConfigError(
            f"{setting}={value} needs {needed / 1e9:.0f} GB of memory and the device has {available / 1e9:.0f}; lower "
            f"it to about {max(1, value * available // needed)}, or lower {besides}."
        )


def _check_spread(spec: Spec) -> None:
    """Raises ConfigError if some of several processes would have no part in the work."""
    processes, devices, place = jax.process_count(), jax.device_count(), ALGOS[spec.algo.name].placed(spec)
    if processes == 1 or place.num_devices == devices:
        return
    if place.count % devices == 0:
        raise ConfigError(
            f"algo.max_staleness={getattr(spec.algo, 'max_staleness', None)} has few shards compute at a time, on one "
            f"device, and there are {processes} processes: choose algo.above_max_staleness=drop, or train in one "
            "process."
        )
    pieces = "1 piece of work, which does" if place.count == 1 else f"{place.count} pieces of work, which do"
    raise ConfigError(
        f"algo.num_shards={spec.algo.num_shards} makes {pieces} not spread evenly over the {devices} devices of "
        f"{processes} processes; give a multiple of {devices}."
    )


def evaluation_of(signature: Signature) -> Callable[[Spec, PyTree, PRNGKey], Array]:
    """The function ``evaluate(spec, state, key)`` that gives returns ``[episodes / 4]``, before compilation."""
    num_episodes = -(-signature.episodes // EVALUATION_BATCHES)

    def evaluate(spec: Spec, state: PyTree, key: PRNGKey) -> Array:
        return evaluation.evaluate(spec, ALGOS[spec.algo.name].params(state), key, num_episodes, signature.greedy)

    return evaluate


def evaluate_batches(
    compiled: Program, spec: Spec, state: PyTree, key: PRNGKey, updates: int, batches: Iterable[int]
) -> Array:
    """[episodes] returns of some batches of the evaluation after ``updates`` updates.

    Args:
        compiled: the run's programs.
        spec: its training program.
        state: its training state.
        key: [] the run's key for evaluations.
        updates: updates done.
        batches: numbers of the batches, below ``EVALUATION_BATCHES``.
    """
    key = jax.random.fold_in(key, updates)
    return jnp.concatenate([compiled.evaluate(spec, state, jax.random.fold_in(key, batch)) for batch in batches])


def keys(seed: int) -> tuple[PRNGKey, PRNGKey]:
    """The keys ``[]`` of a run: one for training, one for evaluations (each folds in the number of updates done)."""
    train_key, evaluation_key = jax.random.split(threefry.key(seed))
    return train_key, evaluation_key


def key_shape() -> PRNGKey:
    """The shape and dtype of a run's key."""
    return jax.eval_shape(lambda: keys(0)[0])


def compile_init(init: Callable[..., PyTree], *args: PyTree) -> tuple[jax.stages.Compiled, PyTree]:
    """Compiles ``init`` for arguments of these shapes.

    Returns:
        The compiled function, and the shapes, dtypes and shardings of the state that it makes.
    """
    traced = jax.jit(init).trace(*args)
    compiled = traced.lower().compile()
    return compiled, jax.tree.map(_struct, traced.out_info, compiled.output_shardings)


def copy(state: PyTree) -> PyTree:
    """A copy of every array of a training state."""
    return jax.tree.map(jnp.copy, state)


def _struct(shape: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)
