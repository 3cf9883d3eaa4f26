"""Gymnax's environments, and those that users write in its form; the only module that imports gymnax."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxac.config import catalog, import_path
from jaxac.envs import bare_import
from jaxac.envs.base import Env
from jaxac.errors import ConfigError
from jaxac.types import Array, PRNGKey, PyTree, TimeStep


def make(name: str) -> Env:
    """The environment called ``name``.

    Args:
        name: the registered name of one of gymnax's, or ``package.module:Class``.

    Raises:
        ConfigError: if ``name`` is an import path that leads nowhere, to no environment, or to continuous actions.
    """
    with jax.ensure_compile_time_eval():  # outside of any trace under way, since some hold arrays
        return _make(name, None if catalog.lookup(name) else import_path.load("env.name", name))


@functools.cache
def _make(name: str, own: Callable[[], Any] | None) -> Env:
    """The environment called ``name``; ``own`` is its class if it is the user's own, which a notebook may redefine.

    Cached: gymnax environments hash by identity, so a second instance would be compiled again.
    """
    env, space = _create(name) if own is None else _create_own(name, own)
    categories = getattr(space, "n", None)
    shape = (categories,) if categories else tuple(space.shape)
    size = math.prod(shape)
    flatten = functools.partial(_one_hot, categories) if categories else functools.partial(_flat, size)
    return Env(
        reset=functools.partial(_reset, env, flatten),
        step=functools.partial(_step, env, flatten),
        stagger=_stagger,
        params=functools.partial(_params, env),
        observation_size=size,
        observation_shape=shape,
        num_actions=int(env.num_actions),
    )


def _create(name: str) -> tuple[Any, Any]:
    """One of gymnax's environments, and the space of its observations."""
    info = catalog.lookup(name)
    assert info is not None
    env = getattr(bare_import.load(info.module), info.cls)()
    return env, env.observation_space(env.default_params)


def _create_own(name: str, own: Callable[[], Any]) -> tuple[Any, Any]:
    """An environment of the user's own, and the space of its observations."""
    try:
        env = own()
        actions, space = env.action_space(env.default_params), env.observation_space(env.default_params)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"env.name={name} cannot be made: {import_path.explain(error)}; give a gymnax environment that takes no "
            "arguments."
        ) from error
    if not hasattr(actions, "n"):
        raise ConfigError(f"env.name={name} has continuous actions, which are not supported yet; choose another.")
    return env, space


Flatten = Callable[[Array], Array]
"""``flatten(observation [B, ...]) -> observation [B, O]``, float32."""


def _one_hot(categories: int, observation: Array) -> Array:
    return jax.nn.one_hot(observation, categories)


def _flat(size: int, observation: Array) -> Array:
    return observation.reshape(-1, size).astype(jnp.float32)


def _params(env: Any, overrides: dict[str, Any]) -> PyTree:
    return env.default_params.replace(**overrides)


def _reset(env: Any, flatten: Flatten, key: PRNGKey, params: PyTree, num_envs: int) -> tuple[PyTree, Array]:
    observation, state = jax.vmap(env.reset_env, (0, None))(jax.random.split(key, num_envs), params)
    return _strong(state), flatten(observation)


def _step(
    env: Any, flatten: Flatten, key: PRNGKey | None, state: PyTree, action: Array, params: PyTree
) -> tuple[PyTree, TimeStep]:
    num_envs = action.shape[0]
    keys, axis = (None, None) if key is None else (jax.random.split(key, num_envs), 0)
    observation, stepped, reward, terminated, _ = jax.vmap(env.step_env, (axis, 0, 0, None))(
        keys, state, action, params
    )
    truncated = jax.vmap(env.is_truncated, (0, None))(stepped, params)
    terminated = terminated.astype(bool)
    truncated = truncated.astype(bool) & ~terminated
    reward = reward.reshape(num_envs).astype(jnp.float32)
    return _strong(stepped), TimeStep(flatten(observation), reward, terminated, truncated)


def _stagger(key: PRNGKey, state: PyTree, params: PyTree) -> PyTree:
    clock = jax.random.uniform(key, state.time.shape) * params.max_steps_in_episode
    return state.replace(time=jnp.floor(clock).astype(state.time.dtype))


def _strong(state: PyTree) -> PyTree:
    """A state ``[B, ...]`` without weak types, with which a scan's carry would change its type."""
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), state)
