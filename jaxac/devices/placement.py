"""Where work lives: over the devices there are; what shares a device is mapped there.

Shards of an algorithm and lanes of a sweep alike. An accelerator does all that it is given at once (``vmap``). A CPU's
core does one after the other: each then stays in the core's cache, which makes it two to three times as fast.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxac.types import PyTree

AXIS = "shard"
_alone: ContextVar[bool] = ContextVar("_alone", default=False)
"""Whether what is being traced will have one device to itself."""


def num_devices(num_shards: int) -> int:
    """The most devices over which the shards divide evenly."""
    available = 1 if _alone.get() else jax.local_device_count()
    return max(count for count in range(1, available + 1) if num_shards % count == 0)


@functools.cache
def mesh(num_shards: int) -> Mesh:
    """One axis, ``shard``, over :func:`num_devices` devices."""
    return jax.make_mesh((num_devices(num_shards),), (AXIS,), axis_types=(AxisType.Auto,))


def map_shards(
    function: Callable[..., PyTree], num_shards: int, in_axes: tuple[int | None, ...]
) -> Callable[..., PyTree]:
    """Maps over ``K`` shards, spread over devices.

    Args:
        function: of one shard.
        in_axes: 0 for an argument with a leading axis ``K``, None for one that all shards share.

    Returns:
        A function whose results have a leading axis ``K``.
    """
    devices = num_devices(num_shards)
    one_by_one = jax.default_backend() == "cpu" and num_shards > devices
    return _spread((_one_by_one if one_by_one else jax.vmap)(function, in_axes), num_shards, in_axes)


def map_blocks(
    function: Callable[..., PyTree], num_blocks: int, in_axes: tuple[int | None, ...]
) -> Callable[..., PyTree]:
    """Maps over the blocks of one shard, where the shard is; arguments as of :func:`map_shards`."""
    return (_one_by_one if num_blocks > 1 else jax.vmap)(function, in_axes)


def map_lanes(
    function: Callable[..., PyTree], num_lanes: int, in_axes: tuple[int | None, ...], in_turn: bool = False
) -> Callable[..., PyTree]:
    """``vmap`` over ``P`` lanes, spread over devices; each keeps all of its shards on one device.

    Args:
        in_turn: on a CPU, lane after lane. For what factorizes matrices: of a batch of them XLA makes tasks for the
            threads that run the devices' programs, which then wait for each other for ever.
    """

    def alone(*args: PyTree) -> PyTree:
        token = _alone.set(True)
        try:
            return function(*args)
        finally:
            _alone.reset(token)

    if in_turn and jax.default_backend() == "cpu":
        return _spread(_one_by_one(alone, in_axes, batch_size=None), num_lanes, in_axes)
    return _spread(jax.vmap(alone, in_axes), num_lanes, in_axes)


def _spread(mapped: Callable[..., PyTree], number: int, in_axes: tuple[int | None, ...]) -> Callable[..., PyTree]:
    if num_devices(number) == 1:
        return mapped
    specs = tuple(PartitionSpec() if axis is None else PartitionSpec(AXIS) for axis in in_axes)
    return jax.shard_map(mapped, mesh=mesh(number), in_specs=specs, out_specs=PartitionSpec(AXIS), check_vma=False)


def _one_by_one(
    function: Callable[..., PyTree], in_axes: tuple[int | None, ...], batch_size: int | None = 1
) -> Callable[..., PyTree]:
    """``vmap``'s result, computed for one index after the other.

    In batches of one, not without a batch axis: XLA has faster matrix products for those.
    """

    def one_by_one(*args: PyTree) -> PyTree:
        mapped = [arg for arg, axis in zip(args, in_axes, strict=True) if axis == 0]

        def of_one(row: list[PyTree]) -> PyTree:
            rows = iter(row)
            return function(*[next(rows) if axis == 0 else arg for arg, axis in zip(args, in_axes, strict=True)])

        return jax.lax.map(of_one, mapped, batch_size=batch_size)

    return one_by_one


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
