"""Running a kernel: the grid of its programs, and the part of each array that a program sees."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from jaxac.agent.objective import Terms
from jaxac.types import Array, Episodes, PyTree

TILE = 32
"""The most environments per program: with 64 the compiled kernels' registers no longer suffice."""
WARPS = 4
"""Warps per program."""

Spread = Callable[[Array, int, int], tuple[jax.ShapeDtypeStruct, pl.BlockSpec]]
"""``spread(array, tile, programs)``: the shape of the whole array, and the part that one program sees."""


def whole(x: Array, tile: int, programs: int) -> tuple[jax.ShapeDtypeStruct, pl.BlockSpec]:
    """Every program sees all of an array ``[...]``."""
    del tile, programs
    return jax.ShapeDtypeStruct(x.shape, x.dtype), pl.BlockSpec(x.shape, lambda _: (0,) * x.ndim)


def tile(x: Array, tile: int, programs: int) -> tuple[jax.ShapeDtypeStruct, pl.BlockSpec]:
    """Every program sees its own tile of an array ``[..., B]``."""
    del programs
    block = pl.BlockSpec((*x.shape[:-1], tile), lambda program: (*(0,) * (x.ndim - 1), program))
    return jax.ShapeDtypeStruct(x.shape, x.dtype), block


def row(x: Array, tile: int, programs: int) -> tuple[jax.ShapeDtypeStruct, pl.BlockSpec]:
    """Every program has its own row ``[...]`` of an array ``[programs, ...]``."""
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
        kernel: a function of references, ``kernel(inputs, *outputs)``.
        num_envs: ``B``, the number of environments.
        inputs: pairs of a spread over the programs and a pytree of arrays.
        outputs: pairs of a spread over the programs and a pytree of shapes; for :func:`row`, of one program's shapes.

    Returns:
        The outputs as arrays.
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
    """The largest power of two, up to ``TILE``, that divides the number of environments."""
    return min(TILE, num_envs & -num_envs)


def _interpreted() -> bool:
    """True if JAX interprets the kernels, because there is no GPU to compile them for."""
    return jax.default_backend() == "cpu"


def read(refs: PyTree, index: Array | None = None) -> PyTree:
    """The arrays ``[...]`` behind references, or their rows at ``index []``."""
    return jax.tree.map(lambda ref: ref[...] if index is None else ref[index], refs)


def write(refs: PyTree, values: PyTree) -> None:
    """Replaces the arrays behind references by ``values``."""

    def write(ref: Array, value: Array) -> None:
        ref[...] = value

    jax.tree.map(write, refs, values)


def zeros(fields: type[Episodes | Terms]) -> PyTree:
    """A named tuple of scalars ``[]``, all 0."""
    return fields(*(jnp.float32(0) for _ in fields._fields))
