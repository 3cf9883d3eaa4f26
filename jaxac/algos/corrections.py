"""Corrections for staleness, off by default."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, PyTree


def rate_over_staleness(rate: Array, staleness: Array) -> Array:
    """The learning rate over the staleness, η / max(1, τ).

    Zhang et al. 2016, "Staleness-aware Async-SGD for Distributed Deep Learning", eq. 6.

    Args:
        rate: [] the learning rate η.
        staleness: [] the age τ of a gradient in versions, or the mean age of a group's gradients.

    Returns:
        [] the learning rate for this gradient or group.
    """
    return rate / jnp.maximum(1.0, staleness)


def delay_compensation(gradient: PyTree, now: PyTree, read: PyTree, strength: Array) -> PyTree:
    """The gradient at the server's weights to first order, g + λ g ⊙ g ⊙ (θ_now − θ_read).

    The Hessian is approximated by the diagonal of the gradient's outer product: Zheng et al. 2017, "Asynchronous
    Stochastic Gradient Descent with Delay Compensation", eq. 10.

    Args:
        gradient: the gradient g at the weights that were read.
        now: the server's weights θ_now, shaped like ``gradient``.
        read: the weights θ_read that made the gradient, shaped like ``gradient``.
        strength: [] the factor λ.
    """
    return jax.tree.map(lambda g, new, old: g + strength * g * g * (new - old), gradient, now, read)
