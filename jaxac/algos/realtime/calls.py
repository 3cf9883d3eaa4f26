"""The compiled calls of A3C in real time: one shard's gradient, one gradient's arrival, the lag."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac.algos import a3c, arrival, shard
from jaxac.algos.arrival import Round, Wave
from jaxac.algos.shard import Gradient
from jaxac.spec import Spec
from jaxac.types import ActorState, Params, PyTree


class Programs(NamedTuple):
    """The compiled calls of shards and server, made ahead of time so that no thread compiles."""

    gradient: dict[jax.Device, jax.stages.Compiled]
    """:func:`jaxac.algos.shard.gradient`, by the device that computes it; empty if other processes do."""
    push: Callable[..., Any]
    """:func:`jaxac.algos.arrival.push`, on the server's device."""
    lag: Callable[..., Any]
    """:func:`jaxac.algos.a3c.lag`."""
    layout: a3c.State
    """The shapes and shardings of a training state."""


def compile_programs(spec: Spec, layout: a3c.State, computes: bool = True) -> Programs:
    """Compiles the calls of shards and server.

    Args:
        spec: the training program, or its shapes.
        layout: shapes and shardings of the training state.
        computes: compile the gradient for the devices of this process.
    """
    devices = jax.local_devices()[: spec.algo.num_shards] if computes else []
    home = jax.local_devices()[0]
    params, _ = of_a_shard(layout)
    number, everyone = _array(jnp.int32), _array(jnp.bool, spec.algo.num_shards)
    delays = _array(jnp.int32, spec.algo.num_shards)
    wave = Wave(Gradient(params.network, params.moments), params, number)
    lowered = [
        _lower(arrival.push, home, spec, Round(everyone, delays), layout.ledger, number, wave),
        jax.jit(a3c.lag).lower(spec, layout),
        *(lower_gradient(spec, layout, device) for device in devices),
    ]
    with ThreadPoolExecutor() as pool:
        push, lag, *gradients = pool.map(lambda program: program.compile(), lowered)
    return Programs(dict(zip(devices, gradients, strict=True)), push, lag, layout)


def lower_gradient(spec: Spec, layout: a3c.State, device: jax.Device) -> jax.stages.Lowered:
    """:func:`jaxac.algos.shard.gradient` of any shard, to be compiled for ``device``; its first argument is what
    :func:`jaxac.algos.shard.of_shard` makes.
    """
    return _lower(shard.gradient, device, shard.of_shard(spec, 0), *of_a_shard(layout))


def of_a_shard(layout: a3c.State) -> tuple[Params, ActorState]:
    """The shapes of one shard's snapshot and of its blocks of environments ``[N, ...]``."""
    return jax.tree.map(lambda x: _array(x.dtype, *x.shape[1:]), (layout.snapshots, layout.actors))


def _lower(function: Callable[..., Any], device: jax.Device, *args: PyTree) -> jax.stages.Lowered:
    return jax.jit(function).lower(*_on(device, args))


def _array(dtype: Any, *shape: int) -> Any:
    return jax.ShapeDtypeStruct(shape, dtype)


def _on(device: jax.Device, tree: PyTree) -> PyTree:
    sharding = jax.sharding.SingleDeviceSharding(device)
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)
