"""The compiled programs of several lanes: those of a single run, mapped over a leading axis."""

import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxac.algos import ALGOS, shard
from jaxac.config.schema import Config
from jaxac.devices import machine, placement
from jaxac.errors import ConfigError
from jaxac.programs import program, runtimes
from jaxac.programs.chunk import nothing, run_chunk
from jaxac.programs.program import Signature
from jaxac.reports import Totals
from jaxac.spec import Spec
from jaxac.types import Array, PRNGKey, PyTree


class LanesProgram(NamedTuple):
    """A :class:`~jaxac.programs.program.Program` of ``P`` lanes, whose arguments and results have an axis ``P``."""

    init: Callable[[Spec, PRNGKey], PyTree]
    """``init(specs, keys)``: the lanes' initial states ``[P, ...]``."""
    chunk: jax.stages.Compiled
    """``chunk(specs, state, num_updates, before)``: the states ``[P, ...]`` and a ``ChunkReport``; ``state`` is
    donated, ``before`` are the totals ``[P, ...]`` of the rows' chunks before."""
    nothing: Totals
    """[P, ...] totals of rows that have just begun, on the host."""
    evaluate: Callable[[Spec, PyTree, PRNGKey, np.int32, np.int32], Array]
    """``evaluate(specs, state, keys, updates, batch)``: returns ``[P, episodes / 4]``, rounded up."""
    copy: Callable[[PyTree], PyTree]
    """``copy(state)``: a copy of every array."""
    take: Callable[[PyTree, np.int32], PyTree]
    """``take(state, lane)``: a copy of one lane's state."""
    shardings: PyTree
    """Shardings of the states."""
    lane: PyTree
    """Shapes and dtypes of one lane's state."""
    compile_seconds: float
    """Seconds that compilation took."""
    memory_bytes: int
    """Bytes of one device's memory while a chunk runs; 0 where the compiler does not say."""


def compile_lanes(config: Config, specs: Spec, num_devices: int) -> LanesProgram:
    """Compiles everything that the runs of a stack of training programs will call.

    Args:
        config: the configuration of the first lane.
        specs: the training programs, stacked: numbers are ``[P, ...]``.
        num_devices: the devices that the lanes are spread over.

    Raises:
        ConfigError: if so many lanes need more memory than the devices have.
    """
    start = time.perf_counter()
    shard.kernels(specs)  # raises before anything is compiled
    signature = Signature.of(config, specs)
    lanes = compile_shared(signature, num_devices)
    _check_memory(lanes.memory_bytes, _num_lanes(signature))
    return lanes._replace(compile_seconds=time.perf_counter() - start)


@functools.lru_cache(maxsize=8)
def compile_shared(signature: Signature, num_devices: int) -> LanesProgram:
    """The programs that all stacks of this signature share; compiled once per process."""
    specs, num_lanes = signature.spec, _num_lanes(signature)
    algo = ALGOS[specs.algo.name]
    train_keys = jax.ShapeDtypeStruct((num_lanes,), program.key_shape().dtype)
    number = jax.ShapeDtypeStruct((), jnp.int32)
    evaluation = program.evaluation_of(signature)

    def evaluate(spec: Spec, state: PyTree, key: PRNGKey, updates: Array, batch: Array) -> Array:
        key = jax.random.fold_in(jax.random.fold_in(key, updates), batch)
        return evaluation(spec, state, key)

    def mapped(function: Callable[..., PyTree], *in_axes: int | None) -> Callable[..., PyTree]:
        return placement.map_lanes(function, num_lanes, in_axes, num_devices)

    in_turn = placement.map_lanes(algo.init, num_lanes, (0, 0), num_devices, in_turn=True)
    init, state = program.compile_init(in_turn, specs, train_keys)
    shardings = init.output_shardings
    chunk = jax.jit(
        mapped(functools.partial(run_chunk, algo), 0, 0, None, 0), donate_argnums=1, out_shardings=(shardings, None)
    )
    begin = jax.eval_shape(jax.vmap(functools.partial(nothing, algo)), specs, state)
    lowered = [
        chunk.lower(specs, state, number, begin),
        jax.jit(mapped(evaluate, 0, 0, 0, None, None)).lower(specs, state, train_keys, number, number),
        jax.jit(program.copy).lower(state),
        jax.jit(lambda state, lane: jax.tree.map(lambda x: x[lane], state)).lower(state, number),
    ]
    with ThreadPoolExecutor() as pool:  # the compiler releases the interpreter lock
        advance, evaluates, copy, take = pool.map(lambda each: each.compile(), lowered)
    lane = jax.eval_shape(lambda state: jax.tree.map(lambda x: x[0], state), state)
    memory = runtimes.needed_bytes(advance)
    begin = runtimes.on_host(begin)
    return LanesProgram(init, advance, begin, evaluates, copy, take, shardings, lane, 0.0, memory)


def _num_lanes(signature: Signature) -> int:
    return len(signature.shapes[0])


def _check_memory(needed: int, num_lanes: int) -> None:
    available = machine.memory_bytes()
    if needed > available:
        raise ConfigError(
            f"{num_lanes} lanes need {needed / 1e9:.1f} GB of memory and the device has {available / 1e9:.1f}: about "
            f"{num_lanes * available // needed} fit; set hydra.launcher.max_lanes (or num_seeds) to that, or lower "
            "env.num_envs."
        )
