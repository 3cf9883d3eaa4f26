"""Craftax and Craftax-Classic (Matthews et al. 2024, "Craftax: A Lightning-Fast Benchmark").

The suite tells one end, dead or won or out of time; here its clock never ends and jaxac's truncates.
"""

from typing import Any

import jax.numpy as jnp
from craftax.craftax_env import make_craftax_env_from_name

from jaxac.envs.base import Discrete
from jaxac.envs.suites.single import NEVER, Single, limited
from jaxac.types import Array, PRNGKey, PyTree


def names() -> list[str]:
    """The names of its environments, which the suite itself does not list."""
    return [f"{game}-{seen}-v1" for game in ("Craftax-Classic", "Craftax") for seen in ("Symbolic", "Pixels")]


def make(name: str) -> Single:
    """The environment called ``name``."""
    env = make_craftax_env_from_name(name, auto_reset=False)
    endless = env.default_params.replace(max_timesteps=NEVER)

    def reset(key: PRNGKey, params: Any) -> tuple[PyTree, Array]:
        observation, state = env.reset_env(key, endless)
        return state, observation

    def step(
        key: PRNGKey | None, state: PyTree, action: Array, params: Any
    ) -> tuple[PyTree, Array, Array, Array, Array]:
        observation, state, reward, done, _ = env.step_env(key, state, action, endless)
        return state, observation, reward, done, jnp.bool_(False)

    return limited(Single(reset, step, Discrete(env.num_actions), env.default_params.max_timesteps))
