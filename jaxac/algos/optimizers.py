"""Optax chains: clip the global norm, then Adam, RMSProp or the user's own; the learning rate follows a schedule."""

import jax.numpy as jnp
import optax

from jaxac.algos import own_optimizer
from jaxac.config.algos import A3CConfig
from jaxac.config.parts import OwnOptimizerConfig
from jaxac.spec import Spec
from jaxac.types import Array, PyTree


def learning_rate(spec: Spec, arrivals: Array) -> Array:
    """[] the scheduled learning rate: constant, or linear to 0 at ``optimizer.anneal_env_steps``.

    The schedule counts gradients, of ``B · T`` environment steps each, rather than optimizer steps: A2C's server makes
    one step on all shards' gradients, A3C's one on each.

    Args:
        spec: the training program.
        arrivals: [] int32, number of gradients received.
    """
    assert spec.optimizer.learning_rate is not None, "validation.resolve() fills this in"
    rate = jnp.asarray(spec.optimizer.learning_rate, jnp.float32)
    if spec.optimizer.schedule == "constant":
        return rate
    assert spec.optimizer.anneal_env_steps is not None, "validation.resolve() fills this in"
    steps_per_push = spec.steps_per_update // spec.algo.num_shards
    progress = arrivals.astype(jnp.float32) * steps_per_push / spec.optimizer.anneal_env_steps
    return rate * jnp.maximum(0.0, 1.0 - progress)


def make(spec: Spec, rate: Array) -> optax.GradientTransformation:
    """The optimizer that ``spec`` describes, for the learning rate ``rate []``; its numbers may be traced.

    RMSProp is the one of Mnih et al. 2016, eq. S3: θ ← θ − η Δ / √(g + ε), with ε *inside* the root, and g from 0 on;
    TensorFlow's, and with it Baselines', begins with g = 1.
    """
    config = spec.optimizer
    clip = optax.identity() if config.max_grad_norm is None else optax.clip_by_global_norm(config.max_grad_norm)
    if isinstance(config, OwnOptimizerConfig):
        return optax.chain(clip, own_optimizer.make(config, rate))
    if config.name == "adam":
        scale = optax.scale_by_adam(b1=config.momentum, b2=config.decay, eps=config.epsilon)
    else:
        scale = optax.chain(
            optax.scale_by_rms(decay=config.decay, eps=config.epsilon, eps_in_sqrt=True),
            optax.trace(config.momentum),
        )
    return optax.chain(clip, scale, optax.scale(-rate))


def init(spec: Spec, weights: PyTree) -> optax.OptState:
    """The optimizer's state before the first step.

    Raises:
        ConfigError: if the optimizer is the user's own and cannot work.
    """
    if isinstance(spec.optimizer, OwnOptimizerConfig):
        lock = not isinstance(spec.algo, A3CConfig) or spec.algo.lock
        own_optimizer.check(spec.optimizer, weights, lock)
    return make(spec, learning_rate(spec, jnp.zeros((), jnp.int32))).init(weights)


def descend(
    spec: Spec, weights: PyTree, gradient: PyTree, opt_state: optax.OptState, rate: Array
) -> tuple[PyTree, optax.OptState]:
    """One optimizer step.

    Args:
        spec: the training program.
        weights: the weights before the step.
        gradient: the gradient, shaped like ``weights``.
        opt_state: the optimizer's state before the step.
        rate: [] the learning rate.

    Returns:
        The weights and the optimizer's state after the step.
    """
    updates, opt_state = make(spec, rate).update(gradient, opt_state, weights)
    return optax.apply_updates(weights, updates), opt_state
