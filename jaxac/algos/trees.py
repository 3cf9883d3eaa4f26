"""Whole pytrees along their leading axis."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, PyTree


def take(tree: PyTree, index: Array | int) -> PyTree:
    """``tree [N, ...]`` at ``index``: one row, or as many as ``index`` has."""
    return jax.tree.map(lambda x: x[index], tree)


def put(tree: PyTree, index: Array, rows: PyTree) -> PyTree:
    """``tree [N, ...]`` with ``rows`` at ``index``."""
    return jax.tree.map(lambda x, row: x.at[index].set(row), tree, rows)


def where(mask: Array, new: PyTree, old: PyTree) -> PyTree:
    """``mask [N]``, row by row; ``new [N, ...]`` may have a leading axis of 1."""
    return jax.tree.map(lambda x, y: jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - 1)), x, y), new, old)


def parts(tree: PyTree, number: int) -> PyTree:
    """``[number · N, ...] -> [number, N, ...]``"""
    return jax.tree.map(lambda x: x.reshape(number, -1, *x.shape[1:]), tree)


def mean(tree: PyTree) -> PyTree:
    """``[N, ...] -> [...]``."""
    return jax.tree.map(lambda x: jnp.mean(x, axis=0), tree)


def total(tree: PyTree) -> PyTree:
    """``[N, ...] -> [...]``, added up."""
    return jax.tree.map(lambda x: jnp.sum(x, axis=0), tree)


def copies(tree: PyTree, number: int) -> PyTree:
    """``[number, ...]``, all equal."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x[None], (number, *x.shape)), tree)
