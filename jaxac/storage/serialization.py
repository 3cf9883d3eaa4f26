"""Pytrees of arrays as bytes and back, bit for bit, and digests of them."""

import hashlib
import re
from typing import Any

import jax
import numpy as np
from flax import serialization

from jaxac.devices import placement
from jaxac.errors import ConfigError
from jaxac.reports import Totals
from jaxac.types import Moments, Params, PyTree


def _is_key(x: jax.Array) -> bool:
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _bits(leaf: jax.Array) -> jax.Array:
    """A leaf ``[...]`` itself; of typed keys their bits ``[..., 2]``."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _implementation(keys: jax.Array) -> Any:
    """The implementation of ``keys [...]`` or of their shapes: an environment of the user's own may keep JAX's."""
    found: list[Any] = []
    jax.eval_shape(lambda keys: found.append(jax.random.key_impl(keys)), keys)
    return found[0]


def to_host(tree: PyTree) -> dict[str, np.ndarray]:
    """The leaves as NumPy arrays by path, of unchanged shapes ``[...]``; typed keys as their bits ``[..., 2]``."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(_bits(leaf)) for path, leaf in leaves}


class Leaves:
    """Trees of one structure as lists of NumPy arrays and back, to be sent to another process.

    Args:
        template: such a tree, or its shapes.
    """

    def __init__(self, template: PyTree) -> None:
        leaves, self._structure = jax.tree.flatten(template)
        self._implementations = [_implementation(leaf) if _is_key(leaf) else None for leaf in leaves]

    def to_host(self, tree: PyTree) -> list[np.ndarray]:
        """The leaves as NumPy arrays of unchanged shapes ``[...]``; typed keys as their bits ``[..., 2]``."""
        return jax.device_get([_bits(leaf) for leaf in jax.tree.leaves(tree)])

    def restore(self, leaves: list[Any]) -> PyTree:
        """The inverse of :meth:`to_host`; all but the keys are still NumPy arrays."""
        pairs = zip(leaves, self._implementations, strict=True)
        keyed = [leaf if impl is None else jax.random.wrap_key_data(leaf, impl=impl) for leaf, impl in pairs]
        return jax.tree.unflatten(self._structure, keyed)


def pack(tree: PyTree) -> bytes:
    """A tree as msgpack."""
    return pack_host(to_host(tree))


def pack_host(arrays: dict[str, np.ndarray]) -> bytes:
    """The result of :func:`to_host`, arrays ``[...]`` by path, as msgpack."""
    return serialization.msgpack_serialize(arrays)


_ADDED = {"counted": 1}
"""Fields that training states of version 0.1 lack, with the values that stand for what those states did."""


def unpack(template: PyTree, content: bytes) -> PyTree:
    """Restores a tree from msgpack; the inverse of :func:`pack`.

    Args:
        template: shapes, dtypes and shardings of the same tree; its typed keys tell which leaves are keys.
        content: the bytes that :func:`pack` made.

    Raises:
        ConfigError: if the trees differ in structure, shapes or dtypes.
    """
    stored = serialization.msgpack_restore(content)
    leaves, treedef = jax.tree_util.tree_flatten_with_path(template)

    def restore(path: str, leaf: jax.Array) -> jax.Array:
        expected = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
        value = stored.get(path)
        if value is None and (added := _ADDED.get(path.rpartition(".")[2])) is not None:
            value = np.full(expected.shape, added, expected.dtype)
        if value is None or value.shape != expected.shape or value.dtype != expected.dtype:
            raise ConfigError(
                f"resume: the checkpoint does not fit this program at {path}; resume with the version that wrote it."
            )
        return _put(value, leaf)

    return jax.tree.unflatten(treedef, [restore(jax.tree_util.keystr(path), leaf) for path, leaf in leaves])


def _put(value: np.ndarray, leaf: jax.Array) -> jax.Array:
    """A leaf's bits ``[...]`` as an array or as keys, placed like ``leaf``, a shape that may have a sharding."""
    far = leaf.sharding is not None and not leaf.sharding.is_fully_addressable
    bits: Any = placement.put(value, leaf.sharding) if far else value
    found = jax.random.wrap_key_data(bits, impl=_implementation(leaf)) if _is_key(leaf) else bits
    return found if far else jax.device_put(found, leaf.sharding)


def totals_to_host(totals: Totals) -> dict[str, np.ndarray]:
    """The totals of a row that was left in the middle as NumPy arrays by path, to be packed with a state."""
    return {_ROW + path: value for path, value in to_host(totals).items()}


def unpack_totals(nothing: Totals, content: bytes) -> Totals | None:
    """The totals of a row that a packed state was left in the middle of; None if it was at a row's end.

    Args:
        nothing: totals of the same shapes, on the host.
        content: the bytes that :func:`pack_host` made.

    Raises:
        ConfigError: if the totals differ in structure or shapes.
    """
    if _ROW.encode() not in content:
        return None
    stored = serialization.msgpack_restore(content)
    leaves, treedef = jax.tree_util.tree_flatten_with_path(nothing)
    found = [stored.get(_ROW + jax.tree_util.keystr(path)) for path, _ in leaves]
    for (path, leaf), value in zip(leaves, found, strict=True):
        if value is None or value.shape != leaf.shape:
            raise ConfigError(
                f"resume: the checkpoint's row does not fit this program at {jax.tree_util.keystr(path)}; resume with "
                "the version that wrote it."
            )
    return jax.tree.unflatten(treedef, found)


_ROW = "row_so_far"


def unpack_params(content: bytes) -> Params:
    """The server's parameters in a packed training state of any algorithm, on the host."""
    found: dict[str, Any] = {}
    for path, value in serialization.msgpack_restore(content).items():
        _, _, inside = path.partition(_SERVERS)
        *parents, last = _NAMES.findall(inside) or [""]
        place = found
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    found["moments"].pop("returns", None)  # of learning, not of acting
    return Params(found["network"], Moments(**found["moments"]))


_SERVERS = "server.params."
_NAMES = re.compile(r"(?<=\[')[^']+|\w+")
"""The names in a leaf's path: ``network['actor']['kernel']``."""


def digest(tree: PyTree) -> str:
    """SHA-256 of the leaves' paths and bytes, in the order of their paths, in hexadecimal."""
    sha = hashlib.sha256()
    for path, value in sorted(to_host(tree).items()):
        sha.update(path.encode())
        sha.update(np.ascontiguousarray(value).tobytes())
    return sha.hexdigest()
