"""Corrections for staleness, off by default."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, PyTree


def rate_over_staleness(rate: Array, staleness: Array) -> Array:
    """η / max(1, τ), for a gradient (or a mean of a group's) ``staleness`` versions old.

    Zhang et al. 2016, "Staleness-aware Async-SGD for Distributed Deep Learning", eq. 6.
    """
    return rate / jnp.maximum(1.0, staleness)


def delay_compensation(gradient: PyTree, now: PyTree, read: PyTree, strength: Array) -> PyTree:
    """Returns g + λ g ⊙ g ⊙ (θ_now − θ_read), the gradient at the server's weights, to first order.

    The Hessian is approximated by the gradient's outer product, of which the diagonal is kept: Zheng et al. 2017,
    "Asynchronous Stochastic Gradient Descent with Delay Compensation", eq. 10.
    """
    return jax.tree.map(lambda g, new, old: g + strength * g * g * (new - old), gradient, now, read)
