"""Optax chains: clip the global norm, scale by Adam or RMSProp; the learning rate follows a schedule."""

import jax
import jax.numpy as jnp
import optax

from jaxac.spec import Spec
from jaxac.types import Array, PyTree


def learning_rate(spec: Spec, arrivals: Array) -> Array:
    """The rate after so many gradients: constant, or linear to 0 at ``optimizer.anneal_env_steps``.

    Gradients are counted, each ``B · T`` environment steps, because A2C's server makes one step of all shards' and
    A3C's one of each.
    """
    assert spec.optimizer.learning_rate is not None, "validation.resolve() fills this in"
    rate = jnp.asarray(spec.optimizer.learning_rate, jnp.float32)
    if spec.optimizer.schedule == "constant":
        return rate
    assert spec.optimizer.anneal_env_steps is not None, "validation.resolve() fills this in"
    steps_per_push = spec.steps_per_update // spec.algo.num_shards
    progress = arrivals.astype(jnp.float32) * steps_per_push / spec.optimizer.anneal_env_steps
    return rate * jnp.maximum(0.0, 1.0 - progress)


def make(spec: Spec) -> optax.GradientTransformation:
    """The optimizer that ``spec`` describes, but for its learning rate. Its numbers may be traced.

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
    return optax.chain(clip, scale)


def descend(
    spec: Spec, weights: PyTree, gradient: PyTree, opt_state: optax.OptState, rate: Array
) -> tuple[PyTree, optax.OptState]:
    """The weights one step of length ``rate`` further down, and the optimizer's next state."""
    direction, opt_state = make(spec).update(gradient, opt_state, weights)
    return optax.apply_updates(weights, jax.tree.map(lambda x: -rate * x, direction)), opt_state
