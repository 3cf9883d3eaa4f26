"""What A2C and A3C share: the one place where experience becomes a gradient."""

import functools
from typing import NamedTuple

import jax

from jaxac import agent, envs, networks, normalization, rollout
from jaxac.agent import Losses
from jaxac.algos import placement
from jaxac.spec import Spec
from jaxac.types import ActorState, Episodes, Moments, Params, PRNGKey, PyTree


class Gradient(NamedTuple):
    """What a shard pushes."""

    weights: PyTree
    """The gradient of the loss, shaped like ``params.network``."""
    moments: Moments
    """Of the observations of this unroll alone."""


class Unrolled(NamedTuple):
    """What a shard tells of an unroll."""

    losses: Losses
    episodes: Episodes


def build(spec: Spec) -> tuple[envs.Env, agent.Agent]:
    """The environment and the agent of a training program."""
    env = envs.make(spec.env.name)
    return env, agent.make(spec, env, networks.make(spec.network, env.observation_size, env.num_actions))


def init(spec: Spec, key: PRNGKey, num_envs: int) -> ActorState:
    """The ``B`` environments of one shard."""
    return rollout.init(spec, build(spec)[0], key, num_envs)


def init_all(spec: Spec, key: PRNGKey, num_shards: int) -> ActorState:
    """The environments of so many shards of equal size, ``[K, ...]``, spread over the devices."""
    of_one = functools.partial(init, spec, num_envs=spec.env.num_envs // num_shards)
    return placement.sharded(jax.vmap(of_one)(jax.random.split(key, num_shards)), num_shards)


def gradient(spec: Spec, params: Params, actor: ActorState) -> tuple[Gradient, ActorState, Unrolled]:
    """Unroll with ``params``, then differentiate the loss at ``params``."""
    env, ac = build(spec)
    actor, transitions, episodes = rollout.unroll(spec, env, ac, params, actor)
    grads, losses = jax.grad(ac.loss, has_aux=True)(
        params.network, params.moments, spec, transitions, actor.observation
    )
    if spec.algo.time_reduction == "sum":
        grads = jax.tree.map(lambda x: x * spec.algo.unroll_length, grads)
    moments = normalization.of_batch(transitions.observation)
    return Gradient(grads, moments), actor, Unrolled(losses, episodes)
