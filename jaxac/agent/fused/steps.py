"""What the first kernel hands to the second: transitions in arrays that Triton can store."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent.fused.columns import pack, unpack
from jaxac.envs import Env
from jaxac.types import Array, PyTree, Transition


class Steps(NamedTuple):
    """What the two kernels hand on: a :class:`jaxac.types.Transition` as Triton can store it."""

    observation: Array
    """[O, T, B]"""
    final_observation: Array
    """[O, T, B]"""
    action: Array
    """[T, B], as all that follows."""
    reward: Array
    discount: Array
    done: Array
    """int32"""


def shapes(env: Env, length: int, num_envs: int) -> PyTree:
    """Of an unroll's :class:`Steps`."""
    planes = jax.ShapeDtypeStruct((env.observation_size, length, num_envs), jnp.float32)
    numbers, indices = (jax.ShapeDtypeStruct((length, num_envs), dtype) for dtype in (jnp.float32, jnp.int32))
    return planes, planes, indices, numbers, numbers, indices


def of_transition(transitions: Transition) -> Steps:
    """From ``[T, B, ...]``."""
    return Steps(
        planes(transitions.observation),
        planes(transitions.final_observation),
        transitions.action,
        transitions.reward,
        transitions.discount,
        transitions.done.astype(jnp.int32),
    )


def to_transition(steps: Steps) -> Transition:
    """To ``[T, B, ...]``."""
    return Transition(
        jnp.moveaxis(steps.observation, 0, -1),
        steps.action,
        steps.reward,
        steps.discount,
        steps.done.astype(bool),
        jnp.moveaxis(steps.final_observation, 0, -1),
        jnp.ones_like(steps.reward),
    )


def write(refs: Steps, t: Array, transition: Transition) -> None:
    """Step ``t``, from observations ``[B, W]``."""
    observations = transition.observation, transition.final_observation
    for ref, packed in zip(refs[:2], observations, strict=True):
        for plane, column in enumerate(unpack(packed, ref.shape[0])):
            ref[plane, t] = column
    refs.action[t] = transition.action
    refs.reward[t] = transition.reward
    refs.discount[t] = transition.discount
    refs.done[t] = transition.done.astype(jnp.int32)


def read(refs: Steps, t: Array, width: int) -> Transition:
    """Step ``t``, its observations ``[B, W]``."""
    observation, final = (pack([ref[plane, t] for plane in range(ref.shape[0])], width) for ref in refs[:2])
    reward = refs.reward[t]
    return Transition(
        observation=observation,
        action=refs.action[t],
        reward=reward,
        discount=refs.discount[t],
        done=refs.done[t] != 0,
        final_observation=final,
        weight=jnp.ones_like(reward),
    )


def planes(observation: Array) -> Array:
    """[..., O] to [O, ...]"""
    return jnp.moveaxis(observation, -1, 0)
