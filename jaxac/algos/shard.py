"""What A2C and A3C share: the one place where experience becomes a gradient."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxac.agent import actor_critic, loss_terms, normalization, rollout
from jaxac.agent.objective import Losses
from jaxac.algos import trees
from jaxac.devices import placement
from jaxac.spec import Spec
from jaxac.types import ActorState, Array, Episodes, Moments, Params, PRNGKey, PyTree, Transition

_BLOCK = 1024
"""Environment steps of an unroll whose activations stay in a CPU core's cache."""


class Gradient(NamedTuple):
    """What a shard pushes."""

    weights: PyTree
    """The gradient of the loss, shaped like ``params.network``."""
    moments: Moments
    """Of the observations of this unroll alone."""


class Kernels(NamedTuple):
    """What computes the two halves of an update."""

    unroll: Callable[[Params, ActorState], tuple[ActorState, Transition, Episodes]]
    """``T`` steps: transitions ``[T, B]``, sums over the episodes that ended."""
    differentiate: Callable[[Params, Transition, Array], tuple[PyTree, Losses]]
    """``differentiate(params, transitions, last_observation [B, O])``: the loss' gradient, and its terms."""


class Unrolled(NamedTuple):
    """What a shard tells of an unroll."""

    losses: Losses
    episodes: Episodes


def num_blocks(spec: Spec) -> int:
    """``N``, the blocks of environments that a shard works through: on a CPU as large as its cache, elsewhere one.

    A mean of means is the mean, so how many there are changes nothing but the order of sums, unless something else is
    taken over all steps of a shard, as a term of the user's own may do.
    """
    algo, num_envs = spec.algo, spec.env.num_envs // spec.algo.num_shards
    whole = algo.normalize_advantage or algo.returns == "monte_carlo" or algo.kernel == "fused" or algo.loss_terms
    if whole or jax.default_backend() != "cpu":
        return 1
    block = max(16, _BLOCK // algo.unroll_length)
    fitting = [size for size in range(16, block + 1) if num_envs % size == 0]
    return num_envs // max(fitting, default=num_envs)


def init(spec: Spec, key: PRNGKey, num_envs: int) -> ActorState:
    """A block of ``B`` environments."""
    env, _ = actor_critic.build(spec)
    return rollout.init(spec, env, key, num_envs)


def init_all(spec: Spec, key: PRNGKey) -> ActorState:
    """The environments of all shards, block by block: ``[K · N, ...]``."""
    number = spec.algo.num_shards * num_blocks(spec)
    of_block = functools.partial(init, spec, num_envs=spec.env.num_envs // number)
    return jax.vmap(of_block)(jax.random.split(key, number))


def kernels(spec: Spec) -> Kernels:
    """The two halves of an update, as ``algo.kernel`` says; ``auto`` is XLA's until the others have met a GPU.

    Raises:
        ConfigError: if they cannot work.
    """
    env, agent = actor_critic.build(spec)
    if spec.algo.kernel == "fused":
        from jaxac.agent import fused  # Pallas takes a tenth of a second to import

        fused.check(spec, env)
        return Kernels(functools.partial(fused.unroll, spec, env), functools.partial(fused.gradient, spec, env))

    loss_terms.check(spec.algo.loss_terms, env, agent.init, agent.apply)

    def differentiate(params: Params, transitions: Transition, last_observation: Array) -> tuple[PyTree, Losses]:
        loss = jax.grad(agent.loss, has_aux=True)
        return loss(params.network, params.moments, transitions, last_observation)

    return Kernels(functools.partial(rollout.unroll, spec, env, agent), differentiate)


def gradient(spec: Spec, params: Params, actors: ActorState) -> tuple[Gradient, ActorState, Unrolled]:
    """What one shard makes of its blocks ``[N, ...]``, one after the other on a CPU."""
    number = num_blocks(spec)
    of_blocks = placement.map_blocks(block_gradient, number, (None, 0, 0))
    pushed, actors, unrolled = of_blocks(spec, trees.copies(params, number), actors)
    pushed = Gradient(trees.mean(pushed.weights), normalization.of_shards(pushed.moments))
    return pushed, actors, Unrolled(trees.mean(unrolled.losses), trees.total(unrolled.episodes))


def block_gradient(spec: Spec, params: Params, actor: ActorState) -> tuple[Gradient, ActorState, Unrolled]:
    """Unroll with ``params``, then differentiate the loss at ``params``."""
    unroll, differentiate = kernels(spec)
    actor, transitions, episodes = unroll(params, actor)
    grads, losses = differentiate(params, transitions, actor.observation)
    if spec.algo.time_reduction == "sum":
        grads = jax.tree.map(lambda x: x * spec.algo.unroll_length, grads)
    moments = normalization.of_batch(transitions.observation)
    return Gradient(grads, moments), actor, Unrolled(losses, episodes)
