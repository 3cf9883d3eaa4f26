"""Transitions between the two kernels, in arrays that Triton can store."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent.fused.columns import pack, unpack
from jaxac.envs import Env
from jaxac.types import Array, PyTree, Transition


class Steps(NamedTuple):
    """A :class:`jaxac.types.Transition` as Triton can store it."""

    observation: Array
    """[O, T, B] float32, the observation that the policy acted on."""
    final_observation: Array
    """[O, T, B] float32, the observation that followed, before any reset."""
    action: Array
    """[T, B] int32, the action taken."""
    reward: Array
    """[T, B] float32, the reward, clipped and scaled."""
    discount: Array
    """[T, B] float32: 0 where the episode terminated, else 1."""
    done: Array
    """[T, B] int32: 1 where the episode ended, else 0."""


def shapes(env: Env, length: int, num_envs: int) -> PyTree:
    """The shapes of an unroll's :class:`Steps`, in the order of its fields."""
    planes = jax.ShapeDtypeStruct((env.observation_size, length, num_envs), jnp.float32)
    numbers, indices = (jax.ShapeDtypeStruct((length, num_envs), dtype) for dtype in (jnp.float32, jnp.int32))
    return planes, planes, indices, numbers, numbers, indices


def of_transition(transitions: Transition) -> Steps:
    """Steps from transitions ``[T, B]``."""
    return Steps(
        planes(transitions.observation),
        planes(transitions.final_observation),
        transitions.action,
        transitions.reward,
        transitions.discount,
        transitions.done.astype(jnp.int32),
    )


def to_transition(steps: Steps) -> Transition:
    """Transitions ``[T, B]`` from steps."""
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
    """Writes step ``t []`` from a transition ``[B]`` with padded observations ``[B, W]``."""
    observations = transition.observation, transition.final_observation
    for ref, packed in zip(refs[:2], observations, strict=True):
        for plane, column in enumerate(unpack(packed, ref.shape[0])):
            ref[plane, t] = column
    refs.action[t] = transition.action
    refs.reward[t] = transition.reward
    refs.discount[t] = transition.discount
    refs.done[t] = transition.done.astype(jnp.int32)


def read(refs: Steps, t: Array, width: int) -> Transition:
    """Reads step ``t []`` as a transition ``[B]`` with padded observations ``[B, W]``."""
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
    """[O, ...] planes of ``observation [..., O]``."""
    return jnp.moveaxis(observation, -1, 0)
