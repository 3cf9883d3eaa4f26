"""The value of what follows a step: the next row's, or, where an episode was truncated, its final observation's."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxac.types import Array, Transition


def next_values(
    value_of: Callable[[Array], Array], value: Array, transitions: Transition, last_observation: Array
) -> Array:
    """[T, B] the value of the observation that followed each step, before any reset.

    Where no episode ended that is the next row's value, known already. Where an episode was truncated it is the value
    of ``final_observation``; where one terminated it does not matter, since ``discount`` is 0 there.
    """
    following = jnp.concatenate([value[1:], value_of(last_observation)[None]])
    truncated = was_truncated(transitions)
    return jnp.where(truncated, values_where(value_of, truncated, transitions.final_observation), following)


def was_truncated(transitions: Transition) -> Array:
    """[T, B] bool: the episode was cut by its time limit."""
    return transitions.done & (transitions.discount > 0)


def values_where(value_of: Callable[[Array], Array], mask: Array, observation: Array) -> Array:
    """[T, B] the values of the observations ``[T, B, O]`` selected by ``mask``; 0 elsewhere.

    Truncations are rare, so instead of all ``T · B`` observations batches of ``B / 8`` selected ones are evaluated
    until none is left: usually one batch.
    """
    batch = max(1, mask.shape[1] // 8)
    flat = observation.reshape(mask.size, -1)

    def evaluate(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        left, out = carry
        (index,) = jnp.nonzero(left, size=batch, fill_value=mask.size)
        chosen = jnp.take(flat, index, axis=0, mode="clip")
        return left.at[index].set(False, mode="drop"), out.at[index].set(value_of(chosen), mode="drop")

    carry = (mask.reshape(-1), jnp.zeros(mask.size))
    return jax.lax.while_loop(lambda carry: jnp.any(carry[0]), evaluate, carry)[1].reshape(mask.shape)
