"""Optax chains: clip the global norm, scale by Adam or RMSProp, follow a schedule."""

import jax.numpy as jnp
import optax

from jaxac.spec import Spec
from jaxac.types import Array


def learning_rate(spec: Spec, update: Array) -> Array:
    """The rate of the ``update``-th optimizer step: constant, or linear to 0 at ``optimizer.anneal_env_steps``."""
    assert spec.optimizer.learning_rate is not None, "validation.resolve() fills this in"
    rate = jnp.asarray(spec.optimizer.learning_rate, jnp.float32)
    if spec.optimizer.schedule == "constant":
        return rate
    assert spec.optimizer.anneal_env_steps is not None, "validation.resolve() fills this in"
    progress = update.astype(jnp.float32) * spec.steps_per_update / spec.optimizer.anneal_env_steps
    return rate * jnp.maximum(0.0, 1.0 - progress)


def make(spec: Spec) -> optax.GradientTransformation:
    """The optimizer that ``spec`` describes. Its numbers may be traced.

    RMSProp is the one of Mnih et al. 2016, eq. S3, and of TensorFlow: θ ← θ − η Δ / √(g + ε), with ε *inside* the root.
    """
    config = spec.optimizer
    if config.name == "adam":
        scale = optax.scale_by_adam(b1=config.momentum, b2=config.decay, eps=config.epsilon)
    else:
        scale = optax.chain(
            optax.scale_by_rms(decay=config.decay, eps=config.epsilon, eps_in_sqrt=True),
            optax.trace(config.momentum),
        )
    clip = optax.identity() if config.max_grad_norm is None else optax.clip_by_global_norm(config.max_grad_norm)
    return optax.chain(clip, scale, optax.scale_by_learning_rate(lambda update: learning_rate(spec, update)))
