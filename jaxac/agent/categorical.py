"""The categorical policy over ``A`` discrete actions, from unnormalized log-probabilities ``logits [..., A]``."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, PRNGKey


def noise(key: PRNGKey, shape: tuple[int, ...]) -> Array:
    """[*shape] uniform numbers in [0, 1), one an action."""
    return jax.random.uniform(key, shape)


def sample(num_actions: int, uniform: Array, logits: Array) -> Array:
    """[...] int32, actions sampled by inverting the distribution function.

    Args:
        num_actions: number of actions.
        uniform: [...] uniform numbers in [0, 1).
        logits: [..., A] unnormalized log-probabilities; those from ``num_actions`` on must have no probability.
    """
    cumulative = jnp.cumsum(jax.nn.softmax(logits), axis=-1)
    below = jnp.sum(jnp.expand_dims(uniform, -1) >= cumulative, axis=-1, dtype=jnp.int32)
    return jnp.minimum(below, num_actions - 1)  # after rounding, the last sum may lie below the number drawn


def mode(logits: Array) -> Array:
    """[...] int32, the most probable actions, from ``logits [..., A]``."""
    return jnp.argmax(logits, axis=-1).astype(jnp.int32)


def log_prob(logits: Array, action: Array) -> Array:
    """[...] log-probabilities log π(a) of ``action [...]``, from ``logits [..., A]``."""
    chosen = jax.nn.one_hot(action, logits.shape[-1], dtype=logits.dtype)
    return jnp.sum(jax.nn.log_softmax(logits) * chosen, axis=-1)


def entropy(logits: Array) -> Array:
    """[...] entropies −Σ π log π in nats, from ``logits [..., A]``."""
    log_probs = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_probs) * log_probs, axis=-1)


def kl(logits: Array, other: Array) -> Array:
    """[...] divergences Σ π (log π − log π') in nats of ``logits [..., A]`` from ``other [..., A]``."""
    log_probs = jax.nn.log_softmax(logits)
    return jnp.sum(jnp.exp(log_probs) * (log_probs - jax.nn.log_softmax(other)), axis=-1)
