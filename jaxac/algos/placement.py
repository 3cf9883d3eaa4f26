"""Where shards live: ``K`` shards over the devices there are, ``vmap`` for those that share a device."""

import functools
from collections.abc import Callable

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxac.types import PyTree

AXIS = "shard"


def num_devices(num_shards: int) -> int:
    """The most devices over which the shards divide evenly."""
    available = jax.local_device_count()
    return max(count for count in range(1, available + 1) if num_shards % count == 0)


@functools.cache
def mesh(num_shards: int) -> Mesh:
    """One axis, ``shard``, over :func:`num_devices` devices."""
    return jax.make_mesh((num_devices(num_shards),), (AXIS,), axis_types=(AxisType.Auto,))


def map_shards(
    function: Callable[..., PyTree], num_shards: int, in_axes: tuple[int | None, ...]
) -> Callable[..., PyTree]:
    """``vmap`` over ``K`` shards, spread over devices.

    Args:
        function: of one shard.
        in_axes: 0 for an argument with a leading axis ``K``, None for one that all shards share.

    Returns:
        A function whose results have a leading axis ``K``.
    """
    mapped = jax.vmap(function, in_axes)
    if num_devices(num_shards) == 1:
        return mapped
    specs = tuple(PartitionSpec() if axis is None else PartitionSpec(AXIS) for axis in in_axes)
    return jax.shard_map(mapped, mesh=mesh(num_shards), in_specs=specs, out_specs=PartitionSpec(AXIS), check_vma=False)


def shared(tree: PyTree, num_shards: int) -> PyTree:
    """``tree`` with a copy on every device."""
    return _constrain(tree, num_shards, PartitionSpec())


def sharded(tree: PyTree, num_shards: int) -> PyTree:
    """``tree [K, ...]`` spread over the devices."""
    return _constrain(tree, num_shards, PartitionSpec(AXIS))


def _constrain(tree: PyTree, num_shards: int, spec: PartitionSpec) -> PyTree:
    if num_devices(num_shards) == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh(num_shards), spec))
