"""Gymnax's environments, and those that users write in its form. The only door to gymnax."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxac.config import catalog, import_path
from jaxac.envs import bare_import
from jaxac.envs.base import Env
from jaxac.errors import ConfigError
from jaxac.types import Array, PRNGKey, PyTree, TimeStep


def _create(name: str) -> Any:
    """A gymnax environment by its registered name, or by ``package.module:Class``."""
    info = catalog.lookup(name)
    if info is not None:
        return getattr(bare_import.load(info.module), info.cls)()
    env = import_path.load("env.name", name)()
    if not hasattr(env.action_space(env.default_params), "n"):
        raise ConfigError(f"env.name={name} has continuous actions, which are not supported yet; choose another.")
    return env


@functools.cache
def make(name: str) -> Env:
    """The environment called ``name``.

    Cached: gymnax environments hash by identity, so a second instance would be compiled again. Made outside of any
    trace under way, since some hold arrays.

    Raises:
        ConfigError: if ``name`` is an import path that leads nowhere, or to continuous actions.
    """
    with jax.ensure_compile_time_eval():
        env = _create(name)
        space = env.observation_space(env.default_params)
    categories = getattr(space, "n", None)  # a Discrete observation becomes one-hot
    shape = (categories,) if categories else tuple(space.shape)
    size = math.prod(shape)

    def flat(observation: Array) -> Array:
        if categories:
            return jax.nn.one_hot(observation, categories)
        return observation.reshape(-1, size).astype(jnp.float32)

    def params(overrides: dict[str, Any]) -> PyTree:
        return env.default_params.replace(**overrides)

    def reset(key: PRNGKey, params: PyTree, num_envs: int) -> tuple[PyTree, Array]:
        observation, state = jax.vmap(env.reset_env, (0, None))(jax.random.split(key, num_envs), params)
        return _strong(state), flat(observation)

    def step(key: PRNGKey | None, state: PyTree, action: Array, params: PyTree) -> tuple[PyTree, TimeStep]:
        num_envs = action.shape[0]
        keys, axis = (None, None) if key is None else (jax.random.split(key, num_envs), 0)
        observation, stepped, reward, terminated, _ = jax.vmap(env.step_env, (axis, 0, 0, None))(
            keys, state, action, params
        )
        truncated = jax.vmap(env.is_truncated, (0, None))(stepped, params)
        terminated = terminated.astype(bool)
        truncated = truncated.astype(bool) & ~terminated
        reward = reward.reshape(num_envs).astype(jnp.float32)
        return _strong(stepped), TimeStep(flat(observation), reward, terminated, truncated)

    return Env(reset, step, params, size, shape, int(env.num_actions))


def _strong(state: PyTree) -> PyTree:
    """Without weak types, which would make a scan's carry change its type."""
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), state)
