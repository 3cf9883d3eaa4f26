"""Observations as columns: the fields of an environment's state that they consist of, and rows made of them."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxac.envs import Discrete, Env
from jaxac.errors import ConfigError
from jaxac.types import Array, PyTree


@functools.cache
def observed_fields(env: Env) -> tuple[int, ...]:
    """Indices of the leaves of the environment's state that its observation consists of, one per feature.

    They are found by trying: a few environments take a few steps, which must not draw random numbers.

    Raises:
        ConfigError: if a feature is not a leaf of the state, steps draw random numbers, or episodes start by need.
    """
    if not env.starts_ahead:
        raise _cannot_be_fused("whose episodes start by need")
    with jax.ensure_compile_time_eval():
        seen = _try(env)
        leaves = range(len(seen[0][0]))
        found = [
            next((leaf for leaf in leaves if _matches(seen, leaf, column)), None)
            for column in range(env.observation_size)
        ]
    if None in found:
        raise _cannot_be_fused("whose observation is not a part of its state")
    return tuple(leaf for leaf in found if leaf is not None)


def number_of_actions(env: Env) -> int:
    """``A``, the number of actions.

    Raises:
        ConfigError: if they are continuous.
    """
    if not isinstance(env.actions, Discrete):
        raise _cannot_be_fused("of continuous actions")
    return env.actions.number


def columns_of(env_state: PyTree, env: Env) -> list[Array]:
    """The observation as ``O`` arrays ``[B]``, from a state ``[B, ...]``."""
    leaves = jax.tree.leaves(env_state)
    return [leaves[field] for field in observed_fields(env)]


def pack(columns: Sequence[Array], width: int) -> Array:
    """[B, W] the columns, arrays ``[B]``, side by side; the remaining columns are 0."""
    shape = (columns[0].shape[0], width)
    index = jax.lax.broadcasted_iota(jnp.int32, shape, 1)
    packed = jnp.zeros(shape)
    for column, x in enumerate(columns):
        packed = jnp.where(index == column, jnp.expand_dims(x, 1), packed)
    return packed


def unpack(packed: Array, number: int) -> list[Array]:
    """The first ``number`` columns of ``packed [B, W]``, as arrays ``[B]``."""
    index = jax.lax.broadcasted_iota(jnp.int32, packed.shape, 1)
    return [jnp.sum(jnp.where(index == column, packed, 0.0), axis=1) for column in range(number)]


Seen = list[tuple[list[Array], Array]]
"""Pairs of a state's leaves ``[B]`` and its observations ``[B, O]``."""


def _try(env: Env) -> Seen:
    """The states and observations of eight environments in their first steps."""
    params, action = env.params({}), jnp.arange(8) % number_of_actions(env)
    state, observation = env.reset(jax.random.key(0), params, 8)
    seen = [(jax.tree.leaves(state), observation)]
    for _ in range(3):
        try:
            state, timestep = env.step(None, state, action, params)
        except (TypeError, ValueError, AttributeError):
            raise _cannot_be_fused("whose steps draw random numbers") from None
        seen.append((jax.tree.leaves(state), timestep.observation))
    if any(leaf.ndim != 1 for leaf in seen[0][0]):
        raise _cannot_be_fused("whose state has arrays")
    return seen


def _matches(seen: Seen, leaf: int, column: int) -> bool:
    return all(bool(jnp.all(leaves[leaf] == observation[:, column])) for leaves, observation in seen)


def _cannot_be_fused(why: str) -> ConfigError:
    return ConfigError(f"algo.kernel=fused does not work with an environment {why}; choose algo.kernel=xla.")
