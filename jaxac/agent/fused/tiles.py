"""Environment and agent as a kernel needs them: on padded observations ``[B, W]``, in operations that Triton knows."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from jaxac.agent import actor_critic, networks
from jaxac.agent.actor_critic import Agent
from jaxac.agent.networks import Network
from jaxac.config.parts import NetworkConfig
from jaxac.config.schema import SMALLEST_TILE
from jaxac.envs import Env
from jaxac.errors import ConfigError
from jaxac.spec import Spec
from jaxac.types import Array, Moments, Params, PRNGKey, PyTree, TimeStep

_NO_PROBABILITY = -1e9
"""A logit."""


class Tiled(NamedTuple):
    """Environment and agent of a kernel: they work on observations ``[B, W]``, ``W`` the padded width."""

    env: Env
    agent: Agent
    observe: Callable[[PyTree], Array]
    """``observe(env_state [B]) -> [B, W]``"""
    width: int
    weights: PyTree
    """Padded shapes."""


def make(spec: Spec, env: Env) -> Tiled:
    """Of the same environment and network, padded with units that are always 0."""
    width = _padded(env.observation_size)

    def observe(env_state: PyTree) -> Array:
        return pack(columns_of(env_state, env), width)

    def step(key: PRNGKey | None, env_state: PyTree, action: Array, params: PyTree) -> tuple[PyTree, TimeStep]:
        stepped, timestep = simplified(env.step)(key, env_state, action, params)
        return stepped, timestep._replace(observation=observe(stepped))

    assert isinstance(spec.network, NetworkConfig), "validation.resolve() refuses others"
    sizes = tuple(map(_padded, spec.network.hidden_sizes))
    config = dataclasses.replace(spec.network, hidden_sizes=sizes)
    network = networks.make(config, width, _padded(env.num_actions), dot=jax.lax.dot_general, value_dot=_narrow_dot)

    def apply(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        logits, value = network.apply(weights, observation)
        action = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
        return jnp.where(action < env.num_actions, logits, _NO_PROBABILITY), value

    weights = jax.eval_shape(network.init, jax.random.key(0))
    padded_agent = actor_critic.make(spec, env, Network(network.init, apply))
    return Tiled(env._replace(step=step), padded_agent, observe, width, weights)


def pad_params(params: Params, tiled: Tiled) -> Params:
    """With zeros; unseen features have variance 1."""

    def pad(x: Array, shape: tuple[int, ...], value: float = 0.0) -> Array:
        widths = [(0, larger - size) for larger, size in zip(shape, x.shape, strict=True)]
        return jnp.pad(x, widths, constant_values=value)

    seen, mean, variance = params.moments
    moments = Moments(seen, pad(mean, (tiled.width,)), pad(variance, (tiled.width,), 1.0))
    return Params(jax.tree.map(lambda x, like: pad(x, like.shape), params.network, tiled.weights), moments)


@functools.cache
def observed_fields(env: Env) -> tuple[int, ...]:
    """Which leaves of the environment's state its observation consists of.

    Found out by trying: a few environments take a few steps. Their steps must not draw random numbers.

    Raises:
        ConfigError: if there are none such.
    """
    with jax.ensure_compile_time_eval():
        params, key, action = env.params({}), jax.random.key(0), jnp.arange(8) % env.num_actions
        state, observation = env.reset(key, params, 8)
        seen = [(jax.tree.leaves(state), observation)]
        for _ in range(3):
            try:
                state, timestep = env.step(None, state, action, params)
            except (TypeError, ValueError, AttributeError):
                raise _cannot_be_fused("whose steps draw random numbers") from None
            seen.append((jax.tree.leaves(state), timestep.observation))
        if any(leaf.ndim != 1 for leaf in seen[0][0]):
            raise _cannot_be_fused("whose state has arrays")

        def matches(leaf: int, column: int) -> bool:
            return all(bool(jnp.all(leaves[leaf] == rows[:, column])) for leaves, rows in seen)

        found = [
            next((leaf for leaf in range(len(seen[0][0])) if matches(leaf, column)), None)
            for column in range(env.observation_size)
        ]
    if None in found:
        raise _cannot_be_fused("whose observation is not a part of its state")
    return tuple(leaf for leaf in found if leaf is not None)


def columns_of(env_state: PyTree, env: Env) -> list[Array]:
    """The observation as ``O`` arrays ``[B]``."""
    leaves = jax.tree.leaves(env_state)
    return [leaves[field] for field in observed_fields(env)]


def pack(columns: Sequence[Array], width: int) -> Array:
    """[B, W] of arrays ``[B]``; the rest is 0."""
    shape = (columns[0].shape[0], width)
    index = jax.lax.broadcasted_iota(jnp.int32, shape, 1)
    packed = jnp.zeros(shape)
    for column, x in enumerate(columns):
        packed = jnp.where(index == column, jnp.expand_dims(x, 1), packed)
    return packed


def unpack(packed: Array, number: int) -> list[Array]:
    """The first columns of ``[B, W]`` as arrays ``[B]``."""
    index = jax.lax.broadcasted_iota(jnp.int32, packed.shape, 1)
    return [jnp.sum(jnp.where(index == column, packed, 0.0), axis=1) for column in range(number)]


def _cannot_be_fused(why: str) -> ConfigError:
    return ConfigError(f"algo.kernel=fused does not work with an environment {why}; choose algo.kernel=xla.")


def simplified(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """The same without ``jnp.array``'s copies and arithmetic on constants, which Pallas cannot translate for Triton."""

    def run(*args: PyTree) -> PyTree:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        values = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
        values.update(zip(closed.jaxpr.invars, jax.tree.leaves(args), strict=True))

        def value(atom: Any) -> Any:
            return atom.val if isinstance(atom, Literal) else values[atom]

        for equation in closed.jaxpr.eqns:
            inputs: list[Any] = [value(atom) for atom in equation.invars]
            bind = functools.partial(equation.primitive.bind, **equation.primitive.get_bind_params(equation.params))
            if equation.primitive.name == "copy":
                results = inputs
            elif any(isinstance(x, jax.core.Tracer) for x in inputs) or equation.outvars[0].aval.shape:
                results = jax.tree.leaves(bind(*inputs))
            else:
                with jax.ensure_compile_time_eval():
                    results = [np.asarray(bind(*inputs))[()]]
            values.update(zip(equation.outvars, results, strict=True))
        return jax.tree.unflatten(jax.tree.structure(shape), [value(atom) for atom in closed.jaxpr.outvars])

    return run


def _narrow_dot(x: Array, kernel: Array, *_: object, **__: object) -> Array:
    """``x [..., H] @ kernel [H, 1]``, too narrow for a matrix unit."""
    return jnp.sum(x * kernel.reshape((1,) * (x.ndim - 1) + (-1,)), axis=-1, keepdims=True)


def _padded(size: int) -> int:
    """The least power of two that is no less, and wide enough for a matrix product."""
    return max(SMALLEST_TILE, 1 << (size - 1).bit_length())
