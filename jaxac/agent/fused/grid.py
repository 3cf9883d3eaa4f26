"""How a kernel is run: which program of the grid sees which part of an array."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from jaxac.agent.objective import Terms
from jaxac.types import Array, Episodes, PyTree

TILE = 32
"""Environments of a program at most. By the compiled kernels' registers: with 64 they no longer fit."""
WARPS = 4
"""Of a program."""

Spread = Callable[[Array, int, int], tuple[jax.ShapeDtypeStruct, pl.BlockSpec]]
"""``(array, tile, programs)`` to the whole array's shape, and the part that one program sees."""


def whole(x: Array, tile: int, programs: int) -> tuple[jax.ShapeDtypeStruct, pl.BlockSpec]:
    """Every program sees all of it."""
    del tile, programs
    return jax.ShapeDtypeStruct(x.shape, x.dtype), pl.BlockSpec(x.shape, lambda _: (0,) * x.ndim)


def tile(x: Array, tile: int, programs: int) -> tuple[jax.ShapeDtypeStruct, pl.BlockSpec]:
    """[..., B], of which a program has a tile."""
    del programs
    block = pl.BlockSpec((*x.shape[:-1], tile), lambda program: (*(0,) * (x.ndim - 1), program))
    return jax.ShapeDtypeStruct(x.shape, x.dtype), block


def row(x: Array, tile: int, programs: int) -> tuple[jax.ShapeDtypeStruct, pl.BlockSpec]:
    """Every program has one such array: [programs, ...] in all."""
    del tile
    block = pl.BlockSpec((None, *x.shape), lambda program: (program, *(0,) * x.ndim))
    return jax.ShapeDtypeStruct((programs, *x.shape), x.dtype), block


def call(
    kernel: Callable[..., None],
    num_envs: int,
    inputs: Sequence[tuple[Spread, PyTree]],
    outputs: Sequence[tuple[Spread, PyTree]],
) -> PyTree:
    """Runs a kernel for every tile of the environments.

    Args:
        kernel: of references: ``kernel(inputs, *outputs)``.
        inputs: how each is spread over the programs, and what it is: a pytree of arrays.
        outputs: the same, of shapes; for :func:`row` of one program's.
    """
    tile = _tile_size(num_envs)
    programs = num_envs // tile

    def over(sides: Sequence[tuple[Spread, PyTree]], part: int) -> list[PyTree]:
        return [jax.tree.map(lambda x, s=s: s(x, tile, programs)[part], tree) for s, tree in sides]

    return pl.pallas_call(
        kernel,
        grid=(programs,),
        in_specs=[over(inputs, 1)],
        out_shape=over(outputs, 0),
        out_specs=over(outputs, 1),
        interpret=_interpreted(),
        compiler_params=triton.CompilerParams(num_warps=WARPS, num_stages=1),
    )([tree for _, tree in inputs])


def _tile_size(num_envs: int) -> int:
    """The largest power of two, up to ``TILE``, that divides them."""
    return min(TILE, num_envs & -num_envs)


def _interpreted() -> bool:
    """Whether JAX executes the kernels, for there is nothing to compile them for."""
    return jax.default_backend() == "cpu"


def read(refs: PyTree, index: Array | None = None) -> PyTree:
    """What they refer to, or its part at ``index``."""
    return jax.tree.map(lambda ref: ref[...] if index is None else ref[index], refs)


def write(refs: PyTree, values: PyTree) -> None:
    """Replaces what they refer to."""

    def write(ref: Array, value: Array) -> None:
        ref[...] = value

    jax.tree.map(write, refs, values)


def zeros(fields: type[Episodes | Terms]) -> PyTree:
    """A named tuple of scalars, all 0."""
    return fields(*(jnp.float32(0) for _ in fields._fields))
