"""Environment and agent for a kernel: on padded observations ``[B, W]``, in operations that Triton knows."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent import actor_critic, networks
from jaxac.agent.actor_critic import Agent
from jaxac.agent.fused import columns
from jaxac.agent.fused.simplify import simplified
from jaxac.agent.networks import Network
from jaxac.config.parts import NetworkConfig
from jaxac.config.schema import SMALLEST_TILE
from jaxac.envs import Env
from jaxac.spec import Spec
from jaxac.types import Array, Moments, Params, PRNGKey, PyTree, TimeStep

_NO_PROBABILITY = -1e9
"""Logit of a padded action."""


class Tiled(NamedTuple):
    """Environment and agent of a kernel: they work on observations ``[B, W]``, ``W`` the padded width."""

    env: Env
    """The environment, with padded observations."""
    agent: Agent
    """The agent, with padded layers."""
    observe: Callable[[PyTree], Array]
    """``observe(env_state [B, ...]) -> observation [B, W]``."""
    width: int
    """``W``, the padded number of features."""
    weights: PyTree
    """Shapes of the padded weights."""


def make(spec: Spec, env: Env) -> Tiled:
    """The same environment and network, padded with units that are always 0."""
    width = _padded(env.observation_size)

    def observe(env_state: PyTree) -> Array:
        return columns.pack(columns.columns_of(env_state, env), width)

    def step(key: PRNGKey | None, env_state: PyTree, action: Array, params: PyTree) -> tuple[PyTree, TimeStep]:
        stepped, timestep = simplified(env.step)(key, env_state, action, params)
        return stepped, timestep._replace(observation=observe(stepped))

    assert isinstance(spec.network, NetworkConfig), "validation.resolve() refuses others"
    sizes = tuple(map(_padded, spec.network.hidden_sizes))
    config = dataclasses.replace(spec.network, hidden_sizes=sizes)
    number = columns.number_of_actions(env)
    network = networks.make(config, (width,), _padded(number), dot=jax.lax.dot_general, value_dot=_narrow_dot)

    def apply(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        logits, value = network.apply(weights, observation)
        action = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
        return jnp.where(action < number, logits, _NO_PROBABILITY), value

    weights = jax.eval_shape(network.init, jax.random.key(0))
    padded_agent = actor_critic.make(spec, env, Network(network.init, apply))
    return Tiled(env._replace(step=step), padded_agent, observe, width, weights)


def pad_params(params: Params, tiled: Tiled) -> Params:
    """Parameters padded with zeros; the variance of padded features is 1."""

    def pad(x: Array, shape: tuple[int, ...], value: float = 0.0) -> Array:
        widths = [(0, larger - size) for larger, size in zip(shape, x.shape, strict=True)]
        return jnp.pad(x, widths, constant_values=value)

    seen, mean, variance, _ = params.moments
    moments = Moments(seen, pad(mean, (tiled.width,)), pad(variance, (tiled.width,), 1.0))
    return Params(jax.tree.map(lambda x, like: pad(x, like.shape), params.network, tiled.weights), moments)


def _narrow_dot(x: Array, kernel: Array, *_: object, **__: object) -> Array:
    """``x [..., H] @ kernel [H, 1]`` without a matrix unit, for which it is too narrow."""
    return jnp.sum(x * kernel.reshape((1,) * (x.ndim - 1) + (-1,)), axis=-1, keepdims=True)


def _padded(size: int) -> int:
    """The smallest power of two that is at least ``size`` and wide enough for a matrix product."""
    return max(SMALLEST_TILE, 1 << (size - 1).bit_length())
