"""MiniGrid's rooms, of XLand-MiniGrid (Nikulin et al. 2024).

The suite tells both ends apart itself. Its limit is also in the reward, 1 − 0.9 · steps / limit where the goal is met.
"""

from typing import Any

import jax
import jax.numpy as jnp
import xminigrid
from xminigrid.core.constants import NUM_COLORS, NUM_TILES

from jaxac.envs.base import Discrete
from jaxac.envs.suites.single import Single, ends
from jaxac.types import Array, PRNGKey, PyTree


def names() -> list[str]:
    """The names of its environments that have a goal; worlds with rules have none before a set of rules is given."""
    free = ("XLand", "MiniGrid-Playground")
    return [name for name in xminigrid.registered_environments() if not name.startswith(free)]


def make(name: str) -> Single:
    """The environment called ``name``."""
    env, defaults = xminigrid.make(name)

    def reset(key: PRNGKey, params: Any) -> tuple[PyTree, Array]:
        timestep = env.reset(defaults.replace(max_steps=params.max_steps_in_episode), key)
        return timestep, observe(timestep.observation)

    def step(
        key: PRNGKey | None, state: PyTree, action: Array, params: Any
    ) -> tuple[PyTree, Array, Array, Array, Array]:
        timestep = env.step(defaults.replace(max_steps=params.max_steps_in_episode), state, action)
        return timestep, observe(timestep.observation), timestep.reward, *ends(timestep)

    return Single(reset, step, Discrete(int(env.num_actions(defaults))), defaults.max_steps)


def observe(observation: Any) -> Array:
    """[height, width, 25] uint8, the tiles and the colors in view ``[height, width, 2]``, as one-hot vectors."""
    sizes = enumerate((NUM_TILES, NUM_COLORS))
    return jnp.concatenate([jax.nn.one_hot(observation[..., i], size, dtype=jnp.uint8) for i, size in sizes], axis=-1)
