"""Jumanji (Bonnet et al. 2024): games, packing and routing.

A last step of discount 0 terminates, others truncate. Most of its environments call their time limit a termination, so
here their clock never ends and jaxac's truncates.
"""

from typing import Any

import jax
import jax.numpy as jnp
import jumanji
from jumanji.specs import DiscreteArray

from jaxac.config.words import show
from jaxac.envs.base import Discrete
from jaxac.envs.suites.single import NEVER, Single, ends, limited
from jaxac.errors import ConfigError
from jaxac.types import Array, PRNGKey, PyTree


def names() -> list[str]:
    """The names of its environments."""
    return sorted(jumanji.registered_environments())


def make(name: str) -> Single:
    """The environment called ``name``.

    Raises:
        ConfigError: if an action is several choices.
    """
    env: Any = jumanji.make(name)
    if not isinstance(env.action_spec, DiscreteArray):
        raise ConfigError(
            f"env.name={show('jumanji::' + name)} takes several choices or numbers at once, and a policy makes one "
            "choice a step; choose an environment of single choices."
        )
    limit = getattr(env, "time_limit", None)
    env.time_limit = NEVER

    def reset(key: PRNGKey, params: Any) -> tuple[PyTree, Array]:
        state, timestep = env.reset(key)
        return state, observe(timestep.observation)

    def step(
        key: PRNGKey | None, state: PyTree, action: Array, params: Any
    ) -> tuple[PyTree, Array, Array, Array, Array]:
        state, timestep = env.step(state, action)
        return state, observe(timestep.observation), timestep.reward, *ends(timestep)

    single = Single(reset, step, Discrete(int(env.action_spec.num_values)), limit)
    return single if limit is None else limited(single)


def observe(observation: PyTree) -> Array:
    """[O] float32, all that is observed, the mask of possible actions too, one field after another."""
    return jnp.concatenate([jnp.ravel(leaf).astype(jnp.float32) for leaf in jax.tree.leaves(observation)])
