"""The value after a step: the next row's, or, where an episode was truncated, that of its final observation."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxac.types import Array, PyTree, Transition

ValueOf = Callable[[Array, PyTree], Array]
"""The critic, ``value_of(observation [..., O], memory [..., H]) -> value [...]``: the memory is the one before the
observation; ``()`` if there is none."""


def next_values(
    value_of: ValueOf, value: Array, transitions: Transition, last_observation: Array, memories: PyTree = ()
) -> Array:
    """[T, B] values of the observations that followed each step, before any reset.

    Where no episode ended that is the next row's value, known already. Where an episode was truncated it is the value
    of ``final_observation``; where one terminated it does not matter, because ``discount`` is 0 there.

    A critic with memory comes to each of them with the memory after the step's own observation, not yet forgotten.

    Args:
        value_of: the critic.
        value: [T, B] the critic's values of ``transitions.observation``.
        transitions: [T, B] the unroll.
        last_observation: [B, O] the observation that follows the unroll.
        memories: [T, B, H] the memories after each of ``transitions.observation``.
    """
    last_memory = jax.tree.map(lambda x: x[-1], memories)
    following = jnp.concatenate([value[1:], value_of(last_observation, last_memory)[None]])
    truncated = was_truncated(transitions)
    found = values_where(value_of, truncated, transitions.final_observation, memories)
    return jnp.where(truncated, found, following)


def was_truncated(transitions: Transition) -> Array:
    """[T, B] bool: the episode was cut by its time limit."""
    return transitions.done & (transitions.discount > 0)


def values_where(value_of: ValueOf, mask: Array, observation: Array, memories: PyTree = ()) -> Array:
    """[T, B] values of the selected observations; 0 elsewhere.

    Truncations are rare, so instead of all ``T · B`` observations, batches of ``B / 8`` selected ones are evaluated
    until none is left: usually one batch.

    Args:
        value_of: the critic.
        mask: [T, B] bool, the observations to evaluate.
        observation: [T, B, O].
        memories: [T, B, H] the memory before each.
    """
    batch = max(1, mask.shape[1] // 8)
    flat = jax.tree.map(lambda x: x.reshape(mask.size, -1), (observation, memories))

    def evaluate(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        left, out = carry
        (index,) = jnp.nonzero(left, size=batch, fill_value=mask.size)
        chosen = jax.tree.map(lambda x: jnp.take(x, index, axis=0, mode="clip"), flat)
        return left.at[index].set(False, mode="drop"), out.at[index].set(value_of(*chosen), mode="drop")

    carry = (mask.reshape(-1), jnp.zeros(mask.size))
    return jax.lax.while_loop(lambda carry: jnp.any(carry[0]), evaluate, carry)[1].reshape(mask.shape)
