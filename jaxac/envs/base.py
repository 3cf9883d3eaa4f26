"""The interface of an environment: pure functions over a batch, and the start of fresh episodes after others."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac.devices import threefry
from jaxac.errors import ConfigError
from jaxac.types import Array, PRNGKey, PyTree, TimeStep


class Discrete(NamedTuple):
    """Actions that are numbers of choices."""

    number: int
    """``A``, the number of actions."""


class Box(NamedTuple):
    """Actions of ``N`` real numbers, ``[B, N]``."""

    bounded: tuple[bool, ...]
    """True for each number that the environment bounds: −1 is its lower bound, 1 its upper one."""


class Env(NamedTuple):
    """An environment: pure functions over a batch of ``B``; ``params`` is the suite's own pytree of numbers."""

    begin: Callable[[PRNGKey, PyTree], tuple[PyTree, Array]]
    """``begin(key [B], params) -> (env_state [B, ...], observation [B, O])``: an episode's start for every key."""
    step: Callable[[PRNGKey | None, PyTree, Array, PyTree], tuple[PyTree, TimeStep]]
    """``step(key, env_state [B, ...], action [B] or [B, N], params) -> (env_state, TimeStep)``; steps after an
    episode's end are undefined, see :func:`restart`. The key may be None where steps draw nothing."""
    time_limit: Callable[[PyTree], Any]
    """``time_limit(params) -> limit []``, the most steps of an episode; None if the environment names none."""
    params: Callable[[dict[str, Any]], PyTree]
    """``params(overrides) -> params``: the environment's defaults with some replaced."""
    observation_size: int
    """``O``, features of a flattened observation."""
    observation_shape: tuple[int, ...]
    """The environment's own shape of an observation."""
    actions: Discrete | Box
    """The kind of its actions, and how many there are."""
    own_action: Callable[[Array, PyTree], Array]
    """``own_action(action [..., N], params)``: the action in the environment's own units and shape."""

    starts_ahead: bool = True
    """True if the starts of episodes are cheap and small, so that one is drawn ahead for every step of every
    environment; False if they are made by need, see :func:`restart`."""

    def reset(self, key: PRNGKey, params: PyTree, num_envs: int) -> tuple[PyTree, Array]:
        """``B = num_envs`` fresh episodes: ``(env_state [B, ...], observation [B, O])``.

        Args:
            key: [] the key of all of them.
            params: the environment's parameters.
            num_envs: ``B``.
        """
        return self.begin(jax.random.split(key, num_envs), params)


def with_params(name: str, defaults: Any, overrides: dict[str, Any]) -> PyTree:
    """The parameters of the environment called ``name``, a dataclass, with some replaced.

    Raises:
        ConfigError: for one that it does not have.
    """
    known = [field.name for field in dataclasses.fields(defaults)]
    for unknown in overrides.keys() - known:
        raise ConfigError(f"env.params.{unknown} is not a parameter of {name}; it has: {', '.join(known) or 'none'}.")
    return dataclasses.replace(defaults, **overrides)


def time_limit(params: PyTree) -> Any:
    """[] the most steps of an episode, ``max_steps_in_episode`` of an environment's parameters; None without it."""
    return getattr(params, "max_steps_in_episode", None)


def flat(observation: Array) -> Array:
    """[B, O] observations ``[B, *shape]``: float32, or as they are if of 8 bits, of which an unroll keeps many."""
    rows = observation.reshape(observation.shape[0], -1)
    return rows if observation.dtype.itemsize == 1 else rows.astype(jnp.float32)


def numbers(observation: Array) -> Array:
    """[...] float32, an observation ``[...]`` as networks see it; bytes are pixels, from 0 to 1 (Mnih et al. 2015)."""
    return observation / 255 if observation.dtype == jnp.uint8 else observation.astype(jnp.float32)


def starts(env: Env, key: PRNGKey, params: PyTree, num_envs: int) -> PyTree:
    """[T, ...] starts for ``T`` steps, as :func:`restart` takes them: episodes drawn ahead, or the keys of episodes.

    Both make the same episodes, bit for bit: the one that begins in a step and a row has the same key.

    Args:
        env: the environment.
        key: [T] a key for each step.
        params: the environment's parameters.
        num_envs: ``B``.
    """
    if env.starts_ahead:
        return jax.vmap(lambda key: env.reset(key, params, num_envs))(key)
    return jax.vmap(lambda key: jax.random.key_data(jax.random.split(key, num_envs)))(key)


def restart(env: Env, done: Array, start: PyTree, stepped: PyTree, params: PyTree) -> PyTree:
    """Replaces environments ``(states [B, ...], observations [B, O])`` whose episode is done by fresh ones.

    Where starts are cheap, choosing among those of all environments is cheaper than drawing by need. Where they are
    dear, batches of ``√B`` environments whose episodes are done start afresh until none is left: usually one batch.

    Args:
        env: the environment.
        done: [B] bool, the episode ended.
        start: what :func:`starts` has of this step.
        stepped: [B, ...] states and observations after a step.
        params: the environment's parameters.
    """
    if env.starts_ahead:
        return jax.tree.map(functools.partial(_where, done), start, stepped)
    batch = max(1, math.isqrt(done.size))

    def begin(carry: tuple[Array, PyTree]) -> tuple[Array, PyTree]:
        left, out = carry
        (row,) = jnp.nonzero(left, size=batch, fill_value=done.size)
        fresh = env.begin(threefry.wrap(jnp.take(start, row, axis=0, mode="clip")), params)
        return left.at[row].set(False, mode="drop"), jax.tree.map(functools.partial(_put, row), fresh, out)

    return jax.lax.while_loop(lambda carry: jnp.any(carry[0]), begin, (done, stepped))[1]


def _put(row: Array, x: Array, y: Array) -> Array:
    """[B, ...] ``y [B, ...]`` with ``x [N, ...]`` in the rows ``row [N]``; those beyond its end are left out."""
    return y.at[row].set(x.astype(y.dtype), mode="drop")


def _where(mask: Array, x: Array, y: Array) -> Array:
    """[B, ...] ``where(mask [B], x [B, ...], y [B, ...])``, in the type of ``y``, which a scan's carry must keep."""
    return jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - 1)), x.astype(y.dtype), y)


def strong(state: PyTree) -> PyTree:
    """A state ``[B, ...]`` without weak types, with which a scan's carry would change its type."""
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), state)
