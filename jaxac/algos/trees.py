"""Operations on whole pytrees along their leading axis."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, PyTree


def take(tree: PyTree, index: Array | int) -> PyTree:
    """The rows of ``tree [N, ...]`` at ``index``: one row ``[...]`` for an index ``[]``, ``M`` for an index ``[M]``."""
    return jax.tree.map(lambda x: x[index], tree)


def put(tree: PyTree, index: Array, rows: PyTree) -> PyTree:
    """``tree [N, ...]`` with the rows at ``index [M]`` replaced by ``rows [M, ...]``; or one, at an index ``[]``."""
    return jax.tree.map(lambda x, row: x.at[index].set(row), tree, rows)


def where(mask: Array, new: PyTree, old: PyTree) -> PyTree:
    """The rows of ``new`` where ``mask [N]`` is true, else of ``old [N, ...]``; ``new`` may be ``[1, ...]``."""
    return jax.tree.map(lambda x, y: jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - 1)), x, y), new, old)


def parts(tree: PyTree, number: int) -> PyTree:
    """The tree ``[number · N, ...]`` cut into ``number`` parts, ``[number, N, ...]``."""
    return jax.tree.map(lambda x: x.reshape(number, -1, *x.shape[1:]), tree)


def mean(tree: PyTree) -> PyTree:
    """The mean over the leading axis, ``[N, ...] -> [...]``."""
    return jax.tree.map(lambda x: jnp.mean(x, axis=0), tree)


def total(tree: PyTree) -> PyTree:
    """The sum over the leading axis, ``[N, ...] -> [...]``."""
    return jax.tree.map(lambda x: jnp.sum(x, axis=0), tree)


def copies(tree: PyTree, number: int) -> PyTree:
    """``number`` copies of ``tree [...]``, ``[number, ...]``."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x[None], (number, *x.shape)), tree)
