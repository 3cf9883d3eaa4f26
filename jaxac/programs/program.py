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
from jaxac.devices import machine, threefry
from jaxac.errors import ConfigError
from jaxac.programs import runtimes
from jaxac.programs.runtimes import Advance
from jaxac.spec import Spec
from jaxac.types import Array, PRNGKey, PyTree

EVALUATION_BATCHES = 4
"""Batches of episodes of the final evaluation; those along the way take one."""


class Program(NamedTuple):
    """A run's programs, compiled ahead of time: calling them cannot trace or compile anything."""

    init: Callable[[Spec, PRNGKey], PyTree]
    chunk: Advance
    """``chunk(spec, state, num_updates)``; ``state`` is donated. Any number of updates runs in the same program."""
    evaluate: Callable[[Spec, PyTree, PRNGKey], Array]
    """``evaluate(spec, state, key)``: the returns of a batch of ``evaluation.episodes / 4`` episodes, rounded up."""
    copy: Callable[[PyTree], PyTree]
    state: PyTree
    """Shapes, dtypes and shardings of the state."""
    compile_seconds: float
    memory_bytes: int
    """Bytes of one device's memory while a chunk runs; 0 where the compiler does not say."""
    close: Callable[[], None]
    """Ends what still runs in the background."""


class Signature(NamedTuple):
    """What programs are compiled for; equal for runs that differ in numbers only."""

    structure: PyTreeDef
    shapes: tuple[jax.ShapeDtypeStruct, ...]
    episodes: int
    greedy: bool

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
    """What runs that differ in numbers only have in common."""

    init: jax.stages.Compiled
    chunk: Any
    """What the run's runtime compiles."""
    evaluate: jax.stages.Compiled
    copy: jax.stages.Compiled
    state: PyTree


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
    compiled, runtime = compile_shared(Signature.of(config, spec)), runtimes.of(config.algo)
    needed = runtime.needed_bytes(compiled.chunk, config.algo.num_shards)
    _check_memory(config, needed)
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
    )


@functools.lru_cache(maxsize=8)
def compile_shared(signature: Signature) -> _Compiled:
    """The part of a program that all runs of this signature share."""
    spec, key = signature.spec, key_shape()
    init, state = compile_init(ALGOS[spec.algo.name].init, spec, key)
    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        chunk = pool.submit(runtimes.of(spec.algo).compile, spec, state)
        others = [jax.jit(evaluation_of(signature)).lower(spec, state, key), jax.jit(copy).lower(state)]
        compiled_evaluate, compiled_copy = pool.map(lambda program: program.compile(), others)
        return _Compiled(init, chunk.result(), compiled_evaluate, compiled_copy, state)


def _check_memory(config: Config, needed: int) -> None:
    """Raises ConfigError, before anything runs, if a chunk needs more bytes than a device has."""
    available = machine.memory_bytes()
    if needed > available:
        raise ConfigError(
            f"env.num_envs={config.env.num_envs} needs {needed / 1e9:.0f} GB of memory and the device has "
            f"{available / 1e9:.0f}; lower it to about {config.env.num_envs * available // needed}, or lower "
            "algo.unroll_length."
        )


def evaluation_of(signature: Signature) -> Callable[[Spec, PyTree, PRNGKey], Array]:
    """:attr:`Program.evaluate`, not compiled yet."""
    num_episodes = -(-signature.episodes // EVALUATION_BATCHES)

    def evaluate(spec: Spec, state: PyTree, key: PRNGKey) -> Array:
        return evaluation.evaluate(spec, ALGOS[spec.algo.name].params(state), key, num_episodes, signature.greedy)

    return evaluate


def evaluate_batches(
    compiled: Program, spec: Spec, state: PyTree, key: PRNGKey, updates: int, batches: Iterable[int]
) -> Array:
    """[episodes] the returns of these of the four batches of the evaluation after ``updates`` updates."""
    key = jax.random.fold_in(key, updates)
    return jnp.concatenate([compiled.evaluate(spec, state, jax.random.fold_in(key, batch)) for batch in batches])


def keys(seed: int) -> tuple[PRNGKey, PRNGKey]:
    """The keys of a run: for training, and for evaluations (each folds in the number of updates done)."""
    train_key, evaluation_key = jax.random.split(threefry.key(seed))
    return train_key, evaluation_key


def key_shape() -> PRNGKey:
    """The shape and dtype of a run's key."""
    return jax.eval_shape(lambda: keys(0)[0])


def compile_init(init: Callable[..., PyTree], *args: PyTree) -> tuple[jax.stages.Compiled, PyTree]:
    """The compiled ``init``, for arguments of these shapes, and shapes, dtypes and shardings of the state it makes."""
    compiled = jax.jit(init).lower(*args).compile()
    return compiled, jax.tree.map(_struct, jax.eval_shape(init, *args), compiled.output_shardings)


def copy(state: PyTree) -> PyTree:
    """A copy of every array, for a program of its own."""
    return jax.tree.map(jnp.copy, state)


def _struct(shape: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)
