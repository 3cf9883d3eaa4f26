"""Observations as columns: which fields of an environment's state they are, and how a kernel makes rows of them."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxac.envs import Env
from jaxac.errors import ConfigError
from jaxac.types import Array, PyTree


@functools.cache
def observed_fields(env: Env) -> tuple[int, ...]:
    """Which leaves of the environment's state its observation consists of.

    Found out by trying: a few environments take a few steps. Their steps must not draw random numbers.

    Raises:
        ConfigError: if there are none such.
    """
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


def columns_of(env_state: PyTree, env: Env) -> list[Array]:
    """The observation as ``O`` arrays ``[B]``."""
    leaves = jax.tree.leaves(env_state)
    return [leaves[field] for field in observed_fields(env)]


def pack(columns: Sequence[Array], width: int) -> Array:
    """[B, W] of arrays ``[B]``; the rest is 0."""
    shape = (columns[0].shape[0], width)
    index = jax.lax.broadcasted_iota(jnp.int32, shape, 1)
    packed = jnp.zeros(shape)
    for column, x in enumerate(columns):
        packed = jnp.where(index == column, jnp.expand_dims(x, 1), packed)
    return packed


def unpack(packed: Array, number: int) -> list[Array]:
    """The first columns of ``[B, W]`` as arrays ``[B]``."""
    index = jax.lax.broadcasted_iota(jnp.int32, packed.shape, 1)
    return [jnp.sum(jnp.where(index == column, packed, 0.0), axis=1) for column in range(number)]


Seen = list[tuple[list[Array], Array]]
"""The leaves ``[B]`` of states, and the observations ``[B, O]`` of them."""


def _try(env: Env) -> Seen:
    """What eight environments show in their first steps."""
    params, action = env.params({}), jnp.arange(8) % env.num_actions
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
