"""Placement of work: its spread over devices, and the order of the pieces that share a device.

A piece of work is a shard of an algorithm, a block of a shard or a lane of a sweep. An accelerator computes all of its
pieces at once (``vmap``). A core of a CPU computes one after the other: each then stays in the core's cache, which
makes it two to three times as fast.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

from jaxac.types import PyTree

AXIS = "shard"
"""Name of the axis over which work is spread."""
Axes = tuple[int | None, ...]
"""Axes of arguments: 0 for a leading axis with one row per call, None for an argument that all calls share."""


@dataclass(frozen=True)
class Placement:
    """``count`` pieces of work over ``num_devices`` devices, the same number on each. Made by :func:`over`."""

    count: int
    """Number of pieces."""
    num_devices: int
    """Number of devices, a divisor of ``count``."""

    def map(self, function: Callable[..., PyTree], in_axes: Axes) -> Callable[..., PyTree]:
        """Turns a function of one piece into a function of all, whose results are ``[count, ...]``."""
        one_by_one = jax.default_backend() == "cpu" and self.count > self.num_devices
        return _spread((_one_by_one if one_by_one else jax.vmap)(function, in_axes), self, in_axes)

    def replicated(self, tree: PyTree) -> PyTree:
        """``tree`` with a copy on every device."""
        return _constrain(tree, self, PartitionSpec())

    def gathered(self, tree: PyTree) -> PyTree:
        """``tree [count, ...]``, whose rows are spread over the devices, with a copy on every device.

        Between processes the leaves of a dtype travel together: a message costs more there than what is in it.
        """
        if self.num_devices == 1 or jax.process_count() == 1:
            return self.replicated(tree)
        leaves, structure = jax.tree.flatten(tree)
        whole = list(leaves)
        for dtype in dict.fromkeys(leaf.dtype for leaf in leaves):
            mine = [index for index, leaf in enumerate(leaves) if leaf.dtype == dtype]
            rows = [leaves[index].reshape(self.count, -1) for index in mine]
            ends = np.cumsum([row.shape[1] for row in rows])[:-1].tolist()
            together = self.replicated(self.split(jnp.concatenate(rows, axis=1)))
            for index, part in zip(mine, jnp.split(together, ends, axis=1), strict=True):
                whole[index] = part.reshape(leaves[index].shape)
        return jax.tree.unflatten(structure, whole)

    def split(self, tree: PyTree) -> PyTree:
        """``tree [count, ...]`` with its rows spread over the devices."""
        return _constrain(tree, self, PartitionSpec(AXIS))


def over(num_devices: int, count: int) -> Placement:
    """The placement of ``count`` pieces on as many of ``num_devices`` devices as divide them evenly.

    >>> over(num_devices=4, count=6).num_devices
    3
    """
    return Placement(count, max(size for size in range(1, num_devices + 1) if count % size == 0))


def everywhere() -> Sharding | None:
    """The sharding of what every process is to have whole; None in a single process, where the compiler may choose."""
    if jax.process_count() == 1:
        return None
    return NamedSharding(_mesh(jax.device_count()), PartitionSpec())


def put(value: np.ndarray, sharding: Sharding) -> jax.Array:
    """A host's array ``[...]``, the same in all processes, on devices of several processes.

    JAX's own ``device_put`` would compare the values of all processes, by a collective for each array.
    """
    return jax.make_array_from_callback(value.shape, sharding, lambda index: value[index])


def at_home(tree: PyTree) -> PyTree:
    """A tree that every process has whole, on a device of this process alone, for programs of its own."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def map_lanes(
    function: Callable[..., PyTree], num_lanes: int, in_axes: Axes, num_devices: int, in_turn: bool = False
) -> Callable[..., PyTree]:
    """``vmap`` over ``P`` lanes, spread over devices.

    Args:
        function: a function of one lane.
        num_lanes: ``P``, the number of lanes.
        in_axes: 0 for an argument ``[P, ...]``, None for one that all lanes share.
        num_devices: the devices of this process that they are spread over, if these divide ``P``.
        in_turn: on a CPU, compute lane after lane. Functions that factorize matrices need this: XLA turns a batch of
            factorizations into tasks for the threads that run the devices' programs, which then wait for each other
            for ever.
    """
    in_turn = in_turn and jax.default_backend() == "cpu"
    mapped = _one_by_one(function, in_axes, batch_size=None) if in_turn else jax.vmap(function, in_axes)
    return _spread(mapped, over(num_devices, num_lanes), in_axes)


def _spread(mapped: Callable[..., PyTree], place: Placement, in_axes: Axes) -> Callable[..., PyTree]:
    if place.num_devices == 1:
        return mapped
    specs = tuple(PartitionSpec() if axis is None else PartitionSpec(AXIS) for axis in in_axes)
    mesh = _mesh(place.num_devices)
    return jax.shard_map(mapped, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(AXIS), check_vma=False)


def _constrain(tree: PyTree, place: Placement, spec: PartitionSpec) -> PyTree:
    if place.num_devices == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(_mesh(place.num_devices), spec))


@functools.cache
def _mesh(num_devices: int) -> Mesh:
    """A mesh of one axis, ``AXIS``."""
    return jax.make_mesh((num_devices,), (AXIS,), axis_types=(AxisType.Auto,))


def _one_by_one(function: Callable[..., PyTree], in_axes: Axes, batch_size: int | None = 1) -> Callable[..., PyTree]:
    """``vmap``'s result, computed for one index after the other.

    Each index is a batch of one rather than without a batch axis, for which XLA has slower matrix products.
    """

    def one_by_one(*args: PyTree) -> PyTree:
        rows = [arg for arg, axis in zip(args, in_axes, strict=True) if axis == 0]
        return jax.lax.map(functools.partial(_one, function, in_axes, args), rows, batch_size=batch_size)

    return one_by_one


def _one(function: Callable[..., PyTree], in_axes: Axes, args: Sequence[PyTree], row: Sequence[PyTree]) -> PyTree:
    """Calls ``function`` with one row of the arguments that have rows, and the arguments that all calls share."""
    rows = iter(row)
    return function(*[next(rows) if axis == 0 else arg for arg, axis in zip(args, in_axes, strict=True)])
