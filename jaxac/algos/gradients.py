"""The likeness of the server's successive gradients, and their noise, for ``algo.watch_gradients``."""

import jax
import jax.numpy as jnp
import optax

from jaxac.types import Array, PyTree, Watched

_DECAY = 0.98
"""Decay of the means that the noise is made of: some fifty gradients."""
_TINY = 1e-30
_TOLD = ("gradient_cosine", "gradient_noise")


def init(weights: PyTree) -> Watched:
    """Nothing seen so far of gradients shaped like ``weights``."""
    nothing, zero = jax.tree.map(jnp.zeros_like, weights), jnp.zeros(())
    return Watched(nothing, nothing, zero, jnp.zeros((), jnp.int32))


def unwatched(seen: Watched | None) -> dict[str, Array]:
    """The scalars of :func:`watch` where there was no gradient: zeros; none at all if gradients are not watched."""
    return dict.fromkeys(_TOLD, jnp.zeros(())) if seen else {}


def watch(seen: Watched, gradient: PyTree) -> tuple[Watched, dict[str, Array]]:
    """Looks at one more gradient.

    Returns:
        What has been seen with it, and scalars ``[]``: the ``gradient_cosine`` with the one before (0 of the first),
        and the ``gradient_noise``, the share of the mean squared norm that is not that of the running mean.
    """
    norm, before = optax.tree.norm(gradient), optax.tree.norm(seen.last)
    cosine = optax.tree.vdot(gradient, seen.last) / jnp.maximum(norm * before, _TINY)
    mean = jax.tree.map(lambda old, new: _DECAY * old + (1 - _DECAY) * new, seen.mean, gradient)
    square = _DECAY * seen.square + (1 - _DECAY) * norm**2
    whole = 1 - _DECAY ** (seen.steps + 1.0)  # the weights of both means, which begin at 0
    noise = 1 - optax.tree.norm(mean, squared=True) / jnp.maximum(whole * square, _TINY)
    return Watched(gradient, mean, square, seen.steps + 1), dict(zip(_TOLD, (cosine, noise), strict=True))
