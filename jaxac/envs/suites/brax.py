"""Brax (Freeman et al. 2021): continuous control, without the suite's wrappers.

An episode that the environment itself is done with is terminated; the limit of 1000 steps, which in the suite is a
wrapper's, truncates.
"""

from typing import Any

import jax.numpy as jnp
from brax import envs

from jaxac.envs.base import Box
from jaxac.envs.suites.single import Single, limited
from jaxac.types import Array, PRNGKey, PyTree

_EPISODE = 1000
"""The default of ``brax.envs.create``."""


def names() -> list[str]:
    """The names of its environments but ``fast``, which is a test of the suite's own."""
    return sorted(envs._envs.keys() - {"fast"})


def make(name: str) -> Single:
    """The environment called ``name``, on its default backend."""
    return of_physics(envs.get_environment(name), _EPISODE)


def of_physics(env: Any, limit: int) -> Single:
    """An environment in brax's form; of several observations the one called ``state``, which is the policy's.

    Args:
        env: the environment, not wrapped.
        limit: the most steps of an episode.
    """

    def observe(state: Any) -> Array:
        return state.obs["state"] if isinstance(state.obs, dict) else state.obs

    def reset(key: PRNGKey, params: Any) -> tuple[PyTree, Array]:
        state = env.reset(key)
        return state, observe(state)

    def step(
        key: PRNGKey | None, state: PyTree, action: Array, params: Any
    ) -> tuple[PyTree, Array, Array, Array, Array]:
        state = env.step(state, action)
        return state, observe(state), state.reward, state.done > 0, jnp.bool_(False)

    return limited(Single(reset, step, Box((True,) * env.action_size), limit))
