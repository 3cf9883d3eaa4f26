"""Recurrent cells: equations that turn a memory ``[..., H]`` and a torso's output into the next memory.

What a cell takes from the torso is one dense layer, computed for all steps of an unroll at once; only what depends on
the memory is computed step by step. minGRU's gates do not, so all of its steps are one associative scan.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.types import Array, PyTree

Step = Callable[[Array | None, PyTree, Array], PyTree]
"""``step(kernel, memory [..., H], inputs [..., inputs · H]) -> memory [..., H]``."""


class Cell(NamedTuple):
    """A recurrent cell of ``H`` units, as pure functions."""

    inputs: int
    """Numbers a unit that come from the torso: a dense layer makes ``inputs · H`` of them."""
    recurrent: int
    """Numbers a unit that come from the memory: a product with ``kernel [H, recurrent · H]`` makes them; 0 for none."""
    initial: Callable[[tuple[int, ...]], PyTree]
    """``initial((..., H)) -> memory [..., H]`` of the start of an episode: zeros, as :func:`forget` leaves them."""
    step: Step
    """``step(kernel, memory [..., H], inputs [..., inputs · H]) -> memory [..., H]``."""
    unroll: Callable[[Array | None, PyTree, Array, Array], PyTree]
    """``unroll(kernel, memory [B, H], inputs [T, B, inputs · H], reset [T, B]) -> memories [T, B, H]`` after each step;
    before a step with ``reset`` the memory is forgotten."""
    output: Callable[[PyTree], Array]
    """``output(memory [..., H]) -> [..., H]``: the part of a memory that heads see."""


class LSTMMemory(NamedTuple):
    """Memory of an LSTM."""

    hidden: Array
    """[..., H] float32, the cell's output, which the heads see."""
    cell: Array
    """[..., H] float32, the state that the gates keep."""


def forget(done: Array, memory: PyTree) -> PyTree:
    """A memory ``[..., H]`` that is zero where an episode is ``done [...]``."""
    return jax.tree.map(lambda x: jnp.where(done[..., None], 0.0, x), memory)


def _gru(kernel: Array | None, memory: Array, inputs: Array) -> Array:
    """Cho et al. 2014, eq. 5 to 8; the reset gate r acts after the product with the memory, as in cuDNN.

    ``r = σ(W_r x + U_r h)``, ``z = σ(W_z x + U_z h)``, ``n = tanh(W_n x + r U_n h)``, ``h' = z h + (1 − z) n``.
    """
    assert kernel is not None
    (r, z, n), (from_r, from_z, from_n) = jnp.split(inputs, 3, -1), jnp.split(memory @ kernel, 3, -1)
    keep = jax.nn.sigmoid(z + from_z)
    return keep * memory + (1.0 - keep) * jnp.tanh(n + jax.nn.sigmoid(r + from_r) * from_n)


def _lstm(kernel: Array | None, memory: LSTMMemory, inputs: Array) -> LSTMMemory:
    """Gers et al. 2000; a forget gate starts open, by a bias of 1 (Jozefowicz et al. 2015).

    ``c' = σ(f + 1) c + σ(i) tanh(g)``, ``h' = σ(o) tanh(c')``, each of i, f, g, o being ``W x + U h``.
    """
    assert kernel is not None
    i, f, g, o = jnp.split(inputs + memory.hidden @ kernel, 4, -1)
    cell = jax.nn.sigmoid(f + 1.0) * memory.cell + jax.nn.sigmoid(i) * jnp.tanh(g)
    return LSTMMemory(jax.nn.sigmoid(o) * jnp.tanh(cell), cell)


def _mingru(kernel: Array | None, memory: Array, inputs: Array) -> Array:
    """Feng et al. 2024, "Were RNNs All We Needed?", section 3.1.

    ``h' = (1 − z) h + z n``, with ``z = σ(W_z x)`` and ``n = W_n x``.
    """
    del kernel
    z, n = jnp.split(inputs, 2, -1)
    take = jax.nn.sigmoid(z)
    return (1.0 - take) * memory + take * n


def _mingru_at_once(kernel: Array | None, memory: Array, inputs: Array, reset: Array) -> Array:
    """All of minGRU's steps by an associative scan of ``h' = a h + b``, in which a reset is ``a = 0``."""
    del kernel
    z, n = jnp.split(inputs, 2, -1)
    take = jax.nn.sigmoid(z)
    a, b = forget(reset, 1.0 - take), take * n
    b = b.at[0].add(a[0] * memory)
    return jax.lax.associative_scan(lambda first, then: (first[0] * then[0], then[0] * first[1] + then[1]), (a, b))[1]


def _in_turn(step: Step, kernel: Array | None, memory: PyTree, inputs: Array, reset: Array) -> PyTree:
    """The unroll of a cell, one ``step`` after the other."""

    def advance(memory: PyTree, at: tuple[Array, Array]) -> tuple[PyTree, PyTree]:
        memory = step(kernel, forget(at[1], memory), at[0])
        return memory, memory

    return jax.lax.scan(advance, memory, (inputs, reset))[1]


def _zeros(shape: tuple[int, ...]) -> Array:
    return jnp.zeros(shape)


def _whole(memory: Array) -> Array:
    return memory


CELLS = {
    "gru": Cell(3, 3, _zeros, _gru, functools.partial(_in_turn, _gru), _whole),
    "lstm": Cell(
        4,
        4,
        lambda shape: LSTMMemory(_zeros(shape), _zeros(shape)),
        _lstm,
        functools.partial(_in_turn, _lstm),
        lambda m: m[0],
    ),
    "mingru": Cell(2, 0, _zeros, _mingru, _mingru_at_once, _whole),
}
"""The cells by their names in ``network.memory``."""
