"""Observations with the previous action and reward behind them, for networks that remember them."""

import functools
from typing import Literal

import jax
import jax.numpy as jnp

from jaxac.envs.base import Box, Discrete, Env, numbers
from jaxac.types import Array, PRNGKey, PyTree, TimeStep

Shown = tuple[Literal["action", "reward"], ...]
"""The parts of the step before that are shown, in this order."""


def size(shown: Shown, actions: Discrete | Box) -> int:
    """``E``, the number of features that the step before adds."""
    return sum(1 if each == "reward" else _action_size(actions) for each in shown)


def features(shown: Shown, actions: Discrete | Box, action: Array, reward: Array) -> Array:
    """[..., E] float32, the features of the step before; at an episode's start they are all 0 instead.

    Args:
        shown: the parts that are shown.
        actions: the kind of actions.
        action: [...] int32, a choice, which becomes one-hot; or [..., N] numbers as the environment's step takes them.
        reward: [...] float32, the environment's own reward.
    """
    chosen = jax.nn.one_hot(action, actions.number) if isinstance(actions, Discrete) else action
    parts = {"action": chosen, "reward": reward[..., None]}
    return jnp.concatenate([parts[each] for each in shown], axis=-1)


@functools.lru_cache(maxsize=64)
def show(env: Env, shown: Shown) -> Env:
    """The environment with observations ``[B, O + E]``; ``observation_shape`` stays that of its own part.

    The final observation of an episode has the last action and reward, so what values it sees what happened.
    """
    added = size(shown, env.actions)

    def begin(key: PRNGKey, params: PyTree) -> tuple[PyTree, Array]:
        state, observation = env.begin(key, params)
        return state, _beside(observation, jnp.zeros((len(observation), added)))

    def step(key: PRNGKey | None, state: PyTree, action: Array, params: PyTree) -> tuple[PyTree, TimeStep]:
        stepped, timestep = env.step(key, state, action, params)
        seen = features(shown, env.actions, action, timestep.reward)
        return stepped, timestep._replace(observation=_beside(timestep.observation, seen))

    return env._replace(begin=begin, step=step, observation_size=env.observation_size + added)


def _beside(observation: Array, seen: Array) -> Array:
    return jnp.concatenate([numbers(observation), seen], axis=-1)


def _action_size(actions: Discrete | Box) -> int:
    return actions.number if isinstance(actions, Discrete) else len(actions.bounded)
