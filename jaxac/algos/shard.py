"""The shard of A2C and A3C alike: the one place where experience becomes a gradient."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent import actor_critic, loss_terms, networks, normalization, objective, rollout
from jaxac.agent.objective import Losses
from jaxac.algos import trees
from jaxac.devices import placement
from jaxac.spec import Spec
from jaxac.types import ActorState, Array, Episodes, Moments, Params, PRNGKey, PyTree, Transition

_BLOCK = 1024
"""Environment steps of an unroll whose activations stay in a CPU core's cache."""


class Gradient(NamedTuple):
    """Gradient and statistics of one unroll: all that a shard pushes to the server."""

    weights: PyTree
    """The gradient of the loss, shaped like ``params.network``."""
    moments: Moments
    """Moments of the observations, and of the discounted returns, of this unroll alone."""


class Kernels(NamedTuple):
    """The two functions that make up an update's work, in XLA or as fused GPU kernels."""

    unroll: Callable[[Params, ActorState], tuple[ActorState, Transition, Episodes]]
    """``unroll(params, actor)``: the actor ``T`` steps later, transitions ``[T, B]``, sums over ended episodes."""
    differentiate: Callable[[PyTree, Moments, Transition, Array, PyTree], tuple[PyTree, Losses]]
    """``differentiate(weights, moments, transitions [T, B], last_observation [B, O], memory [B, H])``: the loss's
    gradient with respect to the weights, and its terms; the memory is the one before the first step."""


class Unrolled(NamedTuple):
    """Losses and ended episodes of an unroll."""

    losses: Losses
    """The terms of the loss and what explains them."""
    episodes: Episodes
    """Sums over the episodes that ended."""


def num_blocks(spec: Spec) -> int:
    """``N``, the number of blocks that a shard splits its environments into: on a CPU such that one fits its cache.

    Elsewhere it is 1. A mean of means is the mean, so the number changes nothing but the order of sums, unless
    something other than a mean is taken over all steps of a shard, as a term of the user's own may do: then it is 1 on
    a CPU too.
    """
    algo, num_envs = spec.algo, spec.env.num_envs // spec.algo.num_shards
    whole = algo.normalize_advantage or algo.returns == "monte_carlo" or algo.kernel == "fused" or algo.loss_terms
    if whole or jax.default_backend() != "cpu":
        return 1
    block = max(16, _BLOCK // algo.unroll_length)
    fitting = [size for size in range(16, block + 1) if num_envs % size == 0]
    return num_envs // max(fitting, default=num_envs)


def init(spec: Spec, key: PRNGKey, num_envs: int) -> ActorState:
    """A block of ``B = num_envs`` environments in fresh episodes."""
    env, _ = actor_critic.build(spec)
    return rollout.init(spec, env, key, num_envs)


def init_all(spec: Spec, key: PRNGKey) -> ActorState:
    """The environments of all shards, block by block: ``[K · N, ...]``."""
    number = spec.algo.num_shards * num_blocks(spec)
    of_block = functools.partial(init, spec, num_envs=spec.env.num_envs // number)
    return jax.vmap(of_block)(jax.random.split(key, number))


def kernels(spec: Spec) -> Kernels:
    """The functions of an update that ``algo.kernel`` chooses; ``auto`` means ``xla``.

    Raises:
        ConfigError: if the fused kernels cannot work with these settings or on this device.
    """
    env, agent = actor_critic.build(spec)
    if spec.algo.kernel == "fused":
        from jaxac.agent import fused  # Pallas takes a tenth of a second to import

        fused.check(spec, env)
        return Kernels(functools.partial(fused.unroll, spec, env), functools.partial(fused.gradient, spec, env))

    loss_terms.check(spec.algo.loss_terms, env, agent.init, agent.unroll, networks.initial_memory(spec.network, (2,)))
    return Kernels(functools.partial(rollout.unroll, spec, env, agent), jax.grad(agent.loss, has_aux=True))


def own_coefficients(spec: Spec, blocks: int = 1) -> Array | None:
    """[K · blocks] the shards' own entropy coefficients, each ``blocks`` times; None if all shards have the same."""
    coefficients = spec.algo.entropy_coef
    return jnp.repeat(jnp.stack(coefficients), blocks) if isinstance(coefficients, tuple) else None


def of_shard(spec: Spec, number: int) -> Spec:
    """The training program of shard ``number``, which has that shard's own entropy coefficient."""
    coefficients = spec.algo.entropy_coef
    return _with(spec, coefficients[number]) if isinstance(coefficients, tuple) else spec


def _with(spec: Spec, entropy_coef: Array | float | None) -> Spec:
    if entropy_coef is None:
        return spec
    number: Any = entropy_coef  # numbers are traced here
    return dataclasses.replace(spec, algo=dataclasses.replace(spec.algo, entropy_coef=number))


def gradient(
    spec: Spec, params: Params, actors: ActorState, entropy_coef: Array | None = None
) -> tuple[Gradient, ActorState, Unrolled]:
    """One shard's gradient: the mean over its blocks, which a CPU computes one after the other.

    Args:
        spec: the training program.
        params: the parameters to act with and to differentiate at.
        actors: [N, ...] the shard's blocks.
        entropy_coef: [] the shard's own entropy coefficient; None for that of ``spec``.

    Returns:
        The gradient, the blocks ``[N, ...]`` after the unroll, and the shard's losses and episodes.
    """
    spec, number = _with(spec, entropy_coef), num_blocks(spec)
    of_blocks = placement.over(1, number).map(block_gradient, (None, 0, 0))
    pushed, actors, unrolled = of_blocks(spec, trees.copies(params, number), actors)
    pushed = Gradient(trees.mean(pushed.weights), normalization.of_shards(pushed.moments))
    return pushed, actors, pooled(unrolled)


def pooled(unrolled: Unrolled) -> Unrolled:
    """Losses and episodes of ``N`` blocks or shards of the same size, together."""
    number = unrolled.episodes.ended.shape[0]
    return Unrolled(
        objective.pooled(unrolled.losses, jnp.full(number, 1 / number)),
        trees.total(unrolled.episodes),
    )


def block_gradient(
    spec: Spec, params: Params, actor: ActorState, entropy_coef: Array | None = None
) -> tuple[Gradient, ActorState, Unrolled]:
    """One block's gradient: unrolls with ``params``, then differentiates the loss at ``params``."""
    spec = _with(spec, entropy_coef)
    unroll, differentiate = kernels(spec)
    memory = rollout.first_memory(spec, actor)
    actor, transitions, episodes = unroll(params, actor)
    grads, losses = differentiate(params.network, params.moments, transitions, actor.observation, memory)
    if spec.algo.time_reduction == "sum":
        grads = jax.tree.map(lambda x: x * spec.algo.unroll_length, grads)
    moments = normalization.of_batch(transitions.observation, transitions.discounted_return)
    return Gradient(grads, moments), actor, Unrolled(losses, episodes)
