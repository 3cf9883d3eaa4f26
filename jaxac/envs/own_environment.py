"""A user's own environment in gymnax's form: made, and tried on shapes before anything is compiled."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxac.config import import_path
from jaxac.errors import ConfigError
from jaxac.types import Array, PRNGKey, PyTree


def create(name: str, own: Callable[[], Any]) -> tuple[Any, Any]:
    """The environment, and the space of its observations.

    Args:
        name: its import path, for messages.
        own: its class.

    Raises:
        ConfigError: if it cannot be made, or its actions or observations are no plain array.
    """
    try:
        env = own()
        actions, space = env.action_space(env.default_params), env.observation_space(env.default_params)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"env.name={name} cannot be made: {import_path.explain(error)}; give a gymnax environment that takes no "
            "arguments."
        ) from error
    if not hasattr(actions, "n") and not hasattr(actions, "low"):
        raise ConfigError(
            f"env.name={name} has a {type(actions).__name__} of actions; give it choices (Discrete) or numbers (Box)."
        )
    if not hasattr(space, "n") and getattr(space, "shape", None) is None:
        raise ConfigError(
            f"env.name={name} has a {type(space).__name__} of observations; give it one array, a Box or Discrete."
        )
    _check(name, env, space, jnp.int32(0) if hasattr(actions, "n") else jnp.zeros(actions.shape))
    return env, space


def keys(key: PRNGKey) -> PRNGKey:
    """[...] the keys in JAX's own implementation: the same bits, and all of ``jax.random``, ``poisson`` too."""
    return jax.random.wrap_key_data(jax.random.key_data(key), impl="threefry2x32")


def _check(name: str, env: Any, space: Any, action: Array) -> None:
    """Raises ConfigError if one reset and one step, on shapes, show that the environment cannot work."""
    method, key, params = "reset_env", jax.random.key(0), env.default_params
    try:
        observation, state = jax.eval_shape(env.reset_env, key, params)
        method = "step_env"
        followed, stepped, reward, terminated, _ = jax.eval_shape(env.step_env, key, state, action, params)
        method = "is_truncated"
        truncated = jax.eval_shape(env.is_truncated, stepped, params)
    except Exception as error:
        raise ConfigError(
            f"env.name={name} fails in {method}: {import_path.explain(error)}; mend the environment."
        ) from error
    expected = () if hasattr(space, "n") else tuple(space.shape)
    for found in (observation, followed):
        if getattr(found, "shape", None) != expected:
            raise ConfigError(
                f"env.name={name} observes {_describe(found)}, but its observation_space says {list(expected)}; make "
                "them agree."
            )
    for what, found in {"reward": reward, "termination": terminated, "truncation": truncated}.items():
        if getattr(found, "size", None) != 1:
            raise ConfigError(f"env.name={name} gives {_describe(found)} as a {what}; give one number a step.")
    if _layout(state) != _layout(stepped):
        raise ConfigError(
            f"env.name={name} has another state after step_env ({_describe(stepped)}) than after reset_env "
            f"({_describe(state)}); keep its fields, their shapes and types."
        )


def _layout(tree: PyTree) -> tuple[Any, Any]:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def _describe(tree: PyTree) -> str:
    """The shapes of a tree's leaves on one line."""
    leaves = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(tree)]
    return ", ".join(leaves) or "nothing"
