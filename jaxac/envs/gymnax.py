"""Gymnax's environments, and those that users write in its form; the only module that imports gymnax."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxac.config import catalog, import_path
from jaxac.envs import bare_import, own_environment
from jaxac.envs.base import Box, Discrete, Env, flat, strong, time_limit, with_params
from jaxac.types import Array, PRNGKey, PyTree, TimeStep


def make(name: str) -> Env:
    """The environment called ``name``.

    Args:
        name: the registered name of one of gymnax's, or ``package.module:Class``.

    Raises:
        ConfigError: if ``name`` is an import path that leads nowhere, or to an environment that cannot work.
    """
    with jax.ensure_compile_time_eval():  # outside of any trace under way, since some hold arrays
        return _make(name, None if catalog.lookup(name) else import_path.load("env.name", name))


@functools.cache
def _make(name: str, own: Callable[[], Any] | None) -> Env:
    """The environment called ``name``; ``own`` is its class if it is the user's own, which a notebook may redefine.

    Cached: gymnax environments hash by identity, so a second instance would be compiled again.
    """
    env, space = _create(name) if own is None else own_environment.create(name, own)
    keys = _ours if own is None else own_environment.keys
    categories = getattr(space, "n", None)
    shape = (categories,) if categories else tuple(space.shape)
    size = math.prod(shape)
    flatten = functools.partial(_one_hot, categories) if categories else flat
    return Env(
        begin=functools.partial(_begin, env, keys, flatten),
        step=functools.partial(_step, env, keys, flatten),
        time_limit=time_limit,
        params=functools.partial(with_params, name, env.default_params),
        observation_size=size,
        observation_shape=shape,
        actions=_actions(env),
        own_action=functools.partial(_own_action, env),
        starts_ahead=bool(getattr(env, "starts_ahead", True)),
    )


def _create(name: str) -> tuple[Any, Any]:
    """One of gymnax's environments, and the space of its observations."""
    info = catalog.lookup(name)
    assert info is not None
    env = getattr(bare_import.load(info.module), info.cls)()
    return env, env.observation_space(env.default_params)


def _actions(env: Any) -> Discrete | Box:
    space = env.action_space(env.default_params)
    if hasattr(space, "n"):
        return Discrete(int(env.num_actions))
    low, high = (np.broadcast_to(np.asarray(bound), space.shape).ravel() for bound in (space.low, space.high))
    return Box(tuple((np.isfinite(low) & np.isfinite(high)).tolist()))


def _own_action(env: Any, action: Array, params: PyTree) -> Array:
    """Actions of choices as they are; real ones ``[..., N]`` from ±1 to their bounds, as ``[..., *shape]``."""
    space = env.action_space(params)
    if hasattr(space, "n"):
        return action
    low, high = (jnp.broadcast_to(jnp.asarray(bound, action.dtype), space.shape) for bound in (space.low, space.high))
    action = action.reshape(*action.shape[:-1], *space.shape)
    low, high = (bound.reshape((1,) * (action.ndim - bound.ndim) + bound.shape) for bound in (low, high))
    bounded = jnp.isfinite(low) & jnp.isfinite(high)
    return jnp.where(bounded, low + 0.5 * (action + 1.0) * (high - low), action)


Flatten = Callable[[Array], Array]
"""``flatten(observation [B, ...]) -> observation [B, O]``, float32 or of 8 bits."""


def _one_hot(categories: int, observation: Array) -> Array:
    return jax.nn.one_hot(observation, categories)


Keys = Callable[[PRNGKey], PRNGKey]
"""``keys(key [B]) -> key [B]``: the keys as an environment takes them, with the same bits."""


def _ours(key: PRNGKey) -> PRNGKey:
    """The keys as they are: gymnax's environments draw nothing that needs JAX's own implementation."""
    return key


def _begin(env: Any, keys: Keys, flatten: Flatten, key: PRNGKey, params: PyTree) -> tuple[PyTree, Array]:
    observation, state = jax.vmap(env.reset_env, (0, None))(keys(key), params)
    return strong(state), flatten(observation)


def _step(
    env: Any, keys: Keys, flatten: Flatten, key: PRNGKey | None, state: PyTree, action: Array, params: PyTree
) -> tuple[PyTree, TimeStep]:
    num_envs = action.shape[0]
    each, axis = (None, None) if key is None else (keys(jax.random.split(key, num_envs)), 0)
    observation, stepped, reward, terminated, _ = jax.vmap(env.step_env, (axis, 0, 0, None))(
        each, state, _own_action(env, action, params), params
    )
    truncated = jax.vmap(env.is_truncated, (0, None))(stepped, params)
    terminated = terminated.astype(bool)
    truncated = truncated.astype(bool) & ~terminated
    reward = reward.reshape(num_envs).astype(jnp.float32)
    return strong(stepped), TimeStep(flatten(observation), reward, terminated, truncated)
