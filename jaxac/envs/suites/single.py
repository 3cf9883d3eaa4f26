"""One environment as a suite's module describes it, and the batch that is made of it."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac.envs.base import Box, Discrete, Env, flat, strong, time_limit, with_params
from jaxac.envs.own_environment import keys
from jaxac.types import Array, PRNGKey, PyTree, TimeStep

NEVER = 2**31 - 1
"""Steps after which a suite's own time limit cuts, where jaxac keeps the time."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Limited:
    """Parameters of an environment with a time limit."""

    max_steps_in_episode: int


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Unlimited:
    """Parameters of an environment whose episodes end by themselves: none."""


class Single(NamedTuple):
    """One environment that never resets by itself; ``params`` is :class:`Limited` or :class:`Unlimited`."""

    reset: Callable[[PRNGKey, Any], tuple[PyTree, Array]]
    """``reset(key, params) -> (state, observation [*shape])``."""
    step: Callable[[PRNGKey | None, PyTree, Array, Any], tuple[PyTree, Array, Array, Array, Array]]
    """``step(key, state, action, params) -> (state, observation, reward, terminated, truncated)``."""
    actions: Discrete | Box
    """The kind of its actions; numbers are in ±1."""
    limit: int | None
    """The most steps of an episode, unless ``env.params.max_steps_in_episode`` says otherwise; None for no limit."""


def ends(timestep: Any) -> tuple[Array, Array]:
    """[] bool each, ``terminated`` and ``truncated`` of a step in dm_env's form: the last one's discount tells."""
    last, goes_on = timestep.last(), timestep.discount > 0
    return last & ~goes_on, last & goes_on


def limited(single: Single) -> Single:
    """An environment whose episodes are truncated after ``max_steps_in_episode`` steps, by a clock in its state."""

    def reset(key: PRNGKey, params: Any) -> tuple[PyTree, Array]:
        state, observation = single.reset(key, params)
        return (state, jnp.int32(0)), observation

    def step(
        key: PRNGKey | None, state: PyTree, action: Array, params: Any
    ) -> tuple[PyTree, Array, Array, Array, Array]:
        state, time = state[0], state[1] + 1
        state, observation, reward, terminated, truncated = single.step(key, state, action, params)
        return (state, time), observation, reward, terminated, truncated | (time >= params.max_steps_in_episode)

    return single._replace(reset=reset, step=step)


def batched(name: str, single: Single) -> Env:
    """The batch of an environment, called ``name``.

    Episodes start by need, which is what makes Craftax fit into memory, and faster even where starts are cheap: 2.6
    times in Snake, 2.9 times in DoorKey-8x8 (512 environments, two cores).
    """
    defaults = Unlimited() if single.limit is None else Limited(int(single.limit))
    observation = _observation(single, defaults)
    return Env(
        begin=functools.partial(_begin, single),
        step=functools.partial(_step, single),
        time_limit=time_limit,
        params=functools.partial(with_params, name, defaults),
        observation_size=math.prod(observation.shape),
        observation_shape=tuple(observation.shape),
        actions=single.actions,
        own_action=lambda action, params: action,
        starts_ahead=False,
    )


def _observation(single: Single, params: PyTree) -> Any:
    """The shape of an observation; what does not work in a first step raises its error here."""
    key, actions = jax.random.key(0), single.actions
    action = jnp.int32(0) if isinstance(actions, Discrete) else jnp.zeros(len(actions.bounded))
    state, observation = jax.eval_shape(single.reset, key, params)
    jax.eval_shape(single.step, key, state, action, params)
    return observation


def _begin(single: Single, key: PRNGKey, params: PyTree) -> tuple[PyTree, Array]:
    state, observation = jax.vmap(single.reset, (0, None))(keys(key), params)
    return strong(state), flat(observation)


def _step(single: Single, key: PRNGKey | None, state: PyTree, action: Array, params: PyTree) -> tuple[PyTree, TimeStep]:
    each, axis = (None, None) if key is None else (keys(jax.random.split(key, action.shape[0])), 0)
    stepped, observation, reward, terminated, truncated = jax.vmap(single.step, (axis, 0, 0, None))(
        each, state, action, params
    )
    terminated = terminated.astype(bool)
    truncated = truncated.astype(bool) & ~terminated
    return strong(stepped), TimeStep(flat(observation), reward.astype(jnp.float32), terminated, truncated)
