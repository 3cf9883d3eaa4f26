"""A2C: one server whose parameters every shard reads; their gradients are averaged into one optimizer step."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxac import normalization, optimizers
from jaxac.algos import shard
from jaxac.spec import Spec
from jaxac.types import ActorState, Episodes, Metrics, Params, PRNGKey, Server


class State(NamedTuple):
    server: Server
    actors: ActorState
    """[K, ...]"""


def init(spec: Spec, key: PRNGKey) -> State:
    params_key, actors_key = jax.random.split(key)
    params = shard.build(spec)[1].init(params_key)
    opt_state = optimizers.make(spec).init(params.network)
    actor_keys = jax.random.split(actors_key, spec.algo.num_shards)
    actors = jax.vmap(functools.partial(shard.init, spec))(actor_keys)
    return State(Server(params, opt_state, jnp.zeros((), jnp.int32)), actors)


def update(spec: Spec, state: State) -> tuple[State, tuple[Metrics, Episodes]]:
    server = state.server
    grads, actors, report = jax.vmap(functools.partial(shard.gradient, spec), (None, 0))(server.params, state.actors)
    mean = functools.partial(jax.tree.map, functools.partial(jnp.mean, axis=0))
    weights = mean(grads.weights)
    updates, opt_state = optimizers.make(spec).update(weights, server.opt_state, server.params.network)
    params = Params(
        optax.apply_updates(server.params.network, updates),
        normalization.merge(server.params.moments, normalization.of_shards(grads.moments)),
    )
    losses = mean(report.losses)
    metrics = Metrics(
        *losses[:4],
        optax.tree.norm(weights),
        losses.advantage_std,
        losses.value_mean,
        optimizers.learning_rate(spec, server.version),
    )
    episodes = jax.tree.map(functools.partial(jnp.sum, axis=0), report.episodes)
    return State(Server(params, opt_state, server.version + 1), actors), (metrics, episodes)


def params(state: State) -> Params:
    return state.server.params
